//! A socket and the hub's orders for it as one stream of happenings, with the waits of docs/PROTOCOL.md 1.3 and 1.4.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::clock::Clock;
use crate::id::DeviceKey;
use crate::outbox::{Inlet, Order};
use crate::socket::{Incoming, Lost, Socket};
use crate::timing::Timing;
use crate::wire::device::{Bye, ErrFrame, ToDevice};
use crate::wire::{self, Close, Code};

/// Orders are gathered up to this many bytes before they are flushed together.
const GATHER: usize = 16 << 10;
/// Least wait that a peer is told when the service goes away or is busy.
const RETRY_MS: u64 = 2_000;

/// What happens on a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A text frame came.
    Text(Utf8Bytes),
    /// A WebSocket ping or pong came; it was answered.
    Control,
    /// Something came that can be no frame.
    NotAFrame,
    /// The answer to a ping is overdue; [`Line::is_unsure`] tells when it came after all.
    Unsure,
    /// A frame of the hub was queued.
    Passed(Kind),
    /// The hub says that the person confirmed.
    Bound(DeviceKey),
    /// The line must be closed.
    Over(Option<Bye>, Close),
    /// The connection is lost.
    Gone,
}

/// A frame of the hub, as far as a session cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `ack`
    Ack,
    /// `reply`
    Reply,
    /// `bind_wait`
    BindWait,
    /// `announce_wait`
    AnnounceWait,
    /// `err`, with its code
    Err(Code),
    /// `bye`
    Bye,
    /// Any other.
    Other,
}

impl Kind {
    /// serde writes the tag first, so only `err` has to be read.
    fn of(text: &str) -> Self {
        let kind = text.strip_prefix(r#"{"t":""#).and_then(|rest| rest.split_once('"')).map_or("", |(kind, _)| kind);
        match kind {
            "ack" => Self::Ack,
            "reply" => Self::Reply,
            "bind_wait" => Self::BindWait,
            "announce_wait" => Self::AnnounceWait,
            "bye" => Self::Bye,
            "err" => serde_json::from_str(text).map_or(Self::Other, |error: ErrFrame| Self::Err(error.code)),
            _ => Self::Other,
        }
    }
}

/// How a session ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By us.
    Close(Option<Bye>, Close),
    /// By the peer or the network.
    Lost,
}

/// `bye` with a code, and a wait where coming back at once would not help.
pub(crate) fn bye(code: Code) -> Bye {
    Bye { code, retry_ms: (code == Code::Stopping).then_some(RETRY_MS) }
}

/// One peer.
pub(crate) struct Line<S> {
    socket: Socket<S>,
    inlet: Inlet,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    clock: Clock,
    timing: Timing,
    sleep: Pin<Box<Sleep>>,
    heard_ms: u64,
    pinged: bool,
    unsure: bool,
    proof_due_ms: Option<u64>,
    /// The peer must be heard before: the computer slept.
    check_due_ms: Option<u64>,
    /// What the socket had written, and when it had not written more.
    progress: (u64, u64),
    gathered: usize,
    /// The last `err` of the hub, unless another frame than `bye` followed.
    error: Option<Code>,
    said_bye: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// A line whose peer must prove itself within `timing.greeting`.
    pub(crate) fn new(
        socket: Socket<S>,
        inlet: Inlet,
        clock: Clock,
        timing: Timing,
        cancel: CancellationToken,
    ) -> Self {
        let now = clock.monotonic_ms();
        inlet.heard(now);
        Self {
            socket,
            inlet,
            cancelled: Box::pin(cancel.cancelled_owned()),
            clock,
            timing,
            sleep: Box::pin(tokio::time::sleep(timing.greeting)),
            heard_ms: now,
            pinged: false,
            unsure: false,
            proof_due_ms: Some(now + millis(timing.greeting)),
            check_due_ms: None,
            progress: (0, now),
            gathered: 0,
            error: None,
            said_bye: false,
        }
    }

    /// Sets the wait until 9003 and 4001. `None`: no such wait any more.
    pub(crate) fn expect_proof(&mut self, within: Option<Duration>) {
        self.proof_due_ms = within.map(|within| self.clock.monotonic_ms() + millis(within));
    }

    /// Sets the largest frame, in bytes.
    pub(crate) fn allow(&mut self, limit: usize) {
        self.socket.allow(limit);
    }

    /// Code of the `err` that the hub sent last, if nothing but its `bye` followed.
    pub(crate) fn last_error(&self) -> Option<Code> {
        self.error
    }

    /// Whether the answer to a ping is overdue.
    pub(crate) fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// Queues a frame of the session itself.
    pub(crate) fn send(&mut self, frame: &impl Serialize) {
        self.queue(wire::encode(frame));
    }

    /// Waits for the next happening. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Happening {
        loop {
            // While the peer does not take what is gathered, the hub's orders wait in the outbox, which counts them.
            let room = self.gathered < GATHER;
            if room && let Some(order) = self.inlet.ready() {
                return self.on_order(order);
            }
            self.wake_in_time();
            let socket = &mut self.socket;
            let traffic = poll_fn(|cx| {
                let flushed = !socket.is_clear()
                    && match socket.poll_flush(cx) {
                        Poll::Ready(Ok(())) => true,
                        Poll::Ready(Err(Lost)) => return Poll::Ready(Some(Incoming::Gone)),
                        Poll::Pending => false,
                    };
                let incoming = socket.poll_next(cx).map(Some);
                if flushed && incoming.is_pending() { Poll::Ready(None) } else { incoming }
            });
            tokio::select! {
                () = &mut self.cancelled => return self.on_cancel(),
                order = self.inlet.next(), if room => {
                    return order.map_or(Happening::Over(Some(bye(Code::Stopping)), Close::Restarting), |order| self.on_order(order));
                }
                incoming = traffic => {
                    if self.socket.is_clear() {
                        self.gathered = 0;
                    }
                    if let Some(incoming) = incoming {
                        return self.on_incoming(incoming);
                    }
                }
                () = &mut self.sleep => {
                    if let Some(over) = self.on_time() {
                        return over;
                    }
                }
            }
        }
    }

    /// Sends what is queued, `bye` if none went before, and the close frame.
    pub(crate) async fn close(mut self, bye: Option<Bye>, close: Close) {
        if let Some(bye) = bye.filter(|_| !self.said_bye) {
            self.send(&ToDevice::Bye(bye));
        }
        self.socket.close(close).await;
    }

    fn queue(&mut self, text: String) {
        if self.socket.is_clear() {
            self.progress = (self.socket.written(), self.clock.monotonic_ms());
        }
        self.gathered += text.len();
        if let Err(Lost) = self.socket.queue(text) {
            // The next read, or the wait for progress, ends the line.
            tracing::debug!("a frame was not taken: the peer reads too slowly or has closed");
        }
    }

    fn on_order(&mut self, order: Order) -> Happening {
        match order {
            Order::Frame(text) => {
                let kind = Kind::of(&text);
                match kind {
                    Kind::Err(code) => self.error = Some(code),
                    Kind::Bye => {}
                    Kind::Ack | Kind::Reply | Kind::BindWait | Kind::AnnounceWait | Kind::Other => self.error = None,
                }
                self.said_bye = kind == Kind::Bye;
                self.queue(text);
                Happening::Passed(kind)
            }
            Order::Bound(device) => Happening::Bound(device),
            Order::Check => {
                let now = self.clock.monotonic_ms();
                self.check_due_ms.get_or_insert(now + millis(self.timing.woken));
                self.pinged = true;
                self.send(&ToDevice::Ping { c: now });
                Happening::Passed(Kind::Other)
            }
            Order::Close(close) => Happening::Over(self.error.or_else(|| reason(close)).map(bye), close),
        }
    }

    fn on_incoming(&mut self, incoming: Incoming) -> Happening {
        self.heard_ms = self.clock.monotonic_ms();
        self.pinged = false;
        self.unsure = false;
        self.check_due_ms = None;
        self.inlet.heard(self.heard_ms);
        match incoming {
            Incoming::Text(text) => Happening::Text(text),
            Incoming::Control => Happening::Control,
            Incoming::Binary | Incoming::Broken => Happening::NotAFrame,
            Incoming::TooBig => Happening::Over(Some(bye(Code::TooLong)), Close::TooBig),
            Incoming::Gone => Happening::Gone,
        }
    }

    /// What the hub committed before still goes out.
    fn on_cancel(&mut self) -> Happening {
        while let Some(order) = self.inlet.ready() {
            let happening = self.on_order(order);
            if matches!(happening, Happening::Over(..)) {
                return happening;
            }
        }
        Happening::Over(Some(bye(Code::Stopping)), Close::Restarting)
    }

    fn on_time(&mut self) -> Option<Happening> {
        let now = self.clock.monotonic_ms();
        if self.proof_due_ms.is_some_and(|due| due <= now) {
            return Some(Happening::Over(Some(bye(Code::NotAuthenticated)), Close::AuthTimeout));
        }
        if !self.socket.is_clear() && self.progress.1 + millis(self.timing.stalled) <= now {
            return Some(Happening::Over(Some(bye(Code::Stopping)), Close::TooSlow));
        }
        let silent = self.heard_ms + millis(self.timing.silent) <= now;
        if silent || self.check_due_ms.is_some_and(|due| due <= now) {
            return Some(Happening::Over(Some(bye(Code::Stopping)), Close::Silent));
        }
        if self.pinged && !self.unsure && self.heard_ms + millis(self.timing.unsure()) <= now {
            self.unsure = true;
            return Some(Happening::Unsure);
        }
        if !self.pinged && self.heard_ms + millis(self.timing.ping) <= now {
            self.pinged = true;
            self.send(&ToDevice::Ping { c: now });
        }
        None
    }

    /// Sets the timer to the earliest wait. It may ring too early: that costs less than a reset for every frame.
    fn wake_in_time(&mut self) {
        let now = self.clock.monotonic_ms();
        if self.progress.0 != self.socket.written() {
            self.progress = (self.socket.written(), now);
        }
        let quiet = match (self.pinged, self.unsure) {
            (false, _) => self.timing.ping,
            (true, false) => self.timing.unsure(),
            (true, true) => self.timing.silent,
        };
        let mut due = self.heard_ms + millis(quiet);
        if let Some(proof_due) = self.proof_due_ms {
            due = due.min(proof_due);
        }
        if let Some(check_due) = self.check_due_ms {
            due = due.min(check_due);
        }
        if !self.socket.is_clear() {
            due = due.min(self.progress.1 + millis(self.timing.stalled));
        }
        let due = Instant::now() + Duration::from_millis(due.saturating_sub(now));
        if self.sleep.is_elapsed() || due < self.sleep.deadline() {
            self.sleep.as_mut().reset(due);
        }
    }
}

/// What `bye` says where the hub named no reason.
fn reason(close: Close) -> Option<Code> {
    match close {
        Close::Normal => None,
        Close::TooBig => Some(Code::TooLong),
        Close::Restarting | Close::TooSlow | Close::Silent => Some(Code::Stopping),
        Close::AuthTimeout => Some(Code::NotAuthenticated),
        Close::Refused => Some(Code::NotAllowed),
        Close::Removed => Some(Code::Removed),
        Close::TooFast => Some(Code::TooFast),
        Close::Protocol => Some(Code::NotUnderstood),
        Close::Replaced => Some(Code::Replaced),
    }
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
