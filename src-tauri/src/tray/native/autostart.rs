//! Starting at login, by Tauri's plugin. An entry is written only because the person asked for it.

use std::path::Path;

use desk::failure::{Failure, FailureCode};
use tauri::plugin::TauriPlugin;
use tauri::{AppHandle, Manager, Wry};
use tauri_plugin_autostart::{Builder, ManagerExt};

use smartpi_tray::args;

use super::system;

/// The plugin, for a program that is started with these data. `None`: the data folder's name cannot be written into an entry.
pub(crate) fn plugin(data: Option<&Path>) -> Option<TauriPlugin<Wry>> {
    let words = args::of_tray(data).into_iter().map(|word| word.into_string().ok()).collect::<Option<Vec<_>>>()?;
    let words = words.iter().map(String::as_str).chain(["--hidden"]).map(system::login_word);
    Some(Builder::new().app_name("SmartPi").args(words).build())
}

/// Whether it is on; `None`: cannot be told.
pub(crate) fn is_on(app: &AppHandle) -> Option<bool> {
    app.try_state::<tauri_plugin_autostart::AutoLaunchManager>()?.is_enabled().ok()
}

/// Switches it.
pub(crate) fn set(app: &AppHandle, on: bool) -> Result<(), Failure> {
    let refused = || Failure::bare(FailureCode::AutostartRefused);
    if app.try_state::<tauri_plugin_autostart::AutoLaunchManager>().is_none() {
        return Err(refused());
    }
    let done = if on { app.autolaunch().enable() } else { app.autolaunch().disable() };
    done.map_err(|error| Failure::caused(FailureCode::AutostartRefused, &error))?;
    if on {
        // The plugin writes the program's path as it is: with a space in it the entry would start something else.
        std::env::current_exe()
            .and_then(|program| system::quote_login_program(&program))
            .map_err(|error| Failure::caused(FailureCode::AutostartRefused, &error))?;
    }
    Ok(())
}
