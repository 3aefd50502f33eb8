//! A WebSocket of the driver: small buffers, text frames, and a way to answer everything that waits with one write.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use futures_util::stream::{FusedStream, Stream};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// An open one.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// `path` begins with `/`. `buffer` is for reading and for writing, bytes.
    pub(crate) async fn connect(address: SocketAddr, path: &str, buffer: usize) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(buffer).write_buffer_size(buffer);
        let (socket, _) = client_async_with_config(format!("ws://{address}{path}"), stream, Some(config)).await?;
        Ok(Self(socket))
    }

    /// Queues a frame; [`Socket::flush`] writes it.
    pub(crate) async fn feed(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.0.feed(Message::text(text)).await?)
    }

    /// Writes what is queued.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.0.flush().await?)
    }

    /// Writes one frame.
    pub(crate) async fn send(&mut self, text: String) -> anyhow::Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    /// The next text frame.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Message> {
        loop {
            let message = self.0.next().await.context("the server hung up")??;
            match &message {
                Message::Text(_) => return Ok(message),
                Message::Close(frame) => bail!("the server closed: {frame:?}"),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// A text frame that is here already. `None`: the socket has to be waited for.
    pub(crate) async fn next_if_here(&mut self) -> anyhow::Result<Option<Message>> {
        let here = std::future::poll_fn(|context| {
            if self.0.is_terminated() {
                return std::task::Poll::Ready(None);
            }
            match std::pin::Pin::new(&mut self.0).poll_next(context) {
                std::task::Poll::Ready(message) => std::task::Poll::Ready(message),
                std::task::Poll::Pending => std::task::Poll::Ready(None),
            }
        })
        .await;
        match here {
            Some(Ok(message @ Message::Text(_))) => Ok(Some(message)),
            Some(Ok(Message::Close(frame))) => bail!("the server closed: {frame:?}"),
            Some(Ok(_)) | None => Ok(None),
            Some(Err(error)) => Err(error.into()),
        }
    }
}

/// The words of a text frame.
pub(crate) fn text(message: &Message) -> anyhow::Result<&str> {
    Ok(message.to_text()?)
}
