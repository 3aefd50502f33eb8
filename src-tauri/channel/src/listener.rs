//! The TCP port: takes connections, over TLS or not, checks their HTTP head, and hands each to its session.
//!
//! `hyper` reads heads; what it does not bound is bounded here: sockets that say nothing, sockets that prove nothing, slow readers.

mod doors;
pub(crate) mod http;
mod stream;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::doors::Doors;
pub(crate) use self::doors::Wish;
pub use self::doors::{BindError, bind};
use crate::house::{House, Listening, Ports};

/// Wait after an accept that failed for want of files or memory; doubled up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// Longest wait for connections to take their goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

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
