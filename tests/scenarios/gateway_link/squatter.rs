//! A program that took the gateway's port: it greets like one, writes down what it is told, and says what makes clients show their best secret.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use gateway::Fingerprint;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// Runs until it is dropped.
pub(crate) struct Squatter {
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Squatter {
    pub(crate) async fn take_port(port: u16) -> Self {
        Self::greet_on(port, None).await
    }

    /// Over TLS, with a certificate that nobody knows. Gives what names it.
    pub(super) async fn with_certificate(port: u16) -> (Self, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let leaf = cert.der().clone();
        let fingerprint = Fingerprint(Sha256::digest(&leaf).into()).to_string();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![leaf], key).expect("a pair");
        (Self::greet_on(port, Some(TlsAcceptor::from(Arc::new(config)))).await, fingerprint)
    }

    async fn greet_on(port: u16, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the gateway left its port");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a listener accepts");
                // Whoever hangs up early said nothing more, and over TLS that is whoever does not know the certificate.
                let _ = match &tls {
                    None => greet(stream, &record).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => greet(stream, &record).await,
                        Err(_) => Ok(()),
                    },
                };
            }
        });
        Self { heard, task }
    }

    pub(crate) fn heard(&self, words: &str) -> bool {
        self.all().iter().any(|frame| frame.contains(words))
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Squatter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    record: &Mutex<Vec<String>>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let mut socket = accept_async(stream).await?;
    let challenge = json!({ "type": "event", "event": "connect.challenge", "payload": { "nonce": "n", "ts": 1 } });
    socket.send(Message::text(challenge.to_string())).await?;
    while let Some(message) = socket.next().await {
        let text = message?.into_text()?.to_string();
        record.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
        let frame: Value = serde_json::from_str(&text).unwrap_or_default();
        let details = json!({ "code": "AUTH_DEVICE_TOKEN_MISMATCH", "canRetryWithDeviceToken": false });
        let error = json!({ "code": "INVALID_REQUEST", "message": "unauthorized", "details": details });
        let answer = json!({ "type": "res", "id": frame["id"], "ok": false, "error": error });
        socket.send(Message::text(answer.to_string())).await?;
        socket.close(None).await?;
    }
    Ok(())
}
