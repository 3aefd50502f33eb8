//! The handshake against listeners with one certificate or another, and against one that speaks no TLS.

use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{Socket, SocketError};

const PATIENCE: Duration = Duration::from_secs(10);

/// A listener with a certificate of its own, as old and as oddly named as it likes.
struct Listener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    chan: Chan,
}

impl Listener {
    async fn start(versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["elsewhere.example".into()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
        let certificate = parameters.self_signed(&key).unwrap();
        let chan = Chan::of_certificate(certificate.der());
        let config = ServerConfig::builder_with_provider(Arc::clone(&RING))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { tcp, acceptor: TlsAcceptor::from(Arc::new(config)), chan }
    }

    fn hash(&self) -> Blob<32> {
        match &self.chan {
            Chan::Tls(hash) => hash.clone(),
            Chan::Plain => unreachable!("made from a certificate"),
        }
    }

    /// What the device finds, and everything that it said inside TLS before it went.
    async fn meets(&self, trust: Trust) -> (Result<Chan, Untrusted>, Vec<u8>) {
        let dial = async {
            let tcp = TcpStream::connect(self.tcp.local_addr().unwrap()).await.unwrap();
            shake_hands(tcp, trust).await.map(|(_, chan)| chan)
        };
        let serve = async {
            let (tcp, _) = self.tcp.accept().await.unwrap();
            let mut heard = Vec::new();
            if let Ok(mut tls) = self.acceptor.accept(tcp).await {
                let _ = tls.read_to_end(&mut heard).await;
            }
            heard
        };
        tokio::time::timeout(PATIENCE, async { tokio::join!(dial, serve) }).await.unwrap()
    }
}

#[tokio::test]
async fn the_right_hash_is_enough_and_name_and_date_do_not_matter() {
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let listener = Listener::start(versions).await;
        let pin = listener.chan.pin().unwrap();
        for trust in [Trust::Pin(pin), Trust::Certificate(listener.hash()), Trust::ToBeProved] {
            let (found, _) = listener.meets(trust.clone()).await;
            assert_eq!(found.unwrap(), listener.chan, "{trust:?}");
        }
    }
}

#[tokio::test]
async fn another_certificate_is_told_nothing() {
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let (listener, other) = (Listener::start(versions).await, Listener::start(versions).await);
        let mut near = listener.hash();
        near.0[31] ^= 1;
        let pin = other.chan.pin().unwrap();
        for trust in [Trust::Pin(pin), Trust::Certificate(other.hash()), Trust::Certificate(near)] {
            let (found, heard) = listener.meets(trust).await;
            assert!(matches!(found, Err(Untrusted::OtherCertificate)), "{found:?}");
            assert_eq!(heard, b"");
        }
    }
}

#[tokio::test]
async fn who_answers_without_tls_is_told_nothing_and_no_redirect_is_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let answer = async || {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4_096];
        let read = tcp.read(&mut heard).await.unwrap();
        heard.truncate(read);
        let redirect =
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: ws://127.0.0.1:1/device\r\nContent-Length: 0\r\n\r\n";
        tcp.write_all(redirect.as_bytes()).await.unwrap();
        heard
    };
    let dial = Socket::dial(&place, Trust::Certificate(Blob([1; 32])), PATIENCE);
    let (refused, heard) = tokio::join!(dial, answer());
    assert!(matches!(refused, Err(SocketError::NoTls { .. })), "{refused:?}");
    assert_eq!(heard[0], 0x16);
    let (refused, _) = tokio::join!(Socket::dial(&place, Trust::Plain, PATIENCE), answer());
    assert!(matches!(refused, Err(SocketError::NotAService { status: Some(307), .. })), "{refused:?}");
}

#[test]
fn a_certificate_is_named_whole_or_by_its_first_half() {
    let whole = Blob([7; 32]);
    assert_eq!(Trust::parse(&format!(" {}\n", whole.encode())), Some(Trust::Certificate(whole)));
    assert!(Trust::parse("qG5N-OMK5HdvbzkylXsgDw").is_some_and(|trust| matches!(trust, Trust::Pin(_))));
    for bad in ["", "qG5N", "qG5N-OMK5HdvbzkylXsgDw=", "plain"] {
        assert_eq!(Trust::parse(bad), None, "{bad}");
    }
}

#[test]
fn only_addresses_of_this_computer_stay_here() {
    for here in ["127.0.0.1:8765", "localhost:1", "[::1]:8765", "127.9.9.9:1"] {
        assert!(stays_here(here), "{here}");
    }
    for away in ["192.168.1.5:8765", "127.evil.com:8765", "[fe80::1]:1", "0.0.0.0:8765", "localhost.evil:1", ""] {
        assert!(!stays_here(away), "{away}");
    }
}
