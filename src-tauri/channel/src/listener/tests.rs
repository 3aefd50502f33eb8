mod secure;

use std::net::Ipv4Addr;
use std::time::Instant;

use ed25519_dalek::SigningKey;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::rig::{LIMIT, LINK_KEY, Rig, read_all, soon};
use super::*;
use crate::hub::event::Event;

thread_local! {
    /// Connections do not hear that their address is closed: what the product must never do.
    pub(crate) static FORGETFUL: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn get(path: &str, host: SocketAddr, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").into_bytes()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("closed")
}

#[tokio::test]
async fn a_socket_that_says_nothing_is_closed() {
    let rig = Rig::with(|timing| {
        timing.first_byte = Duration::from_millis(80);
        timing.head = LIMIT * 3;
    });
    let began = Instant::now();
    assert_eq!(read_all(&mut rig.socket().await).await, "");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(80), "{waited:?}");
}

#[tokio::test]
async fn half_a_head_is_closed_even_when_it_grows() {
    let rig = Rig::with(|timing| {
        timing.first_byte = Duration::from_millis(50);
        timing.head = Duration::from_millis(400);
    });
    let mut stream = rig.socket().await;
    let began = Instant::now();
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\n", rig.address).as_bytes()).await.expect("sent");
    let (mut reader, mut writer) = stream.split();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut bytes = 0;
    let mut scrap = [0; 64];
    let ended = async {
        loop {
            tokio::select! {
                read = reader.read(&mut scrap) => break read.unwrap_or(0),
                _ = ticks.tick() => {
                    bytes += writer.write(b"X-Drop: 1\r\n").await.unwrap_or(0);
                }
            }
        }
    };
    soon("the end of a slow head", ended).await;
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(350), "{waited:?}");
    assert!(bytes < 4096, "{bytes}: its size ended it");
}

#[tokio::test]
async fn a_head_of_eight_kib_is_read_and_one_byte_more_is_not() {
    let rig = Rig::start();
    for (length, good) in [(8_192, true), (8_193, false), (60_000, false)] {
        let bare = get("/healthz", rig.address, "X: \r\n").len();
        let request = get("/healthz", rig.address, &format!("X: {}\r\n", "x".repeat(length - bare)));
        assert_eq!(request.len(), length);
        let answer = rig.exchange(&request).await;
        match status(&answer) {
            "200" => assert!(good, "{length}"),
            "431" | "closed" => assert!(!good, "{length}"),
            other => panic!("{length}: {other}"),
        }
    }
}

#[tokio::test]
async fn thirty_two_headers_are_read_and_one_more_is_not() {
    let rig = Rig::start();
    for (count, good) in [(32, true), (33, false)] {
        let more: String = (1..count).map(|index| format!("X-{index}: 1\r\n")).collect();
        let answer = rig.exchange(&get("/healthz", rig.address, &more)).await;
        match status(&answer) {
            "200" => assert!(good, "{count}"),
            "431" | "closed" => assert!(!good, "{count}"),
            other => panic!("{count}: {other}"),
        }
    }
}

#[tokio::test]
async fn the_page_and_the_two_small_answers_are_served_and_nothing_else() {
    let rig = Rig::start();
    let page = rig.exchange(&get("/b", rig.address, "")).await;
    assert_eq!(status(&page), "200");
    assert!(page.contains("frame-ancestors 'none'") && page.to_lowercase().contains("<!doctype html"), "{page}");
    assert!(page.contains(&format!("connect-src 'self' ws://{};", rig.address)));
    assert!(rig.exchange(&get("/healthz", rig.address, "")).await.ends_with("\r\n\r\n{\"ok\":true}"));
    let metrics = rig.exchange(&get("/metrics", rig.address, "")).await;
    assert!(metrics.contains("\nsmartpi_connections_accepted_total 3\n"), "{metrics}");
    let alone = async {
        while !rig.exchange(&get("/metrics", rig.address, "")).await.contains("\nsmartpi_connections_open 1\n") {}
    };
    soon("the earlier connections to be gone", alone).await;
    let own = |rest: &str| get("/device", rig.address, rest);
    for (request, expected) in [
        (get("/nothing", rig.address, ""), "404"),
        (get("/", "127.0.0.1:1".parse().expect("an address"), ""), "421"),
        (own("Origin: http://evil.example\r\n"), "403"),
        (own("Sec-Fetch-Site: cross-site\r\n"), "403"),
        (own(""), "426"),
        (get("/openclaw", rig.address, &format!("Origin: http://{}\r\n", rig.address)), "403"),
        (format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\n\r\nhi", rig.address).into_bytes(), "405"),
        (b"\x16\x03\x01\x02\x00\x01\x00".repeat(4), "closed"),
        (b"\x17\x03\x01\x02\x00\x01\x00".repeat(4), "400"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "421"),
    ] {
        let answer = rig.exchange(&request).await;
        assert_eq!(status(&answer), expected, "{}", String::from_utf8_lossy(&request));
        assert!(!answer.to_lowercase().contains("access-control"));
    }
}

#[tokio::test]
async fn sixty_five_sockets_that_prove_nothing_are_one_too_many() {
    let mut rig = Rig::start();
    let mut waiting = Vec::new();
    for _ in 0..64 {
        waiting.push(rig.socket().await);
    }
    assert_eq!(read_all(&mut rig.socket().await).await, "", "the 65th is closed at once");
    // One leaves: the next one is served. The server needs a moment to see it go.
    drop(waiting.pop());
    let served = async {
        loop {
            let answer = rig.exchange(&get("/healthz", rig.address, "")).await;
            if status(&answer) == "200" {
                break;
            }
        }
    };
    soon("room for another", served).await;
    // Authenticated ones do not count: more than 64 of them, and a stranger is still served.
    drop(waiting);
    let mut devices = Vec::new();
    for seed in 0..66 {
        let key = rig.bound_device(seed);
        devices.push(rig.ready_device(&key).await);
    }
    assert_eq!(status(&rig.exchange(&get("/healthz", rig.address, "")).await), "200");
}

/// A connection from an address of the loopback's own.
async fn from(last: u16, to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::from_bits(0x7f00_0000 | u32::from(last)), 0).into()).expect("an address of the loopback");
    soon("a connection", socket.connect(to)).await.expect("connected")
}

#[tokio::test]
async fn an_address_that_holds_every_place_does_not_keep_another_one_out() {
    let rig = Rig::start();
    let mut waiting = Vec::new();
    for index in 0..256 {
        // Four of the loopback's addresses, which may have 64 each.
        waiting.push(from(2 + index / 64, rig.address).await);
    }
    let mut other = from(9, rig.address).await;
    other.write_all(&get("/healthz", rig.address, "")).await.expect("sent");
    assert_eq!(status(&read_all(&mut other).await), "200");
    assert_eq!(read_all(&mut waiting[0]).await, "", "the oldest gave way");
    let mut last = waiting.pop().expect("one of them");
    last.write_all(&get("/healthz", rig.address, "")).await.expect("sent");
    assert_eq!(status(&read_all(&mut last).await), "200", "the newest stays");
}

#[tokio::test]
async fn ten_failed_proofs_close_the_door_of_devices_and_not_of_the_plugin() {
    let mut rig = Rig::start();
    let stranger = SigningKey::from_bytes(&[5; 32]);
    let device = rig.bound_device(6);
    for _ in 0..10 {
        let mut peer = rig.peer("/device").await;
        let mut auth = peer.auth(&stranger);
        auth["device_key"] = json!(crate::id::DeviceKey::of(&device.verifying_key()).as_str());
        peer.send(auth).await;
        assert_eq!(peer.farewell().await, (vec![9003], Some(9003), 4003));
    }
    let mut peer = rig.silent_peer("/device").await;
    let bye = peer.frame().await;
    assert_eq!((&bye["t"], &bye["code"]), (&json!("bye"), &json!(9005)));
    let wait = bye["retry_ms"].as_u64().expect("a wait");
    assert!((200_000..=300_000).contains(&wait), "{wait}");
    assert_eq!(peer.next().await, Err(4005));
    let mut plugin = rig.peer("/openclaw").await;
    plugin.send(plugin.link_auth(&LINK_KEY)).await;
    assert!(matches!(rig.event().await, Event::LinkReady { .. }));
}

#[tokio::test]
async fn cancelling_says_goodbye_to_everybody_and_ends() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let (mut device, _, _outbox) = rig.ready_device(&key).await;
    let mut greeted = rig.peer("/device").await;
    let mut half = rig.socket().await;
    half.write_all(b"GET / HT").await.expect("sent");
    let _mute = rig.socket().await;
    rig.cancel.cancel();
    assert_eq!(device.farewell().await, (vec![], Some(9015), 1012));
    assert_eq!(greeted.farewell().await, (vec![], Some(9015), 1012));
    assert_eq!(read_all(&mut half).await, "");
    soon("the listener to end", &mut rig.running).await.expect("no panic");
    assert!(matches!(rig.event().await, Event::DeviceGone { .. }));
    assert!(TcpStream::connect(rig.address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_peer_that_ignores_the_goodbye_does_not_hold_the_end_up() {
    let mut rig = Rig::start();
    let key = rig.bound_device(1);
    let (_device, _, outbox) = rig.ready_device(&key).await;
    // More than the system's buffers take: the goodbye cannot be written.
    let text = "x".repeat(60_000);
    let full = async {
        while outbox.send(&json!({"t": "partial", "text": text})).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon("a full outbox", full).await;
    rig.cancel.cancel();
    soon("the listener to end", &mut rig.running).await.expect("no panic");
}

#[tokio::test]
async fn whoever_says_something_has_reached_the_address_also_who_is_refused() {
    for request in [
        get("/healthz", "127.0.0.1:1".parse().expect("an address"), ""),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00".repeat(4),
    ] {
        let rig = Rig::with(|timing| timing.first_byte = Duration::from_millis(80));
        assert_eq!(read_all(&mut rig.socket().await).await, "");
        assert_eq!(rig.reached.all(), [], "a connection without a word is no proof");
        rig.exchange(&request).await;
        assert_eq!(rig.reached.all().first().map(|(local, _)| *local), Some(rig.address.ip()));
    }
    let rig = Rig::start();
    rig.peer("/device").await;
    assert_eq!(rig.reached.all().len(), 1);
}
