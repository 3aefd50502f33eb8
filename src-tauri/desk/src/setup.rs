//! Which OpenClaw is on this computer, what installing the plugin would change there, and the installing; and the way back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use crate::control::answer::{Accounts, AccountsAct, FoundOpenClaw, PluginRemoved, RemovalPlan, SetupLook};
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::plugin::login_shell;
use crate::plugin::search::{Found, Shell, on_this_computer};
use crate::plugin::{self, Installed, Request};

/// Longest that one OpenClaw may take to say what it is. Each of its commands takes up to half a minute on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// Nobody has more that they use.
const MOST: usize = 4;

/// Finds every OpenClaw of this user and asks each what it is. Changes nothing; takes seconds, and on a very busy machine three minutes.
pub async fn look(folders: &Folders) -> SetupLook {
    let shell = login_shell::ask().await;
    let found: Vec<Found> =
        on_this_computer(shell.as_ref(), |computer| computer.search()).into_iter().take(MOST).collect();
    let in_wsl = found.is_empty() && has_wsl().await;
    let found = join_all(found.into_iter().map(|found| describe(folders, found, shell.as_ref()))).await;
    SetupLook { found, in_wsl }
}

/// Installs the plugin as [`look`] said. Asking the person is the caller's: this is the yes.
///
/// # Errors
/// As [`plugin::install`].
pub async fn install(folders: &Folders, command: PathBuf) -> Result<Installed, Failure> {
    let shell = login_shell::ask().await;
    Ok(plugin::install(&request(folders, command, shell.as_ref())).await?)
}

/// What removing the plugin from the OpenClaw of this user would change.
///
/// # Errors
/// As [`plugin::removal`].
pub async fn removal(folders: &Folders) -> Result<RemovalPlan, Failure> {
    plugin::removal(&of_user(folders).await?).await
}

/// Removes it, as [`removal`] said. Asking the person is the caller's: this is the yes.
///
/// # Errors
/// As [`plugin::remove`].
pub async fn remove(folders: &Folders, shown: &str) -> Result<PluginRemoved, Failure> {
    plugin::remove(&of_user(folders).await?, Some(shown)).await
}

/// Asks the command of another vendor's plugin about its devices.
///
/// # Errors
/// As [`plugin::accounts`].
pub async fn accounts(folders: &Folders, act: &AccountsAct) -> Result<Accounts, Failure> {
    plugin::accounts(&of_user(folders).await?, act).await
}

/// The one that the user's own shell starts first.
async fn of_user(folders: &Folders) -> Result<Request, Failure> {
    let shell = login_shell::ask().await;
    let found = on_this_computer(shell.as_ref(), |computer| computer.search()).into_iter().next();
    let found = found.ok_or_else(|| Failure::bare(FailureCode::OpenClawNotFound))?;
    Ok(request(folders, found.command, shell.as_ref()))
}

fn request(folders: &Folders, command: PathBuf, shell: Option<&Shell>) -> Request {
    let path = on_this_computer(shell, |computer| computer.search_path());
    Request { openclaw: Some(command), path: Some(path), ..Request::new(folders.clone()) }
}

async fn describe(folders: &Folders, found: Found, shell: Option<&Shell>) -> FoundOpenClaw {
    let command = found.command.display().to_string();
    let request = request(folders, found.command, shell);
    let (version, plan, failure) = match timeout(PATIENCE, plugin::plan(&request)).await {
        Ok(Ok(planned)) => (Some(planned.openclaw), Some(planned.plan), None),
        Ok(Err(error)) => (None, None, Some(Failure::from(error))),
        Err(_) => (None, None, Some(Failure::with(FailureCode::OpenClawFailed, "it did not answer in time"))),
    };
    FoundOpenClaw { command, by: found.by, version, plan, failure }
}

/// Whether this Windows has a Linux in it, other than Docker's own.
async fn has_wsl() -> bool {
    if !cfg!(windows) {
        return false;
    }
    let mut command = tokio::process::Command::new(Path::new("wsl.exe"));
    command.args(["-l", "-q"]).stdin(std::process::Stdio::null()).kill_on_drop(true);
    #[cfg(windows)]
    command.creation_flags(0x0800_0000); // CREATE_NO_WINDOW
    let listed = timeout(Duration::from_secs(5), command.output()).await;
    listed.is_ok_and(|listed| listed.is_ok_and(|listed| listed.status.success() && lists_a_linux(&listed.stdout)))
}

/// `wsl.exe` prints UTF-16.
fn lists_a_linux(printed: &[u8]) -> bool {
    let text: String = printed.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect();
    text.lines().map(str::trim).any(|name| !name.is_empty() && !name.starts_with("docker-desktop"))
}

#[cfg(test)]
mod tests;
