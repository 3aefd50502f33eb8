//! The real `smartpi-tray` on a desktop: started, asked, ended, started again.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::binaries;
use crate::control::Control;
use crate::desktop::{Desktop, LIMIT, Window};
use crate::process::Group;
use crate::wait;

/// One run of the application. It ends on drop; what it keeps in the desktop's home stays.
#[derive(Debug)]
pub struct TrayApp<'a> {
    desktop: &'a Desktop<'a>,
    group: Group,
}

impl<'a> TrayApp<'a> {
    /// Starts it, and waits until its control socket answers.
    ///
    /// # Errors
    /// It ends, or does not answer within 30 s.
    pub fn start(desktop: &'a Desktop<'a>, arguments: &[&str]) -> Result<Self> {
        Self::start_with(desktop, arguments, &[])
    }

    /// As [`TrayApp::start`], with something more in its environment.
    ///
    /// # Errors
    /// As there.
    pub fn start_with(desktop: &'a Desktop<'a>, arguments: &[&str], variables: &[(&str, PathBuf)]) -> Result<Self> {
        let mut app = Self::spawn(desktop, arguments, variables)?;
        app.until_answering()?;
        Ok(app)
    }

    /// Starts it and waits for nothing.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn launch(desktop: &'a Desktop<'a>, arguments: &[&str]) -> Result<Self> {
        Self::spawn(desktop, arguments, &[])
    }

    fn spawn(desktop: &'a Desktop<'a>, arguments: &[&str], variables: &[(&str, PathBuf)]) -> Result<Self> {
        let mut command = desktop.command_at(&binaries::smartpi_tray());
        command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
        let group = desktop.spawn("smartpi-tray", &mut command)?;
        Ok(Self { desktop, group })
    }

    /// Waits until its control socket answers.
    ///
    /// # Errors
    /// It ends, or does not answer within 30 s.
    pub fn until_answering(&mut self) -> Result<()> {
        let (desktop, group) = (self.desktop, &mut self.group);
        wait::until(LIMIT, "an answer on the control socket", || {
            let answered = control(desktop).and_then(|mut control| control.ask("status", json!({}))).is_ok();
            ensure!(answered || group.ended()?.is_none(), "smartpi-tray ended:\n{}", desktop.log("smartpi-tray"));
            Ok(answered)
        })
    }

    /// A new connection to its control socket.
    ///
    /// # Errors
    /// As [`Control::connect`].
    pub fn control(&self) -> Result<Control> {
        control(self.desktop)
    }

    /// The first event of `view.watch`: everything that the window shows.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn view(&self) -> Result<Value> {
        self.control()?.first_event("view.watch", json!({}))
    }

    /// Waits until the view is as wanted, and gives it. Looks again whenever the application says that it changed.
    ///
    /// # Errors
    /// After 30 s, with the view as it is by then.
    pub fn until_view(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.control()?.until_event("view.watch", json!({}), LIMIT, what, wanted)
    }

    /// The saved settings; null where there are none yet.
    ///
    /// # Errors
    /// A file that is no JSON.
    pub fn settings(&self) -> Result<Value> {
        match std::fs::read_to_string(self.desktop.config().join("smartpi/settings.json")) {
            Ok(text) => serde_json::from_str(&text).context("settings.json is no JSON"),
            Err(_) => Ok(Value::Null),
        }
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        data(self.desktop)
    }

    /// Opens its window under a driver and waits until a person sees a page in it.
    ///
    /// # Errors
    /// As [`Window::open`], and a window that shows nothing within 30 s.
    pub fn window(&self) -> Result<Window> {
        let mut window = Window::open(self.desktop, &binaries::smartpi_window(), &[])?;
        window.until_seen()?;
        Ok(window)
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// As [`Group::ended`].
    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.group.ended()?.is_none())
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// After 30 s.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        self.group.wait(LIMIT).with_context(|| self.log())
    }

    /// Asks it to end, as a system that shuts down does, and waits.
    ///
    /// # Errors
    /// After 30 s.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.group.signal(Signal::TERM);
        self.wait()
    }

    /// What it printed, over all runs on this desktop.
    #[must_use]
    pub fn log(&self) -> String {
        self.desktop.log("smartpi-tray")
    }

    /// The processes of its window on this desktop.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn window_processes(&self) -> Result<Vec<u32>> {
        let listed = std::process::Command::new("ip").args(["netns", "pids", self.desktop.place().name()]).output()?;
        let pids = String::from_utf8_lossy(&listed.stdout).into_owned();
        let pids = pids.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok());
        let with_window = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).next().is_some_and(|program| program.ends_with(b"smartpi-window"))
        };
        Ok(pids.filter(with_window).collect())
    }

    /// Waits until the process of a window is there, or until none is.
    ///
    /// # Errors
    /// After 30 s.
    pub fn until_window(&self, there: bool) -> Result<()> {
        let what = if there { "a window process" } else { "the end of the window process" };
        wait::until(LIMIT, what, || Ok(self.window_processes()?.is_empty() != there))
    }

    /// Whether somebody listens at this port of the loopback.
    #[must_use]
    pub fn listens(&self, port: u16) -> bool {
        self.desktop.place().connect((std::net::Ipv4Addr::LOCALHOST, port).into()).is_ok()
    }
}

/// A moment that a person calls at once.
pub const MOMENT: Duration = Duration::from_secs(2);

fn data(desktop: &Desktop<'_>) -> PathBuf {
    desktop.data().join("smartpi")
}

fn control(desktop: &Desktop<'_>) -> Result<Control> {
    Control::connect(&data(desktop))
}
