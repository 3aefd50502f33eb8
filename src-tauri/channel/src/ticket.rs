//! A binding code, from its first second to its last. Pure: time and randomness come from outside.
//!
//! It has two handles, one for the camera and one for the fingers. They are one code: one life, one success, and a second device ends it, whichever handle it used.

use std::net::SocketAddr;

use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use crate::attempt::{Attempt, Claim, WRONG_CODES};
use crate::hub::event::{Caller, SessionId};
use crate::outbox::Outbox;
use crate::proof::typed::{self, TypedCode};
use crate::proof::{self, Chan, Meeting, Secret};
use crate::view::{BindFailure, BindProgress, Claimant, Entry};
use crate::wire::device::{Bind, ToDevice};
use crate::wire::{self, Blob};

const FAILED_PROOFS: u8 = 5;

/// The random bytes of a code.
pub struct Secrets {
    /// Public handle of the QR code.
    pub b: Blob<8>,
    /// Its secret.
    pub scanned: Secret,
    /// The same code for a keyboard.
    pub typed: TypedCode,
}

/// One binding code.
pub struct Ticket {
    /// Who waits, and how long.
    pub attempt: Attempt,
    /// Where the device is sent.
    pub address: SocketAddr,
    secrets: Secrets,
    failed_proofs: u8,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ticket").field("address", &self.address).finish_non_exhaustive()
    }
}

/// What became of a `bind`.
#[derive(Debug)]
pub enum Claimed {
    /// The device waits for the person.
    Waits(ToDevice),
    /// Wrong proof, or the code is over.
    Refused,
    /// Another device had claimed it: both are refused; the earlier one's outbox.
    Both(Outbox),
}

/// Time and keys that a claim needs.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The service's key.
    pub service: &'a SigningKey,
    /// Now, ms of the monotonic clock.
    pub now: u64,
    /// Now, ms since 1970.
    pub wall: i64,
    /// Time to confirm, ms.
    pub confirm_ms: u64,
}

impl Ticket {
    /// A new code that dies at `deadline` (monotonic ms; `expires_ms` is the same for people).
    pub fn new(address: SocketAddr, secrets: Secrets, deadline: u64, expires_ms: i64) -> Self {
        let attempt = Attempt::new(secrets.b.clone(), deadline, expires_ms);
        Self { attempt, address, secrets, failed_proofs: 0 }
    }

    /// The QR content. `tls`: the transport that a device with TLS will see.
    pub fn url(&self, service: &SigningKey, tls: &Chan) -> String {
        let address = self.address;
        let key = proof::key_pin(&Blob(service.verifying_key().to_bytes())).encode();
        let secret = Zeroizing::new(Blob(*self.secrets.scanned).encode());
        let certificate = tls.pin().map_or_else(String::new, |pin| format!(".{}", pin.encode()));
        format!("http://{address}/b#1.{}.{}.{key}{certificate}", self.attempt.b.encode(), *secret)
    }

    /// The same code for a keyboard.
    pub fn code(&self) -> Zeroizing<String> {
        typed::text(&self.secrets.typed)
    }

    /// How a claim names this code, and the secret that it must know then. `None`: it names another one, or one that may not be named there.
    fn entry(&self, b: &Blob<8>, chan: &Chan) -> Option<(Entry, Secret)> {
        if *b == self.secrets.b {
            return Some((Entry::Scanned, self.secrets.scanned.clone()));
        }
        let (handle, secret) = typed::handle(&self.secrets.typed);
        (*b == handle && *chan != Chan::Plain).then_some((Entry::Typed, secret))
    }

    /// Whether a claim names this code.
    pub fn is_named(&self, b: &Blob<8>, chan: &Chan) -> bool {
        self.entry(b, chan).is_some()
    }

    /// A device claims the code.
    pub fn claimed(
        &mut self,
        desk: Desk<'_>,
        (session, caller): (SessionId, &Caller),
        bind: &Bind,
        name: String,
    ) -> Claimed {
        let meeting = Meeting {
            sn: caller.sn.clone(),
            spk: Blob(desk.service.verifying_key().to_bytes()),
            cn: bind.cn.clone(),
            chan: caller.chan.clone(),
        };
        // Whether or not somebody has noticed yet that its time is over.
        if self.attempt.is_over() || desk.now >= self.attempt.deadline {
            return Claimed::Refused;
        }
        let Some((entry, secret)) = self.entry(&bind.b, &caller.chan) else { return Claimed::Refused };
        let public_key = proof::public_key(&bind.pk).filter(|_| proof::bind_mac_holds(&secret, &meeting, bind));
        let Some(public_key) = public_key else {
            self.failed_proofs += 1;
            if self.failed_proofs >= FAILED_PROOFS && self.attempt.is_unclaimed() {
                self.attempt.end(BindFailure::TooManyFailures);
            }
            return Claimed::Refused;
        };
        if let Some(earlier) = self.attempt.claim()
            && earlier.public_key != public_key
            && second_claim_ends_it()
        {
            let earlier = earlier.outbox.clone();
            self.attempt.end(BindFailure::SecondClaim);
            return Claimed::Both(earlier);
        }
        let (mac, sig) = proof::bind_wait(&secret, desk.service, &bind.b, &meeting, &bind.pk);
        let claimant = Claimant { name, kind: bind.kind, address: caller.peer, how: bind.confirm, entry };
        // The same device after a lost connection keeps its tries: reconnecting must not buy new guesses.
        let tries_left = self.attempt.claim().map_or(WRONG_CODES, |earlier| earlier.tries_left);
        self.attempt.progress.send_replace(BindProgress::Scanned(claimant.clone()));
        let claim = Claim {
            session,
            outbox: caller.outbox.clone(),
            public_key,
            claimant,
            secure: caller.chan != Chan::Plain,
            since_ms: desk.wall,
            code: format!("{:02}", proof::bind_code(&secret, &bind.b, &meeting, &bind.pk)),
            shown: false,
            tries_left,
        };
        self.attempt.claimed(claim, desk.now + desk.confirm_ms);
        Claimed::Waits(ToDevice::BindWait { mac, sig, expires_s: desk.confirm_ms / 1_000 })
    }
}

/// Fresh random bytes for a code.
///
/// # Errors
/// The system gives no random numbers.
pub fn fresh() -> Result<Secrets, getrandom::Error> {
    let mut secrets = Secrets { b: Blob([0; 8]), scanned: Secret::new([0; 16]), typed: TypedCode::new([0; 10]) };
    getrandom::fill(&mut secrets.b.0)?;
    getrandom::fill(&mut secrets.scanned[..])?;
    getrandom::fill(&mut secrets.typed[..])?;
    Ok(secrets)
}

#[cfg(not(test))]
fn second_claim_ends_it() -> bool {
    true
}

/// A ticket without the rule is what the product must never have; the tests show that they would notice.
#[cfg(test)]
fn second_claim_ends_it() -> bool {
    !tests::FORGIVING.get()
}

const _: () = assert!(wire::GREETING_FRAME >= 1_024, "a bind frame must fit");

#[cfg(test)]
mod tests;
