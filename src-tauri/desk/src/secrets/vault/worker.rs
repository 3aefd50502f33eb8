//! The thread that talks to the keyring.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::locked;
use crate::secrets::SecretsError;
use crate::view::KeyringTrouble;

/// Calls that may wait for the one that runs.
const WAITING: usize = 16;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
pub(super) struct Worker {
    /// Where the thread takes its jobs from; `None`: it was not needed yet.
    jobs: Mutex<Option<mpsc::SyncSender<Job>>>,
    calls: AtomicU64,
    turn: Arc<Mutex<Turn>>,
}

/// Calls are numbered from 1.
#[derive(Default)]
struct Turn {
    /// The one whose turn it is; 0: none.
    runs: u64,
    /// The last whose deadline passed in its turn.
    left: u64,
}

impl Turn {
    fn is_left(&self) -> bool {
        self.runs != 0 && self.runs == self.left
    }
}

fn nobody_answers() -> SecretsError {
    SecretsError::Keyring { trouble: KeyringTrouble::Locked, source: None }
}

impl Worker {
    /// Does the work on the thread. `learned` is told its result, in time or not; `nobody_came` is called before, when the deadline passes while it runs.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> Result<T, SecretsError> + Send + 'static,
        learned: impl FnOnce(&Result<T, SecretsError>) + Send + 'static,
        nobody_came: impl FnOnce(),
    ) -> Result<T, SecretsError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        {
            let mut turn = locked(&self.turn);
            if turn.is_left() {
                return Err(nobody_answers());
            }
            // It is its turn from now on, also where the system starts the thread late.
            if turn.runs == 0 {
                turn.runs = number;
            }
        }
        let (tell, told) = oneshot::channel();
        let turn = Arc::clone(&self.turn);
        let job = move || {
            {
                let mut turn = locked(&turn);
                // Its deadline passed while it waited for another.
                if tell.is_closed() && turn.runs != number {
                    return;
                }
                turn.runs = number;
            }
            let result = catch_unwind(AssertUnwindSafe(work));
            {
                let mut turn = locked(&turn);
                turn.runs = 0;
                if let Ok(result) = &result {
                    learned(result);
                }
            }
            // Where the deadline has passed nobody listens any more. A panic drops the sender.
            let _ = result.map(|result| tell.send(result));
        };
        if let Err(error) = self.send(Box::new(job)) {
            let mut turn = locked(&self.turn);
            if turn.runs == number {
                turn.runs = 0;
            }
            return Err(error);
        }
        match tokio::time::timeout(limit, told).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(SecretsError::NotDone(std::io::Error::other("a bug ended it"))),
            Err(_) => {
                let mut turn = locked(&self.turn);
                if turn.runs == number {
                    turn.left = number;
                    nobody_came();
                }
                Err(nobody_answers())
            }
        }
    }

    fn send(&self, job: Job) -> Result<(), SecretsError> {
        let mut jobs = locked(&self.jobs);
        let sender = match &*jobs {
            Some(sender) => sender.clone(),
            None => {
                let (sender, waiting) = mpsc::sync_channel::<Job>(WAITING);
                let work = move || waiting.into_iter().for_each(|job| job());
                let thread = std::thread::Builder::new().name("smartpi-secrets".to_owned());
                thread.spawn(work).map_err(SecretsError::NotDone)?;
                jobs.insert(sender).clone()
            }
        };
        sender.try_send(job).map_err(|_| nobody_answers())
    }
}
