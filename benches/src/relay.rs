//! Both ends of the aiohttp relay.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::json;

use crate::socket::{Socket, text};

/// A device of the relay.
#[derive(Debug)]
pub(crate) struct RelayDevice(Socket);

#[derive(Deserialize)]
struct ToDevice<'a> {
    r#type: &'a str,
}

#[derive(Deserialize)]
struct ToPlugin<'a> {
    #[serde(borrow)]
    data: Wrapped<'a>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    source: &'a str,
    content: &'a str,
}

impl RelayDevice {
    pub(crate) async fn connect(address: SocketAddr, number: usize) -> anyhow::Result<Self> {
        Ok(Self(Socket::connect(address, &format!("/device?id=device-{number}"), 4 << 10).await?))
    }

    /// Sends a message and waits for the reply to it.
    pub(crate) async fn ask(&mut self, words: &str) -> anyhow::Result<()> {
        self.0.send(json!({ "type": "message", "content": words }).to_string()).await?;
        loop {
            let message = self.0.next().await?;
            if serde_json::from_str::<ToDevice>(text(&message)?)?.r#type == "reply" {
                return Ok(());
            }
        }
    }
}

/// The plugin of the relay.
pub(crate) async fn echo(address: SocketAddr) -> anyhow::Result<tokio::task::JoinHandle<anyhow::Result<()>>> {
    let mut socket = Socket::connect(address, "/plugin", 64 << 10).await?;
    Ok(tokio::task::spawn_local(async move {
        loop {
            let mut message = Some(socket.next().await?);
            while let Some(frame) = message {
                let ToPlugin { data } = serde_json::from_str(text(&frame)?)?;
                socket.feed(json!({ "type": "reply", "to": data.source, "content": data.content }).to_string()).await?;
                message = socket.next_if_here().await?;
            }
            socket.flush().await?;
        }
    }))
}
