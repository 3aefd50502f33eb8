//! The command `openclaw`: found, asked, and told what to do.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use futures_util::future::BoxFuture;
use gateway::config::Validate;
use gateway::place::{Places, Surroundings};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::ID;
use super::foreign::Listed;
use super::search::{Disk, Files, on_this_computer};

/// Longest that one command may take. Its start alone takes up to half a minute on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Most of an error message that is kept, in characters.
const WORDS: usize = 600;

/// OpenClaw cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No such command anywhere.
    #[error("there is no command openclaw")]
    Nowhere,
    /// The path that a person named is no program.
    #[error("{} is not a program", .0.display())]
    NotAProgram(PathBuf),
    /// Nothing says where its files are.
    #[error("neither HOME nor OPENCLAW_STATE_DIR is set")]
    NoHome,
    /// It does not run.
    #[error("OpenClaw does not run")]
    Broken(#[from] RunError),
}

/// A command of OpenClaw did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It cannot be started.
    #[error("cannot start {}", command.display())]
    Start {
        /// Program.
        command: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It did not end.
    #[error("`openclaw {args}` did not end within {patience:?}")]
    Slow {
        /// What it was told.
        args: String,
        /// How long it was waited for.
        patience: Duration,
    },
    /// It says no.
    #[error("`openclaw {args}` failed ({status}): {words}")]
    Failed {
        /// What it was told.
        args: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        words: String,
    },
    /// It says something else than it should.
    #[error("the answer of `openclaw {args}` cannot be read")]
    Unreadable {
        /// What it was told.
        args: String,
        /// Why.
        source: serde_json::Error,
    },
}

/// An OpenClaw of this user.
#[derive(Clone, Debug)]
pub(crate) struct OpenClaw {
    command: PathBuf,
    /// Where its script finds `node`.
    path: OsString,
    pub(super) places: Places,
    /// What it says about itself, for example `2026.9.6`.
    pub(super) version: String,
}

/// What a command said, whether it did its work or not.
pub(super) struct Said {
    pub(super) done: bool,
    pub(super) out: String,
    pub(super) err: String,
}

/// What service managers give to their services, and desktops to every program that they start.
const SUPERVISED: [&str; 10] = [
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LAUNCH_JOB_LABEL",
    "LAUNCH_JOB_NAME",
    "OPENCLAW_LAUNCHD_LABEL",
    "OPENCLAW_SERVICE_KIND",
    "OPENCLAW_SERVICE_MARKER",
    "OPENCLAW_SYSTEMD_UNIT",
    "SYSTEMD_EXEC_PID",
    "XPC_SERVICE_NAME",
];

/// What names the files, the port or the secret of one profile, and of another one wrongly.
const OF_ONE_PROFILE: [&str; 6] = [
    "OPENCLAW_CONFIG_PATH",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_PROFILE",
    "OPENCLAW_STATE_DIR",
];

impl OpenClaw {
    /// Finds the command, asks it for its version and its configuration file. `path`: the `PATH` that it gets; `None`: ours and the usual folders.
    pub(crate) async fn find(named: Option<&Path>, path: Option<&OsStr>) -> Result<Self, FindError> {
        let env = |name: &str| std::env::var_os(name);
        let exists = |path: &Path| path.exists();
        let around = Surroundings { env: &env, exists: &exists };
        let command = match named {
            Some(path) if Disk.is_program(path) => path.to_owned(),
            Some(path) => return Err(FindError::NotAProgram(path.to_owned())),
            None => {
                let found = on_this_computer(None, |computer| computer.search()).into_iter().next();
                found.ok_or(FindError::Nowhere)?.command
            }
        };
        let path = path.map_or_else(|| on_this_computer(None, |computer| computer.search_path()), OsStr::to_owned);
        let path = path_for(&command, path);
        let places = around.places().ok_or(FindError::NoHome)?;
        let mut openclaw = Self { command, path, places, version: String::new() };
        openclaw.version = version_in(&openclaw.run(&["--version"], None).await?);
        if let Some(config) = around.config_in(&openclaw.run(&["config", "file"], None).await?) {
            openclaw.places.config = config;
        }
        Ok(openclaw)
    }

    pub(super) fn command(&self) -> &Path {
        &self.command
    }

    /// Every plugin that has our id or our channel.
    pub(super) async fn plugins_named_like_ours(&self) -> Result<Vec<Listed>, RunError> {
        let args = ["plugins", "list", "--json"];
        let printed = self.run(&args, None).await?;
        let unreadable = |source| RunError::Unreadable { args: args.join(" "), source };
        // Warnings may stand before it.
        let json = printed.find('{').map_or(printed.as_str(), |start| &printed[start..]);
        let value: Value = serde_json::from_str(json).map_err(unreadable)?;
        Ok(listed_like_ours(&value))
    }

    /// Lets OpenClaw install a package, with the confirmations that its version asks for.
    pub(super) async fn install(&self, package: &Path) -> Result<(), RunError> {
        let help = self.run(&["plugins", "install", "--help"], None).await?;
        let mut args = vec![OsStr::new("plugins"), OsStr::new("install"), package.as_os_str()];
        args.extend(install_flags(&help).into_iter().map(OsStr::new));
        self.run(&args, None).await.map(drop)
    }

    pub(super) async fn uninstall(&self) -> Result<(), RunError> {
        let help = self.run(&["plugins", "uninstall", "--help"], None).await?;
        let mut args = vec!["plugins", "uninstall", ID];
        args.extend(flags_in(&help, &["--force"]));
        self.run(&args, None).await.map(drop)
    }

    /// Merges an object into the configuration.
    pub(super) async fn merge(&self, patch: &Value) -> Result<(), RunError> {
        let help = self.run(&["config", "--help"], None).await?;
        if offers_patch(&help) {
            return self.run(&["config", "patch", "--stdin"], Some(&patch.to_string())).await.map(drop);
        }
        let help = self.run(&["config", "set", "--help"], None).await?;
        let strict = flags_in(&help, &["--strict-json", "--json"]).into_iter().next();
        for (path, value) in leaves(patch) {
            let value = value.to_string();
            let args: Vec<&str> = ["config", "set", &path, &value].into_iter().chain(strict).collect();
            self.run(&args, None).await?;
        }
        Ok(())
    }

    /// `openclaw WORD…`, as a plan shows it.
    pub(crate) async fn tell(&self, words: &[&str]) -> Result<(), RunError> {
        self.run(words, None).await.map(drop)
    }

    /// `openclaw WORD…`, for the words that it says. No is an answer too.
    pub(super) async fn say(&self, words: &[&str]) -> Result<Said, RunError> {
        self.output(words, None, None, PATIENCE).await.map(|output| Said {
            done: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// `openclaw gateway WORD`, with those of the flags that this release knows. Its service may take `patience` to end.
    pub(crate) async fn gateway_service(
        &self,
        word: &str,
        flags: &[&'static str],
        patience: Duration,
    ) -> Result<(), RunError> {
        let known = match flags {
            [] => Vec::new(),
            flags => flags_in(&self.run(&["gateway", word, "--help"], None).await?, flags),
        };
        let args: Vec<&str> = ["gateway", word].into_iter().chain(known).collect();
        self.run_within(&args, None, None, patience).await.map(drop)
    }

    /// Opens the dashboard in the browser, with a link that signs in.
    pub(crate) async fn dashboard(&self) -> Result<(), RunError> {
        self.run(&["dashboard"], None).await.map(drop)
    }

    /// What it says about the dashboard without opening it: JSON with a link that signs in, where the version has that, else its words.
    pub(crate) async fn dashboard_told(&self) -> Result<Zeroizing<String>, RunError> {
        let help = self.run(&["dashboard", "--help"], None).await?;
        let flag = flags_in(&help, &["--json"]).into_iter().next().unwrap_or("--no-open");
        self.run(&["dashboard", flag], None).await.map(Zeroizing::new)
    }

    /// Asks whether it would accept this file as its configuration.
    async fn check(&self, candidate: &Path) -> Result<(), RunError> {
        self.run_with(&["config", "validate"], None, Some(candidate)).await.map(drop)
    }

    async fn run<A: AsRef<OsStr>>(&self, args: &[A], input: Option<&str>) -> Result<String, RunError> {
        self.run_with(args, input, None).await
    }

    /// `config`: instead of its own configuration.
    async fn run_with<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        input: Option<&str>,
        config: Option<&Path>,
    ) -> Result<String, RunError> {
        self.run_within(args, input, config, PATIENCE).await
    }

    async fn run_within<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        input: Option<&str>,
        config: Option<&Path>,
        patience: Duration,
    ) -> Result<String, RunError> {
        let done = self.output(args, input, config, patience).await?;
        let out = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() {
            return Ok(out);
        }
        let words = end_of(&format!("{out}\n{}", String::from_utf8_lossy(&done.stderr)));
        Err(RunError::Failed { args: shown(args), status: done.status, words })
    }

    async fn output<A: AsRef<OsStr>>(
        &self,
        args: &[A],
        input: Option<&str>,
        config: Option<&Path>,
        patience: Duration,
    ) -> Result<Output, RunError> {
        let start = |source| RunError::Start { command: self.command.clone(), source };
        let mut command = Command::new(&self.command);
        command.args(args).env("NO_COLOR", "1").env("PATH", &self.path).kill_on_drop(true);
        // OpenClaw takes whoever has one of these for a service, which its manager starts again.
        for name in SUPERVISED {
            command.env_remove(name);
        }
        if args.first().is_some_and(|first| first.as_ref() == "--profile") {
            for name in OF_ONE_PROFILE {
                command.env_remove(name);
            }
        }
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(config.map(|config| ("OPENCLAW_CONFIG_PATH", config)));
        #[cfg(windows)]
        command.creation_flags(0x0800_0000); // CREATE_NO_WINDOW
        let mut child = command.spawn().map_err(start)?;
        let work = async move {
            if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
                // One that ends without reading says why in its status.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
            child.wait_with_output().await
        };
        let done = tokio::time::timeout(patience, work).await;
        done.map_err(|_| RunError::Slow { args: shown(args), patience })?.map_err(start)
    }
}

fn shown<A: AsRef<OsStr>>(args: &[A]) -> String {
    args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Its own opinion of what would be its configuration.
impl Validate for OpenClaw {
    fn validate<'a>(&'a self, candidate: &'a Path) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self.check(candidate).await.map_err(|error| crate::failure::chain(&error)) })
    }
}

/// The same of an OpenClaw that is found when it is asked for.
#[derive(Debug)]
pub(crate) struct Validator;

impl Validate for Validator {
    fn validate<'a>(&'a self, candidate: &'a Path) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let openclaw = OpenClaw::find(None, None).await.map_err(|error| crate::failure::chain(&error))?;
            openclaw.validate(candidate).await
        })
    }
}

/// A script that stands beside its `node` finds that one first, unless the person's own `PATH` has the folder already and so decides.
fn path_for(command: &Path, path: OsString) -> OsString {
    let Some(folder) = command.parent().filter(|folder| folder.is_absolute()) else { return path };
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if folders.iter().any(|known| known == folder) {
        return path;
    }
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(folders)).unwrap_or(path)
}

/// `OpenClaw 2026.9.6 (eb377ac)`.
fn version_in(printed: &str) -> String {
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.');
    printed.split_whitespace().find(is_version).unwrap_or("unknown").to_owned()
}

/// The confirmations that this version knows. We ask the person ourselves, before.
fn install_flags(help: &str) -> Vec<&'static str> {
    flags_in(help, &["--force", "--accept-capabilities"])
}

fn flags_in(help: &str, wanted: &[&'static str]) -> Vec<&'static str> {
    let known: Vec<&str> = help.split(|letter: char| letter.is_whitespace() || letter == ',').collect();
    wanted.iter().copied().filter(|flag| known.contains(flag)).collect()
}

fn offers_patch(help: &str) -> bool {
    help.lines().any(|line| line.split_whitespace().next() == Some("patch"))
}

fn listed_like_ours(value: &Value) -> Vec<Listed> {
    let plugins = value["plugins"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_like_ours = |plugin: &&Value| {
        plugin["id"] == ID || plugin["channelIds"].as_array().is_some_and(|ids| ids.iter().any(|id| id == ID))
    };
    plugins
        .iter()
        .filter(is_like_ours)
        .map(|plugin| Listed {
            id: plugin["id"].as_str().unwrap_or_default().to_owned(),
            root: plugin["rootDir"].as_str().or(plugin["source"].as_str()).map(PathBuf::from),
        })
        .collect()
}

/// The values of an object and their paths with dots, in order.
fn leaves(value: &Value) -> Vec<(String, Value)> {
    let Value::Object(keys) = value else { return vec![(String::new(), value.clone())] };
    let mut found = Vec::new();
    for (key, inner) in keys {
        for (path, leaf) in leaves(inner) {
            found.push((if path.is_empty() { key.clone() } else { format!("{key}.{path}") }, leaf));
        }
    }
    found
}

/// The last characters, where programs say what went wrong.
fn end_of(text: &str) -> String {
    let text = text.trim();
    let skip = text.chars().count().saturating_sub(WORDS);
    text.chars().skip(skip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HELP_2026_9_6: &str = "Options:\n  --accept-capabilities                 Accept the plugin's declared\n                                        capabilities (default: false)\n  --force                               Confirm non-ClawHub sources and\n  -l, --link                            Link a local path instead of copying\n";
    const HELP_2026_7_35: &str = "Options:\n  --acknowledge-clawhub-risk          Acknowledge ClawHub release trust warnings\n  --force                             Overwrite an existing installed plugin or\n";

    #[test]
    fn only_flags_that_the_version_knows_are_used() {
        assert_eq!(install_flags(HELP_2026_9_6), ["--force", "--accept-capabilities"]);
        assert_eq!(install_flags(HELP_2026_7_35), ["--force"]);
        assert_eq!(install_flags("Options:\n  --force-unsafe  no\n"), Vec::<&str>::new());
        assert!(offers_patch("Commands:\n  get      Get\n  patch    Patch config from\n"));
        assert!(!offers_patch("Commands:\n  get      Get, patch nothing\n"));
    }

    #[test]
    fn the_version_is_found_in_its_words() {
        assert_eq!(version_in("OpenClaw 2026.9.6 (eb377ac)\n"), "2026.9.6");
        assert_eq!(version_in("2026.4.29\n"), "2026.4.29");
        assert_eq!(version_in("who knows"), "unknown");
    }

    #[test]
    fn a_plugin_is_like_ours_by_id_or_by_channel() {
        let list = json!({ "plugins": [
            { "id": "discord", "rootDir": "/d", "channelIds": ["discord"] },
            { "id": ID, "rootDir": "/s/extensions/x", "channelIds": [ID] },
            { "id": "smartpi-official", "source": "/v/index.js", "channelIds": [ID] },
        ] });
        let found: Vec<_> = listed_like_ours(&list).into_iter().map(|listed| (listed.id, listed.root)).collect();
        assert_eq!(
            found,
            [
                (ID.to_owned(), Some("/s/extensions/x".into())),
                ("smartpi-official".to_owned(), Some("/v/index.js".into()))
            ]
        );
        assert!(listed_like_ours(&json!({})).is_empty());
    }

    #[test]
    fn an_older_version_gets_the_same_values_one_by_one() {
        let patch = super::super::config::patch("/d/link.key");
        let leaves = leaves(&patch);
        assert_eq!(
            leaves,
            [
                (format!("channels.{ID}.enabled"), json!(true)),
                (format!("channels.{ID}.linkKeyFile"), json!("/d/link.key")),
            ]
        );
    }

    #[test]
    fn of_long_words_the_end_is_kept() {
        let long = format!("{}the end", "字".repeat(2 * WORDS));
        assert!(end_of(&long).ends_with("the end"));
        assert_eq!(end_of(&long).chars().count(), WORDS);
        assert_eq!(end_of(" short \n"), "short");
    }
}
