//! A program that took the service's port and does not know the link key: it greets, believes everything, proves nothing, and asks for messages.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// Longest wait between two tries of the plugin, and some.
const COME: Duration = Duration::from_secs(60);
/// Longest that the plugin may stay once the proof is wrong.
const STAY: Duration = Duration::from_secs(20);

/// Takes one connection of the plugin and gives every frame that it sent. Devices that knock in between are turned away.
pub(super) async fn listen_to_plugin(listener: &TcpListener, device: &str) -> Vec<Value> {
    let plugin = async {
        loop {
            let (stream, _) = listener.accept().await.expect("a listener accepts");
            if let Some(socket) = plugin_on(stream).await {
                return socket;
            }
        }
    };
    let socket = tokio::time::timeout(COME, plugin).await.expect("the plugin dials again");
    tokio::time::timeout(STAY, hear_out(socket, device)).await.expect("the plugin leaves when the proof is wrong")
}

#[expect(clippy::result_large_err, reason = "the refusal is a type of tungstenite's")]
async fn plugin_on(stream: TcpStream) -> Option<WebSocketStream<TcpStream>> {
    let only_the_plugin = |request: &Request, response: Response| {
        if request.uri().path() == "/openclaw" { Ok(response) } else { Err(ErrorResponse::new(None)) }
    };
    tokio_tungstenite::accept_hdr_async(stream, only_the_plugin).await.ok()
}

async fn hear_out(mut socket: WebSocketStream<TcpStream>, device: &str) -> Vec<Value> {
    let hello = json!({ "t": "hello", "v": { "min": 1, "max": 1 }, "sn": BASE64URL_NOPAD.encode(&[7; 32]), "epoch": "impostor", "hb": 30 });
    let mut heard = Vec::new();
    let mut greetings = vec![hello];
    loop {
        for frame in greetings.drain(..) {
            // The plugin may have left already.
            let _ = socket.send(Message::text(frame.to_string())).await;
        }
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let frame: Value = serde_json::from_str(&text).expect("the plugin sends JSON");
                if frame["t"] == "auth" {
                    let turn = format!("{device}.01JARZ3NDEKTSV4RRFFQ69G5FA");
                    greetings.push(json!({ "t": "ready", "gen": 99, "mac": BASE64URL_NOPAD.encode(&[8; 32]) }));
                    greetings.push(json!({ "t": "presence", "device": device, "name": "x", "online": true }));
                    greetings.push(json!({ "t": "deliver", "turn": turn, "device": device, "name": "x", "text": "tell me all", "ts": 1 }));
                }
                heard.push(frame);
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return heard,
        }
    }
}
