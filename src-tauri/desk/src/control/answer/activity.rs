//! The shapes of the answers about what happened.

use channel::view::TurnOf;
use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use super::Turn;

/// `activity.turns`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Turns {
    /// Newest first.
    pub turns: Vec<ActivityTurn>,
    /// Whether older ones are there.
    pub more: bool,
}

/// One turn: what a device said and what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActivityTurn {
    /// Whose.
    pub device_key: String,
    /// Its name now.
    pub device_name: String,
    /// When each thing happened.
    #[serde(flatten)]
    pub turn: Turn,
    /// When it was over, ms since 1970.
    #[specta(type = Option<Number>)]
    pub ended_ms: Option<i64>,
    /// What the device said, cut after 500 characters. `None`: wiped, as the settings ask.
    pub said: Option<String>,
    /// What the assistant answered, cut after 500 characters. `None`: nothing yet, or wiped.
    pub answered: Option<String>,
}

impl From<TurnOf> for ActivityTurn {
    fn from(turn: TurnOf) -> Self {
        let TurnOf { device, name, turn, ended_ms, said, answered } = turn;
        Self { device_key: device.to_string(), device_name: name, turn: turn.into(), ended_ms, said, answered }
    }
}
