//! One attempt to bind a device, however it came: who waits for the person, and what the person types. Pure: time and randomness come from outside.

use ed25519_dalek::VerifyingKey;
use tokio::sync::watch;

use crate::hub::event::SessionId;
use crate::outbox::Outbox;
use crate::view::{BindFailure, BindProgress, Claimant};
use crate::wire::Blob;
use crate::wire::device::Confirm;

/// Wrong codes that end an attempt.
pub const WRONG_CODES: u8 = 3;

/// An attempt from its first second to its last.
#[derive(Debug)]
pub struct Attempt {
    /// Public handle.
    pub b: Blob<8>,
    /// When it dies, ms of the monotonic clock.
    pub deadline: u64,
    /// Where its state can be followed.
    pub progress: watch::Sender<BindProgress>,
    state: State,
}

#[derive(Debug)]
enum State {
    Active,
    Claimed(Box<Claim>),
    Over,
}

/// A device that waits for the person.
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
    /// Whether it came over TLS: then it is told the certificate to keep.
    pub secure: bool,
    /// When it claimed, ms since 1970.
    pub since_ms: i64,
    /// The digits that it shows.
    pub code: String,
    /// Whether the person can see them.
    pub shown: bool,
    /// Wrong codes that may still be typed.
    pub tries_left: u8,
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

impl Attempt {
    /// One that dies at `deadline` (monotonic ms; `expires_ms` is the same for people).
    pub fn new(b: Blob<8>, deadline: u64, expires_ms: i64) -> Self {
        let (progress, _) = watch::channel(BindProgress::Waiting { expires_ms });
        Self { b, deadline, progress, state: State::Active }
    }

    /// Whether no device waits.
    pub fn is_unclaimed(&self) -> bool {
        !matches!(self.state, State::Claimed(_))
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The device that waits.
    pub fn claim(&self) -> Option<&Claim> {
        match &self.state {
            State::Claimed(claim) => Some(claim),
            State::Active | State::Over => None,
        }
    }

    /// A device waits from now on, until `deadline`. One that is over stays so.
    pub fn claimed(&mut self, claim: Claim, deadline: u64) {
        if !self.is_over() {
            self.deadline = deadline;
            self.state = State::Claimed(Box::new(claim));
        }
    }

    /// The person can see the code. Whether that is news of this attempt.
    pub fn shown(&mut self, session: SessionId) -> bool {
        if let State::Claimed(claim) = &mut self.state
            && claim.session == session
            && !claim.shown
        {
            claim.shown = true;
            self.progress.send_replace(BindProgress::Confirming(claim.claimant.clone()));
            return true;
        }
        false
    }

    /// The person typed something.
    pub fn typed(&mut self, typed: &str) -> Typed {
        let State::Claimed(claim) = &mut self.state else { return Typed::NotConfirming };
        if !claim.shown {
            return Typed::NotConfirming;
        }
        // Six digits are shown in two groups, and people copy the gap.
        let typed: String = typed.split_whitespace().collect();
        let right = match claim.claimant.how {
            Confirm::Code => typed == claim.code,
            Confirm::Allow => typed.eq_ignore_ascii_case("allow"),
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

    /// A connection has ended: so has the attempt, if it was this one's.
    pub fn left(&mut self, session: SessionId) {
        if self.claim().is_some_and(|claim| claim.session == session) {
            self.end(BindFailure::DeviceLeft);
        }
    }

    /// Ends it; the device that waited, if one did.
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
