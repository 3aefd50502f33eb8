//! TLS to a gateway: whom the system trusts, or one certificate.

use std::io;
use std::sync::{Arc, LazyLock, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
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
    let rule = match pin {
        Some(pin) => Rule::Pinned(pin),
        None => Rule::System(system()?),
    };
    let judge = Arc::new(Judge { rule, seen: OnceLock::new() });
    connect(tcp, host, &judge).await.map_err(|error| {
        let seen = judge.seen.get().map(|certificate| certificate.fingerprint);
        match pin {
            Some(pin) if seen.is_some_and(|seen| seen != pin) => {
                ConnectFailure::Certificate(CertificateTrouble::Other { seen: seen.unwrap_or(pin) })
            }
            Some(_) | None => failure(&error),
        }
    })
}

/// Which certificate `host` shows, and whether the system trusts it for that name. The connection ends right after the handshake.
pub(crate) async fn look(tcp: TcpStream, host: &str) -> Result<Certificate, ConnectFailure> {
    // A system without any authority trusts nobody, which is what there is to tell.
    let judge = Arc::new(Judge { rule: Rule::Any(system().ok()), seen: OnceLock::new() });
    connect(tcp, host, &judge).await.map_err(|error| failure(&error))?;
    judge.seen.get().copied().ok_or(ConnectFailure::Certificate(CertificateTrouble::NoTls))
}

/// A certificate that somebody showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// What names it.
    pub fingerprint: Fingerprint,
    /// Why the system does not trust it for this host. `None`: it does.
    pub trouble: Option<CertificateTrouble>,
}

fn system() -> Result<Verifier, ConnectFailure> {
    Verifier::new(Arc::clone(&RING)).map_err(|_| ConnectFailure::Certificate(CertificateTrouble::NoTls))
}

async fn connect(tcp: TcpStream, host: &str, judge: &Arc<Judge>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&RING));
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    let judge: Arc<dyn ServerCertVerifier> = judge.clone();
    let mut config = builder.dangerous().with_custom_certificate_verifier(judge).with_no_client_auth();
    // Each connection looks at the certificate anew.
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

fn failure(error: &io::Error) -> ConnectFailure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => ConnectFailure::Certificate(trouble(error)),
        None if error.get_ref().is_some_and(|inner| inner.is::<InvalidDnsNameError>()) => ConnectFailure::NoSuchHost,
        None => ConnectFailure::Broken(Step::Encrypt),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's reasons, and more may come: all others are those of a stranger"
)]
fn trouble(error: &rustls::Error) -> CertificateTrouble {
    let rustls::Error::InvalidCertificate(certificate) = error else { return CertificateTrouble::NoTls };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateTrouble::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => CertificateTrouble::NotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            CertificateTrouble::OtherName
        }
        _ => CertificateTrouble::NotTrusted,
    }
}

/// Whom one takes.
#[derive(Debug)]
enum Rule {
    /// This certificate, whatever its name and dates say.
    Pinned(Fingerprint),
    /// Whom the system trusts.
    System(Verifier),
    /// Everybody, to see who it is: nothing is said to them.
    Any(Option<Verifier>),
}

/// Decides by a rule, and remembers what it was shown.
#[derive(Debug)]
struct Judge {
    rule: Rule,
    seen: OnceLock<Certificate>,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let fingerprint = Fingerprint(Sha256::digest(end_entity).into());
        let ask = |system: &Verifier| {
            system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).map(drop)
        };
        let (verdict, of_system) = match &self.rule {
            Rule::Pinned(pin) if fingerprint == *pin => (Ok(()), None),
            Rule::Pinned(_) => (Err(CertificateError::ApplicationVerificationFailure.into()), None),
            Rule::System(system) => (ask(system), None),
            Rule::Any(Some(system)) => (Ok(()), ask(system).err().as_ref().map(trouble)),
            Rule::Any(None) => (Ok(()), Some(CertificateTrouble::NotTrusted)),
        };
        self.seen.get_or_init(|| Certificate { fingerprint, trouble: of_system });
        verdict.map(|()| ServerCertVerified::assertion())
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
