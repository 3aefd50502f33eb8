//! At which of our addresses other machines were heard: the proof that the network lets them through.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::clock::Clock;
use crate::hub::event::Notice;

/// Least time between two notices about one address, ms.
const QUIET_MS: u64 = 60_000;
/// An address that was heard at so short a time ago is not looked at again, ms: a storm of connections costs nothing.
const FRESH_MS: u64 = 1_000;

/// One of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// When, ms of the monotonic clock.
    mono: u64,
    /// The same, ms since 1970.
    wall: i64,
    /// When it was last told.
    told: u64,
}

/// All of them, in this run.
#[derive(Debug)]
pub(crate) struct Reached {
    clock: Clock,
    notices: broadcast::Sender<Notice>,
    /// Whether an address is this computer's own.
    is_own: fn(IpAddr) -> bool,
    records: Mutex<BTreeMap<IpAddr, Record>>,
}

impl Reached {
    /// Nobody was heard yet. `is_own`: [`crate::address::is_own`], but in tests.
    pub(crate) fn new(clock: Clock, notices: broadcast::Sender<Notice>, is_own: fn(IpAddr) -> bool) -> Self {
        Self { clock, notices, is_own, records: Mutex::default() }
    }

    /// A peer said something at one of our addresses.
    pub(crate) fn heard(&self, peer: IpAddr, local: IpAddr) {
        let (peer, local) = (peer.to_canonical(), local.to_canonical());
        if peer.is_loopback() || local.is_loopback() || peer == local {
            return;
        }
        let (mono, wall) = (self.clock.monotonic_ms(), self.clock.wall_ms());
        let known = self.lock().get(&local).copied();
        if known.is_some_and(|record| mono < record.mono + FRESH_MS) || (self.is_own)(peer) {
            return;
        }
        let (record, tell) = next(known, mono, wall);
        self.lock().insert(local, record);
        if tell {
            // Nobody listening is not an error.
            let _ = self.notices.send(Notice::Reached(local));
        }
    }

    /// Each address that was heard at, and when last, ms since 1970, to the second.
    pub(crate) fn all(&self) -> Vec<(IpAddr, i64)> {
        self.lock().iter().map(|(local, record)| (*local, record.wall)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<IpAddr, Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is noted, and whether it is told.
fn next(known: Option<Record>, mono: u64, wall: i64) -> (Record, bool) {
    let told = known.map(|record| record.told).filter(|told| mono < told + QUIET_MS);
    (Record { mono, wall, told: told.unwrap_or(mono) }, told.is_none())
}
