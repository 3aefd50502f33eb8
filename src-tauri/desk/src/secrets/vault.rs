//! The one owner of this app's secrets.
//!
//! Calls to the keyring run one after another on the thread `smartpi-secrets`, which starts with the first of them and waits for the next without waking up. A
//! call cannot be cancelled: when its deadline has passed, the thread is left to it, and until it returns every other call is answered "locked" at once. What
//! it brings in the end is still taken into account. Files never wait for the keyring.

mod worker;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway::{Shared as GatewaySecret, Token};
use tokio::sync::watch;

use super::{
    Identity, Keyring, Secret, SecretFiles, SecretName, Secrets, SecretsError, aside, device_token, elsewhere, identity,
};
use crate::failure::{Failure, FailureCode};
use crate::settings::OtherGateway;
use crate::view::{KeyringTrouble, SecretsPlace, SecretsView};
use worker::Worker;

/// Longest that the keyring may take for an answer that asks nobody.
const LOOK: Duration = Duration::from_secs(2);
/// Longest that a person may take to unlock it.
const PERSON: Duration = Duration::from_secs(60);

/// See the module. Clones are the same vault.
#[derive(Clone)]
pub struct Vault {
    shared: Arc<Shared>,
    worker: Arc<Worker>,
    limits: Limits,
}

#[derive(Clone, Copy)]
struct Limits {
    look: Duration,
    person: Duration,
}

struct Shared {
    keyring: Box<dyn Secrets>,
    files: SecretFiles,
    /// One at a time: two must not both make what neither found.
    filing: Mutex<()>,
    known: Mutex<Known>,
    view: watch::Sender<SecretsView>,
}

#[derive(Clone, Copy)]
struct Known {
    in_file: bool,
    /// What the last call to the keyring said; `None`: none was made.
    keyring: Option<Result<(), KeyringTrouble>>,
}

impl Known {
    fn view(self) -> SecretsView {
        let why = self.keyring.and_then(Result::err);
        let place = match (self.in_file, self.keyring) {
            (true, _) => SecretsPlace::File,
            (false, None) => SecretsPlace::Checking,
            (false, Some(Ok(()))) => SecretsPlace::Keyring,
            (false, Some(Err(_))) => SecretsPlace::Nowhere,
        };
        SecretsView { place, why }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is replaced whole: a panic leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = locked(&self.known);
        change(&mut known);
        let view = known.view();
        // Under the lock, so that the newest view is shown last.
        self.view.send_if_modified(|shown| {
            let is_new = *shown != view;
            *shown = view;
            is_new
        });
    }

    /// What a call to the keyring says about the keyring.
    fn learn<T>(&self, result: &Result<T, SecretsError>) {
        let said = match result {
            Ok(_) => Ok(()),
            Err(error) => match error.keyring_trouble() {
                Some(trouble) => Err(trouble),
                None => return,
            },
        };
        self.change(|known| known.keyring = Some(said));
    }
}

impl Vault {
    /// Blocks for nothing and touches nothing: see [`Vault::look`]. `data` is the data folder; `in_file` is what the person chose.
    pub fn new(data: &Path, in_file: bool) -> Self {
        Self::over(Box::new(Keyring), data, in_file, Limits { look: LOOK, person: PERSON })
    }

    fn over(keyring: Box<dyn Secrets>, data: &Path, in_file: bool, limits: Limits) -> Self {
        let known = Known { in_file, keyring: None };
        let shared = Shared {
            keyring,
            files: SecretFiles::new(data),
            filing: Mutex::new(()),
            known: Mutex::new(known),
            view: watch::Sender::new(known.view()),
        };
        Self { shared: Arc::new(shared), worker: Arc::new(Worker::default()), limits }
    }

    /// Where the secrets are, now and whenever that changes.
    pub fn watch(&self) -> watch::Receiver<SecretsView> {
        self.shared.view.subscribe()
    }

    /// Where the secrets are.
    pub fn view(&self) -> SecretsView {
        self.shared.view.borrow().clone()
    }

    /// Finds out whether the keyring works, by a write: one that has no place for secrets reads well. Asks the person for nothing, and takes 2 s at most. Where
    /// the person chose the file, the keyring is left alone.
    pub async fn look(&self) -> SecretsView {
        if !self.in_file() {
            // What it found is in the view.
            let looked = self.on_keyring(self.limits.look, |keyring| {
                keyring.is_ready()?;
                probe(keyring)
            });
            let _ = looked.await;
        }
        self.view()
    }

    /// The key by which OpenClaw knows this app, made at the first call. May ask the person to unlock the keyring, and waits a minute for that.
    ///
    /// # Errors
    /// The codes `keyring_…`, `secrets_file_unusable`, `secret_damaged`, `not_started`. Nothing was made then, or it is found by the next call.
    pub async fn identity(&self) -> Result<Identity, Failure> {
        let identity = if self.in_file() {
            self.on_files(|files| identity::get_or_create(files)).await
        } else {
            self.on_keyring(self.limits.person, |keyring| identity::get_or_create(keyring)).await
        };
        identity.map_err(Failure::from)
    }

    /// The device token that this gateway gave.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub async fn gateway_token(&self, url: &str) -> Result<Option<Token>, Failure> {
        let url = url.to_owned();
        self.anywhere(move |place| device_token::get(place, &url)).await
    }

    /// Keeps the device token that this gateway gave; `None`: forgets it.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub async fn keep_gateway_token(&self, url: &str, token: Option<&Token>) -> Result<(), Failure> {
        let (url, token) = (url.to_owned(), token.cloned());
        self.anywhere(move |place| device_token::keep(place, &url, token.as_ref())).await
    }

    /// The token or password of this gateway of another computer.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub async fn elsewhere_secret(&self, gateway: &OtherGateway) -> Result<Option<GatewaySecret>, Failure> {
        let gateway = gateway.clone();
        self.anywhere(move |place| elsewhere::get(place, &gateway)).await
    }

    /// Keeps it; `None`: forgets whatever there is.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub async fn keep_elsewhere_secret(&self, kept: Option<(OtherGateway, GatewaySecret)>) -> Result<(), Failure> {
        self.anywhere(move |place| elsewhere::keep(place, kept.as_ref().map(|(gateway, shared)| (gateway, shared))))
            .await
    }

    /// Puts the device token of this gateway aside. Gives what names it, which is no secret; `None`: there was none.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub async fn put_token_aside(&self, url: &str) -> Result<Option<String>, Failure> {
        let url = url.to_owned();
        self.anywhere(move |place| match device_token::get(place, &url)? {
            Some(_) => aside::put_aside(place, SecretName::OpenClawDeviceToken),
            None => Ok(None),
        })
        .await
    }

    /// Puts the key aside, and forgets the token that was given to it: the next [`Vault::identity`] makes another. Gives what names it.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub async fn put_identity_aside(&self) -> Result<Option<String>, Failure> {
        self.anywhere(|place| {
            let called = aside::put_aside(place, SecretName::OpenClawIdentity)?;
            place.delete(SecretName::OpenClawDeviceToken)?;
            Ok(called)
        })
        .await
    }

    /// Puts back what was put aside under this name. `false`: it is not there any more.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub async fn put_back(&self, called: &str) -> Result<bool, Failure> {
        let called = called.to_owned();
        self.anywhere(move |place| {
            let back = aside::put_back(place, &called)?;
            if back && called.starts_with(SecretName::IdentityAside.as_str()) {
                // It was given to the other key.
                place.delete(SecretName::OpenClawDeviceToken)?;
            }
            Ok(back)
        })
        .await
    }

    async fn anywhere<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Secrets) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, Failure> {
        let done =
            if self.in_file() { self.on_files(work).await } else { self.on_keyring(self.limits.person, work).await };
        done.map_err(Failure::from)
    }

    /// Moves every secret to the file, or to the keyring: copies it, reads the copy, lets the caller `save` the choice, and only then removes what is in the old
    /// place. May ask the person to unlock the keyring.
    ///
    /// # Errors
    /// What `save` says, the codes of [`Vault::identity`], `secrets_not_moved`: then the old place is still the one. `secrets_left_behind`: the new place is the
    /// one, and a copy is left in the old.
    pub async fn switch(&self, in_file: bool, save: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
        if in_file == self.in_file() {
            return save.await;
        }
        let moved = if in_file { self.copy_to_files().await? } else { self.copy_to_keyring().await? };
        let names: Vec<SecretName> = moved.iter().map(|(name, _)| *name).collect();
        if let Err(failure) = save.await {
            if let Err(error) = self.remove(in_file, names).await {
                tracing::warn!(error = %crate::failure::chain(&error), "a copy of a secret could not be removed");
            }
            return Err(failure);
        }
        self.shared.change(|known| known.in_file = in_file);
        let removed = self.remove(!in_file, names).await;
        removed.map_err(|error| Failure::caused(FailureCode::SecretsLeftBehind, &error))
    }

    fn in_file(&self) -> bool {
        locked(&self.shared.known).in_file
    }

    /// From a keyring that does not work there is nothing to copy: that is why the person wants the file.
    async fn copy_to_files(&self) -> Result<Vec<(SecretName, Secret)>, Failure> {
        let not_moved = |error: SecretsError| Failure::caused(FailureCode::SecretsNotMoved, &error);
        let worked = self.view().place == SecretsPlace::Keyring;
        let read = self.on_keyring(self.limits.look, |keyring| {
            keyring.is_ready()?;
            kept(keyring)
        });
        let secrets = match read.await {
            Ok(secrets) => secrets,
            Err(error) if worked => return Err(not_moved(error)),
            Err(_) => Vec::new(),
        };
        self.on_files(move |files| copy(secrets, files)).await.map_err(not_moved)
    }

    async fn copy_to_keyring(&self) -> Result<Vec<(SecretName, Secret)>, Failure> {
        let secrets = self.on_files(|files| kept(files)).await?;
        let copied = self.on_keyring(self.limits.person, move |keyring| {
            probe(keyring)?;
            copy(secrets, keyring)
        });
        Ok(copied.await?)
    }

    async fn remove(&self, from_file: bool, names: Vec<SecretName>) -> Result<(), SecretsError> {
        if names.is_empty() {
            return Ok(());
        }
        let remove = move |place: &dyn Secrets| names.into_iter().try_for_each(|name| place.delete(name));
        if from_file { self.on_files(remove).await } else { self.on_keyring(self.limits.person, remove).await }
    }

    async fn on_keyring<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&dyn Secrets) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let shared = Arc::clone(&self.shared);
        let learning = Arc::clone(&self.shared);
        let work = move || work(shared.keyring.as_ref());
        let learned = move |result: &Result<T, SecretsError>| learning.learn(result);
        let nobody_came = || self.shared.change(|known| known.keyring = Some(Err(KeyringTrouble::Locked)));
        self.worker.call(limit, work, learned, nobody_came).await
    }

    async fn on_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Secrets) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let _one = locked(&shared.filing);
            work(&shared.files)
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(SecretsError::NotDone(error.into())))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vault").field("view", &self.view()).finish_non_exhaustive()
    }
}

/// Something is written, read and removed.
fn probe(place: &dyn Secrets) -> Result<(), SecretsError> {
    let mut bytes = vec![0; 16];
    getrandom::fill(&mut bytes).map_err(SecretsError::Randomness)?;
    let written = Secret::new(bytes);
    place.set(SecretName::Probe, &written)?;
    let read = place.get(SecretName::Probe)?;
    place.delete(SecretName::Probe)?;
    if read.as_ref() == Some(&written) {
        return Ok(());
    }
    Err(SecretsError::trouble(KeyringTrouble::Broken, SecretsError::NotKept(SecretName::Probe)))
}

fn kept(place: &dyn Secrets) -> Result<Vec<(SecretName, Secret)>, SecretsError> {
    let mut secrets = Vec::new();
    for name in SecretName::KEPT {
        secrets.extend(place.get(name)?.map(|secret| (name, secret)));
    }
    Ok(secrets)
}

/// Gives back what was copied and read again.
fn copy(secrets: Vec<(SecretName, Secret)>, to: &dyn Secrets) -> Result<Vec<(SecretName, Secret)>, SecretsError> {
    for (name, secret) in &secrets {
        to.set(*name, secret)?;
        if to.get(*name)?.as_ref() != Some(secret) {
            return Err(SecretsError::NotKept(*name));
        }
    }
    Ok(secrets)
}

#[cfg(test)]
mod tests;
