//! A device that speaks docs/PROTOCOL.md: one voice box, or five thousand of them in one process.
//!
//! Invariants:
//! - nothing but `auth` is sent before the service has proved the key that this device was bound to;
//! - a message is kept (on disk, where the device has one) from [`Session::send`] until its `ack`;
//! - a reply is on disk before it is shown, and both come before its `got`;
//! - a frame never deletes the device's key: only its user does.
//!
//! Deliberately absent: words for a person, and any knowledge of how the service works inside.
//! Read first: `session.rs`.

#![forbid(unsafe_code)]

pub mod backoff;
pub mod binding;
pub mod connection;
pub mod event;
pub mod identity;
pub mod session;
pub mod socket;

mod link;
mod pace;

pub use binding::{BindError, BindingUrl, BindingUrlError, Claim, bind};
pub use channel::wire::device::{Confirm, Kind, LinkState, Reply, Stage, TurnState};
pub use channel::wire::{Code, TEXT, VERSION as PROTOCOL};
pub use connection::{ConnectError, Connection, Greeted};
pub use event::{Event, Goodbye};
pub use identity::{Binding, Identity, Keep, OpenError, Outgoing, SaveError, Shown};
pub use session::{End, SendError, Session, Timing};
pub use socket::{Socket, SocketError};
