//! The shapes of the answers about what happened.

use channel::view::{Happened, Speaker, TurnOf, Unasked};
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
    /// What was said to devices that had not asked, newest first.
    pub unasked: Vec<ActivityUnasked>,
    /// Whether older ones are there: before the oldest time of both lists.
    pub more: bool,
}

impl From<Happened> for Turns {
    fn from(happened: Happened) -> Self {
        let Happened { turns, unasked, more } = happened;
        Self {
            turns: turns.into_iter().map(Into::into).collect(),
            unasked: unasked.into_iter().map(Into::into).collect(),
            more,
        }
    }
}

/// Something that was said to a device that had not asked, or was kept from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActivityUnasked {
    /// Its id.
    pub rid: String,
    /// To whom.
    pub device_key: String,
    /// Its name now.
    pub device_name: String,
    /// When, ms since 1970.
    #[specta(type = Number)]
    pub at_ms: i64,
    /// Who said it.
    pub by: SpeakerWord,
    /// The agent's id; only with `agent`.
    pub agent: Option<String>,
    /// The owner's choice kept it from the device.
    pub refused: bool,
    /// What was said, cut after 500 characters. `None`: refused, or wiped, as the settings ask.
    pub said: Option<String>,
    /// When the device had it, ms since 1970.
    #[specta(type = Option<Number>)]
    pub got_ms: Option<i64>,
}

/// Who speaks without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum SpeakerWord {
    /// An agent.
    Agent,
    /// A person or a program at OpenClaw's command line.
    Terminal,
    /// OpenClaw did not say.
    Unknown,
}

impl From<Unasked> for ActivityUnasked {
    fn from(unasked: Unasked) -> Self {
        let Unasked { rid, device, name, at_ms, by, refused, said, got_ms } = unasked;
        let (by, agent) = match by {
            Speaker::Agent(id) => (SpeakerWord::Agent, Some(id)),
            Speaker::Terminal => (SpeakerWord::Terminal, None),
            Speaker::Unknown => (SpeakerWord::Unknown, None),
        };
        Self { rid, device_key: device.to_string(), device_name: name, at_ms, by, agent, refused, said, got_ms }
    }
}

/// How the newest question of a device ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LastTurn {
    /// When, ms since 1970.
    #[specta(type = Number)]
    pub at_ms: i64,
    /// With an answer, or with nothing to say; false: with an error.
    pub well: bool,
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
        let TurnOf { device, name, turn, ended_ms, said, answered, failed: _ } = turn;
        Self { device_key: device.to_string(), device_name: name, turn: turn.into(), ended_ms, said, answered }
    }
}
