//! A disk without room, a clock that was set, a computer that slept.

use super::replies;
use super::rig::{Rig, message_id};
use crate::clock::Reading;
use crate::driver::perform;
use crate::hub::event::{Event, Notice};
use crate::storage::Room;
use crate::store::{FILE, Store};
use crate::wire::device::{ErrFrame, Resume, Stored, ToDevice};
use crate::wire::upstream::{FromPlugin, Outcome, ToPlugin};
use crate::wire::{Close, Code};

fn set_room(rig: &mut Rig, room: Room) {
    let effects = rig.hub.set_room(room, rig.now);
    rig.hub.store.commit().unwrap();
    perform(effects, &rig.notices);
}

/// Messages that were refused for want of room.
fn refused(frames: &[ToDevice]) -> Vec<String> {
    let mut ids = Vec::new();
    for frame in frames {
        if let ToDevice::Err(ErrFrame { code: Code::Storage, re: Some(id), retry_ms: Some(_), .. }) = frame {
            ids.push(id.clone());
        }
    }
    ids
}

fn acknowledged(frames: &[ToDevice]) -> Vec<(String, Stored)> {
    let mut all = Vec::new();
    for frame in frames {
        if let ToDevice::Ack { id, st } = frame {
            all.push((id.clone(), *st));
        }
    }
    all
}

#[test]
fn with_little_room_new_messages_wait_on_their_devices_and_all_else_goes_on() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "before");
    rig.device_frames(&device);
    set_room(&mut rig, Room::Little);
    rig.say(&device, 2, "while full");
    rig.say(&device, 1, "before");
    let frames = rig.device_frames(&device);
    assert_eq!(refused(&frames), [message_id(2)]);
    assert_eq!(acknowledged(&frames), [(message_id(1), Stored::Dup)], "what is on disk is on disk");
    rig.reply(&device, 1, "r1", "answer");
    rig.done(&device, 1, Outcome::Answered);
    rig.push(&device, "p1", "push");
    assert_eq!(rig.fetch_all(&device).len(), 2, "deliveries go on");
    assert_eq!(rig.plugin_frames().iter().filter(|frame| matches!(frame, ToPlugin::Stored { .. })).count(), 3);
    assert_eq!(rig.closed(&device), None);
    set_room(&mut rig, Room::Plenty);
    rig.say(&device, 2, "while full");
    assert_eq!(acknowledged(&rig.device_frames(&device)), [(message_id(2), Stored::Stored)]);
}

#[test]
fn with_the_least_room_the_plugin_keeps_its_replies_and_devices_still_confirm() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.say(&device, 1, "words");
    rig.reply(&device, 1, "r1", "answer");
    let link = rig.link_session();
    set_room(&mut rig, Room::Least);
    assert_eq!(rig.closed_session(link), Some(Close::Restarting));
    assert!(!rig.is_linked());
    let refused = rig.link_as("g");
    assert!(
        refused.iter().any(
            |frame| matches!(frame, ToPlugin::Bye(bye) if bye.code == Code::Storage && bye.retry_ms >= Some(5_000))
        )
    );
    assert!(!rig.is_linked());
    assert_eq!(replies(&rig.device_frames(&device)).len(), 1);
    rig.got(&device, 1);
    assert_eq!(rig.read()[0].waiting, 0);
    set_room(&mut rig, Room::Plenty);
    let again = rig.link_as("g");
    assert!(again.iter().any(|frame| matches!(frame, ToPlugin::Deliver { .. })), "the turn is not over: it goes again");
}

#[test]
fn a_write_that_finds_no_room_costs_nobody_the_session() {
    let mut rig = Rig::new();
    let (one, other) = (rig.bound_device(1), rig.bound_device(2));
    rig.link();
    rig.say(&one, 1, "words");
    rig.device_frames(&one);
    (rig.fail_next, rig.rewinds) = (true, true);
    rig.say(&other, 1, "no room");
    assert_eq!(refused(&rig.device_frames(&other)), [message_id(1)]);
    assert_eq!((rig.closed(&one), rig.closed(&other)), (None, None));
    assert!(!rig.is_linked(), "the plugin sends again what it heard no `stored` for");
    rig.link();
    (rig.fail_next, rig.rewinds) = (true, true);
    rig.reply(&one, 1, "r1", "answer");
    assert_eq!(replies(&rig.device_frames(&one)), [], "not stored, not shown");
    rig.link();
    rig.reply(&one, 1, "r1", "answer");
    rig.reply(&one, 1, "r2", "more");
    let shown: Vec<u64> = replies(&rig.device_frames(&one)).iter().map(|reply| reply.0).collect();
    assert_eq!(shown, [1, 2], "none is skipped on the session that stayed");
}

#[test]
fn a_device_whose_coming_was_not_stored_comes_again() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    let older = rig.session(&device);
    (rig.fail_next, rig.rewinds) = (true, true);
    rig.arrive(&device, 0);
    assert_eq!(rig.closed(&device), Some(Close::Restarting));
    assert_eq!(rig.closed_session(older), Some(Close::Restarting), "nobody would listen to it any more");
    assert!(!rig.device_frames(&device).iter().any(|frame| matches!(frame, ToDevice::Ready { .. })));
    rig.arrive(&device, 0);
    assert!(rig.device_frames(&device).iter().any(|frame| matches!(frame, ToDevice::Ready { .. })));
}

/// A disk that said it had synced, and did not: what SQL does is what it loses.
fn lose(rig: &mut Rig, folder: &std::path::Path, rows: &str) {
    let effects = rig.hub.recover(Vec::new(), rig.now);
    perform(effects, &rig.notices);
    rig.hub.store.close();
    rusqlite::Connection::open(folder.join(FILE)).unwrap().execute_batch(rows).unwrap();
    let effects = rig.hub.reopen(rig.now).unwrap();
    perform(effects, &rig.notices);
}

/// Two replies that a device has shown; the disk loses what `rows` does, and then the assistant says something new.
fn shown_after_a_loss(rows: &str) -> Vec<(u64, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut rig = Rig::on(Store::open(folder.path()).unwrap());
    let device = rig.bound_device(1);
    let epoch = rig.hub.facts.epoch.borrow().to_string();
    rig.link();
    rig.push(&device, "p1", "first");
    rig.push(&device, "p2", "second");
    assert_eq!(replies(&rig.device_frames(&device)).len(), 2);
    rig.got(&device, 2);
    lose(&mut rig, folder.path(), rows);
    rig.link();
    rig.push(&device, "p3", "new");
    rig.arrive_as(&device, &epoch, 2);
    let frames = rig.device_frames(&device);
    let shown = replies(&frames).into_iter().map(|(n, text, ..)| (n, text)).collect();
    let ready = frames.iter().find_map(|frame| {
        let ToDevice::Ready { epoch, resume, .. } = frame else { return None };
        Some((epoch.clone(), *resume))
    });
    let told = rig.notices().iter().any(|notice| matches!(notice, Notice::StoreDamaged(_)));
    let lost = !rows.is_empty();
    assert_eq!(ready, Some((rig.hub.facts.epoch.borrow().to_string(), if lost { Resume::Reset } else { Resume::Ok })));
    assert_eq!((*epoch != **rig.hub.facts.epoch.borrow(), told), (lost, lost));
    assert_eq!(rig.hub.store.epoch().unwrap(), **rig.hub.facts.epoch.borrow(), "memory and file say the same");
    shown
}

#[test]
fn what_is_said_after_the_disk_lost_a_reply_reaches_the_device_that_had_it() {
    // The new reply has the number of the lost one, which the device says it has.
    let shown = shown_after_a_loss("DELETE FROM reply WHERE n = 2; UPDATE device SET last_n = 1, got_n = 1");
    assert!(shown.contains(&(2, "new".into())), "{shown:?}");
    assert_eq!(shown_after_a_loss(""), [(3, "new".into())], "nothing is lost, nothing comes again");
}

#[test]
fn nothing_expires_because_the_clock_was_set() {
    let day = 24 * 3_600_000;
    for jump in [12 * 365 * day, -50 * 365 * day] {
        let mut rig = Rig::new();
        let device = rig.bound_device(1);
        rig.link();
        rig.leave(&device);
        rig.push(&device, "p1", "push");
        let see = |rig: &mut Rig| {
            let reading = Reading { mono: rig.now.mono, elapsed: rig.now.mono, wall: rig.now.wall };
            rig.hub.see_clocks(reading)
        };
        rig.hub.resume_clock(Reading { mono: rig.now.mono, elapsed: rig.now.mono, wall: rig.now.wall }).unwrap();
        rig.pass(1_000);
        rig.now.wall += jump;
        assert!(see(&mut rig).set);
        rig.push(&device, "p2", "while the clock was wrong");
        rig.pass(59 * 60_000);
        rig.now.wall -= jump;
        see(&mut rig);
        // The hourly look at what is old.
        rig.pass(59 * 60_000);
        see(&mut rig);
        rig.event(Event::Tick);
        rig.arrive(&device, 0);
        let kept = rig.fetch_all(&device);
        assert_eq!(kept.len(), 2, "{jump}: {kept:?}");
        let saved = rig.hub.store.meta("clock").unwrap();
        assert!(saved.is_some_and(|saved| !saved.ends_with('-')), "the next run knows");
    }
}

#[test]
fn a_kill_does_not_forget_that_the_clock_was_set() {
    let jump = 12 * 365 * 24 * 3_600_000;
    let reading = |rig: &Rig| Reading { mono: rig.now.mono, elapsed: rig.now.mono, wall: rig.now.wall };
    for fails in [false, true] {
        let mut rig = Rig::new();
        let device = rig.bound_device(1);
        rig.link();
        rig.leave(&device);
        rig.hub.resume_clock(reading(&rig)).unwrap();
        rig.event(Event::Tick);
        rig.now.wall -= jump;
        let now = reading(&rig);
        assert!(rig.hub.see_clocks(now).set);
        // Where the store refuses, nothing is saved by it.
        (rig.fail_next, rig.rewinds) = (fails, true);
        rig.event(Event::Woke);
        rig.link();
        rig.push(&device, "p", "while the clock was wrong");
        // Killed, and started with the clock put right.
        rig.now.wall += jump;
        rig.hub.resume_clock(reading(&rig)).unwrap();
        rig.pass(2 * 3_600_000);
        rig.event(Event::Tick);
        rig.arrive(&device, 0);
        let kept = rig.fetch_all(&device);
        assert!(matches!(&kept[..], [(_, words, ..)] if words == "while the clock was wrong"), "{fails}: {kept:?}");
    }
}

#[test]
fn after_a_sleep_everybody_is_asked_whether_they_are_there() {
    let mut rig = Rig::new();
    let (one, other) = (rig.bound_device(1), rig.bound_device(2));
    rig.link();
    rig.leave(&other);
    rig.event(Event::Woke);
    let (one, other, link) = (rig.session(&one), rig.session(&other), rig.link_session());
    assert_eq!([one, other, link].map(|session| rig.checks(session)), [1, 0, 1]);
}

#[test]
fn a_plugin_without_room_learns_it_once_and_the_application_too() {
    let mut rig = Rig::new();
    rig.link();
    rig.notices();
    set_room(&mut rig, Room::Least);
    set_room(&mut rig, Room::Least);
    assert_eq!(rig.notices().iter().filter(|notice| **notice == Notice::LinkDown).count(), 1);
    rig.plugin_on(rig.link_session(), FromPlugin::Ping { c: 1 });
}
