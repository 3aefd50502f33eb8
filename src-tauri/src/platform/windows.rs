//! Windows.

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

/// The task bar is dark as delivered; the registry knows when it is not.
pub(crate) fn bar() -> Bar {
    const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize";
    let light = winreg::RegKey::predef(winreg::enums::HKEY_CURRENT_USER)
        .open_subkey(KEY)
        .and_then(|key| key.get_value::<u32, _>("SystemUsesLightTheme"));
    if matches!(light, Ok(1)) { Bar::Light } else { Bar::Dark }
}

/// Notifications.
pub(crate) fn plugins(builder: Builder<Wry>) -> Builder<Wry> {
    builder.plugin(tauri_plugin_notification::init())
}

/// Nothing to do.
pub(crate) fn be_tray(_app: &mut App) {}

/// Shows notifications until the process ends. The system always shows a tray.
pub(crate) fn serve(app: &AppHandle, controller: Handle, announcements: Receiver<Announcement>) {
    controller.send(ToController::Tray(true));
    tauri::async_runtime::spawn(plugin::show(app.clone(), announcements));
}

/// The web view follows the system by itself.
pub(crate) fn follow_colours(_app: &AppHandle) {}

/// A word of the entry's command.
pub(crate) fn login_word(word: &str) -> String {
    if word.contains(' ') { format!("\"{word}\"") } else { word.to_owned() }
}

/// `None`: the entry itself is asked.
pub(crate) fn login_entry_is_on() -> Option<bool> {
    None
}

/// Not looked for here.
pub(crate) fn login_entry_is_dead() -> bool {
    false
}
