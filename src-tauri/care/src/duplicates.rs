//! Gateways that are in one another's way, and services that cannot do their work: what the one port and the one state alone do not show.
//!
//! Decided from what was seen at one moment. Nothing here is a duplicate for its name: two gateways are one too many where they claim one port or one state.
//! A second profile on a port of its own is no finding.

mod lines;

use std::collections::BTreeMap;

pub use lines::commands;

use crate::finding::{Cause, Evidence, Finding, ServiceSeen, Severity};
use crate::survey::{Gateways, Manager, Phase, Running, Service, Starts, Survey};
use crate::who::{Mine, Occupant, Whose, occupant, whose};

/// A service that was brought back this often, and again just now, does not stay.
const OFTEN: u32 = 3;
/// "Just now", ms.
const JUST_NOW_MS: i64 = 120_000;
/// From this release on the service ends whoever listens on its port before it listens itself (measured; 2026.4.26 does not).
const ENDS_OTHERS: (u16, u16, u16) = (2026, 9, 6);

/// By any of these a gateway of this system takes itself for a service's (measured).
const SIGNS_OF_A_SERVICE: [&str; 4] = ["OPENCLAW_SYSTEMD_UNIT", "INVOCATION_ID", "SYSTEMD_EXEC_PID", "JOURNAL_STREAM"];

/// What was found about the one port and its tokens, and what all gateways and services together say about it, the worst first.
pub fn complete(found: Vec<Finding>, survey: &Survey) -> Vec<Finding> {
    let gateways = &survey.gateways;
    let told = Look::new(survey, gateways).findings();
    let is_war = told.iter().any(|told| told.about == About::WhoIsOnPort);
    // What is on the port at this moment of a war says nothing: the next one is another's.
    let passing = [Cause::NobodyListens, Cause::WrongInstance, Cause::CannotTell, Cause::Hung];
    let mut all = Vec::new();
    let mut why_nobody = Vec::new();
    for mut finding in found {
        if is_war && passing.contains(&finding.cause) {
            continue;
        }
        if finding.cause == Cause::NobodyListens && told.iter().any(|told| told.about == About::WhyNobody) {
            why_nobody = finding.evidence;
            continue;
        }
        if finding.cause == Cause::WrongInstance {
            finding.evidence.extend(next_start(&finding, survey, gateways));
            finding.evidence.extend(guarded(occupant_of(&finding, gateways)));
        }
        all.push(finding);
    }
    for mut told in told {
        if told.about == About::WhyNobody {
            told.finding.evidence.append(&mut why_nobody);
        }
        all.push(told.finding);
    }
    all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let is_of_port = |finding: &&mut Finding| {
        matches!(finding.cause, Cause::ForeignProgram | Cause::WrongInstance | Cause::CannotTell)
    };
    if let (Some(by), Some(finding)) = (&gateways.publisher, all.iter_mut().find(is_of_port)) {
        finding.evidence.push(Evidence::Published { by: by.clone() });
    }
    all
}

/// A finding, and what else it explains.
struct Told {
    finding: Finding,
    about: About,
}

/// What a finding explains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    /// Nothing beside itself.
    Itself,
    /// Who is on the port of the user's gateway.
    WhoIsOnPort,
    /// Why nobody is there.
    WhyNobody,
}

/// The facts.
struct Look<'a> {
    survey: &'a Survey,
    gateways: &'a Gateways,
    mine: Option<Mine>,
    nobody: bool,
    /// Somebody else has the port.
    taken: bool,
}

impl<'a> Look<'a> {
    fn new(survey: &'a Survey, gateways: &'a Gateways) -> Self {
        let whose = whose(survey);
        let nobody = matches!(whose, Whose::Nobody(_));
        let taken = matches!(whose, Whose::Other(_) | Whose::Foreign(_));
        let mine = if let Whose::Mine(mine) = whose { Some(mine) } else { None };
        Self { survey, gateways, mine, nobody, taken }
    }

    fn findings(&self) -> Vec<Told> {
        let mut by_port: BTreeMap<u16, Vec<&Service>> = BTreeMap::new();
        for service in self.gateways.services().filter(|service| service.is_in_use()) {
            if let Some(port) = service.port {
                by_port.entry(port).or_default().push(service);
            }
        }
        by_port.retain(|_, services| services.len() > 1);
        let mut told: Vec<Told> = by_port.iter_mut().map(|(port, services)| self.contest(*port, services)).collect();
        let contested = |service: &Service| service.port.is_some_and(|port| by_port.contains_key(&port));
        let alone = self.gateways.services().filter(|service| service.is_in_use() && !contested(service));
        for service in alone {
            told.extend(self.trouble(service));
        }
        told.extend(self.off());
        told.extend(self.shared());
        let is_copy = |told: &Told| told.finding.cause == Cause::ServiceAndCopy;
        if !told.iter().any(is_copy) {
            told.extend(self.restart_ends());
        }
        told
    }

    fn is_mine(&self, service: &Service) -> bool {
        service.state_dir.as_ref() == Some(&self.survey.place.state_dir)
    }

    /// Two services on one port: they fight, or they will.
    fn contest(&self, port: u16, services: &mut [&Service]) -> Told {
        // The one to keep first: the user's own, under its present name, of the user's own manager.
        services.sort_by_key(|service| {
            (!self.is_mine(service), service.is_legacy(), service.scope, service.manager, service.unit.clone())
        });
        let fight = services.iter().filter(|service| service.is_alive()).count() > 1;
        let mut evidence = vec![Evidence::Port { port }];
        evidence.extend(services.iter().map(|service| of_service(service)));
        let holder = self.gateways.running().find(|running| running.is_on(port));
        evidence.extend(holder.map(|holder| Evidence::Occupant { process: self.occupant(holder) }));
        let cause = if fight { Cause::RestartWar } else { Cause::TwoServices };
        let of_mine = port == self.survey.place.port;
        // A war ends when the one that starts finds the other one well, and gives up.
        let lost = of_mine && self.mine.is_none() && services.iter().any(|service| service.phase == Phase::Failed);
        let severity = if fight || lost { Severity::Broken } else { Severity::Warning };
        let about = if of_mine && severity == Severity::Broken { About::WhoIsOnPort } else { About::Itself };
        Told { finding: Finding { cause, severity, evidence }, about }
    }

    /// What is wrong with a service that is alone on its port.
    fn trouble(&self, service: &Service) -> Option<Told> {
        let mine = self.is_mine(service);
        let told = |cause, severity, mut evidence: Vec<Evidence>| {
            evidence.insert(0, of_service(service));
            let why_nobody = mine && self.nobody && severity == Severity::Broken;
            let about = if why_nobody { About::WhyNobody } else { About::Itself };
            Some(Told { finding: Finding { cause, severity, evidence }, about })
        };
        // What the user's devices do not need, or have as long as it lasts, is not broken.
        let broken = if mine && self.mine.is_none() { Severity::Broken } else { Severity::Warning };
        if !service.gone.is_empty() {
            let missing = service.gone.iter().map(|path| Evidence::Missing { path: path.clone() });
            return told(Cause::ServicePathGone, broken, missing.collect());
        }
        if let Some(copy) = self.copy(service) {
            // Whoever has the state keeps it: the service's own gateway refuses to start beside it (measured).
            let mut evidence = vec![Evidence::Occupant { process: self.occupant(copy) }];
            evidence.extend(guarded(Some(copy)));
            return told(Cause::ServiceAndCopy, Severity::Warning, evidence);
        }
        let older = self.older(service).filter(|_| mine);
        if self.fails(service) {
            // Whoever has its port is the finding, and this one follows from it.
            let why = older.into_iter().collect();
            return if mine && self.taken { None } else { told(Cause::CrashLoop, broken, why) };
        }
        if mine && service.port.is_some_and(|port| port != self.survey.place.port) {
            let severity = if self.nobody && service.is_alive() { Severity::Broken } else { Severity::Warning };
            return told(Cause::ServicePortDiffers, severity, vec![Evidence::Port { port: self.survey.place.port }]);
        }
        if let Some(older) = older {
            return told(Cause::ServiceOutdated, broken, vec![older]);
        }
        if service.is_legacy() {
            return told(Cause::LegacyService, Severity::Warning, Vec::new());
        }
        let path = service.temporary()?;
        told(Cause::ServicePathTemporary, Severity::Warning, vec![Evidence::Temporary { path: path.to_owned() }])
    }

    /// What 2026.9.6 wrote into keeps earlier releases from starting (measured): 2026.4.26 does not know `meta.migrations`, 2026.7.35 says that it is older.
    fn older(&self, service: &Service) -> Option<Evidence> {
        let (release, wrote) = (service.release.as_ref()?, self.gateways.wrote.as_ref()?);
        let is_older = Service::version_of(release)? < Service::version_of(wrote)?;
        is_older.then(|| Evidence::OlderRelease { release: release.clone(), wrote: wrote.clone() })
    }

    /// A gateway on the state of a service that no service runs.
    fn copy(&self, service: &Service) -> Option<&'a Running> {
        let mut others = self.gateways.running().filter(|running| self.gateways.keeper(running).is_none());
        // In a container the same path is another folder.
        let here = self.survey.here.namespaces.known().map(|here| here.mount);
        let is_same = |running: &&Running| {
            let there = running.process.namespaces.known().map(|there| there.mount);
            running.state_dir.is_some() && running.state_dir == service.state_dir && here.is_some() && there == here
        };
        // While the service itself runs, the other one is about to give up.
        others.find(|running| service.phase != Phase::Running && is_same(running))
    }

    /// Gateways that listen, and work on the state of the one on the user's port.
    fn shared(&self) -> Option<Told> {
        let mine = self.mine.as_ref()?;
        let first = self.gateways.running().find(|running| running.process.pid == mine.gateway.pid)?;
        let mount = |running: &Running| running.process.namespaces.known().map(|there| there.mount);
        // In a container the same path is another folder. One that is about to give up does not listen.
        let is_beside = |running: &&Running| {
            running.process.pid != first.process.pid
                && !running.listens.is_empty()
                && running.state_dir.as_ref() == Some(&self.survey.place.state_dir)
                && mount(running).is_some()
                && mount(running) == mount(first)
        };
        let beside = self.gateways.running().find(is_beside)?;
        let port = beside.listens.first().map(std::net::SocketAddr::port);
        let mut evidence = vec![
            Evidence::Occupant { process: self.occupant(first) },
            Evidence::Beside { process: self.occupant(beside), port },
        ];
        evidence.extend(self.gateways.keeper(beside).map(of_service));
        evidence.extend(guarded(Some(beside)));
        let finding = Finding { cause: Cause::SharedState, severity: Severity::Warning, evidence };
        Some(Told { finding, about: About::Itself })
    }

    /// A gateway that was started by hand in a session whose variables say that a service manager looks after it.
    fn restart_ends(&self) -> Option<Told> {
        let mine = self.mine.as_ref()?;
        // Whoever would bring it back must not be somebody who cannot be seen.
        let (_, _) = (self.gateways.user.known()?, self.gateways.system.known()?);
        let running = self.gateways.running().find(|running| running.process.pid == mine.gateway.pid)?;
        let by_hand = running.process.unit.known()?.as_ref().is_none_or(|unit| is_of_desktop(unit));
        if !by_hand || running.guardian.is_some() || self.gateways.keeper(running).is_some() {
            return None;
        }
        let environment = running.process.environment.known()?;
        let variable = SIGNS_OF_A_SERVICE.iter().find(|name| environment.plain(name).is_some())?;
        let evidence = vec![
            Evidence::Occupant { process: self.occupant(running) },
            Evidence::Inherited { variable: (*variable).to_owned() },
        ];
        let finding = Finding { cause: Cause::RestartEnds, severity: Severity::Warning, evidence };
        Some(Told { finding, about: About::Itself })
    }

    fn fails(&self, service: &Service) -> bool {
        let young =
            service.started_ms.is_some_and(|started| self.survey.taken_ms.saturating_sub(started) < JUST_NOW_MS);
        match service.phase {
            Phase::Restarting => true,
            // One that took too long to end did what it was told.
            Phase::Failed => service.result != "timeout",
            // What is there and well is not called failing for what was before.
            Phase::Running | Phase::Changing => service.restarts >= OFTEN && young && self.mine.is_none(),
            Phase::Stopped => false,
        }
    }

    /// The service of the user's gateway is there, and nothing will start it.
    fn off(&self) -> Option<Told> {
        let mut ours: Vec<&Service> = self.gateways.services().filter(|service| self.is_mine(service)).collect();
        // That of the present name is the one to start.
        ours.sort_by_key(|service| (service.is_legacy(), service.scope));
        // What launchd did not load does not start before the next login, whatever its file says.
        let waits = |service: &Service| service.starts == Starts::ByItself && service.manager != Manager::Launchd;
        let idle = |service: &&Service| service.phase == Phase::Stopped && !waits(service);
        let service = ours.first().filter(|_| self.nobody && self.mine.is_none() && ours.iter().all(idle))?;
        let mut evidence = vec![of_service(service)];
        evidence.extend(service.gone.iter().map(|path| Evidence::Missing { path: path.clone() }));
        let cause = if service.gone.is_empty() { Cause::ServiceOff } else { Cause::ServicePathGone };
        Some(Told { finding: Finding { cause, severity: Severity::Broken, evidence }, about: About::WhyNobody })
    }

    fn occupant(&self, running: &Running) -> Occupant {
        occupant(&running.process, self.survey)
    }
}

/// Names that a desktop gives to the units of what a person starts there: nobody brings those back.
fn is_of_desktop(unit: &str) -> bool {
    unit.starts_with("app-") || unit.starts_with("gnome-terminal")
}

fn of_service(service: &Service) -> Evidence {
    Evidence::Service {
        service: ServiceSeen {
            unit: service.unit.clone(),
            manager: service.manager,
            scope: service.scope,
            path: service.path.clone(),
            port: service.port,
            state_dir: service.state_dir.clone(),
            phase: service.phase,
            starts: service.starts,
            restarts: service.restarts,
            exit_status: service.exit_status,
        },
    }
}

/// The gateway that the evidence names.
fn occupant_of<'a>(finding: &Finding, gateways: &'a Gateways) -> Option<&'a Running> {
    let pid = finding.evidence.iter().find_map(|evidence| {
        let Evidence::Occupant { process } = evidence else { return None };
        Some(process.pid)
    });
    gateways.running().find(|running| Some(running.process.pid) == pid)
}

fn guarded(running: Option<&Running>) -> Option<Evidence> {
    running.and_then(|running| running.guardian.clone()).map(|by| Evidence::Guarded { by })
}

/// What the next start of the user's service would end: the stray that has its port.
fn next_start(finding: &Finding, survey: &Survey, gateways: &Gateways) -> Vec<Evidence> {
    let stray = occupant_of(finding, gateways).filter(|stray| gateways.keeper(stray).is_none());
    let place = &survey.place;
    let mut ours = gateways.services().filter(|service| service.state_dir.as_ref() == Some(&place.state_dir));
    match (stray, ours.find(|service| service.port == Some(place.port))) {
        (Some(stray), Some(service)) => std::iter::once(of_service(service)).chain(next_end(service, stray)).collect(),
        (_, _) => Vec::new(),
    }
}

fn next_end(service: &Service, running: &Running) -> Option<Evidence> {
    // It was seen to with systemd.
    let ends = service.manager == Manager::Systemd
        && service.version().is_some_and(|version| version >= ENDS_OTHERS)
        && service.starts != Starts::Never;
    let on_its_port = service.port.is_some_and(|port| running.is_on(port));
    (ends && on_its_port).then(|| Evidence::NextStart { unit: service.unit.clone(), pid: running.process.pid })
}

#[cfg(test)]
pub(crate) mod tests;
