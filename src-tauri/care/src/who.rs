//! Whose gateway is on the port. Asked before any token is judged: another gateway on the port refuses with the very words of a stale token.
//!
//! No single sign is enough. A gateway is the user's if the process that holds every socket which a connection to this computer can end at is the one that the
//! lock of the user's state names, by number and start time, is a gateway by its program and its exact title, runs as this user and outside of containers, and
//! wrote that lock since the computer started.

mod proof;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use proof::{Contradiction, Introduction, PROOF_LASTS_MS, Proof, confirm};

use crate::seen::{Blind, Seen};
use crate::survey::{Kind, Listener, Lock, LockFile, Process, Survey};

/// Whose gateway is on the port.
#[derive(Debug)]
pub enum Whose {
    /// The user's own: the one of this state folder.
    Mine(Mine),
    /// OpenClaw, but not the gateway of this user and state.
    Other(Other),
    /// Another program.
    Foreign(Occupant),
    /// Nobody listens.
    Nobody(Nobody),
    /// It cannot be known. Nothing is done upon it.
    CannotSee(Unseen),
}

/// The user's own gateway, and what shows it.
#[derive(Debug)]
pub struct Mine {
    /// The process.
    pub gateway: Occupant,
    /// Its start: field 22 of `/proc/PID/stat`.
    pub start: u64,
    /// The lock that names it.
    pub lock: PathBuf,
    /// What the gateway noted about its start: `server.bootId` of its hello must be the same.
    pub boot: Option<String>,
    /// Its own device id: `gateway.identity.get` must answer the same.
    pub identity: Option<String>,
    /// It was stopped by a signal or a debugger and answers nothing.
    pub stopped: bool,
    /// What lets a shared token go to it.
    pub proof: Proof,
}

/// A process on the port, for words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Occupant {
    /// Process.
    pub pid: u32,
    /// Its program.
    pub program: Option<String>,
    /// Its user.
    pub uid: Option<u32>,
    /// The container that it runs in or publishes the port of.
    pub container: Option<String>,
    /// The systemd unit that runs it.
    pub unit: Option<String>,
}

/// OpenClaw, but not the gateway of this user and state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// The process.
    pub process: Occupant,
    /// Why it is not the user's.
    pub why: NotMine,
}

/// Why an OpenClaw on the port is not the user's gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NotMine {
    /// It runs as another user.
    AnotherUser,
    /// The lock of the user's state does not name it. Its environment names this state folder.
    AnotherState {
        /// Its state folder, where its environment could be read.
        state_dir: Option<PathBuf>,
    },
    /// The lock names its number, but was written by an earlier process that had the same one.
    EarlierProcess,
    /// It is the user's gateway, but this is not its port.
    AnotherPort {
        /// Its port.
        port: u16,
    },
    /// A node host, which is no gateway.
    NodeHost,
    /// OpenClaw, doing something else than being a gateway.
    NoGateway,
    /// It runs in a container.
    InContainer,
}

/// Nobody listens on the port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Nobody {
    /// And no lock says that a gateway runs: it is stopped.
    Stopped,
    /// A gateway ended without a word: its lock was left behind. The next start takes it over.
    LockLeft {
        /// The process that was.
        pid: u32,
    },
    /// The process that the lock names lives: it is starting, ending, or listens elsewhere.
    Elsewhere {
        /// The process.
        pid: u32,
        /// Where it listens by its lock, if that is another port.
        port: Option<u16>,
    },
    /// The locks cannot be seen.
    LockUnseen {
        /// Why.
        why: Blind,
    },
}

/// What cannot be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Unseen {
    /// Who listens.
    Listeners {
        /// Why.
        why: Blind,
    },
    /// Which process holds a socket of the port.
    Owner {
        /// The user whose socket it is.
        uid: u32,
        /// Why.
        why: Blind,
    },
    /// Something about that process without which it cannot be told.
    Process {
        /// The process.
        pid: u32,
        /// What.
        fact: Fact,
        /// Why.
        why: Blind,
    },
    /// The lock of the user's state.
    Lock {
        /// Why.
        why: Blind,
    },
    /// The lock does not say when its process started: another one may have its number by now.
    LockWithoutStart {
        /// The lock.
        path: PathBuf,
    },
    /// The lock seems older than this start of the computer: so does one of a computer whose clock was set back.
    LockOlderThanBoot {
        /// The lock.
        path: PathBuf,
    },
    /// It runs where paths or ports mean something else than here, without being in a container.
    Sandboxed {
        /// The process.
        pid: u32,
    },
    /// This computer: its boot, its user, its namespaces.
    Here {
        /// Why.
        why: Blind,
    },
}

/// A fact about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Fact {
    /// Whether it lives.
    Life,
    /// Its user.
    User,
    /// Its program or its arguments.
    Program,
    /// Its start.
    Start,
    /// Its namespaces or its container.
    Namespaces,
}

/// The signs that must all be there. Each can be left out in the tests, to show what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    EverySocket,
    Container,
    User,
    Program,
    Sandbox,
    LockOfState,
    LockRole,
    LockPid,
    LockStart,
    LockBoot,
    LockPort,
}

/// Whose gateway is on the port of the survey.
pub fn whose(survey: &Survey) -> Whose {
    judge(survey, None)
}

fn judge(survey: &Survey, without: Option<Check>) -> Whose {
    let checks = |check: Check| without != Some(check);
    let listeners = match survey.listeners.look() {
        Ok(listeners) => listeners,
        Err(blind) => return Whose::CannotSee(Unseen::Listeners { why: blind }),
    };
    let near: Vec<&Listener> = listeners.iter().filter(|listener| listener.takes_loopback()).collect();
    // A gateway that is bound to one address of the network alone.
    let reached = if near.is_empty() { listeners.iter().collect() } else { near };
    if reached.is_empty() {
        return Whose::Nobody(nobody(survey));
    }
    let mut pids = BTreeSet::new();
    for listener in &reached {
        match listener.owners.look() {
            Ok(owners) => pids.extend(owners.iter().copied()),
            Err(why) => return Whose::CannotSee(Unseen::Owner { uid: listener.uid, why }),
        }
    }
    if !checks(Check::EverySocket) {
        pids = pids.into_iter().take(1).collect();
    }
    let mut mine = None;
    let mut worst: Option<Whose> = None;
    for pid in pids {
        match one(survey, pid, &reached, &checks) {
            verdict @ Whose::Mine(_) => mine = Some(verdict),
            verdict @ (Whose::Other(_) | Whose::Foreign(_) | Whose::Nobody(_) | Whose::CannotSee(_)) => {
                if worst.as_ref().is_none_or(|before| gravity(&verdict) > gravity(before)) {
                    worst = Some(verdict);
                }
            }
        }
    }
    // A connection may end at any of them: the port is the user's only if nobody else is on it.
    worst.or(mine).unwrap_or(Whose::CannotSee(Unseen::Listeners { why: Blind::Changing }))
}

fn gravity(verdict: &Whose) -> u8 {
    match verdict {
        Whose::Foreign(_) => 3,
        Whose::Other(_) => 2,
        Whose::CannotSee(_) => 1,
        Whose::Nobody(_) | Whose::Mine(_) => 0,
    }
}

fn one(survey: &Survey, pid: u32, reached: &[&Listener], checks: &impl Fn(Check) -> bool) -> Whose {
    match facts_of(survey, pid, reached, checks) {
        Ok(verdict) => verdict,
        Err(unseen) => Whose::CannotSee(unseen),
    }
}

fn facts_of(
    survey: &Survey,
    pid: u32,
    reached: &[&Listener],
    checks: &impl Fn(Check) -> bool,
) -> Result<Whose, Unseen> {
    let hidden = |fact: Fact| move |why: Blind| Unseen::Process { pid, fact, why };
    let process = survey.process(pid).ok_or(Unseen::Process { pid, fact: Fact::Life, why: Blind::Changing })?;
    let occupant = occupant(process, survey);
    let kind = process.kind().map_err(hidden(Fact::Program))?;
    let namespaces = process.namespaces.look().map_err(hidden(Fact::Namespaces))?;
    let container = process.container.look().map_err(hidden(Fact::Namespaces))?;
    let here = survey.here.namespaces.look().map_err(|why| Unseen::Here { why })?;
    let contained = namespaces.pid != here.pid
        || *container != *survey.here.container.look().map_err(|why| Unseen::Here { why })?;
    let uid = process.uid.look().map_err(hidden(Fact::User))?;
    let other = |why: NotMine| Ok(Whose::Other(Other { process: occupant.clone(), why }));
    if checks(Check::Program) {
        match kind {
            Kind::Gateway => {}
            Kind::NodeHost => return other(NotMine::NodeHost),
            Kind::OpenClaw => return other(NotMine::NoGateway),
            Kind::Program => return Ok(Whose::Foreign(occupant)),
        }
    }
    if contained && checks(Check::Container) {
        return other(NotMine::InContainer);
    }
    if uid != survey.here.uid.look().map_err(|why| Unseen::Here { why })? && checks(Check::User) {
        return other(NotMine::AnotherUser);
    }
    if (namespaces.mount != here.mount || namespaces.net != here.net) && checks(Check::Sandbox) {
        return Err(Unseen::Sandboxed { pid });
    }
    let start = *process.start.look().map_err(hidden(Fact::Start))?;
    let (file, lock) = match lock_of(survey, process, checks)? {
        Ok(found) => found,
        Err(why) => return other(why),
    };
    if checks(Check::LockStart) {
        match lock.start {
            Some(of_lock) if of_lock == start => {}
            Some(_) => return other(NotMine::EarlierProcess),
            None => return Err(Unseen::LockWithoutStart { path: file.path.clone() }),
        }
    }
    let booted_ms = *survey.here.booted_ms.look().map_err(|why| Unseen::Here { why })?;
    let since_boot = lock.created_ms.is_some_and(|created| created + BOOT_SLACK_MS >= booted_ms);
    if !since_boot && checks(Check::LockBoot) {
        return Err(Unseen::LockOlderThanBoot { path: file.path.clone() });
    }
    if let Some(port) = lock.port.filter(|port| *port != survey.place.port)
        && checks(Check::LockPort)
    {
        return other(NotMine::AnotherPort { port });
    }
    let boot_id = survey.here.boot_id.look().map_err(|why| Unseen::Here { why })?.clone();
    let proof = Proof::new(survey, pid, start, boot_id, reached);
    let boot = survey.state.boot.known().and_then(Option::as_ref).filter(|boot| boot.pid == pid);
    Ok(Whose::Mine(Mine {
        gateway: occupant,
        start,
        lock: file.path.clone(),
        boot: boot.map(|boot| boot.id.clone()),
        identity: survey.state.identity.known().cloned().flatten(),
        stopped: process.activity == Seen::Known(crate::survey::Activity::Stopped),
        proof,
    }))
}

/// The kernel tells its start in whole seconds.
const BOOT_SLACK_MS: i64 = 2_000;

type Found<'a> = (&'a LockFile, &'a Lock);

/// The lock of the user's state that names this process: or why there is none, or that it cannot be known.
fn lock_of<'a>(
    survey: &'a Survey,
    process: &Process,
    checks: &impl Fn(Check) -> bool,
) -> Result<Result<Found<'a>, NotMine>, Unseen> {
    let files = survey.locks.look().map_err(|why| Unseen::Lock { why })?;
    let mut blind = None;
    let mut found = Vec::new();
    for file in files {
        match file.content.look() {
            Ok(lock) => {
                let of_state = is_of(lock, survey) || !checks(Check::LockOfState);
                let of_gateway = lock.is_of_gateway() || !checks(Check::LockRole);
                let names = lock.pid == process.pid || !checks(Check::LockPid);
                if of_state && of_gateway && names {
                    found.push((file, lock));
                }
            }
            Err(why) => blind = Some(why),
        }
    }
    // Two locks name it, or a newer one lies beside one of an older release: the one that knows its start.
    let start = process.start.known().copied();
    let best = found.iter().find(|(_, lock)| lock.start.is_some() && lock.start == start).or(found.first());
    match (best, blind) {
        (Some(found), _) => Ok(Ok(*found)),
        (None, Some(why)) => Err(Unseen::Lock { why }),
        (None, None) => {
            let state_dir = process.environment.known().and_then(crate::survey::Environment::state_dir);
            Ok(Err(NotMine::AnotherState { state_dir }))
        }
    }
}

/// Whether the lock was written for this state, and not copied into it together with everything else.
fn is_of(lock: &Lock, survey: &Survey) -> bool {
    match &lock.state_dir {
        Some(state_dir) => *state_dir == survey.place.state_dir,
        None => lock.config_path == survey.place.config_path,
    }
}

fn nobody(survey: &Survey) -> Nobody {
    let files = match survey.locks.look() {
        Ok(files) => files,
        Err(blind) => return Nobody::LockUnseen { why: blind },
    };
    let mut left = None;
    for file in files {
        let lock = match file.content.look() {
            Ok(lock) => lock,
            Err(blind) => return Nobody::LockUnseen { why: blind },
        };
        if !is_of(lock, survey) || !lock.is_of_gateway() {
            continue;
        }
        let lives = survey.process(lock.pid).is_some_and(|process| {
            let start = process.start.known().copied();
            lock.start.is_some()
                && lock.start == start
                && process.activity != Seen::Known(crate::survey::Activity::Ended)
        });
        if lives {
            let port = lock.port.filter(|port| *port != survey.place.port);
            return Nobody::Elsewhere { pid: lock.pid, port };
        }
        left = Some(lock.pid);
    }
    left.map_or(Nobody::Stopped, |pid| Nobody::LockLeft { pid })
}

pub(crate) fn occupant(process: &Process, survey: &Survey) -> Occupant {
    let container = process.container.known().cloned().flatten();
    let ours = survey.here.container.known().cloned().flatten();
    Occupant {
        pid: process.pid,
        program: process.program(),
        uid: process.uid.known().copied(),
        container: container.filter(|name| Some(name) != ours.as_ref()),
        unit: process.unit.known().cloned().flatten(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
