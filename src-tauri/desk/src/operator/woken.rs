//! What the loop behind an operator waits for.

use gateway::{GatewayEvent, Handle, Seen};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::Order;
use crate::control::answer::PairingRequest;
use crate::failure::Failure;

/// A link to one gateway.
pub(super) struct Live {
    pub(super) handle: Handle,
    pub(super) seen: watch::Receiver<Seen>,
    pub(super) events: broadcast::Receiver<GatewayEvent>,
    pub(super) doubt: watch::Receiver<Option<Failure>>,
    pub(super) shared: watch::Receiver<Option<care::Fingerprint>>,
    pub(super) device_id: String,
    pub(super) url: String,
    pub(super) elsewhere: bool,
}

/// What was done beside the loop.
pub(super) enum Done {
    /// The gateway and the key were found, or not.
    Linked(u64, Box<Result<Live, Failure>>),
    /// Somebody got an answer; the devices may be others now.
    Changed,
    /// Who asks to be let in.
    Asking(u64, Vec<PairingRequest>),
    /// Nothing that matters here.
    Nothing,
}

/// What woke the loop.
pub(super) enum Woken {
    Order(Option<Order>),
    Done(Done),
    Seen,
    Event(Result<GatewayEvent, RecvError>),
    AskAgain,
    LookAgain,
}

/// What the link says next; nothing where there is none.
pub(super) async fn from_link(live: Option<&mut Live>) -> Woken {
    let Some(live) = live else { return std::future::pending().await };
    tokio::select! {
        changed = live.seen.changed() => match changed {
            Ok(()) => Woken::Seen,
            Err(_) => Woken::Event(Err(RecvError::Closed)),
        },
        event = live.events.recv() => Woken::Event(event),
    }
}

/// Then; never where nobody waits.
pub(super) async fn at(when: Option<tokio::time::Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
