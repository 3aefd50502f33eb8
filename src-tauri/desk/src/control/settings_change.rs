//! `settings.change`.

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::settings::Quiet;

/// What of the settings to change; what is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase", default)]
pub struct SettingsChange {
    /// Null: as the system.
    #[serde(skip_serializing_if = "Option::is_none", with = "nullable")]
    #[specta(type = Option<Language>)]
    pub language: Option<Option<Language>>,
    /// TCP port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Days that message text is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_text_days: Option<u32>,
    /// Seconds until 9002.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[specta(type = Option<specta_typescript::Number>)]
    pub answer_after_s: Option<u64>,
    /// Which notifications are off: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// The first-run pages are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub welcomed: Option<bool>,
    /// Keep secrets in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_in_file: Option<bool>,
    /// Look for a newer release once a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_for_releases: Option<bool>,
    /// Start at login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostart: Option<bool>,
}

/// Absent and null are two things.
mod nullable {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(value: &Option<Option<T>>, to: S) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(to)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(from).map(Some)
    }
}
