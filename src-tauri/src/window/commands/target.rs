//! Which gateway is meant.

use desk::control::answer::{GatewayChosen, GatewayLook, Nothing};
use desk::control::request::{GatewayChoice, Request};
use tauri::State;

use super::super::link::Owner;
use super::Answer;

/// Who answers at an address, before anybody trusts it.
#[tauri::command]
#[specta::specta]
pub(crate) async fn look_at_gateway(owner: State<'_, Owner>, url: String) -> Answer<GatewayLook> {
    owner.ask(Request::GatewayLook { url }).await
}

/// The gateway of another computer is the one from now on; it is tried first.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_gateway(owner: State<'_, Owner>, choice: GatewayChoice) -> Answer<GatewayChosen> {
    owner.ask(Request::GatewayChoose(Box::new(choice))).await
}

/// The gateway of this computer is the one again.
#[tauri::command]
#[specta::specta]
pub(crate) async fn choose_local_gateway(owner: State<'_, Owner>) -> Answer<Nothing> {
    owner.ask(Request::GatewayChooseLocal {}).await
}
