//! macOS.

use std::process::Command;

use desk::controller::{Handle, ToController};
use desk::notices::Announcement;
use tauri::{App, AppHandle, Builder, Wry};
use tokio::sync::mpsc::Receiver;

use super::{Bar, plugin};

/// A session always has one.
pub(crate) fn may_have_display() -> bool {
    true
}

/// A session always has one.
pub(crate) fn has_display() -> bool {
    true
}

/// Nothing to prepare.
pub(crate) fn prepare_tray() {}

/// Nothing to prepare.
pub(crate) fn prepare_window() {}

/// Nothing of ours is in the environment.
pub(crate) fn clean(_command: &mut Command) {}

/// The system colours it.
pub(crate) fn bar() -> Bar {
    Bar::Template
}

/// Notifications.
pub(crate) fn plugins(builder: Builder<Wry>) -> Builder<Wry> {
    builder.plugin(tauri_plugin_notification::init())
}

/// No icon in the Dock: the window's process has one.
pub(crate) fn be_tray(app: &mut App) {
    app.set_activation_policy(tauri::ActivationPolicy::Accessory);
}

/// Shows notifications until the process ends. The system always shows a tray.
pub(crate) fn serve(app: &AppHandle, controller: Handle, announcements: Receiver<Announcement>) {
    controller.send(ToController::Tray(true));
    tauri::async_runtime::spawn(plugin::show(app.clone(), announcements));
}

/// The web view follows the system by itself.
pub(crate) fn follow_colours(_app: &AppHandle) {}

/// A word of the entry's command.
pub(crate) fn login_word(word: &str) -> String {
    word.to_owned()
}

/// `None`: the entry itself is asked.
pub(crate) fn login_entry_is_on() -> Option<bool> {
    None
}

/// Not looked for here.
pub(crate) fn login_entry_is_dead() -> bool {
    false
}
