//! Whoever may answer in place of a gateway. What a real one answers is in `tests/scenarios/gateway_link.rs`.

use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::address::Fingerprint;
use crate::failure::{CertificateTrouble, Step, Stranger};
use crate::identity::Identity;

fn introduction() -> Introduction {
    Introduction { display_name: "a test".into(), version: "1".into(), scopes: vec!["operator.read".into()] }
}

async fn connect(address: &Address) -> Result<Client, ConnectFailure> {
    let identity = Identity::from_seed(&[7; Identity::SEED_BYTES]);
    Client::connect(address, &introduction(), Who::Device(&identity), &Auth::Nothing, events()).await
}

/// Answers the first request with these bytes.
async fn answered(bytes: &'static [u8]) -> ConnectFailure {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::local(listener.local_addr().unwrap().port());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        String::from_utf8_lossy(&request[..length]).to_lowercase()
    });
    let failure = connect(&address).await.unwrap_err();
    let request = server.await.unwrap();
    assert!(!request.contains("origin:") && !request.contains("extensions:"), "{request}");
    failure
}

#[tokio::test]
async fn whoever_is_no_gateway_is_told_apart() {
    let stranger = ConnectFailure::NotAGateway;
    assert_eq!(answered(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").await, ConnectFailure::Stopping);
    assert_eq!(answered(b"HTTP/1.1 200 OK\r\n\r\n").await, stranger(Stranger::Http { status: 200 }));
    let elsewhere = answered(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n").await;
    assert_eq!(elsewhere, stranger(Stranger::Redirect { location: "http://elsewhere/".into() }));
    assert_eq!(answered(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await, stranger(Stranger::NotHttp));
    assert_eq!(answered(b"").await, ConnectFailure::Broken(Step::Upgrade));
}

#[tokio::test]
async fn an_address_at_which_nobody_listens_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::local(listener.local_addr().unwrap().port());
    drop(listener);
    assert_eq!(connect(&address).await.unwrap_err(), ConnectFailure::NobodyListens);
}

/// Plays a gateway on an open stream: greets, lets in, then does what `then` says.
async fn let_in<S, F>(stream: S, then: impl FnOnce(tokio_tungstenite::WebSocketStream<S>) -> F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = ()>,
{
    let mut socket = accept_async(stream).await.unwrap();
    let challenge = json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 1_795_173_859_468_u64 } });
    socket.send(Message::text(challenge.to_string())).await.unwrap();
    let connect = socket.next().await.unwrap().unwrap();
    let connect: Value = serde_json::from_str(connect.to_text().unwrap()).unwrap();
    assert_eq!((&connect["params"]["minProtocol"], &connect["params"]["maxProtocol"]), (&json!(3), &json!(4)));
    assert_eq!(connect["params"]["device"]["signedAt"], 1_795_173_859_468_u64, "the gateway's own clock");
    let hello = json!({ "protocol": 4, "server": { "version": "x" }, "auth": { "scopes": [] } });
    let answer = json!({ "type": "res", "id": connect["id"], "ok": true, "payload": hello });
    socket.send(Message::text(answer.to_string())).await.unwrap();
    then(socket).await;
}

async fn gateway<F: Future<Output = ()> + Send>(
    then: impl FnOnce(tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>) -> F + Send + 'static,
) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::local(listener.local_addr().unwrap().port());
    tokio::spawn(async move { let_in(listener.accept().await.unwrap().0, then).await });
    connect(&address).await.unwrap()
}

#[tokio::test]
async fn a_gateway_that_falls_silent_is_dead() {
    let client = gateway(|socket| async move {
        let _open = socket;
        pending().await
    })
    .await;
    tokio::time::pause();
    let before = Instant::now();
    assert_eq!(client.ended().await, Close::Silent);
    assert!(before.elapsed() >= SILENCE - Duration::from_secs(1), "{:?}", before.elapsed());
    let late = client.request::<Value>("health", json!({}), PATIENCE).await;
    assert_eq!(late, Err(RequestError::Gone(Close::Silent)));
}

#[tokio::test]
async fn a_run_is_waited_for_past_its_first_answer() {
    let client = gateway(|mut socket| async move {
        let asked = socket.next().await.unwrap().unwrap();
        let asked: Value = serde_json::from_str(asked.to_text().unwrap()).unwrap();
        for payload in [json!({ "status": "accepted" }), json!({ "status": "ok" })] {
            let answer = json!({ "type": "res", "id": asked["id"], "ok": true, "payload": payload });
            socket.send(Message::text(answer.to_string())).await.unwrap();
        }
        pending().await
    })
    .await;
    let done: Value = client.run("agent", json!({}), PATIENCE).await.unwrap();
    assert_eq!(done["status"], "ok");
}

#[tokio::test]
async fn requests_that_nobody_answers_are_bounded() {
    let client = gateway(|mut socket| async move { while let Some(Ok(_)) = socket.next().await {} }).await;
    let asked = (0..2 * MOST_WAITING).map(|_| client.request::<Value>("health", json!({}), Duration::from_secs(2)));
    let answers = futures_util::future::join_all(asked).await;
    let too_many = answers.iter().filter(|answer| **answer == Err(RequestError::TooMany)).count();
    assert!(too_many >= MOST_WAITING / 2, "{too_many}");
    // Those who gave up made room.
    let next = client.request::<Value>("health", json!({}), Duration::from_millis(10)).await;
    assert_eq!(next, Err(RequestError::TimedOut(Duration::from_millis(10))));
}

/// A server's certificate for `localhost` that nobody signed, and what names it.
fn certified() -> (TlsAcceptor, Fingerprint) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let leaf = cert.der().clone();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![leaf.clone()], key).unwrap();
    (TlsAcceptor::from(Arc::new(config)), Fingerprint(Sha256::digest(&leaf).into()))
}

#[tokio::test]
async fn a_look_sees_the_certificate_and_says_nothing() {
    let (acceptor, fingerprint) = certified();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, mut said) = mpsc::channel(8);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            // The first look ends with the handshake.
            let Ok(mut socket) = accept_async(stream).await else { continue };
            let challenge =
                json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 1 } });
            let _ = socket.send(Message::text(challenge.to_string())).await;
            while let Some(Ok(message)) = socket.next().await {
                heard.send(message).await.unwrap();
            }
        }
    });
    let address = Address::parse(&format!("wss://localhost:{port}"), None).unwrap();
    let certificate = crate::look(&address).await.unwrap().unwrap();
    assert_eq!(certificate, crate::Certificate { fingerprint, trouble: Some(CertificateTrouble::NotTrusted) });
    let first = said.recv().await.unwrap();
    assert!(first.is_close(), "only goodbye: {first:?}");
    let plain = crate::look(&Address::local(port)).await.unwrap_err();
    assert!(!plain.is_temporary() || plain == ConnectFailure::Broken(Step::Upgrade), "{plain:?}");
}

#[tokio::test]
async fn a_certificate_is_pinned_or_trusted_by_the_system() {
    let (acceptor, seen) = certified();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not like the certificate hangs up.
            if let Ok(stream) = acceptor.accept(stream).await {
                let_in(stream, |mut socket| async move { while let Some(Ok(_)) = socket.next().await {} }).await;
            }
        }
    });
    let address = |pin| Address::parse(&format!("wss://localhost:{port}"), pin).unwrap();
    let other = connect(&address(Some(Fingerprint([1; 32])))).await.unwrap_err();
    assert_eq!(other, ConnectFailure::Certificate(CertificateTrouble::Other { seen }));
    let stranger = connect(&address(None)).await.unwrap_err();
    assert_eq!(stranger, ConnectFailure::Certificate(CertificateTrouble::NotTrusted));
    let client = connect(&address(Some(seen))).await.unwrap();
    assert_eq!(client.greeting().version, "x");
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let address = Address::parse(&format!("wss://127.0.0.1:{port}"), Some(Fingerprint([1; 32]))).unwrap();
    let failure = connect(&address).await.unwrap_err();
    assert_eq!(failure, ConnectFailure::Certificate(CertificateTrouble::NoTls));
}
