//! `smartpi report`: a text for support, read before it is saved.

use std::path::Path;

use desk::control::answer::Report;
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::report;
use serde_json::json;

use crate::exit::{Exit, Stop};
use crate::terminal::{Terminal, is_allowed};
use crate::words;

/// `smartpi report`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, file: Option<&Path>) -> Result<(), Stop> {
    let text = match Client::connect(folders).await {
        Ok(mut client) => client.ask::<Report>(&Request::ReportMake {}).await?.text,
        Err(failure) if failure.code == FailureCode::NotRunning => report::make(None, folders),
        Err(failure) => return Err(failure.into()),
    };
    terminal.tell(&json!({ "text": text, "file": file }))?;
    terminal.say(&text)?;
    let Some(file) = file else { return Ok(()) };
    let language = terminal.language;
    if terminal.person && !is_allowed(terminal, &words::ask_report(language, file.display()))? {
        terminal.say(words::report_not_saved(language))?;
        return Err(Stop::Silent(Exit::PersonNeeded));
    }
    report::save(file, &text).map_err(Failure::from)?;
    terminal.say(words::report_saved(language, file.display()))
}
