//! Frames that this client would never send, and what the gateway makes of them.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gateway::{Claim, ConnectFailure, Identity, PairingReason, RequestId};
use serde_json::{Value, json};
use support::openclaw::Gateway;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{SOON, identity};

/// The 15 s of the gateway, and room.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) type Socket = WebSocketStream<TcpStream>;

pub(super) async fn open(port: u16, headers: &[(&str, &str)]) -> Result<(Socket, Value), Error> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("the gateway listens");
    let uri = format!("ws://127.0.0.1:{port}/").parse().expect("a URI");
    let request = headers
        .iter()
        .fold(ClientRequestBuilder::new(uri), |request, (name, value)| request.with_header(*name, *value));
    let (mut socket, _) = client_async(request, tcp).await?;
    let challenge = socket.next().await.expect("a challenge")?;
    let challenge: Value = serde_json::from_str(challenge.to_text()?).expect("JSON");
    Ok((socket, challenge["payload"].clone()))
}

/// Sends a text and waits for what becomes of it. `None`: it was let in.
pub(super) async fn answer(mut socket: Socket, text: Option<String>) -> Option<ConnectFailure> {
    if let Some(text) = text {
        socket.send(Message::text(text)).await.expect("sent");
    }
    let (mut said, mut close) = (None, None);
    let listen = async {
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Close(frame) => {
                    close = Some(
                        frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string())),
                    );
                }
                Message::Text(text) if said.is_none() && text.contains("\"res\"") => {
                    said = Some(text.to_string());
                    if text.contains("\"ok\":true") {
                        return;
                    }
                }
                Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    };
    timeout(PATIENCE, listen).await.expect("the gateway answers or closes");
    ConnectFailure::of_answer(said.as_deref(), close.as_ref().map(|(code, reason)| (*code, reason.as_str())))
}

/// A connection on which nobody says anything.
pub(super) fn silence(port: u16) -> JoinHandle<ConnectFailure> {
    tokio::spawn(async move {
        let (socket, _) = open(port, &[]).await.expect("a WebSocket");
        answer(socket, None).await.expect("it is closed")
    })
}

/// Of the text that is signed.
#[derive(Clone, Copy)]
pub(super) enum Version {
    Second,
    Third,
}

/// `connect` of a device that is good in every way, but for what `change` makes of it before it is signed, and `spoil` after that.
pub(super) fn connect(
    identity: &Identity,
    challenge: &Value,
    version: Version,
    change: impl FnOnce(&mut Value),
    spoil: fn(&mut Value),
) -> String {
    let mut params = json!({
        "minProtocol": 3, "maxProtocol": 4,
        "client": { "id": "cli", "version": "0.1.0", "platform": "linux", "mode": "cli" },
        "role": "operator", "scopes": ["operator.read"],
        "auth": { "token": Gateway::TOKEN },
        "device": { "id": identity.device_id(), "publicKey": identity.public_key(), "signedAt": challenge["ts"], "nonce": challenge["nonce"] },
    });
    change(&mut params);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (client, device, auth) = (params["client"].clone(), params["device"].clone(), params["auth"].clone());
    let scopes: Vec<String> = params["scopes"].as_array().into_iter().flatten().map(text).collect();
    let claim = Claim {
        device_id: &text(&device["id"]),
        client_id: &text(&client["id"]),
        client_mode: &text(&client["mode"]),
        role: &text(&params["role"]),
        scopes: &scopes,
        signed_at: device["signedAt"].as_u64().unwrap_or_default(),
        token: &text(if auth["token"].is_string() { &auth["token"] } else { &auth["deviceToken"] }),
        nonce: &text(&device["nonce"]),
        platform: &text(&client["platform"]),
        family: &text(&client["deviceFamily"]),
    };
    let payload = match version {
        Version::Second => claim.payload_v2(),
        Version::Third => claim.payload_v3(),
    };
    params["device"]["signature"] = json!(identity.sign(&payload));
    spoil(&mut params);
    json!({ "type": "req", "id": "connect", "method": "connect", "params": params }).to_string()
}

pub(super) fn nothing(_: &mut Value) {}

pub(super) async fn every_odd_frame_has_its_name(port: u16, current: bool) {
    let device = identity(60);
    let mut wrong = Vec::new();
    let frames: [(&str, String, &str); 5] = [
        ("another request", json!({ "type": "req", "id": "1", "method": "health" }).to_string(), "Misunderstood"),
        ("no JSON", "hello".into(), "Closed(Quiet)"),
        ("an event", json!({ "type": "event", "event": "x" }).to_string(), "Closed(Forbidden"),
        (
            "no parameters",
            json!({ "type": "req", "id": "1", "method": "connect", "params": {} }).to_string(),
            "Misunderstood",
        ),
        (
            "70 KiB",
            json!({ "type": "req", "id": "1", "method": "connect", "params": { "x": "y".repeat(70 << 10) } })
                .to_string(),
            "Closed(TooLarge)",
        ),
    ];
    for (name, frame, expected) in frames {
        let (socket, _) = open(port, &[]).await.expect("a WebSocket");
        let failure =
            answer(socket, Some(frame)).await.map_or_else(|| "let in".into(), |failure| format!("{failure:?}"));
        if !failure.contains(expected) {
            wrong.push(format!("{name}: {failure}, not {expected}"));
        }
    }
    // What a device says of itself is pinned when it is paired.
    let by_platform = async |platform: &str| {
        let (socket, challenge) = open(port, &[]).await.expect("a WebSocket");
        let change = |params: &mut Value| params["client"]["platform"] = json!(platform);
        answer(socket, Some(connect(&device, &challenge, Version::Third, change, nothing))).await
    };
    assert_eq!(by_platform("linux").await, None, "a new device is let in");
    let moved = by_platform("windows").await;
    let is_upgrade = matches!(&moved, Some(ConnectFailure::PairingRequired(pairing)) if pairing.reason == PairingReason::MetadataUpgrade);
    if !(is_upgrade && moved.as_ref().is_some_and(|failure| failure.request_id().is_some())) {
        wrong.push(format!("another platform: {moved:?}"));
    }
    assert!(wrong.is_empty(), "{} {wrong:#?}", if current { "current" } else { "oldest" });
}

/// The same key on another system: what a device says of itself is pinned when it is let in. `None`: it is let in.
pub(crate) async fn on_windows(port: u16, identity: &Identity) -> Option<ConnectFailure> {
    let (socket, challenge) = open(port, &[]).await.expect("a WebSocket");
    let change = |params: &mut Value| params["client"]["platform"] = json!("windows");
    answer(socket, Some(connect(identity, &challenge, Version::Third, change, nothing))).await
}

/// A dashboard that is open in a browser, with a token of earlier days.
pub(crate) async fn as_an_old_dashboard(port: u16) -> ConnectFailure {
    let old = |params: &mut Value| {
        params["client"] =
            json!({ "id": "openclaw-control-ui", "version": "0.1.0", "platform": "linux", "mode": "webchat" });
        params["auth"] = json!({ "token": "of-earlier-days" });
    };
    page(port, &identity(62), old).await.expect("it is turned away")
}

/// A web page asks to be paired: nobody is let in silently who has an origin.
pub(crate) async fn as_a_page(port: u16, identity: &Identity) -> RequestId {
    let failure = page(port, identity, nothing).await.expect("it is not let in");
    failure.request_id().cloned().unwrap_or_else(|| panic!("{failure:?}"))
}

/// A web page that was let in, is.
pub(crate) async fn page_is_in(port: u16, identity: &Identity) -> bool {
    page(port, identity, nothing).await.is_none()
}

/// A web page connects, and asks for what `change` makes of it. `None`: it is let in.
pub(super) async fn page(port: u16, identity: &Identity, change: fn(&mut Value)) -> Option<ConnectFailure> {
    let origin = format!("http://127.0.0.1:{port}");
    let ask = async {
        let (socket, challenge) = open(port, &[("Origin", &origin)]).await.expect("a WebSocket");
        answer(socket, Some(connect(identity, &challenge, Version::Third, change, nothing))).await
    };
    timeout(SOON, ask).await.expect("an answer")
}
