//! What the service tells about bindings.

use std::net::IpAddr;

use zeroize::Zeroizing;

use crate::id::DeviceKey;
use crate::wire::device::{Confirm, Kind};

/// A binding code, ready to be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its public handle.
    pub bind: String,
    /// The whole QR content. Holds the secret: show it, never log it.
    pub url: String,
    /// The same code for a device without a camera, `XXXX-XXXX-XXXX-XXXX`; it works over TLS only. As secret as the QR content.
    pub code: Zeroizing<String>,
    /// When it dies, ms since 1970.
    pub expires_ms: i64,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Ticket");
        shown.field("bind", &self.bind).field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}

/// Why no code could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The service does not listen there.
    #[error("the service does not listen on this address")]
    NotListening,
    /// A device waits for confirmation; its code is not replaced.
    #[error("a device is waiting for confirmation")]
    Claimed,
    /// The service stops.
    #[error("the service is stopping")]
    Stopping,
}

/// Why a script was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// There are as many devices as there may be.
    #[error("there are too many devices")]
    Full,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The store refused, or the service stops.
    #[error("the service is stopping, or cannot store")]
    Stopping,
}

/// Where a binding stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindProgress {
    /// Nobody scanned yet.
    Waiting {
        /// When the code dies, ms since 1970.
        expires_ms: i64,
    },
    /// A device proved the code.
    Scanned(Claimant),
    /// It shows its code to the person.
    Confirming(Claimant),
    /// Done.
    Bound {
        /// The device.
        device: DeviceKey,
        /// Its name.
        name: String,
    },
    /// Over.
    Failed(BindFailure),
}

/// A device that wants to be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// What it calls itself.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub address: IpAddr,
    /// How the person confirms.
    pub how: Confirm,
    /// How it found its way here.
    pub entry: Entry,
}

impl Claimant {
    /// How many digits the person types; 0 where it is a word.
    pub fn digits(&self) -> u8 {
        match (self.how, self.entry) {
            (Confirm::Allow, _) => 0,
            (Confirm::Code, Entry::Scanned | Entry::Typed) => 2,
            (Confirm::Code, Entry::Announced) => 6,
        }
    }
}

/// How a device that wants to be bound found its way here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It scanned the QR code.
    Scanned,
    /// Somebody typed the code there.
    Typed,
    /// It asks by itself.
    Announced,
}

impl Entry {
    /// The word in docs/CONTROL.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scanned => "qr",
            Self::Typed => "typed",
            Self::Announced => "announced",
        }
    }
}

/// Why a binding failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindFailure {
    /// Time ran out.
    Expired,
    /// The person said no.
    Rejected,
    /// Two devices used one code: both are refused.
    SecondClaim,
    /// Three wrong codes were typed.
    WrongCode,
    /// Five wrong proofs.
    TooManyFailures,
    /// The device went away.
    DeviceLeft,
    /// A newer code took its place.
    Replaced,
    /// The store refused, or there are too many devices.
    NotStored,
}

impl BindFailure {
    /// The word in docs/CONTROL.md.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Rejected => "rejected",
            Self::SecondClaim => "second_claim",
            Self::WrongCode => "wrong_code",
            Self::TooManyFailures => "too_many_failures",
            Self::DeviceLeft => "device_left",
            Self::Replaced => "replaced",
            Self::NotStored => "not_stored",
        }
    }
}

/// Why a confirmation was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfirmError {
    /// No such code.
    #[error("this binding code is not known")]
    Unknown,
    /// No device is showing a code.
    #[error("no device is waiting for confirmation")]
    NotConfirming,
    /// Another number; tries left.
    #[error("wrong code, {left} tries left")]
    WrongCode {
        /// Tries left.
        left: u8,
    },
    /// The store refused.
    #[error("the binding could not be stored")]
    Storage,
    /// The service stops.
    #[error("the service is stopping")]
    Stopping,
}

/// A claim that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Handle of the code or of the announcement.
    pub bind: String,
    /// Who.
    pub claimant: Claimant,
    /// Whether it shows its code already.
    pub confirming: bool,
    /// Since when, ms since 1970.
    pub since_ms: i64,
}
