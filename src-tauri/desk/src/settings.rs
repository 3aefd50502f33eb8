//! What the person chose: `settings.json` in the config folder.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::failure::{Failure, FailureCode};
use crate::language::Language;
use crate::private_file;

/// The form of the file that this program writes.
const VERSION: u32 = 2;
/// Most networks that are remembered.
const NETWORKS: usize = 64;

/// The settings. A file without a key gives that key's default; keys of other programs or newer versions are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    version: u32,
    /// TCP port, 1 to 65,535.
    pub port: u16,
    /// Days that message text is kept, at most 3,650; 0: wiped when the turn ends.
    pub keep_text_days: u32,
    /// Seconds without an answer after which a device is told (9002), 1 to 600.
    pub answer_after_s: u64,
    /// What the window and the tray speak; `None`: as the system.
    pub language: Option<Language>,
    /// The person stopped the service: nothing but the person starts it again.
    pub stopped: bool,
    /// The first-run pages were finished or skipped.
    pub welcomed: bool,
    /// Secrets go to a file, because the person chose it.
    pub secrets_in_file: bool,
    /// This app is a device of the OpenClaw gateway, because the person wished it.
    pub gateway: bool,
    /// The gateway is that of another computer. `None`: the one of this computer.
    pub gateway_elsewhere: Option<OtherGateway>,
    /// What was decided for each network, newest last, at most 64.
    pub networks: Vec<Network>,
    /// The next network that is seen is allowed: version 1 of the file said "my network" without naming one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_next_network: bool,
    /// Devices whose coming and going is not told, by key.
    pub muted: BTreeSet<String>,
    /// Which notifications are off.
    pub quiet: Quiet,
    /// A newer release is looked for once a day.
    pub look_for_releases: bool,
    /// Keys that this version does not know.
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// What the person decided for one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// What tells it from others; see `networks.rs`.
    pub id: String,
    /// Whether its devices may connect.
    pub allowed: bool,
}

/// A gateway of another computer, because the person chose it. Its token or password is where the other secrets are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct OtherGateway {
    /// `wss://HOST:PORT/`, or `ws:` in a private network.
    pub url: String,
    /// SHA-256 of the one certificate that the person trusted. `None`: whom the system trusts.
    pub tls_fingerprint: Option<String>,
}

/// Which notifications are off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase", default)]
pub struct Quiet {
    /// A device connected.
    pub connected: bool,
    /// A device disconnected.
    pub disconnected: bool,
    /// A device was bound.
    pub bound: bool,
    /// A device waits for a yes.
    pub confirm: bool,
    /// The service, its store or the assistant has a trouble.
    pub trouble: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: VERSION,
            port: 8765,
            keep_text_days: 30,
            answer_after_s: 30,
            language: None,
            stopped: false,
            welcomed: false,
            secrets_in_file: false,
            gateway: false,
            gateway_elsewhere: None,
            networks: Vec::new(),
            allow_next_network: false,
            muted: BTreeSet::new(),
            quiet: Quiet::default(),
            look_for_releases: true,
            others: Map::new(),
        }
    }
}

/// The settings file is there but cannot be used. It is left as it is.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not settings.
    #[error("{} is not a settings file", path.display())]
    Malformed {
        /// File.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("{} has version {version}; this program knows version {VERSION}", path.display())]
    Newer {
        /// File.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A value is out of range.
    #[error("{} is out of range in {}", key, path.display())]
    Range {
        /// File.
        path: PathBuf,
        /// Which.
        key: &'static str,
    },
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::caused(FailureCode::SettingsUnreadable, &error)
    }
}

/// The settings could not be saved; the old file is untouched.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A value is out of range.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<SaveError> for Failure {
    fn from(error: SaveError) -> Self {
        Self::caused(FailureCode::SettingsNotSaved, &error)
    }
}

impl Settings {
    /// Reads the file; no file gives the defaults.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let path = || path.to_owned();
        let bytes = match std::fs::read(path()) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(LoadError::Read { path: path(), source }),
        };
        // The version first: a newer file may have other types.
        let mut read: Value =
            serde_json::from_slice(&bytes).map_err(|source| LoadError::Malformed { path: path(), source })?;
        let version =
            read.get("version").and_then(Value::as_u64).map_or(1, |version| u32::try_from(version).unwrap_or(u32::MAX));
        if version > VERSION {
            return Err(LoadError::Newer { path: path(), version });
        }
        if version == 1 {
            migrate(&mut read).map_err(|source| LoadError::Malformed { path: path(), source })?;
        }
        let settings: Self =
            serde_json::from_value(read).map_err(|source| LoadError::Malformed { path: path(), source })?;
        match settings.out_of_range() {
            Some(key) => Err(LoadError::Range { path: path(), key }),
            None => Ok(settings),
        }
    }

    /// Replaces the file in one step.
    ///
    /// # Errors
    /// See [`SaveError`].
    pub fn save(&self, path: &Path) -> Result<(), SaveError> {
        if let Some(key) = self.out_of_range() {
            return Err(SaveError::Range(key));
        }
        let failed = |source| SaveError::Write { path: path.to_owned(), source };
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        private_file::replace(path, &bytes).map_err(failed)
    }

    /// What was decided for a network. `None`: nothing yet.
    pub fn decided(&self, network: &str) -> Option<bool> {
        self.networks.iter().find(|known| known.id == network).map(|known| known.allowed)
    }

    /// Remembers a decision; the oldest is forgotten where there are too many.
    pub fn decide(&mut self, network: &str, allowed: bool) {
        self.networks.retain(|known| known.id != network);
        self.networks.push(Network { id: network.to_owned(), allowed });
        let surplus = self.networks.len().saturating_sub(NETWORKS);
        self.networks.drain(..surplus);
    }

    #[cfg(test)]
    pub(crate) fn with_network(mut self, network: &str, allowed: bool) -> Self {
        self.decide(network, allowed);
        self
    }

    /// The key whose value is out of range, if any.
    pub(crate) fn out_of_range(&self) -> Option<&'static str> {
        [
            ("port", self.port == 0),
            ("keepTextDays", self.keep_text_days > 3_650),
            ("answerAfterS", !(1..=600).contains(&self.answer_after_s)),
        ]
        .into_iter()
        .find_map(|(key, bad)| bad.then_some(key))
    }
}

/// Version 1 had one switch, `lan`, for whatever network there was.
fn migrate(file: &mut Value) -> Result<(), serde_json::Error> {
    let Some(keys) = file.as_object_mut() else { return Ok(()) };
    if let Some(lan) = keys.remove("lan") {
        keys.insert("allowNextNetwork".to_owned(), serde_json::from_value::<bool>(lan)?.into());
    }
    keys.insert("version".to_owned(), VERSION.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Settings, LoadError> {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("settings.json");
        std::fs::write(&path, text).unwrap();
        let loaded = Settings::load(&path);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "reading changes nothing");
        loaded
    }

    #[test]
    fn no_file_and_missing_keys_give_defaults() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(Settings::load(&temp.path().join("none.json")).unwrap(), Settings::default());
        assert_eq!(load(r#"{"port":9000}"#).unwrap(), Settings { port: 9000, ..Settings::default() });
    }

    #[test]
    fn what_is_saved_is_loaded_and_unknown_keys_are_kept() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("settings.json");
        std::fs::write(&path, r#"{"version":1,"lan":true,"theme":{"dark":true}}"#).unwrap();
        let mut settings = Settings::load(&path).unwrap();
        settings.keep_text_days = 0;
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!((&written["theme"]["dark"], &written["keepTextDays"]), (&Value::Bool(true), &Value::from(0)));
    }

    #[test]
    fn a_file_of_version_1_allows_the_next_network_if_it_allowed_any() {
        for (text, allow) in [
            (r#"{"version":1,"lan":true,"port":9000}"#, true),
            (r#"{"lan":true,"port":9000}"#, true),
            (r#"{"version":1,"lan":false,"port":9000}"#, false),
            (r#"{"version":1,"port":9000}"#, false),
            (r#"{"version":2,"lan":true,"port":9000}"#, false),
        ] {
            let settings = load(text).unwrap();
            assert_eq!((settings.allow_next_network, settings.port, settings.version), (allow, 9000, 2), "{text}");
        }
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("settings.json");
        std::fs::write(&path, r#"{"version":1,"lan":true}"#).unwrap();
        let migrated = Settings::load(&path).unwrap();
        migrated.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), migrated);
        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!((&written["version"], written.get("lan")), (&Value::from(2), None));
    }

    #[test]
    fn decisions_are_replaced_and_the_oldest_is_forgotten() {
        let mut settings = Settings::default();
        for number in 0..NETWORKS + 2 {
            settings.decide(&number.to_string(), true);
        }
        settings.decide("5", false);
        assert_eq!(settings.networks.len(), NETWORKS);
        assert_eq!(
            (settings.decided("1"), settings.decided("2"), settings.decided("5")),
            (None, Some(true), Some(false))
        );
    }

    #[test]
    fn a_file_that_is_not_understood_is_an_error_in_words() {
        for text in ["", "{", "[]", r#"{"port":"8765"}"#, r#"{"lan":1}"#, r#"{"port":70000}"#] {
            assert!(matches!(load(text), Err(LoadError::Malformed { .. })), "{text}");
        }
        assert!(matches!(load(r#"{"version":3,"port":{"tcp":1}}"#), Err(LoadError::Newer { version: 3, .. })));
        for (text, key) in [
            (r#"{"port":0}"#, "port"),
            (r#"{"keepTextDays":3651}"#, "keepTextDays"),
            (r#"{"answerAfterS":0}"#, "answerAfterS"),
            (r#"{"answerAfterS":601}"#, "answerAfterS"),
        ] {
            let failure = Failure::from(load(text).unwrap_err());
            assert_eq!(failure.code, FailureCode::SettingsUnreadable);
            assert!(failure.detail.as_str().unwrap().starts_with(key), "{failure}");
        }
    }

    #[test]
    fn a_wrong_value_is_not_saved() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("settings.json");
        Settings::default().save(&path).unwrap();
        let wrong = Settings { answer_after_s: 0, ..Settings::default() };
        assert!(matches!(wrong.save(&path), Err(SaveError::Range("answerAfterS"))));
        assert_eq!(Settings::load(&path).unwrap(), Settings::default());
    }
}
