//! Who carries out a plan on this computer: looks before each step, does it, looks whether it helped, and writes all of it down.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use care::apply::{Hands, StepFailure};
use care::finding::{Cause, is_gone};
use care::journal::{Entry, Journal, JournalError};
use care::plan::{Ground, Plan, PlannedStep, is_kept};
use care::token::ConnectOutcome;
use gateway::{Shared, Token};
use tokio::sync::{Notify, watch};

use super::comeback::come_in_once_started;
use super::evidence::{Facts, Tried, findings, gather};
use super::{Known, Means, not_recorded, steps};
use crate::control::answer::CareView;
use crate::failure::{Failure, FailureCode};
use crate::operator::surroundings;

/// One repair.
#[derive(Debug)]
pub(super) struct Mechanic {
    pub(super) means: Means,
    journal: Journal,
    /// Who we were when the plan was made: a step may change that.
    device_id: Option<String>,
    dashboards_since_ms: i64,
    view: Arc<watch::Sender<CareView>>,
    known: Arc<Mutex<Known>>,
    impatience: Arc<Notify>,
    /// The plan and the step that is being done.
    doing: Option<(String, usize)>,
    /// The gateway's secret, read again by a step.
    pub(super) read: Option<Token>,
}

impl Mechanic {
    pub(super) fn new(
        means: Means,
        journal: Journal,
        device_id: Option<String>,
        dashboards_since_ms: i64,
        view: Arc<watch::Sender<CareView>>,
        known: Arc<Mutex<Known>>,
        impatience: Arc<Notify>,
    ) -> Self {
        Self { means, journal, device_id, dashboards_since_ms, view, known, impatience, doing: None, read: None }
    }

    /// Waits for something that a person may stop waiting for; everybody sees that they may. `None`: they did.
    pub(super) async fn unless_stopped<T>(&self, waiting: impl Future<Output = T>) -> Option<T> {
        let stopped = self.impatience.notified();
        tokio::pin!(stopped);
        // From here on it is heard, before anybody is told of it.
        stopped.as_mut().enable();
        let waits = |waits: bool| {
            self.view.send_modify(|view| {
                if let Some(running) = &mut view.running {
                    running.waits = waits;
                }
            });
        };
        waits(true);
        let done = tokio::select! {
            done = waiting => Some(done),
            () = stopped => None,
        };
        waits(false);
        done
    }

    /// Writes down what brings back that which the present step is about to change: it may fail, or this program may end, in the middle.
    pub(super) fn put_aside(&mut self, undo: String) -> Result<(), Failure> {
        let (plan, step) = self.doing.clone().ok_or_else(|| Failure::bare(FailureCode::Internal))?;
        let entry = Entry::PutAside { at_ms: self.means.now_ms(), plan, step, undo };
        self.journal.append(&entry).map_err(|error| not_recorded(&error))
    }

    /// The one that was read again, else the one that OpenClaw's own command line would use.
    pub(super) fn shared(&self, found: &surroundings::Found) -> Option<Shared> {
        self.read.clone().map(Shared::Token).or_else(|| found.secret.clone())
    }

    /// A new signature was tried.
    pub(super) fn signed_anew(&self, anew: bool) {
        // A flag: a panic leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner).signed_anew = anew;
    }

    async fn facts(&self, tried: Tried) -> Result<Facts, Failure> {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        gather(&self.means, tried, self.device_id.clone(), known, self.dashboards_since_ms).await
    }

    /// With a connection of its own, as the link would make it.
    async fn fresh(&self) -> Result<Facts, Failure> {
        let tried = match come_in_once_started(self).await? {
            Ok(client) => Tried::connected(client),
            Err(refused) => Tried::failed(refused),
        };
        self.facts(tried).await
    }
}

impl Hands for Mechanic {
    fn now_ms(&mut self) -> i64 {
        self.means.now_ms()
    }

    async fn ground(&mut self, cause: Cause) -> String {
        match self.facts(Tried::nothing()).await {
            Ok(facts) => Ground::of(&facts.survey, &facts.tokens, cause).fingerprint(),
            Err(failure) => {
                // Facts that cannot be seen are not those of the plan.
                tracing::warn!(code = failure.code.as_str(), "a repair cannot see what it rests on");
                String::new()
            }
        }
    }

    async fn perform(&mut self, step: &PlannedStep) -> Result<Option<String>, StepFailure> {
        let done = steps::perform(self, &step.step).await;
        done.map_err(|failure| {
            tracing::warn!(code = failure.code.as_str(), detail = %failure.detail, step = ?step.step, "a step of a repair failed");
            StepFailure { code: failure.code.as_str().to_owned() }
        })
    }

    async fn has_helped(&mut self, plan: &Plan) -> bool {
        match self.fresh().await {
            Ok(facts) => {
                let well = matches!(&facts.tokens.outcome, ConnectOutcome::Connected { contradictions } if contradictions.is_empty());
                let found = findings(&facts);
                let kept = is_kept(&plan.steps, &facts.survey.gateways);
                tracing::info!(cause = ?plan.cause, well, kept, ?found, "looked whether a repair helped");
                well && kept && is_gone(&found, plan.cause)
            }
            Err(failure) => {
                tracing::warn!(code = failure.code.as_str(), "whether a repair helped cannot be seen");
                false
            }
        }
    }

    async fn pause(&mut self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    fn record(&mut self, entry: &Entry) -> Result<(), JournalError> {
        self.journal.append(entry)?;
        let step = match entry {
            Entry::StepStarted { plan, step, .. } => {
                self.doing = Some((plan.clone(), *step));
                *step
            }
            Entry::StepEnded { step, .. } => step + 1,
            Entry::Started { .. }
            | Entry::PutAside { .. }
            | Entry::Ended { .. }
            | Entry::Acknowledged { .. }
            | Entry::Undone { .. } => {
                return Ok(());
            }
        };
        self.view.send_modify(|view| {
            if let Some(running) = &mut view.running {
                running.step = u32::try_from(step).unwrap_or(u32::MAX);
            }
        });
        Ok(())
    }
}
