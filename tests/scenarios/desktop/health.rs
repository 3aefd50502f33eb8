//! A token of OpenClaw's that went stale, seen and mended in the window: the real OpenClaw beside the real application, with the keyboard alone, under axe's
//! rules. The same page says before that all is well.
//!
//! A boot costs up to 40 s: one story, in both languages.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gateway::{Address, Auth, Client, Introduction, Proof, Shared, Token, Who};
use serde_json::{Value, json};
use support::desktop::{Desktop, LIMIT, Outfit, Window};
use support::lab::Lab;
use support::model::Model;
use support::openclaw::{CURRENT, Gateway};
use support::tray_app::TrayApp;
use support::webdriver::key;

use super::everybody::{key_on, obeys};
use super::{in_the_tray, screenshots};

/// For what the gateway says soon, on a busy computer.
const SOON: Duration = Duration::from_secs(90);
/// For a repair: its steps, and two looks ten seconds apart.
const REPAIR: Duration = Duration::from_secs(120);
const WELL: &str = "Health…";
const UNWELL: &str = "Health: something does not work…";

/// A gateway of the person who sits at this desktop.
fn gateway_of(lab: &Lab, desktop: &Desktop<'_>, app: &TrayApp<'_>) -> Result<(Gateway, Model)> {
    let beside = app.id();
    let booted = lab.computer.block_on(|| async move {
        let model = Model::start();
        // What a person edits is not taken over before the next start.
        let mut gateway = Gateway::prepare(CURRENT, &model, &json!({ "gateway": { "reload": { "mode": "off" } } }));
        gateway.beside = Some(beside);
        gateway.boot().await;
        (gateway, model)
    });
    std::os::unix::fs::symlink(&booted.0.state_dir, desktop.home().join(".openclaw"))?;
    Ok(booted)
}

fn until(app: &TrayApp<'_>, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    app.control()?.until_event("view.watch", json!({}), SOON, what, wanted)
}

fn write_token(gateway: &Gateway, token: Value) -> Result<()> {
    let mut config = gateway.config();
    config["gateway"]["auth"]["token"] = token;
    let beside = gateway.state_dir.join("openclaw.json.new");
    std::fs::write(&beside, format!("{config:#}"))?;
    Ok(std::fs::rename(beside, gateway.config_path())?)
}

/// The gateway's own secret cannot be read for a while, and our access is revoked meanwhile: nothing mends that by itself.
fn make_stale(lab: &Lab, app: &TrayApp<'_>, gateway: &Gateway) -> Result<()> {
    let devices = app.control()?.ask("gateway.devices", json!({}))?;
    let ours = devices["paired"].as_array().into_iter().flatten().find(|device| device["ours"] == true);
    let id = ours.and_then(|device| device["deviceId"].as_str()).expect("this app is one of them").to_owned();
    write_token(gateway, json!({ "source": "exec", "provider": "nobody", "id": "token" }))?;
    app.control()?.ask("gateway.connect", json!({ "on": false }))?;
    app.control()?.ask("gateway.connect", json!({ "on": true }))?;
    until(app, "online by its own token", online)?;
    let address = Address::local(gateway.port);
    lab.computer.block_on(|| async move {
        let proof = Proof::of_person(address.clone(), Instant::now());
        let auth = Auth::Shared(Shared::Token(Token::new(Gateway::TOKEN.into())), proof);
        let introduction = Introduction {
            display_name: "Repair".into(),
            version: "0.1.0".into(),
            scopes: vec!["operator.admin".into()],
        };
        let client = Client::connect(&address, &introduction, Who::Repair, &auth, gateway::events()).await;
        client.expect("the gateway's own token").revoke(&id, "operator").await.expect("revoked");
    });
    until(app, "turned away", |view| {
        view["gateway"]["state"] == "stuck" && view["gateway"]["failure"]["code"] == "gateway_device_token_stale"
    })?;
    write_token(gateway, json!(Gateway::TOKEN))
}

fn online(view: &Value) -> bool {
    view["gateway"]["state"] == "online"
}

/// Under axe's rules, and photographed, in both languages. English is what it is left in.
fn in_both(window: &mut Window, app: &TrayApp<'_>, page: &str) -> Result<()> {
    for (tongue, lang) in [("zh", "zh-CN"), ("en", "en")] {
        app.control()?.ask("settings.change", json!({ "language": tongue }))?;
        window.wait_for(&format!("document.documentElement.lang === '{lang}'"), LIMIT)?;
        obeys(window, &format!("{page}, {tongue}"))?;
        window.photograph(&screenshots::folder()?.join(format!("window-{page}-{tongue}-light.png")))?;
    }
    Ok(())
}

#[test]
fn a_stale_token_is_mended_in_the_window_by_the_keyboard_and_photographed() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (tray, app) = in_the_tray(&desktop)?;
    app.control()?.ask("settings.change", json!({ "welcomed": true, "secretsInFile": true, "language": "en" }))?;
    let (gateway, _model) = gateway_of(&lab, &desktop, &app)?;
    app.control()?.ask("gateway.connect", json!({ "on": true }))?;
    until(&app, "online", online)?;

    let mut window = app.window()?;
    key_on(&mut window, "nav-gateway", key::ENTER)?;
    window.find("gateway-device")?;
    in_both(&mut window, &app, "gateway")?;
    // The twin: nothing is wrong, and nothing is found.
    key_on(&mut window, "nav-health", key::ENTER)?;
    window.find("health-looked")?;
    window.wait_for("document.querySelector('[data-link=pairing]').dataset.state === 'works'", LIMIT)?;
    ensure!(!window.has("finding")? && !window.has("nav-unwell")?, "something was found");
    tray.until("all is well", |menu| menu.has(&[WELL]) && !menu.has(&[UNWELL]))?;

    make_stale(&lab, &app, &gateway)?;
    window.wait_for("document.querySelector('[data-link=pairing]').dataset.state === 'broken'", LIMIT)?;
    until(&app, "the look of its own", |view| view["care"]["looking"] == false)?;
    key_on(&mut window, "health-look", key::ENTER)?;
    window.wait_for("!!document.querySelector('[data-cause=deviceTokenStale] [data-test=finding-repair]')", LIMIT)?;
    until(&app, "the look that was asked for", |view| view["care"]["looking"] == false)?;
    window.find("nav-unwell")?;
    tray.until("something is wrong", |menu| menu.has(&[UNWELL]))?;
    in_both(&mut window, &app, "health-finding")?;

    key_on(&mut window, "finding-repair", key::ENTER)?;
    window.wait_for("document.activeElement?.dataset.test === 'repair-no'", LIMIT)?;
    in_both(&mut window, &app, "health-plan")?;
    ensure!(app.view()?["care"]["running"].is_null(), "nobody agreed yet");
    window.wait_for("document.querySelector('[data-test=repair-yes]').ariaDisabled === 'false'", LIMIT)?;
    key_on(&mut window, "repair-yes", key::ENTER)?;
    window.wait_for("document.activeElement?.dataset.test === 'repair-card'", LIMIT)?;
    window.wait_for("document.querySelector('[data-test=repair-card]').dataset.shape === 'good'", REPAIR)?;
    window.wait_for("document.querySelector('[data-link=pairing]').dataset.state === 'works'", LIMIT)?;
    until(&app, "verified", |view| online(view) && view["care"]["last"]["outcome"]["kind"] == "verified")?;
    window.wait_for("!document.querySelector('[data-test=finding]')", LIMIT)?;
    tray.until("all is well again", |menu| menu.has(&[WELL]) && !menu.has(&[UNWELL]))?;
    in_both(&mut window, &app, "health-repaired")?;

    // The journal says what was done, to the window too, and holds no secret.
    let journal = std::fs::read_to_string(app.data().join("repairs.jsonl"))?;
    ensure!(journal.contains("deviceTokenStale") && !journal.contains(Gateway::TOKEN), "{journal}");
    key_on(&mut window, "history-open", key::ENTER)?;
    window.find("history-repair")?;
    key_on(&mut window, "repair-undo", key::ENTER)?;
    window.wait_for("document.activeElement?.dataset.test === 'undo-no'", LIMIT)?;
    key_on(&mut window, "undo-yes", key::ENTER)?;
    window.wait_for("!!document.querySelector('[data-test=repair-card] [data-state=undone]')", REPAIR)?;
    obeys(&mut window, "health, undone")?;
    Ok(())
}
