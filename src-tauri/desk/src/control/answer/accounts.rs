//! The shapes about the devices of another vendor's plugin.

use serde::{Deserialize, Serialize};
use specta::Type;

/// What its command is asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "act", rename_all = "camelCase")]
pub enum AccountsAct {
    /// List its devices. Changes nothing.
    List,
    /// Bind a new one.
    Bind,
    /// Say how one is. Changes nothing.
    Status {
        /// As its list names it: one word of letters, digits and `._:@-`, at most 128 bytes.
        device: String,
    },
    /// Remove one.
    Remove {
        /// The same.
        device: String,
    },
}

/// `plugin.accounts`: what its command said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Accounts {
    /// The plugin: name of its package, else its folder.
    pub package: String,
    /// The whole command, for a person.
    pub command: String,
    /// Whether it did its work.
    pub done: bool,
    /// Its words, in whatever language it speaks. Not cleaned of secrets: it is for the person who asked.
    pub text: String,
}
