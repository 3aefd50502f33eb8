//! `openclaw.json`: read, copied, compared, put back. Never written by us in any other way.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::ID;
use crate::control::answer::PlannedChange;
use crate::private_file;

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is none: OpenClaw was never set up.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not JSON5, or not an object.
    #[error("{} is not a configuration of OpenClaw", path.display())]
    Malformed {
        /// File.
        path: PathBuf,
        /// Why.
        source: Option<json5::Error>,
    },
}

/// The file at one moment.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// Exactly what was in it.
    pub(super) bytes: Vec<u8>,
    /// What it means.
    pub(super) value: Value,
}

impl Config {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ConfigError::Missing(path.to_owned())),
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        let malformed = |source| ConfigError::Malformed { path: path.to_owned(), source };
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed(None))?;
        let value: Value =
            json5::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| malformed(Some(error)))?;
        if !value.is_object() {
            return Err(malformed(None));
        }
        Ok(Self { bytes, value })
    }

    /// Whether the person switched our plugin, or all plugins, off by hand: OpenClaw installs it then and leaves it off.
    pub(super) fn denies_us(&self) -> bool {
        let plugins = &self.value["plugins"];
        let denied = plugins["deny"].as_array().is_some_and(|list| list.iter().any(|id| id == ID));
        denied || plugins["enabled"] == false || plugins["entries"][ID]["enabled"] == false
    }

    /// Whether what we would change may be in other files: a copy of this one could not put them back.
    pub(super) fn is_split(&self) -> bool {
        let places = [&self.value, &self.value["channels"], &self.value["plugins"]];
        places
            .into_iter()
            .chain([&self.value["channels"][ID], &self.value["plugins"]["entries"]])
            .any(|place| !place["$include"].is_null())
    }

    /// Whether our channel is switched on and finds this link key.
    pub(super) fn leads_to(&self, link_key: &Path) -> bool {
        let channel = &self.value["channels"][ID];
        channel["enabled"] == true && channel["linkKeyFile"].as_str().map(Path::new) == Some(link_key)
    }

    /// Where its gateway listens, unless an environment variable says otherwise.
    pub(super) fn gateway_port(&self) -> Option<u16> {
        self.value["gateway"]["port"].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0)
    }
}

/// What OpenClaw merges into its configuration: our channel, nothing else, no array. Other keys of our channel, such as `defaultAgentId`, stay.
pub(super) fn patch(link_key: &str) -> Value {
    json!({ "channels": { ID: { "enabled": true, "linkKeyFile": link_key } } })
}

/// Every entry that an installation changes, in the order of their paths: what OpenClaw's installer writes (`with_package`), and [`patch`]. Measured with
/// 2026.9.6: `plugins.allow` grows where it has entries, an entry of ours that is there stays as it is. OpenClaw's own notes (`meta`) are not in it.
pub(super) fn planned(config: &Value, link_key: &str, with_package: bool) -> Vec<PlannedChange> {
    let mut changes = Vec::new();
    let mut change = |path: &[&str], after: Value| {
        let before = path.iter().try_fold(config, |value, key| value.get(key));
        if before != Some(&after) {
            let (path, before, after) = (path.join("."), before.map(Value::to_string), after.to_string());
            changes.push(PlannedChange { path, before, after });
        }
    };
    let patched = patch(link_key);
    for (key, after) in patched["channels"][ID].as_object().into_iter().flatten() {
        change(&["channels", ID, key], after.clone());
    }
    if with_package {
        let allowed = config["plugins"]["allow"].as_array().filter(|list| !list.is_empty());
        if let Some(list) = allowed.filter(|list| !list.iter().any(|id| id == ID)) {
            change(&["plugins", "allow"], list.iter().cloned().chain([json!(ID)]).collect());
        }
        change(&["plugins", "entries", ID, "enabled"], json!(true));
    }
    changes
}

/// A place in the configuration that changed and must not have. It names the place and never the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Keys from the top, with dots between.
    pub path: String,
}

/// Every change between two configurations that an installation of our plugin does not explain.
pub(super) fn unexplained(before: &Value, after: &Value) -> Vec<Difference> {
    let mut changed = BTreeSet::new();
    collect(before, after, &mut Vec::new(), &mut changed);
    changed
        .into_iter()
        .filter(|path| !is_explained(path, before, after))
        .map(|path| Difference { path: path.join(".") })
        .collect()
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

fn is_with_us_at_the_end(before: &Value, after: &Value) -> bool {
    let (Some(before), Some(after)) = (before.as_array(), after.as_array()) else { return false };
    matches!(after.split_last(), Some((last, rest)) if last == ID && rest == before.as_slice())
}

/// Objects are compared key by key, a missing one like an empty one; everything else as a whole.
fn collect(before: &Value, after: &Value, path: &mut Vec<String>, changed: &mut BTreeSet<Vec<String>>) {
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

/// Keeps a copy, readable by its owner only, under a name with the time of day in UTC. Gives the copy's place.
pub(super) fn back_up(config: &Config, folder: &Path, label: &str, now_ms: u64) -> io::Result<PathBuf> {
    crate::folders::make_private(folder)?;
    let stamp = stamp(now_ms);
    for attempt in 0..100_u32 {
        let number = if attempt == 0 { String::new() } else { format!("-{attempt}") };
        let path = folder.join(format!("{label}-{stamp}{number}.json"));
        if path.try_exists()? {
            continue;
        }
        private_file::replace(&path, &config.bytes)?;
        return Ok(path);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Why the copy was not put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Somebody wrote the file after we compared it: their words are not thrown away.
    #[error("{} was written by another program in the meantime", .0.display())]
    Newer(PathBuf),
    /// The file cannot be read or written.
    #[error("cannot write {}", path.display())]
    Write {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Puts `before` back where `after` is, unless the file is something third by now.
pub(super) fn put_back(path: &Path, before: &Config, after: &Config) -> Result<(), RestoreError> {
    let failed = |source| RestoreError::Write { path: path.to_owned(), source };
    // A link stays a link: what it leads to is replaced.
    let target = std::fs::canonicalize(path).map_err(failed)?;
    let there = std::fs::read(&target).map_err(failed)?;
    if there == before.bytes {
        return Ok(());
    }
    if there != after.bytes {
        return Err(RestoreError::Newer(path.to_owned()));
    }
    let permissions = std::fs::metadata(&target).map_err(failed)?.permissions();
    private_file::replace(&target, &before.bytes).map_err(failed)?;
    std::fs::set_permissions(&target, permissions).map_err(failed)
}

/// `20261120T141507Z`.
fn stamp(now_ms: u64) -> String {
    let seconds = now_ms / 1000;
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // Days since 1970 to a date of the Gregorian calendar, counted in eras of 400 years that begin on 1 March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", time / 3600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn says_whether_we_are_switched_off_and_where_we_lead() {
        let config = |value: Value| Config { bytes: Vec::new(), value };
        assert!(!config(installed()).denies_us());
        assert!(config(json!({ "plugins": { "deny": ["x", ID] } })).denies_us());
        assert!(config(json!({ "plugins": { "enabled": false } })).denies_us());
        assert!(config(json!({ "plugins": { "entries": { ID: { "enabled": false } } } })).denies_us());
        assert!(!config(installed()).is_split());
        assert!(config(json!({ "channels": { "$include": "./channels.json5" } })).is_split());
        assert!(config(json!({ "$include": ["./base.json5"] })).is_split());
        assert!(!config(json!({ "agents": { "$include": "./agents.json5" } })).is_split());
        assert!(config(installed()).leads_to(Path::new("/d/link.key")));
        assert!(!config(installed()).leads_to(Path::new("/e/link.key")));
        assert!(!config(persons()).leads_to(Path::new("/d/link.key")));
        assert_eq!(config(persons()).gateway_port(), Some(19_001));
        assert_eq!(config(json!({ "gateway": { "port": 70_000 } })).gateway_port(), None);
    }

    #[test]
    fn the_plan_is_what_an_installation_does() {
        let told = |config: &Value, with_package| {
            let changes = planned(config, "/d/link.key", with_package);
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
        for change in told(&persons(), true) {
            let keys: Vec<String> = change.0.split('.').map(str::to_owned).collect();
            assert!(is_explained(&keys, &persons(), &installed()), "{}", change.0);
        }
    }

    #[test]
    fn comments_and_trailing_commas_are_read() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("openclaw.json");
        assert!(matches!(Config::read(&path), Err(ConfigError::Missing(_))));
        std::fs::write(&path, "\u{feff}{ // mine\n  gateway: { port: 1, },\n}").unwrap();
        assert_eq!(Config::read(&path).unwrap().value, json!({ "gateway": { "port": 1 } }));
        for bad in ["[]", "{", "\u{fffe}"] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(Config::read(&path), Err(ConfigError::Malformed { .. })), "{bad}");
        }
    }

    #[test]
    fn a_copy_is_put_back_only_over_what_was_compared() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("openclaw.json");
        std::fs::write(&path, "{a:1} // mine").unwrap();
        let before = Config::read(&path).unwrap();
        let copy = back_up(&before, &temp.path().join("backups"), "openclaw", 0).unwrap();
        let second = back_up(&before, &temp.path().join("backups"), "openclaw", 0).unwrap();
        assert_eq!(copy.file_name().unwrap(), "openclaw-19700101T000000Z.json");
        assert_eq!(second.file_name().unwrap(), "openclaw-19700101T000000Z-1.json");
        assert_eq!(std::fs::read(&copy).unwrap(), before.bytes);
        std::fs::write(&path, "{a:2}").unwrap();
        let after = Config::read(&path).unwrap();
        put_back(&path, &before, &after).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{a:1} // mine");
        std::fs::write(&path, "{a:3}").unwrap();
        assert!(matches!(put_back(&path, &before, &after), Err(RestoreError::Newer(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{a:3}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_stamp_is_a_date() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_782_400_000), "20000229T000000Z");
        assert_eq!(stamp(1_795_184_107_999), "20261120T141507Z");
        assert_eq!(stamp(4_107_542_399_000), "21000228T235959Z");
    }
}
