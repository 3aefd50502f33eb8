//! What we tell OpenClaw to change in its configuration, and what a person is told about it before.

use gateway::config::{Change, Config, EditError, preview};
use serde_json::{Value, json};

use super::ID;
use crate::control::answer::PlannedChange;

/// What OpenClaw merges into its configuration: our channel, nothing else, no array. Other keys of our channel, such as `defaultAgentId`, stay.
pub(super) fn patch(link_key: &str) -> Value {
    json!({ "channels": { ID: { "enabled": true, "linkKeyFile": link_key } } })
}

/// Every entry that an installation changes, in the order of their paths: what OpenClaw's installer writes (`with_package`), and [`patch`]. Measured with
/// 2026.9.6: `plugins.allow` grows where it has entries, an entry of ours that is there stays as it is. OpenClaw's own notes (`meta`) are not in it.
pub(super) fn planned(config: &Config, link_key: &str, with_package: bool) -> Result<Vec<PlannedChange>, EditError> {
    let [channel, plugin, allow] = Change::install(link_key);
    let changes = if with_package { vec![channel, plugin, allow] } else { vec![channel] };
    let entries = preview(config.value(), &changes)?;
    // An installation removes nothing.
    let set = entries.into_iter().filter_map(|entry| Some((entry.path, entry.before, entry.after?)));
    Ok(set.map(|(path, before, after)| PlannedChange { path, before, after }).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use gateway::config::unexplained;

    fn config(value: &Value) -> Config {
        Config::parse(value.to_string().into_bytes(), Path::new("openclaw.json")).unwrap()
    }

    fn persons() -> Value {
        json!({
            "gateway": { "port": 19001, "auth": { "token": "s" } },
            "plugins": { "allow": ["memory-core", "discord"], "entries": { "discord": { "enabled": true } }, "load": { "paths": ["/p"] } },
            "channels": { "discord": { "enabled": true, "token": "t" }, "telegram": { "botToken": "b", "allowFrom": ["1", "2"] } },
        })
    }

    fn installed() -> Value {
        let mut after = persons();
        after["plugins"]["allow"] = json!(["memory-core", "discord", ID]);
        after["plugins"]["entries"][ID] = json!({ "enabled": true });
        after["channels"][ID] = json!({ "enabled": true, "linkKeyFile": "/d/link.key" });
        after["meta"] = json!({ "lastTouchedVersion": "2026.9.6" });
        after
    }

    #[test]
    fn the_plan_is_what_an_installation_does() {
        let told = |config: &Value, with_package| {
            let changes = planned(&self::config(config), "/d/link.key", with_package).unwrap();
            changes.into_iter().map(|change| (change.path, change.before, change.after)).collect::<Vec<_>>()
        };
        let line = |path: &str, before: Option<&str>, after: &str| {
            (path.replace("ID", ID), before.map(str::to_owned), after.replace("ID", ID))
        };
        let channel =
            [line("channels.ID.enabled", None, "true"), line("channels.ID.linkKeyFile", None, r#""/d/link.key""#)];
        let allow = line("plugins.allow", Some(r#"["memory-core","discord"]"#), r#"["memory-core","discord","ID"]"#);
        let entry = line("plugins.entries.ID.enabled", None, "true");
        let all = [channel[0].clone(), channel[1].clone(), allow, entry.clone()];
        assert_eq!(told(&persons(), true), all);
        assert_eq!(told(&json!({}), true), [channel[0].clone(), channel[1].clone(), entry.clone()]);
        assert_eq!(told(&json!({ "plugins": { "allow": [] } }), true)[2], entry, "OpenClaw leaves an empty list");
        assert_eq!(told(&persons(), false), channel);
        assert_eq!(told(&installed(), true), []);
        let mut other = installed();
        other["channels"][ID] = json!({ "enabled": true, "linkKeyFile": "/e/link.key", "defaultAgentId": "main" });
        let moved = line("channels.ID.linkKeyFile", Some(r#""/e/link.key""#), r#""/d/link.key""#);
        assert_eq!(told(&other, true), [moved]);
        // And nothing in the plan would be put back as unexplained.
        let mut after = persons();
        after["channels"][ID] = json!({ "enabled": true, "linkKeyFile": "/d/link.key" });
        after["plugins"]["entries"][ID]["enabled"] = json!(true);
        after["plugins"]["allow"].as_array_mut().unwrap().push(json!(ID));
        assert_eq!(told(&after, true), [], "the plan is all that there is to do");
        assert_eq!(unexplained(&persons(), &after), []);
        assert!(planned(&config(&json!({ "channels": [] })), "/d", false).is_err());
    }
}
