//! Looking for what is wrong between this app and its OpenClaw gateway, and mending it once a person agreed.
//!
//! Invariants:
//! - a look changes nothing, and nobody looks before the person wished a connection or asked for the look;
//! - nothing is done that is not in the plan that the person saw, and one repair at a time;
//! - the gateway's own secret goes out only with a proof at the very connection;
//! - what is put aside is a secret's own place; the journal has names only.
//!
//! What is found, planned and written down is decided by the crate `care`; here is what it needs of this computer.

mod chain;
mod comeback;
mod connection;
mod definition;
mod evidence;
mod hands;
mod keeper;
mod kept;
mod ledger;
mod offer;
mod profile;
mod refusal;
mod services;
mod steps;
mod supervisor;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use care::allowance::allow;
use care::apply::apply;
use care::finding::{Cause, Finding};
use care::journal::{Entry, Journal, Outcome, asked_in_vain, undoable};
use care::plan::Plan;
use channel::clock::Clock;
use gateway::Introduction;
use tokio::sync::{Notify, watch};

pub(crate) use chain::see_chain;
pub(crate) use keeper::Keeper;
pub(crate) use ledger::recorded;

use crate::control::answer::{CareView, FindingView, RepairView, Running};
use crate::failure::{Failure, FailureCode};
use crate::operator::{Attempt, Operator};
use crate::secrets::Vault;
use crate::view::GatewayState;
use connection::trouble;
use evidence::{Facts, Tried};
use hands::Mechanic;
use refusal::{busy, not_begun, not_now, not_recorded, unknown};

/// Repairs that `care.history` tells.
const HISTORY: usize = 50;
/// For a connection that is under way when somebody looks.
const SETTLES: Duration = Duration::from_secs(20);
/// Browsers that were turned away longer ago say nothing about now, ms.
const DASHBOARD_MS: i64 = 15 * 60_000;

/// How the rest of the program looks and repairs: cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Workshop {
    operator: Operator,
    means: Means,
    view: Arc<watch::Sender<CareView>>,
    known: Arc<Mutex<Known>>,
    /// Told when nobody wants to wait any longer for a gateway's end.
    impatience: Arc<Notify>,
    /// Who looks after our entries in OpenClaw's configuration.
    pub(crate) keeper: Keeper,
}

/// What connects to the gateway and keeps what it gives.
#[derive(Clone, Debug)]
struct Means {
    vault: Vault,
    introduction: Introduction,
    data: PathBuf,
    journal: PathBuf,
    copies: PathBuf,
    clock: Clock,
}

/// What is remembered between two looks.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// A new signature was tried, and refused as well.
    signed_anew: bool,
}

impl Workshop {
    /// Looks at nothing but its own journal; needs a tokio runtime. `name`: what devices call this computer.
    pub(crate) fn open(operator: &Operator, vault: &Vault, name: &str, data: &Path) -> Self {
        let means = Means {
            vault: vault.clone(),
            introduction: crate::operator::introduction(name),
            data: data.to_owned(),
            journal: data.join(ledger::FILE),
            copies: data.join("openclaw-backups"),
            clock: Clock::start(),
        };
        let last = match recorded(data, None) {
            Ok(repairs) => repairs.into_iter().next(),
            Err(error) => {
                tracing::warn!(%error, "the journal of repairs cannot be read");
                None
            }
        };
        let (view, _) = watch::channel(CareView { last, ..CareView::unseen() });
        let view = Arc::new(view);
        let keeper = Keeper::start(operator, &means, &view);
        let workshop =
            Self { operator: operator.clone(), means, view, known: Arc::default(), impatience: Arc::default(), keeper };
        tokio::spawn(workshop.clone().watch_link());
        workshop
    }

    /// What was found and done, now and whenever that changes.
    pub(crate) fn watch(&self) -> watch::Receiver<CareView> {
        self.view.subscribe()
    }

    /// Looks whenever the link meets a trouble that it did not have before, and once when the trouble is over.
    async fn watch_link(self) {
        let mut link = self.operator.watch();
        let mut told: Option<FailureCode> = None;
        while link.changed().await.is_ok() {
            let view = link.borrow_and_update().clone();
            if view.state != GatewayState::Off {
                self.see_service().await;
            }
            let trouble = trouble(&view);
            let over = view.state == GatewayState::Online && told.is_some();
            if trouble.is_some_and(|code| told != Some(code)) || over {
                told = trouble;
                if let Err(failure) = self.look().await {
                    tracing::info!(code = failure.code.as_str(), "what is wrong with the gateway could not be seen");
                }
            } else if view.state == GatewayState::Off {
                told = None;
            }
        }
    }

    /// Looks whether something is wrong.
    ///
    /// # Errors
    /// `repair_running`; what keeps it from looking, such as `gateway_no_config`.
    pub(crate) async fn look(&self) -> Result<(), Failure> {
        self.is_here()?;
        if self.view.borrow().running.is_some() {
            return Err(busy());
        }
        self.view.send_modify(|view| view.looking = true);
        let (found, (), ()) = tokio::join!(self.find(), self.keeper.look(), self.see_service());
        let now_ms = self.means.now_ms();
        self.view.send_modify(|view| {
            view.looking = false;
            // A look that saw nothing does not say that nothing is wrong.
            if let Ok(found) = &found {
                view.looked_ms = Some(now_ms);
                view.findings.clone_from(found);
            }
        });
        found.map(drop)
    }

    async fn find(&self) -> Result<Vec<FindingView>, Failure> {
        let facts = self.facts().await?;
        let now_ms = self.means.now_ms();
        let entries = self.entries()?;
        let asked = asked_in_vain(&entries);
        let offer = |finding: &Finding| offer::offer(finding, &facts, &asked, now_ms);
        Ok(evidence::findings(&facts).iter().map(offer).collect())
    }

    /// What the link knows already, and the rest.
    async fn facts(&self) -> Result<Facts, Failure> {
        let standing = self.settled().await?;
        let tried = match standing.attempt {
            Attempt::None | Attempt::UnderWay => Tried::nothing(),
            Attempt::Connected(client) => {
                self.known().signed_anew = false;
                Tried::connected(client)
            }
            Attempt::Failed(failure) => Tried::failed(failure),
        };
        let known = *self.known();
        let device = if standing.wished { standing.device_id } else { None };
        let since_ms = self.dashboards_since()?;
        evidence::gather(&self.means, Tried { shared: standing.shared, ..tried }, device, known, since_ms).await
    }

    async fn settled(&self) -> Result<crate::operator::Standing, Failure> {
        let mut link = self.operator.watch();
        // One that goes on for longer is what there is to see.
        let _ = tokio::time::timeout(SETTLES, link.wait_for(|view| view.state != GatewayState::Connecting)).await;
        self.operator.standing().await
    }

    /// After a fresh link was opened, only later refusals count.
    fn dashboards_since(&self) -> Result<i64, Failure> {
        let opened = self.entries()?.into_iter().filter_map(|entry| match entry {
            Entry::Started { at_ms, plan } if plan.cause == Cause::DashboardStale => Some(at_ms),
            Entry::Started { .. }
            | Entry::StepStarted { .. }
            | Entry::PutAside { .. }
            | Entry::StepEnded { .. }
            | Entry::Ended { .. }
            | Entry::Acknowledged { .. }
            | Entry::Undone { .. } => None,
        });
        Ok(opened.max().unwrap_or(0).max(self.means.now_ms() - DASHBOARD_MS))
    }

    /// Carries out a plan of the last look. It goes on to its end, whoever asked.
    ///
    /// # Errors
    /// The codes `repair_…`: then nothing was begun.
    pub(crate) async fn repair(&self, id: &str) -> Result<RepairView, Failure> {
        let plan = self.planned(id).ok_or_else(unknown)?;
        self.begin(&plan)?;
        let workshop = self.clone();
        let carried = tokio::spawn(async move { workshop.carry_out(plan).await }).await;
        carried.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal)))
    }

    fn planned(&self, id: &str) -> Option<Plan> {
        let view = self.view.borrow();
        view.findings.iter().flat_map(|finding| finding.repair.plans()).find(|plan| plan.id == id).cloned()
    }

    /// From here on it is the one that goes on.
    fn begin(&self, plan: &Plan) -> Result<(), Failure> {
        self.is_here()?;
        let entries = self.entries()?;
        let now_ms = self.means.now_ms();
        self.occupy(plan, |running| allow(&entries, running, plan.cause, now_ms).map_err(not_now))
    }

    /// One at a time: `may` says whether this plan is the next, and hears which one goes on.
    fn occupy(&self, plan: &Plan, may: impl FnOnce(Option<&str>) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut begun = Ok(());
        self.view.send_if_modified(|view| {
            let is_free = view.acting.is_none();
            begun = if is_free { may(view.running.as_ref().map(|running| running.plan.as_str())) } else { Err(busy()) };
            if begun.is_ok() {
                let of = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
                view.running = Some(Running { plan: plan.id.clone(), step: 0, of, waits: false });
            }
            begun.is_ok()
        });
        begun
    }

    async fn carry_out(&self, plan: Plan) -> Result<RepairView, Failure> {
        let outcome = self.apply(&plan).await;
        self.operator.come_back().await;
        self.view.send_modify(|view| view.running = None);
        let done = outcome.and_then(|outcome| self.told(&plan.id)?.ok_or_else(|| not_begun(&outcome)));
        // How it is now; what kept it from looking is seen there.
        let _ = self.look().await;
        done
    }

    async fn apply(&self, plan: &Plan) -> Result<Outcome, Failure> {
        let journal = Journal::open(&self.means.journal).map_err(|error| not_recorded(&error))?;
        let standing = self.operator.standing().await?;
        if !standing.wished {
            // Whether it helps shows in a connection, which nobody wished.
            return Err(Failure::bare(FailureCode::GatewayOff));
        }
        let device_id = standing.device_id;
        self.operator.step_aside().await?;
        // What was refused before a fresh link was opened does not say that it did not help; the journal does not have this repair yet.
        let is_about_browsers = plan.cause == Cause::DashboardStale;
        let since_ms = if is_about_browsers { self.means.now_ms() } else { self.dashboards_since()? };
        let (view, known) = (Arc::clone(&self.view), Arc::clone(&self.known));
        let impatience = Arc::clone(&self.impatience);
        let mut mechanic = Mechanic::new(self.means.clone(), journal, device_id, since_ms, view, known, impatience);
        let plan = plan.clone();
        // A panic in the middle must not keep the link away for ever.
        let applied = tokio::spawn(async move { apply(&plan, &mut mechanic).await }).await;
        applied.map_err(|_| Failure::bare(FailureCode::Internal))
    }

    /// Waits no longer for a gateway that was asked to end: the repair ends at that step.
    ///
    /// # Errors
    /// `repair_unknown`: nothing waits for one.
    pub(crate) fn stop_waiting(&self) -> Result<(), Failure> {
        if !self.view.borrow().running.as_ref().is_some_and(|running| running.waits) {
            return Err(unknown());
        }
        self.impatience.notify_waiters();
        Ok(())
    }

    /// What the journal says of a repair, and to everybody of the newest. `None`: nothing.
    fn told(&self, id: &str) -> Result<Option<RepairView>, Failure> {
        let all = ledger::repairs(&self.entries()?, None);
        self.view.send_modify(|view| view.last = all.first().cloned());
        Ok(all.into_iter().find(|repair| repair.plan.id == id))
    }

    /// Puts back what a repair put aside, the last first.
    ///
    /// # Errors
    /// `repair_running`, `repair_unknown`, `repair_no_undo`, and what keeps a step from being undone.
    pub(crate) async fn undo(&self, id: &str) -> Result<RepairView, Failure> {
        let entries = self.entries()?;
        let known = ledger::repairs(&entries, None).into_iter().find(|repair| repair.plan.id == id);
        let known = known.ok_or_else(unknown)?;
        let aside: Vec<(usize, String)> =
            undoable(&entries, id).into_iter().map(|(step, aside)| (step, aside.to_owned())).collect();
        if aside.is_empty() {
            return Err(Failure::bare(FailureCode::RepairNoUndo));
        }
        let free = |running: Option<&str>| if running.is_none() { Ok(()) } else { Err(busy()) };
        self.occupy(&known.plan, free)?;
        let (workshop, id) = (self.clone(), id.to_owned());
        let undone = tokio::spawn(async move {
            let put_back = workshop.put_back(&id, aside).await;
            workshop.operator.come_back().await;
            workshop.view.send_modify(|view| view.running = None);
            let told = put_back.and_then(|()| workshop.told(&id)?.ok_or_else(unknown));
            let _ = workshop.look().await;
            told
        });
        undone.await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal)))
    }

    async fn put_back(&self, id: &str, aside: Vec<(usize, String)>) -> Result<(), Failure> {
        let mut journal = Journal::open(&self.means.journal).map_err(|error| not_recorded(&error))?;
        self.operator.step_aside().await?;
        for (step, aside) in aside {
            steps::put_back(&self.means, &aside).await?;
            let entry = Entry::Undone { at_ms: self.means.now_ms(), plan: id.to_owned(), step };
            journal.append(&entry).map_err(|error| not_recorded(&error))?;
        }
        Ok(())
    }

    /// A person has seen that a repair was interrupted.
    ///
    /// # Errors
    /// `repair_unknown`, `repair_not_recorded`.
    pub(crate) fn acknowledge(&self, id: &str) -> Result<(), Failure> {
        let entries = self.entries()?;
        let open = care::journal::interrupted(&entries).filter(|open| open.plan.id == id);
        let going_on = self.view.borrow().running.is_some();
        open.filter(|_| !going_on).ok_or_else(unknown)?;
        let mut journal = Journal::open(&self.means.journal).map_err(|error| not_recorded(&error))?;
        let entry = Entry::Acknowledged { at_ms: self.means.now_ms(), plan: id.to_owned() };
        journal.append(&entry).map_err(|error| not_recorded(&error))?;
        self.told(id).map(drop)
    }

    /// What was repaired, newest first.
    ///
    /// # Errors
    /// `repair_not_recorded`: the journal cannot be read.
    pub(crate) fn history(&self) -> Result<Vec<RepairView>, Failure> {
        let running = self.view.borrow().running.as_ref().map(|running| running.plan.clone());
        let mut repairs = ledger::repairs(&self.entries()?, running.as_deref());
        repairs.truncate(HISTORY);
        Ok(repairs)
    }

    fn entries(&self) -> Result<Vec<Entry>, Failure> {
        Journal::read(&self.means.journal).map(|reading| reading.entries).map_err(|error| not_recorded(&error))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A flag: a panic leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Means {
    fn now_ms(&self) -> i64 {
        self.clock.wall_ms()
    }
}
