//! Pictures for people to look at: every page in both languages and themes, the tray's menu and the panel. They go to `target/screenshots`, with
//! `make screenshots` to `docs/screenshots`.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use support::browser::pictures;
use support::desktop::{Desktop, LIMIT, Outfit, Panel};
use support::lab::Lab;
use support::tray_app::TrayApp;

use super::{ZH, furnish, in_the_tray, until};

fn pages(locale: &'static str, dark: bool) -> Result<()> {
    let folder = pictures()?;
    let (tongue, theme) = (if locale == ZH { "zh" } else { "en" }, if dark { "dark" } else { "light" });
    let picture = |page: &str| folder.join(format!("window-{page}-{tongue}-{theme}.png"));
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit { locale, dark, ..Outfit::default() })?;
    let (_tray, app) = in_the_tray(&desktop)?;
    let mut window = app.window()?;
    window.find("page-welcome")?;
    window.photograph(&picture("welcome"))?;
    window.press_on("welcome-skip")?;
    app.control()?.ask("network.allow", json!({"allow": true}))?;
    let devices = furnish(&desktop, &app)?;
    window.wait_for(
        &format!("document.querySelectorAll('[data-test=device-row]').length === {}", devices.len()),
        LIMIT,
    )?;
    window.wait_for("document.querySelectorAll('[data-test=device-state][data-state=offline]').length === 1", LIMIT)?;
    window.photograph(&picture("devices"))?;
    window.press_on("nav-activity")?;
    window.find("activity-turn")?;
    window.photograph(&picture("activity"))?;
    window.press_on("nav-settings")?;
    window.find("page-settings")?;
    window.photograph(&picture("settings"))?;
    window.press_on("nav-devices")?;
    window.press_on("bind-device")?;
    let qr = window.find("bind-qr")?;
    until("a painted code", || Ok(window.screenshot_of(&qr).and_then(|png| support::qr::read_png(&png)).is_ok()))?;
    window.photograph(&picture("bind"))?;
    Ok(())
}

#[test]
fn every_page_is_photographed_in_english_and_light() -> Result<()> {
    pages("en_US.UTF-8", false)
}

#[test]
fn every_page_is_photographed_in_english_and_dark() -> Result<()> {
    pages("en_US.UTF-8", true)
}

#[test]
fn every_page_is_photographed_in_chinese_and_light() -> Result<()> {
    pages(ZH, false)
}

#[test]
fn every_page_is_photographed_in_chinese_and_dark() -> Result<()> {
    pages(ZH, true)
}

/// A real panel, the icon in it, and the menu that a click opens.
fn panel(locale: &'static str, name: &str) -> Result<()> {
    let folder = pictures()?;
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit { locale, ..Outfit::default() })?;
    let _panel = Panel::start(&desktop)?;
    let picture = desktop.home().join("screen.png");
    let colours = || -> Result<usize> {
        desktop.photograph(&picture)?;
        let seen = Panel::cut(&picture)?.pixels().map(|pixel| pixel.0[0]).collect::<std::collections::BTreeSet<_>>();
        Ok(seen.len())
    };
    let bare = colours()?;
    let app = TrayApp::start(&desktop, &["--hidden"])?;
    let _devices = furnish(&desktop, &app)?;
    until("the icon in the panel", || Ok(colours()? > bare + 5))?;
    let screen = image::open(&picture)?;
    screen.crop_imm(0, 0, 640, Panel::HEIGHT).save(folder.join("panel.png"))?;

    let dark_below = || -> Result<bool> {
        desktop.photograph(&picture)?;
        // The bare screen below the panel is black; a menu is not.
        let below = image::open(&picture)?.crop_imm(0, Panel::HEIGHT, 400, 300).into_luma8();
        Ok(below.pixels().filter(|pixel| pixel.0[0] > 100).count() < 1_000)
    };
    ensure!(dark_below()?, "something lies where the menu is to open");
    click_at(&desktop, 16, Panel::HEIGHT / 2)?;
    until("an open menu", || Ok(!dark_below()?))?;
    let menu = image::open(&picture)?.crop_imm(0, 0, 480, 420);
    menu.save(folder.join(name)).with_context(|| format!("cannot write {name}"))
}

fn click_at(desktop: &Desktop<'_>, x: u32, y: u32) -> Result<()> {
    let mut command: Command = desktop.command("xdotool", "xdotool")?;
    let output = command.args(["mousemove", &x.to_string(), &y.to_string(), "click", "1"]).output()?;
    ensure!(output.status.success(), "xdotool: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[test]
fn the_menu_in_a_real_panel_is_photographed_in_english() -> Result<()> {
    panel("en_US.UTF-8", "tray-menu-en.png")
}

#[test]
fn the_menu_in_a_real_panel_is_photographed_in_chinese() -> Result<()> {
    panel(ZH, "tray-menu-zh.png")
}
