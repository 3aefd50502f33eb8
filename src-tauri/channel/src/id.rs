//! Names of things that cross the wire: devices, messages, turns.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};

/// Name of a device: the first 26 characters of lowercase base32 of SHA-256 of its public key.
///
/// Computed from a key; a name that a peer claims is only ever compared. Lower case because the OpenClaw core lowercases session peers.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceKey(Box<str>);

impl DeviceKey {
    /// The name that belongs to a public key.
    pub fn of(public_key: &VerifyingKey) -> Self {
        Self::of_bytes(public_key.as_bytes())
    }

    /// The same of the key's bytes, whether they are a key or not.
    pub(crate) fn of_bytes(public_key: &[u8; 32]) -> Self {
        let mut name = BASE32_NOPAD.encode(&Sha256::digest(public_key));
        name.truncate(26);
        name.make_ascii_lowercase();
        Self(name.into_boxed_str())
    }

    /// Reads a claimed name. `None` unless it is 26 characters of lowercase base32.
    pub fn parse(text: &str) -> Option<Self> {
        let good = text.len() == 26 && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
        good.then(|| Self(text.into()))
    }

    /// The 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeviceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Id of a message, made by the device: 26 characters of Crockford base32 in upper case (a ULID).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// Reads an id. `None` unless it is 26 characters of upper case Crockford base32.
    pub fn parse(text: &str) -> Option<Self> {
        let crockford = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z');
        (text.len() == 26 && text.bytes().all(crockford)).then(|| Self(text.into()))
    }

    /// The 26 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Name of a turn on the plugin's link: `device_key.message_id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TurnId {
    /// The device whose message it answers.
    pub device: DeviceKey,
    /// The message.
    pub message: MessageId,
}

impl TurnId {
    /// Reads a turn name. `None` unless both halves are well formed.
    pub fn parse(text: &str) -> Option<Self> {
        let (device, message) = text.split_once('.')?;
        Some(Self { device: DeviceKey::parse(device)?, message: MessageId::parse(message)? })
    }
}

impl fmt::Display for TurnId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.device.as_str(), self.message.as_str())
    }
}

/// Whether `rid` may name a reply: 1 to 64 characters of `A-Z a-z 0-9 . _ : -`.
pub fn is_rid(rid: &str) -> bool {
    (1..=64).contains(&rid.len())
        && rid.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'))
}

/// A device's or a person's name for a device: trimmed, 1 to 32 characters, none of them a control character.
pub fn clean_name(name: &str) -> Option<String> {
    let name = name.trim();
    let good = (1..=32).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    good.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_only_in_their_one_form() {
        assert!(DeviceKey::parse("kzdvvj2umnduyauf35o36k6kw4").is_some());
        for bad in ["", "kzdvvj2umnduyauf35o36k6kw", "KZDVVJ2UMNDUYAUF35O36K6KW4", "kzdvvj2umnduyauf35o36k6kw1"] {
            assert_eq!(DeviceKey::parse(bad), None, "{bad}");
        }
        assert!(MessageId::parse("01JD0000000000000000000001").is_some());
        for bad in ["01jd0000000000000000000001", "01JD000000000000000000000I", "01JD"] {
            assert_eq!(MessageId::parse(bad), None, "{bad}");
        }
        let turn = "kzdvvj2umnduyauf35o36k6kw4.01JD0000000000000000000001";
        assert_eq!(TurnId::parse(turn).map(|turn| turn.to_string()).as_deref(), Some(turn));
        assert!(
            is_rid("r-1:a.B_9") && !is_rid("") && !is_rid("a b") && is_rid(&"x".repeat(64)) && !is_rid(&"x".repeat(65))
        );
        assert_eq!(clean_name("  厨房 ").as_deref(), Some("厨房"));
        assert_eq!(clean_name(&"k".repeat(33)), None);
        assert_eq!(clean_name("a\nb"), None);
    }
}
