//! A process, and what its arguments say it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::seen::Seen;

/// A process as the system describes it at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Its number. Numbers are used again: with [`Process::start`] it is one process.
    pub pid: u32,
    /// When it started, as OpenClaw's lock counts it: on Linux in ticks of 10 ms since the computer did, on Windows in ms and on macOS in s since 1970.
    pub start: Seen<u64>,
    /// Its user, real and effective. On Windows a number that stands for one.
    pub uid: Seen<u32>,
    /// What it is doing.
    pub activity: Seen<Activity>,
    /// Its short name, 15 bytes at most.
    pub name: Seen<String>,
    /// Its program.
    pub exe: Seen<PathBuf>,
    /// Its arguments, or the title that it wrote over them.
    pub argv: Seen<Vec<String>>,
    /// The processes that started it, the nearest first.
    pub parents: Vec<u32>,
    /// What OpenClaw looks at in its environment.
    pub environment: Seen<Environment>,
    /// The namespaces that it lives in.
    pub namespaces: Seen<Namespaces>,
    /// The container that its control group names.
    pub container: Seen<Option<String>>,
    /// The systemd unit that its control group names.
    pub unit: Seen<Option<String>>,
}

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Activity {
    /// It runs, or waits for something.
    Alive,
    /// It was stopped by a signal or a debugger: it answers nothing until it is continued.
    Stopped,
    /// It ended and nobody has taken note.
    Ended,
}

/// The namespaces that decide what a process's numbers and paths mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespaces {
    /// Process numbers.
    pub pid: u64,
    /// Paths.
    pub mount: u64,
    /// Ports.
    pub net: u64,
}

/// A variable that may be shown, or the fingerprint of one that may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Variable {
    /// A path, a name, a mark.
    Plain(String),
    /// Anything else: it might be a secret.
    Secret(Fingerprint),
}

/// The variables that OpenClaw looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment(BTreeMap<String, Variable>);

/// Variables that hold no secret. Every other one is kept as a fingerprint.
const PLAIN: [&str; 20] = [
    "HOME",
    "TMPDIR",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_HOME",
    "OPENCLAW_LAUNCHD_LABEL",
    "OPENCLAW_PROFILE",
    "OPENCLAW_SERVICE_KIND",
    "OPENCLAW_SERVICE_MARKER",
    "OPENCLAW_SERVICE_REPAIR_POLICY",
    "OPENCLAW_SERVICE_VERSION",
    "OPENCLAW_STATE_DIR",
    "OPENCLAW_SYSTEMD_UNIT",
    "OPENCLAW_WINDOWS_TASK_NAME",
    "OPENCLAW_NO_AUTO_UPDATE",
    // What pm2 gives to its own.
    "name",
    "pm_id",
];

impl Environment {
    /// Keeps what OpenClaw looks at of `NAME=value` pairs.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let kept = pairs.into_iter().filter(|(name, _)| name.starts_with("OPENCLAW_") || PLAIN.contains(name));
        let kept = kept.map(|(name, value)| {
            let plain = PLAIN.contains(&name);
            let value = if plain { Variable::Plain(value.into()) } else { Variable::Secret(Fingerprint::of(value)) };
            (name.to_owned(), value)
        });
        Self(kept.collect())
    }

    /// The value of a variable that holds no secret.
    pub fn plain(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            Variable::Plain(value) => Some(value),
            Variable::Secret(_) => None,
        }
    }

    /// The fingerprint of a variable that may hold one.
    pub fn secret(&self, name: &str) -> Option<Fingerprint> {
        match self.0.get(name)? {
            Variable::Plain(_) => None,
            Variable::Secret(fingerprint) => Some(*fingerprint),
        }
    }

    /// The same with a variable that holds no secret, where there is a value.
    #[must_use]
    pub fn with(&self, name: &str, value: Option<&str>) -> Self {
        let mut all = self.0.clone();
        all.extend(value.map(|value| (name.to_owned(), Variable::Plain(value.to_owned()))));
        Self(all)
    }

    /// The state folder that a process with this environment uses, unless its arguments say otherwise.
    pub fn state_dir(&self) -> Option<PathBuf> {
        if let Some(folder) = self.plain("OPENCLAW_STATE_DIR") {
            return Some(folder.into());
        }
        let home = self.plain("OPENCLAW_HOME").or_else(|| self.plain("HOME"))?;
        let folder = match self.plain("OPENCLAW_PROFILE").filter(|profile| !profile.is_empty() && *profile != "default")
        {
            Some(profile) => format!(".openclaw-{profile}"),
            None => ".openclaw".into(),
        };
        Some(Path::new(home).join(folder))
    }
}

/// What a process is, by its program and its arguments or title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A gateway.
    Gateway,
    /// OpenClaw's node host: it connects to a gateway and is none.
    NodeHost,
    /// OpenClaw, doing something else.
    OpenClaw,
    /// Another program.
    Program,
}

impl Kind {
    /// Whether a program can be what runs OpenClaw.
    pub fn can_be(exe: &Path) -> bool {
        let runtime = file_name(exe).trim_end_matches(".exe").to_lowercase();
        let is_openclaw = |product: &&str| matches!(runtime.strip_prefix(*product), Some("" | "-gateway"));
        matches!(runtime.as_str(), "node" | "nodejs" | "bun") || PRODUCTS.iter().any(is_openclaw)
    }
}

/// OpenClaw, and what it was called before.
pub(super) const PRODUCTS: [&str; 3] = ["openclaw", "clawdbot", "moltbot"];

/// What OpenClaw's JavaScript starts from, in its folder.
const ENTRIES: [&str; 3] = ["/dist/index.js", "/dist/entry.js", "/dist/index.mjs"];

impl Process {
    /// What it is. A name alone makes nobody a gateway: the program must be one that can run OpenClaw, and the title exactly the one that OpenClaw writes, or
    /// the arguments those of its command.
    ///
    /// # Errors
    /// Why its program or its arguments cannot be seen.
    pub fn kind(&self) -> Result<Kind, crate::Blind> {
        let exe = self.exe.look()?;
        let argv = self.argv.look()?;
        Ok(kind(exe, argv))
    }

    /// Whether it is a gateway as far as can be seen: where its program is hidden, by its arguments.
    pub fn seems_gateway(&self) -> bool {
        let argv = self.argv.known().map(Vec::as_slice).unwrap_or_default();
        let named = argv.first().map(Path::new);
        // The title that a gateway writes hides the program as well.
        let titled = || Path::new("node");
        match self.exe.known().map(PathBuf::as_path) {
            Some(exe) => kind(exe, argv) == Kind::Gateway,
            None => [named, Some(titled())].into_iter().flatten().any(|exe| kind(exe, argv) == Kind::Gateway),
        }
    }

    /// Its program's file, for words.
    pub fn program(&self) -> Option<String> {
        let of_exe = self.exe.known().map(|exe| file_name(exe));
        of_exe.or_else(|| self.name.known().cloned())
    }
}

/// Whether a path begins as those of Windows do.
pub(super) fn is_of_windows(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'\\', ..] if drive.is_ascii_alphabetic()) || path.starts_with(r"\\")
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A path of Windows that was recorded there and is read elsewhere.
    let name = if is_of_windows(&name) { name.rsplit('\\').next().unwrap_or_default().to_owned() } else { name };
    // What the kernel adds when an update replaced the file.
    name.strip_suffix(" (deleted)").map(str::to_owned).unwrap_or(name)
}

pub(super) fn kind(exe: &Path, argv: &[String]) -> Kind {
    if !Kind::can_be(exe) {
        return Kind::Program;
    }
    let written: Vec<&str> = argv.iter().map(String::as_str).filter(|argument| !argument.is_empty()).collect();
    // OpenClaw titles itself by its command.
    if let [title] = written.as_slice()
        && let Some(command) = PRODUCTS.iter().find_map(|product| title.strip_prefix(product))
    {
        match command {
            "-gateway" => return Kind::Gateway,
            "-node" => return Kind::NodeHost,
            _ if command.is_empty() || command.starts_with('-') => return Kind::OpenClaw,
            _ => {}
        }
    }
    let is_entry = |argument: &str| {
        let argument = argument.replace('\\', "/");
        let name = argument.rsplit('/').next().unwrap_or_default();
        let of = |product: &&str| {
            name == *product
                || name.strip_prefix(*product) == Some(".mjs")
                // `dist/index.js` alone is half of the world's programs.
                || (argument.contains(&format!("/{product}/")) && ENTRIES.iter().any(|end| argument.ends_with(end)))
        };
        PRODUCTS.iter().any(of)
    };
    let Some(entry) = written.iter().position(|argument| is_entry(argument)) else { return Kind::Program };
    // Before the entry stand the runtime and its own options.
    if written[1..entry.max(1)].iter().any(|argument| !argument.starts_with('-')) {
        return Kind::Program;
    }
    let mut words = Vec::new();
    let mut rest = written[entry + 1..].iter();
    while let Some(argument) = rest.next() {
        if matches!(*argument, "--profile" | "--port" | "--log-level" | "--container") {
            rest.next();
        } else if !argument.starts_with('-') {
            words.push(*argument);
        }
    }
    match words.as_slice() {
        ["gateway"] | ["gateway", "run" | "start"] => Kind::Gateway,
        ["node", "run" | "start", ..] => Kind::NodeHost,
        _ => Kind::OpenClaw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(exe: &str, argv: &[&str]) -> Kind {
        kind(Path::new(exe), &argv.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_foreground_gateway_is_known_by_its_exact_title() {
        assert_eq!(kind_of("/usr/bin/node", &["openclaw-gateway", "", "", ""]), Kind::Gateway);
        assert_eq!(kind_of("/usr/bin/node (deleted)", &["openclaw-gateway"]), Kind::Gateway);
        assert_eq!(kind_of("/usr/bin/node", &["openclaw", ""]), Kind::OpenClaw);
        assert_eq!(kind_of("/usr/bin/node", &["openclaw-status"]), Kind::OpenClaw);
        assert_eq!(kind_of("/usr/bin/python3.11", &["openclaw-gateway"]), Kind::Program);
    }

    #[test]
    fn a_supervised_gateway_is_known_by_its_arguments() {
        let index = "/opt/lib/node_modules/openclaw/dist/index.js";
        assert_eq!(kind_of("/usr/bin/node", &["/usr/bin/node", index, "gateway", "--port", "18789"]), Kind::Gateway);
        assert_eq!(
            kind_of("/usr/bin/node", &["node", "--max-old-space-size=512", index, "gateway", "run"]),
            Kind::Gateway
        );
        assert_eq!(kind_of("/usr/bin/node", &["node", index, "--profile", "gateway", "status"]), Kind::OpenClaw);
        assert_eq!(kind_of("/usr/bin/node", &["node", "/usr/bin/openclaw", "gateway"]), Kind::Gateway);
        let of_windows = r"C:\Users\claw\AppData\Roaming\npm\node_modules\openclaw\dist\index.js";
        let argv = ["node", of_windows, "gateway", "--port", "18789", "--task-supervisor"];
        assert_eq!(kind_of(r"C:\Program Files\nodejs\node.exe", &argv), Kind::Gateway);
        assert_eq!(kind_of(r"C:\Windows\System32\cmd.exe", &argv), Kind::Program);
    }

    #[test]
    fn a_gateway_of_an_earlier_name_is_known() {
        let index = "/usr/lib/node_modules/clawdbot/dist/entry.js";
        assert_eq!(kind_of("/usr/bin/node", &["node", index, "gateway", "--port", "18789"]), Kind::Gateway);
        assert_eq!(kind_of("/usr/bin/node", &["clawdbot-gateway", ""]), Kind::Gateway);
        assert_eq!(kind_of("/usr/bin/node", &["moltbot-node"]), Kind::NodeHost);
        assert_eq!(kind_of("/usr/bin/node", &["openclaws"]), Kind::Program);
    }

    #[test]
    fn commands_node_hosts_and_look_alikes_are_no_gateways() {
        let index = "/opt/node_modules/openclaw/dist/index.js";
        assert_eq!(kind_of("/usr/bin/node", &["node", index, "node", "run", "--host", "127.0.0.1"]), Kind::NodeHost);
        assert_eq!(kind_of("/usr/bin/node", &["node", index, "gateway", "status", "--deep"]), Kind::OpenClaw);
        assert_eq!(kind_of("/usr/bin/node", &["node", "/srv/shop/dist/index.js", "gateway"]), Kind::Program);
        assert_eq!(kind_of("/usr/bin/node", &["node", "server.js", "/home/a/openclaw", "gateway"]), Kind::Program);
        assert_eq!(kind_of("/usr/bin/vim", &["vim", "/opt/openclaw/openclaw.mjs", "gateway"]), Kind::Program);
        assert_eq!(kind_of("/usr/bin/node", &[]), Kind::Program);
        assert_eq!(kind_of("/usr/bin/node", &["/usr/bin/openclaw", "gateway"]), Kind::Gateway);
    }

    #[test]
    fn a_secret_of_the_environment_is_kept_as_a_fingerprint() {
        let environment = Environment::of([
            ("HOME", "/home/claw"),
            ("OPENCLAW_GATEWAY_TOKEN", "hunter2-hunter2"),
            ("OPENCLAW_FUTURE", "who knows"),
            ("AWS_SECRET_ACCESS_KEY", "not ours"),
        ]);
        assert_eq!(environment.plain("HOME"), Some("/home/claw"));
        assert_eq!(environment.secret("OPENCLAW_GATEWAY_TOKEN"), Some(Fingerprint::of("hunter2-hunter2")));
        let shown = format!("{environment:?}{}", serde_json::to_string(&environment).unwrap());
        for secret in ["hunter2", "who knows", "not ours", "AWS"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }

    #[test]
    fn the_environment_names_the_state_folder() {
        let of = |pairs: &[(&str, &str)]| Environment::of(pairs.iter().copied()).state_dir();
        assert_eq!(of(&[("HOME", "/h")]), Some("/h/.openclaw".into()));
        assert_eq!(of(&[("HOME", "/h"), ("OPENCLAW_PROFILE", "b")]), Some("/h/.openclaw-b".into()));
        assert_eq!(of(&[("HOME", "/h"), ("OPENCLAW_STATE_DIR", "/s")]), Some("/s".into()));
        assert_eq!(of(&[]), None);
    }
}
