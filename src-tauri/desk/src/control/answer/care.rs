//! The shapes of `view.care` and of the answers about repairs: what was found, what would be done about it, what was done.

use care::chain::{LINKS, Link};
pub use care::chain::{Link as ChainLink, PluginFix, PluginLink, PluginRow};
pub use care::finding::{Cause, Evidence, ServiceSeen, Severity};
pub use care::journal::Outcome;
pub use care::plan::{Action, Advice, Choice, NoPlan, Plan, PlannedStep, Risk, Step, Stops, Undo};
pub use care::supervision::{ServiceAct, ServiceHeld, ServiceState, Supervision};
pub use care::survey::{Engine, Guardian, Manager as ServiceManager, Phase as ServicePhase, Publisher};
pub use care::token::{CopyPlace, CopyValue, PairingReason, Referred, Refusal, TokenCopy};
pub use care::who::{Contradiction, Fact, Nobody, NotMine, Unseen};
pub use care::{Blind, Seen};
use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use super::{MissingEntry, Trap};
use crate::failure::Failure;
use crate::noted::Noted;

/// How the way from a device to a model is, and what can be mended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CareView {
    /// One row for each link of the chain, in the order in which a message passes.
    pub rows: Vec<LinkRow>,
    /// What is wrong, the worst first. Of the last look.
    pub findings: Vec<FindingView>,
    /// The plugin inside of OpenClaw, row by row. Of the last look.
    pub plugin: Vec<PluginRow>,
    /// Our entries in OpenClaw's configuration that somebody took away, and that the person has not left as it is.
    pub missing: Vec<MissingEntry>,
    /// What else there a person should know. Of the last look.
    pub traps: Vec<Trap>,
    /// When it was last looked, ms since 1970. `None`: not in this run of the program.
    #[specta(type = Option<Number>)]
    pub looked_ms: Option<i64>,
    /// It is being looked.
    pub looking: bool,
    /// The repair that is going on.
    pub running: Option<Running>,
    /// How the service that runs OpenClaw does. `None`: nobody has looked, or it cannot be seen here.
    pub service: Option<Supervision>,
    /// What it is being told to do.
    pub acting: Option<ServiceAct>,
    /// The newest repair.
    pub last: Option<RepairView>,
    /// What the rows are made of; it stays inside.
    #[serde(skip)]
    #[specta(skip)]
    pub(crate) noted: Noted,
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LinkRow {
    /// Which.
    pub link: Link,
    /// Its state.
    pub state: RowState,
    /// The broken link before it. Only with [`RowState::Behind`].
    pub behind: Option<Link>,
    /// When it was looked at, ms since 1970.
    #[specta(type = Option<Number>)]
    pub at_ms: Option<i64>,
    /// Why it is broken, and what to do.
    pub failure: Option<Failure>,
    /// What is there, such as the gateway's address or the agent's name.
    pub name: Option<String>,
}

/// The state of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum RowState {
    /// It works: a fresh look at it was answered by who had to answer.
    Works,
    /// It does not.
    Broken,
    /// It worked when it was last looked at, which is too long ago.
    Stale,
    /// Somebody said that it works who did not prove who they are.
    Unproven,
    /// It cannot be seen.
    CannotSee,
    /// Nobody has looked.
    NotLooked,
    /// A link before it is broken, so it cannot be judged.
    Behind,
    /// Nothing goes through it: the built-in echo answers, or the person has not connected it.
    NotUsed,
}

/// Something that is wrong, and what would be done about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct FindingView {
    /// What.
    pub cause: Cause,
    /// How bad.
    pub severity: Severity,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What would be done.
    pub repair: Repair,
    /// What a person can type about it, in this order, where there are such lines.
    pub commands: Vec<String>,
}

/// What would be done about a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Repair {
    /// This, once the person says so.
    Plan {
        /// The plan; `care.repair` takes its `id`.
        plan: Box<Plan>,
        /// What a person may choose instead, each a plan of its own.
        others: Vec<Plan>,
    },
    /// Nothing.
    None {
        /// Why.
        why: NoPlan,
    },
}

/// A repair that is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The plan's id.
    pub plan: String,
    /// Which step, from 0. As many as there are: it is being looked whether it helped.
    pub step: u32,
    /// How many steps there are.
    pub of: u32,
    /// It waits for a gateway to finish its work, and the person may stop that (`care.stop_waiting`).
    pub waits: bool,
}

/// A repair: `care.repair`, `care.undo`; and one of `care.history`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct RepairView {
    /// What the person agreed to.
    pub plan: Box<Plan>,
    /// When it was begun, ms since 1970.
    #[specta(type = Number)]
    pub started_ms: i64,
    /// One for each step of the plan.
    pub steps: Vec<StepView>,
    /// How it ended. `None`: it goes on, or it was interrupted.
    pub outcome: Option<Outcome>,
    /// The program ended in the middle of it. Nothing of it goes on by itself.
    pub interrupted: bool,
    /// Something that was put aside can be put back (`care.undo`).
    pub undoable: bool,
    /// The person has seen that it was interrupted.
    pub acknowledged: bool,
}

/// How a step of a repair went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// How far it is.
    pub state: StepState,
    /// Why it failed: a failure's code.
    pub failure: Option<String>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum StepState {
    /// It was not begun.
    Waiting,
    /// It is being done.
    Running,
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// It was begun and may or may not have been done: the program ended meanwhile.
    Unsure,
    /// It was done and undone.
    Undone,
}

/// `care.history`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Type)]
#[serde(transparent)]
pub struct Repairs(pub Vec<RepairView>);

impl CareView {
    /// Nobody has looked.
    pub fn unseen() -> Self {
        let row =
            |link| LinkRow { link, state: RowState::NotLooked, behind: None, at_ms: None, failure: None, name: None };
        Self {
            rows: LINKS.into_iter().map(row).collect(),
            findings: Vec::new(),
            plugin: Vec::new(),
            missing: Vec::new(),
            traps: Vec::new(),
            looked_ms: None,
            looking: false,
            running: None,
            service: None,
            acting: None,
            last: None,
            noted: Noted::default(),
        }
    }
}
