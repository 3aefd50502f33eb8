//! Who answers where the person did not choose: the OpenClaw gateway if its plugin is set up for this service, else the echo agent.

use std::path::{Path, PathBuf};

use channel::service::Agent;
use serde_json::Value;

/// Id of our channel in `openclaw.json`.
const CHANNEL: &str = "openclaw-smartpi";
const FILE: &str = "openclaw.json";
/// Largest configuration that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// Looks into the user's OpenClaw configuration, which is only read.
pub(crate) fn of_user(link_key: &Path) -> Agent {
    let env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = candidates(env).into_iter().find(|path| path.is_file());
    let text = config.filter(|path| std::fs::metadata(path).is_ok_and(|found| found.len() <= LARGEST));
    match text.and_then(|path| std::fs::read_to_string(path).ok()) {
        Some(text) => decide(&text, link_key),
        None => Agent::Echo,
    }
}

/// Where OpenClaw looks for its configuration, in its order.
fn candidates(env: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let home = env("OPENCLAW_HOME").or_else(|| env("HOME")).or_else(|| env("USERPROFILE"));
    let expand = |path: PathBuf| match (path.strip_prefix("~"), &home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    };
    if let Some(config) = env("OPENCLAW_CONFIG_PATH") {
        return vec![expand(config)];
    }
    let state = env("OPENCLAW_STATE_DIR").map(|folder| expand(folder).join(FILE));
    let default = home.as_ref().map(|home| home.join(".openclaw").join(FILE));
    state.into_iter().chain(default).collect()
}

/// The gateway if the configuration (JSON5) names this link key for our channel.
fn decide(config: &str, link_key: &Path) -> Agent {
    let config: Value = json5::from_str(config).unwrap_or_default();
    let named = config
        .get("channels")
        .and_then(|channels| channels.get(CHANNEL))
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

    fn paths(values: &[(&str, &str)]) -> Vec<PathBuf> {
        candidates(|name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
    }

    #[test]
    fn openclaws_own_order_of_places_is_kept() {
        assert!(paths(&[]).is_empty());
        assert_eq!(paths(&[("HOME", "/h")]), [PathBuf::from("/h/.openclaw/openclaw.json")]);
        assert_eq!(paths(&[("USERPROFILE", "/u")]), [PathBuf::from("/u/.openclaw/openclaw.json")]);
        assert_eq!(
            paths(&[("HOME", "/h"), ("OPENCLAW_STATE_DIR", "~/s")]),
            [PathBuf::from("/h/s/openclaw.json"), PathBuf::from("/h/.openclaw/openclaw.json")]
        );
        assert_eq!(
            paths(&[("HOME", "/h"), ("OPENCLAW_STATE_DIR", "/s"), ("OPENCLAW_CONFIG_PATH", "/c.json")]),
            [PathBuf::from("/c.json")]
        );
    }

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
