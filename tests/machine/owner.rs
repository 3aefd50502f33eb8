//! Whom a clean machine belongs to: they have a screen, a panel with a menu, a mouse and a keyboard.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use support::machine::Machine;
use support::wait;

use crate::desk::{Screen, panel};
use crate::package::done;
use crate::stage::{SOON, said};

/// Where our service keeps what it knows.
pub(crate) const DATA: &str = "/home/claw/.local/share/smartpi";

/// A machine on which somebody sits who has a panel.
pub(crate) struct Owner<'a> {
    machine: &'a Machine,
    screen: Screen,
}

impl<'a> Owner<'a> {
    pub(crate) fn sits_at(machine: &'a Machine) -> Result<Self> {
        let screen = Screen::switch_on(machine)?;
        panel(machine, &screen)?;
        let owner = Self { machine, screen };
        let wallpaper = ["-window", "root", "-size", "1280x900", "gradient:#35507a-#1d2b45"];
        // It ends with a failure also where it painted.
        owner.on_screen("display").args(wallpaper).output()?;
        Ok(owner)
    }

    /// Starts what is described in an entry, as a menu or the login does.
    pub(crate) fn launches(&self, launcher: &[&str]) -> Result<()> {
        let display = format!("DISPLAY={}", self.screen.name());
        let mut run = self.machine.claw("systemd-run");
        // What a launcher starts outlives it.
        run.args(["--user", "--collect", "--quiet", "--wait", "--property", "KillMode=process", "--"]);
        done(&self.machine.run(run.args(["/usr/bin/env", &display, "LIBGL_ALWAYS_SOFTWARE=1"]).args(launcher))?)
    }

    /// Our icon is in the panel, and our service runs.
    pub(crate) fn until_in_panel(&self) -> Result<()> {
        wait::until(SOON, "an icon in the panel", || {
            let items = ["org.kde.StatusNotifierWatcher", "RegisteredStatusNotifierItems"];
            let watcher = ["--user", "get-property", "org.kde.StatusNotifierWatcher", "/StatusNotifierWatcher"];
            let asked = self.machine.claw("busctl").args(watcher).args(items).output()?;
            Ok(String::from_utf8_lossy(&asked.stdout).contains("StatusNotifierItem"))
        })?;
        wait::until(SOON, "the service", || Ok(pid(self.machine).is_ok()))
    }

    pub(crate) fn until_window(&self) -> Result<()> {
        wait::until(SOON, "a window", || {
            let mut search = self.on_screen("xdotool");
            Ok(search.args(["search", "--onlyvisible", "--class", "smartpi-window"]).output()?.status.success())
        })
    }

    /// As a desktop ends what is open at the end of a session.
    pub(crate) fn ends_window(&self) -> Result<()> {
        self.until_window()?;
        said(self.machine.claw("pkill").args(["--exact", "smartpi-window"])).map(drop)
    }

    /// Presses the mouse at a place of the screen.
    pub(crate) fn clicks(&self, (x, y): (u32, u32)) -> Result<()> {
        let place = ["mousemove", &x.to_string(), &y.to_string(), "click", "1"].map(str::to_owned);
        said(self.on_screen("xdotool").args(place)).map(drop)
    }

    /// Types on the keyboard.
    pub(crate) fn types(&self, text: &str) -> Result<()> {
        said(self.on_screen("xdotool").args(["type", text])).map(drop)
    }

    /// What the screen shows once it shows the same twice, as a PNG.
    pub(crate) fn sees(&self) -> Result<Vec<u8>> {
        let mut seen = self.looks()?;
        wait::until(SOON, "a screen that stands still", || {
            let before = std::mem::replace(&mut seen, self.looks()?);
            Ok(image::load_from_memory(&before)? == image::load_from_memory(&seen)?)
        })?;
        Ok(seen)
    }

    /// What the screen shows now.
    pub(crate) fn looks(&self) -> Result<Vec<u8>> {
        let picture = self.on_screen("import").args(["-silent", "-window", "root", "png:-"]).output()?;
        ensure!(picture.status.success(), "import: {}", String::from_utf8_lossy(&picture.stderr));
        Ok(picture.stdout)
    }

    fn on_screen(&self, program: &str) -> Command {
        let mut command = self.machine.claw("env");
        command.arg(format!("DISPLAY={}", self.screen.name())).arg(program);
        command
    }
}

/// The process of the service.
pub(crate) fn pid(machine: &Machine) -> Result<u64> {
    let told = fs::read_to_string(machine.path(DATA).join("service.json"))?;
    let told: Value = serde_json::from_str(&told)?;
    told["pid"].as_u64().with_context(|| format!("{told}"))
}
