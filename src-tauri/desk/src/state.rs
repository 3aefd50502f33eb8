//! What the application knows: one value, owned by the controller.

pub(crate) mod facts;

use crate::view::View;

/// The whole.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// What a person sees of it.
    pub shown: View,
    /// The window's process.
    pub window: Window,
    /// What the person did a moment ago: that is not told again. Oldest first; the controller drops what is older than [`Act::FRESH_MS`].
    pub acts: Vec<Act>,
    /// Until when comings and goings are gathered into one notice, ms since 1970: after a start, a resume, a change of network.
    pub gather_until_ms: i64,
    /// Questions that ended before were answered by another assistant, ms since 1970.
    pub turns_from_ms: i64,
}

/// The window's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// There is none.
    Closed,
    /// It was started and has not said so yet.
    Opening,
    /// It listens.
    Open,
}

/// Something that the person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// When, ms since 1970.
    pub at_ms: i64,
    /// What.
    pub what: Did,
}

impl Act {
    /// How long an act explains what follows from it.
    pub const FRESH_MS: i64 = 15_000;
}

/// What the person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Did {
    /// Confirmed a binding of this device.
    Bound(String),
    /// Removed this device.
    Removed(String),
    /// Started the service.
    Started,
    /// Stopped the service.
    Stopped,
    /// Changed who may connect, or on which port: every device reconnects.
    Moved,
}
