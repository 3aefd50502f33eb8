//! How a command ends.

use std::process::ExitCode;

use desk::failure::{Failure, FailureCode};
use desk::language::Language;
use serde_json::{Value, json};

use crate::words;

/// The exit codes: documented in the help and in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    NotRunning = 3,
    PersonNeeded = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command stopped before its end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// The service, or the desk, says why.
    Failure(Failure),
    /// The command line says why: `code` for scripts, `words` for a person.
    Told { exit: Exit, code: &'static str, words: String, detail: Value },
    /// Everything was said already.
    Silent(Exit),
}

impl Stop {
    pub(crate) fn told(exit: Exit, code: &'static str, words: String) -> Self {
        Self::Told { exit, code, words, detail: Value::Null }
    }

    pub(crate) fn failed(code: &'static str, words: String, detail: impl Into<Value>) -> Self {
        Self::Told { exit: Exit::Failed, code, words, detail: detail.into() }
    }

    /// A device is approved by a person at a terminal, and by nothing else.
    pub(crate) fn terminal_needed(language: Language) -> Self {
        Self::told(Exit::PersonNeeded, "person_needed", words::terminal_needed(language))
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Failure(failure) if failure.code == FailureCode::NotRunning => Exit::NotRunning,
            Self::Failure(failure) if is_usage(failure.code) => Exit::Usage,
            // A person has to agree, or to compare a fingerprint.
            Self::Failure(failure) if needs_person(failure.code) => Exit::PersonNeeded,
            Self::Failure(_) => Exit::Failed,
            Self::Told { exit, .. } | Self::Silent(exit) => *exit,
        }
    }

    /// For a person. `None`: nothing is left to say.
    pub(crate) fn words(&self, language: Language) -> Option<String> {
        match self {
            Self::Failure(failure) => Some(failure.words(language)),
            Self::Told { words, .. } => Some(words.clone()),
            Self::Silent(_) => None,
        }
    }

    /// For a script.
    pub(crate) fn json(&self) -> Option<Value> {
        match self {
            Self::Failure(failure) => Some(json!({ "failure": failure })),
            Self::Told { code, detail: Value::Null, .. } => Some(json!({ "failure": { "code": code } })),
            Self::Told { code, detail, .. } => Some(json!({ "failure": { "code": code, "detail": detail } })),
            Self::Silent(_) => None,
        }
    }
}

fn is_usage(code: FailureCode) -> bool {
    [FailureCode::BadRequest, FailureCode::GatewayAddressBad, FailureCode::GatewayAddressPublic].contains(&code)
}

fn needs_person(code: FailureCode) -> bool {
    [FailureCode::GatewayNotEncrypted, FailureCode::GatewayCertificateUnknown, FailureCode::GatewayCertificateChanged]
        .contains(&code)
}

impl<F: Into<Failure>> From<F> for Stop {
    fn from(failure: F) -> Self {
        Self::Failure(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_say_what_a_script_must_know() {
        let exit = |code| Stop::Failure(Failure::bare(code)).exit();
        assert_eq!(exit(FailureCode::NotRunning), Exit::NotRunning);
        assert_eq!(exit(FailureCode::DeviceUnknown), Exit::Failed);
        assert_eq!(Stop::terminal_needed(Language::En).exit() as u8, 4);
        assert_eq!(
            Stop::Failure(Failure::bare(FailureCode::NotRunning)).json().unwrap()["failure"]["code"],
            "not_running"
        );
    }
}
