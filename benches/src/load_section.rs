//! The service beside a relay as tutorials write it and beside a raw TCP hop.
//!
//! The server under test has one core, the driver (devices and plugin) has another.

use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::load::{self, Pattern, Reading};
use crate::options::Load;
use crate::peer::{Peer, Place, Stage, version, within};
use crate::report::{self, Idle};
use crate::{disk, process};

/// Enough devices that nobody meets the service's 20 messages a second of one device.
const BUSY: usize = 2_000;
/// A house full of devices for the latency at a calm pace.
const CALM: (usize, u32) = (100, 500);
const IDLE: (usize, usize) = (500, 2_000);

/// Measures and gives the section of the report. Afterwards this thread stays on the driver's core.
pub(crate) fn measure(options: &Load, place: &Place) -> anyhow::Result<String> {
    process::pin_driver()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, section(options, place))
}

async fn section(options: &Load, place: &Place) -> anyhow::Result<String> {
    let began = Instant::now();
    let mut disk = vec![disk::appends_a_second(&place.disk)?];
    let busy = rounds(options, place, BUSY, Pattern::Closed, &mut disk).await?;
    let calm = rounds(options, place, CALM.0, Pattern::Open { rate: CALM.1 }, &mut disk).await?;
    let mut idle = Vec::new();
    // With or without its database, the relay keeps the same for a device.
    for &peer in options.peers.iter().filter(|peer| **peer != Peer::AiohttpDurable) {
        eprintln!("idle devices: {}", peer.name());
        idle.push(idle_memory(peer, place).await?);
    }
    let lowest = disk.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = disk.iter().copied().fold(0.0, f64::max);
    Ok(format!(
        "## Load\n\n\
         {} · {} {} Made by `make bench` in {} minutes.\n\n\
         One message = 64 bytes from a device to the service, to a plugin that echoes, back to the device. Server and driver have one core each; the last column says what else ran. Medians of {} interleaved rounds\n\
         of {} s. Ours proves every device, stores message and answer with `synchronous=FULL` before it acknowledges either, keeps order and limits; the durable relay stores\n\
         the message only; the others keep nothing and prove nobody.\n\n\
         **As much as the server can do**: {BUSY} devices, each sends again when it has its answer. p50 and p99 are the queue of {BUSY} devices.\n\n{}\n\
         **A calm pace**: {} devices, {} messages a second in all.\n\n{}\n\
         **Idle devices** ({} bound).\n\n{}\n\
         **The disk**, between the rounds: {lowest:.0} to {highest:.0} appends of 200 bytes a second, each with `fdatasync`. A server that commits each message alone cannot pass this.\n",
        report::today()?,
        report::machine()?,
        programs(place)?,
        began.elapsed().as_secs() / 60 + 1,
        options.rounds,
        options.span.as_secs(),
        report::load_table(&busy),
        CALM.0,
        CALM.1,
        report::load_table(&calm),
        IDLE.1,
        report::idle_table(&idle),
    ))
}

async fn rounds(
    options: &Load,
    place: &Place,
    devices: usize,
    pattern: Pattern,
    disk: &mut Vec<f64>,
) -> anyhow::Result<Vec<(Peer, Reading)>> {
    let mut readings: Vec<(Peer, Vec<Reading>)> = options.peers.iter().map(|&peer| (peer, Vec::new())).collect();
    for round in 1..=options.rounds {
        for (peer, readings) in &mut readings {
            let mut stage = Stage::set(*peer, place, devices).await?;
            let connected = within(Duration::from_secs(60), stage.connect(0..devices)).await?;
            let reading = load::run(&mut stage, connected, pattern, options.span).await?;
            eprintln!(
                "round {round}/{}, {devices} devices, {}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {:.2} CPU s per 100k",
                options.rounds,
                peer.name(),
                reading.rate,
                reading.p50,
                reading.p99,
                reading.cpu,
            );
            readings.push(reading);
        }
        disk.push(disk::appends_a_second(&place.disk)?);
    }
    Ok(readings.into_iter().map(|(peer, readings)| (peer, report::middle(&readings))).collect())
}

async fn idle_memory(peer: Peer, place: &Place) -> anyhow::Result<Idle> {
    let stage = Stage::set(peer, place, IDLE.1).await?;
    let base = stage.server.settled_kib().await?;
    let mut devices = within(Duration::from_secs(60), stage.connect(0..IDLE.0)).await?;
    let few = stage.server.settled_kib().await?;
    devices.extend(within(Duration::from_secs(60), stage.connect(IDLE.0..IDLE.1)).await?);
    let many = stage.server.settled_kib().await?;
    Ok(Idle { peer, base, few: (IDLE.0, few), many: (devices.len(), many) })
}

/// Versions of what is measured.
fn programs(place: &Place) -> anyhow::Result<String> {
    let aiohttp = "import aiohttp, sqlite3, sys; print('Python', sys.version.split()[0] + ', aiohttp', aiohttp.__version__ + ', SQLite', sqlite3.sqlite_version)";
    Ok(format!(
        "{}, {} build. {}.",
        version(&place.binaries.join("smartpi").to_string_lossy(), &["--version"])?,
        report::build(),
        version("/usr/bin/python3", &["-c", aiohttp])?,
    ))
}
