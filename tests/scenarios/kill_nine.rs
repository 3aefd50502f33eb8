//! `kill -9` of the service and of the devices, in whatever they are doing. Real parts: the `smartpi` binary with its SQLite file, and device processes with their own files. The agent is a fast one of this package.

use std::time::{Duration, Instant};

use anyhow::Result;
use support::fast_agent::Habits;
use support::history::{self, Violation};
use support::wait;

use crate::crowd::{Bound, Program, START};

/// Between two messages of all devices together, in ms.
const PAUSE: &str = "2";

/// Rounds of load and kills; then everything heals, and the history is judged.
fn run(program: Program, rounds: u32) -> Result<(Vec<Violation>, usize)> {
    let crowd = Bound::new()?.crowd()?;
    let agent = crowd.agent(Habits::default());
    let mut service = crowd.service(program)?;
    let mut devices = crowd.devices(Some(PAUSE))?;
    for round in 0..rounds {
        // Different moments in each round, the same ones in each run.
        let load = Duration::from_millis(60 + u64::from(round) * 37 % 240);
        let before = crowd.acked()?;
        let since = Instant::now();
        wait::until(START, "messages flow", || Ok(since.elapsed() >= load && crowd.acked()? > before))?;
        if round % 3 != 2 {
            service.kill()?;
            service = crowd.service(program)?;
        }
        if round % 3 != 0 {
            devices.kill()?;
            devices = crowd.devices(Some(PAUSE))?;
        }
    }
    devices.kill()?;
    let seen = crowd.drain(program != Program::Product)?;
    let violations = history::judge(&seen, &agent.witness());
    if program == Program::Product && !violations.is_empty() {
        anyhow::bail!("{violations:?}\n{}", crowd.about(&agent));
    }
    Ok((violations, seen.values().map(|seen| seen.acked.len()).sum()))
}

fn rounds() -> u32 {
    std::env::var("SMARTPI_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

#[test]
fn fifty_kills_lose_nothing_double_nothing_and_keep_the_order() -> Result<()> {
    let rounds = rounds();
    let (violations, acked) = run(Program::Product, rounds)?;
    assert_eq!(violations, []);
    assert!(
        acked > 5 * usize::try_from(rounds)?,
        "only {acked} messages were acknowledged in {rounds} rounds: no load"
    );
    Ok(())
}

#[test]
fn a_service_that_acknowledges_before_the_commit_is_caught() -> Result<()> {
    let (violations, acked) = run(Program::TellsFirst, 30)?;
    assert!(
        violations.iter().any(|violation| matches!(violation, Violation::Lost(..))),
        "{acked} acknowledged, none lost: {violations:?}"
    );
    Ok(())
}
