//! The tray app on a whole desktop. Every story starts the real `smartpi-tray` in its own network namespace, on its own screen (Xvfb, openbox) and D-Bus
//! session (dbus-daemon), with the tray, notification daemon and keyring that it asks for; devices are the real `smartpi simulate`, phones a real Chromium.

mod everybody;
mod health;
mod keyring;
mod newer_release;
mod no_tray;
mod notices;
mod screenshots;
mod script_and_report;
mod single_instance;
mod tray_menu;
mod window_binds_a_phone;

use std::path::PathBuf;

use anyhow::Result;
use support::desktop::{Desktop, LIMIT, TrayHost};
use support::simulated::Simulated;
use support::tray_app::TrayApp;

/// Chinese.
const ZH: &str = "zh_CN.UTF-8";

/// A desktop with a tray in which the app is, hidden, and its service runs.
fn in_the_tray<'a>(desktop: &'a Desktop<'a>) -> Result<(TrayHost, TrayApp<'a>)> {
    in_the_tray_with(desktop, &[])
}

/// The same, with something more in the app's environment.
fn in_the_tray_with<'a>(desktop: &'a Desktop<'a>, variables: &[(&str, PathBuf)]) -> Result<(TrayHost, TrayApp<'a>)> {
    let tray = TrayHost::start(desktop)?;
    let app = TrayApp::start_with(desktop, &["--hidden"], variables)?;
    app.until_view("running", |view| view["service"]["phase"] == "running")?;
    tray.until_item()?;
    Ok((tray, app))
}

/// The device with this key, as the view tells it.
fn device<'v>(view: &'v serde_json::Value, key: &str) -> Option<&'v serde_json::Value> {
    view["devices"].as_array().into_iter().flatten().find(|device| device["deviceKey"] == key)
}

/// Waits for something about a file or a process.
fn until(what: &str, asked: impl FnMut() -> Result<bool>) -> Result<()> {
    support::wait::until(LIMIT, what, asked)
}

/// The CSS selector of what has this `data-test` in the row of a device.
fn row(key: &str, mark: &str) -> String {
    format!("[data-test=device-row][data-key=\"{key}\"] [data-test={mark}]")
}

/// Three devices as a home has them: one that talked, one that is away, one for whom a message waits.
fn furnish<'a>(desktop: &'a Desktop<'a>, app: &TrayApp<'_>) -> Result<Vec<Simulated<'a>>> {
    let [kitchen, bedroom, desk, said] = if desktop.outfit().locale == ZH {
        ["厨房音箱", "卧室音箱", "书桌屏幕", "今天会下雨吗？"]
    } else {
        ["Kitchen speaker", "Bedroom speaker", "Desk display", "Will it rain today?"]
    };
    let mut kitchen = Simulated::bind(desktop, app, kitchen, "speaker")?;
    kitchen.say(said)?;
    kitchen.until_shown(&format!("：{said}"))?;
    let mut bedroom = Simulated::bind(desktop, app, bedroom, "speaker")?;
    bedroom.switch_off()?;
    app.control()?.ask("devices.test", serde_json::json!({"deviceKey": bedroom.key()}))?;
    let desk = Simulated::bind(desktop, app, desk, "board")?;
    let waiting = |view: &serde_json::Value, key: &str| device(view, key).and_then(|device| device["waiting"].as_u64());
    app.until_view("at rest", |view| {
        waiting(view, kitchen.key()) == Some(0)
            && waiting(view, bedroom.key()) == Some(1)
            && device(view, bedroom.key()).is_some_and(|bedroom| bedroom["state"] == "offline")
    })?;
    Ok(vec![kitchen, bedroom, desk])
}
