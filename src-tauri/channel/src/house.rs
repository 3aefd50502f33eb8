//! What all connections share, and what each of them is: the ground on which the listener and the sessions stand.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::SigningKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::driver::HubHandle;
use crate::gate::{Door, Gate, Permit};
use crate::hub::event::SessionId;
use crate::metrics::Metrics;
use crate::proof::Chan;
use crate::reached::Reached;
use crate::timing::Timing;
use crate::tls::Tls;
use crate::wire::Blob;

/// The addresses that are listened on, in the order in which they were wished for.
pub(crate) type Listening = Arc<[SocketAddr]>;

/// What the network side needs of the service.
pub(crate) struct Ports {
    /// Where events go.
    pub(crate) hub: HubHandle,
    /// The service's identity.
    pub(crate) service_key: SigningKey,
    /// Key and certificate of TLS.
    pub(crate) tls: Tls,
    /// What the plugin proves.
    pub(crate) link_key: Zeroizing<[u8; 32]>,
    /// Name that devices see.
    pub(crate) name: Arc<str>,
    /// Name of the store as it is now.
    pub(crate) epoch: watch::Receiver<Arc<str>>,
    /// Waits.
    pub(crate) timing: Timing,
    /// Time.
    pub(crate) clock: Clock,
    /// Which of our addresses other machines were heard at.
    pub(crate) reached: Arc<Reached>,
}

/// What all connections share.
pub(crate) struct House {
    pub(crate) ports: Arc<Ports>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) metrics: Metrics,
    listening: watch::Receiver<Listening>,
    sessions: AtomicU64,
}

/// One connection, for its session.
pub(crate) struct Visit {
    /// Its name.
    pub(crate) session: SessionId,
    /// Address of the peer.
    pub(crate) peer: IpAddr,
    /// How it came.
    pub(crate) chan: Chan,
    /// Dropped once the peer has authenticated.
    pub(crate) permit: Option<Permit>,
    /// Cancelled when its address is no longer listened on, and when the service stops.
    pub(crate) cancel: CancellationToken,
}

impl House {
    /// Nobody has come yet.
    pub(crate) fn new(ports: Arc<Ports>, listening: watch::Receiver<Listening>) -> Self {
        let gate = Gate::new(ports.clock);
        Self { ports, gate, metrics: Metrics::default(), listening, sessions: AtomicU64::new(1) }
    }

    /// The addresses that are listened on now.
    pub(crate) fn listening(&self) -> Listening {
        Arc::clone(&self.listening.borrow())
    }

    /// A fresh challenge. `None`: the system has no random numbers.
    pub(crate) fn nonce(&self) -> Option<Blob<32>> {
        let mut nonce = [0; 32];
        match getrandom::fill(&mut nonce) {
            Ok(()) => Some(Blob(nonce)),
            Err(error) => {
                tracing::error!(%error, "the system gives no random numbers");
                None
            }
        }
    }

    /// Notes a failed proof.
    pub(crate) fn failed(&self, peer: IpAddr, door: Door) {
        self.metrics.failed_proofs.add();
        self.gate.failed(peer, door);
    }

    /// Names a connection that was let in.
    pub(crate) fn visit(&self, peer: IpAddr, permit: Permit, cancel: CancellationToken) -> Visit {
        let session = SessionId(self.sessions.fetch_add(1, Ordering::Relaxed));
        Visit { session, peer, chan: Chan::Plain, permit: Some(permit), cancel }
    }
}
