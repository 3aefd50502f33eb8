//! The TCP port: takes connections, checks their HTTP head, and hands each to its session.
//!
//! `hyper` reads heads; what it does not bound is bounded here: sockets that say nothing, sockets that prove nothing, slow readers.

pub(crate) mod gate;
mod http;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use self::gate::{Door, Gate, Permit};
use crate::clock::Clock;
use crate::driver::HubHandle;
use crate::hub::event::SessionId;
use crate::metrics::Metrics;
use crate::timing::Timing;
use crate::wire::Blob;

const BACKLOG: i32 = 1_024;
/// Wait after an accept that failed for want of files or memory; doubled up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// Longest wait for connections to take their goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says; `AddrInUse` if another program has the port.
    pub source: io::Error,
}

/// What the network side needs of the service.
pub(crate) struct Ports {
    /// Where events go.
    pub(crate) hub: HubHandle,
    /// The service's identity.
    pub(crate) service_key: SigningKey,
    /// What the plugin proves.
    pub(crate) link_key: Zeroizing<[u8; 32]>,
    /// Name that devices see.
    pub(crate) name: Arc<str>,
    /// Name of the store.
    pub(crate) epoch: Arc<str>,
    /// Waits.
    pub(crate) timing: Timing,
    /// Time.
    pub(crate) clock: Clock,
}

/// What all connections share.
pub(crate) struct House {
    pub(crate) ports: Arc<Ports>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) metrics: Metrics,
    pub(crate) cancel: CancellationToken,
    bound: Vec<SocketAddr>,
    sessions: AtomicU64,
}

/// One connection, for its session.
pub(crate) struct Visit {
    /// Its name.
    pub(crate) session: SessionId,
    /// Address of the peer.
    pub(crate) peer: IpAddr,
    /// Dropped once the peer has authenticated.
    pub(crate) permit: Option<Permit>,
}

impl House {
    pub(crate) fn new(ports: Arc<Ports>, bound: Vec<SocketAddr>, cancel: CancellationToken) -> Self {
        let gate = Gate::new(ports.clock);
        Self { ports, gate, metrics: Metrics::default(), cancel, bound, sessions: AtomicU64::new(1) }
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

    fn visit(&self, peer: IpAddr, permit: Permit) -> Visit {
        let session = SessionId(self.sessions.fetch_add(1, Ordering::Relaxed));
        Visit { session, peer, permit: Some(permit) }
    }
}

/// Opens the listening sockets. Where a port is 0, all addresses get the port that the first one was given.
///
/// # Errors
/// The first address that could not be opened; nothing stays open then.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let mut port = None;
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let mut address = *address;
        if address.port() == 0 {
            address.set_port(port.unwrap_or(0));
        }
        let listener = open(address).map_err(|source| BindError { address, source })?;
        let bound = listener.local_addr().map_err(|source| BindError { address, source })?;
        port.get_or_insert(bound.port());
        listeners.push(listener);
    }
    Ok(listeners)
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // On Windows this option would let another program take the port over.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Serves until `cancel`, then tells every peer `bye` 9015 and waits at most 2 s for them. Needs a current-thread runtime.
pub(crate) async fn run(listeners: Vec<TcpListener>, ports: Arc<Ports>, cancel: CancellationToken) {
    let bound = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    let house = Arc::new(House::new(ports, bound, cancel));
    let mut doors = JoinSet::new();
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => drop(doors.spawn(accept(listener, Arc::clone(&house)))),
            Err(error) => tracing::error!(%error, "a listening socket cannot be used"),
        }
    }
    while let Some(ended) = doors.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "an accept loop ended");
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, house: Arc<House>) {
    let mut connections = JoinSet::new();
    let mut wait = BACK_OFF.0;
    loop {
        let accepted = tokio::select! {
            () = house.cancel.cancelled() => break,
            Some(ended) = connections.join_next() => {
                note(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                wait = BACK_OFF.0;
                take(stream, peer, &house, &mut connections);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "connections cannot be accepted for now");
                tokio::select! {
                    () = house.cancel.cancelled() => break,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(BACK_OFF.1);
            }
        }
    }
    drop(listener);
    let all_gone = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
    };
    // Those that do not take their goodbye in time are cut off when the set is dropped.
    let _ = tokio::time::timeout(GOODBYE, all_gone).await;
}

fn take(stream: TcpStream, peer: SocketAddr, house: &Arc<House>, connections: &mut JoinSet<()>) {
    let Some(permit) = house.gate.admit(peer.ip()) else {
        house.metrics.turned_away.add();
        return;
    };
    house.metrics.accepted.add();
    let house = Arc::clone(house);
    connections.spawn(async move {
        let _open = house.metrics.open.hold();
        let visit = house.visit(peer.ip().to_canonical(), permit);
        http::serve(stream, peer, visit, &house).await;
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
