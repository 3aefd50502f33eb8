//! macOS.

use std::path::Path;

use tauri::App;

use crate::icon::Bar;

/// The system colours it.
pub(crate) fn bar() -> Bar {
    Bar::Template
}

/// No icon in the Dock: the window's process has one.
pub(super) fn be_tray(app: &mut App) {
    app.set_activation_policy(tauri::ActivationPolicy::Accessory);
}

/// A word of the entry's command.
pub(super) fn login_word(word: &str) -> String {
    word.to_owned()
}

/// Nothing to do: the entry holds a list of words, not a line.
pub(super) fn quote_login_program(_program: &Path) -> std::io::Result<()> {
    Ok(())
}
