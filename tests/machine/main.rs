//! Stories on a booted machine: real systemd, a real user with a manager of its own, the real OpenClaw installed as its own service, and our command line beside it.
//!
//! One boot each, in the order in which a machine would see it. Every story says what is wrong and which process or service it is; one that names another
//! fails.

mod stage;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use care::duplicates::complete;
use care::finding::Cause;
use care::{Blind, Seen};
use serde_json::Value;
use stage::{
    FOLDER, PORT, SOON, UNIT, all_well, answers, configure, done, in_background, install, listener, look, main_pid,
    picture, property, ready, start_ours, survey, systemctl, told, units,
};
use support::machine::Machine;
use support::wait;

/// A war is named this soon.
const NAMED: Duration = Duration::from_secs(10);
const SECOND: &str = "openclaw-gateway-b.service";

#[test]
fn whose_gateway_it_is_is_told_on_a_machine_with_systemd() -> Result<()> {
    let machine = Machine::boot()?;
    configure(&machine, ".openclaw", PORT)?;
    start_ours(&machine)?;
    told(&machine, "nobodyListens", None)?;

    install(&machine, None, PORT)?;
    ready(&machine, PORT)?;
    let service = main_pid(&machine, UNIT)?;
    all_well(&machine)?;
    a_look_changes_nothing(&machine)?;

    done(&machine, machine.claw("kill").args(["-s", "STOP", &service.to_string()]))?;
    told(&machine, "hung", Some(service))?;
    // The twin of every story here: the same question with another process in mind is answered with no.
    ensure!(told(&machine, "hung", Some(1)).is_err(), "whatever process is named passes");
    done(&machine, machine.claw("kill").args(["-s", "CONT", &service.to_string()]))?;
    ready(&machine, PORT)?;
    all_well(&machine)?;

    // A second profile on a port of its own is nobody's fault.
    configure(&machine, ".openclaw-b", 18_790)?;
    install(&machine, Some("b"), 18_790)?;
    ready(&machine, 18_790)?;
    all_well(&machine)?;
    systemctl(&machine, &["disable", "--now", SECOND])?;

    systemctl(&machine, &["stop", UNIT])?;
    told(&machine, "nobodyListens", None)?;
    ensure!(property(&machine, UNIT, "ActiveState")? == "inactive", "a look woke the gateway");
    a_stray_and_a_copy(&machine)?;
    a_foreign_program(&machine)?;

    systemctl(&machine, &["start", UNIT])?;
    ready(&machine, PORT)?;
    all_well(&machine)
}

/// Somebody starts a gateway by hand while the service is stopped: one of another state, then one of the same.
fn a_stray_and_a_copy(machine: &Machine) -> Result<()> {
    configure(machine, ".openclaw-c", PORT)?;
    in_background(machine, "stray", &["openclaw", "--profile", "c", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let stray = listener(machine, PORT)?;
    let finding = told(machine, "wrongInstance", Some(stray))?;
    let ends =
        |evidence: &Value| evidence["kind"] == "nextStart" && evidence["pid"] == stray && evidence["unit"] == UNIT;
    let evidence = finding["evidence"].as_array().context("no evidence")?;
    ensure!(evidence.iter().any(ends), "the next start would end it: {finding:#}");
    systemctl(machine, &["stop", "stray"])?;

    in_background(machine, "copy", &["openclaw", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let copy = listener(machine, PORT)?;
    let finding = told(machine, "serviceAndCopy", Some(copy))?;
    ensure!(units(&finding) == [UNIT], "{finding:#}");
    systemctl(machine, &["stop", "copy"])
}

fn a_foreign_program(machine: &Machine) -> Result<()> {
    in_background(machine, "foreign", &["python3", "-m", "http.server", "18789", "--bind", "127.0.0.1"])?;
    wait::until(SOON, "the foreign program to listen", || answers(machine, PORT, "/"))?;
    told(machine, "foreignProgram", Some(main_pid(machine, "foreign")?))?;
    systemctl(machine, &["stop", "foreign"])
}

/// Every file of the home, every process and every unit are the same after a look.
fn a_look_changes_nothing(machine: &Machine) -> Result<()> {
    let before = picture(machine)?;
    all_well(machine)?;
    let after = picture(machine)?;
    ensure!(before == after, "a look changed something:\n{before:#?}\n{after:#?}");
    // The twins: had it left a file, a process or a unit behind, that would be seen.
    machine.write("/home/claw/left", "")?;
    ensure!(picture(machine)? != before, "a file that is left behind is not seen");
    fs::remove_file(machine.path("/home/claw/left"))?;
    in_background(machine, "smartpi-left", &["sleep", "600"])?;
    ensure!(picture(machine)? != before, "a process that is left behind is not seen");
    systemctl(machine, &["stop", "smartpi-left"])
}

#[test]
fn services_in_one_anothers_way_are_told_on_a_machine_with_systemd() -> Result<()> {
    let machine = Machine::boot()?;
    configure(&machine, ".openclaw", PORT)?;
    start_ours(&machine)?;
    install(&machine, None, PORT)?;
    ready(&machine, PORT)?;
    all_well(&machine)?;

    war(&machine)?;

    // The second one is gone, and the first one runs. What else can be wrong with it:
    ready(&machine, PORT)?;
    all_well(&machine)?;
    two_scopes(&machine)?;
    another_port(&machine)?;
    systemctl(&machine, &["disable", "--now", UNIT])?;
    let finding = told(&machine, "serviceOff", None)?;
    ensure!(finding["commands"][0] == format!("systemctl --user enable --now {UNIT}"), "{finding:#}");
    dead_path(&machine)?;
    crash_loop(&machine)?;
    legacy_name(&machine)
}

/// Two services on one port end each other in turn.
fn war(machine: &Machine) -> Result<()> {
    configure(machine, ".openclaw-b", PORT)?;
    install(machine, Some("b"), PORT)?;
    let begun = Instant::now();
    let finding = told(machine, "restartWar", None)?;
    ensure!(begun.elapsed() < NAMED, "it took {:?}", begun.elapsed());
    ensure!(units(&finding) == [UNIT, SECOND], "{finding:#}");
    ensure!(finding["commands"][0] == format!("systemctl --user disable --now {SECOND}"), "{finding:#}");
    let facts = survey(machine)?;
    let causes = |gateways| -> Vec<Cause> {
        complete(Vec::new(), &facts.survey, &gateways).iter().map(|finding| finding.cause).collect()
    };
    ensure!(causes(facts.gateways.clone()) == [Cause::RestartWar], "{facts:#?}");
    // The twin: with eyes for processes alone nobody sees it.
    let mut blind = facts.gateways.clone();
    blind.user = Seen::Hidden(Blind::Unsupported);
    ensure!(!causes(blind).contains(&Cause::RestartWar), "it is seen without the services");
    // One ends the other, until one gives up: then it is the same two services, and still nothing else.
    wait::until(Duration::from_secs(180), "the first restart", || {
        Ok([UNIT, SECOND].iter().any(|unit| property(machine, unit, "NRestarts").is_ok_and(|count| count != "0")))
    })?;
    let found = look(machine)?;
    let cause = found[0]["cause"].as_str().unwrap_or_default();
    ensure!(found.len() == 1 && ["restartWar", "twoServices"].contains(&cause), "{found:#?}");
    ensure!(units(&found[0]) == [UNIT, SECOND] && found[0]["severity"] == "broken", "{found:#?}");
    // What it says to do ends it.
    systemctl(machine, &["disable", "--now", SECOND])?;
    systemctl(machine, &["reset-failed", UNIT]).or_else(|_| anyhow::Ok(()))?;
    systemctl(machine, &["restart", UNIT])
}

/// The same gateway as a service of the computer.
fn two_scopes(machine: &Machine) -> Result<()> {
    let text = fs::read_to_string(machine.path(&format!("{FOLDER}/{UNIT}")))?;
    let text = text.replace("[Service]", "[Service]\nUser=claw").replace("default.target", "multi-user.target");
    machine.write(&format!("/etc/systemd/system/{UNIT}"), &text)?;
    done(machine, machine.root("systemctl").args(["enable", UNIT]))?;
    let finding = told(machine, "twoServices", None)?;
    ensure!(units(&finding) == [UNIT, UNIT], "{finding:#}");
    ensure!(finding["commands"][0] == format!("sudo systemctl disable --now {UNIT}"), "{finding:#}");
    done(machine, machine.root("systemctl").args(["disable", UNIT]))?;
    fs::remove_file(machine.path(&format!("/etc/systemd/system/{UNIT}")))?;
    done(machine, machine.root("systemctl").arg("daemon-reload"))?;
    all_well(machine)
}

/// The configuration was changed, and the service was not written anew.
fn another_port(machine: &Machine) -> Result<()> {
    let path = format!("{FOLDER}/{UNIT}");
    let text = fs::read_to_string(machine.path(&path))?;
    machine.write(&path, &text.replace("18789", "18999"))?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["restart", UNIT])?;
    ready(machine, 18_999)?;
    let finding = told(machine, "servicePortDiffers", None)?;
    ensure!(finding["severity"] == "broken" && units(&finding) == [UNIT], "{finding:#}");
    machine.write(&path, &text)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["restart", UNIT])?;
    ready(machine, PORT)?;
    all_well(machine)
}

/// OpenClaw was moved away under its service.
fn dead_path(machine: &Machine) -> Result<()> {
    let path = format!("{FOLDER}/{UNIT}");
    let text = fs::read_to_string(machine.path(&path))?;
    machine.write(&path, &text.replace("/openclaw/dist/index.js", "/openclaw/gone/index.js"))?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["enable", "--now", UNIT])?;
    let finding = told(machine, "servicePathGone", None)?;
    let missing = |evidence: &Value| evidence["path"].as_str().is_some_and(|path| path.ends_with("/gone/index.js"));
    ensure!(finding["evidence"].as_array().context("no evidence")?.iter().any(missing), "{finding:#}");
    machine.write(&path, &text)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["reset-failed", UNIT]).or_else(|_| anyhow::Ok(()))
}

/// The gateway refuses its configuration and its service gives up.
fn crash_loop(machine: &Machine) -> Result<()> {
    let path = format!("{FOLDER}/{UNIT}");
    let text = fs::read_to_string(machine.path(&path))?;
    machine.write(&path, &text.replace(" gateway ", " gateway --no-such-option "))?;
    systemctl(machine, &["daemon-reload"])?;
    // It may have been told to start by the story before.
    systemctl(machine, &["restart", UNIT]).or_else(|_| anyhow::Ok(()))?;
    wait::until(SOON * 2, "it to fail again and again", || {
        let often = property(machine, UNIT, "NRestarts")?.parse::<u32>()? >= 3;
        Ok(often || property(machine, UNIT, "ActiveState")? == "failed")
    })?;
    let finding = told(machine, "crashLoop", None)?;
    ensure!(units(&finding) == [UNIT], "{finding:#}");
    ensure!(
        finding["evidence"].as_array().context("no evidence")?.iter().any(|one| one["kind"] == "nobody"),
        "{finding:#}"
    );
    systemctl(machine, &["disable", "--now", UNIT])?;
    machine.write(&path, &text)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["reset-failed", UNIT]).or_else(|_| anyhow::Ok(()))
}

/// The service of a release that had another name is still the one that runs.
fn legacy_name(machine: &Machine) -> Result<()> {
    let legacy = "clawdbot-gateway.service";
    let text = fs::read_to_string(machine.path(&format!("{FOLDER}/{UNIT}")))?;
    machine.write(&format!("{FOLDER}/{legacy}"), &text)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["enable", "--now", legacy])?;
    ready(machine, PORT)?;
    let finding = told(machine, "legacyService", None)?;
    ensure!(units(&finding) == [legacy], "{finding:#}");
    // Beside the present one it is a second.
    systemctl(machine, &["enable", UNIT])?;
    let found = look(machine)?;
    ensure!(found.len() == 1 && found[0]["cause"] == "twoServices" && units(&found[0]) == [UNIT, legacy], "{found:#?}");
    Ok(())
}
