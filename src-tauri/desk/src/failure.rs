//! What a person is told when something does not work: a code, its words in both languages, and a detail.
//!
//! This is the only place that turns an error of a crate into a [`Failure`]. Nobody matches words; they match [`FailureCode`].

mod codes;
mod declaration;

use std::error::Error;
use std::fmt;

use channel::driver::Unanswered;
use channel::service::StartError;
use channel::store::OpenError;
use channel::store::restore::Restored;
use channel::view::{AddError, ConfirmError, IssueError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::language::Language;
use crate::words;

pub use codes::FailureCode;

/// Something that a person is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
pub struct Failure {
    /// What happened; the sentence belongs to it.
    pub code: FailureCode,
    /// What it happened to: words, or an object such as `{"left":2}`. Null: nothing to add. Never holds a secret or a message text.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[specta(type = specta_typescript::Unknown)]
    pub detail: Value,
}

impl Failure {
    /// A failure that needs no detail.
    pub fn bare(code: FailureCode) -> Self {
        Self { code, detail: Value::Null }
    }

    /// A failure and what it happened to.
    pub fn with(code: FailureCode, detail: impl Into<Value>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// A failure whose detail is the error with all its causes.
    pub fn caused(code: FailureCode, error: &dyn Error) -> Self {
        Self::with(code, chain(error))
    }

    /// Whether something of the person's cannot be kept: the disk, the store or the settings refuse.
    pub fn is_storage(&self) -> bool {
        let others = [
            FailureCode::Storage,
            FailureCode::StoreUnusable,
            FailureCode::NotBackedUp,
            FailureCode::SettingsNotSaved,
            FailureCode::FolderUnusable,
        ];
        self.is_disk() || others.contains(&self.code)
    }

    /// Whether the disk under the running service is full or failing: that passes by itself, and is told then.
    pub fn is_disk(&self) -> bool {
        [FailureCode::DiskFull, FailureCode::DiskFailing].contains(&self.code)
    }

    /// Whether what was saved is damaged, or was: the person is told once, and then it is over.
    pub fn is_damage(&self) -> bool {
        [FailureCode::StoreRestored, FailureCode::StoreBegunAnew, FailureCode::StoreDamaged].contains(&self.code)
    }

    /// The program that has the port, where that is what happened and it is known.
    pub fn port_holder(&self) -> Option<&str> {
        self.detail.get("holder")?.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())
    }

    /// The sentence, then the detail in parentheses.
    pub fn words(&self, language: Language) -> String {
        let sentence = self.code.words(language);
        match self.detail_words(language) {
            Some(detail) => match language {
                Language::En => format!("{sentence} ({detail})"),
                Language::Zh => format!("{sentence}（{detail}）"),
            },
            None => sentence.to_owned(),
        }
    }

    fn detail_words(&self, language: Language) -> Option<String> {
        if self.code == FailureCode::PortInUse {
            return self.port_words(language);
        }
        if let Some(aside) = self.detail.get("aside").and_then(Value::as_str) {
            return Some(match (self.detail.get("asOf").and_then(Value::as_str), language) {
                (Some(time), Language::En) => format!("as it was on {time}; the damaged files are in {aside}"),
                (Some(time), Language::Zh) => format!("恢复到 {time} 的状态；损坏的文件位于 {aside}"),
                (None, Language::En) => format!("the damaged files are in {aside}"),
                (None, Language::Zh) => format!("损坏的文件位于 {aside}"),
            });
        }
        if let (FailureCode::WrongCode, Some(left)) = (self.code, self.detail.get("left").and_then(Value::as_u64)) {
            return Some(match language {
                Language::En => format!("tries left: {left}"),
                Language::Zh => format!("还可尝试 {left} 次"),
            });
        }
        match &self.detail {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Some(other.to_string()),
        }
    }
}

impl Failure {
    /// "port 8765 is used by node (pid 4); start with --port 8766": as much of it as is known.
    fn port_words(&self, language: Language) -> Option<String> {
        let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64);
        let port = number(&self.detail, "port")?;
        let holder = self
            .detail
            .get("holder")
            .and_then(|holder| Some((holder.get("name").and_then(Value::as_str)?, number(holder, "pid")?)));
        let mut words = match (holder, language) {
            (Some((name, pid)), Language::En) => format!("port {port} is used by {name}, pid {pid}"),
            (Some((name, pid)), Language::Zh) => format!("端口 {port} 被 {name} 占用，进程号 {pid}"),
            (None, Language::En) => format!("port {port}"),
            (None, Language::Zh) => format!("端口 {port}"),
        };
        if let Some(offer) = number(&self.detail, "offer") {
            words.push_str(&match language {
                Language::En => format!("; start with --port {offer}"),
                Language::Zh => format!("；可用 --port {offer} 启动"),
            });
        }
        Some(words)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words(Language::En))
    }
}

impl Error for Failure {}

/// An error and its causes, outermost first, none said twice.
pub fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    words
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        Self::bare(match unanswered {
            Unanswered::Stopped => FailureCode::Stopping,
            Unanswered::NotStored => FailureCode::Storage,
        })
    }
}

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        Self::bare(match error {
            IssueError::NotListening => FailureCode::NoAddress,
            IssueError::Claimed => FailureCode::BindClaimed,
            IssueError::Stopping => FailureCode::Stopping,
        })
    }
}

impl From<AddError> for Failure {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Full => Self::bare(FailureCode::TooMany),
            AddError::Random => Self::caused(FailureCode::Internal, &error),
            AddError::Stopping => Self::bare(FailureCode::Stopping),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let code = match &error {
            StartError::AddressInUse { address } => {
                return Self::with(FailureCode::PortInUse, json!({ "port": address.port() }));
            }
            StartError::Bind { .. } => FailureCode::CannotListen,
            StartError::Store(OpenError::Newer { .. }) => FailureCode::StoreNewer,
            StartError::Store(_) => FailureCode::StoreUnusable,
            StartError::Keys(_) => FailureCode::KeysUnusable,
            StartError::Threads(_) => FailureCode::NotStarted,
            StartError::Stopped(_) => FailureCode::Stopping,
        };
        Self::caused(code, &error)
    }
}

impl From<&Restored> for Failure {
    fn from(restored: &Restored) -> Self {
        let mut detail = json!({ "aside": restored.aside.display().to_string(), "damage": restored.damage });
        let Some(as_of_ms) = restored.as_of_ms else { return Self::with(FailureCode::StoreBegunAnew, detail) };
        detail["asOf"] = words::moment::exact(as_of_ms).into();
        Self::with(FailureCode::StoreRestored, detail)
    }
}

impl From<ConfirmError> for Failure {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::Unknown => Self::bare(FailureCode::BindUnknown),
            ConfirmError::NotConfirming => Self::bare(FailureCode::NotConfirming),
            ConfirmError::WrongCode { left } => Self::with(FailureCode::WrongCode, json!({ "left": left })),
            ConfirmError::Storage => Self::bare(FailureCode::Storage),
            ConfirmError::Stopping => Self::bare(FailureCode::Stopping),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_both_languages_and_a_word_of_its_own() {
        for (index, code) in FailureCode::ALL.iter().enumerate() {
            let (en, zh) = (code.words(Language::En), code.words(Language::Zh));
            assert!(
                en.ends_with(|last: char| last == '.' || en.contains(": smartpi ") && last.is_alphabetic()),
                "{en}"
            );
            assert!(en.is_ascii(), "{en}");
            assert!(zh.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)), "{zh}");
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            assert_eq!(serde_json::from_value::<FailureCode>(code.as_str().into()).unwrap(), *code);
            assert!(
                FailureCode::ALL[..index]
                    .iter()
                    .all(|other| other.as_str() != code.as_str() && other.words(Language::Zh) != zh)
            );
        }
    }

    #[test]
    fn every_code_of_the_control_page_is_known() {
        let page = include_str!("../../../docs/CONTROL.md");
        let list = page
            .split_once("Failure codes:")
            .unwrap()
            .1
            .split_once("\n\n")
            .map_or_else(|| page.split_once("Failure codes:").unwrap().1, |(list, _)| list);
        let words: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
        assert!(words.len() >= 11, "{words:?}");
        for word in words {
            assert!(FailureCode::ALL.iter().any(|code| code.as_str() == word), "{word}");
        }
    }

    #[test]
    fn details_are_words_for_a_person() {
        let wrong = Failure::from(ConfirmError::WrongCode { left: 2 });
        assert_eq!(wrong.detail, json!({"left":2}));
        assert!(wrong.words(Language::En).ends_with("(tries left: 2)"));
        assert!(wrong.words(Language::Zh).ends_with("（还可尝试 2 次）"));
        assert_eq!(
            Failure::bare(FailureCode::NotRunning).words(Language::En),
            FailureCode::NotRunning.words(Language::En)
        );
        let taken =
            Failure::with(FailureCode::PortInUse, json!({"port":8765,"holder":{"pid":4,"name":"node"},"offer":8766}));
        assert!(
            taken.words(Language::En).ends_with("(port 8765 is used by node, pid 4; start with --port 8766)"),
            "{taken}"
        );
        assert!(taken.words(Language::Zh).ends_with("（端口 8765 被 node 占用，进程号 4；可用 --port 8766 启动）"));
        assert!(Failure::with(FailureCode::DeviceUnknown, "kzdv").to_string().ends_with("(kzdv)"));
    }

    #[test]
    fn causes_are_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open: {0}")]
        struct Outer(#[source] std::io::Error);
        #[derive(Debug, thiserror::Error)]
        #[error("cannot start")]
        struct Outermost(#[source] Outer);
        let error = Outermost(Outer(std::io::Error::other("no disk")));
        assert_eq!(chain(&error), "cannot start: cannot open: no disk");
    }

    #[test]
    fn every_error_of_the_channel_has_its_code() {
        assert_eq!(Failure::from(Unanswered::Stopped).code, FailureCode::Stopping);
        assert_eq!(Failure::from(Unanswered::NotStored).code, FailureCode::Storage);
        assert_eq!(Failure::from(IssueError::NotListening).code, FailureCode::NoAddress);
        assert_eq!(Failure::from(IssueError::Claimed).code, FailureCode::BindClaimed);
        assert_eq!(Failure::from(IssueError::Stopping).code, FailureCode::Stopping);
        assert_eq!(Failure::from(ConfirmError::Unknown).code, FailureCode::BindUnknown);
        assert_eq!(Failure::from(ConfirmError::NotConfirming).code, FailureCode::NotConfirming);
        assert_eq!(Failure::from(ConfirmError::Storage).code, FailureCode::Storage);
    }
}
