//! What a person is told by a notification, and when. Quiet by design.
//!
//! | what happened | told | not told |
//! | --- | --- | --- |
//! | a device came or left | once it has lasted 10 s; those within 2 s of each other as one notice | what was undone within 10 s; while the service does not run, because its own state says it |
//! | the same while comings and goings are gathered (a start, a resume, a change of network, a move by the person) | at the end, as one notice, and only what differs from what was told last | everything that is as it was |
//! | a device's first connection within 60 s of its binding | no: "bound" says it | |
//! | a device was bound, removed | at once | when the person did it: bound in the open window, removed |
//! | a device waits for a yes | at once, each once | while the window is open |
//! | a device asks the OpenClaw gateway to be let in, or for more | at once, each once | while the window is open |
//! | the service cannot run, something cannot be saved | at once | the same again within 10 min, unless the person has just tried to start it |
//! | the service was started or stopped | at once | when the person did it; at launch; the way back from a failure that was not told |
//! | OpenClaw left | after 60 s: a restart of the gateway takes that long | while the echo answers; before a gateway was ever linked |
//! | OpenClaw came back | once it has lasted 10 s | when its leaving was not told |
//! | entries of ours are gone from OpenClaw's configuration | at once, each once, also over restarts | when it was noticed in an earlier run |
//! | a newer release is there | at once, each once, also over restarts | when it was found in an earlier run |
//! | no tray shows icons | once in a run | |
//!
//! A muted device is never told of, and a switch in the settings silences its kind; both keep their rows in the history. What a muted device did is not
//! caught up when it is unmuted: who changes that sees its state beside it.
//!
//! Everything is a function of the states and the passed time. [`Step::wake_ms`] is the only timer, and there is none while nothing is pending.

mod assistant;
mod comings;
mod event;
#[cfg(test)]
mod property;
mod service;
#[cfg(test)]
mod tests;

use crate::control::answer::{PairingRequest, PendingState};
use crate::page::Page;
use crate::state::{Act, Did, State, Window};
use crate::view::{NoticeKind, NoticeView};
use event::{About, Event};

/// A notification, ready to be shown: plain text. It holds names that people and devices gave; a shell whose system reads markup escapes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What it is about.
    pub kind: NoticeKind,
    /// First line.
    pub title: String,
    /// The rest.
    pub body: String,
    /// What a click on it opens.
    pub page: Page,
    /// The word on its button.
    pub button: String,
}

/// What one look at the state gives.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Step {
    /// To be shown now, in this order.
    pub announcements: Vec<Announcement>,
    /// For the history, oldest first, told or not: each goes in front of [`crate::view::View::notices`].
    pub rows: Vec<NoticeView>,
    /// When to look again although nothing changed, ms since 1970. `None`: nothing is pending, so no timer is needed.
    pub wake_ms: Option<i64>,
}

/// How long a state lasts before it is told.
const SETTLE_MS: i64 = 10_000;

/// Decides what is told. Remembers what was told before, within one run.
#[derive(Debug, Default)]
pub struct Announcer {
    last_id: u64,
    comings: comings::Comings,
    assistant: assistant::Assistant,
    service: service::Service,
    /// Claims that were told, by their handle.
    claims: Vec<String>,
    /// Pairing requests that were told, by their id.
    requests: Vec<String>,
    /// Entries of ours that were noticed to be gone until then were told, ms since 1970. `None`: nobody has looked.
    entries_told_ms: Option<i64>,
    /// The same of newer releases.
    release_told_ms: Option<i64>,
    no_tray_told: bool,
}

impl Announcer {
    /// Looks at a change, or at nothing (`before == after`) when [`Step::wake_ms`] has come. `now_ms`: ms since 1970.
    pub fn step(&mut self, before: &State, after: &State, now_ms: i64) -> Step {
        let mut events = self.service.step(before, after, now_ms);
        events.extend(self.no_tray(after, now_ms));
        events.extend(self.new_claims(after, now_ms));
        events.extend(self.new_requests(after, now_ms));
        events.extend(self.gone_entries(after, now_ms));
        events.extend(self.new_release(after, now_ms));
        let (coming, coming_wake) = self.comings.step(before, after, now_ms);
        events.extend(coming);
        let (linking, linking_wake) = self.assistant.step(after, now_ms);
        events.extend(linking);

        let language = after.shown.app.language;
        let mut step = Step { wake_ms: coming_wake.into_iter().chain(linking_wake).min(), ..Step::default() };
        for event in events {
            self.last_id += 1;
            step.announcements.extend(event.announcement(language, &after.shown.settings.quiet));
            step.rows.push(event.row(self.last_id));
        }
        step
    }

    fn new_claims(&mut self, after: &State, now_ms: i64) -> Option<Event> {
        let pending = &after.shown.pending;
        // All that wait are one notice: a newer one takes the place of the one that told of the others.
        let waiting: Vec<_> = pending.iter().filter(|claim| claim.state == PendingState::Confirming).collect();
        let news = waiting.iter().find(|claim| !self.claims.contains(&claim.bind)).copied();
        self.claims = waiting.iter().map(|claim| claim.bind.clone()).collect();
        let first = news?;
        let about = waiting.iter().map(|claim| About { key: None, name: claim.name.clone(), muted: false }).collect();
        let quiet = after.window == Window::Open;
        Some(Event { about, how: Some(first.how), quiet, ..Event::new(NoticeKind::Confirm, now_ms) })
    }

    /// Devices that ask the gateway: all that wait are one notice.
    fn new_requests(&mut self, after: &State, now_ms: i64) -> Option<Event> {
        let waiting = &after.shown.gateway.pending;
        let news = waiting.iter().any(|request| !self.requests.contains(&request.request_id));
        self.requests = waiting.iter().map(|request| request.request_id.clone()).collect();
        if !news {
            return None;
        }
        let name = |request: &PairingRequest| request.name.clone().unwrap_or_else(|| request.short_id().to_owned());
        let about = waiting.iter().map(|request| About { key: None, name: name(request), muted: false }).collect();
        let quiet = after.window == Window::Open;
        Some(Event { about, quiet, ..Event::new(NoticeKind::Pairing, now_ms) })
    }

    fn gone_entries(&mut self, after: &State, now_ms: i64) -> Option<Event> {
        // What was noticed before this run was told then.
        let told_ms = *self.entries_told_ms.get_or_insert(now_ms.saturating_sub(1));
        let newest = after.shown.care.missing.iter().map(|missing| missing.at_ms).max()?;
        self.entries_told_ms = Some(told_ms.max(newest));
        (newest > told_ms).then(|| Event::new(NoticeKind::EntriesGone, newest))
    }

    fn new_release(&mut self, after: &State, now_ms: i64) -> Option<Event> {
        // What was found before this run was told then.
        let told_ms = *self.release_told_ms.get_or_insert(now_ms.saturating_sub(1));
        let newer = after.shown.release.as_ref()?.newer.as_ref().filter(|newer| newer.found_ms > told_ms)?;
        self.release_told_ms = Some(newer.found_ms);
        let about = vec![About { key: None, name: newer.version.clone(), muted: false }];
        Some(Event { about, ..Event::new(NoticeKind::NewRelease, now_ms) })
    }

    fn no_tray(&mut self, after: &State, now_ms: i64) -> Option<Event> {
        if self.no_tray_told || after.shown.app.tray != Some(false) {
            return None;
        }
        self.no_tray_told = true;
        Some(Event::no_tray(now_ms))
    }
}

/// Whether the person has just done this.
fn did(state: &State, what: &Did, now_ms: i64) -> bool {
    state.acts.iter().any(|act| act.what == *what && now_ms - act.at_ms < Act::FRESH_MS)
}
