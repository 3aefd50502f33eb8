//! A scripted pair of hands that fails, changes facts, or dies wherever it is told to; its journal is a real file.

use futures_util::FutureExt;

use super::*;
use crate::allowance::{NotNow, TRIES, allow};
use crate::finding::detect;
use crate::journal::{Journal, interrupted, undoable};
use crate::plan::tests::{plan, refused};
use crate::token::Refusal;
use crate::who::tests::fine;

const NOW: i64 = 1_795_000_200_000;

fn a_plan() -> Plan {
    let tokens = refused(Refusal::DeviceTokenMismatch);
    plan(&detect(&fine(), &tokens)[0], &fine(), &tokens, NOW).unwrap()
}

struct Scripted {
    folder: tempfile::TempDir,
    journal: Journal,
    now_ms: i64,
    fingerprint: String,
    /// This program dies before its n-th deed, from 0.
    dies_at: Option<usize>,
    /// The facts change before the n-th look at them.
    changes_at: Option<usize>,
    fails_at: Option<usize>,
    gone: Vec<bool>,
    deeds: usize,
    looks: usize,
    performed: Vec<usize>,
    paused_ms: u64,
    full_disk_at: Option<usize>,
    records: usize,
}

impl Scripted {
    fn new(plan: &Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
        Self {
            folder,
            journal,
            now_ms: NOW + 1_000,
            fingerprint: plan.ground.clone(),
            dies_at: None,
            changes_at: None,
            fails_at: None,
            gone: vec![true, true],
            deeds: 0,
            looks: 0,
            performed: Vec::new(),
            paused_ms: 0,
            full_disk_at: None,
            records: 0,
        }
    }

    /// `None`: it died.
    fn run(&mut self, plan: &Plan) -> Option<Outcome> {
        apply(plan, self).now_or_never()
    }

    fn entries(&self) -> Vec<Entry> {
        let reading = Journal::read(&self.folder.path().join("journal.jsonl")).unwrap();
        assert_eq!(reading.unreadable, 0);
        reading.entries
    }

    async fn deed(&mut self) {
        self.deeds += 1;
        if self.dies_at == Some(self.deeds - 1) {
            std::future::pending::<()>().await;
        }
    }
}

impl Hands for Scripted {
    fn now_ms(&mut self) -> i64 {
        self.now_ms += 1;
        self.now_ms
    }

    async fn ground(&mut self, _cause: Cause) -> String {
        self.deed().await;
        self.looks += 1;
        if self.changes_at == Some(self.looks - 1) { "changed".into() } else { self.fingerprint.clone() }
    }

    async fn perform(&mut self, _step: &PlannedStep) -> Result<Option<String>, StepFailure> {
        self.deed().await;
        let step = self.performed.len();
        self.performed.push(step);
        self.deed().await;
        if self.fails_at == Some(step) {
            Err(StepFailure { code: "no".into() })
        } else {
            Ok(Some(format!("aside-{step}")))
        }
    }

    async fn has_helped(&mut self, _plan: &Plan) -> bool {
        self.deed().await;
        self.gone.remove(0)
    }

    async fn pause(&mut self, ms: u64) {
        self.paused_ms += ms;
        self.deed().await;
    }

    fn record(&mut self, entry: &Entry) -> Result<(), JournalError> {
        self.records += 1;
        if self.full_disk_at == Some(self.records - 1) {
            let source = std::io::ErrorKind::StorageFull.into();
            return Err(JournalError::File { path: "journal".into(), source });
        }
        self.journal.append(entry)
    }
}

#[test]
fn all_steps_are_done_in_order_and_looked_at_twice() {
    let plan = a_plan();
    let mut hands = Scripted::new(&plan);
    assert_eq!(hands.run(&plan), Some(Outcome::Verified));
    assert_eq!((hands.performed.as_slice(), hands.paused_ms), ([0, 1].as_slice(), SECOND_LOOK_MS));
    let entries = hands.entries();
    assert_eq!(entries.len(), 2 + 2 * plan.steps.len());
    assert!(matches!(&entries[0], Entry::Started { plan: begun, .. } if **begun == plan));
    assert_eq!(interrupted(&entries), None);
    // The first step can be undone, the second has nothing to.
    assert_eq!(undoable(&entries, &plan.id), [(0, "aside-0")]);
    let undone = Entry::Undone { at_ms: 1, plan: plan.id.clone(), step: 0 };
    assert_eq!(undoable(&[entries, vec![undone]].concat(), &plan.id), []);
}

#[test]
fn a_step_that_fails_is_the_last() {
    let plan = a_plan();
    for step in 0..plan.steps.len() {
        let mut hands = Scripted::new(&plan);
        hands.fails_at = Some(step);
        assert_eq!(hands.run(&plan), Some(Outcome::Failed { step }));
        assert_eq!(hands.performed.len(), step + 1);
        assert_eq!(interrupted(&hands.entries()), None);
        assert_eq!(undoable(&hands.entries(), &plan.id).len(), step.min(1));
    }
}

#[test]
fn what_was_put_aside_before_a_step_failed_or_was_cut_off_can_be_undone() {
    let plan = a_plan();
    let aside = |undo: &str| Entry::PutAside { at_ms: 1, plan: plan.id.clone(), step: 0, undo: undo.into() };
    let begun = vec![
        Entry::Started { at_ms: 1, plan: Box::new(plan.clone()) },
        Entry::StepStarted { at_ms: 1, plan: plan.id.clone(), step: 0 },
    ];
    assert_eq!(undoable(&begun, &plan.id), [], "nothing was touched");
    // This program ends in the middle.
    let cut = [begun, vec![aside("before"), aside("after")]].concat();
    assert_eq!(undoable(&cut, &plan.id), [(0, "after")], "the latest counts");
    assert_eq!(interrupted(&cut).and_then(|open| open.unsure), Some(0));
    let result = StepResult::Failed { code: "x".into() };
    let failed = Entry::StepEnded { at_ms: 2, plan: plan.id.clone(), step: 0, result };
    let ended = Entry::Ended { at_ms: 3, plan: plan.id.clone(), result: Outcome::Failed { step: 0 } };
    assert_eq!(undoable(&[cut, vec![failed, ended]].concat(), &plan.id), [(0, "after")]);
}

#[test]
fn changed_facts_stop_it_before_each_step() {
    let plan = a_plan();
    for step in 0..plan.steps.len() {
        let mut hands = Scripted::new(&plan);
        hands.changes_at = Some(step);
        assert_eq!(hands.run(&plan), Some(Outcome::Changed { step }));
        assert_eq!(hands.performed.len(), step);
    }
    let mut late = Scripted::new(&plan);
    late.now_ms = plan.expires_ms;
    assert_eq!(late.run(&plan), Some(Outcome::Expired));
    assert_eq!((late.looks, late.entries().len()), (0, 0));
}

#[test]
fn one_good_look_is_not_enough() {
    let plan = a_plan();
    for gone in [vec![false], vec![true, false]] {
        let mut hands = Scripted::new(&plan);
        hands.gone = gone;
        assert_eq!(hands.run(&plan), Some(Outcome::DidNotHelp));
    }
}

#[test]
fn nothing_is_done_that_the_journal_does_not_know_of() {
    let plan = a_plan();
    // Started, then a beginning and an end for each of two steps, then the end.
    for (record, performed) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 2)] {
        let mut hands = Scripted::new(&plan);
        hands.full_disk_at = Some(record);
        assert_eq!(hands.run(&plan), Some(Outcome::NotRecorded), "{record}");
        assert_eq!(hands.performed.len(), performed, "{record}");
    }
}

#[test]
fn after_a_crash_anywhere_the_journal_says_what_is_sure_and_nothing_goes_on_by_itself() {
    let plan = a_plan();
    let mut whole = Scripted::new(&plan);
    whole.run(&plan).unwrap();
    for deed in 0..whole.deeds {
        let mut hands = Scripted::new(&plan);
        hands.dies_at = Some(deed);
        assert_eq!(hands.run(&plan), None);
        let entries = hands.entries();
        if entries.is_empty() {
            assert!(hands.performed.is_empty());
            continue;
        }
        let report = interrupted(&entries).unwrap();
        assert_eq!(*report.plan, plan);
        // Done for sure, or begun: nothing else was performed.
        let begun = report.done + usize::from(report.unsure.is_some());
        assert!((report.done..=begun).contains(&hands.performed.len()), "{deed}: {report:?} {:?}", hands.performed);
        assert_eq!(allow(&entries, None, plan.cause, NOW), Err(NotNow::Interrupted { plan: plan.id.clone() }));
        hands.journal.append(&Entry::Acknowledged { at_ms: NOW, plan: plan.id.clone() }).unwrap();
        assert_eq!(interrupted(&hands.entries()), None);
        assert_eq!(allow(&hands.entries(), None, plan.cause, NOW), Ok(()));
    }
}

#[test]
fn a_torn_last_line_is_left_out_and_does_not_swallow_the_next() {
    let plan = a_plan();
    let mut hands = Scripted::new(&plan);
    hands.run(&plan).unwrap();
    let path = hands.folder.path().join("journal.jsonl");
    let whole = std::fs::read(&path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let before = hands.entries().len() - 1;
    for end in last + 1..whole.len() - 1 {
        std::fs::write(&path, &whole[..end]).unwrap();
        let torn = Journal::read(&path).unwrap();
        assert_eq!((torn.entries.len(), torn.unreadable), (before, 1));
        Journal::open(&path).unwrap().append(&Entry::Acknowledged { at_ms: 1, plan: plan.id.clone() }).unwrap();
        let next = Journal::read(&path).unwrap();
        assert_eq!((next.entries.len(), next.unreadable), (before + 1, 1));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(Journal::read(&hands.folder.path().join("none")).unwrap(), crate::journal::Reading::default());
}

#[test]
fn a_repair_that_does_not_help_is_not_tried_for_ever() {
    let run = |number: usize, cause: Cause, at_ms: i64, result: Outcome| {
        let plan = Plan { id: format!("p{number}"), cause, ..a_plan() };
        let id = plan.id.clone();
        [Entry::Started { at_ms, plan: Box::new(plan) }, Entry::Ended { at_ms, plan: id, result }]
    };
    let stale = Cause::DeviceTokenStale;
    let mut entries = Vec::new();
    for number in 0..TRIES {
        assert_eq!(allow(&entries, None, stale, NOW), Ok(()));
        entries.extend(run(number, stale, NOW, Outcome::DidNotHelp));
    }
    assert_eq!(allow(&entries, None, stale, NOW), Err(NotNow::Tried));
    assert_eq!(allow(&entries, None, Cause::ClockWrong, NOW), Ok(()));
    assert_eq!(allow(&entries, Some("p9"), Cause::ClockWrong, NOW), Err(NotNow::Running { plan: "p9".into() }));
    entries.extend(run(8, Cause::ClockWrong, NOW + 5, Outcome::Verified));
    let until_ms = NOW + 3_600_000;
    assert_eq!(allow(&entries, None, Cause::ScopeMissing, NOW + 6), Err(NotNow::TooMany { until_ms }));
    assert_eq!(allow(&entries, None, stale, until_ms), Ok(()));
}
