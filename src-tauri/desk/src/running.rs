//! The running application: starts every part in order, stops them in order.
//!
//! Start: folders, lock, log, settings, service, its addresses, control socket, `service.json`, the controller's loop. Devices are accepted before anything is
//! asked that could wait; whoever reads `service.json` can ask at once.
//!
//! Stop, within 2 s: the controller ends; `service.json` goes, so that nobody new comes; the control socket answers what is open with `stopping`; the service
//! says goodbye to its devices and commits; the desktop is told; the lock is released last.

mod ground;

use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use channel::service::Service;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::controller::{End, Handle};
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::logs;
use crate::owner::{ClaimError, Owner};
use crate::service_file::ServiceFile;
use crate::settings::Settings;
use crate::shell::Shell;

pub(crate) use ground::computer_name;
use ground::{Ground, Started};

pub use channel::service::{Agent, Timing};

/// How long stopping may take.
const STOP: Duration = Duration::from_secs(2);

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogTo {
    /// To the log file.
    #[default]
    File,
    /// To the log file, and for a person to the standard error output.
    FileAndStderr,
    /// Nowhere new: the process logs already, or does not want to (tests).
    Nowhere,
}

/// Whether devices of the network may connect, or only this computer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lan {
    /// As the person decided for the network that this computer is in; where nothing was decided, not.
    #[default]
    AsDecided,
    /// Decides it for that network, and remembers it.
    Decide(bool),
    /// Not in this run; nothing is remembered.
    NotNow,
}

/// How to start. `None` leaves the choice to the settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is kept.
    pub folders: Folders,
    /// TCP port; 0: any free one.
    pub port: Option<u16>,
    /// Whether devices of the network may connect.
    pub lan: Lan,
    /// Who answers; `None`: the gateway where the plugin is set up for this service, else the echo agent.
    pub agent: Option<Agent>,
    /// Name that devices see, 1 to 32 characters; `None`: the computer's.
    pub name: Option<String>,
    /// Where log lines go.
    pub log: LogTo,
    /// Waits of the service; `None`: the product's, with the answer time of the settings.
    pub timing: Option<Timing>,
    /// Whether a service that the person stopped stays stopped, and one that cannot listen keeps the program: the tray. Else starting it is what the person
    /// wants now, and what keeps it from listening keeps the program from starting.
    pub honour_intent: bool,
    /// Whether a desktop finds out at its start if the system's keyring works: it writes a probe and removes it. Not for tests.
    pub keyring: bool,
}

impl Options {
    /// Everything as the settings say.
    pub fn new(folders: Folders) -> Self {
        Self {
            folders,
            port: None,
            lan: Lan::AsDecided,
            agent: None,
            name: None,
            log: LogTo::File,
            timing: None,
            honour_intent: false,
            keyring: true,
        }
    }
}

/// Why it did not start.
#[derive(Debug)]
pub enum NotStarted {
    /// Another SmartPi owns the folders: become its client. `None`: it is only just starting or stopping.
    AlreadyRunning(Option<ServiceFile>),
    /// Anything else, ready to be told.
    Failed(Failure),
}

impl From<Failure> for NotStarted {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NotStarted> for Failure {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::AlreadyRunning(file) => ClaimError::Taken(file).into(),
            NotStarted::Failed(failure) => failure,
        }
    }
}

/// A running SmartPi. Dropping it stops it, as [`Running::stop`] does.
#[derive(Debug)]
pub struct Running {
    service: Service,
    service_file: ServiceFile,
    notes: Vec<Failure>,
    handle: Handle,
    cancel: CancellationToken,
    asked: watch::Receiver<Option<End>>,
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    /// Dropped after everything above.
    _owner: Owner,
}

impl Running {
    /// Starts everything; blocks until devices are accepted, or it is known that they shall not be. Needs no async runtime: it brings its own threads.
    ///
    /// # Errors
    /// See [`NotStarted`]; then nothing runs and nothing but the folders is left behind.
    pub fn start<S: Shell>(options: Options, shell: S) -> Result<Self, NotStarted> {
        let folders = options.folders.clone();
        folders.create().map_err(Failure::from)?;
        let owner = Owner::claim(&folders).map_err(|error| match error {
            ClaimError::Taken(file) => NotStarted::AlreadyRunning(file),
            error @ (ClaimError::Lock { .. } | ClaimError::Stale { .. }) => NotStarted::Failed(error.into()),
        })?;
        start_log(&folders, options.log)?;
        let settings = Settings::load(&folders.settings_file()).map_err(Failure::from)?;
        let ground = Ground::lay(options, settings)?;
        match ground.start(shell) {
            Ok(Started { service, service_file, notes, handle, cancel, asked, ended, thread }) => Ok(Self {
                service,
                service_file,
                notes,
                handle,
                cancel,
                asked,
                ended,
                thread: Some(thread),
                _owner: owner,
            }),
            Err(failure) => Err(NotStarted::Failed(failure)),
        }
    }

    /// What `service.json` said at the start.
    pub fn service_file(&self) -> &ServiceFile {
        &self.service_file
    }

    /// The service, for what needs no control socket: notices.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// How the desktop talks to the controller.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until the program shall end, because somebody asked for it (`quit`).
    ///
    /// # Errors
    /// The service ended by itself: what it could not survive is in the log.
    pub async fn ended(&self) -> Result<(), Failure> {
        let mut asked = self.asked.clone();
        // A sender that has gone without a word is a thread that died.
        match asked.wait_for(Option::is_some).await.map(|end| *end) {
            Ok(Some(End::Asked)) => Ok(()),
            Ok(Some(End::Died) | None) | Err(_) => Err(Failure::bare(FailureCode::Internal)),
        }
    }

    /// What did not go as wished but kept nothing from starting, such as a network that is not there.
    pub fn notes(&self) -> &[Failure] {
        &self.notes
    }

    /// Stops everything; blocks at most 2 s.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
        // `ended` closes when the thread ends, however it ends.
        match self.ended.recv_timeout(STOP) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                tracing::warn!("stopping took too long; what was committed is safe")
            }
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                if let Some(thread) = self.thread.take() {
                    let _ = thread.join();
                }
                tracing::info!("stopped");
            }
        }
    }
}

fn start_log(folders: &Folders, log: LogTo) -> Result<(), Failure> {
    let level = logs::level(std::env::var("SMARTPI_LOG").ok().as_deref());
    match log {
        LogTo::Nowhere => Ok(()),
        LogTo::File => logs::start(&folders.log_file(), level, false).map_err(Failure::from),
        LogTo::FileAndStderr => logs::start(&folders.log_file(), level, true).map_err(Failure::from),
    }
}

#[cfg(test)]
mod tests;
