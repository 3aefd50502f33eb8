//! Why the store, or a copy of it, cannot be used; and what an error of SQLite means: for those who wait, and for the file.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use super::FILE;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite says no.
    #[error("the message store cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// Made by a newer version of this program.
    #[error("the message store was made by a newer version (schema {found}, this one knows {known})")]
    Newer {
        /// In the file.
        found: usize,
        /// In this build.
        known: usize,
    },
    /// The file cannot be made, or made private.
    #[error("the message store cannot be made private")]
    Private(#[source] io::Error),
    /// Its content is not what this program wrote.
    #[error("the message store is damaged: {0}")]
    Damaged(String),
    /// A backup before the change to a newer schema, or the return to one, did not succeed. The store is as it was.
    #[error("the message store cannot be backed up or restored")]
    Backup(#[from] BackupError),
    /// While the service ran, the file was taken away or another one was put in its place.
    #[error("the message store is not the one that was open before")]
    Exchanged,
}

impl OpenError {
    /// What is wrong with the file itself. `None`: the disk, the permissions or another program keep it from being opened, and the file may be whole.
    pub fn damage(&self) -> Option<String> {
        match self {
            Self::Damaged(what) => Some(what.clone()),
            Self::Sqlite(error) if is_damage(error) => Some(error.to_string()),
            Self::Sqlite(_) | Self::Newer { .. } | Self::Private(_) | Self::Backup(_) | Self::Exchanged => None,
        }
    }
}

/// Why a backup was not made, or is none.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file system says no.
    #[error("{} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite says no.
    #[error("the copy cannot be made or read")]
    Sqlite(#[from] rusqlite::Error),
    /// It is not what was written.
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    /// The store itself is damaged: a copy of it would be too.
    #[error("the store is damaged: {0}")]
    SourceDamaged(String),
    /// Made by a newer version of this program.
    #[error("made by a newer version (schema {found}, this one knows {known})")]
    Newer {
        /// In the file.
        found: usize,
        /// In this build.
        known: usize,
    },
}

impl BackupError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    /// Whether a copy is not what was written; else the disk, the permissions or the version are in the way.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::SourceDamaged(_) => true,
            Self::Sqlite(error) => is_damage(error),
            Self::File { .. } | Self::Newer { .. } => false,
        }
    }
}

impl From<OpenError> for BackupError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Damaged(what) => Self::Damaged(what),
            OpenError::Sqlite(error) => Self::Sqlite(error),
            OpenError::Newer { found, known } => Self::Newer { found, known },
            OpenError::Backup(error) => error,
            OpenError::Private(source) => Self::File { path: PathBuf::from(FILE), source },
            OpenError::Exchanged => Self::file(Path::new(FILE))(io::ErrorKind::StaleNetworkFileHandle.into()),
        }
    }
}

/// What an error of SQLite means for those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room: nothing of the batch was stored, and the connection is sound.
    Full,
    /// This one statement cannot be done: nothing of the batch was stored, and the connection is sound.
    Content,
    /// The disk, or the file: what this connection says counts no more.
    Broken,
}

impl Refusal {
    /// What an error means. What is not known to be harmless is not. `is_full` is asked where the error leaves open whether there was no room: SQLite knows
    /// ENOSPC, and takes what a quota says for any failed write, from which it recovers in the same way.
    pub fn of(error: &rusqlite::Error, is_full: impl FnOnce() -> bool) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure) if is_failed_write(error) && is_full() => Self::Full,
            None | Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => Self::Content,
            Some(_) => Self::Broken,
        }
    }
}

fn is_failed_write(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE)
}

/// Whether SQLite complains about what the file holds, not about how it can be reached.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                // Our own statements are right: the tables that they meet are not.
                | ErrorCode::Unknown
                | ErrorCode::SchemaChanged
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
        ),
        // A value that cannot be read as what was written.
        None => !matches!(error, rusqlite::Error::InvalidPath(_) | rusqlite::Error::NulError(_)),
    }
}
