//! A device that stays connected: queue, resend, show once, reconnect.

use std::collections::HashSet;

use channel::proof::Impostor;
use channel::wire::{Close, Code};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use ulid::Generator;

use crate::backoff::{Backoff, random};
use crate::connection::{ConnectError, Connection, Greeted};
use crate::device::{Command, Device, Observe, words};
pub use crate::device::{SendError, Timing};
pub use crate::event::End;
use crate::event::{Event, Goodbye};
use crate::identity::Keep;
use crate::link::{self, Ending};
use crate::socket::SocketError;

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

enum Next {
    TryAgain(Goodbye),
    End(End),
}

impl Device {
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

#[cfg(test)]
mod tests;
