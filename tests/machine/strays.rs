//! Processes that are in the way of the user's gateway, or are it and answer nothing.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use support::machine::Machine;
use support::wait;

use crate::person::{mend, refuse, undo};
use crate::stage::{
    PORT, SOON, UNIT, answers, configure, done, in_background, is_one, listener, main_pid, online, property, ready,
    systemctl, told, units,
};

/// The line by which the user's service starts.
fn starts() -> String {
    format!("systemctl --user enable --now {UNIT}")
}

/// Somebody starts a gateway of another state by hand while the service is stopped.
pub(crate) fn a_stray(machine: &Machine) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    configure(machine, ".openclaw-c", PORT)?;
    in_background(machine, "stray", &["openclaw", "--profile", "c", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let stray = listener(machine, PORT)?;
    let finding = told(machine, "wrongInstance", Some(stray))?;
    let ends =
        |evidence: &Value| evidence["kind"] == "nextStart" && evidence["pid"] == stray && evidence["unit"] == UNIT;
    let evidence = finding["evidence"].as_array().context("no evidence")?;
    ensure!(evidence.iter().any(ends), "the next start would end it: {finding:#}");
    refuse(machine, &finding)?;
    ensure!(listener(machine, PORT)? == stray, "it was ended without a consent");
    let repaired = mend(machine, &finding, &[format!("kill -TERM {stray}"), starts()])?;
    is_one(machine)?;
    // The service was stopped before.
    undo(machine, &repaired)?;
    ensure!(property(machine, UNIT, "ActiveState")? == "inactive", "it was not undone");
    systemctl(machine, &["start", UNIT])?;
    ready(machine, PORT)?;
    online(machine)
}

/// Somebody starts the same gateway by hand while its service is stopped.
pub(crate) fn copy(machine: &Machine) -> Result<()> {
    in_background(machine, "copy", &["openclaw", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let copy = listener(machine, PORT)?;
    online(machine)?;
    let finding = told(machine, "serviceAndCopy", Some(copy))?;
    ensure!(units(&finding) == [UNIT], "{finding:#}");
    mend(machine, &finding, &[format!("kill -TERM {copy}"), starts()])?;
    is_one(machine)
}

/// The gateway listens and answers nothing.
pub(crate) fn hung(machine: &Machine) -> Result<()> {
    let service = main_pid(machine, UNIT)?;
    done(machine, machine.claw("kill").args(["-s", "STOP", &service.to_string()]))?;
    let finding = told(machine, "hung", Some(service))?;
    // The twin of every story here: the same question with another process in mind is answered with no.
    ensure!(told(machine, "hung", Some(1)).is_err(), "whatever process is named passes");
    mend(machine, &finding, &[format!("systemctl --user restart {UNIT}")])?;
    is_one(machine)?;
    ensure!(main_pid(machine, UNIT)? != service, "it is the same process");
    Ok(())
}

/// Another program has the port. Nobody but the person may end it.
pub(crate) fn foreign(machine: &Machine) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    in_background(machine, "foreign", &["python3", "-m", "http.server", "18789", "--bind", "127.0.0.1"])?;
    wait::until(SOON, "the foreign program to listen", || answers(machine, PORT, "/"))?;
    let finding = told(machine, "foreignProgram", Some(main_pid(machine, "foreign")?))?;
    ensure!(finding["repair"]["kind"] == "none", "{finding:#}");
    systemctl(machine, &["stop", "foreign"])
}
