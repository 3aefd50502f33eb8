//! The waits of the service.

use std::time::Duration;

/// The waits of the service. `Default` is the product's; tests shorten them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// No answer after this: 9002.
    pub answer: Duration,
    /// No end after this: the turn is stopped.
    pub stop: Duration,
    /// Life of a binding code.
    pub ticket: Duration,
    /// Time to confirm.
    pub confirm: Duration,
    /// Life of a reply that nobody fetches.
    pub reply: Duration,
    /// Silence until a ping.
    pub ping: Duration,
    /// Silence until the peer is gone.
    pub silent: Duration,
    /// Wait for an answer to the ping that follows a sleep of the computer.
    pub woken: Duration,
    /// Accept to first byte.
    pub first_byte: Duration,
    /// Accept to a whole HTTP head.
    pub head: Duration,
    /// 101 to `auth` or `bind`.
    pub greeting: Duration,
    /// A full socket without progress.
    pub stalled: Duration,
}

impl Timing {
    /// Silence until a peer is unsure: a ping went out, and the answer is overdue. A third of the way from `ping` to `silent`.
    pub(crate) fn unsure(&self) -> Duration {
        self.ping + self.silent.saturating_sub(self.ping) / 3
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            stop: Duration::from_secs(600),
            ticket: Duration::from_secs(180),
            confirm: Duration::from_secs(120),
            reply: Duration::from_secs(7 * 24 * 3600),
            ping: Duration::from_secs(30),
            silent: Duration::from_secs(45),
            woken: Duration::from_secs(5),
            first_byte: Duration::from_secs(2),
            head: Duration::from_secs(5),
            greeting: Duration::from_secs(5),
            stalled: Duration::from_secs(30),
        }
    }
}
