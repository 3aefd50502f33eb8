//! Secrets in files that only this user can read: one for each, in a folder of their own.

use std::io;
use std::path::{Path, PathBuf};

use super::{Secret, SecretName, Secrets, SecretsError};
use crate::{folders, private_file};

/// The folder `secrets` of the data folder. It is made when the first secret is written.
#[derive(Clone, Debug)]
pub struct SecretFiles {
    folder: PathBuf,
}

impl SecretFiles {
    /// Nothing is touched yet.
    pub fn new(data: &Path) -> Self {
        Self { folder: data.join("secrets") }
    }

    fn path(&self, name: SecretName) -> PathBuf {
        self.folder.join(name.as_str())
    }
}

impl Secrets for SecretFiles {
    fn is_ready(&self) -> Result<(), SecretsError> {
        folders::make_private(&self.folder).map_err(|source| SecretsError::File { path: self.folder.clone(), source })
    }

    fn get(&self, name: SecretName) -> Result<Option<Secret>, SecretsError> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(Secret::new(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SecretsError::File { path, source }),
        }
    }

    fn set(&self, name: SecretName, secret: &Secret) -> Result<(), SecretsError> {
        self.is_ready()?;
        let path = self.path(name);
        private_file::replace(&path, secret.bytes()).map_err(|source| SecretsError::File { path, source })
    }

    fn delete(&self, name: SecretName) -> Result<(), SecretsError> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SecretsError::File { path, source: error }),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::check_contract;

    #[test]
    fn files_keep_the_contract() {
        let temp = tempfile::tempdir().unwrap();
        check_contract(&SecretFiles::new(temp.path())).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn only_this_user_can_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("secrets");
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        SecretFiles::new(temp.path()).set(SecretName::Probe, &Secret::new(vec![1])).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("probe"))), (0o700, 0o600));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::write(temp.path().join("secrets"), b"a file").unwrap();
        let error = SecretFiles::new(temp.path()).set(SecretName::Probe, &Secret::new(vec![1])).unwrap_err();
        assert!(matches!(error, SecretsError::File { .. }), "{error:?}");
    }
}
