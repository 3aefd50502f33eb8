//! Every limit that the hub holds, at L and at L+1, and what the peer is told.

use ed25519_dalek::SigningKey;

use super::rig::Rig;
use super::{acks, errors, replies};
use crate::outbox;
use crate::view::{BindFailure, BindProgress, ConfirmError};
use crate::wire::device::Kind;
use crate::wire::upstream::ToPlugin;
use crate::wire::{self, Code};

#[test]
fn words_that_do_not_fit_into_a_frame_are_refused_to_the_plugin() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.plugin_frames();
    let longest = "x".repeat(wire::TEXT);
    rig.push(&device, "p1", &longest);
    rig.push(&device, "p2", &format!("{longest}x"));
    rig.push(&device, "p3", &"\u{1}".repeat(11_000));
    let refused = |rid: &str| ToPlugin::Refused { rid: rid.into(), code: Code::TooLong };
    assert_eq!(rig.plugin_frames(), [ToPlugin::Stored { rid: "p1".into() }, refused("p2"), refused("p3")]);
    let frames = rig.device_frames(&device);
    assert_eq!(replies(&frames).len(), 1);
    assert!(frames.iter().all(|frame| wire::encode(frame).len() <= wire::DEVICE_FRAME));
}

#[test]
fn queue_limits_hold_at_the_limit_and_say_so_behind_it() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    for index in 0..1_000 {
        rig.say(&device, index, "x");
    }
    assert_eq!(acks(&rig.device_frames(&device)).len(), 1_000);
    rig.say(&device, 1_000, "x");
    let frames = rig.device_frames(&device);
    assert_eq!((acks(&frames).len(), errors(&frames)), (0, vec![Code::QueueFull]));

    let heavy = rig.bound_device(2);
    let text = "y".repeat(wire::TEXT);
    for index in 0..256 {
        rig.say(&heavy, index, &text);
    }
    assert_eq!(acks(&rig.device_frames(&heavy)).len(), 256, "8 MiB fit");
    rig.say(&heavy, 300, "y");
    assert_eq!(errors(&rig.device_frames(&heavy)), [Code::QueueFull]);
    rig.say(&heavy, 301, &"z".repeat(wire::TEXT + 1));
    rig.say(&heavy, 302, "");
    assert_eq!(errors(&rig.device_frames(&heavy)), [Code::TooLong, Code::TooLong]);
}

#[test]
fn old_replies_give_way_and_the_device_is_told() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.leave(&device);
    for index in 0..1_000 {
        rig.push(&device, &format!("p{index}"), "x");
    }
    rig.arrive(&device, 0);
    assert_eq!(rig.fetch_all(&device).len(), 1_000, "at the limit nothing is lost");
    rig.leave(&device);
    for index in 0..1_001 {
        rig.push(&device, &format!("q{index}"), "x");
    }
    rig.arrive(&device, 1_000);
    let all = rig.fetch_all(&device);
    assert_eq!(all.len(), 1_000);
    assert_eq!(all.iter().filter(|reply| reply.3 == Some(Code::Expired)).count(), 1);
}

#[test]
fn replies_of_eight_mib_wait_and_one_byte_more_gives_the_oldest_up() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.leave(&device);
    let text = "x".repeat(wire::TEXT);
    for index in 0..256 {
        rig.push(&device, &format!("p{index}"), &text);
    }
    assert_eq!(rig.hub.store.waiting_replies(&device).unwrap(), (256, 8 << 20), "8 MiB wait");
    rig.push(&device, "one-more", "x");
    rig.arrive(&device, 0);
    let all = rig.fetch_all(&device);
    assert_eq!(all.first().map(|reply| reply.0), Some(2), "the oldest went");
    assert_eq!(all.iter().filter(|reply| reply.3 == Some(Code::Expired)).count(), 1);
}

#[test]
fn twenty_thousand_devices_are_bound_and_one_more_is_not() {
    let mut rig = Rig::new();
    for index in 1..wire::DEVICES {
        let mut seed = [9; 32];
        seed[..8].copy_from_slice(&(index as u64).to_be_bytes());
        rig.hub.store.bind_device(&SigningKey::from_bytes(&seed).verifying_key(), "d", Kind::Other, 0).unwrap();
    }
    rig.hub.store.commit().unwrap();
    rig.bound_device(1);
    assert_eq!(rig.hub.store.device_count().unwrap(), wire::DEVICES);
    rig.bound_device(1); // who is bound already may always bind again
    let ticket = rig.ticket();
    let progress = rig.watch(&ticket);
    let claim = rig.claim(&ticket, 2, true);
    rig.shown(claim);
    let code = rig.code_of(claim);
    assert_eq!(rig.confirm(&ticket, &code), Err(ConfirmError::Storage));
    assert_eq!(*progress.borrow(), BindProgress::Failed(BindFailure::NotStored));
    assert_eq!(errors(&rig.frames(claim)), [Code::QueueFull]);
}

#[test]
fn a_link_takes_a_full_window_of_the_longest_messages_at_once() {
    let mut rig = Rig::new();
    let heavy = "\u{1}".repeat(10_700); // six bytes each in JSON: just a frame of a device
    for seed in 1..=64 {
        let device = rig.bound_device(seed);
        rig.say(&device, 1, &heavy);
    }
    rig.limit = outbox::LINK_BYTES;
    rig.link();
    let given = rig.plugin_frames().iter().filter(|frame| matches!(frame, ToPlugin::Deliver { .. })).count();
    assert_eq!((given, rig.closed_session(rig.link_session())), (64, None));
}

#[test]
fn a_link_hears_of_every_connected_device_at_once() {
    let longest = ToPlugin::Presence { device: "a".repeat(26), name: "\u{10348}".repeat(32), online: false };
    assert!(wire::DEVICES * wire::encode(&longest).len() < outbox::LINK_BYTES / 2);
}

#[test]
fn replies_that_grow_in_json_do_not_make_a_device_too_slow() {
    let mut rig = Rig::new();
    let device = rig.bound_device(1);
    rig.link();
    rig.leave(&device);
    for index in 0..12 {
        rig.push(&device, &format!("p{index}"), &"\u{1}".repeat(10_000));
    }
    rig.limit = outbox::BYTES;
    rig.arrive(&device, 0);
    assert_eq!(rig.fetch_all(&device).len(), 12);
    assert_eq!(rig.closed(&device), None);
}
