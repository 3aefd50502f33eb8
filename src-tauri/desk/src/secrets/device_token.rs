//! The token that an OpenClaw gateway gave this app. It is worth something at that gateway alone, so its address is kept with it.

use gateway::Token;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{Secret, SecretName, Secrets, SecretsError};

/// How it is kept.
#[derive(Serialize, Deserialize, Zeroize)]
#[zeroize(drop)]
struct Kept {
    /// `ws://HOST:PORT/`.
    url: String,
    token: String,
}

/// The one of this gateway. One that cannot be read is none: the gateway gives another.
pub(super) fn get(place: &dyn Secrets, url: &str) -> Result<Option<Token>, SecretsError> {
    let Some(kept) = place.get(SecretName::OpenClawDeviceToken)? else { return Ok(None) };
    let Ok(kept) = serde_json::from_slice::<Kept>(kept.bytes()) else {
        tracing::warn!("the gateway's device token was not readable; it gives another");
        return Ok(None);
    };
    Ok((kept.url == url).then(|| Token::new(kept.token.clone())))
}

/// Keeps it over the one before; `None`: forgets the one of this gateway.
pub(super) fn keep(place: &dyn Secrets, url: &str, token: Option<&Token>) -> Result<(), SecretsError> {
    let name = SecretName::OpenClawDeviceToken;
    match token {
        Some(token) => {
            let kept = Kept { url: url.to_owned(), token: token.reveal().to_owned() };
            let bytes = serde_json::to_vec(&kept).map_err(|_| SecretsError::Damaged(name))?;
            place.set(name, &Secret::new(bytes))
        }
        None if get(place, url)?.is_some() => place.delete(name),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::memory::Memory;
    use super::*;

    #[test]
    fn a_token_is_of_one_gateway() {
        let place = Memory::default();
        keep(&place, "ws://a/", Some(&Token::new("secret".into()))).unwrap();
        assert_eq!(get(&place, "ws://a/").unwrap().unwrap().reveal(), "secret");
        assert_eq!(get(&place, "ws://b/").unwrap(), None);
        keep(&place, "ws://b/", None).unwrap();
        assert!(get(&place, "ws://a/").unwrap().is_some(), "the one of another gateway is not forgotten");
        keep(&place, "ws://a/", None).unwrap();
        assert_eq!(get(&place, "ws://a/").unwrap(), None);
    }

    #[test]
    fn one_that_is_damaged_is_none() {
        let place = Memory::default();
        place.set(SecretName::OpenClawDeviceToken, &Secret::new(b"{".to_vec())).unwrap();
        assert_eq!(get(&place, "ws://a/").unwrap(), None);
    }
}
