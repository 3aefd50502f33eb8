//! What an operator asks of a gateway: devices and tokens, health, configuration, logs.
//!
//! OpenClaw's own words; times are milliseconds since 1970. Each method says which scope it needs: `operator.admin` includes the others.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::connection::{Client, PATIENCE};
use crate::failure::RequestId;
use crate::pairing::{DeviceList, Paired, Rotated};
use crate::request::RequestError;

/// For a change of the configuration: its answer waits for the gateway to apply it.
const CONFIG_PATIENCE: Duration = Duration::from_secs(30);

/// For the list of models: half a minute of one processor, where there is nothing else to do.
const MODELS_PATIENCE: Duration = Duration::from_secs(120);

/// How much a clearing took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Devices that were removed.
    pub removed: u32,
    /// Requests that were rejected.
    pub rejected: u32,
}

/// `system.info`. Fields that a release does not have are absent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemInfo {
    /// Of the process that answers.
    pub pid: Option<u32>,
    /// Where it listens.
    pub port: Option<u16>,
    /// Since its start, milliseconds.
    pub uptime_ms: Option<u64>,
    /// Its state folder.
    pub disk_path: Option<String>,
}

/// `gateway.identity.get`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayIdentity {
    /// SHA-256 of its key.
    pub device_id: String,
    /// Its key, base64url.
    pub public_key: String,
}

/// `logs.tail`. The file may hold lines of other gateways of this computer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LogTail {
    /// Of the gateway's computer.
    pub file: Option<String>,
    /// Where the next call goes on.
    pub cursor: Option<u64>,
    /// JSON texts.
    #[serde(default)]
    pub lines: Vec<String>,
}

impl Client {
    /// Everybody who is paired or waits. Needs `operator.pairing`; a device without `operator.admin` sees itself alone.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn devices(&self) -> Result<DeviceList, RequestError> {
        self.request("device.pair.list", json!({}), PATIENCE).await
    }

    /// Approves exactly this request. Needs `operator.pairing` and every scope that is granted; a node needs `operator.admin`.
    ///
    /// # Errors
    /// [`RequestError::UnknownRequest`] where it was answered, replaced or is too old; see the others.
    pub async fn approve(&self, request: &RequestId) -> Result<Paired, RequestError> {
        #[derive(Deserialize)]
        struct Approved {
            device: Paired,
        }
        let approved: Approved =
            self.request("device.pair.approve", json!({ "requestId": request.as_str() }), PATIENCE).await?;
        Ok(approved.device)
    }

    /// Rejects exactly this request. Needs `operator.pairing`.
    ///
    /// # Errors
    /// As [`Client::approve`].
    pub async fn reject(&self, request: &RequestId) -> Result<(), RequestError> {
        self.done("device.pair.reject", json!({ "requestId": request.as_str() })).await
    }

    /// Forgets a device; its connections end at once, with 4001. Needs `operator.pairing` for oneself, `operator.admin` for others.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn remove(&self, device_id: &str) -> Result<(), RequestError> {
        self.done("device.pair.remove", json!({ "deviceId": device_id })).await
    }

    /// Gives a device a name, of 1 to 64 characters. Needs `operator.pairing` for oneself, `operator.admin` for others.
    ///
    /// # Errors
    /// [`RequestError::Unsupported`] before 2026.5; see the others.
    pub async fn rename(&self, device_id: &str, label: &str) -> Result<(), RequestError> {
        self.done("device.pair.rename", json!({ "deviceId": device_id, "label": label.trim() })).await
    }

    /// Replaces the token of a device's role; its connections end at once, with 4001. It comes back with the shared token: rotating is no repair.
    /// `scopes`: `None` keeps what it has. Needs `operator.pairing` for oneself, `operator.admin` for others.
    ///
    /// # Errors
    /// [`RequestError::Denied`] also where there is no such device or role.
    pub async fn rotate(&self, device_id: &str, role: &str, scopes: Option<&[&str]>) -> Result<Rotated, RequestError> {
        let mut params = json!({ "deviceId": device_id, "role": role });
        if let Some(scopes) = scopes {
            params["scopes"] = json!(scopes);
        }
        self.request("device.token.rotate", params, PATIENCE).await
    }

    /// Takes the token of a device's role back; its connections end at once, with 4001. Needs `operator.pairing` for oneself, `operator.admin` for others.
    ///
    /// # Errors
    /// [`RequestError::Denied`] also where there is no such device or role.
    pub async fn revoke(&self, device_id: &str, role: &str) -> Result<(), RequestError> {
        self.done("device.token.revoke", json!({ "deviceId": device_id, "role": role })).await
    }

    /// Rejects whoever waits; removes every paired device but `own` too, where `devices` says so. What somebody decided in between is passed by. Stops at the
    /// first failure. Needs `operator.admin`.
    ///
    /// # Errors
    /// What was done before, and why it stopped.
    pub async fn clear(&self, own: &str, devices: bool) -> Result<Cleared, (Cleared, RequestError)> {
        let mut cleared = Cleared::default();
        let list = self.devices().await.map_err(|error| (Cleared::default(), error))?;
        for waiting in list.pending {
            match self.reject(&waiting.request_id).await {
                Ok(()) => cleared.rejected += 1,
                Err(RequestError::UnknownRequest) => {}
                Err(error) => return Err((cleared, error)),
            }
        }
        for paired in list.paired.iter().filter(|paired| devices && paired.device_id != own) {
            match self.remove(&paired.device_id).await {
                Ok(()) => cleared.removed += 1,
                Err(RequestError::UnknownDevice) => {}
                Err(error) => return Err((cleared, error)),
            }
        }
        Ok(cleared)
    }

    /// `health`, whole. Needs `operator.read`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn health(&self) -> Result<Value, RequestError> {
        self.request("health", json!({}), PATIENCE).await
    }

    /// Which process answers. Needs `operator.read`.
    ///
    /// # Errors
    /// [`RequestError::Unsupported`] at 2026.4.26; see the others.
    pub async fn system_info(&self) -> Result<SystemInfo, RequestError> {
        self.request("system.info", json!({}), PATIENCE).await
    }

    /// The key of the gateway itself: the same as long as its state folder is. Needs `operator.read`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn gateway_identity(&self) -> Result<GatewayIdentity, RequestError> {
        self.request("gateway.identity.get", json!({}), PATIENCE).await
    }

    /// `agents.list`, whole. Needs `operator.read`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn agents(&self) -> Result<Value, RequestError> {
        self.request("agents.list", json!({}), PATIENCE).await
    }

    /// `models.list`, whole: 2026.4.26 looks through every provider for it at first, and answers nobody meanwhile. Needs `operator.read`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn models(&self) -> Result<Value, RequestError> {
        self.request("models.list", json!({}), MODELS_PATIENCE).await
    }

    /// `config.get`, whole: secrets in it are replaced by the gateway. Needs `operator.read`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn config(&self) -> Result<Value, RequestError> {
        self.request("config.get", json!({}), PATIENCE).await
    }

    /// `config.patch` with this JSON5, over the configuration of this hash. `replace`: arrays from which entries may go. Needs `operator.admin`.
    ///
    /// # Errors
    /// [`RequestError::StaleConfig`], [`RequestError::InvalidConfig`]: nothing was written. [`RequestError::Gone`]: an older gateway restarts
    /// before it answers, so read the configuration again. At most 30 a minute.
    pub async fn patch_config(&self, raw: &str, base_hash: &str, replace: &[&str]) -> Result<Value, RequestError> {
        let mut params = json!({ "raw": raw, "baseHash": base_hash });
        // 2026.4.26 does not know the field, and has no guard that would need it.
        if !replace.is_empty() && self.greeting().protocol > 3 {
            params["replacePaths"] = json!(replace);
        }
        self.request("config.patch", params, CONFIG_PATIENCE).await
    }

    /// The end of the gateway's log, or what came after `cursor`: at most `lines` lines, of at most 5,000. Needs `operator.read`.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn logs(&self, cursor: Option<u64>, lines: u32) -> Result<LogTail, RequestError> {
        let mut params = json!({ "limit": lines.clamp(1, 5_000) });
        if let Some(cursor) = cursor {
            params["cursor"] = json!(cursor);
        }
        self.request("logs.tail", params, PATIENCE).await
    }

    async fn done(&self, method: &str, params: Value) -> Result<(), RequestError> {
        let _: Value = self.request(method, params, PATIENCE).await?;
        Ok(())
    }
}
