//! What a person is told about an installation.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::foreign::Standing;
use crate::control::answer::{InstallPlan, Link};
use crate::language::Language;

/// It is installed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    /// Whether it talks to us already.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Version of the plugin.
    pub plugin: String,
    /// The version of ours that was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<String>,
    /// Version of OpenClaw.
    pub openclaw: String,
    /// Its configuration.
    pub config: PathBuf,
    /// The copy from before the first change; `None`: nothing had to be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<PathBuf>,
    /// OpenClaw writes its configuration without the person's comments: they are in the copy only.
    pub comments_lost: bool,
}

/// Whether the plugin talks to us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "outcome", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// It said hello: done.
    Linked {
        /// Version of the gateway.
        host: String,
    },
    /// Not yet.
    WaitingForGateway {
        /// What the person does.
        next: NextStep,
    },
}

/// What is left to do for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum NextStep {
    /// No gateway listens.
    StartGateway,
    /// One listens, but has not loaded the plugin.
    RestartGateway,
    /// Another gateway holds the link.
    StopOtherGateway,
    /// The service answers with its own echo agent.
    ServeGateway,
}

impl NextStep {
    /// The sentence for a person.
    pub fn words(self, language: Language) -> &'static str {
        match self {
            Self::StartGateway => language.pick(
                "Start OpenClaw's gateway: with openclaw gateway start where it has a service, else with openclaw gateway run. The plugin then connects by itself.",
                "请启动 OpenClaw 网关：已安装服务时运行 openclaw gateway start，否则运行 openclaw gateway run。插件会自动连接。",
            ),
            Self::RestartGateway => language.pick(
                "Restart OpenClaw's gateway (openclaw gateway restart), so that it loads the plugin.",
                "请重启 OpenClaw 网关（openclaw gateway restart）以加载插件。",
            ),
            Self::StopOtherGateway => language.pick(
                "Another OpenClaw gateway is connected to SmartPi. Stop it; this one then takes its place.",
                "另一个 OpenClaw 网关正连接着 SmartPi，请停止它，此网关会随后接替。",
            ),
            Self::ServeGateway => language.pick(
                "SmartPi answers with its own echo agent. Start it again with: smartpi serve --agent gateway",
                "SmartPi 正在使用内置的回声助手，请用 smartpi serve --agent gateway 重新启动。",
            ),
        }
    }
}

/// How the plugin stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of the plugin that this program carries.
    pub carries: &'static str,
    /// Version of OpenClaw.
    pub openclaw: String,
    /// Its command.
    pub command: PathBuf,
    /// Its configuration.
    pub config: PathBuf,
    /// What is in it.
    #[serde(flatten)]
    pub standing: Standing,
    /// Whether its configuration leads to this service.
    pub configured: bool,
    /// Whether its configuration switches the plugin off.
    pub denied: bool,
    /// What installing would do.
    pub plan: InstallPlan,
    /// The link, where the service runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_next_step_has_both_languages() {
        let steps =
            [NextStep::StartGateway, NextStep::RestartGateway, NextStep::StopOtherGateway, NextStep::ServeGateway];
        for step in steps {
            assert!(step.words(Language::En).is_ascii(), "{step:?}");
            assert!(!step.words(Language::Zh).is_ascii(), "{step:?}");
        }
    }

    #[test]
    fn scripts_read_one_flat_object() {
        let installed = Installed {
            outcome: Outcome::WaitingForGateway { next: NextStep::StartGateway },
            plugin: "0.1.0".into(),
            replaced: None,
            openclaw: "2026.9.6".into(),
            config: "/c".into(),
            copy: None,
            comments_lost: false,
        };
        let expected = json!({
            "outcome": "waitingForGateway", "next": "startGateway", "plugin": "0.1.0", "openclaw": "2026.9.6", "config": "/c",
            "commentsLost": false,
        });
        assert_eq!(serde_json::to_value(installed).unwrap(), expected);
    }
}
