//! How two copies of a secret are compared and named without either of them.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first six hex digits of the SHA-256 of a secret: enough to tell copies of a token apart, of no use to whoever reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(#[specta(type = String)] [u8; 3]);

impl Fingerprint {
    /// Of a secret.
    pub fn of(secret: &str) -> Self {
        let digest = Sha256::digest(secret.as_bytes());
        Self([digest[0], digest[1], digest[2]])
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [first, second, third] = self.0;
        write!(formatter, "{first:02x}{second:02x}{third:02x}")
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Fingerprint({self})")
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

/// Not six lowercase hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not six hex digits")]
pub struct NoFingerprint;

impl TryFrom<String> for Fingerprint {
    type Error = NoFingerprint;

    fn try_from(text: String) -> Result<Self, NoFingerprint> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| NoFingerprint)?;
        bytes.try_into().map(Self).map_err(|_| NoFingerprint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_names_a_secret_and_does_not_hold_it() {
        let of = Fingerprint::of("scenario-token");
        assert_eq!(of, Fingerprint::of("scenario-token"));
        assert_ne!(of, Fingerprint::of("scenario-token2"));
        // `printf scenario-token | sha256sum`
        assert_eq!(of.to_string(), "1ecaa2");
        let json = serde_json::to_string(&of).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), of);
        for wrong in ["\"1ecaa\"", "\"1ECAA2\"", "\"1ecaa200\"", "\"\""] {
            assert!(serde_json::from_str::<Fingerprint>(wrong).is_err(), "{wrong}");
        }
    }
}
