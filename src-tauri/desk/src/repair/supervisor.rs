//! The service that runs OpenClaw on this computer: how it does, and what a person has it do by OpenClaw's own command.

use std::time::Duration;

use care::supervision::{ServiceAct, Supervision, supervision};
use care::who::{Whose, whose};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::comeback::{Patience, Process};
use super::evidence::{all, survey};
use super::refusal::busy;
use super::steps::{openclaw, run_failed};
use super::{Means, Workshop};
use crate::failure::{Failure, FailureCode};
use crate::operator::surroundings;

/// A gateway that ends finishes what it is at, which its service allows 330 s for.
const COMMAND: Duration = Duration::from_secs(400);
/// After the command said that it is done.
const SETTLES: Duration = Duration::from_secs(30);
/// Between two looks.
const AGAIN: Duration = Duration::from_millis(500);

impl Workshop {
    /// Looks how the service does, and tells whoever watches.
    pub(super) async fn see_service(&self) {
        let seen = if self.operator.aim().is_elsewhere() { None } else { self.service().await };
        self.view.send_if_modified(|view| {
            let is_news = view.service != seen;
            view.service = seen;
            is_news
        });
    }

    async fn service(&self) -> Option<Supervision> {
        match look(&self.means).await {
            Ok(seen) => seen.map(|seen| seen.supervision),
            Err(failure) => {
                tracing::debug!(code = failure.code.as_str(), "how OpenClaw's service does cannot be seen");
                None
            }
        }
    }

    /// Has the service do something, and waits until it is so.
    ///
    /// # Errors
    /// `repair_running`, `gateway_elsewhere`, `gateway_service_held` with `{why}`, `gateway_service_silent`, `openclaw_not_found`, `openclaw_failed`.
    pub(crate) async fn tell_service(&self, act: ServiceAct) -> Result<(), Failure> {
        self.is_here()?;
        let begun = self.view.send_if_modified(|view| {
            let free = view.running.is_none() && view.acting.is_none();
            if free {
                view.acting = Some(act);
            }
            free
        });
        if !begun {
            return Err(busy());
        }
        let workshop = self.clone();
        // It goes on to its end, whoever asked.
        let done = tokio::spawn(async move {
            let means = workshop.means.clone();
            let done = tokio::spawn(async move { carry_out(&means, act).await }).await;
            workshop.see_service().await;
            workshop.view.send_modify(|view| view.acting = None);
            workshop.operator.nudge();
            done.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal)))
        });
        done.await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal)))
    }
}

async fn carry_out(means: &Means, act: ServiceAct) -> Result<(), Failure> {
    let held = |why| Failure::with(FailureCode::GatewayServiceHeld, json!({ "why": why }));
    let Some(Seen { supervision: before, .. }) = look(means).await? else { return Err(held(None)) };
    if !before.may.contains(&act) {
        return Err(held(before.held));
    }
    let openclaw = openclaw().await?;
    tracing::info!(
        ?act,
        unit = before.unit.as_deref().unwrap_or_default(),
        "a person has OpenClaw's service do something"
    );
    let word = match act {
        ServiceAct::Start => "start",
        ServiceAct::Stop => "stop",
        ServiceAct::Restart => "restart",
        ServiceAct::Install => "install",
        ServiceAct::Uninstall => "uninstall",
    };
    // The person was asked by us: without a terminal this release asks for the flag instead.
    let flags: &[&str] = if act == ServiceAct::Stop { &["--force"] } else { &[] };
    let told = openclaw.gateway_service(word, flags, COMMAND).await.map_err(|error| run_failed(&error));
    if let Err(failure) = &told {
        tracing::warn!(code = failure.code.as_str(), ?act, "OpenClaw's command did not say that it is done");
    }
    // What it says is one thing, and how it is another.
    let is_awaited = act.ends_running() && told.is_ok();
    let until = Instant::now() + SETTLES;
    let mut patience = Patience::begin();
    loop {
        let seen = look(means).await?;
        let starting = seen.as_ref().and_then(|seen| seen.starting);
        if let Some(after) = seen
            && after.supervision.is_after(act)
            && (after.answers || !act.ends_running())
        {
            return Ok(());
        }
        let goes_on = if is_awaited { patience.lasts(starting) } else { Instant::now() < until };
        if !goes_on {
            return told.and_then(|()| Err(Failure::bare(FailureCode::GatewayServiceSilent)));
        }
        sleep(AGAIN).await;
    }
}

/// The service at one moment.
struct Seen {
    supervision: Supervision,
    /// The user's gateway listens.
    answers: bool,
    /// What is the user's gateway, or about to be.
    starting: Option<Process>,
}

/// `None`: this system's services cannot be seen.
async fn look(means: &Means) -> Result<Option<Seen>, Failure> {
    let found = surroundings::find().await?;
    if !found.address.is_loopback() {
        return Ok(None);
    }
    let survey = survey(&found, means.now_ms()).await?;
    let gateways = all(&survey).await?;
    let answers = matches!(whose(&survey), Whose::Mine(mine) if !mine.stopped);
    let starting = gateways.of_state(&survey.place.state_dir);
    let judged = supervision(&survey, &gateways, is_external());
    let seen = judged.map(|supervision| Seen { supervision, answers, starting });
    Ok(seen.inspect_err(|why| tracing::debug!(?why, "services cannot be seen")).ok())
}

/// OpenClaw's own word for services that something else looks after.
fn is_external() -> bool {
    let says = |name: &str, word: &str| std::env::var(name).is_ok_and(|value| value.trim() == word);
    says("OPENCLAW_SERVICE_REPAIR_POLICY", "external") || says("OPENCLAW_NIX_MODE", "1")
}
