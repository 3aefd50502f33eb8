//! Which of the two languages a person reads.

use serde::{Deserialize, Serialize};
use specta::Type;

/// A language of the product, as `zh` or `en`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Language {
    /// The language of the environment.
    pub fn of_user() -> Self {
        Self::of(|name| std::env::var(name).ok())
    }

    /// The language that `LC_ALL`, `LC_MESSAGES` or `LANG` names: the first of them that is set and not empty decides, as in POSIX.
    pub fn of(env: impl Fn(&str) -> Option<String>) -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(env).find(|value| !value.is_empty());
        match locale {
            Some(locale) if locale.to_ascii_lowercase().starts_with("zh") => Self::Zh,
            Some(_) | None => Self::En,
        }
    }

    /// Chooses between two wordings.
    pub fn pick<'w>(self, en: &'w str, zh: &'w str) -> &'w str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(values: &[(&str, &str)]) -> Language {
        Language::of(|name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_first_variable_that_says_something_decides() {
        assert_eq!(language(&[]), Language::En);
        assert_eq!(language(&[("LANG", "zh_CN.UTF-8")]), Language::Zh);
        assert_eq!(language(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C.UTF-8")]), Language::En);
        assert_eq!(language(&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_TW")]), Language::Zh);
        assert_eq!(language(&[("LC_ALL", ""), ("LANG", "ZH")]), Language::Zh);
        assert_eq!(Language::Zh.pick("yes", "是"), "是");
    }
}
