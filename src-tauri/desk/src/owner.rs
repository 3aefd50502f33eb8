//! One process owns a data folder: a lock that the system releases, however the process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;

use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::service_file::ServiceFile;

/// Ownership of the folders, until it is dropped.
#[derive(Debug)]
pub struct Owner {
    _lock: File,
}

/// The folders are not ours.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another process owns them. `None`: it is only just starting or stopping.
    #[error("another process owns the data folder")]
    Taken(Option<ServiceFile>),
    /// The lock cannot be tried.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What a crash left behind cannot be removed.
    #[error("cannot remove {}", path.display())]
    Stale {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<ClaimError> for Failure {
    fn from(error: ClaimError) -> Self {
        match &error {
            ClaimError::Taken(Some(file)) => {
                Self::with(FailureCode::AlreadyRunning, format!("pid {}, port {}", file.pid, file.port))
            }
            ClaimError::Taken(None) => Self::bare(FailureCode::AlreadyRunning),
            ClaimError::Lock { .. } | ClaimError::Stale { .. } => Self::caused(FailureCode::FolderUnusable, &error),
        }
    }
}

impl Owner {
    /// Whether nobody owns the folders at this moment. A folder that is not there has no owner.
    pub(crate) fn is_nobody(folders: &Folders) -> bool {
        match File::open(folders.data.join("owner.lock")) {
            Ok(lock) => lock.try_lock_shared().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Whether a process owns the folders at this moment.
    pub fn is_somebody(folders: &Folders) -> bool {
        !Self::is_nobody(folders)
    }

    /// Takes the folders, which must exist. A `service.json` that is there then belongs to nobody and is removed.
    ///
    /// # Errors
    /// See [`ClaimError`].
    pub fn claim(folders: &Folders) -> Result<Self, ClaimError> {
        let path = folders.data.join("owner.lock");
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).map_err(|source| ClaimError::Lock { path: path.clone(), source })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                // What it says is a hint: an unreadable file changes nothing about who owns the lock.
                return Err(ClaimError::Taken(ServiceFile::read(&folders.service_file()).ok().flatten()));
            }
            Err(TryLockError::Error(source)) => return Err(ClaimError::Lock { path, source }),
        }
        let stale = folders.service_file();
        ServiceFile::remove(&stale).map_err(|source| ClaimError::Stale { path: stale, source })?;
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> ServiceFile {
        ServiceFile { port: 8765, pid: 4, started_ms: 5, version: "0".into(), control: "/x".into() }
    }

    #[test]
    fn the_second_learns_who_is_first_and_follows_when_it_is_gone() {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path());
        let first = Owner::claim(&folders).unwrap();
        assert!(matches!(Owner::claim(&folders), Err(ClaimError::Taken(None))));
        file().write(&folders.service_file()).unwrap();
        match Owner::claim(&folders) {
            Err(ClaimError::Taken(Some(found))) => assert_eq!(found, file()),
            other => panic!("{other:?}"),
        }
        // As after a crash: the lock is free, the file is still there.
        drop(first);
        let _second = Owner::claim(&folders).unwrap();
        assert_eq!(ServiceFile::read(&folders.service_file()).unwrap(), None);
    }

    #[test]
    fn a_folder_that_is_not_there_is_said() {
        let temp = tempfile::tempdir().unwrap();
        let error = Owner::claim(&Folders::under(temp.path().join("none"))).unwrap_err();
        assert_eq!(Failure::from(error).code, FailureCode::FolderUnusable);
    }
}
