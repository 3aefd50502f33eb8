//! The token or password of the gateway of another computer that the person chose. It goes nowhere else, so its address and certificate are kept with it.

use gateway::{Shared, Token};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{Secret, SecretName, Secrets, SecretsError};
use crate::settings::OtherGateway;

/// How it is kept.
#[derive(Serialize, Deserialize, Zeroize)]
#[serde(rename_all = "camelCase")]
#[zeroize(drop)]
struct Kept {
    url: String,
    tls_fingerprint: Option<String>,
    is_password: bool,
    secret: String,
}

/// The one for this gateway and this certificate; `None`: there is none.
pub(super) fn get(place: &dyn Secrets, gateway: &OtherGateway) -> Result<Option<Shared>, SecretsError> {
    let name = SecretName::OpenClawElsewhere;
    let Some(kept) = place.get(name)? else { return Ok(None) };
    let kept: Kept = serde_json::from_slice(kept.bytes()).map_err(|_| SecretsError::Damaged(name))?;
    if (&kept.url, &kept.tls_fingerprint) != (&gateway.url, &gateway.tls_fingerprint) {
        return Ok(None);
    }
    let secret = Token::new(kept.secret.clone());
    Ok(Some(if kept.is_password { Shared::Password(secret) } else { Shared::Token(secret) }))
}

/// Keeps it over the one before; `None`: keeps none.
pub(super) fn keep(place: &dyn Secrets, kept: Option<(&OtherGateway, &Shared)>) -> Result<(), SecretsError> {
    let name = SecretName::OpenClawElsewhere;
    let Some((gateway, shared)) = kept else { return place.delete(name) };
    let (is_password, secret) = match shared {
        Shared::Token(secret) => (false, secret),
        Shared::Password(secret) => (true, secret),
    };
    let OtherGateway { url, tls_fingerprint } = gateway.clone();
    let kept = Kept { url, tls_fingerprint, is_password, secret: secret.reveal().to_owned() };
    let bytes = serde_json::to_vec(&kept).map_err(|_| SecretsError::Damaged(name))?;
    place.set(name, &Secret::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::super::tests::memory::Memory;
    use super::*;

    #[test]
    fn a_secret_is_of_one_address_and_one_certificate() {
        let place = Memory::default();
        let gateway = |url: &str, pin: Option<&str>| OtherGateway {
            url: url.to_owned(),
            tls_fingerprint: pin.map(str::to_owned),
        };
        let chosen = gateway("wss://a/", Some("AB"));
        let shared = Shared::Password(Token::new("secret".into()));
        keep(&place, Some((&chosen, &shared))).unwrap();
        assert_eq!(get(&place, &chosen).unwrap(), Some(shared));
        for other in [gateway("wss://b/", Some("AB")), gateway("wss://a/", Some("CD")), gateway("wss://a/", None)] {
            assert_eq!(get(&place, &other).unwrap(), None, "{other:?}");
        }
        keep(&place, None).unwrap();
        assert_eq!(get(&place, &chosen).unwrap(), None);
        place.set(SecretName::OpenClawElsewhere, &Secret::new(b"{".to_vec())).unwrap();
        assert!(matches!(get(&place, &chosen), Err(SecretsError::Damaged(_))));
    }
}
