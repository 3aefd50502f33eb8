//! The channel service: devices in, the assistant's plugin up, nothing lost.
//!
//! Invariants:
//! - an `ack` or `stored` never leaves before the row it speaks of is committed with `synchronous=FULL`;
//! - a session speaks for one device for its whole life, and only after it proved that device's key;
//! - sessions wait for the hub; the hub waits for nobody;
//! - what both sides sign names the transport: a proof for one certificate, or for none, holds nowhere else;
//! - a person is asked about a device only when its code can be seen, and a token is taken only where nobody listens;
//! - no route of the TCP port changes anything but through an authenticated session;
//! - exactly the addresses that were asked for are listened on, and a connection lives no longer than its address;
//! - who reads the list of devices again at each `Notice::Devices` is never behind;
//! - without devices and without a link nothing wakes, but for the hourly wiping of old words, a look at the backups every six hours, and while the disk is full
//!   or fails;
//! - nothing is acknowledged between a failure of the store and the moment it is open again and verified;
//! - a damaged store is moved aside, never deleted, and whoever asks [`service::Service::restored`] is told.
//!
//! Deliberately absent: Tauri, the OpenClaw gateway's own protocol, and any other workspace crate.
//! Read first: `docs/PROTOCOL.md`, then `hub.rs`; for the network `listener.rs` and `listener/doors.rs`.

pub mod address;
pub mod agent;
pub mod attempt;
pub mod clock;
#[cfg(unix)]
mod descriptors;
mod device_session;
pub mod disk;
pub mod driver;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod gate;
mod guard;
mod house;
pub mod hub;
pub mod id;
pub mod keys;
mod line;
pub mod listener;
mod metrics;
pub mod outbox;
mod page;
pub mod proof;
mod reached;
pub mod service;
mod socket;
pub mod storage;
pub mod store;
pub mod ticket;
pub mod timing;
pub mod tls;
mod upgrade;
mod upstream_session;
pub mod view;
pub mod wire;
