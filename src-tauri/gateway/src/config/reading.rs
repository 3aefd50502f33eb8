//! The file at one moment.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::ID;
use crate::credentials::{IncludeError, include};

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

/// A configuration as it was read.
#[derive(Clone)]
pub struct Config {
    bytes: Vec<u8>,
    value: Value,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Config").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Config {
    /// Reads the file. Other files that it takes parts from are not read.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        match std::fs::read(path) {
            Ok(bytes) => Self::parse(bytes, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ConfigError::Missing(path.to_owned())),
            Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
        }
    }

    /// What was read from `path`.
    ///
    /// # Errors
    /// [`ConfigError::Malformed`].
    pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<Self, ConfigError> {
        let malformed = |source| ConfigError::Malformed { path: path.to_owned(), source };
        let text = std::str::from_utf8(&bytes).map_err(|_| malformed(None))?;
        let value: Value =
            json5::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| malformed(Some(error)))?;
        if value.is_object() { Ok(Self { bytes, value }) } else { Err(malformed(None)) }
    }

    /// Exactly what was in it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it means.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// What it means with every part that is in other files. `path`: where it was read; `roots`: more folders whose files may be taken in
    /// ([`crate::place::Surroundings::include_roots`]).
    ///
    /// # Errors
    /// A file cannot be taken in: OpenClaw refuses the whole configuration then.
    pub fn whole(&self, path: &Path, roots: &[PathBuf]) -> Result<Value, IncludeError> {
        include::resolve(&self.value, path, roots)
    }

    /// Whether the person switched our plugin, or all plugins, off by hand: OpenClaw installs it then and leaves it off.
    pub fn denies_us(&self) -> bool {
        let plugins = &self.value["plugins"];
        let denied = plugins["deny"].as_array().is_some_and(|list| list.iter().any(|id| id == ID));
        denied || plugins["enabled"] == false || plugins["entries"][ID]["enabled"] == false
    }

    /// Whether what we would change may be in other files: a copy of this one could not put them back.
    pub fn is_split(&self) -> bool {
        let places = [&self.value, &self.value["channels"], &self.value["plugins"]];
        places
            .into_iter()
            .chain([&self.value["channels"][ID], &self.value["plugins"]["entries"]])
            .any(|place| !place["$include"].is_null())
    }

    /// Whether our channel is switched on and finds this link key.
    pub fn leads_to(&self, link_key: &Path) -> bool {
        let channel = &self.value["channels"][ID];
        channel["enabled"] == true && channel["linkKeyFile"].as_str().map(Path::new) == Some(link_key)
    }

    /// Whether there are comments, or anything else that OpenClaw's own writer does not keep. A configuration that is JSON has none.
    pub fn has_comments(&self) -> bool {
        serde_json::from_slice::<Value>(&self.bytes).is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ours() -> Value {
        json!({ "plugins": { "allow": [ID] }, "channels": { ID: { "enabled": true, "linkKeyFile": "/d/link.key" } } })
    }

    #[test]
    fn says_whether_we_are_switched_off_and_where_we_lead() {
        let config = |value: Value| Config { bytes: Vec::new(), value };
        assert!(!config(ours()).denies_us());
        assert!(config(json!({ "plugins": { "deny": ["x", ID] } })).denies_us());
        assert!(config(json!({ "plugins": { "enabled": false } })).denies_us());
        assert!(config(json!({ "plugins": { "entries": { ID: { "enabled": false } } } })).denies_us());
        assert!(!config(ours()).is_split());
        assert!(config(json!({ "channels": { "$include": "./channels.json5" } })).is_split());
        assert!(config(json!({ "$include": ["./base.json5"] })).is_split());
        assert!(!config(json!({ "agents": { "$include": "./agents.json5" } })).is_split());
        assert!(config(ours()).leads_to(Path::new("/d/link.key")));
        assert!(!config(ours()).leads_to(Path::new("/e/link.key")));
        assert!(!config(json!({})).leads_to(Path::new("/d/link.key")));
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
}
