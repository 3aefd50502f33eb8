//! The rule of the second claim, over both handles of a code.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;
use crate::attempt::Typed;
use crate::outbox::{self, Inlet};
use crate::wire::device::{Confirm, Kind};

thread_local! {
    /// A second device takes the code over: what the product must never do.
    pub(super) static FORGIVING: Cell<bool> = const { Cell::new(false) };
}

const CONFIRM_MS: u64 = 120_000;

fn service() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn ticket() -> Ticket {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8765));
    let secrets = Secrets { b: Blob([1; 8]), scanned: Secret::new([2; 16]), typed: TypedCode::new([3; 10]) };
    Ticket::new(address, secrets, 180_000, 0)
}

/// A device, the handle that it uses, and what it says over it.
struct Claimer {
    session: SessionId,
    caller: Caller,
    bind: Bind,
    code: String,
    _inlet: Inlet,
}

impl Claimer {
    fn new(number: u8, entry: Entry, chan: Chan) -> Self {
        let ticket = ticket();
        let (b, secret) = match entry {
            Entry::Scanned => (ticket.secrets.b.clone(), ticket.secrets.scanned.clone()),
            Entry::Typed => typed::handle(&ticket.secrets.typed),
            Entry::Announced => panic!("an announcement has no ticket"),
        };
        let mut bind = Bind {
            v: 1,
            b,
            pk: Blob(SigningKey::from_bytes(&[number; 32]).verifying_key().to_bytes()),
            cn: Blob([number; 32]),
            name: format!("d{number}"),
            kind: Kind::Board,
            confirm: Confirm::Code,
            mac: Blob([0; 32]),
        };
        let spk = Blob(service().verifying_key().to_bytes());
        let meeting = Meeting { sn: Blob([number; 32]), spk, cn: bind.cn.clone(), chan };
        bind.mac = proof::bind_mac(&secret, &meeting, &bind);
        let code = format!("{:02}", proof::bind_code(&secret, &bind.b, &meeting, &bind.pk));
        let (outbox, inlet) = outbox::pair(1 << 20);
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let caller = Caller { sn: meeting.sn, chan: meeting.chan, peer, outbox };
        Self { session: SessionId(number.into()), caller, bind, code, _inlet: inlet }
    }

    fn claim(&self, ticket: &mut Ticket, service: &SigningKey) -> Claimed {
        let desk = Desk { service, now: 0, wall: 0, confirm_ms: CONFIRM_MS };
        ticket.claimed(desk, (self.session, &self.caller), &self.bind, self.bind.name.clone())
    }

    fn wrong(mut self) -> Self {
        self.bind.mac = Blob([0; 32]);
        self
    }
}

fn tls() -> Chan {
    Chan::of_certificate(b"ours")
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Claim(usize),
    Shown(usize),
    Left(usize),
    /// The person types what this device shows.
    Types(usize),
}

fn below(rng: &mut TestRng, limit: usize) -> usize {
    usize::try_from(rng.next_u32()).expect("32 bits fit") % limit
}

/// One order of everything that two devices and a person do: each of the three does its part in its own order.
fn interleaving(rng: &mut TestRng) -> Vec<Step> {
    use Step::{Claim, Left, Shown, Types};
    let mut parts: [Vec<Step>; 3] = [vec![Claim(0), Shown(0)], vec![Claim(1), Shown(1)], vec![Types(0), Types(1)]];
    for (index, part) in parts.iter_mut().enumerate().take(2) {
        // Some lose their connection, come back and try again; some are clumsy.
        match below(rng, 4) {
            0 => part.push(Left(index)),
            1 => part.extend([Left(index), Claim(index), Shown(index)]),
            2 => part.extend([Claim(index), Shown(index)]),
            _ => {}
        }
    }
    if below(rng, 2) == 0 {
        parts[2].reverse();
    }
    let mut left: Vec<std::vec::IntoIter<Step>> = parts.into_iter().map(Vec::into_iter).collect();
    let mut story = Vec::new();
    while !left.is_empty() {
        let next = below(rng, left.len());
        match left[next].next() {
            Some(step) => story.push(step),
            None => drop(left.swap_remove(next)),
        }
    }
    story
}

/// Plays a story: who was bound, or what must never happen.
fn play(story: &[Step], devices: &[Claimer; 2], service: &SigningKey) -> Result<usize, String> {
    let mut ticket = ticket();
    let mut bound = Vec::new();
    let mut proved = [false; 2];
    for step in story {
        let alive = !ticket.attempt.is_over();
        match *step {
            Step::Claim(index) => {
                let claimed = devices[index].claim(&mut ticket, service);
                proved[index] |= alive;
                match claimed {
                    Claimed::Refused if alive => return Err(format!("a good claim was refused in {story:?}")),
                    Claimed::Waits(_) | Claimed::Both(_) if !alive => {
                        return Err(format!("a dead code lives in {story:?}"));
                    }
                    Claimed::Waits(_) | Claimed::Both(_) | Claimed::Refused => {}
                }
            }
            Step::Shown(index) => drop(ticket.attempt.shown(devices[index].session)),
            Step::Left(index) => ticket.attempt.left(devices[index].session),
            Step::Types(index) => match ticket.attempt.typed(&devices[index].code) {
                Typed::Right(claim) => bound.push(claim.session),
                Typed::Wrong(_) | Typed::Dead(_) | Typed::NotConfirming => {}
            },
        }
    }
    if proved == [true; 2] && !bound.is_empty() {
        return Err(format!("one of two devices that used a code was bound in {story:?}"));
    }
    if bound.len() > 1 {
        return Err(format!("one code bound {} devices in {story:?}", bound.len()));
    }
    Ok(bound.len())
}

/// How many of 10,000 stories ended with no binding, with one, and as they must not.
fn many() -> [usize; 3] {
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[4; 32]);
    let devices = [Claimer::new(1, Entry::Scanned, Chan::Plain), Claimer::new(2, Entry::Typed, tls())];
    assert_ne!(devices[0].code, devices[1].code, "else the person could not tell them apart");
    let service = service();
    let mut ends = [0; 3];
    for _ in 0..10_000 {
        ends[play(&interleaving(&mut rng), &devices, &service).unwrap_or(2)] += 1;
    }
    ends
}

#[test]
fn ten_thousand_orders_of_two_claims_over_both_handles_end_in_no_binding_or_one() {
    let [none, one, wrong] = many();
    assert_eq!(wrong, 0);
    assert!(none > 1_000 && one > 100, "both ends are among them: {none} and {one}");
}

#[test]
fn a_code_without_the_rule_of_the_second_claim_is_found_out() {
    FORGIVING.set(true);
    let [_, _, wrong] = many();
    FORGIVING.set(false);
    assert!(wrong > 1_000, "only {wrong} were noticed");
}

#[test]
fn both_handles_lead_to_one_code_and_the_typed_one_over_tls_only() {
    let service = service();
    for (entry, chan) in [(Entry::Scanned, Chan::Plain), (Entry::Scanned, tls()), (Entry::Typed, tls())] {
        let mut ticket = ticket();
        let device = Claimer::new(1, entry, chan.clone());
        assert!(matches!(device.claim(&mut ticket, &service), Claimed::Waits(_)));
        let claim = ticket.attempt.claim().expect("claimed");
        assert_eq!((claim.claimant.entry, claim.claimant.digits(), claim.secure), (entry, 2, chan != Chan::Plain));
    }
    let mut ticket = ticket();
    let plain = Claimer::new(1, Entry::Typed, Chan::Plain);
    assert!(!ticket.is_named(&plain.bind.b, &Chan::Plain));
    for _ in 0..10 {
        assert!(matches!(plain.claim(&mut ticket, &service), Claimed::Refused));
    }
    assert!(!ticket.attempt.is_over(), "a typed code on ws proves nothing and costs nothing");
    let seen_elsewhere = Claimer::new(1, Entry::Typed, Chan::of_certificate(b"his"));
    let relayed = Claimer { caller: Caller { chan: tls(), ..seen_elsewhere.caller.clone() }, ..seen_elsewhere };
    assert!(matches!(relayed.claim(&mut ticket, &service), Claimed::Refused), "a proof for another certificate");
}

#[test]
fn wrong_proofs_of_both_handles_are_counted_together() {
    let (mut ticket, service) = (ticket(), service());
    let scanned = Claimer::new(1, Entry::Scanned, Chan::Plain).wrong();
    let typed = Claimer::new(2, Entry::Typed, tls()).wrong();
    for device in [&scanned, &typed, &scanned, &typed] {
        assert!(matches!(device.claim(&mut ticket, &service), Claimed::Refused));
        assert!(!ticket.attempt.is_over());
    }
    assert!(matches!(typed.claim(&mut ticket, &service), Claimed::Refused));
    assert!(ticket.attempt.is_over());
    assert_eq!(*ticket.attempt.progress.borrow(), BindProgress::Failed(BindFailure::TooManyFailures));
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let ticket = ticket();
    let shown = format!("{ticket:?}");
    assert!(!shown.contains(&*ticket.code()) && !shown.contains("AgICAg"), "{shown}");
}
