//! Each kind of step fails once on purpose: what was done before it and what it did itself can be undone, to the byte, and nothing is done after it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, ensure};
use support::machine::Machine;
use support::wait;

use crate::person::Person::AtTerminal;
use crate::person::fail;
use crate::services::{define, forgets, writes};
use crate::stage::{FOLDER, PORT, SOON, UNIT, done, is_one, listener, main_pid, property, ready, systemctl, told};

/// Programs of the machine that fail at one word, which is in this file.
const FAILS: &str = "/home/claw/fails";

/// What a repair of a service can change.
#[derive(Debug, PartialEq, Eq)]
struct State {
    definition: Option<Vec<u8>>,
    config: Vec<u8>,
    starts: String,
    is_alive: bool,
}

fn state(machine: &Machine) -> Result<State> {
    Ok(State {
        definition: fs::read(machine.path(&format!("{FOLDER}/{UNIT}"))).ok(),
        config: fs::read(machine.path("/home/claw/.openclaw/openclaw.json"))?,
        starts: property(machine, UNIT, "UnitFileState")?,
        is_alive: ["active", "activating"].contains(&property(machine, UNIT, "ActiveState")?.as_str()),
    })
}

/// A program that fails at a word; `after`: only once the real one has done it.
fn spoil(machine: &Machine, program: &str, real: &str, after: bool) -> Result<()> {
    let path = format!("/usr/local/bin/{program}");
    let hit = if after { format!("{real} \"$@\"; exit 1") } else { "exit 1".to_owned() };
    let script = format!(
        "#!/bin/sh\nfor word; do [ \"$word\" = \"$(cat {FAILS})\" ] && {{ {hit}; }}; done\nexec {real} \"$@\"\n"
    );
    let _ = fs::remove_file(machine.path(&path));
    machine.write(&path, &script)?;
    fs::set_permissions(machine.path(&path), fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Has a service manager that fails at a word while `work` is done.
fn without(machine: &Machine, word: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    machine.write(FAILS, word)?;
    spoil(machine, "systemctl", "/usr/bin/systemctl", false)?;
    work()?;
    fs::remove_file(machine.path("/usr/local/bin/systemctl"))?;
    Ok(())
}

/// A hung gateway whose service cannot be started anew.
pub(crate) fn restart(machine: &Machine) -> Result<()> {
    let service = main_pid(machine, UNIT)?;
    done(machine, machine.claw("kill").args(["-s", "STOP", &service.to_string()]))?;
    let lines = [format!("systemctl --user restart {UNIT}")];
    let before = state(machine)?;
    let finding = told(machine, "hung", Some(service))?;
    without(machine, "restart", || fail(machine, &finding, &lines, 1).map(drop))?;
    ensure!(state(machine)? == before && main_pid(machine, UNIT)? == service, "something was done");
    AtTerminal.mend(machine, &told(machine, "hung", Some(service))?, &lines)?;
    is_one(machine)
}

/// The failures of a service cannot be forgotten, and its file cannot be written anew.
pub(crate) fn definition(machine: &Machine) -> Result<()> {
    let path = format!("{FOLDER}/{UNIT}");
    let (good, _) = define(machine, "/openclaw/dist/index.js", "/openclaw/gone/index.js")?;
    define(machine, "StartLimitBurst=10", "StartLimitBurst=2")?;
    // It may fail as often as it may before anybody looks.
    let _ = systemctl(machine, &["restart", UNIT]);
    wait::until(SOON, "its service to give up", || Ok(property(machine, UNIT, "ActiveState")? == "failed"))?;
    let lines = [forgets(), writes()];
    let before = state(machine)?;
    ensure!(!before.is_alive, "{before:?}");
    let find = || told(machine, "servicePathGone", None);

    without(machine, "reset-failed", || fail(machine, &find()?, &lines, 1).map(drop))?;
    ensure!(state(machine)? == before, "something was done");

    // OpenClaw fails before it writes, and after it has written and started.
    let own = fs::read(machine.path("/usr/local/bin/openclaw"))?;
    machine.write("/usr/local/bin/openclaw-real", &String::from_utf8_lossy(&own))?;
    fs::set_permissions(machine.path("/usr/local/bin/openclaw-real"), fs::Permissions::from_mode(0o755))?;
    machine.write(FAILS, "install")?;
    for after in [false, true] {
        spoil(machine, "openclaw", "/usr/local/bin/openclaw-real", after)?;
        let failed = fail(machine, &find()?, &lines, 2)?;
        ensure!((state(machine)? == before) != after, "the twin: had it not been written, nothing would be undone");
        AtTerminal.undo(machine, &failed)?;
        ensure!(state(machine)? == before, "{:?} is not {before:?}", state(machine)?);
    }
    machine.write("/usr/local/bin/openclaw", &String::from_utf8_lossy(&own))?;
    fs::set_permissions(machine.path("/usr/local/bin/openclaw"), fs::Permissions::from_mode(0o755))?;
    AtTerminal.mend(machine, &find()?, &lines)?;
    is_one(machine)?;
    machine.write(&path, &good)?;
    systemctl(machine, &["daemon-reload"])?;
    systemctl(machine, &["restart", UNIT])?;
    ready(machine, PORT)?;
    ensure!(listener(machine, PORT)? == main_pid(machine, UNIT)?, "another one listens");
    Ok(())
}
