//! What each side signs or MACs, byte for byte: the transcripts of docs/PROTOCOL.md. Pure.

pub mod announce;
pub mod token;
pub mod typed;

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::id::DeviceKey;
use crate::wire::Blob;
use crate::wire::device::Bind;

/// The transport, as every transcript names it. Displays as `plain` or `tls:` and the certificate's hash.
#[derive(Clone, PartialEq, Eq)]
pub enum Chan {
    /// Plain WebSocket.
    Plain,
    /// TLS; SHA-256 of the service's certificate (DER), as this side sees it.
    Tls(Blob<32>),
}

impl Chan {
    /// TLS with this certificate (DER).
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::Tls(Blob(Sha256::digest(der).into()))
    }

    /// Part `f` of the QR code: the first 16 bytes of the certificate's hash. `None` on plain WebSocket.
    pub fn pin(&self) -> Option<Blob<16>> {
        match self {
            Self::Plain => None,
            Self::Tls(hash) => Some(Blob(std::array::from_fn(|index| hash.0[index]))),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Plain => "plain".to_owned(),
            Self::Tls(hash) => format!("tls:{}", BASE64URL_NOPAD.encode(&hash.0)),
        }
    }
}

impl fmt::Display for Chan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words())
    }
}

impl fmt::Debug for Chan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words())
    }
}

/// A label and parts, each behind its length: no two lists of parts give the same bytes.
fn transcript(label: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    for part in std::iter::once(label.as_bytes()).chain(parts.iter().copied()) {
        let length = u32::try_from(part.len()).expect("parts are far below 4 GiB");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

fn authenticator(key: &[u8], message: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

fn mac(key: &[u8], message: &[u8]) -> Blob<32> {
    Blob(authenticator(key, message).finalize().into_bytes().into())
}

/// Constant-time comparison inside `verify_slice`.
fn mac_holds(key: &[u8], message: &[u8], claimed: &Blob<32>) -> bool {
    authenticator(key, message).verify_slice(&claimed.0).is_ok()
}

/// The nonces and keys of one connection and its transport, as one side sees them.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// The service's nonce.
    pub sn: Blob<32>,
    /// The service's public key.
    pub spk: Blob<32>,
    /// The device's nonce.
    pub cn: Blob<32>,
    /// The transport.
    pub chan: Chan,
}

/// The secret of a binding code: zeroed when dropped.
pub type Secret = Zeroizing<[u8; 16]>;

/// What a device proves when it claims a code. `bind.cn` is the nonce of the meeting.
pub fn bind_mac(secret: &Secret, meeting: &Meeting, bind: &Bind) -> Blob<32> {
    mac(&secret[..], &bind_transcript(meeting, bind))
}

/// Whether a claim knows the code's secret.
pub fn bind_mac_holds(secret: &Secret, meeting: &Meeting, bind: &Bind) -> bool {
    mac_holds(&secret[..], &bind_transcript(meeting, bind), &bind.mac)
}

fn bind_transcript(meeting: &Meeting, bind: &Bind) -> Vec<u8> {
    transcript(
        "smartpi1-bind-device",
        &[
            &bind.b.0,
            &meeting.sn.0,
            &meeting.spk.0,
            &bind.pk.0,
            &bind.cn.0,
            meeting.chan.words().as_bytes(),
            bind.name.as_bytes(),
            bind.kind.as_str().as_bytes(),
            bind.confirm.as_str().as_bytes(),
        ],
    )
}

fn bind_wait_transcript(b: &Blob<8>, meeting: &Meeting, pk: &Blob<32>) -> Vec<u8> {
    let chan = meeting.chan.words();
    let parts: [&[u8]; 6] = [&b.0, &meeting.sn.0, &meeting.spk.0, &pk.0, &meeting.cn.0, chan.as_bytes()];
    transcript("smartpi1-bind-service", &parts)
}

/// What the service proves back: it knows the secret, and it has the key that the QR names.
pub fn bind_wait(
    secret: &Secret,
    service: &SigningKey,
    b: &Blob<8>,
    meeting: &Meeting,
    pk: &Blob<32>,
) -> (Blob<32>, Blob<64>) {
    let message = bind_wait_transcript(b, meeting, pk);
    (mac(&secret[..], &message), Blob(service.sign(&message).to_bytes()))
}

/// Why a device does not trust a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impostor {
    /// Its public key is not the one of the QR code, or of the binding.
    #[error("the service has another key than the one this device was given")]
    OtherKey,
    /// It does not have the key it names.
    #[error("the service could not prove its key")]
    BadSignature,
    /// It does not know the code's secret.
    #[error("the service does not know this binding code")]
    BadMac,
}

/// The device's three checks before it shows a code, in order. `pin`: part `k` of the QR code; a typed code has none.
///
/// # Errors
/// The first check that failed.
pub fn check_bind_wait(
    secret: &Secret,
    pin: Option<&Blob<16>>,
    b: &Blob<8>,
    meeting: &Meeting,
    pk: &Blob<32>,
    answer: (&Blob<32>, &Blob<64>),
) -> Result<(), Impostor> {
    if pin.is_some_and(|pin| key_pin(&meeting.spk) != *pin) {
        return Err(Impostor::OtherKey);
    }
    let message = bind_wait_transcript(b, meeting, pk);
    verify(&meeting.spk, &message, answer.1).ok_or(Impostor::BadSignature)?;
    if mac_holds(&secret[..], &message, answer.0) { Ok(()) } else { Err(Impostor::BadMac) }
}

/// First 16 bytes of SHA-256 of the service's public key: part `k` of the QR code.
pub fn key_pin(spk: &Blob<32>) -> Blob<16> {
    let digest = Sha256::digest(spk.0);
    Blob(std::array::from_fn(|index| digest[index]))
}

/// The two digits that both sides compute and the person compares.
pub fn bind_code(secret: &Secret, b: &Blob<8>, meeting: &Meeting, pk: &Blob<32>) -> u8 {
    let parts: [&[u8]; 5] = [&b.0, &meeting.sn.0, &meeting.spk.0, &pk.0, &meeting.cn.0];
    let digest = mac(&secret[..], &transcript("smartpi1-bind-code", &parts));
    let number = u64::from_be_bytes(std::array::from_fn(|index| digest.0[index]));
    u8::try_from(number % 100).expect("below 100")
}

fn auth_transcript(label: &str, meeting: &Meeting, device: &DeviceKey) -> Vec<u8> {
    let chan = meeting.chan.words();
    let parts: [&[u8]; 5] = [&meeting.spk.0, &meeting.sn.0, &meeting.cn.0, device.as_str().as_bytes(), chan.as_bytes()];
    transcript(label, &parts)
}

/// A device's signature over the meeting.
pub fn sign_auth(device_key: &SigningKey, meeting: &Meeting) -> Blob<64> {
    let device = DeviceKey::of(&device_key.verifying_key());
    Blob(device_key.sign(&auth_transcript("smartpi1-auth-device", meeting, &device)).to_bytes())
}

/// Whether the device has the key.
pub fn auth_holds(public_key: &VerifyingKey, meeting: &Meeting, sig: &Blob<64>) -> bool {
    let message = auth_transcript("smartpi1-auth-device", meeting, &DeviceKey::of(public_key));
    public_key.verify_strict(&message, &Signature::from_bytes(&sig.0)).is_ok()
}

/// The service's signature over the meeting.
pub fn sign_ready(service: &SigningKey, meeting: &Meeting, device: &DeviceKey) -> Blob<64> {
    Blob(service.sign(&auth_transcript("smartpi1-auth-service", meeting, device)).to_bytes())
}

/// Whether the service has the key it was bound with.
pub fn ready_holds(meeting: &Meeting, device: &DeviceKey, sig: &Blob<64>) -> bool {
    verify(&meeting.spk, &auth_transcript("smartpi1-auth-service", meeting, device), sig).is_some()
}

/// Reads a public key; small-order keys are refused.
pub fn public_key(bytes: &Blob<32>) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&bytes.0).ok().filter(|key| !key.is_weak())
}

fn verify(public: &Blob<32>, message: &[u8], sig: &Blob<64>) -> Option<()> {
    public_key(public)?.verify_strict(message, &Signature::from_bytes(&sig.0)).ok()
}

fn link_transcript(label: &str, sn: &Blob<32>, cn: &Blob<32>, gateway: &str, generation: Option<u64>) -> Vec<u8> {
    let generation = generation.map(|generation| generation.to_string());
    let mut parts: Vec<&[u8]> = vec![&sn.0, &cn.0, gateway.as_bytes()];
    parts.extend(generation.as_ref().map(|text| text.as_bytes()));
    transcript(label, &parts)
}

/// What a plugin proves.
pub fn link_auth_mac(key: &[u8; 32], sn: &Blob<32>, cn: &Blob<32>, gateway: &str) -> Blob<32> {
    mac(key, &link_transcript("smartpi1-link-plugin", sn, cn, gateway, None))
}

/// Whether a plugin has the link key.
pub fn link_auth_holds(key: &[u8; 32], sn: &Blob<32>, cn: &Blob<32>, gateway: &str, claimed: &Blob<32>) -> bool {
    mac_holds(key, &link_transcript("smartpi1-link-plugin", sn, cn, gateway, None), claimed)
}

/// What the service proves back.
pub fn link_ready_mac(key: &[u8; 32], sn: &Blob<32>, cn: &Blob<32>, gateway: &str, generation: u64) -> Blob<32> {
    mac(key, &link_transcript("smartpi1-link-service", sn, cn, gateway, Some(generation)))
}

/// Whether the service has the link key.
pub fn link_ready_holds(
    key: &[u8; 32],
    nonces: (&Blob<32>, &Blob<32>),
    gateway: &str,
    generation: u64,
    claimed: &Blob<32>,
) -> bool {
    mac_holds(key, &link_transcript("smartpi1-link-service", nonces.0, nonces.1, gateway, Some(generation)), claimed)
}

#[cfg(test)]
mod tests;
