//! The key by which a gateway knows this app, and what is signed with it.

use std::fmt::{self, Write as _};

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{SECRET_KEY_LENGTH, Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

/// An Ed25519 key, made once and kept: a gateway that sees another one sees another device.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    device_id: String,
}

impl Identity {
    /// Bytes of a seed.
    pub const SEED_BYTES: usize = SECRET_KEY_LENGTH;

    /// The key of a seed. The caller wipes the seed.
    pub fn from_seed(seed: &[u8; Self::SEED_BYTES]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let digest = Sha256::digest(key.verifying_key().as_bytes());
        let device_id = digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { key, device_id }
    }

    /// `deviceId`: SHA-256 of the public key as 64 lowercase hexadecimal digits.
    pub fn device_id(&self) -> &str {
        &self.device_id
    }

    /// `publicKey`: the 32 bytes in base64url without padding.
    pub fn public_key(&self) -> String {
        BASE64URL_NOPAD.encode(self.key.verifying_key().as_bytes())
    }

    /// `signature` of a payload, in base64url without padding.
    pub fn sign(&self, payload: &str) -> String {
        BASE64URL_NOPAD.encode(&self.key.sign(payload.as_bytes()).to_bytes())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.device_id)
    }
}

/// What a device claims when it connects. The gateway builds the same text from the frame, so each part is exactly what the frame says.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// `device.id`.
    pub device_id: &'a str,
    /// `client.id`.
    pub client_id: &'a str,
    /// `client.mode`.
    pub client_mode: &'a str,
    /// `role`.
    pub role: &'a str,
    /// `scopes`, in the order of the frame.
    pub scopes: &'a [String],
    /// `device.signedAt`: milliseconds since 1970.
    pub signed_at: u64,
    /// `auth.token`, else `auth.deviceToken`, else nothing; a password does not count.
    pub token: &'a str,
    /// `device.nonce`.
    pub nonce: &'a str,
    /// `client.platform`.
    pub platform: &'a str,
    /// `client.deviceFamily`; empty: absent.
    pub family: &'a str,
}

impl Claim<'_> {
    /// The text of version 2, which older gateways made up.
    pub fn payload_v2(&self) -> String {
        self.payload("v2")
    }

    /// The text of version 3: platform and family are in it, trimmed and in lowercase.
    pub fn payload_v3(&self) -> String {
        let plain = |text: &str| text.trim().to_ascii_lowercase();
        format!("{}|{}|{}", self.payload("v3"), plain(self.platform), plain(self.family))
    }

    fn payload(&self, version: &str) -> String {
        let Self { device_id, client_id, client_mode, role, scopes, signed_at, token, nonce, .. } = self;
        let scopes = scopes.join(",");
        format!("{version}|{device_id}|{client_id}|{client_mode}|{role}|{scopes}|{signed_at}|{token}|{nonce}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../tests/recorded/signature-vectors.json")).unwrap()
    }

    fn text<'a>(value: &'a Value, key: &str) -> &'a str {
        value[key].as_str().unwrap_or_default()
    }

    #[test]
    fn it_signs_as_openclaw_does() {
        let vectors = vectors();
        let seed: Vec<u8> =
            (0..32).map(|at| u8::from_str_radix(&text(&vectors, "seedHex")[2 * at..2 * at + 2], 16).unwrap()).collect();
        let identity = Identity::from_seed(&seed.try_into().unwrap());
        assert_eq!(identity.device_id(), text(&vectors, "deviceId"));
        assert_eq!(identity.public_key(), text(&vectors, "publicKeyRawBase64Url"));
        let list = vectors["vectors"].as_array().unwrap();
        assert_eq!(list.len(), 3);
        for vector in list {
            let input = &vector["input"];
            let scopes = input["scopes"].as_array().unwrap().iter().filter_map(Value::as_str);
            let scopes: Vec<String> = scopes.map(str::to_owned).collect();
            let claim = Claim {
                device_id: text(input, "deviceId"),
                client_id: text(input, "clientId"),
                client_mode: text(input, "clientMode"),
                role: text(input, "role"),
                scopes: &scopes,
                signed_at: input["signedAt"].as_u64().unwrap(),
                token: text(input, "token"),
                nonce: text(input, "nonce"),
                platform: text(input, "platform"),
                family: text(input, "deviceFamily"),
            };
            let payload = if vector["version"] == "v2" { claim.payload_v2() } else { claim.payload_v3() };
            assert_eq!(payload, text(vector, "payload"));
            assert_eq!(identity.sign(&payload), text(vector, "signature"));
        }
    }

    #[test]
    fn nobody_prints_the_key() {
        let seed = [0x9d; 32];
        let told = format!("{:?}", Identity::from_seed(&seed));
        assert!(!told.contains("9d9d") && !told.contains("157, 157"), "{told}");
        assert!(told.starts_with("Identity("), "{told}");
    }
}
