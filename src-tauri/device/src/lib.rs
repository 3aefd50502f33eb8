//! A device that speaks docs/PROTOCOL.md: one voice box, or five thousand of them in one process.
//!
//! Invariants:
//! - nothing but `auth` (a script's `token`) is sent before the service has proved the key that this device was bound to;
//! - a device that was bound over TLS sends no byte to another certificate, nor without TLS;
//! - a message is kept (on disk, where the device has one) from [`Session::send`] until its `ack`;
//! - a reply is on disk before it is shown, and both come before its `got`;
//! - a frame never deletes the device's key: only its user does.
//!
//! Deliberately absent: words for a person, and any knowledge of how the service works inside.
//! Read first: `session.rs`.

#![forbid(unsafe_code)]

pub mod announce;
pub mod backoff;
pub mod binding;
pub mod code;
pub mod connection;
pub mod event;
pub mod identity;
pub mod session;
pub mod socket;
pub mod token;
pub mod trust;

mod device;
mod link;
mod pace;

pub use announce::announce;
pub use binding::{BindError, Claim, bind, bind_on, bind_typed};
pub use channel::proof::Chan;
pub use channel::wire::device::{Confirm, Kind, LinkState, Reply, Stage, TurnState};
pub use channel::wire::{Code, TEXT, VERSION as PROTOCOL};
pub use code::{BindingUrl, BindingUrlError, TypedCode};
pub use connection::{ConnectError, Connection, Greeted};
pub use event::{Event, Goodbye};
pub use identity::{Binding, Identity, Keep, OpenError, Outgoing, SaveError, Shown};
pub use session::{End, SendError, Session, Timing};
pub use socket::{Socket, SocketError};
pub use trust::Trust;
