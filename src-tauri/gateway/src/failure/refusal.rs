//! From the error of a `connect` to its name.

use serde_json::Value;

use super::{ConnectFailure, Pairing, PairingReason, RequestId, SignatureTrouble};
use crate::close::Close;
use crate::frame::{Frame, Refusal};

impl ConnectFailure {
    /// What the answer to a `connect` means, for one who has the frames themselves: of a recording, or of a connection of his own. `close`:
    /// number and reason of the close frame. `None`: it is no refusal.
    pub fn of_answer(answer: Option<&str>, close: Option<(u16, &str)>) -> Option<Self> {
        let close = close.map(|(code, reason)| Close::of_frame(code, reason));
        match answer.map(Frame::decode) {
            Some(Frame::Response { result: Err(refusal), .. }) => Some(Self::of_refusal(&refusal, close.as_ref())),
            Some(Frame::Response { result: Ok(_), .. }) => None,
            Some(Frame::Event { .. } | Frame::Odd) | None => close.map(Self::Closed),
        }
    }

    /// What the answer to `connect` means; `close`: the end that followed it, if it was seen.
    pub(crate) fn of_refusal(refusal: &Refusal, close: Option<&Close>) -> Self {
        let retry_after = refusal.retry_after;
        match refusal.detail() {
            Some("AUTH_TOKEN_MISSING" | "AUTH_REQUIRED") => Self::TokenMissing,
            Some("AUTH_TOKEN_MISMATCH") => {
                Self::TokenMismatch { device_token_may_help: refusal.details["canRetryWithDeviceToken"] == true }
            }
            Some("AUTH_TOKEN_NOT_CONFIGURED") => Self::TokenNotConfigured,
            Some("AUTH_PASSWORD_MISSING") => Self::PasswordMissing,
            Some("AUTH_PASSWORD_MISMATCH") => Self::PasswordMismatch,
            Some("AUTH_PASSWORD_NOT_CONFIGURED") => Self::PasswordNotConfigured,
            Some("AUTH_DEVICE_TOKEN_MISMATCH") => Self::DeviceTokenMismatch,
            Some("AUTH_SCOPE_MISMATCH") => Self::ScopeMismatch,
            Some("AUTH_RATE_LIMITED") => Self::RateLimited { retry_after },
            Some("PAIRING_REQUIRED") => Self::PairingRequired(Box::new(pairing(&refusal.details))),
            Some("DEVICE_IDENTITY_REQUIRED" | "CONTROL_UI_DEVICE_IDENTITY_REQUIRED") => Self::IdentityRequired,
            Some("DEVICE_AUTH_SIGNATURE_INVALID") => Self::Signature(SignatureTrouble::Invalid),
            Some("DEVICE_AUTH_SIGNATURE_EXPIRED") => Self::Signature(SignatureTrouble::Expired),
            Some("DEVICE_AUTH_NONCE_MISMATCH" | "DEVICE_AUTH_NONCE_REQUIRED") => {
                Self::Signature(SignatureTrouble::Nonce)
            }
            Some("DEVICE_AUTH_DEVICE_ID_MISMATCH") => Self::Signature(SignatureTrouble::DeviceId),
            Some("DEVICE_AUTH_INVALID" | "DEVICE_AUTH_PUBLIC_KEY_INVALID") => Self::Signature(SignatureTrouble::Other),
            Some("PROTOCOL_MISMATCH") => Self::protocol_mismatch(refusal),
            // 2026.4.26 has no code for it.
            None if refusal.details.get("expectedProtocol").is_some() => Self::protocol_mismatch(refusal),
            None if close == Some(&Close::Protocol) => Self::protocol_mismatch(refusal),
            _ if refusal.code == "UNAVAILABLE" && refusal.retryable => Self::Starting { retry_after },
            None if refusal.code == "INVALID_REQUEST" => Self::Misunderstood { message: refusal.message.clone() },
            detail => Self::Refused {
                code: refusal.code.clone(),
                detail: detail.map(str::to_owned),
                message: refusal.message.clone(),
            },
        }
    }

    fn protocol_mismatch(refusal: &Refusal) -> Self {
        let expected = refusal.details["expectedProtocol"].as_u64().and_then(|expected| expected.try_into().ok());
        Self::ProtocolMismatch { expected }
    }
}

fn pairing(details: &Value) -> Pairing {
    let text = |key: &str| details[key].as_str().map(str::to_owned);
    let list = |key: &str| {
        let list = details[key].as_array().into_iter().flatten();
        list.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    Pairing {
        reason: PairingReason::of(details["reason"].as_str().unwrap_or_default()),
        request_id: details["requestId"].as_str().and_then(RequestId::parse),
        device_id: text("deviceId"),
        requested_role: text("requestedRole"),
        requested_scopes: list("requestedScopes"),
        approved_roles: list("approvedRoles"),
        approved_scopes: list("approvedScopes"),
    }
}

#[cfg(test)]
mod tests;
