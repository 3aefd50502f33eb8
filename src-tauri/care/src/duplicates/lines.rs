//! What a person can type about a finding of services, on their system. None of it is run by this program.

use super::SIGNS_OF_A_SERVICE;
use crate::finding::{Cause, Evidence, Finding, ServiceSeen};
use crate::survey::{Manager, Phase, Scope, Starts};

/// The lines, in their order.
pub fn commands(finding: &Finding) -> Vec<String> {
    let guardian = finding.evidence.iter().find_map(|evidence| {
        let Evidence::Guarded { by } = evidence else { return None };
        Some(by.command())
    });
    let publisher = || {
        finding.evidence.iter().find_map(|evidence| {
            let Evidence::Published { by } = evidence else { return None };
            Some(by.command())
        })
    };
    guardian.or_else(publisher).map_or_else(|| of_services(finding), |line| line.into_iter().collect())
}

fn of_services(finding: &Finding) -> Vec<String> {
    let services: Vec<&ServiceSeen> = finding
        .evidence
        .iter()
        .filter_map(|evidence| if let Evidence::Service { service } = evidence { Some(service) } else { None })
        .collect();
    let each = |of: &[&ServiceSeen], lines: fn(&ServiceSeen) -> Vec<String>| -> Vec<String> {
        let mut all: Vec<String> = of.iter().flat_map(|service| lines(service)).collect();
        // One page of settings for two of them.
        all.dedup();
        all
    };
    match finding.cause {
        Cause::RestartWar | Cause::TwoServices => {
            let Some((kept, others)) = services.split_first() else { return Vec::new() };
            let mut lines = each(others, switch_off);
            lines.extend((kept.phase == Phase::Failed).then(|| start(kept)).flatten());
            lines
        }
        Cause::LegacyService => {
            let mut lines = each(&services, switch_off);
            lines.push("openclaw gateway install --force".into());
            lines
        }
        Cause::ServiceAndCopy => each(&services, |service| vec![openclaw(service, "gateway start")]),
        Cause::ServicePathGone | Cause::ServicePathTemporary | Cause::ServicePortDiffers | Cause::ServiceOutdated => {
            each(&services, |service| vec![openclaw(service, "gateway install --force")])
        }
        Cause::SharedState => each(&services, switch_off),
        Cause::RestartEnds => vec![by_hand()],
        Cause::ServiceOff => each(&services, switch_on),
        Cause::CrashLoop => {
            let gave_up = services.iter().filter(|service| service.phase == Phase::Failed);
            let mut lines = each(&services, |service| vec![read_log(service)]);
            lines.extend(gave_up.filter_map(|service| start(service)));
            lines
        }
        Cause::NobodyListens
        | Cause::ForeignProgram
        | Cause::WrongInstance
        | Cause::CannotTell
        | Cause::Hung
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
        | Cause::EntriesMissing
        | Cause::Unrecognised => Vec::new(),
    }
}

/// How a gateway is started by hand so that it does not take itself for a service's.
fn by_hand() -> String {
    let without = SIGNS_OF_A_SERVICE.map(|name| format!("-u {name}")).join(" ");
    format!("env {without} openclaw gateway run")
}

/// Where a person of Windows switches off what starts at login, also what the registry starts.
const STARTUP_APPS: &str = "start ms-settings:startupapps";

fn systemctl(scope: Scope) -> &'static str {
    match scope {
        Scope::User => "systemctl --user",
        Scope::System => "sudo systemctl",
    }
}

/// launchd's command, and its name of a service: `$UID` is the number of whoever types it.
fn launchctl(service: &ServiceSeen, words: &str) -> String {
    match service.scope {
        Scope::User => format!("launchctl {words} gui/$UID/{}", service.unit),
        Scope::System => format!("sudo launchctl {words} system/{}", service.unit),
    }
}

fn schtasks(service: &ServiceSeen, word: &str, end: &str) -> String {
    format!("schtasks {word} /TN \"{}\"{end}", service.unit)
}

fn switch_off(service: &ServiceSeen) -> Vec<String> {
    let is_loaded = !matches!(service.phase, Phase::Stopped);
    match service.manager {
        Manager::Systemd => vec![format!("{} disable --now {}", systemctl(service.scope), service.unit)],
        // Forbidden first: what ends may be started again before the next line.
        Manager::Launchd => {
            let end = is_loaded.then(|| launchctl(service, "bootout"));
            std::iter::once(launchctl(service, "disable")).chain(end).collect()
        }
        Manager::Task => {
            let end = is_loaded.then(|| schtasks(service, "/End", ""));
            std::iter::once(schtasks(service, "/Change", " /DISABLE")).chain(end).collect()
        }
        Manager::Startup | Manager::RunKey => vec![STARTUP_APPS.into()],
    }
}

/// `None`: what only a login starts.
fn start(service: &ServiceSeen) -> Option<String> {
    match service.manager {
        Manager::Systemd => Some(format!("{} start {}", systemctl(service.scope), service.unit)),
        Manager::Launchd => Some(launchctl(service, "kickstart")),
        Manager::Task => Some(schtasks(service, "/Run", "")),
        Manager::Startup => Some(openclaw(service, "gateway start")),
        Manager::RunKey => None,
    }
}

fn switch_on(service: &ServiceSeen) -> Vec<String> {
    let never = service.starts == Starts::Never;
    match (service.manager, service.scope) {
        (Manager::Systemd, scope) => {
            let systemctl = systemctl(scope);
            let on = format!("{systemctl} enable --now {}", service.unit);
            vec![if never { format!("{systemctl} unmask {} && {on}", service.unit) } else { on }]
        }
        // OpenClaw's own command allows it and has it loaded.
        (Manager::Launchd, Scope::User) => vec![openclaw(service, "gateway start")],
        (Manager::Launchd, Scope::System) => {
            let load =
                service.path.as_ref().map(|path| format!("sudo launchctl bootstrap system '{}'", path.display()));
            std::iter::once(launchctl(service, "enable")).chain(load).collect()
        }
        (Manager::Task, _) => {
            let allow = never.then(|| schtasks(service, "/Change", " /ENABLE"));
            allow.into_iter().chain(start(service)).collect()
        }
        (Manager::Startup, _) => vec![openclaw(service, "gateway start")],
        (Manager::RunKey, _) => vec![STARTUP_APPS.into()],
    }
}

fn read_log(service: &ServiceSeen) -> String {
    match (service.manager, service.scope) {
        (Manager::Systemd, Scope::User) => format!("journalctl --user -n 50 -u {}", service.unit),
        (Manager::Systemd, Scope::System) => format!("sudo journalctl -n 50 -u {}", service.unit),
        // It names the file of the log, and says how the gateway ended.
        (Manager::Launchd, Scope::User) => format!("launchctl print gui/$UID/{}", service.unit),
        (Manager::Launchd, Scope::System) => format!("launchctl print system/{}", service.unit),
        (Manager::Task | Manager::Startup | Manager::RunKey, _) => openclaw(service, "gateway status --deep"),
    }
}

/// OpenClaw's own command, for the profile that its service is named after.
fn openclaw(service: &ServiceSeen, words: &str) -> String {
    match service.manager.named(&service.unit).and_then(|named| named.profile) {
        Some(profile) => format!("openclaw --profile {profile} {words}"),
        None => format!("openclaw {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn seen(manager: Manager, scope: Scope, unit: &str, phase: Phase) -> ServiceSeen {
        ServiceSeen {
            unit: unit.into(),
            manager,
            scope,
            path: Some(format!("/Library/LaunchDaemons/{unit}.plist").into()),
            port: Some(18_789),
            state_dir: None,
            phase,
            starts: Starts::ByItself,
            restarts: 0,
            exit_status: None,
        }
    }

    #[track_caller]
    fn lines(cause: Cause, services: Vec<ServiceSeen>, expected: &[&str]) {
        let evidence = services.into_iter().map(|service| Evidence::Service { service }).collect();
        assert_eq!(commands(&Finding { cause, severity: Severity::Broken, evidence }), expected);
    }

    #[test]
    fn an_agent_and_a_daemon_of_one_port_are_told_apart_in_the_lines() {
        let agent = seen(Manager::Launchd, Scope::User, "ai.openclaw.gateway", Phase::Running);
        let daemon = seen(Manager::Launchd, Scope::System, "ai.openclaw.gateway", Phase::Restarting);
        lines(
            Cause::RestartWar,
            vec![agent.clone(), daemon.clone()],
            &["sudo launchctl disable system/ai.openclaw.gateway", "sudo launchctl bootout system/ai.openclaw.gateway"],
        );
        let resting = ServiceSeen { phase: Phase::Stopped, ..agent.clone() };
        lines(Cause::TwoServices, vec![daemon.clone(), resting], &["launchctl disable gui/$UID/ai.openclaw.gateway"]);
        lines(Cause::CrashLoop, vec![agent.clone()], &["launchctl print gui/$UID/ai.openclaw.gateway"]);
        lines(Cause::ServiceOff, vec![agent], &["openclaw gateway start"]);
        let daemon = ServiceSeen { phase: Phase::Stopped, ..daemon };
        let load = "sudo launchctl bootstrap system '/Library/LaunchDaemons/ai.openclaw.gateway.plist'";
        lines(Cause::ServiceOff, vec![daemon], &["sudo launchctl enable system/ai.openclaw.gateway", load]);
    }

    #[test]
    fn a_task_is_told_by_its_scheduler_and_what_a_login_starts_by_the_settings() {
        let task = seen(Manager::Task, Scope::User, "OpenClaw Gateway", Phase::Running);
        let profile = seen(Manager::Task, Scope::User, "OpenClaw Gateway (work)", Phase::Running);
        let startup = seen(Manager::Startup, Scope::User, "OpenClaw Gateway", Phase::Running);
        let run_key = seen(Manager::RunKey, Scope::User, "gateway", Phase::Running);
        let off = [
            "schtasks /Change /TN \"OpenClaw Gateway (work)\" /DISABLE",
            "schtasks /End /TN \"OpenClaw Gateway (work)\"",
        ];
        lines(Cause::RestartWar, vec![task.clone(), profile.clone()], &off);
        lines(Cause::RestartWar, vec![task.clone(), startup, run_key], &[STARTUP_APPS]);
        lines(Cause::ServicePathGone, vec![profile], &["openclaw --profile work gateway install --force"]);
        let forbidden = ServiceSeen { starts: Starts::Never, phase: Phase::Stopped, ..task };
        let on = ["schtasks /Change /TN \"OpenClaw Gateway\" /ENABLE", "schtasks /Run /TN \"OpenClaw Gateway\""];
        lines(Cause::ServiceOff, vec![forbidden], &on);
    }
}
