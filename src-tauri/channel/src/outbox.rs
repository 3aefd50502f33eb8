//! The bounded way from the hub to one socket. The hub never waits: a full outbox is told apart and the session is closed as too slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::wire::{self, Close};

/// Most bytes that may wait for one device's socket.
pub const BYTES: usize = 256 << 10;
/// Most bytes that may wait for the plugin's: at link-up it hears of every connected device and gets a full window of turns, all at once.
pub const LINK_BYTES: usize = 16 << 20;

/// What a session is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Write this text frame.
    Frame(String),
    /// The binding was confirmed: the session may take `auth` for this device.
    Bound(crate::id::DeviceKey),
    /// Find out whether the peer is still there.
    Check,
    /// Write what is queued before, then close.
    Close(Close),
}

/// The hub's end.
#[derive(Clone, Debug)]
pub struct Outbox {
    orders: mpsc::UnboundedSender<Order>,
    shared: Arc<Shared>,
}

/// The session's end.
#[derive(Debug)]
pub struct Inlet {
    orders: mpsc::UnboundedReceiver<Order>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    waiting: AtomicUsize,
    full: AtomicBool,
    heard_ms: AtomicU64,
}

/// The outbox is full, or its session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session takes nothing more")]
pub struct Refused;

/// A pair for one session; `limit` is in bytes.
pub fn pair(limit: usize) -> (Outbox, Inlet) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        limit,
        waiting: AtomicUsize::new(0),
        full: AtomicBool::new(false),
        heard_ms: AtomicU64::new(0),
    });
    (Outbox { orders: sender, shared: Arc::clone(&shared) }, Inlet { orders: receiver, shared })
}

impl Outbox {
    /// Queues a frame.
    ///
    /// # Errors
    /// [`Refused`] if it would exceed the limit: the session is then told to close with 4011, and takes nothing more.
    pub fn send(&self, frame: &impl Serialize) -> Result<(), Refused> {
        let text = wire::encode(frame);
        if self.shared.full.load(Ordering::Relaxed) {
            return Err(Refused);
        }
        if self.shared.waiting.load(Ordering::Relaxed) + text.len() > self.shared.limit {
            self.shared.full.store(true, Ordering::Relaxed);
            let _ = self.orders.send(Order::Close(Close::TooSlow));
            return Err(Refused);
        }
        self.shared.waiting.fetch_add(text.len(), Ordering::Relaxed);
        self.orders.send(Order::Frame(text)).map_err(|_| Refused)
    }

    /// Tells a session that its binding was confirmed. A session that has ended does not mind.
    pub fn bound(&self, device: crate::id::DeviceKey) {
        let _ = self.orders.send(Order::Bound(device));
    }

    /// Asks the session whether its peer is still there. A session that has ended does not mind.
    pub fn check(&self) {
        let _ = self.orders.send(Order::Check);
    }

    /// Whether both lead to the same session: their names are equal then.
    pub(crate) fn name(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// Asks the session to close after what is queued. A session that has ended does not mind.
    pub fn close(&self, close: Close) {
        let _ = self.orders.send(Order::Close(close));
    }

    /// When the session last heard its peer, in ms of the service's monotonic clock.
    pub fn heard_ms(&self) -> u64 {
        self.shared.heard_ms.load(Ordering::Relaxed)
    }
}

impl Inlet {
    /// The next order. `None` when the hub dropped its end.
    pub async fn next(&mut self) -> Option<Order> {
        let order = self.orders.recv().await?;
        self.taken(&order);
        Some(order)
    }

    /// The next order, if there is one already: drain before a flush.
    pub fn ready(&mut self) -> Option<Order> {
        let order = self.orders.try_recv().ok()?;
        self.taken(&order);
        Some(order)
    }

    fn taken(&self, order: &Order) {
        if let Order::Frame(text) = order {
            self.shared.waiting.fetch_sub(text.len(), Ordering::Relaxed);
        }
    }

    /// Notes that the peer was heard, in ms of the service's monotonic clock.
    pub fn heard(&self, now_ms: u64) {
        self.shared.heard_ms.store(now_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_outbox_refuses_and_asks_for_a_close() {
        let (outbox, mut inlet) = pair(10);
        assert_eq!(outbox.send(&"12345678"), Ok(()));
        assert_eq!(outbox.send(&"1"), Err(Refused));
        assert_eq!(outbox.send(&""), Err(Refused));
        assert_eq!(inlet.ready(), Some(Order::Frame("\"12345678\"".into())));
        assert_eq!(inlet.ready(), Some(Order::Close(Close::TooSlow)));
    }
}
