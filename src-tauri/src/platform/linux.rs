//! Linux: GTK, the session bus, XDG.

mod colours;
mod login;
mod notifications;
mod session_bus;
mod tray_host;

use std::process::Command;
use std::sync::OnceLock;

use desk::controller::Handle;
use desk::notices::Announcement;
use tauri::{App, AppHandle, Builder, Wry};
use tokio::sync::mpsc::Receiver;

use super::Bar;

pub(crate) use colours::follow as follow_colours;
pub(crate) use login::{login_entry_is_dead, login_entry_is_on, login_word};

/// GTK's helpers that the tray has no use for: each costs a thread, memory (OpenGL's driver alone 10 MiB), and a wait for a part of the desktop that may be
/// dead. The menu goes over the bus, where the panel makes it accessible.
const TRAY_ONLY: [(&str, &str); 4] =
    [("NO_AT_BRIDGE", "1"), ("GIO_USE_VFS", "local"), ("GSETTINGS_BACKEND", "memory"), ("GDK_GL", "disable")];

/// What of it was not set before: no other program shall inherit it.
static OURS: OnceLock<Vec<&str>> = OnceLock::new();

/// Whether there may be a display at all; GTK knows for sure, later.
pub(crate) fn may_have_display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Before the first thread: the environment is shared.
pub(crate) fn prepare_tray() {
    OURS.get_or_init(|| {
        let unset = TRAY_ONLY.into_iter().filter(|(name, _)| std::env::var_os(name).is_none());
        unset.filter(|(name, value)| gtk::glib::setenv(name, value, false).is_ok()).map(|(name, _)| name).collect()
    });
}

/// The window has use for all of GTK.
pub(crate) fn prepare_window() {
    for name in OURS.get().into_iter().flatten() {
        gtk::glib::unsetenv(name);
    }
}

/// Makes another program's environment what ours was.
pub(crate) fn clean(command: &mut Command) {
    for name in OURS.get().into_iter().flatten() {
        command.env_remove(name);
    }
}

/// Whether GTK has a display. Tauri would panic without one.
pub(crate) fn has_display() -> bool {
    gtk::init().is_ok()
}

/// No desktop says what colour its bar has.
pub(crate) fn bar() -> Bar {
    Bar::Any
}

/// No plugin is needed.
pub(crate) fn plugins(builder: Builder<Wry>) -> Builder<Wry> {
    builder
}

/// The name that the panel says; else it is the program's file.
pub(crate) fn be_tray(_app: &mut App) {
    gtk::glib::set_application_name("SmartPi");
}

/// Shows notifications and looks whether a tray shows the icon, until the process ends.
pub(crate) fn serve(_app: &AppHandle, controller: Handle, announcements: Receiver<Announcement>) {
    tauri::async_runtime::spawn(tray_host::follow(controller.clone()));
    tauri::async_runtime::spawn(notifications::show(controller, announcements));
}
