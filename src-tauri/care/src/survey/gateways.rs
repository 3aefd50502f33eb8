//! Every gateway of this computer, and everything that starts one: more than the one port and the one state that [`super::take`] looks at.
//!
//! Looking changes nothing: the service managers are asked over the bus for what they know, which starts nothing; a Docker that has the port and runs is asked
//! for the name of its container; and nothing else is asked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::guardian::Guardian;
use super::naming::Manager;
use super::process::Process;
use super::publisher::Publisher;
use super::service::{Phase, Scope, Service};
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
    /// Who has the port of the user's gateway for a container.
    #[serde(default)]
    pub publisher: Option<Publisher>,
    /// The release that wrote the user's configuration last, where one did.
    #[serde(default)]
    pub wrote: Option<String>,
    /// OpenClaw is told here to leave its services to somebody else.
    #[serde(default)]
    pub external: bool,
}

impl Gateways {
    /// Nothing could be seen, or there was nothing to look for.
    pub fn blind(why: Blind) -> Self {
        let (running, user, system) = (Seen::Hidden(why), Seen::Hidden(why), Seen::Hidden(why));
        Self { running, user, system, taken: Seen::Hidden(why), publisher: None, wrote: None, external: false }
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

    /// Nothing tells on Windows which process a task or an item of the startup folder runs: its arguments do, as OpenClaw itself finds it. Of two definitions
    /// with one and the same process, the one that is said to run has it.
    fn adopt(&mut self) {
        let running: Vec<Running> = self.running().cloned().collect();
        let known = [&mut self.user, &mut self.system].into_iter().filter_map(|services| match services {
            Seen::Known(services) => Some(services),
            Seen::Hidden(_) => None,
        });
        let is_of_windows = |service: &&mut Service| match service.manager {
            Manager::Task | Manager::Startup | Manager::RunKey => true,
            Manager::Systemd | Manager::Launchd => false,
        };
        let mut services: Vec<&mut Service> = known.flatten().filter(is_of_windows).collect();
        services.sort_by_key(|service| (service.phase != Phase::Running, service.manager));
        let mut taken: Vec<u32> = Vec::new();
        for service in services {
            let is_own = |running: &&Running| service.runs(&running.process) && !taken.contains(&running.process.pid);
            let own: Vec<&Running> = running.iter().filter(is_own).collect();
            // The one that keeps it alive has the same arguments, and does not listen.
            let listens = own.iter().find(|running| !running.listens.is_empty());
            let Some(found) = listens.or(own.first()) else { continue };
            let is_family = |one: &Process, other: &Process| one.pid == other.pid || one.parents.contains(&other.pid);
            let family = own.iter().map(|running| &running.process);
            let family = family.filter(|one| is_family(one, &found.process) || is_family(&found.process, one));
            taken.extend(family.map(|process| process.pid));
            service.main = Some(found.process.pid);
            service.phase = Phase::Running;
            service.exit_status = None;
            service.started_ms = found.process.start.known().and_then(|start| i64::try_from(*start).ok());
        }
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
    let publisher = os::publisher(place.port);
    let wrote = std::fs::read_to_string(&place.config_path).ok().and_then(|text| last_writer(&text));
    let mut gateways = Gateways { running, user, system, taken: os::taken_ports(), publisher, wrote, external };
    gateways.adopt();
    gateways
}

/// `meta.lastTouchedVersion`: OpenClaw writes it itself, whatever a person made of the rest.
fn last_writer(config: &str) -> Option<String> {
    let (_, rest) = config.split_once("lastTouchedVersion")?;
    let value = rest.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?.trim_start();
    let value = value.strip_prefix(['"', '\''])?;
    let release = &value[..value.find(['"', '\''])?];
    Service::version_of(release).map(|_| release.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duplicates::tests::{gateways, ours, running};

    fn defined(manager: Manager, phase: Phase) -> Service {
        let argv = ["node", r"C:\openclaw\dist\index.js", "gateway", "--port", "18789"].map(str::to_owned).to_vec();
        Service { manager, unit: "OpenClaw Gateway".into(), argv, phase, ..ours(None) }
    }

    /// The one that keeps the gateway alive, and the gateway.
    fn family() -> Vec<Running> {
        let with = |mut of: Running, flag: &str, parents: &[u32]| {
            let argv = [r"C:\node.exe", "C:/openclaw/dist/INDEX.js", "gateway", "--port", "18789", flag];
            of.process.argv = Seen::Known(argv.map(str::to_owned).to_vec());
            of.process.parents = parents.to_vec();
            of
        };
        let keeps = Running { listens: Vec::new(), ..running(70, ".openclaw", 18_789) };
        let gateway = running(71, ".openclaw", 18_789);
        vec![with(keeps, "--task-supervisor", &[7]), with(gateway, "--task-supervisor-child=70000", &[70, 7])]
    }

    fn adopted(services: Vec<Service>, running: Vec<Running>) -> Vec<(Phase, Option<u32>)> {
        let mut all = gateways(services, running);
        all.adopt();
        all.services().map(|service| (service.phase, service.main)).collect()
    }

    #[test]
    fn a_task_is_known_to_run_by_the_arguments_of_its_gateway() {
        let of = |phase| adopted(vec![defined(Manager::Task, phase)], family());
        assert_eq!(of(Phase::Running), [(Phase::Running, Some(71))]);
        assert_eq!(of(Phase::Failed), [(Phase::Running, Some(71))]);
        assert_eq!(adopted(vec![defined(Manager::Task, Phase::Stopped)], vec![]), [(Phase::Stopped, None)]);
        let mut other = defined(Manager::Task, Phase::Stopped);
        other.argv[4] = "18790".into();
        assert_eq!(adopted(vec![other], family()), [(Phase::Stopped, None)]);
        assert_eq!(adopted(vec![ours(None)], family()), [(Phase::Stopped, None)], "systemd tells itself");
    }

    /// As OpenClaw 2026.9.6 wrote it, and as a person may have made it.
    #[test]
    fn the_release_that_wrote_a_configuration_is_read_off_it() {
        let written = r#"{"meta": {"migrations": {"utilityModelSeparation": true}, "lastTouchedVersion": "2026.9.6"}}"#;
        assert_eq!(last_writer(written).as_deref(), Some("2026.9.6"));
        assert_eq!(last_writer("{ meta: { lastTouchedVersion: '2026.4.26', }, }").as_deref(), Some("2026.4.26"));
        for other in ["{}", r#"{"lastTouchedVersion": 7}"#, r#"{"lastTouchedVersion": "new"}"#, "lastTouchedVersion:"] {
            assert_eq!(last_writer(other), None, "{other}");
        }
    }

    #[test]
    fn one_gateway_is_of_one_definition_and_of_the_one_that_is_said_to_run() {
        let both =
            |task| adopted(vec![defined(Manager::Startup, Phase::Stopped), defined(Manager::Task, task)], family());
        assert_eq!(both(Phase::Running), [(Phase::Stopped, None), (Phase::Running, Some(71))]);
        assert_eq!(both(Phase::Stopped), [(Phase::Stopped, None), (Phase::Running, Some(71))]);
        let alone = adopted(vec![defined(Manager::Startup, Phase::Stopped)], family());
        assert_eq!(alone, [(Phase::Running, Some(71))]);
    }
}
