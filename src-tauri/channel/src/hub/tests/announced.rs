//! Devices that ask by themselves.

use std::net::{IpAddr, Ipv4Addr};

use ed25519_dalek::SigningKey;

use super::rig::Rig;
use super::{errors, message_id};
use crate::hub::announcement::{DRAWN, WAITING};
use crate::hub::event::{Command, Event, Notice, SessionId};
use crate::proof::{Chan, Meeting, announce};
use crate::view::{BindFailure, BindProgress, ConfirmError, Entry, Pending};
use crate::wire::device::{Announce, Kind, ToDevice};
use crate::wire::{Blob, Close, Code, Der};

const LIFE_MS: u64 = 120_000;

fn home(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 168, 1, last).into()
}

/// One device that asks, as it sees itself.
struct Asking {
    session: SessionId,
    announce: Announce,
    meeting: Meeting,
    an: Option<Blob<32>>,
}

impl Asking {
    fn was_taken(&self) -> bool {
        self.an.is_some()
    }

    fn code(&self) -> String {
        let an = self.an.as_ref().expect("it was answered");
        format!("{:06}", announce::code(&self.meeting, an, &self.announce.pk))
    }
}

impl Rig {
    fn ask_from(&mut self, peer: IpAddr, seed: u8) -> Asking {
        let chan = self.tls();
        self.ask_by(chan, peer, seed)
    }

    fn ask_by(&mut self, chan: Chan, peer: IpAddr, seed: u8) -> Asking {
        let (session, caller) = self.caller(chan, peer);
        let pk = Blob(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes());
        let (sn, chan) = (caller.sn.clone(), caller.chan.clone());
        let meeting = Meeting { sn, spk: self.service(), cn: Blob([seed; 32]), chan };
        let commit = announce::commitment(&pk, &meeting.cn);
        let announce = Announce { v: 1, pk, name: format!(" d{seed} "), kind: Kind::Speaker, commit };
        self.event(Event::Announce { session, announce: Box::new(announce.clone()), caller });
        let an = self.frames(session).iter().find_map(|frame| {
            let ToDevice::AnnounceWait { an, sig, expires_s: 120 } = frame else { return None };
            announce::check_answer(&announce, &meeting, an, sig).expect("the service's own signature");
            Some(an.clone())
        });
        Asking { session, announce, meeting, an }
    }

    fn reveal(&mut self, asking: &Asking) {
        self.event(Event::AnnounceReveal { session: asking.session, cn: asking.meeting.cn.clone() });
    }

    /// One that shows its code to the person.
    fn showing(&mut self, peer: IpAddr, seed: u8) -> Asking {
        let asking = self.ask_from(peer, seed);
        assert!(asking.was_taken());
        self.reveal(&asking);
        self.shown(asking.session);
        asking
    }

    fn pending(&mut self) -> Vec<Pending> {
        self.ask(|reply| Command::Pending { reply })
    }

    fn gone(&mut self, asking: &Asking) {
        self.event(Event::BindGone { session: asking.session });
    }

    /// The code and the wait that a refused one was told.
    fn refusal(&mut self, peer: IpAddr, seed: u8) -> Option<(Code, Option<u64>)> {
        let (session, caller) = {
            let chan = self.tls();
            self.caller(chan, peer)
        };
        let pk = Blob(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes());
        let commit = announce::commitment(&pk, &Blob([seed; 32]));
        let announce = Announce { v: 1, pk, name: "d".into(), kind: Kind::Speaker, commit };
        self.event(Event::Announce { session, announce: Box::new(announce), caller });
        let frames = self.frames(session);
        frames.into_iter().find_map(|frame| {
            let ToDevice::Err(error) = frame else { return None };
            Some((error.code, error.retry_ms))
        })
    }
}

#[test]
fn an_announced_device_is_bound_by_its_six_digits_and_talks() {
    let mut rig = Rig::new();
    let asking = rig.ask_from(home(4), 1);
    rig.notices();
    assert_eq!(rig.pending(), [], "nobody could tell it from another yet");
    rig.reveal(&asking);
    assert_eq!(rig.pending(), []);
    assert_eq!(rig.notices(), []);
    rig.shown(asking.session);
    let [pending] = rig.pending().try_into().expect("one waits");
    assert_eq!(rig.notices(), [Notice::DeviceAsks(pending.bind.as_str().into())]);
    let claimant = &pending.claimant;
    assert_eq!((claimant.name.as_str(), claimant.kind, claimant.address), ("d1", Kind::Speaker, home(4)));
    assert_eq!((claimant.entry, claimant.digits(), pending.confirming), (Entry::Announced, 6, true));
    let handle = pending.bind.clone();
    let progress = rig.ask(|reply| Command::WatchBind { bind: handle.clone(), reply }).expect("it can be followed");
    assert_eq!(*progress.borrow(), BindProgress::Confirming(claimant.clone()));
    assert_eq!(rig.confirm_handle(&handle, &asking.code()[..2]), Err(ConfirmError::WrongCode { left: 2 }));
    // As the device shows it: in two groups.
    let (first, second) = (&asking.code()[..3], &asking.code()[3..]);
    let device = rig.confirm_handle(&handle, &format!(" {first} {second}")).expect("the right code");
    assert_eq!(device, rig.key(1));
    let frames = rig.frames(asking.session);
    let cert = Some(Der(vec![1, 2, 3]));
    assert_eq!(frames, [ToDevice::BindOk { device_key: device.to_string(), cert }]);
    assert!(rig.was_bound(asking.session));
    assert!(matches!(&*progress.borrow(), BindProgress::Bound { .. }));
    assert_eq!(rig.pending(), []);
    rig.gone(&asking);
    rig.arrive(&device, 0);
    rig.say(&device, 1, "hello");
    let stored = rig.device_frames(&device);
    assert!(stored.contains(&ToDevice::Ack { id: message_id(1), st: crate::wire::device::Stored::Stored }));
}

#[test]
fn three_wrong_codes_end_it_and_so_do_a_no_time_and_the_device() {
    let mut rig = Rig::new();
    let asking = rig.showing(home(4), 1);
    let handle = rig.pending()[0].bind.clone();
    let wrong = if asking.code() == "000000" { "000001" } else { "000000" };
    for left in [2, 1, 0] {
        assert_eq!(rig.confirm_handle(&handle, wrong), Err(ConfirmError::WrongCode { left }));
    }
    assert_eq!(errors(&rig.frames(asking.session)), [Code::BindingRefused]);
    assert_eq!(rig.confirm_handle(&handle, &asking.code()), Err(ConfirmError::NotConfirming));

    let asking = rig.showing(home(4), 2);
    let handle = rig.pending()[0].bind.clone();
    assert!(rig.ask(|reply| Command::RejectBind { bind: handle, reply }));
    assert_eq!(errors(&rig.frames(asking.session)), [Code::BindingRefused]);

    let asking = rig.showing(home(4), 3);
    rig.pass(LIFE_MS - 1);
    assert_eq!(errors(&rig.frames(asking.session)), []);
    rig.pass(1);
    assert_eq!(errors(&rig.frames(asking.session)), [Code::BindingUnknown]);
    assert_eq!(rig.closed_session(asking.session), Some(Close::Refused));

    let asking = rig.showing(home(4), 4);
    let handle = rig.pending()[0].bind.clone();
    let progress = rig.ask(|reply| Command::WatchBind { bind: handle.clone(), reply }).expect("it can be followed");
    rig.gone(&asking);
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::DeviceLeft));
    assert_eq!(rig.confirm_handle(&handle, &asking.code()), Err(ConfirmError::NotConfirming));
    assert_eq!(rig.pending(), []);
}

#[test]
fn a_ninth_and_a_third_of_one_address_wait_and_nobody_is_displaced() {
    let mut rig = Rig::new();
    let first = rig.showing(home(1), 1);
    let second = rig.ask_from(home(1), 2);
    assert!(second.was_taken());
    // One address floods: it gets no third place, and those that wait stay.
    for seed in 3..40 {
        assert!(matches!(rig.refusal(home(1), seed), Some((Code::Stopping, Some(1..=LIFE_MS)))));
    }
    assert_eq!(rig.pending().len(), 1);
    let others: Vec<Asking> = (2..=7).map(|last| rig.showing(home(last), 100 + last)).collect();
    assert_eq!(others.len() + 2, WAITING.0);
    rig.pass(1_000);
    assert_eq!(rig.refusal(home(9), 9), Some((Code::Stopping, Some(LIFE_MS - 1_000))), "the ninth is told how long");
    assert_eq!(rig.pending().len(), 7);
    for asking in others.iter().chain([&first, &second]) {
        assert_eq!(rig.closed_session(asking.session), None);
    }
    rig.gone(&second);
    assert!(rig.ask_from(home(9), 9).was_taken(), "there is room again");
    let handle = rig.pending()[0].bind.clone();
    assert!(rig.confirm_handle(&handle, &first.code()).is_ok());
}

#[test]
fn who_begins_again_and_again_is_stopped_because_each_time_is_a_chance() {
    let mut rig = Rig::new();
    for _ in 0..DRAWN.1 {
        let asking = rig.ask_from(home(1), 1);
        assert!(asking.was_taken());
        rig.gone(&asking);
    }
    assert!(matches!(rig.refusal(home(1), 1), Some((Code::Stopping, Some(1..=LIFE_MS)))));
    // Others may still ask, until so many did that a match is no longer one in a million alone.
    for number in DRAWN.1..DRAWN.0 {
        let asking = rig.ask_from(home(10 + u8::try_from(number).expect("small")), 1);
        assert!(asking.was_taken(), "{number}");
        rig.gone(&asking);
    }
    assert_eq!(rig.refusal(home(200), 1), Some((Code::Stopping, Some(LIFE_MS))));
    rig.pass(LIFE_MS);
    assert!(rig.ask_from(home(1), 1).was_taken());
}

#[test]
fn a_household_that_binds_one_after_the_other_is_not_stopped() {
    let mut rig = Rig::new();
    for seed in 1..30 {
        let asking = rig.showing(home(1), seed);
        let handle = rig.pending()[0].bind.clone();
        assert!(rig.confirm_handle(&handle, &asking.code()).is_ok(), "{seed}");
        rig.gone(&asking);
    }
}

#[test]
fn a_recorded_announcement_gives_another_code_and_nobody_elses_key() {
    let mut rig = Rig::new();
    let device = rig.showing(home(4), 1);
    // The same key, the same commitment and the same nonce once more, from elsewhere.
    let replay = rig.showing(home(5), 1);
    assert_eq!(replay.announce, device.announce);
    assert_ne!(replay.an, device.an, "drawn anew for each");
    let handles: Vec<String> = rig.pending().into_iter().map(|pending| pending.bind).collect();
    assert_eq!(handles.len(), 2);
    assert_ne!(replay.code(), device.code());
    assert_eq!(rig.confirm_handle(&handles[1], &device.code()), Err(ConfirmError::WrongCode { left: 2 }));
    // What the person sees is the device's code; what is bound is the device's key, which the other one does not have.
    assert_eq!(rig.confirm_handle(&handles[0], &device.code()), Ok(rig.key(1)));
}

#[test]
fn over_ws_with_a_bad_name_or_key_nobody_asks() {
    let mut rig = Rig::new();
    let asking = rig.ask_by(Chan::Plain, home(1), 1);
    assert!(!asking.was_taken());
    assert_eq!(rig.closed_session(asking.session), Some(Close::Refused));
    let change: [fn(&mut Announce); 3] =
        [|bad| bad.name = "\u{7}".into(), |bad| bad.pk = Blob([0; 32]), |bad| bad.v = 2];
    for change in change {
        let chan = rig.tls();
        let (session, caller) = rig.caller(chan, home(1));
        let mut announce = asking.announce.clone();
        change(&mut announce);
        rig.event(Event::Announce { session, announce: Box::new(announce), caller });
        assert_eq!(rig.closed_session(session), Some(Close::Protocol));
    }
    // Too early, twice, or about nothing: it changes nothing.
    rig.reveal(&asking);
    let good = rig.showing(home(2), 2);
    rig.reveal(&good);
    assert_eq!(rig.pending().len(), 1);
}

#[test]
fn when_the_service_stops_those_that_ask_are_told() {
    let mut rig = Rig::new();
    let showing = rig.showing(home(1), 1);
    let asking = rig.ask_from(home(2), 2);
    rig.ask(|reply| Command::Stop { reply });
    for one in [showing, asking] {
        assert_eq!(rig.closed_session(one.session), Some(Close::Restarting));
    }
}
