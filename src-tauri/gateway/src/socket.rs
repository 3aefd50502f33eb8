//! One WebSocket to a gateway, and what becomes of each way in which it fails to open.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::address::{Address, Transport, is_private};
use crate::close::Close;
use crate::failure::{CertificateTrouble, ConnectFailure, Step, Stranger};
use crate::frame::MOST_BYTES;
use crate::proof::Ends;
use crate::trust;

/// Buffer in each direction, bytes: the library's own would cost 256 KiB.
const BUFFER: usize = 16 << 10;
/// For a frame to leave: a gateway that takes nothing for so long hangs.
const WRITE_LIMIT: Duration = Duration::from_secs(20);

/// What a WebSocket runs on.
trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// An open WebSocket.
pub(crate) struct Socket {
    stream: WebSocketStream<Box<dyn Carrier>>,
    ends: Ends,
}

impl Socket {
    /// Opens it; `step` says how far it came, for the one who grows tired of waiting.
    pub(crate) async fn open(address: &Address, step: &mut Step) -> Result<Self, ConnectFailure> {
        *step = Step::Reach;
        let tcp = reach(address).await?;
        let broken = |_| ConnectFailure::Broken(Step::Reach);
        let ends = Ends { local: tcp.local_addr().map_err(broken)?, peer: tcp.peer_addr().map_err(broken)? };
        let carrier: Box<dyn Carrier> = match address.transport() {
            Transport::Plain => Box::new(tcp),
            transport @ (Transport::System | Transport::Pinned(_)) => {
                *step = Step::Encrypt;
                let pin = if let Transport::Pinned(pin) = transport { Some(pin) } else { None };
                Box::new(trust::shake_hands(tcp, address.host(), pin).await?)
            }
        };
        *step = Step::Upgrade;
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .max_write_buffer_size(2 * MOST_BYTES)
            .max_message_size(Some(MOST_BYTES))
            .max_frame_size(Some(MOST_BYTES));
        // No `Origin`: a gateway takes whoever sends one for a web page.
        match client_async_with_config(address.url(), carrier, Some(config)).await {
            Ok((stream, _)) => Ok(Self { stream, ends }),
            Err(error) => Err(not_upgraded(error)),
        }
    }

    /// Who is at the two ends.
    pub(crate) fn ends(&self) -> Ends {
        self.ends
    }

    /// Sends a text.
    pub(crate) async fn send(&mut self, text: String) -> Result<(), Close> {
        match tokio::time::timeout(WRITE_LIMIT, self.stream.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Close::Lost),
            Err(_) => Err(Close::Silent),
        }
    }

    /// The next message: a text, or nothing where it was a ping, a pong or bytes. May be dropped and called again without losing one.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Close> {
        match self.stream.next().await {
            None => Err(Close::Lost),
            Some(Ok(Message::Text(text))) => Ok(Some(text.as_str().to_owned())),
            Some(Ok(Message::Close(Some(frame)))) => Err(Close::of_frame(frame.code.into(), &frame.reason)),
            Some(Ok(Message::Close(None))) => Err(Close::Lost),
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Err(Error::Capacity(_))) => Err(Close::TooLarge),
            Some(Err(_)) => Err(Close::Lost),
        }
    }

    /// Says goodbye, and waits at most a second for the other side.
    pub(crate) async fn close(mut self) {
        let farewell = async {
            let _ = self.stream.close(None).await;
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
    }
}

pub(crate) async fn reach(address: &Address) -> Result<TcpStream, ConnectFailure> {
    let mut addresses: Vec<SocketAddr> = match address.host().parse::<IpAddr>() {
        Ok(ip) => vec![(ip, address.port()).into()],
        Err(_) => {
            lookup_host((address.host(), address.port())).await.map_err(|_| ConnectFailure::NoSuchHost)?.collect()
        }
    };
    // A gateway on loopback listens on 127.0.0.1 first.
    addresses.sort_by_key(SocketAddr::is_ipv6);
    let mut failure = ConnectFailure::NoSuchHost;
    for found in addresses {
        if address.transport() == Transport::Plain && !is_private(found.ip()) {
            failure = ConnectFailure::PlainAndPublic(found.ip());
            continue;
        }
        match TcpStream::connect(found).await {
            Ok(tcp) => {
                // A gateway that answers in small pieces is only slower without it.
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Err(error) => failure = unreached(&error),
        }
    }
    Err(failure)
}

fn unreached(error: &io::Error) -> ConnectFailure {
    let kind = error.kind();
    if kind == io::ErrorKind::ConnectionRefused {
        ConnectFailure::NobodyListens
    } else if kind == io::ErrorKind::TimedOut {
        ConnectFailure::TimedOut(Step::Reach)
    } else {
        ConnectFailure::Unreachable(kind)
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's errors, and more may come: all others say that the peer speaks another way"
)]
fn not_upgraded(error: Error) -> ConnectFailure {
    let stranger = match error {
        Error::Http(response) => match response.status().as_u16() {
            503 => return ConnectFailure::Stopping,
            status @ 300..400 => {
                let location = response.headers().get("location").and_then(|location| location.to_str().ok());
                location
                    .map_or(Stranger::Http { status }, |location| Stranger::Redirect { location: location.to_owned() })
            }
            status => Stranger::Http { status },
        },
        Error::Protocol(ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => return ConnectFailure::Broken(Step::Upgrade),
        Error::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
            return ConnectFailure::Certificate(CertificateTrouble::NoTls);
        }
        Error::Io(_) => return ConnectFailure::Broken(Step::Upgrade),
        _ => Stranger::NotHttp,
    };
    ConnectFailure::NotAGateway(stranger)
}
