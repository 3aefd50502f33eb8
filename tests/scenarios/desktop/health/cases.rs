//! The ways in which a token goes stale, each made on purpose, in the order in which one computer can live them.

use anyhow::{Context, Result, ensure};
use gateway::{ConnectFailure, Who};
use serde_json::json;
use support::desktop::LIMIT;
use support::openclaw::{Gateway, attempt};

use super::ward::{MISTYPED, RENEW, SECOND, SOON, STALE, WORKS, WRONG, Ward};
use crate::gateway_link::{Squatter, as_an_old_dashboard, believe, on_windows};

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
    ward.an_hour_passes()?;
    ward.turn_away(Gateway::TOKEN, "rotate")?;
    ward.has_words_for(STALE, &json!({ "kind": "onlyThePerson", "advice": "mendReference" }))?;
    let mut told = false;
    for _ in 0..2 {
        ward.write_token(MISTYPED)?;
        ward.finds(STALE)?;
        let before = ward.last()?;
        ward.agrees(STALE)?;
        let failed = ward.ended(&before, "bad")?;
        ensure!(failed["outcome"] == json!({ "kind": "failed", "step": 1 }), "{failed}");
        ensure!(failed["steps"][1]["failure"] == "gateway_token_wrong" && failed["undoable"] == true, "{failed}");
        ward.hide_token()?;
        if !told {
            without_any_token_it_is_told_where_it_should_be(ward)?;
            told = true;
        }
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
    a_variable_that_is_referred_to_is_named_and_read(ward)
}

/// Our own access is put aside, and nothing else can be read.
fn without_any_token_it_is_told_where_it_should_be(ward: &mut Ward<'_>) -> Result<()> {
    ward.reconnect()?;
    ward.stuck_with("gateway_token_missing")?;
    ward.has_words_for("tokenMissing", &json!({ "kind": "onlyThePerson", "advice": "mendReference" })).map(drop)
}

/// What a device says of itself is pinned when it is let in: the same key from another system waits for a yes to exactly its request.
pub(super) fn a_pairing_that_waits_is_approved_by_its_request(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    ward.write_token(Gateway::TOKEN)?;
    let (id, _) = ward.us()?;
    ward.wish(false)?;
    let ourselves = ward.identity()?;
    ward.run(async { ward.by_hand(Gateway::TOKEN).await.remove(&id).await })?;
    let refused = ward.run(on_windows(ward.gateway.port, &ourselves));
    ensure!(refused.is_none(), "it is let in: {refused:?}");
    ward.wish(true)?;
    ward.stuck_with("gateway_pairing_needed")?;
    let done = ward.mends("pairingPending", &["approvePairing", "connectWithSharedToken"])?;
    let [request, step] = [&done["plan"]["evidence"][1]["id"], &done["plan"]["steps"][0]["step"]["requestId"]];
    ensure!(request.is_string() && request == step, "exactly that one: {done}");
    ensure!(ward.us()?.0 == id, "the same device");
    Ok(())
}

/// Somebody let us in for less than we ask for.
pub(super) fn an_access_for_too_little_is_widened(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    ward.hide_token()?;
    ward.narrow_access(Gateway::TOKEN, "operator.read")?;
    ward.wish(true)?;
    ward.stuck_with("gateway_scope")?;
    ward.write_token(Gateway::TOKEN)?;
    ward.mends("scopeMissing", &["connectWithSharedToken"]).map(drop)
}

/// A dashboard that is open in some browser goes on with an old token: a fresh link, and what to do if that is not enough.
pub(super) fn a_browser_with_an_old_token_gets_a_fresh_link(ward: &mut Ward<'_>) -> Result<()> {
    ward.run(as_an_old_dashboard(ward.gateway.port));
    let done = ward.mends("dashboardStale", &["openDashboard"])?;
    ensure!(done["plan"]["evidence"][0]["count"] == 1, "{done}");
    let words = ward.window.text("[data-test=repair-card]", LIMIT)?;
    ensure!(words.contains("site data") && words.contains(&ward.gateway.port.to_string()), "{words}");
    Ok(())
}

/// Nothing says how to sign in: OpenClaw makes up a token at its start, and tells nobody.
pub(super) fn a_gateway_without_a_lasting_token_gets_one(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    ward.wish(false)?;
    ward.lose_access()?;
    std::fs::remove_file(ward.gateway.state_dir.join(".env"))?;
    let limit = json!({ "maxAttempts": 3, "windowMs": 600_000, "lockoutMs": 600_000, "exemptLoopback": false });
    ward.edit(|config| config["gateway"]["auth"] = json!({ "rateLimit": limit }))?;
    ward.gateway.variables.clear();
    ward.restart();
    ward.wish(true)?;
    ward.stuck_with("gateway_token_missing")?;
    ward.mends("noAuthConfigured", &["writeAuth", "awaitRestart"])?;
    let config = ward.gateway.config();
    let token = config["gateway"]["auth"]["token"].as_str().context("a token")?;
    ensure!(token.len() >= 32 && !ward.journal()?.contains(token), "a token, and nobody else has it");
    Ok(())
}

/// Somebody tries tokens: the gateway hears nobody for a while, and there is nothing to click.
pub(super) fn too_many_tries_of_others_are_waited_for(ward: &mut Ward<'_>) -> Result<()> {
    ward.wish(false)?;
    ward.lose_access()?;
    let tries = async || ward.connect(Who::Repair, "Somebody", "a-guess").await.err().filter(is_limited);
    ward.run(attempt(SOON, tries)).context("never limited")?;
    ward.wish(true)?;
    ward.until("limited", |view| view["gateway"]["failure"]["code"] == "gateway_limited")?;
    let found = ward.finding_with_words("rateLimited")?;
    let why = &found["repair"]["why"];
    ensure!(why["kind"] == "wait" && why["afterMs"].as_u64().is_some_and(|after| after > 1_000), "{found}");
    Ok(())
}

fn is_limited(failure: &ConnectFailure) -> bool {
    matches!(failure, ConnectFailure::RateLimited { .. })
}

/// The configuration names a variable: while nobody sets it the words say which, and the usual one does not fill in.
fn a_variable_that_is_referred_to_is_named_and_read(ward: &mut Ward<'_>) -> Result<()> {
    let variables = ward.gateway.state_dir.join(".env");
    std::fs::write(&variables, format!("OPENCLAW_GATEWAY_TOKEN={}\n", Gateway::TOKEN))?;
    ward.refer_to(json!("${OUR_TOKEN}"))?;
    let found = ward.has_words_for(STALE, &json!({ "kind": "onlyThePerson", "advice": "mendReference" }))?;
    let to = json!({ "kind": "variable", "name": "OUR_TOKEN" });
    let told = found["evidence"].as_array().into_iter().flatten().map(|one| &one["copy"]["value"]);
    ensure!(told.clone().any(|value| *value == json!({ "kind": "reference", "to": to, "found": false })), "{found}");
    let words = ward.window.text(&format!("[data-cause={STALE}] [data-test=counsel]"), LIMIT)?;
    ensure!(words.contains("OUR_TOKEN="), "{words}");
    std::fs::write(&variables, format!("OUR_TOKEN={}\n", Gateway::TOKEN))?;
    ward.mends(STALE, RENEW)?;
    Ok(std::fs::remove_file(variables)?)
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

/// The token is in OpenClaw's own store, where its setup puts it.
pub(super) fn a_removed_access_is_mended_by_what_openclaw_keeps_in_its_store(ward: &mut Ward<'_>) -> Result<()> {
    ward.an_hour_passes()?;
    ward.turn_away(SECOND, "remove")?;
    ward.refer_to(json!({ "source": "store", "provider": "default", "id": "KEPT_TOKEN" }))?;
    ward.has_words_for(STALE, &json!({ "kind": "onlyThePerson", "advice": "mendReference" }))?;
    ward.store("KEPT_TOKEN", SECOND)?;
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
