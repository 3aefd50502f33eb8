//! What is done when an OpenClaw does not do what it was asked: a shell script that plays one.

use std::os::unix::fs::PermissionsExt;

use super::*;
use serde_json::{Value, json};

const PERSONS: &str = r#"{
  // mine
  plugins: { allow: ["memory-core"] },
  channels: { telegram: { botToken: "123:abc" } },
}
"#;

/// Does what OpenClaw does to the files; `$1` of `after_install` is the configuration.
const SCRIPT: &str = r#"#!/bin/sh
set -e
cd "$(dirname "$0")"
case "$*" in
  --version) echo "OpenClaw 2026.9.6 (eb377ac)" ;;
  "config file") echo "$PWD/state/openclaw.json" ;;
  "plugins list --json") echo '{"plugins":[]}' ;;
  "plugins install --help") echo "  --force   --accept-capabilities" ;;
  "plugins uninstall --help") echo "  --force" ;;
  "config --help") echo "  patch   Merge" ;;
  "plugins uninstall openclaw-smartpi --force") rm -r state/extensions/openclaw-smartpi ;;
  "plugins install "*" --force --accept-capabilities")
    mkdir -p state/extensions
    tar xzf "$3" -C state/extensions
    mv state/extensions/package state/extensions/openclaw-smartpi
    cp installed.json state/openclaw.json ;;
  "config patch --stdin")
    cat > patched-with.json
    cp configured.json state/openclaw.json ;;
  *) echo "what is $*?" >&2; exit 64 ;;
esac
"#;

struct Stage {
    temp: tempfile::TempDir,
    request: Request,
}

impl Stage {
    fn new(installed: &Value, configured: &Value) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path();
        std::fs::create_dir(root.join("state")).unwrap();
        std::fs::write(root.join("state/openclaw.json"), PERSONS).unwrap();
        std::fs::write(root.join("installed.json"), installed.to_string()).unwrap();
        std::fs::write(root.join("configured.json"), configured.to_string()).unwrap();
        std::fs::write(root.join("openclaw"), SCRIPT).unwrap();
        std::fs::set_permissions(root.join("openclaw"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let folders = Folders::under(root.join("data"));
        folders.create().unwrap();
        let request = Request { openclaw: Some(root.join("openclaw")), ..Request::new(folders) };
        Self { temp, request }
    }

    async fn look(&self) -> Before {
        let mut before = Before::look(&self.request).await.unwrap();
        // The environment of the test names another home.
        before.openclaw.places.state_dir = self.temp.path().join("state");
        before.standing = stand(&before.openclaw, &before.carried, &[]).await.unwrap();
        before
    }

    fn config(&self) -> String {
        std::fs::read_to_string(self.temp.path().join("state/openclaw.json")).unwrap()
    }

    fn plugin_is_there(&self) -> bool {
        self.temp.path().join("state/extensions/openclaw-smartpi").exists()
    }

    fn backups(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.temp.path().join("data/backups")).unwrap();
        let mut texts: Vec<String> =
            entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
        texts.sort();
        texts
    }
}

fn installed() -> Value {
    json!({
        "plugins": { "allow": ["memory-core", ID], "entries": { ID: { "enabled": true } } },
        "channels": { "telegram": { "botToken": "123:abc" } },
        "meta": { "lastTouchedVersion": "2026.9.6" },
    })
}

fn configured(link_key: &Path) -> Value {
    let mut value = installed();
    value["channels"][ID] = json!({ "enabled": true, "linkKeyFile": link_key });
    value
}

fn cause_of(result: Result<PathBuf, InstallError>) -> (ChangeError, Result<(), UndoError>) {
    let InstallError::Undone(failed) = result.unwrap_err() else { panic!("nothing was undone") };
    (failed.cause, failed.undone)
}

#[tokio::test]
async fn an_openclaw_that_does_what_it_is_asked_is_left_as_it_is() {
    let stage = Stage::new(&installed(), &json!({}));
    let link_key = stage.request.folders.link_key();
    std::fs::write(stage.temp.path().join("configured.json"), configured(&link_key).to_string()).unwrap();
    let before = stage.look().await;
    assert_eq!(before.standing, Standing::Absent);
    let copy = change(&stage.request, &before).await.unwrap();
    assert_eq!(std::fs::read_to_string(copy).unwrap(), PERSONS);
    assert!(before.config.has_comments());
    let patch: Value =
        serde_json::from_slice(&std::fs::read(stage.temp.path().join("patched-with.json")).unwrap()).unwrap();
    assert_eq!(patch, json!({ "channels": { ID: { "enabled": true, "linkKeyFile": link_key } } }));
    assert_eq!(stage.config(), configured(&link_key).to_string());
    let after = stage.look().await;
    assert!(after.is_current() && after.config.leads_to(&link_key));
    after.refuse().unwrap();
}

#[tokio::test]
async fn a_dropped_entry_brings_everything_back() {
    let mut harmful = installed();
    harmful["plugins"]["allow"] = json!([ID]);
    let stage = Stage::new(&harmful, &json!({}));
    let (cause, undone) = cause_of(change(&stage.request, &stage.look().await).await);
    assert!(matches!(&cause, ChangeError::Others(differences) if differences[0].path == "plugins.allow"), "{cause}");
    undone.unwrap();
    assert_eq!(stage.config(), PERSONS);
    assert!(!stage.plugin_is_there());
    assert!(stage.backups().contains(&harmful.to_string()), "what was overwritten is kept");
}

#[tokio::test]
async fn a_changed_value_in_the_second_step_brings_everything_back() {
    let stage = Stage::new(&installed(), &json!({}));
    let mut harmful = configured(&stage.request.folders.link_key());
    harmful["channels"]["telegram"]["botToken"] = json!("456:def");
    std::fs::write(stage.temp.path().join("configured.json"), harmful.to_string()).unwrap();
    let (cause, undone) = cause_of(change(&stage.request, &stage.look().await).await);
    assert_eq!(cause.to_string(), "settings that are not ours changed: channels.telegram.botToken");
    undone.unwrap();
    assert_eq!(stage.config(), PERSONS);
    assert!(!stage.plugin_is_there());
}

#[tokio::test]
async fn an_entry_that_is_not_kept_is_no_success() {
    let stage = Stage::new(&installed(), &installed());
    let (cause, undone) = cause_of(change(&stage.request, &stage.look().await).await);
    assert!(matches!(cause, ChangeError::NotKept), "{cause}");
    undone.unwrap();
    assert_eq!(stage.config(), PERSONS);
}

#[tokio::test]
async fn an_openclaw_that_refuses_says_why() {
    let stage = Stage::new(&installed(), &installed());
    let script = stage.temp.path().join("openclaw");
    let refusing = SCRIPT.replace("    mkdir -p state/extensions\n", "    echo 'no room' >&2; exit 1\n");
    std::fs::write(&script, refusing).unwrap();
    let (cause, undone) = cause_of(change(&stage.request, &stage.look().await).await);
    assert!(cause.to_string().ends_with("no room"), "{cause}");
    undone.unwrap();
    assert_eq!(stage.config(), PERSONS);
}

#[tokio::test]
async fn a_foreign_plugin_and_a_denied_one_are_refused_before_any_change() {
    let stage = Stage::new(&installed(), &installed());
    let own_place = stage.temp.path().join("state/extensions/openclaw-smartpi");
    std::fs::create_dir_all(&own_place).unwrap();
    std::fs::write(own_place.join("package.json"), r#"{"name":"openclaw-smartpi","version":"2.0.0"}"#).unwrap();
    let before = stage.look().await;
    let refused = before.refuse().unwrap_err();
    assert!(matches!(&refused, InstallError::Foreign { why: foreign::NotOurs::OtherContents, .. }), "{refused}");
    assert_eq!(Failure::from(refused).code, FailureCode::PluginForeign);
    std::fs::remove_dir_all(&own_place).unwrap();
    std::fs::write(stage.temp.path().join("state/openclaw.json"), r#"{ plugins: { deny: ["openclaw-smartpi"] } }"#)
        .unwrap();
    assert!(matches!(stage.look().await.refuse(), Err(InstallError::Denied(_))));
}
