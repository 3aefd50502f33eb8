//! Carrying out a plan that a person agreed to. What is done is done by [`Hands`]; here is the order in which it is, and when it stops.

use std::future::Future;

use crate::finding::Cause;
use crate::journal::{Entry, JournalError, Outcome, StepResult};
use crate::plan::{Plan, PlannedStep};

/// Between the two looks that show whether it helped, ms.
pub const SECOND_LOOK_MS: u64 = 10_000;

/// A step that failed, by the code of its failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// A failure's code.
    pub code: String,
}

/// Who does it.
pub trait Hands: Send {
    /// ms since 1970.
    fn now_ms(&mut self) -> i64;
    /// The fingerprint of [`crate::plan::Ground`] for this cause, from a fresh survey.
    fn ground(&mut self, cause: Cause) -> impl Future<Output = String> + Send;
    /// Does a step. Gives where that was put which it put aside.
    fn perform(&mut self, step: &PlannedStep) -> impl Future<Output = Result<Option<String>, StepFailure>> + Send;
    /// Whether a fresh survey and a fresh authenticated connection show that the cause is gone, and what the plan promises of other gateways is so.
    fn has_helped(&mut self, plan: &Plan) -> impl Future<Output = bool> + Send;
    /// Waits.
    fn pause(&mut self, ms: u64) -> impl Future<Output = ()> + Send;
    /// Writes an entry of the journal, to the disk.
    ///
    /// # Errors
    /// As [`crate::journal::Journal::append`].
    fn record(&mut self, entry: &Entry) -> Result<(), JournalError>;
}

/// Carries out a plan: each step only if the facts are still those that it was made from, none after one that failed, and success only after two looks.
pub async fn apply(plan: &Plan, hands: &mut impl Hands) -> Outcome {
    if hands.now_ms() >= plan.expires_ms {
        return Outcome::Expired;
    }
    if hands.ground(plan.cause).await != plan.ground {
        return Outcome::Changed { step: 0 };
    }
    let at_ms = hands.now_ms();
    if hands.record(&Entry::Started { at_ms, plan: Box::new(plan.clone()) }).is_err() {
        return Outcome::NotRecorded;
    }
    let result = match steps(plan, hands).await {
        Ok(()) => verify(plan, hands).await,
        Err(outcome) => outcome,
    };
    let at_ms = hands.now_ms();
    match hands.record(&Entry::Ended { at_ms, plan: plan.id.clone(), result: result.clone() }) {
        Ok(()) => result,
        Err(_) => Outcome::NotRecorded,
    }
}

async fn steps(plan: &Plan, hands: &mut impl Hands) -> Result<(), Outcome> {
    for (step, planned) in plan.steps.iter().enumerate() {
        if step > 0 && hands.ground(plan.cause).await != plan.ground {
            return Err(Outcome::Changed { step });
        }
        let at_ms = hands.now_ms();
        let begun = Entry::StepStarted { at_ms, plan: plan.id.clone(), step };
        hands.record(&begun).map_err(|_| Outcome::NotRecorded)?;
        let done = hands.perform(planned).await;
        let failed = done.is_err();
        let result = match done {
            Ok(undo) => StepResult::Done { undo },
            Err(StepFailure { code }) => StepResult::Failed { code },
        };
        let at_ms = hands.now_ms();
        let ended = Entry::StepEnded { at_ms, plan: plan.id.clone(), step, result };
        hands.record(&ended).map_err(|_| Outcome::NotRecorded)?;
        if failed {
            return Err(Outcome::Failed { step });
        }
    }
    Ok(())
}

async fn verify(plan: &Plan, hands: &mut impl Hands) -> Outcome {
    if !hands.has_helped(plan).await {
        return Outcome::DidNotHelp;
    }
    hands.pause(SECOND_LOOK_MS).await;
    if hands.has_helped(plan).await { Outcome::Verified } else { Outcome::DidNotHelp }
}

#[cfg(test)]
mod tests;
