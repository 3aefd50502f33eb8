//! Services and gateways that are in one another's way: which of them stay, and the order in which the others go. What a manager looks after is stopped by its
//! manager, and never by a signal, which would only make it come back.

use std::path::Path;

use super::{Advice, NoPlan, Step};
use crate::finding::{Cause, Evidence, Finding};
use crate::survey::{Gateways, Manager, Phase, Running, Scope, Service, Starts, Survey};
use crate::target::Target;
use crate::who::{NotMine, Whose, whose};

/// A gateway that is told to end finishes what it does: OpenClaw gives that up to 315 s (measured), and a bit more is waited.
const DRAIN_MS: u64 = 330_000;

/// The service that OpenClaw's own command writes: that of the ordinary profile.
const ORDINARY: &str = "openclaw-gateway.service";
/// What a gateway ends with that refuses its configuration, or gives way to another one (`RestartPreventExitStatus` of its own definition).
const REFUSED: i32 = 78;

/// The steps for a finding of services.
pub(super) fn steps(finding: &Finding, survey: &Survey) -> Result<Vec<Step>, NoPlan> {
    let look = Look::of(survey);
    let steps = look.steps(finding);
    let is_guarded = finding.evidence.iter().any(|evidence| matches!(evidence, Evidence::Guarded { .. }));
    if steps.is_err() && is_guarded {
        return Err(NoPlan::OnlyThePerson { advice: Advice::EndAtGuardian });
    }
    if steps.is_err() && look.is_kept_elsewhere(finding) {
        return Err(NoPlan::OnlyThePerson { advice: Advice::LeaveToKeeper });
    }
    steps
}

impl<'a> Look<'a> {
    pub(super) fn of(survey: &'a Survey) -> Self {
        Self { survey, gateways: &survey.gateways }
    }
}

impl Look<'_> {
    fn steps(&self, finding: &Finding) -> Result<Vec<Step>, NoPlan> {
        let look = self;
        let person = |advice| Err(NoPlan::OnlyThePerson { advice });
        let services = look.services(finding);
        match finding.cause {
            Cause::RestartWar | Cause::TwoServices => {
                look.keep_first(&services).map_or_else(|| person(Advice::KeepOneService), Ok)
            }
            Cause::WrongInstance => look.instead_of_stray(finding).ok_or(NoPlan::NotAboutTokens),
            Cause::ServiceAndCopy => {
                look.instead_of_copy(finding, &services).map_or_else(|| person(Advice::StopCopy), Ok)
            }
            Cause::LegacyService => look.replace(&services).map_or_else(|| person(Advice::ReinstallService), Ok),
            Cause::ServicePathGone | Cause::ServicePortDiffers | Cause::ServiceOutdated => {
                let anew = look.write_anew(&services, false).or_else(|| look.reinstall(&services));
                anew.map_or_else(|| person(Advice::ReinstallService), Ok)
            }
            // Which OpenClaw lasts is for the person to say.
            Cause::ServicePathTemporary => person(Advice::ReinstallService),
            Cause::ServiceOff => look.switch_on(&services).map_or_else(|| person(Advice::StartService), Ok),
            Cause::CrashLoop => {
                look.write_failing_anew(finding, &services).map_or_else(|| person(Advice::ReadServiceLog), Ok)
            }
            Cause::SharedState => look.end_beside(finding).map_or_else(|| person(Advice::StopCopy), Ok),
            Cause::RestartEnds => person(Advice::StartAsService),
            Cause::Hung => look.wake(finding).map_or_else(|| person(Advice::WakeGateway), Ok),
            Cause::NobodyListens
            | Cause::ForeignProgram
            | Cause::EntriesMissing
            | Cause::CannotTell
            | Cause::SharedTokenWrong
            | Cause::CopiesDiffer
            | Cause::DeviceTokenStale
            | Cause::TokenMissing
            | Cause::NoAuthConfigured
            | Cause::SignatureInvalid
            | Cause::ClockWrong
            | Cause::PairingPending
            | Cause::ScopeMissing
            | Cause::ProtocolMismatch
            | Cause::RateLimited
            | Cause::DeadRecords
            | Cause::DashboardStale
            | Cause::Unrecognised => Err(NoPlan::NothingLeft),
        }
    }
}

/// Whether a plan for this cause rests on services, and not on tokens.
pub(super) fn is_about_services(cause: Cause) -> bool {
    match cause {
        Cause::RestartWar
        | Cause::TwoServices
        | Cause::WrongInstance
        | Cause::ServiceAndCopy
        | Cause::LegacyService
        | Cause::ServicePathGone
        | Cause::ServicePathTemporary
        | Cause::ServicePortDiffers
        | Cause::ServiceOutdated
        | Cause::ServiceOff
        | Cause::CrashLoop
        | Cause::SharedState
        | Cause::RestartEnds
        | Cause::Hung => true,
        Cause::NobodyListens
        | Cause::ForeignProgram
        | Cause::EntriesMissing
        | Cause::CannotTell
        | Cause::SharedTokenWrong
        | Cause::CopiesDiffer
        | Cause::DeviceTokenStale
        | Cause::TokenMissing
        | Cause::NoAuthConfigured
        | Cause::SignatureInvalid
        | Cause::ClockWrong
        | Cause::PairingPending
        | Cause::ScopeMissing
        | Cause::ProtocolMismatch
        | Cause::RateLimited
        | Cause::DeadRecords
        | Cause::DashboardStale
        | Cause::Unrecognised => false,
    }
}

pub(super) struct Look<'a> {
    pub(super) survey: &'a Survey,
    pub(super) gateways: &'a Gateways,
}

impl<'a> Look<'a> {
    /// Those that the evidence names, in its order.
    pub(super) fn services(&self, finding: &Finding) -> Vec<&'a Service> {
        let named = finding.evidence.iter().filter_map(|evidence| {
            let Evidence::Service { service } = evidence else { return None };
            let is_it = |found: &&Service| {
                (&found.unit, found.manager, found.scope) == (&service.unit, service.manager, service.scope)
            };
            self.gateways.services().find(is_it)
        });
        named.collect()
    }

    /// A service of the user's own systemd, which nobody else looks after. No other manager was seen to do what this program would tell it.
    pub(super) fn may_change(&self, service: &Service) -> bool {
        service.manager == Manager::Systemd && self.is_theirs(service)
    }

    fn is_theirs(&self, service: &Service) -> bool {
        service.scope == Scope::User && !self.gateways.external && !is_kept_elsewhere(service)
    }

    /// Whether somebody else looks after a service that the finding is about.
    fn is_kept_elsewhere(&self, finding: &Finding) -> bool {
        let named = self.services(finding);
        let keeper = self.running(finding).and_then(|running| self.gateways.keeper(running));
        let of_place = self.gateways.services().filter(|service| self.is_mine(service));
        let mut all = named.into_iter().chain(keeper).chain(of_place);
        self.gateways.external || all.any(|service| service.scope == Scope::User && is_kept_elsewhere(service))
    }

    pub(super) fn is_mine(&self, service: &Service) -> bool {
        service.state_dir.as_ref() == Some(&self.survey.place.state_dir)
    }

    /// The user's own, and theirs to change.
    fn mine(&self) -> Option<&'a Service> {
        self.gateways.services().find(|service| {
            self.is_mine(service)
                && !service.is_legacy()
                && self.may_change(service)
                && service.port == Some(self.survey.place.port)
        })
    }

    fn keep_first(&self, services: &[&Service]) -> Option<Vec<Step>> {
        let (keep, others) = services.split_first()?;
        let can = self.is_mine(keep) && self.may_change(keep) && !others.is_empty();
        (can && others.iter().all(|other| self.may_change(other))).then(|| {
            let off = others.iter().map(|other| Step::switch_off(other));
            // Who fights may fail at any moment.
            off.chain(start(keep, true)).collect()
        })
    }

    /// A gateway of another state that nobody looks after has the port of the user's service.
    fn instead_of_stray(&self, finding: &Finding) -> Option<Vec<Step>> {
        let is_stray = finding.evidence.iter().any(|evidence| {
            matches!(
                evidence,
                Evidence::NotMine { why: NotMine::AnotherState { state_dir: Some(_) } | NotMine::EarlierProcess }
            )
        });
        let stray = self.running(finding).filter(|_| is_stray)?;
        let service = self.mine()?;
        Some(std::iter::once(self.end(stray)?).chain(start(service, service.is_alive())).collect())
    }

    fn instead_of_copy(&self, finding: &Finding, services: &[&Service]) -> Option<Vec<Step>> {
        let service = services.first().filter(|service| self.is_mine(service) && self.may_change(service))?;
        let copy = self.end(self.running(finding)?)?;
        Some(std::iter::once(copy).chain(start(service, service.is_alive())).collect())
    }

    /// The one on the user's port stays. The other is ended by its service, where it has one.
    fn end_beside(&self, finding: &Finding) -> Option<Vec<Step>> {
        let pid = finding.evidence.iter().find_map(|evidence| {
            let Evidence::Beside { process, .. } = evidence else { return None };
            Some(process.pid)
        })?;
        let beside = self.gateways.running().find(|running| running.process.pid == pid)?;
        match self.gateways.keeper(beside) {
            Some(service) => self.may_change(service).then(|| vec![Step::switch_off(service)]),
            None => Some(vec![self.end(beside)?]),
        }
    }

    /// OpenClaw writes the one of the present name once that of the earlier one is out of the way.
    fn replace(&self, services: &[&Service]) -> Option<Vec<Step>> {
        let legacy = services.first().filter(|service| self.is_mine(service) && self.may_change(service))?;
        let successor = match self.gateways.services().find(|service| service.unit == ORDINARY) {
            Some(_) => start(self.mine()?, false),
            None => {
                let path = legacy.path.as_deref()?.with_file_name(ORDINARY);
                vec![Step::RewriteService { unit: ORDINARY.into(), path }]
            }
        };
        Some(std::iter::once(Step::switch_off(legacy)).chain(successor).collect())
    }

    /// `fails`: it does, again and again, whatever it does at this moment.
    fn write_anew(&self, services: &[&Service], fails: bool) -> Option<Vec<Step>> {
        let service = services.first()?;
        let can = self.is_mine(service) && self.may_change(service) && service.is_ordinary();
        // A part of it that somebody added by hand would stay, and may be what is wrong.
        let path = service.path.clone().filter(|_| can && service.drop_ins.is_empty())?;
        let unit = || service.unit.clone();
        let fails = fails || !service.gone.is_empty() || service.phase == Phase::Failed;
        let forget = fails.then(|| Step::ForgetFailures { unit: unit() });
        Some(forget.into_iter().chain([Step::RewriteService { unit: unit(), path }]).collect())
    }

    /// Where the manager is told nothing by this program: OpenClaw's own command, which writes it anew and starts it.
    fn reinstall(&self, services: &[&Service]) -> Option<Vec<Step>> {
        let service = services.first()?;
        let is_openclaws = service.is_ordinary() && matches!(service.manager, Manager::Launchd | Manager::Task);
        // It ends whoever is on its port.
        let is_free = matches!(whose(self.survey), Whose::Nobody(_) | Whose::Mine(_));
        // An administrator put it there for everybody: the one that OpenClaw writes would be a second.
        let for_all = service.path.as_deref().is_none_or(|path| path.starts_with("/Library"));
        let can = is_openclaws && is_free && !for_all && self.is_mine(service) && self.is_theirs(service);
        can.then(|| vec![Step::ReinstallService])
    }

    /// What is wrong may be how it is started. A gateway that refuses its configuration would refuse it again.
    fn write_failing_anew(&self, finding: &Finding, services: &[&Service]) -> Option<Vec<Step>> {
        let service = services.first()?;
        // A configuration that an older release refuses is none that is refused by the one that writes the service.
        let older = finding.evidence.iter().any(|one| matches!(one, Evidence::OlderRelease { .. }));
        let anew = || self.write_anew(services, true).or_else(|| self.reinstall(services));
        (older || service.exit_status != Some(REFUSED)).then(anew).flatten()
    }

    fn switch_on(&self, services: &[&Service]) -> Option<Vec<Step>> {
        let service = services.first().filter(|service| self.is_mine(service) && self.may_change(service))?;
        // Somebody sealed it on purpose.
        (service.starts != Starts::Never).then(|| start(service, false))
    }

    fn wake(&self, finding: &Finding) -> Option<Vec<Step>> {
        let keeper = self.gateways.keeper(self.running(finding)?)?;
        let can = self.is_mine(keeper) && self.may_change(keeper);
        can.then(|| {
            vec![Step::RestartService {
                unit: keeper.unit.clone(),
                stops_within_ms: keeper.stop_takes_ms.unwrap_or(DRAIN_MS),
            }]
        })
    }

    /// The gateway that the evidence names.
    pub(super) fn running(&self, finding: &Finding) -> Option<&'a Running> {
        let pid = finding.evidence.iter().find_map(|evidence| {
            let Evidence::Occupant { process } = evidence else { return None };
            Some(process.pid)
        })?;
        self.gateways.running().find(|running| running.process.pid == pid)
    }

    /// The step that ends it: only where everything is known that is looked at again before a signal, and nobody would bring it back.
    fn end(&self, running: &Running) -> Option<Step> {
        let process = &running.process;
        if self.gateways.keeper(running).is_some() || running.guardian.is_some() {
            return None;
        }
        let own = Some(self.survey.place.port).filter(|port| running.is_on(*port));
        let port = own.or_else(|| running.listens.first().map(std::net::SocketAddr::port))?;
        let target = Target {
            pid: process.pid,
            start: *process.start.known()?,
            boot_id: self.survey.here.boot_id.known()?.clone(),
            exe: process.exe.known()?.clone(),
            argv: process.argv.known()?.clone(),
            state_dir: process.environment.known()?.state_dir()?,
            port,
        };
        Some(Step::EndGateway { target, ends_within_ms: DRAIN_MS })
    }
}

/// Whether something else than the person writes it: a configuration of the whole system, or a program that says so.
fn is_kept_elsewhere(service: &Service) -> bool {
    let policy = service.environment.plain("OPENCLAW_SERVICE_REPAIR_POLICY");
    let elsewhere = ["/etc", "/usr", "/lib", "/run", "/nix"];
    let of_system = |path: &Path| elsewhere.iter().any(|folder| path.starts_with(folder));
    let is_of_system = match service.manager {
        Manager::Systemd => service.path.as_deref().is_none_or(of_system),
        Manager::Launchd | Manager::Task | Manager::Startup | Manager::RunKey => false,
    };
    policy == Some("external") || service.sealed || is_of_system
}

/// The steps by which a service starts. `may_fail`: it may have failed too often by then, though it has not yet.
pub(super) fn start(service: &Service, may_fail: bool) -> Vec<Step> {
    let unit = || service.unit.clone();
    let forget = (may_fail || service.phase == Phase::Failed).then(|| Step::ForgetFailures { unit: unit() });
    forget.into_iter().chain([Step::SwitchOn { unit: unit() }]).collect()
}

impl Step {
    pub(super) fn switch_off(service: &Service) -> Self {
        Self::SwitchOff { unit: service.unit.clone(), stops_within_ms: service.stop_takes_ms.unwrap_or(DRAIN_MS) }
    }
}

#[cfg(test)]
mod tests;
