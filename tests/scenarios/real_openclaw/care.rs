//! The whole chain and our own entries in OpenClaw's configuration: looked at, taken away by an editor, missed, and put back by a person.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::openclaw::attempt;
use support::terminal::Terminal;

use super::ID;
use super::stage::Stage;
use super::talker::Talker;

/// For what the gateway notices, applies and tells.
const SOON: Duration = Duration::from_secs(90);

/// As an editor saves a file.
pub(super) fn edit(stage: &Stage, change: impl FnOnce(&mut Value)) -> Value {
    let mut config = stage.gateway.config();
    change(&mut config);
    let new = stage.gateway.state_dir.join("openclaw.json.new");
    std::fs::write(&new, format!("{config:#}\n")).expect("a configuration");
    std::fs::rename(new, stage.gateway.config_path()).expect("a configuration");
    config
}

pub(super) fn remove(config: &mut Value, place: &str) {
    let object = config.pointer_mut(place).and_then(Value::as_object_mut).expect("an object");
    assert!(object.remove(ID).is_some(), "{place} has our entry");
}

/// Everything of ours goes.
fn take_away(config: &mut Value) {
    remove(config, "/channels");
    remove(config, "/plugins/entries");
    config["plugins"]["allow"].as_array_mut().expect("a list").retain(|id| id != ID);
}

pub(super) fn view(stage: &Stage, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let seen = Control::connect(&stage.data())
        .and_then(|control| control.until_event("view.watch", json!({}), SOON, what, wanted));
    seen.unwrap_or_else(|error| panic!("{error:#}"))
}

pub(super) fn ask(stage: &Stage, what: &str, arguments: Value) -> Value {
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
    // Without a gateway nobody says that the file is another one: the person looks.
    if !stage.gateway.is_running() {
        ask(stage, "care.look", json!({}));
    }
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
    an_allow_list_without_us_is_mended(stage, device).await;
    traps_are_told(stage, device).await;
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
    assert!(stage.smartpi(&["doctor", "--lang", "en"]).await.expect_ok().contains("scripted/m1"));
    // The twin: the same rows say it of a model that was told to fail, until it answers again.
    device.ask("FAIL for the health page").await;
    let failed = view(stage, "the model is red", |view| row(view, "model")["state"] == "broken");
    assert_eq!(row(&failed, "model")["failure"]["code"], "model_failed");
    let doctor = stage.smartpi(&["doctor", "--json"]).await;
    assert_eq!(doctor.status.code(), Some(1), "{doctor:?}");
    let told: Value = serde_json::from_str(&doctor.out).expect("JSON");
    assert_eq!(row(&json!({ "care": told }), "model")["state"], "broken", "{told:#}");
    device.ask("and well again").await;
    // What OpenClaw said counts for a minute.
    ask(stage, "care.look", json!({}));
    view(stage, "the model is green again", is_whole);
}

/// What the page does once the person has read what would be written.
pub(super) fn put_back_by_clicks(stage: &Stage) -> Value {
    let plan = ask(stage, "care.entries_preview", json!({ "change": "putBack" }));
    let paths: Vec<&str> =
        plan["changes"].as_array().expect("a list").iter().filter_map(|change| change["path"].as_str()).collect();
    assert!(paths.iter().all(|path| path.contains(ID) || *path == "plugins.allow"), "{plan:#}");
    ask(stage, "care.entries_write", json!({ "change": "putBack", "shown": plan["shown"] }))
}

async fn the_entries_come_back_exactly(stage: &Stage, device: &mut Talker) {
    let put_back = |before: &Value| {
        let refused = Control::connect(&stage.data()).and_then(|mut control| {
            control.refused("care.entries_write", json!({ "change": "putBack", "shown": "x" }))
        });
        assert_eq!(refused.expect("a refusal"), "route_changed");
        assert!(stage.gateway.config()["channels"].get(ID).is_none(), "nothing is written before the person said so");
        let written = put_back_by_clicks(stage);
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

async fn an_allow_list_without_us_is_mended(stage: &Stage, device: &mut Talker) {
    edit(stage, |config| config["plugins"]["allow"] = json!(["memory-core"]));
    view(stage, "it is missed", |view| missing(view) == ["allowed"]);
    // What runs goes on; OpenClaw itself says that the next start leaves it out.
    assert!(!loads_us(stage).await);
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
    assert!(loads_us(stage).await, "and with the list put right it is in again");
    stage.await_link(SOON).await;
    device.ask("am I allowed again").await;
}

/// By OpenClaw's own word, from what is in its file.
async fn loads_us(stage: &Stage) -> bool {
    let listed = stage.openclaw_json("plugins list").await;
    let ours = listed["plugins"].as_array().and_then(|all| all.iter().find(|plugin| plugin["id"] == ID));
    ours.unwrap_or_else(|| panic!("our plugin is installed: {listed}"))["enabled"] == true
}

async fn traps_are_told(stage: &Stage, device: &mut Talker) {
    let list = |view: &Value, kind: &str| -> Vec<String> {
        let traps = view["care"]["traps"].as_array().into_iter().flatten().filter(|trap| trap["kind"] == kind);
        traps.filter_map(|trap| trap["path"].as_str().map(str::to_owned)).collect()
    };
    speaks_to_the_hall(stage, device, true).await;
    edit(stage, |config| config["tools"]["allow"] = json!(["read"]));
    let told = view(stage, "the list of tools is told", |view| list(view, "toolsWithoutMessage") == ["tools.allow"]);
    let secrets = list(&told, "plainSecret");
    assert!(secrets.contains(&"gateway.auth.token".to_owned()), "{secrets:?}");
    assert!(!told.to_string().contains(support::openclaw::Gateway::TOKEN), "a key, never its value");
    let doctor = stage.smartpi(&["doctor", "--lang", "zh"]).await.expect_ok();
    assert!(doctor.contains("tools.allow") && doctor.contains("gateway.auth.token"), "{doctor}");
    // The trap is a real one: the agent cannot do what it did before.
    speaks_to_the_hall(stage, device, false).await;
    edit(stage, |config| drop(config.as_object_mut().expect("an object").remove("tools")));
    view(stage, "the list of tools is gone", |view| list(view, "toolsWithoutMessage").is_empty());
    speaks_to_the_hall(stage, device, true).await;
}

/// The real agent sends a message of its own to another device, or cannot any more. Within the time in which the gateway goes by a file that was edited.
async fn speaks_to_the_hall(stage: &Stage, device: &mut Talker, can: bool) {
    let mut said = String::new();
    let as_wanted = attempt(SOON, async || {
        said = device.ask("TELL Hall dinner is ready").await.reply.text;
        (said.replace([' ', '\\'], "").contains("\"ok\":true") == can).then_some(())
    });
    let as_wanted = as_wanted.await;
    assert!(as_wanted.is_some(), "it can: {can}, and the tool said {said}\n{}", stage.gateway.log());
}

/// No gateway runs: the person at a terminal puts back what an editor took away, straight into the file.
pub(super) async fn our_entries_come_back_without_a_gateway(stage: &Stage) {
    let put_back = |_: &Value| {
        let mut command = Command::new(binaries::smartpi());
        command.args(["repair", "--entries", "--lang", "en", "--data"]).arg(stage.data());
        command.env_clear().envs(stage.gateway.environment());
        let mut terminal = Terminal::run(&command).expect("a terminal");
        let says = |words: &'static str| move |text: &str| text.contains(words).then_some(());
        terminal.until(SOON, "a question", says("Type repair")).expect("the person is asked");
        assert!(terminal.text().contains("linkKeyFile"), "what would be written is shown: {}", terminal.text());
        assert!(stage.gateway.config()["channels"].get(ID).is_none(), "nothing is written before the person said so");
        terminal.type_line("repair").expect("a line");
        terminal.until(SOON, "that it is done", says("entries are written")).expect("it is done");
    };
    taken_and_put_back(stage, put_back).expect("exactly what was taken away is back");
    stage.openclaw("config validate").await;
}
