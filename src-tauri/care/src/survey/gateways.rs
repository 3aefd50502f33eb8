//! Every gateway of this computer, and everything that starts one: more than the one port and the one state that [`super::take`] looks at.
//!
//! Looking changes nothing: the service managers are asked over the bus for what they know, which starts nothing, and nothing else is asked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::guardian::Guardian;
use super::process::Process;
use super::service::{Scope, Service};
use super::{Listener, Place, lock};
use crate::os;
use crate::seen::{Blind, Seen};

/// A gateway that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub listens: Vec<SocketAddr>,
    /// Its state folder, by the lock that names it or by its environment.
    pub state_dir: Option<PathBuf>,
    /// Who starts it again when it ends, and is no service manager.
    #[serde(default)]
    pub guardian: Option<Guardian>,
}

impl Running {
    /// Whether it listens on a port.
    pub fn is_on(&self, port: u16) -> bool {
        self.listens.iter().any(|address| address.port() == port)
    }
}

/// The gateways of this computer at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateways {
    /// Those that run.
    pub running: Seen<Vec<Running>>,
    /// What the user's own service manager starts.
    pub user: Seen<Vec<Service>>,
    /// What the computer's service manager starts.
    pub system: Seen<Vec<Service>>,
    /// The ports where somebody listens.
    #[serde(default = "not_asked")]
    pub taken: Seen<Vec<u16>>,
    /// OpenClaw is told here to leave its services to somebody else.
    #[serde(default)]
    pub external: bool,
}

impl Gateways {
    /// Nothing could be seen, or there was nothing to look for.
    pub fn blind(why: Blind) -> Self {
        let (running, user, system) = (Seen::Hidden(why), Seen::Hidden(why), Seen::Hidden(why));
        Self { running, user, system, taken: Seen::Hidden(why), external: false }
    }

    /// Every definition that was seen.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.user.known().into_iter().chain(self.system.known()).flatten()
    }

    /// Every gateway that was seen to run.
    pub fn running(&self) -> impl Iterator<Item = &Running> {
        self.running.known().into_iter().flatten()
    }

    /// Number and start of the one gateway that works on this state folder, or is about to.
    pub fn of_state(&self, state_dir: &Path) -> Option<(u32, u64)> {
        self.only(|running| running.state_dir.as_deref() == Some(state_dir))
    }

    /// The same of the one that a service starts.
    pub fn of_unit(&self, unit: &str) -> Option<(u32, u64)> {
        self.only(|running| self.keeper(running).is_some_and(|keeper| keeper.unit == unit))
    }

    fn only(&self, is_it: impl Fn(&Running) -> bool) -> Option<(u32, u64)> {
        let mut all = self.running().filter(|running| is_it(running));
        let process = &all.next().filter(|_| all.next().is_none())?.process;
        Some((process.pid, *process.start.known()?))
    }

    /// The definition that runs a gateway and brings it back: a signal to such a gateway is no stop.
    pub fn keeper(&self, running: &Running) -> Option<&Service> {
        let process = &running.process;
        let is_main = |service: &&Service| {
            let main = service.main.filter(|main| *main != 0);
            main.is_some_and(|main| main == process.pid || process.parents.contains(&main))
        };
        self.services().filter(|service| service.brought_back).find(is_main)
    }
}

/// Looks. Takes some tenths of a second, and blocks: call it where that is welcome. `home`: of the user who looks.
pub fn gateways(place: &Place, home: Option<&Path>) -> Gateways {
    let place = Place { state_dir: lock::whole(&place.state_dir), ..place.clone() };
    let found = os::gateways();
    let mut units = Vec::new();
    for process in found.known().into_iter().flatten() {
        units.extend(process.unit.known().cloned().flatten());
    }
    let services = |scope| {
        os::services(scope, &units).map(|services: Vec<Service>| {
            let mut services: Vec<Service> = services.into_iter().filter(Service::is_gateway).collect();
            services.iter_mut().for_each(|service| service.settle(&place, home));
            services
        })
    };
    let (user, system) = (services(Scope::User), services(Scope::System));
    let mut folders = vec![place.state_dir.clone()];
    folders.extend(
        user.known().into_iter().chain(system.known()).flatten().filter_map(|service| service.state_dir.clone()),
    );
    folders.extend(home.map(profiles).unwrap_or_default());
    let running = found.map(|processes| {
        let listeners = if processes.is_empty() { Seen::Known(Vec::new()) } else { os::every_listener() };
        processes.into_iter().map(|process| running(process, &listeners, &folders)).collect()
    });
    let external = std::env::var_os("OPENCLAW_SERVICE_REPAIR_POLICY").is_some_and(|policy| policy == "external");
    Gateways { running, user, system, taken: os::taken_ports(), external }
}

/// In what was recorded by an earlier version.
fn not_asked() -> Seen<Vec<u16>> {
    Seen::Hidden(Blind::NotAsked)
}

fn running(process: Process, listeners: &Seen<Vec<Listener>>, folders: &[PathBuf]) -> Running {
    let holds = |listener: &&Listener| listener.owners.known().is_some_and(|owners| owners.contains(&process.pid));
    let listens = listeners.known().into_iter().flatten().filter(holds).map(|listener| listener.address).collect();
    let of_environment = process.environment.known().and_then(super::Environment::state_dir);
    let named = folders.iter().chain(&of_environment).find(|folder| {
        let uid = process.uid.known().copied();
        uid.and_then(|uid| lock::of_state(folder, uid)).is_some_and(|lock| {
            lock.pid == process.pid && lock.start.is_some() && lock.start == process.start.known().copied()
        })
    });
    let state_dir = named.cloned().or(of_environment).map(|folder| lock::whole(&folder));
    let parents: Vec<Process> = process.parents.iter().filter_map(|pid| os::process(*pid)).collect();
    let guardian = Guardian::of(process.environment.known(), &parents);
    Running { listens, state_dir, guardian, process }
}

/// The state folders of a home: the ordinary one and those of the profiles.
fn profiles(home: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home).into_iter().flatten().flatten();
    let named = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_str()
            .and_then(|name| name.strip_prefix(".openclaw"))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    named.map(|entry| entry.path()).collect()
}
