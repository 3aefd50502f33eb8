//! What a person takes out of the window, a script's token and a report, and what they decide in a device's details. The window is `smartpi-window` under
//! WebKitWebDriver; the script is the real `smartpi simulate` on another computer.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use support::axe::axe;
use support::binaries;
use support::desktop::{Desktop, LIMIT, Outfit, Window};
use support::lab::Lab;
use support::program::Program;
use support::webdriver::key;

use super::in_the_tray;

/// Fails with every broken rule of what is shown now.
fn obeys(window: &mut Window, what: &str) -> Result<()> {
    let found = axe(window)?;
    ensure!(found.is_empty(), "{what}: {found:#?}");
    Ok(())
}

#[test]
fn a_person_adds_a_script_decides_who_may_speak_and_saves_a_report() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (_tray, app) = in_the_tray(&desktop)?;
    app.control()?.ask("settings.change", json!({"welcomed": true}))?;
    app.control()?.ask("network.allow", json!({"allow": true}))?;
    let mut window = app.window()?;

    // The keyboard alone: the field has the focus, Enter makes, the button that ends it has the focus then.
    window.press_on("add-script")?;
    let field = window.find("script-name")?;
    window.wait_for("document.activeElement?.dataset.test === 'script-name'", LIMIT)?;
    obeys(&mut window, "the name")?;
    window.type_into(&field, "Cron")?;
    ensure!(app.view()?["devices"] == json!([]), "a script was added before anybody said so");
    window.press(key::ENTER)?;
    let token = window.words("script-token")?;
    let (place, certificate) = (window.words("script-there")?, window.words("script-certificate")?);
    obeys(&mut window, "the token")?;
    window.wait_for("document.activeElement?.dataset.test === 'script-done'", LIMIT)?;
    window.press(key::ENTER)?;
    window.wait_for("!document.querySelector('dialog[open]')", LIMIT)?;
    let kept = format!("document.documentElement.outerHTML.includes({})", json!(token.trim()));
    ensure!(window.value(&kept)? == false, "the token is still in the page");

    let mut script = lab.phone.command(binaries::smartpi());
    script.arg("--data").arg(desktop.home().join("elsewhere")).args(["--json", "simulate", "--token", token.trim()]);
    script.args(["--address", place.trim(), "--certificate", certificate.trim(), "--text", "hello"]);
    let mut script = Program::start(script, desktop.home().join("script.out"))?;
    script.ends_with(0)?;
    let view = app.view()?;
    let added = &view["devices"][0];
    assert_eq!((&added["name"], &added["kind"]), (&json!("Cron"), &json!("script")));

    let row = added["deviceKey"].as_str().context("a key")?.to_owned();
    window.click(&format!("[data-test=device-row][data-key=\"{row}\"] button.name"))?;
    window.find("speaks-first")?;
    obeys(&mut window, "the details")?;
    window.press_on("speaks-nobody")?;
    app.until_view("told", |view| view["devices"][0]["speaksFirst"] == "nobody")?;

    window.press_on("nav-settings")?;
    window.press_on("make-report")?;
    let report = window.words("report-text")?;
    ensure!(report.contains("devices: 1 bound") && !report.contains("Cron"), "{report}");
    ensure!(!report.contains(token.trim()), "the token is in the report");
    obeys(&mut window, "the report")?;
    window.press_on("report-save")?;
    let saved = window.words("report-saved")?;
    let file = saved.split_whitespace().last().map(std::path::PathBuf::from).context("a path")?;
    assert_eq!(file.parent(), Some(desktop.home().as_path()), "no folder for downloads here, so the home");
    let text = std::fs::read_to_string(&file)?;
    ensure!(text.trim() == report.trim(), "another text was saved: {text}");
    assert_eq!(std::fs::metadata(&file)?.permissions().mode() & 0o777, 0o600);
    window.press(key::ESCAPE)?;
    window.wait_for("!document.querySelector('dialog[open]')", LIMIT)?;
    Ok(())
}

/// The window has not what it takes to make a report; the tray's program has, also where it cannot run.
#[test]
fn a_window_without_the_program_makes_and_saves_a_report_too() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let why = json!({"code": "store_unusable", "detail": "it is a folder"}).to_string();
    let mut window = Window::open(&desktop, &binaries::smartpi_window(), &["--failure", &why])?;
    window.until_seen()?;
    window.find("page-lost")?;
    window.press_on("make-report")?;
    let report = window.words("report-text")?;
    ensure!(report.starts_with("SmartPi ") && report.contains("service: not running"), "{report}");
    obeys(&mut window, "the report of nobody")?;
    window.press_on("report-save")?;
    let saved = window.words("report-saved")?;
    let text = std::fs::read_to_string(saved.split_whitespace().last().context("a path")?)?;
    assert_eq!(text.trim(), report.trim());
    Ok(())
}
