//! The decisions: [`Hub::handle`] turns one event into writes to the store and [`Effect`]s. Pure but for the store; time is an argument.
//!
//! The driver commits the store and only then performs the effects: nothing is told before it is durable.

mod age;
mod announcement;
mod binding;
mod command;
mod delivery;
pub mod event;
mod link;
mod policy;
mod presence;
mod push;
mod storage;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::clock::Belief;
use crate::id::{DeviceKey, TurnId};
use crate::outbox::Outbox;
use crate::storage::Room;
use crate::store::{Milestones, Store};
use crate::ticket::Ticket;
use crate::timing::Timing;
use crate::tls::Certificate;
use crate::view::{BindFailure, LinkView};
use crate::wire::device::{Bye, ErrFrame, ToDevice};
use crate::wire::upstream::ToPlugin;
use crate::wire::{Close, Code};
use announcement::Announcements;
use event::{Event, Notice, SessionId};
pub use policy::{MaySpeak, may_speak};

/// What the driver does after the commit.
#[derive(Debug)]
pub enum Effect {
    /// Write to a device.
    Device(Outbox, ToDevice),
    /// Write to the plugin.
    Plugin(Outbox, ToPlugin),
    /// Let a session authenticate as the device that was just bound.
    Bound(Outbox, DeviceKey),
    /// Find out whether the peer is still there.
    Check(Outbox),
    /// Close after what is queued.
    Close(Outbox, Close),
    /// Answer a question.
    Answer(Answer),
    /// Tell the application.
    Notice(Notice),
}

/// An answer that waits for the commit.
pub struct Answer(pub Box<dyn FnOnce() + Send>);

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Answer")
    }
}

/// Both clocks at the moment of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic, ms: what decides.
    pub mono: u64,
    /// Since 1970, ms: what people read.
    pub wall: i64,
}

/// What the service is given. While it runs the agent and the addresses change, how long words are kept, and the wait for an answer.
#[derive(Debug)]
pub struct Facts {
    /// Name that devices see.
    pub name: Arc<str>,
    /// Name of the store, for everybody who tells it; another one once the store lost something.
    pub epoch: watch::Sender<Arc<str>>,
    /// The service's key.
    pub service_key: SigningKey,
    /// The certificate of TLS.
    pub certificate: Arc<Certificate>,
    /// Shared with the plugin.
    pub link_key: Zeroizing<[u8; 32]>,
    /// Who may link.
    pub agent: Agent,
    /// Where devices connect.
    pub addresses: Arc<[SocketAddr]>,
    /// How long words are kept after their turn ended, ms; 0: wiped at once.
    pub keep_text_ms: i64,
    /// Waits.
    pub timing: Timing,
    /// Who may speak to a device that has not asked.
    pub may_speak: MaySpeak,
}

impl Facts {
    fn keep_text(&self) -> bool {
        self.keep_text_ms > 0
    }
}

/// A device's open session.
#[derive(Debug)]
struct Attached {
    device: DeviceKey,
    name: Arc<str>,
    outbox: Outbox,
    /// When the device came, ms since 1970; a newer connection of it does not change that.
    since: i64,
    /// An answer to a ping is overdue.
    unsure: bool,
    /// Highest reply sent on this session.
    sent_n: u64,
    /// Replies sent and not `got`: n, bytes in JSON, when (ms since 1970).
    in_flight: std::collections::VecDeque<(u64, usize, i64)>,
}

/// A turn that is at the plugin, or will be as soon as there is one.
#[derive(Debug)]
struct Flight {
    turn: TurnId,
    /// When it went to the present plugin, monotonic ms.
    since: u64,
    answered: bool,
    late: bool,
    times: Milestones,
}

/// The plugin's open session.
#[derive(Debug)]
struct Link {
    session: SessionId,
    outbox: Outbox,
    /// Turns it was given and has not accepted.
    unaccepted: BTreeSet<TurnId>,
}

/// Most turns that the plugin holds without having accepted them.
const LINK_WINDOW: usize = 64;

/// The hub's state. One owner: the driver's thread.
#[derive(Debug)]
pub struct Hub {
    /// The store; the driver commits it.
    pub store: Store,
    facts: Facts,
    sessions: BTreeMap<SessionId, Attached>,
    attached: BTreeMap<DeviceKey, SessionId>,
    flights: BTreeMap<DeviceKey, Flight>,
    link: Option<Link>,
    link_view: LinkView,
    /// Devices with open turns that wait for a place at the plugin.
    ready: std::collections::VecDeque<DeviceKey>,
    tickets: Vec<Ticket>,
    announcements: Announcements,
    next_tidy: u64,
    room: Room,
    belief: Belief,
    /// The next run does not know it yet.
    belief_unsaved: bool,
    /// The message whose handling the store refused.
    unanswered: Option<(SessionId, String)>,
    effects: Vec<Effect>,
    list: List,
}

/// Whether anybody has to be told that the list of devices is another one.
#[derive(Debug, Default)]
struct List {
    /// Since the last [`Hub::news`].
    changed: bool,
    /// The last [`Notice::Devices`] went out, and nobody has read the list after it.
    unread: bool,
}

/// How often old texts are wiped, ms.
const TIDY_MS: u64 = 3_600_000;

impl Hub {
    /// The hub on a store.
    ///
    /// # Errors
    /// SQLite's.
    pub fn new(store: Store, facts: Facts) -> rusqlite::Result<Self> {
        let gateway = store.meta("gateway")?;
        Ok(Self {
            store,
            facts,
            sessions: BTreeMap::new(),
            attached: BTreeMap::new(),
            flights: BTreeMap::new(),
            link: None,
            link_view: LinkView { gateway, ..LinkView::default() },
            ready: std::collections::VecDeque::new(),
            tickets: Vec::new(),
            announcements: Announcements::default(),
            next_tidy: 0,
            room: Room::Plenty,
            belief: Belief::default(),
            belief_unsaved: false,
            unanswered: None,
            effects: Vec::new(),
            list: List::default(),
        })
    }

    /// Decides. The writes are in the store's open transaction; the effects are for after its commit.
    ///
    /// # Errors
    /// SQLite's: the driver must roll back, and give all effects since the last commit to [`Hub::rewind`] or [`Hub::recover`].
    pub fn handle(&mut self, event: Event, now: Now) -> rusqlite::Result<Vec<Effect>> {
        match event {
            Event::FindKey { device, reply } => {
                let key = self.store.device(&device)?.map(|row| row.public_key);
                self.answer(reply, key);
            }
            Event::DeviceReady { session, device, outbox, peer, epoch, last_n, sig } => {
                let arrival = presence::Arrival { session, device, outbox, peer, epoch, last_n, sig };
                self.on_device_ready(arrival, now)?;
            }
            Event::DeviceReach { session, unsure } => self.on_device_reach(session, unsure),
            Event::DeviceGone { session } => self.on_device_gone(session, now)?,
            Event::BindClaim { session, bind, caller } => self.on_bind_claim(session, &bind, &caller, now),
            Event::Announce { session, announce, caller } => self.on_announce(session, announce, caller, now),
            Event::AnnounceReveal { session, cn } => self.on_announce_reveal(session, cn, now),
            Event::BindShown { session } => self.on_bind_shown(session),
            Event::BindGone { session } => self.on_bind_gone(session),
            Event::Message { session, id, text } => {
                if let Err(error) = self.on_message(session, &id, &text, now) {
                    self.unanswered = Some((session, id));
                    return Err(error);
                }
            }
            Event::Got { session, n } => self.on_got(session, n, now)?,
            Event::LinkReady { session, auth, sn, outbox } => self.on_link_ready(session, &auth, &sn, outbox, now)?,
            Event::FromPlugin { session, frame } => self.on_plugin_frame(session, frame, now)?,
            Event::LinkGone { session } => self.on_link_gone(session, now),
            Event::Listening(addresses) => self.on_listening(addresses),
            Event::Command(command) => self.on_command(command, now)?,
            Event::Woke => self.on_woke(),
            Event::Tick => self.on_tick(now)?,
        }
        self.keep_belief()?;
        Ok(std::mem::take(&mut self.effects))
    }

    /// What to tell after a batch of events, so that nobody who reads the list of devices is behind. See [`Notice::Devices`].
    pub fn news(&mut self) -> Option<Notice> {
        if !std::mem::take(&mut self.list.changed) || self.list.unread {
            return None;
        }
        self.list.unread = true;
        Some(Notice::Devices)
    }

    /// The list of devices is another one.
    fn changed(&mut self) {
        self.list.changed = true;
    }

    /// Somebody reads the list of devices.
    fn read(&mut self) {
        self.list.unread = false;
    }

    /// When [`Event::Tick`] is next due, monotonic ms.
    pub fn next_deadline(&self) -> u64 {
        let timing = &self.facts.timing;
        let flights = self.flights.values().filter(|_| self.link.is_some()).flat_map(|flight| {
            let slow = (!flight.answered && !flight.late).then(|| flight.since + millis(timing.answer));
            [slow, Some(flight.since + millis(timing.stop))]
        });
        let attempts = self.attempts().filter(|attempt| !attempt.is_over()).map(|attempt| Some(attempt.deadline));
        flights.chain(attempts).flatten().chain([self.next_tidy]).min().unwrap_or(u64::MAX)
    }

    fn on_tick(&mut self, now: Now) -> rusqlite::Result<()> {
        self.expire_attempts(now);
        if self.link.is_some() {
            self.expire_turns(now)?;
        }
        if now.mono >= self.next_tidy {
            self.next_tidy = now.mono + TIDY_MS;
            self.tidy(now)?;
        }
        Ok(())
    }

    fn stop(&mut self, now: Now) -> rusqlite::Result<()> {
        let bye = Bye { code: Code::Stopping, retry_ms: Some(2_000) };
        for attached in std::mem::take(&mut self.sessions).into_values() {
            self.store.device_seen(&attached.device, now.wall)?;
            self.effects.push(Effect::Device(attached.outbox.clone(), ToDevice::Bye(bye)));
            self.effects.push(Effect::Close(attached.outbox, Close::Restarting));
        }
        self.attached.clear();
        self.save_clock()?;
        if let Some(link) = self.link.take() {
            self.effects.push(Effect::Plugin(link.outbox.clone(), ToPlugin::Bye(bye)));
            self.effects.push(Effect::Close(link.outbox, Close::Restarting));
        }
        let waiting = self.end_attempts(BindFailure::Expired, |_| true);
        self.effects.extend(waiting.into_iter().map(|outbox| Effect::Close(outbox, Close::Restarting)));
        Ok(())
    }

    fn answer<T: Send + 'static>(&mut self, reply: tokio::sync::oneshot::Sender<T>, value: T) {
        // Nobody waiting any more is not an error.
        self.effects.push(Effect::Answer(Answer(Box::new(move || drop(reply.send(value))))));
    }

    fn tell_device(&mut self, device: &DeviceKey, frame: ToDevice) {
        if let Some(outbox) = self.outbox_of(device) {
            self.effects.push(Effect::Device(outbox, frame));
        }
    }

    fn outbox_of(&self, device: &DeviceKey) -> Option<Outbox> {
        let session = self.attached.get(device)?;
        self.sessions.get(session).map(|attached| attached.outbox.clone())
    }

    fn tell_plugin(&mut self, frame: ToPlugin) {
        if let Some(link) = &self.link {
            self.effects.push(Effect::Plugin(link.outbox.clone(), frame));
        }
    }

    fn refuse(&mut self, outbox: &Outbox, code: Code, close: Close) {
        self.effects.push(Effect::Device(outbox.clone(), ToDevice::Err(ErrFrame::of(code))));
        self.effects.push(Effect::Device(outbox.clone(), ToDevice::Bye(Bye { code, retry_ms: None })));
        self.effects.push(Effect::Close(outbox.clone(), close));
    }
}

/// A wait in ms.
fn millis(wait: std::time::Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
