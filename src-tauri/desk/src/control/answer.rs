//! The shapes of the answers on the control socket, for those who ask and those who answer.

mod accounts;
mod activity;
mod binding;
mod care;
mod entries;
mod gateway;
mod routing;
mod script;
mod setup;

use channel::view::{self, Device, LinkView, Lost, Reach, TurnRecord};
use channel::wire::device::Kind;
use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

pub use accounts::{Accounts, AccountsAct};
pub use activity::{ActivityTurn, ActivityUnasked, LastTurn, SpeakerWord, Turns};
pub use binding::{BindConfirmed, BindEvent, BindStarted, PendingClaim, PendingList, PendingState};
pub use care::{
    Action, Advice, Blind, CareView, Cause, ChainLink, Choice, Contradiction, CopyPlace, CopyValue, Engine, Evidence,
    Fact, FindingView, Guardian, LinkRow, NoPlan, Nobody, NotMine, Outcome, PairingReason, Plan, PlannedStep,
    PluginFix, PluginLink, PluginRow, Publisher, Referred, Refusal, Repair, RepairView, Repairs, Risk, RowState,
    Running, Seen, ServiceAct, ServiceHeld, ServiceManager, ServicePhase, ServiceSeen, ServiceState, Severity, Step,
    StepState, StepView, Stops, Supervision, TokenCopy, Undo, Unseen,
};
pub use entries::{EntriesPlan, EntriesWritten, EntryChange, MissingEntry, OwnEntry, Trap};
pub use gateway::{
    CertificateView, DeviceToken, GatewayChosen, GatewayCleared, GatewayDevice, GatewayDevices, GatewayLook,
    GatewayReach, NotTrusted, PairingRequest,
};
pub use routing::{DeviceRoute, GatewayAgent, GatewayAgents, RouteBecause, RouteChange, RoutePlan, Routed};
pub use script::{ScriptAdded, ScriptAddress};
pub use setup::{
    FoundBy, FoundOpenClaw, InstallPlan, PlannedChange, PluginRemoved, PluginState, RemovalPlan, SetupLook,
};

/// `{}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Nothing {}

/// `release.package` with `check`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ReleasePackage {
    /// The whole path of the package.
    pub path: String,
}

/// `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of the running program.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// TCP port.
    pub port: u16,
    /// Name that devices see.
    pub name: String,
    /// Who answers.
    pub agent: AgentWord,
    /// Where devices can reach it.
    pub addresses: Vec<Address>,
    /// The plugin's link.
    pub link: Link,
    /// How many devices.
    pub devices: DeviceCount,
    /// Data folder.
    pub data_dir: String,
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum AgentWord {
    /// The OpenClaw gateway.
    Gateway,
    /// The built-in echo.
    Echo,
}

/// One address of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Address {
    /// `http://ADDRESS:PORT/`.
    pub url: String,
    /// From where it can be reached.
    pub reach: AddressReach,
    /// Name of the network interface; empty where the system names none.
    pub interface: String,
}

/// From where an address can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum AddressReach {
    /// From this computer only.
    Computer,
    /// From the network too.
    Network,
}

/// The plugin's link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// Whether a plugin is connected.
    pub state: LinkState,
    /// Since when, ms since 1970.
    #[specta(type = Number)]
    pub since_ms: i64,
    /// The gateway it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Version of the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// Version of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The last other gateway that was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_gateway: Option<String>,
}

/// Whether a plugin is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// Yes.
    Online,
    /// No.
    Offline,
}

/// How many devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DeviceCount {
    /// Bound.
    #[specta(type = Number)]
    pub bound: usize,
    /// Connected now.
    #[specta(type = Number)]
    pub online: usize,
}

/// `devices.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DeviceList {
    /// Oldest binding first.
    pub devices: Vec<DeviceRow>,
}

/// A bound device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRow {
    /// Name of its key.
    pub device_key: String,
    /// What the person calls it.
    pub name: String,
    /// What it is.
    #[specta(type = String)]
    pub kind: Kind,
    /// Whether it can be reached.
    pub state: DeviceState,
    /// When it was last heard, ms since 1970; 0: never.
    #[specta(type = Number)]
    pub last_seen_ms: i64,
    /// Replies that wait for it.
    #[specta(type = Number)]
    pub waiting: u64,
    /// When it was bound, ms since 1970.
    #[specta(type = Number)]
    pub bound_at_ms: i64,
    /// Who may speak to it without being asked.
    pub speaks_first: SpeaksFirst,
}

/// Who may speak to a device that has not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum SpeaksFirst {
    /// Whoever the gateway lets speak.
    #[default]
    Anyone,
    /// Only what belongs to a message of this device.
    Asked,
    /// Nobody; answers come as ever.
    Nobody,
}

impl From<view::SpeaksFirst> for SpeaksFirst {
    fn from(who: view::SpeaksFirst) -> Self {
        match who {
            view::SpeaksFirst::Anyone => Self::Anyone,
            view::SpeaksFirst::Asked => Self::Asked,
            view::SpeaksFirst::Nobody => Self::Nobody,
        }
    }
}

impl From<SpeaksFirst> for view::SpeaksFirst {
    fn from(who: SpeaksFirst) -> Self {
        match who {
            SpeaksFirst::Anyone => Self::Anyone,
            SpeaksFirst::Asked => Self::Asked,
            SpeaksFirst::Nobody => Self::Nobody,
        }
    }
}

/// Whether a device can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// Heard within the heartbeat.
    Online,
    /// A heartbeat is overdue.
    Unsure,
    /// Not connected.
    Offline,
}

impl From<Device> for DeviceRow {
    fn from(device: Device) -> Self {
        Self {
            device_key: device.key.to_string(),
            name: device.name,
            kind: device.kind,
            state: match device.reach {
                Reach::Online => DeviceState::Online,
                Reach::Unsure => DeviceState::Unsure,
                Reach::Offline => DeviceState::Offline,
            },
            last_seen_ms: device.last_seen_ms,
            waiting: device.waiting,
            bound_at_ms: device.bound_at_ms,
            speaks_first: device.speaks_first.into(),
        }
    }
}

/// `devices.status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DeviceStatus {
    /// The device.
    #[serde(flatten)]
    pub device: DeviceRow,
    /// Newest first, at most 20.
    pub turns: Vec<Turn>,
}

/// One turn and when each thing happened, ms since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// Message id.
    pub id: String,
    /// `queued`, `sent`, `done`.
    pub state: String,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The frame came in.
    #[specta(type = Number)]
    pub received_ms: i64,
    /// It was committed.
    #[specta(type = Number)]
    pub stored_ms: i64,
    /// It went to the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub delivered_ms: Option<i64>,
    /// The plugin took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub accepted_ms: Option<i64>,
    /// The run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub started_ms: Option<i64>,
    /// First words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub first_token_ms: Option<i64>,
    /// First tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub tool_ms: Option<i64>,
    /// Last reply came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub final_ms: Option<i64>,
    /// It went to the device's socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub sent_ms: Option<i64>,
    /// The device has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<Number>)]
    pub got_ms: Option<i64>,
    /// A 9002 went before the answer.
    pub late: bool,
}

impl From<TurnRecord> for Turn {
    fn from(turn: TurnRecord) -> Self {
        Self {
            id: turn.id,
            state: turn.state,
            outcome: turn.outcome,
            received_ms: turn.received_ms,
            stored_ms: turn.stored_ms,
            delivered_ms: turn.delivered_ms,
            accepted_ms: turn.accepted_ms,
            started_ms: turn.started_ms,
            first_token_ms: turn.first_token_ms,
            tool_ms: turn.tool_ms,
            final_ms: turn.final_ms,
            sent_ms: turn.sent_ms,
            got_ms: turn.got_ms,
            late: turn.late,
        }
    }
}

/// `report.make`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Report {
    /// To be read before it is saved or copied.
    pub text: String,
}

/// `devices.remove`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Messages that the assistant had not answered.
    #[specta(type = Number)]
    pub lost_messages: u64,
    /// Replies that the device had not taken.
    #[specta(type = Number)]
    pub lost_replies: u64,
}

impl From<Lost> for Removed {
    fn from(lost: Lost) -> Self {
        Self { lost_messages: lost.messages, lost_replies: lost.replies }
    }
}

/// `devices.send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Sent {
    /// Its place among the device's replies.
    #[specta(type = Number)]
    pub n: u64,
    /// Whether the device is connected now.
    pub online: bool,
}

/// `link.await`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Hello {
    /// Id of the gateway.
    pub gateway: String,
    /// Version of the plugin.
    pub plugin: String,
    /// Version of the gateway.
    pub host: String,
}

impl From<LinkView> for Link {
    fn from(link: LinkView) -> Self {
        Self {
            state: if link.online { LinkState::Online } else { LinkState::Offline },
            since_ms: link.since_ms,
            gateway: link.gateway,
            plugin: link.plugin,
            host: link.host,
            refused_gateway: link.refused_gateway,
        }
    }
}
