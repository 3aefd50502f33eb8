//! `smartpi start`, `stop`, `quit`, `status`: the service of the program that runs.

use desk::control::answer::Nothing;
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::view::{Phase, View};

use crate::exit::Stop;
use crate::state;
use crate::terminal::Terminal;
use crate::words;

/// `smartpi start`.
pub(crate) async fn start(terminal: Terminal, folders: &Folders) -> Result<(), Stop> {
    let done: Nothing = Client::connect(folders).await?.ask(&Request::ServiceStart {}).await?;
    terminal.tell(&done)?;
    terminal.say(words::service_started(terminal.language))
}

/// `smartpi stop`.
pub(crate) async fn stop(terminal: Terminal, folders: &Folders) -> Result<(), Stop> {
    let done: Nothing = Client::connect(folders).await?.ask(&Request::ServiceStop {}).await?;
    terminal.tell(&done)?;
    terminal.say(words::service_stopped(terminal.language))
}

/// `smartpi quit`.
pub(crate) async fn quit(terminal: Terminal, folders: &Folders) -> Result<(), Stop> {
    let done: Nothing = Client::connect(folders).await?.ask(&Request::Quit {}).await?;
    terminal.tell(&done)?;
    terminal.say(words::quitting(terminal.language))
}

/// `smartpi status`.
pub(crate) async fn status(terminal: Terminal, folders: &Folders) -> Result<(), Stop> {
    let mut watch = Client::connect(folders).await?.watch::<View>(&Request::ViewWatch {}).await?;
    let Some(view) = watch.next().await? else { return Err(Failure::bare(FailureCode::ControlLost).into()) };
    terminal.tell(&view)?;
    let language = terminal.language;
    terminal.say(match (view.service.phase, &view.service.failure) {
        (Phase::Running, _) => words::running(language, &view.service.name),
        (Phase::Stopped, _) => words::phase_stopped(language),
        (Phase::Starting, _) => words::phase_starting(language),
        (Phase::Stopping, _) => words::stopping(language),
        (Phase::Failed, Some(failure)) => failure.words(language),
        (Phase::Failed, None) => words::phase_stopped(language),
    })?;
    state::show_view(terminal, &view)?;
    view.troubles.iter().try_for_each(|trouble| terminal.say(trouble.words(language)))
}
