//! A device that asks by itself: commit, answer, reveal (docs/PROTOCOL.md 2.2).
//!
//! The device names its nonce only after the service named its own, and it cannot change it any more then. So nobody in between can look for nonces that
//! give both sides the same code; he can only start again, and how often is limited (`hub/announcement.rs`).

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

use super::{Chan, Impostor, Meeting, transcript, verify};
use crate::wire::Blob;
use crate::wire::device::Announce;

/// What a device says about its nonce before it names it.
pub fn commitment(pk: &Blob<32>, cn: &Blob<32>) -> Blob<32> {
    Blob(Sha256::digest(transcript("smartpi1-announce-commit", &[&pk.0, &cn.0])).into())
}

fn answer_transcript(announce: &Announce, spk: &Blob<32>, (sn, chan): (&Blob<32>, &Chan), an: &Blob<32>) -> Vec<u8> {
    let chan = chan.words();
    transcript(
        "smartpi1-announce-service",
        &[
            &spk.0,
            &sn.0,
            &an.0,
            &announce.pk.0,
            &announce.commit.0,
            chan.as_bytes(),
            announce.name.as_bytes(),
            announce.kind.as_str().as_bytes(),
        ],
    )
}

/// The service's signature under its answer. `greeting`: the nonce of `hello`, and the transport.
pub fn sign_answer(service: &SigningKey, announce: &Announce, greeting: (&Blob<32>, &Chan), an: &Blob<32>) -> Blob<64> {
    let spk = Blob(service.verifying_key().to_bytes());
    Blob(service.sign(&answer_transcript(announce, &spk, greeting, an)).to_bytes())
}

/// The device's check before it names its nonce.
///
/// # Errors
/// [`Impostor::BadSignature`].
pub fn check_answer(announce: &Announce, meeting: &Meeting, an: &Blob<32>, sig: &Blob<64>) -> Result<(), Impostor> {
    let message = answer_transcript(announce, &meeting.spk, (&meeting.sn, &meeting.chan), an);
    verify(&meeting.spk, &message, sig).ok_or(Impostor::BadSignature)
}

/// The six digits that both sides compute and the person compares, by typing them.
pub fn code(meeting: &Meeting, an: &Blob<32>, pk: &Blob<32>) -> u32 {
    let chan = meeting.chan.words();
    let parts: [&[u8]; 6] = [&meeting.spk.0, &meeting.sn.0, &an.0, &pk.0, &meeting.cn.0, chan.as_bytes()];
    let digest = Sha256::digest(transcript("smartpi1-announce-code", &parts));
    let number = u64::from_be_bytes(std::array::from_fn(|index| digest[index]));
    u32::try_from(number % 1_000_000).expect("below a million")
}
