//! Why the plugin is not installed, and what became of the changes.

use std::io;
use std::path::PathBuf;

use gateway::config::{ConfigError, Difference, WriteError};

use super::super::ID;
use super::super::foreign::NotOurs;
use super::super::openclaw::{FindError, RunError};
use super::super::record::RecordError;
use crate::failure::{Failure, FailureCode};

/// It is not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The service does not answer.
    #[error("the service does not answer")]
    Service(#[source] Failure),
    /// There is no OpenClaw.
    #[error("OpenClaw was not found")]
    Find(#[from] FindError),
    /// OpenClaw does not answer. Nothing was changed.
    #[error("OpenClaw does not answer")]
    Ask(#[source] RunError),
    /// Its configuration cannot be used. Nothing was changed.
    #[error("OpenClaw's configuration cannot be used")]
    Config(#[from] ConfigError),
    /// The person switched it off by hand. Nothing was changed.
    #[error("{} switches the plugin off: see plugins.deny and plugins.enabled", .0.display())]
    Denied(PathBuf),
    /// It is kept in several files. Nothing was changed.
    #[error("{} takes its channels or plugins from other files ($include), which SmartPi does not change", .0.display())]
    Split(PathBuf),
    /// Somebody else's plugin has our id. Nothing was changed.
    #[error("{} belongs to the plugin of somebody else ({})", at.display(), package.as_deref().unwrap_or("without a package name"))]
    Foreign {
        /// Folder or file.
        at: PathBuf,
        /// Name of its package.
        package: Option<String>,
        /// How one can tell.
        why: NotOurs,
    },
    /// Our own files cannot be written. Nothing was changed.
    #[error("cannot prepare the installation")]
    Prepare(#[source] io::Error),
    /// Our own record cannot be used. Nothing was changed.
    #[error("cannot prepare the installation")]
    Record(#[from] RecordError),
    /// OpenClaw did something else.
    #[error(transparent)]
    Undone(Box<Undone>),
}

/// OpenClaw did something else. What it had changed was taken back, or `undone` says why not.
#[derive(Debug, thiserror::Error)]
#[error("{cause}{}; a copy of the configuration is {}", undone_words(undone), copy.display())]
pub struct Undone {
    /// What went wrong.
    pub cause: ChangeError,
    /// The configuration as it was before.
    pub copy: PathBuf,
    /// Whether everything is as it was.
    pub undone: Result<(), UndoError>,
}

fn undone_words(undone: &Result<(), UndoError>) -> String {
    match undone {
        Ok(()) => "; everything was put back".to_owned(),
        Err(error) => format!("; and not everything could be put back: {}", crate::failure::chain(error)),
    }
}

/// What OpenClaw did instead of installing.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It says no.
    #[error(transparent)]
    Run(RunError),
    /// Its configuration cannot be read any more.
    #[error(transparent)]
    Config(ConfigError),
    /// It changed more than our entries.
    #[error("settings that are not ours changed: {}", paths(.0))]
    Others(Vec<Difference>),
    /// The plugin is not where it should be, or not ours.
    #[error("the plugin is not in OpenClaw's folder as it was packed")]
    NotThere,
    /// Our entries are not in the configuration.
    #[error("OpenClaw did not keep the entry channels.{ID}")]
    NotKept,
}

fn paths(differences: &[Difference]) -> String {
    differences.iter().map(|difference| difference.path.as_str()).collect::<Vec<_>>().join(", ")
}

/// Why not everything is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The plugin is still there.
    #[error("the plugin was not removed")]
    Uninstall(#[source] RunError),
    /// The configuration cannot be read.
    #[error(transparent)]
    Config(ConfigError),
    /// What was found could not be kept.
    #[error("what was found could not be kept")]
    Keep(#[source] io::Error),
    /// The configuration was not put back.
    #[error(transparent)]
    Restore(WriteError),
}

impl From<InstallError> for Failure {
    fn from(error: InstallError) -> Self {
        let code = match &error {
            InstallError::Service(failure) => return failure.clone(),
            InstallError::Find(FindError::Broken(_)) | InstallError::Ask(_) => FailureCode::OpenClawFailed,
            InstallError::Find(_) => FailureCode::OpenClawNotFound,
            InstallError::Config(ConfigError::Missing(_)) => FailureCode::OpenClawNotSetUp,
            InstallError::Config(_) => FailureCode::OpenClawConfigUnreadable,
            InstallError::Split(_) => FailureCode::OpenClawConfigSplit,
            InstallError::Denied(_) => FailureCode::PluginDenied,
            InstallError::Foreign { .. } => FailureCode::PluginForeign,
            InstallError::Prepare(_) | InstallError::Record(_) => FailureCode::InstallNotPrepared,
            InstallError::Undone(failed) => match (&failed.undone, &failed.cause) {
                (Err(_), _) => FailureCode::OpenClawNotPutBack,
                (Ok(()), ChangeError::Others(_)) => FailureCode::OpenClawConfigChanged,
                (Ok(()), ChangeError::Run(_)) => FailureCode::OpenClawFailed,
                (Ok(()), ChangeError::Config(_) | ChangeError::NotThere | ChangeError::NotKept) => {
                    FailureCode::PluginNotInstalled
                }
            },
        };
        Self::caused(code, &error)
    }
}
