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
pub mod credentials;
pub mod place;

mod address;
mod close;
mod connection;
mod devices;
mod event;
mod failure;
mod frame;
mod hello;
mod identity;
mod link;
mod look;
mod pairing;
mod proof;
mod request;
mod retry;
mod socket;
mod token;
mod trust;

pub use address::{Address, AddressError, Fingerprint, Transport};
pub use close::Close;
pub use connection::{Client, EVENTS_KEPT, MOST_WAITING, PATIENCE, events, next_event};
pub use devices::{Cleared, GatewayIdentity, LogTail, SystemInfo};
pub use event::GatewayEvent;
pub use failure::{
    CertificateTrouble, ConnectFailure, Pairing, PairingReason, RequestId, SignatureTrouble, Step, Stranger,
};
pub use frame::{NEWEST_PROTOCOL, OLDEST_PROTOCOL, Refusal};
pub use hello::{Auth, Greeting, HELLO_LIMIT, Introduction, Method, Shared, Who};
pub use identity::{Claim, Identity};
pub use link::driver::{Handle, Owner, Seen, keep_connected};
pub use link::{Effect, Event, Link, NoProof, State};
pub use look::look;
pub use pairing::{DeviceList, Paired, Pending, Rotated, TokenRecord};
pub use proof::{Basis, Ends, Proof};
pub use request::{Issue, RequestError};
pub use retry::{Next, ReconnectPolicy, Remedy};
pub use token::Token;
pub use trust::Certificate;

use std::time::Duration;

/// A gateway ticks every 30 s and pings every 25: after this long without a byte it is dead, whatever TCP says.
pub const SILENCE: Duration = Duration::from_secs(75);
