//! SmartPi as a device of the gateway: the person wishes it, sees who has access and who asks, lets in and turns away; and stale tokens mend themselves.

use std::process::Command;
use std::time::{Duration, Instant};

use gateway::{Address, Auth, Client, Identity, Introduction, Proof, Shared, Token, Who};
use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::openclaw::Gateway;
use support::terminal::Terminal;

use super::stage::Stage;
use crate::gateway_link::as_a_page;

/// For what the gateway and the service do at once.
const SOON: Duration = Duration::from_secs(30);

/// The view's part about the gateway, once it is like this.
fn until(stage: &Stage, title: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let control = Control::connect(&stage.data()).expect("the service runs");
    let view = control.until_event("view.watch", json!({}), SOON, title, |view| wanted(&view["gateway"]));
    view.unwrap_or_else(|error| panic!("{error:#}"))["gateway"].take()
}

fn refused(stage: &Stage, what: &str, arguments: Value) -> String {
    let refused = Control::connect(&stage.data()).and_then(|mut control| control.refused(what, arguments));
    refused.unwrap_or_else(|error| panic!("{error:#}"))
}

fn paired(stage: &Stage, device_id: &str) -> Option<Value> {
    let devices = stage.ask("gateway.devices", json!({}));
    let mut paired = devices["paired"].as_array().expect("a list").iter();
    paired.find(|device| device["deviceId"] == device_id).cloned()
}

fn ours(stage: &Stage) -> Value {
    let devices = stage.ask("gateway.devices", json!({}));
    let ours: Vec<&Value> =
        devices["paired"].as_array().expect("a list").iter().filter(|device| device["ours"] == true).collect();
    let [ours] = ours.as_slice() else { panic!("one of them is this app: {devices}") };
    (*ours).clone()
}

pub(super) async fn the_app_becomes_a_device_of_the_gateway(stage: &Stage) {
    assert_eq!(until(stage, "there", |_| true)["state"], "off", "nothing is looked for before the person wishes it");
    assert_eq!(refused(stage, "gateway.devices", json!({})), "gateway_off");
    // This home has no keyring: no key is made in a file that the person did not choose.
    stage.ask("gateway.connect", json!({ "on": true }));
    let stuck = until(stage, "stuck", |gateway| gateway["state"] == "stuck");
    let code = stuck["failure"]["code"].as_str().unwrap_or_default().to_owned();
    assert!(code.starts_with("keyring_"), "{stuck}");
    stage.ask("settings.change", json!({ "secretsInFile": true }));
    stage.ask("gateway.connect", json!({ "on": true }));
    let online = until(stage, "online", |gateway| gateway["state"] == "online");
    assert_eq!((&online["version"], &online["failure"]), (&json!(super::CURRENT), &Value::Null), "{online}");

    let us = ours(stage);
    assert!(us["name"].as_str().is_some_and(|name| name.starts_with("SmartPi Tray @ ")), "{us}");
    let id = us["deviceId"].as_str().expect("an id");
    for what in ["gateway.remove", "gateway.rotate", "gateway.revoke"] {
        assert_eq!(refused(stage, what, json!({ "deviceId": id, "role": "operator" })), "gateway_ourselves", "{what}");
    }
}

pub(super) async fn devices_are_let_in_and_turned_away(stage: &Stage) {
    let guest = Identity::from_seed(&[77; Identity::SEED_BYTES]);
    let request = as_a_page(stage.gateway.port, &guest).await;
    let asks = |gateway: &Value| {
        gateway["pending"].as_array().is_some_and(|all| all.iter().any(|one| one["requestId"] == request.as_str()))
    };
    let waiting = until(stage, "asked", asks);
    let before = waiting["devicesRevision"].as_u64().expect("a number");
    assert_eq!(refused(stage, "gateway.approve", json!({ "requestId": "another" })), "gateway_request_unknown");
    assert_eq!(paired(stage, guest.device_id()), None, "nothing was approved");

    // Without a person at a terminal nobody is let in.
    let alone = stage.smartpi(&["gateway", "devices", "approve", request.as_str()]).await;
    assert_eq!(alone.status.code(), Some(4), "{alone:?}");
    assert_eq!(paired(stage, guest.device_id()), None);
    let mut command = Command::new(binaries::smartpi());
    command.args(["gateway", "devices", "approve", request.as_str(), "--lang", "en", "--data"]).arg(stage.data());
    command.env_clear().envs(stage.gateway.environment());
    let mut terminal = Terminal::run(&command).expect("a terminal");
    let says = |words: &'static str| move |text: &str| text.contains(words).then_some(());
    // What it gets is read before, in words.
    terminal.until(SOON, "what is asked", says("asks to be allowed to: see chats")).expect("the rights in words");
    terminal.until(SOON, "a question", says("Approve \"")).expect("the person is asked");
    terminal.type_line("y").expect("a line");
    terminal.until(SOON, "a word that it is done", says("has access now")).expect("it is done");
    let answered = until(stage, "answered", |gateway| !asks(gateway));
    assert!(answered["devicesRevision"].as_u64().is_some_and(|now| now > before), "{answered}");
    let device = paired(stage, guest.device_id()).expect("it is in");
    assert_eq!(device["ours"], false);

    let id = guest.device_id();
    stage.ask("gateway.rename", json!({ "deviceId": id, "name": "客厅电视" }));
    assert_eq!(paired(stage, id).expect("it is in")["name"], "客厅电视");
    let made = |device: &Value| device["tokens"][0]["madeMs"].as_i64();
    stage.ask("gateway.rotate", json!({ "deviceId": id, "role": "operator" }));
    assert!(made(&paired(stage, id).expect("it is in")) > made(&device), "the token is another one");
    stage.ask("gateway.revoke", json!({ "deviceId": id, "role": "operator" }));
    let listed = stage.smartpi(&["gateway", "devices", "list", "--json"]).await.expect_json();
    assert_eq!(listed["paired"].as_array().map(Vec::len), Some(2), "{listed}");
    stage.ask("gateway.remove", json!({ "deviceId": id }));
    assert_eq!(paired(stage, id), None);
    assert_eq!(refused(stage, "gateway.remove", json!({ "deviceId": id })), "gateway_device_unknown");

    let request = as_a_page(stage.gateway.port, &guest).await;
    stage.ask("gateway.reject", json!({ "requestId": request.as_str() }));
    assert_eq!(refused(stage, "gateway.reject", json!({ "requestId": request.as_str() })), "gateway_request_unknown");
    as_a_page(stage.gateway.port, &guest).await;
    assert_eq!(stage.ask("gateway.clear", json!({ "devices": false })), json!({ "removed": 0, "rejected": 1 }));
}

/// A link that signs in is shown to a person at a terminal, and to nobody else.
pub(super) async fn a_dashboard_link_is_for_a_terminal_only(stage: &Stage) {
    let alone = stage.smartpi(&["gateway", "dashboard"]).await;
    assert_eq!(alone.status.code(), Some(4), "{alone:?}");
    let mut command = Command::new(binaries::smartpi());
    command.args(["gateway", "dashboard", "--lang", "en", "--data"]).arg(stage.data());
    command.env_clear().envs(stage.gateway.environment());
    let mut terminal = Terminal::run(&command).expect("a terminal");
    let place = format!("http://127.0.0.1:{}", stage.gateway.port);
    let link = |text: &str| {
        let (_, rest) = text.split_once(&place)?;
        let (link, more) = rest.split_once(['\r', '\n'])?;
        more.contains("ssh -N -L").then(|| link.to_owned())
    };
    // OpenClaw's own command is started twice, half a minute each on a busy machine, and again where its page takes longer than it waits.
    let link = terminal.until(12 * SOON, "a link", link).expect("a link");
    let (_, secret) = link.split_once(['#', '?']).unwrap_or_else(|| panic!("{link:?} does not sign in"));
    assert!(secret.len() > 20, "no secret is in {link:?}");
    let logs = std::fs::read_dir(stage.data().join("logs")).expect("logs").flatten();
    let written: String = logs.filter_map(|log| std::fs::read_to_string(log.path()).ok()).collect();
    assert!(!written.is_empty() && !written.contains(secret), "the link is in the log");
}

/// Rotated, revoked and removed behind the app's back: it comes in again by itself, with the gateway's own secret, which it shows to nobody else.
pub(super) async fn a_stale_token_mends_itself(stage: &Stage) {
    let us = ours(stage);
    let id = us["deviceId"].as_str().expect("an id");
    let address = Address::local(stage.gateway.port);
    let proof = Proof::of_person(address.clone(), Instant::now());
    let auth = Auth::Shared(Shared::Token(Token::new(Gateway::TOKEN.into())), proof);
    let introduction = Introduction {
        display_name: "a person's terminal".into(),
        version: "1".into(),
        scopes: vec!["operator.admin".into()],
    };
    let person = Client::connect(&address, &introduction, Who::Repair, &auth, gateway::events()).await.expect("let in");
    for round in ["rotated", "revoked", "removed"] {
        let since = until(stage, "online", |gateway| gateway["state"] == "online")["sinceMs"].as_i64().expect("a time");
        match round {
            "rotated" => person.rotate(id, "operator", None).await.map(drop),
            "revoked" => person.revoke(id, "operator").await,
            _ => person.remove(id).await,
        }
        .unwrap_or_else(|error| panic!("{round}: {error}"));
        until(stage, round, |gateway| gateway["state"] == "online" && gateway["sinceMs"].as_i64() > Some(since));
        assert_eq!(ours(stage)["deviceId"], us["deviceId"], "{round}: the same device");
    }
}
