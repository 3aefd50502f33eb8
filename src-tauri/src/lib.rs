//! The desktop shell: the only code that knows Tauri. It decides nothing; [`desk`] does.
//!
//! Two processes of one binary:
//! - `smartpi-tray` owns the service and shows the tray and the notifications ([`tray`]); no web engine is ever loaded into it;
//! - `smartpi-tray --window` holds the one webview, talks to the owner over the control socket and is gone when it is closed ([`window`]).
//!
//! Invariants:
//! - devices are accepted before any part of a desktop is touched;
//! - nothing here waits for the desktop: a dead bus, portal or notification daemon costs its own feature only;
//! - only the window's page may call the commands of [`window`], and only the page that this binary carries is ever shown.
//!
//! Read first: `tray.rs`, then `window.rs`.

mod args;
mod autostart;
mod open;
mod platform;
mod reactor;
mod tray;
mod window;

use std::io::Write;
use std::process::ExitCode;

use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::language::Language;
use desk::shell::Page;

use crate::args::{Args, Face};

/// What a program returns that was called wrongly, or where it cannot run.
const USAGE: u8 = 2;

/// The program.
pub fn main() -> ExitCode {
    let args = match Args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(shown) => return shown.tell(),
    };
    let language = Language::of_user();
    if !platform::may_have_display() {
        return no_display(language);
    }
    let folders = match &args.data {
        Some(data) => Folders::under(data),
        None => match Folders::of_user() {
            Ok(folders) => folders,
            Err(error) => return tell(&Failure::from(error).words(language), ExitCode::FAILURE),
        },
    };
    let reactor = match reactor::start() {
        Ok(reactor) => reactor,
        Err(error) => {
            let failure = Failure::caused(FailureCode::NotStarted, &error);
            return tell(&failure.words(language), ExitCode::FAILURE);
        }
    };
    let data = args.data.as_deref();
    match args.face {
        Face::Tray { hidden } => tray::run(&reactor, &folders, data, hidden, language),
        Face::Window { page } => {
            let page = page.unwrap_or(Page::Devices { device_key: None, remove: false });
            window::run(&reactor, &folders, data, page, None, language)
        }
    }
}

/// Without a display there is nothing to show anything on.
fn no_display(language: Language) -> ExitCode {
    let words = language.pick(
        "SmartPi has no display to show its tray and window on. Without a desktop, start it with: smartpi serve",
        "没有可用的图形界面，无法显示 SmartPi 的托盘与窗口。没有桌面环境时，请使用：smartpi serve",
    );
    tell(words, ExitCode::from(USAGE))
}

/// A line for whoever started this in a terminal.
fn tell(words: &str, code: ExitCode) -> ExitCode {
    // Where nobody can read it there is nobody to tell that.
    let _ = writeln!(std::io::stderr(), "{words}");
    code
}
