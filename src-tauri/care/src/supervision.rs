//! How the service that runs the user's gateway does, and what OpenClaw's own command can be told about it without harm.
//!
//! Pure. Nothing is offered that ends a gateway of somebody else: a service that starts ends whoever listens on its port.

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use crate::seen::Blind;
use crate::survey::{Gateways, Phase, Scope, Service, Starts, Survey};
use crate::who::{Whose, whose};

/// What `openclaw gateway` can be told about its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ServiceAct {
    /// Start it.
    Start,
    /// Stop it. It starts again with the next login where it starts by itself.
    Stop,
    /// Stop and start it.
    Restart,
    /// Define it and start it.
    Install,
    /// Stop it and remove its definition. Configuration and state stay.
    Uninstall,
}

/// How the service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ServiceState {
    /// There is none, and no gateway runs.
    Absent,
    /// There is none, and the gateway was started by hand.
    ByHand,
    /// It runs.
    Running,
    /// It is starting or ending.
    Changing,
    /// It ended, and its manager starts it again in a moment.
    Restarting,
    /// It failed, and its manager leaves it so.
    Failed,
    /// It is stopped.
    Stopped,
}

/// Why nothing is offered about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum ServiceHeld {
    /// Several services are about this gateway: which one is meant has to be settled first.
    Several,
    /// It belongs to the computer, not to the user: it takes an administrator.
    System,
    /// It has another name than OpenClaw gives: OpenClaw's command does not know it.
    OtherName,
    /// Somebody forbade that it starts (it is masked, or a task that is disabled).
    Masked,
    /// Another program or gateway has the port, and would be ended or in the way.
    PortTaken,
    /// Whose gateway is on the port cannot be seen.
    Unseen,
    /// `OPENCLAW_SERVICE_REPAIR_POLICY=external`: something else looks after it.
    External,
    /// It was started by hand: who started it ends it.
    ByHand,
}

/// The service of the user's gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Supervision {
    /// How it does.
    pub state: ServiceState,
    /// Its name, such as `openclaw-gateway.service`. `None`: there is none.
    pub unit: Option<String>,
    /// It starts with the user's session.
    pub by_itself: bool,
    /// When its process started, ms since 1970.
    #[specta(type = Option<Number>)]
    pub started_ms: Option<i64>,
    /// What may be asked of it now, the likeliest first.
    pub may: Vec<ServiceAct>,
    /// Why that is nothing.
    pub held: Option<ServiceHeld>,
}

impl ServiceAct {
    /// Whether a gateway answers when it has been done.
    pub fn ends_running(self) -> bool {
        match self {
            Self::Start | Self::Restart | Self::Install => true,
            Self::Stop | Self::Uninstall => false,
        }
    }
}

impl Supervision {
    /// Whether it is as it should be once `act` has been done.
    pub fn is_after(&self, act: ServiceAct) -> bool {
        match act {
            ServiceAct::Start | ServiceAct::Restart | ServiceAct::Install => self.state == ServiceState::Running,
            // One that took too long to end is called failed by its manager.
            ServiceAct::Stop => matches!(self.state, ServiceState::Stopped | ServiceState::Failed),
            ServiceAct::Uninstall => matches!(self.state, ServiceState::Absent | ServiceState::ByHand),
        }
    }
}

/// Judges. `external`: the environment says that something else looks after services.
///
/// # Errors
/// Why the user's services cannot be seen.
pub fn supervision(survey: &Survey, gateways: &Gateways, external: bool) -> Result<Supervision, Blind> {
    gateways.user.look()?;
    let place = &survey.place;
    let mut ours: Vec<&Service> =
        gateways.services().filter(|service| service.state_dir.as_ref() == Some(&place.state_dir)).collect();
    // What is in use comes first; of two that rest the present name.
    ours.sort_by_key(|service| (!service.is_in_use(), service.is_legacy(), service.scope));
    let port = whose(survey);
    let Some(service) = ours.first() else {
        let (state, held) = match &port {
            Whose::Nobody(_) => (ServiceState::Absent, None),
            Whose::Mine(_) => (ServiceState::ByHand, Some(ServiceHeld::ByHand)),
            Whose::Other(_) | Whose::Foreign(_) => (ServiceState::Absent, Some(ServiceHeld::PortTaken)),
            Whose::CannotSee(_) => (ServiceState::Absent, Some(ServiceHeld::Unseen)),
        };
        let held = if external { Some(ServiceHeld::External) } else { held };
        let may = if held.is_none() { vec![ServiceAct::Install] } else { Vec::new() };
        return Ok(Supervision { state, unit: None, by_itself: false, started_ms: None, may, held });
    };
    let state = match service.phase {
        Phase::Running => ServiceState::Running,
        Phase::Changing => ServiceState::Changing,
        Phase::Restarting => ServiceState::Restarting,
        Phase::Failed => ServiceState::Failed,
        Phase::Stopped => ServiceState::Stopped,
    };
    let is_several = ours.iter().filter(|service| service.is_in_use()).count() > 1;
    let external = external || service.environment.plain("OPENCLAW_SERVICE_REPAIR_POLICY") == Some("external");
    let held = held(service, is_several, &port, external);
    Ok(Supervision {
        state,
        unit: Some(service.unit.clone()),
        by_itself: service.starts == Starts::ByItself,
        started_ms: service.started_ms.filter(|_| service.phase == Phase::Running),
        may: if held.is_none() { may(service.phase) } else { Vec::new() },
        held,
    })
}

fn held(service: &Service, is_several: bool, port: &Whose, external: bool) -> Option<ServiceHeld> {
    if external {
        return Some(ServiceHeld::External);
    }
    if is_several {
        return Some(ServiceHeld::Several);
    }
    if service.scope == Scope::System {
        return Some(ServiceHeld::System);
    }
    if service.named().is_none_or(|named| named.legacy) {
        return Some(ServiceHeld::OtherName);
    }
    if service.starts == Starts::Never {
        return Some(ServiceHeld::Masked);
    }
    match port {
        Whose::Nobody(_) => None,
        // One by hand beside the service that rests: to start the service would end it.
        Whose::Mine(_) if !service.is_alive() => Some(ServiceHeld::ByHand),
        Whose::Mine(_) => None,
        Whose::Other(_) | Whose::Foreign(_) => Some(ServiceHeld::PortTaken),
        Whose::CannotSee(_) => Some(ServiceHeld::Unseen),
    }
}

fn may(phase: Phase) -> Vec<ServiceAct> {
    match phase {
        Phase::Running => vec![ServiceAct::Restart, ServiceAct::Stop, ServiceAct::Uninstall],
        Phase::Restarting => vec![ServiceAct::Stop, ServiceAct::Uninstall],
        Phase::Failed | Phase::Stopped => vec![ServiceAct::Start, ServiceAct::Uninstall],
        Phase::Changing => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
