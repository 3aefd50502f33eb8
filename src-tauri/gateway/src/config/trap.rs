//! What is in the configuration that a person should know. Values in, findings out; the words are elsewhere.

use serde_json::Value;

use super::difference::is_secret;

/// Something in the configuration that a person should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trap {
    /// A list of allowed tools leaves out `message`: agents cannot speak to a device by themselves. Such a list removes every tool that it does not name.
    ToolsWithoutMessage {
        /// For example `tools.allow`.
        path: String,
        /// The agent that it is about; `None`: all of them.
        agent: Option<String>,
    },
    /// A secret stands in the file in plain words.
    PlainSecret {
        /// For example `gateway.auth.token`.
        path: String,
    },
}

/// What a configuration says by itself.
pub fn traps(config: &Value) -> Vec<Trap> {
    let mut found = Vec::new();
    tools(&config["tools"], "tools", None, &mut found);
    let agents = &config["agents"];
    tools(&agents["defaults"]["tools"], "agents.defaults.tools", None, &mut found);
    for (id, agent) in agents["entries"].as_object().into_iter().flatten() {
        tools(&agent["tools"], &format!("agents.entries.{id}.tools"), Some(id), &mut found);
    }
    for (index, agent) in agents["list"].as_array().into_iter().flatten().enumerate() {
        tools(&agent["tools"], &format!("agents.list.{index}.tools"), agent["id"].as_str(), &mut found);
    }
    secrets(config, &mut Vec::new(), &mut found);
    found
}

fn tools(scope: &Value, path: &str, agent: Option<&str>, found: &mut Vec<Trap>) {
    let list: Vec<&str> = scope["allow"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !list.is_empty() && !list.iter().any(|name| covers(name, "message")) {
        found.push(Trap::ToolsWithoutMessage { path: format!("{path}.allow"), agent: agent.map(str::to_owned) });
    }
    for (provider, inner) in scope["byProvider"].as_object().into_iter().flatten() {
        tools(inner, &format!("{path}.byProvider.{provider}"), agent, found);
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

fn secrets(value: &Value, path: &mut Vec<String>, found: &mut Vec<Trap>) {
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
            found.push(Trap::PlainSecret { path: path.join(".") });
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_of_tools_that_silences_agents_is_found() {
        let found = |tools: Value| traps(&json!({ "tools": tools })).len();
        assert_eq!(found(json!({ "allow": ["read", "group:fs"] })), 1);
        for covering in ["message", "Message", "*", "mess*", "*sage", "m*s*e", "group:messaging", "group:openclaw"] {
            assert_eq!(found(json!({ "allow": ["read", covering] })), 0, "{covering}");
        }
        for other in ["messages", "mes", "*x*", "group:fs", "message*x"] {
            assert_eq!(found(json!({ "allow": [other] })), 1, "{other}");
        }
        assert_eq!(found(json!({ "alsoAllow": ["read"] })), 0);
        assert_eq!(found(json!({ "byProvider": { "openai": { "allow": ["read"] } } })), 1);
        let told = |path: &str| Trap::ToolsWithoutMessage { path: path.into(), agent: Some("kitchen".into()) };
        let tools = json!({ "tools": { "allow": ["read"] } });
        let entries = json!({ "agents": { "entries": { "kitchen": tools } } });
        assert_eq!(traps(&entries), [told("agents.entries.kitchen.tools.allow")]);
        let list = json!({ "agents": { "list": [{ "id": "kitchen", "tools": tools["tools"] }] } });
        assert_eq!(traps(&list), [told("agents.list.0.tools.allow")]);
    }

    #[test]
    fn secrets_are_named_by_their_place_alone() {
        let reference = json!({ "source": "env", "provider": "default", "id": "KEY" });
        let config = json!({
            "channels": { "telegram": { "botToken": "123:abc" } },
            "models": { "providers": { "x": { "apiKey": "${KEY}" }, "y": { "apiKey": reference } } },
            "list": [{ "password": "p" }],
        });
        let found = traps(&config);
        let plain = |path: &str| Trap::PlainSecret { path: path.into() };
        assert_eq!(found, [plain("channels.telegram.botToken"), plain("list.0.password")]);
        assert!(!format!("{found:?}").contains("abc"));
    }
}
