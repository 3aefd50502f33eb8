//! The product's own story: a person who never saw a terminal binds a phone. The window is `smartpi-window` under WebKitWebDriver, the phone a
//! Chromium of a phone's size at the other end of a cable (192.168.77.x), the notifications come over D-Bus.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use support::browser::Engine;
use support::desktop::{Desktop, LIMIT, NotificationDaemon, Outfit, Window};
use support::lab::Lab;
use support::phone::Phone;
use support::qr;
use support::tray_app::TrayApp;

use super::{device, in_the_tray, row, until};

const WORDS: &str = "水开了吗？ Is the kettle on?";

/// Rounds at the same time: most of a round is waiting for what a person is told after 10 s.
const AT_ONCE: u32 = 3;

/// Ten times in ten, from a new home each; `SMARTPI_WINDOW_ROUNDS` asks for another number.
#[test]
fn a_phone_is_bound_talks_leaves_and_is_removed_ten_times_in_ten() -> Result<()> {
    let rounds: u32 = std::env::var("SMARTPI_WINDOW_ROUNDS").ok().map_or(Ok(10), |rounds| rounds.parse())?;
    let next = AtomicU32::new(1);
    let work = || -> Result<()> {
        loop {
            let round = next.fetch_add(1, Ordering::Relaxed);
            if round > rounds {
                return Ok(());
            }
            bind_talk_leave_and_remove(round).with_context(|| format!("round {round} of {rounds}"))?;
        }
    };
    std::thread::scope(|scope| {
        let workers = (0..AT_ONCE).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn bind_talk_leave_and_remove(round: u32) -> Result<()> {
    let lab = Lab::new();
    // Every second one is Chinese.
    let locale = if round.is_multiple_of(2) { super::ZH } else { "en_US.UTF-8" };
    let desktop = Desktop::start(&lab.computer, Outfit { locale, ..Outfit::default() })?;
    let daemon = NotificationDaemon::start(&desktop)?;
    let (tray, app) = in_the_tray(&desktop)?;
    let mut window = app.window()?;
    let url = first_run_up_to_the_code(&mut window)?;

    let mut phone = claim(&lab, &url)?;
    let digits = phone.code()?;
    let bound = confirm(&mut window, &digits)?;
    phone.until_connection("connected")?;
    assert_eq!(bound, "bound");
    window.press_on("bind-done")?;
    window.find("page-devices")?;
    let view = app.until_view("with the phone online", |view| view["devices"][0]["state"] == "online")?;
    let key = view["devices"][0]["deviceKey"].as_str().context("no key")?.to_owned();
    let name = view["devices"][0]["name"].as_str().context("no name")?.to_owned();
    let state = |state: &str| {
        format!("document.querySelector({})?.dataset.state === '{state}'", json!(row(&key, "device-state")))
    };
    window.wait_for(&state("online"), LIMIT)?;

    phone.say(WORDS)?;
    phone.until_message(WORDS, "answered")?;
    window.press_on("nav-activity")?;
    let turn = format!(
        "[...document.querySelectorAll('[data-test=activity-turn]')].some(turn => turn.textContent.includes({}))",
        json!(WORDS)
    );
    window.wait_for(&turn, LIMIT)?;

    window.press_on("nav-devices")?;
    drop(phone);
    window.wait_for(&state("offline"), LIMIT)?;
    let told = daemon.until("the leave", |told| told.summary.contains(&name))?;
    ensure!(told.summary.contains("disconnected") || told.summary.contains("已断开"), "{told:?}");

    window.click(&row(&key, "device-menu"))?;
    window.press_on("device-remove")?;
    window.find("confirm-remove")?;
    ensure!(device(&app.view()?, &key).is_some(), "it was removed without a question");
    window.press_on("confirm-remove")?;
    window.wait_for(&format!("!document.querySelector({})", json!(row(&key, "device-state"))), LIMIT)?;
    app.until_view("without the phone", |view| device(view, &key).is_none())?;
    assert_eq!(tray.registrations(), 1);

    drop(window);
    app.until_window(false)?;
    until("no web process", || Ok(web_processes(&desktop)? == 0))
}

/// The three screens of a first run, to the picture that a camera sees; gives what both decoders read in it.
fn first_run_up_to_the_code(window: &mut Window) -> Result<String> {
    window.find("page-welcome")?;
    window.press_on("welcome-next")?;
    window.wait_for("document.querySelector('[data-test=page-welcome]')?.dataset.step === '2'", LIMIT)?;
    window.press_on("welcome-next")?;
    window.wait_for("document.querySelector('[data-test=page-welcome]')?.dataset.step === '3'", LIMIT)?;
    window.press_on("allow-network")?;
    window.find("page-bind")?;
    read_code(window)
}

/// What both decoders read in the picture of the code. The first pictures can be taken before it is painted.
fn read_code(window: &mut Window) -> Result<String> {
    let css = window.find("bind-qr")?;
    let mut read = None;
    until("a QR code that two decoders read", || {
        read = window.screenshot_of(&css).and_then(|png| qr::read_png(&png)).ok();
        Ok(read.as_ref().is_some_and(|url| url.starts_with("http://192.168.77.1:8765/b#")))
    })?;
    read.context("no code")
}

/// A phone at the other end of the cable that scanned the code and wants to be bound.
fn claim(lab: &Lab, url: &str) -> Result<Phone> {
    let mut phone = Phone::open(Engine::Chromium, &lab.phone)?;
    phone.scan(url)?;
    phone.agree()?;
    Ok(phone)
}

/// Types the digits into the window and gives the state that follows.
fn confirm(window: &mut Window, digits: &str) -> Result<String> {
    let field = window.find("bind-code")?;
    window.type_into(&field, digits)?;
    window.press_on("bind-confirm")?;
    let state = window.wait_for(
        "['bound', 'failed'].find(state => document.querySelector('[data-test=bind-state]')?.dataset.state === state)
            ?? (document.querySelector('[data-test=bind-code]')?.getAttribute('aria-invalid') === 'true' && 'wrong')",
        LIMIT,
    )?;
    Ok(state.as_str().unwrap_or_default().to_owned())
}

/// The twin: other digits than those on the phone bind nothing.
#[test]
fn wrong_digits_in_the_window_bind_nothing_and_the_right_ones_still_do() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (_tray, app) = in_the_tray(&desktop)?;
    let mut window = app.window()?;
    let url = first_run_up_to_the_code(&mut window)?;
    let mut phone = claim(&lab, &url)?;
    let digits = phone.code()?;
    let others = if digits == "00" { "11" } else { "00" };
    assert_eq!(confirm(&mut window, others)?, "wrong");
    assert_eq!(app.view()?["devices"], json!([]), "wrong digits bound a device");
    assert_eq!(confirm(&mut window, &digits)?, "bound");
    phone.until_connection("connected")
}

#[test]
fn a_refused_phone_is_told_and_not_bound() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (_tray, app) = in_the_tray(&desktop)?;
    let mut window = app.window()?;
    let url = first_run_up_to_the_code(&mut window)?;
    let mut phone = claim(&lab, &url)?;
    phone.code()?;
    window.press_on("bind-reject")?;
    phone.until_refused()?;
    assert_eq!(app.view()?["devices"], json!([]));
    Ok(())
}

/// A device asks while the window is closed: the notification brings the question.
#[test]
fn a_phone_that_asks_while_the_window_is_closed_is_announced_and_a_click_opens_the_question() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let daemon = NotificationDaemon::start(&desktop)?;
    let (_tray, app) = in_the_tray(&desktop)?;
    app.control()?.ask("settings.change", json!({"welcomed": true}))?;
    app.control()?.ask("network.allow", json!({"allow": true}))?;
    let url = link(&app)?;
    let mut phone = claim(&lab, &url)?;
    phone.code()?;
    let told = daemon.until("the question", |told| told.summary.ends_with("wants to connect"))?;
    daemon.click(told.id, "default")?;
    app.until_window(true)
}

fn link(app: &TrayApp<'_>) -> Result<String> {
    app.until_view("in the network", |view| {
        view["network"]["addresses"].as_array().is_some_and(|all| all.iter().any(|one| one["ip"] == "192.168.77.1"))
    })?;
    let started = app.control()?.ask("bind.start", json!({"address": "192.168.77.1"}))?;
    Ok(started["url"].as_str().with_context(|| format!("no url: {started}"))?.to_owned())
}

/// WebKit's processes on this desktop.
fn web_processes(desktop: &Desktop<'_>) -> Result<usize> {
    let listed = std::process::Command::new("ip").args(["netns", "pids", desktop.place().name()]).output()?;
    let pids = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = pids.split_whitespace().filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    Ok(names.filter(|name| name.starts_with("WebKit") && !name.starts_with("WebKitWebDriver")).count())
}
