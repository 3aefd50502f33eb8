//! The system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
//!
//! Every call makes its own connection and ends it: nothing of it wakes up while nobody asks, and a first contact that failed can be tried again.

use std::error::Error;
use std::sync::Arc;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error as KeyringError};

use super::{Secret, SecretName, Secrets, SecretsError};
use crate::view::KeyringTrouble;

/// What the entries of this app are called.
const SERVICE: &str = "com.smartpi.tray";

type Cause = Box<dyn Error + Send + Sync>;

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

/// What the person is told of an error, which never holds the secret: the two kinds that carry bytes lose them here.
fn told(error: KeyringError) -> SecretsError {
    let trouble = trouble_of(&error);
    match error {
        KeyringError::PlatformFailure(cause) | KeyringError::NoStorageAccess(cause) => {
            SecretsError::trouble(trouble, cause)
        }
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            SecretsError::trouble(trouble, "its entry is damaged")
        }
        error => SecretsError::trouble(trouble, error.to_string()),
    }
}

#[cfg(target_os = "linux")]
fn trouble_of(error: &KeyringError) -> KeyringTrouble {
    let of_cause = |cause: &Cause| cause.downcast_ref::<secret_service::Error>().map(linux::trouble_of);
    match error {
        KeyringError::PlatformFailure(cause) => of_cause(cause).unwrap_or(KeyringTrouble::Broken),
        KeyringError::NoStorageAccess(cause) => of_cause(cause).unwrap_or(KeyringTrouble::Locked),
        // Not exhaustive in its crate: everything else is nonsense to us.
        _ => KeyringTrouble::Broken,
    }
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
        match error {
            Error::Locked | Error::Prompt | Error::PromptDisconnected => KeyringTrouble::Locked,
            Error::NoResult => KeyringTrouble::Empty,
            Error::Unavailable => KeyringTrouble::Absent,
            Error::Zbus(error) if is_nobody(error) => KeyringTrouble::Absent,
            Error::ZbusFdo(error) if is_nobody_fdo(error) => KeyringTrouble::Absent,
            Error::Crypto(_) | Error::Zbus(_) | Error::ZbusFdo(_) | Error::Zvariant(_) => KeyringTrouble::Broken,
            // Not exhaustive in its crate.
            _ => KeyringTrouble::Broken,
        }
    }

    /// There is no bus, or nobody on it who keeps secrets.
    fn is_nobody(error: &zbus::Error) -> bool {
        match error {
            zbus::Error::Address(_) | zbus::Error::InterfaceNotFound => true,
            // The socket that the environment names is not there: a server, or a desktop that has ended.
            zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _) => {
                matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
            }
            zbus::Error::MethodError(name, _, _) => NOBODY.contains(&name.as_str()),
            zbus::Error::FDO(error) => is_nobody_fdo(error),
            // Not exhaustive in its crate.
            _ => false,
        }
    }

    const NOBODY: [&str; 3] = [
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
    ];

    fn is_nobody_fdo(error: &fdo::Error) -> bool {
        match error {
            fdo::Error::ServiceUnknown(_) | fdo::Error::NameHasNoOwner(_) | fdo::Error::SpawnServiceNotFound(_) => true,
            fdo::Error::ZBus(error) => is_nobody(error),
            // Not exhaustive in its crate.
            _ => false,
        }
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
