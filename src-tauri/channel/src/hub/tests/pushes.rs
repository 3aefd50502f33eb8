//! Agents that speak first: whom they reach, who is told, and what stays refused.

use super::rig::{Rig, message_id};
use crate::hub::event::Command;
use crate::hub::{MaySpeak, may_speak};
use crate::id::DeviceKey;
use crate::view::{Happened, Speaker, SpeaksFirst};
use crate::wire::Code;
use crate::wire::device::{Reply, ToDevice};
use crate::wire::upstream::{FromPlugin, Outcome, ToPlugin};

fn push(rig: &mut Rig, to: &DeviceKey, rid: &str, by: Option<&str>, re_turn: Option<String>) {
    let (to, text) = (to.to_string(), format!("words of {rid}"));
    rig.plugin(FromPlugin::Push { rid: rid.into(), to, text, by: by.map(Into::into), re_turn });
}

fn choose(rig: &mut Rig, device: &DeviceKey, who: SpeaksFirst) {
    let device = device.clone();
    assert!(rig.ask(|reply| Command::SpeaksFirst { device, who, reply }));
}

fn happened(rig: &mut Rig) -> Happened {
    rig.ask(|reply| Command::Turns { device: None, before_ms: None, limit: 50, reply })
}

fn shown(rig: &mut Rig, device: &DeviceKey) -> Vec<Reply> {
    let frames = rig.device_frames(device).into_iter();
    frames.filter_map(|frame| if let ToDevice::Reply(reply) = frame { Some(reply) } else { None }).collect()
}

/// What the plugin was told about a push, in order.
fn answers(rig: &mut Rig) -> Vec<(String, Option<Code>)> {
    let frames = rig.plugin_frames().into_iter();
    let told = frames.filter_map(|frame| {
        if let ToPlugin::Refused { rid, code } = frame {
            return Some((rid, Some(code)));
        }
        if let ToPlugin::Stored { rid } = frame { Some((rid, None)) } else { None }
    });
    told.filter(|(rid, _)| rid.starts_with('p')).collect()
}

/// Everything that the owner's choice promises, on a service that decides with `decide`; the first thing that does not hold.
fn the_choice_holds(decide: MaySpeak) -> Result<(), String> {
    let mut rig = Rig::new();
    rig.hub.facts.may_speak = decide;
    rig.link();
    let device = rig.bound_device(1);
    // A message that is over, and one that is not.
    rig.say(&device, 1, "one");
    rig.done(&device, 1, Outcome::Silent);
    rig.say(&device, 2, "two");
    let (over, open) = (rig.turn(&device, 1), rig.turn(&device, 2));
    rig.plugin_frames();
    rig.device_frames(&device);
    let refused = Some(Code::NotAllowed);
    let mut count = 0;
    for (who, expected) in [
        (SpeaksFirst::Anyone, [None, None, None]),
        (SpeaksFirst::Asked, [refused, None, None]),
        (SpeaksFirst::Nobody, [refused, refused, None]),
    ] {
        choose(&mut rig, &device, who);
        for (re_turn, code) in [None, Some(over.clone()), Some(open.clone())].into_iter().zip(expected) {
            count += 1;
            let rid = format!("p{count}");
            push(&mut rig, &device, &rid, Some("agent:main"), re_turn.clone());
            let told = answers(&mut rig);
            if told != [(rid.clone(), code)] {
                return Err(format!("{who:?}, {re_turn:?}: the plugin was told {told:?}"));
            }
            let came = shown(&mut rig, &device);
            if (came.len() == 1) != code.is_none() {
                return Err(format!("{who:?}, {re_turn:?}: the device was shown {came:?}"));
            }
            let kept = happened(&mut rig).unasked.iter().any(|entry| entry.rid == rid && entry.refused);
            if kept != code.is_some() {
                return Err(format!("{who:?}, {re_turn:?}: in the list of what happened: {kept}"));
            }
        }
    }
    Ok(())
}

#[test]
fn the_owner_decides_who_speaks_first() {
    the_choice_holds(may_speak).unwrap();
}

#[test]
fn a_service_that_does_not_look_at_the_choice_is_caught() {
    let error = the_choice_holds(|_, _| true).unwrap_err();
    assert!(error.starts_with("Asked, None"), "{error}");
    let error = the_choice_holds(|who, _| who == SpeaksFirst::Anyone).unwrap_err();
    assert!(error.starts_with("Asked, Some"), "an answer must come: {error}");
}

#[test]
fn what_was_refused_stays_refused_and_is_told_without_its_words() {
    let mut rig = Rig::new();
    rig.link();
    let device = rig.bound_device(1);
    choose(&mut rig, &device, SpeaksFirst::Nobody);
    push(&mut rig, &device, "p1", Some("terminal"), None);
    push(&mut rig, &device, "p2", Some("old-agent"), None);
    assert_eq!(answers(&mut rig), [("p1".into(), Some(Code::NotAllowed)), ("p2".into(), Some(Code::NotAllowed))]);
    // The plugin crashed before it noted that, and the owner changed their mind: the agent was told no.
    choose(&mut rig, &device, SpeaksFirst::Anyone);
    rig.link();
    rig.plugin_frames();
    push(&mut rig, &device, "p1", Some("terminal"), None);
    assert_eq!(answers(&mut rig), [("p1".into(), Some(Code::NotAllowed))]);
    assert_eq!(shown(&mut rig, &device), []);
    let told = happened(&mut rig).unasked;
    let told: Vec<_> = told.iter().map(|entry| (entry.by.clone(), entry.refused, entry.said.clone())).collect();
    assert_eq!(told, [(Speaker::Agent("old-agent".into()), true, None), (Speaker::Terminal, true, None)]);
}

#[test]
fn a_device_that_is_away_gets_them_later_once_in_order_and_hears_who_speaks() {
    let mut rig = Rig::new();
    rig.link();
    let device = rig.bound_device(1);
    rig.leave(&device);
    push(&mut rig, &device, "p1", Some("agent:main"), None);
    push(&mut rig, &device, "p2", Some("terminal"), None);
    // Sent again after a break of the link, with one more.
    rig.link();
    for (rid, by) in [("p1", Some("agent:main")), ("p2", Some("terminal")), ("p3", None)] {
        push(&mut rig, &device, rid, by, None);
    }
    rig.arrive(&device, 0);
    let came: Vec<_> = shown(&mut rig, &device).into_iter().map(|reply| (reply.rid, reply.by, reply.re)).collect();
    let by = |word: &str| Some(word.to_owned());
    assert_eq!(
        came,
        [("p1".into(), by("agent:main"), None), ("p2".into(), by("terminal"), None), ("p3".into(), None, None)]
    );
}

#[test]
fn a_push_names_only_messages_of_its_own_device() {
    let mut rig = Rig::new();
    rig.link();
    let (one, two) = (rig.bound_device(1), rig.bound_device(2));
    rig.say(&one, 1, "tell the other one");
    choose(&mut rig, &two, SpeaksFirst::Asked);
    let asked_by_one = rig.turn(&one, 1);
    push(&mut rig, &two, "p1", Some("agent:main"), Some(asked_by_one.clone()));
    let never_said = rig.turn(&two, 9);
    push(&mut rig, &two, "p2", Some("agent:main"), Some(never_said));
    let no = Some(Code::NotAllowed);
    assert_eq!(answers(&mut rig), [("p1".into(), no), ("p2".into(), no)]);
    push(&mut rig, &one, "p3", None, Some(asked_by_one));
    let came = shown(&mut rig, &one);
    assert_eq!(came.iter().map(|reply| reply.re.clone()).collect::<Vec<_>>(), [Some(message_id(1))]);
}

#[test]
fn frames_of_an_older_plugin_have_no_effect() {
    let mut rig = Rig::new();
    rig.link();
    let device = rig.bound_device(1);
    rig.say(&device, 1, "hello");
    let older = rig.link_session();
    rig.link();
    let turn = rig.turn(&device, 1);
    rig.device_frames(&device);
    let old = |rid: &str| rid.to_owned();
    for frame in [
        FromPlugin::Reply { rid: old("r1"), turn: turn.clone(), text: "old".into(), error: false },
        FromPlugin::Push { rid: old("p1"), to: device.to_string(), text: "old".into(), by: None, re_turn: None },
        FromPlugin::Partial { turn: turn.clone(), text: "old".into() },
        FromPlugin::Accepted { turn: turn.clone() },
        FromPlugin::Done { rid: old("d1"), turn: turn.clone(), outcome: Outcome::Answered, code: None, detail: None },
    ] {
        rig.plugin_on(older, frame);
    }
    assert_eq!(rig.device_frames(&device), []);
    assert_eq!(happened(&mut rig).turns[0].turn.state, "sent");
    // The newer one sends the same ids: they are new to the store.
    rig.plugin_frames();
    push(&mut rig, &device, "p1", None, None);
    assert_eq!(answers(&mut rig), [("p1".into(), None)]);
    assert_eq!(shown(&mut rig, &device).len(), 1);
}
