//! `make bench`: the service beside a relay as tutorials write it and beside a raw TCP hop, all in one run on one machine.
//!
//! The server under test has one core, the driver (devices and plugin) has another. Rounds are interleaved, so that a slow minute of the
//! machine hits everybody; tables show medians. Nothing here asserts a time.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod disk;
mod load;
mod peer;
mod process;
mod relay;
mod report;
mod smartpi;
mod socket;
mod tcp;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use load::{Pattern, Reading};
use peer::{Peer, Place, Stage, within};
use report::Idle;
use tokio::task::LocalSet;

/// Enough devices that nobody meets the service's 20 messages a second of one device.
const BUSY: usize = 2_000;
/// A house full of devices for the latency at a calm pace.
const CALM: (usize, u32) = (100, 500);
const IDLE: (usize, usize) = (500, 2_000);

struct Options {
    write: Option<PathBuf>,
    rounds: usize,
    span: Duration,
    peers: Vec<Peer>,
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options { write: None, rounds: 5, span: Duration::from_secs(10), peers: Peer::ALL.into() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--write" => options.write = Some(value.into()),
            "--rounds" => options.rounds = value.parse()?,
            "--seconds" => options.span = Duration::from_secs(value.parse()?),
            "--peers" => {
                options.peers = value.split(',').map(Peer::parse).collect::<Option<_>>().context("an unknown peer")?;
            }
            _ => bail!("usage: benches [--write FILE] [--rounds N] [--seconds N] [--peers {}]", Peer::KEYS.join(",")),
        }
    }
    Ok(options)
}

fn main() -> anyhow::Result<()> {
    let options = options()?;
    let binaries = std::env::current_exe()?.parent().context("the program lies in a folder")?.to_path_buf();
    let disk = binaries.join("bench-data");
    std::fs::create_dir_all(&disk)?;
    let place = Place { binaries, scripts: Path::new(env!("CARGO_MANIFEST_DIR")).join("peers"), disk };
    process::pin_driver()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let section = LocalSet::new().block_on(&runtime, measure(&options, &place))?;
    println!("\n{section}");
    if let Some(path) = &options.write {
        report::write(path, &section)?;
        println!("written to {}", path.display());
    }
    Ok(())
}

async fn measure(options: &Options, place: &Place) -> anyhow::Result<String> {
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
         {} · {} Made by `make bench` in {} minutes.\n\n\
         One message = 64 bytes from a device to the service, to a plugin that echoes, back to the device. Server and driver have one core each; the last column says what else ran. Medians of {} interleaved rounds\n\
         of {} s. Ours proves every device, stores message and answer with `synchronous=FULL` before it acknowledges either, keeps order and limits; the durable relay stores\n\
         the message only; the others keep nothing and prove nobody.\n\n\
         **As much as the server can do**: {BUSY} devices, each sends again when it has its answer. p50 and p99 are the queue of {BUSY} devices.\n\n{}\n\
         **A calm pace**: {} devices, {} messages a second in all.\n\n{}\n\
         **Idle devices** ({} bound).\n\n{}\n\
         **The disk**, between the rounds: {lowest:.0} to {highest:.0} appends of 200 bytes a second, each with `fdatasync`. A server that commits each message alone cannot pass this.\n",
        report::today()?,
        report::machine(&place.binaries.join("smartpi"))?,
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
    options: &Options,
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
