//! The hub thread: drain the waiting events into one transaction, commit, then perform their effects.

use tokio::sync::{broadcast, mpsc};
use tokio::time::{Duration, timeout};

use crate::clock::Clock;
use crate::hub::event::{Command, Event, Notice};
use crate::hub::{Effect, Hub, Now};

/// Most events in one transaction.
const BATCH: usize = 256;
/// Events that may wait for the hub; then sessions wait, and with them their sockets.
const WAITING: usize = 4_096;

/// The hub has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel service has stopped")]
pub struct HubStopped;

/// Where events go. Sessions wait here when the hub is behind: backpressure reaches the socket.
#[derive(Clone, Debug)]
pub struct HubHandle {
    events: mpsc::Sender<Event>,
}

impl HubHandle {
    /// A handle, and the events that come through it.
    pub fn channel() -> (Self, mpsc::Receiver<Event>) {
        let (events, receiver) = mpsc::channel(WAITING);
        (Self { events }, receiver)
    }

    /// Hands an event to the hub.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn send(&self, event: Event) -> Result<(), HubStopped> {
        self.events.send(event).await.map_err(|_| HubStopped)
    }
}

/// Whether effects leave before the commit. The product uses [`AfterCommit`]; a test that must lose messages has one of its own.
pub trait CommitOrder: Send + 'static {
    /// True breaks the promise of this crate.
    const EFFECTS_FIRST: bool;

    /// What happens between telling and the commit, where effects go first: a slow disk.
    fn between() {}
}

/// Commit, then tell.
#[derive(Clone, Copy, Debug)]
pub struct AfterCommit;

impl CommitOrder for AfterCommit {
    const EFFECTS_FIRST: bool = false;
}

/// Runs the hub until [`Command::Stop`] or until every handle is gone.
pub async fn run<O: CommitOrder>(
    mut hub: Hub,
    mut events: mpsc::Receiver<Event>,
    clock: Clock,
    notices: broadcast::Sender<Notice>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let wait = hub.next_deadline().saturating_sub(clock.monotonic_ms());
        match timeout(Duration::from_millis(wait), events.recv_many(&mut batch, BATCH)).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) => batch.push(Event::Tick),
        }
        let stopping = batch.iter().any(|event| matches!(event, Event::Command(Command::Stop { .. })));
        settle::<O>(&mut hub, &mut batch, clock, &notices);
        if stopping {
            break;
        }
    }
    tracing::info!("the hub has ended");
}

/// One batch: handle, commit, perform. A store that refuses turns the whole batch into "not stored".
fn settle<O: CommitOrder>(hub: &mut Hub, batch: &mut Vec<Event>, clock: Clock, notices: &broadcast::Sender<Notice>) {
    let mut effects = Vec::with_capacity(batch.len() * 2);
    let mut failed = None;
    for event in batch.drain(..) {
        let now = Now { mono: clock.monotonic_ms(), wall: clock.wall_ms() };
        match hub.handle(event, now) {
            Ok(more) => effects.extend(more),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    if O::EFFECTS_FIRST {
        perform(std::mem::take(&mut effects), notices);
        O::between();
    }
    let failed = failed.or_else(|| hub.store.commit().err());
    match failed {
        None => perform(effects, notices),
        Some(error) => {
            tracing::error!(%error, "the store refused a write; nothing of this batch was acknowledged");
            hub.store.rollback();
            let now = Now { mono: clock.monotonic_ms(), wall: clock.wall_ms() };
            perform(hub.recover(now), notices);
            let _ = notices.send(Notice::StorageTrouble(error.to_string().into()));
        }
    }
    // Nobody listening is not an error.
    let _ = hub.news().map(|notice| notices.send(notice));
}

/// Does what was decided. Only after the commit.
pub(crate) fn perform(effects: Vec<Effect>, notices: &broadcast::Sender<Notice>) {
    for effect in effects {
        match effect {
            // A full or ended outbox closes its session; the session's end comes back as an event.
            Effect::Device(outbox, frame) => drop(outbox.send(&frame)),
            Effect::Plugin(outbox, frame) => drop(outbox.send(&frame)),
            Effect::Bound(outbox, device) => outbox.bound(device),
            Effect::Close(outbox, close) => outbox.close(close),
            Effect::Answer(answer) => (answer.0)(),
            Effect::Notice(notice) => drop(notices.send(notice)),
        }
    }
}
