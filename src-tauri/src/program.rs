//! The two programs: they lie side by side, and each can start the other.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use desk::failure::Failure;
use desk::page::Page;

use crate::args;

/// The command that starts the tray, with the service, without opening a window.
///
/// # Errors
/// The system does not say where this program is.
pub fn tray(data: Option<&Path>) -> io::Result<Command> {
    let mut command = Command::new(beside("smartpi-tray")?);
    command.args(args::of_tray(data)).arg("--hidden").stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

/// The command that prints the report of a SmartPi that does not run. The window has not what it takes to make one.
///
/// # Errors
/// The system does not say where this program is.
pub fn report(data: Option<&Path>) -> io::Result<Command> {
    let mut command = Command::new(beside("smartpi-tray")?);
    command.args(args::of_tray(data)).arg("--report").stdin(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// The command that starts the window. `failure`: why there is no owner, for the window to tell.
///
/// # Errors
/// The system does not say where this program is.
pub fn window(data: Option<&Path>, page: &Page, failure: Option<&Failure>) -> io::Result<Command> {
    let mut command = Command::new(beside("smartpi-window")?);
    command.args(args::of_window(data, page, failure)).stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

fn beside(name: &str) -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name).with_extension(std::env::consts::EXE_EXTENSION))
}
