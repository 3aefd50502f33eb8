//! The service's own state and its troubles.

use std::collections::HashMap;

use super::did;
use super::event::Event;
use crate::failure::{Failure, FailureCode};
use crate::state::{Did, State};
use crate::view::{NoticeKind, Phase};

/// How long the same trouble is not told again.
const SAME_MS: i64 = 600_000;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// The phase that was seen last.
    last: Option<Phase>,
    /// The last phase that lasts: stopped, running, failed.
    settled: Option<Phase>,
    /// What it last failed with.
    failed_with: Option<FailureCode>,
    /// The present failure was told.
    failure_told: bool,
    /// A trouble of the disk was told, and not yet that it is over.
    disk_told: bool,
    /// When each trouble was told.
    told: HashMap<FailureCode, i64>,
}

impl Service {
    pub(super) fn step(&mut self, before: &State, after: &State, now_ms: i64) -> Vec<Event> {
        let mut events: Vec<Event> = self.phase(after, now_ms).into_iter().collect();
        let is_known = |failure: &Failure| before.shown.troubles.iter().any(|known| known.code == failure.code);
        for failure in after.shown.troubles.iter().filter(|failure| !is_known(failure)) {
            if self.is_fresh(failure.code, now_ms) {
                let quiet = !failure.is_storage() && !failure.is_damage();
                self.disk_told |= failure.is_disk();
                let failure = Some(failure.clone());
                events.push(Event { failure, quiet, ..Event::new(NoticeKind::Trouble, now_ms) });
            }
        }
        if self.disk_told && !after.shown.troubles.iter().any(Failure::is_disk) {
            self.disk_told = false;
            events.push(Event::new(NoticeKind::DiskWell, now_ms));
        }
        events
    }

    fn phase(&mut self, after: &State, now_ms: i64) -> Option<Event> {
        let phase = after.shown.service.phase;
        let last = self.last.replace(phase);
        let kind = match phase {
            Phase::Starting | Phase::Stopping => return None,
            Phase::Failed => return self.failed(after, last == Some(Phase::Failed), now_ms),
            Phase::Running => NoticeKind::Started,
            Phase::Stopped => NoticeKind::Stopped,
        };
        let failure_told = std::mem::take(&mut self.failure_told);
        let quiet = match (self.settled.replace(phase), phase) {
            // What a launch leads to is no news.
            (None, _) => return None,
            (Some(settled), _) if settled == phase => return None,
            (Some(Phase::Failed), Phase::Running) => !failure_told || did(after, &Did::Started, now_ms),
            (Some(_), Phase::Running) => did(after, &Did::Started, now_ms),
            (Some(_), _) => did(after, &Did::Stopped, now_ms),
        };
        Some(Event { quiet, ..Event::new(kind, now_ms) })
    }

    fn failed(&mut self, after: &State, was_failed: bool, now_ms: i64) -> Option<Event> {
        let failure = after.shown.service.failure.clone().unwrap_or(Failure::bare(FailureCode::Internal));
        self.settled = Some(Phase::Failed);
        if self.failed_with.replace(failure.code) == Some(failure.code) && was_failed {
            return None;
        }
        // Who tried to start it hears the answer.
        if did(after, &Did::Started, now_ms) {
            self.told.remove(&failure.code);
        }
        if !self.is_fresh(failure.code, now_ms) {
            return None;
        }
        self.failure_told = true;
        Some(Event { failure: Some(failure), not_running: true, ..Event::new(NoticeKind::Trouble, now_ms) })
    }

    /// Whether this trouble was not told lately; it counts as told from now on.
    fn is_fresh(&mut self, code: FailureCode, now_ms: i64) -> bool {
        let told = self.told.get(&code).is_some_and(|told| (0..SAME_MS).contains(&(now_ms - told)));
        if !told {
            self.told.insert(code, now_ms);
        }
        !told
    }
}
