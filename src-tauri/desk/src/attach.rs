//! A second start: the program that runs already shows itself instead.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::control::answer::Nothing;
use crate::control::client::Client;
use crate::control::request::Request;
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::owner::Owner;
use crate::page::Page;

/// How long one that is only just starting or stopping may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is asked.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// How a second start ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// The other one is there, and shows the page if there is one: nothing is left to do.
    Shown,
    /// The other one has ended meanwhile: start in its place.
    Gone,
}

/// Asks the owner of these folders to show a page, or, without one, merely whether it is there; blocks at most some 10 s. To be called after [`crate::running::NotStarted::AlreadyRunning`]; on
/// [`Attached::Gone`] start again.
///
/// # Errors
/// [`FailureCode::NoDesktop`] where a server owns the folders; what else the owner says; [`FailureCode::Timeout`] where it is there and says nothing.
pub fn show(folders: &Folders, page: Option<&Page>) -> Result<Attached, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(FailureCode::NotStarted, &error))?;
    runtime.block_on(show_within(folders, page, PATIENCE))
}

async fn show_within(folders: &Folders, page: Option<&Page>, patience: Duration) -> Result<Attached, Failure> {
    let end = Instant::now() + patience;
    loop {
        let failure = match ask(folders, page).await {
            Ok(()) => return Ok(Attached::Shown),
            Err(failure) => failure,
        };
        if !is_passing(failure.code) {
            return Err(failure);
        }
        if Owner::is_nobody(folders) {
            return Ok(Attached::Gone);
        }
        if Instant::now() >= end {
            return Err(Failure::bare(FailureCode::Timeout));
        }
        sleep(ASK_AGAIN).await;
    }
}

async fn ask(folders: &Folders, page: Option<&Page>) -> Result<(), Failure> {
    let mut client = Client::connect(folders).await?;
    let Some(page) = page else { return Ok(()) };
    client.ask::<Nothing>(&Request::WindowOpen(page.clone())).await.map(|Nothing {}| ())
}

/// Whether another moment may change it: the owner starts, or stops.
fn is_passing(code: FailureCode) -> bool {
    [FailureCode::NotRunning, FailureCode::ControlLost, FailureCode::Stopping].contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::{Agent, Lan, LogTo, NotStarted, Options, Running};
    use crate::shell::NoDesktop;

    const PAGE: Page = Page::Bind {};

    fn options(folders: &Folders) -> Options {
        Options {
            port: Some(0),
            lan: Lan::NotNow,
            agent: Some(Agent::Echo),
            log: LogTo::Nowhere,
            ..Options::new(folders.clone())
        }
    }

    #[test]
    fn a_server_is_named_and_one_that_has_gone_is_followed() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path());
        let first = Running::start(options(&folders), NoDesktop).unwrap();
        assert!(matches!(Running::start(options(&folders), NoDesktop), Err(NotStarted::AlreadyRunning(Some(_)))));
        assert_eq!(show(&folders, Some(&PAGE)).unwrap_err().code, FailureCode::NoDesktop);
        first.stop();
        assert_eq!(show(&folders, Some(&PAGE)).unwrap(), Attached::Gone);
    }

    #[test]
    fn quit_and_relaunch_never_fails() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path());
        let first = Running::start(options(&folders), NoDesktop).unwrap();
        let leaving = std::thread::spawn(move || first.stop());
        // Whatever moment of the other's end this meets.
        let second = loop {
            match Running::start(options(&folders), NoDesktop) {
                Ok(running) => break running,
                Err(NotStarted::AlreadyRunning(_)) => match show(&folders, Some(&PAGE)) {
                    Ok(Attached::Gone) => {}
                    Err(failure) if failure.code == FailureCode::NoDesktop => {}
                    other => panic!("{other:?}"),
                },
                Err(NotStarted::Failed(failure)) => panic!("{failure}"),
            }
        };
        leaving.join().unwrap();
        second.stop();
    }

    #[tokio::test]
    async fn one_that_says_nothing_is_not_waited_for_for_ever() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path());
        folders.create().unwrap();
        let _owner = Owner::claim(&folders).unwrap();
        let failure = show_within(&folders, Some(&PAGE), Duration::ZERO).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::Timeout);
    }
}
