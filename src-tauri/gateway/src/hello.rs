//! From an open WebSocket to a connection that the gateway greeted.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize as _;
use serde_json::Value;
use tokio::time::Instant;

use crate::address::Address;
use crate::close::Close;
use crate::failure::{ConnectFailure, Step, Stranger};
use crate::frame::{
    AuthFields, Challenge, ClientInfo, Connect, DeviceFields, Frame, Hello, MOST_BEFORE_HELLO, NEWEST_PROTOCOL,
    OLDEST_PROTOCOL, Request,
};
use crate::identity::{Claim, Identity};
use crate::proof::Proof;
use crate::socket::Socket;
use crate::token::Token;

/// From the first packet to the greeting: a gateway waits as long for `connect`.
pub const HELLO_LIMIT: Duration = Duration::from_secs(15);
/// For the close that follows a refusal: it tells some of them apart.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);
const ROLE: &str = "operator";
/// A gateway pins it: no version of the system belongs into it.
#[cfg(target_os = "windows")]
const PLATFORM: &str = "windows";
#[cfg(target_os = "macos")]
const PLATFORM: &str = "macos";
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const PLATFORM: &str = "linux";

/// What this app says about itself. Never change the name of a device that is paired: pairings with the same name are pruned.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// `client.displayName`: one that no other app on this computer uses.
    pub display_name: String,
    /// `client.version`.
    pub version: String,
    /// `scopes`: all that will ever be needed, since a gateway changes the device token when they grow.
    pub scopes: Vec<String>,
}

/// Who connects.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// The app with its key, `gateway-client` / `ui`: it is paired, and gets a device token.
    Device(&'a Identity),
    /// The shared secret alone, `gateway-client` / `backend`: on loopback it may do what it asks for, without a pairing. For repairs.
    Repair,
}

/// What is shown to the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    Nothing,
    /// A device token.
    DeviceToken(Token),
    /// The gateway's shared secret, and what makes it safe to show it.
    Shared(Shared, Proof),
    /// The shared secret, and the device token for the case that the secret is out of date.
    Both(Shared, Token, Proof),
}

/// The secret that a gateway shares with its operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shared {
    /// `gateway.auth.token`.
    Token(Token),
    /// `gateway.auth.password`.
    Password(Token),
}

impl Auth {
    /// What makes it safe to show it; `None`: it needs nothing.
    fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Nothing | Self::DeviceToken(_) => None,
            Self::Shared(_, proof) | Self::Both(_, _, proof) => Some(proof),
        }
    }

    fn fields(&self) -> Option<AuthFields<'_>> {
        match self {
            Self::Nothing => None,
            Self::DeviceToken(token) => {
                Some(AuthFields { device_token: Some(token.reveal()), ..AuthFields::default() })
            }
            Self::Shared(secret, _) => Some(secret.fields()),
            Self::Both(secret, token, _) => Some(AuthFields { device_token: Some(token.reveal()), ..secret.fields() }),
        }
    }
}

impl Shared {
    fn fields(&self) -> AuthFields<'_> {
        match self {
            Self::Token(token) => AuthFields { token: Some(token.reveal()), ..AuthFields::default() },
            Self::Password(password) => AuthFields { password: Some(password.reveal()), ..AuthFields::default() },
        }
    }
}

/// How the gateway let this client in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// By the shared secret.
    Shared,
    /// By the device token.
    DeviceToken,
    /// It does not say: 2026.4.26 never does.
    Unsaid,
}

/// What a gateway said when it let this client in.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// `server.version`.
    pub version: String,
    /// The protocol that is spoken now.
    pub protocol: u32,
    /// `server.bootId`: another one after each start. 2026.4.26 has none.
    pub boot_id: Option<String>,
    /// `server.connId`.
    pub conn_id: Option<String>,
    /// How.
    pub method: Method,
    /// What this client may do.
    pub scopes: Vec<String>,
    /// The device token to come back with. For [`Who::Device`] alone.
    pub device_token: Option<Token>,
    /// Where its state lies. For `operator.admin` alone.
    pub state_dir: Option<String>,
    /// Where its configuration lies. For `operator.admin` alone.
    pub config_path: Option<String>,
    /// `token`, `password` or `none`. For `operator.admin` alone.
    pub auth_mode: Option<String>,
    /// Whether a model is configured.
    pub model_configured: Option<bool>,
    ahead: Option<Ahead>,
    pub(crate) methods: Vec<String>,
}

/// How far this computer's clock was ahead of the gateway's, and when that was.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    ms: i64,
    /// By the clock that may be set, since 1970.
    wall_ms: i64,
    /// By the one that may not.
    at: Instant,
}

impl Ahead {
    /// How far it is ahead when it says `wall_ms`: whoever set it meanwhile changed that.
    fn now(self, wall_ms: i64, now: Instant) -> i64 {
        let passed = i64::try_from(now.saturating_duration_since(self.at).as_millis()).unwrap_or(i64::MAX);
        let set_by = wall_ms.saturating_sub(self.wall_ms).saturating_sub(passed);
        self.ms.saturating_add(set_by)
    }
}

impl Greeting {
    /// How far this computer's clock is ahead of the gateway's, milliseconds. `None`: the gateway did not say its time.
    pub fn clock_ahead_ms(&self) -> Option<i64> {
        Some(self.ahead?.now(i64::try_from(clock()).ok()?, Instant::now()))
    }

    /// Whether this gateway knows a method. One that lists none is asked.
    pub fn knows(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|known| known == method)
    }
}

/// Opens a connection and says hello.
pub(crate) async fn meet(
    address: &Address,
    introduction: &Introduction,
    who: Who<'_>,
    auth: &Auth,
) -> Result<(Socket, Greeting), ConnectFailure> {
    let mut step = Step::Reach;
    let meet = meet_patiently(address, introduction, who, auth, &mut step);
    let met = tokio::time::timeout(HELLO_LIMIT, meet).await;
    met.unwrap_or(Err(ConnectFailure::TimedOut(step)))
}

async fn meet_patiently(
    address: &Address,
    introduction: &Introduction,
    who: Who<'_>,
    auth: &Auth,
    step: &mut Step,
) -> Result<(Socket, Greeting), ConnectFailure> {
    let mut socket = Socket::open(address, step).await?;
    *step = Step::Challenge;
    let first = text(&mut socket).await.map_err(ConnectFailure::Closed)?;
    let challenge = challenge(&first).ok_or(ConnectFailure::NotAGateway(Stranger::OtherWebSocket))?;
    let clock = clock();
    if let Some(proof) = auth.proof() {
        let holds = proof.holds(socket.ends()).await;
        if !(holds && proof.covers(address, Instant::now().into_std())) {
            return Err(ConnectFailure::NotProven);
        }
    }
    let connect = connect_frame(introduction, who, auth, &challenge, clock)?;
    *step = Step::Hello;
    socket.send(connect).await.map_err(ConnectFailure::Closed)?;
    let answer = loop {
        let answer = text(&mut socket).await.map_err(ConnectFailure::Closed)?;
        match Frame::decode(&answer) {
            Frame::Response { id, result } if id == CONNECT_ID => break result,
            // An answer that has no id is one to a frame that the gateway could not read.
            Frame::Response { result: Err(refusal), .. } => break Err(refusal),
            Frame::Response { .. } | Frame::Event { .. } | Frame::Odd => {}
        }
    };
    match answer {
        Ok(payload) => Ok((socket, greeting(payload, &challenge, clock)?)),
        Err(refusal) => {
            let end = async {
                loop {
                    if let Err(close) = socket.next().await {
                        break close;
                    }
                }
            };
            let close = tokio::time::timeout(CLOSE_LIMIT, end).await.ok();
            Err(ConnectFailure::of_refusal(&refusal, close.as_ref()))
        }
    }
}

const CONNECT_ID: &str = "connect";

pub(crate) async fn text(socket: &mut Socket) -> Result<String, Close> {
    loop {
        if let Some(text) = socket.next().await? {
            return Ok(text);
        }
    }
}

pub(crate) fn challenge(text: &str) -> Option<Challenge> {
    let Frame::Event { name, payload } = Frame::decode(text) else { return None };
    if name != "connect.challenge" {
        return None;
    }
    Challenge::deserialize(payload).ok().filter(|challenge| !challenge.nonce.is_empty())
}

/// Milliseconds since 1970, by this computer's clock.
fn clock() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The frame, signed for exactly this challenge with exactly these words. The gateway's own clock says when.
fn connect_frame(
    introduction: &Introduction,
    who: Who<'_>,
    auth: &Auth,
    challenge: &Challenge,
    clock: u64,
) -> Result<String, ConnectFailure> {
    let (id, mode) = match who {
        Who::Device(_) => ("gateway-client", "ui"),
        Who::Repair => ("gateway-client", "backend"),
    };
    let Introduction { display_name, version, scopes } = introduction;
    let fields = auth.fields();
    let device = match who {
        Who::Repair => None,
        Who::Device(identity) => {
            let signed_at = challenge.ts.unwrap_or(clock);
            let token = fields.as_ref().and_then(|fields| fields.token.or(fields.device_token)).unwrap_or_default();
            let claim = Claim {
                device_id: identity.device_id(),
                client_id: id,
                client_mode: mode,
                role: ROLE,
                scopes,
                signed_at,
                token,
                nonce: &challenge.nonce,
                platform: PLATFORM,
                family: "",
            };
            let signature = identity.sign(&claim.payload_v3());
            let public_key = identity.public_key();
            Some(DeviceFields { id: identity.device_id(), public_key, signature, signed_at, nonce: &challenge.nonce })
        }
    };
    let connect = Connect {
        min_protocol: OLDEST_PROTOCOL,
        max_protocol: NEWEST_PROTOCOL,
        client: ClientInfo { id, display_name, version, platform: PLATFORM, mode },
        role: ROLE,
        scopes,
        auth: fields,
        device,
    };
    let text = serde_json::to_string(&Request::new(CONNECT_ID, "connect", connect))
        .map_err(|error| ConnectFailure::Misunderstood { message: error.to_string() })?;
    if text.len() > MOST_BEFORE_HELLO { Err(ConnectFailure::Closed(Close::TooLarge)) } else { Ok(text) }
}

fn greeting(payload: Value, challenge: &Challenge, clock: u64) -> Result<Greeting, ConnectFailure> {
    let hello = Hello::deserialize(payload).map_err(|_| ConnectFailure::NotAGateway(Stranger::OtherWebSocket))?;
    let method = match hello.auth.method.as_deref() {
        Some("device-token") => Method::DeviceToken,
        Some("token" | "password") => Method::Shared,
        Some(_) | None => Method::Unsaid,
    };
    let ahead = |ts: u64| {
        let (wall_ms, theirs) = (i64::try_from(clock).ok()?, i64::try_from(ts).ok()?);
        Some(Ahead { ms: wall_ms.saturating_sub(theirs), wall_ms, at: Instant::now() })
    };
    Ok(Greeting {
        version: hello.server.version,
        protocol: hello.protocol,
        boot_id: hello.server.boot_id,
        conn_id: hello.server.conn_id,
        method,
        scopes: hello.auth.scopes,
        device_token: hello.auth.device_token,
        state_dir: hello.snapshot.state_dir,
        config_path: hello.snapshot.config_path,
        auth_mode: hello.snapshot.auth_mode,
        model_configured: hello.snapshot.session_defaults.and_then(|defaults| defaults.model_configured),
        ahead: challenge.ts.and_then(ahead),
        methods: hello.features.methods,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_since_the_hello_is_not_wrong_any_more() {
        let at = Instant::now();
        let ahead = Ahead { ms: 300_000, wall_ms: 1_795_000_300_000, at };
        let later = at + Duration::from_secs(60);
        assert_eq!(ahead.now(1_795_000_360_000, later), 300_000);
        assert_eq!(ahead.now(1_795_000_060_000, later), 0, "set back by five minutes");
        assert_eq!(ahead.now(1_795_000_960_000, later), 900_000, "set on by ten more");
    }
}
