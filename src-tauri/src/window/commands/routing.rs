//! Who answers a device.

use desk::control::answer::{GatewayAgents, RoutePlan, Routed};
use desk::control::request::Request;
use tauri::State;

use super::super::link::Owner;
use super::Answer;

/// Which agents the gateway has, and which of them answers each of our devices.
#[tauri::command]
#[specta::specta]
pub(crate) async fn gateway_agents(owner: State<'_, Owner>) -> Answer<GatewayAgents> {
    owner.ask(Request::GatewayAgents {}).await
}

/// What it would change to let an agent answer a device; null: no choice of the person's.
#[tauri::command]
#[specta::specta]
pub(crate) async fn preview_route(
    owner: State<'_, Owner>,
    device_key: String,
    agent: Option<String>,
) -> Answer<RoutePlan> {
    owner.ask(Request::DevicesRoutePreview { device_key, agent }).await
}

/// Lets an agent answer a device, as the plan of this name said.
#[tauri::command]
#[specta::specta]
pub(crate) async fn route_device(
    owner: State<'_, Owner>,
    device_key: String,
    agent: Option<String>,
    shown: String,
) -> Answer<Routed> {
    owner.ask(Request::DevicesRoute { device_key, agent, shown: Some(shown) }).await
}
