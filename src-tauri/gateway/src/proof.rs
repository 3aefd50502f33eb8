//! What makes it safe to show a gateway its shared secret.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::Address;

/// Somebody looked, a moment ago: it is the user's gateway that listens at this address.
///
/// Whoever makes one answers for it. Loopback is no proof, and neither is an answer of the listener: any program can hold the port.
#[derive(Clone)]
pub struct Proof {
    address: Address,
    at: Instant,
    basis: Basis,
    check: Option<Check>,
}

type Check = Arc<dyn Fn(Ends) -> bool + Send + Sync>;

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends {
    /// Of this program.
    pub local: SocketAddr,
    /// Of the one who took the connection.
    pub peer: SocketAddr,
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The process that listens is the one of the gateway's own lock, by its number and its start time.
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

    /// The look was at `at`. `check` looks again, at the connection itself, right before the secret would go out over it: whoever took the
    /// port or the connection in between is found out. It may block.
    pub fn of_listener(
        address: Address,
        pid: u32,
        at: Instant,
        check: impl Fn(Ends) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { address, at, basis: Basis::Listener { pid }, check: Some(Arc::new(check)) }
    }

    /// The address is one of `wss:`, and the user configured its name or its certificate: TLS itself is the look.
    /// `None`: it is plain, where no certificate says anything.
    pub fn of_certificate(address: Address, at: Instant) -> Option<Self> {
        address.is_encrypted().then(|| Self { address, at, basis: Basis::Certificate, check: None })
    }

    /// A person said so at `at`, after they were shown the address.
    pub fn of_person(address: Address, at: Instant) -> Self {
        Self { address, at, basis: Basis::Person, check: None }
    }

    /// How it is known.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// Whether it is about this address and good at `now`.
    pub fn covers(&self, address: &Address, now: Instant) -> bool {
        self.address == *address && now.saturating_duration_since(self.at) <= Self::LIFE
    }

    /// Whether it is about this very connection. Blocks elsewhere.
    pub(crate) async fn holds(&self, ends: Ends) -> bool {
        let Some(check) = self.check.clone() else { return true };
        // A check that panics has seen nothing good.
        tokio::task::spawn_blocking(move || check(ends)).await.unwrap_or(false)
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        let same_check = match (&self.check, &other.check) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_check && (&self.address, self.at, self.basis) == (&other.address, other.at, other.basis)
    }
}

impl Eq for Proof {}

impl fmt::Debug for Proof {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Proof")
            .field("address", &self.address)
            .field("basis", &self.basis)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_about_one_address_and_a_moment() {
        let now = Instant::now();
        let proof = Proof::of_person(Address::local(7), now);
        assert!(proof.covers(&Address::local(7), now) && proof.covers(&Address::local(7), now + Proof::LIFE));
        assert!(!proof.covers(&Address::local(8), now));
        assert!(!proof.covers(&Address::local(7), now + Proof::LIFE + Duration::from_millis(1)));
        assert_eq!(Proof::of_certificate(Address::local(7), now), None, "plain ws has no certificate");
    }
}
