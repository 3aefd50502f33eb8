//! What is on the wire: JSON in text frames. Fields that this version does not know are ignored.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::token::Token;

/// Oldest protocol that this client speaks: OpenClaw 2026.4.
pub const OLDEST_PROTOCOL: u32 = 3;
/// Newest protocol that this client speaks.
pub const NEWEST_PROTOCOL: u32 = 4;
/// Most bytes of the first frame: a gateway closes on more.
pub(crate) const MOST_BEFORE_HELLO: usize = 64 << 10;
/// Most bytes of a frame after that, in both directions.
pub(crate) const MOST_BYTES: usize = 25 << 20;

/// Anything that a gateway sends.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Event {
        name: String,
        payload: Value,
    },
    Response {
        id: String,
        result: Result<Value, Refusal>,
    },
    /// JSON of another kind, or none.
    Odd,
}

impl Frame {
    pub(crate) fn decode(text: &str) -> Self {
        let Ok(Value::Object(mut frame)) = serde_json::from_str(text) else { return Self::Odd };
        let mut take = |key: &str| frame.remove(key).unwrap_or(Value::Null);
        match (take("type"), take("event"), take("id"), take("ok")) {
            (Value::String(kind), Value::String(name), _, _) if kind == "event" => {
                Self::Event { name, payload: take("payload") }
            }
            (Value::String(kind), _, Value::String(id), Value::Bool(ok)) if kind == "res" => {
                let result = if ok { Ok(take("payload")) } else { Err(Refusal::read(&take("error"))) };
                Self::Response { id, result }
            }
            _ => Self::Odd,
        }
    }
}

/// The `error` of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// `code`, for example `INVALID_REQUEST`.
    pub code: String,
    /// `message`, in English, for a log.
    pub message: String,
    /// `details`.
    pub details: Value,
    /// `retryable`.
    pub retryable: bool,
    /// `retryAfterMs`.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// Whatever a gateway sends as an error is one.
    fn read(error: &Value) -> Self {
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        Self {
            code: text("code"),
            message: text("message"),
            details: error["details"].clone(),
            retryable: error["retryable"] == true,
            retry_after: error["retryAfterMs"].as_u64().map(Duration::from_millis),
        }
    }

    /// `details.code`: what OpenClaw's own clients decide by.
    pub fn detail(&self) -> Option<&str> {
        self.details["code"].as_str()
    }
}

/// A request. `params` may hold a secret: it is not printed.
#[derive(Serialize)]
pub(crate) struct Request<'a, P> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    method: &'a str,
    params: P,
}

impl<'a, P: Serialize> Request<'a, P> {
    pub(crate) fn new(id: &'a str, method: &'a str, params: P) -> Self {
        Self { kind: "req", id, method, params }
    }
}

/// `connect.challenge`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Challenge {
    pub(crate) nonce: String,
    /// The gateway's clock, milliseconds since 1970.
    pub(crate) ts: Option<u64>,
}

/// The parameters of `connect`. The gateway refuses a property that it does not know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connect<'a> {
    pub(crate) min_protocol: u32,
    pub(crate) max_protocol: u32,
    pub(crate) client: ClientInfo<'a>,
    pub(crate) role: &'static str,
    pub(crate) scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) auth: Option<AuthFields<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<DeviceFields<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientInfo<'a> {
    pub(crate) id: &'static str,
    pub(crate) display_name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) platform: &'static str,
    pub(crate) mode: &'static str,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceFields<'a> {
    pub(crate) id: &'a str,
    pub(crate) public_key: String,
    pub(crate) signature: String,
    pub(crate) signed_at: u64,
    pub(crate) nonce: &'a str,
}

/// `hello-ok`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) server: ServerInfo,
    #[serde(default)]
    pub(crate) features: Features,
    pub(crate) auth: Granted,
    #[serde(default)]
    pub(crate) snapshot: Snapshot,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerInfo {
    pub(crate) version: String,
    pub(crate) boot_id: Option<String>,
    pub(crate) conn_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Features {
    #[serde(default)]
    pub(crate) methods: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Granted {
    pub(crate) method: Option<String>,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    pub(crate) device_token: Option<Token>,
}

/// Part of `snapshot`. The paths are told to `operator.admin` alone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    pub(crate) config_path: Option<String>,
    pub(crate) state_dir: Option<String>,
    pub(crate) auth_mode: Option<String>,
    pub(crate) session_defaults: Option<SessionDefaults>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionDefaults {
    pub(crate) model_configured: Option<bool>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let event = json!({ "type": "event", "event": "tick", "payload": { "ts": 1 }, "seq": 4, "new": [] });
        assert_eq!(
            Frame::decode(&event.to_string()),
            Frame::Event { name: "tick".into(), payload: json!({ "ts": 1 }) }
        );
        let ok = json!({ "type": "res", "id": "7", "ok": true });
        assert_eq!(Frame::decode(&ok.to_string()), Frame::Response { id: "7".into(), result: Ok(Value::Null) });
        let refused = json!({ "type": "res", "id": "7", "ok": false, "error": { "code": "UNAVAILABLE", "retryAfterMs": 500, "retryable": true } });
        let Frame::Response { result: Err(refusal), .. } = Frame::decode(&refused.to_string()) else { panic!() };
        assert_eq!((refusal.code.as_str(), refusal.retryable), ("UNAVAILABLE", true));
        assert_eq!(refusal.retry_after, Some(Duration::from_millis(500)));
        for odd in ["", "{", "null", "[]", "{}", r#"{"type":"res","id":7,"ok":true}"#, r#"{"type":"event"}"#] {
            assert_eq!(Frame::decode(odd), Frame::Odd, "{odd}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn no_text_is_too_odd(text in r#"[\[\]{}:,"a-z0-9\\. -]{0,64}"#) {
            let _ = Frame::decode(&text);
        }
    }
}
