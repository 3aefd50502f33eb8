//! A person who reads a plan, agrees to it, and takes it back: at a terminal, or at a desk with a device that must be answered afterwards.

use std::fs;

use anyhow::{Context, Result, ensure};
use care::journal::STILL_RUNS;
use serde_json::Value;
use support::machine::Machine;
use support::terminal::Terminal;
use support::wait;

use crate::desk::Desk;
use crate::stage::{DONE, SOON, done, look, run_ours, told};

/// Where our service writes down what it did.
const JOURNAL: &str = "/home/claw/.local/share/smartpi/repairs.jsonl";

/// Where the person is.
pub(crate) enum Person {
    /// They run our command line.
    AtTerminal,
    /// They have our window before them.
    AtDesk(Box<Desk>),
}

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

impl Person {
    /// Sees that this is wrong, where they look for it.
    pub(crate) fn sees(&mut self, machine: &Machine, cause: &str) -> Result<()> {
        match self {
            Self::AtTerminal => told(machine, cause, None).map(drop),
            Self::AtDesk(desk) => desk.finds(cause),
        }
    }

    /// Pictures are taken at the desk from now on, with names that begin so.
    pub(crate) fn photographed(&mut self, album: &'static str) {
        if let Self::AtDesk(desk) = self {
            desk.album = Some(album);
        }
    }

    /// Their device is told that nobody is there, and asks all the same. Gives the question.
    pub(crate) fn asks_in_vain(&mut self) -> Result<Option<String>> {
        let Self::AtDesk(desk) = self else { return Ok(None) };
        desk.device.until_alone()?;
        desk.device.ask().map(Some)
    }

    /// Whether their device has the answer by now.
    pub(crate) fn is_answered(&self, question: Option<&str>) -> bool {
        matches!((self, question), (Self::AtDesk(desk), Some(question)) if desk.device.is_answered(question))
    }

    /// Opens a link to the dashboard, and gives whether it is signed in. `None`: there is no browser.
    pub(crate) fn opens_dashboard(&self, machine: &Machine, link: &str) -> Result<Option<bool>> {
        match self {
            Self::AtTerminal => Ok(None),
            Self::AtDesk(desk) => desk.opens_dashboard(machine, link).map(Some),
        }
    }

    /// Reads the plan of what was found, agrees to it and sees that it helped. `expected`: its exact lines.
    pub(crate) fn mend(&mut self, machine: &Machine, finding: &Value, expected: &[String]) -> Result<Repaired> {
        match self {
            Self::AtTerminal => {
                let mut terminal = agree(machine, finding, expected)?;
                terminal.until(DONE, "that it helped", |text| text.contains("looked twice").then_some(()))?;
            }
            Self::AtDesk(desk) => {
                let shown = lines(finding)?;
                ensure!(shown == expected, "other steps than expected: {shown:#?}");
                forget(machine)?;
                desk.mends(machine, cause(finding)?, expected)?;
            }
        }
        ensure!(look(machine)?.is_empty(), "a second look finds something");
        if let Self::AtDesk(desk) = self {
            let question = desk.device.ask()?;
            desk.device.until_answered(&question)?;
        }
        written(machine)
    }

    /// Reads it and says no, and nothing is done.
    pub(crate) fn refuse(&mut self, machine: &Machine, finding: &Value) -> Result<()> {
        let before = fs::read(machine.path(JOURNAL)).ok();
        match self {
            Self::AtTerminal => refuse(machine, finding)?,
            Self::AtDesk(desk) => desk.refuses(cause(finding)?)?,
        }
        ensure!(fs::read(machine.path(JOURNAL)).ok() == before, "something was begun");
        Ok(())
    }

    /// Takes it back.
    pub(crate) fn undo(&mut self, machine: &Machine, repaired: &Repaired) -> Result<()> {
        ensure!(repaired.undoable, "{repaired:?}");
        match self {
            Self::AtTerminal => {
                let mut terminal = smartpi(machine, &["repair", "--undo", &repaired.id])?;
                ensure!(terminal.ends(DONE)?.success(), "{}", terminal.text());
            }
            Self::AtDesk(desk) => desk.undoes(machine)?,
        }
        Ok(())
    }

    /// The machine has started anew: the person has our service run.
    pub(crate) fn come_back(&mut self, machine: &Machine) -> Result<()> {
        match self {
            Self::AtTerminal => run_ours(machine),
            Self::AtDesk(desk) => desk.come_back(machine),
        }
    }
}

fn cause(finding: &Value) -> Result<&str> {
    finding["cause"].as_str().with_context(|| format!("no cause: {finding:#}"))
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
    wait::until(SOON, "the gateway to be waited for", || {
        Ok(machine.smartpi(&["status"])?["care"]["running"]["waits"] == true)
    })?;
    // Ctrl-C would reach those programs as well that brought ours into the machine, and end them.
    done(machine, machine.claw("pkill").args(["-INT", "-f", "^/opt/smartpi/smartpi repair --apply"]))?;
    terminal.until(SOON, "where it stopped", |text| text.contains("Step 1 failed").then_some(()))
}

/// Reads the plan of what was found and agrees to it.
fn agree(machine: &Machine, finding: &Value, expected: &[String]) -> Result<Terminal> {
    let shown = lines(finding)?;
    ensure!(shown == expected, "other steps than expected: {shown:#?}");
    forget(machine)?;
    let plans = machine.smartpi(&["repair", "--plan"])?;
    let fingerprint = finding["repair"]["plan"]["fingerprint"].as_str().context("a plan has a fingerprint")?;
    let plans: Vec<&str> =
        plans.as_array().into_iter().flatten().filter_map(|plan| plan["fingerprint"].as_str()).collect();
    ensure!(plans.contains(&fingerprint), "{plans:?} without {fingerprint}");

    let mut terminal = asked(machine, fingerprint)?;
    for line in expected {
        ensure!(terminal.text().contains(line), "{line} is not shown:\n{}", terminal.text());
    }
    terminal.type_line("repair")?;
    Ok(terminal)
}

/// More than three in an hour are refused, and this is a long day.
fn forget(machine: &Machine) -> Result<()> {
    let journal = machine.path(JOURNAL);
    if journal.exists() && !fs::read_to_string(&journal)?.contains(STILL_RUNS) {
        fs::rename(&journal, machine.path("/home/claw/.local/share/smartpi/earlier.jsonl"))?;
    }
    Ok(())
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
fn refuse(machine: &Machine, finding: &Value) -> Result<()> {
    let fingerprint = finding["repair"]["plan"]["fingerprint"].as_str().context("a plan has a fingerprint")?;
    let mut terminal = asked(machine, fingerprint)?;
    terminal.type_line("yes")?;
    ensure!(!terminal.ends(SOON)?.success(), "another word counts:\n{}", terminal.text());
    let mut terminal = smartpi(machine, &["repair", "--apply", "00112233445566778899aabbccddeeff"])?;
    ensure!(!terminal.ends(SOON)?.success(), "a plan that nobody made counts:\n{}", terminal.text());
    Ok(())
}

fn smartpi(machine: &Machine, arguments: &[&str]) -> Result<Terminal> {
    Terminal::run(machine.claw("/opt/smartpi/smartpi").args(arguments))
}
