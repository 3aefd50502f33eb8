//! The real OpenClaw, the real `smartpi`, the real plugin; only the language model is scripted.
//!
//! One gateway boot costs up to 40 s: the stories of a release share one home, in the order in which a person would live them.

mod access;
mod care;
mod impostor;
mod notified;
mod routes;
mod speaks_first;
mod stage;
mod talker;
mod upgraded;
mod vendor;

use std::path::{Path, PathBuf};
use std::time::Duration;

use device::session::End;
use device::{Code, Event};
use serde_json::{Value, json};
use support::control::Control;
use support::model::{FAILURE, STREAM_PIECES, answer_to};
use support::openclaw::{CURRENT, OLDER, Output, run};
use tokio::process::Command;

use impostor::Impostor;
use stage::Stage;

const ID: &str = "openclaw-smartpi";
/// For a line of the gateway's log, or the plugin's hello.
const SOON: Duration = Duration::from_secs(60);
/// For a look at every OpenClaw: three of its commands, one after the other.
const LOOK: Duration = Duration::from_secs(240);

/// What a person has in their configuration before us.
fn persons() -> Value {
    json!({
        "plugins": { "allow": ["memory-core"], "entries": { "memory-core": { "enabled": true } } },
        "channels": {
            "discord": { "enabled": false, "token": "discord-token" },
            "telegram": { "enabled": false, "botToken": "123:abc", "allowFrom": ["42"] },
        },
    })
}

#[tokio::test]
async fn the_current_openclaw_answers_two_devices() {
    let mut stage = Stage::set(CURRENT, &persons()).await;
    vendor::its_plugin_is_left_alone(&stage).await;
    stage.gateway.boot().await;
    installing_changes_nothing_else(&stage).await;
    openclaw_lists_us(&stage).await;

    let mut kitchen = the_printed_binding_id_binds(&stage).await;
    let mut study = stage.bind_anew("Study").await;
    for device in [&kitchen.key, &study.key] {
        stage.gateway.wait_log(&format!("WebSocket connected: {device}"), SOON).await;
    }
    answers_are_streamed_and_kept_apart(&stage, &mut kitchen, &mut study).await;
    let slow = a_slow_answer_is_announced_and_comes(&stage, &mut kitchen).await;
    a_model_error_is_told_in_words(&mut kitchen).await;
    the_accounts_commands_work(&stage, (&kitchen.key, &slow), &mut study).await;
    access::the_app_becomes_a_device_of_the_gateway(&stage).await;
    // The device of the study was removed by its command.
    let mut hall = stage.bind_anew("Hall").await;
    routes::another_agent_answers_a_device(&stage, &mut kitchen, &mut hall).await;
    care::our_entries_are_watched(&stage, &mut kitchen).await;
    access::devices_are_let_in_and_turned_away(&stage).await;
    access::a_dashboard_link_is_for_a_terminal_only(&stage).await;
    access::a_stale_token_mends_itself(&stage).await;
    notified::an_entry_that_goes_is_told_without_a_window(&mut stage).await;
    an_impostor_hears_nothing(&mut stage, &mut kitchen).await;
    stage.gateway.stop().await;
    kitchen.until("the link goes offline", |event| matches!(event, Event::Link(device::LinkState::Offline))).await;
    care::our_entries_come_back_without_a_gateway(&stage).await;
}

#[tokio::test]
async fn the_older_openclaw_answers_too() {
    let mut stage = Stage::set(OLDER, &persons()).await;
    let before = stage.gateway.config_path();
    let before: Value = without_comment(&before);
    let plan = told_plan(&stage).await;
    // Its gateway is down: everything is prepared, and the person is told what is left.
    let installed = stage.install().await.expect_json();
    assert_eq!(
        (&installed["outcome"], &installed["next"]),
        (&json!("waitingForGateway"), &json!("startGateway")),
        "{installed}"
    );
    only_our_entries_differ(&before, &stage.gateway.config(), &stage.data().join("link.key"));
    the_plan_came_true(&plan, &before, &stage.gateway.config());
    stage.gateway.boot().await;
    stage.await_link(SOON).await;
    let again = stage.install().await.expect_json();
    assert_eq!(again["outcome"], "linked", "{again}");
    assert!(again.get("copy").is_none(), "nothing was left to change: {again}");

    let mut device = stage.bind_anew("Kitchen").await;
    stage.gateway.wait_log(&format!("WebSocket connected: {}", device.key), SOON).await;
    let answer = device.ask("hello from an older one").await;
    assert_eq!(answer.reply.text, answer_to("hello from an older one"));
    assert_eq!(answer.reply.code, None);
    upgraded::the_plugin_goes_along(&mut stage, &mut device).await;
}

/// A person who keeps no list of plugins gets none, and the plan says so.
#[tokio::test]
async fn the_plan_is_kept_where_there_is_no_list() {
    let stage = Stage::set(CURRENT, &json!({})).await;
    let before = without_comment(&stage.gateway.config_path());
    let plan = told_plan(&stage).await;
    let installed = stage.install().await.expect_json();
    assert_eq!(installed["outcome"], "waitingForGateway", "{installed}");
    let after = stage.gateway.config();
    assert!(after["plugins"].get("allow").is_none(), "a new list would switch every other plugin off: {after}");
    the_plan_came_true(&plan, &before, &after);
    // The window sees the same OpenClaw as the command line does.
    let looked = Control::connect(&stage.data())
        .and_then(|control| control.patient(LOOK)?.ask("setup.look", json!({})))
        .expect("the service looks");
    let command = stage.gateway.bin_dir.join("openclaw");
    let found = looked["found"].as_array().expect("a list").iter().find(|found| found["command"] == json!(command));
    let found = found.unwrap_or_else(|| panic!("no {}: {looked}", command.display()));
    assert_eq!((&found["version"], &found["plan"]["plugin"]), (&json!(CURRENT), &json!("current")), "{found}");
    assert_eq!(found["plan"]["changes"], json!([]), "nothing is left to do: {found}");
    it_goes_again_and_takes_nothing_along(&stage).await;
}

/// What a person wrote around our entries stays in every byte, comments too.
async fn it_goes_again_and_takes_nothing_along(stage: &Stage) {
    let config = stage.gateway.config_path();
    let with_entries = stage.gateway.config();
    let mine = format!("// mine, and it stays\n{with_entries:#}\n");
    std::fs::write(&config, &mine).expect("a configuration");
    let asked = stage.smartpi(&["plugin", "uninstall", "--json"]).await;
    assert_eq!(failure_code(&asked), "yes_needed");
    assert_eq!(std::fs::read_to_string(&config).expect("a configuration"), mine, "nothing before a yes");
    let ask = |what: &str, arguments: Value| {
        Control::connect(&stage.data()).and_then(|control| control.patient(LOOK)?.ask(what, arguments)).expect(what)
    };
    let plan = ask("setup.removal", json!({}));
    let gone: Vec<_> = plan["changes"].as_array().expect("a list").iter().map(|change| &change["path"]).collect();
    assert!(!gone.is_empty() && gone.iter().all(|path| path.to_string().contains(ID)), "{plan:#}");
    let refused = Control::connect(&stage.data())
        .and_then(|control| control.patient(LOOK)?.refused("setup.remove", json!({ "shown": "another" })));
    assert_eq!(refused.expect("a refusal"), "route_changed");
    let removed = ask("setup.remove", json!({ "shown": plan["shown"] }));
    let after = std::fs::read_to_string(&config).expect("a configuration");
    let rest = after.strip_prefix("// mine, and it stays\n").unwrap_or_else(|| panic!("the comment: {after}"));
    let mut expected = with_entries;
    for place in ["/channels", "/plugins/entries"] {
        care::remove(&mut expected, place);
    }
    assert_eq!(serde_json::from_str::<Value>(rest).expect("JSON"), expected);
    assert!(!stage.gateway.state_dir.join("extensions").join(ID).exists(), "the files are gone");
    let copy = std::fs::read_to_string(removed["copy"].as_str().expect("a copy")).expect("a copy");
    assert_eq!(copy, mine);
    stage.openclaw("config validate").await;
    let status = stage.smartpi(&["plugin", "status", "--json"]).await.expect_json();
    assert_eq!(status["plan"]["plugin"], "absent", "{status}");
    let again = ask("setup.removal", json!({}));
    assert_eq!((&again["changes"], &again["version"]), (&json!([]), &Value::Null), "{again}");
}

/// What `smartpi` says that installing would change, before it does.
async fn told_plan(stage: &Stage) -> Value {
    let status = stage.smartpi(&["plugin", "status", "--json"]).await.expect_json();
    let plan = status["plan"].clone();
    assert_eq!((&plan["plugin"], &plan["refusal"]), (&json!("absent"), &Value::Null), "{plan}");
    assert_eq!(plan["commentsLost"], true, "{plan}");
    plan
}

/// The plan is exactly what changed, but for OpenClaw's own notes.
fn the_plan_came_true(plan: &Value, before: &Value, after: &Value) {
    let mut changed = Vec::new();
    changes("", Some(before), after, &mut changed);
    changed.retain(|change| !change["path"].as_str().is_some_and(|path| path.starts_with("meta.")));
    assert!(!changed.is_empty(), "something was installed: {after}");
    assert_eq!(plan["changes"], json!(changed));
}

/// In the order of the paths. Objects are entered, everything else is one value.
fn changes(path: &str, before: Option<&Value>, after: &Value, found: &mut Vec<Value>) {
    if let Value::Object(keys) = after {
        for (key, value) in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            changes(&path, before.and_then(|before| before.get(key)), value, found);
        }
    } else if before != Some(after) {
        found.push(json!({ "path": path, "before": before.map(Value::to_string), "after": after.to_string() }));
    }
}

/// A vendor's plugin of the same id: nothing of it changes, and nothing of the configuration.
fn failure_code(output: &Output) -> String {
    assert!(!output.status.success(), "it was to be refused: {}", output.out);
    let said = format!("{}\n{}", output.out, output.err);
    let json = said
        .lines()
        .find_map(|line| serde_json::from_str::<Value>(line).ok())
        .unwrap_or_else(|| panic!("no JSON: {said}"));
    json["failure"]["code"].as_str().unwrap_or_else(|| panic!("no code: {json}")).to_owned()
}

async fn installing_changes_nothing_else(stage: &Stage) {
    let path = stage.gateway.config_path();
    let (bytes, before) = (std::fs::read(&path).expect("a configuration"), without_comment(&path));
    let plan = told_plan(stage).await;
    let installed = stage.install().await.expect_json();
    assert_eq!(installed["outcome"], "linked", "{installed}");
    assert_eq!(installed["openclaw"], CURRENT);
    assert_eq!(installed["commentsLost"], true, "OpenClaw drops them, and the person is told: {installed}");
    let copy = PathBuf::from(installed["copy"].as_str().expect("the place of the copy"));
    assert_eq!(std::fs::read(&copy).expect("the copy"), bytes);
    only_our_entries_differ(&before, &stage.gateway.config(), &stage.data().join("link.key"));
    the_plan_came_true(&plan, &before, &stage.gateway.config());
    let again = stage.install().await.expect_json();
    assert_eq!(again["outcome"], "linked", "{again}");
    assert!(again.get("copy").is_none(), "a second time there is nothing to change: {again}");
    let status = stage.smartpi(&["plugin", "status", "--json"]).await.expect_json();
    assert_eq!(
        (&status["standing"], &status["configured"], &status["link"]["state"]),
        (&json!("ours"), &json!(true), &json!("online")),
        "{status}"
    );
}

fn without_comment(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a configuration");
    let json = text.strip_prefix("// set up by hand\n").expect("the comment of the stage");
    serde_json::from_str(json).expect("JSON under the comment")
}

/// Compares values without any code of the product.
fn only_our_entries_differ(before: &Value, after: &Value, link_key: &Path) {
    let mut expected = before.clone();
    expected["plugins"]["allow"] = json!(["memory-core", ID]);
    expected["plugins"]["entries"][ID] = json!({ "enabled": true });
    expected["channels"][ID] = json!({ "enabled": true, "linkKeyFile": link_key });
    expected["meta"] = after["meta"].clone();
    assert_eq!(after, &expected);
}

async fn openclaw_lists_us(stage: &Stage) {
    let list = stage.openclaw("plugins list").await;
    assert!(list.contains("smartpi"), "{list}");
    let status = stage.openclaw_json("channels status").await;
    let account = &status["channelAccounts"][ID][0];
    assert_eq!((&account["running"], &account["connected"]), (&json!(true), &json!(true)), "{status}");
}

/// The SmartPi skill makes a QR code of exactly the words after `绑定ID: `.
async fn the_printed_binding_id_binds(stage: &Stage) -> talker::Talker {
    let printed = stage.openclaw("smartpi accounts bind").await;
    let url = printed
        .lines()
        .find_map(|line| line.strip_prefix("绑定ID: "))
        .unwrap_or_else(|| panic!("no 绑定ID: {printed}"));
    let mut python = Command::new("/usr/bin/python3");
    let draw = "import qrcode, sys; code = qrcode.QRCode(); code.add_data(sys.argv[1]); code.make(fit=True); code.print_ascii()";
    python.args(["-c", draw, url]).env("PYTHONIOENCODING", "utf-8");
    // The drawing has hard spaces; a camera does not see the difference.
    let drawn = run(python, None, SOON).await.expect_ok().replace('\u{a0}', " ");
    let scanned = support::qr::read(&drawn).unwrap_or_else(|| panic!("no QR code that can be read:\n{drawn}"));
    assert_eq!(scanned, url);
    // The handle of the code is its first part.
    let bind = url.rsplit_once('#').and_then(|(_, code)| code.split('.').nth(1)).expect("the code's handle");
    stage.bind("Kitchen", bind, &scanned).await
}

async fn answers_are_streamed_and_kept_apart(stage: &Stage, kitchen: &mut talker::Talker, study: &mut talker::Talker) {
    let streamed = kitchen.ask("STREAM the secret word is marzipan").await;
    assert!(streamed.reply.text.ends_with(&answer_to("STREAM the secret word is marzipan")), "{streamed:?}");
    assert!(streamed.partials.len() >= STREAM_PIECES / 4, "the answer took 2 s and must be seen growing: {streamed:?}");
    for pair in streamed.partials.windows(2) {
        assert!(
            pair[1].starts_with(&pair[0]) && pair[1] != pair[0],
            "a snapshot goes on with the one before: {pair:?}"
        );
    }
    assert!(streamed.partials[0].len() < streamed.reply.text.len() / 2, "the first one comes early: {streamed:?}");

    let plain = study.ask("what do you know of me").await;
    assert_eq!(plain.reply.text, answer_to("what do you know of me"));
    let asked = stage.model.asked_for("what do you know of me").expect("the model was asked").body.to_string();
    assert!(
        !asked.contains("marzipan") && !asked.contains(&kitchen.key),
        "nothing of the other device is in it: {asked}"
    );
    // And its own earlier words are in the next one.
    study.ask("and now").await;
    let asked = stage.model.asked_for("and now").expect("the model was asked").body.to_string();
    assert!(asked.contains("what do you know of me") && !asked.contains("marzipan"), "{asked}");

    let sessions = stage.openclaw_json("sessions").await.to_string();
    for device in [&kitchen.key, &study.key] {
        let key = format!("agent:main:{ID}:default:direct:{device}");
        assert!(sessions.contains(&key), "no session {key}: {sessions}");
    }
}

/// Gives the id of the message.
async fn a_slow_answer_is_announced_and_comes(stage: &Stage, kitchen: &mut talker::Talker) -> String {
    let after = stage.gateway.log().len();
    let answer = kitchen.ask("SLOW 7 think well").await;
    assert!(answer.was_late, "9002 after {} s: {answer:?}", stage::ANSWER_AFTER_S);
    assert!(answer.reply.late && answer.reply.code.is_none(), "{answer:?}");
    assert_eq!(answer.reply.text, answer_to("SLOW 7 think well"));
    stage.gateway.wait_log_after(after, &format!("AI response timeout: {}", kitchen.key), SOON).await;
    answer.reply.re.expect("it answers a message")
}

async fn a_model_error_is_told_in_words(kitchen: &mut talker::Talker) {
    let answer = kitchen.ask("FAIL please").await;
    assert_eq!(answer.reply.code, Some(Code::AgentError), "{answer:?}");
    assert!(answer.reply.text.chars().count() > 10 && !answer.reply.text.contains('{'), "words, not JSON: {answer:?}");
    assert!(!answer.reply.text.contains(&answer_to("FAIL please")), "{FAILURE}: {answer:?}");
    // The next message is answered as if nothing had been.
    assert_eq!(kitchen.ask("still there").await.reply.text, answer_to("still there"));
}

async fn the_accounts_commands_work(stage: &Stage, (stays, slow): (&str, &str), goes: &mut talker::Talker) {
    let listed = stage.openclaw_json("smartpi accounts list").await;
    let keys: Vec<&str> = listed["devices"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|device| device["deviceKey"].as_str())
        .collect();
    assert_eq!(keys, [stays, &goes.key]);
    let human = stage.openclaw("smartpi accounts list").await;
    assert!(human.contains(stays) && human.contains("Kitchen") && human.contains("在线 online"), "{human}");
    let status = stage.openclaw_json(&format!("smartpi accounts status {stays}")).await;
    let turn = status["turns"]
        .as_array()
        .expect("turns")
        .iter()
        .find(|turn| turn["id"] == slow)
        .expect("the slow turn is told");
    let time = |name: &str| turn[name].as_i64().unwrap_or_else(|| panic!("no {name}: {turn}"));
    let order = ["receivedMs", "storedMs", "deliveredMs", "acceptedMs", "finalMs", "sentMs"].map(time);
    assert!(order.is_sorted() && order[4] - order[2] >= 7_000 && turn["late"] == true, "{turn}");

    let after = stage.gateway.log().len();
    let asked = stage.gateway.cli(&["smartpi", "accounts", "remove", &goes.key]).await;
    assert!(!asked.status.success() && asked.err.contains("--yes"), "nobody is there to ask: {asked:?}");
    let removed = stage.openclaw(&format!("smartpi accounts remove {} --yes", goes.key)).await;
    assert!(removed.contains(&goes.key), "{removed}");
    goes.until("the removal", |event| matches!(event, Event::Ended(End::Removed))).await;
    stage.gateway.wait_log_after(after, &format!("WebSocket disconnected: {}", goes.key), SOON).await;
    assert!(!stage.openclaw("smartpi accounts list").await.contains(&goes.key));
}

/// Another program has the service's port, and `service.json` leads to it. The twin of the proof: the very message it did not get reaches the device once the
/// real service is back.
async fn an_impostor_hears_nothing(stage: &mut Stage, kitchen: &mut talker::Talker) {
    let port =
        stage.ask("status", json!({}))["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
    let file = stage.data().join("service.json");
    let said = std::fs::read(&file).expect("service.json");
    stage.kill_service().await;
    let impostor = Impostor::take_port(port, &kitchen.key).await;
    std::fs::write(&file, &said).expect("the impostor says where it is");
    let after = stage.gateway.log().len();
    let secret = "the cake is in the cellar";
    let send = ["message", "send", "--channel", ID, "--target", &kitchen.key, "--message", secret];
    stage.gateway.cli(&send).await.expect_ok();
    let visits = impostor.after_another_visit().await;
    let proofs = visits.iter().flatten().filter(|frame| frame["t"] == "auth").count();
    assert!(proofs > 0, "the plugin came and went on to its proof: {visits:?}");
    let more: Vec<_> =
        visits.iter().flatten().filter(|frame| !["auth", "err", "bye"].iter().any(|t| frame["t"] == *t)).collect();
    assert!(more.is_empty(), "it said more than its proof: {more:?}");
    assert!(!format!("{visits:?}").contains(secret), "{visits:?}");
    stage.gateway.wait_log_after(after, "link to the SmartPi service is down", SOON).await;
    drop(impostor);
    stage.serve_again().await;
    let is_secret = |event: &Event| matches!(event, Event::Shown(reply) if reply.text == secret && reply.re.is_none());
    kitchen.until("the message that the impostor wanted", is_secret).await;
}
