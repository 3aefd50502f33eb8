//! The service's own secrets: files of 32 random bytes, 0600, in the data folder. No keyring: the service must start without one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system says no.
    #[error("the key file {} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not 32 bytes.
    #[error("the key file {} is damaged", .0.display())]
    Damaged(PathBuf),
    /// Others can read it.
    #[error("the key file {} can be read by other users; make it private (chmod 600) or delete it", .0.display())]
    Exposed(PathBuf),
    /// No randomness.
    #[error("the system gives no random numbers")]
    Random,
}

/// Reads a key, or makes it where there is none.
///
/// # Errors
/// See [`KeyError`]; a damaged or exposed file is never replaced silently.
pub fn load_or_create(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let fail = |source| KeyError::File { path: path.into(), source };
    match File::open(path) {
        Ok(file) => read(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = Zeroizing::new([0; 32]);
            getrandom::fill(&mut key[..]).map_err(|_| KeyError::Random)?;
            create(path, &key).map_err(fail)?;
            Ok(key)
        }
        Err(error) => Err(fail(error)),
    }
}

fn read(path: &Path, mut file: File) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let fail = |source| KeyError::File { path: path.into(), source };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata().map_err(fail)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Exposed(path.into()));
        }
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(33));
    Read::by_ref(&mut file).take(33).read_to_end(&mut bytes).map_err(fail)?;
    let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError::Damaged(path.into()))?;
    Ok(Zeroizing::new(key))
}

/// Written beside, then linked in place: a crash leaves either no key or a whole one.
fn create(path: &Path, key: &[u8; 32]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&beside)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.key");
        let key = load_or_create(&path).unwrap();
        assert_eq!(*load_or_create(&path).unwrap(), *key);
        std::fs::write(&path, [1; 31]).unwrap();
        assert!(matches!(load_or_create(&path), Err(KeyError::Damaged(_))));
        std::fs::write(&path, [1; 33]).unwrap();
        assert!(matches!(load_or_create(&path), Err(KeyError::Damaged(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.key");
        load_or_create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load_or_create(&path), Err(KeyError::Exposed(_))));
    }
}
