//! What is wrong, how bad that is, and what shows it.

mod detect;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use specta_typescript::Number;

pub use detect::{detect, is_gone};

use crate::survey::{Guardian, Manager, Phase, Publisher, Scope, Starts};
use crate::token::{PairingReason, Refusal, TokenCopy};
use crate::who::{Contradiction, Nobody, NotMine, Occupant, Unseen};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Works, and will not for long or not everywhere.
    Warning,
    /// Does not work.
    Broken,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What.
    pub cause: Cause,
    /// How bad.
    pub severity: Severity,
    /// What shows it.
    pub evidence: Vec<Evidence>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Nobody listens on the gateway's port.
    NobodyListens,
    /// Another program has the gateway's port.
    ForeignProgram,
    /// An OpenClaw has the port that is not the user's gateway. Its refusals say nothing about our tokens, whatever they are called.
    WrongInstance,
    /// Whose gateway it is cannot be known here.
    CannotTell,
    /// The gateway listens and says nothing.
    Hung,
    /// The shared token that was sent is not the gateway's.
    SharedTokenWrong,
    /// Copies of the shared token differ, and one that loses will be sent by somebody.
    CopiesDiffer,
    /// The token that the gateway gave us is not valid any more.
    DeviceTokenStale,
    /// The gateway asks for a token, and we have none.
    TokenMissing,
    /// Nothing says how to authenticate: the gateway makes a new secret at each start.
    NoAuthConfigured,
    /// Our signature is refused.
    SignatureInvalid,
    /// This computer's clock and the gateway's differ by more than a signature may.
    ClockWrong,
    /// Our pairing waits for an approval.
    PairingPending,
    /// Our device token does not cover what we ask for.
    ScopeMissing,
    /// The gateway speaks another protocol.
    ProtocolMismatch,
    /// Too many attempts: the gateway hears nobody for a while.
    RateLimited,
    /// Records of earlier installations of ours lie in the gateway.
    DeadRecords,
    /// A browser holds a stale token.
    DashboardStale,
    /// Entries of ours were missing in OpenClaw's configuration. No look at tokens finds it: it is what a person mended with a plan of [`crate::plan::Plan::of_entries`].
    EntriesMissing,
    /// The gateway refuses for a reason that this version does not know.
    Unrecognised,
    /// Two services start gateways on one port, and each start ends the other's: nobody stays connected.
    RestartWar,
    /// Two services start gateways on one port. One runs, or none: they would fight.
    TwoServices,
    /// The gateway was started by hand, although a service is there for it: that one cannot start beside it.
    ServiceAndCopy,
    /// A service of an earlier release is still there.
    LegacyService,
    /// What a service starts from is not there any more.
    ServicePathGone,
    /// A service starts from a folder that is emptied from time to time.
    ServicePathTemporary,
    /// A service starts the gateway on another port than the configuration says.
    ServicePortDiffers,
    /// A service starts an older release than the one that wrote the configuration: its next start fails.
    ServiceOutdated,
    /// The service is installed and will not start by itself.
    ServiceOff,
    /// The service fails again and again.
    CrashLoop,
    /// Two gateways run on one state folder: what one writes, the other does not know.
    SharedState,
    /// The gateway takes itself for a service's, and is none: instead of starting anew it ends, and nobody brings it back.
    RestartEnds,
}

/// What shows a finding. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Evidence {
    /// Who is on the port.
    Occupant {
        /// It.
        process: Occupant,
    },
    /// Why it is not the user's gateway.
    NotMine {
        /// Why.
        why: NotMine,
    },
    /// Nobody is on the port.
    Nobody {
        /// And what that means.
        why: Nobody,
    },
    /// What cannot be seen.
    Unseen {
        /// What.
        what: Unseen,
    },
    /// What the gateway says of itself contradicts what was seen.
    Contradiction {
        /// What.
        what: Contradiction,
    },
    /// The gateway's answer.
    Refusal {
        /// What it said.
        refusal: Refusal,
    },
    /// A signal or a debugger stopped the process.
    Stopped,
    /// It took the connection and said nothing.
    Silent,
    /// A copy of the shared token.
    Copy {
        /// Where and what.
        copy: TokenCopy,
        /// Whether the gateway goes by it.
        wins: bool,
    },
    /// This computer's clock is ahead of the gateway's, or behind.
    ClockAhead {
        /// By this much, ms.
        #[specta(type = Number)]
        ms: i64,
    },
    /// A pairing request.
    Request {
        /// The one to approve.
        id: Option<String>,
        /// Why it is needed.
        reason: PairingReason,
    },
    /// A record of a device.
    Device {
        /// Its id.
        id: String,
        /// Its name.
        name: Option<String>,
    },
    /// Browsers were turned away.
    Dashboards {
        /// How often.
        count: u32,
        /// The last time, ms since 1970.
        #[specta(type = Number)]
        last_ms: i64,
    },
    /// A service that starts a gateway.
    Service {
        /// It.
        service: ServiceSeen,
    },
    /// The port that it is about.
    Port {
        /// It.
        port: u16,
    },
    /// A file that is needed and is not there.
    Missing {
        /// It.
        path: PathBuf,
    },
    /// A folder that is emptied from time to time.
    Temporary {
        /// What is needed from there.
        path: PathBuf,
    },
    /// What the next start of a service would end.
    NextStart {
        /// The service.
        unit: String,
        /// The process.
        pid: u32,
    },
    /// Who starts the gateway again when it ends.
    Guarded {
        /// They.
        by: Guardian,
    },
    /// A service starts a release that is older than the one that wrote the configuration.
    OlderRelease {
        /// What the service starts.
        release: String,
        /// What wrote the configuration.
        wrote: String,
    },
    /// Who has the port for a container.
    Published {
        /// They.
        by: Publisher,
    },
    /// A variable by which it takes itself for a service's: the session in which it was started has it.
    Inherited {
        /// Its name.
        variable: String,
    },
    /// A gateway that runs on the same state as the one on the port.
    Beside {
        /// It.
        process: Occupant,
        /// Where it listens.
        port: Option<u16>,
    },
}

/// A service that starts a gateway, for words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSeen {
    /// Its name.
    pub unit: String,
    /// What starts it.
    #[serde(default)]
    pub manager: Manager,
    /// Whose manager it belongs to.
    pub scope: Scope,
    /// The file that defines it.
    pub path: Option<PathBuf>,
    /// Where its gateway listens.
    pub port: Option<u16>,
    /// The state folder of its gateway.
    pub state_dir: Option<PathBuf>,
    /// How it does.
    pub phase: Phase,
    /// Whether it starts by itself.
    pub starts: Starts,
    /// How often it was brought back since somebody started it.
    pub restarts: u32,
    /// The status that it ended with the last time.
    pub exit_status: Option<i32>,
}
