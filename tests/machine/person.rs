//! A person who reads a plan at a terminal, agrees to it, and takes it back.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use care::journal::STILL_RUNS;
use serde_json::Value;
use support::machine::Machine;
use support::terminal::Terminal;
use support::wait;

use crate::stage::{SOON, done, look};

/// A gateway may take as long to end as its work takes, and the next one as long to start.
const DONE: Duration = Duration::from_secs(300);
/// Where our service writes down what it did.
const JOURNAL: &str = "/home/claw/.local/share/smartpi/repairs.jsonl";

/// A repair that was carried out.
#[derive(Debug)]
pub(crate) struct Repaired {
    /// Its name.
    id: String,
    /// Whether something of it can be undone.
    undoable: bool,
}

/// The exact lines of the plan that goes with a finding.
pub(crate) fn lines(finding: &Value) -> Result<Vec<String>> {
    let steps = finding["repair"]["plan"]["steps"].as_array().with_context(|| format!("no plan: {finding:#}"))?;
    let line = |step: &Value| {
        let action = &step["action"];
        let words = action["arguments"].as_array().into_iter().flatten().filter_map(Value::as_str);
        match action["kind"].as_str() {
            Some("command") => Ok(action["program"].as_str().into_iter().chain(words).collect::<Vec<_>>().join(" ")),
            Some("signal") => Ok(format!("kill -{} {}", action["signal"].as_str().unwrap_or("?"), action["pid"])),
            other => anyhow::bail!("{other:?} is neither a command nor a signal"),
        }
    };
    steps.iter().map(line).collect()
}

/// Reads the plan of what was found, agrees to it and hears that it helped. `expected`: its exact lines.
pub(crate) fn mend(machine: &Machine, finding: &Value, expected: &[String]) -> Result<Repaired> {
    let mut terminal = agree(machine, finding, expected)?;
    terminal.until(DONE, "that it helped", |text| text.contains("looked twice").then_some(()))?;
    ensure!(look(machine)?.is_empty(), "a second look finds something");
    written(machine)
}

/// Agrees to it, and hears that a step failed, counted from 1.
pub(crate) fn fail(machine: &Machine, finding: &Value, expected: &[String], step: usize) -> Result<Repaired> {
    let mut terminal = agree(machine, finding, expected)?;
    let said = format!("Step {step} failed");
    terminal.until(DONE, &said, |text| text.contains(&said).then_some(()))?;
    written(machine)
}

/// Agrees to it, and does not want to wait for a gateway that does not end.
pub(crate) fn stop_waiting(machine: &Machine, finding: &Value, expected: &[String]) -> Result<()> {
    let mut terminal = agree(machine, finding, expected)?;
    terminal.until(SOON, "that one may stop", |text| text.contains("Ctrl-C").then_some(()))?;
    let journal = machine.path(JOURNAL);
    wait::until(SOON, "the gateway to be asked", || {
        Ok(fs::read_to_string(&journal).is_ok_and(|written| written.contains("stepStarted")))
    })?;
    // Ctrl-C would reach those programs as well that brought ours into the machine, and end them.
    done(machine, machine.claw("pkill").args(["-INT", "-f", "^/opt/smartpi/smartpi repair --apply"]))?;
    terminal.until(SOON, "where it stopped", |text| text.contains("Step 1 failed").then_some(()))
}

/// Reads the plan of what was found and agrees to it.
fn agree(machine: &Machine, finding: &Value, expected: &[String]) -> Result<Terminal> {
    let shown = lines(finding)?;
    ensure!(shown == expected, "other steps than expected: {shown:#?}");
    // More than three in an hour are refused, and this is a long day.
    let journal = machine.path(JOURNAL);
    if journal.exists() && !fs::read_to_string(&journal)?.contains(STILL_RUNS) {
        fs::rename(&journal, machine.path("/home/claw/.local/share/smartpi/earlier.jsonl"))?;
    }
    let plans = machine.smartpi(&["repair", "--plan"])?;
    let fingerprint = finding["repair"]["plan"]["fingerprint"].as_str().context("a plan has a fingerprint")?;
    let plans: Vec<&str> =
        plans.as_array().into_iter().flatten().filter_map(|plan| plan["fingerprint"].as_str()).collect();
    ensure!(plans == [fingerprint], "{plans:?} instead of {fingerprint}");

    let mut terminal = asked(machine, fingerprint)?;
    for line in expected {
        ensure!(terminal.text().contains(line), "{line} is not shown:\n{}", terminal.text());
    }
    terminal.type_line("repair")?;
    Ok(terminal)
}

/// What was written down of the repair that was begun.
fn written(machine: &Machine) -> Result<Repaired> {
    let repairs = fs::read_to_string(machine.path(JOURNAL))?;
    let begun: Value = serde_json::from_str(repairs.lines().next().context("nothing was written down")?)?;
    let id = begun["plan"]["id"].as_str().with_context(|| format!("no name: {begun}"))?.to_owned();
    let undoable = [r#""undo":"service:"#, r#""undo":"definition:"#].iter().any(|undo| repairs.contains(undo));
    Ok(Repaired { id, undoable })
}

/// The question is asked, after the plan was shown.
fn asked(machine: &Machine, fingerprint: &str) -> Result<Terminal> {
    let mut terminal = smartpi(machine, &["repair", "--apply", fingerprint])?;
    terminal.until(SOON, "the question", |text| text.contains("Type repair").then_some(()))?;
    Ok(terminal)
}

/// Whoever types something else is not obeyed, nor is a plan that nobody was shown.
pub(crate) fn refuse(machine: &Machine, finding: &Value) -> Result<()> {
    let written = || fs::read(machine.path(JOURNAL)).ok();
    let before = written();
    let fingerprint = finding["repair"]["plan"]["fingerprint"].as_str().context("a plan has a fingerprint")?;
    let mut terminal = asked(machine, fingerprint)?;
    terminal.type_line("yes")?;
    ensure!(!terminal.ends(SOON)?.success(), "another word counts:\n{}", terminal.text());
    let mut terminal = smartpi(machine, &["repair", "--apply", "00112233445566778899aabbccddeeff"])?;
    ensure!(!terminal.ends(SOON)?.success(), "a plan that nobody made counts:\n{}", terminal.text());
    ensure!(written() == before, "something was begun");
    Ok(())
}

/// Takes it back.
pub(crate) fn undo(machine: &Machine, repaired: &Repaired) -> Result<()> {
    ensure!(repaired.undoable, "{repaired:?}");
    let mut terminal = smartpi(machine, &["repair", "--undo", &repaired.id])?;
    ensure!(terminal.ends(DONE)?.success(), "{}", terminal.text());
    Ok(())
}

fn smartpi(machine: &Machine, arguments: &[&str]) -> Result<Terminal> {
    Terminal::run(machine.claw("/opt/smartpi/smartpi").args(arguments))
}
