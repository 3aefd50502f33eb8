//! The hub thread: receive, handle, commit, perform.

use crate::hub::event::Event;

/// The hub has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel service has stopped")]
pub struct HubStopped;

/// Where events go. Sessions wait here when the hub is behind: backpressure reaches the socket.
#[derive(Clone, Debug)]
pub struct HubHandle {
    events: tokio::sync::mpsc::Sender<Event>,
}

impl HubHandle {
    /// Hands an event to the hub.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn send(&self, event: Event) -> Result<(), HubStopped> {
        self.events.send(event).await.map_err(|_| HubStopped)
    }
}
