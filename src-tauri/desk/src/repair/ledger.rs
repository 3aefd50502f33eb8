//! The journal, as a person reads it: one account for each repair.

use std::path::Path;

use care::journal::{Entry, Journal, JournalError, Outcome, StepResult, undoable};

use crate::control::answer::{RepairView, StepState, StepView};

/// In the data folder: what was repaired.
pub(super) const FILE: &str = "repairs.jsonl";

/// What was repaired by the journal in the data folder, newest first. `running`: the plan that goes on.
///
/// # Errors
/// The journal cannot be read.
pub(crate) fn recorded(data: &Path, running: Option<&str>) -> Result<Vec<RepairView>, JournalError> {
    Journal::read(&data.join(FILE)).map(|reading| repairs(&reading.entries, running))
}

/// Every repair, newest first. `running`: the one that goes on.
pub(super) fn repairs(entries: &[Entry], running: Option<&str>) -> Vec<RepairView> {
    let begun = entries.iter().filter_map(|entry| match entry {
        Entry::Started { at_ms, plan } => Some((*at_ms, plan)),
        Entry::StepStarted { .. }
        | Entry::PutAside { .. }
        | Entry::StepEnded { .. }
        | Entry::Ended { .. }
        | Entry::Acknowledged { .. }
        | Entry::Undone { .. } => None,
    });
    let mut repairs: Vec<RepairView> = begun
        .map(|(started_ms, plan)| {
            let mut account = RepairView {
                plan: plan.clone(),
                started_ms,
                steps: plan.steps.iter().map(|_| StepView { state: StepState::Waiting, failure: None }).collect(),
                outcome: None,
                interrupted: false,
                undoable: !undoable(entries, &plan.id).is_empty(),
                acknowledged: false,
            };
            for entry in entries.iter().filter(|entry| entry.plan() == plan.id) {
                account.add(entry);
            }
            account.close(running == Some(plan.id.as_str()));
            account
        })
        .collect();
    repairs.reverse();
    repairs
}

impl RepairView {
    fn add(&mut self, entry: &Entry) {
        let mut set = |step: usize, state, failure| {
            if let Some(view) = self.steps.get_mut(step) {
                *view = StepView { state, failure };
            }
        };
        match entry {
            Entry::Started { .. } | Entry::PutAside { .. } => {}
            Entry::StepStarted { step, .. } => set(*step, StepState::Running, None),
            Entry::StepEnded { step, result: StepResult::Done { .. }, .. } => set(*step, StepState::Done, None),
            Entry::StepEnded { step, result: StepResult::Failed { code }, .. } => {
                set(*step, StepState::Failed, Some(code.clone()));
            }
            Entry::Undone { step, .. } => set(*step, StepState::Undone, None),
            Entry::Ended { result, .. } => self.outcome = Some(result.clone()),
            Entry::Acknowledged { .. } => self.acknowledged = true,
        }
    }

    /// A repair that neither goes on nor ended was interrupted, and its open step is not sure.
    fn close(&mut self, running: bool) {
        self.interrupted = !running && matches!(self.outcome, None | Some(Outcome::NotRecorded));
        self.undoable &= !running;
        for step in self.steps.iter_mut().filter(|step| !running && step.state == StepState::Running) {
            step.state = StepState::Unsure;
        }
    }
}

#[cfg(test)]
mod tests {
    use care::finding::Cause;
    use care::plan::{Plan, Step};

    use super::*;

    fn plan(id: &str) -> Box<Plan> {
        let step = |step: Step| {
            serde_json::from_value(serde_json::json!({
                "step": step, "action": { "kind": "own" }, "risk": "none", "stops": "ourLink", "undo": "putBack", "sendsSharedToken": false,
            }))
            .unwrap()
        };
        let steps = vec![
            step(Step::ForgetDeviceToken { device_id: "d".into() }),
            step(Step::ConnectWithSharedToken { device_id: "d".into(), port: 1 }),
        ];
        Box::new(Plan {
            id: id.into(),
            cause: Cause::DeviceTokenStale,
            choice: None,
            evidence: Vec::new(),
            steps,
            fingerprint: "f".into(),
            ground: "g".into(),
            made_ms: 1,
            expires_ms: 2,
        })
    }

    fn states(view: &RepairView) -> Vec<StepState> {
        view.steps.iter().map(|step| step.state).collect()
    }

    #[test]
    fn a_repair_is_told_step_by_step() {
        let id = || "p".to_owned();
        let done = StepResult::Done { undo: Some("aside".into()) };
        let mut entries = vec![
            Entry::Started { at_ms: 5, plan: plan("p") },
            Entry::StepStarted { at_ms: 6, plan: id(), step: 0 },
            Entry::StepEnded { at_ms: 7, plan: id(), step: 0, result: done },
            Entry::StepStarted { at_ms: 8, plan: id(), step: 1 },
        ];
        let running = &repairs(&entries, Some("p"))[0];
        assert_eq!((states(running), running.interrupted), (vec![StepState::Done, StepState::Running], false));
        let died = &repairs(&entries, None)[0];
        assert_eq!((states(died), died.interrupted), (vec![StepState::Done, StepState::Unsure], true));
        assert!(died.undoable && !died.acknowledged);
        entries.push(Entry::Acknowledged { at_ms: 9, plan: id() });
        assert!(repairs(&entries, None)[0].acknowledged);
        entries.push(Entry::Undone { at_ms: 10, plan: id(), step: 0 });
        let undone = &repairs(&entries, None)[0];
        assert_eq!((undone.steps[0].state, undone.undoable), (StepState::Undone, false));
        entries.push(Entry::Started { at_ms: 11, plan: plan("q") });
        entries.push(Entry::Ended { at_ms: 12, plan: "q".into(), result: Outcome::Verified });
        let all = repairs(&entries, None);
        assert_eq!(all.iter().map(|repair| repair.plan.id.as_str()).collect::<Vec<_>>(), ["q", "p"]);
        assert_eq!((all[0].interrupted, &all[0].outcome), (false, &Some(Outcome::Verified)));
    }
}
