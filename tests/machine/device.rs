//! A device of the machine's user: the real `smartpi simulate`, bound once, which asks and is answered by the scripted model.

use anyhow::{Result, ensure};
use support::machine::Machine;
use support::model::answer_to;
use support::terminal::Terminal;

use crate::stage::{READY, SOON};

const NAME: &str = "Kitchen";
/// Where it keeps its key.
const IDENTITY: &str = "/home/claw/kitchen.json";
const ALONE: &str = "The assistant is not connected";
const TOGETHER: &str = "The assistant is connected";

/// One that is switched on.
pub(crate) struct Device {
    terminal: Terminal,
    asked: u32,
}

impl Device {
    /// A person makes a code, the device claims it, and the person types the digits that it shows.
    pub(crate) fn bind(machine: &Machine) -> Result<Self> {
        let mut person = Terminal::run(machine.claw("/opt/smartpi/smartpi").args(["--lang", "en", "bind"]))?;
        let url = person.until(SOON, "a code", |text| {
            let (shown, _) = text.split_once("No camera?")?;
            shown.lines().rfind(|line| line.starts_with("http://")).map(str::to_owned)
        })?;
        let mut terminal = simulate(machine, &["--kind", "speaker", &url])?;
        let digits =
            terminal.until(SOON, "two digits", |text| text.split_once("shows: ")?.1.get(..2).map(str::to_owned))?;
        person.until(SOON, "the question", |text| text.contains("Type the digits").then_some(()))?;
        person.type_line(&digits)?;
        ensure!(person.ends(SOON)?.success(), "{}", person.text());
        connected(terminal)
    }

    /// It was bound, and is switched on again.
    pub(crate) fn switch_on(machine: &Machine) -> Result<Self> {
        connected(simulate(machine, &[])?)
    }

    /// Asks, and gives what it asked.
    pub(crate) fn ask(&mut self) -> Result<String> {
        self.asked += 1;
        let question = format!("Question {}", self.asked);
        self.terminal.type_line(&question)?;
        Ok(question)
    }

    /// Waits until it has the model's answer.
    pub(crate) fn until_answered(&mut self, question: &str) -> Result<()> {
        let answer = answer_to(question);
        self.terminal.until(READY, &answer, |text| text.contains(&answer).then_some(()))
    }

    /// Waits until the built-in echo has said the same.
    pub(crate) fn until_echoed(&mut self, question: &str) -> Result<()> {
        let answer = format!("Echo agent (no AI): {question}");
        self.terminal.until(SOON, &answer, |text| text.contains(&answer).then_some(()))
    }

    /// Whether it has the model's answer by now.
    pub(crate) fn is_answered(&self, question: &str) -> bool {
        self.terminal.text().contains(&answer_to(question))
    }

    /// Waits until it was told that no assistant is there.
    pub(crate) fn until_alone(&mut self) -> Result<()> {
        self.terminal.until(SOON, ALONE, |text| (text.rfind(ALONE)? > text.rfind(TOGETHER).unwrap_or(0)).then_some(()))
    }
}

fn simulate(machine: &Machine, arguments: &[&str]) -> Result<Terminal> {
    let mut command = machine.claw("/opt/smartpi/smartpi");
    command.args(["--lang", "en", "simulate", "--name", NAME, "--identity", IDENTITY]).args(arguments);
    Terminal::run(&command)
}

fn connected(mut terminal: Terminal) -> Result<Device> {
    terminal.until(SOON, "a connection", |text| text.contains("Connected to \"").then_some(()))?;
    Ok(Device { terminal, asked: 0 })
}
