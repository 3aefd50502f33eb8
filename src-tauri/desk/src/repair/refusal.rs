//! Why a repair is not begun, as a failure.

use care::allowance::NotNow;
use care::journal::{JournalError, Outcome};
use serde_json::json;

use crate::failure::{Failure, FailureCode};

/// Why a repair may not begin now.
pub(super) fn not_now(why: NotNow) -> Failure {
    match why {
        NotNow::Running { .. } => busy(),
        NotNow::Interrupted { .. } => Failure::bare(FailureCode::RepairInterrupted),
        NotNow::TooMany { until_ms } => Failure::with(FailureCode::RepairTooMany, json!({ "untilMs": until_ms })),
        NotNow::Tried => Failure::bare(FailureCode::RepairTried),
    }
}

/// A repair goes on, or the service of OpenClaw is told something.
pub(super) fn busy() -> Failure {
    Failure::bare(FailureCode::RepairRunning)
}

/// No such repair.
pub(super) fn unknown() -> Failure {
    Failure::bare(FailureCode::RepairUnknown)
}

/// Why the journal has nothing of a repair that was to begin.
pub(super) fn not_begun(outcome: &Outcome) -> Failure {
    Failure::bare(match outcome {
        Outcome::Changed { .. } => FailureCode::RepairChanged,
        Outcome::Expired => FailureCode::RepairExpired,
        Outcome::Verified | Outcome::DidNotHelp | Outcome::Failed { .. } | Outcome::NotRecorded => {
            FailureCode::RepairNotRecorded
        }
    })
}

/// What the journal says against it.
pub(super) fn not_recorded(error: &JournalError) -> Failure {
    Failure::caused(FailureCode::RepairNotRecorded, error)
}
