//! A client of the OpenClaw gateway, in the operator's role.
//!
//! Invariants:
//! - one Ed25519 key for ever: whoever changes it is another device to the gateway;
//! - a shared token goes only to a listener that the caller has proven to be the user's gateway;
//! - no secret is in an error, a log or a `Debug` output;
//! - a configuration is never written whole: only the paths that a change names.
//!
//! Deliberately absent: which process listens on the port (`care`), what the user is told about it (`desk`).

pub mod config;
pub mod place;
