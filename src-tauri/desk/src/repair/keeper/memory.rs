//! What is remembered of our entries over restarts: how they were when they were last whole, and since when which of them is missing.

use gateway::config::{self, Ours};
use serde::{Deserialize, Serialize};

use crate::control::answer::{MissingEntry, OwnEntry};

/// The memory, as it lies in its file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Memory {
    /// Our entries as they were last whole; empty: they never were.
    pub(super) kept: Ours,
    /// What is missing of them.
    pub(super) missing: Vec<MissingEntry>,
}

impl Memory {
    /// Looks at them as they are now. Whether that is another memory.
    pub(super) fn see(&mut self, now: Ours, now_ms: i64) -> bool {
        let before = self.clone();
        let noticed = |entry: config::OwnEntry| {
            let entry = word(entry);
            // What was noticed before keeps its time.
            let known = before.missing.iter().find(|known| known.entry == entry);
            known.cloned().unwrap_or(MissingEntry { entry, at_ms: now_ms })
        };
        self.missing = self.kept.missing(&now).into_iter().map(noticed).collect();
        if self.missing.is_empty() {
            self.kept = now;
        }
        *self != before
    }

    /// They shall stay as they are now: what is missing is missed no more.
    pub(super) fn leave(&mut self, now: Ours) {
        *self = Self { kept: now, missing: Vec::new() };
    }
}

fn word(entry: config::OwnEntry) -> OwnEntry {
    match entry {
        config::OwnEntry::Channel => OwnEntry::Channel,
        config::OwnEntry::Plugin => OwnEntry::Plugin,
        config::OwnEntry::Allowed => OwnEntry::Allowed,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = config::ID;

    fn ours(change: impl Fn(&mut Value)) -> Ours {
        let mut config = json!({
            "plugins": { "allow": ["a", ID], "entries": { ID: { "enabled": true } } },
            "channels": { ID: { "enabled": true, "linkKeyFile": "/k" } },
        });
        change(&mut config);
        Ours::of(&config)
    }

    fn without_channel(config: &mut Value) {
        config["channels"] = json!({});
    }

    #[test]
    fn what_goes_is_missed_once_and_keeps_its_time() {
        let mut memory = Memory::default();
        assert!(memory.see(ours(|_| {}), 1), "remembered");
        assert!(!memory.see(ours(|_| {}), 2), "nothing new");
        assert!(memory.see(ours(without_channel), 3));
        assert_eq!(memory.missing, [MissingEntry { entry: OwnEntry::Channel, at_ms: 3 }]);
        assert!(!memory.see(ours(without_channel), 9), "the same is no news");
        let both = ours(|config| {
            without_channel(config);
            config["plugins"]["allow"] = json!(["a"]);
        });
        assert!(memory.see(both, 10));
        let told: Vec<_> = memory.missing.iter().map(|one| (one.entry, one.at_ms)).collect();
        assert_eq!(told, [(OwnEntry::Channel, 3), (OwnEntry::Allowed, 10)]);
        assert!(memory.see(ours(|_| {}), 11), "they are back");
        assert_eq!(memory.missing, []);
    }

    #[test]
    fn what_the_person_leaves_is_missed_no_more_until_it_was_there_again() {
        let mut memory = Memory::default();
        memory.see(ours(|_| {}), 1);
        memory.see(ours(without_channel), 2);
        memory.leave(ours(without_channel));
        assert!(!memory.see(ours(without_channel), 3), "it is remembered");
        memory.see(ours(|_| {}), 4);
        assert!(memory.see(ours(without_channel), 5) && memory.missing.len() == 1);
    }

    #[test]
    fn the_memory_survives_a_restart() {
        let mut memory = Memory::default();
        memory.see(ours(|_| {}), 1);
        memory.see(ours(without_channel), 2);
        let file = serde_json::to_vec(&memory).unwrap();
        let mut read: Memory = serde_json::from_slice(&file).unwrap();
        assert_eq!(read, memory);
        assert!(!read.see(ours(without_channel), 9), "nobody is told twice");
    }
}
