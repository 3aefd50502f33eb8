//! Every sentence of the tray and the notifications, in both languages.
//!
//! A sentence is a function of its language and its gaps. The macro `words!` takes both wordings at once, so that none can lack a language; the compiler
//! refuses a gap that is not an argument, and a test one that only one language fills.

pub mod moment;
pub mod notice;
pub mod tray;

use crate::language::Language;

/// Declares sentences, each a function of its language and its gaps: `name(gaps): "English {gaps}", "中文 {gaps}";`
#[macro_export]
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident($($gap:ident),*): $en:literal, $zh:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name(language: $crate::language::Language $(, $gap: impl std::fmt::Display)*) -> String {
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

words! {
    /// Between two parts of a list.
    comma(): ", ", "，";
    /// Between two names.
    name_comma(): ", ", "、";
    /// Names, and how many more.
    and_more(names, more): "{names} and {more} more", "{names}，另有 {more} 台";
    /// A device without a readable name.
    nameless(): "Unnamed device", "未命名设备";
}

/// What `devices.test` sends: the device shows or speaks it.
pub fn test_message(language: Language) -> &'static str {
    language
        .pick("This is a test message from SmartPi. The connection works.", "这是来自 SmartPi 的测试消息，连接正常。")
}

/// Characters of a name that a menu or a notice shows.
const NAME: usize = 40;

/// A name that a person or a device gave, fit for one line: nothing invisible, nothing that turns the writing direction, at most 40 characters.
pub(crate) fn name(language: Language, given: &str) -> String {
    let seen: String = given.chars().filter(|letter| !is_unseen(*letter)).collect();
    let seen = seen.trim();
    if seen.is_empty() {
        return nameless(language);
    }
    match seen.char_indices().nth(NAME) {
        None => seen.to_owned(),
        Some(_) => seen.chars().take(NAME - 1).chain(['…']).collect(),
    }
}

/// Control characters, and those that change the direction of what follows.
pub(crate) fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Names of a group that a notice lists.
const LISTED: usize = 4;

/// Names in a row: "Kitchen, Bedroom and 3 more".
pub(crate) fn names(language: Language, given: &[String]) -> String {
    let listed: Vec<String> = given.iter().take(LISTED).map(|given| name(language, given)).collect();
    let listed = listed.join(&name_comma(language));
    match given.len().saturating_sub(LISTED) {
        0 => listed,
        more => and_more(language, listed, more),
    }
}

/// Sentences in a row, as each language sets them.
pub(crate) fn sentences(language: Language, parts: &[String]) -> String {
    parts.join(language.pick(" ", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str)> {
        ALL.iter().chain(tray::ALL).chain(notice::ALL).chain(moment::ALL)
    }

    fn gaps(text: &str) -> Vec<&str> {
        let mut gaps: Vec<&str> =
            text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(gap, _)| gap).collect();
        gaps.sort_unstable();
        gaps
    }

    fn is_chinese(letter: char) -> bool {
        ('\u{4e00}'..='\u{9fff}').contains(&letter)
    }

    /// Half-width punctuation beside a Chinese character, or a missing space between Chinese and Latin.
    fn slips(zh: &str) -> Vec<String> {
        let letters: Vec<char> = zh.chars().collect();
        let mut found = Vec::new();
        for pair in letters.windows(2) {
            let [left, right] = [pair[0], pair[1]];
            if (is_chinese(left) && ",.;:!?()\"'".contains(right)) || (is_chinese(right) && ",;!?()\"'".contains(left))
            {
                found.push(format!("half-width {left}{right} in {zh}"));
            }
            if (is_chinese(left) && right.is_ascii_alphanumeric())
                || (left.is_ascii_alphanumeric() && is_chinese(right))
            {
                found.push(format!("no space in {left}{right} of {zh}"));
            }
        }
        found
    }

    #[test]
    fn both_languages_say_every_sentence_with_the_same_gaps() {
        let mut count = 0;
        for (name, en, zh) in all() {
            count += 1;
            assert_eq!(gaps(en), gaps(zh), "{name}");
            assert!(en.chars().all(|letter| letter.is_ascii() || "…’".contains(letter)), "{name}: {en}");
            let only_signs = !zh.contains(|letter: char| letter.is_alphanumeric());
            assert!(only_signs || !gaps(zh).is_empty() || zh.contains(is_chinese), "{name}: {zh}");
            assert_eq!(slips(zh), Vec::<String>::new(), "{name}");
            assert!(!en.contains("..") && !zh.contains(".."), "{name}: an ellipsis is one character");
        }
        assert!(count > 60, "{count}");
        assert!(test_message(Language::Zh).contains(is_chinese) && slips(test_message(Language::Zh)).is_empty());
    }

    #[test]
    fn slips_are_seen() {
        assert_eq!(gaps("{b} and {a}"), ["a", "b"]);
        for slip in ["已停止,请重试", "端口8765被占用", "(1 台)设备", "你好!", "退出SmartPi"] {
            assert!(!slips(slip).is_empty(), "{slip}");
        }
        for right in ["端口 8765 被占用，请重试。", "退出 SmartPi（1 台设备将断开）", "“厨房”已连接", "周二 09:15"]
        {
            assert_eq!(slips(right), Vec::<String>::new());
        }
    }

    #[test]
    fn names_are_cut_and_cleaned() {
        assert_eq!(name(Language::En, " Kitchen\u{202e}\n "), "Kitchen");
        assert_eq!(name(Language::Zh, "\u{200f}"), "未命名设备");
        assert_eq!(name(Language::En, &"好".repeat(40)), "好".repeat(40));
        let long = name(Language::En, &"好".repeat(41));
        assert_eq!((long.chars().count(), long.chars().last()), (40, Some('…')));
    }

    #[test]
    fn many_names_are_counted() {
        let given: Vec<String> = ["A", "B", "C", "D", "E", "F"].map(str::to_owned).to_vec();
        assert_eq!(names(Language::En, &given[..2]), "A, B");
        assert_eq!(names(Language::Zh, &given[..4]), "A、B、C、D");
        assert_eq!(names(Language::En, &given), "A, B, C, D and 2 more");
        assert_eq!(names(Language::Zh, &given), "A、B、C、D，另有 2 台");
    }
}
