//! Who has access to OpenClaw, on the window's page: what others ask for and what becomes of it appears by itself, and what a person does there the real
//! gateway has done.

use anyhow::{Context, Result, ensure};
use gateway::{DeviceList, Identity, Paired};
use serde_json::json;
use support::desktop::LIMIT;
use support::openclaw::Gateway;
use support::webdriver::key;

use super::in_both;
use super::ward::Ward;
use crate::desktop::everybody::{key_on, obeys};
use crate::gateway_link::{as_a_page, page_is_in};

/// Only who may: the button works once the words were up long enough to be read.
const MAY_APPROVE: &str = "document.querySelector('[data-test=approve-yes]')?.ariaDisabled === 'false'";
const NO_DIALOG: &str = "!document.querySelector('dialog[open]')";

pub(super) fn they_come_and_go_by_the_page(ward: &mut Ward<'_>) -> Result<()> {
    let [phone, tablet, television] = [31, 32, 33].map(|seed| Identity::from_seed(&[seed; Identity::SEED_BYTES]));
    key_on(&mut ward.window, "nav-gateway", key::ENTER)?;
    ward.window.find("gateway-device")?;
    one_is_let_in(ward, &phone)?;
    it_is_looked_after(ward, &phone)?;
    it_is_sent_away(ward, &phone)?;
    one_is_turned_away(ward, &phone)?;
    what_somebody_else_decides_is_seen(ward, &tablet)?;
    all_others_go_by_a_typed_word(ward, &tablet, &television)
}

fn one_is_turned_away(ward: &mut Ward<'_>, phone: &Identity) -> Result<()> {
    let card = asks(ward, phone)?;
    ward.window.click(&format!("{card} [data-test=request-reject]"))?;
    goes(ward, &card)?;
    let list = list(ward)?;
    ensure!(list.pending.is_empty() && paired(&list, phone).is_none(), "{list:?}");
    Ok(())
}

fn one_is_let_in(ward: &mut Ward<'_>, phone: &Identity) -> Result<()> {
    let card = asks(ward, phone)?;
    in_both(ward, "gateway-request")?;
    ward.window.click(&format!("{card} [data-test=request-approve]"))?;
    ward.window.find("approve-rights")?;
    ensure!(paired(&list(ward)?, phone).is_none(), "let in before anybody agreed");
    in_both(ward, "gateway-approve")?;
    ward.window.wait_for(MAY_APPROVE, LIMIT)?;
    ward.window.press_on("approve-yes")?;
    appears(ward, &row(phone))?;
    goes(ward, &card)?;
    let port = ward.gateway.port;
    ensure!(ward.run(page_is_in(port, phone)), "it is not let in");
    let list = list(ward)?;
    let device = paired(&list, phone).with_context(|| format!("{list:?}"))?;
    ensure!(device.scopes == ["operator.read"], "{device:?}");
    Ok(())
}

/// It gets a name, and a new token.
fn it_is_looked_after(ward: &mut Ward<'_>, phone: &Identity) -> Result<()> {
    chooses(ward, phone, "gateway-rename")?;
    ward.window.wait_for("document.activeElement?.dataset.test === 'rename-name'", LIMIT)?;
    ward.window.press("Grandma's phone")?;
    ward.window.press(key::ENTER)?;
    let named = format!("document.querySelector({})?.textContent.includes(\"Grandma's phone\")", json!(row(phone)));
    ward.window.wait_for(&named, LIMIT)?;
    let before = list(ward)?;
    let device = paired(&before, phone).context("it is there")?;
    ensure!(device.operator_label.as_deref() == Some("Grandma's phone"), "{device:?}");
    let made = device.tokens.first().context("a token")?.clone();

    agrees_to(ward, phone, "gateway-rotate-operator")?;
    let after = list(ward)?;
    let token = paired(&after, phone).and_then(|device| device.tokens.first()).context("a token")?;
    ensure!(token.rotated_at_ms.is_some() && token.rotated_at_ms != made.rotated_at_ms, "{made:?} {token:?}");
    Ok(())
}

/// Its token ends, and then the device is nobody any more.
fn it_is_sent_away(ward: &mut Ward<'_>, phone: &Identity) -> Result<()> {
    agrees_to(ward, phone, "gateway-revoke-operator")?;
    let revoked = list(ward)?;
    let device = paired(&revoked, phone).context("it stays in the list")?;
    ensure!(device.tokens.iter().all(|token| token.revoked_at_ms.is_some()), "a token is left: {device:?}");
    let words = format!("document.querySelector({})?.textContent.includes('its token was revoked')", json!(row(phone)));
    ward.window.wait_for(&words, LIMIT)?;
    agrees_to(ward, phone, "gateway-remove")?;
    goes(ward, &row(phone))?;
    let removed = list(ward)?;
    ensure!(paired(&removed, phone).is_none(), "{removed:?}");
    Ok(())
}

/// The page follows what is decided elsewhere, without a click.
fn what_somebody_else_decides_is_seen(ward: &mut Ward<'_>, tablet: &Identity) -> Result<()> {
    let card = asks(ward, tablet)?;
    ward.run(async {
        let hand = ward.by_hand(Gateway::TOKEN).await;
        let waiting = hand.devices().await?.pending;
        let request = waiting.first().context("a request")?;
        hand.approve(&request.request_id).await.map(drop).context("approved")
    })?;
    goes(ward, &card)?;
    appears(ward, &row(tablet))
}

fn all_others_go_by_a_typed_word(ward: &mut Ward<'_>, tablet: &Identity, television: &Identity) -> Result<()> {
    asks(ward, television)?;
    ward.window.press_on("gateway-clear")?;
    ward.window.press_on("clear-devices")?;
    obeys(&mut ward.window, "clear")?;
    let held = |is: bool| format!("document.querySelector('[data-test=clear-yes]')?.ariaDisabled === '{is}'");
    ward.window.type_into("[data-test=clear-word]", "remov")?;
    ward.window.wait_for(&held(true), LIMIT)?;
    ward.window.press(key::ENTER)?;
    ensure!(paired(&list(ward)?, tablet).is_some(), "half a word counts");
    ward.window.type_into("[data-test=clear-word]", "e")?;
    ward.window.wait_for(&held(false), LIMIT)?;
    ward.window.press_on("clear-yes")?;
    ward.window.wait_for(NO_DIALOG, LIMIT)?;
    let told = ward.window.words("gateway-told")?;
    ensure!(told == "Removed devices: 1. Rejected requests: 1.", "{told}");
    ward.window.find("gateway-empty")?;
    let list = list(ward)?;
    let (ours, _) = ward.us()?;
    ensure!(list.pending.is_empty(), "{list:?}");
    ensure!(list.paired.iter().map(|device| &device.device_id).eq([&ours]), "{list:?}");
    ward.online("still in")
}

/// A web page asks for access with this key, and the card of its request appears. Gives the card.
fn asks(ward: &mut Ward<'_>, who: &Identity) -> Result<String> {
    let port = ward.gateway.port;
    let request = ward.run(as_a_page(port, who));
    let card = format!("[data-test=gateway-request][data-request=\"{}\"]", request.as_str());
    appears(ward, &card)?;
    Ok(card)
}

fn appears(ward: &mut Ward<'_>, css: &str) -> Result<()> {
    ward.window.wait_for(&format!("!!document.querySelector({})", json!(css)), LIMIT).map(drop)
}

fn goes(ward: &mut Ward<'_>, css: &str) -> Result<()> {
    ward.window.wait_for(&format!("!document.querySelector({})", json!(css)), LIMIT).map(drop)
}

fn row(who: &Identity) -> String {
    format!("[data-test=gateway-device][data-id=\"{}\"]", who.device_id())
}

/// Out of the menu of a device.
fn chooses(ward: &mut Ward<'_>, who: &Identity, item: &str) -> Result<()> {
    let row = row(who);
    let item = format!("{row} [data-test={item}]");
    ward.window.click(&format!("{row} [data-test=gateway-menu]"))?;
    appears(ward, &item)?;
    ward.window.click(&item)
}

/// The same, and the question that follows is answered with yes.
fn agrees_to(ward: &mut Ward<'_>, who: &Identity, item: &str) -> Result<()> {
    chooses(ward, who, item)?;
    ward.window.find("gateway-yes")?;
    obeys(&mut ward.window, item)?;
    ward.window.press_on("gateway-yes")?;
    ward.window.wait_for(NO_DIALOG, LIMIT).map(drop)
}

/// What the gateway says, asked past the application.
fn list(ward: &Ward<'_>) -> Result<DeviceList> {
    ward.run(async { ward.by_hand(Gateway::TOKEN).await.devices().await }).context("a list")
}

fn paired<'a>(list: &'a DeviceList, who: &Identity) -> Option<&'a Paired> {
    list.paired.iter().find(|device| device.device_id == who.device_id())
}
