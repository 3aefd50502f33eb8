//! What starts services on the three systems, and what OpenClaw calls its own there.

use serde::{Deserialize, Serialize};

use super::process::PRODUCTS;

/// What starts a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
#[serde(rename = "ServiceManager")]
pub enum Manager {
    /// systemd: units of the user and of the computer.
    #[default]
    Systemd,
    /// launchd of macOS: an agent of the user, a daemon of the computer.
    Launchd,
    /// The task scheduler of Windows.
    Task,
    /// The startup folder of Windows: what is in it is started at login, and nobody looks after it.
    Startup,
    /// A value of the registry's `Run` key: the same.
    RunKey,
}

/// What the name of a gateway's service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    /// It is a name of an earlier release.
    pub(crate) legacy: bool,
    /// The profile of its gateway; `None`: the ordinary one.
    pub(crate) profile: Option<&'a str>,
    /// Nothing but a gateway is called so.
    pub(crate) alone: bool,
}

/// What begins the labels of launchd: now, and in earlier releases.
const DOMAINS: [&str; 4] = ["ai.openclaw", "com.clawdbot", "com.steipete.clawdbot", "bot.molt"];
/// What the scheduler's names begin with.
const TASKS: [&str; 3] = ["OpenClaw Gateway", "Clawdbot Gateway", "Moltbot Gateway"];

impl Manager {
    /// What a name says. `None`: OpenClaw calls no gateway's service so.
    pub(crate) fn named(self, name: &str) -> Option<Named<'_>> {
        let read = match self {
            Self::Systemd => first(&PRODUCTS, |product| {
                let rest = name.strip_prefix(product)?.strip_prefix("-gateway")?.strip_suffix(".service")?;
                Some((if rest.is_empty() { None } else { Some(rest.strip_prefix('-')?) }, true))
            }),
            Self::Launchd => first(&DOMAINS, |domain| {
                let rest = name.strip_prefix(domain)?.strip_prefix('.')?;
                // A profile has the name of anything: what it starts tells.
                let profile = (rest != "gateway").then_some(rest);
                (!rest.is_empty() && !rest.contains('.') && rest != "node").then_some((profile, profile.is_none()))
            }),
            Self::Task | Self::Startup => {
                let name = name.trim_start_matches('\\');
                first(&TASKS, |task| {
                    let (start, rest) = name.split_at_checked(task.len())?;
                    let profile = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
                    let is_it = start.eq_ignore_ascii_case(task) && (rest.is_empty() || profile.is_some());
                    is_it.then_some((profile, true))
                })
            }
            Self::RunKey => None,
        };
        read.map(|(legacy, (profile, alone))| Named { legacy, profile, alone })
    }
}

/// The first that fits, and whether it is another than the present one.
fn first<T>(names: &[&str], fits: impl Fn(&str) -> Option<T>) -> Option<(bool, T)> {
    names.iter().enumerate().find_map(|(at, name)| Some((at > 0, fits(name)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(manager: Manager, name: &str, legacy: bool, profile: Option<&str>, alone: bool) {
        assert_eq!(manager.named(name), Some(Named { legacy, profile, alone }), "{name}");
    }

    #[test]
    fn the_units_of_gateways_are_known_and_others_are_not() {
        let systemd = Manager::Systemd;
        reads(systemd, "openclaw-gateway.service", false, None, true);
        reads(systemd, "openclaw-gateway-b.service", false, Some("b"), true);
        reads(systemd, "clawdbot-gateway.service", true, None, true);
        reads(systemd, "moltbot-gateway-work.service", true, Some("work"), true);
        for name in
            ["openclaw-node.service", "openclaw-gatewayd.service", "my-openclaw-gateway.service", "openclaw.service"]
        {
            assert_eq!(systemd.named(name), None, "{name}");
        }
    }

    #[test]
    fn the_labels_of_gateways_are_known_and_those_of_profiles_alone_prove_nothing() {
        let launchd = Manager::Launchd;
        reads(launchd, "ai.openclaw.gateway", false, None, true);
        reads(launchd, "ai.openclaw.work", false, Some("work"), false);
        reads(launchd, "com.clawdbot.gateway", true, None, true);
        reads(launchd, "com.steipete.clawdbot.gateway", true, None, true);
        reads(launchd, "bot.molt.gateway", true, None, true);
        for label in
            ["ai.openclaw.node", "ai.openclaw", "ai.openclaw.", "ai.openclaw.update.job", "ai.openclawx.gateway"]
        {
            assert_eq!(launchd.named(label), None, "{label}");
        }
    }

    #[test]
    fn the_tasks_of_gateways_are_known_and_others_are_not() {
        reads(Manager::Task, r"\OpenClaw Gateway", false, None, true);
        reads(Manager::Task, "openclaw gateway (work)", false, Some("work"), true);
        reads(Manager::Startup, "Clawdbot Gateway", true, None, true);
        for name in ["OpenClaw Node", "OpenClaw Gateway2", "OpenClaw", "", "中文任务名称很长很长"] {
            assert_eq!(Manager::Task.named(name), None, "{name}");
        }
        assert_eq!(Manager::RunKey.named("OpenClaw Gateway"), None);
    }
}
