//! What happens to a device, for whoever watches: a person's screen, or a test's history.

use std::fmt;
use std::time::Duration;

use channel::wire::Code;
use channel::wire::device::{ErrFrame, LinkState, Reply, Stage, TurnState};

/// One thing that happened. Told in the order in which it happened, from the task of the session.
#[derive(Clone, Debug)]
pub enum Event {
    /// The session is open.
    Online {
        /// What the person calls this device.
        name: String,
        /// The assistant's link.
        link: LinkState,
        /// Whether the service's store is another one than before.
        reset: bool,
    },
    /// The session ended, or did not open.
    Offline {
        /// Why.
        why: Goodbye,
        /// When it is tried again.
        retry: Duration,
    },
    /// The service at the address is not the one this device was bound to. It is told nothing; the device tries again later.
    Impostor,
    /// Whoever answers at the address does so without TLS, and this device was bound over TLS. He is told nothing; the device tries again later.
    NoTls,
    /// A message was taken: it is on disk, and will be sent until it is acknowledged.
    Queued {
        /// Message.
        id: String,
    },
    /// A message went out.
    Sent {
        /// Message.
        id: String,
        /// Whether it went out before.
        again: bool,
    },
    /// The service has it on disk.
    Acked {
        /// Message.
        id: String,
        /// Whether the service had it before.
        dup: bool,
    },
    /// The service will never take it; it is dropped.
    Rejected {
        /// Message.
        id: String,
        /// Why.
        code: Code,
    },
    /// The service does not take it now; it will be sent again.
    Deferred {
        /// Message.
        id: String,
        /// Why.
        code: Code,
        /// When.
        wait: Duration,
    },
    /// The service knew the id with other words: the message goes out under a new one.
    Renamed {
        /// The id before.
        old: String,
        /// The id from now on.
        new: String,
    },
    /// Where a message stands.
    Turn {
        /// Message.
        re: String,
        /// Where.
        state: TurnState,
        /// What happens.
        stage: Option<Stage>,
    },
    /// The answer so far.
    Partial {
        /// Message.
        re: String,
        /// Snapshot.
        text: String,
    },
    /// A reply, shown for the first and only time. It is on disk, and `got` has not been sent yet.
    Shown(Reply),
    /// A reply that this device showed before.
    Hidden {
        /// Its number.
        n: u64,
        /// Its id.
        rid: String,
    },
    /// `got` went out: the service may forget replies up to `n`.
    Got {
        /// Number.
        n: u64,
    },
    /// The service says something is wrong: 9002 and 9017 among them.
    Trouble(ErrFrame),
    /// The assistant's link changed.
    Link(LinkState),
    /// A frame that this version does not understand; it was ignored.
    Odd(String),
    /// The session is over for good.
    Ended(End),
}

/// Why a session is over for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// [`crate::Session::stop`] was called, or the session was dropped.
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

/// What the service said when it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goodbye {
    /// Why, where it said so.
    pub code: Option<Code>,
    /// The number in its close frame.
    pub close: Option<u16>,
    /// There was no place: nothing is wrong, and it is worth trying again soon.
    pub full: bool,
    /// The least wait before a new try.
    pub retry: Duration,
    /// What else there is to say: not for a person.
    pub detail: String,
}

impl Goodbye {
    pub(crate) fn hear_err(&mut self, err: &ErrFrame) {
        self.code = Some(err.code);
        self.hear_retry(err.retry_ms);
    }

    /// The `err` before it says more: both have the same code or `bye` is the vaguer one.
    pub(crate) fn hear_bye(&mut self, code: Code, retry_ms: Option<u64>) {
        self.code = self.code.or(Some(code));
        self.hear_retry(retry_ms);
    }

    fn hear_retry(&mut self, retry_ms: Option<u64>) {
        self.retry = self.retry.max(Duration::from_millis(retry_ms.unwrap_or(0)));
    }
}

impl fmt::Display for Goodbye {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if let Some(code) = self.code {
            write!(formatter, "{}", code.number())?;
            gap = ", ";
        }
        if let Some(close) = self.close {
            write!(formatter, "{gap}close {close}")?;
            gap = ", ";
        }
        if !self.detail.is_empty() {
            write!(formatter, "{gap}{}", self.detail)?;
        }
        Ok(())
    }
}
