//! The built-in echo agent: shows the whole path without OpenClaw. A plugin like any other: a WebSocket client of `/openclaw` that proves the link key.
//!
//! [`Conversation`] decides; [`run`] connects, reads, writes and waits.

mod conversation;

use std::net::SocketAddr;
use std::time::Duration;

use channel::proof;
use channel::service::ECHO_GATEWAY;
use channel::wire::device::Bye;
use channel::wire::upstream::{FromPlugin, LinkAuth, ToPlugin};
use channel::wire::{self, Blob, Code, FrameError, HEARTBEAT_S, LINK_FRAME, VERSION};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use conversation::Conversation;

/// How long connecting and proving may take.
const GREETING: Duration = Duration::from_secs(5);
/// A session that lived this long ends a row of failures.
const SETTLED: Duration = Duration::from_secs(60);
/// Ground of the wait after a failure, and its bound.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// What the agent needs.
#[derive(Clone)]
pub(crate) struct Config {
    /// The service, on the loopback.
    pub(crate) service: SocketAddr,
    /// `link.key`.
    pub(crate) link_key: Zeroizing<[u8; 32]>,
    /// Pause between two snapshots of an answer; the protocol allows 5 a second.
    pub(crate) pace: Duration,
}

impl Config {
    /// The product's pace.
    pub(crate) fn new(service: SocketAddr, link_key: Zeroizing<[u8; 32]>) -> Self {
        Self { service, link_key, pace: Duration::from_millis(200) }
    }
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum SessionEnd {
    /// No connection, or it broke.
    #[error("the connection broke")]
    Socket(#[from] Box<tungstenite::Error>),
    /// The service could not be reached.
    #[error("no connection")]
    Connect(#[source] std::io::Error),
    /// It took too long.
    #[error("the service was silent")]
    Silent,
    /// It closed, and wants to be left alone for a while.
    #[error("the service said goodbye")]
    Bye {
        /// The least wait.
        least: Duration,
    },
    /// It does not know the link key, or speaks another version.
    #[error("{0}")]
    Impostor(&'static str),
    /// It does not speak the protocol.
    #[error("a frame that is none")]
    Frame(#[from] FrameError),
    /// The system has no random numbers.
    #[error("no random numbers")]
    Random(#[from] getrandom::Error),
}

impl From<tungstenite::Error> for SessionEnd {
    fn from(error: tungstenite::Error) -> Self {
        Self::Socket(Box::new(error))
    }
}

/// Answers until `cancel`, whatever becomes of the connection: what was not acknowledged is said again.
pub(crate) async fn run(config: Config, cancel: CancellationToken) {
    let mut conversation = Conversation::new(config.pace);
    let mut failures = 0;
    while !cancel.is_cancelled() {
        let begun = Instant::now();
        let mut session = Session { config: &config, conversation: &mut conversation, cancel: &cancel };
        let Err(end) = session.hold().await else { return };
        failures = if begun.elapsed() >= SETTLED { 1 } else { failures + 1 };
        let least = if let SessionEnd::Bye { least } = end { least } else { Duration::ZERO };
        let wait = pause(failures, draw()).max(least);
        tracing::debug!(end = %end, waitMs = wait.as_millis(), "echo agent: the link ended");
        tokio::select! {
            () = cancel.cancelled() => return,
            () = sleep(wait) => {}
        }
    }
}

/// Full jitter: anything from nothing to the bound that the failures give. `draw` is random.
fn pause(failures: u32, draw: u32) -> Duration {
    let bound = WAITS.0.saturating_mul(1 << failures.min(6)).min(WAITS.1);
    bound.mul_f64(f64::from(draw) / f64::from(u32::MAX))
}

/// A random number; the middle where the system has none: the wait is then merely not random.
fn draw() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

struct Session<'a> {
    config: &'a Config,
    conversation: &'a mut Conversation,
    cancel: &'a CancellationToken,
}

type Socket = WebSocketStream<TcpStream>;

impl Session<'_> {
    /// One connection. `Ok`: the agent was told to stop.
    async fn hold(&mut self) -> Result<(), SessionEnd> {
        let mut socket = tokio::select! {
            () = self.cancel.cancelled() => return Ok(()),
            greeted = timeout(GREETING, self.greet()) => greeted.unwrap_or(Err(SessionEnd::Silent))?,
        };
        tracing::info!("echo agent: linked");
        for frame in self.conversation.replay() {
            say(&mut socket, &frame).await?;
        }
        self.converse(&mut socket).await
    }

    /// Connects; both sides prove the link key.
    async fn greet(&self) -> Result<Socket, SessionEnd> {
        let stream = TcpStream::connect(self.config.service).await.map_err(SessionEnd::Connect)?;
        stream.set_nodelay(true).map_err(SessionEnd::Connect)?;
        let bounds = WebSocketConfig::default()
            .max_message_size(Some(LINK_FRAME))
            .max_frame_size(Some(LINK_FRAME))
            .read_buffer_size(4_096);
        let url = format!("ws://{}/openclaw", self.config.service);
        let (mut socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(bounds)).await?;
        let ToPlugin::Hello { v, sn, .. } = hear(&mut socket).await? else {
            return Err(SessionEnd::Impostor("the first frame is not hello"));
        };
        if !(v.min..=v.max).contains(&VERSION) {
            return Err(SessionEnd::Impostor("the service speaks other versions"));
        }
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce)?;
        let cn = Blob(nonce);
        let mac = proof::link_auth_mac(&self.config.link_key, &sn, &cn, ECHO_GATEWAY);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let auth = LinkAuth {
            v: VERSION,
            cn: cn.clone(),
            gateway: ECHO_GATEWAY.to_owned(),
            plugin: version.clone(),
            host: version,
            mac,
        };
        say(&mut socket, &FromPlugin::Auth(auth)).await?;
        let answer = hear(&mut socket).await?;
        if let ToPlugin::Bye(bye) = &answer {
            return Err(goodbye(bye));
        }
        let ToPlugin::Ready { r#gen, mac } = answer else {
            return Err(SessionEnd::Impostor("auth was not answered with ready"));
        };
        if proof::link_ready_holds(&self.config.link_key, (&sn, &cn), ECHO_GATEWAY, r#gen, &mac) {
            Ok(socket)
        } else {
            Err(SessionEnd::Impostor("the service does not know the link key"))
        }
    }

    async fn converse(&mut self, socket: &mut Socket) -> Result<(), SessionEnd> {
        let (ask_after, gone_after) = (Duration::from_secs(HEARTBEAT_S.0), Duration::from_secs(HEARTBEAT_S.1));
        let mut heard = Instant::now();
        let mut asked = false;
        loop {
            let silence = heard + if asked { gone_after } else { ask_after };
            let due = self.conversation.due().map_or(silence, |due| due.min(silence));
            tokio::select! {
                () = self.cancel.cancelled() => {
                    // The service does the same at this moment: it does not matter who is first.
                    let _ = say(socket, &FromPlugin::Bye { code: Code::Stopping.number() }).await;
                    let _ = timeout(GREETING, socket.close(None)).await;
                    return Ok(());
                }
                frame = hear(socket) => {
                    (heard, asked) = (Instant::now(), false);
                    match frame {
                        Ok(ToPlugin::Ping { c }) => say(socket, &FromPlugin::Pong { c }).await?,
                        Ok(ToPlugin::Bye(bye)) => return Err(goodbye(&bye)),
                        Ok(frame) => {
                            for answer in self.conversation.hear(frame, heard) {
                                say(socket, &answer).await?;
                            }
                        }
                        // A newer service may say more than we know.
                        Err(SessionEnd::Frame(FrameError::Unknown(_))) => {}
                        Err(end) => return Err(end),
                    }
                }
                () = sleep_until(due) => {
                    let now = Instant::now();
                    if now >= silence {
                        if asked {
                            return Err(SessionEnd::Silent);
                        }
                        asked = true;
                        say(socket, &FromPlugin::Ping { c: 1 }).await?;
                    }
                    for frame in self.conversation.tick(now) {
                        say(socket, &frame).await?;
                    }
                }
            }
        }
    }
}

fn goodbye(bye: &Bye) -> SessionEnd {
    SessionEnd::Bye { least: Duration::from_millis(bye.retry_ms.unwrap_or(0)) }
}

async fn say(socket: &mut Socket, frame: &FromPlugin) -> Result<(), SessionEnd> {
    timeout(GREETING, socket.send(Message::text(wire::encode(frame)))).await.map_err(|_| SessionEnd::Silent)??;
    Ok(())
}

/// The next frame. A call that is dropped halfway loses nothing.
async fn hear(socket: &mut Socket) -> Result<ToPlugin, SessionEnd> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(ToPlugin::decode(&text)?),
            Some(Ok(Message::Close(_))) | None => return Err(SessionEnd::Bye { least: Duration::ZERO }),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
