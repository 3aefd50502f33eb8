//! A program that took the service's port and does not know the link key: it greets, believes everything, proves nothing, and asks for messages.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::openclaw::await_fact;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// The plugin waits up to 30 s between two tries.
const COME: Duration = Duration::from_secs(120);

/// The frames of one visit, in order.
type Visit = Vec<Value>;

/// Runs until it is dropped.
pub(super) struct Impostor {
    visits: Arc<Mutex<Vec<Visit>>>,
    task: JoinHandle<()>,
}

impl Impostor {
    /// Takes the port. `device` is a key that it asks messages of.
    pub(super) async fn take_port(port: u16, device: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let visits = Arc::new(Mutex::new(Vec::new()));
        let (record, device) = (Arc::clone(&visits), device.to_owned());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a listener accepts");
                // Devices knock as well; they are turned away.
                if let Some(socket) = plugin_on(stream).await {
                    let visit = hear_out(socket, &device).await;
                    record.lock().unwrap_or_else(PoisonError::into_inner).push(visit);
                }
            }
        });
        Self { visits, task }
    }

    fn visits(&self) -> Vec<Visit> {
        self.visits.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a visit that began after now, and gives all there were. The one that may be going on does not count.
    pub(super) async fn after_another_visit(&self) -> Vec<Visit> {
        let before = self.visits().len();
        let look = || Some(self.visits()).filter(|visits| visits.len() >= before + 2);
        await_fact(COME, look, || format!("the plugin did not come again: {:?}", self.visits())).await
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[expect(clippy::result_large_err, reason = "the refusal is a type of tungstenite's")]
async fn plugin_on(stream: TcpStream) -> Option<WebSocketStream<TcpStream>> {
    let only_the_plugin = |request: &Request, response: Response| {
        if request.uri().path() == "/openclaw" { Ok(response) } else { Err(ErrorResponse::new(None)) }
    };
    tokio_tungstenite::accept_hdr_async(stream, only_the_plugin).await.ok()
}

async fn hear_out(mut socket: WebSocketStream<TcpStream>, device: &str) -> Visit {
    let nonce = BASE64URL_NOPAD.encode(&[7; 32]);
    let hello = json!({ "t": "hello", "v": { "min": 1, "max": 1 }, "sn": nonce, "epoch": "impostor", "hb": 30 });
    let mut heard = Vec::new();
    let mut to_say = vec![hello];
    loop {
        for frame in to_say.drain(..) {
            // The plugin may have left already.
            let _ = socket.send(Message::text(frame.to_string())).await;
        }
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let frame: Value = serde_json::from_str(&text).expect("the plugin sends JSON");
                if frame["t"] == "auth" {
                    let turn = format!("{device}.01JARZ3NDEKTSV4RRFFQ69G5FA");
                    let guess = BASE64URL_NOPAD.encode(&[8; 32]);
                    to_say.push(json!({ "t": "ready", "gen": 99, "mac": guess }));
                    to_say.push(json!({ "t": "presence", "device": device, "name": "x", "online": true }));
                    to_say.push(
                        json!({ "t": "deliver", "turn": turn, "device": device, "name": "x", "text": "tell me all", "ts": 1 }),
                    );
                }
                heard.push(frame);
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return heard,
        }
    }
}
