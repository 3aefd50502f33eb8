//! The shapes of the answers about binding.

use channel::view::{BindFailure, BindProgress, Claimant, Entry, Pending};
use channel::wire::device::{Confirm, Kind};
use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use super::AddressReach;

/// `bind.start`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BindStarted {
    /// Handle for the other requests.
    pub bind: String,
    /// QR content. Holds the secret: show it, never log it.
    pub url: String,
    /// The same code for a device without a camera, `XXXX-XXXX-XXXX-XXXX`; it works over TLS only. As secret as the QR content.
    pub typed_code: String,
    /// When it dies, ms since 1970.
    #[specta(type = Number)]
    pub expires_ms: i64,
    /// From where it can be scanned.
    pub reach: AddressReach,
}

impl std::fmt::Debug for BindStarted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("BindStarted")
            .field("bind", &self.bind)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

/// An event of `bind.watch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum BindEvent {
    /// Nobody scanned yet.
    Waiting {
        /// When the code dies, ms since 1970.
        #[specta(type = Number)]
        expires_ms: i64,
    },
    /// A device proved the code.
    Scanned {
        /// What it calls itself.
        name: String,
        /// What it is.
        #[specta(type = String)]
        kind: Kind,
        /// Where it is.
        address: String,
    },
    /// It shows its digits.
    Confirming {
        /// What the person does.
        #[specta(type = String)]
        how: Confirm,
        /// What it calls itself.
        name: String,
        /// What it is.
        #[specta(type = String)]
        kind: Kind,
        /// Where it is.
        address: String,
        /// How many digits it shows; 0 where the person types a word.
        digits: u8,
    },
    /// Done.
    Bound {
        /// Device.
        device_key: String,
        /// Its name.
        name: String,
    },
    /// Over.
    Failed {
        /// One of the words of docs/CONTROL.md.
        reason: String,
    },
}

impl BindEvent {
    /// Whether nothing can follow.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Bound { .. } | Self::Failed { .. } => true,
            Self::Waiting { .. } | Self::Scanned { .. } | Self::Confirming { .. } => false,
        }
    }
}

impl From<&BindProgress> for BindEvent {
    fn from(progress: &BindProgress) -> Self {
        match progress {
            BindProgress::Waiting { expires_ms } => Self::Waiting { expires_ms: *expires_ms },
            BindProgress::Scanned(Claimant { name, kind, address, .. }) => {
                Self::Scanned { name: name.clone(), kind: *kind, address: address.to_string() }
            }
            BindProgress::Confirming(claimant) => {
                let Claimant { name, kind, address, how, .. } = claimant;
                let (name, address, digits) = (name.clone(), address.to_string(), claimant.digits());
                Self::Confirming { how: *how, name, kind: *kind, address, digits }
            }
            BindProgress::Bound { device, name } => Self::Bound { device_key: device.to_string(), name: name.clone() },
            BindProgress::Failed(reason) => Self::from(*reason),
        }
    }
}

impl From<BindFailure> for BindEvent {
    fn from(reason: BindFailure) -> Self {
        Self::Failed { reason: reason.as_str().to_owned() }
    }
}

/// `bind.confirm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct BindConfirmed {
    /// The device.
    pub device_key: String,
}

/// `devices.pending`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PendingList {
    /// Claims that wait.
    pub pending: Vec<PendingClaim>,
}

/// A claim that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PendingClaim {
    /// Handle.
    pub bind: String,
    /// What the device calls itself.
    pub name: String,
    /// What it is.
    #[specta(type = String)]
    pub kind: Kind,
    /// Where it is.
    pub address: String,
    /// `scanned` or `confirming`.
    pub state: PendingState,
    /// What the person does.
    #[specta(type = String)]
    pub how: Confirm,
    /// How many digits it shows; 0 where the person types a word.
    pub digits: u8,
    /// Whether it asked by itself, without a code of ours.
    pub announced: bool,
    /// Since when, ms since 1970.
    #[specta(type = Number)]
    pub since_ms: i64,
}

/// How far a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum PendingState {
    /// The device proved the code.
    Scanned,
    /// It shows its digits.
    Confirming,
}

impl From<Pending> for PendingClaim {
    fn from(pending: Pending) -> Self {
        let digits = pending.claimant.digits();
        let Claimant { name, kind, address, how, entry } = pending.claimant;
        let (announced, address) = (entry == Entry::Announced, address.to_string());
        let state = if pending.confirming { PendingState::Confirming } else { PendingState::Scanned };
        Self { bind: pending.bind, name, kind, address, state, how, digits, announced, since_ms: pending.since_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claimant() -> Claimant {
        let (kind, how, entry) = (Kind::Phone, Confirm::Code, Entry::Scanned);
        Claimant { name: "n".into(), kind, address: "192.168.1.4".parse().unwrap(), how, entry }
    }

    #[test]
    fn events_look_as_on_the_page() {
        let event = |progress: BindProgress| serde_json::to_value(BindEvent::from(&progress)).unwrap();
        assert_eq!(event(BindProgress::Waiting { expires_ms: 5 }), json!({"state":"waiting","expiresMs":5}));
        assert_eq!(
            event(BindProgress::Scanned(claimant())),
            json!({"state":"scanned","name":"n","kind":"phone","address":"192.168.1.4"})
        );
        assert_eq!(
            event(BindProgress::Confirming(claimant())),
            json!({"state":"confirming","how":"code","name":"n","kind":"phone","address":"192.168.1.4","digits":2})
        );
        let device = channel::id::DeviceKey::parse("kzdvvj2umnduyauf35o36k6kw4").unwrap();
        let bound = BindProgress::Bound { device, name: "n".into() };
        assert_eq!(event(bound.clone()), json!({"state":"bound","deviceKey":"kzdvvj2umnduyauf35o36k6kw4","name":"n"}));
        let failed = BindProgress::Failed(BindFailure::SecondClaim);
        assert_eq!(event(failed.clone()), json!({"state":"failed","reason":"second_claim"}));
        assert!(BindEvent::from(&bound).is_last() && BindEvent::from(&failed).is_last());
        assert!(!BindEvent::from(&BindProgress::Confirming(claimant())).is_last());
    }

    #[test]
    fn a_pending_claim_says_how_far_it_is() {
        let pending = Pending { bind: "b".into(), claimant: claimant(), confirming: true, since_ms: 3 };
        let claim = serde_json::to_value(PendingClaim::from(pending)).unwrap();
        assert_eq!(
            claim,
            json!({"bind":"b","name":"n","kind":"phone","address":"192.168.1.4","state":"confirming","how":"code",
                "digits":2,"announced":false,"sinceMs":3})
        );
    }
}
