//! The shapes about our entries in OpenClaw's configuration: which are missing, what a change of them would write, and what else there a person should know.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use super::RouteChange;

/// An entry of ours that was there and is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MissingEntry {
    /// Which.
    pub entry: OwnEntry,
    /// When that was noticed, ms since 1970.
    #[specta(type = Number)]
    pub at_ms: i64,
}

/// One of our entries in OpenClaw's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum OwnEntry {
    /// `channels.openclaw-smartpi`.
    Channel,
    /// `plugins.entries.openclaw-smartpi`.
    Plugin,
    /// Our name in `plugins.allow`.
    Allowed,
}

/// Something else in OpenClaw's configuration that a person should know. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Trap {
    /// A list of allowed tools leaves out `message`, so that an agent that answers devices cannot speak to one by itself.
    ToolsWithoutMessage {
        /// The list.
        path: String,
        /// The agent that it is about; `None`: all of them.
        agent: Option<String>,
    },
    /// A secret stands there in plain words.
    PlainSecret {
        /// Its key, never its value.
        path: String,
    },
}

/// A change of our own entries, and of nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum EntryChange {
    /// Put back what is missing, as it was.
    PutBack,
    /// Switch the plugin's entry on.
    Enable,
    /// Add us to the list of allowed plugins.
    Allow,
    /// Switch the channel's entry on, and lead it to this service.
    WriteChannel,
}

/// `care.entries_preview`: what a change of our entries would write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EntriesPlan {
    /// Names exactly this change: `care.entries_write` does it only where it is still the same.
    pub shown: String,
    /// Every entry that changes; empty: nothing to do.
    pub changes: Vec<RouteChange>,
    /// OpenClaw writes its configuration without the person's comments: they stay in the copy only.
    pub comments_lost: bool,
    /// Folder of the copy.
    pub backups: String,
}

/// `care.entries_write`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct EntriesWritten {
    /// The copy of the configuration from before. `None`: nothing had to be changed.
    pub copy: Option<String>,
}
