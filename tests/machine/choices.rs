//! Ways out that a person chooses instead of the recommended one.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use support::machine::Machine;
use support::wait;

use crate::person::Person::AtTerminal;
use crate::stage::{
    FOLDER, PORT, READY, SECOND, UNIT, all_well, answers, configure, in_background, install, is_one, listener, look,
    main_pid, online, property, ready, run_ours, survey, systemctl, told, units,
};

/// The port that the second gateway is given.
const ELSEWHERE: u16 = 19_789;

/// The same finding with the plan of another choice, as a person at a terminal would take it.
fn choosing(finding: &Value, kind: &str) -> Result<Value> {
    let plans = &finding["repair"];
    ensure!(plans["plan"]["choice"]["kind"] == "keepService", "the recommended one is not first: {finding:#}");
    let mut others = plans["others"].as_array().into_iter().flatten();
    let plan = others.find(|plan| plan["choice"]["kind"] == kind).with_context(|| format!("no {kind}: {finding:#}"))?;
    let mut chosen = finding.clone();
    chosen["repair"] = json!({ "kind": "plan", "plan": plan, "others": [] });
    Ok(chosen)
}

/// The one that was started by hand goes on, and the service lays no claim to its place any more.
pub(crate) fn the_copy_stays(machine: &Machine) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    in_background(machine, "copy", &["openclaw", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let copy = listener(machine, PORT)?;
    online(machine)?;
    let finding = told(machine, "serviceAndCopy", Some(copy))?;
    let finding = choosing(&finding, "keepRunning")?;
    let repaired = AtTerminal.mend(machine, &finding, &[format!("systemctl --user disable --now {UNIT}")])?;
    ensure!(listener(machine, PORT)? == copy, "it was ended");
    ensure!(property(machine, UNIT, "UnitFileState")? == "disabled", "its service starts by itself");
    online(machine)?;
    // As it was: the service would come, and end it.
    AtTerminal.undo(machine, &repaired)?;
    ensure!(property(machine, UNIT, "UnitFileState")? == "enabled", "it was not undone");
    ensure!(property(machine, UNIT, "ActiveState")? == "inactive", "it was started");
    ensure!(listener(machine, PORT)? == copy, "the undo ended it");
    told(machine, "serviceAndCopy", Some(copy))?;

    // The twin: without the choice the service comes, cannot start beside it, and counts as failed.
    systemctl(machine, &["start", UNIT])?;
    wait::until(READY, "the service to give up", || Ok(property(machine, UNIT, "ActiveState")? == "failed"))?;
    ensure!(listener(machine, PORT)? == copy, "it was ended");
    let finding = choosing(&told(machine, "serviceAndCopy", Some(copy))?, "keepRunning")?;
    let lines = [format!("systemctl --user disable --now {UNIT}"), format!("systemctl --user reset-failed {UNIT}")];
    AtTerminal.mend(machine, &finding, &lines)?;
    ensure!(property(machine, UNIT, "ActiveState")? == "inactive", "it still counts as failed");
    ensure!(listener(machine, PORT)? == copy, "it was ended");

    systemctl(machine, &["stop", "copy"])?;
    systemctl(machine, &["enable", "--now", UNIT])?;
    is_one(machine)
}

/// Two profiles on one port: the second is given one of its own, and both are there, after a power cycle too.
pub(crate) fn the_second_moves(machine: &mut Machine) -> Result<()> {
    configure(machine, ".openclaw-b", PORT)?;
    install(machine, Some("b"), PORT)?;
    let written = |path: &str| fs::read(machine.path(path));
    let (config, unit) = ("/home/claw/.openclaw-b/openclaw.json", format!("{FOLDER}/{SECOND}"));
    let before = (written(config)?, written(&unit)?);
    let finding = told(machine, "restartWar", None)?;
    ensure!(units(&finding) == [UNIT, SECOND], "{finding:#}");
    let lines = [
        format!("systemctl --user disable --now {SECOND}"),
        format!("openclaw --profile b config set gateway.port {ELSEWHERE}"),
        format!("systemctl --user reset-failed {UNIT}"),
        format!("systemctl --user enable --now {UNIT}"),
        format!("openclaw --profile b gateway install --force --port {ELSEWHERE}"),
    ];
    let repaired = AtTerminal.mend(machine, &choosing(&finding, "anotherPort")?, &lines)?;
    both_live(machine)?;

    // As it was, to the byte: both of them, in one another's way.
    AtTerminal.undo(machine, &repaired)?;
    ensure!((written(config)?, written(&unit)?) == before, "the files are not as they were");
    let again = told(machine, "restartWar", None)?;
    AtTerminal.mend(machine, &choosing(&again, "anotherPort")?, &lines)?;
    both_live(machine)?;

    machine.power_cycle()?;
    run_ours(machine)?;
    both_live(machine)?;
    all_well(machine)
}

/// Each answers on its own port, and is the process of its own service.
fn both_live(machine: &Machine) -> Result<()> {
    for (unit, port) in [(UNIT, PORT), (SECOND, ELSEWHERE)] {
        ready(machine, port)?;
        ensure!(listener(machine, port)? == main_pid(machine, unit)?, "another one listens on {port}");
        ensure!(property(machine, unit, "UnitFileState")? == "enabled", "{unit} does not start by itself");
    }
    online(machine)?;
    ensure!(look(machine)?.is_empty(), "something is found");
    let running = survey(machine)?.gateways.running().count();
    ensure!(running == 2, "{running} gateways run");
    ensure!(!answers(machine, ELSEWHERE + 1, "/readyz")?, "whatever port is asked answers");
    Ok(())
}
