//! A state to begin tests with: English, the service runs, OpenClaw is connected, nothing else.

use std::net::IpAddr;

use channel::wire::device::{Confirm, Kind};

use crate::control::answer::{AgentWord, DeviceState, LinkState, PendingClaim, PendingState};
use crate::language::Language;
use crate::settings::Quiet;
use crate::state::{State, Window};
use crate::view::{
    AppView, AssistantView, DeviceView, GatewayView, NetworkView, Permission, Phase, SecretsPlace, SecretsView,
    ServiceView, SettingsView, View,
};

pub(crate) fn state(since_ms: i64) -> State {
    let shown = View {
        revision: 1,
        app: AppView {
            version: "0.1.0".into(),
            language: Language::En,
            desktop: true,
            tray: Some(true),
            autostart: None,
            welcomed: true,
            data_dir: String::new(),
            log_file: String::new(),
        },
        release: None,
        service: ServiceView { phase: Phase::Running, since_ms, failure: None, name: "home".into(), port: 8765 },
        network: NetworkView { permission: Permission::Allowed, addresses: Vec::new(), hints: Vec::new() },
        assistant: AssistantView {
            kind: AgentWord::Gateway,
            link: LinkState::Online,
            since_ms,
            gateway: Some("g".into()),
            plugin: None,
            host: None,
            refused_gateway: None,
        },
        gateway: GatewayView::off(0),
        care: crate::control::answer::CareView::unseen(),
        devices: Vec::new(),
        activity: 0,
        last_turn: None,
        pending: Vec::new(),
        notices: Vec::new(),
        settings: SettingsView {
            language: None,
            port: 8765,
            keep_text_days: 30,
            answer_after_s: 30,
            quiet: Quiet::default(),
            gateway_elsewhere: None,
        },
        secrets: SecretsView { place: SecretsPlace::Keyring, why: None },
        troubles: Vec::new(),
    };
    State { shown, window: Window::Closed, acts: Vec::new(), gather_until_ms: 0, turns_from_ms: 0 }
}

pub(crate) fn device(name: &str, state: DeviceState, since_ms: i64) -> DeviceView {
    DeviceView {
        device_key: name.to_lowercase(),
        name: name.into(),
        kind: "speaker".into(),
        state,
        since_ms,
        last_seen_ms: since_ms,
        waiting: 0,
        bound_at_ms: 0,
        talking: false,
        muted: false,
        speaks_first: Default::default(),
    }
}

pub(crate) fn claim(name: &str, how: Confirm) -> PendingClaim {
    PendingClaim {
        bind: name.to_lowercase(),
        name: name.into(),
        kind: Kind::Speaker,
        address: IpAddr::from([192, 168, 1, 4]).to_string(),
        state: PendingState::Confirming,
        how,
        digits: if how == Confirm::Code { 2 } else { 0 },
        announced: false,
        since_ms: 0,
    }
}
