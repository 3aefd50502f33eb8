//! Very many devices: held for a while with traffic, and back after a service that was killed.
//!
//! The devices of the first part are the load driver's; those of the second are the `device` crate's, which wait before they try again as any device does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use device::{Event, Keep, Session, Timing};
use tempfile::TempDir;
use tokio::task::LocalSet;

use crate::load::{self, Pattern, Reading};
use crate::options::Fleet;
use crate::peer::{self, Peer, Place, Stage, within};
use crate::process::{self, free_port};
use crate::{report, smartpi};

/// Nobody is given longer to connect, or to come back.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks who is there.
const LOOK: Duration = Duration::from_millis(20);

/// How long it took until so many were back.
struct Storm {
    half: Duration,
    most: Duration,
    all: Duration,
    /// MiB.
    resident: f64,
}

/// Measures and gives the section of the report. Afterwards this thread stays on the driver's core.
pub(crate) fn measure(options: &Fleet, place: &Place) -> anyhow::Result<String> {
    let files = u64::try_from(options.devices.max(options.storm))? + 1_000;
    process::pin_driver()?;
    process::allow_files(files)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, section(options, place))
}

async fn section(options: &Fleet, place: &Place) -> anyhow::Result<String> {
    let (connecting, held) = hold(options, place).await?;
    let storm = storm(options.storm, place).await?;
    Ok(format!(
        "## A fleet\n\n\
         {} · {} smartpi, {} build. Server and driver have one core each.\n\n\
         **Held**: {} devices connected in {:.1} s and stayed for {} s, with {} messages a second in all, each stored before its `ack` and answered. None was lost and nobody was disconnected: either ends the run.\n\n\
         | messages/s | p50 ms | p99 ms | server CPU, of one core | RSS MiB | KiB of it a device | cores of others |\n\
         | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n\
         | {:.0} | {:.2} | {:.2} | {:.0} % | {:.1} | {:.1} | {:.2} |\n\n\
         **Back after `kill -9`**: {} devices, which wait as docs/PROTOCOL.md 1.5 says; the goal is 15 s.\n\n\
         | half of them back after s | 99 of 100 | all | RSS MiB |\n\
         | ---: | ---: | ---: | ---: |\n\
         | {:.2} | {:.2} | {:.2} | {:.1} |\n",
        report::today()?,
        report::machine()?,
        report::build(),
        options.devices,
        connecting.as_secs_f64(),
        options.span.as_secs(),
        options.rate,
        held.rate,
        held.p50,
        held.p99,
        held.cpu * held.rate / 1_000.0,
        held.resident,
        held.resident * 1_024.0 / options.devices as f64,
        held.others,
        options.storm,
        storm.half.as_secs_f64(),
        storm.most.as_secs_f64(),
        storm.all.as_secs_f64(),
        storm.resident,
    ))
}

async fn hold(options: &Fleet, place: &Place) -> anyhow::Result<(Duration, Reading)> {
    let mut stage = Stage::set(Peer::Smartpi, place, options.devices).await?;
    let began = Instant::now();
    let devices = within(PATIENCE, stage.connect(0..options.devices)).await?;
    let connecting = began.elapsed();
    eprintln!("{} devices are connected after {connecting:.1?}", options.devices);
    let reading = load::run(&mut stage, devices, Pattern::Open { rate: options.rate }, options.span).await?;
    eprintln!("held for {:?}: p99 {:.2} ms, {:.1} MiB", options.span, reading.p99, reading.resident);
    Ok((connecting, reading))
}

async fn storm(count: usize, place: &Place) -> anyhow::Result<Storm> {
    let folder = TempDir::new_in(&place.disk)?;
    let mut server = peer::start_smartpi(place, folder.path(), free_port()?, count)?;
    let start = Instant::now();
    // For each device the moment at which it came, in ms; 0 while it is away.
    let came: Arc<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(0)).collect();
    let mut sessions = Vec::with_capacity(count);
    for number in 0..count {
        let keep = Keep::in_memory(smartpi::identity(number, server.address, &folder.path().join("data"))?);
        let came = Arc::clone(&came);
        sessions.push(Session::start(keep, Timing::default(), move |event| {
            if matches!(event, Event::Online { .. }) {
                came[number].store(now_ms(start), Ordering::Relaxed);
            } else if matches!(event, Event::Offline { .. } | Event::Ended(_)) {
                came[number].store(0, Ordering::Relaxed);
            }
        }));
    }
    back(&came, 0, start).await.context("at first")?;
    eprintln!("{count} devices came within {:.1?}", start.elapsed());
    let killed = Instant::now();
    server.kill_and_start_again()?;
    let [half, most, all] = back(&came, now_ms(start), killed).await?;
    eprintln!("{count} devices were back after {all:.1?}");
    let resident = server.resident_kib()? as f64 / 1_024.0;
    drop(sessions);
    Ok(Storm { half, most, all, resident })
}

fn now_ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// The times since `began` until half, 99 of 100 and all have come after the moment `after`.
async fn back(came: &[AtomicU64], after: u64, began: Instant) -> anyhow::Result<[Duration; 3]> {
    let marks = [came.len().div_ceil(2), came.len() * 99 / 100, came.len()];
    let mut times = [None; 3];
    loop {
        let here = came.iter().filter(|moment| moment.load(Ordering::Relaxed) > after).count();
        for (time, mark) in times.iter_mut().zip(marks) {
            if here >= mark {
                time.get_or_insert(began.elapsed());
            }
        }
        if let [Some(half), Some(most), Some(all)] = times {
            return Ok([half, most, all]);
        }
        if began.elapsed() > PATIENCE {
            bail!("only {here} of {} devices are connected after {PATIENCE:?}", came.len());
        }
        tokio::time::sleep(LOOK).await;
    }
}
