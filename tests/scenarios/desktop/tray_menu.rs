//! Every line of the tray's menu, clicked as a tray host clicks it (`com.canonical.dbusmenu`), with the effect seen outside the app.

use std::fs;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use support::desktop::{Desktop, LIMIT, Outfit};
use support::lab::Lab;
use support::simulated::Simulated;
use support::tray_app::TrayApp;

use super::{device, in_the_tray, until};

const PORT: u16 = 8765;

#[test]
fn the_icon_and_the_first_line_tell_the_state_and_the_item_registers_once() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, _app) = in_the_tray(&desktop)?;
    let running =
        tray.until("running", |menu| menu.labels().first().is_some_and(|line| line.starts_with("Running since ")))?;
    ensure!(!running.find(&["Running since *"]).is_some_and(|line| line.enabled), "the first line is no button");
    let icon = tray.icon()?.picture.context("the icon is no picture")?;
    for _ in 0..3 {
        tray.click(&["Stop service"])?;
        tray.until("stopped", |menu| menu.has(&["Stopped since *"]) && menu.has(&["Start service"]))?;
        until("another icon", || Ok(tray.icon()?.picture.as_ref() != Some(&icon)))?;
        tray.click(&["Start service"])?;
        tray.until("running", |menu| menu.has(&["Running since *"]) && menu.has(&["Stop service"]))?;
        until("the first icon", || Ok(tray.icon()?.picture.as_ref() == Some(&icon)))?;
    }
    let (layouts, properties) = tray.updates();
    ensure!(layouts + properties > 0, "the menu changed without a signal");
    assert_eq!(tray.registrations(), 1, "the item was taken away and put back");
    Ok(())
}

#[test]
fn stop_closes_the_port_and_holds_over_a_restart_until_the_person_starts_again() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, mut app) = in_the_tray(&desktop)?;
    let mut kitchen = Simulated::bind(&desktop, &app, "Kitchen", "speaker")?;
    ensure!(app.listens(PORT), "nobody listens");
    tray.click(&["Stop service"])?;
    kitchen.until_offline()?;
    until("a closed port", || Ok(!app.listens(PORT)))?;
    assert_eq!(app.settings()?["stopped"], true);

    ensure!(app.terminate()?.success(), "it ended badly: {}", app.log());
    let app = TrayApp::start(&desktop, &["--hidden"])?;
    app.until_view("stopped", |view| view["service"]["phase"] == "stopped")?;
    tray.until("stopped", |menu| menu.has(&["Stopped since *"]))?;
    ensure!(!app.listens(PORT), "a restart undid the person's Stop");
    tray.click(&["Start service"])?;
    kitchen.until_online()?;
    assert_eq!(app.settings()?["stopped"], false);
    Ok(())
}

/// The twin: what ends without Stop runs again.
#[test]
fn an_app_that_was_killed_while_it_ran_runs_again_after_a_restart() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (_tray, mut app) = in_the_tray(&desktop)?;
    kill_process(Pid::from_raw(app.id().try_into()?).context("no process")?, Signal::KILL)?;
    app.wait()?;
    let app = TrayApp::start(&desktop, &["--hidden"])?;
    app.until_view("running", |view| view["service"]["phase"] == "running")?;
    ensure!(app.listens(PORT), "nobody listens");
    Ok(())
}

#[test]
fn a_device_has_its_state_and_every_line_below_it_works() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, app) = in_the_tray(&desktop)?;
    tray.until("without devices", |menu| menu.has(&["Devices*", "No devices yet"]))?;
    let mut kitchen = Simulated::bind(&desktop, &app, "Kitchen", "speaker")?;
    tray.until("with the device online", |menu| menu.has(&["Devices*", "Kitchen: online"]))?;

    tray.click(&["Devices*", "Kitchen*", "Send test message"])?;
    kitchen.until_shown("\n< ")?;

    let muted = |menu: &support::desktop::MenuItem, on: bool| {
        menu.find(&["Devices*", "Kitchen*", "Mute notifications"]).is_some_and(|line| line.toggle == Some(on))
    };
    tray.click(&["Devices*", "Kitchen*", "Mute notifications"])?;
    tray.until("muted", |menu| muted(menu, true))?;
    let settings = app.settings()?;
    ensure!(settings["muted"].as_array().is_some_and(|keys| keys.iter().any(|key| key == kitchen.key())), "{settings}");
    tray.click(&["Devices*", "Kitchen*", "Mute notifications"])?;
    tray.until("no longer muted", |menu| muted(menu, false))?;

    kitchen.switch_off()?;
    tray.until("with the device offline", |menu| menu.has(&["Devices*", "Kitchen: offline since *"]))?;
    let view = app.view()?;
    ensure!(device(&view, kitchen.key()).is_some_and(|kitchen| kitchen["state"] == "offline"), "{view}");
    assert_eq!(tray.registrations(), 1);
    Ok(())
}

#[test]
fn remove_asks_in_the_window_and_removes_only_after_a_yes() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, app) = in_the_tray(&desktop)?;
    app.control()?.ask("settings.change", serde_json::json!({"welcomed": true}))?;
    let kitchen = Simulated::bind(&desktop, &app, "Kitchen", "speaker")?;
    let mut window = app.window()?;
    window.find("page-devices")?;
    tray.click(&["Devices*", "Kitchen*", "Remove…"])?;
    window.find("confirm-remove")?;
    ensure!(device(&app.view()?, kitchen.key()).is_some(), "it was removed without a question");
    window.press_on("confirm-remove")?;
    app.until_view("without the device", |view| device(view, kitchen.key()).is_none())?;
    tray.until("without devices", |menu| menu.has(&["Devices*", "No devices yet"]))?;
    Ok(())
}

#[test]
fn bind_opens_the_window_as_a_process_of_its_own() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, app) = in_the_tray(&desktop)?;
    assert_eq!(app.window_processes()?, Vec::<u32>::new(), "there is a window before anybody wants one");
    for line in ["Bind a device…", "Activity…", "Health…", "Settings…"] {
        tray.click(&[line])?;
        app.until_window(true)?;
        until("a window on the screen", || Ok(desktop.windows()?.iter().any(|title| title.contains("SmartPi"))))?;
    }
    assert_eq!(app.window_processes()?.len(), 1, "every click opened another window");
    Ok(())
}

#[test]
fn a_line_that_leads_to_a_page_leads_an_open_window_there() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, app) = in_the_tray(&desktop)?;
    app.control()?.ask("settings.change", serde_json::json!({"welcomed": true}))?;
    // One more than the menu lists: the others are behind its last line.
    let bind = |number| Simulated::bind(&desktop, &app, &format!("Lamp {number:02}"), "board");
    let lamps = (0..=20).map(bind).collect::<Result<Vec<_>>>()?;
    let mut window = app.window()?;
    window.find("page-devices")?;
    for (line, page) in [
        (&["Practice*"][..], "page-welcome"),
        (&["Activity…"], "page-activity"),
        (&["Health…"], "page-health"),
        (&["Devices*", "More…"], "page-devices"),
        (&["Settings…"], "page-settings"),
        (&["Bind a device…"], "page-bind"),
    ] {
        tray.click(line)?;
        window.find(page).with_context(|| format!("after {line:?}"))?;
    }
    tray.click(&["Devices*", "Lamp 07*", "Open"])?;
    window.find("page-devices")?;
    let details = super::row(lamps[7].key(), "device-details");
    window.wait_for(&format!("!!document.querySelector({})", serde_json::json!(details)), LIMIT)?;
    assert_eq!(app.window_processes()?.len(), 1, "a click opened another window");
    Ok(())
}

#[test]
fn the_phone_page_opens_in_the_browser() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    desktop.stand_in("xdg-open")?;
    let (tray, _app) = in_the_tray(&desktop)?;
    assert_eq!(desktop.noted("xdg-open"), Vec::<String>::new());
    tray.click(&["Open phone page"])?;
    until("a browser", || Ok(!desktop.noted("xdg-open").is_empty()))?;
    assert_eq!(desktop.noted("xdg-open"), ["http://127.0.0.1:8765/"]);
    Ok(())
}

#[test]
fn start_at_login_writes_an_entry_that_starts_hidden_and_takes_it_away() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, _app) = in_the_tray(&desktop)?;
    let entries = || -> Vec<String> {
        let folder = fs::read_dir(desktop.config().join("autostart")).into_iter().flatten().flatten();
        let files =
            folder.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "desktop"));
        files.filter_map(|path| fs::read_to_string(path).ok()).collect()
    };
    let checked = |menu: &support::desktop::MenuItem| menu.find(&["Start at login"]).and_then(|line| line.toggle);
    tray.until("with the switch off", |menu| checked(menu) == Some(false))?;
    assert_eq!(entries(), Vec::<String>::new());
    tray.click(&["Start at login"])?;
    tray.until("with the switch on", |menu| checked(menu) == Some(true))?;
    let written = entries();
    let [entry] = written.as_slice() else { anyhow::bail!("not one entry: {written:?}") };
    let exec = entry.lines().find_map(|line| line.strip_prefix("Exec=")).context("no Exec")?;
    ensure!(exec.contains("smartpi-tray") && exec.ends_with("--hidden"), "{exec}");
    tray.click(&["Start at login"])?;
    tray.until("with the switch off", |menu| checked(menu) == Some(false))?;
    assert_eq!(entries(), Vec::<String>::new());
    Ok(())
}

#[test]
fn quit_says_goodbye_to_the_devices_and_takes_everything_away() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, mut app) = in_the_tray(&desktop)?;
    let mut kitchen = Simulated::bind(&desktop, &app, "Kitchen", "speaker")?;
    tray.click(&["Settings…"])?;
    until("a window on the screen", || Ok(desktop.windows()?.iter().any(|title| title.contains("SmartPi"))))?;
    tray.click(&["Quit SmartPi (1 device will be disconnected)"])?;
    let status = app.wait()?;
    ensure!(status.success(), "Quit ended with {status}: {}", app.log());
    kitchen.until_offline()?;
    tray.until_gone()?;
    app.until_window(false)?;
    ensure!(!app.listens(PORT), "the port is still open");
    ensure!(app.settings()?["stopped"] != true, "Quit is not Stop");
    Ok(())
}
