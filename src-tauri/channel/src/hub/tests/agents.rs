//! Who may link, and where, how long words are kept and when an answer is late: all change while the service runs.

use std::net::SocketAddr;
use std::time::Duration;

use super::rig::Rig;
use super::{delivered, errors};
use crate::agent::{Agent, ECHO_GATEWAY};
use crate::hub::event::{Command, Notice};
use crate::view::{BindFailure, BindProgress, IssueError};
use crate::wire::device::{LinkState, ToDevice};
use crate::wire::upstream::{FromPlugin, Outcome, ToPlugin};
use crate::wire::{Close, Code};

fn is_ready(frames: &[ToPlugin]) -> bool {
    frames.iter().any(|frame| matches!(frame, ToPlugin::Ready { .. }))
}

fn byes(frames: &[ToPlugin]) -> Vec<(Code, Option<u64>)> {
    frames
        .iter()
        .filter_map(|frame| if let ToPlugin::Bye(bye) = frame { Some((bye.code, bye.retry_ms)) } else { None })
        .collect()
}

#[test]
fn another_agent_sends_the_link_of_the_first_away_and_gets_what_it_had() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.say(&device, 2, "two");
    assert_eq!(delivered(&rig.plugin_frames()), ["one"]);
    rig.device_frames(&device);
    rig.read();
    rig.notices();
    let gateway = rig.link_session();

    rig.set_agent(Agent::Gateway);
    assert_eq!((rig.plugin_frames(), rig.notices()), (vec![], vec![]), "the same one changes nothing");

    rig.set_agent(Agent::Echo);
    assert_eq!(byes(&rig.plugin_frames()), [(Code::OtherGateway, Some(60_000))]);
    assert_eq!(rig.closed_session(gateway), Some(Close::Refused));
    assert!(rig.device_frames(&device).contains(&ToDevice::Link { s: LinkState::Offline }));
    assert_eq!(rig.notices(), [Notice::LinkDown, Notice::Devices]);
    let link = rig.ask(|reply| Command::Link { reply });
    assert_eq!((link.online, link.gateway.as_deref(), link.plugin), (false, Some("g"), None), "still pinned");
    // What the old plugin still says counts for nothing.
    rig.plugin_on(
        gateway,
        FromPlugin::Reply { rid: "r".into(), turn: rig.turn(&device, 1), text: "x".into(), error: false },
    );
    assert!(rig.hub.store.replies_after(&device, 0, 1).unwrap().is_empty());

    assert!(!is_ready(&rig.link_as("g")), "the gateway may not link now");
    assert!(is_ready(&rig.link_as(ECHO_GATEWAY)));
    assert_eq!(delivered(&rig.plugin_frames()), ["one"]);
    rig.set_agent(Agent::Gateway);
    assert!(!rig.is_linked());
    assert!(!is_ready(&rig.link_as(ECHO_GATEWAY)));
    assert!(is_ready(&rig.link_as("g")));
    assert_eq!(delivered(&rig.plugin_frames()), ["one"], "nothing queued was lost");
    rig.reply(&device, 1, "r1", "ONE");
    rig.done(&device, 1, Outcome::Answered);
    assert_eq!(delivered(&rig.plugin_frames()), ["two"]);
    assert_eq!(errors(&rig.device_frames(&device)), []);
}

#[test]
fn a_plugin_that_names_its_frames_wrongly_goes_and_that_is_told() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.read();
    rig.notices();
    rig.reply(&device, 1, "not a rid!", "ONE");
    assert_eq!(rig.closed_session(rig.link_session()), Some(Close::Protocol));
    assert_eq!(rig.notices(), [Notice::LinkDown, Notice::Devices]);
    assert!(!rig.ask(|reply| Command::Link { reply }).online);
    assert!(!rig.truth()[0].talking);
}

#[test]
fn an_unclaimed_code_dies_with_its_address_and_a_claimed_one_does_not() {
    let here: SocketAddr = "127.0.0.1:8765".parse().unwrap();
    let there: SocketAddr = "10.0.0.1:8765".parse().unwrap();
    let issue =
        |rig: &mut Rig, address: SocketAddr| rig.ask(|reply| Command::IssueTicket { address: address.ip(), reply });
    let mut rig = Rig::new();
    assert_eq!(issue(&mut rig, there), Err(IssueError::NotListening));
    rig.listening(&[here, there]);
    let ticket = issue(&mut rig, there).unwrap();
    assert!(ticket.url.starts_with("http://10.0.0.1:8765/b#"), "{}", ticket.url);
    let progress = rig.watch(&ticket);
    rig.listening(&[there]);
    assert!(matches!(*progress.borrow(), BindProgress::Waiting { .. }), "its address is kept");
    assert_eq!(issue(&mut rig, here), Err(IssueError::NotListening));
    rig.listening(&["10.0.0.1:9000".parse().unwrap()]);
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::Replaced), "the port is another one");
    let late = rig.claim(&ticket, 1, true);
    assert_eq!(errors(&rig.frames(late)), [Code::BindingUnknown]);

    rig.listening(&[here]);
    let ticket = issue(&mut rig, here).unwrap();
    let progress = rig.watch(&ticket);
    let claim = rig.claim(&ticket, 1, true);
    rig.listening(&[]);
    assert!(matches!(*progress.borrow(), BindProgress::Scanned(_)), "its connection says when it is over");
    rig.event(crate::hub::event::Event::BindGone { session: claim });
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::DeviceLeft));
}

#[test]
fn words_that_are_not_kept_any_more_go_at_once_and_an_answer_is_late_by_the_new_wait() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "one");
    rig.reply(&device, 1, "r", "two");
    rig.done(&device, 1, Outcome::Answered);
    rig.got(&device, 1);
    let said = |rig: &mut Rig| {
        let turns = rig.ask(|reply| Command::Turns { device: None, before_ms: None, limit: 9, reply }).turns;
        turns.into_iter().map(|turn| (turn.said, turn.answered)).collect::<Vec<_>>()
    };
    rig.pass(1);
    assert_eq!(said(&mut rig), [(Some("one".into()), Some("two".into()))]);
    rig.ask(|reply| Command::Change { keep_text_ms: 0, answer: Duration::from_secs(5), reply });
    rig.pass(1);
    assert_eq!(said(&mut rig), [(None, None)]);
    rig.say(&device, 2, "three");
    rig.device_frames(&device);
    rig.pass(4_990);
    assert_eq!(errors(&rig.device_frames(&device)), []);
    rig.pass(20);
    assert_eq!(errors(&rig.device_frames(&device)), [Code::NoAnswerYet]);
}
