//! How often a repair may be tried: a repair that does not help must end with words, not with another try.

use serde::{Deserialize, Serialize};

use crate::finding::Cause;
use crate::journal::{Entry, Outcome};

/// Repairs in an hour.
pub const PER_HOUR: usize = 3;
/// Tries of a repair for one cause that did not help, within an hour.
pub const TRIES: usize = 2;
const HOUR_MS: i64 = 3_600_000;

/// Why no repair may be started now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum NotNow {
    /// One is going on.
    #[error("a repair is going on")]
    Running {
        /// Its plan.
        plan: String,
    },
    /// One was interrupted, and nobody has looked at it yet.
    #[error("a repair was interrupted")]
    Interrupted {
        /// Its plan.
        plan: String,
    },
    /// There were as many as there may be in an hour.
    #[error("too many repairs in an hour")]
    TooMany {
        /// From then on, ms since 1970.
        until_ms: i64,
    },
    /// This one was tried and did not help.
    #[error("the same repair was tried and did not help")]
    Tried,
}

/// Whether a repair may be started: `running` is the plan that this program is carrying out, `entries` the whole journal.
///
/// # Errors
/// Why not.
pub fn allow(entries: &[Entry], running: Option<&str>, cause: Cause, now_ms: i64) -> Result<(), NotNow> {
    if let Some(plan) = running {
        return Err(NotNow::Running { plan: plan.into() });
    }
    if let Some(open) = crate::journal::interrupted(entries) {
        return Err(NotNow::Interrupted { plan: open.plan.id.clone() });
    }
    let recent = |at_ms: i64| at_ms > now_ms.saturating_sub(HOUR_MS);
    let started: Vec<(&str, Cause, i64)> = entries
        .iter()
        .filter_map(|entry| {
            let Entry::Started { at_ms, plan } = entry else { return None };
            recent(*at_ms).then_some((plan.id.as_str(), plan.cause, *at_ms))
        })
        .collect();
    let helped = |id: &str| {
        entries.iter().any(|entry| matches!(entry, Entry::Ended { plan, result: Outcome::Verified, .. } if plan == id))
    };
    if started.iter().filter(|(id, of, _)| *of == cause && !helped(id)).count() >= TRIES {
        return Err(NotNow::Tried);
    }
    if started.len() >= PER_HOUR {
        let oldest = started.iter().map(|(_, _, at_ms)| *at_ms).min().unwrap_or(now_ms);
        return Err(NotNow::TooMany { until_ms: oldest.saturating_add(HOUR_MS) });
    }
    Ok(())
}
