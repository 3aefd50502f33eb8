//! A real TLS client, as a device has one.

use std::io;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;

use super::soon;
use crate::proof::Chan;
use crate::wire::Blob;

/// A real TLS client that trusts one certificate by its hash, as a device does.
#[derive(Debug)]
struct Pinned {
    pin: Blob<16>,
    seen: Arc<Mutex<Option<Chan>>>,
    schemes: rustls::crypto::WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chan = Chan::of_certificate(certificate);
        let fits = chan.pin() == Some(self.pin.clone());
        *self.seen.lock().expect("not poisoned") = Some(chan);
        let wrong = rustls::Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure);
        if fits { Ok(ServerCertVerified::assertion()) } else { Err(wrong) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}

/// A TLS connection to an address whose certificate has this pin, and the transport as the client saw it.
pub(crate) async fn secured(
    stream: TcpStream,
    pin: Blob<16>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> io::Result<(tokio_rustls::client::TlsStream<TcpStream>, Chan)> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let seen: Arc<Mutex<Option<Chan>>> = Arc::default();
    let schemes = provider.signature_verification_algorithms;
    let verifier = Arc::new(Pinned { pin, seen: Arc::clone(&seen), schemes });
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions of this library")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = ServerName::IpAddress(stream.peer_addr()?.ip().into());
    let handshake = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = soon("a handshake", handshake).await?;
    let chan = seen.lock().expect("not poisoned").clone().expect("a certificate was shown");
    Ok((stream, chan))
}
