//! Where the control socket is.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Longest path of a unix socket that every system takes, in bytes (the limit of macOS is 104 with its zero byte).
#[cfg_attr(not(unix), expect(dead_code, reason = "pipes have no such limit"))]
const PATH_LIMIT: usize = 100;

/// Why there is no place for the socket.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Neither the data folder nor the folder for sockets gives a short enough path.
    #[error("the path of the control socket would be too long; name a shorter data folder")]
    TooLong,
    /// The folder for sockets cannot be used.
    #[error("cannot use the folder {}", folder.display())]
    Folder {
        /// Folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Names the place that belongs to a data folder, the same each time.
fn hashed(data: &Path) -> String {
    let digest = Sha256::digest(data.as_os_str().as_encoded_bytes());
    digest.iter().take(10).map(|byte| format!("{byte:02x}")).collect()
}

/// The socket in the data folder; where that path is too long, one with a hashed name in a private folder under `$XDG_RUNTIME_DIR`, else under the folder
/// for temporary files.
#[cfg(unix)]
pub(super) fn of(data: &Path, runtime: Option<PathBuf>) -> Result<PathBuf, PlaceError> {
    let place = data.join("control.sock");
    if place.as_os_str().len() <= PATH_LIMIT {
        return Ok(place);
    }
    let base = runtime.filter(|path| path.is_absolute()).unwrap_or_else(std::env::temp_dir);
    // Named after the user, so that users of one folder for temporary files do not meet.
    let owner = owner_of(data).map_err(|source| PlaceError::Folder { folder: data.to_owned(), source })?;
    let folder = base.join(format!("smartpi-{owner}"));
    let place = folder.join(format!("{}.sock", hashed(data)));
    if place.as_os_str().len() > PATH_LIMIT {
        return Err(PlaceError::TooLong);
    }
    claim(&folder, owner).map_err(|source| PlaceError::Folder { folder, source })?;
    Ok(place)
}

/// A pipe named after the data folder.
#[cfg(not(unix))]
pub(super) fn of(data: &Path, _runtime: Option<PathBuf>) -> Result<PathBuf, PlaceError> {
    Ok(PathBuf::from(format!(r"\\.\pipe\smartpi-{}", hashed(data))))
}

/// The user that owns a file.
#[cfg(unix)]
pub(super) fn owner_of(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt;
    Ok(std::fs::symlink_metadata(path)?.uid())
}

/// Makes the folder, or takes one that is this user's and nobody else's. Others can write beside it, so what is there already is not trusted.
#[cfg(unix)]
fn claim(folder: &Path, owner: u32) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let found = std::fs::symlink_metadata(folder)?;
    if found.is_dir() && found.uid() == owner && found.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to somebody else, or others can enter it"))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_short_path_stays_in_the_data_folder() {
        assert_eq!(of(Path::new("/d"), None).unwrap(), Path::new("/d/control.sock"));
        let edge = PathBuf::from(format!("/{}", "d".repeat(PATH_LIMIT - "/control.sock".len() - 1)));
        assert_eq!(of(&edge, None).unwrap().as_os_str().len(), PATH_LIMIT);
    }

    #[test]
    fn a_long_path_moves_to_the_runtime_folder_with_a_name_of_its_own() {
        let temp = tempfile::tempdir().unwrap();
        let runtime = temp.path().join("run");
        std::fs::create_dir(&runtime).unwrap();
        let long = |letter: &str| {
            let folder = temp.path().join(letter.repeat(120));
            std::fs::create_dir(&folder).unwrap();
            folder
        };
        let (one, two) = (long("d"), long("e"));
        let place = of(&one, Some(runtime.clone())).unwrap();
        assert!(place.starts_with(&runtime) && place.as_os_str().len() <= PATH_LIMIT, "{}", place.display());
        assert_eq!(of(&one, Some(runtime.clone())).unwrap(), place);
        assert_ne!(of(&two, Some(runtime.clone())).unwrap(), place);
        let folder = place.parent().unwrap();
        assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
        // Somebody else was there first, and left the door open.
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(of(&one, Some(runtime.clone())), Err(PlaceError::Folder { .. })));
        assert!(matches!(of(&one, Some(two)), Err(PlaceError::TooLong)));
    }
}
