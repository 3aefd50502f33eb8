//! Waiting until the gateway lets us in again: after it was told to start anew, or while a person does that.

use std::net::SocketAddr;
use std::time::Duration;

use care::survey::Survey;
use care::who::{Whose, whose};
use gateway::{Client, ConnectFailure};
use tokio::time::{Instant, sleep};

use super::connection::come_in;
use super::evidence::{all, survey};
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
/// And within this on a computer that is slow or busy, as long as it is one and the same process that starts.
const SLOWEST: Duration = Duration::from_secs(600);
/// Whoever looks whether a repair helped gives one that starts at that moment this long.
const STARTS: Duration = Duration::from_secs(60);
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
    starts(mechanic).await
}

/// Until it lets us in, for at most this long.
async fn comes_back(mechanic: &Mechanic, limit: Duration) -> Result<(), Failure> {
    match refused_for(mechanic, limit).await? {
        None => Ok(()),
        Some(refused) => Err(of_connecting(&refused)),
    }
}

/// Until a gateway that was just started lets us in.
pub(super) async fn starts(mechanic: &Mechanic) -> Result<(), Failure> {
    let mut patience = Patience::begin();
    let mut limit = RETURNS;
    loop {
        let Some(refused) = refused_for(mechanic, limit).await? else { return Ok(()) };
        let process = if passes(&refused) { starting(mechanic).await? } else { None };
        if !patience.lasts(process) {
            return Err(of_connecting(&refused));
        }
        tracing::info!(?process, "the gateway still starts");
        limit = NOTICES;
    }
}

/// A process: its number and its start.
pub(super) type Process = (u32, u64);

/// How long the start of a gateway is waited for: longer where one and the same process still starts. One that fails and is brought back is another each time.
#[derive(Debug)]
pub(super) struct Patience {
    since: Instant,
    process: Option<Process>,
}

impl Patience {
    pub(super) fn begin() -> Self {
        Self { since: Instant::now(), process: None }
    }

    /// Whether it is worth while to wait on. `process`: what is about to be the gateway.
    pub(super) fn lasts(&mut self, process: Option<Process>) -> bool {
        self.lasts_after(self.since.elapsed(), process)
    }

    fn lasts_after(&mut self, waited: Duration, process: Option<Process>) -> bool {
        if waited < RETURNS {
            return true;
        }
        let first = *self.process.get_or_insert(process.unwrap_or_default());
        waited < SLOWEST && process == Some(first)
    }
}

/// Whether somebody who was refused so is to try again only because the gateway is about to be there.
fn passes(refused: &ConnectFailure) -> bool {
    use ConnectFailure::{Broken, Closed, NobodyListens, Starting, TimedOut};
    matches!(refused, NobodyListens | Starting { .. } | TimedOut(_) | Broken(_) | Closed(_))
}

/// Number and start of the process that is the user's gateway, or is about to be.
async fn starting(mechanic: &Mechanic) -> Result<Option<Process>, Failure> {
    let found = surroundings::find().await?;
    let survey = survey(&found, mechanic.means.now_ms()).await?;
    Ok(all(&survey).await?.of_state(&survey.place.state_dir))
}

/// Why it does not let us in for at most this long. `None`: it does.
async fn refused_for(mechanic: &Mechanic, limit: Duration) -> Result<Option<ConnectFailure>, Failure> {
    let until = Instant::now() + limit;
    loop {
        let found = surroundings::find().await?;
        let Some(refused) = refusal(mechanic, &found).await? else { return Ok(None) };
        if Instant::now() >= until || matches!(refused, ConnectFailure::RateLimited { .. }) {
            return Ok(Some(refused));
        }
        sleep(AGAIN).await;
    }
}

/// Until the user's own gateway is on the port and takes us in, or refuses: that is a matter of its own then.
pub(super) async fn returns(mechanic: &Mechanic) -> Result<(), Failure> {
    match starts(mechanic).await {
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
    Ok(attempt(mechanic, found).await?.err())
}

async fn attempt(mechanic: &Mechanic, found: &Found) -> Result<Result<Client, ConnectFailure>, Failure> {
    match come_in(&mechanic.means, found, mechanic.shared(found)).await {
        Ok(client) => Ok(Ok(client)),
        Err(refused) => refused.of_gateway().map(Err),
    }
}

/// A connection by which it is judged. One that is about to be there is not judged yet.
pub(super) async fn come_in_once_started(mechanic: &Mechanic) -> Result<Result<Client, ConnectFailure>, Failure> {
    let until = Instant::now() + STARTS;
    loop {
        let attempt = attempt(mechanic, &surroundings::find().await?).await?;
        let passing = attempt.as_ref().err().is_some_and(passes);
        if !passing || Instant::now() >= until || starting(mechanic).await?.is_none() {
            return Ok(attempt);
        }
        sleep(AGAIN).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_start_is_waited_for_and_one_that_fails_again_and_again_is_not() {
        let soon = RETURNS - Duration::from_secs(1);
        let late = RETURNS + Duration::from_secs(1);
        let mut slow = Patience::begin();
        assert!(slow.lasts_after(soon, None), "it may not have begun yet");
        assert!(slow.lasts_after(late, Some((7, 100))));
        assert!(slow.lasts_after(late * 2, Some((7, 100))));
        assert!(!slow.lasts_after(SLOWEST, Some((7, 100))), "for ever");

        let mut failing = Patience::begin();
        assert!(failing.lasts_after(late, Some((7, 100))));
        assert!(!failing.lasts_after(late, Some((8, 200))), "it was brought back");
        assert!(!Patience::begin().lasts_after(late, None), "nobody starts");
        let mut reused = Patience::begin();
        assert!(reused.lasts_after(late, Some((7, 100))));
        assert!(!reused.lasts_after(late, Some((7, 300))), "its number is another one's");
    }
}
