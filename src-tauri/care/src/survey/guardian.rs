//! Programs that are no service manager, and yet start a gateway again when it ends, or think that they own it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::{Environment, Process};

/// Such a program. A signal to its gateway is no stop: it is told to end it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Guardian {
    /// pm2.
    Pm2 {
        /// What pm2 calls the gateway: its name, else its number.
        name: Option<String>,
    },
    /// An application of the desktop, or a command, that started the gateway and is still there.
    App {
        /// Its program.
        program: String,
        /// Its process.
        pid: u32,
    },
}

/// Programs that start a gateway of their own: ClawX, ClawPanel, OpenClaw's own desktop application, nexu, LobsterAI, `ollama launch`.
const APPS: [&str; 8] =
    ["clawx", "clawpanel", "openclaw-companion", "openclaw-desktop", "openclaw-app", "nexu", "lobsterai", "ollama"];

impl Guardian {
    /// Of a gateway with this environment and these parents, the nearest first.
    pub(super) fn of(environment: Option<&Environment>, parents: &[Process]) -> Option<Self> {
        let nearest = parents.iter().filter(|parent| parent.pid != 1);
        nearest.filter_map(|parent| Self::is(parent, environment)).next()
    }

    fn is(parent: &Process, environment: Option<&Environment>) -> Option<Self> {
        let title = parent.argv.known().and_then(|argv| argv.first());
        if title.is_some_and(|title| title.starts_with("PM2 ") && title.contains("God Daemon")) {
            let of = |name: &str| environment.and_then(|environment| environment.plain(name)).map(str::to_owned);
            return Some(Self::Pm2 { name: of("name").or_else(|| of("pm_id")) });
        }
        let program = parent.exe.known().map(PathBuf::as_path).and_then(Path::file_stem)?.to_string_lossy();
        let is_app = APPS.contains(&program.to_lowercase().as_str());
        is_app.then(|| Self::App { program: program.into_owned(), pid: parent.pid })
    }

    /// What a person types to end it there, where there is such a line.
    pub fn command(&self) -> Option<String> {
        match self {
            Self::Pm2 { name } => name.as_ref().map(|name| format!("pm2 delete {}", quoted(name))),
            Self::App { .. } => None,
        }
    }
}

/// As a shell takes it for one word.
fn quoted(name: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@".contains(letter);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seen::{Blind, Seen};
    use crate::who::tests::fine;

    fn parent(pid: u32, exe: &str, title: &str) -> Process {
        let exe = Seen::Known(exe.into());
        Process { pid, exe, argv: Seen::Known(vec![title.into()]), ..fine().processes[0].clone() }
    }

    fn pm2() -> Process {
        parent(40, "/usr/bin/node", "PM2 v6.0.8: God Daemon (/home/claw/.pm2)")
    }

    #[test]
    fn pm2_is_known_by_the_title_of_its_daemon_and_names_its_own() {
        let named = Environment::of([("pm_id", "0"), ("name", "claw")]);
        let shell = parent(41, "/bin/sh", "sh");
        let found = Guardian::of(Some(&named), &[shell.clone(), pm2(), parent(1, "/sbin/init", "init")]).unwrap();
        assert_eq!(found, Guardian::Pm2 { name: Some("claw".into()) });
        assert_eq!(found.command().as_deref(), Some("pm2 delete claw"));
        let odd = Environment::of([("pm_id", "3"), ("name", "it's; rm -rf")]);
        let found = Guardian::of(Some(&odd), &[pm2()]).unwrap();
        assert_eq!(found.command().as_deref(), Some(r"pm2 delete 'it'\''s; rm -rf'"));
        let numbered = Environment::of([("pm_id", "3")]);
        assert_eq!(Guardian::of(Some(&numbered), &[pm2()]).unwrap().command().as_deref(), Some("pm2 delete 3"));
        // The variables alone are inherited by whatever is started from there and lives on.
        assert_eq!(Guardian::of(Some(&named), &[shell]), None);
        let titled = parent(42, "/usr/bin/vim", "about PM2 v6 God Daemon");
        assert_eq!(Guardian::of(Some(&named), &[titled]), None);
    }

    #[test]
    fn an_application_that_started_it_is_named_and_a_terminal_is_none() {
        for (exe, program) in [
            ("/opt/ClawX/clawx", "clawx"),
            ("/Applications/ClawX.app/Contents/MacOS/ClawX", "ClawX"),
            ("C:\\x/ollama.exe", "ollama"),
            ("/usr/bin/openclaw-companion", "openclaw-companion"),
        ] {
            let found = Guardian::of(None, &[parent(50, exe, exe)]);
            assert_eq!(found, Some(Guardian::App { program: program.into(), pid: 50 }), "{exe}");
            assert_eq!(found.and_then(|found| found.command()), None);
        }
        let hidden = Process { exe: Seen::Hidden(Blind::NotPermitted), ..parent(51, "", "clawx") };
        for other in [parent(50, "/bin/bash", "bash"), parent(50, "/usr/bin/node", "node"), hidden] {
            assert_eq!(Guardian::of(None, &[other]), None);
        }
    }
}
