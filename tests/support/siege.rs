//! Slow-loris: sockets that hold on without getting anywhere, and a bound device that wants in meanwhile.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use device::Identity;
use tokio::task::JoinSet;

use crate::intruder::{Intruder, TEXT, head, header};

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
}

impl Kind {
    /// The kinds in the proportions 5 : 3 : 1 : 1.
    const MIX: [Self; 10] = [
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
}

/// How a siege went: for each kind how many there were, how many of them are open still, and how long the last one held on.
pub type Outcome = BTreeMap<Kind, (usize, usize, Duration)>;

/// Lays `count` sockets around the service, one after the other from each of these addresses, and watches each until it ends or `limit` is over. Runs in a
/// namespace that has the addresses.
///
/// # Errors
/// A connection that the system itself refuses.
pub async fn lay(from: &[Ipv4Addr], to: SocketAddr, count: usize, limit: Duration) -> Result<Outcome> {
    let mut sockets = JoinSet::new();
    for index in 0..count {
        let (kind, from) = (Kind::MIX[index % Kind::MIX.len()], from[index % from.len()]);
        let socket = Intruder::connect(from, to).await?;
        sockets.spawn(async move { (kind, hold(socket, kind, to, limit).await) });
    }
    let mut outcome = Outcome::new();
    while let Some(held) = sockets.join_next().await {
        let (kind, held) = held?;
        let (count, open, longest) = outcome.entry(kind).or_default();
        *count += 1;
        *open += usize::from(held.is_none());
        *longest = (*longest).max(held.unwrap_or(limit));
    }
    Ok(outcome)
}

/// How long it held on. `None`: it is open still.
async fn hold(mut socket: Intruder, kind: Kind, to: SocketAddr, limit: Duration) -> Option<Duration> {
    let since = Instant::now();
    let play = async {
        match kind {
            Kind::Silent => {}
            Kind::HalfHead => {
                let start = format!("GET /device HTTP/1.1\r\nHost: {to}\r\nX-Slow: ");
                if socket.say(start.as_bytes()).await.is_ok() {
                    socket.dribble(&[b'x'; 4_000], DRIBBLE).await;
                }
            }
            Kind::HalfHandshake | Kind::HalfFrame => {
                let taken = socket.say(head("/device", to).as_bytes()).await.is_ok() && socket.status().await.is_ok();
                if taken && kind == Kind::HalfFrame && socket.say(&header(TEXT, true, 3_000)).await.is_ok() {
                    socket.dribble(&[b'x'; 3_000], DRIBBLE).await;
                }
            }
        }
        socket.ends_within(limit).await
    };
    let ended = tokio::time::timeout(limit, play).await;
    (ended == Ok(true)).then(|| since.elapsed())
}

/// Connects and proves itself again and again until `over`, from an address of its own; the time that each took, the shortest first.
///
/// # Errors
/// The first try that the service refuses: whoever belongs here gets in, whatever happens around.
pub async fn knock(identity: &Identity, from: Ipv4Addr, to: SocketAddr, over: &AtomicBool) -> Result<Vec<Duration>> {
    let mut took = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let since = Instant::now();
        let device = Intruder::proved(from, to, identity).await;
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
