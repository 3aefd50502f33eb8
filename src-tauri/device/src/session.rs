//! A device that stays connected: queue, resend, show once, reconnect.

use std::collections::HashSet;
use std::time::Duration;

use channel::proof::Impostor;
use channel::wire::{Close, Code, TEXT};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use ulid::Generator;

use crate::backoff::{Backoff, random};
use crate::connection::{ConnectError, Connection, Greeted};
use crate::event::{Event, Goodbye};
use crate::identity::{Keep, Outgoing, SaveError};
use crate::link::{self, Ending};
use crate::socket::SocketError;

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

/// Why a session is over for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// [`Session::stop`] was called, or the session was dropped.
    Stopped,
    /// The device was removed at the computer, or is not known there: the person binds it again.
    Removed,
    /// The same device connected elsewhere.
    Replaced,
    /// The service speaks another version: one of the two needs an update.
    Version,
    /// The service refused this device's proof twice.
    NotAuthenticated,
    /// The identity has no binding.
    NotBound,
    /// The identity could not be saved; going on could show a reply twice.
    NotSaved(String),
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

/// The handle of one device's task. Dropping it stops the device as [`Session::stop`] does.
#[derive(Debug)]
pub struct Session {
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<(End, Keep)>,
}

impl Session {
    /// Connects, and stays connected until the end. `observe` is called for each event, from the session's task: it must not block.
    pub fn start(keep: Keep, timing: Timing, observe: impl FnMut(Event) + Send + 'static) -> Self {
        Self::spawn(None, keep, timing, Box::new(observe))
    }

    /// Goes on with the socket on which the device was just bound.
    pub fn go_on(greeted: Greeted, keep: Keep, timing: Timing, observe: impl FnMut(Event) + Send + 'static) -> Self {
        Self::spawn(Some(greeted), keep, timing, Box::new(observe))
    }

    fn spawn(greeted: Option<Greeted>, keep: Keep, timing: Timing, observe: Observe) -> Self {
        let (commands, orders) = mpsc::unbounded_channel();
        let device = Device {
            keep,
            dirty: false,
            fresh: HashSet::new(),
            ids: Generator::new(),
            timing,
            orders,
            observe,
            unproved: false,
        };
        Self { commands, task: tokio::spawn(device.run(greeted)) }
    }

    /// Takes a message: when this returns, it is kept until it is acknowledged. Returns its id.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(&self, text: impl Into<String>) -> Result<String, SendError> {
        let (taken, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Send { text: text.into(), taken });
        answer.await.unwrap_or(Err(SendError::Ended))
    }

    /// Asks the device to say goodbye. [`Session::join`] waits for it.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    /// Cuts the device off in the middle of whatever it does, as a power cut would: only what is on disk remains.
    pub fn cut(&self) {
        self.task.abort();
    }

    /// Waits for the end, and gives the identity back. `None` after [`Session::cut`].
    pub async fn join(self) -> Option<(End, Keep)> {
        let Self { commands, task } = self;
        let ended = task.await.ok();
        drop(commands);
        ended
    }
}

type Observe = Box<dyn FnMut(Event) + Send>;

/// The state of one device's task.
pub(crate) struct Device {
    pub(crate) keep: Keep,
    /// Whether something changed that may be lost: an `ack`, a name.
    pub(crate) dirty: bool,
    /// Messages that never went out.
    pub(crate) fresh: HashSet<String>,
    pub(crate) ids: Generator,
    pub(crate) timing: Timing,
    pub(crate) orders: mpsc::UnboundedReceiver<Command>,
    observe: Observe,
    unproved: bool,
}

enum Next {
    TryAgain(Goodbye),
    End(End),
}

impl Device {
    pub(crate) fn tell(&mut self, event: Event) {
        (self.observe)(event);
    }

    pub(crate) async fn save(&mut self) -> Result<(), End> {
        self.dirty = false;
        self.keep.save().await.map_err(|error| End::NotSaved(format!("{error}: {}", error.source)))
    }

    async fn run(mut self, first: Option<Greeted>) -> (End, Keep) {
        let mut end = self.stay_connected(first).await;
        if self.dirty
            && let Err(not_saved) = self.save().await
        {
            end = not_saved;
        }
        self.tell(Event::Ended(end.clone()));
        (end, self.keep)
    }

    async fn stay_connected(&mut self, mut first: Option<Greeted>) -> End {
        let mut backoff = Backoff::new(self.timing.retry, self.timing.retry_most);
        loop {
            let next = match self.open(first.take()).await {
                Ok(connection) => {
                    self.unproved = false;
                    let opened = Instant::now();
                    let ending = link::live(self, connection).await;
                    if opened.elapsed() >= self.timing.settled {
                        backoff.reset();
                    }
                    match ending {
                        Ending::Ours(end) => Next::End(end),
                        Ending::Theirs(goodbye) => self.after(goodbye),
                    }
                }
                Err(Unopened::Ended(end)) => Next::End(end),
                Err(Unopened::Failed(error)) => self.after_failure(error),
            };
            let why = match next {
                Next::End(end) => return end,
                Next::TryAgain(why) => why,
            };
            let retry =
                if why.full { backoff.after_full(random()) } else { backoff.after_failure(random(), why.retry) };
            self.tell(Event::Offline { why, retry });
            if let Err(end) = self.meanwhile(tokio::time::sleep(retry)).await {
                return end;
            }
        }
    }

    async fn open(&mut self, first: Option<Greeted>) -> Result<Connection, Unopened> {
        let identity = self.keep.identity.clone();
        let limit = self.timing.open;
        let opening = async move {
            match first {
                Some(greeted) => greeted.authenticate(&identity, limit).await,
                None => Connection::open(&identity, limit).await,
            }
        };
        self.meanwhile(opening).await.map_err(Unopened::Ended)?.map_err(Unopened::Failed)
    }

    /// Takes messages while `waiting` goes on.
    async fn meanwhile<T>(&mut self, waiting: impl Future<Output = T>) -> Result<T, End> {
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                done = &mut waiting => return Ok(done),
                order = self.orders.recv() => self.obey(order).await?,
            }
        }
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

    fn after_failure(&mut self, error: ConnectError) -> Next {
        let detail = words(&error);
        match error {
            ConnectError::NotBound => Next::End(End::NotBound),
            ConnectError::Version(_) => Next::End(End::Version),
            ConnectError::Refused(goodbye) => self.after(goodbye),
            ConnectError::Impostor(Impostor::OtherKey | Impostor::BadSignature | Impostor::BadMac) => {
                self.tell(Event::Impostor);
                Next::TryAgain(Goodbye { detail, ..Goodbye::default() })
            }
            ConnectError::Socket(SocketError::OtherCertificate { .. }) => {
                self.tell(Event::Impostor);
                Next::TryAgain(Goodbye { detail, ..Goodbye::default() })
            }
            ConnectError::Socket(SocketError::NoTls { .. }) | ConnectError::Downgrade => {
                self.tell(Event::NoTls);
                Next::TryAgain(Goodbye { detail, ..Goodbye::default() })
            }
            ConnectError::Socket(SocketError::TurnedAway { .. }) => {
                Next::TryAgain(Goodbye { full: true, detail, ..Goodbye::default() })
            }
            ConnectError::Socket(ref socket) => {
                self.after(Goodbye { close: socket.close(), detail, ..Goodbye::default() })
            }
            ConnectError::Protocol | ConnectError::TokenExposed | ConnectError::Randomness(_) => {
                Next::TryAgain(Goodbye { detail, ..Goodbye::default() })
            }
        }
    }

    fn after(&mut self, goodbye: Goodbye) -> Next {
        let closed = |close: Close| goodbye.close == Some(close as u16);
        match goodbye.code {
            Some(Code::Removed) => Next::End(End::Removed),
            Some(Code::Replaced) => Next::End(End::Replaced),
            Some(Code::Version) => Next::End(End::Version),
            Some(Code::NotAuthenticated) if std::mem::replace(&mut self.unproved, true) => {
                Next::End(End::NotAuthenticated)
            }
            None if closed(Close::Removed) => Next::End(End::Removed),
            None if closed(Close::Replaced) => Next::End(End::Replaced),
            Some(_) | None => Next::TryAgain(goodbye),
        }
    }
}

enum Unopened {
    Ended(End),
    Failed(ConnectError),
}

/// An error and its cause, for a log.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
