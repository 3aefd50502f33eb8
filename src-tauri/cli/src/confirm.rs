//! The one place where a device is approved: a person types what it shows.

use desk::control::answer::BindConfirmed;
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::FailureCode;
use desk::language::Language;
use device::{Confirm, Kind};
use serde_json::Value;

use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::words;

/// A device before the person.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) bind: String,
    pub(crate) name: String,
    pub(crate) how: Confirm,
}

/// What became of a typed line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// The device is bound.
    Approved,
    /// The person said no.
    Rejected,
    /// Not its digits; the person may try again.
    Wrong,
    /// It is over: the last try was wrong, or the device has gone.
    Over,
}

/// Asks for what the device shows.
pub(crate) fn ask(terminal: Terminal, claim: &Claim) -> Result<(), Stop> {
    let language = terminal.language;
    terminal.ask(match claim.how {
        Confirm::Code => words::type_code(language, &claim.name),
        Confirm::Allow => words::type_allow(language, &claim.name),
    })
}

/// Takes the line that a person typed. Only called where a person reads and types at a terminal.
pub(crate) async fn take(terminal: Terminal, client: &mut Client, claim: &Claim, line: &str) -> Result<Typed, Stop> {
    let typed = plain(line);
    let bind = claim.bind.clone();
    if ["n", "no", "否"].contains(&typed.as_str()) {
        let _: Value = client.ask(&Request::BindReject { bind }).await?;
        return Ok(Typed::Rejected);
    }
    let complete = match claim.how {
        // Two of a device that used a code, six of one that asked by itself.
        Confirm::Code => [2, 6].contains(&typed.len()) && typed.bytes().all(|byte| byte.is_ascii_digit()),
        Confirm::Allow => typed == "allow",
    };
    if !complete {
        // Not an answer to the question: it costs no try.
        return Ok(Typed::Wrong);
    }
    match client.ask::<BindConfirmed>(&Request::BindConfirm { bind, code: typed }).await {
        Ok(_) => Ok(Typed::Approved),
        Err(failure) if failure.code == FailureCode::WrongCode => {
            let left = failure.detail.get("left").and_then(Value::as_u64).unwrap_or(0);
            terminal.say(words::wrong_code(terminal.language, left))?;
            Ok(if left == 0 { Typed::Over } else { Typed::Wrong })
        }
        Err(failure) if matches!(failure.code, FailureCode::NotConfirming | FailureCode::BindUnknown) => {
            Ok(Typed::Over)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// What was meant: without spaces, in lower case, full-width digits as a Chinese keyboard gives them made plain.
fn plain(line: &str) -> String {
    let narrow = |letter: char| match letter {
        '０'..='９' => char::from_digit(u32::from(letter) - u32::from('０'), 10).unwrap_or(letter),
        other => other,
    };
    line.chars().filter(|letter| !letter.is_whitespace()).map(narrow).collect::<String>().to_lowercase()
}

/// The kind of a device, for a person.
pub(crate) fn kind(language: Language, kind: Kind) -> String {
    match kind {
        Kind::Phone => words::kind_phone(language),
        Kind::Speaker => words::kind_speaker(language),
        Kind::Board => words::kind_board(language),
        Kind::Script => words::kind_script(language),
        Kind::Other => words::kind_other(language),
    }
}

/// Why a binding failed, for a person: the words of docs/CONTROL.md in sentences.
pub(crate) fn failure(language: Language, reason: &str) -> String {
    match reason {
        "expired" => words::failed_expired(language),
        "rejected" => words::failed_rejected(language),
        "second_claim" => words::failed_second_claim(language),
        "wrong_code" => words::failed_wrong_code(language),
        "too_many_failures" => words::failed_too_many(language),
        "device_left" => words::failed_device_left(language),
        "replaced" => words::failed_replaced(language),
        "not_stored" => words::failed_not_stored(language),
        other => words::failed_other(language, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_chinese_keyboard_types_is_understood() {
        assert_eq!(plain(" ０7 \r"), "07");
        assert_eq!(plain("1 6"), "16");
        assert_eq!(plain("Allow"), "allow");
    }
}
