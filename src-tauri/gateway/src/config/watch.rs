//! Our own entries in the configuration: remembered, missed, and put back as they were. Values in, values out; the words are elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ID;
use super::difference::is_secret;

/// Our entries as they are in a configuration: nothing of others, and no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ours {
    /// `channels.openclaw-smartpi`.
    pub channel: Option<Value>,
    /// `plugins.entries.openclaw-smartpi`.
    pub plugin: Option<Value>,
    /// Whether `plugins.allow` names us. `None`: there is no such list, or it is empty, and everybody is allowed.
    pub allowed: Option<bool>,
}

/// One of our entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OwnEntry {
    /// `channels.openclaw-smartpi`.
    Channel,
    /// `plugins.entries.openclaw-smartpi`.
    Plugin,
    /// Our name in `plugins.allow`.
    Allowed,
}

impl Ours {
    /// Reads them. What a person switched off is there all the same.
    pub fn of(config: &Value) -> Self {
        let entry = |value: &Value| value.is_object().then(|| without_secrets(value, &mut Vec::new()));
        let list = config["plugins"]["allow"].as_array().filter(|list| !list.is_empty());
        Self {
            channel: entry(&config["channels"][ID]),
            plugin: entry(&config["plugins"]["entries"][ID]),
            allowed: list.map(|list| list.iter().any(|id| id == ID)),
        }
    }

    /// What was there and is not there now. A list of allowed plugins that is gone misses nobody: without one, all are allowed.
    pub fn missing(&self, now: &Self) -> Vec<OwnEntry> {
        let gone = [
            (OwnEntry::Channel, self.channel.is_some() && now.channel.is_none()),
            (OwnEntry::Plugin, self.plugin.is_some() && now.plugin.is_none()),
            (OwnEntry::Allowed, self.allowed == Some(true) && now.allowed == Some(false)),
        ];
        gone.into_iter().filter_map(|(entry, gone)| gone.then_some(entry)).collect()
    }
}

fn without_secrets(value: &Value, path: &mut Vec<String>) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let mut kept = serde_json::Map::new();
    for (key, inner) in map {
        path.push(key.clone());
        if !is_secret(path) {
            kept.insert(key.clone(), without_secrets(inner, path));
        }
        path.pop();
    }
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Change, edit};
    use serde_json::json;

    fn config() -> Value {
        json!({
            "plugins": { "allow": ["a", ID], "entries": { "a": { "enabled": true }, ID: { "enabled": true } } },
            "channels": { ID: { "enabled": true, "linkKeyFile": "/k", "defaultAgentId": "kitchen" }, "telegram": { "botToken": "t" } },
        })
    }

    fn gone(change: impl Fn(&mut Value)) -> Vec<OwnEntry> {
        let mut after = config();
        change(&mut after);
        Ours::of(&config()).missing(&Ours::of(&after))
    }

    fn remove(value: &mut Value, place: &str, key: &str) {
        value.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(key);
    }

    #[test]
    fn each_entry_is_missed_and_nothing_else_is() {
        assert_eq!(gone(|_| {}), []);
        assert_eq!(gone(|after| remove(after, "/channels", ID)), [OwnEntry::Channel]);
        assert_eq!(gone(|after| remove(after, "", "channels")), [OwnEntry::Channel]);
        assert_eq!(gone(|after| remove(after, "/plugins/entries", ID)), [OwnEntry::Plugin]);
        assert_eq!(gone(|after| after["plugins"]["allow"] = json!(["a"])), [OwnEntry::Allowed]);
        assert_eq!(gone(|after| remove(after, "", "plugins")), [OwnEntry::Plugin]);
        // What a person switches off or changes is their word.
        assert_eq!(gone(|after| after["channels"][ID]["enabled"] = json!(false)), []);
        assert_eq!(gone(|after| after["plugins"]["deny"] = json!([ID])), []);
        assert_eq!(gone(|after| after["plugins"]["allow"] = json!([])), [], "an empty list allows everybody");
        assert_eq!(gone(|after| remove(after, "/channels", "telegram")), [], "others look after themselves");
        // What never was there is not missed.
        assert_eq!(Ours::default().missing(&Ours::of(&config())), []);
        assert_eq!(Ours::default().missing(&Ours::default()), []);
    }

    #[test]
    fn nothing_of_others_and_no_secret_is_kept() {
        let mut config = config();
        config["channels"][ID]["token"] = json!("s3cret");
        config["channels"][ID]["more"] = json!({ "apiKey": "s3cret", "name": "n" });
        let kept = serde_json::to_string(&Ours::of(&config)).unwrap();
        assert!(!kept.contains("s3cret") && !kept.contains("telegram") && kept.contains("\"name\":\"n\""), "{kept}");
    }

    #[test]
    fn they_come_back_as_they_were_and_nothing_else_changes() {
        let kept = Ours::of(&config());
        let restore = [Change::Restore { ours: kept.clone() }];
        let text = "{ // mine\n  plugins: { allow: ['a'], entries: { a: { enabled: true } } },\n  channels: { telegram: { botToken: 't' } },\n}\n";
        let back = edit(text, &restore).unwrap();
        assert!(back.text.contains("// mine"), "{}", back.text);
        let now: Value = json5::from_str(&back.text).unwrap();
        assert_eq!(now, config());
        assert!(edit(&back.text, &restore).unwrap().entries.is_empty(), "a second time there is nothing to do");
        // What somebody has written there since stays.
        let newer = json!({ "channels": { ID: { "enabled": false } }, "plugins": { "allow": [] } }).to_string();
        let back: Value = serde_json::from_str(&edit(&newer, &restore).unwrap().text).unwrap();
        assert_eq!(back["channels"][ID], json!({ "enabled": false }));
        assert_eq!(back["plugins"]["allow"], json!([]), "where everybody is allowed, no list is made");
        assert_eq!(back["plugins"]["entries"][ID], json!({ "enabled": true }));
    }
}
