//! The file, while no gateway runs. Comments and format stay.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Applied, Basis, Plan, Store, StoreError};
use crate::config::write::{Base, prefix};
use crate::config::{Backups, Change, Config, DocumentError, EditError, edit};

/// Asks OpenClaw whether it would accept a configuration: `openclaw config validate` with `OPENCLAW_CONFIG_PATH`.
pub trait Validate: Send + Sync {
    /// `candidate`: a file beside the configuration, so that what it includes is found. `Err`: no, or it cannot be asked, with words for a person.
    fn validate<'a>(&'a self, candidate: &'a Path) -> BoxFuture<'a, Result<(), String>>;
}

/// `openclaw.json`.
#[derive(Clone)]
pub struct FileStore {
    path: PathBuf,
    backups: Backups,
    validate: Arc<dyn Validate>,
}

impl FileStore {
    /// `backups`: outside the folder of the configuration, which OpenClaw watches.
    pub fn new(path: impl Into<PathBuf>, backups: Backups, validate: Arc<dyn Validate>) -> Self {
        Self { path: path.into(), backups, validate }
    }

    fn io(&self, source: io::Error) -> StoreError {
        StoreError::Io { path: self.path.clone(), source }
    }

    fn make(&self, changes: &[Change]) -> Result<Plan, StoreError> {
        let base = Base::read(&self.path).map_err(|source| self.io(source))?;
        let edited = edit(text_of(&base)?, changes)?;
        Ok(Plan {
            entries: edited.entries,
            comments_lost: false,
            made: edited.made,
            changes: changes.to_vec(),
            base: Basis::File(base),
        })
    }

    async fn write(&self, plan: &Plan, now_ms: u64) -> Result<Applied, StoreError> {
        let Basis::File(base) = &plan.base else { return Err(StoreError::Newer) };
        let edited = edit(text_of(base)?, &plan.changes)?;
        let copy = self.backups.keep(base.bytes(), "openclaw", now_ms);
        let copy = copy.map_err(|source| StoreError::Io { path: self.backups.folder().to_owned(), source })?;
        let candidate = self.candidate(edited.text.as_bytes()).map_err(|source| self.io(source))?;
        self.validate.validate(candidate.path()).await.map_err(|words| StoreError::Invalid { words })?;
        base.replace(edited.text.as_bytes())?.accept()?;
        // What is on the disk is what was promised, to the reader that everybody uses.
        let there = Config::read(&self.path).map_err(|_| StoreError::Newer)?;
        if there.bytes() == edited.text.as_bytes() { Ok(Applied { copy }) } else { Err(StoreError::Newer) }
    }

    /// What would be written, in a file of its own that goes when it is dropped. Only its owner can read it; one that a kill left behind goes with the next write.
    fn candidate(&self, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let mut file = tempfile::Builder::new().prefix(&prefix(&self.path)).suffix(".json").tempfile_in(folder)?;
        file.write_all(bytes)?;
        Ok(file)
    }
}

fn text_of(base: &Base) -> Result<&str, StoreError> {
    std::str::from_utf8(base.bytes()).map_err(|_| StoreError::Edit(EditError::Document(DocumentError::Malformed)))
}

impl Store for FileStore {
    fn plan<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Plan, StoreError>> {
        Box::pin(async move { self.make(changes) })
    }

    fn apply<'a>(&'a self, plan: &'a Plan, now_ms: u64) -> BoxFuture<'a, Result<Applied, StoreError>> {
        Box::pin(self.write(plan, now_ms))
    }
}

impl std::fmt::Debug for FileStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FileStore").field("path", &self.path).finish_non_exhaustive()
    }
}
