//! What makes it safe to show a gateway its shared secret.

use std::time::{Duration, Instant};

use crate::address::Address;

/// Somebody looked, a moment ago: it is the user's gateway that listens at this place.
///
/// Whoever makes one answers for it. Loopback is no proof, and neither is an answer of the listener: any program can hold the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    address: Address,
    at: Instant,
    basis: Basis,
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The owner of the listening socket is the process of the gateway's own lock, by its number and its start time.
    Listener {
        /// Of the process.
        pid: u32,
    },
    /// The certificate is the gateway's: the pinned one, or one for the name that the user configured.
    Certificate,
    /// The person said so, after they were shown the address.
    Person,
}

impl Proof {
    /// For how long one is good: the listener may be another one after that.
    pub const LIFE: Duration = Duration::from_secs(10);

    /// The look was at `at`.
    pub fn new(address: Address, basis: Basis, at: Instant) -> Self {
        Self { address, at, basis }
    }

    /// How it is known.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// Whether it is about this place and good at `now`.
    pub fn covers(&self, address: &Address, now: Instant) -> bool {
        self.address == *address && now.saturating_duration_since(self.at) <= Self::LIFE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_about_one_place_and_a_moment() {
        let now = Instant::now();
        let proof = Proof::new(Address::local(7), Basis::Person, now);
        assert!(proof.covers(&Address::local(7), now) && proof.covers(&Address::local(7), now + Proof::LIFE));
        assert!(!proof.covers(&Address::local(8), now));
        assert!(!proof.covers(&Address::local(7), now + Proof::LIFE + Duration::from_millis(1)));
    }
}
