//! TLS to a gateway: whom the system trusts, or one certificate.

use std::io;
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt as _;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::Fingerprint;
use crate::failure::{CertificateTrouble, ConnectFailure, Step};

static RING: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(ring::default_provider()));

/// Shakes hands with `host`. Before this returns, nothing of ours went out but the handshake.
pub(crate) async fn shake_hands(
    tcp: TcpStream,
    host: &str,
    pin: Option<Fingerprint>,
) -> Result<TlsStream<TcpStream>, ConnectFailure> {
    let no_tls = |_| ConnectFailure::Certificate(CertificateTrouble::NoTls);
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ConnectFailure::NoSuchHost)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&RING));
    let builder = builder.with_safe_default_protocol_versions().map_err(no_tls)?;
    let pinned = pin.map(|pin| Arc::new(Pinned { pin, seen: OnceLock::new() }));
    let mut config = match &pinned {
        Some(pinned) => builder.dangerous().with_custom_certificate_verifier(pinned.clone()).with_no_client_auth(),
        None => builder.with_platform_verifier().map_err(no_tls)?.with_no_client_auth(),
    };
    // Each connection looks at the certificate anew.
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| {
        let seen = pinned.as_ref().and_then(|pinned| pinned.seen.get().filter(|seen| **seen != pinned.pin));
        seen.map_or_else(
            || failure(&error),
            |seen| ConnectFailure::Certificate(CertificateTrouble::Other { seen: *seen }),
        )
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's reasons, and more may come: all others are those of a stranger"
)]
fn failure(error: &io::Error) -> ConnectFailure {
    let trouble = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateTrouble::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                CertificateTrouble::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                CertificateTrouble::OtherName
            }
            _ => CertificateTrouble::NotTrusted,
        },
        Some(_) => CertificateTrouble::NoTls,
        None => return ConnectFailure::Broken(Step::Encrypt),
    };
    ConnectFailure::Certificate(trouble)
}

/// Takes one certificate, and remembers which one it was shown.
#[derive(Debug)]
struct Pinned {
    pin: Fingerprint,
    seen: OnceLock<Fingerprint>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = self.seen.get_or_init(|| Fingerprint(Sha256::digest(end_entity).into()));
        if *seen == self.pin {
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
