//! `service.json`: how the plugin, the command line and the window find the running service.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, FailureCode};
use crate::private_file;

/// What the running service says about itself. Written after it listens, removed when it stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceFile {
    /// TCP port.
    pub port: u16,
    /// Process.
    pub pid: u32,
    /// When it started, ms since 1970.
    pub started_ms: i64,
    /// Version of the program.
    pub version: String,
    /// Path of the control socket, or name of the pipe.
    pub control: PathBuf,
}

/// `service.json` is there but cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFileError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what a service writes.
    #[error("{} is not a service file", path.display())]
    Malformed {
        /// File.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl From<ServiceFileError> for Failure {
    fn from(error: ServiceFileError) -> Self {
        let code = match &error {
            ServiceFileError::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                FailureCode::NotPermitted
            }
            ServiceFileError::Read { .. } => FailureCode::ControlLost,
            ServiceFileError::Malformed { .. } => FailureCode::AnswerUnreadable,
        };
        Self::caused(code, &error)
    }
}

impl ServiceFile {
    /// Reads the file. `None`: there is none. That there is one does not prove that the service lives: a crash leaves it behind, and only a connection to
    /// `control` or the owner's lock can tell.
    ///
    /// # Errors
    /// See [`ServiceFileError`].
    pub fn read(path: &Path) -> Result<Option<Self>, ServiceFileError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ServiceFileError::Read { path: path.to_owned(), source }),
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| ServiceFileError::Malformed { path: path.to_owned(), source })
    }

    /// Writes the file in one step: a reader sees the old one, none, or the whole new one.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        private_file::replace(path, &bytes)
    }

    /// Removes the file; that there is none is fine.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(path: &Path) -> io::Result<()> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("service.json");
        assert_eq!(ServiceFile::read(&path).unwrap(), None);
        let file = ServiceFile {
            port: 8765,
            pid: 7,
            started_ms: 1_800_000_000_000,
            version: "0.1.0".into(),
            control: "/x/control.sock".into(),
        };
        file.write(&path).unwrap();
        assert_eq!(ServiceFile::read(&path).unwrap(), Some(file.clone()));
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(json["startedMs"], 1_800_000_000_000_i64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, b"{").unwrap();
        assert!(matches!(ServiceFile::read(&path), Err(ServiceFileError::Malformed { .. })));
        ServiceFile::remove(&path).unwrap();
        ServiceFile::remove(&path).unwrap();
        assert_eq!(ServiceFile::read(&path).unwrap(), None);
    }
}
