//! A fact, or why it cannot be seen. "Cannot see" is never "nothing there".

use serde::{Deserialize, Serialize};

/// A fact, or why it cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", content = "value", rename_all = "camelCase")]
pub enum Seen<T> {
    /// The fact.
    Known(T),
    /// Why it cannot be seen.
    Hidden(Blind),
}

/// Why a fact cannot be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Blind {
    /// The system keeps it from this user: another user's process, `hidepid`, a file of somebody else.
    NotPermitted,
    /// This program does not know how to look on this system, yet.
    Unsupported,
    /// It is there and could be read, and makes no sense.
    Unreadable,
    /// It changed or went away while it was looked at.
    Changing,
    /// Nobody whom this program can see has it: it may belong to another namespace.
    Elsewhere,
    /// It is on another computer, which this program does not look at.
    OtherComputer,
    /// It was not looked for.
    NotAsked,
}

impl<T> Seen<T> {
    /// The fact, if it could be seen.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Hidden(_) => None,
        }
    }

    /// The fact, or why not.
    ///
    /// # Errors
    /// Why it cannot be seen.
    pub fn look(&self) -> Result<&T, Blind> {
        match self {
            Self::Known(fact) => Ok(fact),
            Self::Hidden(blind) => Err(*blind),
        }
    }

    /// The same about another form of the fact.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Known(fact) => Seen::Known(change(fact)),
            Self::Hidden(blind) => Seen::Hidden(blind),
        }
    }
}

impl<T> From<Result<T, Blind>> for Seen<T> {
    fn from(result: Result<T, Blind>) -> Self {
        match result {
            Ok(fact) => Self::Known(fact),
            Err(blind) => Self::Hidden(blind),
        }
    }
}

impl From<std::io::ErrorKind> for Blind {
    fn from(kind: std::io::ErrorKind) -> Self {
        if kind == std::io::ErrorKind::PermissionDenied { Self::NotPermitted } else { Self::Unreadable }
    }
}
