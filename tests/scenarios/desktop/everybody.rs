//! The window for everybody: axe's rules on every page in both languages and themes, the keyboard alone, and 200 % zoom. The window is
//! `smartpi-window` under WebKitWebDriver; devices are the real `smartpi simulate`.

use anyhow::{Result, ensure};
use serde_json::json;
use support::axe::axe;
use support::desktop::{Desktop, LIMIT, Outfit, Window};
use support::lab::Lab;
use support::simulated::Simulated;
use support::webdriver::key;

use super::{ZH, furnish, in_the_tray};

/// Fails with every broken rule, after the page of this name has come.
pub(super) fn obeys(window: &mut Window, page: &str) -> Result<()> {
    let found = axe(window)?;
    ensure!(found.is_empty(), "{page}: {found:#?}");
    Ok(())
}

fn every_page_obeys(locale: &'static str, dark: bool) -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit { locale, dark, ..Outfit::default() })?;
    let (_tray, app) = in_the_tray(&desktop)?;
    let mut window = app.window()?;
    window.find("page-welcome")?;
    assert_eq!(window.value("matchMedia('(prefers-color-scheme: dark)').matches")?, dark);
    let lang = if locale == ZH { "zh-CN" } else { "en" };
    assert_eq!(window.value("document.documentElement.lang")?, lang);
    for step in ["1", "2", "3"] {
        window.wait_for(
            &format!("document.querySelector('[data-test=page-welcome]')?.dataset.step === '{step}'"),
            LIMIT,
        )?;
        obeys(&mut window, &format!("welcome {step}"))?;
        if step != "3" {
            window.press_on("welcome-next")?;
        }
    }
    window.press_on("welcome-skip")?;
    window.find("page-devices")?;
    obeys(&mut window, "devices, none")?;
    window.press_on("bind-device")?;
    window.find("network-question")?;
    obeys(&mut window, "bind, the question")?;
    window.press_on("allow-network")?;
    window.find("bind-qr")?;
    obeys(&mut window, "bind, the code")?;

    let devices = furnish(&desktop, &app)?;
    window.press_on("nav-devices")?;
    window.wait_for(
        &format!("document.querySelectorAll('[data-test=device-row]').length === {}", devices.len()),
        LIMIT,
    )?;
    obeys(&mut window, "devices, some")?;
    window.press_on("device-menu")?;
    window.find("device-remove")?;
    obeys(&mut window, "devices, the menu")?;
    window.press_on("device-remove")?;
    window.find("confirm-remove")?;
    obeys(&mut window, "devices, the question")?;
    window.press_on("cancel-remove")?;
    window.press_on("nav-activity")?;
    window.find("activity-turn")?;
    obeys(&mut window, "activity")?;
    window.press_on("nav-settings")?;
    window.find("page-settings")?;
    obeys(&mut window, "settings")
}

#[test]
fn axe_finds_nothing_on_any_page_in_english_and_light() -> Result<()> {
    every_page_obeys("en_US.UTF-8", false)
}

#[test]
fn axe_finds_nothing_on_any_page_in_english_and_dark() -> Result<()> {
    every_page_obeys("en_US.UTF-8", true)
}

#[test]
fn axe_finds_nothing_on_any_page_in_chinese_and_light() -> Result<()> {
    every_page_obeys(ZH, false)
}

#[test]
fn axe_finds_nothing_on_any_page_in_chinese_and_dark() -> Result<()> {
    every_page_obeys(ZH, true)
}

/// Presses Tab until the focus is on the element with this `data-test`. Every stop on the way must be seen.
fn tab_to(window: &mut Window, mark: &str) -> Result<()> {
    const STOPS: usize = 60;
    window.find(mark)?;
    let here = format!("document.activeElement?.dataset.test === {}", json!(mark));
    for _ in 0..STOPS {
        if window.value(&here)? == true {
            return Ok(());
        }
        window.press(key::TAB)?;
        let shown = window.value(
            "(() => {
                const at = document.activeElement;
                if (!at || at === document.body) return true;
                const drawn = part => { const style = getComputedStyle(at, part); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0; };
                return at.matches(':focus-visible') && (drawn(null) || drawn('::after') || !!at.closest('.focused'))
                    || at.outerHTML.slice(0, 200);
            })()",
        )?;
        ensure!(shown == true, "the focus cannot be seen on {shown}");
    }
    anyhow::bail!("the keyboard does not reach {mark}");
}

/// Presses a key on the element with this `data-test`.
pub(super) fn key_on(window: &mut Window, mark: &str, key: &str) -> Result<()> {
    tab_to(window, mark)?;
    window.press(key)
}

#[test]
fn a_person_without_a_mouse_gets_through_the_window() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (_tray, app) = in_the_tray(&desktop)?;
    let mut window = app.window()?;
    window.find("page-welcome")?;
    for step in ["1", "2"] {
        window.wait_for(
            &format!("document.querySelector('[data-test=page-welcome]')?.dataset.step === '{step}'"),
            LIMIT,
        )?;
        key_on(&mut window, "welcome-next", key::ENTER)?;
    }
    key_on(&mut window, "allow-network", key::ENTER)?;
    window.find("bind-qr")?;
    // The device is bound from here, its digits typed where the focus already is.
    let url = app.control()?.ask("devices.pending", json!({}))?;
    assert_eq!(url["pending"], json!([]));
    let kitchen = Simulated::bind(&desktop, &app, "Kitchen", "speaker")?;
    key_on(&mut window, "nav-devices", key::ENTER)?;
    window.find("device-row")?;

    key_on(&mut window, "device-menu", key::ENTER)?;
    window.wait_for("document.activeElement?.dataset.test === 'device-rename'", LIMIT)?;
    window.press(key::ESCAPE)?;
    window.wait_for("document.activeElement?.dataset.test === 'device-menu'", LIMIT)?;
    window.press(key::ENTER)?;
    window.wait_for("document.activeElement?.dataset.test === 'device-rename'", LIMIT)?;
    window.press(key::END)?;
    window.wait_for("document.activeElement?.dataset.test === 'device-remove'", LIMIT)?;
    window.press(key::ENTER)?;
    window.wait_for("document.activeElement?.dataset.test === 'cancel-remove'", LIMIT)?;
    window.press(key::ESCAPE)?;
    window.wait_for("!document.querySelector('dialog[open]')", LIMIT)?;
    ensure!(super::device(&app.view()?, kitchen.key()).is_some(), "Escape removed it");

    key_on(&mut window, "nav-activity", key::ENTER)?;
    window.find("page-activity")?;
    key_on(&mut window, "nav-settings", key::ENTER)?;
    window.find("page-settings")?;
    key_on(&mut window, "service-toggle", key::SPACE)?;
    app.until_view("stopped", |view| view["service"]["phase"] == "stopped")?;
    key_on(&mut window, "service-toggle", key::SPACE)?;
    app.until_view("running", |view| view["service"]["phase"] == "running")?;
    Ok(())
}

/// Twice as large is half as many CSS pixels: 450 of the window's 900. It also serves at its smallest, 360.
#[test]
fn at_200_percent_no_page_scrolls_sideways() -> Result<()> {
    let lab = Lab::new();
    for locale in ["en_US.UTF-8", ZH] {
        let desktop = Desktop::start(&lab.computer, Outfit { locale, ..Outfit::default() })?;
        let (_tray, app) = in_the_tray(&desktop)?;
        app.control()?.ask("settings.change", json!({"welcomed": true}))?;
        app.control()?.ask("network.allow", json!({"allow": true}))?;
        let _devices = furnish(&desktop, &app)?;
        let mut window = app.window()?;
        for width in [450, 360] {
            window.post("/window/rect", &json!({"x": 0, "y": 0, "width": width, "height": 640}))?;
            window.wait_for(&format!("innerWidth <= {width}"), LIMIT)?;
            for page in ["devices", "activity", "settings", "bind"] {
                if page == "bind" {
                    window.press_on("nav-devices")?;
                    window.press_on("bind-device")?;
                    window.find("bind-qr")?;
                } else {
                    window.press_on(&format!("nav-{page}"))?;
                }
                window.find(&format!("page-{page}"))?;
                let wide = window.value(
                    "[document.documentElement, document.querySelector('main')]
                        .filter(part => part.scrollWidth > part.clientWidth).map(part => `${part.tagName} ${part.scrollWidth} > ${part.clientWidth}`)",
                )?;
                assert_eq!(wide, json!([]), "{page} at {width} ({locale})");
            }
        }
    }
    Ok(())
}
