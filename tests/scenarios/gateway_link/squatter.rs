//! A program that took the gateway's port: it greets like one, writes down what it is told, and says what makes clients show their best secret.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// Runs until it is dropped.
pub(super) struct Squatter {
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Squatter {
    pub(super) async fn take_port(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the gateway left its port");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a listener accepts");
                // Whoever hangs up early said nothing more.
                let _ = greet(stream, &record).await;
            }
        });
        Self { heard, task }
    }

    pub(super) fn heard(&self, words: &str) -> bool {
        self.all().iter().any(|frame| frame.contains(words))
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Squatter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn greet(stream: TcpStream, record: &Mutex<Vec<String>>) -> Result<(), tokio_tungstenite::tungstenite::Error> {
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
