//! What the service tells the application: plain data, no wire and no SQL.

mod binding;

pub use self::binding::{
    AddError, BindFailure, BindProgress, Claimant, ConfirmError, Entry, IssueError, Pending, Ticket,
};
use crate::id::DeviceKey;
use crate::wire::device::Kind;

/// Whether a device can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Heard within the heartbeat.
    Online,
    /// Connected, but a heartbeat is overdue.
    Unsure,
    /// Not connected.
    Offline,
}

/// Who may speak to a device that has not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SpeaksFirst {
    /// Whoever the gateway lets speak: its agents, and a person at its command line.
    #[default]
    Anyone,
    /// Only what belongs to a message of this device.
    Asked,
    /// Nobody; answers come as ever.
    Nobody,
}

impl SpeaksFirst {
    /// The word in docs/CONTROL.md and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Asked => "asked",
            Self::Nobody => "nobody",
        }
    }

    /// The other way round.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Anyone, Self::Asked, Self::Nobody].into_iter().find(|who| who.as_str() == word)
    }
}

/// A bound device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Name of its key.
    pub key: DeviceKey,
    /// What the person calls it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it can be reached.
    pub reach: Reach,
    /// Since when it is connected, or since when it is not, ms since 1970; 0: it never was.
    pub since_ms: i64,
    /// When it was last heard, ms since 1970; 0: never.
    pub last_seen_ms: i64,
    /// Replies that wait for it.
    pub waiting: u64,
    /// Whether the plugin has a message of it that is not answered to the end.
    pub talking: bool,
    /// When it was bound, ms since 1970.
    pub bound_at_ms: i64,
    /// Who may speak to it without being asked.
    pub speaks_first: SpeaksFirst,
}

/// One turn and when each thing happened, ms since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TurnRecord {
    /// Message id.
    pub id: String,
    /// `queued`, `sent`, `done`.
    pub state: String,
    /// Once done.
    pub outcome: Option<String>,
    /// The frame came in.
    pub received_ms: i64,
    /// It was committed.
    pub stored_ms: i64,
    /// It went to the plugin.
    pub delivered_ms: Option<i64>,
    /// The plugin took it.
    pub accepted_ms: Option<i64>,
    /// The run began.
    pub started_ms: Option<i64>,
    /// First words.
    pub first_token_ms: Option<i64>,
    /// First tool.
    pub tool_ms: Option<i64>,
    /// Last reply came.
    pub final_ms: Option<i64>,
    /// It was written to the device's socket queue.
    pub sent_ms: Option<i64>,
    /// The device has it.
    pub got_ms: Option<i64>,
    /// A 9002 went before the answer.
    pub late: bool,
}

/// One turn, what was said in it, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnOf {
    /// The device.
    pub device: DeviceKey,
    /// Its name now.
    pub name: String,
    /// When each thing happened.
    pub turn: TurnRecord,
    /// When it was over, ms since 1970. `None`: it is not, or nobody noted it (in a store of version 0.1.0).
    pub ended_ms: Option<i64>,
    /// What the device said, its first 500 characters. `None`: wiped.
    pub said: Option<String>,
    /// What the assistant answered, all replies joined by line breaks, the first 500 characters. `None`: nothing yet, or wiped.
    pub answered: Option<String>,
    /// An error of the assistant's is among its replies, whatever the outcome says: a gateway tells a model's error as an answer.
    pub failed: bool,
}

/// Who speaks without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// An agent of the gateway, by its id.
    Agent(String),
    /// A person or a program at the gateway's command line; the gateway does not tell which.
    Terminal,
    /// The gateway named nobody.
    Unknown,
}

impl Speaker {
    /// From the word that is stored.
    pub fn of(by: Option<&str>) -> Self {
        match by {
            Some("terminal") => Self::Terminal,
            Some(by) => by.strip_prefix("agent:").map_or(Self::Unknown, |id| Self::Agent(id.to_owned())),
            None => Self::Unknown,
        }
    }
}

/// Something that was said to a device unasked, or was kept from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    /// Its id.
    pub rid: String,
    /// The device.
    pub device: DeviceKey,
    /// Its name now.
    pub name: String,
    /// When it came from the gateway, ms since 1970.
    pub at_ms: i64,
    /// Who said it.
    pub by: Speaker,
    /// The owner's choice kept it from the device.
    pub refused: bool,
    /// Its first 500 characters. `None`: refused, or wiped.
    pub said: Option<String>,
    /// When the device had it, ms since 1970.
    pub got_ms: Option<i64>,
}

/// A page of what happened: turns and what was said unasked, each newest first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Happened {
    /// Turns.
    pub turns: Vec<TurnOf>,
    /// What was said unasked.
    pub unasked: Vec<Unasked>,
    /// Whether there is older.
    pub more: bool,
}

impl Happened {
    /// One page of two: nothing is on it that something of the other kind, not on it, would stand above.
    pub fn joined(
        (mut turns, more_turns): (Vec<TurnOf>, bool),
        (mut unasked, more_unasked): (Vec<Unasked>, bool),
    ) -> Self {
        let turns_end = turns.last().filter(|_| more_turns).map(|of| of.turn.received_ms);
        let unasked_end = unasked.last().filter(|_| more_unasked).map(|entry| entry.at_ms);
        if let Some(end) = turns_end.max(unasked_end) {
            turns.retain(|of| of.turn.received_ms >= end);
            unasked.retain(|entry| entry.at_ms >= end);
        }
        Self { turns, unasked, more: more_turns || more_unasked }
    }
}

/// What was lost with a removed device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Lost {
    /// Messages that the assistant had not answered.
    pub messages: u64,
    /// Replies that the device had not taken.
    pub replies: u64,
}

/// The plugin's link.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LinkView {
    /// Whether a plugin is connected.
    pub online: bool,
    /// Since when, ms since 1970.
    pub since_ms: i64,
    /// The gateway that the link belongs to.
    pub gateway: Option<String>,
    /// The plugin's version.
    pub plugin: Option<String>,
    /// The gateway's version.
    pub host: Option<String>,
    /// The last other gateway that was refused.
    pub refused_gateway: Option<String>,
}
