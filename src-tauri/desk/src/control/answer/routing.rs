//! The shapes of the answers about who answers a device: OpenClaw's agents, and the way of each device to one of them.

use serde::{Deserialize, Serialize};
use specta::Type;

/// `gateway.agents`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayAgents {
    /// The agents, in the gateway's order.
    pub agents: Vec<GatewayAgent>,
    /// Who answers each of our devices, oldest binding first.
    pub routes: Vec<DeviceRoute>,
}

/// An agent of the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayAgent {
    /// Its id, as OpenClaw's configuration names it.
    pub id: String,
    /// What a person calls it.
    pub name: Option<String>,
    /// The model behind it, for example `openai/gpt-5`.
    pub model: Option<String>,
    /// Whether it answers where nothing else is said.
    pub is_default: bool,
}

/// Who answers a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceRoute {
    /// Whose.
    pub device_key: String,
    /// The agent's id. `None`: OpenClaw has several, and nothing says which.
    pub agent: Option<String>,
    /// Whether the gateway has this agent.
    pub known: bool,
    /// What decides it.
    pub because: RouteBecause,
}

/// What decides who answers a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RouteBecause {
    /// The person's choice in SmartPi.
    Chosen,
    /// A binding of this device that a person wrote into OpenClaw's configuration.
    ByHand,
    /// A binding for every device, written there as well.
    Everybody,
    /// The default agent of our channel.
    ChannelDefault,
    /// OpenClaw's own default.
    GatewayDefault,
}

/// `devices.route_preview`: what a choice would change, before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RoutePlan {
    /// Names exactly this change: `devices.route` does it only where it is still the same.
    pub shown: String,
    /// Every entry of OpenClaw's configuration that changes; empty: nothing to do.
    pub changes: Vec<RouteChange>,
    /// OpenClaw writes its configuration without the person's comments: they stay in the copy only.
    pub comments_lost: bool,
    /// Folder of the copy.
    pub backups: String,
    /// Who answers now.
    pub now: DeviceRoute,
    /// Who would answer then.
    pub then: DeviceRoute,
}

/// An entry that comes, goes or is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RouteChange {
    /// Where, for example `bindings`.
    pub path: String,
    /// What goes, as JSON; `None`: nothing.
    pub before: Option<String>,
    /// What comes, as JSON; `None`: nothing.
    pub after: Option<String>,
}

/// `devices.route`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Routed {
    /// Who answers, as the gateway said after the change.
    pub route: DeviceRoute,
    /// The copy of the configuration from before. `None`: nothing was changed.
    pub copy: Option<String>,
}
