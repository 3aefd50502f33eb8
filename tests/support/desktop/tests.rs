//! The rig with stand-ins for the application: an indicator in Python, notify-send, secret-tool, gdbus, MiniBrowser.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Output;

use super::*;
use crate::axe::axe;
use crate::lab::Lab;
use crate::page::PageServer;
use crate::webdriver::key;

/// How long something is watched that must not happen.
const PATIENCE: Duration = Duration::from_secs(2);

fn indicator(desktop: &Desktop<'_>) -> Group {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("support/desktop/indicator.py");
    let mut command = desktop.command_at(Path::new("/usr/bin/python3"));
    desktop.spawn("indicator", command.arg(script)).unwrap()
}

#[test]
fn a_tray_reads_a_menu_clicks_it_and_sees_it_change_in_place() {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default()).unwrap();
    let tray = TrayHost::start(&desktop).unwrap();
    let mut program = indicator(&desktop);
    let menu = tray.until("with words", |menu| menu.has(&["stopped"])).unwrap();
    assert_eq!(menu.labels(), ["stopped", "Start", "Devices (1)", "Quit"]);
    assert!(!menu.find(&["stopped"]).unwrap().enabled);
    assert!(menu.children[1].separator);
    assert_eq!(menu.find(&["Devices*", "Mute"]).unwrap().toggle, Some(false));
    assert_eq!(tray.icon().unwrap().title, "Stand-in");

    tray.click(&["Start"]).unwrap();
    tray.until("with the new state", |menu| menu.has(&["running"])).unwrap();
    tray.click(&["Devices (1)", "Mute"]).unwrap();
    tray.until("muted", |menu| menu.find(&["Devices*", "Mute"]).is_some_and(|mute| mute.toggle == Some(true))).unwrap();
    assert_eq!(tray.registrations(), 1);
    assert!(tray.updates().1 > 0, "the menu changed without a signal");

    tray.click(&["Quit"]).unwrap();
    assert!(program.wait(LIMIT).unwrap().success());
    tray.until_gone().unwrap();
    tray.menu().unwrap_err();
}

#[test]
fn a_notification_is_recorded_and_a_click_on_it_comes_back() {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default()).unwrap();
    let daemon = NotificationDaemon::start(&desktop).unwrap();
    daemon.stays_silent(Duration::from_millis(100)).unwrap();
    let mut command = desktop.command("notify-send", "libnotify-bin").unwrap();
    command.args(["--app-name=stand-in", "--action=default=Open", "水壶", "It is on"]);
    let mut program = desktop.spawn("notify-send", &mut command).unwrap();
    let told = daemon.next().unwrap();
    assert_eq!((told.app.as_str(), told.summary.as_str(), told.body.as_str()), ("stand-in", "水壶", "It is on"));
    assert_eq!((told.replaces, told.actions.clone()), (0, vec![("default".to_owned(), "Open".to_owned())]));
    assert!(daemon.untaken().is_empty());
    daemon.click(told.id, "no such action").unwrap_err();
    daemon.click(told.id, "default").unwrap();
    assert!(program.wait(LIMIT).unwrap().success());
    assert_eq!(desktop.log("notify-send").trim(), "default");
    daemon.click(told.id, "default").unwrap_err();
}

fn secret(desktop: &Desktop<'_>, arguments: &[&str], typed: &str) -> Group {
    let mut command = desktop.command("secret-tool", "libsecret-tools").unwrap();
    command.args(arguments).stdin(Stdio::piped());
    let mut group = desktop.spawn("secret-tool", &mut command).unwrap();
    group.child().stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    group
}

const STORE: [&str; 5] = ["store", "--label=kettle", "what", "kettle", "--"];
const LOOK: [&str; 3] = ["lookup", "what", "kettle"];

#[test]
fn an_unlocked_keyring_keeps_a_secret() {
    let lab = Lab::new();
    let outfit = Outfit { keyring: Keyring::Unlocked, ..Outfit::default() };
    let desktop = Desktop::start(&lab.computer, outfit).unwrap();
    assert!(secret(&desktop, &STORE[..4], "hot").wait(LIMIT).unwrap().success(), "{}", desktop.log("secret-tool"));
    assert!(secret(&desktop, &LOOK, "").wait(LIMIT).unwrap().success());
    assert_eq!(desktop.log("secret-tool"), "hot");
}

#[test]
fn a_locked_keyring_asks_for_a_password_and_answers_nobody() {
    let lab = Lab::new();
    let outfit = Outfit { keyring: Keyring::Locked, ..Outfit::default() };
    let desktop = Desktop::start(&lab.computer, outfit).unwrap();
    let mut asking = secret(&desktop, &STORE[..4], "hot");
    wait::until(LIMIT, "the question for the password", || Ok(!desktop.windows()?.is_empty())).unwrap();
    asking.wait(PATIENCE).unwrap_err();
}

#[test]
fn a_keyring_without_a_collection_has_no_place_and_an_absent_one_is_no_service() {
    let lab = Lab::new();
    let outfit = Outfit { keyring: Keyring::NoCollection, ..Outfit::default() };
    let desktop = Desktop::start(&lab.computer, outfit).unwrap();
    let alias = |desktop: &Desktop<'_>| -> Output {
        let mut command = desktop.command("gdbus", "libglib2.0-bin").unwrap();
        command.args(["call", "--session", "--dest", "org.freedesktop.secrets"]);
        command.args(["--object-path", "/org/freedesktop/secrets"]);
        command.args(["--method", "org.freedesktop.Secret.Service.ReadAlias", "default"]).output().unwrap()
    };
    let none = alias(&desktop);
    assert!(String::from_utf8_lossy(&none.stdout).contains("'/'"), "{none:?}");
    let absent = Desktop::start(&lab.phone, Outfit::default()).unwrap();
    let refused = alias(&absent);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("ServiceUnknown"), "{refused:?}");
}

#[test]
fn a_dead_portal_answers_nobody_and_an_absent_one_refuses_at_once() {
    let lab = Lab::new();
    let ask = |dead_portal: bool| {
        let desktop = Desktop::start(&lab.computer, Outfit { dead_portal, ..Outfit::default() }).unwrap();
        let mut command = desktop.command("gdbus", "libglib2.0-bin").unwrap();
        command.args(["call", "--session", "--timeout", "2", "--dest", "org.freedesktop.portal.Desktop"]);
        command.args([
            "--object-path",
            "/org/freedesktop/portal/desktop",
            "--method",
            "org.freedesktop.DBus.Peer.Ping",
        ]);
        String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned()
    };
    let absent = ask(false);
    assert!(absent.contains("ServiceUnknown"), "{absent}");
    let dead = ask(true);
    assert!(dead.contains("imeout"), "{dead}");
}

#[test]
fn a_real_panel_draws_the_icon() {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default()).unwrap();
    let _panel = Panel::start(&desktop).unwrap();
    let picture = desktop.home().join("screen.png");
    let colours = || -> Result<usize> {
        desktop.photograph(&picture)?;
        let seen = Panel::cut(&picture)?.pixels().map(|pixel| pixel.0[0]).collect::<std::collections::HashSet<_>>();
        Ok(seen.len())
    };
    let mut bare = 0;
    wait::until(LIMIT, "a bar", || {
        bare = colours()?;
        Ok(bare > 0)
    })
    .unwrap();
    let _program = indicator(&desktop);
    wait::until(LIMIT, "an icon in the bar", || Ok(colours()? > bare + 5)).unwrap();
}

const PAGE: &str = "<!doctype html><html lang=en><title>kettle</title><main><h1>Kettle</h1><button data-test=boil
    onclick=\"said.textContent = 'hot'\">Boil</button><p id=said data-test=said></p></main>";

#[test]
fn a_window_is_driven_and_axe_finds_what_is_wrong_in_it() {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default()).unwrap();
    let listener = lab.computer.listen(([127, 0, 0, 1], 0).into()).unwrap();
    let wrong = PAGE.replace("<p id", "<img src=data:,><p id").replace("lang=en", "");
    let pages = BTreeMap::from([("/", PAGE.to_owned()), ("/wrong", wrong)]);
    let server = PageServer::serve(listener, pages).unwrap();
    let mut window = Window::open(&desktop, &crate::browser::mini_browser().unwrap(), &["--automation"]).unwrap();
    window.go(&format!("http://{}/", server.address())).unwrap();
    assert!(!window.has("kettle").unwrap());
    window.press_on("boil").unwrap();
    assert_eq!(window.words("said").unwrap(), "hot");
    assert_eq!(axe(&mut window).unwrap(), []);
    window.reload().unwrap();
    window.press(key::TAB).unwrap();
    assert_eq!(window.value("document.activeElement.dataset.test").unwrap(), "boil");
    window.press(key::ENTER).unwrap();
    assert_eq!(window.words("said").unwrap(), "hot");
    assert!(window.screenshot_of("[data-test=boil]").unwrap().len() < window.screenshot().unwrap().len());

    window.go(&format!("http://{}/wrong", server.address())).unwrap();
    let mut rules = axe(&mut window).unwrap().into_iter().map(|violation| violation.rule).collect::<Vec<_>>();
    rules.sort();
    assert_eq!(rules, ["html-has-lang", "image-alt"]);
}

#[test]
fn a_desktop_leaves_no_process_behind() {
    let lab = Lab::new();
    let outfit = Outfit { keyring: Keyring::Unlocked, ..Outfit::default() };
    let desktop = Desktop::start(&lab.computer, outfit).unwrap();
    let panel = Panel::start(&desktop).unwrap();
    let program = indicator(&desktop);
    let left = || {
        let listed = Command::new("ip").args(["netns", "pids", lab.computer.name()]).output()?;
        Ok::<_, anyhow::Error>(String::from_utf8_lossy(&listed.stdout).split_whitespace().count())
    };
    assert!(left().unwrap() > 4);
    drop((program, panel, desktop));
    wait::until(LIMIT, "an empty computer", || Ok(left()? == 0)).unwrap();
}
