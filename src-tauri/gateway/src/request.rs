//! Why a request failed on an open connection.

use std::time::Duration;

use serde_json::Value;

use crate::close::Close;
use crate::frame::Refusal;

/// Why a request has no answer, or another one than was hoped for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// This gateway does not know the method: it is older, or newer.
    #[error("this gateway has no {method}")]
    Unsupported {
        /// The method.
        method: String,
    },
    /// This client may not.
    #[error("missing scope {missing}")]
    MissingScope {
        /// The scope that is missing.
        missing: String,
        /// All that the method needs.
        required: Vec<String>,
    },
    /// No such pairing request waits: it was answered, replaced or is too old.
    #[error("no such pairing request waits")]
    UnknownRequest,
    /// No such device is paired.
    #[error("no such device is paired")]
    UnknownDevice,
    /// The gateway refuses this to this client, or there is no such device, role or scope: it tells them apart for nobody.
    #[error("denied: {message}")]
    Denied {
        /// In the gateway's words.
        message: String,
    },
    /// The configuration changed since it was read. Nothing was written.
    #[error("the configuration changed since it was read")]
    StaleConfig,
    /// The configuration would not be valid. Nothing was written.
    #[error("the configuration would not be valid: {message}")]
    InvalidConfig {
        /// In the gateway's words.
        message: String,
        /// Where, and what is wrong there.
        issues: Vec<Issue>,
    },
    /// Too many of them.
    #[error("too many requests")]
    RateLimited {
        /// Least wait before the next one.
        retry_after: Duration,
    },
    /// Not now.
    #[error("not available: {message}")]
    Unavailable {
        /// In the gateway's words.
        message: String,
        /// Whether the same again may do better.
        retryable: bool,
        /// Least wait before that.
        retry_after: Option<Duration>,
    },
    /// Another refusal.
    #[error("refused: {} ({})", .0.message, .0.code)]
    Refused(Refusal),
    /// No answer in time. What was asked for may have happened.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The connection ended first. What was asked for may have happened.
    #[error("the connection ended ({0:?})")]
    Gone(Close),
    /// The request is larger than a gateway takes. It was not sent.
    #[error("the request is too large")]
    TooLarge,
    /// Too many requests wait for their answers. It was not sent.
    #[error("too many requests wait")]
    TooMany,
    /// The answer is not what this version understands.
    #[error("the answer to {method} was not understood: {reason}")]
    NotUnderstood {
        /// The method.
        method: String,
        /// What is odd about it. It quotes nothing.
        reason: String,
    },
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Where: keys with dots between them.
    pub path: String,
    /// What, in the gateway's words.
    pub message: String,
}

impl RequestError {
    /// The gateway has codes for some refusals and only texts for others; both are recorded from it, and this is the one place that reads them.
    pub(crate) fn of_refusal(refusal: Refusal, method: &str) -> Self {
        let Refusal { code, message, details, retryable, retry_after } = &refusal;
        if refusal.detail() == Some("MISSING_SCOPE") {
            let missing = details["missingScope"].as_str().unwrap_or_default().to_owned();
            return Self::MissingScope { missing, required: strings(&details["requiredScopes"]) };
        }
        // 2026.4.26 has no code for it.
        if let Some(missing) = message.strip_prefix("missing scope: ") {
            return Self::MissingScope { missing: missing.to_owned(), required: vec![missing.to_owned()] };
        }
        match (code.as_str(), message.as_str()) {
            ("UNAVAILABLE", _) if details.get("limit").is_some() => {
                Self::RateLimited { retry_after: retry_after.unwrap_or(Duration::from_secs(60)) }
            }
            ("UNAVAILABLE", _) => {
                Self::Unavailable { message: message.clone(), retryable: *retryable, retry_after: *retry_after }
            }
            ("INVALID_REQUEST", "unknown requestId") => Self::UnknownRequest,
            ("INVALID_REQUEST", "unknown deviceId") => Self::UnknownDevice,
            ("INVALID_REQUEST", text) if text.starts_with("unknown method") => {
                Self::Unsupported { method: method.into() }
            }
            ("INVALID_REQUEST", text) if text.ends_with(" denied") => Self::Denied { message: message.clone() },
            ("INVALID_REQUEST", text) if text.starts_with("config changed since last load") => Self::StaleConfig,
            ("INVALID_REQUEST", _) if details["issues"].is_array() => {
                Self::InvalidConfig { message: message.clone(), issues: issues(&details["issues"]) }
            }
            _ => Self::Refused(refusal),
        }
    }

    /// Whether what was asked for may have happened although there is no answer: look before asking again.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::TimedOut(_) | Self::Gone(_) | Self::NotUnderstood { .. })
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn issues(list: &Value) -> Vec<Issue> {
    let text = |issue: &Value, key: &str| issue[key].as_str().unwrap_or_default().to_owned();
    let list = list.as_array().into_iter().flatten();
    list.map(|issue| Issue { path: text(issue, "path"), message: text(issue, "message") }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::frame::Frame;

    fn named(response: &Value) -> RequestError {
        let Frame::Response { result: Err(refusal), .. } = Frame::decode(&response.to_string()) else {
            panic!("no refusal: {response}")
        };
        RequestError::of_refusal(refusal, "x.y")
    }

    fn file(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_recorded_refusal_of_a_request_has_its_name() {
        let one = file(include_str!("../tests/recorded/pairing-1.json"));
        let two = file(include_str!("../tests/recorded/pairing-2.json"));
        let old = file(include_str!("../tests/recorded/old-2026.4.26.json"));
        let missing = "operator.pairing".to_owned();
        let expected = RequestError::MissingScope { required: vec![missing.clone()], missing };
        assert_eq!(named(&one["B_list_with_read"]), expected);
        let error = json!({ "code": "INVALID_REQUEST", "message": "missing scope: operator.pairing" });
        assert_eq!(named(&json!({ "type": "res", "id": "1", "ok": false, "error": error })), expected, "2026.4.26");
        for case in ["reject_unknown", "approve_unknown", "approve_superseded"] {
            assert_eq!(named(&two[case]), RequestError::UnknownRequest, "{case}");
        }
        assert_eq!(named(&two["remove_unknown"]), RequestError::UnknownDevice);
        for case in ["E_remove_other", "rotate_unknown", "rotate_badrole", "rotate_scope_beyond"] {
            assert!(matches!(named(&two[case]), RequestError::Denied { .. }), "{case}");
        }
        assert!(matches!(named(&two["approve_badparams"]), RequestError::Refused(_)));
        assert_eq!(named(&old["rename"]), RequestError::Unsupported { method: "x.y".into() });
        let limit = &file(include_str!("../tests/recorded/restart.json"))["rate_limit"]["err"];
        let limited = named(&json!({ "type": "res", "id": "1", "ok": false, "error": limit }));
        assert_eq!(limited, RequestError::RateLimited { retry_after: Duration::from_millis(58_928) });
    }

    #[test]
    fn what_is_wrong_with_a_configuration_is_kept() {
        let refused = |message: &str, details: Value| {
            named(
                &json!({ "type": "res", "id": "1", "ok": false, "error": { "code": "INVALID_REQUEST", "message": message, "details": details } }),
            )
        };
        assert_eq!(
            refused("config changed since last load; re-run config.get and retry", Value::Null),
            RequestError::StaleConfig
        );
        let invalid = refused(
            "invalid config: x",
            json!({ "issues": [{ "path": "gateway.port", "message": "expected number" }] }),
        );
        let RequestError::InvalidConfig { issues, .. } = invalid else { panic!("{invalid:?}") };
        assert_eq!(issues, [Issue { path: "gateway.port".into(), message: "expected number".into() }]);
    }
}
