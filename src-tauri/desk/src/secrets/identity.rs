//! The key by which OpenClaw knows this app.

use gateway::Identity;
use zeroize::Zeroizing;

use super::{Secret, SecretName, Secrets, SecretsError};

/// The one that the place keeps; a new one where it keeps none. One that cannot be read is never replaced.
pub(super) fn get_or_create(place: &dyn Secrets) -> Result<Identity, SecretsError> {
    let name = SecretName::OpenClawIdentity;
    if let Some(kept) = place.get(name)? {
        return of(&kept).ok_or(SecretsError::Damaged(name));
    }
    let mut seed = Zeroizing::new([0; Identity::SEED_BYTES]);
    getrandom::fill(seed.as_mut_slice()).map_err(SecretsError::Randomness)?;
    let seed = Secret::new(seed.to_vec());
    place.set(name, &seed)?;
    // OpenClaw would know a key that is gone after the next start.
    if place.get(name)?.as_ref() != Some(&seed) {
        return Err(SecretsError::NotKept(name));
    }
    of(&seed).ok_or(SecretsError::Damaged(name))
}

fn of(seed: &Secret) -> Option<Identity> {
    let seed = Zeroizing::new(<[u8; Identity::SEED_BYTES]>::try_from(seed.bytes()).ok()?);
    Some(Identity::from_seed(&seed))
}

#[cfg(test)]
mod tests {
    use super::super::tests::memory::Memory;
    use super::*;

    #[test]
    fn it_is_made_once() {
        let place = Memory::default();
        let first = get_or_create(&place).unwrap();
        assert_eq!(get_or_create(&place).unwrap().device_id(), first.device_id());
        let other = get_or_create(&Memory::default()).unwrap();
        assert_ne!(other.device_id(), first.device_id());
    }

    #[test]
    fn its_device_id_is_the_one_that_openclaw_counts() {
        // The vector of RFC 8032, 7.1, test 1; the digest is of its public key.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let seed: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&seed[2 * at..2 * at + 2], 16).unwrap()).collect();
        let identity = of(&Secret::new(seed)).unwrap();
        assert_eq!(identity.device_id(), "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9");
        assert!(!format!("{identity:?}").contains("9d61"), "{identity:?}");
    }

    #[test]
    fn a_damaged_one_is_not_replaced() {
        let place = Memory::default();
        place.set(SecretName::OpenClawIdentity, &Secret::new(vec![1; 31])).unwrap();
        let error = get_or_create(&place).unwrap_err();
        assert!(matches!(error, SecretsError::Damaged(SecretName::OpenClawIdentity)), "{error:?}");
        assert_eq!(place.kept(SecretName::OpenClawIdentity), Some(Secret::new(vec![1; 31])));
    }

    #[test]
    fn one_that_is_not_kept_is_not_used() {
        let place = Memory::default();
        place.forget_writes();
        assert!(matches!(get_or_create(&place), Err(SecretsError::NotKept(_))));
    }
}
