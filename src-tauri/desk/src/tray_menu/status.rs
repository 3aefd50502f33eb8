//! The icon and the lines that say how things are.

use care::finding::Severity;
use jiff::Zoned;

use super::{TrayAction, TrayIcon, TrayItem, button};
use crate::control::answer::{AgentWord, LinkState};
use crate::failure::{Failure, FailureCode};
use crate::language::Language;
use crate::view::{AssistantView, Phase, ServiceView, View};
use crate::words::moment;
use crate::words::{name, tray as words};

pub(super) fn icon(view: &View) -> TrayIcon {
    let needs_a_person = view.service.phase == Phase::Failed
        || !view.pending.is_empty()
        || cannot_save(view)
        || another_gateway(view)
        || unwell(view);
    match view.service.phase {
        _ if needs_a_person => TrayIcon::Attention,
        Phase::Running if view.devices.iter().any(|device| device.talking) => TrayIcon::Talking,
        Phase::Running => TrayIcon::Running,
        Phase::Stopped | Phase::Starting | Phase::Stopping | Phase::Failed => TrayIcon::Stopped,
    }
}

/// The state in words, with its age as a time of day.
pub(super) fn first_line(view: &View, language: Language, now: &Zoned) -> String {
    let since = || moment::since(language, view.service.since_ms, now);
    match view.service.phase {
        Phase::Stopped => words::stopped(language, since()),
        Phase::Starting => words::starting(language),
        Phase::Stopping => words::stopping(language),
        Phase::Failed => reason(&view.service, language).unwrap_or_else(|| words::failed(language, since())),
        Phase::Running => {
            let mut talking = view.devices.iter().filter(|device| device.talking);
            match (talking.next(), talking.count()) {
                (None, _) => words::running(language, since()),
                (Some(one), 0) => words::answering(language, name(language, &one.name)),
                (Some(_), others) => words::answering_many(language, others + 1),
            }
        }
    }
}

/// Why it does not run, where that fits into a line.
fn reason(service: &ServiceView, language: Language) -> Option<String> {
    let failure = service.failure.as_ref()?;
    if failure.code == FailureCode::PortInUse {
        let holder = failure.port_holder().map(|holder| name(language, holder));
        return Some(match holder {
            Some(holder) => words::port_held(language, service.port, holder),
            None => words::port_taken(language, service.port),
        });
    }
    [
        (FailureCode::CannotListen, words::address_refused as fn(Language) -> String),
        (FailureCode::StoreUnusable, words::store_unusable),
        (FailureCode::KeysUnusable, words::keys_unusable),
    ]
    .into_iter()
    .find_map(|(code, words)| (code == failure.code).then(|| words(language)))
}

/// What else needs words: where to get help, and the assistant.
pub(super) fn more_lines(view: &View, language: Language, now: &Zoned) -> Vec<TrayItem> {
    let mut lines = Vec::new();
    if view.service.phase == Phase::Failed {
        lines.push(button(TrayAction::Devices, words::what_to_do(language)));
    }
    if cannot_save(view) {
        lines.push(button(TrayAction::Activity, words::cannot_save(language)));
    }
    if let Some(failure) = view.troubles.iter().find(|failure| failure.is_damage()) {
        let said = if failure.code == FailureCode::StoreRestored { words::restored } else { words::damaged };
        lines.push(button(TrayAction::Devices, said(language)));
    }
    // While the service does not run, nobody answers anyway: the first line says why.
    if view.service.phase == Phase::Running {
        if another_gateway(view) {
            lines.push(button(TrayAction::Settings, words::gateway_refused(language)));
        }
        lines.extend(assistant_line(&view.assistant, language, now));
    }
    lines
}

/// Where one sees whether everything works: it says so when something does not.
pub(super) fn health_line(view: &View, language: Language) -> String {
    if unwell(view) { words::unwell(language) } else { words::health(language) }
}

fn assistant_line(assistant: &AssistantView, language: Language, now: &Zoned) -> Option<TrayItem> {
    match (assistant.kind, assistant.link, &assistant.gateway) {
        (AgentWord::Echo, _, _) => Some(button(TrayAction::Welcome, words::practice(language))),
        (AgentWord::Gateway, LinkState::Online, _) => None,
        (AgentWord::Gateway, LinkState::Offline, None) => {
            Some(button(TrayAction::Welcome, words::assistant_never(language)))
        }
        (AgentWord::Gateway, LinkState::Offline, Some(_)) => {
            Some(TrayItem::Words(words::assistant_away(language, moment::since(language, assistant.since_ms, now))))
        }
    }
}

fn another_gateway(view: &View) -> bool {
    view.service.phase == Phase::Running && view.assistant.refused_gateway.is_some()
}

/// Something was found that does not work, entries of ours are gone, or a repair was interrupted and nobody has looked at it.
fn unwell(view: &View) -> bool {
    let broken = view.care.findings.iter().any(|finding| finding.severity == Severity::Broken);
    broken
        || !view.care.missing.is_empty()
        || view.care.last.as_ref().is_some_and(|repair| repair.interrupted && !repair.acknowledged)
}

fn cannot_save(view: &View) -> bool {
    view.troubles.iter().any(Failure::is_storage)
}
