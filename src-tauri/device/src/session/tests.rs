//! A device against a service of which every word is scripted.

use std::time::Duration;

use channel::proof::{self, Chan, Meeting};
use channel::wire::device::{Auth, Bye, ErrFrame, FromDevice, Limits, LinkState, Reply, Resume, Stored, ToDevice};
use channel::wire::{Blob, Code, TEXT, Versions, encode};
use ed25519_dalek::SigningKey;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::*;
use crate::identity::{Binding, Identity};
use crate::trust::Trust;

const PATIENCE: Duration = Duration::from_secs(10);

struct Fake {
    listener: TcpListener,
    key: SigningKey,
}

struct Peer {
    socket: WebSocketStream<TcpStream>,
    auth: Auth,
}

impl Fake {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, key: SigningKey::from_bytes(&[9; 32]) }
    }

    fn bound_device(&self) -> Identity {
        let mut identity = Identity::from_seed([3; 32]);
        identity.binding = Some(Binding {
            authority: self.listener.local_addr().unwrap().to_string(),
            service_key: Blob(self.key.verifying_key().to_bytes()),
            service: "Study".into(),
            certificate: None,
        });
        identity
    }

    async fn greet(&self) -> (WebSocketStream<TcpStream>, Blob<32>, Blob<32>) {
        let (tcp, _) = tokio::time::timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        self.greet_on(tcp).await
    }

    async fn greet_on(&self, tcp: TcpStream) -> (WebSocketStream<TcpStream>, Blob<32>, Blob<32>) {
        let mut socket = tokio_tungstenite::accept_async(tcp).await.unwrap();
        let (sn, spk) = (Blob([1; 32]), Blob(self.key.verifying_key().to_bytes()));
        let hello = ToDevice::Hello {
            v: Versions::OURS,
            sn: sn.clone(),
            spk: spk.clone(),
            name: "Study".into(),
            epoch: "e1".into(),
            hb: 30,
            limits: Limits::OURS,
        };
        socket.send(Message::text(encode(&hello))).await.unwrap();
        (socket, sn, spk)
    }

    /// Accepts a device, checks its proof and answers with one that `signer` made.
    async fn accept_as(&self, signer: &SigningKey, resume: Resume) -> Peer {
        let (socket, sn, spk) = self.greet().await;
        let mut peer = Peer {
            socket,
            auth: Auth {
                v: 0,
                device_key: String::new(),
                cn: Blob([0; 32]),
                epoch: String::new(),
                last_n: 0,
                sig: Blob([0; 64]),
            },
        };
        let FromDevice::Auth(auth) = peer.heard().await else { panic!("not auth") };
        let device = Identity::from_seed([3; 32]);
        let meeting = Meeting { sn, spk, cn: auth.cn.clone(), chan: Chan::Plain };
        assert!(proof::auth_holds(&device.signing_key().verifying_key(), &meeting, &auth.sig));
        let ready = ToDevice::Ready {
            device_key: device.device_key().to_string(),
            name: "Kitchen".into(),
            epoch: "e1".into(),
            n: 0,
            resume,
            link: LinkState::Online,
            answer_s: 30,
            sig: proof::sign_ready(signer, &meeting, &device.device_key()),
        };
        peer.say(&ready).await;
        peer.auth = auth;
        peer
    }

    async fn accept(&self) -> Peer {
        self.accept_as(&self.key, Resume::Ok).await
    }
}

impl Peer {
    async fn say(&mut self, frame: &ToDevice) {
        self.socket.send(Message::text(encode(frame))).await.unwrap();
    }

    async fn reply(&mut self, n: u64, rid: &str) {
        let reply =
            Reply { n, rid: rid.into(), re: None, text: format!("words of {rid}"), late: false, code: None, by: None };
        self.say(&ToDevice::Reply(reply)).await;
    }

    async fn heard(&mut self) -> FromDevice {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.unwrap().unwrap().unwrap();
            assert!(!message.is_close(), "the device closed");
            if let Message::Text(text) = message {
                return FromDevice::decode(&text).unwrap();
            }
        }
    }

    async fn message(&mut self) -> (String, String) {
        let FromDevice::Msg { id, text } = self.heard().await else { panic!("not a message") };
        (id, text)
    }

    async fn got(&mut self) -> u64 {
        let FromDevice::Got { n } = self.heard().await else { panic!("not got") };
        n
    }

    async fn bye(mut self, code: Code, close: u16) {
        self.say(&ToDevice::Bye(Bye { code, retry_ms: None })).await;
        let _ = self.socket.close(Some(CloseFrame { code: close.into(), reason: "".into() })).await;
    }
}

struct Watched {
    session: Session,
    events: UnboundedReceiver<Event>,
}

fn start(keep: Keep) -> Watched {
    let timing = Timing { retry: Duration::from_millis(5), got: Duration::from_millis(5), ..Timing::default() };
    let (sender, events) = unbounded_channel();
    let session = Session::start(keep, timing, move |event| {
        let _ = sender.send(event);
    });
    Watched { session, events }
}

impl Watched {
    /// The next event that `wanted` makes something of.
    async fn until<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        tokio::time::timeout(PATIENCE, async {
            loop {
                let event = self.events.recv().await.expect("the session told its end before this");
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        })
        .await
        .expect("in time")
    }

    async fn end(mut self) -> End {
        let end = self.until(|event| if let Event::Ended(end) = event { Some(end.clone()) } else { None }).await;
        assert_eq!(self.session.join().await.map(|(end, _)| end), Some(end.clone()));
        end
    }
}

fn shown(event: &Event) -> Option<String> {
    if let Event::Shown(reply) = event { Some(reply.rid.clone()) } else { None }
}

fn hidden(event: &Event) -> Option<String> {
    if let Event::Hidden { rid, .. } = event { Some(rid.clone()) } else { None }
}

#[tokio::test]
async fn a_message_goes_out_with_the_same_id_until_its_ack() {
    let fake = Fake::start().await;
    let device = start(Keep::in_memory(fake.bound_device()));
    let first = fake.accept().await;
    let id = device.session.send("开灯").await.unwrap();
    let mut first = first;
    assert_eq!(first.message().await, (id.clone(), "开灯".into()));
    drop(first);
    let mut second = fake.accept().await;
    assert_eq!(second.message().await, (id.clone(), "开灯".into()));
    second.say(&ToDevice::Ack { id: id.clone(), st: Stored::Dup }).await;
    let mut device = device;
    assert!(device.until(|event| if let Event::Acked { dup, .. } = event { Some(*dup) } else { None }).await);
    drop(second);
    let mut third = fake.accept().await;
    let next = device.session.send("and").await.unwrap();
    assert_eq!(third.message().await.0, next, "an acknowledged message went out again");
    device.session.stop();
    let (end, keep) = device.session.join().await.unwrap();
    assert_eq!((end, keep.identity.outbox.len()), (End::Stopped, 1));
}

#[tokio::test]
async fn what_cannot_be_a_message_is_not_taken() {
    let fake = Fake::start().await;
    let device = start(Keep::in_memory(fake.bound_device()));
    assert!(matches!(device.session.send("").await, Err(SendError::Length(0))));
    assert!(matches!(device.session.send("x".repeat(TEXT + 1)).await, Err(SendError::Length(_))));
    assert!(device.session.send("x".repeat(TEXT)).await.is_ok());
    device.session.stop();
    let ended = device.session.commands.clone();
    device.session.join().await.unwrap();
    assert!(ended.is_closed());
}

#[tokio::test]
async fn a_reply_is_shown_once_and_is_on_disk_before_its_got() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("device.json");
    let fake = Fake::start().await;
    let mut device = start(Keep::create(&path, fake.bound_device()).unwrap());
    let mut peer = fake.accept().await;
    peer.reply(4, "a").await;
    assert_eq!(peer.got().await, 4);
    let on_disk = Keep::open(&path).unwrap().identity;
    assert!(on_disk.last_n == 4 && on_disk.has_shown("a"));
    peer.reply(4, "a").await;
    peer.reply(3, "b").await;
    peer.reply(5, "a").await;
    peer.reply(9, "c").await;
    assert_eq!(device.until(shown).await, "a");
    for rid in ["a", "b", "a"] {
        assert_eq!(device.until(hidden).await, rid);
    }
    assert_eq!(device.until(shown).await, "c");
    while peer.got().await != 9 {}
    // A power cut: only the file is left.
    device.session.cut();
    assert!(device.session.join().await.is_none());
    let device = start(Keep::open(&path).unwrap());
    let peer = fake.accept().await;
    assert_eq!((peer.auth.last_n, peer.auth.epoch.as_str()), (9, "e1"));
    drop(device);
}

#[tokio::test]
async fn a_burst_of_replies_is_reported_together() {
    let fake = Fake::start().await;
    let timing = Timing { got: Duration::from_millis(200), ..Timing::default() };
    let session = Session::start(Keep::in_memory(fake.bound_device()), timing, |_| {});
    let mut peer = fake.accept().await;
    for n in 1..=32 {
        peer.reply(n, &format!("r{n}")).await;
    }
    let mut gots = 0;
    while peer.got().await != 32 {
        gots += 1;
    }
    assert!(gots <= 3, "{gots} frames for one burst");
    session.stop();
}

#[tokio::test]
async fn another_store_starts_the_count_anew_and_shows_nothing_twice() {
    let fake = Fake::start().await;
    let mut identity = fake.bound_device();
    identity.forget_count("e0");
    identity.last_n = 7;
    identity.remember(crate::identity::Shown { n: 7, rid: "old".into(), re: None });
    let mut device = start(Keep::in_memory(identity));
    let mut peer = fake.accept_as(&fake.key, Resume::Reset).await;
    peer.reply(2, "old").await;
    peer.reply(3, "new").await;
    assert_eq!(device.until(hidden).await, "old");
    assert_eq!(device.until(shown).await, "new");
    device.session.stop();
    let identity = device.session.join().await.unwrap().1.identity.clone();
    assert_eq!((identity.epoch.as_str(), identity.last_n), ("e1", 3));
}

#[tokio::test]
async fn a_service_without_the_key_is_told_nothing() {
    let fake = Fake::start().await;
    let mut device = start(Keep::in_memory(fake.bound_device()));
    device.session.send("secret").await.unwrap();
    let thief = SigningKey::from_bytes(&[8; 32]);
    let mut peer = fake.accept_as(&thief, Resume::Ok).await;
    device.until(|event| matches!(event, Event::Impostor).then_some(())).await;
    let after = tokio::time::timeout(PATIENCE, peer.socket.next()).await.unwrap();
    assert!(!matches!(after, Some(Ok(Message::Text(_)))), "{after:?}");
    // The right one is still welcome.
    assert_eq!(fake.accept().await.message().await.1, "secret");
    device.session.stop();
}

#[tokio::test]
async fn a_service_with_another_key_does_not_even_get_an_auth() {
    let fake = Fake::start().await;
    let mut identity = fake.bound_device();
    identity.binding.as_mut().unwrap().service_key = Blob([5; 32]);
    let mut device = start(Keep::in_memory(identity));
    let (mut socket, ..) = fake.greet().await;
    device.until(|event| matches!(event, Event::Impostor).then_some(())).await;
    let after = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
    assert!(!matches!(after, Some(Ok(Message::Text(_)))), "{after:?}");
    device.session.stop();
}

#[tokio::test]
async fn some_goodbyes_are_for_good() {
    for (code, close, end) in [
        (Code::Removed, 4004, End::Removed),
        (Code::Replaced, 4010, End::Replaced),
        (Code::Version, 4007, End::Version),
    ] {
        let fake = Fake::start().await;
        let device = start(Keep::in_memory(fake.bound_device()));
        fake.accept().await.bye(code, close).await;
        assert_eq!(device.end().await, end);
    }
    let fake = Fake::start().await;
    let device = start(Keep::in_memory(fake.bound_device()));
    fake.accept().await.bye(Code::Stopping, 1012).await;
    fake.accept().await;
    device.session.stop();
    assert_eq!(device.end().await, End::Stopped);
}

#[tokio::test]
async fn a_refused_message_is_sent_later_renamed_or_dropped_in_order() {
    let fake = Fake::start().await;
    let mut device = start(Keep::in_memory(fake.bound_device()));
    let mut peer = fake.accept().await;
    let one = device.session.send("one").await.unwrap();
    let two = device.session.send("two").await.unwrap();
    assert_eq!(peer.message().await.0, one);
    let mut full = ErrFrame::of(Code::QueueFull).about(&one);
    full.retry_ms = Some(20);
    peer.say(&ToDevice::Err(full)).await;
    assert_eq!(peer.message().await.0, one, "a later message overtook");
    peer.say(&ToDevice::Err(ErrFrame::of(Code::IdReused).about(&one))).await;
    let (renamed, text) = peer.message().await;
    assert!(renamed != one && text == "one");
    peer.say(&ToDevice::Ack { id: renamed, st: Stored::Stored }).await;
    assert_eq!(peer.message().await.0, two);
    peer.say(&ToDevice::Err(ErrFrame::of(Code::TooLong).about(&two))).await;
    let dropped =
        device.until(|event| if let Event::Rejected { id, code } = event { Some((id.clone(), *code)) } else { None });
    assert_eq!(dropped.await, (two, Code::TooLong));
    device.session.stop();
    assert!(device.session.join().await.unwrap().1.identity.outbox.is_empty());
}

#[tokio::test]
async fn trouble_is_told_and_changes_nothing() {
    let fake = Fake::start().await;
    let mut device = start(Keep::in_memory(fake.bound_device()));
    let mut peer = fake.accept().await;
    peer.say(&ToDevice::Err(ErrFrame::of(Code::NoAnswerYet).about("01JD0000000000000000000001"))).await;
    let code = device.until(|event| if let Event::Trouble(err) = event { Some(err.code) } else { None }).await;
    assert_eq!(code, Code::NoAnswerYet);
    peer.socket.send(Message::text(r#"{"t":"dance"}"#)).await.unwrap();
    device.until(|event| if let Event::Odd(kind) = event { Some(kind.clone()) } else { None }).await;
    peer.say(&ToDevice::Ping { c: 41 }).await;
    assert_eq!(peer.heard().await, FromDevice::Pong { c: 41 });
    device.session.stop();
}

#[tokio::test]
async fn a_device_that_was_bound_over_tls_says_nothing_without_it() {
    let fake = Fake::start().await;
    let mut identity = fake.bound_device();
    identity.binding.as_mut().unwrap().certificate = Some(Blob([4; 32]));
    let mut device = start(Keep::in_memory(identity.clone()));
    device.session.send("secret").await.unwrap();
    // The listener answers like a plain service: what came was a handshake, and no word follows it.
    let (mut tcp, _) = fake.listener.accept().await.unwrap();
    let mut first = [0; 1];
    tokio::io::AsyncReadExt::read_exact(&mut tcp, &mut first).await.unwrap();
    assert_eq!(first, [0x16]);
    tokio::io::AsyncWriteExt::write_all(&mut tcp, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    device.until(|event| matches!(event, Event::NoTls).then_some(())).await;
    device.session.stop();
    // Nor does it go on with a plain socket that somebody opened for it.
    let plain = async {
        let place = fake.listener.local_addr().unwrap().to_string();
        Greeted::dial(&place, Trust::Plain, PATIENCE).await.unwrap().authenticate(&identity, PATIENCE).await
    };
    let service = async {
        loop {
            let (tcp, _) = fake.listener.accept().await.unwrap();
            let mut first = [0; 1];
            if tcp.peek(&mut first).await.is_ok_and(|read| read == 1) && first != [0x16] {
                return fake.greet_on(tcp).await;
            }
        }
    };
    let (refused, (mut socket, ..)) = tokio::join!(plain, service);
    assert!(matches!(refused, Err(ConnectError::Downgrade)), "{refused:?}");
    let after = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap();
    assert!(!matches!(after, Some(Ok(Message::Text(_)))), "{after:?}");
}

#[tokio::test]
async fn a_device_that_finds_no_place_knows_it_on_every_transport() {
    for certificate in [None, Some(Blob([4; 32]))] {
        let fake = Fake::start().await;
        let mut identity = fake.bound_device();
        identity.binding.as_mut().unwrap().certificate = certificate;
        let mut device = start(Keep::in_memory(identity));
        // A full service takes the connection and drops it unread; a peer whose bytes lie there unread hears a reset, another one an end.
        for read in [false, true] {
            let (mut tcp, _) = tokio::time::timeout(PATIENCE, fake.listener.accept()).await.unwrap().unwrap();
            if read {
                let mut some = [0; 4_096];
                tokio::io::AsyncReadExt::read(&mut tcp, &mut some).await.unwrap();
            }
            drop(tcp);
            let why =
                device.until(|event| if let Event::Offline { why, .. } = event { Some(why.clone()) } else { None });
            let why = why.await;
            assert!(why.full, "{why:?}");
        }
        // Any other answer is a failure.
        let (mut tcp, _) = tokio::time::timeout(PATIENCE, fake.listener.accept()).await.unwrap().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut tcp, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let why = device.until(|event| if let Event::Offline { why, .. } = event { Some(why.clone()) } else { None });
        let why = why.await;
        assert!(!why.full, "{why:?}");
    }
}
