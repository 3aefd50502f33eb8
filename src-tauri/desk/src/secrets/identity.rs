//! The key by which OpenClaw knows this app.

use std::fmt::{self, Write as _};

use ed25519_dalek::{SECRET_KEY_LENGTH, SigningKey};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Secret, SecretName, Secrets, SecretsError};

/// An Ed25519 key, made once and kept.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
}

impl Identity {
    /// Signs.
    pub fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// The id of this device in OpenClaw: SHA-256 of the public key as 64 lowercase hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(self.key.verifying_key().as_bytes()).iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The one that the place keeps; a new one where it keeps none. One that cannot be read is never replaced.
    pub(super) fn get_or_create(place: &dyn Secrets) -> Result<Self, SecretsError> {
        let name = SecretName::OpenClawIdentity;
        if let Some(kept) = place.get(name)? {
            return Self::of(&kept).ok_or(SecretsError::Damaged(name));
        }
        let mut seed = Zeroizing::new([0; SECRET_KEY_LENGTH]);
        getrandom::fill(seed.as_mut_slice()).map_err(SecretsError::Randomness)?;
        let seed = Secret::new(seed.to_vec());
        place.set(name, &seed)?;
        // OpenClaw would know a key that is gone after the next start.
        if place.get(name)?.as_ref() != Some(&seed) {
            return Err(SecretsError::NotKept(name));
        }
        Self::of(&seed).ok_or(SecretsError::Damaged(name))
    }

    fn of(seed: &Secret) -> Option<Self> {
        let seed = Zeroizing::new(<[u8; SECRET_KEY_LENGTH]>::try_from(seed.bytes()).ok()?);
        Some(Self { key: SigningKey::from_bytes(&seed) })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::memory::Memory;
    use super::*;

    #[test]
    fn it_is_made_once() {
        let place = Memory::default();
        let first = Identity::get_or_create(&place).unwrap();
        assert_eq!(Identity::get_or_create(&place).unwrap().fingerprint(), first.fingerprint());
        let other = Identity::get_or_create(&Memory::default()).unwrap();
        assert_ne!(other.fingerprint(), first.fingerprint());
    }

    #[test]
    fn its_fingerprint_is_the_id_that_openclaw_counts() {
        // The vector of RFC 8032, 7.1, test 1; the digest is of its public key.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap()).collect();
        let identity = Identity::of(&Secret::new(seed)).unwrap();
        assert_eq!(identity.fingerprint(), "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9");
        assert!(!format!("{identity:?}").contains("9d61"), "{identity:?}");
    }

    #[test]
    fn a_damaged_one_is_not_replaced() {
        let place = Memory::default();
        place.set(SecretName::OpenClawIdentity, &Secret::new(vec![1; 31])).unwrap();
        let error = Identity::get_or_create(&place).unwrap_err();
        assert!(matches!(error, SecretsError::Damaged(SecretName::OpenClawIdentity)), "{error:?}");
        assert_eq!(place.kept(SecretName::OpenClawIdentity), Some(Secret::new(vec![1; 31])));
    }

    #[test]
    fn one_that_is_not_kept_is_not_used() {
        let place = Memory::default();
        place.forget_writes();
        assert!(matches!(Identity::get_or_create(&place), Err(SecretsError::NotKept(_))));
    }
}
