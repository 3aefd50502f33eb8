//! What a device has while it runs, connected or not: its identity and queue, the orders of whoever holds it, and who watches.

use std::collections::HashSet;
use std::time::Duration;

use channel::wire::TEXT;
use tokio::sync::{mpsc, oneshot};
use ulid::Generator;

use crate::event::{End, Event};
use crate::identity::{Keep, Outgoing, SaveError};

/// The waits of a device. `Default` is the protocol's; tests shorten them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// For each step of opening a session.
    pub open: Duration,
    /// First ceiling of the wait before a new try.
    pub retry: Duration,
    /// Last ceiling.
    pub retry_most: Duration,
    /// A session that lived this long makes the next failure the first again.
    pub settled: Duration,
    /// Least time between two `got`: replies that come in a burst are reported together, below the service's rate.
    pub got: Duration,
    /// Messages on their way without an `ack`. 1 keeps the person's order whatever the service refuses; more is for load.
    pub window: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(10),
            retry: Duration::from_millis(500),
            retry_most: Duration::from_secs(30),
            settled: Duration::from_secs(60),
            got: Duration::from_millis(100),
            window: 1,
        }
    }
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Empty, or more than 32,768 bytes.
    #[error("a message has 1 to {TEXT} bytes, this one has {0}")]
    Length(usize),
    /// It could not be put on disk.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The session is over.
    #[error("the session is over")]
    Ended,
}

pub(crate) enum Command {
    Send { text: String, taken: oneshot::Sender<Result<String, SendError>> },
    Stop,
}

/// Whoever watches.
pub(crate) type Observe = Box<dyn FnMut(Event) + Send>;

/// The state of one device's task: what it keeps, what it was told to do, and who watches.
pub(crate) struct Device {
    pub(crate) keep: Keep,
    /// Whether something changed that may be lost: an `ack`, a name.
    pub(crate) dirty: bool,
    /// Messages that never went out.
    pub(crate) fresh: HashSet<String>,
    pub(crate) ids: Generator,
    pub(crate) timing: Timing,
    pub(crate) orders: mpsc::UnboundedReceiver<Command>,
    pub(crate) observe: Observe,
    /// The service refused this device's proof once.
    pub(crate) unproved: bool,
}

impl Device {
    pub(crate) fn tell(&mut self, event: Event) {
        (self.observe)(event);
    }

    pub(crate) async fn save(&mut self) -> Result<(), End> {
        self.dirty = false;
        self.keep.save().await.map_err(|error| End::NotSaved(format!("{error}: {}", error.source)))
    }

    pub(crate) async fn obey(&mut self, order: Option<Command>) -> Result<(), End> {
        match order {
            Some(Command::Send { text, taken }) => {
                let answer = self.take(text).await;
                if let Ok(id) = &answer {
                    self.tell(Event::Queued { id: id.clone() });
                }
                let _ = taken.send(answer);
                Ok(())
            }
            Some(Command::Stop) | None => Err(End::Stopped),
        }
    }

    async fn take(&mut self, text: String) -> Result<String, SendError> {
        if text.is_empty() || text.len() > TEXT {
            return Err(SendError::Length(text.len()));
        }
        let id = self.fresh_id();
        self.keep.identity.outbox.push_back(Outgoing { id: id.clone(), text });
        if let Err(error) = self.keep.save().await {
            self.keep.identity.outbox.pop_back();
            return Err(error.into());
        }
        self.dirty = false;
        self.fresh.insert(id.clone());
        Ok(id)
    }

    pub(crate) fn fresh_id(&mut self) -> String {
        self.ids.generate().unwrap_or_else(|overflow| overflow.commit_overflow_random()).to_string()
    }
}

/// An error and its cause, for a log.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
