//! TLS on the port, with a real client and with bytes by hand.

use super::super::rig::{LIMIT, secured};
use super::*;
use crate::proof::Chan;
use crate::wire::Blob;

fn pin(rig: &Rig) -> Blob<16> {
    rig.tls.certificate().chan.pin().expect("a certificate has a pin")
}

/// A whole ClientHello, as the client of rustls writes it.
fn client_hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of this library")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = "127.0.0.1".try_into().expect("a name");
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).expect("written");
    bytes
}

#[tokio::test]
async fn a_device_binds_and_talks_over_tls_of_both_versions() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (mut stream, chan) = secured(rig.socket().await, pin(&rig), &[version]).await.expect("a good handshake");
        assert_eq!(chan, rig.tls.certificate().chan);
        stream.write_all(&get("/healthz", rig.address, "")).await.expect("sent");
        let answer = read_all(&mut stream).await;
        assert_eq!((status(&answer), answer.ends_with("{\"ok\":true}")), ("200", true), "{answer}");
    }
    let mut peer = rig.tls_peer().await;
    peer.send(peer.auth(&key)).await;
    let Event::DeviceReady { outbox, .. } = rig.event().await else { panic!("not ready") };
    // Much more than a record, both ways.
    peer.send(json!({"t": "msg", "id": "01JD0000000000000000000001", "text": "x".repeat(32_768)})).await;
    let Event::Message { text, .. } = rig.event().await else { panic!("no message") };
    assert_eq!(text.len(), 32_768);
    for n in 0..4 {
        let reply = crate::wire::device::Reply {
            n,
            rid: "r".into(),
            re: None,
            text: "y".repeat(32_768),
            late: false,
            by: None,
            code: None,
        };
        outbox.send(&crate::wire::device::ToDevice::Reply(reply)).expect("room");
    }
    for n in 0..4 {
        assert_eq!(peer.frame().await["n"], n);
    }
    let metrics = rig.exchange(&get("/metrics", rig.address, "")).await;
    assert!(metrics.contains("smartpi_tls_connections_open 1\n"), "{metrics}");
    peer.send(json!({"t": "bye", "code": 9015})).await;
    assert_eq!(peer.next().await, Err(1000));
}

#[tokio::test]
async fn another_certificate_is_not_taken_and_a_relay_gets_nowhere() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let refused = secured(rig.socket().await, Blob([0; 16]), rustls::ALL_VERSIONS).await;
    assert!(refused.is_err(), "a device does not take another certificate");
    // Somebody in between with a certificate of his own, and a device that was made to take it; and a device that was led down to ws.
    for seen in [Chan::of_certificate(b"his"), Chan::Plain] {
        let mut peer = rig.tls_peer().await.having_seen(seen);
        peer.send(peer.auth(&key)).await;
        assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    }
    let mut peer = rig.peer("/device").await.having_seen(rig.tls.certificate().chan.clone());
    peer.send(peer.auth(&key)).await;
    assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    assert!(rig.is_quiet());
}

#[tokio::test]
async fn over_tls_there_is_nothing_but_devices() {
    let rig = Rig::start();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let origin = format!("Origin: https://{}\r\n", rig.address);
    let plain_origin = format!("{upgrade}Origin: http://{}\r\n", rig.address);
    for (path, more, expected) in [
        ("/openclaw", upgrade, "404"),
        ("/", "", "404"),
        ("/b", "", "404"),
        ("/metrics", "", "404"),
        ("/healthz", origin.as_str(), "403"),
        ("/device", plain_origin.as_str(), "403"),
        ("/healthz", "", "200"),
        ("/device", "", "426"),
    ] {
        let (mut stream, _) = rig.tls().await;
        stream.write_all(&get(path, rig.address, more)).await.expect("sent");
        let answer = read_all(&mut stream).await;
        assert_eq!(status(&answer), expected, "{path} {more}");
    }
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_closed_within_the_time_of_a_head() {
    let rig = Rig::with(|timing| {
        timing.first_byte = LIMIT * 3;
        timing.head = Duration::from_millis(400);
    });
    let hello = client_hello();
    // Nothing but the first byte; half a ClientHello; a whole one and then silence.
    for sent in [&hello[..1], &hello[..hello.len() / 2], &hello[..]] {
        let mut stream = rig.socket().await;
        let began = Instant::now();
        stream.write_all(sent).await.expect("sent");
        let mut scrap = Vec::new();
        let _ = soon("the end of a handshake", stream.read_to_end(&mut scrap)).await;
        let waited = began.elapsed();
        assert!(waited >= Duration::from_millis(350), "{} {waited:?}", sent.len());
    }
    // Dribbling does not buy time.
    let mut stream = rig.socket().await;
    let (mut reader, mut writer) = stream.split();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut rest = hello.iter();
    let mut scrap = [0; 64];
    let ended = async {
        loop {
            tokio::select! {
                read = reader.read(&mut scrap) => break read.unwrap_or(0),
                _ = ticks.tick() => {
                    if let Some(byte) = rest.next() {
                        let _ = writer.write_all(&[*byte]).await;
                    }
                }
            }
        }
    };
    soon("the end of a dribbled handshake", ended).await;
    assert!(rest.len() > 0, "all of it was taken");
    // After the handshake the rest of the same time is for the head.
    let (mut stream, _) = rig.tls().await;
    assert_eq!(read_all(&mut stream).await, "");
    let metrics = rig.exchange(&get("/metrics", rig.address, "")).await;
    assert!(metrics.contains("smartpi_tls_handshakes_failed_total 4\n"), "{metrics}");
}

#[tokio::test]
async fn plain_bytes_behind_the_first_byte_of_tls_are_not_http() {
    let rig = Rig::start();
    let mut request = vec![0x16];
    request.extend(get("/healthz", rig.address, ""));
    let mut stream = rig.socket().await;
    stream.write_all(&request).await.expect("sent");
    let mut answer = Vec::new();
    let _ = soon("the end of nonsense", stream.read_to_end(&mut answer)).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    // And an HTTP request inside TLS is not read as plain by mistake, nor TLS inside TLS.
    let (mut stream, _) = rig.tls().await;
    stream.write_all(&client_hello()).await.expect("sent");
    let answer = read_all(&mut stream).await;
    assert!(answer.is_empty() || status(&answer) == "400", "{answer}");
}

#[tokio::test]
async fn sockets_in_a_handshake_count_as_unproven() {
    let rig = Rig::start();
    let hello = client_hello();
    let mut waiting = Vec::new();
    for _ in 0..crate::gate::UNPROVEN_OF_LOOPBACK {
        let mut stream = rig.socket().await;
        stream.write_all(&hello[..20]).await.expect("sent");
        waiting.push(stream);
    }
    // All of them were taken: the next one is turned away at once.
    assert_eq!(rig.exchange(&get("/healthz", rig.address, "")).await, "");
    waiting.pop();
    let served = async {
        while status(&rig.exchange(&get("/healthz", rig.address, "")).await) != "200" {
            tokio::task::yield_now().await;
        }
    };
    soon("room for one", served).await;
}

#[tokio::test]
async fn ten_failed_proofs_over_tls_close_the_door_of_the_address() {
    let rig = Rig::start();
    for _ in 0..10 {
        let mut peer = rig.tls_peer().await;
        let token = "spd_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh85zzqm3";
        peer.send(
            json!({"t": "token", "v": 1, "token": token, "cn": Blob([1; 32]).encode(), "epoch": "", "last_n": 0}),
        )
        .await;
        assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    }
    let mut peer = rig.silent_peer("/device").await;
    assert_eq!(peer.farewell().await, (vec![], Some(9005), 4005), "over ws too: it is one address");
}
