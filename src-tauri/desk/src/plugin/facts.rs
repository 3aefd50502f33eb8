//! How the plugin is in the user's OpenClaw, from files alone: quick, without a command of OpenClaw, and also while no gateway runs.

use std::path::{Path, PathBuf};

use care::chain::{Entry, PluginFacts};
use care::{Blind, Seen};
use gateway::config::{Config, ConfigError};
use gateway::place::{Places, Surroundings};
use serde_json::Value;

use super::foreign::{self, Listed, Standing};
use super::record::{self, Record};
use super::{ID, PACKAGE, VERSION};

/// What a plugin says of itself.
const MANIFEST: &str = "openclaw.plugin.json";
/// `openclaw.compat.pluginApi` of the plugin's package.json.
const OLDEST_HOST: &str = "2026.4.0";

/// What the files say. It has the person's secrets in it: never shown, never logged.
pub(crate) struct Reading {
    /// The plugin, but for whether it is connected and what it is connected to: that is no file's to say.
    pub(crate) plugin: PluginFacts,
    /// OpenClaw's configuration with every file that it takes in.
    pub(crate) config: Seen<Value>,
}

/// Looks into the files of the OpenClaw that this user's own shell would start; changes nothing. `data`: our folder.
pub(crate) fn read(data: &Path) -> Reading {
    let env = |name: &str| std::env::var_os(name);
    let exists = |path: &Path| path.exists();
    let around = Surroundings { env: &env, exists: &exists };
    match around.places() {
        Some(places) => read_in(&places, &around.include_roots(), data),
        None => Reading::unseen(Blind::NotAsked),
    }
}

impl Reading {
    /// Of all of it the same cannot be seen.
    pub(crate) fn unseen(why: Blind) -> Self {
        Self { plugin: unseen(why), config: Seen::Hidden(why) }
    }
}

/// Nothing of the plugin can be seen, nor whether it is connected.
pub(crate) fn unseen(why: Blind) -> PluginFacts {
    PluginFacts { connected: Seen::Hidden(why), ..facts(Seen::Hidden(why), Seen::Hidden(why)) }
}

fn read_in(places: &Places, roots: &[PathBuf], data: &Path) -> Reading {
    let config = config(places, roots);
    if config == Seen::Hidden(Blind::OtherComputer) {
        // What lies here is not what runs there.
        return Reading::unseen(Blind::OtherComputer);
    }
    Reading { plugin: facts(stand(places, config.known(), data), config.clone()), config }
}

/// How our plugin stands there by the files alone; `None`: they cannot be read.
pub(super) fn standing(places: &Places, data: &Path) -> Option<Standing> {
    let config = config(places, &[]);
    stand(places, config.known(), data).known().cloned()
}

fn config(places: &Places, roots: &[PathBuf]) -> Seen<Value> {
    let config = match Config::read(&places.config) {
        Ok(config) => config,
        Err(ConfigError::Missing(_)) => return Seen::Hidden(Blind::NotAsked),
        Err(ConfigError::Read { source, .. }) => return Seen::Hidden(Blind::from(source.kind())),
        Err(ConfigError::Malformed { .. }) => return Seen::Hidden(Blind::Unreadable),
    };
    match config.whole(&places.config, roots) {
        // The gateway of another computer has a configuration of its own.
        Ok(whole) if whole["gateway"]["mode"] == "remote" => Seen::Hidden(Blind::OtherComputer),
        Ok(whole) => Seen::Known(whole),
        Err(_) => Seen::Hidden(Blind::Unreadable),
    }
}

fn facts(standing: Seen<Standing>, config: Seen<Value>) -> PluginFacts {
    let named = |standing: Standing| match standing {
        Standing::Absent => None,
        Standing::Ours { .. } => Some(ID.to_owned()),
        Standing::Foreign { package, at, .. } => Some(package.unwrap_or_else(|| at.display().to_string())),
    };
    let version = |standing: Standing| match standing {
        // What has another content than its number says is replaced like an older one.
        Standing::Ours { version, current, .. } if current || version != VERSION => Some(version),
        Standing::Ours { version, .. } => Some(format!("{version}?")),
        Standing::Absent | Standing::Foreign { .. } => None,
    };
    PluginFacts {
        package: standing.clone().map(named),
        is_ours: standing.clone().map(|standing| matches!(standing, Standing::Ours { .. })),
        version: standing.map(version),
        embedded: VERSION.to_owned(),
        entry: config.clone().map(|config| entry(&config)),
        allowed: config.clone().map(|config| allowed(&config)),
        channel: config.map(|config| switched(&config["channels"][ID])),
        connected: Seen::Hidden(Blind::NotAsked),
        host: None,
        oldest_host: OLDEST_HOST.to_owned(),
    }
}

/// Everything in the usual folder and the named ones that has our id or our channel.
fn stand(places: &Places, config: Option<&Value>, data: &Path) -> Seen<Standing> {
    let (extensions, paths) = (places.state_dir.join("extensions"), config.map_or_else(Vec::new, load_paths));
    let folders: Vec<PathBuf> = match std::fs::read_dir(&extensions) {
        Ok(folders) => folders.filter_map(|folder| folder.ok().map(|folder| folder.path())).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Seen::Hidden(Blind::from(error.kind())),
    };
    let listed: Vec<Listed> = folders.into_iter().chain(paths).filter_map(|folder| like_ours(&folder)).collect();
    let known = Record::read(&data.join("plugin.json")).map(|record| record.digests());
    let (Ok(carried), Ok(known)) = (record::digest_of_package(PACKAGE), known) else {
        return Seen::Hidden(Blind::Unreadable);
    };
    let extensions = std::fs::canonicalize(&extensions).unwrap_or(extensions);
    Seen::Known(foreign::judge(&foreign::look(&listed, &extensions), &extensions, &carried, &known))
}

fn like_ours(folder: &Path) -> Option<Listed> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join(MANIFEST)).ok()?).ok()?;
    let id = manifest["id"].as_str()?;
    let speaks = manifest["channels"].as_array().is_some_and(|channels| channels.iter().any(|channel| channel == ID));
    (id == ID || speaks).then(|| Listed { id: id.to_owned(), root: Some(folder.to_owned()) })
}

/// `plugins.load.paths`: folders of plugins.
fn load_paths(config: &Value) -> Vec<PathBuf> {
    let named = config["plugins"]["load"]["paths"].as_array().into_iter().flatten().filter_map(Value::as_str);
    named.map(PathBuf::from).filter(|path| path.is_absolute()).collect()
}

fn entry(config: &Value) -> Entry {
    let plugins = &config["plugins"];
    let denied = plugins["deny"].as_array().is_some_and(|list| list.iter().any(|id| id == ID));
    if denied || plugins["enabled"] == false { Entry::Denied } else { switched(&plugins["entries"][ID]) }
}

fn switched(entry: &Value) -> Entry {
    match entry {
        Value::Object(keys) if keys.get("enabled") == Some(&Value::Bool(false)) => Entry::Off,
        Value::Object(_) => Entry::On,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Entry::Absent,
    }
}

/// An empty list allows everybody, as none does.
fn allowed(config: &Value) -> Option<bool> {
    let list = config["plugins"]["allow"].as_array().filter(|list| !list.is_empty())?;
    Some(list.iter().any(|id| id == ID))
}

#[cfg(test)]
mod tests {
    use care::chain::{PluginFix, PluginLink, plugin_rows};
    use serde_json::json;

    use super::*;

    /// A home with an OpenClaw in it.
    struct Home(tempfile::TempDir);

    impl Home {
        fn new(config: &Value) -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            std::fs::write(home.0.path().join("openclaw.json"), config.to_string()).unwrap();
            home
        }

        /// As OpenClaw's installer unpacks it.
        fn with_ours(self) -> Self {
            let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(PACKAGE));
            for entry in archive.entries().unwrap() {
                let mut entry = entry.unwrap();
                let name: PathBuf = entry.path().unwrap().components().skip(1).collect();
                let path = self.0.path().join("extensions").join(ID).join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                entry.unpack(&path).unwrap();
            }
            self
        }

        fn with(self, folder: &str, package: &str, manifest: &Value) -> Self {
            let folder = self.0.path().join("extensions").join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("package.json"), json!({ "name": package, "version": "9" }).to_string())
                .unwrap();
            std::fs::write(folder.join(MANIFEST), manifest.to_string()).unwrap();
            self
        }

        fn reading(&self) -> Reading {
            let state_dir = self.0.path().to_owned();
            read_in(&Places { config: state_dir.join("openclaw.json"), state_dir }, &[], self.0.path())
        }

        fn fixes(&self, connected: bool) -> Vec<(PluginLink, PluginFix)> {
            let rows = plugin_rows(&PluginFacts { connected: Seen::Known(connected), ..self.reading().plugin });
            rows.into_iter().filter_map(|row| Some((row.link, row.remedy()?))).collect()
        }
    }

    fn installed() -> Value {
        json!({ "plugins": { "allow": ["a", ID], "entries": { ID: { "enabled": true } } }, "channels": { ID: { "enabled": true } } })
    }

    #[test]
    fn one_that_is_installed_and_connected_is_well() {
        assert_eq!(Home::new(&installed()).with_ours().fixes(true), []);
        let silent = Home::new(&installed()).with_ours().fixes(false);
        assert_eq!(silent, [(PluginLink::Connected, PluginFix::RestartGateway)]);
        assert_eq!(Home::new(&installed()).fixes(false), [(PluginLink::Installed, PluginFix::Install)]);
    }

    #[test]
    fn each_row_is_read_from_the_configuration() {
        let fixes = |change: fn(&mut Value)| {
            let mut config = installed();
            change(&mut config);
            Home::new(&config).with_ours().fixes(true)
        };
        let enable = [(PluginLink::Enabled, PluginFix::Enable)];
        assert_eq!(fixes(|config| config["plugins"]["entries"][ID]["enabled"] = json!(false)), enable);
        let undeny = [(PluginLink::Enabled, PluginFix::Undeny)];
        assert_eq!(fixes(|config| config["plugins"]["deny"] = json!([ID])), undeny);
        assert_eq!(fixes(|config| config["plugins"]["enabled"] = json!(false)), undeny);
        assert_eq!(
            fixes(|config| config["plugins"]["allow"] = json!(["a"])),
            [(PluginLink::Allowed, PluginFix::Allow)]
        );
        assert_eq!(fixes(|config| config["plugins"]["allow"] = json!([])), []);
        let channel = [(PluginLink::Channel, PluginFix::WriteChannel)];
        assert_eq!(fixes(|config| config["channels"][ID]["enabled"] = json!(false)), channel);
        assert_eq!(fixes(|config| config["channels"] = json!({})), channel);
    }

    #[test]
    fn what_is_in_other_files_counts_and_what_cannot_be_read_is_no_fault() {
        let mut config = installed();
        config["channels"] = json!({ "$include": "./c.json5" });
        let split = Home::new(&config).with_ours();
        assert!(split.reading().config.known().is_none());
        assert_eq!(split.fixes(true), [], "a file that is not there says nothing about the channel");
        std::fs::write(split.0.path().join("c.json5"), format!("{{ '{ID}': {{ enabled: false }} }} // mine")).unwrap();
        assert_eq!(split.fixes(true), [(PluginLink::Channel, PluginFix::WriteChannel)]);
        let remote = Home::new(&json!({ "gateway": { "mode": "remote" } })).with_ours();
        let rows = plugin_rows(&remote.reading().plugin);
        assert_eq!(rows.len(), 7);
        assert!(rows.iter().all(|row| row.fix == Seen::Hidden(Blind::OtherComputer)), "{rows:?}");
    }

    #[test]
    fn anothers_plugin_is_left_alone_under_our_id_and_under_our_channel() {
        let alone = [(PluginLink::Ours, PluginFix::LeaveAlone)];
        let vendor = Home::new(&json!({})).with(ID, "@vendor/smartpi", &json!({ "id": ID, "channels": [ID] }));
        assert_eq!(vendor.fixes(true), alone);
        let beside = Home::new(&installed()).with_ours().with("v", "vendor", &json!({ "id": "v", "channels": [ID] }));
        assert_eq!(beside.fixes(true), alone);
        let other = Home::new(&installed()).with_ours().with("d", "discord", &json!({ "id": "d", "channels": ["d"] }));
        assert_eq!(other.fixes(true), []);
        // Ours, and somebody changed a file of it.
        let changed = Home::new(&installed()).with_ours();
        std::fs::write(changed.0.path().join("extensions").join(ID).join("dist/index.js"), "other").unwrap();
        assert_eq!(changed.fixes(true), alone);
    }
}
