//! First frames of a device: how it is bound, and how it proves that it is.

use serde::{Deserialize, Serialize};

use super::device::Kind;
use super::{Blob, Hidden};

/// How the person confirms a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// By typing the two digits that the device shows or speaks.
    Code,
    /// By a typed word: the device has neither screen nor speaker.
    Allow,
}

impl Confirm {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Allow => "allow",
        }
    }
}

/// First frame of a device that scanned a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Protocol version.
    pub v: u32,
    /// Which code.
    pub b: Blob<8>,
    /// The device's public key.
    pub pk: Blob<32>,
    /// The device's nonce.
    pub cn: Blob<32>,
    /// What the device calls itself.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How it can be confirmed.
    pub confirm: Confirm,
    /// Proof that it knows the code's secret.
    pub mac: Blob<32>,
}

/// First frame of a device that is bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// Protocol version.
    pub v: u32,
    /// The name it claims; the signature proves it.
    pub device_key: String,
    /// The device's nonce.
    pub cn: Blob<32>,
    /// The store it remembers; empty for none.
    pub epoch: String,
    /// The highest reply it has.
    pub last_n: u64,
    /// Proof of the device key.
    pub sig: Blob<64>,
}

/// First frame of a device that asks by itself to be bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// Protocol version.
    pub v: u32,
    /// The device's public key.
    pub pk: Blob<32>,
    /// What the device calls itself.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it says about the nonce that it will reveal.
    pub commit: Blob<32>,
}

/// First frame of a script that is bound and cannot sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Protocol version.
    pub v: u32,
    /// The token itself.
    pub token: Hidden,
    /// The script's nonce.
    pub cn: Blob<32>,
    /// The store it remembers; empty for none.
    pub epoch: String,
    /// The highest reply it has.
    pub last_n: u64,
}
