//! Who may connect: few sockets that have not proved anything, and none from an address that keeps failing to.
//!
//! Whoever holds every place with sockets that say nothing must not keep others out: while all places are taken, an address with fewer
//! sockets gets the place of the oldest one of the address with the most; of several such addresses, of one that has not come as far as its 101.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// Most sockets that have not authenticated.
pub(crate) const UNPROVEN: usize = 256;
/// Most of them from one address of the network.
pub(crate) const UNPROVEN_OF_ONE: usize = 8;
/// Most of them from this computer, which is one address for all its programs.
pub(crate) const UNPROVEN_OF_LOOPBACK: usize = 64;
/// How long a peer that took its 101 may work on its proof before its place is given away: in a rush of true devices nobody throws the others out.
const TENURE_MS: u64 = 1_000;
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
    /// Unproven sockets of each address, the oldest first.
    unproven: HashMap<IpAddr, VecDeque<Place>>,
    admitted: u64,
    failed: HashMap<(IpAddr, Door), VecDeque<u64>>,
    closed_until: HashMap<(IpAddr, Door), u64>,
}

/// One unproven socket.
#[derive(Debug)]
struct Place {
    number: u64,
    /// When the peer took its 101.
    greeted: Option<u64>,
    /// `None`: a person or the hub is busy with it.
    lost: Option<CancellationToken>,
}

/// The right to be connected without proof; dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    ip: IpAddr,
    number: u64,
    lost: CancellationToken,
}

impl Permit {
    /// Cancelled when the place was given to another address: the connection is to be dropped without a word.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// The peer took its 101: of two places one that has not come as far is given away first.
    pub(crate) fn greeted(&self) {
        let now = self.gate.clock.monotonic_ms();
        self.gate.lock().place(self, |place| place.greeted = Some(now));
    }

    /// From now on the place is not given to another address: the hub knows of the connection.
    pub(crate) fn keep(&self) {
        self.gate.lock().place(self, |place| place.lost = None);
    }
}

impl Gate {
    /// With nobody inside.
    pub(crate) fn new(clock: Clock) -> Arc<Self> {
        Arc::new(Self { clock, inside: Mutex::default() })
    }

    /// Lets a new connection in. `None`: there are too many that have not authenticated.
    pub(crate) fn admit(self: &Arc<Self>, ip: IpAddr) -> Option<Permit> {
        self.admit_at(ip, self.clock.monotonic_ms())
    }

    fn admit_at(self: &Arc<Self>, ip: IpAddr, now: u64) -> Option<Permit> {
        let ip = ip.to_canonical();
        let mut inside = self.lock();
        let of_one = inside.unproven.get(&ip).map_or(0, VecDeque::len);
        let most_of_one = if ip.is_loopback() { UNPROVEN_OF_LOOPBACK } else { UNPROVEN_OF_ONE };
        if of_one >= most_of_one || (inside.count() >= UNPROVEN && !inside.make_room(of_one, now)) {
            return None;
        }
        inside.admitted += 1;
        let (number, lost) = (inside.admitted, CancellationToken::new());
        inside.unproven.entry(ip).or_default().push_back(Place { number, greeted: None, lost: Some(lost.clone()) });
        Some(Permit { gate: Arc::clone(self), ip, number, lost })
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
        inside.leave(self.ip, self.number);
    }
}

impl Inside {
    fn count(&self) -> usize {
        self.unproven.values().map(VecDeque::len).sum()
    }

    fn leave(&mut self, ip: IpAddr, number: u64) {
        let Some(places) = self.unproven.get_mut(&ip) else { return };
        places.retain(|place| place.number != number);
        if places.is_empty() {
            self.unproven.remove(&ip);
        }
    }

    fn place(&mut self, permit: &Permit, change: impl FnOnce(&mut Place)) {
        let places = self.unproven.get_mut(&permit.ip);
        // It may have been given away a moment ago.
        if let Some(place) = places.and_then(|places| places.iter_mut().find(|place| place.number == permit.number)) {
            change(place);
        }
    }

    /// Takes a place from an address that has more than `own` of them. Whether there was one to take.
    fn make_room(&mut self, own: usize, now: u64) -> bool {
        let richer = self.unproven.iter().filter(|(_, places)| places.len() > own);
        let places = richer.flat_map(|(ip, places)| places.iter().map(move |place| (places.len(), *ip, place)));
        let given = places
            .filter(|(.., place)| place.greeted.is_none_or(|greeted| greeted + TENURE_MS <= now))
            .filter_map(|(count, ip, place)| Some((count, ip, place, place.lost.as_ref()?)))
            .max_by_key(|(count, _, place, _)| (*count, place.greeted.is_none(), Reverse(place.number)));
        let Some((_, ip, Place { number, .. }, lost)) = given else { return false };
        lost.cancel();
        let number = *number;
        self.leave(ip, number);
        true
    }

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

    /// So many sockets of so many addresses each.
    fn crowd(gate: &Arc<Gate>, addresses: u32, each: usize) -> Vec<Permit> {
        let one = |index| (0..each).map(move |_| gate.admit(ip(index)).expect("room"));
        (0..addresses).flat_map(one).collect()
    }

    /// Which of them lost their place.
    fn lost(held: &[Permit]) -> Vec<usize> {
        (0..held.len()).filter(|index| held[*index].lost().is_cancelled()).collect()
    }

    #[test]
    fn so_many_sockets_are_let_in_and_eight_of_one_address() {
        let gate = Gate::new(Clock::start());
        let mut eight = crowd(&gate, 1, UNPROVEN_OF_ONE);
        assert!(gate.admit(ip(0)).is_none());
        assert!(
            gate.admit(IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x0a00, 0])).is_none(),
            "the same address in IPv6 clothes"
        );
        eight.pop();
        eight.push(gate.admit(ip(0)).expect("one left"));
        let others: Vec<_> = (8..256).map(|index| gate.admit(ip(index)).expect("room")).collect();
        assert_eq!(gate.lock().count(), UNPROVEN);
        assert!(gate.admit(ip(0)).is_none(), "nobody has more than the one who asks");
        drop((others, eight));
        assert!(gate.lock().unproven.is_empty());
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let all: Vec<_> = (0..UNPROVEN_OF_LOOPBACK).map(|_| gate.admit(loopback).expect("room")).collect();
        assert!(gate.admit(loopback).is_none());
        drop(all);
    }

    #[test]
    fn while_every_place_is_taken_the_oldest_of_the_greediest_address_gives_way() {
        let gate = Gate::new(Clock::start());
        let mut held = crowd(&gate, 32, 8);
        assert_eq!(held.len(), UNPROVEN);
        held[0].keep();
        let newcomer = gate.admit(ip(100)).expect("a place of the greedy ones");
        assert_eq!(gate.lock().count(), UNPROVEN);
        assert_eq!(lost(&held), [1], "the oldest that nobody is busy with");
        // One that lost its place gives nothing back when it goes.
        drop(held.remove(1));
        assert_eq!(gate.lock().count(), UNPROVEN);
        let more: Vec<_> = (101..132).map(|of| gate.admit(ip(of)).expect("a place of the greedy ones")).collect();
        let oldest: Vec<usize> = (1..32).map(|of| of * 8 - 1).collect();
        assert_eq!(lost(&held), oldest, "each of the others with eight loses its oldest");
        assert!(lost(&more).is_empty() && !newcomer.lost().is_cancelled());
        drop((held, newcomer, more));
        assert!(gate.lock().unproven.is_empty());
    }

    #[test]
    fn who_took_its_101_stays_longer_and_for_a_second_nobody_takes_its_place() {
        let gate = Gate::new(Clock::start());
        let held = crowd(&gate, 256, 1);
        held.iter().filter(|permit| permit.number != 41).for_each(Permit::greeted);
        let now = gate.clock.monotonic_ms();
        let first = gate.admit_at(ip(300), now).expect("the place of the one that said nothing");
        assert_eq!(lost(&held), [40]);
        first.greeted();
        assert!(gate.admit_at(ip(301), now).is_none(), "all of them are at work");
        let second = gate.admit_at(ip(301), now + TENURE_MS).expect("a place of somebody who dawdles");
        assert_eq!(lost(&held), [0, 40]);
        drop((held, first, second));
        assert!(gate.lock().unproven.is_empty());
    }

    #[test]
    fn a_place_that_the_hub_knows_of_is_not_taken() {
        let gate = Gate::new(Clock::start());
        let held = crowd(&gate, 256, 1);
        assert!(gate.admit(ip(5)).is_none(), "a second place, while nobody has two");
        held.iter().for_each(Permit::keep);
        assert!(gate.admit(ip(300)).is_none());
        assert!(lost(&held).is_empty());
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
