//! The tray app in the place of the service, without a window: an entry of ours that an editor takes away is told by a notification, and so is a device that
//! asks OpenClaw to be let in.
//!
//! The screen and the bus are in a network namespace; the tray runs beside the real gateway, which it is connected to.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gateway::Identity;
use rustix::process::Signal;
use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::desktop::{Desktop, LIMIT, NotificationDaemon, Outfit, TrayHost};
use support::lab::Lab;
use support::process::Group;
use support::wait;

use crate::gateway_link::as_a_page;

use super::care::{edit, put_back_by_clicks, remove};
use super::stage::Stage;

const TOLD: &str = "SmartPi's entry is gone from OpenClaw";
/// For the gateway to notice a file that was changed, and for the tray to connect to it.
const SOON: Duration = Duration::from_secs(90);

pub(super) async fn an_entry_that_goes_is_told_without_a_window(stage: &mut Stage) {
    stage.kill_service().await;
    // The bus of the desktop blocks, which no thread of the test's own runtime may.
    let here: &Stage = stage;
    let told = std::thread::scope(|scope| scope.spawn(|| tell(here)).join());
    told.unwrap_or_else(|panic| std::panic::resume_unwind(panic)).unwrap_or_else(|error| panic!("{error:#}"));
    stage.serve_again().await;
    stage.await_link(SOON).await;
}

fn tell(stage: &Stage) -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let daemon = NotificationDaemon::start(&desktop)?;
    let _panel = TrayHost::start(&desktop)?;
    let mut tray = start(stage, &desktop)?;
    let view = |what: &str, wanted: &Wanted<'_>| {
        let seen = Control::connect(&stage.data())
            .and_then(|control| control.until_event("view.watch", json!({}), SOON, what, wanted));
        seen.with_context(|| desktop.log("smartpi-tray"))
    };
    let before = view("connected, and nothing is missed", &|view| {
        let missing = view["care"]["missing"].as_array().is_some_and(|missing| missing.is_empty());
        view["gateway"]["state"] == "online" && view["assistant"]["link"] == "online" && missing
    })?;

    // The twin: somebody else's entry goes, and nobody is told.
    edit(stage, |config| config["channels"]["discord"] = json!({ "enabled": false }));
    let looks = |view: &Value| view["gateway"]["agentsRevision"].as_u64();
    view("another configuration", &|view| looks(view) > looks(&before))?;
    edit(stage, |config| remove(config, "/channels"));
    view("the channel is missed", &|view| view["care"]["missing"][0]["entry"] == "channel")?;
    let told = daemon.until("our entry", |told| told.summary == TOLD)?;
    ensure!(told.body.contains("Put it back?"), "{told:?}");
    let again = daemon.all().iter().filter(|told| told.summary == TOLD).count();
    ensure!(again == 1, "it is told once, and not of another's entry: {again}");
    ensure!(desktop.windows()?.is_empty(), "no window is needed for that");

    put_back_by_clicks(stage);
    view("nothing is missed any more", &|view| view["care"]["missing"] == json!([]))?;
    a_request_is_told_once_and_a_click_shows_it(stage, &daemon, &view).with_context(|| desktop.log("smartpi-tray"))?;
    tray.signal(Signal::TERM);
    tray.wait(LIMIT).with_context(|| desktop.log("smartpi-tray"))?;
    Ok(())
}

/// What a view is waited for.
type Wanted<'w> = dyn Fn(&Value) -> bool + 'w;

const ASKS: &str = "asks OpenClaw for access";

/// A web page asks twice with one key, and another one once. The twin of the silence is that other one, which is told.
fn a_request_is_told_once_and_a_click_shows_it(
    stage: &Stage,
    daemon: &NotificationDaemon,
    view: &dyn Fn(&str, &Wanted<'_>) -> Result<Value>,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ask = |seed: u8| {
        let guest = Identity::from_seed(&[seed; Identity::SEED_BYTES]);
        runtime.block_on(as_a_page(stage.gateway.port, &guest));
        guest.device_id()[..8].to_owned()
    };
    let waiting = |count: usize| {
        move |view: &Value| view["gateway"]["pending"].as_array().is_some_and(|pending| pending.len() == count)
    };
    let first = ask(78);
    let told = daemon.until("a request", |told| told.summary.ends_with(ASKS))?;
    ensure!(told.summary.contains(&first) && told.has_action("default"), "{told:?}");
    ensure!(ask(78) == first, "the same device");
    view("one request", &waiting(1))?;
    ask(79);
    daemon.until("both requests", |told| told.summary == "2 devices ask OpenClaw for access")?;
    view("two requests", &waiting(2))?;
    let single = daemon.all().iter().filter(|told| told.summary.ends_with(ASKS)).count();
    ensure!(single == 1, "the first was told {single} times");
    let last = daemon.all().into_iter().rfind(|told| told.summary.contains("ask OpenClaw") && !told.closed);
    daemon.click(last.context("an open notification")?.id, "default")?;
    wait::until(LIMIT, "a window that was started for the page OpenClaw", || {
        Ok(has_window(stage, r#""page":"gateway""#))
    })?;
    let mut control = Control::connect(&stage.data())?;
    let cleared = control.ask("gateway.clear", json!({ "devices": false }))?;
    ensure!(cleared["rejected"] == 2, "{cleared}");
    view("nobody asks", &waiting(0)).map(drop)
}

/// Whether a process of the window was started on this folder with this in its arguments.
fn has_window(stage: &Stage, argument: &str) -> bool {
    let data = stage.data().display().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .any(|line| line.contains(&data) && line.contains(argument))
}

/// On the same folder and the same port, as this person.
fn start(stage: &Stage, desktop: &Desktop<'_>) -> Result<Group> {
    let settings = stage.data().join("config/settings.json");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&settings)?)?;
    kept["port"] = json!(stage.port());
    std::fs::write(&settings, kept.to_string())?;
    let path = binaries::smartpi_tray();
    let mut command = Command::new(&path);
    command.env_clear();
    for (name, value) in desktop.command_at(&path).get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.envs(stage.gateway.environment()).arg("--hidden").arg("--data").arg(stage.data());
    let tray = desktop.spawn("smartpi-tray", &mut command)?;
    wait::until(LIMIT, "the tray app", || {
        Ok(Control::connect(&stage.data()).and_then(|mut control| control.ask("status", json!({}))).is_ok())
    })
    .with_context(|| desktop.log("smartpi-tray"))?;
    Ok(tray)
}
