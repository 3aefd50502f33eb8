//! The service's own secrets: files of 0600 in the data folder, most of them 32 random bytes. No keyring: the service must start without one.

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
    /// Not what this program wrote.
    #[error("the key file {} is damaged", .0.display())]
    Damaged(PathBuf),
    /// Others can read it.
    #[error("the key file {} can be read by other users; make it private (chmod 600) or delete it", .0.display())]
    Exposed(PathBuf),
    /// No randomness.
    #[error("the system gives no random numbers")]
    Random,
}

/// Reads a key of 32 bytes, or makes it where there is none.
///
/// # Errors
/// See [`KeyError`]; a damaged or exposed file is never replaced silently.
pub fn load_or_create(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let bytes = load_or_make(path, 32, || {
        let mut key = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut key).map_err(|_| KeyError::Random)?;
        Ok(key)
    })?;
    let key = bytes.as_slice().try_into().map_err(|_| KeyError::Damaged(path.into()))?;
    Ok(Zeroizing::new(key))
}

/// Reads a secret file of at most `most` bytes, or writes what `make` gives where there is none.
///
/// # Errors
/// See [`KeyError`]; a damaged or exposed file is never replaced silently.
pub(crate) fn load_or_make(
    path: &Path,
    most: usize,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, KeyError>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let fail = |source| KeyError::File { path: path.into(), source };
    match File::open(path) {
        Ok(file) => read(path, most, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = make()?;
            create(path, &made).map_err(fail)?;
            Ok(made)
        }
        Err(error) => Err(fail(error)),
    }
}

fn read(path: &Path, most: usize, mut file: File) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let fail = |source| KeyError::File { path: path.into(), source };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata().map_err(fail)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Exposed(path.into()));
        }
    }
    // Room for one byte more, so that nothing of it is left behind in a smaller buffer.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
    Read::by_ref(&mut file).take(most as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() > most { Err(KeyError::Damaged(path.into())) } else { Ok(bytes) }
}

/// Written beside, then linked in place: a crash leaves either no key or a whole one.
fn create(path: &Path, key: &[u8]) -> io::Result<()> {
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
