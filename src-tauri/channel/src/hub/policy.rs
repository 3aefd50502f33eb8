//! Who may speak to a device that has not asked. Pure: the owner's choice and what the words belong to go in, yes or no comes out.

use crate::view::SpeaksFirst;

/// What a push says that it belongs to, as far as the store knows it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// A message of this device that is not over: the words are its answer, or a part of it.
    Open,
    /// A message of this device that is over: the device asked for it some time ago.
    Ended,
    /// No message of this device.
    Nothing,
}

/// The decision about one push. [`may_speak`] is the product's; tests plant others to see that they are caught.
pub type MaySpeak = fn(SpeaksFirst, Belongs) -> bool;

/// An answer always comes, whatever the owner chose: else a gateway that crashed would cost a device its answers.
pub fn may_speak(who: SpeaksFirst, belongs: Belongs) -> bool {
    match (who, belongs) {
        (_, Belongs::Open)
        | (SpeaksFirst::Anyone, Belongs::Ended | Belongs::Nothing)
        | (SpeaksFirst::Asked, Belongs::Ended) => true,
        (SpeaksFirst::Asked, Belongs::Nothing) | (SpeaksFirst::Nobody, Belongs::Ended | Belongs::Nothing) => false,
    }
}

/// Longest name of a speaker, characters.
const SPEAKER: usize = 64;

/// Who speaks, as it is kept and told: `agent:` and its id, or `terminal` (a person or a program at the gateway's command line). Plugins of version 0.1 name
/// the bare agent. `None`: the gateway named nobody.
pub(super) fn speaker(by: Option<&str>) -> Option<String> {
    let by: String = by?.chars().filter(|letter| !letter.is_control()).take(SPEAKER).collect();
    let by = by.trim();
    match by {
        "" | "agent:" => None,
        "terminal" => Some(by.to_owned()),
        _ if by.starts_with("agent:") => Some(by.to_owned()),
        _ => Some(format!("agent:{by}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_speak_is_this_table() {
        use Belongs::{Ended, Nothing, Open};
        use SpeaksFirst::{Anyone, Asked, Nobody};
        let table = [
            (Anyone, Open, true),
            (Anyone, Ended, true),
            (Anyone, Nothing, true),
            (Asked, Open, true),
            (Asked, Ended, true),
            (Asked, Nothing, false),
            (Nobody, Open, true),
            (Nobody, Ended, false),
            (Nobody, Nothing, false),
        ];
        for (who, belongs, may) in table {
            assert_eq!(may_speak(who, belongs), may, "{who:?} {belongs:?}");
        }
    }

    #[test]
    fn a_speaker_is_named_in_one_way() {
        let long = "x".repeat(90);
        let cut = format!("agent:{}", "x".repeat(58));
        let table = [
            (None, None),
            (Some(""), None),
            (Some("agent:"), None),
            (Some("main"), Some("agent:main")),
            (Some("agent:main"), Some("agent:main")),
            (Some("agent:ma\u{7}in\n"), Some("agent:main")),
            (Some("terminal"), Some("terminal")),
        ];
        for (by, told) in table {
            assert_eq!(speaker(by).as_deref(), told, "{by:?}");
        }
        assert_eq!(speaker(Some(&format!("agent:{long}"))).as_deref(), Some(cut.as_str()));
    }
}
