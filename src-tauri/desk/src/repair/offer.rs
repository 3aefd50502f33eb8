//! What a person is offered about something that was found.

use care::duplicates::commands;
use care::finding::Finding;
use care::plan::{Advice, NoPlan, Plan, plans};
use care::target::Target;

use super::evidence::Facts;
use crate::control::answer::{FindingView, Repair};

/// The finding, and what would be done about it. `asked`: gateways that were asked to end, in vain.
pub(super) fn offer(finding: &Finding, facts: &Facts, asked: &[&Target], now_ms: i64) -> FindingView {
    let made = plans(finding, &facts.survey, &facts.tokens, now_ms);
    let made = made.map(|plans| plans.into_iter().map(|plan| plan.insisting(asked)).collect::<Vec<_>>());
    let (repair, commands) = match made.and_then(|plans| repair_of(plans).ok_or(NoPlan::NothingLeft)) {
        // The plan shows every command itself.
        Ok(repair) => (repair, Vec::new()),
        // Whoever keeps the service would change back what these do.
        Err(why @ NoPlan::OnlyThePerson { advice: Advice::LeaveToKeeper }) => (Repair::None { why }, Vec::new()),
        Err(why) => (Repair::None { why }, commands(finding)),
    };
    let evidence = finding.evidence.clone();
    FindingView { cause: finding.cause, severity: finding.severity, evidence, commands, repair }
}

/// The recommended plan and the others. `None`: there is none.
fn repair_of(plans: Vec<Plan>) -> Option<Repair> {
    let mut plans = plans.into_iter();
    let plan = Box::new(plans.next()?);
    Some(Repair::Plan { plan, others: plans.collect() })
}

impl Repair {
    /// Every plan, the recommended one first.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        let (plan, others) = match self {
            Self::Plan { plan, others } => (Some(&**plan), others.as_slice()),
            Self::None { .. } => (None, [].as_slice()),
        };
        plan.into_iter().chain(others)
    }
}
