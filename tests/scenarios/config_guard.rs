//! OpenClaw's configuration, changed by us in the file and through the running gateway, judged by the real OpenClaw.
//!
//! One gateway boot; the six configurations are what people have: comments, other channels and plugins, lists, other files, other line ends.

mod killed;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use gateway::config::routing::{self, Because};
use gateway::config::{
    Backups, Call, CallError, Change, FileStore, ID, Path, Plan, RpcStore, Store, StoreError, Validate,
};
use gateway::credentials::{self, Source};
use gateway::place::Surroundings;
use serde_json::{Value, json};
use support::model::Model;
use support::openclaw::{CURRENT, Gateway};
use support::operator::Operator;

const KEY: &str = "/home/li/.local/share/smartpi/link.key";
const DEVICE: &str = "abcdefghijklmnopqrstuvwxyz";
const SOON: Duration = Duration::from_secs(60);
const AGENTS: &str = "{ ownership: 'explicit', defaults: { model: { primary: 'scripted/m1' } }, entries: { main: {}, kitchen: { model: 'scripted/m1' } } }";

/// The texts, around what every one of them needs.
fn persons(gateway: &Gateway) -> Vec<(&'static str, String)> {
    let config = gateway.config();
    let part = |key: &str| config[key].to_string();
    let (gw, logging, update, models) = (part("gateway"), part("logging"), part("update"), part("models"));
    let rest = format!("logging: {logging}, update: {update}, models: {models}");
    let plain = json!({
        "gateway": config["gateway"], "logging": config["logging"], "update": config["update"], "models": config["models"],
        "agents": { "ownership": "explicit", "defaults": config["agents"]["defaults"], "entries": { "main": {}, "kitchen": {} } },
    });
    vec![
        ("plain JSON", format!("{plain:#}\n")),
        (
            "comments, single quotes, trailing commas",
            format!(
                "// set up by hand\n{{\n  gateway: {gw}, /* do not touch */\n  {rest},\n  agents: {AGENTS},\n  plugins: {{\n    allow: [\n      'memory-core', // needed\n    ],\n    entries: {{ 'memory-core': {{ enabled: true }}, }},\n  }},\n  // the family\n  channels: {{\n    telegram: {{ enabled: false, botToken: '123:abc', allowFrom: ['42'], }},\n  }},\n}}\n"
            ),
        ),
        (
            "other line ends and tabs",
            format!(
                "{{\r\n\t\"gateway\": {gw},\r\n\t{rest},\r\n\t\"agents\": {AGENTS},\r\n\t\"channels\": {{}} // none yet\r\n}}\r\n"
            ),
        ),
        (
            "bindings of others",
            format!(
                "{{\n  gateway: {gw},\n  {rest},\n  agents: {AGENTS},\n  channels: {{ discord: {{ enabled: false, token: 'discord-token' }} }},\n  bindings: [\n    // the server\n    {{ agentId: 'kitchen', comment: 'mine', match: {{ channel: 'discord', accountId: '*' }} }},\n  ],\n}}\n"
            ),
        ),
        (
            "agents in another file",
            format!(
                "{{\n  gateway: {gw},\n  {rest},\n  agents: {{ $include: './agents.json5' }}, // see there\n  plugins: {{ entries: {{}} }},\n}}\n"
            ),
        ),
        (
            "one line",
            format!("{{ gateway: {gw}, {rest}, agents: {AGENTS}, channels: {{ telegram: {{ enabled: false }} }} }}"),
        ),
    ]
}

/// Everything but what is ours, and OpenClaw's own notes.
fn foreign(value: &Value) -> Value {
    let mut value = value.clone();
    let Some(map) = value.as_object_mut() else { return value };
    map.remove("meta");
    for key in ["channels", "plugins", "bindings"] {
        if let Some(part) = map.get_mut(key) {
            let entries = if key == "plugins" { part.get_mut("entries") } else { Some(&mut *part) };
            if let Some(Value::Object(entries)) = entries {
                entries.remove(ID);
            }
            if let Some(Value::Array(allow)) = part.get_mut("allow") {
                allow.retain(|id| id != ID);
            }
            if let Value::Array(bindings) = part {
                bindings.retain(|binding| binding["match"]["channel"] != ID);
            }
            if key == "plugins" && part["entries"] == json!({}) {
                part.as_object_mut().expect("it has entries").remove("entries");
            }
            if *part == json!({}) || *part == json!([]) {
                map.remove(key);
            }
        }
    }
    value
}

fn route_to(agent: Option<&str>) -> Change {
    Change::Route { device: DEVICE.into(), agent: agent.map(str::to_owned) }
}

fn comments(text: &str) -> usize {
    text.matches("// ").count() + text.matches("/* ").count()
}

async fn planned(store: &dyn Store, changes: &[Change]) -> Plan {
    store.plan(changes).await.expect("a plan for these changes")
}

#[tokio::test]
async fn openclaw_keeps_what_people_wrote_and_takes_what_we_write() {
    let model = Model::start();
    let mut openclaw = Gateway::prepare(CURRENT, &model, &json!({}));
    std::fs::write(openclaw.state_dir.join("agents.json5"), AGENTS).expect("the other file");
    let texts = persons(&openclaw);
    for (name, text) in &texts {
        in_the_file(&openclaw, name, text).await;
    }
    a_configuration_that_it_refuses_is_not_written(&openclaw, &texts[1].1).await;
    std::fs::write(openclaw.config_path(), &texts[0].1).expect("a configuration");
    openclaw.boot().await;
    let operator = Operator::connect(openclaw.port, "scenario-token").await.expect("the gateway lets the operator in");
    let operator: Arc<Operator> = Arc::new(operator);
    for (name, text) in &texts {
        through_the_gateway(&openclaw, &operator, name, text).await;
    }
    another_writer_loses_nothing(&openclaw, &operator).await;
    the_command_line_lists_our_binding(&openclaw, &operator).await;
    we_find_what_the_command_line_finds(&openclaw).await;
    openclaw.stop().await;
}

/// Installed and routed while no gateway runs, and taken out again.
async fn in_the_file(openclaw: &Gateway, name: &str, text: &str) {
    let path = openclaw.config_path();
    std::fs::write(&path, text).expect("a configuration");
    let read = || std::fs::read_to_string(&path).expect("a configuration");
    let value = |text: &str| -> Value { json5::from_str(text).expect("JSON5") };
    let store = file_store(openclaw);
    let changes: Vec<Change> = Change::install(KEY).into_iter().chain([route_to(Some("kitchen"))]).collect();
    let plan = planned(&store, &changes).await;
    let applied = store.apply(&plan, 0).await;
    // The whole of OpenClaw's judgement: no unknown key, no unknown agent, the binding as it takes them.
    let applied = applied.unwrap_or_else(|error| panic!("{name}: {error}\n{}", read()));
    assert_eq!(std::fs::read_to_string(&applied.copy).expect("a copy"), text, "{name}");
    let after = read();
    assert_eq!(foreign(&value(&after)), foreign(&value(text)), "{name}");
    assert_eq!(comments(&after), comments(text), "{name}: a comment is lost");
    let route = routing::route(&value(&after), DEVICE);
    assert_eq!((route.agent.as_deref(), route.because), (Some("kitchen"), Because::Chosen), "{name}");
    let back = planned(&store, &[Change::Remove { made: plan.made }]).await;
    // The text that comes out is the one that OpenClaw accepted before: it need not be asked again.
    let store = FileStore::new(&path, Backups::new(openclaw.home.join("copies")), Arc::new(Accepted));
    store.apply(&back, 1000).await.expect("removed");
    assert_eq!(read(), text, "{name}: removed, it is not the same");
}

struct Accepted;

impl Validate for Accepted {
    fn validate<'a>(&'a self, _: &'a std::path::Path) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// A file store whose judge is the real command.
fn file_store(openclaw: &Gateway) -> FileStore {
    struct Command(PathBuf, Vec<(&'static str, String)>, PathBuf);
    impl Validate for Command {
        fn validate<'a>(&'a self, candidate: &'a std::path::Path) -> BoxFuture<'a, Result<(), String>> {
            Box::pin(async move {
                let mut command = tokio::process::Command::new(&self.0);
                command.args(["config", "validate"]).env_clear().envs(self.1.clone()).current_dir(&self.2);
                command.env("OPENCLAW_CONFIG_PATH", candidate);
                let output = support::openclaw::run(command, None, Duration::from_secs(180)).await;
                if output.status.success() { Ok(()) } else { Err(format!("{}{}", output.out, output.err)) }
            })
        }
    }
    let command = Command(openclaw.bin_dir.join("openclaw"), openclaw.environment(), openclaw.home.clone());
    FileStore::new(openclaw.config_path(), Backups::new(openclaw.home.join("copies")), Arc::new(command))
}

/// A route to an agent that is not there makes the whole configuration invalid: OpenClaw says so before it is written.
async fn a_configuration_that_it_refuses_is_not_written(openclaw: &Gateway, text: &str) {
    let path = openclaw.config_path();
    // Agents in another file: we cannot see that this one is not among them.
    let text = text.replace(AGENTS, "{ $include: './agents.json5' }");
    std::fs::write(&path, &text).expect("a configuration");
    let store = file_store(openclaw);
    let plan = planned(&store, &[route_to(Some("ghost"))]).await;
    let refused = store.apply(&plan, 0).await.expect_err("no such agent");
    assert!(refused.to_string().contains("ghost"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).expect("a configuration"), text);
}

/// The same through the running gateway.
async fn through_the_gateway(openclaw: &Gateway, operator: &Arc<Operator>, name: &str, text: &str) {
    write_as_a_person(openclaw, text);
    let before: Value = json5::from_str(text).expect("JSON5");
    seen(operator, |config| {
        foreign(&redacted(config)) == foreign(&redacted(&before)) && config["channels"][ID].is_null()
    })
    .await;
    let store = RpcStore::new(Arc::clone(operator) as Arc<dyn Call>, Backups::new(openclaw.home.join("copies")));
    let changes: Vec<Change> = Change::install(KEY).into_iter().chain([route_to(Some("kitchen"))]).collect();
    let plan = done(&store, &changes, name).await;
    assert_eq!(plan.comments_lost, serde_json::from_str::<Value>(text).is_err(), "{name}");
    let on_disk = || -> Value {
        json5::from_str(&std::fs::read_to_string(openclaw.config_path()).expect("a configuration")).expect("JSON5")
    };
    assert_eq!(foreign(&on_disk()), foreign(&before), "{name}: the gateway wrote something else");
    let config = seen(operator, |config| routing::route(config, DEVICE).because == Because::Chosen).await;
    let agents = routing::agents(&operator.call("agents.list", json!({})).await.expect("agents"));
    let route = routing::route(&config, DEVICE);
    assert_eq!(routing::model_of(&route, &agents), Some("scripted/m1"), "{name}: {agents:?}");
    assert!(planned(&store, &changes).await.is_empty(), "{name}: done is done");
    let made: Vec<Path> = plan.made.clone();
    done(&store, &[Change::Remove { made }], name).await;
    let mut after = on_disk();
    after.as_object_mut().expect("an object").remove("meta");
    let named =
        |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|binding| binding["match"]["channel"] == ID));
    assert!(after["channels"][ID].is_null() && !named(&after["bindings"]), "{name}: {after:#}");
    assert_eq!(foreign(&after), foreign(&before), "{name}: removed, something else is gone");
}

/// A plan that is done. A gateway that has just read a file may still write its own notes into it: then a new plan is made, as the window does.
async fn done(store: &RpcStore, changes: &[Change], name: &str) -> Plan {
    for _ in 0..5 {
        let plan = planned(store, changes).await;
        match store.apply(&plan, 2000).await {
            Ok(_) => return plan,
            Err(StoreError::Newer) => {}
            Err(error) => panic!("{name}: {error}"),
        }
    }
    panic!("{name}: the configuration never rests");
}

/// Somebody else writes through the gateway at the same moment, from the same configuration: one of the two comes first, the other is told, and nobody loses anything.
async fn another_writer_loses_nothing(openclaw: &Gateway, operator: &Arc<Operator>) {
    let store = RpcStore::new(Arc::clone(operator) as Arc<dyn Call>, Backups::new(openclaw.home.join("copies")));
    let other = Operator::connect(openclaw.port, "scenario-token").await.expect("the gateway lets another one in");
    for round in 0..6 {
        let change = [route_to(Some(["kitchen", "main"][round % 2]))];
        let account = format!("a{round}");
        let raw = json!({ "channels": { "telegram": { "accounts": { &account: { "enabled": false } } } } });
        let patch = |base: &Value| json!({ "raw": raw.to_string(), "baseHash": base["hash"] });
        let plan = planned(&store, &change).await;
        let base = other.call("config.get", json!({})).await.expect("a configuration");
        let (we, they) = tokio::join!(store.apply(&plan, 3000), async {
            // Each begins first in every second round.
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            other.call("config.patch", patch(&base)).await
        });
        assert!(
            matches!((&we, &they), (Ok(_), Err(CallError::Stale)) | (Err(StoreError::Newer), Ok(_))),
            "{we:?} {they:?}"
        );
        if we.is_err() {
            done(&store, &change, "again").await;
        }
        if they.is_err() {
            let base = other.call("config.get", json!({})).await.expect("a configuration");
            other.call("config.patch", patch(&base)).await.expect("again");
        }
        let config = other.call("config.get", json!({})).await.expect("a configuration")["parsed"].take();
        let accounts = config["channels"]["telegram"]["accounts"].as_object().map_or(0, serde_json::Map::len);
        assert_eq!(accounts, round + 1, "theirs is lost: {config:#}");
        assert!(planned(&store, &change).await.is_empty(), "ours is lost: {config:#}");
    }
}

/// The gateway's own words for the binding that we wrote.
async fn the_command_line_lists_our_binding(openclaw: &Gateway, operator: &Arc<Operator>) {
    let store = RpcStore::new(Arc::clone(operator) as Arc<dyn Call>, Backups::new(openclaw.home.join("copies")));
    done(&store, &[route_to(Some("kitchen"))], "routed").await;
    let listed = openclaw.cli(&["agents", "list", "--bindings", "--json"]).await.expect_json();
    let kitchen = listed.as_array().into_iter().flatten().find(|agent| agent["id"] == "kitchen");
    let told = kitchen.unwrap_or_else(|| panic!("no kitchen in {listed:#}")).to_string();
    assert!(told.contains(ID) && told.contains(DEVICE), "{told}");
}

/// The same gateway, with the same secret from the same place, as the command line chooses itself: here, and for a gateway that a profile calls another one.
async fn we_find_what_the_command_line_finds(openclaw: &Gateway) {
    const WRONG: (&str, &str) = ("OPENCLAW_GATEWAY_TOKEN", "wrong");
    let profile = openclaw.home.join(".openclaw-client");
    std::fs::create_dir_all(&profile).expect("a folder for the profile");
    let url = format!("ws://127.0.0.1:{}", openclaw.port);
    let client = json!({ "gateway": { "mode": "remote", "remote": { "url": url, "token": "${LAB_TOKEN}" } } });
    std::fs::write(profile.join("openclaw.json"), client.to_string()).expect("a configuration");
    std::fs::write(profile.join(".env"), "LAB_TOKEN='scenario-token' # of the lab\n").expect("a file of variables");
    let dotenv = Source::DotEnv { file: profile.join(".env"), name: "LAB_TOKEN".into() };
    let by_reference = Source::Reference { path: "gateway.remote.token", to: Box::new(dotenv) };
    let expected = [(None, Source::Config { path: "gateway.auth.token" }), (Some("client"), by_reference)];
    for (profile, source) in expected {
        let variables = openclaw.environment();
        let env = |name: &str| {
            let known = variables.iter().map(|(name, value)| (*name, value.as_str())).chain([WRONG]);
            known.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        };
        let around = Surroundings { env: &env, exists: &|path| path.exists() };
        let found = credentials::find(&around, profile, &|_, _| None);
        let found = found.expect("credentials");
        assert_eq!(found.url, url);
        let token = found.token.expect("a token");
        assert_eq!((token.source, token.secret.reveal()), (source, "scenario-token"));
        let losers = found.copies.iter().filter(|copy| !copy.wins).map(|copy| copy.source.clone());
        assert_eq!(losers.collect::<Vec<_>>(), [Source::Environment { name: WRONG.0.into() }]);
        // The real one comes in: with the wrong token, or at another address, it would not.
        let mut command = openclaw.command(openclaw.bin_dir.join("openclaw"));
        command.args(profile.map(|profile| ["--profile", profile]).into_iter().flatten());
        command.args(["gateway", "call", "health", "--json"]).env(WRONG.0, WRONG.1);
        let health = support::openclaw::run(command, None, Duration::from_secs(180)).await.expect_json();
        assert_eq!(health["ok"], true, "{health}");
    }
}

/// As an editor does: a new file in the place of the old one.
fn write_as_a_person(openclaw: &Gateway, text: &str) {
    let new = openclaw.state_dir.join("openclaw.json.edited");
    std::fs::write(&new, text).expect("a configuration");
    std::fs::rename(new, openclaw.config_path()).expect("a configuration");
}

/// Secrets as the gateway shows them.
fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let is_secret = ["token", "botToken", "apiKey"].contains(&key.as_str());
                (key.clone(), if is_secret { json!("***") } else { redacted(value) })
            })
            .collect(),
        Value::Array(list) => list.iter().map(redacted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Waits until the gateway's configuration is like this.
async fn seen(operator: &Arc<Operator>, is_it: impl Fn(&Value) -> bool) -> Value {
    let since = std::time::Instant::now();
    loop {
        let config = operator.call("config.get", json!({})).await.expect("a configuration")["parsed"].take();
        if is_it(&config) {
            return config;
        }
        assert!(since.elapsed() < SOON, "the gateway does not see the configuration: {config:#}");
        tokio::task::yield_now().await;
    }
}
