//! What the loop behind an operator waits for.

use gateway::GatewayEvent;
use tokio::sync::broadcast::error::RecvError;

use super::Order;
use super::actor::{Done, Live};

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
