//! A bare operator's connection to a real gateway: the shared token, no device, no client of ours in between.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt};
use gateway::config::{Call, CallError};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// A change of the configuration waits until it is applied.
const ANSWER: Duration = Duration::from_secs(60);
/// It answers health checks before it lets anybody in.
const START: Duration = Duration::from_secs(120);
const GLANCE: Duration = Duration::from_millis(250);

/// The connection.
#[derive(Debug)]
pub struct Operator {
    socket: Mutex<(WebSocketStream<TcpStream>, u64)>,
}

impl Operator {
    /// Connects with every right, as soon as the gateway has started.
    ///
    /// # Errors
    /// When it does not let the operator in.
    pub async fn connect(port: u16, token: &str) -> Result<Self> {
        let since = Instant::now();
        loop {
            match Self::try_connect(port, token).await {
                Err(error) if since.elapsed() < START && error.to_string().contains("gateway starting") => {
                    sleep(GLANCE).await;
                }
                done => return done,
            }
        }
    }

    async fn try_connect(port: u16, token: &str) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://127.0.0.1:{port}/"), stream).await?;
        let challenge = next(&mut socket).await?;
        if challenge["event"] != "connect.challenge" {
            bail!("no challenge: {challenge}");
        }
        let params = json!({
            "minProtocol": 3, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"],
            "client": { "id": "gateway-client", "version": "0", "platform": "linux", "mode": "backend" },
            "auth": { "token": token },
        });
        socket.send(frame(0, "connect", &params)).await?;
        let hello = next(&mut socket).await?;
        if hello["ok"] != true {
            bail!("not let in: {hello}");
        }
        Ok(Self { socket: Mutex::new((socket, 0)) })
    }

    async fn ask(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let mut guard = self.socket.lock().await;
        let (socket, asked) = &mut *guard;
        *asked += 1;
        let id = asked.to_string();
        let lost = |_| CallError::Lost;
        socket.send(frame(*asked, method, &params)).await.map_err(|_| CallError::Lost)?;
        let answer = async {
            loop {
                let answer = next(socket).await.map_err(|_| CallError::Lost)?;
                if answer["type"] == "res" && answer["id"] == *id {
                    return Ok::<_, CallError>(answer);
                }
            }
        };
        let mut answer = timeout(ANSWER, answer).await.map_err(lost)??;
        if answer["ok"] == true {
            return Ok(answer["payload"].take());
        }
        let error = &answer["error"];
        if error["message"].as_str().is_some_and(|message| message.starts_with("config changed since last load")) {
            return Err(CallError::Stale);
        }
        Err(CallError::Refused {
            code: error["code"].as_str().unwrap_or_default().to_owned(),
            message: error["message"].as_str().unwrap_or_default().to_owned(),
            retry_after: error["retryAfterMs"].as_u64().map(Duration::from_millis),
        })
    }
}

fn frame(id: u64, method: &str, params: &Value) -> Message {
    Message::text(json!({ "type": "req", "id": id.to_string(), "method": method, "params": params }).to_string())
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Result<Value> {
    loop {
        match timeout(ANSWER, socket.next()).await?.context("the connection ended")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(frame) => bail!("closed: {frame:?}"),
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

impl Call for Operator {
    fn call<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Result<Value, CallError>> {
        Box::pin(self.ask(method, params))
    }
}
