//! Two ways to change the configuration: through the running gateway, or in the file while none runs. One plan, shown before and done exactly so.

mod client;
mod file;
mod rpc;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

pub use file::{FileStore, Validate};
pub use rpc::RpcStore;

use super::{Change, EditError, Entry, Path, WriteError};

/// One request to the gateway.
pub trait Call: Send + Sync {
    /// Sends it and waits for the answer. Not connected is [`CallError::Lost`] as well: nobody knows what became of it.
    fn call<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Result<Value, CallError>>;
}

/// There is no answer, or a no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The gateway says no.
    #[error("{code}: {message}")]
    Refused {
        /// For example `INVALID_REQUEST`.
        code: String,
        /// Its words.
        message: String,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// The configuration changed since it was read. Nothing was written.
    #[error("the configuration changed since it was read")]
    Stale,
    /// The connection ended before the answer, or there is none.
    #[error("the gateway did not answer")]
    Lost,
}

/// What changes would do.
#[derive(Clone, PartialEq, Eq)]
pub struct Plan {
    /// Every entry, for showing.
    pub entries: Vec<Entry>,
    /// Whether comments and the person's own format would be lost: OpenClaw's own writer keeps none.
    pub comments_lost: bool,
    /// Objects and lists that are made. Keep them for [`Change::Remove`].
    pub made: Vec<Path>,
    changes: Vec<Change>,
    /// What the configuration was when the plan was made.
    base: Basis,
}

#[derive(Clone, PartialEq, Eq)]
enum Basis {
    File(super::write::Base),
    Gateway(rpc::Seen),
}

impl Plan {
    /// Whether there is anything to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Plan").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// It was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The copy from before.
    pub copy: PathBuf,
}

/// It was not done. Unless said otherwise the configuration is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The configuration cannot be edited so.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The configuration is another one by now: make a new plan.
    #[error("the configuration was changed in the meantime")]
    Newer,
    /// The file cannot be read or written, or no copy can be kept.
    #[error("cannot use {}", path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// OpenClaw would not accept the result. Nothing was written.
    #[error("OpenClaw does not accept the configuration: {words}")]
    Invalid {
        /// Its words.
        words: String,
    },
    /// The gateway says no.
    #[error(transparent)]
    Refused(CallError),
    /// The gateway did more than the plan says, or somebody else changed more meanwhile: that stands, and the copy has what was there.
    #[error("{} changed as well; from before: {}", paths.join(", "), copy.display())]
    Strange {
        /// What else changed.
        paths: Vec<String>,
        /// The copy from before.
        copy: PathBuf,
    },
    /// The gateway lost something of others with this change, so the file is as it was.
    #[error("{} would have changed as well, and was put back", .0.join(", "))]
    PutBack(Vec<String>),
}

impl From<WriteError> for StoreError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Newer(_) => Self::Newer,
            WriteError::Io { path, source } => Self::Io { path, source },
        }
    }
}

/// A way to the configuration.
pub trait Store: Send + Sync {
    /// What changes would do. Changes nothing.
    fn plan<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Plan, StoreError>>;

    /// Does exactly this plan, once a person has seen it. `now_ms`: for the copy's name, since 1970.
    fn apply<'a>(&'a self, plan: &'a Plan, now_ms: u64) -> BoxFuture<'a, Result<Applied, StoreError>>;
}
