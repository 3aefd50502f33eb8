//! Where the keys for OpenClaw are kept: the system's keyring, or a file where the person chose that.
//!
//! A keyring may be locked, missing or half set up, and a call to it may wait for a person for ever: [`Vault`] gives every call a deadline and a thread that can
//! be left behind. The service never waits for any of this; its own keys are files (see `channel::keys`).
//!
//! Invariants:
//! - a secret goes to a file only where the person chose the file;
//! - nothing is removed from one place before it was read from the other;
//! - no secret is in a log, an error or a `Debug` output.
//!
//! Read first: `vault.rs`.

mod aside;
mod contract;
mod device_token;
mod elsewhere;
mod file;
mod identity;
mod keyring;
mod vault;

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::failure::{Failure, FailureCode};
use crate::redact;
use crate::view::KeyringTrouble;

pub use contract::check_contract;
pub use file::SecretFiles;
pub use gateway::Identity;
pub use keyring::Keyring;
pub use vault::Vault;

/// Bytes that nobody prints, wiped when they are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Most bytes of a secret: the limit of the Windows Credential Manager is 2,560.
    pub const MOST_BYTES: usize = 2_048;

    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        // Probes of the keyring come and go as well.
        redact::here().learn_passing(&bytes);
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// What a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretName {
    /// The key by which OpenClaw knows this app: the seed of an Ed25519 key, 32 bytes.
    OpenClawIdentity,
    /// The token that the OpenClaw gateway gave this app, and where: see `device_token.rs`.
    OpenClawDeviceToken,
    /// The token or password of the gateway of another computer, and where: see `elsewhere.rs`.
    OpenClawElsewhere,
    /// A key that a repair put aside.
    IdentityAside,
    /// A device token that a repair put aside.
    DeviceTokenAside,
    /// Nothing: written, read and removed to see whether the place works.
    Probe,
}

impl SecretName {
    /// Those that are kept, and moved from one place to another.
    pub const KEPT: [Self; 5] = [
        Self::OpenClawIdentity,
        Self::OpenClawDeviceToken,
        Self::OpenClawElsewhere,
        Self::IdentityAside,
        Self::DeviceTokenAside,
    ];

    /// The name in the place.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenClawIdentity => "openclaw-identity",
            Self::OpenClawDeviceToken => "openclaw-device-token",
            Self::OpenClawElsewhere => "openclaw-elsewhere",
            Self::IdentityAside => "openclaw-identity-aside",
            Self::DeviceTokenAside => "openclaw-device-token-aside",
            Self::Probe => "probe",
        }
    }
}

/// A place for secrets. Every call may block: see [`Vault`].
pub trait Secrets: Send + Sync {
    /// Whether it can be used without asking the person for a password.
    ///
    /// # Errors
    /// Why not.
    fn is_ready(&self) -> Result<(), SecretsError>;

    /// Reads one; `None`: it is not there.
    ///
    /// # Errors
    /// See [`SecretsError`].
    fn get(&self, name: SecretName) -> Result<Option<Secret>, SecretsError>;

    /// Writes one, over what is there. At most [`Secret::MOST_BYTES`].
    ///
    /// # Errors
    /// See [`SecretsError`].
    fn set(&self, name: SecretName, secret: &Secret) -> Result<(), SecretsError>;

    /// Removes one, if it is there.
    ///
    /// # Errors
    /// See [`SecretsError`].
    fn delete(&self, name: SecretName) -> Result<(), SecretsError>;
}

/// A place for secrets does not work.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The keyring.
    #[error("the keyring does not work")]
    Keyring {
        /// In which way.
        trouble: KeyringTrouble,
        /// What it said; `None`: nothing, in time.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The files.
    #[error("cannot use {}", path.display())]
    File {
        /// File or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is there is no such secret.
    #[error("{} is damaged", .0.as_str())]
    Damaged(SecretName),
    /// What was written is not what was read.
    #[error("{} was not kept", .0.as_str())]
    NotKept(SecretName),
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    Randomness(#[source] getrandom::Error),
    /// A thread cannot be started, or a bug ended it.
    #[error("the work could not be done")]
    NotDone(#[source] io::Error),
}

impl SecretsError {
    fn trouble(trouble: KeyringTrouble, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Keyring { trouble, source: Some(source.into()) }
    }

    /// What the person is told about the keyring, if it is about the keyring.
    fn keyring_trouble(&self) -> Option<KeyringTrouble> {
        match self {
            Self::Keyring { trouble, .. } => Some(*trouble),
            Self::File { .. } | Self::Damaged(_) | Self::NotKept(_) | Self::Randomness(_) | Self::NotDone(_) => None,
        }
    }
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        let code = match &error {
            SecretsError::Keyring { trouble, .. } => match trouble {
                KeyringTrouble::Locked => FailureCode::KeyringLocked,
                KeyringTrouble::Absent => FailureCode::KeyringAbsent,
                KeyringTrouble::Empty => FailureCode::KeyringEmpty,
                KeyringTrouble::Broken => FailureCode::KeyringBroken,
            },
            SecretsError::File { .. } => FailureCode::SecretsFileUnusable,
            SecretsError::Damaged(_) => FailureCode::SecretDamaged,
            SecretsError::NotKept(_) => FailureCode::KeyringBroken,
            SecretsError::Randomness(_) | SecretsError::NotDone(_) => FailureCode::NotStarted,
        };
        Self::caused(code, &error)
    }
}

#[cfg(test)]
mod tests {
    pub(super) mod memory;

    use super::*;

    #[test]
    fn nobody_prints_a_secret() {
        let secret = Secret::new(b"hunter2".to_vec());
        let told = format!("{secret:?} {:#?}", Some(&secret));
        assert!(!told.contains("hunter2") && !told.contains("104"), "{told}");
        assert_eq!(secret.bytes(), b"hunter2");
    }

    #[test]
    fn every_trouble_has_words_of_its_own() {
        let code = |trouble| Failure::from(SecretsError::Keyring { trouble, source: None }).code;
        assert_eq!(code(KeyringTrouble::Locked), FailureCode::KeyringLocked);
        assert_eq!(code(KeyringTrouble::Absent), FailureCode::KeyringAbsent);
        assert_eq!(code(KeyringTrouble::Empty), FailureCode::KeyringEmpty);
        assert_eq!(code(KeyringTrouble::Broken), FailureCode::KeyringBroken);
    }
}
