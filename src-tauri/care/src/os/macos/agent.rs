//! Agents and daemons of launchd: what their files say, and what `launchctl print` says of them.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};

use crate::survey::{Environment, Manager, Phase, Scope, Service, Starts};

/// What ends the name of the script by which OpenClaw hands the variables to its agent.
const WRAPPER: &str = "-env-wrapper.sh";

/// Before each variable.
const EXPORT: &str = "export ";

/// What launchd knows of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Its word: `running`, `not running`, `waiting`, `spawn scheduled`.
    state: String,
    /// Its process.
    pub(super) pid: Option<u32>,
    /// How often it was started since it was loaded.
    runs: u32,
    /// The status that it ended with the last time.
    exit: Option<i32>,
}

impl Loaded {
    /// Of what `launchctl print DOMAIN/LABEL` writes. Its inner parts have words of the same names.
    pub(super) fn read(text: &str) -> Self {
        let mut loaded = Self::default();
        let mut depth = 0_usize;
        for line in text.lines().map(str::trim) {
            if line.ends_with('{') {
                depth += 1;
            } else if line == "}" {
                depth = depth.saturating_sub(1);
            } else if let (1, Some((name, value))) = (depth, line.split_once(" = ")) {
                // After the number may stand its meaning: `78: EX_CONFIG`.
                let number = value.split(':').next().unwrap_or_default();
                match name {
                    "state" => loaded.state = value.to_owned(),
                    "pid" => loaded.pid = number.parse().ok().filter(|pid| *pid > 1),
                    "runs" => loaded.runs = number.parse().unwrap_or_default(),
                    "last exit code" | "last exit status" => loaded.exit = number.parse().ok(),
                    _ => {}
                }
            }
        }
        loaded
    }
}

/// The labels that `launchctl print-disabled` says are kept from starting.
pub(super) fn disabled(text: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let (label, how) = line.trim().strip_prefix('"')?.split_once("\" => ")?;
        // As systems before macOS 13 say it.
        matches!(how, "disabled" | "true").then(|| label.to_owned())
    };
    text.lines().filter_map(of_line).collect()
}

/// What a file of launchd says. `None`: it is none.
pub(super) struct Agent {
    pub(super) label: String,
    argv: Vec<String>,
    environment: Environment,
    gone: Vec<PathBuf>,
    user: String,
    keep_alive: bool,
    run_at_load: bool,
    disabled: bool,
    stop_takes_ms: Option<u64>,
}

impl Agent {
    /// `read`: the text of a file; `exists`: asked for each whole path.
    pub(super) fn read(
        bytes: &[u8],
        read: impl Fn(&Path) -> Option<String>,
        exists: impl Fn(&Path) -> bool,
    ) -> Option<Self> {
        let file = Value::from_reader(Cursor::new(bytes)).ok()?.into_dictionary()?;
        let text = |name: &str| file.get(name).and_then(Value::as_string).map(str::to_owned);
        let is_set = |name: &str| file.get(name).and_then(Value::as_boolean);
        let mut argv = words(&file);
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in file.get("EnvironmentVariables").and_then(Value::as_dictionary).into_iter().flatten() {
            pairs.extend(value.as_string().map(|value| (name.clone(), value.to_owned())));
        }
        let mut gone = Vec::new();
        // The shell, the script, the variables, and then OpenClaw's own words.
        if let Some(at) = argv.iter().take(2).position(|word| word.ends_with(WRAPPER))
            && let Some(variables) = argv.get(at + 1).map(PathBuf::from)
        {
            let needed = [PathBuf::from(&argv[at]), variables.clone()];
            gone.extend(needed.into_iter().filter(|path| !exists(path)));
            pairs.extend(exported(&read(&variables).unwrap_or_default()));
            argv.drain(..at + 2);
        }
        gone.extend(Service::gone(&argv, exists));
        // Conditions under which it is kept alive count as well.
        let keep_alive = is_set("KeepAlive").unwrap_or_else(|| file.contains_key("KeepAlive"));
        let seconds = file.get("ExitTimeOut").and_then(Value::as_unsigned_integer);
        Some(Self {
            label: text("Label")?,
            argv,
            environment: Environment::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
            gone,
            user: text("UserName").unwrap_or_default(),
            keep_alive,
            run_at_load: is_set("RunAtLoad").unwrap_or_default(),
            disabled: is_set("Disabled").unwrap_or_default(),
            stop_takes_ms: seconds.map(|seconds| seconds.saturating_mul(1000)),
        })
    }

    /// The service, as far as its file alone says. It rests as long as launchd does not say otherwise.
    pub(super) fn service(self, scope: Scope, path: &Path) -> Service {
        let starts =
            if self.disabled || !(self.run_at_load || self.keep_alive) { Starts::OnDemand } else { Starts::ByItself };
        Service {
            unit: self.label,
            manager: Manager::Launchd,
            scope,
            path: Some(path.to_owned()),
            sealed: false,
            drop_ins: Vec::new(),
            argv: self.argv,
            environment: self.environment,
            user: self.user,
            gone: self.gone,
            release: None,
            port: None,
            state_dir: None,
            phase: Phase::Stopped,
            starts,
            result: "success".into(),
            exit_status: None,
            brought_back: self.keep_alive,
            restarts: 0,
            main: None,
            started_ms: None,
            stop_takes_ms: self.stop_takes_ms,
            outdated: false,
        }
    }
}

impl Service {
    /// The same with what launchd knows of it. `None`: it is not loaded.
    pub(super) fn told_by(mut self, loaded: Option<&Loaded>, disabled: bool) -> Self {
        if disabled {
            self.starts = Starts::OnDemand;
        }
        let Some(loaded) = loaded else { return self };
        let failed = loaded.exit.is_some_and(|status| status != 0);
        self.phase = if loaded.pid.is_some() || loaded.state == "running" {
            Phase::Running
        } else if loaded.state == "spawn scheduled" || (self.brought_back && loaded.runs > 0) {
            Phase::Restarting
        } else if failed {
            Phase::Failed
        } else {
            Phase::Stopped
        };
        self.main = loaded.pid;
        self.restarts = loaded.runs.saturating_sub(1);
        self.exit_status = loaded.exit.filter(|status| *status != 0 && loaded.pid.is_none());
        if self.exit_status.is_some() {
            self.result = "exit-code".into();
        }
        self
    }
}

fn words(file: &Dictionary) -> Vec<String> {
    let program = || file.get("Program").and_then(Value::as_string).map(str::to_owned);
    match file.get("ProgramArguments").and_then(Value::as_array) {
        Some(words) => words.iter().filter_map(Value::as_string).map(str::to_owned).collect(),
        None => program().into_iter().collect(),
    }
}

/// `export NAME='value'` of OpenClaw's own file, where a value may go over lines and `'\''` is one quote.
fn exported(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some(line) = rest.lines().next() {
        rest = match line.strip_prefix(EXPORT).and_then(|line| line.split_once('=')) {
            Some((name, _)) => {
                let begun = &rest[EXPORT.len() + name.len() + 1..];
                let (value, end) = unquoted(begun);
                pairs.push((name.to_owned(), value));
                &begun[end..]
            }
            None => &rest[line.len()..],
        };
        rest = rest.trim_start_matches(['\r', '\n']);
    }
    pairs
}

/// A value of a shell, and where it ends.
fn unquoted(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut quoted = false;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' => quoted = !quoted,
            '\\' if !quoted => value.extend(letters.next().map(|(_, letter)| letter)),
            '\n' if !quoted => return (value, at),
            _ => value.push(letter),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::survey::Place;

    const PLIST: &[u8] = include_bytes!("../../../written-by-openclaw/ai.openclaw.gateway-2026.9.6.plist");
    const VARIABLES: &str = include_str!("../../../written-by-openclaw/ai.openclaw.gateway-2026.9.6.env");
    const OF_PROFILE: &[u8] = include_bytes!("../../../written-by-openclaw/ai.openclaw.b-2026.9.6.plist");
    const VARIABLES_OF_PROFILE: &str = include_str!("../../../written-by-openclaw/ai.openclaw.b-2026.9.6.env");
    const RUNNING: &str = include_str!("../../../constructed-from-docs/launchctl-print-running.txt");
    const CRASHING: &str = include_str!("../../../constructed-from-docs/launchctl-print-crashing.txt");

    fn place() -> Place {
        Place {
            port: 18_789,
            state_dir: "/Users/claw/.openclaw".into(),
            config_path: "/Users/claw/.openclaw/openclaw.json".into(),
            temp_dirs: Vec::new(),
        }
    }

    fn agent(bytes: &[u8], variables: &str) -> Service {
        let read = |path: &Path| path.to_str().is_some_and(|path| path.ends_with(".env")).then(|| variables.to_owned());
        let path = Path::new("/Users/claw/Library/LaunchAgents/x.plist");
        let mut service = Agent::read(bytes, read, |_| true).unwrap().service(Scope::User, path);
        service.settle(&place(), Some(Path::new("/Users/claw")));
        service
    }

    #[test]
    fn the_agent_that_openclaw_writes_is_read_through_its_script() {
        let seen = agent(PLIST, VARIABLES);
        assert_eq!(seen.unit, "ai.openclaw.gateway");
        let index = "/opt/homebrew/lib/node_modules/openclaw/dist/index.js";
        assert_eq!(seen.argv, ["/opt/homebrew/bin/node", index, "gateway", "--port", "18789"]);
        assert_eq!((seen.port, seen.state_dir.as_deref()), (Some(18_789), Some(Path::new("/Users/claw/.openclaw"))));
        assert!(seen.is_gateway() && seen.is_ordinary() && seen.brought_back && !seen.is_legacy());
        assert_eq!((seen.phase, seen.starts, seen.stop_takes_ms), (Phase::Stopped, Starts::ByItself, Some(20_000)));
        let secret = Fingerprint::of("not a real token's");
        assert_eq!(seen.environment.secret("OPENCLAW_GATEWAY_TOKEN"), Some(secret));
        assert!(!format!("{seen:?}").contains("real token"));
    }

    #[test]
    fn the_agent_of_a_profile_has_its_own_port_and_state() {
        let seen = agent(OF_PROFILE, VARIABLES_OF_PROFILE);
        assert_eq!((seen.unit.as_str(), seen.port), ("ai.openclaw.b", Some(18_790)));
        assert_eq!(seen.state_dir.as_deref(), Some(Path::new("/Users/claw/.openclaw-b")));
        assert!(seen.is_gateway() && !seen.is_ordinary());
    }

    #[test]
    fn what_an_agent_needs_and_is_gone_is_named_with_its_script() {
        let gone = |which: &str| {
            let missing = |path: &Path| !path.to_string_lossy().ends_with(which);
            Agent::read(PLIST, |_| None, missing).unwrap().gone
        };
        assert_eq!(gone("index.js"), [PathBuf::from("/opt/homebrew/lib/node_modules/openclaw/dist/index.js")]);
        let variables = "/Users/claw/.openclaw/service-env/ai.openclaw.gateway.env";
        assert_eq!(gone(".env"), [PathBuf::from(variables)]);
        assert_eq!(gone("nothing of this name"), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_value_may_have_quotes_and_lines() {
        let text = "# by hand\nexport A='one'\\''s'\nexport B='two\nlines'\nexport C=''\nexport D='last'";
        let expected = [("A", "one's"), ("B", "two\nlines"), ("C", ""), ("D", "last")];
        assert_eq!(exported(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_launchd_says_becomes_how_the_service_does() {
        let running = agent(PLIST, VARIABLES).told_by(Some(&Loaded::read(RUNNING)), false);
        assert_eq!((running.phase, running.main, running.restarts), (Phase::Running, Some(631), 0));
        assert_eq!(running.exit_status, None);
        let crashing = agent(PLIST, VARIABLES).told_by(Some(&Loaded::read(CRASHING)), false);
        assert_eq!((crashing.phase, crashing.main, crashing.restarts), (Phase::Restarting, None, 41));
        assert_eq!((crashing.exit_status, crashing.result.as_str()), (Some(78), "exit-code"));
        let absent = agent(PLIST, VARIABLES).told_by(None, true);
        assert_eq!((absent.phase, absent.starts), (Phase::Stopped, Starts::OnDemand));
        // One that is not brought back stays as it ended.
        let once = Service { brought_back: false, ..agent(PLIST, VARIABLES) };
        let ended = Loaded { state: "not running".into(), runs: 1, exit: Some(1), pid: None };
        assert_eq!(once.told_by(Some(&ended), false).phase, Phase::Failed);
    }

    #[test]
    fn the_services_that_are_kept_from_starting_are_named() {
        let text = "\n\tdisabled services = {\n\t\t\"ai.openclaw.gateway\" => disabled\n\t\t\"com.apple.x\" => enabled\n\t\t\"old.true\" => true\n\t\t\"old.false\" => false\n\t}\n";
        assert_eq!(disabled(text), ["ai.openclaw.gateway", "old.true"]);
    }

    #[test]
    fn what_is_no_file_of_launchd_is_none() {
        for bytes in [b"".as_slice(), b"<plist><array/></plist>", b"bplist00", b"not a plist"] {
            assert!(Agent::read(bytes, |_| None, |_| true).is_none());
        }
    }
}
