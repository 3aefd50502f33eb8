//! The window's process: a client of the owner that holds the one webview, and is gone when it is closed.

mod bindings;
#[cfg(test)]
mod command_names;
mod commands;
mod events;
mod frame;
mod link;

use std::path::Path;
use std::process::ExitCode;

use desk::failure::Failure;
use desk::folders::Folders;
use desk::language::Language;
use desk::shell::Page;
use tokio::runtime::Handle;

use crate::platform;

/// Shows the window until it is closed. `failure`: why the owner could not start; the window then says so.
pub(crate) fn run(
    reactor: &Handle,
    folders: &Folders,
    data: Option<&Path>,
    page: Page,
    failure: Option<Failure>,
    language: Language,
) -> ExitCode {
    platform::prepare_window();
    if !platform::has_display() {
        return crate::no_display(language);
    }
    let owner = link::Owner::new(folders.clone(), data.map(Path::to_owned), page, failure);
    let (following, file) = (owner.clone(), folders.config.join("window.json"));
    let (reactor, builder) = (reactor.clone(), bindings::builder());
    let app = tauri::Builder::default()
        .manage(owner)
        .invoke_handler(builder.invoke_handler())
        .setup(move |app| {
            builder.mount_events(app);
            frame::open(app.handle(), file)?;
            reactor.spawn(link::follow(following, app.handle().clone()));
            platform::follow_colours(app.handle());
            Ok(())
        })
        .build(tauri::generate_context!());
    match app {
        Ok(app) => ExitCode::from(u8::try_from(app.run_return(|_, _| {})).unwrap_or(1)),
        Err(error) => crate::tell(&error.to_string(), ExitCode::FAILURE),
    }
}
