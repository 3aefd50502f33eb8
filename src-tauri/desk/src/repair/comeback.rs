//! Waiting until the gateway lets us in again: after it was told to start anew, or while a person does that.

use std::net::SocketAddr;
use std::time::Duration;

use care::survey::Survey;
use care::who::{Whose, whose};
use gateway::ConnectFailure;
use tokio::time::{Instant, sleep};

use super::connection::come_in;
use super::evidence::survey;
use super::hands::Mechanic;
use super::steps::run_failed;
use crate::failure::Failure;
use crate::operator::of_connecting;
use crate::operator::surroundings::{self, Found};
use crate::plugin::OpenClaw;

/// A gateway notices a change of its configuration within two seconds, and takes up to some seconds more.
const NOTICES: Duration = Duration::from_secs(10);
/// And it listens anew within this, where the change needs that.
const APPLIES: Duration = Duration::from_secs(45);
/// A gateway that was started anew is back within this.
pub(super) const RETURNS: Duration = Duration::from_secs(150);
/// A person finds the terminal and starts it anew within this. The plan says so.
const PERSON: Duration = Duration::from_secs(180);
/// Between two tries.
pub(super) const AGAIN: Duration = Duration::from_secs(2);

/// Not where it takes the secret already: a gateway may have noticed by itself.
pub(super) async fn restart(mechanic: &Mechanic, found: &Found, openclaw: &OpenClaw) -> Result<(), Failure> {
    if comes_back(mechanic, NOTICES).await.is_ok() {
        tracing::info!(port = found.address.port(), "the gateway needs no restart");
        return Ok(());
    }
    openclaw.tell(&["gateway", "restart"]).await.map_err(|error| run_failed(&error))?;
    comes_back(mechanic, RETURNS).await
}

/// Until it lets us in, for at most this long.
pub(super) async fn comes_back(mechanic: &Mechanic, limit: Duration) -> Result<(), Failure> {
    let until = Instant::now() + limit;
    loop {
        let found = surroundings::find().await?;
        let Some(refused) = refusal(mechanic, &found).await? else { return Ok(()) };
        if Instant::now() >= until || matches!(refused, ConnectFailure::RateLimited { .. }) {
            return Err(of_connecting(&refused));
        }
        sleep(AGAIN).await;
    }
}

/// Until the user's own gateway is on the port and takes us in, or refuses: that is a matter of its own then.
pub(super) async fn returns(mechanic: &Mechanic) -> Result<(), Failure> {
    match comes_back(mechanic, RETURNS).await {
        Ok(()) => Ok(()),
        Err(failure) => match run(mechanic, &surroundings::find().await?).await? {
            Some(_) => Ok(()),
            None => Err(failure),
        },
    }
}

/// After a change of its configuration, until it lets us in or stands and refuses: whoever looks on must not meet it in the middle of a restart of its own. One
/// that does not notice is started anew by the next step.
pub(super) async fn settles(mechanic: &Mechanic) -> Result<(), Failure> {
    let since = Instant::now();
    while since.elapsed() < APPLIES {
        let found = surroundings::find().await?;
        match refusal(mechanic, &found).await? {
            None => return Ok(()),
            Some(refused) if refused.needs_token() && since.elapsed() >= NOTICES => return Ok(()),
            Some(_) => sleep(AGAIN).await,
        }
    }
    Ok(())
}

/// Until a person has started it anew, or it takes the secret by itself. One that refused is asked again only when it is another run: a wait is no attack.
pub(super) async fn await_restart(mechanic: &Mechanic) -> Result<(), Failure> {
    let until = Instant::now() + PERSON;
    let mut refused = run(mechanic, &surroundings::find().await?).await?;
    let Err(mut last) = comes_back(mechanic, NOTICES).await else { return Ok(()) };
    while Instant::now() < until {
        let found = surroundings::find().await?;
        let now = run(mechanic, &found).await?;
        if now.is_some() && now != refused {
            match refusal(mechanic, &found).await? {
                None => return Ok(()),
                Some(refusal) => {
                    last = of_connecting(&refusal);
                    if refusal.needs_token() || refusal.is_stale_device_token() {
                        refused = now;
                    }
                }
            }
        }
        sleep(AGAIN).await;
    }
    Err(last)
}

/// Why it does not let us in. `None`: it does.
async fn refusal(mechanic: &Mechanic, found: &Found) -> Result<Option<ConnectFailure>, Failure> {
    match come_in(&mechanic.means, found, mechanic.shared(found)).await {
        Ok(_) => Ok(None),
        Err(refused) => refused.of_gateway().map(Some),
    }
}

/// One run of the user's gateway: a restart within its process opens other sockets.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    pid: u32,
    start: u64,
    sockets: Vec<(SocketAddr, u64)>,
}

/// The one that goes on. `None`: none can be seen.
async fn run(mechanic: &Mechanic, found: &Found) -> Result<Option<Run>, Failure> {
    Ok(run_of(&survey(found, mechanic.means.now_ms()).await?))
}

fn run_of(survey: &Survey) -> Option<Run> {
    let Whose::Mine(mine) = whose(survey) else { return None };
    let listeners = survey.listeners.known().into_iter().flatten();
    let mut sockets: Vec<_> = listeners.map(|listener| (listener.address, listener.inode)).collect();
    sockets.sort();
    Some(Run { pid: mine.gateway.pid, start: mine.start, sockets })
}
