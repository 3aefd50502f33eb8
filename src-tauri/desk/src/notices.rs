//! What a person is told by a notification, and when.

use crate::shell::Page;
use crate::state::State;
use crate::view::{NoticeKind, NoticeView};

/// A notification, ready to be shown.
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

/// Decides what is told. Remembers what was told before, within one run.
#[derive(Debug, Default)]
pub struct Announcer {
    last_id: u64,
}

impl Announcer {
    /// Looks at a change, or at nothing (`before == after`) when [`Step::wake_ms`] has come.
    pub fn step(&mut self, before: &State, after: &State, now_ms: i64) -> Step {
        let _ = (before, after, now_ms, &mut self.last_id);
        Step::default()
    }
}
