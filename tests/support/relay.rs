//! Somebody in between: takes a device's TLS with a certificate of his own and carries every byte on to the real service.
//!
//! He is as good as one can be without the service's key: he puts the right name into the HTTP head, and breaks nothing. What he carried is counted,
//! so that a story can tell "nothing passed" from "it passed, and was refused".

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use device::Chan;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

/// Largest HTTP head that is looked through.
const HEAD: usize = 8 << 10;

/// How he goes on to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Onward {
    /// Over TLS, as the device came.
    Tls,
    /// Over plain WebSocket.
    Plain,
}

/// One relay. Ends on drop.
#[derive(Debug)]
pub struct Relay {
    /// `ADDRESS:PORT` where he waits for devices.
    pub authority: String,
    /// His certificate, as a device sees it.
    pub chan: Chan,
    carried: Arc<Carried>,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What went through.
#[derive(Debug, Default)]
struct Carried {
    dialled: AtomicU64,
    from_device: AtomicU64,
    to_device: AtomicU64,
}

impl Relay {
    /// Waits on `listener`; `onward` opens connections to the service, which devices know as `service`.
    ///
    /// # Errors
    /// The system gives no key or no thread.
    pub fn start(
        listener: TcpListener,
        service: SocketAddr,
        onward: Onward,
        dial: impl Fn() -> io::Result<TcpStream> + Send + Sync + 'static,
    ) -> Result<Self> {
        let (acceptor, chan) = certificate()?;
        let authority = listener.local_addr()?.to_string();
        let (carried, cancel) = (Arc::new(Carried::default()), CancellationToken::new());
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let house = Arc::new(House {
            names: (authority.clone(), service.to_string()),
            acceptor,
            onward,
            dial: Box::new(dial),
            carried: Arc::clone(&carried),
        });
        let ended = cancel.clone();
        let thread = std::thread::Builder::new().name("relay".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                loop {
                    tokio::select! {
                        () = ended.cancelled() => break,
                        Ok((device, _)) = listener.accept() => {
                            let house = Arc::clone(&house);
                            // A connection that breaks is a device's own affair; the story looks at what was carried.
                            tokio::spawn(async move { drop(house.serve(device).await) });
                        }
                    }
                }
            });
        })?;
        Ok(Self { authority, chan, carried, cancel, thread: Some(thread) })
    }

    /// Connections that devices made.
    #[must_use]
    pub fn dialled(&self) -> u64 {
        self.carried.dialled.load(Ordering::Relaxed)
    }

    /// Bytes that he read from devices, behind their TLS.
    #[must_use]
    pub fn from_device(&self) -> u64 {
        self.carried.from_device.load(Ordering::Relaxed)
    }

    /// Bytes that devices took from him, behind their TLS.
    #[must_use]
    pub fn to_device(&self) -> u64 {
        self.carried.to_device.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct House {
    /// His own `ADDRESS:PORT`, and the service's.
    names: (String, String),
    acceptor: TlsAcceptor,
    onward: Onward,
    dial: Box<dyn Fn() -> io::Result<TcpStream> + Send + Sync>,
    carried: Arc<Carried>,
}

impl House {
    async fn serve(&self, device: tokio::net::TcpStream) -> Result<()> {
        self.carried.dialled.fetch_add(1, Ordering::Relaxed);
        let device = self.acceptor.accept(device).await?;
        let service = (self.dial)()?;
        service.set_nonblocking(true)?;
        let service = tokio::net::TcpStream::from_std(service)?;
        match self.onward {
            Onward::Plain => self.carry(device, service).await,
            Onward::Tls => self.carry(device, blind(service).await?.0).await,
        }
    }

    async fn carry<D, S>(&self, mut device: D, mut service: S) -> Result<()>
    where
        D: AsyncRead + AsyncWrite + Unpin,
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD {
            let byte = device.read_u8().await?;
            self.carried.from_device.fetch_add(1, Ordering::Relaxed);
            head.push(byte);
        }
        let head = String::from_utf8(head).context("a head of text")?.replace(&self.names.0, &self.names.1);
        service.write_all(head.as_bytes()).await?;
        let (mut up, mut down) = ([0; 4_096], [0; 4_096]);
        loop {
            tokio::select! {
                read = device.read(&mut up) => {
                    let read = read?;
                    self.carried.from_device.fetch_add(u64::try_from(read)?, Ordering::Relaxed);
                    if read == 0 { return Ok(service.shutdown().await?) }
                    service.write_all(&up[..read]).await?;
                }
                read = service.read(&mut down) => {
                    let read = read?;
                    if read == 0 { return Ok(device.shutdown().await?) }
                    device.write_all(&down[..read]).await?;
                    self.carried.to_device.fetch_add(u64::try_from(read)?, Ordering::Relaxed);
                }
            }
        }
    }
}

/// A fresh key, and a certificate like the service's but not it.
///
/// # Errors
/// The system gives no key.
pub fn certificate() -> Result<(TlsAcceptor, Chan)> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec!["SmartPi".into()])?.self_signed(&key)?;
    let chan = Chan::of_certificate(certificate.der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
    Ok((TlsAcceptor::from(Arc::new(config)), chan))
}

/// Whom it wants to speak to.
const ANYBODY: &str = "anybody";

/// The beginning of TLS with whoever answers.
///
/// # Errors
/// The system gives no random numbers.
pub fn client_hello() -> Result<Vec<u8>> {
    let mut hello = Vec::new();
    rustls::ClientConnection::new(careless()?, ServerName::try_from(ANYBODY)?)?.write_tls(&mut hello)?;
    Ok(hello)
}

fn careless() -> Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Blind(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// TLS with whoever answers: what a device must never do. Gives the certificate that was seen.
///
/// # Errors
/// No TLS there.
pub async fn blind<S: AsyncRead + AsyncWrite + Unpin>(wire: S) -> Result<(TlsStream<S>, Chan)> {
    let stream = TlsConnector::from(careless()?).connect(ServerName::try_from(ANYBODY)?, wire).await?;
    let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).context("a certificate")?;
    let chan = Chan::of_certificate(leaf);
    Ok((stream, chan))
}

/// A verifier that is content with everything.
#[derive(Debug)]
struct Blind(Arc<CryptoProvider>);

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
