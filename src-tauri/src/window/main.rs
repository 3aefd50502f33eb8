//! `smartpi-window`: a client of the owner that holds the one webview, and is gone when it is closed.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod bindings;
#[cfg(target_os = "linux")]
mod colours;
#[cfg(test)]
mod command_names;
mod commands;
mod events;
mod frame;
mod link;

use std::process::ExitCode;

use desk::page::Page;
use smartpi_tray::args::{self, WindowArgs};
use smartpi_tray::{Start, tell};

/// Shows the window until it is closed.
fn main() -> ExitCode {
    let args: WindowArgs = match args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(shown) => return shown.tell(),
    };
    let start = match Start::new(args.data) {
        Ok(start) => start,
        Err(code) => return code,
    };
    // Tauri's own runtime would start a thread for every core.
    tauri::async_runtime::set(start.reactor.clone());
    // Tauri would panic without a display.
    #[cfg(target_os = "linux")]
    if gtk::init().is_err() {
        return smartpi_tray::no_display(start.language);
    }
    let page = args.page.unwrap_or(Page::Devices { device_key: None, remove: false });
    let owner = link::Owner::new(start.folders.clone(), start.data, page, args.failure);
    let (following, file) = (owner.clone(), start.folders.config.join("window.json"));
    let reactor = start.reactor;
    let app = tauri::Builder::default()
        .manage(owner)
        .invoke_handler(bindings::handler())
        .setup(move |app| {
            frame::open(app.handle(), file)?;
            reactor.spawn(link::follow(following, app.handle().clone()));
            // Elsewhere the web view follows the system by itself.
            #[cfg(target_os = "linux")]
            colours::follow(app.handle().clone());
            Ok(())
        })
        .build(tauri::generate_context!());
    match app {
        Ok(app) => ExitCode::from(u8::try_from(app.run_return(|_, _| {})).unwrap_or(1)),
        Err(error) => tell(&error.to_string(), ExitCode::FAILURE),
    }
}
