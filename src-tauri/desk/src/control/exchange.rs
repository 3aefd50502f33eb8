//! One line on the control socket: a request under its number, and what is said to it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::request::Request;
use crate::failure::{Failure, FailureCode};

/// One line to the service: the request under its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Chosen by the asker; every answer carries it.
    pub id: u64,
    /// What is asked.
    #[serde(flatten)]
    pub request: Request,
}

/// A line that is not a request: what to answer, and under which number (0 where the line has none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Number of the request.
    pub id: u64,
    /// Answer.
    pub failure: Failure,
}

impl Line {
    /// Reads a line. An unknown field is ignored.
    ///
    /// # Errors
    /// `bad_request`, or `unknown_request` for a `do` of another version.
    pub fn decode(line: &[u8]) -> Result<Self, BadLine> {
        let bad = |id, detail: String| BadLine { id, failure: Failure::with(FailureCode::BadRequest, detail) };
        let value: Value = serde_json::from_slice(line).map_err(|error| bad(0, error.to_string()))?;
        let Some(id) = value.get("id").and_then(Value::as_u64) else {
            return Err(bad(0, "id must be a whole number".into()));
        };
        let Some(verb) = value.get("do").and_then(Value::as_str) else {
            return Err(bad(id, "do must be a string".into()));
        };
        if !Request::KNOWN.contains(&verb) {
            return Err(BadLine { id, failure: Failure::with(FailureCode::UnknownRequest, verb) });
        }
        let request = Request::deserialize(&value).map_err(|error| bad(id, error.to_string()))?;
        Ok(Self { id, request })
    }
}

/// One line from the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerLine {
    /// Number of the request.
    pub id: u64,
    /// What.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What the service says to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// Done; the last line.
    Ok(Value),
    /// Something happened; more follows.
    Event(Value),
    /// Not done; the last line.
    Failure(Failure),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(line: &str) -> (u64, FailureCode) {
        let bad = Line::decode(line.as_bytes()).unwrap_err();
        (bad.id, bad.failure.code)
    }

    #[test]
    fn an_unknown_field_is_ignored_and_an_unknown_request_is_named() {
        assert!(Line::decode(br#"{"id":1,"do":"status","more":[1]}"#).is_ok());
        assert_eq!(code(r#"{"id":3,"do":"devices.fly"}"#), (3, FailureCode::UnknownRequest));
    }

    #[test]
    fn what_is_no_request_is_answered_under_its_number() {
        assert_eq!(code("x"), (0, FailureCode::BadRequest));
        assert_eq!(code("[]"), (0, FailureCode::BadRequest));
        assert_eq!(code(r#"{"id":-1,"do":"status"}"#), (0, FailureCode::BadRequest));
        assert_eq!(code(r#"{"id":4}"#), (4, FailureCode::BadRequest));
        assert_eq!(code(r#"{"id":5,"do":"bind.watch"}"#), (5, FailureCode::BadRequest));
        assert_eq!(code(r#"{"id":6,"do":"bind.start","address":"example.org"}"#), (6, FailureCode::BadRequest));
        assert_eq!(code(r#"{"id":7,"do":"link.await","timeoutS":"1"}"#), (7, FailureCode::BadRequest));
    }

    #[test]
    fn answers_look_as_on_the_page() {
        let line = |answer| serde_json::to_value(AnswerLine { id: 1, answer }).unwrap();
        assert_eq!(line(Answer::Ok(json!({"devices":[]}))), json!({"id":1,"ok":{"devices":[]}}));
        assert_eq!(line(Answer::Event(json!({"state":"waiting"}))), json!({"id":1,"event":{"state":"waiting"}}));
        let failure = Failure::with(FailureCode::DeviceUnknown, "kzdv");
        let written = line(Answer::Failure(failure.clone()));
        assert_eq!(written, json!({"id":1,"failure":{"code":"device_unknown","detail":"kzdv"}}));
        let read: AnswerLine = serde_json::from_value(written).unwrap();
        assert_eq!(read.answer, Answer::Failure(failure));
        let newer: AnswerLine = serde_json::from_value(json!({"id":1,"failure":{"code":"of_tomorrow"}})).unwrap();
        assert_eq!(newer.answer, Answer::Failure(Failure::bare(FailureCode::Unrecognised)));
    }
}
