//! `openclaw.json`: read, edited without losing a byte of what others wrote, and watched.
//!
//! Invariants:
//! - we change what [`Change`] names, in the paths that it names, and nothing else; a change that would touch more is refused;
//! - a text that two readers understand differently is refused, never guessed at;
//! - no secret is in a `Debug` output, a finding or a difference.

mod backup;
mod change;
mod difference;
mod disk;
mod document;
mod reading;
pub mod routing;
mod splice;
mod store;
mod style;
#[cfg(test)]
mod tests;
mod trap;
mod watch;
mod write;

pub use backup::{Backups, KEPT};
pub use change::{Change, EditError, Edited, edit, preview};
pub(crate) use difference::at;
pub use difference::{Difference, Entry, Path, changed_paths, unexplained};
pub use document::DocumentError;
pub use reading::{Config, ConfigError};
pub use store::{Applied, Call, CallError, FileStore, Plan, RpcStore, Store, StoreError, Validate};
pub use trap::{Trap, traps};
pub use watch::{Ours, OwnEntry};
pub use write::{WriteError, put_back};

/// Id of our plugin and of its channel.
pub const ID: &str = "openclaw-smartpi";
