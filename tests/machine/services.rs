//! Services that are in one another's way, or cannot do their work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use care::duplicates::complete;
use care::finding::Cause;
use care::survey::Survey;
use care::{Blind, Seen};
use serde_json::Value;
use support::machine::Machine;
use support::wait;

use crate::person::{Person, fail, lines};
use crate::stage::{
    FOLDER, PORT, SECOND, SOON, UNIT, all_well, configure, done, install, is_one, look, property, ready, survey,
    systemctl, told, units,
};

/// A war is named within 10 s; both gateways start meanwhile, and a busy machine is given three times as long.
const NAMED: Duration = Duration::from_secs(30);

/// What ends a war.
fn war_lines() -> [String; 3] {
    [
        format!("systemctl --user disable --now {SECOND}"),
        format!("systemctl --user reset-failed {UNIT}"),
        format!("systemctl --user enable --now {UNIT}"),
    ]
}

/// Two services on one port end each other in turn.
#[allow(clippy::print_stderr, reason = "how soon it is named is a number of the product, told where a story runs")]
pub(crate) fn war(machine: &Machine, person: &mut Person) -> Result<()> {
    configure(machine, ".openclaw-b", PORT)?;
    install(machine, Some("b"), PORT)?;
    let begun = Instant::now();
    person.sees(machine, "restartWar")?;
    let named = begun.elapsed();
    eprintln!("the war was named {named:.1?} after it began");
    ensure!(named < NAMED, "it took {named:?}");
    let finding = told(machine, "restartWar", None)?;
    ensure!(units(&finding) == [UNIT, SECOND], "{finding:#}");
    let facts = survey(machine)?;
    let causes =
        |facts: &Survey| -> Vec<Cause> { complete(Vec::new(), facts).iter().map(|finding| finding.cause).collect() };
    ensure!(causes(&facts) == [Cause::RestartWar], "{facts:#?}");
    // The twin: with eyes for processes alone nobody sees it.
    let mut blind = facts.clone();
    blind.gateways.user = Seen::Hidden(Blind::Unsupported);
    ensure!(!causes(&blind).contains(&Cause::RestartWar), "it is seen without the services");
    person.mend(machine, &finding, &war_lines())?;
    is_one(machine)?;
    ensure!(property(machine, SECOND, "UnitFileState")? == "disabled", "the other one starts by itself");
    Ok(())
}

/// A war that was ended is still ended when the machine has started anew.
pub(crate) fn a_war_that_is_over_stays_over(machine: &mut Machine, person: &mut Person) -> Result<()> {
    configure(machine, ".openclaw-b", PORT)?;
    install(machine, Some("b"), PORT)?;
    let finding = told(machine, "restartWar", None)?;
    let repaired = person.mend(machine, &finding, &war_lines())?;
    // As it was: both of them, in one another's way.
    person.undo(machine, &repaired)?;
    ensure!(property(machine, SECOND, "UnitFileState")? == "enabled", "it was not undone");
    let finding = told(machine, "restartWar", None)?;
    person.mend(machine, &finding, &war_lines())?;
    machine.power_cycle()?;
    person.come_back(machine)?;
    is_one(machine)?;
    all_well(machine)?;
    ensure!(property(machine, SECOND, "ActiveState")? == "inactive", "the other one is back");
    Ok(())
}

/// Each step of a plan fails once: what was done before it can be undone, and nothing was done after it.
pub(crate) fn a_step_that_fails(machine: &Machine, person: &mut Person) -> Result<()> {
    configure(machine, ".openclaw-b", PORT)?;
    install(machine, Some("b"), PORT)?;
    // A service manager that fails at one word.
    let script = "#!/bin/sh\nfor word; do [ \"$word\" = \"$(cat /home/claw/fails)\" ] && exit 1; done\nexec /usr/bin/systemctl \"$@\"\n";
    machine.write("/usr/local/bin/systemctl", script)?;
    fs::set_permissions(machine.path("/usr/local/bin/systemctl"), fs::Permissions::from_mode(0o755))?;
    let switched = || -> Result<[String; 2]> {
        Ok([property(machine, UNIT, "UnitFileState")?, property(machine, SECOND, "UnitFileState")?])
    };
    machine.write("/home/claw/fails", "")?;
    let before = switched()?;
    for (word, step) in [("disable", 1), ("enable", 3)] {
        machine.write("/home/claw/fails", word)?;
        let finding = told(machine, "restartWar", None).or_else(|_| told(machine, "twoServices", None))?;
        let failed = fail(machine, &finding, &war_lines(), step)?;
        machine.write("/home/claw/fails", "")?;
        if step > 1 {
            ensure!(switched()? != before, "the first step was not done");
            person.undo(machine, &failed)?;
        }
        ensure!(switched()? == before, "{:?} is not {before:?}", switched()?);
    }
    fs::remove_file(machine.path("/usr/local/bin/systemctl"))?;
    systemctl(machine, &["disable", "--now", SECOND])?;
    systemctl(machine, &["reset-failed", UNIT]).or_else(|_| anyhow::Ok(()))?;
    systemctl(machine, &["restart", UNIT])?;
    is_one(machine)
}

/// It is there and would not start by itself.
pub(crate) fn off(machine: &Machine, person: &mut Person) -> Result<()> {
    systemctl(machine, &["disable", "--now", UNIT])?;
    let finding = told(machine, "serviceOff", None)?;
    let repaired = person.mend(machine, &finding, &[format!("systemctl --user enable --now {UNIT}")])?;
    is_one(machine)?;
    person.undo(machine, &repaired)?;
    ensure!(property(machine, UNIT, "UnitFileState")? == "disabled", "it was not undone");
    told(machine, "serviceOff", None)?;
    systemctl(machine, &["enable", "--now", UNIT])?;
    is_one(machine)
}

/// The same gateway as a service of the computer.
pub(crate) fn two_scopes(machine: &Machine) -> Result<()> {
    let text = fs::read_to_string(machine.path(&format!("{FOLDER}/{UNIT}")))?;
    let text = text.replace("[Service]", "[Service]\nUser=claw").replace("default.target", "multi-user.target");
    machine.write(&format!("/etc/systemd/system/{UNIT}"), &text)?;
    done(machine, machine.root("systemctl").args(["enable", UNIT]))?;
    let finding = told(machine, "twoServices", None)?;
    ensure!(units(&finding) == [UNIT, UNIT], "{finding:#}");
    ensure!(finding["repair"]["kind"] == "none", "{finding:#}");
    ensure!(finding["commands"][0] == format!("sudo systemctl disable --now {UNIT}"), "{finding:#}");
    done(machine, machine.root("systemctl").args(["disable", UNIT]))?;
    fs::remove_file(machine.path(&format!("/etc/systemd/system/{UNIT}")))?;
    done(machine, machine.root("systemctl").arg("daemon-reload"))?;
    all_well(machine)
}

/// The line by which OpenClaw writes its service anew.
pub(crate) fn writes() -> String {
    "openclaw gateway install --force".into()
}

/// The line by which it is forgotten how often it failed.
pub(crate) fn forgets() -> String {
    format!("systemctl --user reset-failed {UNIT}")
}

/// Changes the definition of the user's service, and gives it as it was and as it is.
pub(crate) fn define(machine: &Machine, from: &str, to: &str) -> Result<(String, String)> {
    let path = format!("{FOLDER}/{UNIT}");
    let good = fs::read_to_string(machine.path(&path))?;
    let bad = good.replace(from, to);
    ensure!(bad != good, "{from} is not in {good}");
    machine.write(&path, &bad)?;
    systemctl(machine, &["daemon-reload"])?;
    Ok((good, bad))
}

/// Mends a definition, takes that back, and brings the good one back by hand. `how`: what was wrong.
fn mend_definition(
    machine: &Machine,
    person: &mut Person,
    cause: &str,
    finding: &Value,
    lines: &[String],
    (good, bad): &(String, String),
) -> Result<()> {
    let path = format!("{FOLDER}/{UNIT}");
    let text = || fs::read_to_string(machine.path(&path));
    let repaired = person.mend(machine, finding, lines)?;
    is_one(machine)?;
    ensure!(text()? != *bad, "the definition is as it was");
    person.undo(machine, &repaired)?;
    ensure!(text()? == *bad, "it was not put back:\n{}", text()?);
    wait::until(SOON, "the same to be found again", || {
        Ok(look(machine)?.iter().any(|finding| finding["cause"] == cause))
    })?;
    machine.write(&path, good)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["reset-failed", UNIT]).or_else(|_| anyhow::Ok(()))?;
    systemctl(machine, &["restart", UNIT])?;
    is_one(machine)
}

/// The configuration was changed, and the service was not written anew.
pub(crate) fn another_port(machine: &Machine, person: &mut Person) -> Result<()> {
    let texts = define(machine, "18789", "18999")?;
    systemctl(machine, &["restart", UNIT])?;
    ready(machine, 18_999)?;
    let cause = "servicePortDiffers";
    let finding = told(machine, cause, None)?;
    ensure!(finding["severity"] == "broken" && units(&finding) == [UNIT], "{finding:#}");
    mend_definition(machine, person, cause, &finding, &[writes()], &texts)
}

/// The service hands its gateway an older token than the configuration says: it works until somebody goes by that one.
pub(crate) fn another_token(machine: &Machine, person: &mut Person) -> Result<()> {
    const OLDER: &str = "an-older-token-of-the-service";
    let line = format!("[Service]\nEnvironment=OPENCLAW_GATEWAY_TOKEN={OLDER}");
    define(machine, "[Service]", &line)?;
    systemctl(machine, &["restart", UNIT])?;
    is_one(machine)?;
    let finding = told(machine, "copiesDiffer", None)?;
    ensure!(finding["severity"] == "warning" && !finding.to_string().contains(OLDER), "{finding:#}");
    let copies = finding["evidence"].as_array().into_iter().flatten().filter(|one| one["kind"] == "copy");
    let counts: Vec<_> =
        copies.clone().filter(|one| one["wins"] == true).map(|one| &one["copy"]["place"]["kind"]).collect();
    ensure!(counts == ["config"], "{finding:#}");
    ensure!(copies.clone().any(|one| one["copy"]["place"]["kind"] == "serviceDefinition"), "{finding:#}");
    person.mend(machine, &finding, &[writes()])?;
    is_one(machine)?;
    ensure!(!fs::read_to_string(machine.path(&format!("{FOLDER}/{UNIT}")))?.contains(OLDER), "it is there still");
    Ok(())
}

/// OpenClaw was moved away under its service.
pub(crate) fn dead_path(machine: &Machine, person: &mut Person) -> Result<()> {
    let texts = define(machine, "/openclaw/dist/index.js", "/openclaw/gone/index.js")?;
    systemctl(machine, &["restart", UNIT])?;
    let cause = "servicePathGone";
    let finding = told(machine, cause, None)?;
    let missing = |evidence: &Value| evidence["path"].as_str().is_some_and(|path| path.ends_with("/gone/index.js"));
    ensure!(finding["evidence"].as_array().context("no evidence")?.iter().any(missing), "{finding:#}");
    mend_definition(machine, person, cause, &finding, &[forgets(), writes()], &texts)
}

/// The gateway cannot be started with what its service says, and its service gives up.
pub(crate) fn crash_loop(machine: &Machine, person: &mut Person) -> Result<()> {
    let texts = define(machine, " gateway ", " gateway --no-such-option ")?;
    systemctl(machine, &["restart", UNIT])?;
    wait::until(SOON * 2, "it to fail again and again", || {
        let often = property(machine, UNIT, "NRestarts")?.parse::<u32>()? >= 3;
        Ok(often || property(machine, UNIT, "ActiveState")? == "failed")
    })?;
    let cause = "crashLoop";
    wait::until(SOON, "it to be told", || Ok(look(machine)?.iter().any(|finding| finding["cause"] == cause)))?;
    let finding = told(machine, cause, None)?;
    ensure!(units(&finding) == [UNIT], "{finding:#}");
    ensure!(
        finding["evidence"].as_array().context("no evidence")?.iter().any(|one| one["kind"] == "nobody"),
        "{finding:#}"
    );
    mend_definition(machine, person, cause, &finding, &[forgets(), writes()], &texts)
}

/// The service starts a release that is older than the one that wrote the configuration: what runs goes on, and its next start fails.
pub(crate) fn older_release(machine: &Machine, person: &mut Person) -> Result<()> {
    let wrote = machine.openclaw(None, &["config", "set", "logging.level", "info"])?;
    ensure!(wrote.status.success(), "{wrote:?}");
    is_one(machine)?;
    all_well(machine)?;
    let (_, bad) = define(machine, "/opt/openclaw/2026.9.6/", "/opt/openclaw/2026.7.35/")?;
    let finding = told(machine, "serviceOutdated", None)?;
    ensure!(finding["severity"] == "warning" && units(&finding) == [UNIT], "{finding:#}");

    // What was foretold.
    systemctl(machine, &["restart", UNIT])?;
    wait::until(SOON * 2, "it to fail again and again", || {
        let often = property(machine, UNIT, "NRestarts")?.parse::<u32>()? >= 3;
        Ok(often || property(machine, UNIT, "ActiveState")? == "failed")
    })?;
    let cause = "crashLoop";
    wait::until(SOON, "it to be told", || Ok(look(machine)?.iter().any(|finding| finding["cause"] == cause)))?;
    let finding = told(machine, cause, None)?;
    let why = finding["evidence"].as_array().context("no evidence")?.iter().find(|one| one["kind"] == "olderRelease");
    ensure!(why.is_some_and(|why| why["release"] == "2026.7.35" && why["wrote"] == "2026.9.6"), "{finding:#}");
    let repaired = person.mend(machine, &finding, &[forgets(), writes()])?;
    is_one(machine)?;
    all_well(machine)?;
    person.undo(machine, &repaired)?;
    ensure!(fs::read_to_string(machine.path(&format!("{FOLDER}/{UNIT}")))? == bad, "it was not put back");
    // It fails again, or will at its next start.
    wait::until(SOON, "the older release to be told again", || {
        Ok(serde_json::to_string(&look(machine)?)?.contains("\"olderRelease\""))
    })
}

/// The service of a release that had another name is still the one that runs.
pub(crate) fn legacy_name(machine: &Machine, person: &mut Person) -> Result<()> {
    let legacy = "clawdbot-gateway.service";
    let own = machine.path(&format!("{FOLDER}/{UNIT}"));
    let text = fs::read_to_string(&own)?;
    machine.write(&format!("{FOLDER}/{legacy}"), &text)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["disable", "--now", UNIT])?;
    systemctl(machine, &["enable", "--now", legacy])?;
    ready(machine, PORT)?;
    let finding = told(machine, "legacyService", None)?;
    ensure!(units(&finding) == [legacy], "{finding:#}");
    let off = format!("systemctl --user disable --now {legacy}");
    let on = format!("systemctl --user enable --now {UNIT}");
    let repaired = person.mend(machine, &finding, &[off.clone(), on])?;
    is_one(machine)?;
    person.undo(machine, &repaired)?;
    ensure!(property(machine, legacy, "ActiveState")? == "active", "it was not undone");

    // Where there is no other, OpenClaw writes it.
    fs::remove_file(&own)?;
    systemctl(machine, &["daemon-reload"])?;
    ready(machine, PORT)?;
    let finding = told(machine, "legacyService", None)?;
    let repaired = person.mend(machine, &finding, &[off, writes()])?;
    is_one(machine)?;
    person.undo(machine, &repaired)?;
    ensure!(!own.exists() && property(machine, legacy, "ActiveState")? == "active", "it was not undone");

    // Beside the present one it is a second.
    machine.write(&format!("{FOLDER}/{UNIT}"), &text)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["enable", UNIT])?;
    ready(machine, PORT)?;
    let finding = told(machine, "twoServices", None)?;
    ensure!(units(&finding) == [UNIT, legacy], "{finding:#}");
    let lines = lines(&finding)?;
    person.mend(machine, &finding, &lines)?;
    is_one(machine)
}
