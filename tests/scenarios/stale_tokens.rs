//! Stale tokens of the oldest OpenClaw, which speaks another protocol and keeps its devices elsewhere: made on purpose on a real gateway, and mended by one order
//! of the person. The window's own story is lived with the current release: `desktop::health`.
//!
//! The programs under test are `smartpi serve`, one for each person, all with a clock that is five minutes wrong. A boot costs up to 40 s and a repair ten: the
//! people share the gateway, and mend at the same time.

mod clinic;
mod patient;

use serde_json::json;
use support::openclaw::{Gateway, OLDEST};

use clinic::Clinic;
use patient::Patient;

const STALE: &str = "deviceTokenStale";
const WRONG: &str = "sharedTokenWrong";
const RENEW: &[&str] = &["forgetDeviceToken", "connectWithSharedToken"];
const READ_AGAIN: &[&str] = &["readTokenAgain", "connectWithSharedToken"];
/// What is written where the gateway's token was.
const MISTYPED: &str = "a-mistyped-token";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stale_tokens_of_the_oldest_gateway_are_mended_too() {
    let extras = json!({ "browser": { "enabled": false }, "plugins": { "enabled": false }, "gateway": { "reload": { "mode": "off" } } });
    let mut clinic = Clinic::open(OLDEST, &extras).await;
    let [rotated, removed, retyped] = guests(&mut clinic, ["rotated", "removed", "retyped"]).await;
    a_wrong_clock_is_told_and_keeps_nobody_out(&rotated);
    turn_away(&clinic, [(&rotated, "rotate"), (&removed, "remove")]).await;
    mistype(&clinic, &retyped).await;
    clinic.write_token(Gateway::TOKEN);
    let orders = [(rotated, STALE, RENEW), (removed, STALE, RENEW), (retyped, WRONG, READ_AGAIN)];
    let going_on = orders.map(|(patient, cause, steps)| {
        tokio::task::spawn_blocking(move || patient.is_mended(cause, steps, &[Gateway::TOKEN, MISTYPED]))
    });
    for (mended, undoable) in going_on.into_iter().zip([true, true, false]) {
        let mended = mended.await.expect("mended");
        assert_eq!(mended["undoable"], undoable, "{mended}");
    }
}

/// Services on other computers of the house, each with a name and an access of its own.
async fn guests<const N: usize>(clinic: &mut Clinic, names: [&'static str; N]) -> [Patient; N] {
    let mut guests = Vec::new();
    for name in names {
        let guest = clinic.admit(name).await;
        guest.ask("gateway.connect", json!({ "on": true }));
        guests.push(guest);
    }
    for guest in &guests {
        guest.online("let in by the gateway's own token");
    }
    guests.try_into().expect("as many as there are names")
}

/// Every signature carries the gateway's own time.
fn a_wrong_clock_is_told_and_keeps_nobody_out(guest: &Patient) {
    let finding = guest.finding("clockWrong", |finding| finding["severity"] == "note");
    let ahead = finding["evidence"][0]["ms"].as_i64().expect("how far");
    assert!((ahead - clinic::AHEAD_S * 1000).abs() < 10_000, "{finding}");
    assert_eq!(finding["repair"]["why"], json!({ "kind": "onlyThePerson", "advice": "setClock" }), "{finding}");
}

/// Their access ends while nobody but OpenClaw can read its token: nothing mends by itself.
async fn turn_away<const N: usize>(clinic: &Clinic, guests: [(&Patient, &str); N]) {
    let hand = clinic.by_hand().await;
    clinic.hide_token();
    for (guest, how) in guests {
        let id = guest.device_id();
        guest.reconnect();
        guest.online("by its own token");
        match how {
            "rotate" => drop(hand.rotate(&id, "operator", None).await.expect("rotated")),
            "remove" => hand.remove(&id).await.expect("removed"),
            other => unreachable!("{other}"),
        }
        guest.stuck_with("gateway_device_token_stale");
    }
    // Nothing is promised that could not work.
    let finding = guests[0].0.finding(STALE, |_| true);
    assert_eq!(finding["repair"]["why"], json!({ "kind": "onlyThePerson", "advice": "mendReference" }), "{finding}");
}

/// The configuration says another token than the gateway goes by, and the access that outlived that is made anew.
async fn mistype(clinic: &Clinic, guest: &Patient) {
    let hand = clinic.by_hand().await;
    clinic.write_token(MISTYPED);
    guest.reconnect();
    guest.online("by its own token");
    hand.rotate(&guest.device_id(), "operator", None).await.expect("rotated");
    guest.stuck_with("gateway_token_wrong");
    let finding = guest.finding(WRONG, |_| true);
    assert!(finding["evidence"].as_array().is_some_and(|all| all.iter().any(|one| one["kind"] == "copy")), "{finding}");
    assert!(!finding.to_string().contains(MISTYPED), "fingerprints, no tokens: {finding}");
}
