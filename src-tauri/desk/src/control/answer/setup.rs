//! The shapes of the answers about the OpenClaw of this computer.

use serde::{Deserialize, Serialize};
use specta::Type;

use super::RouteChange;
use crate::failure::Failure;

/// `setup.look`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SetupLook {
    /// Every OpenClaw that was found, the one that the user's own shell starts first.
    pub found: Vec<FoundOpenClaw>,
    /// None was found, and this Windows has a WSL: one may live there, where this program cannot reach it.
    pub in_wsl: bool,
}

/// An OpenClaw on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FoundOpenClaw {
    /// Its command; what `setup.install` takes.
    pub command: String,
    /// How it was found.
    pub by: FoundBy,
    /// Its version. `None`: it did not say.
    pub version: Option<String>,
    /// What installing the plugin would do. `None`: see `failure`.
    pub plan: Option<InstallPlan>,
    /// Why it cannot be used.
    pub failure: Option<Failure>,
}

/// How an OpenClaw was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// On this program's own PATH.
    Path,
    /// On the PATH of the user's login shell.
    LoginShell,
    /// In a version of Node that nvm keeps.
    Nvm,
    /// By Homebrew.
    Homebrew,
    /// In npm's folder for commands.
    Npm,
    /// By Volta.
    Volta,
    /// In another usual place.
    UsualPlace,
}

/// What installing the plugin would do, before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InstallPlan {
    /// What is there now.
    pub plugin: PluginState,
    /// Version of ours that is there.
    pub version: Option<String>,
    /// OpenClaw's configuration.
    pub config: String,
    /// Every entry of the configuration that will change; empty: nothing to do.
    pub changes: Vec<PlannedChange>,
    /// Where the copy of the configuration goes.
    pub backups: String,
    /// OpenClaw writes its configuration without the person's comments: they stay in the copy only.
    pub comments_lost: bool,
    /// Why it will not be done, such as a plugin of this id that is not ours.
    pub refusal: Option<Failure>,
}

/// `setup.removal`: what removing the plugin would do, before it is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RemovalPlan {
    /// Names exactly this: `setup.remove` does it only where it is still the same.
    pub shown: String,
    /// Version of ours that is there. `None`: only entries of ours are, or nothing.
    pub version: Option<String>,
    /// OpenClaw's configuration.
    pub config: String,
    /// Every entry of the configuration that goes.
    pub changes: Vec<RouteChange>,
    /// Folder of the copy.
    pub backups: String,
    /// Why it will not be done, such as a plugin of this id that is not ours.
    pub refusal: Option<Failure>,
}

/// `setup.remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PluginRemoved {
    /// Version of ours that was there.
    pub version: Option<String>,
    /// The copy of the configuration from before. `None`: there was nothing to do.
    pub copy: Option<String>,
}

/// Whether the plugin is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum PluginState {
    /// No.
    Absent,
    /// An older one of ours.
    Older,
    /// This one.
    Current,
    /// One of this id that is not ours.
    Foreign,
}

/// One entry of OpenClaw's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// Where, such as `channels.openclaw-smartpi.linkKeyFile`.
    pub path: String,
    /// As JSON; `None`: not there.
    pub before: Option<String>,
    /// As JSON.
    pub after: String,
}
