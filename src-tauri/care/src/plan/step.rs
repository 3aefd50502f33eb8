//! What a plan can consist of. There is nothing else that a repair may do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use specta_typescript::Number;

use crate::target::Target;
use crate::token::{CopyPlace, PairingReason};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Step {
    /// Put aside the token that the gateway once gave us.
    ForgetDeviceToken {
        /// Our device.
        device_id: String,
    },
    /// Connect with the shared token and the same key, and keep the token that the gateway gives. Needs a [`crate::who::Proof`], or a click that names the address.
    ConnectWithSharedToken {
        /// Our device.
        device_id: String,
        /// Where.
        port: u16,
    },
    /// Connect with the token that the gateway gave us.
    ConnectWithDeviceToken {
        /// Our device.
        device_id: String,
        /// Where.
        port: u16,
    },
    /// Read the shared token again from where the gateway reads it.
    ReadTokenAgain {
        /// There.
        place: CopyPlace,
    },
    /// Sign the exact frame anew, with the time of the gateway's challenge, and connect.
    SignAnew {
        /// Our device.
        device_id: String,
        /// Where.
        port: u16,
    },
    /// Put the key aside and make another: we are another device from then on.
    NewIdentity {
        /// The device that we were.
        old_device_id: String,
    },
    /// Connect with the new key and the shared token. Needs a [`crate::who::Proof`].
    ConnectAsNewDevice {
        /// Where.
        port: u16,
    },
    /// Approve our own pairing request, this one and no other. Needs a [`crate::who::Proof`].
    ApprovePairing {
        /// The request.
        request_id: String,
        /// Our device: a request of another one is not approved.
        device_id: String,
        /// What it is for.
        reason: PairingReason,
    },
    /// Remove the record of an earlier installation of ours.
    RemoveRecord {
        /// That device.
        device_id: String,
    },
    /// Write how to authenticate into OpenClaw's configuration, with a new token.
    WriteAuth {
        /// The file.
        config_path: PathBuf,
    },
    /// Write entries of ours into OpenClaw's configuration, and nothing else.
    WriteEntries {
        /// Where.
        paths: Vec<String>,
    },
    /// Have OpenClaw write its service anew, from a clean environment.
    ReinstallService,
    /// Start the gateway anew, by its service.
    RestartGateway,
    /// Wait until the person has started the gateway anew where they started it, or it takes the change by itself.
    AwaitRestart,
    /// Open the dashboard with a fresh link.
    OpenDashboard,
    /// Stop a service of the user's and keep it from starting by itself.
    SwitchOff {
        /// Its name.
        unit: String,
        /// It may take this long to stop, ms. 0: it does not run.
        #[specta(type = Number)]
        stops_within_ms: u64,
    },
    /// Forget how often a service of the user's failed, where it did: it would not be started otherwise.
    ForgetFailures {
        /// Its name.
        unit: String,
    },
    /// Have a service of the user's start by itself, and now; wait until its gateway lets us in.
    SwitchOn {
        /// Its name.
        unit: String,
    },
    /// Stop a service of the user's and start it again; wait until its gateway lets us in.
    RestartService {
        /// Its name.
        unit: String,
        /// It may take this long to stop, ms.
        #[specta(type = Number)]
        stops_within_ms: u64,
    },
    /// Put a copy of a service's file aside, and have OpenClaw write it anew and start it; wait until its gateway lets us in.
    RewriteService {
        /// Its name.
        unit: String,
        /// Its file.
        path: PathBuf,
    },
    /// Have OpenClaw write another port into the configuration of another profile; a copy of that is kept.
    SetPort {
        /// The profile.
        profile: String,
        /// Its configuration.
        config_path: PathBuf,
        /// The port.
        port: u16,
    },
    /// Have OpenClaw write the service of another profile for another port, and start it; wait until its gateway is there. A copy of the service's file is kept.
    MoveService {
        /// The profile.
        profile: String,
        /// Its service.
        unit: String,
        /// That one's file.
        path: PathBuf,
        /// The port.
        port: u16,
    },
    /// Tell a gateway that no service looks after to end, and wait for its end and for its port.
    EndGateway {
        /// It, and everything that is looked at again before it is told.
        target: Target,
        /// It may take this long, ms.
        #[specta(type = Number)]
        ends_within_ms: u64,
    },
    /// Take such a gateway away at once, which was asked before and did not end. What it was doing is lost.
    ForceGateway {
        /// It, and everything that is looked at again before.
        target: Target,
    },
}

/// A step with everything that a person wants to know before they agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// What.
    pub step: Step,
    /// The exact action.
    pub action: Action,
    /// What can go wrong.
    pub risk: Risk,
    /// What stops meanwhile.
    pub stops: Stops,
    /// What undo does.
    pub undo: Undo,
    /// Whether a shared token is sent.
    pub sends_shared_token: bool,
}

/// The exact action of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Action {
    /// A change of what SmartPi keeps for itself.
    Own,
    /// A connection to this port of this computer.
    Connect {
        /// The port.
        port: u16,
    },
    /// A request to the gateway.
    Rpc {
        /// Method.
        method: String,
        /// Parameters.
        #[specta(type = specta_typescript::Unknown)]
        params: Value,
    },
    /// A command.
    Command {
        /// Program.
        program: String,
        /// Arguments.
        arguments: Vec<String>,
    },
    /// A change of OpenClaw's configuration, in these places and no other.
    Config {
        /// Paths of keys.
        paths: Vec<String>,
    },
    /// A signal to a process, and to nobody else.
    Signal {
        /// Its name: `TERM`.
        signal: String,
        /// The process.
        pid: u32,
    },
    /// A page in the browser.
    Open,
    /// What the person does.
    Person,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Risk {
    /// Nothing that was not broken before.
    None,
    /// Something that works without us may need a hand afterwards.
    Some,
    /// Work that is going on is interrupted.
    Interrupts,
}

/// What stops while a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Stops {
    /// Nothing.
    Nothing,
    /// Our own connection to the gateway.
    OurLink,
    /// Every client that uses the shared token, until it has the new one.
    SharedTokenClients,
    /// The gateway, with every session and device, for some seconds up to some minutes.
    Gateway,
}

/// What undo does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Undo {
    /// There is nothing to undo.
    NotNeeded,
    /// What was put aside is put back.
    PutBack,
    /// It cannot be undone.
    Impossible,
}

impl Step {
    /// Whether a shared token leaves this program, now or to see whether the gateway is back.
    pub fn sends_shared_token(&self) -> bool {
        match self {
            Self::ConnectWithSharedToken { .. }
            | Self::ConnectAsNewDevice { .. }
            | Self::ApprovePairing { .. }
            | Self::SignAnew { .. }
            | Self::WriteAuth { .. }
            | Self::WriteEntries { .. }
            | Self::ReinstallService
            | Self::RestartGateway
            | Self::AwaitRestart
            | Self::SwitchOn { .. }
            | Self::RestartService { .. }
            | Self::RewriteService { .. } => true,
            Self::ForgetDeviceToken { .. }
            | Self::ConnectWithDeviceToken { .. }
            | Self::ReadTokenAgain { .. }
            | Self::NewIdentity { .. }
            | Self::RemoveRecord { .. }
            | Self::OpenDashboard
            | Self::SwitchOff { .. }
            | Self::ForgetFailures { .. }
            | Self::SetPort { .. }
            | Self::MoveService { .. }
            | Self::EndGateway { .. }
            | Self::ForceGateway { .. } => false,
        }
    }

    /// Whether it changes the facts that its plan rests on: such a step is the last one.
    pub fn moves_the_ground(&self) -> bool {
        matches!(
            self,
            Self::RestartGateway
                | Self::AwaitRestart
                | Self::ReinstallService
                | Self::RewriteService { .. }
                | Self::MoveService { .. }
        )
    }

    pub(super) fn planned(self) -> PlannedStep {
        let rpc = |method: &str, params| Action::Rpc { method: method.into(), params };
        let openclaw = |arguments: &[&str]| Action::Command {
            program: "openclaw".into(),
            arguments: arguments.iter().map(|argument| (*argument).into()).collect(),
        };
        let systemctl = |arguments: &[&str]| Action::Command {
            program: "systemctl".into(),
            arguments: ["--user"].iter().chain(arguments).map(|argument| (*argument).into()).collect(),
        };
        let (action, risk, stops, undo) = match &self {
            Self::ForgetDeviceToken { .. } => (Action::Own, Risk::None, Stops::OurLink, Undo::PutBack),
            Self::ConnectWithSharedToken { port, .. }
            | Self::ConnectWithDeviceToken { port, .. }
            | Self::SignAnew { port, .. }
            | Self::ConnectAsNewDevice { port } => {
                (Action::Connect { port: *port }, Risk::None, Stops::OurLink, Undo::NotNeeded)
            }
            Self::ReadTokenAgain { .. } => (Action::Own, Risk::None, Stops::Nothing, Undo::NotNeeded),
            Self::NewIdentity { .. } => (Action::Own, Risk::Some, Stops::OurLink, Undo::PutBack),
            Self::ApprovePairing { request_id, .. } => {
                let approve = rpc("device.pair.approve", json!({ "requestId": request_id }));
                (approve, Risk::None, Stops::Nothing, Undo::Impossible)
            }
            Self::RemoveRecord { device_id } => {
                let remove = rpc("device.pair.remove", json!({ "deviceId": device_id }));
                (remove, Risk::Some, Stops::Nothing, Undo::Impossible)
            }
            Self::WriteAuth { .. } => {
                let paths = vec!["gateway.auth.mode".into(), "gateway.auth.token".into()];
                (Action::Config { paths }, Risk::Some, Stops::SharedTokenClients, Undo::PutBack)
            }
            Self::WriteEntries { paths } => {
                (Action::Config { paths: paths.clone() }, Risk::None, Stops::Nothing, Undo::NotNeeded)
            }
            Self::ReinstallService => {
                (openclaw(&["gateway", "install", "--force"]), Risk::Interrupts, Stops::Gateway, Undo::Impossible)
            }
            Self::RestartGateway => {
                (openclaw(&["gateway", "restart"]), Risk::Interrupts, Stops::Gateway, Undo::NotNeeded)
            }
            Self::AwaitRestart => (Action::Person, Risk::Interrupts, Stops::Gateway, Undo::NotNeeded),
            Self::OpenDashboard => (Action::Open, Risk::None, Stops::Nothing, Undo::NotNeeded),
            Self::SwitchOff { unit, stops_within_ms: 0 } => {
                (systemctl(&["disable", "--now", unit]), Risk::Some, Stops::Nothing, Undo::PutBack)
            }
            Self::SwitchOff { unit, .. } => {
                (systemctl(&["disable", "--now", unit]), Risk::Interrupts, Stops::Gateway, Undo::PutBack)
            }
            Self::ForgetFailures { unit } => {
                (systemctl(&["reset-failed", unit]), Risk::None, Stops::Nothing, Undo::NotNeeded)
            }
            Self::SwitchOn { unit } => {
                (systemctl(&["enable", "--now", unit]), Risk::None, Stops::Nothing, Undo::PutBack)
            }
            Self::RestartService { unit, .. } => {
                (systemctl(&["restart", unit]), Risk::Interrupts, Stops::Gateway, Undo::NotNeeded)
            }
            Self::RewriteService { .. } => {
                (openclaw(&["gateway", "install", "--force"]), Risk::Interrupts, Stops::Gateway, Undo::PutBack)
            }
            Self::SetPort { profile, port, .. } => {
                let set = openclaw(&["--profile", profile, "config", "set", "gateway.port", &port.to_string()]);
                (set, Risk::Some, Stops::Nothing, Undo::PutBack)
            }
            Self::MoveService { profile, port, .. } => {
                let port = port.to_string();
                let install = openclaw(&["--profile", profile, "gateway", "install", "--force", "--port", &port]);
                (install, Risk::Some, Stops::Nothing, Undo::PutBack)
            }
            Self::EndGateway { target, .. } => {
                let signal = Action::Signal { signal: "TERM".into(), pid: target.pid };
                (signal, Risk::Interrupts, Stops::Gateway, Undo::Impossible)
            }
            Self::ForceGateway { target } => {
                let signal = Action::Signal { signal: "KILL".into(), pid: target.pid };
                (signal, Risk::Interrupts, Stops::Gateway, Undo::Impossible)
            }
        };
        PlannedStep { sends_shared_token: self.sends_shared_token(), step: self, action, risk, stops, undo }
    }
}
