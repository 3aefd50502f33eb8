//! The tray app on a whole desktop. Every story starts the real `smartpi-tray` in its own network namespace, on its own screen (Xvfb, openbox) and D-Bus
//! session (dbus-daemon), with the tray, notification daemon and keyring that it asks for; devices are the real `smartpi simulate`, phones a real Chromium.

mod keyring;
mod no_tray;
mod notices;
mod single_instance;
mod tray_menu;

use anyhow::Result;
use support::desktop::{Desktop, LIMIT, TrayHost};
use support::tray_app::TrayApp;

/// Chinese.
const ZH: &str = "zh_CN.UTF-8";

/// A desktop with a tray in which the app is, hidden, and its service runs.
fn in_the_tray<'a>(desktop: &'a Desktop<'a>) -> Result<(TrayHost, TrayApp<'a>)> {
    let tray = TrayHost::start(desktop)?;
    let app = TrayApp::start(desktop, &["--hidden"])?;
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
