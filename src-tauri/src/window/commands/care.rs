//! What is wrong, and its repair.

use desk::control::answer::{Nothing, RepairView, Repairs};
use desk::control::request::Request;
use tauri::State;

use super::super::link::Owner;
use super::Answer;

/// Looks whether something is wrong; what is found follows in the view.
#[tauri::command]
#[specta::specta]
pub(crate) async fn care_look(owner: State<'_, Owner>) -> Answer<Nothing> {
    owner.ask(Request::CareLook {}).await
}

/// Carries out a plan of the view. Only for a click of the person.
#[tauri::command]
#[specta::specta]
pub(crate) async fn care_repair(owner: State<'_, Owner>, plan: String) -> Answer<RepairView> {
    owner.ask(Request::CareRepair { plan }).await
}

/// Waits no longer for a gateway that a repair asked to end. Only for a click of the person.
#[tauri::command]
#[specta::specta]
pub(crate) async fn care_stop_waiting(owner: State<'_, Owner>) -> Answer<Nothing> {
    owner.ask(Request::CareStopWaiting {}).await
}

/// Puts back what a repair put aside. Only for a click of the person.
#[tauri::command]
#[specta::specta]
pub(crate) async fn care_undo(owner: State<'_, Owner>, plan: String) -> Answer<RepairView> {
    owner.ask(Request::CareUndo { plan }).await
}

/// The person has seen that a repair was interrupted.
#[tauri::command]
#[specta::specta]
pub(crate) async fn care_acknowledge(owner: State<'_, Owner>, plan: String) -> Answer<Nothing> {
    owner.ask(Request::CareAcknowledge { plan }).await
}

/// What was repaired, newest first, at most 50.
#[tauri::command]
#[specta::specta]
pub(crate) async fn care_history(owner: State<'_, Owner>) -> Answer<Repairs> {
    owner.ask(Request::CareHistory {}).await
}
