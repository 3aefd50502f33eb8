//! What a person reads of a repair before they agree: each step with its exact action, what stops meanwhile, what can go wrong, what can be undone, and who gets
//! OpenClaw's own token.

use desk::control::answer::{Action, Plan, PlannedStep, Risk, Step, Stops, Undo};
use desk::language::Language;

use crate::words::{repair as mend, terms as say};

/// Everything. `place`: where the dashboard is in a browser.
pub(crate) fn lines(language: Language, plan: &Plan, place: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, planned) in plan.steps.iter().enumerate() {
        lines.push(mend::step(language, at + 1, doing(language, &planned.step)));
        lines.extend(exactly(language, &planned.action).map(|what| say::exactly(language, what)));
    }
    lines.extend(stops(language, plan).into_iter().map(|what| say::meanwhile(language, what)));
    lines.push(say::at_worst(language, risk(language, plan)));
    lines.extend(undo(language, plan).into_iter().map(|what| say::undo(language, what)));
    lines.push(say::token(language, token(language, plan)));
    if opens_dashboard(plan) {
        lines.push(say::site_data(language, place));
    }
    lines
}

/// Whether a browser is part of it.
pub(crate) fn opens_dashboard(plan: &Plan) -> bool {
    plan.steps.iter().any(|planned| planned.step == Step::OpenDashboard)
}

fn doing(language: Language, step: &Step) -> String {
    match step {
        Step::ForgetDeviceToken { .. } => mend::forget_device_token(language),
        Step::ConnectWithSharedToken { .. } => mend::connect_shared(language),
        Step::ConnectWithDeviceToken { .. } => mend::connect_device(language),
        Step::ReadTokenAgain { .. } => mend::read_again(language),
        Step::SignAnew { .. } => mend::sign_anew(language),
        Step::NewIdentity { .. } => mend::new_identity(language),
        Step::ConnectAsNewDevice { .. } => mend::connect_new(language),
        Step::ApprovePairing { request_id, .. } => mend::approve(language, request_id),
        Step::RemoveRecord { device_id } => mend::remove_record(language, device_id),
        Step::WriteAuth { .. } => mend::write_auth(language),
        Step::WriteEntries { paths } => mend::write_entries(language, paths.join(", ")),
        Step::ReinstallService => mend::reinstall(language),
        Step::RestartGateway => mend::restart(language),
        Step::AwaitRestart => mend::await_restart(language),
        Step::OpenDashboard => mend::open_dashboard(language),
        Step::SwitchOff { unit, stops_within_ms: 0 } => mend::release(language, unit),
        Step::SwitchOff { unit, .. } => mend::switch_off(language, unit),
        Step::ForgetFailures { unit } => mend::forget_failures(language, unit),
        Step::SwitchOn { unit } => mend::switch_on(language, unit),
        Step::RestartService { unit, .. } => mend::restart_service(language, unit),
        Step::RewriteService { unit, .. } => mend::rewrite_service(language, unit),
        Step::SetPort { profile, port, .. } => mend::set_port(language, profile, port),
        Step::MoveService { unit, port, .. } => mend::move_service(language, unit, port),
        Step::ForceGateway { target } => mend::force_gateway(language, target.pid),
        Step::EndGateway { target, .. } => mend::end_gateway(language, target.pid),
    }
}

fn exactly(language: Language, action: &Action) -> Option<String> {
    Some(match action {
        Action::Own => say::own(language),
        Action::Connect { port } => say::connect(language, port),
        Action::Rpc { method, params } => format!("{method} {params}"),
        Action::Command { program, arguments } => format!("{program} {}", arguments.join(" ")),
        Action::Config { paths } => say::config(language, paths.join(", ")),
        Action::Signal { signal, pid } => format!("kill -{signal} {pid}"),
        Action::Open => say::open(language),
        Action::Person => say::person(language),
    })
}

/// The worst first.
fn stops(language: Language, plan: &Plan) -> Vec<String> {
    let has = |wanted: Stops| plan.steps.iter().any(|planned| planned.stops == wanted);
    let told: Vec<String> = [
        (Stops::Gateway, say::stops_gateway(language)),
        (Stops::SharedTokenClients, say::stops_token_clients(language)),
        (Stops::OurLink, say::stops_our_link(language)),
    ]
    .into_iter()
    .filter_map(|(stops, words)| has(stops).then_some(words))
    .collect();
    if told.is_empty() { vec![say::stops_nothing(language)] } else { told }
}

fn risk(language: Language, plan: &Plan) -> String {
    match plan.steps.iter().map(|planned| planned.risk).max().unwrap_or(Risk::None) {
        Risk::None => say::risk_none(language),
        Risk::Some => say::risk_some(language),
        Risk::Interrupts => say::risk_interrupts(language),
    }
}

fn undo(language: Language, plan: &Plan) -> Vec<String> {
    let numbers = |wanted: Undo| {
        let steps =
            plan.steps.iter().enumerate().filter(move |(_, planned): &(usize, &PlannedStep)| planned.undo == wanted);
        steps.map(|(at, _)| (at + 1).to_string()).collect::<Vec<_>>()
    };
    let (kept, lasting) = (numbers(Undo::PutBack), numbers(Undo::Impossible));
    let mut told = Vec::new();
    if !kept.is_empty() {
        told.push(say::undo_put_back(language));
    }
    if !lasting.is_empty() {
        told.push(say::undo_not(language, lasting.join(language.pick(", ", "、"))));
    }
    if told.is_empty() { vec![say::undo_nothing(language)] } else { told }
}

fn token(language: Language, plan: &Plan) -> String {
    if !plan.steps.iter().any(|planned| planned.sends_shared_token) {
        return say::sent_to_nobody(language);
    }
    let port = plan.steps.iter().find_map(|planned| match planned.action {
        Action::Connect { port } => Some(port),
        Action::Own
        | Action::Rpc { .. }
        | Action::Command { .. }
        | Action::Config { .. }
        | Action::Signal { .. }
        | Action::Open
        | Action::Person => None,
    });
    port.map_or_else(|| say::sent(language), |port| say::sent_to(language, port))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn both(steps: Value) -> [String; 2] {
        let plan: Plan = serde_json::from_value(json!({
            "id": "p", "cause": "deviceTokenStale", "evidence": [], "steps": steps, "fingerprint": "f", "ground": "f", "madeMs": 1, "expiresMs": 2,
        }))
        .unwrap();
        [Language::En, Language::Zh].map(|language| lines(language, &plan, "http://127.0.0.1:18789").join("\n"))
    }

    fn step(step: Value, action: Value, risk: &str, stops: &str, undo: &str, sends: bool) -> Value {
        json!({ "step": step, "action": action, "risk": risk, "stops": stops, "undo": undo, "sendsSharedToken": sends })
    }

    #[test]
    fn what_is_done_exactly_and_who_gets_the_token_is_read_before_the_word_is_typed() {
        let forget = json!({ "kind": "forgetDeviceToken", "deviceId": "d" });
        let connect = json!({ "kind": "connectWithSharedToken", "deviceId": "d", "port": 18789 });
        let remove = json!({ "kind": "removeRecord", "deviceId": "e" });
        let rpc = json!({ "kind": "rpc", "method": "device.pair.remove", "params": { "deviceId": "e" } });
        let [en, zh] = both(json!([
            step(forget, json!({ "kind": "own" }), "none", "ourLink", "putBack", false),
            step(connect, json!({ "kind": "connect", "port": 18789 }), "none", "ourLink", "notNeeded", true),
            step(remove, rpc, "some", "nothing", "impossible", false),
        ]));
        for told in [
            "exactly: a connection to ws://127.0.0.1:18789",
            "exactly: device.pair.remove {\"deviceId\":\"e\"}",
            "Meanwhile: SmartPi is disconnected",
            "At worst: something that works without SmartPi",
            "Undo: what is put aside",
            "Undo: step 3 cannot be undone.",
            "sent to your own OpenClaw on this computer (port 18789)",
        ] {
            assert!(en.contains(told), "{told}: {en}");
        }
        assert!(zh.contains("第 3 步无法还原") && zh.contains("端口 18789") && !zh.contains("网站数据"), "{zh}");
    }

    #[test]
    fn a_restart_says_what_stops_and_a_dashboard_what_to_do_in_the_browser() {
        let restart = json!({ "kind": "command", "program": "openclaw", "arguments": ["gateway", "restart"] });
        let [en, _] = both(json!([step(
            json!({ "kind": "restartGateway" }),
            restart,
            "interrupts",
            "gateway",
            "notNeeded",
            true
        )]));
        assert!(
            en.contains("exactly: openclaw gateway restart") && en.contains("Conversations that are going on end"),
            "{en}"
        );
        assert!(en.contains("Undo: nothing needs undoing."), "{en}");
        let [en, zh] = both(json!([step(
            json!({ "kind": "openDashboard" }),
            json!({ "kind": "open" }),
            "none",
            "nothing",
            "notNeeded",
            false
        )]));
        for text in [&en, &zh] {
            assert!(text.contains("http://127.0.0.1:18789"), "{text}");
        }
        assert!(en.contains("site data") && zh.contains("网站数据") && en.contains("sent to nobody"), "{en} {zh}");
    }
}
