//! Random faults of devices, of the service and of the plugin, judged by what both ends saw. Real parts: the `smartpi` binary with its SQLite file, device processes with
//! the protocol's own crate and their own files, and a cable between two network namespaces. The agent is the one of this package, at its moodiest.
//!
//! Each run is a crowd of its own, and follows from a number. A failing run says its number; `SMARTPI_FAULT_SEED=N` runs that one alone. `SMARTPI_FAULT_RUNS` (20) is how many there
//! are of each kind, `SMARTPI_FAULT_FIRST` (1) the first number.

mod rig;
mod schedule;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use support::fast_agent::Flaw;
use support::history::Violation;
use support::preload::WallClock;

use self::rig::{Outcome, Rig};
use self::schedule::{Schedule, Side};
use crate::crowd::{Bound, Program};

/// Runs at a time: most of a run is waiting.
const LANES: usize = 3;
/// Runs in which a planted fault must be seen.
const CHANCES: u64 = 20;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The numbers of the runs to be made.
fn seeds() -> std::ops::Range<u64> {
    match number("SMARTPI_FAULT_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("SMARTPI_FAULT_FIRST").unwrap_or(1);
            first..first + number("SMARTPI_FAULT_RUNS").unwrap_or(20)
        }
    }
}

/// All runs of one side, some at a time; what they saw together.
fn runs(side: Side) -> Result<Outcome> {
    let (bound, clock) = (Bound::new()?, WallClock::new()?);
    let seeds = seeds();
    let (next, total) = (AtomicU64::new(seeds.start), Mutex::new(Outcome::default()));
    let lane = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return Ok(());
            }
            let schedule = Schedule::of(side, seed);
            let outcome = Rig::new(&bound, &clock).run(&schedule).with_context(|| schedule.to_string())?;
            total.lock().expect("no lane panics with it").add(&outcome);
        }
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let mut ends =
            lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        ends.try_for_each(|end| end)
    })?;
    let total = total.into_inner().expect("no lane panicked");
    let count = usize::try_from(seeds.end - seeds.start)?;
    // A run in which nobody says anything breaks no promise.
    ensure!(total.acked > 20 * count, "{total:?} in {count} runs: no load");
    if count >= 20 {
        total.bit(side)?;
    }
    Ok(total)
}

#[test]
fn whatever_befalls_the_devices_every_promise_is_kept() -> Result<()> {
    runs(Side::Devices).map(drop)
}

#[test]
fn whatever_befalls_the_service_every_promise_is_kept() -> Result<()> {
    runs(Side::Service).map(drop)
}

#[test]
fn whatever_befalls_the_plugin_every_promise_is_kept() -> Result<()> {
    runs(Side::Plugin).map(drop)
}

/// The same runs with a broken part, until the judge sees it.
fn caught(side: Side, break_it: impl Fn(&mut Rig<'_>), is_it: impl Fn(&Violation) -> bool) -> Result<()> {
    let (bound, clock) = (Bound::new()?, WallClock::new()?);
    let mut seen = Vec::new();
    for seed in 1..=CHANCES {
        let schedule = Schedule::of(side, seed);
        let mut rig = Rig::new(&bound, &clock);
        break_it(&mut rig);
        let outcome = rig.run(&schedule).with_context(|| schedule.to_string())?;
        if outcome.violations.iter().any(&is_it) {
            return Ok(());
        }
        seen.push(outcome);
    }
    anyhow::bail!("not seen in {CHANCES} runs: {seen:?}")
}

#[test]
fn a_service_that_acknowledges_before_the_commit_is_caught() -> Result<()> {
    caught(Side::Service, |rig| rig.program = Program::TellsFirst, |seen| matches!(seen, Violation::Lost(..)))
}

#[test]
fn an_agent_that_swallows_answers_is_caught() -> Result<()> {
    caught(Side::Plugin, |rig| rig.flaw = Some(Flaw::Swallows), |seen| matches!(seen, Violation::Lost(..)))
}

#[test]
fn an_agent_that_answers_twice_is_caught() -> Result<()> {
    caught(Side::Devices, |rig| rig.flaw = Some(Flaw::Repeats), |seen| matches!(seen, Violation::Doubled(..)))
}

#[test]
fn an_agent_that_runs_twice_is_caught() -> Result<()> {
    caught(Side::Plugin, |rig| rig.flaw = Some(Flaw::Forgets), |seen| matches!(seen, Violation::RunTwice(_)))
}

#[test]
fn an_agent_that_answers_out_of_order_is_caught() -> Result<()> {
    caught(Side::Devices, |rig| rig.flaw = Some(Flaw::Swaps), |seen| matches!(seen, Violation::Disordered(..)))
}
