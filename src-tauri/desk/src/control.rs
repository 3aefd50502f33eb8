//! The control socket of docs/CONTROL.md: how the command line, the window and the plugin's commands talk to a running service.
//!
//! A unix socket with mode 0600 in a folder with mode 0700, whose peer must be the same user; on Windows a named pipe that only its owner may open. Never the
//! TCP port. One JSON object a line.

pub mod answer;
mod choice;
pub mod client;
mod exchange;
mod line;
mod place;
pub mod request;
pub(crate) mod server;
mod settings_change;
pub(crate) mod verbs;

/// Longest line, in bytes, without its end.
pub const LINE: usize = 65_536;
/// Most connections at a time.
pub const CONNECTIONS: usize = 32;
/// Most requests of one connection that may be in work at a time.
pub const REQUESTS: usize = 16;
/// Longest `link.await`, in seconds.
pub const LINK_AWAIT_S: u64 = 300;
