//! Our entries in OpenClaw's configuration.

use desk::control::answer::{EntriesPlan, EntriesWritten, EntryChange, Nothing};
use desk::control::request::Request;
use tauri::State;

use super::super::link::Owner;
use super::Answer;

/// What a change of our entries would write.
#[tauri::command]
#[specta::specta]
pub(crate) async fn preview_entries(owner: State<'_, Owner>, change: EntryChange) -> Answer<EntriesPlan> {
    owner.ask(Request::EntriesPreview { change }).await
}

/// Writes that, as it was shown. Only for a click of the person.
#[tauri::command]
#[specta::specta]
pub(crate) async fn write_entries(
    owner: State<'_, Owner>,
    change: EntryChange,
    shown: String,
) -> Answer<EntriesWritten> {
    owner.ask(Request::EntriesWrite { change, shown }).await
}

/// What is missing of our entries shall stay away.
#[tauri::command]
#[specta::specta]
pub(crate) async fn leave_entries(owner: State<'_, Owner>) -> Answer<Nothing> {
    owner.ask(Request::EntriesLeave {}).await
}
