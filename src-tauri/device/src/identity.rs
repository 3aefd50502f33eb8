//! What a device remembers: its key, whom it is bound to, what it showed, what it still has to send.

use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};

use channel::id::DeviceKey;
use channel::proof::token;
use channel::wire::Blob;
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// How many shown replies are remembered: twice what a service keeps for a device, so that a restored backup shows none again.
pub const REMEMBERED: usize = 2_048;

/// The service that a device was bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// `ADDRESS:PORT`, as in the binding URL.
    pub authority: String,
    /// The service's public key: pinned for good.
    pub service_key: Blob<32>,
    /// The service's name, as it last said it.
    pub service: String,
    /// SHA-256 of the service's certificate, where the device was bound over TLS: pinned for good, and there is no way down to ws.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub certificate: Option<Blob<32>>,
}

/// A message that has not been acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// ULID.
    pub id: String,
    /// What the person said.
    pub text: String,
}

/// A reply that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its number.
    pub n: u64,
    /// Its id.
    pub rid: String,
    /// The message it answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub re: Option<String>,
}

/// Everything a device keeps over a restart.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    seed: Blob<32>,
    /// Whether it is a script, which says its token instead of a signature.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(crate) script: bool,
    /// Whom it is bound to. `None`: nobody yet.
    #[serde(default)]
    pub binding: Option<Binding>,
    /// The store it last spoke to; empty for none.
    #[serde(default)]
    pub epoch: String,
    /// The highest reply that it has shown, all lower ones included.
    #[serde(default)]
    pub last_n: u64,
    /// The last [`REMEMBERED`] replies it showed, oldest first.
    #[serde(default)]
    pub shown: VecDeque<Shown>,
    /// Messages without an `ack`, oldest first.
    #[serde(default)]
    pub outbox: VecDeque<Outgoing>,
}

impl Identity {
    /// A new device with a random key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self::from_seed(seed))
    }

    /// The device with this Ed25519 seed, bound to nobody.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            seed: Blob(seed),
            script: false,
            binding: None,
            epoch: String::new(),
            last_n: 0,
            shown: VecDeque::new(),
            outbox: VecDeque::new(),
        }
    }

    /// The script with this token. `None`: it is no token, or a letter of it is wrong.
    pub fn from_token(text: &str) -> Option<Self> {
        let mut identity = Self::from_seed(*token::seed(text.trim())?);
        identity.script = true;
        Some(identity)
    }

    /// What a script says of itself instead of a signature.
    pub fn token(&self) -> Option<Zeroizing<String>> {
        self.script.then(|| token::text(&self.seed.0))
    }

    /// Its private key.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.seed.0)
    }

    /// Its public key, as it goes over the wire.
    pub fn public_key(&self) -> Blob<32> {
        Blob(self.signing_key().verifying_key().to_bytes())
    }

    /// Its name.
    pub fn device_key(&self) -> DeviceKey {
        DeviceKey::of(&self.signing_key().verifying_key())
    }

    /// Whether it was bound over TLS: it connects over nothing else ever after.
    pub fn needs_tls(&self) -> bool {
        self.binding.as_ref().is_some_and(|binding| binding.certificate.is_some())
    }

    /// Whether it showed the reply with this id.
    pub fn has_shown(&self, rid: &str) -> bool {
        self.shown.iter().rev().any(|shown| shown.rid == rid)
    }

    /// Begins to count replies anew: another store, or a new binding. Keeps what was shown and what is to be sent.
    pub fn forget_count(&mut self, epoch: &str) {
        epoch.clone_into(&mut self.epoch);
        self.last_n = 0;
    }

    pub(crate) fn remember(&mut self, shown: Shown) {
        if self.shown.len() == REMEMBERED {
            self.shown.pop_front();
        }
        self.shown.push_back(shown);
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.seed.0.zeroize();
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("device_key", &self.device_key())
            .field("binding", &self.binding)
            .field("last_n", &self.last_n)
            .field("outbox", &self.outbox.len())
            .finish_non_exhaustive()
    }
}

/// Why an identity could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot save the device's identity in {path}")]
pub struct SaveError {
    /// Where.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

/// Why an identity could not be read.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is something else.
    #[error("{path} is not a device's identity")]
    NotAnIdentity {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl OpenError {
    /// Whether there is no such file: a new device may be made there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// An identity and where it is kept.
#[derive(Debug)]
pub struct Keep {
    /// The identity. What is changed here is on disk after [`Keep::save`], not before.
    pub identity: Identity,
    path: Option<PathBuf>,
}

impl Keep {
    /// Kept for as long as the process lives.
    pub fn in_memory(identity: Identity) -> Self {
        Self { identity, path: None }
    }

    /// Kept in a file that is written now, readable by its owner only. An existing file is replaced.
    ///
    /// # Errors
    /// See [`SaveError`].
    pub fn create(path: &Path, identity: Identity) -> Result<Self, SaveError> {
        let keep = Self { identity, path: Some(path.to_owned()) };
        keep.write()?;
        Ok(keep)
    }

    /// Reads a file that [`Keep::create`] wrote.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let text = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|source| OpenError::Read { path: path.to_owned(), source })?;
        let identity = serde_json::from_slice(&text)
            .map_err(|source| OpenError::NotAnIdentity { path: path.to_owned(), source })?;
        Ok(Self { identity, path: Some(path.to_owned()) })
    }

    /// Writes the identity. When this returns, it survives a power cut.
    ///
    /// # Errors
    /// See [`SaveError`]; the file then still holds the earlier state, whole.
    pub async fn save(&self) -> Result<(), SaveError> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        let bytes = self.encode();
        let written = tokio::task::spawn_blocking({
            let path = path.clone();
            move || write_whole(&path, &bytes)
        })
        .await
        .map_err(std::io::Error::other)
        .flatten();
        written.map_err(|source| SaveError { path, source })
    }

    fn write(&self) -> Result<(), SaveError> {
        let Some(path) = &self.path else { return Ok(()) };
        write_whole(path, &self.encode()).map_err(|source| SaveError { path: path.clone(), source })
    }

    fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec_pretty(&self.identity).expect("an identity has string keys and no floats"))
    }
}

/// Beside the file, synced, renamed over it, and the folder synced: one or the other is there, never half.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Identity {
        let mut identity = Identity::random().unwrap();
        identity.binding = Some(Binding {
            authority: "127.0.0.1:8765".into(),
            service_key: Blob([7; 32]),
            service: "Study".into(),
            certificate: Some(Blob([8; 32])),
        });
        identity.forget_count("e5f1");
        identity.last_n = 12;
        identity.remember(Shown { n: 12, rid: "r-1".into(), re: None });
        identity.outbox.push_back(Outgoing { id: "01JD0000000000000000000001".into(), text: "开灯".into() });
        identity
    }

    #[test]
    fn the_key_has_the_name_of_the_vectors() {
        let identity = Identity::from_seed(std::array::from_fn(|index| u8::try_from(index).unwrap()));
        assert_eq!(identity.device_key().as_str(), "kzdvvj2umnduyauf35o36k6kw4");
        assert!(!format!("{identity:?}").contains(&identity.seed.encode()));
    }

    #[tokio::test]
    async fn an_identity_comes_back_whole_from_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.json");
        assert!(Keep::open(&path).unwrap_err().is_missing());
        let mut keep = Keep::create(&path, full()).unwrap();
        assert_eq!(Keep::open(&path).unwrap().identity, keep.identity);
        keep.identity.last_n = 13;
        keep.save().await.unwrap();
        assert_eq!(Keep::open(&path).unwrap().identity.last_n, 13);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left behind");
    }

    #[tokio::test]
    async fn a_failed_save_leaves_the_earlier_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inner").join("device.json");
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let mut keep = Keep::create(&path, full()).unwrap();
        std::fs::rename(folder.path().join("inner"), folder.path().join("moved")).unwrap();
        keep.identity.last_n = 99;
        assert!(keep.save().await.is_err());
        assert_eq!(Keep::open(&folder.path().join("moved").join("device.json")).unwrap().identity.last_n, 12);
    }

    #[test]
    fn only_an_identity_is_read_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device.json");
        std::fs::write(&path, b"{\"seed\":\"short\"}").unwrap();
        let error = Keep::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::NotAnIdentity { .. }) && !error.is_missing());
    }

    #[test]
    fn what_was_shown_is_remembered_to_a_limit() {
        let mut identity = full();
        for n in 0..REMEMBERED as u64 {
            identity.remember(Shown { n, rid: format!("x-{n}"), re: None });
        }
        assert_eq!(identity.shown.len(), REMEMBERED);
        assert!(!identity.has_shown("r-1") && identity.has_shown("x-0"));
    }
}
