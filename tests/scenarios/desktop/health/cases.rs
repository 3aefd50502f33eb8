//! The ways in which a token goes stale, each made on purpose, in the order in which one computer can live them.

use anyhow::{Context, Result, ensure};
use serde_json::json;
use support::desktop::LIMIT;
use support::openclaw::Gateway;

use super::ward::{MISTYPED, RENEW, SECOND, STALE, WORKS, WRONG, Ward};
use crate::gateway_link::{Squatter, believe};

const CLOCK: &str = "clockWrong";
const DEAD: &str = "deadRecords";
/// What the clock is ahead by, at first.
const AHEAD_S: i64 = 300;

/// Every signature carries the gateway's own time.
pub(super) fn a_wrong_clock_is_told_and_keeps_nobody_out(ward: &mut Ward<'_>) -> Result<()> {
    ward.clock_goes_ahead(AHEAD_S)?;
    ward.reconnect()?;
    ward.online("with a clock that is five minutes wrong")?;
    let found = ward.has_words_for(CLOCK, &json!({ "kind": "onlyThePerson", "advice": "setClock" }))?;
    let ahead_ms = found["evidence"][0]["ms"].as_i64().context("how far")?;
    ensure!((ahead_ms - AHEAD_S * 1000).abs() < 10_000 && found["severity"] == "note", "{found}");
    ward.window.wait_for(WORKS, LIMIT)?;
    Ok(())
}

/// Nothing is promised that could not work. Then the person writes down another token than the gateway's, twice: each time the repair stops at the step that
/// fails, and what it put aside is put back. The third time it is not begun; and with the right token it helps.
pub(super) fn a_rotated_access_is_mended_and_a_repair_that_cannot_work_ends_with_words(
    ward: &mut Ward<'_>,
) -> Result<()> {
    ward.turn_away(Gateway::TOKEN, "rotate")?;
    ward.has_words_for(STALE, &json!({ "kind": "onlyThePerson", "advice": "enterToken" }))?;
    for _ in 0..2 {
        ward.write_token(MISTYPED)?;
        ward.finds(STALE)?;
        let before = ward.last()?;
        ward.agrees(STALE)?;
        let failed = ward.ended(&before, "bad")?;
        ensure!(failed["outcome"] == json!({ "kind": "failed", "step": 1 }), "{failed}");
        ensure!(failed["steps"][1]["failure"] == "gateway_token_wrong" && failed["undoable"] == true, "{failed}");
        ward.hide_token()?;
        ward.undoes()?;
        ward.stuck_with("gateway_device_token_stale")?;
    }
    ward.write_token(MISTYPED)?;
    ward.finds(STALE)?;
    let journal = ward.journal()?;
    ward.agrees(STALE)?;
    ward.is_refused("repair_tried")?;
    ensure!(ward.journal()? == journal, "something was begun");

    ward.an_hour_passes()?;
    ward.write_token(Gateway::TOKEN)?;
    ward.mends(STALE, RENEW).map(drop)
}

/// The configuration is right, and the gateway runs with an older token. It was started in a terminal: there the person restarts it, and SmartPi waits.
pub(super) fn a_token_that_changed_in_the_configuration_waits_for_the_persons_restart(
    ward: &mut Ward<'_>,
) -> Result<()> {
    ward.an_hour_passes()?;
    ward.write_token(SECOND)?;
    ward.reconnect()?;
    ward.end_access(Gateway::TOKEN, "rotate")?;
    ward.stuck_with("gateway_token_wrong")?;
    ward.finds(WRONG)?;
    let before = ward.last()?;
    ward.agrees(WRONG)?;
    ward.until("the person's turn", |view| view["care"]["running"]["step"] == 0)?;
    ward.window.wait_for("document.querySelector('[data-test=repair-card]')?.dataset.shape === 'wait'", LIMIT)?;
    ward.restart();
    ward.is_mended(&before, WRONG, &["awaitRestart"]).map(drop)
}

/// Of two devices with one name the gateway forgets the one that is away; and once that is back, the other one is dead.
pub(super) fn an_access_that_a_twin_pruned_is_mended_and_the_twin_removed(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    let (id, name) = ward.us()?;
    ward.hide_token()?;
    ward.wish(false)?;
    let twin = ward.run(ward.prune(SECOND, &id, &name))?;
    ward.wish(true)?;
    ward.stuck_with("gateway_device_token_stale")?;
    ward.write_token(SECOND)?;
    ward.mends(STALE, RENEW)?;
    let removed = ward.mends(DEAD, &["removeRecord"])?;
    let evidence = &removed["plan"]["evidence"];
    ensure!(*evidence == json!([{ "kind": "device", "id": twin, "name": name }]), "the twin alone: {evidence}");
    let left = ward.run(async { ward.by_hand(SECOND).await.devices().await })?.paired;
    ensure!(left.iter().all(|device| device.device_id != twin), "the twin is gone: {left:?}");
    Ok(())
}

pub(super) fn a_removed_access_is_mended(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    ward.turn_away(SECOND, "remove")?;
    ward.write_token(SECOND)?;
    ward.mends(STALE, RENEW).map(drop)
}

/// Somebody takes the port while the person reads the plan. A link that believes whoever listens gives the token away: the squatter would hear it.
pub(super) fn a_squatter_learns_nothing(ward: &mut Ward<'_>) -> Result<()> {
    ward.turn_away(SECOND, "rotate")?;
    ward.write_token(SECOND)?;
    ward.finds(STALE)?;
    let journal = ward.journal()?;
    ward.reads(STALE)?;
    ward.stop();
    let squatter = ward.run(Squatter::take_port(ward.gateway.port));
    ward.window.press_on("repair-yes")?;
    ward.is_refused("repair_changed")?;
    ward.reconnect()?;
    ward.stuck_with("gateway_not_openclaw")?;
    ward.has_words_for("foreignProgram", &json!({ "kind": "notAboutTokens" }))?;
    ensure!(ward.journal()? == journal, "something was begun");
    ensure!(squatter.all().is_empty(), "it is told nothing at all: {:?}", squatter.all());
    ward.run(believe(&ward.gateway, SECOND));
    ensure!(squatter.heard(SECOND), "the check would not have seen a secret: {:?}", squatter.all());
    Ok(())
}

/// Another OpenClaw has the port and the same token, from its environment: it would take whatever is shown to it.
pub(super) fn a_stray_with_the_same_token_is_no_matter_of_tokens(ward: &mut Ward<'_>) -> Result<()> {
    let stray = ward.stray(SECOND)?;
    let journal = ward.journal()?;
    ward.reconnect()?;
    ward.stuck_with("gateway_other")?;
    ward.has_words_for("wrongInstance", &json!({ "kind": "notAboutTokens" }))?;
    let found = ward.app.view()?["care"]["findings"].take();
    ensure!(found.as_array().is_some_and(|all| all.len() == 1), "no word of tokens: {found}");
    ensure!(ward.journal()? == journal, "something was done about it");
    // The person gives up the old state for that one.
    ward.moves_into(stray)
}

/// Nobody is known in a new state, and its gateway's token is in its environment alone.
pub(super) fn a_new_state_is_met_with_the_token_of_its_gateway(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    ward.reconnect()?;
    ward.stuck_with("gateway_device_token_stale")?;
    let done = ward.mends(STALE, &["forgetDeviceToken", "readTokenAgain", "connectWithSharedToken"])?;
    ensure!(done["plan"]["steps"][1]["step"]["place"]["kind"] == "gateway", "{done}");
    Ok(())
}

/// A file says another token than the one that the gateway was started with.
pub(super) fn a_token_that_changed_only_in_the_environment_is_read_there(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    std::fs::write(ward.gateway.state_dir.join(".env"), format!("OPENCLAW_GATEWAY_TOKEN={MISTYPED}\n"))?;
    ward.reconnect()?;
    ward.end_access(SECOND, "rotate")?;
    ward.stuck_with("gateway_token_wrong")?;
    let done = ward.mends(WRONG, &["readTokenAgain", "connectWithSharedToken"])?;
    ensure!(done["plan"]["steps"][0]["step"]["place"]["kind"] == "gateway", "{done}");
    let copies = done["plan"]["evidence"].as_array().context("evidence")?;
    ensure!(copies.iter().filter(|one| one["kind"] == "copy").count() == 2, "where each copy lives: {done}");
    Ok(())
}
