//! What two configurations differ in: paths and values, as data.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::ID;

/// Keys from the top.
pub type Path = Vec<String>;

/// A place in the configuration that changed and must not have. It names the place and never the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Keys from the top, with dots between.
    pub path: String,
}

/// An entry that a change sets or removes, for showing before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Keys from the top, with dots between.
    pub path: String,
    /// What is there as JSON; `None`: nothing.
    pub before: Option<String>,
    /// What will be there; `None`: nothing.
    pub after: Option<String>,
}

/// Every path that differs. Objects are compared key by key, a missing one like an empty one; everything else as a whole.
pub fn changed_paths(before: &Value, after: &Value) -> BTreeSet<Path> {
    let mut changed = BTreeSet::new();
    collect(before, after, &mut Vec::new(), &mut changed);
    changed
}

/// Every change between two configurations that an installation of our plugin by OpenClaw itself does not explain.
pub fn unexplained(before: &Value, after: &Value) -> Vec<Difference> {
    let strange = |path: &Path| !is_explained(path, before, after);
    changed_paths(before, after).into_iter().filter(strange).map(|path| Difference { path: path.join(".") }).collect()
}

/// The value at a path.
pub(crate) fn at<'v>(value: &'v Value, path: &[impl AsRef<str>]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key.as_ref()))
}

/// The differences, to be shown. A secret is shown as dots.
pub(crate) fn entries(before: &Value, after: &Value) -> Vec<Entry> {
    let shown = |value: &Value, path: &Path| {
        at(value, path).map(|value| if is_secret(path) { r#""••••••""#.to_owned() } else { value.to_string() })
    };
    changed_paths(before, after)
        .into_iter()
        .map(|path| Entry { before: shown(before, &path), after: shown(after, &path), path: path.join(".") })
        .collect()
}

/// Whether a key by this name holds a secret.
pub(crate) fn is_secret(path: &[String]) -> bool {
    path.last().is_some_and(|key| {
        let key = key.to_lowercase();
        ["token", "password", "secret", "apikey", "api_key"].iter().any(|word| key.ends_with(word))
    })
}

fn is_explained(path: &[String], before: &Value, after: &Value) -> bool {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    match keys.as_slice() {
        ["channels", id, ..] | ["plugins", "entries", id, ..] => *id == ID,
        // OpenClaw's installer adds a plugin where the person keeps a list. Where there is none, making one would switch every other plugin off.
        ["plugins", "allow"] => is_with_us_at_the_end(&before["plugins"]["allow"], &after["plugins"]["allow"]),
        ["meta", ..] => true,
        _ => false,
    }
}

pub(crate) fn is_with_us_at_the_end(before: &Value, after: &Value) -> bool {
    let (Some(before), Some(after)) = (before.as_array(), after.as_array()) else { return false };
    matches!(after.split_last(), Some((last, rest)) if last == ID && rest == before.as_slice())
}

fn collect(before: &Value, after: &Value, path: &mut Path, changed: &mut BTreeSet<Path>) {
    if before == after {
        return;
    }
    let empty = Map::new();
    let (before, after) = match (before, after) {
        (Value::Object(before), Value::Object(after)) => (before, after),
        // An empty object is something that a person can have written: adding or dropping it is a change.
        (Value::Null, Value::Object(after)) if !after.is_empty() => (&empty, after),
        (Value::Object(before), Value::Null) if !before.is_empty() => (before, &empty),
        _ => {
            changed.insert(path.clone());
            return;
        }
    };
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        path.push(key.clone());
        let (old, new) = (before.get(key), after.get(key));
        // `null` on one side and nothing on the other is a change as well.
        if old.is_none() != new.is_none() && old.or(new).is_some_and(Value::is_null) {
            changed.insert(path.clone());
        } else {
            collect(old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null), path, changed);
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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

    fn paths(before: &Value, after: &Value) -> Vec<String> {
        unexplained(before, after).into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn our_own_entries_are_explained() {
        assert_eq!(paths(&persons(), &installed()), Vec::<String>::new());
        assert_eq!(paths(&persons(), &persons()), Vec::<String>::new());
        // A configuration without plugins and channels gets both.
        let after =
            json!({ "gateway": {}, "plugins": { "entries": { ID: { "enabled": true } } }, "channels": { ID: {} } });
        assert_eq!(paths(&json!({ "gateway": {} }), &after), Vec::<String>::new());
    }

    #[test]
    fn everything_else_is_not() {
        let changed = |change: fn(&mut Value)| {
            let mut after = installed();
            change(&mut after);
            paths(&persons(), &after)
        };
        assert_eq!(changed(|after| after["channels"]["discord"]["token"] = json!("x")), ["channels.discord.token"]);
        assert_eq!(
            changed(|after| drop(after["channels"].as_object_mut().unwrap().remove("telegram"))),
            ["channels.telegram.allowFrom", "channels.telegram.botToken"]
        );
        assert_eq!(
            changed(|after| after["channels"]["telegram"]["allowFrom"] = json!(["1"])),
            ["channels.telegram.allowFrom"]
        );
        assert_eq!(changed(|after| after["plugins"]["load"]["paths"] = json!(["/p", "/q"])), ["plugins.load.paths"]);
        assert_eq!(changed(|after| after["plugins"]["entries"]["x"] = json!({})), ["plugins.entries.x"]);
        assert_eq!(changed(|after| after["gateway"]["auth"] = Value::Null), ["gateway.auth.token"]);
        assert_eq!(changed(|after| after["new"] = Value::Null), ["new"]);
        assert_eq!(changed(|after| after["new"] = json!({})), ["new"]);
    }

    #[test]
    fn the_allow_list_may_only_grow_by_us() {
        let allow = |before: Value, after: Value| {
            let with = |list: Value| {
                if list.is_null() { json!({ "plugins": {} }) } else { json!({ "plugins": { "allow": list } }) }
            };
            unexplained(&with(before), &with(after)).is_empty()
        };
        assert!(allow(json!(["a"]), json!(["a", ID])));
        assert!(allow(json!([]), json!([ID])));
        assert!(!allow(json!(["a"]), json!([ID])), "an entry was dropped");
        assert!(!allow(json!(["a", "b"]), json!(["b", "a", ID])), "the order is the person's");
        assert!(!allow(json!(["a"]), json!(["a", "b", ID])));
        assert!(!allow(json!(["a"]), json!(["a", ID, ID])));
        assert!(!allow(json!(null), json!([ID])), "a new list switches every other plugin off");
        assert!(!allow(json!(["a"]), json!(null)));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let told = entries(&json!({}), &json!({ "gateway": { "auth": { "token": "t0p" } } }));
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].path.as_str(), told[0].before.as_deref()), ("gateway.auth.token", None));
        assert!(!format!("{told:?}").contains("t0p"));
    }
}
