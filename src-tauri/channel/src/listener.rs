//! The TCP port: takes connections, over TLS or not, checks their HTTP head, and hands each to its session.
//!
//! `hyper` reads heads; what it does not bound is bounded here: sockets that say nothing, sockets that prove nothing, slow readers.

mod doors;
pub(crate) mod gate;
pub(crate) mod http;
pub(crate) mod reached;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use self::doors::Doors;
pub use self::doors::{BindError, bind};
pub(crate) use self::doors::{Listening, Wish};
use self::gate::{Door, Gate, Permit};
use self::reached::Reached;
use crate::clock::Clock;
use crate::driver::HubHandle;
use crate::hub::event::SessionId;
use crate::metrics::Metrics;
use crate::proof::Chan;
use crate::timing::Timing;
use crate::tls::Tls;
use crate::wire::Blob;

/// Wait after an accept that failed for want of files or memory; doubled up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// Longest wait for connections to take their goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

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
    fn new(ports: Arc<Ports>, listening: watch::Receiver<Listening>) -> Self {
        let gate = Gate::new(ports.clock);
        Self { ports, gate, metrics: Metrics::default(), listening, sessions: AtomicU64::new(1) }
    }

    /// The addresses that are listened on now.
    fn listening(&self) -> Listening {
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

    fn visit(&self, peer: IpAddr, permit: Permit, cancel: CancellationToken) -> Visit {
        let session = SessionId(self.sessions.fetch_add(1, Ordering::Relaxed));
        Visit { session, peer, chan: Chan::Plain, permit: Some(permit), cancel }
    }
}

/// Serves the addresses that were opened, and those that are wished for later, until `cancel`: then tells every peer `bye` 9015 and waits at most 2 s for
/// them. Needs a current-thread runtime.
pub(crate) async fn run(
    listeners: Vec<TcpListener>,
    ports: Arc<Ports>,
    listening: watch::Sender<Listening>,
    mut wishes: mpsc::Receiver<Wish>,
    cancel: CancellationToken,
) {
    let house = Arc::new(House::new(ports, listening.subscribe()));
    let mut doors = Doors::new(house, listening, cancel.clone());
    if let Err(error) = doors.add(listeners) {
        tracing::error!(%error, "the first addresses cannot be listened on");
    }
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            // Where nobody is left who could wish, what is open stays open.
            Some(wish) = wishes.recv() => doors.grant(wish).await,
            Some(ended) = doors.leaving.join_next() => note(ended),
        }
    }
    doors.close_all().await;
    while let Some(ended) = doors.leaving.join_next().await {
        note(ended);
    }
}

/// Takes connections until `cancel`; then the address is free, and those that are still there are returned.
async fn accept(listener: tokio::net::TcpListener, house: Arc<House>, cancel: CancellationToken) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let mut wait = BACK_OFF.0;
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => return connections,
            Some(ended) = connections.join_next() => {
                note(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                wait = BACK_OFF.0;
                take(stream, peer, &house, &cancel, &mut connections);
                // Whoever came first is heard first: a crowd at the door takes nobody's place before that.
                tokio::task::yield_now().await;
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "connections cannot be accepted for now");
                tokio::select! {
                    () = cancel.cancelled() => return connections,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(BACK_OFF.1);
            }
        }
    }
}

/// Waits for connections to take their goodbye. Those that do not in time are cut off.
async fn see_off(mut connections: JoinSet<()>) {
    let all_gone = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    };
    let _ = tokio::time::timeout(GOODBYE, all_gone).await;
}

fn take(
    stream: TcpStream,
    peer: SocketAddr,
    house: &Arc<House>,
    cancel: &CancellationToken,
    connections: &mut JoinSet<()>,
) {
    let Some(permit) = house.gate.admit(peer.ip()) else {
        house.metrics.turned_away.add();
        return;
    };
    house.metrics.accepted.add();
    let (house, cancel) = (Arc::clone(house), cancel.clone());
    #[cfg(test)]
    let cancel = if tests::FORGETFUL.get() { CancellationToken::new() } else { cancel };
    connections.spawn(async move {
        let _open = house.metrics.open.hold();
        let lost = permit.lost();
        let visit = house.visit(peer.ip().to_canonical(), permit, cancel);
        tokio::select! {
            biased;
            // Only while nobody but this task knows of the connection.
            () = lost.cancelled() => house.metrics.turned_away.add(),
            () = http::serve(stream, peer, visit, &house) => {}
        }
    });
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended badly");
    }
}

/// Errors that `accept` reports of a connection that is gone already (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | WouldBlock)
}

#[cfg(test)]
pub(crate) mod rig;
#[cfg(test)]
mod tests;
