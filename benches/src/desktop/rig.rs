//! A desktop for one application: a screen that nobody sees, a session bus with nothing on it but what is named here, a keyring, a tray.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use super::candidate::Candidate;
use super::footprint::{self, Process};
use super::tray_watcher::TrayWatcher;
use crate::peer::Place;
use crate::process::quiet_port;

const PROMPTER: &str = "/usr/libexec/gcr-prompter";
const SECRETS: &str = "org.freedesktop.secrets";
/// Whatever is waited for is there by then, on a slow machine too. Longer than the 25 s that D-Bus waits for a dead service.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// What is wrong with the desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// The portal is started when somebody asks for it, and never answers.
    DeadPortal,
    /// The keyring is locked; who asks for a secret makes a window that waits for a password.
    LockedKeyring,
}

impl Trouble {
    pub(super) const ALL: [Self; 3] = [Self::None, Self::DeadPortal, Self::LockedKeyring];

    /// In tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "as it should be",
            Self::DeadPortal => "a desktop portal that never answers",
            Self::LockedKeyring => "a locked keyring",
        }
    }
}

/// The home of a person who has one application. It outlives the desktops.
#[derive(Debug)]
pub(super) struct Home {
    candidate: Candidate,
    folder: TempDir,
    program: PathBuf,
    /// Where ours accepts devices.
    pub(super) port: u16,
}

impl Home {
    /// On the disk that is measured.
    pub(super) fn new(candidate: Candidate, place: &Place) -> anyhow::Result<Self> {
        let folder = TempDir::new_in(&place.disk)?;
        let config = folder.path().join("config");
        fs::create_dir(&config)?;
        let port = quiet_port()?;
        candidate.configure(&config, port)?;
        Ok(Self { candidate, folder, program: candidate.program(place), port })
    }

    pub(super) fn candidate(&self) -> Candidate {
        self.candidate
    }

    /// What all applications and keyrings of this home said so far.
    fn log(&self) -> std::io::Result<File> {
        File::options().create(true).append(true).open(self.folder.path().join("log"))
    }
}

/// A running desktop. Everything in it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Desktop<'a> {
    home: &'a Home,
    /// `XDG_RUNTIME_DIR`; also what tells this desktop's processes from all others.
    runtime: TempDir,
    display: String,
    bus: String,
    watcher: TrayWatcher,
    parts: Vec<Part>,
}

/// A program of the desktop itself, killed when dropped.
#[derive(Debug)]
struct Part(Child);

impl Drop for Part {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

impl<'a> Desktop<'a> {
    pub(super) fn start(home: &'a Home, trouble: Trouble) -> anyhow::Result<Self> {
        let runtime = tempfile::Builder::new().prefix("bench-").tempdir()?;
        let mut screen = part("Xvfb", "xvfb")?;
        screen.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1280x900x24"]);
        let (screen, number) = first_line(screen.stderr(Stdio::null()), "Xvfb")?;
        let display = format!(":{number}");

        let mut daemon = part("dbus-daemon", "dbus-daemon")?;
        dress(&mut daemon, home, runtime.path(), &display);
        daemon.arg(format!("--config-file={}", bus_config(home.candidate, trouble, runtime.path())?.display()));
        daemon.args(["--nofork", "--nopidfile", "--print-address=1"]).stderr(home.log()?);
        let (daemon, bus) = first_line(&mut daemon, "dbus-daemon")?;
        ensure!(bus.starts_with("unix:"), "dbus-daemon ended without an address");

        let watcher = TrayWatcher::start(&bus)?;
        let mut desktop = Self { home, runtime, display, bus, watcher, parts: vec![screen, daemon] };
        match trouble {
            Trouble::None | Trouble::DeadPortal => desktop.start_keyring(true)?,
            Trouble::LockedKeyring => {
                // The person made it in an earlier session.
                desktop.start_keyring(true)?;
                desktop.parts.pop();
                until("the end of the earlier keyring", || Ok(!desktop.watcher.has(SECRETS)?))?;
                desktop.start_keyring(false)?;
            }
        }
        Ok(desktop)
    }

    fn start_keyring(&mut self, unlock: bool) -> anyhow::Result<()> {
        let mut daemon = part("gnome-keyring-daemon", "gnome-keyring")?;
        self.dress(&mut daemon);
        daemon.args(["--foreground", "--components=secrets"]).args(unlock.then_some("--unlock"));
        daemon.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(self.home.log()?);
        let mut daemon = Part(daemon.spawn().context("cannot start gnome-keyring-daemon")?);
        let mut password = daemon.0.stdin.take().context("gnome-keyring-daemon has no input")?;
        // Closed behind it: it reads to the end.
        password.write_all(b"a password that nobody types")?;
        drop(password);
        self.parts.push(daemon);
        until("the keyring", || self.watcher.has(SECRETS))
    }

    /// Runs a program as the person does.
    fn dress(&self, command: &mut Command) {
        dress(command, self.home, self.runtime.path(), &self.display);
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.bus);
    }

    /// The application's own command line on this desktop, with these words.
    pub(super) fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.home.program);
        self.dress(&mut command);
        command.args(arguments).stdin(Stdio::null()).stdout(self.home.log()?).stderr(self.home.log()?);
        Ok(command)
    }

    pub(super) fn home(&self) -> &'a Home {
        self.home
    }

    pub(super) fn watcher(&self) -> &TrayWatcher {
        &self.watcher
    }

    /// The application's processes, and those that the bus started for it.
    pub(super) fn processes(&self) -> anyhow::Result<Vec<Process>> {
        let rig: Vec<u32> = self.parts.iter().map(|part| part.0.id()).collect();
        footprint::marked(&mark(self.runtime.path()), &rig)
    }

    /// What was said last, for an error.
    pub(super) fn last_words(&self) -> String {
        let said = fs::read_to_string(self.home.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Desktop<'_> {
    fn drop(&mut self) {
        // The fields follow: bus and screen, and with them whoever holds on to those.
        for process in self.processes().unwrap_or_default() {
            process.signal(Signal::KILL);
        }
    }
}

/// Polls until it is so.
pub(super) fn until(what: &str, mut so: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let end = Instant::now() + LIMIT;
    while !so()? {
        if Instant::now() > end {
            bail!("not there after {LIMIT:?}: {what}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A bench that is killed takes its desktop along.
fn part(program: &str, package: &str) -> anyhow::Result<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    ensure!(there, "{program} is not there: install the package {package}");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]).stdin(Stdio::null());
    Ok(command)
}

fn first_line(command: &mut Command, name: &str) -> anyhow::Result<(Part, String)> {
    let mut part = Part(command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?);
    let mut line = String::new();
    BufReader::new(part.0.stdout.take().context("no output")?).read_line(&mut line)?;
    ensure!(!line.trim().is_empty(), "{name} ended at once");
    Ok((part, line.trim().to_owned()))
}

fn mark(runtime: &Path) -> String {
    format!("XDG_RUNTIME_DIR={}", runtime.display())
}

/// The environment of a person's session, and nothing of the bench's own.
fn dress(command: &mut Command, home: &Home, runtime: &Path, display: &str) {
    let folder = home.folder.path();
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").env("LANG", "C.UTF-8");
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", runtime).env("DISPLAY", display);
    for (variable, name) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_CACHE_HOME", "cache"),
    ] {
        command.env(variable, folder.join(name));
    }
}

/// A bus that starts nothing but what is named in a folder of its own.
fn bus_config(candidate: Candidate, trouble: Trouble, runtime: &Path) -> anyhow::Result<PathBuf> {
    let services = runtime.join("services");
    fs::create_dir(&services)?;
    let starts = |name: &str, program: &str| {
        let text = format!("[D-BUS Service]\nName={name}\nExec={program}\n");
        fs::write(services.join(format!("{name}.service")), text)
    };
    match trouble {
        Trouble::None => {}
        Trouble::DeadPortal => starts("org.freedesktop.portal.Desktop", "/bin/sleep 300")?,
        Trouble::LockedKeyring => {
            ensure!(Path::new(PROMPTER).is_file(), "{PROMPTER} is not there: install the package gcr");
            starts("org.gnome.keyring.SystemPrompter", PROMPTER)?;
        }
    }
    if let Some(service) = candidate.service() {
        let service = Path::new(service);
        let name = service.file_name().context("a service has a name")?;
        fs::copy(service, services.join(name)).with_context(|| format!("cannot read {}", service.display()))?;
    }
    let config = runtime.join("bus.conf");
    let text = format!(
        r#"<busconfig>
  <type>session</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        runtime.join("bus").display(),
        services.display(),
    );
    fs::write(&config, text)?;
    Ok(config)
}
