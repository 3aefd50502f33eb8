//! A binding code, from its first second to its last. Pure: time and randomness come from outside.

use std::net::{IpAddr, SocketAddr};

use ed25519_dalek::{SigningKey, VerifyingKey};
use tokio::sync::watch;

use crate::hub::event::SessionId;
use crate::outbox::Outbox;
use crate::proof::{self, Meeting, Secret};
use crate::view::{BindFailure, BindProgress, Claimant};
use crate::wire::device::{Bind, Confirm, ToDevice};
use crate::wire::{self, Blob};

const FAILED_PROOFS: u8 = 5;
const WRONG_CODES: u8 = 3;

/// One binding code.
#[derive(Debug)]
pub struct Ticket {
    /// Public handle.
    pub b: Blob<8>,
    /// Where the device is sent.
    pub address: SocketAddr,
    secret: Secret,
    state: State,
    /// When it dies, ms of the monotonic clock.
    pub deadline: u64,
    /// Where its state can be followed.
    pub progress: watch::Sender<BindProgress>,
    failed_proofs: u8,
}

#[derive(Debug)]
enum State {
    Active,
    Claimed(Box<Claim>),
    Over,
}

/// A device that proved the code.
#[derive(Debug)]
pub struct Claim {
    /// Its connection.
    pub session: SessionId,
    /// Where its frames go.
    pub outbox: Outbox,
    /// Its key.
    pub public_key: VerifyingKey,
    /// Who it says it is.
    pub claimant: Claimant,
    /// When it claimed, ms since 1970.
    pub since_ms: i64,
    code: u8,
    shown: bool,
    tries_left: u8,
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

/// What became of a typed code.
#[derive(Debug)]
pub enum Typed {
    /// Right: bind this device.
    Right(Box<Claim>),
    /// Wrong; tries left.
    Wrong(u8),
    /// Wrong for the last time; the device to refuse.
    Dead(Outbox),
    /// Nobody shows a code.
    NotConfirming,
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
    pub fn new(address: SocketAddr, (b, secret): (Blob<8>, Secret), deadline: u64, expires_ms: i64) -> Self {
        let (progress, _) = watch::channel(BindProgress::Waiting { expires_ms });
        Self { b, address, secret, state: State::Active, deadline, progress, failed_proofs: 0 }
    }

    /// The QR content.
    pub fn url(&self, service: &SigningKey) -> String {
        let address = self.address;
        let pin = proof::key_pin(&Blob(service.verifying_key().to_bytes()));
        format!("http://{address}/b#1.{}.{}.{}", self.b.encode(), Blob(*self.secret).encode(), pin.encode())
    }

    /// Whether nobody has claimed it and it may be replaced.
    pub fn is_unclaimed(&self) -> bool {
        !matches!(self.state, State::Claimed(_))
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The device that waits, and whether it shows its code.
    pub fn claim(&self) -> Option<(&Claim, bool)> {
        match &self.state {
            State::Claimed(claim) => Some((claim, claim.shown)),
            State::Active | State::Over => None,
        }
    }

    /// A device claims the code over a connection that greeted with `sn`.
    pub fn claimed(
        &mut self,
        desk: Desk<'_>,
        (session, peer, outbox): (SessionId, IpAddr, &Outbox),
        sn: &Blob<32>,
        bind: &Bind,
        name: String,
    ) -> Claimed {
        let meeting =
            Meeting { sn: sn.clone(), spk: Blob(desk.service.verifying_key().to_bytes()), cn: bind.cn.clone() };
        if self.is_over() {
            return Claimed::Refused;
        }
        let public_key = proof::public_key(&bind.pk)
            .filter(|_| proof::bind_mac_holds(&self.secret, &meeting.sn, &meeting.spk, bind));
        let Some(public_key) = public_key else {
            self.failed_proofs += 1;
            if self.failed_proofs >= FAILED_PROOFS && self.is_unclaimed() {
                self.end(BindFailure::TooManyFailures);
            }
            return Claimed::Refused;
        };
        if let State::Claimed(earlier) = &self.state
            && earlier.public_key != public_key
        {
            let earlier = earlier.outbox.clone();
            self.end(BindFailure::SecondClaim);
            return Claimed::Both(earlier);
        }
        let (mac, sig) = proof::bind_wait(&self.secret, desk.service, &self.b, &meeting, &bind.pk);
        let claimant = Claimant { name, kind: bind.kind, address: peer, how: bind.confirm };
        // The same device after a lost connection keeps its tries: reconnecting must not buy new guesses.
        let tries_left = self.claim().map_or(WRONG_CODES, |(earlier, _)| earlier.tries_left);
        self.deadline = desk.now + desk.confirm_ms;
        self.progress.send_replace(BindProgress::Scanned(claimant.clone()));
        self.state = State::Claimed(Box::new(Claim {
            session,
            outbox: outbox.clone(),
            public_key,
            claimant,
            since_ms: desk.wall,
            code: proof::bind_code(&self.secret, &self.b, &meeting, &bind.pk),
            shown: false,
            tries_left,
        }));
        Claimed::Waits(ToDevice::BindWait { mac, sig, expires_s: desk.confirm_ms / 1_000 })
    }

    /// The person can see the code.
    pub fn shown(&mut self, session: SessionId) {
        if let State::Claimed(claim) = &mut self.state
            && claim.session == session
            && !claim.shown
        {
            claim.shown = true;
            self.progress.send_replace(BindProgress::Confirming(claim.claimant.clone()));
        }
    }

    /// The person typed something.
    pub fn typed(&mut self, typed: &str) -> Typed {
        let State::Claimed(claim) = &mut self.state else { return Typed::NotConfirming };
        if !claim.shown {
            return Typed::NotConfirming;
        }
        let right = match claim.claimant.how {
            Confirm::Code => typed.trim() == format!("{:02}", claim.code),
            Confirm::Allow => typed.trim().eq_ignore_ascii_case("allow"),
        };
        if right {
            let State::Claimed(claim) = std::mem::replace(&mut self.state, State::Over) else {
                return Typed::NotConfirming;
            };
            return Typed::Right(claim);
        }
        claim.tries_left -= 1;
        if claim.tries_left > 0 {
            return Typed::Wrong(claim.tries_left);
        }
        let outbox = claim.outbox.clone();
        self.end(BindFailure::WrongCode);
        Typed::Dead(outbox)
    }

    /// The claiming connection has ended. Whether it was this code's.
    pub fn left(&mut self, session: SessionId) -> bool {
        let ours = matches!(&self.state, State::Claimed(claim) if claim.session == session);
        if ours {
            self.end(BindFailure::DeviceLeft);
        }
        ours
    }

    /// Ends the code; the device that waited, if one did.
    pub fn end(&mut self, failure: BindFailure) -> Option<Outbox> {
        if self.is_over() {
            return None;
        }
        self.progress.send_replace(BindProgress::Failed(failure));
        match std::mem::replace(&mut self.state, State::Over) {
            State::Claimed(claim) => Some(claim.outbox),
            State::Active | State::Over => None,
        }
    }
}

/// Fresh random bytes for a code.
///
/// # Errors
/// The system gives no random numbers.
pub fn fresh() -> Result<(Blob<8>, Secret), getrandom::Error> {
    let mut b = [0; 8];
    let mut secret = Secret::new([0; 16]);
    getrandom::fill(&mut b)?;
    getrandom::fill(&mut secret[..])?;
    Ok((Blob(b), secret))
}

const _: () = assert!(wire::GREETING_FRAME >= 1_024, "a bind frame must fit");
