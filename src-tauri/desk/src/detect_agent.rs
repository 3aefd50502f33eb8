//! Who answers where the person did not choose: the OpenClaw gateway if its plugin is set up for this service, else the echo agent.

use std::path::Path;

use channel::service::Agent;
use serde_json::Value;

use crate::plugin;

/// Largest configuration that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// Looks into the user's OpenClaw configuration, which is only read.
pub(crate) fn of_user(link_key: &Path) -> Agent {
    let config =
        plugin::config_of_user().filter(|path| std::fs::metadata(path).is_ok_and(|found| found.len() <= LARGEST));
    match config.and_then(|path| std::fs::read_to_string(path).ok()) {
        Some(text) => decide(&text, link_key),
        None => Agent::Echo,
    }
}

/// The gateway if the configuration (JSON5) names this link key for our channel.
fn decide(config: &str, link_key: &Path) -> Agent {
    let config: Value = json5::from_str(config).unwrap_or_default();
    let named = config
        .get("channels")
        .and_then(|channels| channels.get(plugin::ID))
        .and_then(|channel| channel.get("linkKeyFile"));
    match named.and_then(Value::as_str) {
        Some(named) if is_same(Path::new(named), link_key) => Agent::Gateway,
        Some(_) | None => Agent::Echo,
    }
}

/// Links in a path lead to the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plugin_that_names_this_link_key_counts() {
        let key = Path::new("/d/link.key");
        let agent = |config: &str| decide(config, key);
        assert_eq!(agent("{channels: {'openclaw-smartpi': {linkKeyFile: '/d/link.key'}}} // json5"), Agent::Gateway);
        assert_eq!(agent(r#"{"channels":{"openclaw-smartpi":{"linkKeyFile":"/e/link.key"}}}"#), Agent::Echo);
        assert_eq!(agent(r#"{"channels":{"openclaw-smartpi":{"enabled":true}}}"#), Agent::Echo);
        assert_eq!(agent(r#"{"channels":{"telegram":{"linkKeyFile":"/d/link.key"}}}"#), Agent::Echo);
        assert_eq!(agent("{"), Agent::Echo);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_folder_is_the_folder() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("data");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("link.key"), b"k").unwrap();
        std::os::unix::fs::symlink(&folder, temp.path().join("other")).unwrap();
        assert!(is_same(&temp.path().join("other/link.key"), &folder.join("link.key")));
    }
}
