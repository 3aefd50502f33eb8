//! The service that runs OpenClaw: how it does, and what it can be told.

use care::supervision::{ServiceAct, ServiceState, Supervision};

use super::{TrayAction, TrayItem, button};
use crate::language::Language;
use crate::words::tray as words;

/// `acting`: what it is being told.
pub(super) fn submenu(service: &Supervision, acting: Option<ServiceAct>, language: Language) -> TrayItem {
    let state = match (acting, service.state) {
        (Some(_), _) | (None, ServiceState::Changing | ServiceState::Restarting) => words::gateway_changing(language),
        (None, ServiceState::Running) => words::gateway_running(language),
        (None, ServiceState::ByHand) => words::gateway_by_hand(language),
        (None, ServiceState::Stopped) => words::gateway_stopped(language),
        (None, ServiceState::Failed) => words::gateway_failed(language),
        (None, ServiceState::Absent) => words::gateway_absent(language),
    };
    let mut items = vec![TrayItem::Words(state), TrayItem::Separator];
    // To remove it is no thing of a menu.
    let may = service.may.iter().filter(|act| acting.is_none() && **act != ServiceAct::Uninstall);
    items.extend(may.map(|act| button(TrayAction::GatewayService(*act), act_words(*act, language))));
    items.push(button(TrayAction::Health, words::health(language)));
    TrayItem::Submenu { id: "gateway".into(), words: words::gateway(language), items }
}

fn act_words(act: ServiceAct, language: Language) -> String {
    match act {
        ServiceAct::Start => words::gateway_start(language),
        ServiceAct::Stop => words::gateway_stop(language),
        ServiceAct::Restart => words::gateway_restart(language),
        ServiceAct::Install => words::gateway_install(language),
        ServiceAct::Uninstall => words::gateway_uninstall(language),
    }
}
