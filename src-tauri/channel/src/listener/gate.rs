//! Who may connect: few sockets that have not proved anything, and none from an address that keeps failing to.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// Most sockets that have not authenticated.
pub(crate) const UNPROVEN: usize = 64;
/// Most of them from one address that is not loopback.
pub(crate) const UNPROVEN_OF_ONE: usize = 8;
/// Failed proofs of one address within the window that close the door.
pub(crate) const FAILURES: usize = 10;
const WINDOW_MS: u64 = 60_000;
const CLOSED_MS: u64 = 300_000;
/// Most addresses whose failures are remembered; then the one that failed longest ago is forgotten.
const REMEMBERED: usize = 1_024;

/// Which route a proof was for: a device that fails does not lock out the plugin of the same computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    /// `/device`
    Device,
    /// `/openclaw`
    Link,
}

/// Shared by all connections of a listener.
#[derive(Debug)]
pub(crate) struct Gate {
    clock: Clock,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    unproven: usize,
    unproven_of: HashMap<IpAddr, usize>,
    failed: HashMap<(IpAddr, Door), VecDeque<u64>>,
    closed_until: HashMap<(IpAddr, Door), u64>,
}

/// The right to be connected without proof; dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    ip: IpAddr,
}

impl Gate {
    /// With nobody inside.
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, inside: Mutex::default() })
    }

    /// Lets a new connection in. `None`: there are too many that have not authenticated.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Permit> {
        let ip = ip.to_canonical();
        let mut inside = self.lock();
        let of_one = inside.unproven_of.get(&ip).copied().unwrap_or(0);
        let most_of_one = if ip.is_loopback() { UNPROVEN } else { UNPROVEN_OF_ONE };
        if inside.unproven >= UNPROVEN || of_one >= most_of_one {
            return None;
        }
        inside.unproven += 1;
        inside.unproven_of.insert(ip, of_one + 1);
        Some(Permit { gate: Arc::clone(self), ip })
    }

    /// Notes a failed proof.
    pub(crate) fn failed(&self, ip: IpAddr, door: Door) {
        let now = self.clock.monotonic_ms();
        self.lock().failed((ip.to_canonical(), door), now);
    }

    /// How long this address stays shut out. `None`: it may try.
    pub(crate) fn closed_for(&self, ip: IpAddr, door: Door) -> Option<Duration> {
        let now = self.clock.monotonic_ms();
        self.lock().closed_for(&(ip.to_canonical(), door), now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        inside.unproven -= 1;
        if let Some(count) = inside.unproven_of.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                inside.unproven_of.remove(&self.ip);
            }
        }
    }
}

impl Inside {
    fn failed(&mut self, who: (IpAddr, Door), now: u64) {
        if !self.failed.contains_key(&who) && self.failed.len() >= REMEMBERED {
            self.failed.retain(|_, times| times.back().is_some_and(|last| last + WINDOW_MS > now));
            let oldest = self.failed.iter().min_by_key(|(_, times)| times.back()).map(|(who, _)| *who);
            if self.failed.len() >= REMEMBERED
                && let Some(oldest) = oldest
            {
                self.failed.remove(&oldest);
            }
        }
        let times = self.failed.entry(who).or_default();
        times.retain(|time| time + WINDOW_MS > now);
        times.push_back(now);
        if times.len() < FAILURES {
            return;
        }
        self.failed.remove(&who);
        self.closed_until.retain(|_, until| *until > now);
        if self.closed_until.len() >= REMEMBERED
            && let Some(first) = self.closed_until.iter().min_by_key(|(_, until)| **until).map(|(who, _)| *who)
        {
            self.closed_until.remove(&first);
        }
        self.closed_until.insert(who, now + CLOSED_MS);
    }

    fn closed_for(&mut self, who: &(IpAddr, Door), now: u64) -> Option<Duration> {
        let until = *self.closed_until.get(who)?;
        if until <= now {
            self.closed_until.remove(who);
            return None;
        }
        Some(Duration::from_millis(until - now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 | last).into()
    }

    #[test]
    fn sixty_four_sockets_are_let_in_and_eight_of_one_address() {
        let gate = Gate::new(Clock::start());
        let mut eight: Vec<_> = (0..UNPROVEN_OF_ONE).map(|_| gate.admit(ip(1)).expect("room")).collect();
        assert!(gate.admit(ip(1)).is_none());
        assert!(
            gate.admit(IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x0a00, 1])).is_none(),
            "the same address in IPv6 clothes"
        );
        eight.pop();
        eight.push(gate.admit(ip(1)).expect("one left"));
        let others: Vec<_> = (8..64).map(|index| gate.admit(ip(index)).expect("room")).collect();
        assert!(gate.admit(ip(99)).is_none());
        drop(others);
        drop(eight);
        assert_eq!(gate.lock().unproven, 0);
        assert!(gate.lock().unproven_of.is_empty());
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let all: Vec<_> = (0..UNPROVEN).map(|_| gate.admit(loopback).expect("room")).collect();
        assert!(gate.admit(loopback).is_none());
        drop(all);
    }

    #[test]
    fn ten_failures_in_a_minute_close_the_door_for_five() {
        let mut inside = Inside::default();
        let who = (ip(1), Door::Device);
        for index in 0..9 {
            inside.failed(who, index * 1_000);
        }
        assert_eq!(inside.closed_for(&who, 9_000), None);
        inside.failed(who, 59_999);
        assert_eq!(inside.closed_for(&who, 59_999), Some(Duration::from_secs(300)));
        assert_eq!(inside.closed_for(&(ip(1), Door::Link), 59_999), None);
        assert_eq!(inside.closed_for(&(ip(2), Door::Device), 59_999), None);
        assert_eq!(inside.closed_for(&who, 359_998), Some(Duration::from_millis(1)));
        assert_eq!(inside.closed_for(&who, 359_999), None);
        assert!(inside.closed_until.is_empty());
    }

    #[test]
    fn slow_failures_never_close_it() {
        let mut inside = Inside::default();
        let who = (ip(1), Door::Device);
        for index in 0..1_000 {
            inside.failed(who, index * 6_700);
            assert_eq!(inside.closed_for(&who, index * 6_700), None);
        }
    }

    #[test]
    fn memory_is_bounded_whoever_fails() {
        let mut inside = Inside::default();
        for index in 0..20_000 {
            inside.failed((ip(index), Door::Device), u64::from(index));
        }
        assert_eq!(inside.failed.len(), REMEMBERED);
        assert!(
            inside.failed.contains_key(&(ip(19_999), Door::Device))
                && !inside.failed.contains_key(&(ip(0), Door::Device))
        );
        for index in 0..3_000 {
            (0..FAILURES).for_each(|_| inside.failed((ip(index), Door::Link), 30_000));
        }
        assert_eq!(inside.closed_until.len(), REMEMBERED);
        assert!(inside.failed.values().all(|times| times.len() < FAILURES));
    }
}
