//! Two kinds of load, and what is read off.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::peer::{Device, Stage};
use crate::process::{busy_seconds, own_cpu_seconds};

/// 64 bytes, as in the study this bench continues.
pub(crate) const WORDS: &str = "turn the light in the kitchen on, and tell me when dinner is don";
const WARM_UP: Duration = Duration::from_secs(5);

/// What one run showed.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// Messages (there and back) a second.
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// CPU seconds of the server for 100,000 messages.
    pub(crate) cpu: f64,
    /// Share of its core that the driver used.
    pub(crate) driver: f64,
    /// Cores that everything else on the machine used.
    pub(crate) others: f64,
    /// Resident memory at the end, MiB.
    pub(crate) resident: f64,
}

/// How the devices send.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pattern {
    /// Each device sends its next message when it has the reply: as much as the server can do.
    Closed,
    /// All devices together send so many a second, evenly, whatever comes back: what a person feels.
    Open {
        /// Messages a second of all devices together.
        rate: u32,
    },
}

struct Tally {
    counting: Cell<bool>,
    micros: RefCell<Histogram<u64>>,
}

/// Loads `stage` with `devices` and reads for `span`.
pub(crate) async fn run(
    stage: &mut Stage,
    devices: Vec<Device>,
    pattern: Pattern,
    span: Duration,
) -> anyhow::Result<Reading> {
    let tally = Rc::new(Tally { counting: Cell::new(false), micros: RefCell::new(Histogram::new(3)?) });
    let count = devices.len();
    let mut running = JoinSet::new();
    for (number, device) in devices.into_iter().enumerate() {
        let tally = tally.clone();
        match pattern {
            Pattern::Closed => running.spawn_local(closed(device, tally)),
            Pattern::Open { rate } => {
                let period = Duration::from_secs_f64(count as f64 / f64::from(rate));
                let first = period.mul_f64(number as f64 / count as f64);
                running.spawn_local(open(device, first, period, tally))
            }
        };
    }

    watch(stage, &mut running, WARM_UP).await?;
    let (server, driver, busy) = (stage.server.cpu_seconds()?, own_cpu_seconds()?, busy_seconds()?);
    let began = Instant::now();
    tally.counting.set(true);
    watch(stage, &mut running, span).await?;
    tally.counting.set(false);
    let seconds = began.elapsed().as_secs_f64();
    let server = stage.server.cpu_seconds()? - server;
    let driver = own_cpu_seconds()? - driver;
    let others = (busy_seconds()? - busy - server - driver).max(0.0);
    let resident = stage.server.resident_kib()? as f64 / 1024.0;

    let micros = tally.micros.borrow();
    if micros.is_empty() {
        // A server that commits one by one on a busy disk may need longer than a round for the first answer: that is its result.
        let none = f64::INFINITY;
        return Ok(Reading {
            rate: 0.0,
            p50: none,
            p99: none,
            cpu: none,
            driver: driver / seconds,
            others: others / seconds,
            resident,
        });
    }
    let messages = micros.len() as f64;
    Ok(Reading {
        rate: messages / seconds,
        p50: micros.value_at_quantile(0.5) as f64 / 1000.0,
        p99: micros.value_at_quantile(0.99) as f64 / 1000.0,
        cpu: server * 100_000.0 / messages,
        driver: driver / seconds,
        others: others / seconds,
        resident,
    })
}

/// Lets the load run; the first device or plugin that fails ends the run.
async fn watch(stage: &mut Stage, running: &mut JoinSet<anyhow::Result<()>>, span: Duration) -> anyhow::Result<()> {
    tokio::select! {
        () = tokio::time::sleep(span) => {}
        Some(ended) = running.join_next() => {
            stage.check_plugin().await?;
            ended??;
        }
    }
    stage.check_plugin().await
}

async fn closed(mut device: Device, tally: Rc<Tally>) -> anyhow::Result<()> {
    loop {
        let sent = Instant::now();
        device.ask(WORDS).await?;
        tally.note(sent)?;
    }
}

/// A message whose turn came while the one before was still out counts from its turn: a slow server cannot hide behind a waiting client.
async fn open(mut device: Device, first: Duration, period: Duration, tally: Rc<Tally>) -> anyhow::Result<()> {
    let mut turn = Instant::now() + first;
    loop {
        let late = Instant::now() > turn;
        tokio::time::sleep_until(turn.into()).await;
        let sent = if late { turn } else { Instant::now() };
        device.ask(WORDS).await?;
        tally.note(sent)?;
        turn += period;
    }
}

impl Tally {
    fn note(&self, sent: Instant) -> anyhow::Result<()> {
        if self.counting.get() {
            self.micros.borrow_mut().record(u64::try_from(sent.elapsed().as_micros())?.max(1))?;
        }
        Ok(())
    }
}
