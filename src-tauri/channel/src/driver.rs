//! The hub thread: drain the waiting events into one transaction, commit, then perform their effects.

use tokio::sync::{broadcast, mpsc};
use tokio::time::{Duration, timeout};

use crate::clock::{Clock, Reading};
use crate::disk::Disk;
use crate::hub::event::{Command, Event, Notice};
use crate::hub::{Effect, Hub, Now};
use crate::storage::{Ballast, Room, Storage};
use crate::store::Refusal;

/// Most events in one transaction.
const BATCH: usize = 256;
/// Events that may wait for the hub; then sessions wait, and with them their sockets.
const WAITING: usize = 4_096;

/// Why the hub does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// It has ended.
    #[error("the channel service has stopped")]
    Stopped,
    /// The store refused; a later try may succeed.
    #[error("the store takes nothing at the moment")]
    NotStored,
}

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
    /// [`Unanswered::Stopped`].
    pub async fn send(&self, event: Event) -> Result<(), Unanswered> {
        self.events.send(event).await.map_err(|_| Unanswered::Stopped)
    }

    /// Why an answer does not come: its sender was dropped.
    pub(crate) fn why_unanswered(&self) -> Unanswered {
        if self.events.is_closed() { Unanswered::Stopped } else { Unanswered::NotStored }
    }
}

/// When effects leave, and what a failure is. The product uses [`AfterCommit`]; tests that must lose messages have their own.
pub trait CommitOrder: Send + 'static {
    /// True breaks the promise of this crate.
    const EFFECTS_FIRST: bool;

    /// True goes on with a connection that failed, as if it could be trusted.
    const KEEPS_FAILED: bool = false;

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
    hub: Hub,
    mut events: mpsc::Receiver<Event>,
    clock: Clock,
    disk: Disk,
    notices: broadcast::Sender<Notice>,
) {
    let storage = Storage::new(disk.has_ballast());
    let mut driver = Driver { hub, clock, seen: clock.read(), disk, storage, notices };
    driver.begin();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let due = driver.hub.next_deadline().min(driver.storage.deadline().unwrap_or(u64::MAX));
        let wait = due.saturating_sub(clock.monotonic_ms());
        let received = timeout(Duration::from_millis(wait), events.recv_many(&mut batch, BATCH)).await;
        if received == Ok(0) {
            break;
        }
        // What is due comes first, however many events wait: a flood must not stop the clock.
        if received.is_err() || clock.monotonic_ms() >= due {
            batch.insert(0, Event::Tick);
        }
        let stopping = batch.iter().any(|event| matches!(event, Event::Command(Command::Stop { .. })));
        driver.look(&mut batch);
        driver.settle::<O>(&mut batch);
        driver.tell();
        if stopping {
            break;
        }
    }
    tracing::info!("the hub has ended");
}

/// The hub with what it stands on.
struct Driver {
    hub: Hub,
    clock: Clock,
    /// Where the clocks stood before this batch.
    seen: Reading,
    disk: Disk,
    storage: Storage,
    notices: broadcast::Sender<Notice>,
}

impl Driver {
    fn begin(&mut self) {
        if let Err(error) = self.hub.resume_clock(self.seen) {
            tracing::warn!(%error, "what was believed of the clock is not known");
        }
    }

    /// The time since the last look, upon it: a clock that is set in the middle of a batch counts from the next one on, when the hub has seen that it was set.
    fn now(&self) -> Now {
        let mono = self.clock.monotonic_ms();
        Now { mono, wall: self.seen.wall.saturating_add_unsigned(mono.saturating_sub(self.seen.mono)) }
    }

    /// Before a batch, when something happens anyway: the clocks, the free space, and the store if it waits to be opened.
    fn look(&mut self, batch: &mut Vec<Event>) {
        self.seen = self.clock.read();
        if self.hub.see_clocks(self.seen).woke {
            batch.push(Event::Woke);
        }
        let now = self.now();
        if self.storage.reopen_due(now.mono) {
            self.reopen(now);
        }
        let before = self.storage.room();
        let wish = self.storage.see_free(self.disk.free(), now.mono);
        self.tend(wish, now);
        if before != self.storage.room() {
            self.set_room(now);
        }
    }

    fn tend(&mut self, wish: Ballast, now: Now) {
        match wish {
            Ballast::Leave => {}
            Ballast::GiveUp => {
                if let Some(log) = self.hub.store.log() {
                    self.disk.give_up_ballast(&log);
                }
            }
            Ballast::Make => {
                let made = self.disk.make_ballast();
                if let Err(error) = &made {
                    tracing::warn!(%error, "there is no room for the ballast");
                }
                self.storage.ballast_made(made.is_ok(), now.mono);
            }
        }
    }

    fn set_room(&mut self, now: Now) {
        let room = self.storage.room();
        tracing::info!(?room, "room on the disk");
        let effects = self.hub.set_room(room, now);
        perform(effects, &self.notices);
    }

    /// All events, in as few transactions as the store allows. What it refuses is refused to who asked, and the rest goes on.
    fn settle<O: CommitOrder>(&mut self, batch: &mut Vec<Event>) {
        let mut events = batch.drain(..);
        while !events.as_slice().is_empty() {
            // Nothing may suffer from another event while the store is closed and refuses most of them.
            let most = if self.storage.is_failing() { 1 } else { BATCH };
            let (effects, outcome) = self.transact::<O>(events.by_ref().take(most));
            match outcome {
                Ok(()) => {
                    perform(effects, &self.notices);
                    if let Err(error) = self.checkpoint() {
                        self.refused::<O>(Vec::new(), &error);
                    }
                }
                Err(error) => self.refused::<O>(effects, &error),
            }
        }
    }

    /// Keeps the log short, above all where space is scarce. Where even the database cannot grow, the log has the space of the ballast.
    fn checkpoint(&mut self) -> rusqlite::Result<()> {
        match self.storage.room() {
            Room::Plenty => self.hub.store.checkpoint(false),
            Room::Little => self.hub.store.checkpoint(true),
            Room::Least => Ok(()),
        }
    }

    /// One transaction: what was decided in it, and whether it is durable.
    fn transact<O: CommitOrder>(&mut self, events: impl Iterator<Item = Event>) -> (Vec<Effect>, rusqlite::Result<()>) {
        let mut effects = Vec::new();
        for event in events {
            let now = self.now();
            match self.hub.handle(event, now) {
                Ok(more) => effects.extend(more),
                Err(error) => return (effects, Err(error)),
            }
        }
        if O::EFFECTS_FIRST {
            perform(std::mem::take(&mut effects), &self.notices);
            O::between();
        }
        (effects, self.hub.store.commit())
    }

    /// The store refused: nothing of `unsent` leaves, and memory falls back to what is stored.
    fn refused<O: CommitOrder>(&mut self, unsent: Vec<Effect>, error: &rusqlite::Error) {
        let now = self.now();
        if self.storage.is_failing() {
            // Closed: that it refuses is no news.
            let effects = self.hub.rewind(unsent, now);
            return perform(effects, &self.notices);
        }
        let refusal = Refusal::of(error, || self.disk.is_full());
        tracing::error!(%error, ?refusal, "the store refused; nothing of this batch was acknowledged");
        if refusal == Refusal::Broken && !O::KEEPS_FAILED {
            self.storage.failed(now.mono);
            let effects = self.hub.recover(unsent, now);
            perform(effects, &self.notices);
            self.hub.store.close();
            return;
        }
        self.hub.store.rollback();
        let effects = self.hub.rewind(unsent, now);
        perform(effects, &self.notices);
        if refusal == Refusal::Full {
            let wish = self.storage.refused(now.mono);
            self.tend(wish, now);
            self.set_room(now);
        }
    }

    fn reopen(&mut self, now: Now) {
        match self.hub.reopen(now) {
            Ok(effects) => {
                self.storage.opened(now.mono);
                perform(effects, &self.notices);
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store cannot be opened again yet");
                self.storage.failed(now.mono);
            }
        }
    }

    /// After a batch: what the application wants to know. Nobody listening is not an error.
    fn tell(&mut self) {
        if let Some(health) = self.storage.news() {
            let _ = self.notices.send(Notice::Storage(health));
        }
        if let Some(notice) = self.hub.news() {
            let _ = self.notices.send(notice);
        }
    }
}

/// Does what was decided. Only after the commit.
pub(crate) fn perform(effects: Vec<Effect>, notices: &broadcast::Sender<Notice>) {
    for effect in effects {
        match effect {
            // A full or ended outbox closes its session; the session's end comes back as an event.
            Effect::Device(outbox, frame) => drop(outbox.send(&frame)),
            Effect::Plugin(outbox, frame) => drop(outbox.send(&frame)),
            Effect::Bound(outbox, device) => outbox.bound(device),
            Effect::Check(outbox) => outbox.check(),
            Effect::Close(outbox, close) => outbox.close(close),
            Effect::Answer(answer) => (answer.0)(),
            Effect::Notice(notice) => drop(notices.send(notice)),
        }
    }
}
