//! Another agent answers a device: chosen in SmartPi, written through the running gateway, told by it, and shown by the model that answers.
//!
//! Each agent has a model of its own, so that whoever answered is known from the real gateway's request, and not from what anybody says.

use std::time::Duration;

use serde_json::{Value, json};
use support::control::Control;
use support::openclaw::await_fact;

use super::ID;
use super::stage::Stage;
use super::talker::Talker;

/// For a gateway to go by a configuration that was edited by hand.
const SOON: Duration = Duration::from_secs(60);

/// The model of the agent `main`, and of `kitchen`.
const MAIN: &str = "m1";
const KITCHEN: &str = "m2";

/// A person adds an agent by hand, with a comment, a rule for another channel, and one for this device that does not fit.
fn a_person_adds_an_agent(stage: &Stage, device: &str) -> Value {
    let mut config = stage.gateway.config();
    config["agents"]["ownership"] = json!("explicit");
    config["agents"]["entries"] = json!({ "main": {}, "kitchen": { "name": "Cook", "model": "scripted/m2" } });
    // With two agents OpenClaw's own `message` command asks who speaks.
    config["agents"]["defaults"]["systemAgent"] = json!({ "agentId": "main" });
    let models = config["models"]["providers"]["scripted"]["models"].as_array_mut().expect("a list of models");
    let mut second = models[0].clone();
    second["id"] = json!(KITCHEN);
    models.push(second);
    config["channels"][ID]["defaultAgentId"] = json!("main");
    config["bindings"] = json!([
        { "agentId": "kitchen", "comment": "mine", "match": { "channel": "discord", "accountId": "*" } },
        { "agentId": "kitchen", "match": { "channel": ID, "peer": { "kind": "direct", "id": device.to_uppercase() } } },
    ]);
    let new = stage.gateway.state_dir.join("openclaw.json.edited");
    std::fs::write(&new, format!("// a second agent\n{config:#}\n")).expect("a configuration");
    std::fs::rename(new, stage.gateway.config_path()).expect("a configuration");
    config
}

fn route_of(stage: &Stage, device: &str) -> Option<Value> {
    let told = Control::connect(&stage.data()).and_then(|mut control| control.ask("gateway.agents", json!({})));
    let told = told.ok()?;
    let routes = told["routes"].as_array().expect("a list");
    let route = routes.iter().find(|route| route["deviceKey"] == device)?.clone();
    let knows = told["agents"].as_array().is_some_and(|agents| agents.iter().any(|agent| agent["id"] == "kitchen"));
    knows.then_some(route)
}

/// Which model the real gateway asked for this line.
async fn answered_by(stage: &Stage, device: &mut Talker, line: &str) -> String {
    device.ask(line).await;
    let asked = stage.model.asked_for(line).unwrap_or_else(|| panic!("the model was not asked {line:?}"));
    asked.body["model"].as_str().expect("a model's name").to_owned()
}

/// Everything but our own binding, and OpenClaw's notes.
fn others(config: &Value, device: &str) -> Value {
    let mut config = config.clone();
    config.as_object_mut().expect("an object").remove("meta");
    if let Some(bindings) = config["bindings"].as_array_mut() {
        bindings.retain(|binding| binding["match"]["peer"]["id"] != device);
    }
    config
}

pub(super) async fn another_agent_answers_a_device(stage: &Stage, chosen: &mut Talker, other: &mut Talker) {
    let device = chosen.key.clone();
    let before = a_person_adds_an_agent(stage, &device);
    let route = await_fact(SOON, || route_of(stage, &device), || "the new agent is not seen".to_owned()).await;
    assert_eq!((&route["agent"], &route["because"]), (&json!("main"), &json!("channelDefault")), "{route}");
    // The twin of what follows: a rule in the wrong letters is a rule for nobody, and the same look tells.
    assert_eq!(answered_by(stage, chosen, "who answers before").await, MAIN);

    let text = || std::fs::read_to_string(stage.gateway.config_path()).expect("a configuration");
    let written = text();
    let wanted = json!({ "deviceKey": device, "agent": "kitchen" });
    let plan = stage.ask("devices.route_preview", wanted.clone());
    assert_eq!((&plan["commentsLost"], &plan["then"]["agent"]), (&json!(true), &json!("kitchen")), "{plan}");
    let [change] = plan["changes"].as_array().expect("a list").as_slice() else { panic!("one rule comes: {plan}") };
    let told: Value = serde_json::from_str(change["after"].as_str().expect("a rule")).expect("JSON");
    let refused = |arguments: Value| {
        let refused =
            Control::connect(&stage.data()).and_then(|mut control| control.refused("devices.route", arguments));
        refused.unwrap_or_else(|error| panic!("{error:#}"))
    };
    assert_eq!(refused(json!({ "deviceKey": device, "agent": "kitchen", "shown": "another" })), "route_changed");
    assert_eq!(refused(json!({ "deviceKey": device, "agent": "ghost" })), "agent_unknown");
    assert_eq!(text(), written, "nothing was written before the person said so");

    let routed = stage.smartpi(&["devices", "route", &device, "kitchen", "--yes", "--json"]).await.expect_json();
    assert_eq!((&routed["route"]["agent"], &routed["route"]["because"]), (&json!("kitchen"), &json!("chosen")));
    let copy = std::fs::read_to_string(routed["copy"].as_str().expect("a copy")).expect("a copy");
    assert!(!copy.contains(&told.to_string()) && copy.contains("kitchen"), "the copy is from before");
    // It is the person's own file: with the comment that OpenClaw's writer drops, and with the secret that OpenClaw tells nobody.
    let token = before["gateway"]["auth"]["token"].as_str().expect("a token");
    assert!(copy.starts_with("// a second agent\n") && copy.contains(token), "{copy}");
    let dropped = text();
    assert!(!dropped.contains("// a second agent") && dropped.contains(token), "{dropped}");
    let after = stage.gateway.config();
    assert_eq!(others(&after, &device), others(&before, &device), "what others wrote stays");
    assert!(after["bindings"].as_array().is_some_and(|all| all.contains(&told)), "as it was shown: {after:#}");
    assert_eq!(answered_by(stage, chosen, "who answers now").await, KITCHEN);
    assert_eq!(answered_by(stage, other, "and the other one").await, MAIN);

    let back = stage.ask("devices.route", json!({ "deviceKey": device, "agent": null }));
    assert_eq!((&back["route"]["agent"], &back["route"]["because"]), (&json!("main"), &json!("channelDefault")));
    assert_eq!(others(&stage.gateway.config(), &device), others(&before, &device));
    assert_eq!(answered_by(stage, chosen, "who answers in the end").await, MAIN);
}
