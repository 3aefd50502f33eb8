//! Every sentence of the tray and the notifications, in both languages.

pub mod tray;

use crate::language::Language;

/// Declares sentences as functions of their language and their gaps, so that none can lack a language.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident($($gap:ident),*): $en:literal, $zh:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(language: $crate::language::Language $(, $gap: impl std::fmt::Display)*) -> String {
                match language {
                    $crate::language::Language::En => format!($en),
                    $crate::language::Language::Zh => format!($zh),
                }
            }
        )*

        /// Name, English, Chinese.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $en, $zh),)*];
    };
}
use words;

/// What `devices.test` sends: the device shows or speaks it.
pub fn test_message(language: Language) -> &'static str {
    language.pick("This is a test message from SmartPi. I can hear you.", "这是来自 SmartPi 的测试消息，连接正常。")
}
