//! `smartpi plugin`: puts the OpenClaw plugin there, and says how it is.

use std::path::PathBuf;

use desk::control::answer::{AccountsAct, LinkState};
use desk::failure::Failure;
use desk::folders::Folders;
use desk::plugin::{self, Installed, Outcome, Request, Standing, Status};

use crate::args::{Accounts, Plugin};
use crate::exit::{Exit, Stop};
use crate::route::say_changes;
use crate::terminal::{Terminal, is_allowed};
use crate::words;

/// `smartpi plugin ...`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, what: Plugin) -> Result<(), Stop> {
    match what {
        Plugin::Install { openclaw, yes } => install(terminal, folders, openclaw, yes).await,
        Plugin::Uninstall { openclaw, yes } => uninstall(terminal, folders, openclaw, yes).await,
        Plugin::Status { openclaw } => status(terminal, folders, openclaw).await,
        Plugin::Accounts(what) => accounts(terminal, folders, what).await,
    }
}

/// The devices of another vendor's plugin, in the words of its own command.
async fn accounts(terminal: Terminal, folders: &Folders, what: Accounts) -> Result<(), Stop> {
    let language = terminal.language;
    let (act, question) = match what {
        Accounts::List => (AccountsAct::List, None),
        Accounts::Status { device } => (AccountsAct::Status { device }, None),
        Accounts::Bind { yes } => (AccountsAct::Bind, (!yes).then(|| words::ask_accounts_bind(language))),
        Accounts::Remove { device, yes } => {
            let question = (!yes).then(|| words::ask_accounts_remove(language, &device));
            (AccountsAct::Remove { device }, question)
        }
    };
    if let Some(question) = question {
        agree(terminal, &question)?;
    }
    let said = plugin::accounts(&request(folders, None), &act).await?;
    terminal.tell(&said)?;
    terminal.say(words::plugin_accounts(language, &said.package, &said.command))?;
    terminal.say(&said.text)?;
    if said.done { Ok(()) } else { Err(Stop::Silent(Exit::Failed)) }
}

/// Goes on with a person's yes only.
fn agree(terminal: Terminal, question: &str) -> Result<(), Stop> {
    let language = terminal.language;
    if !terminal.person {
        return Err(Stop::told(Exit::PersonNeeded, "yes_needed", words::yes_needed(language)));
    }
    if is_allowed(terminal, question)? {
        return Ok(());
    }
    terminal.say(words::not_done(language))?;
    Err(Stop::Silent(Exit::PersonNeeded))
}

fn request(folders: &Folders, openclaw: Option<PathBuf>) -> Request {
    Request { openclaw, ..Request::new(folders.clone()) }
}

async fn install(terminal: Terminal, folders: &Folders, openclaw: Option<PathBuf>, yes: bool) -> Result<(), Stop> {
    if !yes {
        agree(terminal, &words::ask_install(terminal.language))?;
    }
    let installed = plugin::install(&request(folders, openclaw)).await.map_err(Failure::from)?;
    terminal.tell(&installed)?;
    show_installed(terminal, &installed)
}

async fn uninstall(terminal: Terminal, folders: &Folders, openclaw: Option<PathBuf>, yes: bool) -> Result<(), Stop> {
    let language = terminal.language;
    if !yes && !terminal.person {
        return Err(Stop::told(Exit::PersonNeeded, "yes_needed", words::yes_needed(language)));
    }
    let request = request(folders, openclaw);
    let plan = plugin::removal(&request).await?;
    if let Some(refusal) = plan.refusal {
        return Err(refusal.into());
    }
    if plan.version.is_none() && plan.changes.is_empty() {
        return terminal.say(words::plugin_absent(language));
    }
    if !plan.changes.is_empty() {
        say_changes(terminal, &plan.changes, false)?;
    }
    if !yes {
        agree(terminal, &words::ask_uninstall(language))?;
    }
    let removed = plugin::remove(&request, Some(&plan.shown)).await?;
    terminal.tell(&removed)?;
    terminal.say(words::plugin_removed(language))?;
    match &removed.copy {
        Some(copy) => terminal.say(words::plugin_copy(language, copy)),
        None => Ok(()),
    }
}

fn show_installed(terminal: Terminal, installed: &Installed) -> Result<(), Stop> {
    let language = terminal.language;
    match &installed.outcome {
        Outcome::Linked { host } => terminal.say(words::plugin_linked(language, &installed.plugin, host))?,
        Outcome::WaitingForGateway { next } => {
            terminal.say(words::plugin_waiting(language, &installed.plugin))?;
            terminal.say(next.words(language))?;
        }
    }
    if let Some(version) = &installed.replaced {
        terminal.say(words::plugin_replaced(language, version))?;
    }
    if let Some(copy) = &installed.copy {
        terminal.say(words::plugin_copy(language, copy.display()))?;
    }
    if installed.comments_lost {
        terminal.say(words::plugin_comments(language))?;
    }
    Ok(())
}

async fn status(terminal: Terminal, folders: &Folders, openclaw: Option<PathBuf>) -> Result<(), Stop> {
    let status = plugin::status(&request(folders, openclaw)).await.map_err(Failure::from)?;
    terminal.tell(&status)?;
    show_status(terminal, &status)
}

fn show_status(terminal: Terminal, status: &Status) -> Result<(), Stop> {
    let language = terminal.language;
    terminal.say(words::plugin_openclaw(language, &status.openclaw, status.config.display()))?;
    terminal.say(words::plugin_carries(language, status.carries))?;
    match &status.standing {
        Standing::Absent => return terminal.say(words::plugin_absent(language)),
        Standing::Foreign { at, .. } => return terminal.say(words::plugin_foreign(language, at.display())),
        Standing::Ours { version, current: true, .. } => terminal.say(words::plugin_current(language, version))?,
        Standing::Ours { version, .. } => terminal.say(words::plugin_older(language, version))?,
    }
    if status.denied {
        return terminal.say(words::plugin_denied(language));
    }
    if !status.configured {
        return terminal.say(words::plugin_not_configured(language));
    }
    terminal.say(words::plugin_configured(language))?;
    match &status.link {
        Some(link) if link.state == LinkState::Online => terminal.say(words::plugin_online(language)),
        Some(_) | None => terminal.say(words::plugin_offline(language)),
    }
}
