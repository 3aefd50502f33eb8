//! What is known about tokens: where each copy of the shared one lives, and what became of an attempt to connect. Plain values; whoever speaks the gateway's
//! protocol fills them in.

mod dashboard;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use specta_typescript::Number;

pub use dashboard::{DashboardRefusal, StaleCredential, dashboard_refusals};

use crate::fingerprint::Fingerprint;
use crate::seen::Seen;
use crate::who::Contradiction;

/// Where a copy of the gateway's shared token lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CopyPlace {
    /// `gateway.auth.token` of the configuration.
    Config {
        /// The file.
        path: PathBuf,
    },
    /// The environment of the running gateway.
    Gateway {
        /// Its process.
        pid: u32,
        /// The variable.
        name: String,
    },
    /// The unit, agent or task that starts the gateway.
    ServiceDefinition {
        /// The file.
        path: PathBuf,
        /// The variable.
        name: String,
    },
    /// The environment of this program.
    Environment {
        /// The variable.
        name: String,
    },
    /// A file with variables that OpenClaw reads: a `.env` file, or `env` of the configuration.
    DotEnv {
        /// The file.
        path: PathBuf,
        /// The variable.
        name: String,
    },
    /// A private file that the configuration refers to.
    SecretFile {
        /// The file.
        path: PathBuf,
    },
    /// OpenClaw's own store of secrets, which the configuration refers to.
    Store {
        /// The entry.
        name: String,
    },
}

/// What a reference in the configuration leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Referred {
    /// A variable of the gateway's environment.
    Variable {
        /// Its name.
        name: String,
    },
    /// A private file.
    File {
        /// It.
        path: PathBuf,
    },
    /// OpenClaw's own store of secrets.
    Store {
        /// The entry.
        name: String,
    },
    /// A program, which only OpenClaw runs.
    Program {
        /// What the configuration calls it.
        provider: String,
    },
    /// What the configuration does not describe, or does not let tell this secret.
    Provider {
        /// What the configuration calls it.
        provider: String,
    },
}

/// What is in that place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CopyValue {
    /// A token.
    Token {
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// A reference to another place: what is there counts, and nothing else does.
    Reference {
        /// That place.
        to: Referred,
        /// Whether a secret was found there.
        found: bool,
    },
    /// Blank, `undefined`, `null` or a placeholder of a redaction: a token was lost here.
    Placeholder,
}

/// One copy of the shared token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct TokenCopy {
    /// Where.
    pub place: CopyPlace,
    /// What.
    pub value: CopyValue,
}

impl TokenCopy {
    /// The token, if there is one.
    pub fn token(&self) -> Option<Fingerprint> {
        match self.value {
            CopyValue::Token { fingerprint } => Some(fingerprint),
            CopyValue::Reference { .. } | CopyValue::Placeholder => None,
        }
    }

    /// The lower, the stronger: the configuration's beats every environment (measured with 2026.9.6), and no file fills in what an environment has.
    fn rank(&self) -> u8 {
        match self.place {
            CopyPlace::Config { .. } | CopyPlace::SecretFile { .. } | CopyPlace::Store { .. } => 0,
            CopyPlace::Gateway { .. } => 1,
            CopyPlace::ServiceDefinition { .. } => 2,
            CopyPlace::Environment { .. } => 3,
            CopyPlace::DotEnv { .. } => 4,
        }
    }

    /// Whether a reference leads here.
    pub fn is_at(&self, to: &Referred) -> bool {
        match (to, &self.place) {
            (
                Referred::Variable { name },
                CopyPlace::Gateway { name: own, .. }
                | CopyPlace::ServiceDefinition { name: own, .. }
                | CopyPlace::Environment { name: own }
                | CopyPlace::DotEnv { name: own, .. },
            ) => name == own,
            (Referred::File { path }, CopyPlace::SecretFile { path: own }) => path == own,
            (Referred::Store { name }, CopyPlace::Store { name: own }) => name == own,
            _ => false,
        }
    }
}

/// Where the configuration refers to, and whether a secret was found there.
pub fn reference(copies: &[TokenCopy]) -> Option<(&Referred, bool)> {
    copies.iter().find_map(|copy| match &copy.value {
        CopyValue::Reference { to, found } => Some((to, *found)),
        CopyValue::Token { .. } | CopyValue::Placeholder => None,
    })
}

/// The copy that the gateway goes by. Where its configuration refers to one place, no other place fills in.
pub fn winner(copies: &[TokenCopy]) -> Option<&TokenCopy> {
    let referred = reference(copies);
    let counts = |copy: &&TokenCopy| copy.token().is_some() && referred.is_none_or(|(to, _)| copy.is_at(to));
    copies.iter().filter(counts).min_by_key(|copy| copy.rank())
}

/// What became of an attempt to connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConnectOutcome {
    /// It was not tried.
    NotTried,
    /// Connected and authenticated.
    Connected {
        /// What the gateway said of itself and the survey says otherwise.
        contradictions: Vec<Contradiction>,
    },
    /// Nobody took the connection.
    NotReached,
    /// It was taken, and nothing was said until the limit.
    Silent,
    /// The gateway is starting.
    Starting,
    /// Whoever answered does not speak the gateway's protocol.
    NotAGateway,
    /// The gateway refused.
    Refused(Refusal),
}

/// Why a gateway refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// `AUTH_TOKEN_MISSING`
    TokenMissing,
    /// `AUTH_TOKEN_MISMATCH`
    TokenMismatch,
    /// `AUTH_DEVICE_TOKEN_MISMATCH`
    DeviceTokenMismatch,
    /// `AUTH_SCOPE_MISMATCH`
    ScopeMismatch,
    /// `DEVICE_AUTH_SIGNATURE_INVALID`, `DEVICE_AUTH_NONCE_MISMATCH`, `DEVICE_AUTH_DEVICE_ID_MISMATCH`
    SignatureInvalid,
    /// `DEVICE_AUTH_SIGNATURE_EXPIRED`
    SignatureExpired,
    /// `PAIRING_REQUIRED`
    PairingRequired {
        /// Why.
        reason: PairingReason,
        /// The request to approve: exactly this one.
        request_id: Option<String>,
    },
    /// `PROTOCOL_MISMATCH`
    Protocol {
        /// The protocol that the gateway speaks.
        expected: Option<u32>,
    },
    /// `AUTH_RATE_LIMITED`
    RateLimited {
        /// It can be tried again after this many ms.
        #[specta(type = Option<Number>)]
        retry_after_ms: Option<u64>,
    },
    /// Another one.
    Unrecognised {
        /// `error.details.code` or `error.code`.
        code: String,
    },
}

/// Why a pairing is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "kebab-case")]
pub enum PairingReason {
    /// `not-paired`
    NotPaired,
    /// `scope-upgrade`
    ScopeUpgrade,
    /// `role-upgrade`
    RoleUpgrade,
    /// `metadata-upgrade`
    MetadataUpgrade,
}

/// A paired device, as the gateway lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Device id.
    pub device_id: String,
    /// `displayName`.
    pub name: Option<String>,
    /// `clientId` and `clientMode`.
    pub client: (String, String),
    /// Whether it is connected.
    pub connected: bool,
}

/// Everything that is known about tokens at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenEvidence {
    /// The last attempt to connect.
    pub outcome: ConnectOutcome,
    /// Our own device id.
    pub device_id: String,
    /// The shared token that was sent with it.
    pub sent: Option<Fingerprint>,
    /// Whether SmartPi keeps a token of its own for this gateway.
    pub has_device_token: bool,
    /// Whether a new signature over the exact frame was refused as well.
    pub signed_anew: bool,
    /// Every copy of the shared token that was found.
    pub copies: Vec<TokenCopy>,
    /// Whether the configuration says how to authenticate. If it does not, a gateway makes a new secret at each start and tells nobody.
    pub auth_configured: Seen<bool>,
    /// By how much this computer's clock is ahead of the gateway's, ms.
    pub clock_ahead_ms: Option<i64>,
    /// The paired devices.
    pub records: Seen<Vec<Record>>,
    /// Browsers that were turned away, from the gateway's log.
    pub dashboards: Vec<DashboardRefusal>,
}
