#![expect(clippy::wildcard_enum_match_arm, reason = "a test that hears another event fails")]

mod ways;

use std::time::{Duration, Instant};

use ed25519_dalek::SigningKey;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::hub::event::Event;
use crate::id::DeviceKey;
use crate::listener::rig::{Peer, Rig, padded, soon};
use crate::outbox::Outbox;
use crate::proof;
use crate::wire::device::{Bye, ErrFrame, Reply, Stored, ToDevice};
use crate::wire::{Blob, Close, Code};

const ID: &str = "01JD0000000000000000000001";

fn bind_frame(peer: &Peer, secret: &proof::Secret, key: &SigningKey) -> Value {
    let meeting = peer.meeting();
    let mut bind = crate::wire::device::Bind {
        v: 1,
        b: Blob([3; 8]),
        pk: Blob(key.verifying_key().to_bytes()),
        cn: meeting.cn.clone(),
        name: "Kitchen".into(),
        kind: crate::wire::device::Kind::Phone,
        confirm: crate::wire::device::Confirm::Code,
        mac: Blob([0; 32]),
    };
    bind.mac = proof::bind_mac(secret, &meeting, &bind);
    let mut frame = serde_json::to_value(&bind).expect("JSON");
    frame["t"] = json!("bind");
    frame
}

async fn claimed(rig: &mut Rig, key: &SigningKey) -> (Peer, Outbox) {
    let mut peer = rig.peer("/device").await;
    let secret = proof::Secret::new([4; 16]);
    peer.send(bind_frame(&peer, &secret, key)).await;
    match rig.event().await {
        Event::BindClaim { bind, caller, .. } => {
            let meeting = proof::Meeting { sn: caller.sn, chan: caller.chan, ..peer.meeting() };
            assert!(proof::bind_mac_holds(&secret, &meeting, &bind));
            assert!(caller.peer.is_loopback());
            (peer, caller.outbox)
        }
        other => panic!("{other:?}"),
    }
}

fn refuse(outbox: &Outbox, code: Code, close: Close) {
    outbox.send(&ToDevice::Err(ErrFrame::of(code))).expect("room");
    outbox.send(&ToDevice::Bye(Bye { code, retry_ms: None })).expect("room");
    outbox.close(close);
}

#[tokio::test]
async fn a_bound_device_proves_itself_talks_and_leaves() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let device = DeviceKey::of(&key.verifying_key());
    let mut peer = rig.peer("/device").await;
    assert_eq!(peer.hello["name"], "Study");
    assert_eq!(
        peer.hello["limits"],
        json!({"frame": 65536, "text": 32768, "messages_per_s": 20, "burst": 40, "waiting": 1000})
    );
    assert_eq!(peer.meeting().spk.0, rig.service_key.verifying_key().to_bytes());
    peer.send(peer.auth(&key)).await;
    let (session, outbox) = match rig.event().await {
        Event::DeviceReady { session, device: proven, outbox, peer: address, epoch, last_n, sig } => {
            assert_eq!((&proven, epoch.as_str(), last_n, address.is_loopback()), (&device, "e5f1", 12, true));
            assert!(proof::ready_holds(&peer.meeting(), &device, &sig));
            (session, outbox)
        }
        other => panic!("{other:?}"),
    };
    peer.send(json!({"t": "msg", "id": ID, "text": "turn on the light 开灯"})).await;
    match rig.event().await {
        Event::Message { session: from, id, text } => {
            assert_eq!((from, id.as_str(), text.as_str()), (session, ID, "turn on the light 开灯"));
        }
        other => panic!("{other:?}"),
    }
    outbox.send(&ToDevice::Ack { id: ID.into(), st: Stored::Stored }).expect("room");
    assert_eq!(peer.frame().await, json!({"t": "ack", "id": ID, "st": "stored"}));
    peer.send(json!({"t": "got", "n": 13})).await;
    assert!(matches!(rig.event().await, Event::Got { n: 13, .. }));
    peer.send(json!({"t": "ping", "c": 5})).await;
    assert_eq!(peer.frame().await, json!({"t": "pong", "c": 5}));
    peer.send(json!({"t": "bye", "code": 9015})).await;
    assert_eq!(peer.next().await, Err(1000));
    assert!(matches!(rig.event().await, Event::DeviceGone { session: gone } if gone == session));
    assert!(rig.is_quiet());
}

#[tokio::test]
async fn a_wrong_key_and_an_unknown_device_are_refused_with_their_codes() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let stranger = SigningKey::from_bytes(&[2; 32]);
    let mut peer = rig.peer("/device").await;
    peer.send(peer.auth(&stranger)).await;
    assert_eq!(peer.farewell().await, (vec![9004], Some(9004), 4004));
    let mut peer = rig.peer("/device").await;
    let mut auth = peer.auth(&key);
    auth["sig"] = peer.auth(&stranger)["sig"].clone();
    peer.send(auth).await;
    assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    // A signature of an earlier connection does not hold for this one.
    let recorded = rig.peer("/device").await.auth(&key);
    let mut peer = rig.peer("/device").await;
    peer.send(recorded).await;
    assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    assert!(rig.is_quiet(), "the hub hears only of devices that proved themselves");
}

#[tokio::test]
async fn a_binding_goes_from_claim_to_ready_on_one_socket() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let device = DeviceKey::of(&key.verifying_key());
    let (mut peer, outbox) = claimed(&mut rig, &key).await;
    outbox.send(&ToDevice::BindWait { mac: Blob([0; 32]), sig: Blob([0; 64]), expires_s: 120 }).expect("room");
    assert_eq!(peer.frame().await["t"], "bind_wait");
    peer.send(json!({"t": "bind_shown"})).await;
    assert!(matches!(rig.event().await, Event::BindShown { .. }));
    outbox.bound(device.clone());
    outbox.send(&ToDevice::BindOk { device_key: device.as_str().into(), cert: None }).expect("room");
    assert_eq!(peer.frame().await["device_key"], device.as_str());
    peer.send(peer.auth(&key)).await;
    let Event::DeviceReady { session, .. } = rig.event().await else { panic!("not ready") };
    drop(peer);
    assert!(matches!(rig.event().await, Event::BindGone { session: gone } if gone == session));
    assert!(matches!(rig.event().await, Event::DeviceGone { session: gone } if gone == session));
    assert!(rig.is_quiet());
}

#[tokio::test]
async fn after_a_binding_only_the_bound_device_may_authenticate() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let other = rig.bound_device(2);
    let (mut peer, outbox) = claimed(&mut rig, &key).await;
    outbox.send(&ToDevice::BindWait { mac: Blob([0; 32]), sig: Blob([0; 64]), expires_s: 120 }).expect("room");
    outbox.bound(DeviceKey::of(&key.verifying_key()));
    outbox.send(&ToDevice::BindOk { device_key: "x".into(), cert: None }).expect("room");
    assert_eq!(
        (peer.frame().await["t"].clone(), peer.frame().await["t"].clone()),
        (json!("bind_wait"), json!("bind_ok"))
    );
    peer.send(peer.auth(&other)).await;
    assert_eq!(peer.farewell().await, (vec![9007], Some(9007), 4007));
    assert!(matches!(rig.event().await, Event::BindGone { .. }));
    assert!(rig.is_quiet());
}

#[tokio::test]
async fn a_refused_binding_says_goodbye_once_and_ten_close_the_door() {
    let mut rig = Rig::start();
    let key = SigningKey::from_bytes(&[1; 32]);
    for _ in 0..10 {
        let (mut peer, outbox) = claimed(&mut rig, &key).await;
        refuse(&outbox, Code::BindingUnknown, Close::Refused);
        assert_eq!(peer.farewell().await, (vec![9001], Some(9001), 4003));
        assert!(matches!(rig.event().await, Event::BindGone { .. }));
    }
    let mut peer = rig.silent_peer("/device").await;
    assert_eq!(peer.farewell().await, (vec![], Some(9005), 4005));
}

#[tokio::test]
async fn a_person_who_says_no_is_not_a_failed_proof() {
    let mut rig = Rig::start();
    let key = SigningKey::from_bytes(&[1; 32]);
    for _ in 0..11 {
        let (mut peer, outbox) = claimed(&mut rig, &key).await;
        outbox.send(&ToDevice::BindWait { mac: Blob([0; 32]), sig: Blob([0; 64]), expires_s: 120 }).expect("room");
        refuse(&outbox, Code::BindingRefused, Close::Refused);
        assert_eq!(peer.farewell().await, (vec![9016], Some(9016), 4003));
        assert!(matches!(rig.event().await, Event::BindGone { .. }));
    }
}

#[tokio::test]
async fn who_does_not_prove_itself_in_time_is_closed_with_4001() {
    let rig = Rig::with(|timing| timing.greeting = Duration::from_millis(100));
    let mut peer = rig.peer("/device").await;
    // Talking about something else does not buy time.
    peer.send(json!({"t": "ping", "c": 1})).await;
    assert_eq!(peer.farewell().await, (vec![], Some(9003), 4001));
}

#[tokio::test]
async fn frames_have_a_small_limit_before_the_proof_and_a_large_one_after() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let mut peer = rig.peer("/device").await;
    peer.send_text(padded(4_096)).await;
    assert_eq!(peer.frame().await["of"], "dance");
    peer.send_text(padded(4_097)).await;
    assert_eq!(peer.farewell().await, (vec![], Some(9006), 1009));
    let (mut peer, _, _outbox) = rig.ready_device(&key).await;
    peer.send_text(padded(65_536)).await;
    assert_eq!(peer.frame().await["of"], "dance");
    peer.send_text(padded(65_537)).await;
    assert_eq!(peer.farewell().await, (vec![], Some(9006), 1009));
}

#[tokio::test]
async fn eight_frames_may_come_before_the_proof() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let mut peer = rig.peer("/device").await;
    for _ in 0..7 {
        peer.send(json!({"t": "dance"})).await;
        assert_eq!(peer.frame().await["code"], 9007);
    }
    peer.send(peer.auth(&key)).await;
    assert!(matches!(rig.event().await, Event::DeviceReady { .. }));
    let mut peer = rig.peer("/device").await;
    for _ in 0..8 {
        peer.send(json!({"t": "ping", "c": 1})).await;
        assert_eq!(peer.frame().await["t"], "pong");
    }
    peer.send(peer.auth(&key)).await;
    assert_eq!(peer.farewell().await, (vec![9005], Some(9005), 4005));
}

#[tokio::test]
async fn what_is_no_frame_closes_with_4007() {
    let rig = Rig::start();
    for bad in
        ["", "[]", "{", r#"{"t":"ping"}"#, r#"{"t":"ping","t":"ping","c":1}"#, r#"{"t":"ping","c":9007199254740992}"#]
    {
        let mut peer = rig.peer("/device").await;
        peer.send_text(bad.into()).await;
        assert_eq!(peer.farewell().await, (vec![9007], Some(9007), 4007), "{bad}");
    }
    let mut peer = rig.peer("/device").await;
    peer.send_message(Message::binary(&b"{}"[..])).await;
    assert_eq!(peer.farewell().await, (vec![9007], Some(9007), 4007));
    let mut peer = rig.peer("/device").await;
    peer.send(json!({"t": "msg", "id": ID, "text": "too early"})).await;
    assert_eq!(peer.farewell().await, (vec![9007], Some(9007), 4007));
}

#[tokio::test]
async fn messages_past_the_rate_and_the_length_are_told_and_the_socket_kept() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let (mut peer, _, _outbox) = rig.ready_device(&key).await;
    for (text, code) in [("", json!(9006)), (&"é".repeat(16_385), json!(9006))] {
        peer.send(json!({"t": "msg", "id": ID, "text": text})).await;
        let error = peer.frame().await;
        assert_eq!((&error["code"], &error["re"]), (&code, &json!(ID)));
    }
    let began = Instant::now();
    let mut refused = 0;
    for _ in 0..100 {
        peer.send(json!({"t": "msg", "id": ID, "text": "é".repeat(10)})).await;
    }
    peer.send(json!({"t": "ping", "c": 1})).await;
    loop {
        let frame = peer.frame().await;
        if frame["t"] == "pong" {
            break;
        }
        assert_eq!((&frame["code"], &frame["re"]), (&json!(9005), &json!(ID)));
        assert!((1..=50).contains(&frame["retry_ms"].as_u64().expect("a wait")));
        refused += 1;
    }
    let earned = u32::try_from(began.elapsed().as_millis() / 50).expect("a short test") + 1;
    assert!(refused <= 62 && refused + earned >= 62, "{refused} refused, {earned} earned");
}

#[tokio::test]
async fn a_silent_device_is_asked_and_then_closed_with_4012() {
    let mut rig = Rig::with(|timing| {
        timing.ping = Duration::from_millis(700);
        timing.silent = Duration::from_millis(1_400);
    });
    let key = rig.bound_device(1);
    let (mut peer, _, outbox) = rig.ready_device(&key).await;
    // Answering keeps it.
    for _ in 0..3 {
        let ping = peer.frame().await;
        assert_eq!(ping["t"], "ping");
        let heard = outbox.heard_ms();
        peer.send(json!({"t": "pong", "c": ping["c"]})).await;
        let noted = async {
            while outbox.heard_ms() == heard {
                tokio::task::yield_now().await;
            }
        };
        soon("the pong to be heard", noted).await;
    }
    assert_eq!(peer.frame().await["t"], "ping");
    assert_eq!(peer.farewell().await, (vec![], Some(9015), 4012));
    let asked = async { while !matches!(rig.event().await, Event::DeviceGone { .. }) {} };
    soon("the session to end", asked).await;
}

#[tokio::test]
async fn the_hub_hears_that_an_answer_is_overdue_and_that_it_came_after_all() {
    let mut rig = Rig::with(|timing| {
        timing.ping = Duration::from_millis(50);
        // A third of the way to it, the device is unsure; the rest is time for a slow machine.
        timing.silent = Duration::from_secs(3);
    });
    let key = rig.bound_device(1);
    let (mut peer, session, _outbox) = rig.ready_device(&key).await;
    let ping = peer.frame().await;
    let reach = |event| match event {
        Event::DeviceReach { session, unsure } => (session, unsure),
        other => panic!("not about the reach: {other:?}"),
    };
    let began = Instant::now();
    assert_eq!(reach(rig.event().await), (session, true));
    assert!(began.elapsed() > Duration::from_millis(900), "not before a third of the way: {:?}", began.elapsed());
    peer.send(json!({"t": "pong", "c": ping["c"]})).await;
    assert_eq!(reach(rig.event().await), (session, false));
    assert_eq!(peer.frame().await["t"], "ping", "and it is asked again");
    assert!(rig.is_quiet(), "told once each");
}

#[tokio::test]
async fn a_device_that_takes_nothing_is_given_up_without_progress() {
    let mut rig = Rig::with(|timing| timing.stalled = Duration::from_millis(200));
    let key = rig.bound_device(1);
    let (mut peer, _, outbox) = rig.ready_device(&key).await;
    let text = "x".repeat(60_000);
    let frame = ToDevice::Partial { re: ID.into(), text };
    // Small enough never to fill the outbox at once, so only the missing progress can end the session.
    let gone = async {
        loop {
            let _ = outbox.send(&frame);
            tokio::select! {
                event = rig.event() => break event,
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
    };
    assert!(matches!(soon("the session to end", gone).await, Event::DeviceGone { .. }));
    while let Some(Ok(_)) = peer.socket.next().await {}
}

#[tokio::test]
async fn many_frames_come_in_order_and_a_reader_that_lives_is_not_given_up() {
    let mut rig = Rig::with(|timing| timing.stalled = Duration::from_secs(2));
    let key = rig.bound_device(1);
    let (mut peer, _, outbox) = rig.ready_device(&key).await;
    let reply = |n| {
        ToDevice::Reply(Reply {
            n,
            rid: "r".into(),
            re: None,
            text: "y".repeat(9_000),
            late: false,
            code: None,
            by: None,
        })
    };
    let mut next = 1;
    for n in 1..=400 {
        outbox.send(&reply(n)).expect("the peer reads, so there is room");
        if n % 20 == 0 {
            while next <= n {
                assert_eq!(peer.frame().await["n"], next);
                peer.send(json!({"t": "got", "n": next})).await;
                assert!(matches!(rig.event().await, Event::Got { n, .. } if n == next));
                next += 1;
            }
        }
    }
}

#[tokio::test]
async fn the_hub_ends_a_session_with_its_reason() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let (mut replaced, _, outbox) = rig.ready_device(&key).await;
    outbox.send(&ToDevice::Bye(Bye { code: Code::Replaced, retry_ms: None })).expect("room");
    outbox.close(Close::Replaced);
    assert_eq!(replaced.farewell().await, (vec![], Some(9021), 4010));
    let (mut removed, _, outbox) = rig.ready_device_after_gone(&key).await;
    outbox.send(&ToDevice::Err(ErrFrame::of(Code::Removed))).expect("room");
    outbox.close(Close::Removed);
    assert_eq!(removed.farewell().await, (vec![9004], Some(9004), 4004));
    // A hub that has died drops its end.
    let (mut orphan, _, outbox) = rig.ready_device_after_gone(&key).await;
    drop(outbox);
    assert_eq!(orphan.farewell().await, (vec![], Some(9015), 1012));
}

#[tokio::test]
async fn after_a_sleep_a_device_has_a_short_time_to_answer() {
    let mut rig = Rig::with(|timing| timing.woken = Duration::from_millis(300));
    let key = rig.bound_device(1);
    let (mut peer, _, outbox) = rig.ready_device(&key).await;
    outbox.check();
    let ping = peer.frame().await;
    assert_eq!(ping["t"], "ping");
    peer.send(json!({"t": "pong", "c": ping["c"]})).await;
    // Frames are read in order: after this answer the pong was heard.
    peer.send(json!({"t": "ping", "c": 5})).await;
    assert_eq!(peer.frame().await, json!({"t": "pong", "c": 5}));
    let since = Instant::now();
    outbox.check();
    assert_eq!(peer.frame().await["t"], "ping", "who answered stays");
    assert_eq!(peer.farewell().await, (vec![], Some(9015), 4012));
    assert!(since.elapsed() >= Duration::from_millis(300));
}
