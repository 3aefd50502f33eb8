//! TLS on the service's port: its own certificate, made once, and the handshake of a device.
//!
//! Devices trust the certificate by its hash alone, so it has neither a name nor an end worth checking. A new one unbinds every device that was bound over TLS: that is why
//! a damaged file is an error, and why key and certificate are one file, which is there whole or not at all.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::keys::{self, KeyError};
use crate::proof::Chan;
use crate::wire::Der;

/// First byte of a connection that is TLS: the record type of a handshake.
pub(crate) const FIRST_BYTE: u8 = 0x16;
/// Largest file of key and certificate, in bytes. Ours has some 900.
const FILE: usize = 8 << 10;
/// Most bytes that a session holds unsent, in each direction's plaintext and ciphertext. Small: that a reader is slow must show early.
const UNSENT: usize = 8 << 10;

/// A connection over TLS.
pub(crate) type Stream = tokio_rustls::server::TlsStream<TcpStream>;

/// The certificate as devices know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// What `bind_ok` carries.
    pub der: Der,
    /// What both sides sign over it.
    pub chan: Chan,
}

/// The service's side of TLS.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tls({})", self.certificate.chan)
    }
}

impl Tls {
    /// Reads key and certificate, or makes them where there are none.
    ///
    /// # Errors
    /// See [`KeyError`]; a damaged or exposed file is never replaced.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        let pem = keys::load_or_make(path, FILE, make)?;
        Self::read(&pem).ok_or_else(|| KeyError::Damaged(path.into()))
    }

    /// `None` unless there is one key and one certificate, and they belong together.
    fn read(pem: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
        let mut certificates = CertificateDer::pem_slice_iter(pem);
        let (Some(Ok(certificate)), None) = (certificates.next(), certificates.next()) else { return None };
        let der = Der(certificate.to_vec());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .ok()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .ok()?;
        // A device connects seldom and stays: remembering its sessions would only cost memory.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        let certificate = Certificate { chan: Chan::of_certificate(&der.0), der };
        Some(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate: Arc::new(certificate) })
    }

    /// What devices know.
    pub fn certificate(&self) -> &Arc<Certificate> {
        &self.certificate
    }

    /// The handshake. The caller limits its time. `None`: it failed.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Option<Box<Stream>> {
        let limited = |session: &mut rustls::ServerConnection| session.set_buffer_limit(Some(UNSENT));
        match self.acceptor.accept_with(stream, limited).await {
            Ok(stream) => Some(Box::new(stream)),
            Err(error) => {
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
        }
    }
}

/// A new key and its certificate, as PEM.
fn make() -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // Of all that can fail here only the random numbers do not depend on this program alone.
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| KeyError::Random)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "SmartPi");
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(SerialNumber::from(1_u64));
    // A board without a clock believes that it is 1970.
    params.not_before = date_time_ymd(1970, 1, 1);
    params.not_after = date_time_ymd(2999, 1, 1);
    let certificate = params.self_signed(&key).map_err(|_| KeyError::Random)?;
    let mut pem = Zeroizing::new(Vec::with_capacity(FILE));
    pem.extend_from_slice(Zeroizing::new(key.serialize_pem()).as_bytes());
    pem.extend_from_slice(certificate.pem().as_bytes());
    Ok(pem)
}

#[cfg(test)]
mod tests;
