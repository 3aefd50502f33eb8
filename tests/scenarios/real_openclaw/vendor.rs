//! Another vendor's plugin has our id: it is left alone, and its own command manages its devices.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::control::Control;
use support::openclaw::CURRENT;

use super::stage::Stage;
use super::{ID, LOOK, failure_code};

/// What it keeps its devices in, in the home: it may run from a copy of its folder.
const BOUND: &str = "boxes.json";
/// Its commands, as OpenClaw lets a plugin have some.
const INDEX: &str = r#"import { readFileSync, writeFileSync } from "node:fs";
const file = `${process.env.HOME}/boxes.json`;
const bound = () => JSON.parse(readFileSync(file, "utf8"));
const keep = (ids) => writeFileSync(file, JSON.stringify(ids));
const fail = (words) => { console.error(words); process.exitCode = 3; };
export default {
  id: "openclaw-smartpi", name: "Vendor", description: "The vendor's devices",
  register(api) {
    api.registerCli(({ program }) => {
      const accounts = program.command("boxes").command("accounts");
      accounts.command("list").action(() => console.log(bound().map((id) => `绑定ID: ${id}`).join("\n")));
      accounts.command("bind").action(() => { keep([...bound(), "b3"]); console.log("绑定ID: b3"); });
      accounts.command("status <id>").action((id) => (bound().includes(id) ? console.log(`${id}: online`) : fail(`unknown account: ${id}`)));
      accounts.command("remove <key>").option("--all").action((id, { all }) => { keep(all ? [] : bound().filter((one) => one !== id)); console.log(`removed ${id}`); });
    }, { descriptors: [{ name: "boxes", description: "The vendor's devices", hasSubcommands: true }] });
  },
};
"#;

fn folder(stage: &Stage) -> PathBuf {
    stage.gateway.state_dir.join("extensions").join(ID)
}

/// The vendor's plugin is there; `commands`: what its manifest says of them.
fn put(stage: &Stage, commands: &Value) {
    let folder = folder(stage);
    std::fs::create_dir_all(&folder).expect("a folder for the vendor");
    let files = [
        ("package.json", json!({ "name": "@vendor/openclaw-smartpi", "version": "3.1.0", "type": "module", "openclaw": { "extensions": ["./index.js"] } }).to_string()),
        ("openclaw.plugin.json", json!({ "id": ID, "name": "Vendor", "version": "3.1.0", "configSchema": { "type": "object" }, "cliCommands": commands }).to_string()),
        ("index.js", INDEX.to_owned()),
    ];
    for (name, text) in &files {
        std::fs::write(folder.join(name), text).expect("a file of the vendor");
    }
    std::fs::write(stage.gateway.home.join(BOUND), json!(["b1", "b2"]).to_string()).expect("its devices");
}

fn boxes() -> Value {
    json!([{ "name": "boxes", "description": "The vendor's devices", "hasSubcommands": true }])
}

fn bound(stage: &Stage) -> Value {
    let text = std::fs::read(stage.gateway.home.join(BOUND)).expect("the vendor's devices");
    serde_json::from_slice(&text).expect("JSON")
}

/// Every file of the vendor and the configuration, with their bytes.
fn everything(stage: &Stage) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder(stage)).expect("the vendor's folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let bytes = |path: &Path| std::fs::read(path).expect("a file");
    let mut all: Vec<_> = paths.chain([stage.gateway.config_path()]).map(|path| (path.clone(), bytes(&path))).collect();
    all.sort();
    all
}

pub(super) async fn its_plugin_is_left_alone(stage: &Stage) {
    put(stage, &boxes());
    let before = everything(stage);
    let refused = stage.install().await;
    assert_eq!(failure_code(&refused), "plugin_foreign");
    assert_eq!(everything(stage), before);
    std::fs::remove_dir_all(folder(stage)).expect("the vendor goes");
}

#[tokio::test]
async fn anothers_devices_are_managed_by_its_own_command() {
    let allowed = json!({ "plugins": { "allow": ["memory-core", ID], "entries": { ID: { "enabled": true } } } });
    let stage = Stage::set(CURRENT, &allowed).await;
    put(&stage, &boxes());
    // Whatever OpenClaw itself writes at its first start is written before.
    stage.openclaw("boxes accounts list").await;
    let before = everything(&stage);
    let patient = || Control::connect(&stage.data()).and_then(|control| control.patient(LOOK)).expect("the service");
    let ask = |act: Value| patient().ask("plugin.accounts", act).expect("its words");
    let refused = |act: Value| patient().refused("plugin.accounts", act).expect("a refusal");

    let listed = ask(json!({ "act": "list" }));
    let expected = json!({ "package": "@vendor/openclaw-smartpi", "command": "openclaw boxes accounts list", "done": true, "text": "绑定ID: b1\n绑定ID: b2" });
    assert_eq!(listed, expected);
    let unknown = ask(json!({ "act": "status", "device": "b9" }));
    assert_eq!(unknown["done"], false, "what it says no to is said, and no failure of ours: {unknown}");
    assert!(unknown["text"].as_str().is_some_and(|text| text.contains("unknown account: b9")), "{unknown}");
    assert_eq!(ask(json!({ "act": "bind" }))["text"], "绑定ID: b3");
    assert_eq!(bound(&stage), json!(["b1", "b2", "b3"]));
    assert_eq!(ask(json!({ "act": "remove", "device": "b2" }))["text"], "removed b2");
    // A flag would do more than what was asked for.
    assert_eq!(refused(json!({ "act": "remove", "device": "--all" })), "bad_request");
    assert_eq!(bound(&stage), json!(["b1", "b3"]));

    let asked = stage.smartpi(&["plugin", "accounts", "remove", "b1", "--json"]).await;
    assert_eq!(failure_code(&asked), "yes_needed");
    assert_eq!(bound(&stage), json!(["b1", "b3"]), "nothing before a yes");
    let removed = stage.smartpi(&["plugin", "accounts", "remove", "b1", "--yes", "--json"]).await.expect_json();
    assert_eq!((&removed["done"], bound(&stage)), (&json!(true), json!(["b3"])), "{removed}");
    let status = stage.smartpi(&["plugin", "accounts", "status", "b1"]).await;
    assert!(!status.status.success() && status.out.contains("unknown account: b1"), "{}", status.out);
    assert_eq!(everything(&stage), before, "nothing but its list of devices is another");

    // The twins: a plugin that names no command, and none at all.
    put(&stage, &json!([]));
    assert_eq!(refused(json!({ "act": "list" })), "plugin_accounts_unknown");
    std::fs::remove_dir_all(folder(&stage)).expect("the vendor goes");
    assert_eq!(refused(json!({ "act": "list" })), "plugin_accounts_unknown");
}
