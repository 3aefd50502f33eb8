//! What the two programs of the desktop shell share. Both decide nothing; [`desk`] does.
//!
//! - `smartpi-tray` (`tray/main.rs`) owns the service and shows the tray and the notifications. On Linux it speaks D-Bus and loads no GTK, no web engine and no
//!   Tauri: linked to WebKit alone, a process starts 80 ms later and keeps 40 MiB more.
//! - `smartpi-window` (`window/main.rs`) holds the one webview, talks to the owner over the control socket and is gone when it is closed.
//!
//! Invariants:
//! - devices are accepted before any part of a desktop is touched;
//! - nothing waits for the desktop: a dead bus, portal or notification daemon costs its own feature only;
//! - only the window's page may call the window's commands, and only the page that its binary carries is ever shown.
//!
//! Read first: `tray/main.rs`, then `window/main.rs`.

pub mod args;
pub mod open;
pub mod program;
pub mod reactor;
#[cfg(target_os = "linux")]
pub mod session_bus;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::language::Language;
use tokio::runtime::Handle;

/// What a program returns that was called wrongly, or where it cannot run.
pub const USAGE: u8 = 2;

/// What both programs begin with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The thread for everything asynchronous.
    pub reactor: Handle,
    /// Where everything is kept.
    pub folders: Folders,
    /// The folder for everything, where one was named.
    pub data: Option<PathBuf>,
    /// The person's.
    pub language: Language,
}

impl Start {
    /// Finds folders, language and a display, and starts the reactor.
    ///
    /// # Errors
    /// What the program returns; the reason was told.
    pub fn new(data: Option<PathBuf>) -> Result<Self, ExitCode> {
        let language = Language::of_user();
        if !may_have_display() {
            return Err(no_display(language));
        }
        let folders = match &data {
            Some(data) => Folders::under(data),
            None => {
                Folders::of_user().map_err(|error| tell(&Failure::from(error).words(language), ExitCode::FAILURE))?
            }
        };
        let reactor = reactor::start().map_err(|error| {
            tell(&Failure::caused(FailureCode::NotStarted, &error).words(language), ExitCode::FAILURE)
        })?;
        Ok(Self { reactor, folders, data, language })
    }
}

/// Whether there may be a display at all; what draws on it knows for sure, later.
fn may_have_display() -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || named("WAYLAND_DISPLAY") || named("DISPLAY")
}

/// Says that without a display there is nothing to show anything on.
#[must_use]
pub fn no_display(language: Language) -> ExitCode {
    let words = language.pick(
        "SmartPi has no display to show its tray and window on. Without a desktop, start it with: smartpi serve",
        "没有可用的图形界面，无法显示 SmartPi 的托盘与窗口。没有桌面环境时，请使用：smartpi serve",
    );
    tell(words, ExitCode::from(USAGE))
}

/// A line for whoever started this in a terminal.
#[must_use]
pub fn tell(words: &str, code: ExitCode) -> ExitCode {
    // Where nobody can read it there is nobody to tell that.
    let _ = writeln!(std::io::stderr(), "{words}");
    code
}
