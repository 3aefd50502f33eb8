//! `smartpi backup` and `smartpi restore`.

use std::path::Path;
use std::time::Duration;

use desk::backup::{self, Ready};
use desk::control::answer::Nothing;
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::words::moment::exact;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::exit::{Exit, Stop};
use crate::terminal::{Terminal, is_allowed};
use crate::words;

/// How long a running SmartPi may take to close.
const CLOSING: Duration = Duration::from_secs(15);
/// How often it is looked at.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// What was said on the command line, instead of to a question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) yes: bool,
    pub(crate) stop: bool,
}

/// `smartpi backup`.
pub(crate) fn save(terminal: Terminal, folders: &Folders, file: &Path) -> Result<(), Stop> {
    let contents = backup::save(folders, file).map_err(Failure::from)?;
    let language = terminal.language;
    terminal.tell(&json!({ "file": file, "devices": contents.devices.len(), "messages": contents.messages }))?;
    terminal.say(words::backup_saved(language, file.display(), contents.devices.len(), contents.messages))?;
    terminal.say(words::backup_holds_keys(language))
}

/// `smartpi restore`.
pub(crate) async fn restore(terminal: Terminal, folders: &Folders, file: &Path, said: Said) -> Result<(), Stop> {
    let language = terminal.language;
    let ready = backup::look(folders, file).map_err(Failure::from)?;
    let running = is_running(folders).await?;
    show(terminal, &ready)?;
    if running && !said.stop && (said.yes || !terminal.person) {
        return Err(Stop::told(Exit::PersonNeeded, "stop_needed", words::stop_needed(language)));
    }
    if !said.yes {
        if !terminal.person {
            return Err(Stop::told(Exit::PersonNeeded, "yes_needed", words::restore_yes_needed(language)));
        }
        if running {
            terminal.say(words::restore_stops(language))?;
        }
        if !is_allowed(terminal, &words::ask_restore(language))? {
            terminal.say(words::not_done(language))?;
            return Err(Stop::Silent(Exit::PersonNeeded));
        }
    }
    if running {
        close(folders).await?;
    }
    let restored = ready.restore().map_err(Failure::from)?;
    terminal.tell(&json!({
        "madeMs": ready.backup.made_ms,
        "devices": ready.backup.devices.len(),
        "messages": ready.backup.messages,
        "aside": restored.aside,
        "stopped": running,
    }))?;
    terminal.say(words::restore_done(language, exact(ready.backup.made_ms)))?;
    terminal.say(words::restore_aside(language, restored.aside.display()))?;
    terminal.say(words::restore_start(language))
}

/// What the file holds, what is there now, and who is left out.
fn show(terminal: Terminal, ready: &Ready) -> Result<(), Stop> {
    let language = terminal.language;
    let named = |devices: &[String]| devices.join(words::between(language).as_str());
    let backup = &ready.backup;
    let time = exact(backup.made_ms);
    terminal.say(words::restore_holds(
        language,
        time,
        backup.devices.len(),
        backup.messages,
        named(&backup.devices),
    ))?;
    match &ready.present {
        Some(now) => {
            let count = now.devices.len();
            terminal.say(words::restore_replaces(language, count, now.messages, named(&now.devices)))?;
        }
        None => terminal.say(words::restore_replaces_nothing(language))?,
    }
    let leaving = ready.leaving();
    if leaving.is_empty() {
        return Ok(());
    }
    let leaving: Vec<String> = leaving.into_iter().map(str::to_owned).collect();
    terminal.say(words::restore_leaves_out(language, named(&leaving)))
}

async fn is_running(folders: &Folders) -> Result<bool, Stop> {
    match Client::connect(folders).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.code == FailureCode::NotRunning => Ok(false),
        Err(failure) => Err(failure.into()),
    }
}

/// Closes the SmartPi that runs, and waits until it has ended.
async fn close(folders: &Folders) -> Result<(), Stop> {
    let _: Nothing = Client::connect(folders).await?.ask(&Request::Quit {}).await?;
    let end = Instant::now() + CLOSING;
    while desk::owner::Owner::is_somebody(folders) {
        if Instant::now() > end {
            return Err(Failure::bare(FailureCode::Timeout).into());
        }
        sleep(ASK_AGAIN).await;
    }
    Ok(())
}
