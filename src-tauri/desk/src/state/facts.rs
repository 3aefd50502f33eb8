//! How what is learned changes the state: a function for each kind of fact. No effects, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use channel::address::LanAddress;
use channel::service::Agent;
use channel::view::{Device, LinkView, Pending, TurnOf};

use super::{Act, Did, State, Window};
use crate::control::answer::{AddressReach, AgentWord, CareView, DeviceRow, DeviceState, LastTurn, Link, LinkState};
use crate::failure::Failure;
use crate::language::Language;
use crate::settings::Settings;
use crate::view::{
    AddressView, AppView, AssistantView, DeviceView, GatewayView, Hint, NetworkView, Permission, Phase, SecretsPlace,
    SecretsView, ServiceView, SettingsView, View,
};

/// What does not change while the program runs.
#[derive(Clone, Debug)]
pub(crate) struct Basics {
    /// Name that devices see.
    pub(crate) name: String,
    /// The system's language.
    pub(crate) system: Language,
    /// Whether there is a desktop.
    pub(crate) desktop: bool,
    /// Data folder.
    pub(crate) data_dir: String,
    /// Log file.
    pub(crate) log_file: String,
}

/// How long comings and goings are gathered after a start, a resume, a change of network or a lost link, in ms.
const GATHER_MS: i64 = 20_000;

impl State {
    /// Before anything was learned.
    pub(crate) fn begin(basics: &Basics, settings: &Settings, agent: Agent, now_ms: i64) -> Self {
        let shown = View {
            revision: 0,
            app: AppView {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                language: settings.language.unwrap_or(basics.system),
                desktop: basics.desktop,
                tray: None,
                autostart: None,
                welcomed: settings.welcomed,
                data_dir: basics.data_dir.clone(),
                log_file: basics.log_file.clone(),
            },
            release: None,
            service: ServiceView {
                phase: Phase::Stopped,
                since_ms: now_ms,
                failure: None,
                name: basics.name.clone(),
                port: settings.port,
            },
            network: NetworkView { permission: Permission::Absent, addresses: Vec::new(), hints: Vec::new() },
            assistant: AssistantView {
                kind: agent_word(agent),
                link: LinkState::Offline,
                since_ms: now_ms,
                gateway: None,
                plugin: None,
                host: None,
                refused_gateway: None,
            },
            gateway: GatewayView::off(now_ms),
            care: CareView::unseen(),
            devices: Vec::new(),
            activity: 0,
            last_turn: None,
            pending: Vec::new(),
            notices: Vec::new(),
            settings: settings_view(settings),
            secrets: SecretsView { place: SecretsPlace::Checking, why: None },
            troubles: Vec::new(),
        };
        Self { shown, window: Window::Closed, acts: Vec::new(), gather_until_ms: now_ms + GATHER_MS, turns_from_ms: 0 }
    }

    /// What the person chose.
    pub(crate) fn see_settings(&mut self, settings: &Settings, system: Language) {
        self.shown.settings = settings_view(settings);
        self.shown.app.language = settings.language.unwrap_or(system);
        self.shown.app.welcomed = settings.welcomed;
        self.see_muted(&settings.muted);
    }

    fn see_muted(&mut self, muted: &BTreeSet<String>) {
        for device in &mut self.shown.devices {
            device.muted = muted.contains(&device.device_key);
        }
    }

    /// The devices, oldest binding first.
    pub(crate) fn see_devices(&mut self, devices: Vec<Device>, muted: &BTreeSet<String>) {
        self.shown.devices = devices.into_iter().map(device_view).collect();
        self.see_muted(muted);
    }

    /// The claims that wait.
    pub(crate) fn see_pending(&mut self, pending: Vec<Pending>) {
        self.shown.pending = pending.into_iter().map(Into::into).collect();
    }

    /// The plugin's link. One that was lost takes the talk of devices with it for a while.
    pub(crate) fn see_link(&mut self, link: LinkView, now_ms: i64) {
        let Link { state, since_ms, gateway, plugin, host, refused_gateway } = link.into();
        if self.shown.assistant.link == LinkState::Online && state == LinkState::Offline {
            self.gather(now_ms);
        }
        let kind = self.shown.assistant.kind;
        self.shown.assistant = AssistantView { kind, link: state, since_ms, gateway, plugin, host, refused_gateway };
    }

    /// Who answers. What another one answered says nothing about this one.
    pub(crate) fn see_agent(&mut self, agent: Agent, now_ms: i64) {
        self.shown.assistant.kind = agent_word(agent);
        self.shown.last_turn = None;
        self.turns_from_ms = now_ms;
    }

    /// The newest questions, newest first. One that was stopped, or of which nobody knows how it ended, says nothing.
    pub(crate) fn see_turns(&mut self, turns: &[TurnOf]) {
        let ended = turns.iter().filter_map(|of| {
            let well = match of.turn.outcome.as_deref()? {
                "answered" | "silent" => !of.failed,
                "failed" => false,
                _ => return None,
            };
            Some(LastTurn { at_ms: of.ended_ms?, well })
        });
        self.shown.last_turn = ended.filter(|turn| turn.at_ms >= self.turns_from_ms).max_by_key(|turn| turn.at_ms);
    }

    /// What the service does; the same phase keeps its age.
    pub(crate) fn see_phase(&mut self, phase: Phase, failure: Option<Failure>, now_ms: i64) {
        let service = &mut self.shown.service;
        if service.phase != phase {
            (service.phase, service.since_ms) = (phase, now_ms);
        }
        service.failure = failure;
    }

    /// Where the service listens, best first, and what was decided for the network.
    pub(crate) fn see_addresses(
        &mut self,
        listening: &[SocketAddr],
        lan: &[LanAddress],
        proven: &BTreeMap<IpAddr, i64>,
        permission: Permission,
    ) {
        self.shown.network.permission = permission;
        let rank = |ip: IpAddr| lan.iter().position(|lan| lan.ip == ip).unwrap_or(lan.len());
        let mut sorted = listening.to_vec();
        sorted.sort_by_key(|address| rank(address.ip()));
        self.shown.network.addresses = sorted
            .into_iter()
            .map(|address| {
                let ip = address.ip();
                let interface = lan.iter().find(|lan| lan.ip == ip).map(|lan| lan.interface.clone());
                AddressView {
                    ip: ip.to_string(),
                    url: format!("http://{address}/"),
                    reach: if ip.is_loopback() { AddressReach::Computer } else { AddressReach::Network },
                    interface: interface.unwrap_or_default(),
                    proven_ms: if ip.is_loopback() { None } else { proven.get(&ip).copied() },
                }
            })
            .collect();
    }

    /// Why a phone may not reach this computer: said only while somebody may wonder.
    pub(crate) fn see_hints(&mut self, tunnel: bool, code_shown: bool) {
        let wonders = code_shown || self.shown.devices.iter().all(|device| device.state == DeviceState::Offline);
        self.shown.network.hints = hints(&self.shown.network.addresses, tunnel, wonders);
    }

    /// What the person did a moment ago.
    pub(crate) fn did(&mut self, what: Did, now_ms: i64) {
        if what == Did::Moved {
            self.gather(now_ms);
        }
        self.acts.push(Act { at_ms: now_ms, what });
    }

    /// Comings and goings are told together for a while.
    pub(crate) fn gather(&mut self, now_ms: i64) {
        self.gather_until_ms = now_ms + GATHER_MS;
    }

    /// Forgets what explains nothing any more.
    pub(crate) fn forget_acts(&mut self, now_ms: i64) {
        self.acts.retain(|act| (0..Act::FRESH_MS).contains(&(now_ms - act.at_ms)));
    }
}

fn agent_word(agent: Agent) -> AgentWord {
    match agent {
        Agent::Gateway => AgentWord::Gateway,
        Agent::Echo => AgentWord::Echo,
    }
}

fn settings_view(settings: &Settings) -> SettingsView {
    SettingsView {
        language: settings.language,
        port: settings.port,
        keep_text_days: settings.keep_text_days,
        answer_after_s: settings.answer_after_s,
        quiet: settings.quiet,
        gateway_elsewhere: settings.gateway_elsewhere.clone(),
    }
}

fn device_view(device: Device) -> DeviceView {
    let (since_ms, talking) = (device.since_ms, device.talking);
    let DeviceRow { device_key, name, kind, state, last_seen_ms, waiting, bound_at_ms, speaks_first } = device.into();
    DeviceView {
        device_key,
        name,
        kind: kind_word(kind),
        state,
        since_ms,
        last_seen_ms,
        waiting,
        bound_at_ms,
        talking,
        muted: false,
        speaks_first,
    }
}

fn kind_word(kind: channel::wire::device::Kind) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => "other".to_owned(),
    }
}

/// Likely causes, most likely first. An address that was reached proves that the way is open.
fn hints(addresses: &[AddressView], tunnel: bool, wonders: bool) -> Vec<Hint> {
    let mut network = addresses.iter().filter(|address| address.reach == AddressReach::Network).peekable();
    if !wonders || network.peek().is_none() || network.any(|address| address.proven_ms.is_some()) {
        return Vec::new();
    }
    let mut hints = vec![Hint::OtherNetwork, Hint::Firewall, Hint::Isolation];
    hints.extend(tunnel.then_some(Hint::Vpn));
    hints
}

#[cfg(test)]
mod tests;
