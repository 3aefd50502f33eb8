//! Who has access to OpenClaw, and every token of it that goes stale, seen and mended in the window: the real OpenClaw beside the real application. What
//! cannot be mended ends with words there. The first one is mended with the keyboard alone, under axe's rules, in both languages; the same page says before that all is well.
//!
//! A boot costs up to 40 s: one story, of one gateway after the other in one window.

mod cases;
mod guests;
mod keys;
mod ward;

use anyhow::{Result, ensure};
use support::browser::pictures;
use support::desktop::{Desktop, LIMIT, Outfit};
use support::lab::Lab;
use support::openclaw::Gateway;
use support::webdriver::key;

use super::everybody::{key_on, obeys};
use ward::{RENEW, STALE, Ward};

const WELL: &str = "Health…";
const UNWELL: &str = "Health: something does not work…";

/// Under axe's rules, and photographed, in both languages. English is what it is left in.
fn in_both(ward: &mut Ward<'_>, page: &str) -> Result<()> {
    for (tongue, lang) in [("zh", "zh-CN"), ("en", "en")] {
        ward.speak(tongue)?;
        ward.window.wait_for(&format!("document.documentElement.lang === '{lang}'"), LIMIT)?;
        obeys(&mut ward.window, &format!("{page}, {tongue}"))?;
        ward.window.photograph(&pictures()?.join(format!("window-{page}-{tongue}-light.png")))?;
    }
    Ok(())
}

#[test]
fn every_stale_token_is_mended_by_one_click_and_photographed() -> Result<()> {
    let lab = Lab::new();
    // What is spawned in here, and what it spawns, is on this computer.
    lab.computer.enter(|| {
        let desktop = Desktop::start(&lab.computer, Outfit::default())?;
        let mut ward = Ward::open(&desktop)?;
        guests::they_come_and_go_by_the_page(&mut ward)?;
        a_revoked_access_is_mended_by_the_keyboard_and_put_back(&mut ward)?;
        cases::a_browser_with_an_old_token_gets_a_fresh_link(&mut ward)?;
        cases::a_wrong_clock_is_told_and_keeps_nobody_out(&mut ward)?;
        cases::a_rotated_access_is_mended_and_a_repair_that_cannot_work_ends_with_words(&mut ward)?;
        cases::a_pairing_that_waits_is_approved_by_its_request(&mut ward)?;
        cases::an_access_for_too_little_is_widened(&mut ward)?;
        cases::a_token_that_changed_in_the_configuration_waits_for_the_persons_restart(&mut ward)?;
        cases::an_access_that_a_twin_pruned_is_mended_and_the_twin_removed(&mut ward)?;
        cases::a_removed_access_is_mended_by_what_openclaw_keeps_in_its_store(&mut ward)?;
        cases::a_squatter_learns_nothing(&mut ward)?;
        cases::a_stray_with_the_same_token_is_no_matter_of_tokens(&mut ward)?;
        cases::a_new_state_is_met_with_the_token_of_its_gateway(&mut ward)?;
        cases::a_token_that_changed_only_in_the_environment_is_read_there(&mut ward)?;
        cases::a_gateway_without_a_lasting_token_gets_one(&mut ward)?;
        cases::too_many_tries_of_others_are_waited_for(&mut ward)
    })
}

fn a_revoked_access_is_mended_by_the_keyboard_and_put_back(ward: &mut Ward<'_>) -> Result<()> {
    key_on(&mut ward.window, "nav-gateway", key::ENTER)?;
    ward.window.find("gateway-device")?;
    in_both(ward, "gateway")?;
    // The twin: nothing is wrong, and nothing is found.
    key_on(&mut ward.window, "nav-health", key::ENTER)?;
    ward.window.find("health-looked")?;
    ward.window.wait_for(ward::WORKS, LIMIT)?;
    ensure!(!ward.window.has("finding")? && !ward.window.has("nav-unwell")?, "something was found");
    ward.tray.until("all is well", |menu| menu.has(&[WELL]) && !menu.has(&[UNWELL]))?;

    ward.turn_away(Gateway::TOKEN, "revoke")?;
    ward.write_token(Gateway::TOKEN)?;
    ward.finds(STALE)?;
    ward.window.find("nav-unwell")?;
    ward.tray.until("something is wrong", |menu| menu.has(&[UNWELL]))?;
    in_both(ward, "health-finding")?;

    let before = ward.last()?;
    key_on(&mut ward.window, "finding-repair", key::ENTER)?;
    ward.window.wait_for("document.activeElement?.dataset.test === 'repair-no'", LIMIT)?;
    in_both(ward, "health-plan")?;
    ensure!(ward.app.view()?["care"]["running"].is_null(), "nobody agreed yet");
    ward.window.wait_for(ward::READ, LIMIT)?;
    key_on(&mut ward.window, "repair-yes", key::ENTER)?;
    ward.window.wait_for("document.activeElement?.dataset.test === 'repair-card'", LIMIT)?;
    ward.is_mended(&before, STALE, RENEW)?;
    ensure!(!ward.window.has("finding")?, "something is found still");
    ward.tray.until("all is well again", |menu| menu.has(&[WELL]) && !menu.has(&[UNWELL]))?;
    in_both(ward, "health-repaired")?;

    // The window tells what was done, and puts back what was put aside.
    key_on(&mut ward.window, "history-open", key::ENTER)?;
    ward.window.find("history-repair")?;
    key_on(&mut ward.window, "repair-undo", key::ENTER)?;
    ward.window.wait_for("document.activeElement?.dataset.test === 'undo-no'", LIMIT)?;
    key_on(&mut ward.window, "undo-yes", key::ENTER)?;
    ward.is_undone()?;
    obeys(&mut ward.window, "health, undone")?;
    // With the token in sight, the link mends by itself what was put back.
    ward.online("online again")
}
