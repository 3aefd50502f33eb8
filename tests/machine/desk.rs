//! A desk before the machine: a screen, the real tray app on it, its window under a driver, and a device that asks.

use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use support::browser::{mini_browser, pictures};
use support::desktop::{Display, LIMIT, Panel, SCREEN, Window};
use support::machine::Machine;
use support::model::Model;
use support::openclaw::merge;
use support::process::Group;
use support::wait;

use crate::device::Device;
use crate::stage::{
    DONE, PORT, READY, SOON, all_well, configuration, connect_ours, in_background, install, order, ready,
};

/// Where the scripted model listens, in the machine.
const MODEL: u16 = 18_080;
/// The same of the window's driver, and of a browser's.
const DRIVER: u16 = 4_444;
const BROWSERS: u16 = 4_445;
/// Whether the page of a dashboard is in, or asks for a token.
const SIGNED_IN: &str = r"document.querySelector('openclaw-login-gate') ? 'asked'
    : /\bConnected\b/.test(document.body.innerText) ? 'in' : null";
/// For what a look found to be drawn.
const DRAWN: Duration = Duration::from_secs(3);
/// Nobody looks just now.
const LOOKED: &str = "document.querySelector('[data-test=health-look]')?.ariaDisabled === 'false'";
/// How a repair ended, once it has: a refusal, or the shape of the card that tells of it.
const ENDED: &str = "document.querySelector('[data-test=failure]')?.dataset.code
    ?? (document.querySelector('[data-test=repair-dismiss]') && document.querySelector('[data-test=repair-card]').dataset.shape)";

/// Somebody sits at it.
pub(crate) struct Desk {
    pub(crate) device: Device,
    /// First word of the names of the pictures that are taken, while some are.
    pub(crate) album: Option<&'static str>,
    // In this order they end.
    window: Window,
    screen: Screen,
    _model: Model,
}

/// A screen with a window manager.
pub(crate) struct Screen {
    _manager: Group,
    display: Display,
}

impl Desk {
    /// Everything a person does once: the app, our plugin in their OpenClaw, its service, our access to it, and a device that talks.
    pub(crate) fn furnish(machine: &Machine) -> Result<Self> {
        let model = start_model(machine);
        let mut config = configuration(".openclaw", PORT);
        merge(&mut config, &model.entries());
        machine.write("/home/claw/.openclaw/openclaw.json", &format!("{config:#}\n"))?;
        let settings = json!({ "secretsInFile": true, "welcomed": true, "language": "en" });
        machine.write("/home/claw/.config/smartpi/settings.json", &settings.to_string())?;
        machine.write("/home/claw/.config/gtk-3.0/settings.ini", "[Settings]\ngtk-enable-animations=0\n")?;
        let screen = Screen::switch_on(machine)?;
        start_app(machine, &screen)?;
        let installed = machine.smartpi(&["plugin", "install", "--yes"])?;
        ensure!(installed.get("plugin").is_some(), "{installed:#}");
        install(machine, None, PORT)?;
        ready(machine, PORT)?;
        connect_ours(machine)?;
        until_linked(machine)?;
        let mut device = Device::bind(machine)?;
        let question = device.ask()?;
        device.until_answered(&question)?;
        all_well(machine)?;
        let window = open_window(machine, &screen)?;
        Ok(Self { device, album: None, window, screen, _model: model })
    }

    /// The machine was switched off and on, and the person with it.
    pub(crate) fn come_back(&mut self, machine: &Machine) -> Result<()> {
        let model = start_model(machine);
        let screen = Screen::switch_on(machine)?;
        start_app(machine, &screen)?;
        ready(machine, PORT)?;
        until_linked(machine)?;
        let device = Device::switch_on(machine)?;
        let window = open_window(machine, &screen)?;
        *self = Self { device, album: None, window, screen, _model: model };
        Ok(())
    }

    /// Looks by the button until this is found, and can be repaired.
    pub(crate) fn finds(&mut self, cause: &str) -> Result<()> {
        let drawn = format!("!!document.querySelector('{}')", repair(cause));
        wait::until(SOON, cause, || {
            self.window.wait_for(LOOKED, LIMIT)?;
            self.window.press_on("health-look")?;
            Ok(self.window.wait_for(&drawn, DRAWN).is_ok())
        })
    }

    /// Opens the plan of what was found, and leaves it.
    pub(crate) fn refuses(&mut self, cause: &str) -> Result<()> {
        self.finds(cause)?;
        self.reads(cause, &[])?;
        self.window.press_on("repair-no")?;
        self.window.wait_for("!document.querySelector('[data-test=repair-no]')", LIMIT).map(drop)
    }

    /// Reads the plan, agrees to it by the one click, and sees that it helped.
    pub(crate) fn mends(&mut self, machine: &Machine, cause: &str, lines: &[String]) -> Result<()> {
        if self.window.has("repair-dismiss")? {
            self.window.press_on("repair-dismiss")?;
        }
        self.finds(cause)?;
        self.pictures(machine, "finding")?;
        self.reads(cause, lines)?;
        self.pictures(machine, "plan")?;
        self.window.press_on("repair-yes")?;
        self.pictures(machine, "progress")?;
        let ended = self.window.wait_for(ENDED, DONE)?;
        let said = self.window.value("document.body.innerText")?;
        ensure!(ended == "good", "{cause} ended as {ended}: {said}");
        self.window.wait_for("!document.querySelector('[data-test=finding]')", LIMIT)?;
        self.pictures(machine, "repaired")
    }

    /// Takes the last repair back.
    pub(crate) fn undoes(&mut self, machine: &Machine) -> Result<()> {
        self.window.press_on("repair-undo")?;
        self.window.find("undo-yes")?;
        self.pictures(machine, "undo")?;
        self.window.press_on("undo-yes")?;
        self.window.wait_for("!!document.querySelector('[data-test=repair-card] [data-state=undone]')", DONE)?;
        self.window.wait_for(ENDED, DONE)?;
        self.window.wait_for(LOOKED, DONE)?;
        self.pictures(machine, "undone")
    }

    /// Opens a link to OpenClaw's dashboard in a fresh browser, and gives whether that is signed in, or asked for a token.
    pub(crate) fn opens_dashboard(&self, machine: &Machine, link: &str) -> Result<bool> {
        let driver = driver(machine, &self.screen, BROWSERS)?;
        let dial = |address| machine.inside(|| TcpStream::connect_timeout(&address, LIMIT));
        let mut browser = Window::driven(driver, BROWSERS, dial, &mini_browser()?, &["--automation"])?;
        browser.go(link)?;
        let said = browser.wait_for(SIGNED_IN, SOON);
        let shown = pictures()?.join("dashboard.png");
        let said = said.or_else(|error| {
            browser.photograph(&shown)?;
            Err(error).context(format!("the dashboard shows neither: {}", shown.display()))
        })?;
        Ok(said == "in")
    }

    fn reads(&mut self, cause: &str, lines: &[String]) -> Result<()> {
        self.window.click(&repair(cause))?;
        let exactly = self.window.words("repair-exactly")?;
        for line in lines {
            ensure!(exactly.contains(line), "{line} is not shown: {exactly}");
        }
        self.window.wait_for("document.querySelector('[data-test=repair-yes]')?.ariaDisabled === 'false'", LIMIT)?;
        Ok(())
    }

    /// In both languages. English is what it is left in.
    fn pictures(&mut self, machine: &Machine, page: &str) -> Result<()> {
        let Some(album) = self.album else { return Ok(()) };
        self.window.script("document.querySelectorAll('*').forEach(part => part.scrollTo(0, 0))", &[])?;
        for (tongue, lang) in [("zh", "zh-CN"), ("en", "en")] {
            order(machine, "settings.change", &json!({ "language": tongue }))?;
            self.window.wait_for(&format!("document.documentElement.lang === '{lang}'"), LIMIT)?;
            self.window.photograph(&pictures()?.join(format!("window-{album}-{page}-{tongue}-light.png")))?;
        }
        Ok(())
    }
}

impl Screen {
    pub(crate) fn switch_on(machine: &Machine) -> Result<Self> {
        let quietly = |mut command: Command| {
            command.stderr(Stdio::null());
            command
        };
        let display = Display::start(|server| quietly(machine.claw(server)), SCREEN)?;
        let on_it = |program: &str| {
            let mut command = quietly(machine.claw("env"));
            command.arg(format!("DISPLAY={}", display.name())).arg(program);
            command
        };
        let manager = Group::start(on_it("openbox").arg("--sm-disable").stdout(Stdio::null()))?;
        wait::until(LIMIT, "a window manager", || {
            let shown = on_it("xprop").args(["-root", "_NET_SUPPORTING_WM_CHECK"]).output()?;
            Ok(String::from_utf8_lossy(&shown.stdout).contains("window id"))
        })?;
        Ok(Self { _manager: manager, display })
    }

    /// What programs find in `DISPLAY`.
    pub(crate) fn name(&self) -> String {
        self.display.name()
    }
}

/// The panel of Xfce on it, with a menu and a tray.
pub(crate) fn panel(machine: &Machine, screen: &Screen) -> Result<()> {
    machine
        .write("/home/claw/.config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml", &Panel::configuration(true))?;
    let display = format!("DISPLAY={}", screen.name());
    let panel = ["/usr/bin/env", &display, "xfce4-panel", "--disable-wm-check", "--sm-client-disable"];
    in_background(machine, "panel", &panel)?;
    until_tray(machine)
}

fn until_tray(machine: &Machine) -> Result<()> {
    wait::until(SOON, "a tray", || {
        let owner = ["--user", "status", "org.kde.StatusNotifierWatcher"];
        Ok(machine.claw("busctl").args(owner).output()?.status.success())
    })
}

fn start_model(machine: &Machine) -> Model {
    machine.inside(|| Model::start_at(MODEL))
}

/// The tray app, which serves, and a tray for it. Hidden: the window comes with its driver.
fn start_app(machine: &Machine, screen: &Screen) -> Result<()> {
    in_background(machine, "tray-host", &["/opt/smartpi/tray-host"])?;
    until_tray(machine)?;
    let display = format!("DISPLAY={}", screen.display.name());
    in_background(machine, "smartpi", &["/usr/bin/env", &display, "/opt/smartpi/smartpi-tray", "--hidden"])?;
    wait::until(SOON, "the app", || {
        Ok(machine.run(machine.claw("/opt/smartpi/smartpi").args(["status", "--json"]))?.status.success())
    })
}

/// Our plugin in their OpenClaw has come to our service.
fn until_linked(machine: &Machine) -> Result<()> {
    wait::until(READY, "our plugin", || Ok(machine.smartpi(&["status"])?["assistant"]["link"] == "online"))
}

/// Its window, on the page Health.
fn open_window(machine: &Machine, screen: &Screen) -> Result<Window> {
    let driver = driver(machine, screen, DRIVER)?;
    let dial = |address| machine.inside(|| TcpStream::connect_timeout(&address, LIMIT));
    let mut window = Window::driven(driver, DRIVER, dial, "/opt/smartpi/smartpi-window".as_ref(), &[])?;
    window.until_seen()?;
    window.press_on("nav-health")?;
    window.find("health-looked").context("no look at what is wrong")?;
    Ok(window)
}

/// What drives a window on the screen, and listens on this port in the machine.
fn driver(machine: &Machine, screen: &Screen, port: u16) -> Result<Group> {
    let mut driver = machine.claw("env");
    driver.arg(format!("DISPLAY={}", screen.display.name()));
    driver.args(["NO_AT_BRIDGE=1", "GSETTINGS_BACKEND=memory", "LIBGL_ALWAYS_SOFTWARE=1"]);
    driver.args(Window::AUTOMATED.map(|(name, value)| format!("{name}={value}")));
    driver.arg("WebKitWebDriver").arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
    Group::start(&mut driver)
}

/// The button of a finding.
fn repair(cause: &str) -> String {
    format!("[data-cause={cause}] [data-test=finding-repair]")
}
