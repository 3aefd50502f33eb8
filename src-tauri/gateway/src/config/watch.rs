//! What happened to our entries, and what is in the configuration that a person should know. Values in, findings out; the words are elsewhere.

use serde_json::Value;

use super::difference::is_secret;
use super::{ID, routing};

/// Something in the configuration that a person should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Our channel's entry was there and is gone.
    ChannelRemoved,
    /// Our channel was on and is off.
    ChannelOff,
    /// Our channel leads to another link key.
    LinkKeyMoved,
    /// Our plugin's entry was there and is gone.
    PluginRemoved,
    /// Our plugin was switched off: by its entry, by `plugins.enabled`, or by `plugins.deny`.
    PluginOff,
    /// `plugins.allow` has entries, and no longer us. The gateway runs us still, and its own lists say that it does not.
    NotAllowed,
    /// The route of a device is gone.
    RouteRemoved {
        /// The device's key.
        device: String,
    },
    /// A list of allowed tools leaves out `message`: agents cannot speak to a device by themselves. Such a list removes every tool that it does not name.
    ToolsWithoutMessage {
        /// For example `tools.allow`.
        path: String,
        /// How many tools and groups it names.
        names: usize,
    },
    /// A secret stands in the file in plain words.
    PlainSecret {
        /// For example `gateway.auth.token`.
        path: String,
    },
    /// The plugin of this id is somebody else's. It is never overwritten.
    ForeignPlugin {
        /// Name of its package.
        package: Option<String>,
    },
}

/// A finding and when it was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// What.
    pub finding: Finding,
    /// Milliseconds since 1970.
    pub at_ms: u64,
}

/// Whose plugin has our id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's.
    Nobody,
    /// Ours.
    Ours,
    /// Somebody else's.
    Other {
        /// Name of its package.
        package: Option<String>,
    },
}

/// What became of our entries between two readings. A secret that was added, or a trap that was set, is in it as well.
pub fn differences(before: &Value, after: &Value, at_ms: u64) -> Vec<Noticed> {
    let mut found = Vec::new();
    let (channel, channel_now) = (&before["channels"][ID], &after["channels"][ID]);
    if channel.is_object() && !channel_now.is_object() {
        found.push(Finding::ChannelRemoved);
    } else if channel["enabled"] == true && channel_now["enabled"] != true {
        found.push(Finding::ChannelOff);
    }
    let keys = (&channel["linkKeyFile"], &channel_now["linkKeyFile"]);
    if keys.0.is_string() && channel_now.is_object() && keys.0 != keys.1 {
        found.push(Finding::LinkKeyMoved);
    }
    let entry = |config: &Value| config["plugins"]["entries"][ID].is_object();
    if is_off(after) && !is_off(before) {
        found.push(Finding::PluginOff);
    } else if entry(before) && !entry(after) {
        found.push(Finding::PluginRemoved);
    }
    if is_left_out(after) && !is_left_out(before) {
        found.push(Finding::NotAllowed);
    }
    let routes = |config: &Value| -> Vec<String> {
        let bindings = config["bindings"].as_array().into_iter().flatten();
        bindings.filter_map(routing::device_of).map(str::to_owned).collect()
    };
    let now = routes(after);
    let gone = routes(before).into_iter().filter(|device| !now.contains(device));
    found.extend(gone.map(|device| Finding::RouteRemoved { device }));
    let known = inspect(before, &Owner::Nobody);
    found.extend(inspect(after, &Owner::Nobody).into_iter().filter(|finding| !known.contains(finding)));
    found.into_iter().map(|finding| Noticed { finding, at_ms }).collect()
}

/// What a configuration says by itself. `owner`: whose plugin has our id.
pub fn inspect(config: &Value, owner: &Owner) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Owner::Other { package } = owner {
        found.push(Finding::ForeignPlugin { package: package.clone() });
    }
    tools(&config["tools"], "tools", &mut found);
    let agents = &config["agents"];
    tools(&agents["defaults"]["tools"], "agents.defaults.tools", &mut found);
    for (id, agent) in agents["entries"].as_object().into_iter().flatten() {
        tools(&agent["tools"], &format!("agents.entries.{id}.tools"), &mut found);
    }
    for (index, agent) in agents["list"].as_array().into_iter().flatten().enumerate() {
        tools(&agent["tools"], &format!("agents.list.{index}.tools"), &mut found);
    }
    secrets(config, &mut Vec::new(), &mut found);
    found
}

fn is_off(config: &Value) -> bool {
    let plugins = &config["plugins"];
    let denied = plugins["deny"].as_array().is_some_and(|list| list.iter().any(|id| id == ID));
    denied || plugins["enabled"] == false || plugins["entries"][ID]["enabled"] == false
}

fn is_left_out(config: &Value) -> bool {
    let list = config["plugins"]["allow"].as_array().filter(|list| !list.is_empty());
    list.is_some_and(|list| !list.iter().any(|id| id == ID))
}

fn tools(scope: &Value, path: &str, found: &mut Vec<Finding>) {
    let list: Vec<&str> = scope["allow"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !list.is_empty() && !list.iter().any(|name| covers(name, "message")) {
        found.push(Finding::ToolsWithoutMessage { path: format!("{path}.allow"), names: list.len() });
    }
    for (provider, inner) in scope["byProvider"].as_object().into_iter().flatten() {
        tools(inner, &format!("{path}.byProvider.{provider}"), found);
    }
}

/// Whether a name of a list means this tool: the name itself, a group, or a pattern with `*`. Case does not count.
fn covers(name: &str, tool: &str) -> bool {
    let name = name.trim().to_lowercase();
    if ["group:messaging", "group:openclaw"].contains(&name.as_str()) {
        return true;
    }
    let mut pieces = name.split('*');
    let Some(rest) = pieces.next().and_then(|first| tool.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

fn secrets(value: &Value, path: &mut Vec<String>, found: &mut Vec<Finding>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                path.push(key.clone());
                secrets(inner, path, found);
                path.pop();
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                path.push(index.to_string());
                secrets(inner, path, found);
                path.pop();
            }
        }
        Value::String(text) if is_secret(path) && !text.trim().is_empty() && !text.trim().starts_with('$') => {
            found.push(Finding::PlainSecret { path: path.join(".") });
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ours() -> Value {
        json!({
            "plugins": { "allow": ["a", ID], "entries": { ID: { "enabled": true } } },
            "channels": { ID: { "enabled": true, "linkKeyFile": "/k" }, "telegram": {} },
            "bindings": [routing::binding("dev1", "main")],
        })
    }

    fn noticed(change: impl Fn(&mut Value)) -> Vec<Finding> {
        let mut after = ours();
        change(&mut after);
        let found = differences(&ours(), &after, 7);
        assert!(found.iter().all(|noticed| noticed.at_ms == 7));
        found.into_iter().map(|noticed| noticed.finding).collect()
    }

    #[test]
    fn what_happens_to_our_entries_is_noticed() {
        assert_eq!(noticed(|_| {}), []);
        assert_eq!(noticed(|after| after["channels"]["telegram"] = json!({ "enabled": true })), []);
        let remove = |after: &mut Value, place: &str, key: &str| {
            after.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(key);
        };
        assert_eq!(noticed(|after| remove(after, "/channels", ID)), [Finding::ChannelRemoved]);
        assert_eq!(noticed(|after| remove(after, "", "channels")), [Finding::ChannelRemoved]);
        assert_eq!(noticed(|after| after["channels"][ID]["enabled"] = json!(false)), [Finding::ChannelOff]);
        assert_eq!(noticed(|after| after["channels"][ID]["linkKeyFile"] = json!("/l")), [Finding::LinkKeyMoved]);
        assert_eq!(noticed(|after| remove(after, "/plugins/entries", ID)), [Finding::PluginRemoved]);
        assert_eq!(noticed(|after| after["plugins"]["deny"] = json!([ID])), [Finding::PluginOff]);
        assert_eq!(noticed(|after| after["plugins"]["allow"] = json!(["a"])), [Finding::NotAllowed]);
        assert_eq!(noticed(|after| after["plugins"]["allow"] = json!([])), [], "an empty list allows everybody");
        assert_eq!(noticed(|after| after["bindings"] = json!([])), [Finding::RouteRemoved { device: "dev1".into() }]);
        assert_eq!(
            noticed(|after| after["gateway"] = json!({ "auth": { "token": "t0p" } })),
            [Finding::PlainSecret { path: "gateway.auth.token".into() }]
        );
    }

    #[test]
    fn a_list_of_tools_that_silences_agents_is_found() {
        let found = |tools: Value| inspect(&json!({ "tools": tools }), &Owner::Ours).len();
        assert_eq!(found(json!({ "allow": ["read", "group:fs"] })), 1);
        for covering in ["message", "Message", "*", "mess*", "*sage", "m*s*e", "group:messaging", "group:openclaw"] {
            assert_eq!(found(json!({ "allow": ["read", covering] })), 0, "{covering}");
        }
        for other in ["messages", "mes", "*x*", "group:fs", "message*x"] {
            assert_eq!(found(json!({ "allow": [other] })), 1, "{other}");
        }
        assert_eq!(found(json!({ "alsoAllow": ["read"] })), 0);
        assert_eq!(found(json!({ "byProvider": { "openai": { "allow": ["read"] } } })), 1);
        let agent = json!({ "agents": { "entries": { "kitchen": { "tools": { "allow": ["read"] } } } } });
        let expected = Finding::ToolsWithoutMessage { path: "agents.entries.kitchen.tools.allow".into(), names: 1 };
        assert_eq!(inspect(&agent, &Owner::Ours), [expected]);
    }

    #[test]
    fn secrets_are_named_by_their_place_alone() {
        let config = json!({ "channels": { "telegram": { "botToken": "123:abc" } }, "models": { "providers": { "x": { "apiKey": "${KEY}" } } }, "list": [{ "password": "p" }] });
        let found = inspect(&config, &Owner::Other { package: Some("smartpi-official".into()) });
        let plain = |path: &str| Finding::PlainSecret { path: path.into() };
        let foreign = Finding::ForeignPlugin { package: Some("smartpi-official".into()) };
        assert_eq!(found, [foreign, plain("channels.telegram.botToken"), plain("list.0.password")]);
        assert!(!format!("{found:?}").contains("abc"));
    }
}
