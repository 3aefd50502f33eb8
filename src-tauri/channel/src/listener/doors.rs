//! The addresses that are listened on, and how they change while the service runs.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::{accept, see_off};
use crate::house::{House, Listening};
use crate::hub::event::Event;

const BACKLOG: i32 = 1_024;
/// How often another port is tried where the system may choose one and the one it chose is taken at a later address.
const TRIES: u32 = 16;

/// Exactly these addresses shall be listened on.
#[derive(Debug)]
pub(crate) struct Wish {
    /// Port 0: any, the same for all.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The addresses with their ports. Dropped when the service ends.
    pub(crate) reply: oneshot::Sender<Result<Listening, BindError>>,
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("could not listen on {address}")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// What the system says; `AddrInUse` if another program has the port.
    pub source: io::Error,
}

/// Opens the listening sockets, each address once. Where a port is 0, all addresses get the port that the first one was given.
///
/// # Errors
/// The first address that could not be opened; nothing stays open then.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let chosen_by_system = addresses.first().is_some_and(|first| first.port() == 0);
    let mut tries = 1;
    loop {
        match bind_once(addresses) {
            Err(error) if chosen_by_system && error.source.kind() == io::ErrorKind::AddrInUse && tries < TRIES => {
                tries += 1;
            }
            done => return done,
        }
    }
}

fn bind_once(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let mut port = None;
    let mut opened: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let mut address = *address;
        if address.port() == 0 {
            address.set_port(port.unwrap_or(0));
        }
        if opened.contains(&address) {
            continue;
        }
        let listener = open(address).map_err(|source| BindError { address, source })?;
        let bound = listener.local_addr().map_err(|source| BindError { address, source })?;
        port.get_or_insert(bound.port());
        opened.push(bound);
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

/// Which address each wish means: what is there already serves a wish for any port of its address, and other wishes for any port get the port of the first
/// that has one. Each address once.
fn meant(present: &[SocketAddr], wished: &[SocketAddr]) -> Vec<SocketAddr> {
    let settled = |wish: &SocketAddr| match wish.port() {
        0 => present.iter().find(|address| address.ip() == wish.ip()).copied(),
        _ => Some(*wish),
    };
    let port = wished.iter().find_map(settled).map_or(0, |address| address.port());
    let mut meant = Vec::with_capacity(wished.len());
    for wish in wished {
        let address = settled(wish).unwrap_or(SocketAddr::new(wish.ip(), port));
        if !meant.contains(&address) {
            meant.push(address);
        }
    }
    meant
}

/// One address, and the connections that were accepted there.
struct Open {
    address: SocketAddr,
    cancel: CancellationToken,
    accepting: JoinHandle<JoinSet<()>>,
}

/// All of them.
pub(super) struct Doors {
    house: Arc<House>,
    listening: watch::Sender<Listening>,
    cancel: CancellationToken,
    open: Vec<Open>,
    /// Connections of closed addresses that still take their goodbye.
    pub(super) leaving: JoinSet<()>,
}

impl Doors {
    /// None. `cancel` ends all that will be opened.
    pub(super) fn new(house: Arc<House>, listening: watch::Sender<Listening>, cancel: CancellationToken) -> Self {
        Self { house, listening, cancel, open: Vec::new(), leaving: JoinSet::new() }
    }

    /// Accepts on sockets that are open already.
    ///
    /// # Errors
    /// One of them cannot be used; then nothing has changed.
    pub(super) fn add(&mut self, listeners: Vec<TcpListener>) -> Result<(), BindError> {
        let mut ready = Vec::with_capacity(listeners.len());
        for listener in listeners {
            let unknown = SocketAddr::from(([0; 4], 0));
            let address = listener.local_addr().map_err(|source| BindError { address: unknown, source })?;
            let listener =
                tokio::net::TcpListener::from_std(listener).map_err(|source| BindError { address, source })?;
            ready.push((address, listener));
        }
        for (address, listener) in ready {
            let cancel = self.cancel.child_token();
            let accepting = tokio::spawn(accept(listener, Arc::clone(&self.house), cancel.clone()));
            self.open.push(Open { address, cancel, accepting });
        }
        self.publish();
        Ok(())
    }

    /// Makes exactly the wished addresses the ones that are listened on; or changes nothing, where one of them cannot be opened. Returns when the others are
    /// free again; their connections may take a little longer to leave.
    pub(super) async fn grant(&mut self, wish: Wish) {
        let changed = self.change(&wish.addresses).await;
        if let Ok(listening) = &changed {
            // A hub that has ended gives no codes any more.
            let _ = self.house.ports.hub.send(Event::Listening(Arc::clone(listening))).await;
        }
        // Who does not wait for the answer has its wish all the same.
        let _ = wish.reply.send(changed);
    }

    async fn change(&mut self, wished: &[SocketAddr]) -> Result<Listening, BindError> {
        let present: Vec<SocketAddr> = self.open.iter().map(|open| open.address).collect();
        let wished = meant(&present, wished);
        let new: Vec<SocketAddr> = wished.iter().filter(|address| !present.contains(address)).copied().collect();
        self.add(bind(&new)?)?;
        let gone = |open: &mut Open| present.contains(&open.address) && !wished.contains(&open.address);
        let closing: Vec<Open> = self.open.extract_if(.., gone).collect();
        // A new address has another port than was wished where that was 0.
        let is = |open: &Open, wish: &SocketAddr| {
            open.address == *wish || (wish.port() == 0 && wish.ip() == open.address.ip())
        };
        self.open.sort_by_key(|open| wished.iter().position(|wish| is(open, wish)));
        self.publish();
        self.close(closing).await;
        Ok(Arc::clone(&self.listening.borrow()))
    }

    /// Closes every address.
    pub(super) async fn close_all(&mut self) {
        let closing = std::mem::take(&mut self.open);
        self.publish();
        self.close(closing).await;
    }

    async fn close(&mut self, closing: Vec<Open>) {
        for open in &closing {
            open.cancel.cancel();
        }
        for open in closing {
            match open.accepting.await {
                Ok(connections) => drop(self.leaving.spawn(see_off(connections))),
                Err(error) => tracing::error!(%error, "an accept loop ended"),
            }
        }
    }

    fn publish(&self) {
        self.listening.send_replace(self.open.iter().map(|open| open.address).collect());
    }
}

#[cfg(test)]
mod tests;
