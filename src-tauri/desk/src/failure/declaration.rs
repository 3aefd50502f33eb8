//! How a list of codes becomes a type with words.

/// Declares the codes with their wire names and words, so that none can lack a language.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident, $wire:literal, $en:literal, $zh:literal;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, specta::Type)]
        pub enum FailureCode {
            $($(#[$doc])* #[serde(rename = $wire)] $variant,)*
            /// A code of a newer service.
            #[serde(other, rename = "unrecognised")]
            Unrecognised,
        }

        impl FailureCode {
            /// Every code that this version can say.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)* Self::Unrecognised];

            /// The word on the control socket.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Unrecognised => "unrecognised",
                }
            }

            /// What happened and what to do next, in this language.
            pub fn words(self, language: Language) -> &'static str {
                let (en, zh) = match self {
                    $(Self::$variant => ($en, $zh),)*
                    Self::Unrecognised => (
                        "The running SmartPi service reported something that this version does not know. Update both to the same version.",
                        "正在运行的 SmartPi 服务报告了此版本无法识别的问题，请将两者更新到同一版本。",
                    ),
                };
                match language {
                    Language::En => en,
                    Language::Zh => zh,
                }
            }
        }
    };
}

pub(super) use codes;
