//! The shapes of the answers about the OpenClaw gateway: which devices it knows, and who asks to become one. The words (device, role, scope) are OpenClaw's.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

/// `gateway.devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayDevices {
    /// Devices that ask to be let in, or for more, oldest first.
    pub pending: Vec<PairingRequest>,
    /// Devices that are in, the one heard last first.
    pub paired: Vec<GatewayDevice>,
    /// Whether the gateway takes names for devices (`gateway.rename`): older ones do not.
    pub names: bool,
}

/// A device that asks the gateway to be let in, or for more than it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PairingRequest {
    /// Exactly this is approved or rejected.
    pub request_id: String,
    /// 64 hexadecimal digits.
    pub device_id: String,
    /// What the device calls itself.
    pub name: Option<String>,
    /// For example `macos`.
    pub platform: Option<String>,
    /// OpenClaw's word for the program, for example `openclaw-ios`.
    pub client_id: Option<String>,
    /// OpenClaw's word for how it is used, for example `ui`.
    pub client_mode: Option<String>,
    /// What it wants to be: `operator`, `node`.
    pub roles: Vec<String>,
    /// What it wants to be allowed, for example `operator.read`.
    pub scopes: Vec<String>,
    /// What the same device is allowed already. `None`: it is not in yet.
    pub approved_scopes: Option<Vec<String>>,
    /// What the same device is already. `None`: it is not in yet.
    pub approved_roles: Option<Vec<String>>,
    /// When it asked, ms since 1970.
    #[specta(type = Number)]
    pub at_ms: i64,
}

impl PairingRequest {
    /// What tells a device without a name from others: the first eight digits of its id.
    pub fn short_id(&self) -> &str {
        self.device_id.get(..8).unwrap_or(&self.device_id)
    }
}

/// A device that the gateway knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayDevice {
    /// 64 hexadecimal digits.
    pub device_id: String,
    /// Its name: the person's where there is one, else what it calls itself.
    pub name: Option<String>,
    /// For example `macos`.
    pub platform: Option<String>,
    /// OpenClaw's word for the program.
    pub client_id: Option<String>,
    /// OpenClaw's word for how it is used.
    pub client_mode: Option<String>,
    /// `operator`, `node`.
    pub roles: Vec<String>,
    /// What it is allowed.
    pub scopes: Vec<String>,
    /// Its tokens, without the secrets.
    pub tokens: Vec<DeviceToken>,
    /// When it was let in, ms since 1970.
    #[specta(type = Option<Number>)]
    pub approved_ms: Option<i64>,
    /// When it was heard last, ms since 1970.
    #[specta(type = Option<Number>)]
    pub seen_ms: Option<i64>,
    /// Whether it is connected. `None`: the gateway does not say.
    pub connected: Option<bool>,
    /// It is this app.
    pub ours: bool,
}

impl GatewayDevice {
    /// Whether every token that it had was taken back: it is known, and gets in no more.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        !self.tokens.is_empty() && self.tokens.iter().all(|token| token.revoked_ms.is_some())
    }
}

/// A token that a device has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DeviceToken {
    /// For which role.
    pub role: String,
    /// What it allows.
    pub scopes: Vec<String>,
    /// When it was last made anew, else made, ms since 1970.
    #[specta(type = Option<Number>)]
    pub made_ms: Option<i64>,
    /// When it was used last, ms since 1970.
    #[specta(type = Option<Number>)]
    pub used_ms: Option<i64>,
    /// When it was taken back, ms since 1970: it is good for nothing since.
    #[specta(type = Option<Number>)]
    pub revoked_ms: Option<i64>,
}

/// `gateway.clear`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayCleared {
    /// Devices that were removed. Never this app itself.
    pub removed: u32,
    /// Requests that were rejected.
    pub rejected: u32,
}

/// `gateway.look`: who answers at an address, before anybody trusts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayLook {
    /// The address in full.
    pub url: String,
    /// Who could read a connection there.
    pub reach: GatewayReach,
    /// The certificate that is shown there. With [`GatewayReach::Encrypted`] alone.
    pub certificate: Option<CertificateView>,
}

/// Who could read a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum GatewayReach {
    /// Nobody but the gateway.
    Encrypted,
    /// It does not leave this computer by itself: a tunnel, or a gateway here.
    Computer,
    /// Whoever can listen on the network.
    Readable,
}

/// A certificate that somebody showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// SHA-256: 32 pairs of hexadecimal digits with colons between them.
    pub fingerprint: String,
    /// Why this computer does not trust it by itself. `None`: it does.
    pub not_trusted: Option<NotTrusted>,
}

/// Why a certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum NotTrusted {
    /// Nobody whom this computer trusts has signed it: OpenClaw's own certificates are so.
    Unknown,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It is for another name.
    OtherName,
}

/// `gateway.choose`: the gateway of another computer is the one from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayChosen {
    /// Its version. `None`: it has not let this app in yet.
    pub version: Option<String>,
    /// The request that its owner has to approve there.
    pub request_id: Option<String>,
}
