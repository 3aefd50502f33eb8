//! An open connection: requests with deadlines, events, and the end.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::SILENCE;
use crate::address::Address;
use crate::close::Close;
use crate::event::GatewayEvent;
use crate::failure::ConnectFailure;
use crate::frame::{Frame, MOST_BYTES, Request};
use crate::hello::{Auth, Greeting, Introduction, Who, meet};
use crate::request::RequestError;
use crate::socket::Socket;

/// Most requests that wait for their answers at a time.
pub const MOST_WAITING: usize = 128;
/// Events that a slow listener may be behind: what is older is lost for him, and he is told how many.
pub const EVENTS_KEPT: usize = 256;
/// For most requests: a gateway answers in milliseconds; one that just started, on a busy computer, in some tens of seconds.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that the gateway greeted. The last [`Client`] that is dropped closes it.
#[derive(Clone, Debug)]
pub struct Client {
    greeting: Arc<Greeting>,
    asks: mpsc::Sender<Ask>,
    ended: watch::Receiver<Option<Close>>,
}

/// A request on its way to the connection.
struct Ask {
    id: String,
    text: String,
    answer: Waiting,
}

struct Waiting {
    method: String,
    /// Whether an answer that says `accepted` is only the first one.
    twice: bool,
    to: oneshot::Sender<Result<Value, RequestError>>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Ask").field("id", &self.id).field("method", &self.answer.method).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects and says hello, within [`HELLO_LIMIT`](crate::HELLO_LIMIT). Events go to `events`, of [`EVENTS_KEPT`]. Runs on tokio.
    ///
    /// # Errors
    /// See [`ConnectFailure`].
    pub async fn connect(
        address: &Address,
        introduction: &Introduction,
        who: Who<'_>,
        auth: &Auth,
        events: broadcast::Sender<GatewayEvent>,
    ) -> Result<Self, ConnectFailure> {
        let (socket, greeting) = meet(address, introduction, who, auth).await?;
        let (asks, asked) = mpsc::channel(MOST_WAITING);
        let (end, ended) = watch::channel(None);
        tokio::spawn(async move {
            let close = Conversation { socket, events, waiting: HashMap::new() }.run(asked).await;
            tracing::debug!(?close, "the connection to the gateway ended");
            end.send_replace(Some(close));
        });
        Ok(Self { greeting: Arc::new(greeting), asks, ended })
    }

    /// What the gateway said at first.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// Waits for the end, and says how it was.
    pub async fn ended(&self) -> Close {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(close) => close.clone().unwrap_or(Close::Lost),
            // The task is gone without a word: its runtime ended.
            Err(_) => Close::Lost,
        }
    }

    /// Asks, and waits at most `limit` for the answer.
    ///
    /// # Errors
    /// See [`RequestError`]. A method that the gateway does not list is not sent.
    pub async fn request<A: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
        limit: Duration,
    ) -> Result<A, RequestError> {
        self.ask(method, params, limit, false).await
    }

    /// Asks for a run: the answer that says it was accepted is passed by, the one that follows its end counts.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn run<A: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
        limit: Duration,
    ) -> Result<A, RequestError> {
        self.ask(method, params, limit, true).await
    }

    async fn ask<A: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
        limit: Duration,
        twice: bool,
    ) -> Result<A, RequestError> {
        if !self.greeting.knows(method) {
            return Err(RequestError::Unsupported { method: method.into() });
        }
        let odd =
            |error: serde_json::Error| RequestError::NotUnderstood { method: method.into(), reason: error.to_string() };
        let (to, answer) = oneshot::channel();
        let id = next_id();
        let text = serde_json::to_string(&Request::new(&id, method, params)).map_err(odd)?;
        if text.len() > MOST_BYTES {
            return Err(RequestError::TooLarge);
        }
        let ask = Ask { id, text, answer: Waiting { method: method.into(), twice, to } };
        self.asks.try_send(ask).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RequestError::TooMany,
            mpsc::error::TrySendError::Closed(_) => {
                RequestError::Gone(self.ended.borrow().clone().unwrap_or(Close::Lost))
            }
        })?;
        match timeout(limit, answer).await {
            Ok(Ok(answer)) => serde_json::from_value(answer?).map_err(odd),
            Ok(Err(_)) => Err(RequestError::Gone(self.ended().await)),
            Err(_) => Err(RequestError::TimedOut(limit)),
        }
    }
}

/// Unique in this process: a late answer to one connection's request is no answer to another's.
fn next_id() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("s{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The connection itself.
struct Conversation {
    socket: Socket,
    events: broadcast::Sender<GatewayEvent>,
    waiting: HashMap<String, Waiting>,
}

impl Conversation {
    /// Until the end. Whoever still waits then learns it from the end of his channel.
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) -> Close {
        let mut heard = Instant::now();
        loop {
            let step = tokio::select! {
                ask = asked.recv() => match ask {
                    Some(ask) => self.send(ask).await,
                    None => Err(Close::Ours),
                },
                message = self.socket.next() => {
                    heard = Instant::now();
                    message.map(|text| text.into_iter().for_each(|text| self.hear(&text)))
                },
                () = sleep_until(heard + SILENCE) => Err(Close::Silent),
            };
            if let Err(close) = step {
                if close == Close::Ours {
                    self.socket.close().await;
                }
                return close;
            }
        }
    }

    async fn send(&mut self, ask: Ask) -> Result<(), Close> {
        // Those who waited too long are gone.
        self.waiting.retain(|_, waiting| !waiting.to.is_closed());
        if self.waiting.len() >= MOST_WAITING {
            // Whoever gave up in between does not hear it.
            let _ = ask.answer.to.send(Err(RequestError::TooMany));
            return Ok(());
        }
        self.waiting.insert(ask.id, ask.answer);
        self.socket.send(ask.text).await
    }

    fn hear(&mut self, text: &str) {
        match Frame::decode(text) {
            Frame::Event { name, payload } => {
                // Nobody listens, or somebody does.
                let _ = GatewayEvent::of_frame(name, &payload).map(|event| self.events.send(event));
            }
            Frame::Response { id, result } => {
                let Some(waiting) = self.waiting.remove(&id) else { return };
                if waiting.twice && result.as_ref().is_ok_and(|payload| payload["status"] == "accepted") {
                    self.waiting.insert(id, waiting);
                    return;
                }
                let answer = result.map_err(|refusal| RequestError::of_refusal(refusal, &waiting.method));
                // He may have given up.
                let _ = waiting.to.send(answer);
            }
            Frame::Odd => tracing::debug!(bytes = text.len(), "the gateway said something that is no frame"),
        }
    }
}

/// A channel for events, for [`Client::connect`].
pub fn events() -> broadcast::Sender<GatewayEvent> {
    broadcast::Sender::new(EVENTS_KEPT)
}

/// Waits for the next event; what a slow listener missed is passed by, and he asks for the whole state again: `None` says so.
pub async fn next_event(events: &mut broadcast::Receiver<GatewayEvent>) -> Option<GatewayEvent> {
    match events.recv().await {
        Ok(event) => Some(event),
        Err(broadcast::error::RecvError::Lagged(_)) => None,
        Err(broadcast::error::RecvError::Closed) => pending().await,
    }
}

#[cfg(test)]
mod tests;
