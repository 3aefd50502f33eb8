//! One app for one person, however often it is started.

use anyhow::{Result, ensure};
use support::desktop::{Desktop, Outfit};
use support::lab::Lab;
use support::tray_app::TrayApp;

use super::{in_the_tray, until};

#[test]
fn a_second_launch_brings_the_window_of_the_first() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, mut app) = in_the_tray(&desktop)?;
    assert_eq!(app.window_processes()?, Vec::<u32>::new());
    for _ in 0..2 {
        let mut second = TrayApp::launch(&desktop, &[])?;
        let status = second.wait()?;
        ensure!(status.success(), "the second one ended with {status}: {}", app.log());
        app.until_window(true)?;
    }
    until("a window on the screen", || Ok(desktop.windows()?.iter().any(|title| title.contains("SmartPi"))))?;
    assert_eq!(app.window_processes()?.len(), 1);
    assert_eq!(tray.registrations(), 1);
    ensure!(app.runs()?, "the first one ended");
    Ok(())
}

#[test]
fn ten_times_quit_and_launched_at_once_it_never_crashes() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, mut app) = in_the_tray(&desktop)?;
    for round in 1..=10 {
        app.control()?.ask("quit", serde_json::json!({}))?;
        // Not waited for: a person who changed their mind does not wait either.
        let mut next = TrayApp::launch(&desktop, &["--hidden"])?;
        ensure!(app.wait()?.success(), "round {round}: it ended badly: {}", app.log());
        // Started while the first was still going, it may have found it and left; then a person starts it again.
        if next.until_answering().is_err() {
            ensure!(next.wait()?.success(), "round {round}: {}", next.log());
            next = TrayApp::start(&desktop, &["--hidden"])?;
        }
        next.until_view("running", |view| view["service"]["phase"] == "running")?;
        app = next;
    }
    tray.until("running", |menu| menu.has(&["Running since *"]))?;
    ensure!(!app.log().contains("panicked"), "{}", app.log());
    Ok(())
}
