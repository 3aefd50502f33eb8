//! The OpenClaw plugin: puts it into a person's OpenClaw without harm, and says how it is there.
//!
//! Invariants:
//! - a plugin of this id that we did not install is never touched;
//! - OpenClaw's own commands make every change; before the first one there is a copy of `openclaw.json` in our data folder;
//! - afterwards nothing in `openclaw.json` differs but our own entries, or the copy is put back;
//! - it is done when the plugin itself has said hello, and not before.
//!
//! Deliberately absent: starting, stopping or restarting a gateway. Read first: `install.rs`.

mod accounts;
mod config;
pub(crate) mod facts;
mod foreign;
mod install;
pub(crate) mod login_shell;
mod openclaw;
mod record;
pub(crate) mod search;

pub use accounts::accounts;
pub use foreign::{NotOurs, Standing};
pub use gateway::config::{ConfigError, Difference, ID, WriteError};
pub(crate) use gateway::place::config_of_user;
pub(crate) use install::backups;
pub use install::{
    ChangeError, InstallError, Installed, NextStep, Outcome, Planned, Request, Status, UndoError, Undone, install,
    plan, removal, remove, status,
};
pub use openclaw::{FindError, RunError};
pub(crate) use openclaw::{OpenClaw, Validator};
pub use record::RecordError;

/// Version of the plugin that this binary carries: the binary's own.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What OpenClaw installs: an npm package.
const PACKAGE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/openclaw-smartpi.tgz"));
