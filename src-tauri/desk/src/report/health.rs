//! The part of a report about OpenClaw: how SmartPi stands with it, what was found, and what was repaired.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{exact, said, word};
use crate::control::answer::{CareView, ChainLink, FindingView, LinkRow, Plan, PluginRow, Repair, RepairView, Seen};
use crate::repair;
use crate::view::View;

/// Repairs that are told, the newest.
const REPAIRS: usize = 5;

/// What the running service knows.
pub(super) fn seen(text: &mut String, view: &View) -> std::fmt::Result {
    gateway(text, view)?;
    let care = &view.care;
    let looked = care.looked_ms.map_or_else(|| "not in this run".into(), exact);
    writeln!(text, "from a device to a model, looked {looked}:")?;
    care.rows.iter().try_for_each(|row| link(text, row, is_elsewhere(view)))?;
    if !care.plugin.is_empty() {
        writeln!(text, "plugin in OpenClaw:")?;
        care.plugin.iter().try_for_each(|row| plugin(text, row))?;
    }
    writeln!(text, "findings: {}", care.findings.len())?;
    care.findings.iter().try_for_each(|found| finding(text, found))?;
    for missing in &care.missing {
        writeln!(
            text,
            "gone from OpenClaw's configuration: {}, noticed {}",
            word(&missing.entry),
            exact(missing.at_ms)
        )?;
    }
    care.traps.iter().try_for_each(|trap| writeln!(text, "trap: {}", nameless(trap)))
}

/// What the journal says. `care`: what goes on now.
pub(super) fn repaired(text: &mut String, data: &Path, care: Option<&CareView>) -> std::fmt::Result {
    let running = care.and_then(|care| care.running.as_ref());
    if let Some(running) = running {
        writeln!(text, "repair {} goes on: step {} of {}", running.plan, running.step + 1, running.of)?;
    }
    match repair::recorded(data, running.map(|running| running.plan.as_str())) {
        Ok(repairs) => {
            writeln!(text, "repairs: {}", repairs.len())?;
            repairs.iter().take(REPAIRS).try_for_each(|repair| one_repair(text, repair))
        }
        Err(error) => writeln!(text, "repairs: {error}"),
    }
}

fn is_elsewhere(view: &View) -> bool {
    view.settings.gateway_elsewhere.is_some()
}

fn gateway(text: &mut String, view: &View) -> std::fmt::Result {
    let gateway = &view.gateway;
    // The name of another computer is nobody's business.
    let place = match &gateway.url {
        Some(url) if !is_elsewhere(view) => url.as_str(),
        Some(url) if url.starts_with("wss:") => "another computer, encrypted",
        Some(_) => "another computer",
        None => "-",
    };
    let version = gateway.version.as_deref().unwrap_or("-");
    writeln!(text, "OpenClaw: {} since {}, {place}, version {version}", word(&gateway.state), exact(gateway.since_ms))?;
    if let Some(failure) = &gateway.failure {
        writeln!(text, "  failed: {}", said(failure))?;
    }
    if let Some(retry) = gateway.retry_ms {
        writeln!(text, "  tried again {}", exact(retry))?;
    }
    for request in &gateway.pending {
        let (id, device) = (&request.request_id, request.short_id());
        let wants = [request.roles.as_slice(), &request.scopes].concat().join(" ");
        let has = request.approved_scopes.as_ref().map_or_else(|| "nothing yet".into(), |scopes| scopes.join(" "));
        writeln!(text, "  request {id} of {device}: {wants}; has: {has}")?;
    }
    Ok(())
}

fn link(text: &mut String, row: &LinkRow, elsewhere: bool) -> std::fmt::Result {
    write!(text, "  {}: {}", word(&row.link), word(&row.state))?;
    if let Some(before) = row.behind {
        write!(text, " {}", word(&before))?;
    }
    if let Some(at) = row.at_ms {
        write!(text, ", {}", exact(at))?;
    }
    // The others are called by people.
    let is_told = match row.link {
        ChainLink::Plugin | ChainLink::Model => true,
        ChainLink::Gateway => !elsewhere,
        ChainLink::Service | ChainLink::Pairing | ChainLink::Agent => false,
    };
    if let Some(name) = row.name.as_ref().filter(|_| is_told) {
        write!(text, ", {name}")?;
    }
    match &row.failure {
        Some(failure) => writeln!(text, ", {}", said(failure)),
        None => writeln!(text),
    }
}

fn plugin(text: &mut String, row: &PluginRow) -> std::fmt::Result {
    let state = match &row.fix {
        Seen::Known(None) => "yes".to_owned(),
        Seen::Known(Some(fix)) => format!("no, {}", word(fix)),
        Seen::Hidden(blind) => format!("cannot be seen, {}", word(blind)),
    };
    let shows = row.shows.as_deref().map(|shows| format!(" ({shows})")).unwrap_or_default();
    writeln!(text, "  {}: {state}{shows}", word(&row.link))
}

fn finding(text: &mut String, finding: &FindingView) -> std::fmt::Result {
    let repair = match &finding.repair {
        Repair::None { why } => format!("no plan: {}", nameless(why)),
        repair @ Repair::Plan { .. } => {
            let told = |plan: &Plan| {
                let steps: Vec<String> = plan.steps.iter().map(|planned| kind(&planned.step)).collect();
                format!("plan {}: {}", plan.fingerprint, steps.join(", "))
            };
            repair.plans().map(told).collect::<Vec<_>>().join("; or ")
        }
    };
    writeln!(text, "  {}, {}, {repair}", word(&finding.cause), word(&finding.severity))?;
    finding.evidence.iter().try_for_each(|one| writeln!(text, "    {}", nameless(one)))?;
    finding.commands.iter().try_for_each(|command| writeln!(text, "    $ {command}"))
}

fn one_repair(text: &mut String, repair: &RepairView) -> std::fmt::Result {
    let ended = match &repair.outcome {
        Some(outcome) => nameless(outcome),
        None if repair.interrupted => "interrupted".to_owned(),
        None => "goes on".to_owned(),
    };
    writeln!(text, "  {}, {}, {ended}", word(&repair.plan.cause), exact(repair.started_ms))?;
    for (planned, step) in repair.plan.steps.iter().zip(&repair.steps) {
        let failure = step.failure.as_deref().map(|code| format!(", {code}")).unwrap_or_default();
        writeln!(text, "    {}: {}{failure}", kind(&planned.step), word(&step.state))?;
    }
    Ok(())
}

/// What it is called on the control socket.
fn kind(step: &impl Serialize) -> String {
    let value = serde_json::to_value(step).ok();
    value.and_then(|value| value["kind"].as_str().map(str::to_owned)).unwrap_or_default()
}

/// As on the control socket, without what a person or a device is called.
fn nameless(value: &impl Serialize) -> String {
    // What the control socket carries becomes JSON.
    let mut value = serde_json::to_value(value).unwrap_or(Value::Null);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("name");
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::failure::{Failure, FailureCode};
    use crate::folders::Folders;
    use crate::tray_menu::sample;
    use crate::view::GatewayState;

    const PLANTED: &str = "q7Zr2mXw9TbK4sLd0pQv";

    /// What is wrong, by somebody's journal and by the last look; the same secret stands wherever a careless line could put it.
    fn amiss(folders: &Folders) -> View {
        let mut view = sample::state(0).shown;
        view.gateway.state = GatewayState::Stuck;
        view.gateway.url = Some("ws://127.0.0.1:18789/".into());
        let said = format!("unauthorized, sent token={PLANTED}");
        view.gateway.failure = Some(Failure::with(FailureCode::GatewayDeviceTokenStale, said));
        view.gateway.pending = serde_json::from_value(json!([{
            "requestId": "5e42109d-0eb8", "deviceId": "3b72b038aa", "name": "Anna's phone", "platform": null, "clientId": null, "clientMode": null,
            "roles": ["operator"], "scopes": ["operator.read"], "approvedScopes": null, "approvedRoles": null, "atMs": 1,
        }]))
        .unwrap();
        let plan = json!({
            "id": "p", "cause": "deviceTokenStale", "evidence": [], "fingerprint": "f00d", "ground": "f00d", "madeMs": 1, "expiresMs": 2,
            "steps": [{
                "step": { "kind": "forgetDeviceToken", "deviceId": "d" }, "action": { "kind": "own" }, "risk": "none", "stops": "ourLink",
                "undo": "putBack", "sendsSharedToken": false,
            }],
        });
        view.care.findings = serde_json::from_value(json!([{
            "cause": "copiesDiffer", "severity": "warning", "repair": { "kind": "plan", "plan": plan, "others": [] },
            "evidence": [
                { "kind": "copy", "wins": true, "copy": { "place": { "kind": "config", "path": "/x/openclaw.json" }, "value": { "kind": "token", "fingerprint": "1ecaa2" } } },
                { "kind": "device", "id": "3b72b038", "name": "Anna's phone" },
            ],
            "commands": [format!("OPENCLAW_GATEWAY_TOKEN={PLANTED} openclaw status")],
        }]))
        .unwrap();
        view.care.traps =
            serde_json::from_value(json!([{ "kind": "plainSecret", "path": "gateway.auth.token" }])).unwrap();
        let lines = [
            json!({ "kind": "started", "atMs": 5, "plan": plan }),
            json!({ "kind": "stepStarted", "atMs": 6, "plan": "p", "step": 0 }),
            json!({ "kind": "stepEnded", "atMs": 7, "plan": "p", "step": 0, "result": { "kind": "failed", "code": "gateway_token_wrong" } }),
            json!({ "kind": "ended", "atMs": 8, "plan": "p", "result": { "kind": "failed", "step": 0 } }),
        ];
        let journal: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(folders.data.join("repairs.jsonl"), journal).unwrap();
        view
    }

    #[test]
    fn what_was_found_and_repaired_is_told_without_a_secret_or_a_name() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path().join("data"));
        folders.create().unwrap();
        let view = amiss(&folders);
        let text = super::super::make(Some(&view), &folders);
        for told in [
            "OpenClaw: stuck since",
            "failed: gateway_device_token_stale",
            "request 5e42109d-0eb8 of 3b72b038: operator operator.read; has: nothing yet",
            "  gateway: notLooked",
            "findings: 1\n  copiesDiffer, warning, plan f00d: forgetDeviceToken",
            "\"fingerprint\":\"1ecaa2\"",
            "\"id\":\"3b72b038\"",
            "trap: {\"kind\":\"plainSecret\",\"path\":\"gateway.auth.token\"}",
            "repairs: 1\n  deviceTokenStale, ",
            "{\"kind\":\"failed\",\"step\":0}\n    forgetDeviceToken: failed, gateway_token_wrong",
        ] {
            assert!(text.contains(told), "{told} is not in:\n{text}");
        }
        assert!(!text.contains(PLANTED) && text.contains("<secret>"), "{text}");
        assert!(!text.contains("Anna"), "{text}");
        // The twin: before the redactor both places show it.
        let mut bare = String::new();
        seen(&mut bare, &view).unwrap();
        assert_eq!(bare.matches(PLANTED).count(), 2, "{bare}");
        // Nobody runs: what the journal says is told all the same.
        assert!(super::super::make(None, &folders).contains("repairs: 1\n  deviceTokenStale, "));
    }
}
