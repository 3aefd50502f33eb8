//! Announcements and tokens over real sockets.

use super::*;
use crate::proof::{announce, token};
use crate::wire::device::Announce;

fn announcement(key: &SigningKey, cn: &Blob<32>) -> Announce {
    let pk = Blob(key.verifying_key().to_bytes());
    let commit = announce::commitment(&pk, cn);
    Announce { v: 1, pk, name: "Lamp".into(), kind: crate::wire::device::Kind::Board, commit }
}

fn announce_frame(announce: &Announce) -> Value {
    let mut frame = serde_json::to_value(announce).expect("JSON");
    frame["t"] = json!("announce");
    frame
}

fn token_frame(text: &str) -> Value {
    json!({"t": "token", "v": 1, "token": text, "cn": Blob([9; 32]).encode(), "epoch": "e5f1", "last_n": 3})
}

/// A device that asked, and the hub's way to it.
async fn asking(rig: &mut Rig, key: &SigningKey) -> (Peer, Outbox) {
    let mut peer = rig.tls_peer().await;
    let said = announcement(key, &peer.meeting().cn);
    peer.send(announce_frame(&said)).await;
    match rig.event().await {
        Event::Announce { announce, caller, .. } => {
            assert_eq!(*announce, said);
            assert_eq!((&caller.sn, &caller.chan), (&peer.meeting().sn, &rig.tls.certificate().chan));
            (peer, caller.outbox)
        }
        other => panic!("{other:?}"),
    }
}

async fn answer(peer: &mut Peer, outbox: &Outbox) {
    outbox.send(&ToDevice::AnnounceWait { an: Blob([8; 32]), sig: Blob([0; 64]), expires_s: 120 }).expect("room");
    assert_eq!(peer.frame().await["t"], "announce_wait");
}

fn reveal(cn: &Blob<32>) -> Value {
    json!({"t": "announce_reveal", "cn": cn.encode()})
}

#[tokio::test]
async fn an_announcement_goes_from_its_first_frame_to_ready_on_one_socket() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let device = DeviceKey::of(&key.verifying_key());
    let (mut peer, outbox) = asking(&mut rig, &key).await;
    answer(&mut peer, &outbox).await;
    peer.send(reveal(&peer.meeting().cn)).await;
    assert!(matches!(rig.event().await, Event::AnnounceReveal { cn, .. } if cn == peer.meeting().cn));
    peer.send(json!({"t": "bind_shown"})).await;
    assert!(matches!(rig.event().await, Event::BindShown { .. }));
    outbox.bound(device.clone());
    let cert = Some(rig.tls.certificate().der.clone());
    outbox.send(&ToDevice::BindOk { device_key: device.as_str().into(), cert }).expect("room");
    let bound = peer.frame().await;
    let kept: crate::wire::Der = serde_json::from_value(bound["cert"].clone()).expect("a certificate");
    assert_eq!(proof::Chan::of_certificate(&kept.0), rig.tls.certificate().chan, "what it keeps is what it saw");
    peer.send(peer.auth(&key)).await;
    assert!(matches!(rig.event().await, Event::DeviceReady { .. }));
}

#[tokio::test]
async fn a_nonce_that_was_not_committed_to_is_a_failed_proof() {
    let mut rig = Rig::start();
    let key = SigningKey::from_bytes(&[1; 32]);
    for _ in 0..10 {
        let (mut peer, outbox) = asking(&mut rig, &key).await;
        answer(&mut peer, &outbox).await;
        peer.send(reveal(&Blob([7; 32]))).await;
        assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
        assert!(matches!(rig.event().await, Event::BindGone { .. }), "the hub hears no nonce");
    }
    let mut peer = rig.silent_peer("/device").await;
    assert_eq!(peer.farewell().await, (vec![], Some(9005), 4005), "and ten close the door");
}

#[tokio::test]
async fn a_nonce_comes_after_the_answer_and_soon() {
    let mut rig = Rig::with(|timing| timing.greeting = Duration::from_millis(300));
    let key = SigningKey::from_bytes(&[1; 32]);
    // Before the service named its own.
    let (mut peer, _outbox) = asking(&mut rig, &key).await;
    peer.send(reveal(&peer.meeting().cn)).await;
    assert_eq!(peer.farewell().await, (vec![9007], Some(9007), 4007));
    assert!(matches!(rig.event().await, Event::BindGone { .. }));
    // Never.
    let (mut peer, outbox) = asking(&mut rig, &key).await;
    answer(&mut peer, &outbox).await;
    assert_eq!(peer.farewell().await, (vec![], Some(9003), 4001));
    assert!(matches!(rig.event().await, Event::BindGone { .. }));
    // In time: then a person may take longer.
    let (mut peer, outbox) = asking(&mut rig, &key).await;
    answer(&mut peer, &outbox).await;
    peer.send(reveal(&peer.meeting().cn)).await;
    assert!(matches!(rig.event().await, Event::AnnounceReveal { .. }));
    let closed = tokio::time::timeout(Duration::from_millis(900), peer.next()).await;
    assert!(closed.is_err(), "{closed:?}");
}

#[tokio::test]
async fn over_ws_nobody_announces() {
    let mut rig = Rig::start();
    let mut peer = rig.peer("/device").await;
    let said = announcement(&SigningKey::from_bytes(&[1; 32]), &peer.meeting().cn);
    peer.send(announce_frame(&said)).await;
    assert_eq!(peer.farewell().await, (vec![9014], Some(9014), 4003));
    assert!(rig.is_quiet());
}

#[tokio::test]
async fn a_script_says_its_token_over_tls_or_from_this_computer() {
    let mut rig = Rig::start();
    let device = DeviceKey::of(&rig.bound_device(5).verifying_key());
    let text = token::text(&[5; 32]);
    for secure in [false, true] {
        let mut peer = if secure { rig.tls_peer().await } else { rig.peer("/device").await };
        peer.send(token_frame(&text)).await;
        let _outbox = match rig.event().await {
            Event::DeviceReady { device: proven, outbox, epoch, last_n, sig, .. } => {
                assert_eq!((proven, epoch.as_str(), last_n), (device.clone(), "e5f1", 3));
                assert!(proof::ready_holds(&peer.meeting(), &device, &sig), "the service proves itself all the same");
                outbox
            }
            other => panic!("{other:?}"),
        };
        peer.send(json!({"t": "msg", "id": ID, "text": "backup is done"})).await;
        assert!(matches!(rig.event().await, Event::Message { .. }));
        drop(peer);
        assert!(matches!(rig.event().await, Event::DeviceGone { .. }));
    }
}

#[tokio::test]
async fn wrong_unknown_and_removed_tokens_are_one_to_who_guesses() {
    let mut rig = Rig::start();
    rig.bound_device(5);
    let good = token::text(&[5; 32]);
    let unknown = token::text(&[6; 32]);
    for bad in [unknown.as_str(), &good[..good.len() - 1], "", "spd_", &good.replace("spd_", "spx_")] {
        let mut peer = rig.peer("/device").await;
        peer.send(token_frame(bad)).await;
        assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003), "{bad}");
    }
    assert!(rig.is_quiet());
}
