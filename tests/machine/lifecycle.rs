//! The life of our package on a clean Debian 12 with a panel: installed, started from its entry in the menu, upgraded while it runs, not downgraded, removed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use support::machine::Machine;
use support::terminal::Terminal;
use support::wait;

use crate::device::Device;
use crate::owner::{DATA, Owner, pid};
use crate::package::{self, NAME, Packages, apt, done, home, install, is_whole, left, system};
use crate::stage::{SOON, order, said};

const ENTRY: &str = "com.smartpi.tray";
const LOGIN: &str = "/home/claw/.config/autostart/SmartPi.desktop";
const SETTINGS: &str = "/home/claw/.config/smartpi/settings.json";
/// The four folders of the guide.
const FOLDERS: [&str; 4] =
    [DATA, "/home/claw/.config/smartpi", "/home/claw/.local/state/smartpi", "/home/claw/.local/share/com.smartpi.tray"];

pub(crate) fn from_the_first_package_to_the_last(machine: &Machine) -> Result<()> {
    let packages = Packages::make(&["0.1.0", "0.1.1"])?;
    a_package_that_lacks_a_requirement_is_found(machine, &packages)?;

    // What it asks for is Debian's own, stays, and leaves things behind.
    let needs = said(Command::new("dpkg-deb").arg("--field").arg(packages.of("0.1.0")?).arg("Depends"))?;
    done(&apt(machine, &["satisfy", needs.trim()])?)?;
    let (untouched, empty) = (system(machine)?, home(machine)?);
    let owner = Owner::sits_at(machine)?;
    done(&install(machine, &packages.of("0.1.0")?)?)?;
    is_whole(machine)?;
    owner.launches(&["gtk-launch", ENTRY])?;
    owner.until_in_panel()?;
    owner.until_window()?;
    let mut device = Device::bind(machine)?;
    let question = device.ask()?;
    device.until_echoed(&question)?;
    drop(device);
    order(machine, "settings.change", &json!({ "language": "zh", "keepTextDays": 7, "autostart": true }))?;
    order(machine, "network.allow", &json!({ "allow": false }))?;
    machine.smartpi(&["stop"])?;

    let kept = Kept::by(machine)?;
    let running = pid(machine)?;
    done(&install(machine, &packages.of("0.1.1")?)?)?;
    ensure!(package::version(machine)? == "0.1.1", "another version is installed");
    ensure!(pid(machine)? == running, "the upgrade ended what ran");
    quit(machine, running)?;
    owner.launches(&["gio", "launch", LOGIN])?;
    owner.until_in_panel()?;
    kept.is_kept(machine, "an upgrade")?;
    machine.smartpi(&["start"])?;
    let mut device = Device::switch_on(machine)?;
    let question = device.ask()?;
    device.until_echoed(&question)?;
    drop(device);
    machine.smartpi(&["stop"])?;

    let refused = install(machine, &packages.of("0.1.0")?)?;
    ensure!(!refused.status.success() && refused.err.contains("downgraded"), "{refused:?}");
    ensure!(package::version(machine)? == "0.1.1", "it was downgraded");
    quit(machine, pid(machine)?)?;
    the_store_of_a_newer_one_is_refused_in_words(machine)?;

    // While it runs: it goes on until it is quit, and loses nothing.
    owner.launches(&["gio", "launch", LOGIN])?;
    owner.until_in_panel()?;
    let running = pid(machine)?;
    done(&apt(machine, &["remove", NAME])?)?;
    ensure!(pid(machine)? == running, "the removal ended what ran");
    ends(machine, running)?;
    nothing_is_left(machine, &untouched)?;
    done(&install(machine, &packages.of("0.1.1")?)?)?;
    owner.launches(&["gtk-launch", ENTRY])?;
    owner.until_in_panel()?;
    kept.is_kept(machine, "a removal")?;

    // As the guide says.
    order(machine, "settings.change", &json!({ "autostart": false }))?;
    owner.ends_window()?;
    quit(machine, pid(machine)?)?;
    let mut running = String::new();
    wait::until(SOON, "the end of our programs", || {
        let found = machine.claw("pgrep").args(["--uid", "claw", "--list-full", "smartpi|WebKit"]).output()?;
        running = String::from_utf8_lossy(&found.stdout).into_owned();
        Ok(running.is_empty())
    })
    .with_context(|| running)?;
    for folder in FOLDERS {
        fs::remove_dir_all(machine.path(folder))?;
    }
    done(&apt(machine, &["purge", NAME])?)?;
    nothing_is_left(machine, &untouched)?;
    let now = home(machine)?;
    let ours = now.difference(&empty).filter(|path| path.to_lowercase().contains("smartpi")).cloned();
    // The packages and the device, which this person has for other reasons.
    let ours: Vec<String> = ours.filter(|path| !path.starts_with("/home/claw/Downloads/")).collect();
    ensure!(ours.is_empty(), "the guide does not tell of {ours:#?}");
    what_a_package_leaves_is_found(machine, &packages, &untouched)
}

/// What somebody has made their own.
#[derive(Debug, PartialEq)]
struct Kept {
    devices: Value,
    settings: Value,
    login: String,
    phase: Value,
}

impl Kept {
    fn by(machine: &Machine) -> Result<Self> {
        let read = |path: &str| fs::read_to_string(machine.path(path)).context(path.to_owned());
        let listed = machine.smartpi(&["devices", "list"])?;
        let devices =
            listed.as_array().or_else(|| listed["devices"].as_array()).with_context(|| format!("{listed}"))?;
        let kept = Self {
            devices: devices.iter().map(|device| json!([device["deviceKey"], device["name"]])).collect(),
            settings: serde_json::from_str(&read(SETTINGS)?)?,
            login: read(LOGIN)?,
            phase: machine.smartpi(&["status"])?["service"]["phase"].clone(),
        };
        let program = kept.login.lines().find_map(|line| line.strip_prefix("Exec=")).context("nothing is started")?;
        let program = program.split_whitespace().next().unwrap_or_default();
        ensure!(machine.path(program).is_file(), "the login starts {program}, which is not there");
        ensure!(kept.settings["language"] == "zh" && kept.settings["keepTextDays"] == 7, "{kept:#?}");
        ensure!(kept.phase == "stopped" && kept.devices != json!([]), "{kept:#?}");
        Ok(kept)
    }

    fn is_kept(&self, machine: &Machine, after: &str) -> Result<()> {
        let now = Self::by(machine)?;
        ensure!(now == *self, "after {after}:\n{self:#?}\n{now:#?}");
        Ok(())
    }
}

fn quit(machine: &Machine, pid: u64) -> Result<()> {
    machine.smartpi(&["quit"])?;
    until_ended(machine, pid)
}

/// The desktop ends it, as at a logout.
fn ends(machine: &Machine, pid: u64) -> Result<()> {
    said(machine.claw("kill").arg(pid.to_string()))?;
    until_ended(machine, pid)
}

fn until_ended(machine: &Machine, pid: u64) -> Result<()> {
    wait::until(SOON, "its end", || Ok(!machine.claw("kill").args(["-0", &pid.to_string()]).output()?.status.success()))
}

fn nothing_is_left(machine: &Machine, untouched: &BTreeSet<String>) -> Result<()> {
    let left = left(machine, untouched)?;
    ensure!(left.is_empty(), "left behind: {left:#?}");
    Ok(())
}

/// No package of ours can be downgraded by a click; whoever does it by force reads what to do, and nothing was changed.
fn the_store_of_a_newer_one_is_refused_in_words(machine: &Machine) -> Result<()> {
    let store = format!("{DATA}/channel.db");
    let stamp = |version: &str| {
        let set = "import sqlite3, sys; s = sqlite3.connect(sys.argv[1]); was = s.execute('PRAGMA user_version').fetchone()[0]; \
                   s.execute('PRAGMA user_version = ' + sys.argv[2]); s.close(); print(was)";
        said(machine.claw("python3").args(["-c", set, &store, version]))
    };
    let known = stamp("99")?;
    let before = fs::read(machine.path(&store))?;
    for (tongue, words) in [("en", "A newer SmartPi saved these devices"), ("zh", "请更新 SmartPi")] {
        let mut terminal =
            Terminal::run(machine.claw("/usr/bin/smartpi").args(["--lang", tongue, "serve", "--no-lan"]))?;
        ensure!(!terminal.ends(SOON)?.success() && terminal.text().contains(words), "{}", terminal.text());
    }
    ensure!(fs::read(machine.path(&store))? == before, "an older program changed a newer store");
    stamp(known.trim()).map(drop)
}

fn a_package_that_lacks_a_requirement_is_found(machine: &Machine, packages: &Packages) -> Result<()> {
    let lacking = packages.altered("0.1.0", "lacking.deb", |open| {
        let control = open.join("DEBIAN/control");
        let text = fs::read_to_string(&control)?;
        let kept = text.lines().filter(|line| !line.starts_with("Depends:")).map(|line| format!("{line}\n"));
        Ok(fs::write(control, kept.collect::<String>())?)
    })?;
    done(&install(machine, &lacking)?)?;
    ensure!(is_whole(machine).is_err(), "a package without its requirements passed");
    done(&apt(machine, &["purge", NAME])?)
}

fn what_a_package_leaves_is_found(machine: &Machine, packages: &Packages, untouched: &BTreeSet<String>) -> Result<()> {
    let careless = packages.altered("0.1.1", "careless.deb", |open| {
        let script = open.join("DEBIAN/postinst");
        fs::write(&script, "#!/bin/sh\ntouch /etc/smartpi-left\n")?;
        Ok(fs::set_permissions(script, fs::Permissions::from_mode(0o755))?)
    })?;
    done(&install(machine, &careless)?)?;
    done(&apt(machine, &["purge", NAME])?)?;
    let left = left(machine, untouched)?;
    ensure!(left == ["/etc/smartpi-left"], "a file that a package left was to be found, and this was: {left:?}");
    Ok(())
}
