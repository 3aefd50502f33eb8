//! Where releases lie: an https server with a manifest and its signature, by a key that is made for the story, and what such a server may do wrong.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};
use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer as _, SigningKey};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::lab::Namespace;

/// Where a real release has its files.
const FILES: &str = "https://github.com/smartpi/smartpi-tray/releases/download";
/// What one that never ends says it is long.
const GIGABYTE: usize = 1 << 30;

/// Such a server. It ends on drop.
#[derive(Debug)]
pub struct Releases {
    port: u16,
    folder: TempDir,
    key: ReleaseKey,
    shared: Arc<Shared>,
    cancel: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

/// What it does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Gives what it has.
    Honest,
    /// Never answers.
    Silent,
    /// Answers with a gigabyte.
    Endless,
    /// Leads elsewhere.
    Leads(String),
    /// Leads to where the files are, behind this address, as GitHub does.
    Moved(String),
    /// Breaks off in the middle.
    Broken,
    /// Falls silent in the middle.
    Stuck,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    of_package: Mutex<Behaviour>,
    files: Mutex<[Vec<u8>; 2]>,
    package: Mutex<Vec<u8>>,
    heads: Mutex<Vec<String>>,
    sent: AtomicU64,
}

impl Releases {
    /// Opens one on the loopback of `place`, which has nothing yet.
    ///
    /// # Errors
    /// The system gives no port, key or thread.
    pub fn open(place: &Namespace) -> Result<Self> {
        let listener = place.listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let port = listener.local_addr()?.port();
        listener.set_nonblocking(true)?;
        let folder = TempDir::with_prefix("smartpi-releases-")?;
        let acceptor = acceptor(&folder)?;
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Behaviour::Honest),
            of_package: Mutex::new(Behaviour::Honest),
            files: Mutex::default(),
            package: Mutex::default(),
            heads: Mutex::default(),
            sent: AtomicU64::new(0),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (cancel, served) = (CancellationToken::new(), Arc::clone(&shared));
        let ended = cancel.clone();
        let thread = std::thread::Builder::new().name("releases".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                loop {
                    tokio::select! {
                        () = ended.cancelled() => break,
                        Ok((stream, _)) = listener.accept() => {
                            let (acceptor, shared) = (acceptor.clone(), Arc::clone(&served));
                            // A request that breaks off is what some stories want.
                            tokio::spawn(async move {
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    drop(shared.serve(stream).await);
                                }
                            });
                        }
                    }
                }
            });
        })?;
        let key = ReleaseKey::new(1);
        Ok(Self { port, folder, key, shared, cancel, thread: Some(thread) })
    }

    /// The key that the application believes.
    #[must_use]
    pub fn key(&self) -> &ReleaseKey {
        &self.key
    }

    /// What makes a development build of the application look here.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("SMARTPI_UPDATE_URL", format!("https://localhost:{}/latest.json", self.port).into()),
            ("SMARTPI_UPDATE_KEY", self.key.public().into()),
            ("SSL_CERT_FILE", self.folder.path().join("authority.pem")),
        ]
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The host and port that it is asked at.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// From now on these are its manifest and signature.
    pub fn offer(&self, manifest: &Value, signature: &str) {
        *lock(&self.shared.files) = [manifest.to_string().into_bytes(), signature.as_bytes().to_vec()];
    }

    /// From now on it has this release, rightly signed.
    ///
    /// # Errors
    /// As [`ReleaseKey::sign`].
    pub fn publish(&self, version: &str) -> Result<()> {
        let manifest = manifest(version);
        self.offer(&manifest, &self.key.sign(&manifest)?);
        Ok(())
    }

    /// From now on it has this release, rightly signed, and this is what its package is signed as.
    ///
    /// # Errors
    /// As [`ReleaseKey::sign`].
    pub fn publish_package(&self, version: &str, signature: &str) -> Result<()> {
        let mut manifest = manifest(version);
        for (_, file) in manifest["platforms"].as_object_mut().context("platforms")? {
            file["signature"] = signature.into();
        }
        self.offer(&manifest, &self.key.sign(&manifest)?);
        Ok(())
    }

    /// From now on every package is this, given in this way.
    pub fn give(&self, package: &[u8], behaviour: Behaviour) {
        *lock(&self.shared.package) = package.to_vec();
        *lock(&self.shared.of_package) = behaviour;
    }

    /// From now on it does this.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.shared.behaviour) = behaviour;
    }

    /// The head of each request so far.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        lock(&self.shared.heads).clone()
    }

    /// Bytes of answers that were taken so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Releases {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn file(&self, path: &str) -> Vec<u8> {
        let files = lock(&self.files);
        match path {
            path if path.ends_with("latest.json") => files[0].clone(),
            path if path.ends_with("latest.json.sig") => files[1].clone(),
            _ => lock(&self.package).clone(),
        }
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<()> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).await?;
            head.push(byte[0]);
            ensure!(head.len() < 8 << 10, "a head without end");
        }
        let head = String::from_utf8(head)?;
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        lock(&self.heads).push(head);
        let is_manifest = path.contains("latest.json");
        let mut behaviour = lock(if is_manifest { &self.behaviour } else { &self.of_package }).clone();
        if let Behaviour::Moved(to) = &behaviour {
            behaviour =
                if path.starts_with("/latest") { Behaviour::Leads(format!("{to}{path}")) } else { Behaviour::Honest };
        }
        match behaviour {
            Behaviour::Honest | Behaviour::Moved(_) => {
                let file = self.file(&path);
                let status = if file.is_empty() { "404 Not Found" } else { "200 OK" };
                stream
                    .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", file.len()).as_bytes())
                    .await?;
                stream.write_all(&file).await?;
                stream.shutdown().await?;
            }
            Behaviour::Leads(to) => {
                let answer = format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await?;
            }
            Behaviour::Broken | Behaviour::Stuck => {
                let file = self.file(&path);
                stream
                    .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len()).as_bytes())
                    .await?;
                stream.write_all(&file[..file.len() / 2]).await?;
                stream.flush().await?;
                if behaviour == Behaviour::Stuck {
                    let _ = stream.read(&mut byte).await;
                }
            }
            Behaviour::Silent => {
                // Until the other one goes.
                let _ = stream.read(&mut byte).await;
            }
            Behaviour::Endless => {
                stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIGABYTE}\r\n\r\n").as_bytes()).await?;
                let much = [b' '; 16 << 10];
                for _ in 0..GIGABYTE / much.len() {
                    stream.write_all(&much).await?;
                    self.sent.fetch_add(much.len() as u64, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
}

/// A manifest as the release workflow makes it, for this computer.
#[must_use]
pub fn manifest(version: &str) -> Value {
    json!({
        "version": version,
        "notes": "- Learn of new versions.\n\n---\n\n- 得知新版本。",
        "pub_date": "2026-11-22T12:00:00.000Z",
        "platforms": {format!("linux-{}-deb", std::env::consts::ARCH): {"url": format!("{FILES}/v{version}/smartpi-tray.deb"), "signature": ""}},
    })
}

/// A minisign key, in the form that `tauri signer` gives it.
#[derive(Debug)]
pub struct ReleaseKey {
    key: SigningKey,
    id: [u8; 8],
}

impl ReleaseKey {
    /// Each number is another one.
    #[must_use]
    pub fn new(number: u8) -> Self {
        Self { key: SigningKey::from_bytes(&[number; 32]), id: [number; 8] }
    }

    /// Another key that calls itself the same.
    #[must_use]
    pub fn impostor(&self) -> Self {
        Self { key: SigningKey::from_bytes(&[250; 32]), id: self.id }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> String {
        let key = [&b"Ed"[..], &self.id, self.key.verifying_key().as_bytes()].concat();
        BASE64.encode(format!("untrusted comment: minisign public key\n{}\n", BASE64.encode(&key)).as_bytes())
    }

    /// What `tauri signer sign` writes beside such a file.
    ///
    /// # Errors
    /// `b2sum` of coreutils is missing.
    pub fn sign(&self, manifest: &Value) -> Result<String> {
        self.sign_bytes(manifest.to_string().as_bytes())
    }

    /// The same of a package.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_bytes(&self, bytes: &[u8]) -> Result<String> {
        let mut file = NamedTempFile::new()?;
        file.write_all(bytes)?;
        let hashed = Command::new("b2sum").arg(file.path()).output().context("b2sum of coreutils")?;
        let hash = HEXLOWER.decode(hashed.stdout.get(..128).context("b2sum gives no hash")?)?;
        let signed = self.key.sign(&hash).to_bytes();
        let comment = "timestamp:1795390424\tfile:latest.json";
        let whole = self.key.sign(&[&signed[..], comment.as_bytes()].concat()).to_bytes();
        let text = format!(
            "untrusted comment: signature from tauri secret key\n{}\ntrusted comment: {comment}\n{}\n",
            BASE64.encode(&[&b"ED"[..], &self.id, &signed].concat()),
            BASE64.encode(&whole)
        );
        Ok(BASE64.encode(text.as_bytes()))
    }
}

fn acceptor(folder: &TempDir) -> Result<TlsAcceptor> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()])?.self_signed(&key)?;
    std::fs::write(folder.path().join("authority.pem"), certificate.pem())?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
