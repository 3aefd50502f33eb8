//! What a person is told, received by a notification daemon over D-Bus, in both languages.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use support::desktop::{Desktop, Keyring, Notification, NotificationDaemon, Outfit, TrayHost};
use support::lab::Lab;
use support::simulated::Simulated;
use support::tray_app::TrayApp;

use super::{ZH, device, in_the_tray, until};

/// A coming or going is told when it has lasted 10 s; after that much time, and 2 s in which others could have joined, it would have been told.
const TOLD_BY_NOW: Duration = Duration::from_secs(15);

/// What was told of devices: the daemon also hears of the app itself.
fn about_devices(told: &Notification) -> bool {
    ["Kitchen", "Hall", "device", "设备"].iter().any(|word| told.summary.contains(word))
}

/// Takes the notices that come with binding.
fn settle(daemon: &NotificationDaemon) -> Result<()> {
    while daemon.stays_silent(TOLD_BY_NOW).is_err() {
        daemon.next()?;
    }
    Ok(())
}

/// A story beside a tray app whose notifications are heard.
fn heard(outfit: Outfit, story: impl FnOnce(&Desktop, &NotificationDaemon, &TrayApp) -> Result<()>) -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, outfit)?;
    let daemon = NotificationDaemon::start(&desktop)?;
    let (_tray, app) = in_the_tray(&desktop)?;
    story(&desktop, &daemon, &app)
}

fn tell_a_leave_and_a_return(locale: &'static str, left: &str, back: &str) -> Result<()> {
    heard(Outfit { locale, ..Outfit::default() }, |desktop, daemon, app| {
        let mut kitchen = Simulated::bind(desktop, app, "Kitchen", "speaker")?;
        settle(daemon)?;
        kitchen.switch_off()?;
        let told = daemon.next()?;
        assert_eq!(told.summary, left, "{told:?}");
        kitchen.switch_on()?;
        let told = daemon.next()?;
        assert_eq!(told.summary, back, "{told:?}");
        daemon.stays_silent(TOLD_BY_NOW)?;
        // The history tells the same.
        let view = app.view()?;
        let kinds = view["notices"].as_array().into_iter().flatten().map(|notice| notice["kind"].clone());
        assert_eq!(kinds.take(2).collect::<Vec<_>>(), [json!("connected"), json!("disconnected")]);
        Ok(())
    })
}

#[test]
fn a_device_that_leaves_and_returns_is_told_once_each_in_english() -> Result<()> {
    tell_a_leave_and_a_return("en_US.UTF-8", "Kitchen disconnected", "Kitchen connected")
}

#[test]
fn a_device_that_leaves_and_returns_is_told_once_each_in_chinese() -> Result<()> {
    tell_a_leave_and_a_return(ZH, "“Kitchen”已断开连接", "“Kitchen”已连接")
}

/// The first half must be silent; the second, the same device away for good, must not be.
#[test]
fn a_short_drop_is_not_told_and_a_long_one_is() -> Result<()> {
    heard(Outfit::default(), |desktop, daemon, app| {
        let mut kitchen = Simulated::bind(desktop, app, "Kitchen", "speaker")?;
        settle(daemon)?;
        kitchen.switch_off()?;
        app.until_view("offline", |view| {
            device(view, kitchen.key()).is_some_and(|kitchen| kitchen["state"] == "offline")
        })?;
        kitchen.switch_on()?;
        daemon.stays_silent(TOLD_BY_NOW)?;
        kitchen.switch_off()?;
        daemon.until("the leave", about_devices)?;
        Ok(())
    })
}

#[test]
fn a_click_on_a_notification_opens_that_device() -> Result<()> {
    heard(Outfit::default(), |desktop, daemon, app| {
        let mut kitchen = Simulated::bind(desktop, app, "Kitchen", "speaker")?;
        settle(daemon)?;
        kitchen.switch_off()?;
        let told = daemon.next()?;
        ensure!(told.has_action("default"), "a click on it is not heard: {told:?}");
        assert_eq!(app.window_processes()?, Vec::<u32>::new());
        daemon.click(told.id, "default")?;
        app.until_window(true)?;
        let key = kitchen.key().to_owned();
        until("a window that was started for this device", || {
            let lines = app.window_processes()?.into_iter().map(|pid| std::fs::read(format!("/proc/{pid}/cmdline")));
            Ok(lines.flatten().any(|line| String::from_utf8_lossy(&line).contains(&key)))
        })
    })
}

/// The twin of each muted one is the other device, which is told.
#[test]
fn a_muted_device_is_not_told_and_its_neighbour_is() -> Result<()> {
    heard(Outfit::default(), |desktop, daemon, app| {
        let mut kitchen = Simulated::bind(desktop, app, "Kitchen", "speaker")?;
        let mut hall = Simulated::bind(desktop, app, "Hall", "speaker")?;
        app.control()?.ask("devices.mute", json!({"deviceKey": kitchen.key(), "muted": true}))?;
        settle(daemon)?;
        kitchen.switch_off()?;
        hall.switch_off()?;
        assert_eq!(daemon.next()?.summary, "Hall disconnected");
        daemon.stays_silent(TOLD_BY_NOW)
    })
}

#[test]
fn two_devices_that_leave_together_are_one_notice() -> Result<()> {
    heard(Outfit::default(), |desktop, daemon, app| {
        let mut kitchen = Simulated::bind(desktop, app, "Kitchen", "speaker")?;
        let mut hall = Simulated::bind(desktop, app, "Hall", "speaker")?;
        settle(daemon)?;
        kitchen.switch_off()?;
        hall.switch_off()?;
        let told = daemon.next()?;
        assert_eq!(told.summary, "2 devices disconnected", "{told:?}");
        ensure!(told.body.contains("Kitchen") && told.body.contains("Hall"), "{told:?}");
        daemon.stays_silent(TOLD_BY_NOW)
    })
}

/// What blocks a keyring, a portal or a tray must not block a device.
#[test]
fn a_dead_portal_and_a_locked_keyring_keep_no_device_waiting() -> Result<()> {
    let lab = Lab::new();
    let outfit = Outfit { dead_portal: true, keyring: Keyring::Locked, ..Outfit::default() };
    let desktop = Desktop::start(&lab.computer, outfit)?;
    let tray = TrayHost::start(&desktop)?;
    let began = std::time::Instant::now();
    let mut app = TrayApp::launch(&desktop, &["--hidden"])?;
    until("an open port", || Ok(app.listens(8765)))?;
    tray.until_item()?;
    app.until_answering()?;
    let _kitchen = Simulated::bind(&desktop, &app, "Kitchen", "speaker")?;
    // The keyring's window waits for ever. Whoever asks the portal gives up after 25 s: all this came before.
    ensure!(began.elapsed() < Duration::from_secs(25), "a device was bound after {:?}", began.elapsed());
    Ok(())
}
