//! What peers are told when the store takes nothing, and how memory falls back to what the store has.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Notice, SessionId};
use super::{Effect, Hub, Now};
use crate::outbox::Outbox;
use crate::storage::Room;
use crate::store::OpenError;
use crate::view::{BindFailure, BindProgress};
use crate::wire::device::{Bye, ErrFrame, ToDevice};
use crate::wire::{Close, Code};

/// Least wait of a device with a message that could not be stored, and of peers that were sent away, ms.
const RETRY_MS: u64 = 1_000;
/// Least wait of a plugin for which there is no room, ms.
const LINK_RETRY_MS: u64 = 5_000;

impl Hub {
    /// So much room is left for messages and replies.
    pub fn set_room(&mut self, room: Room, now: Now) -> Vec<Effect> {
        self.room = room;
        if room == Room::Least {
            self.send_link_away(LINK_RETRY_MS, now);
        }
        std::mem::take(&mut self.effects)
    }

    /// Whether the plugin may link: what it brings must be stored.
    pub(super) fn has_room_for_link(&mut self, outbox: &Outbox) -> bool {
        if self.room == Room::Least {
            self.effects.extend(sent_away(outbox.clone(), LINK_RETRY_MS));
            return false;
        }
        true
    }

    /// A message cannot be stored: the device keeps it and its session.
    pub(super) fn cannot_store(&mut self, session: SessionId, id: &str) {
        if let Some(attached) = self.sessions.get(&session) {
            let frame = ToDevice::Err(not_stored(id));
            self.effects.push(Effect::Device(attached.outbox.clone(), frame));
        }
    }

    /// After a write that was refused while the store itself is sound: memory falls back to what is stored. `unsent` is what was decided since the last commit.
    ///
    /// Devices stay, but for those whose coming or going was not stored. The plugin's link ends: it sends again what it heard no `stored` for, in order.
    pub fn rewind(&mut self, unsent: Vec<Effect>, now: Now) -> Vec<Effect> {
        self.changed();
        self.belief_unsaved = true;
        let mut unsent = unsent;
        unsent.append(&mut self.effects);
        let sessions: BTreeMap<usize, SessionId> =
            self.sessions.iter().map(|(session, attached)| (attached.outbox.name(), *session)).collect();
        let mut answered = BTreeSet::new();
        let mut leaving: BTreeMap<usize, Outbox> = BTreeMap::new();
        let mut binding = false;
        for effect in unsent {
            match effect {
                Effect::Device(outbox, frame) => match frame {
                    ToDevice::Reply(reply) => {
                        if let Some(session) = sessions.get(&outbox.name()) {
                            self.unsend(*session, reply.n);
                        }
                    }
                    ToDevice::Ack { id, .. } => self.refuse_message(&mut answered, outbox, id),
                    ToDevice::Err(ErrFrame { code, re: Some(id), .. })
                        if !matches!(code, Code::LinkOffline | Code::NoAnswerYet) =>
                    {
                        self.refuse_message(&mut answered, outbox, id);
                    }
                    ToDevice::Ready { .. } | ToDevice::BindOk { .. } | ToDevice::Bye(_) => {
                        leaving.insert(outbox.name(), outbox);
                    }
                    ToDevice::BindWait { .. } | ToDevice::AnnounceWait { .. } => {
                        self.effects.push(Effect::Device(outbox, frame))
                    }
                    // Told again when it is true again.
                    ToDevice::Hello { .. }
                    | ToDevice::Turn { .. }
                    | ToDevice::Partial { .. }
                    | ToDevice::Link { .. }
                    | ToDevice::Err(_)
                    | ToDevice::Ping { .. }
                    | ToDevice::Pong { .. } => {}
                },
                Effect::Bound(outbox, _) => {
                    binding = true;
                    leaving.insert(outbox.name(), outbox);
                }
                Effect::Close(outbox, _) => {
                    leaving.insert(outbox.name(), outbox);
                }
                Effect::Check(outbox) => self.effects.push(Effect::Check(outbox)),
                // Who asked gets no answer. The plugin's link ends below.
                Effect::Answer(_) | Effect::Plugin(..) | Effect::Notice(_) => {}
            }
        }
        if let Some((session, id)) = self.unanswered.take()
            && let Some(attached) = self.sessions.get(&session)
        {
            let outbox = attached.outbox.clone();
            self.refuse_message(&mut answered, outbox, id);
        }
        for (name, outbox) in leaving {
            if let Some(attached) = sessions.get(&name).and_then(|session| self.sessions.remove(session)) {
                self.attached.remove(&attached.device);
            }
            self.effects.extend(sent_away(outbox, RETRY_MS));
        }
        self.send_link_away(RETRY_MS, now);
        self.flights.clear();
        self.ready.clear();
        if binding {
            self.bindings_failed();
        }
        std::mem::take(&mut self.effects)
    }

    /// After a failure of the store itself: as [`Hub::rewind`], and every device and the plugin are told to come back. They still hold what was not acknowledged.
    pub fn recover(&mut self, unsent: Vec<Effect>, now: Now) -> Vec<Effect> {
        let mut effects = self.rewind(unsent, now);
        for attached in std::mem::take(&mut self.sessions).into_values() {
            effects.extend(sent_away(attached.outbox, RETRY_MS));
        }
        self.attached.clear();
        let waiting = self.end_attempts(BindFailure::NotStored, |_| true);
        effects.extend(waiting.into_iter().map(|outbox| Effect::Close(outbox, Close::Refused)));
        effects
    }

    /// Opens the store again after [`Hub::recover`]. Where something is gone that somebody was told of, its numbers will be given again: then no peer may go on from
    /// where it was, and the person is told.
    ///
    /// # Errors
    /// See [`OpenError`]; the store stays closed.
    pub fn reopen(&mut self, now: Now) -> Result<Vec<Effect>, OpenError> {
        let missing = self.store.reopen(now.wall)?;
        if missing == 0 {
            tracing::warn!("the store is open again; everything that was acknowledged is there");
            return Ok(Vec::new());
        }
        tracing::error!(missing, "the store is open again, but the disk lost what was acknowledged");
        self.facts.epoch.send_replace(self.store.epoch()?.into());
        self.changed();
        Ok(vec![Effect::Notice(Notice::StoreDamaged("the newest messages".into()))])
    }

    /// A reply that did not go out goes out again.
    fn unsend(&mut self, session: SessionId, n: u64) {
        if let Some(attached) = self.sessions.get_mut(&session) {
            attached.sent_n = attached.sent_n.min(n.saturating_sub(1));
            attached.in_flight.retain(|(sent, _, _)| *sent < n);
        }
    }

    fn refuse_message(&mut self, answered: &mut BTreeSet<(usize, String)>, outbox: Outbox, id: String) {
        let frame = ToDevice::Err(not_stored(&id));
        if answered.insert((outbox.name(), id)) {
            self.effects.push(Effect::Device(outbox, frame));
        }
    }

    fn send_link_away(&mut self, retry_ms: u64, now: Now) {
        if let Some(outbox) = self.end_link(now) {
            self.effects.extend(sent_away(outbox, retry_ms));
        }
    }

    /// A code that was used up for a binding that is not stored.
    fn bindings_failed(&self) {
        for attempt in self.attempts().filter(|attempt| attempt.is_over()) {
            attempt.progress.send_if_modified(|progress| {
                let open = !matches!(progress, BindProgress::Bound { .. } | BindProgress::Failed(_));
                if open {
                    *progress = BindProgress::Failed(BindFailure::NotStored);
                }
                open
            });
        }
    }
}

fn not_stored(id: &str) -> ErrFrame {
    ErrFrame { retry_ms: Some(RETRY_MS), ..ErrFrame::of(Code::Storage).about(id) }
}

/// `err`, `bye` and `close` are the same frames on both links.
fn sent_away(outbox: Outbox, retry_ms: u64) -> [Effect; 3] {
    let bye = Bye { code: Code::Storage, retry_ms: Some(retry_ms) };
    [
        Effect::Device(outbox.clone(), ToDevice::Err(ErrFrame::of(Code::Storage))),
        Effect::Device(outbox.clone(), ToDevice::Bye(bye)),
        Effect::Close(outbox, Close::Restarting),
    ]
}
