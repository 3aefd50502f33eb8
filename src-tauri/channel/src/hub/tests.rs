//! Stories by hand; random ones are in `tests/random.rs`.

mod agents;
mod announced;
pub(super) mod hostile_plugin;
mod limits;
mod listing;
mod pushes;
mod random;
mod rig;
mod storage;

use rig::{Rig, message_id};

use ed25519_dalek::SigningKey;

use crate::clock::Clock;
use crate::disk::Disk;
use crate::driver::{self, AfterCommit, HubHandle};
use crate::hub::event::{Command, Event, Notice};
use crate::proof::Chan;
use crate::view::{BindFailure, BindProgress, ConfirmError, Entry};
use crate::wire::device::{Kind, Stored, ToDevice, TurnState};
use crate::wire::upstream::{FromPlugin, Outcome, ToPlugin};
use crate::wire::{Code, Der};

fn acks(frames: &[ToDevice]) -> Vec<(String, Stored)> {
    frames
        .iter()
        .filter_map(|frame| if let ToDevice::Ack { id, st } = frame { Some((id.clone(), *st)) } else { None })
        .collect()
}

fn errors(frames: &[ToDevice]) -> Vec<Code> {
    frames
        .iter()
        .filter_map(|frame| if let ToDevice::Err(problem) = frame { Some(problem.code) } else { None })
        .collect()
}

fn replies(frames: &[ToDevice]) -> Vec<(u64, String, bool, Option<Code>)> {
    frames
        .iter()
        .filter_map(|frame| {
            let ToDevice::Reply(reply) = frame else { return None };
            Some((reply.n, reply.text.clone(), reply.late, reply.code))
        })
        .collect()
}

fn delivered(frames: &[ToPlugin]) -> Vec<String> {
    frames
        .iter()
        .filter_map(|frame| if let ToPlugin::Deliver { text, .. } = frame { Some(text.clone()) } else { None })
        .collect()
}

#[test]
fn a_message_is_answered_and_the_next_one_waits_for_it() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.say(&device, 2, "two");
    let frames = rig.device_frames(&device);
    assert_eq!(acks(&frames).len(), 2);
    assert!(frames.contains(&ToDevice::Turn { re: message_id(2), s: TurnState::Queued, stage: None }));
    assert_eq!(delivered(&rig.plugin_frames()), ["one"]);
    rig.plugin(FromPlugin::Accepted { turn: rig.turn(&device, 1) });
    rig.plugin(FromPlugin::Partial { turn: rig.turn(&device, 1), text: "o".into() });
    rig.reply(&device, 1, "r1", "ONE");
    rig.done(&device, 1, Outcome::Answered);
    let frames = rig.device_frames(&device);
    assert!(frames.contains(&ToDevice::Partial { re: message_id(1), text: "o".into() }));
    assert_eq!(replies(&frames), [(1, "ONE".into(), false, None)]);
    assert_eq!(delivered(&rig.plugin_frames()), ["two"]);
}

#[test]
fn a_repeated_message_is_acknowledged_and_not_run_again() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.say(&device, 1, "one");
    rig.say(&device, 1, "other words");
    let frames = rig.device_frames(&device);
    assert_eq!(acks(&frames), [(message_id(1), Stored::Stored), (message_id(1), Stored::Dup)]);
    assert_eq!(errors(&frames), [Code::IdReused]);
    assert_eq!(delivered(&rig.plugin_frames()), ["one"]);
}

#[test]
fn without_a_link_a_message_is_kept_and_says_so() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.say(&device, 1, "one");
    let frames = rig.device_frames(&device);
    assert_eq!(acks(&frames).len(), 1);
    assert_eq!(errors(&frames), [Code::LinkOffline]);
    rig.link();
    assert_eq!(delivered(&rig.plugin_frames()), ["one"]);
}

#[test]
fn a_slow_answer_is_told_once_and_comes_late() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.device_frames(&device);
    rig.plugin_frames();
    rig.pass(29_999);
    assert_eq!(errors(&rig.device_frames(&device)), []);
    rig.pass(1);
    rig.pass(1_000);
    assert_eq!(errors(&rig.device_frames(&device)), [Code::NoAnswerYet]);
    assert!(matches!(rig.plugin_frames().as_slice(), [ToPlugin::Slow { after_s: 30, .. }]));
    rig.reply(&device, 1, "r1", "ONE");
    assert_eq!(replies(&rig.device_frames(&device)), [(1, "ONE".into(), true, None)]);
}

#[test]
fn a_partial_answer_is_not_slow() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.plugin(FromPlugin::Partial { turn: rig.turn(&device, 1), text: "O".into() });
    rig.device_frames(&device);
    rig.pass(60_000);
    assert_eq!(errors(&rig.device_frames(&device)), []);
}

#[test]
fn after_ten_minutes_a_turn_is_stopped_and_the_queue_moves_on() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.say(&device, 2, "two");
    rig.plugin_frames();
    rig.pass(600_000);
    let frames = rig.device_frames(&device);
    assert_eq!(replies(&frames).last().map(|reply| reply.3), Some(Some(Code::TurnStopped)));
    let plugin = rig.plugin_frames();
    assert!(plugin.iter().any(|frame| matches!(frame, ToPlugin::Abort { .. })));
    assert_eq!(delivered(&plugin), ["two"]);
}

#[test]
fn a_turn_that_nobody_remembers_is_told_as_unknown() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.done(&device, 1, Outcome::Duplicate);
    assert_eq!(replies(&rig.device_frames(&device)).last().map(|reply| reply.3), Some(Some(Code::OutcomeUnknown)));
}

#[test]
fn a_failure_is_told_in_the_words_of_the_plugin() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    let turn = rig.turn(&device, 1);
    let (code, detail) = (Some(Code::NoAgent), Some("no agent".into()));
    rig.plugin(FromPlugin::Done { rid: "d1".into(), turn, outcome: Outcome::Failed, code, detail });
    let frames = rig.device_frames(&device);
    assert_eq!(replies(&frames), [(1, "no agent".into(), false, Some(Code::NoAgent))]);
    assert!(frames.contains(&ToDevice::Turn { re: message_id(1), s: TurnState::Failed, stage: None }));
}

#[test]
fn a_reply_is_stored_once_and_answered_each_time() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.reply(&device, 1, "r1", "ONE");
    rig.reply(&device, 1, "r1", "ONE");
    assert_eq!(replies(&rig.device_frames(&device)).len(), 1);
    let stored = rig.plugin_frames().iter().filter(|frame| **frame == ToPlugin::Stored { rid: "r1".into() }).count();
    assert_eq!(stored, 2);
}

#[test]
fn replies_wait_for_an_absent_device_and_come_in_order() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.leave(&device);
    for index in 0..40 {
        rig.push(&device, &format!("p{index}"), &format!("push {index}"));
    }
    rig.arrive(&device, 0);
    let first = replies(&rig.device_frames(&device));
    assert_eq!(first.iter().map(|reply| reply.0).collect::<Vec<_>>(), (1..=32).collect::<Vec<_>>());
    rig.got(&device, 32);
    let rest = replies(&rig.device_frames(&device));
    assert_eq!(rest.iter().map(|reply| reply.0).collect::<Vec<_>>(), (33..=40).collect::<Vec<_>>());
    rig.got(&device, 40);
    rig.leave(&device);
    rig.arrive(&device, 40);
    assert_eq!(replies(&rig.device_frames(&device)), []);
}

#[test]
fn a_push_to_a_stranger_is_refused() {
    let mut rig = Rig::new();
    rig.bound_device(1);
    let stranger = rig.key(9);
    rig.link();
    rig.plugin_frames();
    rig.push(&stranger, "p1", "hello");
    assert_eq!(rig.plugin_frames(), [ToPlugin::Refused { rid: "p1".into(), code: Code::Removed }]);
}

#[test]
fn a_removed_device_is_closed_and_can_be_bound_again() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.device_frames(&device);
    let lost = rig.remove(&device).unwrap();
    assert_eq!((lost.messages, lost.replies), (1, 0));
    let frames = rig.device_frames(&device);
    assert_eq!(errors(&frames), [Code::Removed]);
    assert_eq!(rig.closed(&device), Some(crate::wire::Close::Removed));
    assert!(rig.plugin_frames().iter().any(|frame| matches!(frame, ToPlugin::Abort { .. })));
    assert_eq!(rig.remove(&device), None);
    let again = rig.bound_device(1);
    assert_eq!(again, device);
    rig.say(&device, 1, "one");
    assert_eq!(acks(&rig.device_frames(&device)), [(message_id(1), Stored::Stored)]);
}

#[test]
fn a_newer_connection_of_a_device_takes_over() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    let old = rig.session(&device);
    rig.arrive(&device, 0);
    assert_eq!(rig.closed_session(old), Some(crate::wire::Close::Replaced));
    rig.say_on(old, 1, "ignored");
    assert_eq!(acks(&rig.device_frames(&device)), []);
}

/// A black hole may swallow an `auth`, and give it out after the device was restarted and is back.
#[test]
fn a_connection_that_was_opened_earlier_takes_nothing_over_however_late_it_proves_itself() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    let peer = std::net::IpAddr::from([127, 0, 0, 1]);
    let (early, caller) = rig.caller(Chan::Plain, peer);
    rig.arrive(&device, 0);
    let (epoch, sig) = (rig.hub.facts.epoch.borrow().to_string(), crate::wire::Blob([0; 64]));
    let (key, outbox) = (device.clone(), caller.outbox);
    rig.event(Event::DeviceReady { session: early, device: key, outbox, peer, epoch, last_n: 0, sig });
    assert_eq!(rig.closed_session(early), Some(crate::wire::Close::Replaced));
    assert_eq!(rig.closed(&device), None, "the device that is there stays");
    rig.event(Event::DeviceGone { session: early });
    rig.say(&device, 1, "heard");
    assert_eq!(acks(&rig.device_frames(&device)), [(message_id(1), Stored::Stored)]);
    assert_eq!(rig.truth()[0].reach, crate::view::Reach::Online);
}

#[test]
fn only_one_gateway_may_link() {
    let mut rig = Rig::new();
    assert!(rig.link_as("a").iter().any(|frame| matches!(frame, ToPlugin::Ready { .. })));
    let frames = rig.link_as("b");
    assert!(frames.iter().any(|frame| matches!(frame, ToPlugin::Err(problem) if problem.code == Code::OtherGateway)));
    assert!(rig.is_linked());
    rig.forget_gateway();
    assert!(rig.link_as("b").iter().any(|frame| matches!(frame, ToPlugin::Ready { .. })));
}

#[test]
fn a_new_link_of_the_same_gateway_gets_everything_again_and_the_old_one_is_fenced() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    let old = rig.link_session();
    rig.plugin_frames();
    rig.link();
    assert_eq!(delivered(&rig.plugin_frames()), ["one"]);
    rig.device_frames(&device);
    rig.plugin_on(
        old,
        FromPlugin::Reply { rid: "r".into(), turn: rig.turn(&device, 1), text: "x".into(), error: false },
    );
    assert_eq!(replies(&rig.device_frames(&device)), []);
}

#[test]
fn two_devices_on_one_code_are_both_refused() {
    let mut rig = Rig::new();
    let ticket = rig.ticket();
    let progress = rig.watch(&ticket);
    let first = rig.claim(&ticket, 1, true);
    let second = rig.claim(&ticket, 2, true);
    for claim in [first, second] {
        assert_eq!(errors(&rig.frames(claim)), [Code::BindingRefused]);
        assert_eq!(rig.closed_session(claim), Some(crate::wire::Close::Refused));
    }
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::SecondClaim));
    let third = rig.claim(&ticket, 1, true);
    assert_eq!(errors(&rig.frames(third)), [Code::BindingUnknown]);
}

#[test]
fn a_typed_code_is_the_same_code_and_its_claim_is_told_by_the_same_handle() {
    let mut rig = Rig::new();
    let ticket = rig.ticket();
    let tls = rig.tls();
    rig.notices();
    let claim = rig.claim_by(&ticket, (Entry::Typed, tls.clone()), 1, true);
    assert_eq!(rig.notices(), [Notice::BindWaits(ticket.bind.as_str().into())]);
    rig.shown(claim);
    let code = rig.code_of(claim);
    assert!(rig.confirm(&ticket, &code).is_ok());
    let cert = rig.frames(claim).into_iter().find_map(|frame| {
        let ToDevice::BindOk { cert, .. } = frame else { return None };
        cert
    });
    assert_eq!(cert, Some(Der(vec![1, 2, 3])), "it had no pin before");

    // A second device ends it, whichever handle it uses; on ws the typed one is no handle at all.
    for (first, second) in [(Entry::Scanned, Entry::Typed), (Entry::Typed, Entry::Scanned)] {
        let ticket = rig.ticket();
        let plain = rig.claim_by(&ticket, (Entry::Typed, Chan::Plain), 1, true);
        assert_eq!(errors(&rig.frames(plain)), [Code::BindingUnknown]);
        let claims =
            [(first, 1), (second, 2)].map(|(entry, seed)| rig.claim_by(&ticket, (entry, tls.clone()), seed, true));
        for claim in claims {
            assert_eq!(errors(&rig.frames(claim)), [Code::BindingRefused]);
        }
    }
}

#[test]
fn a_script_is_a_device_like_any_other() {
    let mut rig = Rig::new();
    let public_key = Box::new(SigningKey::from_bytes(&[5; 32]).verifying_key());
    let name = String::from("Backup");
    let device = rig.ask(|reply| Command::AddScript { public_key, name, reply }).unwrap();
    assert_eq!(device, rig.key(5));
    assert!(rig.notices().contains(&Notice::DeviceBound(device.clone(), "Backup".into())));
    let [listed] = rig.read().try_into().unwrap();
    assert_eq!((listed.key, listed.kind, listed.name.as_str()), (device.clone(), Kind::Script, "Backup"));
    rig.arrive(&device, 0);
    rig.say(&device, 1, "one");
    assert_eq!(acks(&rig.device_frames(&device)), [(message_id(1), Stored::Stored)]);
    assert!(rig.remove(&device).is_some());
}

/// The rules themselves, without the tick that usually comes first.
#[test]
fn a_code_is_good_until_its_last_millisecond_and_a_thousand_replays_after_it_or_after_its_use_bind_nobody() {
    let mut rig = Rig::new();
    let ticket = rig.ticket();
    rig.now.mono += 179_999;
    let claim = rig.claim(&ticket, 1, true);
    assert_eq!(errors(&rig.frames(claim)), []);
    rig.shown(claim);
    let digits = rig.code_of(claim);
    let first = rig.confirm(&ticket, &digits).unwrap();
    assert!(rig.was_bound(claim), "the twin: what follows is refused for its time alone");

    let late = rig.ticket();
    rig.now.mono += 180_000;
    for over in [&ticket, &late] {
        for index in 0..500_u32 {
            let seed = u8::try_from(2 + index % 250).unwrap();
            let entry = if index % 5 == 0 { (Entry::Typed, rig.tls()) } else { (Entry::Scanned, Chan::Plain) };
            let again = rig.claim_by(over, entry, seed, true);
            assert_eq!(errors(&rig.frames(again)), [Code::BindingUnknown], "replay {index}");
            assert!(!rig.was_bound(again));
        }
    }
    assert_eq!(rig.truth().iter().map(|device| &device.key).collect::<Vec<_>>(), [&first]);
}

/// While events wait all the time nothing else would let time pass.
#[tokio::test]
async fn what_is_due_comes_before_the_events_that_wait() {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::new();
    let ticket = rig.ticket();
    let progress = rig.watch(&ticket);
    rig.hub.tickets[0].attempt.deadline = 0;
    let (handle, events) = HubHandle::channel();
    let (reply, issued) = tokio::sync::oneshot::channel();
    handle.send(Event::Command(Command::IssueTicket { address: [127, 0, 0, 1].into(), reply })).await.unwrap();
    handle.send(Event::Command(Command::Stop { reply: tokio::sync::oneshot::channel().0 })).await.unwrap();
    driver::run::<AfterCommit>(rig.hub, events, Clock::start(), Disk::of(folder.path()), rig.notices).await;
    issued.await.unwrap().unwrap();
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::Expired), "not replaced: it was over before");
}

#[test]
fn a_code_dies_by_time_by_wrong_proofs_and_by_a_newer_one() {
    let mut rig = Rig::new();
    let ticket = rig.ticket();
    rig.pass(179_999);
    assert_eq!(
        errors(&{
            let claim = rig.claim(&ticket, 1, true);
            rig.frames(claim)
        }),
        []
    );

    let mut rig = Rig::new();
    let ticket = rig.ticket();
    rig.pass(180_000);
    let late = rig.claim(&ticket, 1, true);
    assert_eq!(errors(&rig.frames(late)), [Code::BindingUnknown]);

    let mut rig = Rig::new();
    let ticket = rig.ticket();
    for _ in 0..4 {
        let wrong = rig.claim(&ticket, 1, false);
        assert_eq!(errors(&rig.frames(wrong)), [Code::BindingUnknown]);
    }
    let progress = rig.watch(&ticket);
    assert!(matches!(*progress.borrow(), BindProgress::Waiting { .. }), "four wrong proofs leave it alive");
    rig.claim(&ticket, 1, false);
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::TooManyFailures));

    let older = rig.ticket();
    let progress = rig.watch(&older);
    rig.ticket();
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::Replaced));
}

#[test]
fn the_person_types_the_code_and_has_three_tries() {
    let mut rig = Rig::new();
    let ticket = rig.ticket();
    let claim = rig.claim(&ticket, 1, true);
    assert_eq!(rig.confirm(&ticket, "00"), Err(ConfirmError::NotConfirming), "nothing is shown yet");
    rig.shown(claim);
    let code = rig.code_of(claim);
    let wrong = if code == "11" { "12" } else { "11" };
    assert_eq!(rig.confirm(&ticket, wrong), Err(ConfirmError::WrongCode { left: 2 }));
    assert_eq!(rig.confirm(&ticket, ""), Err(ConfirmError::WrongCode { left: 1 }));
    assert!(rig.confirm(&ticket, &code).is_ok());
    assert!(rig.was_bound(claim));
    assert_eq!(rig.confirm(&ticket, &code), Err(ConfirmError::NotConfirming), "once");

    let ticket = rig.ticket();
    let claim = rig.claim(&ticket, 2, true);
    rig.shown(claim);
    let wrong = if rig.code_of(claim) == "11" { "12" } else { "11" };
    for left in [2, 1, 0] {
        assert_eq!(rig.confirm(&ticket, wrong), Err(ConfirmError::WrongCode { left }));
    }
    assert_eq!(errors(&rig.frames(claim)), [Code::BindingRefused]);
    let right = rig.code_of(claim);
    assert_eq!(rig.confirm(&ticket, &right), Err(ConfirmError::NotConfirming));
}
