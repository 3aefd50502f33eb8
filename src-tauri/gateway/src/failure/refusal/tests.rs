//! Every answer that a real gateway gave to a `connect` while it was recorded, and its name.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::frame::Frame;

/// How a gateway answered, and how it closed.
struct Recorded {
    name: String,
    response: Option<String>,
    close: Option<(u16, String)>,
}

fn recorded(file: &str, text: &str) -> Vec<Recorded> {
    let Value::Object(cases) = serde_json::from_str(text).unwrap() else { panic!("{file}") };
    let refusals = cases.into_iter().filter_map(|(name, case)| {
        let name = format!("{file}: {name}");
        let response = [&case["response"], &case["frames"][0], &case].into_iter().find(|frame| frame["type"] == "res");
        if response.is_some_and(|response| response["ok"] == true) || case["response"]["ok"] == true {
            return None;
        }
        let close = case["close"]["code"]
            .as_u64()
            .map(|code| (code.try_into().unwrap(), case["close"]["reason"].as_str().unwrap_or_default().to_owned()));
        // A request on an open connection, or a note of the recorder.
        close.as_ref()?;
        Some(Recorded { name, response: response.map(Value::to_string), close })
    });
    refusals.collect()
}

macro_rules! files {
    ($($name:literal),*) => {
        [$(recorded($name, include_str!(concat!("../../../tests/recorded/", $name, ".json")))),*].into_iter().flatten().collect()
    };
}

fn all() -> Vec<Recorded> {
    files!(
        "connect-matrix",
        "handshake-raw",
        "wrong-instance",
        "token-change",
        "env-vs-config-token",
        "client-ids-metadata-prune",
        "pairing-1",
        "pairing-2",
        "old-2026.4.26",
        "misc-reload"
    )
}

fn named(case: &Recorded) -> ConnectFailure {
    let close = case.close.as_ref().map(|(code, reason)| (*code, reason.as_str()));
    ConnectFailure::of_answer(case.response.as_deref(), close).unwrap_or_else(|| panic!("{}: no refusal", case.name))
}

/// The last part of a case's name, and the name of its failure without its fields.
const EXPECTED: [(&str, &str); 52] = [
    ("connect-matrix: no_auth", "TokenMissing"),
    ("connect-matrix: no_auth_no_device", "IdentityRequired"),
    ("connect-matrix: wrong_token_paired", "TokenMismatch"),
    ("connect-matrix: wrong_token_unpaired", "TokenMismatch"),
    ("connect-matrix: wrong_deviceToken_field", "DeviceTokenMismatch"),
    ("connect-matrix: bad_signature", "Signature(Invalid)"),
    ("connect-matrix: sig_wrong_token_in_payload", "Signature(Invalid)"),
    ("connect-matrix: sig_scopes_differ", "Signature(Invalid)"),
    ("connect-matrix: stale_signedAt", "Signature(Expired)"),
    ("connect-matrix: future_signedAt", "Signature(Expired)"),
    ("connect-matrix: nonce_mismatch", "Signature(Nonce)"),
    ("connect-matrix: nonce_missing", "Misunderstood"),
    ("connect-matrix: device_id_mismatch", "Signature(DeviceId)"),
    ("connect-matrix: public_key_invalid", "Signature(DeviceId)"),
    ("connect-matrix: proto3_operator", "ProtocolMismatch { expected: Some(4) }"),
    ("connect-matrix: proto5", "ProtocolMismatch { expected: Some(4) }"),
    ("connect-matrix: bad_client_id", "Misunderstood"),
    ("connect-matrix: bad_client_mode", "Misunderstood"),
    ("connect-matrix: bad_role", "Misunderstood"),
    ("handshake-raw: first_frame_not_connect", "Misunderstood"),
    ("handshake-raw: first_frame_not_json", "Closed(Quiet)"),
    ("handshake-raw: first_frame_event", "Closed(Forbidden"),
    ("handshake-raw: connect_bad_params", "Misunderstood"),
    ("handshake-raw: oversized_preauth_70KiB", "Closed(TooLarge)"),
    ("handshake-raw: silence", "Closed(Quiet)"),
    ("handshake-raw: origin_header", "Misunderstood"),
    ("wrong-instance: wrong_shared", "TokenMismatch"),
    ("wrong-instance: wrong_shared_plus_dt", "DeviceTokenMismatch"),
    ("wrong-instance: wrong_dt", "DeviceTokenMismatch"),
    ("wrong-instance: probe_no_auth", "IdentityRequired"),
    ("token-change: old_shared", "TokenMismatch"),
    ("token-change: last_dt_err", "DeviceTokenMismatch"),
    ("env-vs-config-token: env_token", "TokenMismatch"),
    ("client-ids-metadata-prune: cli_platform_version_changed", "MetadataUpgrade"),
    ("client-ids-metadata-prune: X_after_Y_paired_same_cluster", "DeviceTokenMismatch"),
    ("pairing-1: B_upgrade_via_devicetoken", "ScopeMismatch"),
    ("pairing-1: B_upgrade_via_deviceTokenField", "ScopeMismatch"),
    ("pairing-1: B_empty_scopes_devtoken", "DeviceTokenMismatch"),
    ("pairing-1: C_forwarded_shared", "Closed(Lost)"),
    ("pairing-1: D_origin_header", "NotPaired"),
    ("pairing-1: B_platform_changed_devtoken", "MetadataUpgrade"),
    ("pairing-1: B_platform_changed_shared", "MetadataUpgrade"),
    ("pairing-1: B_clientid_changed_shared", "MetadataUpgrade"),
    ("pairing-1: B_role_node_shared", "MetadataUpgrade"),
    ("pairing-2: D_old_token_after_rotate", "DeviceTokenMismatch"),
    ("pairing-2: D_pairing_scope_devtoken", "ScopeMismatch"),
    ("pairing-2: E_revoked_token", "DeviceTokenMismatch"),
    ("pairing-2: D_removed_devtoken", "DeviceTokenMismatch"),
    ("misc-reload: noauth_cfg_none", "TokenMissing"),
    ("misc-reload: noauth_cfg_tok", "TokenMismatch"),
    ("misc-reload: noauth_nodevice_backend", "IdentityRequired"),
    ("misc-reload: disk_edit_token", "Closed(SignedOut"),
];
/// What the older release, protocol 3, answered.
const EXPECTED_OLD: [(&str, &str); 10] = [
    ("old-2026.4.26: proto4", "ProtocolMismatch { expected: Some(3) }"),
    ("old-2026.4.26: wrong_token", "TokenMismatch"),
    ("old-2026.4.26: wrong_dt", "DeviceTokenMismatch"),
    ("old-2026.4.26: bad_sig", "Signature(Invalid)"),
    ("old-2026.4.26: stale_sig", "Signature(Expired)"),
    ("old-2026.4.26: openclaw-linux_id", "Misunderstood"),
    ("old-2026.4.26: origin_pair", "NotPaired"),
    ("old-2026.4.26: B_upgrade_shared", "ScopeUpgrade"),
    ("old-2026.4.26: B_upgrade_dt", "DeviceTokenMismatch"),
    ("old-2026.4.26: B_old_dt", "DeviceTokenMismatch"),
];

#[test]
fn every_recorded_refusal_has_its_name() {
    let mut expected: Vec<(&str, &str)> = EXPECTED.into_iter().chain(EXPECTED_OLD).collect();
    let mut wrong = Vec::new();
    for case in all() {
        let Some(at) = expected.iter().position(|(name, _)| *name == case.name) else {
            wrong.push(format!("{}: not in the table", case.name));
            continue;
        };
        let (_, name) = expected.swap_remove(at);
        let failure = format!("{:?}", named(&case));
        if !failure.contains(name) {
            wrong.push(format!("{}: {failure}, not {name}", case.name));
        }
    }
    wrong.extend(expected.iter().map(|(name, _)| format!("{name}: not recorded")));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn case(name: &str) -> ConnectFailure {
    named(all().iter().find(|case| case.name == name).unwrap())
}

#[test]
fn the_questions_tell_the_cases_apart() {
    let stale = case("pairing-2: E_revoked_token");
    assert!(stale.is_stale_device_token() && stale.may_be_wrong_instance() && !stale.needs_token());
    let wrong = case("connect-matrix: wrong_token_paired");
    assert!(wrong.needs_token() && wrong.may_be_wrong_instance() && !wrong.is_stale_device_token());
    assert_eq!(wrong, ConnectFailure::TokenMismatch { device_token_may_help: true });
    assert!(case("connect-matrix: stale_signedAt").is_wrong_clock());
    assert!(!case("connect-matrix: bad_signature").is_wrong_clock());
    for old in ["connect-matrix: proto5", "old-2026.4.26: proto4"] {
        assert!(case(old).is_protocol_mismatch(), "{old}");
    }
    let closed = case("handshake-raw: first_frame_not_json");
    assert!(closed.is_temporary() && !closed.needs_pairing());
    assert!(!case("handshake-raw: first_frame_event").is_temporary());
    for failure in all().iter().map(named).filter(|failure| !matches!(failure, ConnectFailure::Closed(_))) {
        assert!(!failure.is_temporary(), "{failure:?} would be tried for ever");
    }
}

#[test]
fn a_pairing_keeps_its_request_and_its_scopes() {
    let failure = case("old-2026.4.26: B_upgrade_shared");
    assert!(failure.needs_pairing() && !failure.may_be_wrong_instance());
    assert_eq!(failure.request_id().unwrap().as_str(), "cb17e398-1624-4456-a39e-acdd470f7553");
    let ConnectFailure::PairingRequired(pairing) = failure else { panic!() };
    assert_eq!(pairing.requested_scopes, ["operator.admin"]);
    assert_eq!(
        (&pairing.approved_roles[..], &pairing.approved_scopes[..]),
        (&["operator".into()][..], &["operator.read".into()][..])
    );
    assert_eq!(pairing.requested_role.as_deref(), Some("operator"));
    assert!(case("pairing-1: D_origin_header").may_be_wrong_instance());
}

#[test]
fn a_request_id_is_safe_in_a_command_line() {
    assert!(RequestId::parse("5e42109d-0eb8-48e0-89f0-b66ddd16e884").is_some());
    for odd in ["", "-x", "a b", "a;rm", "$(x)", "é", &"a".repeat(129)] {
        assert_eq!(RequestId::parse(odd), None, "{odd}");
    }
}

#[test]
fn the_steps_of_a_restart_are_temporary() {
    let restart: Value = serde_json::from_str(include_str!("../../../tests/recorded/restart.json")).unwrap();
    let told = restart["reconnect_sequence"][2]["k"].as_str().unwrap();
    let frame = json!({ "type": "res", "id": "1", "ok": false, "error": serde_json::from_str::<Value>(told).unwrap() });
    let Frame::Response { result: Err(refusal), .. } = Frame::decode(&frame.to_string()) else { panic!() };
    let starting = ConnectFailure::of_refusal(&refusal, None);
    assert_eq!(starting, ConnectFailure::Starting { retry_after: Some(Duration::from_millis(500)) });
    let close = &restart["closed_on_restart"]["c"];
    let close = Close::of_frame(close["code"].as_u64().unwrap().try_into().unwrap(), close["reason"].as_str().unwrap());
    for failure in [starting, ConnectFailure::Stopping, ConnectFailure::NobodyListens, ConnectFailure::Closed(close)] {
        assert!(failure.is_temporary() && !failure.may_be_wrong_instance(), "{failure:?}");
    }
}

/// Any JSON, with the words of the protocol in it more often than chance would have it.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "code",
        "message",
        "details",
        "reason",
        "requestId",
        "AUTH_TOKEN_MISMATCH",
        "PAIRING_REQUIRED",
        "PROTOCOL_MISMATCH",
        "expectedProtocol",
        "retryAfterMs",
        "UNAVAILABLE",
        "INVALID_REQUEST",
        "approvedScopes",
        "error",
        "type",
        "res",
        "id",
        "ok",
    ]);
    let text = prop_oneof![word.clone().prop_map(str::to_owned), ".{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn no_answer_is_too_odd(mut error in any_json(), details in any_json(), close in any::<Option<u16>>(), code in ".{0,20}") {
        if let Value::Object(fields) = &mut error {
            fields.insert("details".into(), details);
        }
        let frame = json!({ "type": "res", "id": code, "ok": false, "error": error });
        if let Frame::Response { result: Err(refusal), .. } = Frame::decode(&frame.to_string()) {
            let close = close.map(|code| Close::of_frame(code, "reason"));
            let failure = ConnectFailure::of_refusal(&refusal, close.as_ref());
            // The questions that exclude each other.
            prop_assert!(!(failure.is_temporary() && (failure.needs_pairing() || failure.needs_token() || failure.is_stale_device_token())));
            prop_assert!(!(failure.needs_pairing() && failure.needs_token()));
        }
    }
}
