//! Devices that come and go.

use std::net::IpAddr;
use std::sync::Arc;

use super::event::{Notice, SessionId};
use super::{Attached, Effect, Hub, Now};
use crate::id::DeviceKey;
use crate::outbox::Outbox;
use crate::view::{Device, Lost, Reach};
use crate::wire::device::{Bye, LinkState, Resume, ToDevice, TurnState};
use crate::wire::upstream::ToPlugin;
use crate::wire::{Blob, Close, Code};

/// Open turns whose state a returning device is told.
const TOLD: usize = 32;

/// A device that proved its key.
pub(super) struct Arrival {
    pub(super) session: SessionId,
    pub(super) device: DeviceKey,
    pub(super) outbox: Outbox,
    pub(super) peer: IpAddr,
    pub(super) epoch: String,
    pub(super) last_n: u64,
    pub(super) sig: Blob<64>,
}

impl Hub {
    pub(super) fn on_device_ready(&mut self, arrival: Arrival, now: Now) -> rusqlite::Result<()> {
        let Arrival { session, device, outbox, peer, epoch, last_n, sig } = arrival;
        let Some(row) = self.store.device(&device)? else {
            self.refuse(&outbox, Code::Removed, Close::Removed);
            return Ok(());
        };
        // Connections are numbered as they are accepted. A dead network may hold an `auth` back until the device has long come again: that is no newer connection.
        if self.attached.get(&device).is_some_and(|present| *present > session) {
            let bye = Bye { code: Code::Replaced, retry_ms: None };
            self.effects.push(Effect::Device(outbox.clone(), ToDevice::Bye(bye)));
            self.effects.push(Effect::Close(outbox, Close::Replaced));
            return Ok(());
        }
        let older = self.attached.insert(device.clone(), session).and_then(|older| self.sessions.remove(&older));
        let came = older.is_none();
        let since = older.as_ref().map_or(now.wall, |older| older.since);
        self.changed();
        if let Some(older) = older {
            let bye = Bye { code: Code::Replaced, retry_ms: None };
            self.effects.push(Effect::Device(older.outbox.clone(), ToDevice::Bye(bye)));
            self.effects.push(Effect::Close(older.outbox, Close::Replaced));
        }
        // A device that remembers more than was ever sent was bound to another life of this store.
        let resume =
            if epoch == **self.facts.epoch.borrow() && last_n <= row.last_n { Resume::Ok } else { Resume::Reset };
        let from = if resume == Resume::Ok { last_n } else { 0 };
        if from > row.got_n {
            self.store.replies_got(&device, from, None, now.wall, self.facts.keep_text())?;
        }
        let name: Arc<str> = row.name.into();
        self.sessions.insert(
            session,
            Attached {
                device: device.clone(),
                name: Arc::clone(&name),
                outbox: outbox.clone(),
                since,
                unsure: false,
                sent_n: from,
                in_flight: std::collections::VecDeque::new(),
            },
        );
        let link = if self.link.is_some() { LinkState::Online } else { LinkState::Offline };
        let ready = ToDevice::Ready {
            device_key: device.to_string(),
            name: name.to_string(),
            epoch: self.facts.epoch.borrow().to_string(),
            n: row.last_n,
            resume,
            link,
            answer_s: self.facts.timing.answer.as_secs(),
            sig,
        };
        self.effects.push(Effect::Device(outbox, ready));
        for (index, turn) in self.store.next_turns(&device, TOLD)?.into_iter().enumerate() {
            let s = if index == 0 && turn.sent { TurnState::Sent } else { TurnState::Queued };
            self.tell_device(&device, ToDevice::Turn { re: turn.id.message.as_str().into(), s, stage: None });
        }
        self.pump_replies(session, now)?;
        self.store.device_seen(&device, now.wall)?;
        if came {
            tracing::info!(deviceKey = %device, %peer, "device connected");
            self.tell_plugin(ToPlugin::Presence { device: device.to_string(), name: name.to_string(), online: true });
            self.effects.push(Effect::Notice(Notice::DeviceCame(device, name)));
        }
        Ok(())
    }

    pub(super) fn on_device_reach(&mut self, session: SessionId, unsure: bool) {
        if let Some(attached) = self.sessions.get_mut(&session) {
            attached.unsure = unsure;
            self.changed();
        }
    }

    pub(super) fn on_device_gone(&mut self, session: SessionId, now: Now) -> rusqlite::Result<()> {
        let Some(gone) = self.sessions.remove(&session) else { return Ok(()) };
        self.attached.remove(&gone.device);
        self.store.device_seen(&gone.device, now.wall)?;
        self.changed();
        self.tell_gone(gone.device, gone.name);
        Ok(())
    }

    /// Nobody knows who left while the computer slept: everybody is asked.
    pub(super) fn on_woke(&mut self) {
        let peers =
            self.sessions.values().map(|attached| &attached.outbox).chain(self.link.iter().map(|link| &link.outbox));
        let checks: Vec<Effect> = peers.map(|outbox| Effect::Check(outbox.clone())).collect();
        tracing::info!(peers = checks.len(), "woke up");
        self.effects.extend(checks);
    }

    fn tell_gone(&mut self, device: DeviceKey, name: Arc<str>) {
        tracing::info!(deviceKey = %device, "device disconnected");
        self.tell_plugin(ToPlugin::Presence { device: device.to_string(), name: name.to_string(), online: false });
        self.effects.push(Effect::Notice(Notice::DeviceWent(device, name)));
    }

    pub(super) fn remove_device(&mut self, device: &DeviceKey) -> rusqlite::Result<Option<Lost>> {
        let Some(lost) = self.store.remove_device(device)? else { return Ok(None) };
        self.changed();
        if let Some(flight) = self.flights.remove(device) {
            self.tell_plugin(ToPlugin::Abort { turn: flight.turn.to_string() });
            if let Some(link) = &mut self.link {
                link.unaccepted.remove(&flight.turn);
            }
        }
        let session = self.attached.remove(device).and_then(|session| self.sessions.remove(&session));
        let mut name: Arc<str> = "".into();
        if let Some(attached) = session {
            self.refuse(&attached.outbox, Code::Removed, Close::Removed);
            name = Arc::clone(&attached.name);
            self.tell_gone(device.clone(), attached.name);
        }
        self.effects.push(Effect::Notice(Notice::DeviceRemoved(device.clone(), name)));
        Ok(Some(lost))
    }

    pub(super) fn rename_device(&mut self, device: &DeviceKey, name: &str) -> rusqlite::Result<bool> {
        let known = self.store.rename_device(device, name)?;
        self.changed();
        self.effects.push(Effect::Notice(Notice::DeviceRenamed(device.clone())));
        if let Some(attached) = self.attached.get(device).and_then(|session| self.sessions.get_mut(session)) {
            attached.name = name.into();
            let presence = ToPlugin::Presence { device: device.to_string(), name: name.into(), online: true };
            self.tell_plugin(presence);
        }
        Ok(known)
    }

    pub(super) fn device_view(&self, row: crate::store::DeviceRow, now: Now) -> rusqlite::Result<Device> {
        let attached = self.attached.get(&row.key).and_then(|session| self.sessions.get(session));
        let reach = match attached {
            None => Reach::Offline,
            Some(Attached { unsure: true, .. }) => Reach::Unsure,
            Some(Attached { unsure: false, .. }) => Reach::Online,
        };
        let last_seen_ms = attached.map_or(row.last_seen, |attached| {
            now.wall.saturating_sub_unsigned(now.mono.saturating_sub(attached.outbox.heard_ms()))
        });
        Ok(Device {
            waiting: self.store.waiting_replies(&row.key)?.0,
            talking: self.flights.contains_key(&row.key),
            since_ms: attached.map_or(row.last_seen, |attached| attached.since),
            key: row.key,
            name: row.name,
            kind: row.kind,
            reach,
            last_seen_ms,
            bound_at_ms: row.bound_at,
            speaks_first: row.speaks_first,
        })
    }
}
