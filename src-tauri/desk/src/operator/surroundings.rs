//! Where the user's gateway is by its own configuration, and its secret.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gateway::config::{Config, ConfigError};
use gateway::place::Surroundings;
use gateway::{Address, Shared, Token};
use serde_json::Value;

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
    let places = surroundings.places().ok_or_else(|| Failure::bare(FailureCode::GatewayNoConfig))?;
    let config = Config::read(&places.config).map_err(|error| match error {
        ConfigError::Missing(_) => Failure::bare(FailureCode::GatewayNoConfig),
        error @ (ConfigError::Read { .. } | ConfigError::Malformed { .. }) => {
            Failure::caused(FailureCode::OpenClawConfigUnreadable, &error)
        }
    })?;
    let address = Address::local(surroundings.port(config.value(), None));
    let secret = secret(&config.value()["gateway"]["auth"], surroundings.env);
    Ok(Found { address, secret, state_dir: places.state_dir, config: places.config })
}

/// The configuration beats the environment: measured at the real gateway.
fn secret(auth: &Value, env: &dyn Fn(&str) -> Option<OsString>) -> Option<Shared> {
    let text = |key: &str, variable: &str| {
        let named = auth[key].as_str().and_then(|text| expanded(text, env));
        named.or_else(|| env(variable)?.into_string().ok().filter(|text| !text.trim().is_empty()))
    };
    let token = || text("token", "OPENCLAW_GATEWAY_TOKEN").map(|text| Shared::Token(Token::new(text)));
    let password = || text("password", "OPENCLAW_GATEWAY_PASSWORD").map(|text| Shared::Password(Token::new(text)));
    if auth["mode"] == "password" { password().or_else(token) } else { token().or_else(password) }
}

/// `${NAME}` stands for a variable.
fn expanded(text: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Option<String> {
    let text = match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => env(name)?.into_string().ok()?,
        None => text.to_owned(),
    };
    (!text.trim().is_empty()).then_some(text)
}
