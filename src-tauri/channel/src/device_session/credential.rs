//! How a device came, and what it says to be let in.

use ed25519_dalek::SigningKey;

use crate::id::DeviceKey;
use crate::proof::token;
use crate::wire::device::{Auth, Token};

/// How a device came: what that allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// Over TLS: nobody in between reads or changes anything.
    pub(crate) secure: bool,
    /// From this computer.
    pub(crate) loopback: bool,
}

/// What a device says to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A signature of its key.
    Signed(Auth),
    /// The seed of its key.
    Token(Token),
}

impl Credential {
    /// The device that it speaks of. `None`: it speaks of none.
    pub(super) fn device(&self) -> Option<DeviceKey> {
        match self {
            Self::Signed(auth) => DeviceKey::parse(&auth.device_key),
            Self::Token(token) => {
                let seed = token::seed(&token.token.0)?;
                Some(DeviceKey::of(&SigningKey::from_bytes(&seed).verifying_key()))
            }
        }
    }
}
