//! At which of our addresses other machines were heard: the proof that the network lets them through.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::broadcast;

use crate::address;
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
    /// Whether a peer at one of our addresses is another machine.
    is_another: fn(IpAddr, IpAddr) -> bool,
    records: Mutex<BTreeMap<IpAddr, Record>>,
}

impl Reached {
    /// Nobody was heard yet. `is_another`: [`is_another`], but in tests.
    pub(crate) fn new(
        clock: Clock,
        notices: broadcast::Sender<Notice>,
        is_another: fn(IpAddr, IpAddr) -> bool,
    ) -> Self {
        Self { clock, notices, is_another, records: Mutex::default() }
    }

    /// A peer said something at one of our addresses.
    pub(crate) fn heard(&self, peer: IpAddr, local: IpAddr) {
        let (peer, local) = (peer.to_canonical(), local.to_canonical());
        let (mono, wall) = (self.clock.monotonic_ms(), self.clock.wall_ms());
        let known = self.lock().get(&local).copied();
        if known.is_some_and(|record| mono < record.mono + FRESH_MS) || !(self.is_another)(peer, local) {
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

/// Whether a peer at one of our addresses is another machine, and the address one of the network.
pub(crate) fn is_another(peer: IpAddr, local: IpAddr) -> bool {
    !peer.is_loopback() && !local.is_loopback() && peer != local && !address::is_own(peer)
}

/// What is noted, and whether it is told.
fn next(known: Option<Record>, mono: u64, wall: i64) -> (Record, bool) {
    let told = known.map(|record| record.told).filter(|told| mono < told + QUIET_MS);
    (Record { mono, wall, told: told.unwrap_or(mono) }, told.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_once_a_minute_and_its_time_is_always_the_latest() {
        let (first, tell) = next(None, 5, 1_000);
        assert!(tell);
        let (again, tell) = next(Some(first), 5 + QUIET_MS - 1, 2_000);
        assert!(!tell);
        assert_eq!((again.wall, again.told), (2_000, 5));
        let (later, tell) = next(Some(again), 5 + QUIET_MS, 3_000);
        assert!(tell);
        assert_eq!((later.wall, later.told), (3_000, 5 + QUIET_MS));
    }

    #[test]
    fn this_computer_is_not_another_machine_by_whatever_address_it_calls_itself() {
        let stranger: IpAddr = "203.0.113.77".parse().unwrap();
        let [loopback, other_loopback]: [IpAddr; 2] = ["127.0.0.1", "127.0.0.2"].map(|ip| ip.parse().unwrap());
        let ours = "192.168.7.7".parse().unwrap();
        assert!(is_another(stranger, ours));
        assert!(!is_another(stranger, loopback), "nobody comes to the loopback from outside");
        assert!(!is_another(loopback, ours) && !is_another(other_loopback, ours) && !is_another(ours, ours));
        for own in address::interfaces().unwrap() {
            assert!(!is_another(own.ip, ours), "{own:?}");
        }
    }

    #[test]
    fn each_address_is_noted_and_told_by_itself() {
        let (notices, mut told) = broadcast::channel(8);
        let reached = Reached::new(Clock::start(), notices, |peer, _| !peer.is_loopback());
        let [peer, mapped, one, two]: [IpAddr; 4] =
            ["10.0.0.9", "::ffff:10.0.0.9", "10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
        reached.heard("127.0.0.1".parse().unwrap(), one);
        assert_eq!(reached.all(), []);
        for peer in [peer, mapped, peer] {
            reached.heard(peer, one);
            reached.heard(peer, two);
        }
        assert_eq!(reached.all().iter().map(|(local, _)| *local).collect::<Vec<_>>(), [one, two]);
        assert!(reached.all().iter().all(|(_, wall)| *wall > 1_700_000_000_000));
        assert_eq!(told.try_recv(), Ok(Notice::Reached(one)));
        assert_eq!(told.try_recv(), Ok(Notice::Reached(two)));
        assert!(told.try_recv().is_err(), "once a minute");
    }
}
