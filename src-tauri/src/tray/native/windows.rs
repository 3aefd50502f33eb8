//! Windows.

use std::path::Path;

use tauri::App;

use crate::icon::Bar;
use crate::login_line;

/// The task bar is dark as delivered; the registry knows when it is not.
pub(crate) fn bar() -> Bar {
    const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize";
    let light = winreg::RegKey::predef(winreg::enums::HKEY_CURRENT_USER)
        .open_subkey(KEY)
        .and_then(|key| key.get_value::<u32, _>("SystemUsesLightTheme"));
    if matches!(light, Ok(1)) { Bar::Light } else { Bar::Dark }
}

/// Nothing to do.
pub(super) fn be_tray(_app: &mut App) {}

/// A word of the entry's command.
pub(super) fn login_word(word: &str) -> String {
    login_line::quoted(word)
}

/// Quotes the program in the entry, where its path needs it.
pub(super) fn quote_login_program(program: &Path) -> std::io::Result<()> {
    const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
    let Some(program) = program.to_str() else { return Ok(()) };
    let key = winreg::RegKey::predef(winreg::enums::HKEY_CURRENT_USER)
        .open_subkey_with_flags(KEY, winreg::enums::KEY_READ | winreg::enums::KEY_WRITE)?;
    let line: String = key.get_value("SmartPi")?;
    login_line::with_program_quoted(&line, program).map_or(Ok(()), |line| key.set_value("SmartPi", &line))
}
