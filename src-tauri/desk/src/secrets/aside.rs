//! Secrets that a repair puts aside, and puts back where the person undoes it. One of each kind is kept, the newest.

use sha2::{Digest, Sha256};

use super::{Secret, SecretName, Secrets, SecretsError};

/// What can be put aside, and where it lies then.
const PLACES: [(SecretName, SecretName); 2] = [
    (SecretName::OpenClawIdentity, SecretName::IdentityAside),
    (SecretName::OpenClawDeviceToken, SecretName::DeviceTokenAside),
];

/// Puts it aside, over one of an earlier repair. Gives what names it, which is no secret; `None`: there was none.
pub(super) fn put_aside(place: &dyn Secrets, name: SecretName) -> Result<Option<String>, SecretsError> {
    let Some((from, to)) = PLACES.into_iter().find(|(from, _)| *from == name) else { return Ok(None) };
    let Some(secret) = place.get(from)? else { return Ok(None) };
    move_to(place, &secret, from, to)?;
    Ok(Some(named(to, &secret)))
}

/// Puts back what this name stands for, over what is there now. `false`: it is not there any more.
pub(super) fn put_back(place: &dyn Secrets, called: &str) -> Result<bool, SecretsError> {
    for (to, from) in PLACES {
        if let Some(secret) = place.get(from)?.filter(|secret| named(from, secret) == called) {
            move_to(place, &secret, from, to)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// It is read in its new place before it goes from the old one.
fn move_to(place: &dyn Secrets, secret: &Secret, from: SecretName, to: SecretName) -> Result<(), SecretsError> {
    place.set(to, secret)?;
    if place.get(to)?.as_ref() != Some(secret) {
        return Err(SecretsError::NotKept(to));
    }
    place.delete(from)
}

fn named(name: SecretName, secret: &Secret) -> String {
    let digest = Sha256::digest(secret.bytes());
    format!("{}:{}", name.as_str(), data_encoding::HEXLOWER.encode(&digest[..4]))
}

#[cfg(test)]
mod tests {
    use super::super::tests::memory::Memory;
    use super::*;

    #[test]
    fn what_was_put_aside_comes_back_and_what_was_replaced_since_does_not() {
        let place = Memory::default();
        let (name, aside) = (SecretName::OpenClawDeviceToken, SecretName::DeviceTokenAside);
        assert_eq!(put_aside(&place, name).unwrap(), None);
        place.set(name, &Secret::new(b"first".to_vec())).unwrap();
        let first = put_aside(&place, name).unwrap().unwrap();
        assert!(!first.contains("first") && place.kept(name).is_none());
        place.set(name, &Secret::new(b"second".to_vec())).unwrap();
        let second = put_aside(&place, name).unwrap().unwrap();
        assert!(!put_back(&place, &first).unwrap(), "a later repair needed its place");
        assert!(put_back(&place, &second).unwrap());
        assert_eq!(place.kept(name), Some(Secret::new(b"second".to_vec())));
        assert_eq!(place.kept(aside), None);
        assert!(!put_back(&place, &second).unwrap());
    }
}
