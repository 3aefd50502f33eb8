//! A desktop that shows no tray icons, as GNOME is without an extension.

use std::time::Duration;

use anyhow::{Result, ensure};
use support::desktop::{Desktop, NotificationDaemon, Outfit, TrayHost};
use support::lab::Lab;
use support::tray_app::TrayApp;

use super::in_the_tray;

#[test]
fn without_a_tray_the_app_says_so_once_opens_its_window_and_can_be_quit() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let daemon = NotificationDaemon::start(&desktop)?;
    let mut app = TrayApp::start(&desktop, &["--hidden"])?;
    let told = daemon.next()?;
    assert_eq!(told.summary, "SmartPi is running without an icon", "{told:?}");
    app.until_window(true)?;
    app.until_view("sure about the tray", |view| view["app"]["tray"] == false)?;
    daemon.stays_silent(Duration::from_secs(5))?;

    // A tray that comes later is used.
    let tray = TrayHost::start(&desktop)?;
    tray.until("running", |menu| menu.has(&["Running since *"]))?;
    app.until_view("with a tray", |view| view["app"]["tray"] == true)?;
    app.control()?.ask("quit", serde_json::json!({}))?;
    ensure!(app.wait()?.success(), "{}", app.log());
    Ok(())
}

/// The twin.
#[test]
fn with_a_tray_the_app_says_nothing_and_opens_nothing() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let daemon = NotificationDaemon::start(&desktop)?;
    let (_tray, app) = in_the_tray(&desktop)?;
    app.until_view("sure about the tray", |view| view["app"]["tray"] == true)?;
    daemon.stays_silent(Duration::from_secs(10))?;
    assert_eq!(app.window_processes()?, Vec::<u32>::new());
    Ok(())
}
