//! Which certificate a device trusts: one, by its hash. No name, no date, no authority says anything about it.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, OnceLock};

use channel::proof::Chan;
use channel::wire::Blob;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How a device connects, and whom it trusts there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Plain WebSocket: what is said can be read on the network.
    Plain,
    /// TLS with the certificate whose hash begins like this: `f` of a QR code.
    Pin(Blob<16>),
    /// TLS with the certificate of this SHA-256.
    Certificate(Blob<32>),
    /// TLS with any certificate. It is good for a binding alone, which proves it or fails.
    ToBeProved,
}

impl Trust {
    /// What a device trusts that was bound like this: the certificate it knows, else plain WebSocket.
    pub(crate) fn of(certificate: Option<&Blob<32>>) -> Self {
        certificate.map_or(Self::Plain, |known| Self::Certificate(known.clone()))
    }

    /// The certificate that a person named: the base64url of its SHA-256, or of the first 16 bytes as in a QR code. `None`: neither.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Blob::parse(text).map(Self::Certificate).or_else(|| Blob::parse(text).map(Self::Pin))
    }

    fn allows(&self, seen: &Chan) -> bool {
        match self {
            Self::Plain => false,
            Self::Pin(pin) => seen.pin().as_ref() == Some(pin),
            Self::Certificate(known) => *seen == Chan::Tls(known.clone()),
            Self::ToBeProved => true,
        }
    }
}

/// Why there is no TLS with the one who answers.
#[derive(Debug)]
pub(crate) enum Untrusted {
    /// Its certificate is another one. It was told nothing.
    OtherCertificate,
    /// It ended the connection without a byte.
    TurnedAway,
    /// It does not speak TLS, or breaks it off.
    NoTls(io::Error),
}

static RING: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));

/// Shakes hands; before this returns, no byte of ours went out. Gives the certificate that was seen.
pub(crate) async fn shake_hands(tcp: TcpStream, trust: Trust) -> Result<(TlsStream<TcpStream>, Chan), Untrusted> {
    let look = Arc::new(Look { trust, seen: OnceLock::new() });
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&RING))
        .with_safe_default_protocol_versions()
        .map_err(|error| Untrusted::NoTls(io::Error::other(error)))?
        .dangerous()
        .with_custom_certificate_verifier(look.clone())
        .with_no_client_auth();
    // Each connection looks at the certificate anew; and a device's memory is worth more than a round trip.
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    let nobody = ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
    let shaken = TlsConnector::from(Arc::new(config)).connect(nobody, tcp).await;
    match (shaken, look.seen.get()) {
        (Ok(stream), Some(leaf)) => Ok((stream, leaf.clone())),
        (Ok(_), None) => Err(Untrusted::NoTls(io::Error::other("no certificate"))),
        (Err(_), Some(leaf)) if !look.trust.allows(leaf) => Err(Untrusted::OtherCertificate),
        (Err(error), None) if is_end(&error) => Err(Untrusted::TurnedAway),
        (Err(error), _) => Err(Untrusted::NoTls(error)),
    }
}

/// The peer said nothing and went.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Looks at the certificate, and remembers it.
#[derive(Debug)]
struct Look {
    trust: Trust,
    seen: OnceLock<Chan>,
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let leaf = self.seen.get_or_init(|| Chan::of_certificate(end_entity));
        if self.trust.allows(leaf) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &RING.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &RING.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        RING.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether what is sent there stays on this computer.
pub fn stays_here(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests;
