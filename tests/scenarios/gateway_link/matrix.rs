//! The recorded connect matrix, lived again. Each row has the name of its recording, and says what its answer is called, by the current gateway and by the oldest.

use std::collections::BTreeSet;

use gateway::{Auth, ConnectFailure, Who};
use serde_json::{Value, json};

use super::by_hand::{Version, answer, connect, nothing, open};
use super::{Stage, identity};

/// Of the device whose rows these are.
const DEVICE: u8 = 61;
/// Paired by none of the rows.
const STRANGER: u8 = 62;
const LET_IN: &str = "let in";

/// What a row can make use of.
pub(super) struct Given {
    device_token: String,
}

/// One way to connect.
#[derive(Clone, Copy)]
struct Row {
    /// Of the recording; rows without one begin with `+`.
    name: &'static str,
    seed: u8,
    version: Version,
    /// Before the signature.
    change: fn(&mut Value, &Given),
    /// After it.
    spoil: fn(&mut Value),
    /// How the failure's name begins, at 2026.9.6.
    current: &'static str,
    /// The same at 2026.4.26.
    oldest: &'static str,
}

const fn row(name: &'static str, change: fn(&mut Value, &Given), answer: &'static str) -> Row {
    Row { name, seed: DEVICE, version: Version::Third, change, spoil: nothing, current: answer, oldest: answer }
}

impl Row {
    const fn but_oldest(self, oldest: &'static str) -> Self {
        Self { oldest, ..self }
    }

    const fn then(self, spoil: fn(&mut Value)) -> Self {
        Self { spoil, ..self }
    }

    const fn by(self, seed: u8) -> Self {
        Self { seed, ..self }
    }
}

fn same(_: &mut Value, _: &Given) {}

fn show(params: &mut Value, auth: Value) {
    params["auth"] = auth;
}

fn drop_device(params: &mut Value) {
    params.as_object_mut().expect("an object").remove("device");
}

fn drop_auth(params: &mut Value) {
    params.as_object_mut().expect("an object").remove("auth");
}

fn later(params: &mut Value, by: i64) {
    let now = params["device"]["signedAt"].as_i64().expect("a time");
    params["device"]["signedAt"] = json!(now + by);
}

fn speaks(params: &mut Value, least: u32, most: u32) {
    (params["minProtocol"], params["maxProtocol"]) = (json!(least), json!(most));
}

fn calls_itself(params: &mut Value, id: &str, mode: &str) {
    (params["client"]["id"], params["client"]["mode"]) = (json!(id), json!(mode));
}

/// In the order of the recording.
const ROWS: [Row; 41] = [
    row("ok_shared_token", same, LET_IN),
    row("ok_device_token_as_token", |params, given| show(params, json!({ "token": given.device_token })), LET_IN),
    row("ok_device_token_field", |params, given| show(params, json!({ "deviceToken": given.device_token })), LET_IN),
    Row { version: Version::Second, ..row("ok_v2", same, LET_IN) },
    row("ok_sig_std_base64", same, LET_IN).then(|params| {
        let signature = params["device"]["signature"].as_str().expect("a signature");
        params["device"]["signature"] = json!(format!("{}==", signature.replace('-', "+").replace('_', "/")));
    }),
    row("no_auth", |params, _| drop_auth(params), "TokenMissing"),
    row("no_auth_no_device", |params, _| drop_auth(params), "IdentityRequired").then(drop_device),
    row("wrong_token_paired", |params, _| show(params, json!({ "token": "wrong" })), "TokenMismatch"),
    row("wrong_token_unpaired", |params, _| show(params, json!({ "token": "wrong" })), "TokenMismatch").by(STRANGER),
    row("wrong_deviceToken_field", |params, _| show(params, json!({ "deviceToken": "wrong" })), "DeviceTokenMismatch"),
    row(
        "wrong_token_plus_good_deviceToken",
        |params, given| show(params, json!({ "token": "wrong", "deviceToken": given.device_token })),
        LET_IN,
    ),
    row("good_token_plus_bad_deviceToken", |params, _| params["auth"]["deviceToken"] = json!("bad"), LET_IN),
    row("shared_token_as_password", |params, _| show(params, json!({ "password": params["auth"]["token"] })), LET_IN)
        .but_oldest("TokenMissing"),
    row("bad_signature", same, "Signature(Invalid)")
        .then(|params| params["device"]["signature"] = json!("A".repeat(86))),
    row("sig_wrong_token_in_payload", |params, _| params["auth"]["token"] = json!("another"), "Signature(Invalid)")
        .then(|params| params["auth"]["token"] = json!(support::openclaw::Gateway::TOKEN)),
    row("sig_scopes_differ", same, "Signature(Invalid)").then(|params| params["scopes"] = json!(["operator.write"])),
    row("stale_signedAt", |params, _| later(params, -130_000), "Signature(Expired)"),
    row("future_signedAt", |params, _| later(params, 130_000), "Signature(Expired)"),
    row("signedAt_minus_100s", |params, _| later(params, -100_000), LET_IN),
    row(
        "local_time",
        |params, _| {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock after 1970");
            params["device"]["signedAt"] = json!(u64::try_from(since.as_millis()).expect("a clock of this age"));
        },
        LET_IN,
    ),
    row(
        "nonce_mismatch",
        |params, _| params["device"]["nonce"] = json!("11111111-2222-3333-4444-555555555555"),
        "Signature(Nonce)",
    ),
    row(
        "nonce_missing",
        |params, _| {
            params["device"].as_object_mut().expect("an object").remove("nonce");
        },
        "Misunderstood",
    ),
    row("device_id_mismatch", |params, _| params["device"]["id"] = json!("0".repeat(64)), "Signature(DeviceId)"),
    row("public_key_invalid", |params, _| params["device"]["publicKey"] = json!("AAAA"), "Signature(DeviceId)"),
    row("no_device_shared_token", same, LET_IN).then(drop_device),
    row("no_device_backend", |params, _| calls_itself(params, "gateway-client", "backend"), LET_IN).then(drop_device),
    row("device_backend", |params, _| calls_itself(params, "gateway-client", "backend"), LET_IN),
    row("proto3_operator", |params, _| speaks(params, 3, 3), "ProtocolMismatch").but_oldest(LET_IN),
    row("proto5", |params, _| speaks(params, 5, 5), "ProtocolMismatch"),
    row("proto3-4_operator", |params, _| speaks(params, 3, 4), LET_IN),
    row("proto1-99", |params, _| speaks(params, 1, 99), LET_IN),
    row(
        "proto3_probe",
        |params, _| {
            speaks(params, 3, 3);
            calls_itself(params, "openclaw-probe", "probe");
        },
        LET_IN,
    ),
    row("bad_client_id", |params, _| params["client"]["id"] = json!("my-rust-app"), "Misunderstood"),
    row("bad_client_mode", |params, _| params["client"]["mode"] = json!("tray"), "Misunderstood"),
    row("bad_role", |params, _| params["role"] = json!("root"), "Misunderstood"),
    row("unknown_scope", |params, _| params["scopes"] = json!(["operator.bogus"]), LET_IN).by(STRANGER),
    // The recorded one is a capability that nobody knows.
    row("extra_prop", |params, _| params["caps"] = json!(["zzz"]), LET_IN),
    row("+an unknown property", |params, _| params["client"]["colour"] = json!("red"), "Misunderstood"),
    row("+protocol 4 alone", |params, _| speaks(params, 4, 4), LET_IN).but_oldest("ProtocolMismatch"),
    row("+protocol 2 alone", |params, _| speaks(params, 2, 2), "ProtocolMismatch"),
    row(
        "+more scopes by the device token",
        |params, given| {
            show(params, json!({ "deviceToken": given.device_token }));
            params["scopes"] = json!(["operator.admin"]);
        },
        "ScopeMismatch",
    )
    .but_oldest("DeviceTokenMismatch"),
];

/// What the answer to each is called, where it is not what the row says.
async fn live(port: u16, rows: &[Row], given: &Given, current: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in rows {
        let (socket, challenge) = open(port, &[]).await.expect("a WebSocket");
        let change = |params: &mut Value| (row.change)(params, given);
        let failure =
            answer(socket, Some(connect(&identity(row.seed), &challenge, row.version, change, row.spoil))).await;
        let expected = if current { row.current } else { row.oldest };
        wrong.extend(unlike(row.name, failure.as_ref(), expected));
    }
    wrong
}

fn unlike(name: &str, failure: Option<&ConnectFailure>, expected: &str) -> Option<String> {
    let called = failure.map_or_else(|| LET_IN.to_owned(), |failure| format!("{failure:?}"));
    (!called.starts_with(expected)).then(|| format!("{name}: {called}, not {expected}"))
}

pub(super) async fn every_row_is_lived_again(stage: &Stage, current: bool) {
    let read = ["operator.read"].as_slice();
    let device = identity(DEVICE);
    let auth = stage.shared(support::openclaw::Gateway::TOKEN).await;
    let paired = stage.connect(Who::Device(&device), read, &auth).await.expect("a new device is let in");
    let device_token = paired.greeting().device_token.clone().expect("a device token").reveal().to_owned();
    let given = Given { device_token };
    let port = stage.gateway.port;
    let wrong = live(port, &ROWS, &given, current).await;
    assert!(wrong.is_empty(), "{wrong:#?}");

    // The twin: one expectation is that of another row, and the same look finds it.
    let mut swapped = ROWS[7];
    (swapped.current, swapped.oldest) = (ROWS[9].current, ROWS[9].oldest);
    let found = live(port, &[ROWS[6], swapped], &given, current).await;
    assert!(matches!(&found[..], [one] if one.starts_with(swapped.name)), "{found:?}");
    assert_eq!(
        stage.connect(Who::Device(&device), read, &Auth::Nothing).await.map(|_| ()),
        Err(ConnectFailure::TokenMissing)
    );
}

#[test]
fn the_table_is_the_recording() {
    let recorded: Value =
        serde_json::from_str(include_str!("../../../src-tauri/gateway/tests/recorded/connect-matrix.json"))
            .expect("JSON");
    let recorded = recorded.as_object().expect("cases by name");
    let names: BTreeSet<&str> = ROWS.iter().map(|row| row.name).filter(|name| !name.starts_with('+')).collect();
    let known: BTreeSet<&str> = recorded.keys().map(String::as_str).collect();
    assert_eq!(names, known);
    for row in ROWS.iter().filter(|row| known.contains(row.name)) {
        let case = &recorded[row.name];
        let response = case["response"].to_string();
        let reason = case["close"]["reason"].as_str().unwrap_or_default();
        let close = case["close"]["code"].as_u64().and_then(|code| Some((code.try_into().ok()?, reason)));
        let failure = ConnectFailure::of_answer(Some(&response), close.filter(|_| case["response"]["ok"] != true));
        let failure = failure.filter(|_| case["response"]["ok"] != true);
        assert_eq!(unlike(row.name, failure.as_ref(), row.current), None);
    }
}
