//! What the service tells the application: plain data, no wire and no SQL.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::id::DeviceKey;
use crate::wire::device::{Confirm, Kind};

/// A binding code, ready to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its public handle.
    pub bind: String,
    /// The whole QR content. Holds the secret: show it, never log it.
    pub url: String,
    /// The same code for a device without a camera, `XXXX-XXXX-XXXX-XXXX`; it works over TLS only. As secret as the QR content.
    pub code: Zeroizing<String>,
    /// When it dies, ms since 1970.
    pub expires_ms: i64,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Ticket");
        shown.field("bind", &self.bind).field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}

/// Why no code could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The service does not listen there.
    #[error("the service does not listen on this address")]
    NotListening,
    /// A device waits for confirmation; its code is not replaced.
    #[error("a device is waiting for confirmation")]
    Claimed,
    /// The service stops.
    #[error("the service is stopping")]
    Stopping,
}

/// Why a script was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// There are as many devices as there may be.
    #[error("there are too many devices")]
    Full,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The store refused, or the service stops.
    #[error("the service is stopping, or cannot store")]
    Stopping,
}

/// Where a binding stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindProgress {
    /// Nobody scanned yet.
    Waiting {
        /// When the code dies, ms since 1970.
        expires_ms: i64,
    },
    /// A device proved the code.
    Scanned(Claimant),
    /// It shows its code to the person.
    Confirming(Claimant),
    /// Done.
    Bound {
        /// The device.
        device: DeviceKey,
        /// Its name.
        name: String,
    },
    /// Over.
    Failed(BindFailure),
}

/// A device that wants to be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// What it calls itself.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub address: IpAddr,
    /// How the person confirms.
    pub how: Confirm,
    /// How it found its way here.
    pub entry: Entry,
}

impl Claimant {
    /// How many digits the person types; 0 where it is a word.
    pub fn digits(&self) -> u8 {
        match (self.how, self.entry) {
            (Confirm::Allow, _) => 0,
            (Confirm::Code, Entry::Scanned | Entry::Typed) => 2,
            (Confirm::Code, Entry::Announced) => 6,
        }
    }
}

/// How a device that wants to be bound found its way here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It scanned the QR code.
    Scanned,
    /// Somebody typed the code there.
    Typed,
    /// It asks by itself.
    Announced,
}

impl Entry {
    /// The word in docs/CONTROL.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scanned => "qr",
            Self::Typed => "typed",
            Self::Announced => "announced",
        }
    }
}

/// Why a binding failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindFailure {
    /// Time ran out.
    Expired,
    /// The person said no.
    Rejected,
    /// Two devices used one code: both are refused.
    SecondClaim,
    /// Three wrong codes were typed.
    WrongCode,
    /// Five wrong proofs.
    TooManyFailures,
    /// The device went away.
    DeviceLeft,
    /// A newer code took its place.
    Replaced,
    /// The store refused, or there are too many devices.
    NotStored,
}

impl BindFailure {
    /// The word in docs/CONTROL.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::SecondClaim => "second_claim",
            Self::WrongCode => "wrong_code",
            Self::TooManyFailures => "too_many_failures",
            Self::DeviceLeft => "device_left",
            Self::Replaced => "replaced",
            Self::NotStored => "not_stored",
        }
    }
}

/// Why a confirmation was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// No such code.
    #[error("this binding code is not known")]
    Unknown,
    /// No device is showing a code.
    #[error("no device is waiting for confirmation")]
    NotConfirming,
    /// Another number; tries left.
    #[error("wrong code, {left} tries left")]
    WrongCode {
        /// Tries left.
        left: u8,
    },
    /// The store refused.
    #[error("the binding could not be stored")]
    Storage,
    /// The service stops.
    #[error("the service is stopping")]
    Stopping,
}

/// A claim that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Handle of the code or of the announcement.
    pub bind: String,
    /// Who.
    pub claimant: Claimant,
    /// Whether it shows its code already.
    pub confirming: bool,
    /// Since when, ms since 1970.
    pub since_ms: i64,
}

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
