//! `smartpi-tray`: everything is in the library.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    smartpi_tray::main()
}
