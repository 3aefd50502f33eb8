//! Other ways out of a finding than the recommended one: each can be undone, and each is seen to have helped.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::services::{Look, start};
use super::{PlannedStep, Step};
use crate::finding::{Cause, Finding};
use crate::survey::{Gateways, Phase, Service, Starts};

/// One of several ways out of the same finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(rename = "RepairChoice")]
pub enum Choice {
    /// The service of the user's gateway stays, and what is in its way goes. This is the recommended one.
    KeepService,
    /// The gateway that runs stays, and nothing starts another: nothing starts this one either, once it has ended.
    KeepRunning,
    /// Both stay: the second gateway gets a port of its own.
    AnotherPort {
        /// That port.
        port: u16,
    },
}

/// Between the ports of two gateways: what belongs to a gateway lies on up to 110 ports behind its own.
const APART: u16 = 120;
/// From the user's gateway to the next port that is tried, as OpenClaw's own documentation does.
const NEXT: u16 = 1_000;

impl Look<'_> {
    /// What a person may choose instead.
    pub(super) fn others(&self, finding: &Finding) -> Vec<(Choice, Vec<Step>)> {
        let services = self.services(finding);
        let other = if matches!(finding.cause, Cause::RestartWar | Cause::TwoServices) {
            self.give_another_port(&services)
        } else if finding.cause == Cause::ServiceAndCopy {
            self.keep_copy(finding, &services)
        } else {
            None
        };
        other.into_iter().collect()
    }

    /// The copy goes on, and its service rests.
    fn keep_copy(&self, finding: &Finding, services: &[&Service]) -> Option<(Choice, Vec<Step>)> {
        let service = services.first().filter(|service| self.is_mine(service) && self.may_change(service))?;
        let copy = self.running(finding).filter(|copy| copy.is_on(self.survey.place.port))?;
        // Its manager ends whatever it finds in the group of the service.
        let unit = copy.process.unit.known()?.as_deref();
        let can = unit != Some(&service.unit) && service.starts != Starts::Never;
        let off = match service.phase {
            // Nothing stops by that.
            Phase::Stopped | Phase::Failed => Step::SwitchOff { unit: service.unit.clone(), stops_within_ms: 0 },
            Phase::Running | Phase::Changing | Phase::Restarting => Step::switch_off(service),
        };
        let forget = (service.phase != Phase::Stopped).then(|| Step::ForgetFailures { unit: service.unit.clone() });
        can.then(|| (Choice::KeepRunning, std::iter::once(off).chain(forget).collect()))
    }

    /// The user's own service starts first, and OpenClaw then starts the other profile's where nobody is in its way.
    fn give_another_port(&self, services: &[&Service]) -> Option<(Choice, Vec<Step>)> {
        let [keep, other] = services else { return None };
        let can = self.is_mine(keep) && self.may_change(keep) && self.may_change(other);
        let profile = self.profile(other).filter(|_| can && keep.release.is_some() && keep.release == other.release)?;
        let port = self.free_port()?;
        let unit = || other.unit.clone();
        let path = other.path.clone()?;
        let config_path = match other.environment.plain("OPENCLAW_CONFIG_PATH") {
            Some(path) => PathBuf::from(path),
            None => other.state_dir.as_ref()?.join("openclaw.json"),
        };
        let before = [Step::switch_off(other), Step::SetPort { profile: profile.into(), config_path, port }];
        let moved = Step::MoveService { profile: profile.into(), unit: unit(), path, port };
        let steps = before.into_iter().chain(start(keep, true)).chain([moved]).collect();
        Some((Choice::AnotherPort { port }, steps))
    }

    /// The profile of a service that is just as OpenClaw's own command writes it.
    fn profile<'s>(&self, service: &'s Service) -> Option<&'s str> {
        let profile = service.unit.strip_prefix("openclaw-gateway-")?.strip_suffix(".service")?;
        let folder = self.survey.place.state_dir.with_file_name(format!(".openclaw-{profile}"));
        let written = service.environment.plain("OPENCLAW_PROFILE") == Some(profile)
            && service.state_dir.as_ref() == Some(&folder)
            && service.drop_ins.is_empty()
            && service.gone.is_empty();
        written.then_some(profile)
    }

    /// A port where nobody listens now, and no gateway will.
    fn free_port(&self) -> Option<u16> {
        let taken = self.gateways.taken.known()?;
        let of_services = self.gateways.services().filter_map(|service| service.port);
        let of_running = self.gateways.running().flat_map(|running| &running.listens).map(std::net::SocketAddr::port);
        let gateways: Vec<u16> = of_services.chain(of_running).collect();
        let is_free = |port: &u16| {
            let own = *port..=port.saturating_add(APART);
            !taken.iter().any(|taken| own.contains(taken))
                && gateways.iter().all(|other| other.abs_diff(*port) >= APART)
        };
        let next = |port: &u16| port.checked_add(NEXT).filter(|port| *port <= u16::MAX - APART);
        std::iter::successors(next(&self.survey.place.port), next).find(is_free)
    }
}

/// Whether what the steps promise of other gateways than the user's own is so.
pub fn is_kept(steps: &[PlannedStep], gateways: &Gateways) -> bool {
    steps.iter().all(|planned| {
        let Step::MoveService { unit, port, .. } = &planned.step else { return true };
        is_moved(unit, *port, gateways)
    })
}

/// Whether a service of the user's runs its gateway on this port.
pub fn is_moved(unit: &str, port: u16, gateways: &Gateways) -> bool {
    let service = gateways.user.known().into_iter().flatten().find(|service| service.unit == unit);
    service.is_some_and(|service| {
        service.phase == Phase::Running
            && service.port == Some(port)
            && gateways.running().any(|running| {
                running.is_on(port) && gateways.keeper(running).is_some_and(|keeper| keeper.unit == unit)
            })
    })
}

#[cfg(test)]
mod tests;
