//! A script that cannot sign, and says a token instead.

use std::time::Duration;

use channel::proof::Chan;

use crate::connection::{ConnectError, Greeted};
use crate::identity::{Binding, Keep};
use crate::trust::{Trust, stays_here};

/// Longest wait for each step.
const STEP: Duration = Duration::from_secs(10);

/// Finds the service that a token is for, and remembers it as the script's own: the first time of a script that [`crate::Identity::from_token`] made.
///
/// What speaks for the service is its certificate, or that it is on this computer. The token itself goes out when the socket is authenticated.
///
/// # Errors
/// See [`ConnectError`]; [`ConnectError::TokenExposed`] before anything is dialled.
pub async fn join(authority: &str, trust: Trust, keep: &mut Keep) -> Result<Greeted, ConnectError> {
    let safe = match trust {
        Trust::Plain => stays_here(authority),
        Trust::Pin(_) | Trust::Certificate(_) => true,
        Trust::ToBeProved => false,
    };
    if !safe {
        return Err(ConnectError::TokenExposed);
    }
    let greeted = Greeted::dial(authority, trust, STEP).await?;
    keep.identity.binding = Some(Binding {
        authority: authority.into(),
        service_key: greeted.hello.spk.clone(),
        service: greeted.hello.name.clone(),
        certificate: match greeted.socket.chan() {
            Chan::Plain => None,
            Chan::Tls(hash) => Some(hash.clone()),
        },
    });
    Ok(greeted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    #[tokio::test]
    async fn a_token_goes_to_nobody_who_is_not_known() {
        let identity = Identity::from_token("spd_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh85zzqm3").unwrap();
        let mut keep = Keep::in_memory(identity);
        for trust in [Trust::Plain, Trust::ToBeProved] {
            let joined = join("192.0.2.1:8765", trust, &mut keep).await;
            assert!(matches!(joined, Err(ConnectError::TokenExposed)), "{joined:?}");
        }
        assert_eq!(keep.identity.binding, None);
    }
}
