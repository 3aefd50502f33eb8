//! `err` and `bye`: the same on both links.

use serde::{Deserialize, Serialize};

use super::Code;

/// `err`, on both links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrFrame {
    /// Number.
    pub code: Code,
    /// The message it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub re: Option<String>,
    /// The frame type it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub of: Option<String>,
    /// Least wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_ms: Option<u64>,
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl ErrFrame {
    /// The frame for a code, with its words.
    pub fn of(code: Code) -> Self {
        let (en, zh) = code.words();
        Self { code, re: None, of: None, retry_ms: None, en: en.into(), zh: zh.into() }
    }

    /// About a message.
    #[must_use]
    pub fn about(mut self, message: &str) -> Self {
        self.re = Some(message.into());
        self
    }
}

/// `bye`, on both links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why.
    pub code: Code,
    /// Least wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_ms: Option<u64>,
}
