//! One WebSocket with frames of docs/PROTOCOL.md on it.

use std::time::Duration;

use channel::proof::Chan;
use channel::wire::device::{FromDevice, ToDevice};
use channel::wire::{self, FrameError};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::trust::{Trust, Untrusted, shake_hands};

/// Buffer of a socket in each direction, bytes: the library's own 128 KiB would cost 5,000 devices 1.2 GiB.
const BUFFER: usize = 4 << 10;
/// Largest frame a device takes, bytes: the longest text of which every byte is escaped, and room.
const FRAME: usize = 256 << 10;

/// Why a socket could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Nobody answers there.
    #[error("cannot reach {authority}")]
    Unreachable {
        /// `ADDRESS:PORT`.
        authority: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Somebody answers with another certificate than the one this device knows. He was told nothing.
    #[error("{authority} has another certificate than the one this device knows")]
    OtherCertificate {
        /// `ADDRESS:PORT`.
        authority: String,
    },
    /// Somebody answers without TLS, or breaks it off, where this device needs it. He was told nothing.
    #[error("{authority} does not speak TLS")]
    NoTls {
        /// `ADDRESS:PORT`.
        authority: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Somebody answers, but not with a WebSocket. A redirect is never followed.
    #[error("{authority} is not a channel service")]
    NotAService {
        /// `ADDRESS:PORT`.
        authority: String,
        /// HTTP status, where there was one.
        status: Option<u16>,
    },
    /// Somebody took the connection and ended it without a byte: a service that has no place for another stranger now.
    #[error("{authority} has no place now")]
    TurnedAway {
        /// `ADDRESS:PORT`.
        authority: String,
    },
    /// The peer was too slow.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The peer closed.
    #[error("closed by the service")]
    Closed {
        /// The number in its close frame.
        close: Option<u16>,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] Box<tungstenite::Error>),
}

impl SocketError {
    /// Whether nobody listens at the address: the service is not running, or is elsewhere.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// The number in the peer's close frame.
    pub fn close(&self) -> Option<u16> {
        match self {
            Self::Closed { close } => *close,
            Self::Unreachable { .. }
            | Self::OtherCertificate { .. }
            | Self::NoTls { .. }
            | Self::NotAService { .. }
            | Self::TurnedAway { .. }
            | Self::TimedOut(_)
            | Self::Broken(_) => None,
        }
    }

    fn from_read(error: tungstenite::Error) -> Self {
        let closed = matches!(
            error,
            tungstenite::Error::ConnectionClosed
                | tungstenite::Error::AlreadyClosed
                | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        );
        if closed { Self::Closed { close: None } } else { Self::Broken(Box::new(error)) }
    }
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A frame.
    Frame(ToDevice),
    /// A frame that this version does not know, or not JSON: a device ignores it.
    Odd(FrameError),
}

/// What a WebSocket runs on: TCP, TLS, or what a test has in its place.
pub trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// An open WebSocket. Dropping it breaks the connection; [`Socket::close`] says goodbye.
pub struct Socket {
    stream: WebSocketStream<Box<dyn Carrier>>,
    chan: Chan,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Socket").field("chan", &self.chan).finish_non_exhaustive()
    }
}

impl Socket {
    /// Opens `ws://authority/device`, or `wss:` where `trust` says so.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub async fn dial(authority: &str, trust: Trust, limit: Duration) -> Result<Self, SocketError> {
        let dial = Self::dial_patiently(authority, trust);
        tokio::time::timeout(limit, dial).await.unwrap_or(Err(SocketError::TimedOut(limit)))
    }

    async fn dial_patiently(authority: &str, trust: Trust) -> Result<Self, SocketError> {
        let unreachable = |source| SocketError::Unreachable { authority: authority.into(), source };
        let tcp = TcpStream::connect(authority).await.map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        if trust == Trust::Plain {
            return Self::over(tcp, Chan::Plain, authority).await;
        }
        let (tls, chan) = shake_hands(tcp, trust).await.map_err(|error| match error {
            Untrusted::OtherCertificate => SocketError::OtherCertificate { authority: authority.into() },
            Untrusted::TurnedAway => SocketError::TurnedAway { authority: authority.into() },
            Untrusted::NoTls(source) => SocketError::NoTls { authority: authority.into(), source },
        })?;
        Self::over(tls, chan, authority).await
    }

    /// Asks for the WebSocket on a connection that the caller opened: it answers for `chan`.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub async fn over(carrier: impl Carrier + 'static, chan: Chan, authority: &str) -> Result<Self, SocketError> {
        let carrier: Box<dyn Carrier> = Box::new(carrier);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_message_size(Some(FRAME))
            .max_frame_size(Some(FRAME));
        let asked = client_async_with_config(format!("ws://{authority}/device"), carrier, Some(config)).await;
        let (stream, _) = asked.map_err(|error| {
            let authority = authority.into();
            let status = if let tungstenite::Error::Http(response) = &error { Some(response.status()) } else { None };
            if matches!(
                &error,
                tungstenite::Error::Io(_) | tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete)
            ) {
                SocketError::TurnedAway { authority }
            } else {
                SocketError::NotAService { authority, status: status.map(|status| status.as_u16()) }
            }
        })?;
        Ok(Self { stream, chan })
    }

    /// The transport, as this side sees it.
    pub fn chan(&self) -> &Chan {
        &self.chan
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub async fn send(&mut self, frame: &FromDevice) -> Result<(), SocketError> {
        self.send_text(wire::encode(frame)).await
    }

    /// Sends any text: for a test of what a service does with it.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub async fn send_text(&mut self, text: String) -> Result<(), SocketError> {
        self.stream.send(Message::text(text)).await.map_err(SocketError::from_read)
    }

    /// Sends a binary frame: for a test of what a service does with it.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub async fn send_binary(&mut self, bytes: Vec<u8>) -> Result<(), SocketError> {
        self.stream.send(Message::binary(bytes)).await.map_err(SocketError::from_read)
    }

    /// Waits for the next frame. May be dropped and called again without losing one.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub async fn next(&mut self) -> Result<Incoming, SocketError> {
        loop {
            match self.stream.next().await {
                None => return Err(SocketError::Closed { close: None }),
                Some(Ok(Message::Text(text))) => {
                    return Ok(ToDevice::decode(&text).map_or_else(Incoming::Odd, Incoming::Frame));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(SocketError::Closed { close: frame.map(|frame| frame.code.into()) });
                }
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => return Err(SocketError::from_read(error)),
            }
        }
    }

    /// Waits for the next frame that this version understands, at most `limit`.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub async fn next_within(&mut self, limit: Duration) -> Result<ToDevice, SocketError> {
        let read = async {
            loop {
                if let Incoming::Frame(frame) = self.next().await? {
                    return Ok(frame);
                }
            }
        };
        tokio::time::timeout(limit, read).await.unwrap_or(Err(SocketError::TimedOut(limit)))
    }

    /// Says goodbye and closes, waiting at most a second for the peer.
    pub async fn close(mut self) {
        let farewell = async {
            let _ = self.stream.close(None).await;
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
    }
}
