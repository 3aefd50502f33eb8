//! The whole chain and our own entries in OpenClaw's configuration: looked at, taken away by an editor, missed, and put back by a person.

use std::time::Duration;

use serde_json::{Value, json};
use support::control::Control;

use super::ID;
use super::stage::Stage;
use super::talker::Talker;

/// For what the gateway notices, applies and tells.
const SOON: Duration = Duration::from_secs(90);

/// As an editor saves a file.
fn edit(stage: &Stage, change: impl FnOnce(&mut Value)) -> Value {
    let mut config = stage.gateway.config();
    change(&mut config);
    let new = stage.gateway.state_dir.join("openclaw.json.new");
    std::fs::write(&new, format!("{config:#}\n")).expect("a configuration");
    std::fs::rename(new, stage.gateway.config_path()).expect("a configuration");
    config
}

fn remove(config: &mut Value, place: &str) {
    let object = config.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
    assert!(object.remove(ID).is_some(), "{place} has our entry");
}

/// Everything of ours goes.
fn take_away(config: &mut Value) {
    remove(config, "/channels");
    remove(config, "/plugins/entries");
    config["plugins"]["allow"].as_array_mut().expect("a list").retain(|id| id != ID);
}

fn view(stage: &Stage, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let seen = Control::connect(&stage.data())
        .and_then(|control| control.until_event("view.watch", json!({}), SOON, what, wanted));
    seen.unwrap_or_else(|error| panic!("{error:#}"))
}

fn ask(stage: &Stage, what: &str, arguments: Value) -> Value {
    let answer = Control::connect(&stage.data()).and_then(|control| control.patient(SOON)?.ask(what, arguments));
    answer.unwrap_or_else(|error| panic!("{error:#}"))
}

fn row<'v>(view: &'v Value, link: &str) -> &'v Value {
    let mut rows = view["care"]["rows"].as_array().into_iter().flatten();
    rows.find(|row| row["link"] == link).unwrap_or(&Value::Null)
}

/// What a row of the plugin offers.
fn fix<'v>(view: &'v Value, link: &str) -> &'v Value {
    let mut rows = view["care"]["plugin"].as_array().into_iter().flatten();
    rows.find(|row| row["link"] == link).map_or(&Value::Null, |row| &row["fix"])
}

fn missing(view: &Value) -> Vec<&str> {
    let missing = view["care"]["missing"].as_array().into_iter().flatten();
    missing.filter_map(|one| one["entry"].as_str()).collect()
}

fn is_whole(view: &Value) -> bool {
    let rows = view["care"]["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.len() == 6 && rows.iter().all(|row| row["state"] == "works")
}

/// What was taken away is there as it was, and what somebody else wrote meanwhile is there too. `now`: what they wrote.
fn came_back(before: &Value, now: &Value, after: &Value) -> Result<(), String> {
    let (was, is) = (
        json!([before["channels"][ID], before["plugins"]["entries"][ID]]),
        json!([after["channels"][ID], after["plugins"]["entries"][ID]]),
    );
    if was != is {
        return Err(format!("ours came back otherwise: {is}, and was {was}"));
    }
    let mut expected = now.clone();
    expected["channels"][ID] = before["channels"][ID].clone();
    expected["plugins"]["entries"][ID] = before["plugins"]["entries"][ID].clone();
    expected["plugins"]["allow"].as_array_mut().ok_or("no list")?.push(json!(ID));
    expected["meta"] = after["meta"].clone();
    if *after == expected { Ok(()) } else { Err(format!("others lost something: {after:#}")) }
}

/// An editor takes our entries away, and then writes something of its own; afterwards somebody puts ours back.
fn taken_and_put_back(stage: &Stage, put_back: impl FnOnce(&Value)) -> Result<(), String> {
    let before = stage.gateway.config();
    edit(stage, take_away);
    let told = view(stage, "all three are missed", |view| missing(view).len() == 3);
    assert_eq!(missing(&told), ["channel", "plugin", "allowed"]);
    let now = edit(stage, |config| {
        let list = config["channels"]["telegram"]["allowFrom"].as_array_mut().expect("a list");
        // Another one each time.
        list.push(json!(format!("{}", 42 + list.len())));
    });
    put_back(&before);
    let after = stage.gateway.config();
    view(stage, "nothing is missed any more", |view| missing(view).is_empty());
    came_back(&before, &now, &after)
}

pub(super) async fn our_entries_are_watched(stage: &Stage, device: &mut Talker) {
    the_whole_chain_is_green(stage, device).await;
    the_entries_come_back_exactly(stage, device).await;
    an_allow_list_without_us_is_mended(stage);
    traps_are_told(stage);
}

/// By their names, with an answer that came a moment ago.
async fn the_whole_chain_is_green(stage: &Stage, device: &mut Talker) {
    device.ask("is everything well").await;
    ask(stage, "care.look", json!({}));
    let well = view(stage, "the whole chain works", is_whole);
    assert_eq!(row(&well, "agent")["name"], "main", "{well:#}");
    assert_eq!(row(&well, "model")["name"], "scripted/m1", "{well:#}");
    assert_eq!(row(&well, "model")["atMs"], well["lastTurn"]["atMs"], "with the age of that answer");
    let rows = well["care"]["plugin"].as_array().expect("rows");
    assert!(
        rows.len() == 8 && rows.iter().all(|row| row["fix"] == json!({ "kind": "known", "value": null })),
        "{rows:?}"
    );
    // The twin: the same rows say it of a model that was told to fail, until it answers again.
    device.ask("FAIL for the health page").await;
    let failed = view(stage, "the model is red", |view| row(view, "model")["state"] == "broken");
    assert_eq!(row(&failed, "model")["failure"]["code"], "model_failed");
    device.ask("and well again").await;
    view(stage, "the model is green again", is_whole);
}

async fn the_entries_come_back_exactly(stage: &Stage, device: &mut Talker) {
    let put_back = |before: &Value| {
        let plan = ask(stage, "care.entries_preview", json!({ "change": "putBack" }));
        let paths: Vec<&str> =
            plan["changes"].as_array().expect("a list").iter().filter_map(|change| change["path"].as_str()).collect();
        assert!(paths.iter().all(|path| path.contains(ID) || *path == "plugins.allow"), "{plan:#}");
        let refused = Control::connect(&stage.data()).and_then(|mut control| {
            control.refused("care.entries_write", json!({ "change": "putBack", "shown": "x" }))
        });
        assert_eq!(refused.expect("a refusal"), "route_changed");
        assert!(stage.gateway.config()["channels"].get(ID).is_none(), "nothing is written before the person said so");
        let written = ask(stage, "care.entries_write", json!({ "change": "putBack", "shown": plan["shown"] }));
        let copy = std::fs::read_to_string(written["copy"].as_str().expect("a copy")).expect("a copy");
        let key = before["channels"][ID]["linkKeyFile"].as_str().expect("a path");
        assert!(!copy.contains(key), "the copy is from before");
    };
    taken_and_put_back(stage, put_back).expect("exactly what was taken away is back");
    stage.await_link(SOON).await;
    device.ask("are you back").await;
    let history = ask(stage, "care.history", json!({}));
    let newest = &history[0];
    assert_eq!((&newest["plan"]["cause"], &newest["outcome"]["kind"]), (&json!("entriesMissing"), &json!("verified")));

    // The twin: who writes the whole old file takes away what was written since.
    let whole = |before: &Value| drop(edit(stage, |config| *config = before.clone()));
    let lost = taken_and_put_back(stage, whole).expect_err("a file that was written whole loses the other change");
    assert!(lost.starts_with("others lost"), "{lost}");
    stage.await_link(SOON).await;
}

fn an_allow_list_without_us_is_mended(stage: &Stage) {
    edit(stage, |config| config["plugins"]["allow"] = json!(["memory-core"]));
    view(stage, "it is missed", |view| missing(view) == ["allowed"]);
    // The person leaves it: nobody asks again, and the row says still what is so.
    ask(stage, "care.entries_leave", json!({}));
    ask(stage, "care.look", json!({}));
    let red = view(stage, "the row is red, and nobody asks", |view| {
        missing(view).is_empty() && fix(view, "allowed")["value"] == "allow"
    });
    assert_eq!(red["care"]["plugin"].as_array().map(Vec::len), Some(8));
    let plan = ask(stage, "care.entries_preview", json!({ "change": "allow" }));
    assert_eq!(plan["changes"][0]["path"], "plugins.allow", "{plan}");
    ask(stage, "care.entries_write", json!({ "change": "allow", "shown": plan["shown"] }));
    view(stage, "the row is green", |view| fix(view, "allowed") == &json!({ "kind": "known", "value": null }));
    assert_eq!(stage.gateway.config()["plugins"]["allow"], json!(["memory-core", ID]));
}

fn traps_are_told(stage: &Stage) {
    let list = |view: &Value, kind: &str| -> Vec<String> {
        let traps = view["care"]["traps"].as_array().into_iter().flatten().filter(|trap| trap["kind"] == kind);
        traps.filter_map(|trap| trap["path"].as_str().map(str::to_owned)).collect()
    };
    edit(stage, |config| config["tools"]["allow"] = json!(["read"]));
    let told = view(stage, "the list of tools is told", |view| list(view, "toolsWithoutMessage") == ["tools.allow"]);
    let secrets = list(&told, "plainSecret");
    assert!(secrets.contains(&"gateway.auth.token".to_owned()), "{secrets:?}");
    assert!(!told.to_string().contains(support::openclaw::Gateway::TOKEN), "a key, never its value");
    edit(stage, |config| drop(config.as_object_mut().expect("an object").remove("tools")));
    view(stage, "the list of tools is gone", |view| list(view, "toolsWithoutMessage").is_empty());
}
