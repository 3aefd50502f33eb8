//! The shapes of the answer about a script.

use std::fmt;

use serde::{Deserialize, Serialize};
use specta::Type;

use super::AddressReach;
use crate::view::AddressView;

/// `devices.add_script`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ScriptAdded {
    /// The new device.
    pub device_key: String,
    /// What the script says of itself. It is kept nowhere: show it once, never log it.
    pub token: String,
    /// Where it finds the service now, best first; this computer's own address last. Empty while the service is stopped.
    pub addresses: Vec<ScriptAddress>,
    /// The certificate that it trusts where it runs on another computer: its hash, as a QR code names it.
    pub certificate: String,
}

impl fmt::Debug for ScriptAdded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ScriptAdded").field("device_key", &self.device_key).finish_non_exhaustive()
    }
}

/// Where a script finds the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ScriptAddress {
    /// `IP:PORT`.
    pub address: String,
    /// From where it can be reached.
    pub reach: AddressReach,
    /// Name of the network interface; empty where the system names none.
    pub interface: String,
}

impl From<&AddressView> for ScriptAddress {
    fn from(shown: &AddressView) -> Self {
        let AddressView { url, reach, interface, .. } = shown;
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { address, reach: *reach, interface: interface.clone() }
    }
}
