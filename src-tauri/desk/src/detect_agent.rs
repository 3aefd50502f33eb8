//! Who answers where the person did not choose: the OpenClaw gateway if its plugin is set up for this service, else the echo agent.

use std::path::{Path, PathBuf};

use channel::service::Agent;
use serde_json::Value;

use crate::plugin;

/// Largest configuration that is read, in bytes.
const LARGEST: u64 = 8 << 20;

/// Looks into the user's OpenClaw configuration, which is only read.
pub(crate) fn of_user(link_key: &Path) -> Agent {
    match plugin::config_of_user() {
        Some(config) => decide(&config, link_key),
        None => Agent::Echo,
    }
}

/// The gateway if the configuration names this link key for our channel.
fn decide(config: &Path, link_key: &Path) -> Agent {
    let named = read_file(config).and_then(|value| {
        let channels = part(&value, config.parent()?, "channels")?;
        let channel = part(&channels, config.parent()?, plugin::ID)?;
        part(&channel, config.parent()?, "linkKeyFile")?.as_str().map(PathBuf::from)
    });
    match named {
        Some(named) if is_same(&named, link_key) => Agent::Gateway,
        Some(_) | None => Agent::Echo,
    }
}

/// A file of the configuration (JSON5). `None`: it is not there, or nothing that OpenClaw would read.
fn read_file(path: &Path) -> Option<Value> {
    let is_small = std::fs::metadata(path).is_ok_and(|found| found.len() <= LARGEST);
    let text = if is_small { std::fs::read_to_string(path).ok()? } else { return None };
    json5::from_str(text.trim_start_matches('\u{feff}')).ok()
}

/// What is under a key, from the object itself or from the files that it includes. As in OpenClaw, a key beside `$include` wins over the files, and a later file
/// over an earlier one; unlike there, two that have the key are not merged: the setting that we look for has one place.
fn part(object: &Value, folder: &Path, key: &str) -> Option<Value> {
    let included = match object.get("$include") {
        Some(Value::String(file)) => vec![file.as_str()],
        Some(Value::Array(files)) => files.iter().filter_map(Value::as_str).collect(),
        Some(_) | None => Vec::new(),
    };
    let own = object.get(key).cloned();
    own.or_else(|| included.into_iter().rev().find_map(|file| read_file(&folder.join(file))?.get(key).cloned()))
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
        let temp = tempfile::tempdir().unwrap();
        let config = temp.path().join("openclaw.json");
        let agent = |text: &str| {
            std::fs::write(&config, text).unwrap();
            decide(&config, Path::new("/d/link.key"))
        };
        assert_eq!(agent("{channels: {'openclaw-smartpi': {linkKeyFile: '/d/link.key'}}} // json5"), Agent::Gateway);
        assert_eq!(agent(r#"{"channels":{"openclaw-smartpi":{"linkKeyFile":"/e/link.key"}}}"#), Agent::Echo);
        assert_eq!(agent(r#"{"channels":{"openclaw-smartpi":{"enabled":true}}}"#), Agent::Echo);
        assert_eq!(agent(r#"{"channels":{"telegram":{"linkKeyFile":"/d/link.key"}}}"#), Agent::Echo);
        assert_eq!(agent("{"), Agent::Echo);
        assert_eq!(decide(&temp.path().join("none.json"), Path::new("/d/link.key")), Agent::Echo);
    }

    #[test]
    fn a_configuration_in_several_files_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(temp.path().join(name), text).unwrap();
        let agent = |text: &str| {
            write("openclaw.json", text);
            decide(&temp.path().join("openclaw.json"), Path::new("/d/link.key"))
        };
        write("channels.json5", "{'openclaw-smartpi': {linkKeyFile: '/d/link.key'}} // ours");
        write("other.json5", "{'openclaw-smartpi': {linkKeyFile: '/e/link.key'}}");
        write("smartpi.json5", "{linkKeyFile: '/d/link.key'}");
        write("base.json5", "{channels: {'openclaw-smartpi': {linkKeyFile: '/d/link.key'}}}");
        assert_eq!(agent("{channels: {$include: './channels.json5'}}"), Agent::Gateway);
        assert_eq!(agent("{channels: {$include: ['./other.json5', './channels.json5']}}"), Agent::Gateway);
        assert_eq!(agent("{channels: {$include: ['./channels.json5', './other.json5']}}"), Agent::Echo);
        assert_eq!(agent("{$include: './base.json5'}"), Agent::Gateway);
        assert_eq!(agent("{channels: {'openclaw-smartpi': {$include: './smartpi.json5'}}}"), Agent::Gateway);
        assert_eq!(agent("{channels: {$include: './gone.json5'}}"), Agent::Echo);
        assert_eq!(agent("{channels: {$include: 5}}"), Agent::Echo);
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
