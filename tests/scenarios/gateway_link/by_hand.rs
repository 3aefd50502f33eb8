//! Frames that this client would never send, and what the gateway makes of them.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gateway::{Claim, ConnectFailure, Identity, RequestId};
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

type Socket = WebSocketStream<TcpStream>;

async fn open(port: u16, headers: &[(&str, &str)]) -> Result<(Socket, Value), Error> {
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
async fn answer(mut socket: Socket, text: Option<String>) -> Option<ConnectFailure> {
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

/// `connect` of a device that is good in every way, but for what `change` makes of it before it is signed, and `spoil` after that.
fn connect(identity: &Identity, challenge: &Value, change: fn(&mut Value), spoil: fn(&mut Value)) -> String {
    let mut params = json!({
        "minProtocol": 3, "maxProtocol": 4,
        "client": { "id": "cli", "version": "0.1.0", "platform": "linux", "mode": "cli" },
        "role": "operator", "scopes": ["operator.read"],
        "auth": { "token": Gateway::TOKEN },
        "device": { "id": identity.device_id(), "publicKey": identity.public_key(), "signedAt": challenge["ts"], "nonce": challenge["nonce"] },
    });
    change(&mut params);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (client, device) = (params["client"].clone(), params["device"].clone());
    let scopes: Vec<String> = params["scopes"].as_array().into_iter().flatten().map(text).collect();
    let claim = Claim {
        device_id: &text(&device["id"]),
        client_id: &text(&client["id"]),
        client_mode: &text(&client["mode"]),
        role: &text(&params["role"]),
        scopes: &scopes,
        signed_at: device["signedAt"].as_u64().unwrap_or_default(),
        token: &text(&params["auth"]["token"]),
        nonce: &text(&device["nonce"]),
        platform: &text(&client["platform"]),
        family: &text(&client["deviceFamily"]),
    };
    params["device"]["signature"] = json!(identity.sign(&claim.payload_v3()));
    spoil(&mut params);
    json!({ "type": "req", "id": "connect", "method": "connect", "params": params }).to_string()
}

/// A name, what is changed before the signature, what after it, and what the answer is called.
type Row = (&'static str, fn(&mut Value), fn(&mut Value), &'static str);

fn nothing(_: &mut Value) {}

fn later(params: &mut Value, by: i64) {
    let now = params["device"]["signedAt"].as_i64().expect("a time");
    params["device"]["signedAt"] = json!(now + by);
}

const ROWS: [Row; 16] = [
    ("as it should be", nothing, nothing, "let in"),
    ("the clock is slow by 130 s", |params| later(params, -130_000), nothing, "Signature(Expired)"),
    ("the clock is fast by 130 s", |params| later(params, 130_000), nothing, "Signature(Expired)"),
    ("the clock is slow by 100 s", |params| later(params, -100_000), nothing, "let in"),
    (
        "another signature",
        nothing,
        |params| params["device"]["signature"] = json!("A".repeat(86)),
        "Signature(Invalid)",
    ),
    (
        "another token signed",
        nothing,
        |params| params["auth"] = json!({ "deviceToken": "x", "token": "x" }),
        "Signature(Invalid)|TokenMismatch",
    ),
    ("other scopes signed", nothing, |params| params["scopes"] = json!(["operator.write"]), "Signature(Invalid)"),
    (
        "another nonce",
        |params| params["device"]["nonce"] = json!("11111111-2222-3333-4444-555555555555"),
        nothing,
        "Signature(Nonce)",
    ),
    (
        "no nonce",
        nothing,
        |params| {
            params["device"].as_object_mut().expect("an object").remove("nonce");
        },
        "Misunderstood",
    ),
    ("another device's id", |params| params["device"]["id"] = json!("0".repeat(64)), nothing, "Signature(DeviceId)"),
    ("a key that is none", nothing, |params| params["device"]["publicKey"] = json!("AAAA"), "Signature(DeviceId)"),
    (
        "a newer protocol",
        |params| (params["minProtocol"], params["maxProtocol"]) = (json!(5), json!(5)),
        nothing,
        "ProtocolMismatch",
    ),
    (
        "an older protocol",
        |params| (params["minProtocol"], params["maxProtocol"]) = (json!(2), json!(2)),
        nothing,
        "ProtocolMismatch",
    ),
    ("an unknown client", |params| params["client"]["id"] = json!("my-rust-app"), nothing, "Misunderstood"),
    ("an unknown mode", |params| params["client"]["mode"] = json!("tray"), nothing, "Misunderstood"),
    ("an unknown role", |params| params["role"] = json!("root"), nothing, "Misunderstood"),
];

pub(super) async fn every_odd_frame_has_its_name(port: u16, current: bool) {
    let device = identity(60);
    let mut wrong = Vec::new();
    for (name, change, spoil, expected) in ROWS {
        let (socket, challenge) = open(port, &[]).await.expect("a WebSocket");
        let failure = answer(socket, Some(connect(&device, &challenge, change, spoil))).await;
        let called = failure.map_or_else(|| "let in".into(), |failure| format!("{failure:?}"));
        if !expected.split('|').any(|expected| called.contains(expected)) {
            wrong.push(format!("{name}: {called}, not {expected}"));
        }
    }
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
    // The device is paired now: what it says of itself is pinned.
    let (socket, challenge) = open(port, &[]).await.expect("a WebSocket");
    let moved = connect(&device, &challenge, |params| params["client"]["platform"] = json!("windows"), nothing);
    let failure = answer(socket, Some(moved)).await;
    if !failure.as_ref().is_some_and(|failure| failure.needs_pairing() && failure.request_id().is_some()) {
        wrong.push(format!("another platform: {failure:?}"));
    }
    assert!(wrong.is_empty(), "{} {wrong:#?}", if current { "current" } else { "oldest" });
}

/// A web page asks to be paired: nobody is let in silently who has an origin.
pub(crate) async fn as_a_page(port: u16, identity: &Identity) -> RequestId {
    let origin = format!("http://127.0.0.1:{port}");
    let ask = async {
        let (socket, challenge) = open(port, &[("Origin", &origin)]).await.expect("a WebSocket");
        answer(socket, Some(connect(identity, &challenge, nothing, nothing))).await
    };
    let failure = timeout(SOON, ask).await.expect("an answer").expect("it is not let in");
    failure.request_id().cloned().unwrap_or_else(|| panic!("{failure:?}"))
}
