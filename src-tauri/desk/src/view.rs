//! Everything that a person sees in the window, as one value that is replaced as a whole.
//!
//! The owner of the data folder makes it ([`crate::state::State`]), the control socket carries it (`view.watch`), the window shows it. It holds no secret and
//! no message text. Every time is ms since 1970.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use crate::control::answer::{
    AddressReach, AgentWord, CareView, DeviceState, LastTurn, LinkState, PairingRequest, PendingClaim, SpeaksFirst,
};
use crate::failure::Failure;
use crate::language::Language;
use crate::release::ReleaseView;
use crate::settings::{OtherGateway, Quiet};

/// The whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// Rises with every change, within one run of the owner.
    #[specta(type = Number)]
    pub revision: u64,
    /// The program.
    pub app: AppView,
    /// Whether a newer release is there. `None`: this program does not look.
    pub release: Option<ReleaseView>,
    /// The channel service.
    pub service: ServiceView,
    /// Who may reach it.
    pub network: NetworkView,
    /// Who answers.
    pub assistant: AssistantView,
    /// This app as a device of the OpenClaw gateway.
    pub gateway: GatewayView,
    /// What is wrong on the way from a device to a model, and what can be mended.
    pub care: CareView,
    /// Oldest binding first.
    pub devices: Vec<DeviceView>,
    /// Rises when what `activity.turns` tells may have become more: also where nothing else here changes, as when a message to a device was refused.
    #[specta(type = Number)]
    pub activity: u64,
    /// The newest question that came to an end. `None`: none since this assistant answers.
    pub last_turn: Option<LastTurn>,
    /// Devices that wait for a person's yes.
    pub pending: Vec<PendingClaim>,
    /// What was told, newest first, at most [`View::NOTICES`].
    pub notices: Vec<NoticeView>,
    /// What the person chose.
    pub settings: SettingsView,
    /// Where secrets are kept.
    pub secrets: SecretsView,
    /// What did not go as wished and has no place of its own, such as a network address that the system refused.
    pub troubles: Vec<Failure>,
}

impl View {
    /// How many notices are kept.
    pub const NOTICES: usize = 200;
}

/// The program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AppView {
    /// Its version.
    pub version: String,
    /// Language of everything it says: the person's choice, else the system's.
    pub language: Language,
    /// Whether it has a desktop: a tray, notifications, a window. False for `smartpi serve`.
    pub desktop: bool,
    /// Whether a tray shows the icon. `None`: not known yet, or no desktop.
    pub tray: Option<bool>,
    /// Whether it starts at login. `None`: this system or this program cannot.
    pub autostart: Option<bool>,
    /// Whether the first-run pages were finished or skipped.
    pub welcomed: bool,
    /// Data folder.
    pub data_dir: String,
    /// Log file.
    pub log_file: String,
}

/// The channel service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ServiceView {
    /// What it does.
    pub phase: Phase,
    /// Since when.
    #[specta(type = Number)]
    pub since_ms: i64,
    /// Why it does not run although it should. Only with [`Phase::Failed`].
    pub failure: Option<Failure>,
    /// Name that devices see.
    pub name: String,
    /// TCP port; of the last attempt when it does not run.
    pub port: u16,
}

/// What the service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The person stopped it: nothing but the person starts it.
    Stopped,
    /// It is being started.
    Starting,
    /// It listens.
    Running,
    /// It says goodbye.
    Stopping,
    /// It should run and cannot.
    Failed,
}

/// Who may reach the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NetworkView {
    /// What the person decided for the network that this computer is in.
    pub permission: Permission,
    /// Where the service can be reached, best first; this computer's own address last.
    pub addresses: Vec<AddressView>,
    /// Why a phone may not reach a network address that is not proven.
    pub hints: Vec<Hint>,
}

/// May devices of this network connect?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// The person was not asked yet: only this computer may.
    Unasked,
    /// Yes.
    Allowed,
    /// No: only this computer may.
    Refused,
    /// There is no network with private addresses.
    Absent,
}

/// One address of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AddressView {
    /// The address, without brackets; what `bind.start` takes.
    pub ip: String,
    /// `http://ADDRESS:PORT/`.
    pub url: String,
    /// From where it can be reached.
    pub reach: AddressReach,
    /// Name of the network interface; empty for the loopback.
    pub interface: String,
    /// When another machine was last heard at this address in this run. `None`: not proven yet.
    #[specta(type = Option<Number>)]
    pub proven_ms: Option<i64>,
}

/// A likely cause why a network address cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Hint {
    /// The phone is in another network: mobile data, a guest Wi-Fi.
    OtherNetwork,
    /// This computer's firewall.
    Firewall,
    /// The router keeps its devices apart ("AP isolation").
    Isolation,
    /// A VPN on this computer or the phone takes the packets.
    Vpn,
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AssistantView {
    /// OpenClaw, or the built-in echo to try things with.
    pub kind: AgentWord,
    /// Whether it is connected.
    pub link: LinkState,
    /// Since when.
    #[specta(type = Number)]
    pub since_ms: i64,
    /// Id of the gateway.
    pub gateway: Option<String>,
    /// Version of the plugin.
    pub plugin: Option<String>,
    /// Version of the gateway.
    pub host: Option<String>,
    /// The last other gateway that was refused.
    pub refused_gateway: Option<String>,
}

/// This app as a device of the OpenClaw gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayView {
    /// How it stands.
    pub state: GatewayState,
    /// Since when.
    #[specta(type = Number)]
    pub since_ms: i64,
    /// Where the gateway is looked for: `ws://HOST:PORT`. `None`: nothing is looked for.
    pub url: Option<String>,
    /// Version of the gateway, when it is online.
    pub version: Option<String>,
    /// Why it is not online. With [`GatewayState::Waiting`] and [`GatewayState::Stuck`].
    pub failure: Option<Failure>,
    /// When it is tried again. Only with [`GatewayState::Waiting`].
    #[specta(type = Option<Number>)]
    pub retry_ms: Option<i64>,
    /// Devices that ask the gateway to be let in, oldest first; empty while it is not online.
    pub pending: Vec<PairingRequest>,
    /// Rises whenever the gateway's devices may have changed: who shows them asks again.
    #[specta(type = Number)]
    pub devices_revision: u64,
    /// Rises whenever the gateway's agents, or who of them answers a device, may have changed.
    #[specta(type = Number)]
    pub agents_revision: u64,
}

impl GatewayView {
    /// Nobody wished for it yet.
    pub fn off(since_ms: i64) -> Self {
        Self {
            state: GatewayState::Off,
            since_ms,
            url: None,
            version: None,
            failure: None,
            retry_ms: None,
            pending: Vec::new(),
            devices_revision: 0,
            agents_revision: 0,
        }
    }
}

/// How this app stands with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum GatewayState {
    /// The person did not wish it: nothing is looked for.
    Off,
    /// It is being connected.
    Connecting,
    /// It is connected.
    Online,
    /// It did not work, and is tried again by itself.
    Waiting,
    /// It does not get better by itself: only the person can help.
    Stuck,
}

/// A bound device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// Name of its key.
    pub device_key: String,
    /// What the person calls it.
    pub name: String,
    /// What it is: a word of docs/PROTOCOL.md (`phone`, `speaker`, …).
    pub kind: String,
    /// Whether it can be reached.
    pub state: DeviceState,
    /// Since when it is online or offline; 0: never was.
    #[specta(type = Number)]
    pub since_ms: i64,
    /// When it was last heard; 0: never.
    #[specta(type = Number)]
    pub last_seen_ms: i64,
    /// Replies that wait for it.
    #[specta(type = Number)]
    pub waiting: u64,
    /// When it was bound.
    #[specta(type = Number)]
    pub bound_at_ms: i64,
    /// A question of it is being answered.
    pub talking: bool,
    /// Its coming and going is not told.
    pub muted: bool,
    /// Who may speak to it without being asked.
    pub speaks_first: SpeaksFirst,
}

/// Something that was told, or would have been but for a switch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NoticeView {
    /// Rises; within one run of the owner.
    #[specta(type = Number)]
    pub id: u64,
    /// When.
    #[specta(type = Number)]
    pub at_ms: i64,
    /// What.
    pub kind: NoticeKind,
    /// The devices that it is about, by name; at least one for the kinds of devices.
    pub names: Vec<String>,
    /// The device's key where it is about one.
    pub device_key: Option<String>,
    /// What went wrong; only with [`NoticeKind::Trouble`].
    pub failure: Option<Failure>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A device connected.
    Connected,
    /// A device left and did not come back at once.
    Disconnected,
    /// A device was bound.
    Bound,
    /// A device was removed.
    Removed,
    /// A device waits for the person's yes.
    Confirm,
    /// A device asks the OpenClaw gateway to be let in, or for more.
    Pairing,
    /// The service or its store has a trouble.
    Trouble,
    /// The disk takes messages again.
    DiskWell,
    /// The assistant connected.
    AssistantUp,
    /// The assistant left and did not come back at once.
    AssistantDown,
    /// Entries of ours are gone from OpenClaw's configuration.
    EntriesGone,
    /// A newer release is there.
    NewRelease,
    /// The service was started.
    Started,
    /// The service was stopped.
    Stopped,
}

/// What the person chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SettingsView {
    /// `None`: as the system.
    pub language: Option<Language>,
    /// TCP port.
    pub port: u16,
    /// Days that message text is kept; 0: wiped when the turn ends.
    pub keep_text_days: u32,
    /// Seconds without an answer after which a device is told (9002).
    #[specta(type = Number)]
    pub answer_after_s: u64,
    /// Which notifications are off.
    pub quiet: Quiet,
    /// The gateway of another computer that the person chose. `None`: the one of this computer.
    pub gateway_elsewhere: Option<OtherGateway>,
}

/// Where secrets (the keys for OpenClaw) are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SecretsView {
    /// Where.
    pub place: SecretsPlace,
    /// Why it is not the keyring, where it is not.
    pub why: Option<KeyringTrouble>,
}

/// A place for secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum SecretsPlace {
    /// It is being found out.
    Checking,
    /// The system's keyring.
    Keyring,
    /// A file in the data folder that only this user can read: the person chose it.
    File,
    /// Nowhere yet: the keyring does not work, and the person has not chosen the file.
    Nowhere,
}

/// Why the keyring cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum KeyringTrouble {
    /// It is locked, and nobody unlocked it in time.
    Locked,
    /// The system has none.
    Absent,
    /// It is there but has no place for secrets yet ("no default collection").
    Empty,
    /// It refused, or answered nonsense.
    Broken,
}
