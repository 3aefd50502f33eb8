//! What a gateway tells of devices: who waits, who is paired, with which tokens.
//!
//! OpenClaw's own words; times are milliseconds since 1970.

use serde::{Deserialize, Serialize};

use crate::failure::RequestId;
use crate::token::Token;

/// A device that waits for an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    /// To approve exactly this. A retry with other scopes has another one.
    pub request_id: RequestId,
    /// SHA-256 of its key.
    pub device_id: String,
    /// Its key, base64url.
    pub public_key: String,
    /// What it calls itself.
    pub display_name: Option<String>,
    /// `linux`, `macos`, `windows` and the like.
    pub platform: Option<String>,
    /// `client.id`.
    pub client_id: Option<String>,
    /// `client.mode`.
    pub client_mode: Option<String>,
    /// What it asks for.
    pub role: Option<String>,
    /// With the roles that it has.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What it asks for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The gateway means to approve it without asking.
    #[serde(default)]
    pub silent: bool,
    /// The device is known and asks for more, or says other things about itself.
    #[serde(default)]
    pub is_repair: bool,
    /// When it asked last; it is forgotten five minutes later.
    pub ts: Option<u64>,
}

/// A device that is paired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Paired {
    /// SHA-256 of its key.
    pub device_id: String,
    /// Its key, base64url.
    pub public_key: Option<String>,
    /// What it calls itself.
    pub display_name: Option<String>,
    /// What the owner calls it. Shown before the other.
    pub operator_label: Option<String>,
    /// `linux`, `macos`, `windows` and the like.
    pub platform: Option<String>,
    /// `client.id`.
    pub client_id: Option<String>,
    /// `client.mode`.
    pub client_mode: Option<String>,
    /// `operator`, `node`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What it was approved for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// `silent`, `owner` and the like.
    pub approved_via: Option<String>,
    /// When it was approved last.
    pub approved_at_ms: Option<u64>,
    /// When it was here last.
    pub last_seen_at_ms: Option<u64>,
    /// Whether it is here now. 2026.4.26 does not say.
    pub connected: Option<bool>,
    /// One for each role.
    #[serde(default)]
    pub tokens: Vec<TokenRecord>,
}

/// What a gateway tells of a device token: never the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRecord {
    /// Its role.
    pub role: String,
    /// What it is good for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at_ms: Option<u64>,
    /// When it was replaced last.
    pub rotated_at_ms: Option<u64>,
    /// When it was used last.
    pub last_used_at_ms: Option<u64>,
    /// When it was taken back: it is good for nothing since.
    pub revoked_at_ms: Option<u64>,
}

/// `device.pair.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// Those who wait.
    #[serde(default)]
    pub pending: Vec<Pending>,
    /// Those who are paired.
    #[serde(default)]
    pub paired: Vec<Paired>,
}

/// `device.token.rotate`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rotated {
    /// What the new token is good for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The new token, for whoever replaces his own and came with the old one. Keep it before anything else: the connection ends at once.
    pub token: Option<Token>,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_recorded_lists_are_understood() {
        let one: Value = serde_json::from_str(include_str!("../tests/recorded/pairing-1.json")).unwrap();
        let two: Value = serde_json::from_str(include_str!("../tests/recorded/pairing-2.json")).unwrap();
        let old: Value = serde_json::from_str(include_str!("../tests/recorded/old-2026.4.26.json")).unwrap();
        let list = DeviceList::deserialize(&one["list2"]["payload"]).unwrap();
        assert_eq!((list.pending.len(), list.paired.len()), (2, 2));
        assert_eq!(list.pending[1].display_name.as_deref(), Some("D"));
        assert_eq!(list.paired[0].tokens[0].scopes.len(), 3);
        let named = DeviceList::deserialize(&two["list_now"]).unwrap();
        assert_eq!(named.paired[0].operator_label.as_deref(), Some("Kitchen Mac"));
        let older = DeviceList::deserialize(&old["list"]["payload"]).unwrap();
        assert_eq!(older.paired[0].connected, None);
        let own = Rotated::deserialize(&two["E_rotate_self"]["payload"]).unwrap();
        assert!(own.token.is_some() && Rotated::deserialize(&two["rotate"]["payload"]).unwrap().token.is_none());
        assert!(!format!("{own:?}").contains("43 chars"), "{own:?}");
    }
}
