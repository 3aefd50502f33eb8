//! Our own client as the way to the gateway.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Call, CallError};
use crate::{Client, RequestError};

/// A change of the configuration is answered when it is applied: seconds, on a busy machine more.
const PATIENCE: Duration = Duration::from_secs(60);

impl Call for Client {
    fn call<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(async move { self.request(method, params, PATIENCE).await.map_err(CallError::from) })
    }
}

impl From<RequestError> for CallError {
    fn from(error: RequestError) -> Self {
        let refused =
            |code: &str, retry_after| Self::Refused { code: code.to_owned(), message: error.to_string(), retry_after };
        match &error {
            RequestError::StaleConfig => Self::Stale,
            RequestError::TimedOut(_) | RequestError::Gone(_) => Self::Lost,
            RequestError::RateLimited { retry_after } => refused("UNAVAILABLE", Some(*retry_after)),
            RequestError::Unavailable { retry_after, .. } => refused("UNAVAILABLE", *retry_after),
            RequestError::Refused(refusal) => refused(&refusal.code, refusal.retry_after),
            RequestError::MissingScope { .. } => refused("FORBIDDEN", None),
            RequestError::Unsupported { .. }
            | RequestError::UnknownRequest
            | RequestError::UnknownDevice
            | RequestError::Denied { .. }
            | RequestError::InvalidConfig { .. }
            | RequestError::TooLarge
            | RequestError::TooMany
            | RequestError::NotUnderstood { .. } => refused("INVALID_REQUEST", None),
        }
    }
}
