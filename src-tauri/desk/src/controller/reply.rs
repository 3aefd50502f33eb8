//! Who waits for the end of a wish, and what they are told.

use serde::Serialize;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::control::answer::Nothing;
use crate::failure::{Failure, FailureCode};

/// Who waits for the end of a wish. `None`: a click, whose effect is seen.
#[derive(Debug, Default)]
pub(crate) struct Reply(Option<oneshot::Sender<Result<Value, Failure>>>);

impl Reply {
    /// Somebody waits.
    pub(crate) fn to(asker: oneshot::Sender<Result<Value, Failure>>) -> Self {
        Self(Some(asker))
    }

    /// Tells whoever waits.
    pub(crate) fn send(self, result: Result<Value, Failure>) {
        match self.0 {
            // Who has gone away does not want to know.
            Some(asker) => drop(asker.send(result)),
            None => {
                if let Err(failure) = result {
                    tracing::warn!(code = failure.code.as_str(), detail = %failure.detail, "a click had no effect");
                }
            }
        }
    }

    /// Done, with nothing to say.
    pub(crate) fn done(self) {
        self.send(value(&Nothing {}));
    }

    /// Done, and this is what came of it.
    pub(crate) fn answer(self, answer: &impl Serialize) {
        self.send(value(answer));
    }

    /// Not done.
    pub(crate) fn fail(self, failure: Failure) {
        self.send(Err(failure));
    }
}

/// An answer as it goes out.
pub(crate) fn value(answer: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| Failure::caused(FailureCode::AnswerUnreadable, &error))
}
