//! The person brings OpenClaw up to date: the plugin goes along, and nothing that was asked meanwhile is lost.

use serde_json::{Value, json};
use support::model::answer_to;
use support::openclaw::CURRENT;

use super::SOON;
use super::care::{ask, view};
use super::stage::Stage;
use super::talker::Talker;

/// The rows of the plugin that are well; `rows` of which there are.
fn well(view: &Value) -> Vec<&str> {
    let rows = view["care"]["plugin"].as_array().into_iter().flatten();
    let well = rows.filter(|row| row["fix"] == json!({ "kind": "known", "value": null }));
    well.filter_map(|row| row["link"].as_str()).collect()
}

pub(super) async fn the_plugin_goes_along(stage: &mut Stage, device: &mut Talker) {
    let entries = stage.gateway.config()["plugins"]["entries"].clone();
    stage.gateway.stop().await;
    let waiting = device.say("asked while nobody was there").await;
    stage.gateway.upgrade(CURRENT);
    ask(stage, "care.look", json!({}));
    // The twin: until the new release has loaded it, nobody says that it fits.
    let before = view(stage, "the plugin is gone", |view| !well(view).contains(&"connected") && !well(view).is_empty());
    assert!(!well(&before).contains(&"host"), "{before:#}");

    stage.gateway.boot().await;
    stage.await_link(SOON).await;
    assert_eq!(device.answer_to(&waiting).await.reply.text, answer_to("asked while nobody was there"));
    ask(stage, "care.look", json!({}));
    let after = view(stage, "the plugin fits the new release", |view| well(view).len() == 8);
    let host = after["care"]["plugin"].as_array().into_iter().flatten().find(|row| row["link"] == "host");
    assert_eq!(host.expect("a row")["shows"], CURRENT, "{after:#}");
    assert_eq!(stage.gateway.config()["plugins"]["entries"], entries, "an upgrade changes no entry of ours");
}
