//! A running listener on loopback, a hub that only listens, and peers with real sockets: for the tests of this crate.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test that hears another event fails")]

mod pinned;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ed25519_dalek::{SigningKey, VerifyingKey};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};
use zeroize::Zeroizing;

pub(crate) use pinned::secured;

use super::*;
use crate::clock::Clock;
use crate::driver::HubHandle;
use crate::hub::event::{Event, SessionId};
use crate::id::DeviceKey;
use crate::outbox::Outbox;
use crate::proof::{self, Chan, Meeting};
use crate::reached::Reached;
use crate::timing::Timing;
use crate::tls::Tls;
use crate::wire::Blob;

/// Longest wait for a fact before a test fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
pub(crate) const LINK_KEY: [u8; 32] = [7; 32];
pub(crate) const GATEWAY: &str = "00112233445566778899aabbccddeeff";

/// Waits for a fact.
pub(crate) async fn soon<T>(what: &str, fact: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LIMIT, fact).await {
        Ok(fact) => fact,
        Err(_) => panic!("waited too long for {what}"),
    }
}

pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) cancel: CancellationToken,
    pub(crate) service_key: SigningKey,
    pub(crate) tls: Tls,
    pub(crate) running: JoinHandle<()>,
    pub(crate) reached: Arc<Reached>,
    wishes: mpsc::Sender<Wish>,
    pub(crate) listening: watch::Receiver<Listening>,
    keys: Arc<Mutex<HashMap<DeviceKey, VerifyingKey>>>,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Rig {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    /// With other waits than the product's.
    pub(crate) fn with(change: impl FnOnce(&mut Timing)) -> Self {
        Self::at(&[SocketAddr::from(([127, 0, 0, 1], 0))], change)
    }

    /// On these addresses.
    pub(crate) fn at(addresses: &[SocketAddr], change: impl FnOnce(&mut Timing)) -> Self {
        let mut timing = Timing::default();
        change(&mut timing);
        let (hub, mut arriving) = HubHandle::channel();
        let (forward, events) = mpsc::unbounded_channel();
        let keys: Arc<Mutex<HashMap<DeviceKey, VerifyingKey>>> = Arc::default();
        let known = Arc::clone(&keys);
        tokio::spawn(async move {
            while let Some(event) = arriving.recv().await {
                if let Event::FindKey { device, reply } = event {
                    let key = known.lock().expect("not poisoned").get(&device).copied();
                    let _ = reply.send(key);
                } else if forward.send(event).is_err() {
                    return;
                }
            }
        });
        let listeners = bind(addresses).expect("a free port");
        let bound: Listening = listeners.iter().map(|listener| listener.local_addr().expect("bound")).collect();
        let service_key = SigningKey::from_bytes(&[1; 32]);
        let folder = tempfile::tempdir().expect("a folder");
        let tls = Tls::load_or_create(&folder.path().join("tls.pem")).expect("a certificate");
        let (notices, _) = broadcast::channel(16);
        let clock = Clock::start();
        // To these every peer is another machine.
        let reached = Arc::new(Reached::new(clock, notices, |_, _| true));
        let ports = Arc::new(Ports {
            hub,
            service_key: service_key.clone(),
            tls: tls.clone(),
            link_key: Zeroizing::new(LINK_KEY),
            name: "Study".into(),
            epoch: watch::Sender::new("e5f1".into()).subscribe(),
            timing,
            clock,
            reached: Arc::clone(&reached),
        });
        let cancel = CancellationToken::new();
        let address = bound[0];
        let (told, listening) = watch::channel(bound);
        let (wishes, wished) = mpsc::channel(16);
        let running = tokio::spawn(run(listeners, ports, told, wished, cancel.clone()));
        Self { address, cancel, service_key, tls, running, reached, wishes, listening, keys, events }
    }

    /// Asks for exactly these addresses, and does not wait.
    pub(crate) async fn wish(&self, addresses: &[SocketAddr]) -> oneshot::Receiver<Result<Listening, BindError>> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish { addresses: addresses.to_vec(), reply };
        self.wishes.send(wish).await.expect("the listener runs");
        answer
    }

    /// Asks for exactly these addresses.
    pub(crate) async fn listen(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, BindError> {
        let answer = self.wish(addresses).await;
        Ok(soon("the answer to a wish", answer).await.expect("the listener runs")?.to_vec())
    }

    /// A key that the hub knows.
    pub(crate) fn bound_device(&self, seed: u8) -> SigningKey {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let device = DeviceKey::of(&key.verifying_key());
        self.keys.lock().expect("not poisoned").insert(device, key.verifying_key());
        key
    }

    /// The next event that is not `FindKey`.
    pub(crate) async fn event(&mut self) -> Event {
        soon("an event of the hub", self.events.recv()).await.expect("the hub listens")
    }

    /// Whether the hub has heard nothing more.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.events.try_recv().is_err()
    }

    pub(crate) async fn socket(&self) -> TcpStream {
        soon("a connection", TcpStream::connect(self.address)).await.expect("connected")
    }

    /// A WebSocket that has taken `hello`.
    pub(crate) async fn peer(&self, path: &str) -> Peer {
        self.peer_at(self.address, path).await
    }

    /// The same at another address.
    pub(crate) async fn peer_at(&self, address: SocketAddr, path: &str) -> Peer {
        let mut peer = Peer::dial(address, path).await;
        let hello = peer.frame().await;
        assert_eq!(hello["t"], "hello");
        peer.hello = hello;
        peer
    }

    /// A TLS connection with the right pin.
    pub(crate) async fn tls(&self) -> (tokio_rustls::client::TlsStream<TcpStream>, Chan) {
        let pin = self.tls.certificate().chan.pin().expect("a certificate has a pin");
        secured(self.socket().await, pin, rustls::ALL_VERSIONS).await.expect("a good handshake")
    }

    /// A WebSocket over TLS that has taken `hello`.
    pub(crate) async fn tls_peer(&self) -> Peer {
        let (stream, chan) = self.tls().await;
        let mut peer = Peer::upgraded(self.address, "/device", Box::new(stream), chan).await;
        peer.hello = peer.frame().await;
        assert_eq!(peer.hello["t"], "hello");
        peer
    }

    /// A WebSocket that has read nothing.
    pub(crate) async fn silent_peer(&self, path: &str) -> Peer {
        Peer::dial(self.address, path).await
    }

    /// An authenticated device, and the hub's way to it.
    pub(crate) async fn ready_device(&mut self, key: &SigningKey) -> (Peer, SessionId, Outbox) {
        let mut peer = self.peer("/device").await;
        peer.send(peer.auth(key)).await;
        match self.event().await {
            Event::DeviceReady { session, outbox, .. } => (peer, session, outbox),
            other => panic!("not ready: {other:?}"),
        }
    }

    /// The same, after the session before it has ended.
    pub(crate) async fn ready_device_after_gone(&mut self, key: &SigningKey) -> (Peer, SessionId, Outbox) {
        assert!(matches!(self.event().await, Event::DeviceGone { .. }));
        self.ready_device(key).await
    }

    /// Sends bytes on a connection of their own; everything that comes back until its end.
    pub(crate) async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.socket().await;
        // The other side may close before it has read all of it.
        let _ = stream.write_all(request).await;
        read_all(&mut stream).await
    }
}

/// Everything until the connection ends, by a reset or without a TLS goodbye too.
pub(crate) async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    match soon("the end of a connection", stream.read_to_end(&mut bytes)).await {
        Ok(_) => {}
        Err(error) if [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof].contains(&error.kind()) => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8(bytes).expect("text")
}

/// Either kind of transport.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

pub(crate) struct Peer {
    pub(crate) socket: WebSocketStream<Box<dyn Duplex>>,
    pub(crate) hello: Value,
    chan: Chan,
}

impl Peer {
    async fn dial(address: SocketAddr, path: &str) -> Self {
        let stream = soon("a connection", TcpStream::connect(address)).await.expect("connected");
        Self::upgraded(address, path, Box::new(stream), Chan::Plain).await
    }

    async fn upgraded(address: SocketAddr, path: &str, stream: Box<dyn Duplex>, chan: Chan) -> Self {
        let handshake = tokio_tungstenite::client_async(format!("ws://{address}{path}"), stream);
        let (socket, _) = soon("the 101", handshake).await.expect("a good handshake");
        Self { socket, hello: Value::Null, chan }
    }

    /// The same, as if this peer had seen another certificate.
    pub(crate) fn having_seen(mut self, chan: Chan) -> Self {
        self.chan = chan;
        self
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.send_message(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        soon("a frame to be taken", self.socket.send(message)).await.expect("sent");
    }

    /// The next text frame.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.next().await {
            Ok(frame) => frame,
            Err(code) => panic!("closed with {code}"),
        }
    }

    /// The next text frame, or the code of the close frame.
    pub(crate) async fn next(&mut self) -> Result<Value, u16> {
        loop {
            match soon("a frame", self.socket.next()).await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("unexpected {other:?}"),
                Some(Err(tungstenite::Error::Io(_) | tungstenite::Error::Protocol(_))) | None => return Err(1006),
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    /// The `err` and `bye` codes that come before the close, and its code.
    pub(crate) async fn farewell(&mut self) -> (Vec<u64>, Option<u64>, u16) {
        let mut errors = Vec::new();
        let mut bye = None;
        loop {
            match self.next().await {
                Ok(frame) if frame["t"] == "err" => errors.extend(frame["code"].as_u64()),
                Ok(frame) if frame["t"] == "bye" => {
                    assert_eq!(bye, None, "two goodbyes");
                    bye = frame["code"].as_u64();
                }
                Ok(_) => {}
                Err(code) => return (errors, bye, code),
            }
        }
    }

    fn blob<const N: usize>(&self, name: &str) -> Blob<N> {
        Blob::parse(self.hello[name].as_str().expect("text")).expect("base64url")
    }

    /// What both sides sign, with a fixed nonce of this side.
    pub(crate) fn meeting(&self) -> Meeting {
        Meeting { sn: self.blob("sn"), spk: self.blob("spk"), cn: Blob([9; 32]), chan: self.chan.clone() }
    }

    pub(crate) fn auth(&self, key: &SigningKey) -> Value {
        let meeting = self.meeting();
        json!({
            "t": "auth", "v": 1, "device_key": DeviceKey::of(&key.verifying_key()).as_str(), "cn": meeting.cn.encode(),
            "epoch": "e5f1", "last_n": 12, "sig": proof::sign_auth(key, &meeting).encode(),
        })
    }

    pub(crate) fn link_auth(&self, key: &[u8; 32]) -> Value {
        let cn = Blob([9; 32]);
        let mac = proof::link_auth_mac(key, &self.blob("sn"), &cn, GATEWAY);
        json!({
            "t": "auth", "v": 1, "cn": cn.encode(), "gateway": GATEWAY, "plugin": "0.1.0", "host": "2026.9.6", "mac": mac.encode(),
        })
    }
}

/// A frame of exactly this many bytes, of a type nobody knows.
pub(crate) fn padded(length: usize) -> String {
    let bare = r#"{"t":"dance","p":""}"#;
    format!(r#"{{"t":"dance","p":"{}"}}"#, "x".repeat(length - bare.len()))
}
