//! A script with a token: it is a device already, and only has to find its computer.

use device::{ConnectError, Greeted, Identity, Keep, Trust};
use serde_json::Value;

use super::Stage;
use super::way::{fingerprint, place, unreached};
use crate::exit::{Exit, Stop};
use crate::words;

/// Where a token stands that is not typed on the command line, where everybody on this computer could read it.
const VARIABLE: &str = "SMARTPI_TOKEN";

impl Stage<'_> {
    /// The script of this token, and the socket on which its computer was found, the first time.
    pub(super) async fn script(&self, typed: &str) -> Result<(Keep, Option<Greeted>), Stop> {
        let language = self.terminal.language;
        let text = if typed.is_empty() { std::env::var(VARIABLE).unwrap_or_default() } else { typed.to_owned() };
        let identity = Identity::from_token(&text)
            .ok_or_else(|| Stop::told(Exit::Usage, "not_a_token", words::not_a_token(language)))?;
        let mut keep = self.kept(0, || Ok(identity.clone()))?;
        if keep.identity.device_key() != identity.device_key() || keep.identity.token().is_none() {
            return Err(Stop::failed("other_device", words::token_other_device(language), Value::Null));
        }
        if keep.identity.binding.is_some() {
            return Ok((keep, None));
        }
        let authority = place(language, self.args.address.as_deref().unwrap_or_default())?;
        let trust = match &self.args.certificate {
            Some(text) => fingerprint(language, text)?,
            None => Trust::Plain,
        };
        let joined = device::token::join(authority, trust, &mut keep).await;
        let greeted = joined.map_err(|error| {
            if matches!(error, ConnectError::TokenExposed) {
                return Stop::told(Exit::Usage, "token_exposed", words::token_exposed(language));
            }
            let failed = || Stop::failed("not_connected", words::token_failed(language, &error), error.to_string());
            unreached(language, &error, authority).unwrap_or_else(failed)
        })?;
        Ok((keep, Some(greeted)))
    }
}
