#![expect(clippy::wildcard_enum_match_arm, reason = "a test that hears another event fails")]

use std::time::Duration;

use serde_json::json;

use crate::hub::event::Event;
use crate::listener::rig::{GATEWAY, LINK_KEY, Peer, Rig, padded};
use crate::outbox::Outbox;
use crate::proof;
use crate::wire::device::{Bye, ErrFrame};
use crate::wire::upstream::{FromPlugin, ToPlugin};
use crate::wire::{Blob, Close, Code};

async fn linked(rig: &mut Rig) -> (Peer, Outbox) {
    let mut peer = rig.peer("/openclaw").await;
    peer.send(peer.link_auth(&LINK_KEY)).await;
    match rig.event().await {
        Event::LinkReady { auth, sn, outbox, .. } => {
            assert_eq!((auth.gateway.as_str(), auth.host.as_str()), (GATEWAY, "2026.9.6"));
            assert!(proof::link_auth_holds(&LINK_KEY, &sn, &auth.cn, GATEWAY, &auth.mac));
            (peer, outbox)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_plugin_proves_the_key_and_carries_frames_both_ways() {
    let mut rig = Rig::start();
    let (mut peer, outbox) = linked(&mut rig).await;
    assert_eq!((&peer.hello["epoch"], &peer.hello["hb"]), (&json!("e5f1"), &json!(30)));
    outbox.send(&ToPlugin::Ready { r#gen: 7, mac: Blob([0; 32]) }).expect("room");
    assert_eq!(peer.frame().await["gen"], 7);
    for index in 0..100 {
        // No rate limit on this link.
        peer.send(json!({"t": "accepted", "turn": format!("t{index}")})).await;
    }
    for index in 0..100 {
        match rig.event().await {
            Event::FromPlugin { frame: FromPlugin::Accepted { turn }, .. } => assert_eq!(turn, format!("t{index}")),
            other => panic!("{other:?}"),
        }
    }
    drop(peer);
    assert!(matches!(rig.event().await, Event::LinkGone { .. }));
    assert!(rig.is_quiet());
}

#[tokio::test]
async fn another_key_is_refused_and_the_hub_hears_nothing() {
    let mut rig = Rig::start();
    let mut peer = rig.peer("/openclaw").await;
    peer.send(peer.link_auth(&[8; 32])).await;
    assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    let recorded = rig.peer("/openclaw").await.link_auth(&LINK_KEY);
    let mut peer = rig.peer("/openclaw").await;
    peer.send(recorded).await;
    assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    assert!(rig.is_quiet());
}

#[tokio::test]
async fn the_hub_refuses_another_gateway_with_its_own_words() {
    let mut rig = Rig::start();
    let (mut peer, outbox) = linked(&mut rig).await;
    outbox.send(&ToPlugin::Err(ErrFrame::of(Code::OtherGateway))).expect("room");
    outbox.send(&ToPlugin::Bye(Bye { code: Code::OtherGateway, retry_ms: Some(60_000) })).expect("room");
    outbox.close(Close::Refused);
    assert_eq!(peer.farewell().await, (vec![9022], Some(9022), 4003));
    assert!(matches!(rig.event().await, Event::LinkGone { .. }));
}

#[tokio::test]
async fn frames_of_the_link_have_their_own_limits() {
    let mut rig = Rig::start();
    let mut peer = rig.peer("/openclaw").await;
    peer.send_text(padded(4_096)).await;
    assert_eq!(peer.frame().await["of"], "dance");
    peer.send_text(padded(4_097)).await;
    assert_eq!(peer.farewell().await, (vec![], Some(9006), 1009));
    let (mut peer, _outbox) = linked(&mut rig).await;
    peer.send_text(padded(131_072)).await;
    assert_eq!(peer.frame().await["of"], "dance");
    peer.send_text(padded(131_073)).await;
    assert_eq!(peer.farewell().await, (vec![], Some(9006), 1009));
}

#[tokio::test]
async fn a_plugin_that_does_not_prove_itself_in_time_is_closed_with_4001() {
    let rig = Rig::with(|timing| timing.greeting = Duration::from_millis(100));
    let mut peer = rig.peer("/openclaw").await;
    assert_eq!(peer.farewell().await, (vec![], Some(9003), 4001));
}
