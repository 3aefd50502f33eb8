use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::hub::event::Event;
use crate::listener::rig::{LIMIT, LINK_KEY, Peer, Rig, soon};
use crate::listener::tests::FORGETFUL;

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// Addresses that no other test uses.
fn loopback(last: u8) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, last], 0))
}

/// What one hears of a service at an address.
async fn health(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

#[test]
fn every_address_gets_the_port_of_the_first() {
    let addresses = ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0"].map(|text| text.parse().expect("an address"));
    let addresses = if TcpListener::bind("[::1]:0").is_ok() { &addresses[..] } else { &addresses[..2] };
    let listeners = bind(addresses).expect("a free port");
    let bound: Vec<SocketAddr> = listeners.iter().map(|listener| listener.local_addr().expect("bound")).collect();
    assert_ne!(bound[0].port(), 0);
    assert!(bound.iter().all(|address| address.port() == bound[0].port()), "{bound:?}");
    let taken = bind(&[bound[1]]).expect_err("taken");
    assert_eq!((taken.address, taken.source.kind()), (bound[1], io::ErrorKind::AddrInUse));
}

#[test]
fn a_wish_for_any_port_means_what_is_there_or_the_port_of_the_others() {
    let present = [at("127.0.0.1:5"), at("10.0.0.1:5")];
    for (wished, expected) in [
        (&["127.0.0.1:0", "10.0.0.2:0"][..], &["127.0.0.1:5", "10.0.0.2:5"][..]),
        (&["10.0.0.2:0", "10.0.0.1:0"], &["10.0.0.2:5", "10.0.0.1:5"]),
        (&["10.0.0.2:0", "10.0.0.3:0"], &["10.0.0.2:0", "10.0.0.3:0"]),
        (&["10.0.0.2:7", "10.0.0.3:0"], &["10.0.0.2:7", "10.0.0.3:7"]),
        (&["127.0.0.1:7"], &["127.0.0.1:7"]),
        (&["127.0.0.1:0", "127.0.0.1:5", "127.0.0.1:0"], &["127.0.0.1:5"]),
        (&[], &[]),
    ] {
        let wished: Vec<_> = wished.iter().map(|text| at(text)).collect();
        let expected: Vec<_> = expected.iter().map(|text| at(text)).collect();
        assert_eq!(meant(&present, &wished), expected, "{wished:?}");
    }
}

/// Listens on one set of four addresses after the other, with a connection on each, and judges by what clients see.
fn judge(sets: &[u8], forgetful: bool) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    FORGETFUL.set(forgetful);
    let judged = runtime.block_on(async {
        let rig = Rig::at(&[loopback(11), loopback(12), loopback(13), loopback(14)], |timing| {
            timing.greeting = LIMIT * 4;
        });
        let all = rig.listening.borrow().to_vec();
        let mut peers: BTreeMap<SocketAddr, Peer> = BTreeMap::new();
        for set in std::iter::once(&0b1111).chain(sets) {
            let named: Vec<SocketAddr> = all
                .iter()
                .enumerate()
                .filter(|(index, _)| set & (1 << index) != 0)
                .map(|(_, address)| *address)
                .collect();
            prop_assert_eq!(&rig.listen(&named).await.expect("free addresses"), &named);
            prop_assert_eq!(&rig.listening.borrow()[..], &named[..]);
            for address in &all {
                let answer = health(*address).await;
                let serves = answer.is_some_and(|answer| answer.starts_with("HTTP/1.1 200 "));
                prop_assert_eq!(serves, named.contains(address), "{}", address);
                let peer = peers.remove(address);
                if !named.contains(address) {
                    let Some(mut peer) = peer else { continue };
                    let farewell = timeout(LIMIT, peer.farewell()).await;
                    prop_assert_eq!(farewell, Ok((vec![], Some(9015), 1012)), "a goodbye at {}", address);
                    continue;
                }
                let mut peer = match peer {
                    Some(peer) => peer,
                    None => rig.peer_at(*address, "/device").await,
                };
                peer.send(json!({"t": "ping", "c": 7})).await;
                let pong = timeout(LIMIT, peer.next()).await;
                prop_assert_eq!(pong, Ok(Ok(json!({"t": "pong", "c": 7}))), "a connection at {}", address);
                peers.insert(*address, peer);
            }
        }
        Ok(())
    });
    FORGETFUL.set(false);
    judged
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn after_any_wishes_exactly_the_named_addresses_accept_and_kept_ones_keep_their_connections(
        sets in proptest::collection::vec(0_u8..16, 1..6)
    ) {
        judge(&sets, false)?;
    }
}

#[test]
fn a_listener_that_forgets_the_connections_of_a_closed_address_is_caught() {
    assert!(judge(&[0b0111], true).is_err());
    assert!(judge(&[0b0111], false).is_ok());
}

#[tokio::test]
async fn an_address_that_cannot_be_opened_changes_nothing_and_is_named() {
    let rig = Rig::at(&[loopback(21)], |_| {});
    let port = rig.address.port();
    let taken = TcpListener::bind(loopback(22)).expect("a free port");
    let taken = taken.local_addr().map(|address| (address, taken)).expect("bound");
    let free = SocketAddr::new(loopback(23).ip(), port);
    let mut peer = rig.peer("/device").await;
    let error = rig.listen(&[free, taken.0]).await.expect_err("taken");
    assert_eq!((error.address, error.source.kind()), (taken.0, io::ErrorKind::AddrInUse));
    let error = rig.listen(&[rig.address, at("203.0.113.9:4000")]).await.expect_err("not ours");
    assert_eq!(error.address, at("203.0.113.9:4000"));
    assert_eq!(rig.listening.borrow()[..], [rig.address]);
    peer.send(json!({"t": "ping", "c": 1})).await;
    assert_eq!(peer.frame().await["t"], "pong");
    assert!(health(rig.address).await.is_some());
    assert!(health(free).await.is_none(), "the one before it was closed again");
    drop(taken.1);
    assert_eq!(rig.listen(&[free, taken.0]).await.expect("free now"), [free, taken.0]);
}

#[tokio::test]
async fn the_plugin_and_devices_get_their_goodbye_and_the_hub_hears_first_that_they_left() {
    let mut rig = Rig::at(&[at("127.0.0.1:0")], |_| {});
    let key = rig.bound_device(1);
    let (mut device, _, _outbox) = rig.ready_device(&key).await;
    let mut plugin = rig.peer("/openclaw").await;
    plugin.send(plugin.link_auth(&LINK_KEY)).await;
    let Event::LinkReady { outbox: _link, .. } = rig.event().await else { panic!("no link") };
    assert_eq!(rig.listen(&[]).await.expect("nothing can fail"), []);
    assert_eq!(device.farewell().await, (vec![], Some(9015), 1012));
    assert_eq!(plugin.farewell().await, (vec![], Some(9015), 1012));
    let mut heard = [false; 3];
    for _ in 0..3 {
        let event = rig.event().await;
        heard[0] |= matches!(event, Event::DeviceGone { .. });
        heard[1] |= matches!(event, Event::LinkGone { .. });
        heard[2] |= matches!(&event, Event::Listening(addresses) if addresses.is_empty());
    }
    assert_eq!(heard, [true; 3]);
    assert!(health(rig.address).await.is_none());
    assert_eq!(rig.listen(&[rig.address]).await.expect("the port is free again"), [rig.address]);
    assert!(health(rig.address).await.is_some());
}

#[tokio::test]
async fn wishes_that_come_at_once_are_granted_one_after_the_other() {
    let rig = Rig::at(&[loopback(31), loopback(32)], |_| {});
    let [one, two] = [rig.listening.borrow()[0], rig.listening.borrow()[1]];
    let mut answers = Vec::new();
    for round in 0..50 {
        let set = [vec![one], vec![two, one], vec![], vec![two]][round % 4].clone();
        let answer = rig.wish(&set).await;
        answers.push((set, answer));
    }
    // A caller that waits no longer changes nothing.
    drop(rig.wish(&[two, one]).await);
    for (set, answer) in answers {
        assert_eq!(soon("an answer", answer).await.expect("it runs").expect("free")[..], set[..]);
    }
    let last = async {
        while rig.listening.borrow()[..] != [two, one] {
            tokio::task::yield_now().await
        }
    };
    timeout(Duration::from_secs(20), last).await.expect("the last wish counts");
    assert!(health(one).await.is_some() && health(two).await.is_some());
}
