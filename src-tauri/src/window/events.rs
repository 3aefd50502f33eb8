//! What the page hears.

use desk::control::answer::BindEvent;
use desk::failure::Failure;
use desk::page::Page;
use desk::view::View;
use serde::{Deserialize, Serialize};
use specta::Type;
use tauri::{AppHandle, Emitter as _};
use tauri_specta::Event;

/// Tells the page. Needs no register of events, which [`Event::emit`] does.
///
/// # Errors
/// Tauri's.
pub(crate) fn tell<E: Event + Serialize + Clone>(app: &AppHandle, event: &E) -> tauri::Result<()> {
    app.emit(E::NAME, event)
}

/// Everything it shows, anew. After an [`OwnerLost`] it says that the owner is back.
#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub(crate) struct ViewChanged(pub View);

/// The page that it shall show.
#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub(crate) struct PageShown(pub Page);

/// How far a binding code is.
#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub(crate) struct BindChanged {
    /// Which code.
    pub bind: String,
    /// How far.
    pub event: BindEvent,
}

/// SmartPi does not answer. With `control_lost` it is being looked for; with any other code it is not there, and `retry_owner` starts it again.
#[derive(Clone, Debug, Serialize, Deserialize, Type, Event)]
pub(crate) struct OwnerLost(pub Failure);
