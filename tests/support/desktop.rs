//! A person's desktop inside a network namespace: a screen, a D-Bus session, a home, and of the rest only what a story asks for.
//!
//! Needs the programs that .ci/packages names for `test`; a missing one fails the story. Everything that runs here ends with the [`Desktop`].

mod bus;
mod display;
mod keyring;
mod menu;
mod notifications;
mod panel;
mod tray_host;
mod window;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

pub use bus::{Activated, SessionBus};
pub use display::Display;
pub use keyring::Keyring;
pub use menu::MenuItem;
pub use notifications::{Notification, NotificationDaemon};
pub use panel::Panel;
pub use tray_host::{Icon, TrayHost};
pub use window::Window;

use crate::lab::Namespace;
use crate::process::{Group, installed};
use crate::wait;

/// Width and height of the screen.
pub const SCREEN: (u32, u32) = (1280, 900);
/// Parts of a desktop are there within this time, on a busy machine too.
pub const LIMIT: Duration = Duration::from_secs(30);
/// Lines of each log that a failed story prints.
const LOG_LINES: usize = 60;

/// What a desktop has beside a screen, a window manager and a session bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outfit {
    /// Its Secret Service.
    pub keyring: Keyring,
    /// A portal service that is started when asked for, and never answers.
    pub dead_portal: bool,
    /// `zh_CN.UTF-8` or another locale.
    pub locale: &'static str,
    /// Whether the person likes it dark.
    pub dark: bool,
}

impl Default for Outfit {
    fn default() -> Self {
        Self { keyring: Keyring::Absent, dead_portal: false, locale: "en_US.UTF-8", dark: false }
    }
}

/// A running desktop.
#[derive(Debug)]
pub struct Desktop<'a> {
    place: &'a Namespace,
    // In this order they end.
    _keyring: Option<Group>,
    manager: Group,
    bus: SessionBus,
    display: Display,
    outfit: Outfit,
    home: Home,
}

/// The folders of the person.
#[derive(Debug)]
struct Home(TempDir);

impl<'a> Desktop<'a> {
    /// Starts one in `place`.
    ///
    /// # Errors
    /// A program that is not installed or does not come up, by name.
    pub fn start(place: &'a Namespace, outfit: Outfit) -> Result<Self> {
        let home = Home::make(&outfit)?;
        let logged = |mut command: Command, name: &str| {
            command.stderr(home.log(name).map_or_else(|_| Stdio::null(), Stdio::from));
            command
        };
        let display = Display::start(|server| logged(home.command(place, &outfit, server), "Xvfb"), SCREEN)?;
        let mut services = outfit.keyring.services();
        if outfit.dead_portal {
            services.push(Activated { name: "org.freedesktop.portal.Desktop", exec: "/bin/sleep 100000".into() });
        }
        services.extend(panel::services());
        let on_screen = |program: &Path| {
            let mut command = home.command(place, &outfit, program);
            command.env("DISPLAY", display.name());
            command
        };
        let bus = SessionBus::start(|daemon| logged(on_screen(daemon), "dbus-daemon"), &home.run(), &services)?;
        let mut openbox = on_screen(&installed("openbox", "openbox")?);
        openbox.args(["--sm-disable"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(home.log("openbox")?);
        let manager = Group::start(openbox.env("DBUS_SESSION_BUS_ADDRESS", bus.address()))?;
        let mut desktop = Self { place, _keyring: None, manager, bus, display, outfit, home };
        let mut seen = String::new();
        wait::until(LIMIT, "a window manager", || {
            let shown = desktop.command("xprop", "x11-utils")?.args(["-root", "_NET_SUPPORTING_WM_CHECK"]).output()?;
            seen = String::from_utf8_lossy(&[shown.stdout, shown.stderr].concat()).into_owned();
            ensure!(desktop.manager.ended()?.is_none(), "openbox ended: {}", desktop.log("openbox"));
            Ok(seen.contains("window id"))
        })
        .with_context(|| format!("on {}: {seen}", desktop.display.name()))?;
        desktop._keyring = outfit.keyring.start(&desktop)?;
        Ok(desktop)
    }

    /// The namespace that everything runs in.
    #[must_use]
    pub fn place(&self) -> &'a Namespace {
        self.place
    }

    /// Its session bus.
    #[must_use]
    pub fn bus(&self) -> &SessionBus {
        &self.bus
    }

    /// What it was started with.
    #[must_use]
    pub fn outfit(&self) -> Outfit {
        self.outfit
    }

    /// `HOME`.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.home.home()
    }

    /// `XDG_CONFIG_HOME`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.home().join(".config")
    }

    /// `XDG_DATA_HOME`.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home().join(".local/share")
    }

    /// A command for an installed program of this package, in this desktop.
    ///
    /// # Errors
    /// It is not installed.
    pub fn command(&self, program: &str, package: &str) -> Result<Command> {
        Ok(self.command_at(&installed(program, package)?))
    }

    /// As [`Desktop::command`], for a program that lies at `path`.
    #[must_use]
    pub fn command_at(&self, path: &Path) -> Command {
        let mut command = self.home.command(self.place, &self.outfit, path);
        command.env("DISPLAY", self.display.name()).env("DBUS_SESSION_BUS_ADDRESS", self.bus.address());
        command.stdin(Stdio::null());
        command
    }

    /// Starts a command of [`Desktop::command`]; what it prints goes to the log of this name, which a failed story shows.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, name: &str, command: &mut Command) -> Result<Group> {
        let log = self.home.log(name)?;
        Group::start(command.stdout(log.try_clone()?).stderr(log))
    }

    /// What the programs of this log name printed so far.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        fs::read_to_string(self.home.logs().join(name)).unwrap_or_default()
    }

    /// Puts a stand-in in front of every installed program of this name. It only notes its arguments; [`Desktop::noted`] gives them.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn stand_in(&self, program: &str) -> Result<()> {
        let (path, notes) = (self.home.bin().join(program), self.home.logs().join(format!("{program}.noted")));
        fs::write(&path, format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{}'\n", notes.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        Ok(())
    }

    /// The arguments of each call of a stand-in so far.
    #[must_use]
    pub fn noted(&self, program: &str) -> Vec<String> {
        self.log(&format!("{program}.noted")).lines().map(str::to_owned).collect()
    }

    /// Takes a picture of the whole screen.
    ///
    /// # Errors
    /// ImageMagick is not installed, or says why not.
    pub fn photograph(&self, into: &Path) -> Result<()> {
        display::photograph(self.command("import", "imagemagick")?, into)
    }

    /// The titles of the windows on the screen.
    ///
    /// # Errors
    /// wmctrl is not installed or fails.
    pub fn windows(&self) -> Result<Vec<String>> {
        let output = self.command("wmctrl", "wmctrl")?.arg("-l").output().context("cannot start wmctrl")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // Window, desktop, machine, title.
        Ok(text.lines().filter_map(|line| line.splitn(4, ' ').nth(3).map(|rest| rest.trim().to_owned())).collect())
    }
}

impl Drop for Desktop<'_> {
    fn drop(&mut self) {
        // The harness shows it only with the failure of a story.
        self.home.tell_logs();
    }
}

impl Home {
    fn make(outfit: &Outfit) -> Result<Self> {
        let home = Self(TempDir::with_prefix("smartpi-desk-")?);
        for folder in [home.home(), home.bin(), home.logs(), home.run(), home.path().join("tmp")] {
            fs::create_dir_all(&folder)?;
        }
        for folder in [".config/gtk-3.0", ".local/share", ".local/state", ".cache"] {
            fs::create_dir_all(home.home().join(folder))?;
        }
        fs::set_permissions(home.run(), Permissions::from_mode(0o700))?;
        let dark = u8::from(outfit.dark);
        let settings = format!("[Settings]\ngtk-application-prefer-dark-theme={dark}\ngtk-enable-animations=0\n");
        fs::write(home.home().join(".config/gtk-3.0/settings.ini"), settings)?;
        Ok(home)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    fn bin(&self) -> PathBuf {
        self.path().join("bin")
    }

    fn logs(&self) -> PathBuf {
        self.path().join("logs")
    }

    fn run(&self) -> PathBuf {
        self.path().join("run")
    }

    fn log(&self, name: &str) -> Result<File> {
        Ok(File::options().create(true).append(true).open(self.logs().join(name))?)
    }

    /// A command with nothing of the test's own environment but PATH.
    fn command(&self, place: &Namespace, outfit: &Outfit, program: &Path) -> Command {
        let mut command = place.command(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![self.bin()];
        folders.extend(std::env::split_paths(&path));
        command.env_clear().current_dir(self.home());
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
        for (variable, folder) in [
            ("HOME", self.home()),
            ("TMPDIR", self.path().join("tmp")),
            ("XDG_RUNTIME_DIR", self.run()),
            ("XDG_CONFIG_HOME", self.home().join(".config")),
            ("XDG_DATA_HOME", self.home().join(".local/share")),
            ("XDG_STATE_HOME", self.home().join(".local/state")),
            ("XDG_CACHE_HOME", self.home().join(".cache")),
        ] {
            command.env(variable, folder);
        }
        command.env("USER", "tester").env("LOGNAME", "tester").env("SHELL", "/bin/sh");
        command.env("LANG", outfit.locale).env("LC_ALL", outfit.locale).env("TZ", "UTC");
        command.env("GSETTINGS_BACKEND", "memory").env("NO_AT_BRIDGE", "1").env("LIBGL_ALWAYS_SOFTWARE", "1");
        command
    }

    #[allow(clippy::print_stderr, reason = "the test harness catches it")]
    fn tell_logs(&self) {
        let mut files = Vec::new();
        for folder in [self.logs(), self.home().join(".local/state/smartpi/logs")] {
            files.extend(fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
        for file in files {
            let text = fs::read_to_string(&file).unwrap_or_default();
            let lines = text.lines().collect::<Vec<_>>();
            if !lines.is_empty() {
                let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
                eprintln!("--- {} ends:\n{end}\n---", file.display());
            }
        }
    }
}

#[cfg(test)]
mod tests;
