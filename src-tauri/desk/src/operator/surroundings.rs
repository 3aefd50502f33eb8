//! Where the user's gateway is by its own configuration, and its secret.

use std::path::{Path, PathBuf};

use care::token::{CopyPlace, CopyValue, TokenCopy};
use gateway::config::ConfigError;
use gateway::credentials::{self, Credentials, Field, FindError, Held, Source};
use gateway::place::Surroundings;
use gateway::{Address, Fingerprint, Shared, Token};

use crate::failure::{Failure, FailureCode};

/// The user's gateway.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Where it listens.
    pub(crate) address: Address,
    /// Its secret; `None`: it has none that can be read.
    pub(crate) secret: Option<Shared>,
    /// Every copy of that secret, and the secret itself where it is known.
    pub(crate) copies: Vec<(TokenCopy, Option<Token>)>,
    /// Whether the configuration itself says how to sign in: with a secret, or without one on purpose.
    pub(crate) auth_in_config: bool,
    /// OpenClaw's configuration file.
    pub(crate) config: PathBuf,
    /// It is one of another computer, which the person chose: nothing of it can be seen here.
    pub(crate) elsewhere: bool,
    state_dir: PathBuf,
}

impl Found {
    /// One of another computer, as the person chose it.
    pub(super) fn elsewhere(address: Address, secret: Option<Shared>) -> Self {
        let (config, state_dir) = (PathBuf::new(), PathBuf::new());
        Self { address, secret, copies: Vec::new(), auth_in_config: true, config, elsewhere: true, state_dir }
    }

    /// From here on nobody writes its secrets down, nor the device token of this app.
    pub(super) fn learn(&self, token: Option<&Token>) {
        for secret in [self.secret.as_ref().map(secret), token].into_iter().flatten() {
            crate::redact::here().learn_passing(secret.reveal().as_bytes());
        }
    }

    /// Where a survey looks for whose it is.
    pub(crate) fn survey_place(&self) -> care::survey::Place {
        let temp = [std::env::var_os("TMPDIR").map(PathBuf::from), Some(PathBuf::from("/tmp"))];
        care::survey::Place {
            port: self.address.port(),
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
pub(crate) async fn find() -> Result<Found, Failure> {
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
    let held = |held: &Held| held.secret.clone();
    let token = credentials.token.as_ref().map(|token| Shared::Token(held(token)));
    let secret = token.or_else(|| credentials.password.as_ref().map(|password| Shared::Password(held(password))));
    let copies = copies(&credentials, &places.config);
    let auth_in_config = credentials.auth_written;
    let (state_dir, config) = (places.state_dir, places.config);
    Ok(Found { address, secret, copies, auth_in_config, config, elsewhere: false, state_dir })
}

/// Every copy of the token; of the password where that is what is used.
fn copies(credentials: &Credentials, config: &Path) -> Vec<(TokenCopy, Option<Token>)> {
    let by_password = credentials.token.is_none() && credentials.password.is_some();
    let field = if by_password { Field::Password } else { Field::Token };
    let mut copies: Vec<(TokenCopy, Option<Token>)> = Vec::new();
    for copied in credentials.copies.iter().filter(|copied| copied.field == field) {
        let place = match &copied.source {
            // The one of another gateway says nothing about this one.
            Source::Config { path } | Source::Reference { path, .. } if path.starts_with("gateway.remote.") => continue,
            Source::Config { .. } | Source::Reference { .. } => CopyPlace::Config { path: config.to_owned() },
            Source::ConfigEnvironment { .. } => CopyPlace::DotEnv { path: config.to_owned() },
            Source::DotEnv { file, .. } | Source::SecretFile { file } => CopyPlace::DotEnv { path: file.clone() },
            Source::Environment { .. } => CopyPlace::Environment,
            Source::Service { file, .. } => CopyPlace::ServiceDefinition { path: file.clone() },
        };
        let text = copied.secret.reveal();
        let lost = PLACEHOLDERS.contains(&text);
        let value =
            if lost { CopyValue::Placeholder } else { CopyValue::Token { fingerprint: care::Fingerprint::of(text) } };
        copies.push((TokenCopy { place, value }, (!lost).then(|| copied.secret.clone())));
    }
    let unknown = credentials.missing.iter().any(|missing| missing.path.starts_with("gateway.auth."));
    if unknown {
        let place = CopyPlace::Config { path: config.to_owned() };
        copies.push((TokenCopy { place, value: CopyValue::Reference }, None));
    }
    copies
}

/// What programs write where a secret was, and lose it by that.
const PLACEHOLDERS: [&str; 3] = ["undefined", "null", "__OPENCLAW_REDACTED__"];

/// The secret itself.
pub(crate) fn secret(shared: &Shared) -> &Token {
    match shared {
        Shared::Token(secret) | Shared::Password(secret) => secret,
    }
}

/// What tells the secret from others, and is none.
pub(crate) fn fingerprint(shared: &Shared) -> care::Fingerprint {
    care::Fingerprint::of(secret(shared).reveal())
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
    fn how_to_sign_in_may_be_written_in_another_file() {
        let temp = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(temp.path().join(name), text).unwrap();
        let folder = temp.path().as_os_str().to_owned();
        let env = move |name: &str| (name == "OPENCLAW_STATE_DIR").then(|| folder.clone());
        let is_written = || read(&Surroundings { env: &env, exists: &Path::exists }).map(|found| found.auth_in_config);
        write("openclaw.json", "{ gateway: { $include: './gateway.json5', port: 19100 } }");
        for (auth, written) in [
            ("{ token: 'secret' }", true),
            // Not known to us, but there.
            ("{ token: { source: 'exec', provider: 'p', id: 'x' } }", true),
            ("{ password: 'secret' }", true),
            ("{ mode: 'none' }", true),
            ("{ mode: 'token', token: '' }", false),
            ("{}", false),
        ] {
            write("gateway.json5", &format!("{{ auth: {auth} }}"));
            assert_eq!(is_written().unwrap(), written, "{auth}");
        }
        // One that cannot be read is not one that says nothing.
        write("gateway.json5", "{");
        assert_eq!(is_written().unwrap_err().code, FailureCode::OpenClawConfigUnreadable);
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
