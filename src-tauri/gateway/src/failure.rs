//! Why there is no connection: one name for each answer that a gateway, or whatever listens in its place, gives.

mod refusal;

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::address::Fingerprint;
use crate::close::Close;

/// Where a connection stood when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// TCP.
    Reach,
    /// TLS.
    Encrypt,
    /// HTTP to WebSocket.
    Upgrade,
    /// Waiting for `connect.challenge`.
    Challenge,
    /// Waiting for the answer to `connect`.
    Hello,
}

/// Why a connection did not come about.
///
/// No field holds a secret: what a gateway said stands as it was said, what was sent to it does not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFailure {
    /// The computer answers, nobody listens on the port.
    #[error("nobody listens there")]
    NobodyListens,
    /// The computer cannot be reached.
    #[error("the computer cannot be reached ({0})")]
    Unreachable(io::ErrorKind),
    /// The name stands for no address.
    #[error("the name is not known")]
    NoSuchHost,
    /// Plain `ws:` to a public address. Nothing was sent.
    #[error("{0} is a public address: it needs wss")]
    PlainAndPublic(IpAddr),
    /// The shared secret was to go there, and what proved that it is safe is too old or about another place. Nothing was sent.
    #[error("nobody proved whose gateway it is")]
    NotProven,
    /// No answer in time.
    #[error("no answer in time ({0:?})")]
    TimedOut(Step),
    /// The connection broke without a word.
    #[error("the connection broke ({0:?})")]
    Broken(Step),
    /// The certificate.
    #[error("the certificate is not trusted ({0:?})")]
    Certificate(CertificateTrouble),
    /// Somebody answers who is no OpenClaw gateway. Nothing secret was sent.
    #[error("not an OpenClaw gateway ({0:?})")]
    NotAGateway(Stranger),
    /// HTTP 503 in place of the WebSocket: the gateway is stopping.
    #[error("the gateway is stopping")]
    Stopping,
    /// `UNAVAILABLE`: the gateway is starting.
    #[error("the gateway is starting")]
    Starting {
        /// Least wait before the next try.
        retry_after: Option<Duration>,
    },
    /// Closed without an answer to `connect`.
    #[error("closed ({0:?})")]
    Closed(Close),
    /// It speaks other protocols, see [`OLDEST_PROTOCOL`](crate::OLDEST_PROTOCOL) and [`NEWEST_PROTOCOL`](crate::NEWEST_PROTOCOL).
    #[error("the gateway speaks protocol {expected:?}")]
    ProtocolMismatch {
        /// What it speaks.
        expected: Option<u32>,
    },
    /// It wants the shared token, and got none.
    #[error("the gateway wants its token")]
    TokenMissing,
    /// The shared token is not this gateway's: the token is out of date, or it is another gateway.
    #[error("the token is not this gateway's")]
    TokenMismatch {
        /// Whether it would take a device token beside the wrong one.
        device_token_may_help: bool,
    },
    /// It wants a token, and none is configured there.
    #[error("the gateway has no token")]
    TokenNotConfigured,
    /// It wants the password, and got none.
    #[error("the gateway wants its password")]
    PasswordMissing,
    /// The password is not this gateway's.
    #[error("the password is not this gateway's")]
    PasswordMismatch,
    /// It wants a password, and none is configured there.
    #[error("the gateway has no password")]
    PasswordNotConfigured,
    /// The device token is not valid: replaced, taken back, removed with its device, or another gateway's.
    #[error("the device token is not valid")]
    DeviceTokenMismatch,
    /// The device token is good, for fewer scopes than were asked for.
    #[error("the device token is for fewer scopes")]
    ScopeMismatch,
    /// Too many wrong tries.
    #[error("too many wrong tries")]
    RateLimited {
        /// Least wait before the next try.
        retry_after: Option<Duration>,
    },
    /// Somebody must approve the device.
    #[error("pairing required ({:?})", .0.reason)]
    PairingRequired(Box<Pairing>),
    /// It takes nobody without a device identity.
    #[error("the gateway wants a device identity")]
    IdentityRequired,
    /// The signature.
    #[error("the gateway does not take the signature ({0:?})")]
    Signature(SignatureTrouble),
    /// It did not understand `connect`: it is much older or newer, or this is a bug.
    #[error("the gateway did not understand: {message}")]
    Misunderstood {
        /// In the gateway's words.
        message: String,
    },
    /// Another refusal.
    #[error("refused: {message} ({code}, {detail:?})")]
    Refused {
        /// `error.code`.
        code: String,
        /// `error.details.code`.
        detail: Option<String>,
        /// In the gateway's words.
        message: String,
    },
}

/// What is wrong with a certificate. The peer was told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertificateTrouble {
    /// It is another one than the one that is pinned.
    Other {
        /// The one that was shown.
        seen: Fingerprint,
    },
    /// Its time is over, or this computer's clock is ahead.
    Expired,
    /// Its time has not come, or this computer's clock is behind.
    NotYetValid,
    /// It is for another name.
    OtherName,
    /// The system does not trust the one who signed it.
    NotTrusted,
    /// There is no TLS, or it cannot be agreed on.
    NoTls,
}

/// Who answers in place of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stranger {
    /// An HTTP server that makes no WebSocket of it.
    Http {
        /// Status.
        status: u16,
    },
    /// An HTTP server that points elsewhere. Nobody follows.
    Redirect {
        /// `Location`.
        location: String,
    },
    /// Something that is not HTTP.
    NotHttp,
    /// A WebSocket that says something else.
    OtherWebSocket,
}

/// What a gateway does not take about a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureTrouble {
    /// It does not fit key and text: the key on record is another one, or this is a bug.
    Invalid,
    /// It was signed more than two minutes away from the gateway's clock.
    Expired,
    /// It is for another challenge.
    Nonce,
    /// The device id is not that of the key.
    DeviceId,
    /// Another reason.
    Other,
}

/// Why a pairing is required.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PairingReason {
    /// The device is not known.
    NotPaired,
    /// It asks for a role that it does not have.
    RoleUpgrade,
    /// It asks for more scopes than it has.
    ScopeUpgrade,
    /// It says other things about itself than when it was approved.
    MetadataUpgrade,
    /// A reason that this version does not know, or none.
    Other(String),
}

impl PairingReason {
    fn of(reason: &str) -> Self {
        match reason {
            "not-paired" => Self::NotPaired,
            "role-upgrade" => Self::RoleUpgrade,
            "scope-upgrade" => Self::ScopeUpgrade,
            "metadata-upgrade" => Self::MetadataUpgrade,
            _ => Self::Other(reason.to_owned()),
        }
    }
}

/// What `PAIRING_REQUIRED` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// Why.
    pub reason: PairingReason,
    /// The request that waits for an approval. The same device with the same role and scopes keeps it.
    pub request_id: Option<RequestId>,
    /// The device, as the gateway sees it.
    pub device_id: Option<String>,
    /// What it asks for.
    pub requested_role: Option<String>,
    /// What it asks for.
    pub requested_scopes: Vec<String>,
    /// What it has.
    pub approved_roles: Vec<String>,
    /// What it has.
    pub approved_scopes: Vec<String>,
}

/// `requestId`: a letter or digit, then at most 127 of them and of `._:-`. It can stand in a command line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let known = |letter: char| letter.is_ascii_alphanumeric() || "._:-".contains(letter);
        let fits = text.len() <= 128
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.chars().all(known);
        fits.then(|| Self(text.to_owned()))
    }

    /// As OpenClaw writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a request id"))
    }
}

impl ConnectFailure {
    /// Whether somebody must approve this device.
    pub fn needs_pairing(&self) -> bool {
        matches!(self, Self::PairingRequired(_))
    }

    /// The request that must be approved.
    pub fn request_id(&self) -> Option<&RequestId> {
        if let Self::PairingRequired(pairing) = self { pairing.request_id.as_ref() } else { None }
    }

    /// Whether the gateway's shared token or password is needed, or another one than was given. See [`Self::may_be_wrong_instance`] first.
    pub fn needs_token(&self) -> bool {
        matches!(self, Self::TokenMissing | Self::TokenMismatch { .. } | Self::PasswordMissing | Self::PasswordMismatch)
    }

    /// Whether the gateway must be given a token or password of its own.
    pub fn needs_configuration(&self) -> bool {
        matches!(self, Self::TokenNotConfigured | Self::PasswordNotConfigured)
    }

    /// Whether the kept device token is worth nothing - at this gateway. See [`Self::may_be_wrong_instance`] first.
    pub fn is_stale_device_token(&self) -> bool {
        matches!(self, Self::DeviceTokenMismatch)
    }

    /// Whether a clock is off.
    pub fn is_wrong_clock(&self) -> bool {
        matches!(
            self,
            Self::Signature(SignatureTrouble::Expired)
                | Self::Certificate(CertificateTrouble::Expired | CertificateTrouble::NotYetValid)
        )
    }

    /// Whether another gateway, or another program, on the port would say the same.
    pub fn may_be_wrong_instance(&self) -> bool {
        match self {
            Self::TokenMismatch { .. } | Self::PasswordMismatch | Self::DeviceTokenMismatch | Self::NotAGateway(_) => {
                true
            }
            Self::PairingRequired(pairing) => pairing.reason == PairingReason::NotPaired,
            Self::Certificate(trouble) => {
                matches!(trouble, CertificateTrouble::Other { .. } | CertificateTrouble::NoTls)
            }
            Self::NobodyListens
            | Self::Unreachable(_)
            | Self::NoSuchHost
            | Self::PlainAndPublic(_)
            | Self::NotProven
            | Self::TimedOut(_)
            | Self::Broken(_)
            | Self::Stopping
            | Self::Starting { .. }
            | Self::Closed(_)
            | Self::ProtocolMismatch { .. }
            | Self::TokenMissing
            | Self::TokenNotConfigured
            | Self::PasswordMissing
            | Self::PasswordNotConfigured
            | Self::ScopeMismatch
            | Self::RateLimited { .. }
            | Self::IdentityRequired
            | Self::Signature(_)
            | Self::Misunderstood { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Whether one of the two must be updated.
    pub fn is_protocol_mismatch(&self) -> bool {
        matches!(self, Self::ProtocolMismatch { .. } | Self::Closed(Close::Protocol))
    }

    /// Whether the same again may do better in a while, without anybody's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NobodyListens
            | Self::Unreachable(_)
            | Self::NoSuchHost
            | Self::NotProven
            | Self::TimedOut(_)
            | Self::Broken(_)
            | Self::Stopping
            | Self::Starting { .. }
            | Self::RateLimited { .. } => true,
            Self::Closed(close) => close.is_temporary(),
            Self::PlainAndPublic(_)
            | Self::Certificate(_)
            | Self::NotAGateway(_)
            | Self::ProtocolMismatch { .. }
            | Self::TokenMissing
            | Self::TokenMismatch { .. }
            | Self::TokenNotConfigured
            | Self::PasswordMissing
            | Self::PasswordMismatch
            | Self::PasswordNotConfigured
            | Self::DeviceTokenMismatch
            | Self::ScopeMismatch
            | Self::PairingRequired(_)
            | Self::IdentityRequired
            | Self::Signature(_)
            | Self::Misunderstood { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// Least wait that the gateway asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::Starting { retry_after } | Self::RateLimited { retry_after } = self { *retry_after } else { None }
    }
}
