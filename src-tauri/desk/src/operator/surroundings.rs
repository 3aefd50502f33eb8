//! Where the user's gateway is by its own configuration, and its secret.

use std::path::{Path, PathBuf};

use gateway::config::ConfigError;
use gateway::credentials::{self, FindError, Held};
use gateway::place::Surroundings;
use gateway::{Address, Fingerprint, Shared, Token};

use crate::failure::{Failure, FailureCode};

/// The user's gateway.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Where it listens.
    pub(super) address: Address,
    /// Its secret; `None`: it has none that can be read.
    pub(super) secret: Option<Shared>,
    state_dir: PathBuf,
    config: PathBuf,
}

impl Found {
    /// Where a survey looks for whose it is.
    pub(super) fn survey_place(&self, address: &Address) -> care::survey::Place {
        let temp = [std::env::var_os("TMPDIR").map(PathBuf::from), Some(PathBuf::from("/tmp"))];
        care::survey::Place {
            port: address.port(),
            state_dir: self.state_dir.clone(),
            config_path: self.config.clone(),
            temp_dirs: temp.into_iter().flatten().collect(),
        }
    }
}

/// Reads the configuration of the OpenClaw that this user's own shell would start; changes nothing.
///
/// # Errors
/// `gateway_no_config`, `openclaw_config_unreadable`.
pub(super) async fn find() -> Result<Found, Failure> {
    let read = tokio::task::spawn_blocking(|| {
        let env = |name: &str| std::env::var_os(name);
        let exists = |path: &Path| path.exists();
        read(&Surroundings { env: &env, exists: &exists })
    });
    read.await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal)))
}

fn read(surroundings: &Surroundings<'_>) -> Result<Found, Failure> {
    let unreadable = |error: &dyn std::error::Error| Failure::caused(FailureCode::OpenClawConfigUnreadable, error);
    // OpenClaw's command line goes on without one, but then there is no gateway to wait for.
    let places = surroundings.places().filter(|places| (surroundings.exists)(&places.config));
    let places = places.ok_or_else(|| Failure::bare(FailureCode::GatewayNoConfig))?;
    let credentials = credentials::find(surroundings, None).map_err(|error| match error {
        FindError::NoHome | FindError::Config(ConfigError::Missing(_)) => Failure::bare(FailureCode::GatewayNoConfig),
        error @ (FindError::Config(_) | FindError::Include(_)) => unreadable(&error),
    })?;
    let pin = credentials.tls_fingerprint.as_deref().and_then(Fingerprint::parse);
    let address = Address::parse(&credentials.url, pin).map_err(|error| unreadable(&error))?;
    let held = |held: &Held| Token::new(held.secret.expose().to_owned());
    let token = credentials.token.as_ref().map(|token| Shared::Token(held(token)));
    let secret = token.or_else(|| credentials.password.as_ref().map(|password| Shared::Password(held(password))));
    Ok(Found { address, secret, state_dir: places.state_dir, config: places.config })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str) -> Result<Found, Failure> {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("openclaw.json"), config).unwrap();
        let folder = temp.path().as_os_str().to_owned();
        let env = move |name: &str| (name == "OPENCLAW_STATE_DIR").then(|| folder.clone());
        read(&Surroundings { env: &env, exists: &Path::exists })
    }

    #[test]
    fn a_gateway_of_this_computer_is_found_with_its_token() {
        let found = found(r#"{ gateway: { port: 19100, auth: { mode: "token", token: "secret" } } }"#).unwrap();
        assert_eq!(found.address, Address::local(19_100));
        assert_eq!(found.secret, Some(Shared::Token(Token::new("secret".into()))));
    }

    #[test]
    fn one_of_another_computer_is_found_with_its_certificate() {
        let pin = "ab".repeat(32);
        let config = format!(
            r#"{{ gateway: {{ mode: "remote", remote: {{ url: "wss://10.0.0.2:18789", token: "t", tlsFingerprint: "{pin}" }} }} }}"#
        );
        let found = found(&config).unwrap();
        assert!(found.address.is_encrypted() && !found.address.is_loopback(), "{:?}", found.address);
    }

    #[test]
    fn what_cannot_be_read_is_told_apart_from_nothing() {
        assert_eq!(found("{").unwrap_err().code, FailureCode::OpenClawConfigUnreadable);
        let env = |name: &str| (name == "OPENCLAW_STATE_DIR").then(|| "/nowhere".into());
        let nothing = read(&Surroundings { env: &env, exists: &Path::exists }).unwrap_err();
        assert_eq!(nothing.code, FailureCode::GatewayNoConfig);
    }
}
