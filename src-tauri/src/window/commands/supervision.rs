//! The service that runs OpenClaw.

use desk::control::answer::{Nothing, ServiceAct};
use desk::control::request::Request;
use tauri::State;

use super::super::link::Owner;
use super::Answer;

/// Has the service that runs OpenClaw do something. Only for a click of the person.
#[tauri::command]
#[specta::specta]
pub(crate) async fn gateway_service(owner: State<'_, Owner>, act: ServiceAct) -> Answer<Nothing> {
    owner.ask(Request::GatewayService { act }).await
}
