//! Telling a process to end: the only way in this program by which a signal reaches somebody else's process.
//!
//! Invariants:
//! - a process is held by a handle before it is looked at, so that its number cannot come to mean another one in between;
//! - every sign is looked at right before each signal, and one that cannot be seen refuses;
//! - what a service manager looks after is never signalled: its manager stops it, and would start it again.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use specta_typescript::Number;

use crate::os;
use crate::seen::{Blind, Seen};
use crate::survey::{Activity, Here, Kind, Listener, Process};

/// A gateway as the plan showed it to the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its number.
    pub pid: u32,
    /// Its start, in ticks of 10 ms since the computer did.
    #[specta(type = Number)]
    pub start: u64,
    /// That start of the computer.
    pub boot_id: String,
    /// Its program.
    pub exe: PathBuf,
    /// Its arguments, or the title that it wrote over them.
    pub argv: Vec<String>,
    /// Its state folder, by its environment.
    pub state_dir: PathBuf,
    /// The port on which it listens.
    pub port: u16,
}

/// What it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// To finish what it does and end.
    Asked,
    /// Nothing: the system takes it away at once, with whatever it was doing. Only with the person's consent to exactly that.
    Forced,
}

/// Why it is told nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such process any more.
    #[error("the process has ended")]
    Ended,
    /// Its number belongs to another process by now.
    #[error("the number of the process belongs to another one")]
    AnotherProcess,
    /// It is not what the plan showed.
    #[error("the process is not what the plan showed")]
    Changed,
    /// It is no gateway.
    #[error("the process is no gateway")]
    NoGateway,
    /// It is another user's.
    #[error("the process is another user's")]
    AnotherUser,
    /// It lives in a container or another namespace.
    #[error("the process lives in a container")]
    Elsewhere,
    /// It started this program.
    #[error("the process is this program or one that started it")]
    Family,
    /// A service manager looks after it.
    #[error("the process is a service's")]
    Supervised,
    /// It does not listen on the port of the plan.
    #[error("the process does not listen on the port")]
    NotListening,
    /// Something that must be known cannot be seen.
    #[error("what the process is cannot be seen: {0:?}")]
    Unseen(Blind),
    /// The system did not let the signal through.
    #[error("the system refused: {0}")]
    System(String),
}

impl From<Blind> for Refused {
    fn from(blind: Blind) -> Self {
        Self::Unseen(blind)
    }
}

/// What was seen of a target right before a signal.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    /// It, if it lives.
    pub(crate) process: Option<Process>,
    /// This program.
    pub(crate) me: Option<Process>,
    /// This computer.
    pub(crate) here: Here,
    /// The LISTEN sockets of the target's port.
    pub(crate) listeners: Seen<Vec<Listener>>,
}

impl Sight {
    /// Looks, while somebody holds the process.
    pub(crate) fn of(target: &Target) -> Self {
        Self {
            // The sockets first: what is seen of the process is then the newest.
            listeners: os::listeners(target.port),
            me: os::process(std::process::id()),
            here: os::here(),
            process: os::process(target.pid),
        }
    }
}

/// The signs that must all be there. Each can be left out in the tests, to show what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Boot,
    Start,
    Program,
    Look,
    State,
    User,
    Namespaces,
    Container,
    Family,
    Unsupervised,
    Listening,
}

/// Whether the process that is held may be told to end.
pub(crate) fn may_end(target: &Target, sight: &Sight, without: Option<Sign>) -> Result<(), Refused> {
    let asks = |sign: Sign| without != Some(sign);
    let process = sight.process.as_ref().ok_or(Refused::Ended)?;
    if *process.activity.look()? == Activity::Ended {
        return Err(Refused::Ended);
    }
    if asks(Sign::Boot) && *sight.here.boot_id.look()? != target.boot_id {
        return Err(Refused::AnotherProcess);
    }
    if asks(Sign::Start) && *process.start.look()? != target.start {
        return Err(Refused::AnotherProcess);
    }
    if asks(Sign::User) && process.uid.look()? != sight.here.uid.look()? {
        return Err(Refused::AnotherUser);
    }
    if asks(Sign::Program) && process.kind()? != Kind::Gateway {
        return Err(Refused::NoGateway);
    }
    if asks(Sign::Look) && (*process.exe.look()? != target.exe || *process.argv.look()? != target.argv) {
        return Err(Refused::Changed);
    }
    let environment = process.environment.look()?;
    if asks(Sign::State) && environment.state_dir().as_ref() != Some(&target.state_dir) {
        return Err(Refused::Changed);
    }
    if asks(Sign::Namespaces) && process.namespaces.look()? != sight.here.namespaces.look()? {
        return Err(Refused::Elsewhere);
    }
    if asks(Sign::Container) && process.container.look()? != sight.here.container.look()? {
        return Err(Refused::Elsewhere);
    }
    if asks(Sign::Family) {
        family(process.pid, sight.me.as_ref())?;
    }
    // OpenClaw's own marks, and that of pm2; a variable of systemd alone is inherited by whatever a terminal starts.
    let marked = ["OPENCLAW_SERVICE_MARKER", "OPENCLAW_SYSTEMD_UNIT", "pm_id"]
        .iter()
        .any(|name| environment.plain(name).is_some());
    let of_unit = process.unit.look()?.as_ref().is_some_and(|unit| is_openclaw_unit(unit));
    if asks(Sign::Unsupervised) && (marked || of_unit) {
        return Err(Refused::Supervised);
    }
    if asks(Sign::Listening) {
        listens(process.pid, &sight.listeners)?;
    }
    Ok(())
}

/// Neither this program nor one that started it, by a line of parents that was seen to its end.
fn family(pid: u32, me: Option<&Process>) -> Result<(), Refused> {
    let me = me.ok_or(Blind::Changing)?;
    if me.pid == pid || me.parents.contains(&pid) {
        return Err(Refused::Family);
    }
    match me.parents.last() {
        None | Some(1) => Ok(()),
        Some(_) if me.pid == 1 => Ok(()),
        Some(_) => Err(Refused::Unseen(Blind::NotPermitted)),
    }
}

/// Names that OpenClaw has given its units, in this release and in earlier ones.
pub(crate) fn is_openclaw_unit(unit: &str) -> bool {
    ["openclaw", "clawdbot", "moltbot"].iter().any(|name| unit.starts_with(name))
}

fn listens(pid: u32, listeners: &Seen<Vec<Listener>>) -> Result<(), Refused> {
    let mut unseen = None;
    for listener in listeners.look()? {
        match listener.owners.look() {
            Ok(owners) if owners.contains(&pid) => return Ok(()),
            Ok(_) => {}
            Err(blind) => unseen = Some(blind),
        }
    }
    Err(unseen.map_or(Refused::NotListening, Refused::Unseen))
}

/// A process that is held: its number cannot be given to another one that this would then speak to.
#[derive(Debug)]
pub struct Held {
    target: Target,
    handle: os::Handle,
}

impl Held {
    /// Takes hold of it and looks whether it is what the plan showed. Blocks for some milliseconds.
    ///
    /// # Errors
    /// Why it is let alone.
    pub fn take(target: &Target) -> Result<Self, Refused> {
        let held = Self { target: target.clone(), handle: os::Handle::open(target.pid)? };
        may_end(target, &Sight::of(target), None)?;
        Ok(held)
    }

    /// Looks at it once more, and tells it. Blocks for some milliseconds.
    ///
    /// # Errors
    /// Why it was told nothing.
    pub fn tell(&self, ending: Ending) -> Result<(), Refused> {
        may_end(&self.target, &Sight::of(&self.target), None)?;
        self.handle.tell(ending)
    }

    /// Whether it ends within this time. Blocks until then.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn ends_within(&self, wait: Duration) -> Result<bool, Refused> {
        self.handle.ends_within(wait)
    }
}

#[cfg(test)]
mod tests;
