//! Devices that come and go, are bound and removed.

use std::collections::BTreeMap;

use super::event::{About, Event};
use super::{SETTLE_MS, did};
use crate::control::answer::DeviceState;
use crate::state::{Act, Did, State, Window};
use crate::view::{DeviceView, NoticeKind, Phase};

/// Changes that settle within this time are one notice.
const TOGETHER_MS: i64 = 2_000;
/// How long after a binding the first connection belongs to it.
const NEWBORN_MS: i64 = 60_000;

/// What is known of the devices.
#[derive(Debug, Default)]
pub(super) struct Comings {
    /// When this run began. `None`: nothing was seen yet.
    born_ms: Option<i64>,
    devices: BTreeMap<String, Memory>,
    /// Since when the service runs. `None`: it does not.
    running_ms: Option<i64>,
    /// Until when what the person did makes devices reconnect.
    moved_until_ms: i64,
}

/// What is known of a device. One that is unsure counts as online.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// What was told last, or would have been but for a mute or a switch.
    told: bool,
    /// What is true, and since when.
    online: bool,
    changed_ms: i64,
    /// It was bound in this run and has not connected yet.
    newborn_ms: Option<i64>,
}

/// What differs from what was told.
#[derive(Clone, Copy, Debug)]
struct Change {
    due_ms: i64,
    /// It happened while comings and goings were gathered.
    gathered: bool,
}

impl Comings {
    /// What to tell now, and when to look again.
    pub(super) fn step(&mut self, before: &State, after: &State, now_ms: i64) -> (Vec<Event>, Option<i64>) {
        let born_ms = *self.born_ms.get_or_insert_with(|| {
            for device in &before.shown.devices {
                let online = is_online(device);
                let memory = Memory { told: online, online, changed_ms: now_ms, newborn_ms: None };
                self.devices.insert(device.device_key.clone(), memory);
            }
            now_ms
        });
        let mut events = self.removed(before, after, now_ms);
        for device in &after.shown.devices {
            let is_new = !self.devices.contains_key(&device.device_key);
            if is_new && device.bound_at_ms >= born_ms {
                // The success is on the screen of who bound it there.
                let quiet = after.window == Window::Open && did(after, &Did::Bound(device.device_key.clone()), now_ms);
                events.push(Event { about: vec![about(device)], quiet, ..Event::new(NoticeKind::Bound, now_ms) });
            }
            self.see(device, now_ms, (is_new && device.bound_at_ms >= born_ms).then_some(now_ms));
        }
        self.running_ms = match (after.shown.service.phase, self.running_ms) {
            (Phase::Running, None) => Some(now_ms),
            (Phase::Running, Some(since_ms)) => Some(since_ms.min(now_ms)),
            (Phase::Stopped | Phase::Starting | Phase::Stopping | Phase::Failed, _) => None,
        };
        let moves = after.acts.iter().filter(|act| matches!(act.what, Did::Moved | Did::Started));
        self.moved_until_ms = moves.map(|act| act.at_ms + Act::FRESH_MS).fold(self.moved_until_ms, i64::max);

        let Some(release_ms) = self.release_ms(after) else { return (events, None) };
        if now_ms < release_ms {
            return (events, Some(release_ms));
        }
        events.extend(self.release(after, release_ms));
        (events, self.release_ms(after))
    }

    /// Those that were there and are not. While the service comes up or has failed, the list says nothing.
    fn removed(&mut self, before: &State, after: &State, now_ms: i64) -> Vec<Event> {
        let says = |state: &State| matches!(state.shown.service.phase, Phase::Running | Phase::Stopped);
        if !says(before) || !says(after) {
            return Vec::new();
        }
        let stayed = |key: &str| after.shown.devices.iter().any(|device| device.device_key == key);
        let gone = before.shown.devices.iter().filter(|device| !stayed(&device.device_key));
        gone.map(|device| {
            self.devices.remove(&device.device_key);
            let quiet = did(after, &Did::Removed(device.device_key.clone()), now_ms);
            let about = vec![About { key: None, ..about(device) }];
            Event { about, quiet, ..Event::new(NoticeKind::Removed, now_ms) }
        })
        .collect()
    }

    fn see(&mut self, device: &DeviceView, now_ms: i64, newborn_ms: Option<i64>) {
        let new = Memory { told: false, online: false, changed_ms: now_ms, newborn_ms };
        let memory = self.devices.entry(device.device_key.clone()).or_insert(new);
        // A clock that was set back must not keep a change for hours.
        memory.changed_ms = memory.changed_ms.min(now_ms);
        let online = is_online(device);
        if online != memory.online {
            memory.online = online;
            memory.changed_ms = now_ms;
        }
        if online && memory.newborn_ms.take().is_some_and(|bound_ms| now_ms - bound_ms < NEWBORN_MS) {
            memory.told = true;
        }
    }

    fn gather_until_ms(&self, after: &State) -> i64 {
        after.gather_until_ms.max(self.moved_until_ms)
    }

    /// What there is to tell of this device.
    fn change(&self, device: &DeviceView, after: &State) -> Option<Change> {
        let running_ms = self.running_ms?;
        let memory = self.devices.get(&device.device_key).filter(|memory| memory.told != memory.online)?;
        let settled_ms = memory.changed_ms.max(running_ms) + SETTLE_MS;
        let gather_ms = self.gather_until_ms(after);
        Some(Change { due_ms: settled_ms.max(gather_ms), gathered: settled_ms - SETTLE_MS < gather_ms })
    }

    /// When the first change is told, with all those that settle shortly after it.
    fn release_ms(&self, after: &State) -> Option<i64> {
        let changes: Vec<Change> = after.shown.devices.iter().filter_map(|device| self.change(device, after)).collect();
        let first = changes.iter().min_by_key(|change| change.due_ms)?;
        let together_ms = first.due_ms + if first.gathered { SETTLE_MS } else { TOGETHER_MS };
        changes.iter().map(|change| change.due_ms).filter(|due_ms| *due_ms <= together_ms).max()
    }

    fn release(&mut self, after: &State, release_ms: i64) -> Vec<Event> {
        let mut came = Event::new(NoticeKind::Connected, i64::MAX);
        let mut left = Event::new(NoticeKind::Disconnected, i64::MAX);
        for device in &after.shown.devices {
            if self.change(device, after).is_none_or(|change| change.due_ms > release_ms) {
                continue;
            }
            let Some(memory) = self.devices.get_mut(&device.device_key) else { continue };
            memory.told = memory.online;
            let event = if memory.online { &mut came } else { &mut left };
            event.at_ms = event.at_ms.min(memory.changed_ms);
            event.about.push(about(device));
        }
        [came, left].into_iter().filter(|event| !event.about.is_empty()).collect()
    }
}

fn is_online(device: &DeviceView) -> bool {
    match device.state {
        DeviceState::Online | DeviceState::Unsure => true,
        DeviceState::Offline => false,
    }
}

fn about(device: &DeviceView) -> About {
    About { key: Some(device.device_key.clone()), name: device.name.clone(), muted: device.muted }
}
