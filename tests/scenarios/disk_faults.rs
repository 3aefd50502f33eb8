//! A disk that is full, and one that reports errors. Real parts: the `smartpi` binary with its SQLite file on a small file system of its own, devices with the protocol's own crate, and the C
//! library below SQLite, in which one chosen write or sync fails. The agent is a fast one of this package.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use channel::store::backup;
use serde_json::{Value, json};
use support::fast_agent::Habits;
use support::history::{self, Violation};
use support::preload::Preload;
use support::small_disk::SmallDisk;
use support::wait;

use crate::crowd::{Bound, Crowd, DEVICES, Process, Program, START};

/// Between two messages of all devices together, in ms: less than what they may send each second, so that what waited can be made up for.
const PAUSE: &str = "20";
/// So soon after space is back messages are taken again.
const HEALTHY: Duration = Duration::from_secs(5);
const EIO: u32 = 5;
const ENOSPC: u32 = 28;

/// Waits until the view of the service has these troubles and no others.
fn until_troubles(crowd: &Crowd, codes: &[&str]) -> Result<()> {
    let of = |view: &Value| -> Vec<String> {
        let troubles = view["troubles"].as_array().into_iter().flatten();
        troubles.filter_map(|trouble| trouble["code"].as_str().map(str::to_owned)).collect()
    };
    crowd
        .control()?
        .until_event("view.watch", json!({}), START, &format!("with {codes:?}"), |view| of(view) == codes)?;
    Ok(())
}

/// The first backup is made a moment after the start. One that fails is another trouble, and stays one for ten minutes.
fn until_backed_up(crowd: &Crowd) -> Result<()> {
    wait::until(START, "the first backup", || Ok(!backup::list(&crowd.data())?.is_empty()))
}

/// The person at the computer writes to every device, and every device shows it and says so.
fn deliveries_go_on(crowd: &Crowd) -> Result<()> {
    let before = crowd.count("shown")?;
    let mut control = crowd.control()?;
    let devices = control.ask("devices.list", json!({}))?["devices"].as_array().context("no list")?.clone();
    for device in &devices {
        let sent = control.ask("devices.send", json!({"deviceKey": device["deviceKey"], "text": "from the desk"}))?;
        ensure!(sent["online"] == true, "a device is not there: {sent}");
    }
    ensure!(devices.len() == DEVICES, "{} devices", devices.len());
    wait::until(START, "every device shows it", || Ok(crowd.count("shown")? >= before + DEVICES))?;
    wait::until(START, "every device says so", || {
        let listed = control.ask("devices.list", json!({}))?;
        Ok(listed["devices"].as_array().into_iter().flatten().all(|device| device["waiting"] == 0))
    })
}

#[test]
fn a_full_disk_ten_times_loses_nothing_and_costs_nobody_the_session() -> Result<()> {
    let disk = SmallDisk::mount()?;
    let crowd = Bound::new()?.crowd_with(&disk.path().join("data"))?;
    let agent = crowd.agent(Habits::default());
    let _service = crowd.service(Program::Product)?;
    let mut devices = crowd.devices(Some(PAUSE))?;
    let ballast = crowd.data().join("ballast");
    let mut slowest = Duration::ZERO;
    until_backed_up(&crowd)?;
    for round in 0..10 {
        let before = crowd.acked()?;
        wait::until(START, "messages flow", || Ok(crowd.acked()? >= before + 10 && ballast.exists()))?;
        let refused = crowd.count("deferred")?;
        disk.fill()?;
        wait::until(START, "every device is told 9009", || Ok(crowd.count("deferred")? >= refused + DEVICES))
            .with_context(|| format!("round {round}\n{}", crowd.ends()))?;
        wait::until(START, "the ballast is given up", || Ok(!ballast.exists()))?;
        if round == 0 {
            until_troubles(&crowd, &["disk_full"])?;
        }
        deliveries_go_on(&crowd).with_context(|| format!("round {round}, full\n{}", crowd.ends()))?;
        let stuck = crowd.acked()?;
        disk.free()?;
        let since = Instant::now();
        wait::until(HEALTHY, "messages are taken again", || Ok(crowd.acked()? > stuck))
            .with_context(|| format!("round {round}\n{}", crowd.ends()))?;
        slowest = slowest.max(since.elapsed());
        if round == 0 {
            until_troubles(&crowd, &[])?;
        }
    }
    devices.kill()?;
    let lines = crowd.lines()?;
    let seen = crowd.drain(false)?;
    assert_eq!(history::judge(&seen, &agent.witness()), []);
    assert!(lines.lines().all(|line| !line.contains("\"deferred\"") || line.contains("\"code\":9009")), "another code");
    assert_eq!(lines.matches("\"what\":\"offline\"").count(), 0, "a session ended: {}", crowd.ends());
    assert!(slowest < HEALTHY, "{slowest:?}");
    Ok(())
}

/// The share of the disk that this user may have is used up, while the disk itself has room: to everybody the same as a full disk.
#[test]
fn a_quota_that_is_used_up_is_a_full_disk() -> Result<()> {
    let crowd = Bound::new()?.crowd()?;
    let (agent, quota) = (crowd.agent(Habits::default()), Preload::compile("quota")?);
    let mark = crowd.path("used-up");
    let mut command = crowd.command(Program::Product)?;
    command.env("LD_PRELOAD", quota.library()).env("QUOTA_FOLDER", crowd.data()).env("QUOTA_MARK", &mark);
    let mut service = Process(command.spawn()?);
    crowd.until_listening(&mut service)?;
    let mut devices = crowd.devices(Some(PAUSE))?;
    until_backed_up(&crowd)?;
    wait::until(START, "messages flow", || Ok(crowd.acked()? >= 10))?;
    std::fs::write(&mark, "")?;
    wait::until(START, "every device is told 9009", || Ok(crowd.count("deferred")? >= DEVICES))
        .with_context(|| crowd.ends())?;
    until_troubles(&crowd, &["disk_full"])?;
    deliveries_go_on(&crowd).with_context(|| format!("while it is used up\n{}", crowd.ends()))?;
    let stuck = crowd.acked()?;
    std::fs::remove_file(&mark)?;
    wait::until(START, "messages are taken again", || Ok(crowd.acked()? > stuck)).with_context(|| crowd.ends())?;
    until_troubles(&crowd, &[])?;
    devices.kill()?;
    let lines = crowd.lines()?;
    let seen = crowd.drain(false)?;
    assert_eq!(history::judge(&seen, &agent.witness()), []);
    assert!(lines.lines().all(|line| !line.contains("\"deferred\"") || line.contains("\"code\":9009")), "another code");
    assert_eq!(lines.matches("\"what\":\"offline\"").count(), 0, "a session ended: {}", crowd.ends());
    Ok(())
}

/// Which write or sync fails, and how.
#[derive(Clone, Copy)]
struct Fault {
    at: u32,
    errno: u32,
    /// What goes through the same file descriptor afterwards is lost without a word.
    vanish: bool,
}

/// What a service did with a fault.
#[derive(Debug, Default)]
struct Outcome {
    /// It refused to start.
    not_started: u32,
    /// The fault came while it ran.
    ran: u32,
}

/// A service that meets the fault while messages flow; afterwards messages are taken again.
fn meet(crowd: &Crowd, saboteur: &Preload, program: Program, fault: Fault, outcome: &mut Outcome) -> Result<()> {
    let mark = crowd.path(&format!("mark-{}", fault.at));
    let mut command = crowd.command(program)?;
    command.env("LD_PRELOAD", saboteur.library()).env("FAULT_AT", fault.at.to_string()).env("FAULT_MARK", &mark);
    command.env("FAULT_ERRNO", fault.errno.to_string()).env("FAULT_VANISH", u8::from(fault.vanish).to_string());
    let mut service = Process(command.spawn()?);
    wait::until(START, "the fault", || Ok(mark.exists() || service.has_ended()?))?;
    ensure!(mark.exists(), "the service ended before the fault");
    let before = crowd.acked()?;
    let mut ended = false;
    let healed = wait::until(Duration::from_secs(15), "messages are taken again", || {
        if !ended && service.has_ended()? {
            ended = true;
        }
        Ok(ended || crowd.acked()? > before + DEVICES)
    });
    if program == Program::Product {
        healed.with_context(|| format!("after call {}\n{}", fault.at, crowd.ends()))?;
    }
    if ended {
        // It could not open its store: that is said, and the next start finds everything.
        let said = std::fs::read_to_string(crowd.path("service.out"))?;
        ensure!(!said.contains("panicked"), "a panic: {}", crowd.ends());
        outcome.not_started += 1;
    } else {
        outcome.ran += 1;
        service.kill()?;
    }
    Ok(())
}

/// One crowd that lives through all these faults, one service after the other.
fn sabotaged(
    saboteur: &Preload,
    program: Program,
    faults: impl Iterator<Item = Fault>,
) -> Result<(Vec<Violation>, Outcome)> {
    let crowd = Bound::new()?.crowd()?;
    let agent = crowd.agent(Habits::default());
    let mut devices = crowd.devices(Some(PAUSE))?;
    let mut outcome = Outcome::default();
    for fault in faults {
        meet(&crowd, saboteur, program, fault, &mut outcome)?;
    }
    devices.kill()?;
    let _service = crowd.service(Program::Product)?;
    let seen = crowd.drain(program != Program::Product)?;
    let log = std::fs::read_to_string(crowd.data().join("logs/smartpi.log")).unwrap_or_default();
    ensure!(!log.contains("panicked"), "a panic: {}", crowd.ends());
    Ok((history::judge(&seen, &agent.witness()), outcome))
}

/// The same for the calls 1 to `last`, several crowds at a time.
fn each_call(last: u32, errno: u32) -> Result<Outcome> {
    const CROWDS: u32 = 5;
    let saboteur = Preload::compile("store_faults")?;
    let mut total = Outcome::default();
    let crowds = std::thread::scope(|scope| {
        let begun: Vec<_> = (1..=CROWDS)
            .map(|first| {
                let faults = (first..=last).step_by(CROWDS as usize).map(move |at| Fault {
                    at,
                    errno,
                    vanish: errno == EIO && at % 2 == 0,
                });
                let saboteur = &saboteur;
                scope.spawn(move || sabotaged(saboteur, Program::Product, faults))
            })
            .collect();
        begun.into_iter().map(|crowd| crowd.join().expect("a crowd does not panic")).collect::<Result<Vec<_>>>()
    })?;
    for (violations, outcome) in crowds {
        assert_eq!(violations, []);
        total.ran += outcome.ran;
        total.not_started += outcome.not_started;
    }
    Ok(total)
}

#[test]
fn an_error_of_each_of_the_first_hundred_writes_and_syncs_loses_nothing() -> Result<()> {
    let outcome = each_call(100, EIO)?;
    assert!(outcome.ran >= 80, "most of them are to come while messages flow: {outcome:?}");
    assert_eq!(outcome.ran + outcome.not_started, 100);
    Ok(())
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_write_loses_nothing() -> Result<()> {
    let outcome = each_call(20, ENOSPC)?;
    assert_eq!(outcome.ran + outcome.not_started, 20);
    Ok(())
}

/// Whether the history shows a loss under one of these faults.
fn loses(program: Program, errno: u32, vanish: bool) -> Result<bool> {
    let saboteur = Preload::compile("store_faults")?;
    let faults = [31, 34, 37, 40, 43, 46].map(|at| Fault { at, errno, vanish });
    let (violations, _) = sabotaged(&saboteur, program, faults.into_iter())?;
    Ok(violations.iter().any(|violation| matches!(violation, Violation::Lost(..))))
}

#[test]
fn a_service_that_acknowledges_before_the_commit_is_caught_by_the_same_faults() -> Result<()> {
    ensure!(loses(Program::TellsFirst, EIO, false)?, "errors: none lost");
    ensure!(loses(Program::TellsFirst, ENOSPC, false)?, "no space: none lost");
    Ok(())
}

#[test]
fn a_service_that_goes_on_with_a_connection_that_failed_is_caught() -> Result<()> {
    ensure!(loses(Program::KeepsFailed, EIO, true)?, "none lost");
    Ok(())
}
