//! A device on a desk: the real `smartpi simulate`, at a terminal, bound once and switched on and off.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tempfile::TempDir;

use crate::binaries;
use crate::desktop::{Desktop, LIMIT};
use crate::terminal::Terminal;
use crate::tray_app::TrayApp;

/// One device with its own key. Switched off on drop.
#[derive(Debug)]
pub struct Simulated<'a> {
    desktop: &'a Desktop<'a>,
    name: String,
    key: String,
    home: TempDir,
    terminal: Option<Terminal>,
}

impl<'a> Simulated<'a> {
    /// Binds a new device over the control socket, as the window does, and leaves it connected. `kind` is a word of `smartpi simulate --kind`.
    ///
    /// # Errors
    /// What is missing on the way, by name.
    pub fn bind(desktop: &'a Desktop<'a>, app: &TrayApp<'_>, name: &str, kind: &str) -> Result<Self> {
        let started = app.control()?.ask("bind.start", json!({"address": "127.0.0.1"}))?;
        let field = |field: &str| started[field].as_str().with_context(|| format!("no {field}: {started}"));
        let (bind, url) = (field("bind")?, field("url")?);
        let mut watch = app.control()?.watch(bind)?;
        let home = TempDir::with_prefix("smartpi-device-")?;
        let mut device = Self { desktop, name: name.to_owned(), key: String::new(), home, terminal: None };
        let mut terminal = Terminal::run(&device.command(&[url, "--kind", kind]))?;
        let shows = format!("\"{name}\" shows: ");
        let code = terminal.until(LIMIT, "two digits", |text| {
            let (_, after) = text.split_once(&shows)?;
            after.get(..2).map(str::to_owned)
        })?;
        watch.until("confirming")?;
        let confirmed = app.control()?.ask("bind.confirm", json!({"bind": bind, "code": code}))?;
        device.key = confirmed["deviceKey"].as_str().with_context(|| format!("no deviceKey: {confirmed}"))?.to_owned();
        device.terminal = Some(terminal);
        device.until_online()?;
        app.until_view("with the new device online", |view| {
            view["devices"].as_array().is_some_and(|all| {
                all.iter().any(|known| known["deviceKey"] == device.key.as_str() && known["state"] == "online")
            })
        })?;
        Ok(device)
    }

    /// Its deviceKey.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Switches it off, as a person does: it says goodbye.
    ///
    /// # Errors
    /// It does not end.
    pub fn switch_off(&mut self) -> Result<()> {
        self.terminal()?.interrupt(Duration::from_secs(10))?;
        self.terminal = None;
        Ok(())
    }

    /// Switches it on again and waits until it is connected.
    ///
    /// # Errors
    /// It does not connect within 30 s.
    pub fn switch_on(&mut self) -> Result<()> {
        ensure!(self.terminal.is_none(), "{} is on", self.name);
        self.terminal = Some(Terminal::run(&self.command(&[]))?);
        self.until_online()
    }

    /// Says something to the assistant.
    ///
    /// # Errors
    /// It is off.
    pub fn say(&mut self, text: &str) -> Result<()> {
        self.terminal()?.type_line(text)
    }

    /// Waits until it has shown these words, and gives everything that it showed since it was switched on.
    ///
    /// # Errors
    /// After 30 s.
    pub fn until_shown(&mut self, words: &str) -> Result<String> {
        self.terminal()?.until(LIMIT, words, |text| text.contains(words).then(|| text.to_owned()))
    }

    /// Waits until it is connected, counted from the last time that it lost its connection.
    ///
    /// # Errors
    /// After 30 s.
    pub fn until_online(&mut self) -> Result<()> {
        self.until_last("Connected to \"", "Connection lost.")
    }

    /// Waits until it has lost its connection.
    ///
    /// # Errors
    /// After 30 s.
    pub fn until_offline(&mut self) -> Result<()> {
        self.until_last("Connection lost.", "Connected to \"")
    }

    fn until_last(&mut self, wanted: &str, other: &str) -> Result<()> {
        self.terminal()?.until(LIMIT, wanted, |text| {
            let last = text.rfind(wanted)?;
            text.rfind(other).is_none_or(|other| other < last).then_some(())
        })
    }

    fn terminal(&mut self) -> Result<&mut Terminal> {
        self.terminal.as_mut().with_context(|| format!("{} is switched off", self.name))
    }

    fn identity(&self) -> PathBuf {
        self.home.path().join("identity.json")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desktop.command_at(&binaries::smartpi());
        // Its screen is read by these stories, in whatever language the desktop speaks.
        command.args(["--lang", "en", "simulate", "--name", &self.name, "--identity"]);
        command.arg(self.identity()).args(arguments);
        command
    }
}
