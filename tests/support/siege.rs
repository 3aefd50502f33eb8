//! Slow-loris: sockets that hold on without getting anywhere, and a bound device that wants in meanwhile.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use device::Identity;
use tokio::task::JoinSet;

use crate::intruder::{Intruder, TEXT, head, header};
use crate::relay::client_hello;

/// Between two bytes of a socket that dribbles.
const DRIBBLE: Duration = Duration::from_millis(400);
/// Between two tries of the device that belongs here.
const BETWEEN: Duration = Duration::from_millis(15);

/// What a socket does to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It says nothing.
    Silent,
    /// It sends a head byte by byte, without end.
    HalfHead,
    /// It takes the 101 and says nothing after it.
    HalfHandshake,
    /// It takes the 101 and sends a frame byte by byte, without end.
    HalfFrame,
    /// It says with one byte that TLS follows, and nothing after it.
    NoClientHello,
    /// It sends the ClientHello byte by byte, and never its end.
    HalfClientHello,
    /// It finishes the handshake of TLS and says nothing after it.
    SilentBehindTls,
    /// It finishes the handshake of TLS and sends a head byte by byte, without end.
    HalfHeadBehindTls,
}

impl Kind {
    /// Plain, in the proportions 5 : 3 : 1 : 1.
    pub const PLAIN: [Self; 10] = [
        Self::Silent,
        Self::HalfHead,
        Self::Silent,
        Self::HalfHandshake,
        Self::Silent,
        Self::HalfHead,
        Self::Silent,
        Self::HalfFrame,
        Self::Silent,
        Self::HalfHead,
    ];

    /// Over TLS, as many of each.
    pub const TLS: [Self; 4] =
        [Self::NoClientHello, Self::HalfClientHello, Self::SilentBehindTls, Self::HalfHeadBehindTls];
}

/// How a siege went for the sockets of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// How many there were.
    pub count: usize,
    /// How many of them got as far as their kind goes: those behind a handshake finished it.
    pub settled: usize,
    /// How many are open still.
    pub open: usize,
    /// How long the last one held on.
    pub longest: Duration,
}

/// How a siege went.
pub type Outcome = BTreeMap<Kind, Held>;

/// Lays `count` sockets of these kinds around the service, one after the other from each of these addresses, and watches each until it ends or `limit` is over.
/// Runs in a namespace that has the addresses.
///
/// # Errors
/// A connection that the system itself refuses.
pub async fn lay(from: &[Ipv4Addr], to: SocketAddr, kinds: &[Kind], count: usize, limit: Duration) -> Result<Outcome> {
    let hello = client_hello()?;
    let mut sockets = JoinSet::new();
    for index in 0..count {
        let (kind, from) = (kinds[index % kinds.len()], from[index % from.len()]);
        let socket = Intruder::connect(from, to).await?;
        let hello = hello.clone();
        sockets.spawn(async move { (kind, hold(socket, kind, to, &hello, limit).await) });
    }
    let mut outcome = Outcome::new();
    while let Some(ended) = sockets.join_next().await {
        let (kind, (settled, ended)) = ended?;
        let held = outcome.entry(kind).or_default();
        held.count += 1;
        held.settled += usize::from(settled);
        held.open += usize::from(ended.is_none());
        held.longest = held.longest.max(ended.unwrap_or(limit));
    }
    Ok(outcome)
}

/// Whether it got as far as its kind goes, and how long it held on. `None`: it is open still.
async fn hold(socket: Intruder, kind: Kind, to: SocketAddr, hello: &[u8], limit: Duration) -> (bool, Option<Duration>) {
    let since = Instant::now();
    let mut settled = false;
    let play = async {
        // Whom the service ends in the middle of it is gone as well.
        let Ok(mut socket) = settle(socket, kind, to, hello).await else { return true };
        settled = true;
        match kind {
            Kind::Silent | Kind::HalfHandshake | Kind::NoClientHello | Kind::SilentBehindTls => {}
            Kind::HalfHead | Kind::HalfHeadBehindTls => socket.dribble(&[b'x'; 4_000], DRIBBLE).await,
            Kind::HalfFrame => socket.dribble(&[b'x'; 3_000], DRIBBLE).await,
            Kind::HalfClientHello => socket.dribble(&hello[1..hello.len() / 2], DRIBBLE).await,
        }
        socket.ends_within(limit).await
    };
    let ended = tokio::time::timeout(limit, play).await;
    (settled, (ended == Ok(true)).then(|| since.elapsed()))
}

/// What comes before the wait.
async fn settle(mut socket: Intruder, kind: Kind, to: SocketAddr, hello: &[u8]) -> Result<Intruder> {
    if matches!(kind, Kind::SilentBehindTls | Kind::HalfHeadBehindTls) {
        socket = socket.over_tls().await?;
    }
    match kind {
        Kind::Silent | Kind::SilentBehindTls => {}
        Kind::HalfHead | Kind::HalfHeadBehindTls => {
            socket.say(format!("GET /device HTTP/1.1\r\nHost: {to}\r\nX-Slow: ").as_bytes()).await?;
        }
        Kind::HalfHandshake | Kind::HalfFrame => {
            socket.say(head("/device", to).as_bytes()).await?;
            socket.status().await?;
            if kind == Kind::HalfFrame {
                socket.say(&header(TEXT, true, 3_000)).await?;
            }
        }
        Kind::NoClientHello | Kind::HalfClientHello => socket.say(&hello[..1]).await?,
    }
    Ok(socket)
}

/// Connects and proves itself again and again until `over`, from an address of its own, over TLS where `tls`; the time that each took, the shortest first.
///
/// # Errors
/// The first try that the service refuses: whoever belongs here gets in, whatever happens around.
pub async fn knock(
    identity: &Identity,
    from: Ipv4Addr,
    to: SocketAddr,
    tls: bool,
    over: &AtomicBool,
) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let since = Instant::now();
        let device = match tls {
            true => Intruder::proved_securely(from, to, identity).await,
            false => Intruder::proved(from, to, identity).await,
        };
        ensure!(
            device.is_ok(),
            "after {} good ones: {:#}",
            took.len(),
            device.err().unwrap_or_else(|| anyhow::anyhow!("?"))
        );
        took.push(since.elapsed());
        tokio::time::sleep(BETWEEN).await;
    }
    took.sort_unstable();
    Ok(took)
}

/// The wait that 99 of 100 do not reach.
#[must_use]
pub fn ninety_ninth(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len().saturating_sub(1) * 99 / 100).copied().unwrap_or(Duration::MAX)
}
