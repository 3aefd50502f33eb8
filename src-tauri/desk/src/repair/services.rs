//! Steps about services and gateways: the user's own service manager is told to, and a gateway that nobody looks after is asked to end.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use care::survey::{Gateways, Phase, Scope, Service, Starts, Survey};
use care::target::{Ending, Held, Refused, Target};
use serde_json::json;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use super::Means;
use super::comeback::{RETURNS, returns};
use super::evidence::{all, survey};
use super::hands::Mechanic;
use crate::failure::{Failure, FailureCode};
use crate::operator::surroundings;

/// What begins the name of a service whose state was changed.
pub(super) const SERVICE: &str = "service:";
/// What the manager needs beside the time that the service may take.
const MANAGER: Duration = Duration::from_secs(30);
/// A port is free this long after whoever had it ended: the kernel is done at once, its children may not be.
const FREE: Duration = Duration::from_secs(20);
/// A thread waits this long for the end of a process before it is asked whether anybody still wants to wait.
const GLANCE: Duration = Duration::from_millis(500);
/// Between two looks.
const AGAIN: Duration = Duration::from_millis(250);

/// Stops it and keeps it from starting by itself.
pub(super) async fn switch_off(mechanic: &mut Mechanic, unit: &str, within_ms: u64) -> Result<(), Failure> {
    let before = service(&mechanic.means, unit).await?;
    mechanic.put_aside(kept(&before))?;
    systemctl(&["disable", "--now", unit], Duration::from_millis(within_ms)).await?;
    let after = service(&mechanic.means, unit).await?;
    if after.is_alive() { Err(failed(unit, "it runs on")) } else { Ok(()) }
}

/// One that failed often enough is refused until that is forgotten.
pub(super) async fn forget_failures(mechanic: &Mechanic, unit: &str) -> Result<(), Failure> {
    match service(&mechanic.means, unit).await?.phase {
        Phase::Failed => systemctl(&["reset-failed", unit], MANAGER).await,
        Phase::Running | Phase::Changing | Phase::Restarting | Phase::Stopped => Ok(()),
    }
}

/// Lets it start by itself and now, and waits for its gateway.
pub(super) async fn switch_on(mechanic: &mut Mechanic, unit: &str) -> Result<(), Failure> {
    let before = service(&mechanic.means, unit).await?;
    mechanic.put_aside(kept(&before))?;
    systemctl(&["enable", "--now", unit], RETURNS).await?;
    returns(mechanic).await
}

/// Stops it and starts it again, and waits for its gateway.
pub(super) async fn restart_service(mechanic: &mut Mechanic, unit: &str, within_ms: u64) -> Result<(), Failure> {
    systemctl(&["restart", unit], Duration::from_millis(within_ms)).await?;
    returns(mechanic).await
}

/// Asks it to end, and waits for that and for its port, unless a person stops waiting.
pub(super) async fn end(mechanic: &Mechanic, target: &Target, within_ms: u64) -> Result<(), Failure> {
    let held = tell(target, Ending::Asked).await?;
    let within = Instant::now() + Duration::from_millis(within_ms);
    let waiting = async {
        while let Some(held) = &held {
            if ended(held, GLANCE).await? {
                return Ok(true);
            }
            if Instant::now() >= within {
                return Ok(false);
            }
        }
        Ok(true)
    };
    match mechanic.unless_stopped(waiting).await {
        Some(Ok(true)) => is_free(mechanic, target).await,
        Some(Ok(false)) | None => Err(still_runs(target)),
        Some(Err(failure)) => Err(failure),
    }
}

/// Takes it away, and waits for its port.
pub(super) async fn force(mechanic: &Mechanic, target: &Target) -> Result<(), Failure> {
    if let Some(held) = tell(target, Ending::Forced).await?
        && !ended(&held, FREE).await?
    {
        return Err(still_runs(target));
    }
    is_free(mechanic, target).await
}

/// Tells it, if it is still what the plan showed. `None`: it has ended by itself.
async fn tell(target: &Target, ending: Ending) -> Result<Option<Arc<Held>>, Failure> {
    let shown = target.clone();
    let told = tokio::task::spawn_blocking(move || {
        let held = Held::take(&shown)?;
        held.tell(ending)?;
        Ok(Arc::new(held))
    });
    match told.await.map_err(|_| Failure::bare(FailureCode::Internal))? {
        Ok(held) => Ok(Some(held)),
        // Whoever is gone does not need to be told.
        Err(Refused::Ended) => Ok(None),
        Err(refused) => Err(let_alone(&refused, target)),
    }
}

async fn ended(held: &Arc<Held>, within: Duration) -> Result<bool, Failure> {
    let held = Arc::clone(held);
    let ended = tokio::task::spawn_blocking(move || held.ends_within(within));
    let ended = ended.await.map_err(|_| Failure::bare(FailureCode::Internal))?;
    ended.map_err(|refused| {
        tracing::warn!(%refused, "the end of a process cannot be seen");
        Failure::bare(FailureCode::Internal)
    })
}

fn let_alone(refused: &Refused, target: &Target) -> Failure {
    tracing::warn!(%refused, pid = target.pid, "a process is let alone");
    Failure::bare(match refused {
        Refused::System(_) => FailureCode::Internal,
        Refused::Ended
        | Refused::AnotherProcess
        | Refused::Changed
        | Refused::NoGateway
        | Refused::AnotherUser
        | Refused::Elsewhere
        | Refused::Family
        | Refused::Supervised
        | Refused::NotListening
        | Refused::Unseen(_) => FailureCode::RepairChanged,
    })
}

fn still_runs(target: &Target) -> Failure {
    Failure::with(FailureCode::RepairStillRuns, json!({ "pid": target.pid }))
}

async fn is_free(mechanic: &Mechanic, target: &Target) -> Result<(), Failure> {
    let until = Instant::now() + FREE;
    while is_held(&look(&mechanic.means).await?, target) {
        if Instant::now() >= until {
            return Err(still_runs(target));
        }
        sleep(AGAIN).await;
    }
    Ok(())
}

/// Whether the port is still with the one that ended, or with somebody who cannot be seen.
fn is_held(survey: &Survey, target: &Target) -> bool {
    match survey.listeners.look() {
        Ok(listeners) => listeners.iter().any(|listener| match listener.owners.look() {
            Ok(owners) => owners.contains(&target.pid),
            Err(_) => true,
        }),
        Err(_) => true,
    }
}

/// Brings a service back to how it was, where it is not so by now.
pub(super) async fn put_back(means: &Means, was: &str) -> Result<(), Failure> {
    let mut parts = was.splitn(3, ':');
    let (Some(ran), Some(started), Some(unit)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::bare(FailureCode::RepairNoUndo));
    };
    bring_back(means, unit, ran == "ran", started == "itself", false).await
}

/// Has a service run or rest, and start by itself or not. `anew`: one that runs takes what was written since.
pub(super) async fn bring_back(
    means: &Means,
    unit: &str,
    runs: bool,
    by_itself: bool,
    anew: bool,
) -> Result<(), Failure> {
    let now = service(means, unit).await?;
    if by_itself != (now.starts == Starts::ByItself) {
        systemctl(&[if by_itself { "enable" } else { "disable" }, unit], MANAGER).await?;
    }
    let word = match (runs, now.is_alive()) {
        (true, true) if anew => "restart",
        (true, false) => "start",
        (false, true) => "stop",
        (true, true) | (false, false) => return Ok(()),
    };
    systemctl(&[word, unit], RETURNS.max(STOPS)).await
}

/// Has the manager read what was written.
pub(super) async fn reload(unit: &str) -> Result<(), Failure> {
    told(unit, &["daemon-reload"], MANAGER).await
}

/// As long as a gateway's drain.
const STOPS: Duration = Duration::from_secs(330);

fn kept(before: &Service) -> String {
    let ran = if before.is_alive() { "ran" } else { "rested" };
    let started = match before.starts {
        Starts::ByItself => "itself",
        Starts::OnDemand | Starts::Never => "hand",
    };
    format!("{SERVICE}{ran}:{started}:{}", before.unit)
}

async fn look(means: &Means) -> Result<Survey, Failure> {
    survey(&surroundings::find().await?, means.now_ms()).await
}

/// The user's service of this name, as it is now.
async fn service(means: &Means, unit: &str) -> Result<Service, Failure> {
    find_service(means, unit).await?.ok_or_else(|| Failure::bare(FailureCode::RepairChanged))
}

/// Every gateway of this computer, and what starts them, as they are now.
pub(super) async fn seen(means: &Means) -> Result<Gateways, Failure> {
    all(&look(means).await?).await
}

/// The same; `None`: there is none.
pub(super) async fn find_service(means: &Means, unit: &str) -> Result<Option<Service>, Failure> {
    let all = seen(means).await?;
    if let Err(blind) = all.user.look() {
        // What cannot be seen is not what the plan showed.
        tracing::warn!(?blind, "the services cannot be seen");
        return Err(Failure::bare(FailureCode::RepairChanged));
    }
    Ok(all.services().find(|service| service.unit == unit && service.scope == Scope::User).cloned())
}

/// Tells the manager these words, the last of which is a unit.
async fn systemctl(words: &[&str], within: Duration) -> Result<(), Failure> {
    told(words.last().copied().unwrap_or_default(), words, within).await
}

/// The one place of this program from which a service manager is told something. The plan shows the very words.
async fn told(unit: &str, words: &[&str], within: Duration) -> Result<(), Failure> {
    let mut command = Command::new("systemctl");
    command.arg("--user").args(words).stdin(Stdio::null()).kill_on_drop(true).env("LC_ALL", "C.UTF-8");
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        command.envs(care::survey::runtime_folder().map(|folder| ("XDG_RUNTIME_DIR", folder)));
    }
    let said = timeout(within + MANAGER, command.output()).await.map_err(|_| failed(unit, "it takes too long"))?;
    let said = said.map_err(|error| failed(unit, &error.to_string()))?;
    if said.status.success() {
        return Ok(());
    }
    Err(failed(unit, String::from_utf8_lossy(&said.stderr).trim()))
}

pub(super) fn failed(unit: &str, why: &str) -> Failure {
    tracing::warn!(unit, why, "the service manager could not do a step of a repair");
    Failure::with(FailureCode::RepairServiceFailed, json!({ "unit": unit, "said": why }))
}
