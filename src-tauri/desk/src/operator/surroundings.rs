//! Where the user's gateway is by its own configuration, and its secret.

use std::path::{Path, PathBuf};

use care::token::{CopyPlace, CopyValue, Referred, TokenCopy};
use gateway::config::ConfigError;
use gateway::credentials::{self, Credentials, Field, FindError, Held, Source, Unknown};
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
    /// The variable by which OpenClaw gets that secret where its configuration does not say otherwise.
    pub(crate) variable: &'static str,
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
        let (copies, variable) = (Vec::new(), Field::Token.variable());
        Self { address, secret, copies, variable, auth_in_config: true, config, elsewhere: true, state_dir }
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
    let stored = |state_dir: &Path, name: &str| {
        let secret = care::survey::stored_secret(state_dir, name).known().cloned().flatten()?;
        Some(Token::new(secret.trim().to_owned())).filter(|secret| !secret.reveal().is_empty())
    };
    let credentials = credentials::find(surroundings, None, &stored).map_err(|error| match error {
        FindError::NoHome | FindError::Config(ConfigError::Missing(_)) => Failure::bare(FailureCode::GatewayNoConfig),
        error @ (FindError::Config(_) | FindError::Include(_)) => unreadable(&error),
    })?;
    let pin = credentials.tls_fingerprint.as_deref().and_then(Fingerprint::parse);
    let address = Address::parse(&credentials.url, pin).map_err(|error| unreadable(&error))?;
    let held = |held: &Held| held.secret.clone();
    let token = credentials.token.as_ref().map(|token| Shared::Token(held(token)));
    let secret = token.or_else(|| credentials.password.as_ref().map(|password| Shared::Password(held(password))));
    let by_password = credentials.token.is_none() && credentials.password.is_some();
    let field = if by_password { Field::Password } else { Field::Token };
    let (copies, variable) = (copies(&credentials, field, &places.config), field.variable());
    let auth_in_config = credentials.auth_written;
    let (state_dir, config) = (places.state_dir, places.config);
    Ok(Found { address, secret, copies, variable, auth_in_config, config, elsewhere: false, state_dir })
}

/// Every copy of this secret, each once.
fn copies(credentials: &Credentials, field: Field, config: &Path) -> Vec<(TokenCopy, Option<Token>)> {
    let in_config = |value| (TokenCopy { place: CopyPlace::Config { path: config.to_owned() }, value }, None);
    let mut copies: Vec<(TokenCopy, Option<Token>)> = Vec::new();
    for copied in credentials.copies.iter().filter(|copied| copied.field == field) {
        let source = match &copied.source {
            // The one of another gateway says nothing about this one.
            Source::Config { path } | Source::Reference { path, .. } if path.starts_with("gateway.remote.") => continue,
            Source::Reference { to, .. } => {
                copies.extend(referred(to).map(|to| in_config(CopyValue::Reference { to, found: true })));
                to
            }
            source @ (Source::Config { .. }
            | Source::Environment { .. }
            | Source::DotEnv { .. }
            | Source::ConfigEnvironment { .. }
            | Source::SecretFile { .. }
            | Source::Store { .. }
            | Source::Service { .. }) => source,
        };
        let Some(place) = place(source, config) else { continue };
        let text = copied.secret.reveal();
        let lost = PLACEHOLDERS.contains(&text);
        let value =
            if lost { CopyValue::Placeholder } else { CopyValue::Token { fingerprint: care::Fingerprint::of(text) } };
        let copy = TokenCopy { place, value };
        if copies.iter().all(|(known, _)| *known != copy) {
            copies.push((copy, (!lost).then(|| copied.secret.clone())));
        }
    }
    let path = match field {
        Field::Token => "gateway.auth.token",
        Field::Password => "gateway.auth.password",
    };
    let missing = credentials.missing.iter().find(|missing| missing.path == path);
    copies.extend(missing.map(|missing| in_config(CopyValue::Reference { to: unknown(&missing.why), found: false })));
    copies
}

/// `None`: it leads elsewhere.
fn place(source: &Source, config: &Path) -> Option<CopyPlace> {
    Some(match source {
        Source::Config { .. } => CopyPlace::Config { path: config.to_owned() },
        Source::ConfigEnvironment { name } => CopyPlace::DotEnv { path: config.to_owned(), name: name.clone() },
        Source::DotEnv { file, name } => CopyPlace::DotEnv { path: file.clone(), name: name.clone() },
        Source::Environment { name } => CopyPlace::Environment { name: name.clone() },
        Source::SecretFile { file } => CopyPlace::SecretFile { path: file.clone() },
        Source::Store { name } => CopyPlace::Store { name: name.clone() },
        Source::Service { file, name } => CopyPlace::ServiceDefinition { path: file.clone(), name: name.clone() },
        Source::Reference { .. } => return None,
    })
}

fn referred(to: &Source) -> Option<Referred> {
    match to {
        Source::SecretFile { file } => Some(Referred::File { path: file.clone() }),
        Source::Store { name } => Some(Referred::Store { name: name.clone() }),
        Source::Environment { name }
        | Source::DotEnv { name, .. }
        | Source::ConfigEnvironment { name }
        | Source::Service { name, .. } => Some(Referred::Variable { name: name.clone() }),
        Source::Config { .. } | Source::Reference { .. } => None,
    }
}

fn unknown(why: &Unknown) -> Referred {
    match why {
        Unknown::Unset { name } => Referred::Variable { name: name.clone() },
        Unknown::File { file } => Referred::File { path: file.clone() },
        Unknown::Store { name } => Referred::Store { name: name.clone() },
        Unknown::Program { provider } => Referred::Program { provider: provider.clone() },
        Unknown::Provider { name } => Referred::Provider { provider: name.clone() },
    }
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
    use serde_json::json;

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
    fn a_reference_is_told_with_the_place_that_it_leads_to() {
        let copies = |config: &str| {
            let copies = found(config).unwrap().copies;
            copies.into_iter().map(|(copy, _)| serde_json::to_value(copy).unwrap()).collect::<Vec<_>>()
        };
        let told = copies("{ env: { MINE: 'm' }, gateway: { auth: { token: '${MINE}' } } }");
        assert_eq!(told.len(), 2, "{told:?}");
        let to = json!({ "kind": "variable", "name": "MINE" });
        assert_eq!(told[0]["value"], json!({ "kind": "reference", "to": to, "found": true }));
        assert_eq!((&told[1]["place"]["name"], &told[1]["value"]["kind"]), (&json!("MINE"), &json!("token")));
        for (reference, to) in [
            ("'${MINE}'", to),
            ("{ source: 'store', id: 'T' }", json!({ "kind": "store", "name": "T" })),
            ("{ source: 'exec', provider: 'p', id: 'x' }", json!({ "kind": "provider", "provider": "p" })),
        ] {
            let told = copies(&format!("{{ gateway: {{ auth: {{ token: {reference} }} }} }}"));
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(told[0]["value"], json!({ "kind": "reference", "to": to, "found": false }));
        }
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
