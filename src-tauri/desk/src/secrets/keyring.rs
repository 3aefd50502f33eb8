//! The system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
//!
//! Every call makes its own connection and ends it: nothing of it wakes up while nobody asks, and a first contact that failed can be tried again.

use std::sync::Arc;

use keyring::Error as KeyringError;
use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi;

use super::{Secret, SecretName, Secrets, SecretsError};
use crate::view::KeyringTrouble;

/// What the entries of this app are called.
const SERVICE: &str = "com.smartpi.tray";

/// The keyring of this user.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyring;

impl Secrets for Keyring {
    fn is_ready(&self) -> Result<(), SecretsError> {
        #[cfg(target_os = "linux")]
        return secret_service_is_ready().map_err(|error| SecretsError::trouble(linux::trouble_of(&error), error));
        #[cfg(not(target_os = "linux"))]
        Ok(())
    }

    fn get(&self, name: SecretName) -> Result<Option<Secret>, SecretsError> {
        match entry(name).and_then(|entry| entry.get_secret()) {
            Ok(bytes) => Ok(Some(Secret::new(bytes))),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    fn set(&self, name: SecretName, secret: &Secret) -> Result<(), SecretsError> {
        entry(name).and_then(|entry| entry.set_secret(secret.bytes())).map_err(told)
    }

    fn delete(&self, name: SecretName) -> Result<(), SecretsError> {
        match entry(name).and_then(|entry| entry.delete_credential()) {
            Ok(()) | Err(KeyringError::NoEntry) => Ok(()),
            Err(error) => Err(told(error)),
        }
    }
}

fn entry(name: SecretName) -> Result<Entry, KeyringError> {
    store()?.build(SERVICE, name.as_str(), None)
}

#[cfg(target_os = "linux")]
fn store() -> Result<Arc<impl CredentialStoreApi>, KeyringError> {
    zbus_secret_service_keyring_store::Store::new()
}

#[cfg(target_os = "macos")]
fn store() -> Result<Arc<impl CredentialStoreApi>, KeyringError> {
    apple_native_keyring_store::keychain::Store::new()
}

#[cfg(windows)]
fn store() -> Result<Arc<impl CredentialStoreApi>, KeyringError> {
    windows_native_keyring_store::Store::new()
}

/// What the person is told of an error. It never holds the secret: the two kinds that carry bytes lose them here.
fn told(error: KeyringError) -> SecretsError {
    let trouble = trouble_of(&error);
    if let KeyringError::PlatformFailure(cause) | KeyringError::NoStorageAccess(cause) = error {
        return SecretsError::trouble(trouble, cause);
    }
    if matches!(error, KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..)) {
        return SecretsError::trouble(trouble, "its entry is damaged");
    }
    SecretsError::trouble(trouble, error.to_string())
}

#[cfg(target_os = "linux")]
fn trouble_of(error: &KeyringError) -> KeyringTrouble {
    let (KeyringError::PlatformFailure(cause) | KeyringError::NoStorageAccess(cause)) = error else {
        return KeyringTrouble::Broken;
    };
    cause.downcast_ref().map_or(KeyringTrouble::Broken, linux::trouble_of)
}

#[cfg(not(target_os = "linux"))]
fn trouble_of(_: &KeyringError) -> KeyringTrouble {
    KeyringTrouble::Broken
}

/// Asks nobody for a password: a locked collection would, at the first write.
#[cfg(target_os = "linux")]
fn secret_service_is_ready() -> Result<(), secret_service::Error> {
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;
    let service = SecretService::connect(EncryptionType::Plain)?;
    service.get_default_collection()?.ensure_unlocked()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use secret_service::Error;
    use zbus::fdo;

    use crate::view::KeyringTrouble;

    pub(super) fn trouble_of(error: &Error) -> KeyringTrouble {
        if matches!(error, Error::Locked | Error::Prompt | Error::PromptDisconnected) {
            return KeyringTrouble::Locked;
        }
        if matches!(error, Error::NoResult) {
            return KeyringTrouble::Empty;
        }
        let is_absent = matches!(error, Error::Unavailable)
            || matches!(error, Error::Zbus(error) if is_nobody(error))
            || matches!(error, Error::ZbusFdo(error) if is_nobody_fdo(error));
        if is_absent { KeyringTrouble::Absent } else { KeyringTrouble::Broken }
    }

    /// There is no bus, or nobody on it who keeps secrets.
    fn is_nobody(error: &zbus::Error) -> bool {
        // The socket that the environment names is not there: a server, or a desktop that has ended.
        if let zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _) = error {
            return matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused);
        }
        if let zbus::Error::MethodError(name, _, _) = error {
            return NOBODY.contains(&name.as_str());
        }
        if let zbus::Error::FDO(error) = error {
            return is_nobody_fdo(error);
        }
        matches!(error, zbus::Error::Address(_) | zbus::Error::InterfaceNotFound)
    }

    const NOBODY: [&str; 3] = [
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
    ];

    fn is_nobody_fdo(error: &fdo::Error) -> bool {
        if let fdo::Error::ZBus(error) = error {
            return is_nobody(error);
        }
        matches!(
            error,
            fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) | fdo::Error::SpawnServiceNotFound(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_bytes_are_not_told() {
        let error = told(KeyringError::BadEncoding(b"hunter2".to_vec()));
        assert!(!format!("{error:?}").contains("104"), "{error:?}");
        assert_eq!(error.keyring_trouble(), Some(KeyringTrouble::Broken));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_the_secret_service_says_is_told_apart() {
        use secret_service::Error;
        let access = |error: Error| told(KeyringError::NoStorageAccess(Box::new(error))).keyring_trouble();
        let platform = |error: Error| told(KeyringError::PlatformFailure(Box::new(error))).keyring_trouble();
        assert_eq!(access(Error::Prompt), Some(KeyringTrouble::Locked));
        assert_eq!(access(Error::Locked), Some(KeyringTrouble::Locked));
        assert_eq!(access(Error::NoResult), Some(KeyringTrouble::Empty));
        assert_eq!(platform(Error::Unavailable), Some(KeyringTrouble::Absent));
        let unknown = zbus::fdo::Error::ServiceUnknown(String::new());
        assert_eq!(platform(Error::Zbus(unknown.into())), Some(KeyringTrouble::Absent));
        let nowhere = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert_eq!(platform(Error::Zbus(nowhere.into())), Some(KeyringTrouble::Absent));
        let refused = Arc::new(std::io::Error::from(std::io::ErrorKind::NotFound));
        let address = "unix:path=/none".try_into().unwrap();
        assert_eq!(platform(Error::Zbus(zbus::Error::Connection(refused, address))), Some(KeyringTrouble::Absent));
        assert_eq!(platform(Error::Crypto("no")), Some(KeyringTrouble::Broken));
        assert_eq!(told(KeyringError::NoEntry).keyring_trouble(), Some(KeyringTrouble::Broken));
    }
}
