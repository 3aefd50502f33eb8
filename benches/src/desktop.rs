//! What the tray application costs a desktop, beside real tray applications and beside bare ones.
//!
//! Each start has a desktop of its own, made by `rig`; `footprint` reads what the kernel counts; `sheet` compares it with the aims.

mod app;
mod candidate;
mod footprint;
mod rig;
mod sheet;
mod tray_watcher;

use std::time::{Duration, Instant};

use anyhow::Context;

use self::app::{App, Rest};
use self::candidate::Candidate;
use self::rig::{Desktop, Home, Trouble};
use self::sheet::{Row, Sheet, Starts};
use crate::peer::{Place, version};
use crate::process::busy_seconds;
use crate::report;

/// What the command line says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) with_peers: bool,
    /// From the start, or the end of the window, until memory is read.
    pub(crate) settle: Duration,
    /// How long wakeups are counted.
    pub(crate) quiet: Duration,
}

/// With its window open.
const WINDOW: Duration = Duration::from_secs(10);

struct Bench<'a> {
    options: Options,
    homes: &'a [Home],
    sheet: Sheet,
    /// Cores that everything else used while applications rested.
    others: Vec<f64>,
    /// The most processes that had GTK loaded beside the application.
    sharers: usize,
}

/// Measures and gives the section of the report.
pub(crate) fn measure(options: Options, place: &Place) -> anyhow::Result<String> {
    let began = Instant::now();
    let candidates = candidate::prepare(place, options.with_peers)?;
    let homes: Vec<Home> =
        candidates.iter().map(|&candidate| Home::new(candidate, place)).collect::<anyhow::Result<_>>()?;
    let rows = candidates.iter().map(|&candidate| {
        let size = std::fs::metadata(candidate.program(place))?.len();
        anyhow::Ok(Row::new(candidate, size))
    });
    let sheet = Sheet {
        rows: rows.collect::<anyhow::Result<_>>()?,
        starts: Trouble::ALL.map(|trouble| (trouble, Starts::default())).into(),
        ..Sheet::default()
    };
    let mut bench = Bench { options, homes: &homes, sheet, others: Vec::new(), sharers: 0 };
    bench.warm_up()?;
    for round in 1..=options.rounds {
        for (index, home) in homes.iter().enumerate() {
            let name = home.candidate().name();
            eprintln!("desktop, round {round}/{}: {name}", options.rounds);
            bench.alone(index, home).with_context(|| name)?;
        }
        bench.wakeups()?;
    }
    bench.section(place, began)
}

impl Bench<'_> {
    /// The first start makes stores, keys and caches, and brings the files into memory.
    fn warm_up(&self) -> anyhow::Result<()> {
        for home in self.homes {
            let desktop = Desktop::start(home, Trouble::None)?;
            let app = App::start(&desktop)?;
            std::thread::sleep(Duration::from_secs(2));
            app.end()?;
        }
        Ok(())
    }

    /// One application while nothing else runs that shares its libraries.
    fn alone(&mut self, index: usize, home: &Home) -> anyhow::Result<()> {
        let ours = home.candidate() == Candidate::Smartpi;
        {
            let desktop = Desktop::start(home, Trouble::None)?;
            let app = App::start(&desktop)?;
            let (busy, since) = (busy_seconds()?, Instant::now());
            std::thread::sleep(self.options.settle);
            let rest = app.rest()?;
            self.others.push((busy_seconds()? - busy) / since.elapsed().as_secs_f64());
            self.sharers = self.sharers.max(rest.sharers);
            self.note(index, &app, rest);
            if ours {
                let opened = app.open_and_close_window(WINDOW)?;
                std::thread::sleep(self.options.settle);
                let window = &mut self.sheet.window;
                window.before.push(mib(rest.memory.private));
                window.open.push(mib(opened.memory.private));
                window.left.push(opened.left as f64);
                window.after.push(mib(app.rest()?.memory.private));
            }
            app.end()?;
        }
        if ours {
            for trouble in Trouble::ALL.into_iter().filter(|trouble| *trouble != Trouble::None) {
                let desktop = Desktop::start(home, trouble)?;
                let app = App::start(&desktop).with_context(|| trouble.name())?;
                self.note_start(trouble, &app);
                app.end()?;
            }
        }
        Ok(())
    }

    fn note(&mut self, index: usize, app: &App<'_>, rest: Rest) {
        self.note_start(Trouble::None, app);
        let row = &mut self.sheet.rows[index];
        row.item.push(app.start.item);
        row.cpu.push(rest.cpu);
        row.private.push(mib(rest.memory.private));
        row.dirty.push(mib(rest.memory.dirty));
        row.resident.push(mib(rest.memory.resident));
        row.processes.push(rest.processes as f64);
    }

    fn note_start(&mut self, on: Trouble, app: &App<'_>) {
        let Some(accepted) = app.start.accepted else { return };
        for (_, starts) in self.sheet.starts.iter_mut().filter(|(trouble, _)| *trouble == on) {
            starts.accepted.push(accepted);
            starts.item.push(app.start.item);
        }
    }

    /// All at once, each on its own desktop: who sleeps does not disturb the others.
    fn wakeups(&mut self) -> anyhow::Result<()> {
        eprintln!("desktop: wakeups of all for {} s", self.options.quiet.as_secs());
        let started = self.homes.iter().map(|home| Desktop::start(home, Trouble::None));
        let desktops: Vec<Desktop<'_>> = started.collect::<anyhow::Result<_>>()?;
        let apps: Vec<App<'_>> = desktops.iter().map(App::start).collect::<anyhow::Result<_>>()?;
        std::thread::sleep(self.options.settle);
        let read = || apps.iter().map(App::switches).collect::<anyhow::Result<Vec<_>>>();
        let (before, since) = (read()?, Instant::now());
        std::thread::sleep(self.options.quiet);
        let seconds = since.elapsed().as_secs_f64();
        for ((row, before), after) in self.sheet.rows.iter_mut().zip(before).zip(read()?) {
            let (wakeups, moved) = footprint::wakeups(&before, &after, seconds);
            row.wakeups.push(wakeups);
            row.moved += moved;
        }
        apps.into_iter().try_for_each(App::end)
    }

    fn section(&self, place: &Place, began: Instant) -> anyhow::Result<String> {
        let sheet = &self.sheet;
        Ok(format!(
            "## Desktop\n\n\
             {} · {} {} Made by `make bench` in {} minutes.\n\n\
             Each start has an X server, a session bus, an unlocked gnome-keyring and a tray of its own, and a home in which the application ran before. Medians of {} interleaved rounds. The service runs,\n\
             no device and no gateway is connected, the window was never open. Private memory is `Private_Clean` + `Private_Dirty` of all processes {} s after the start, CPU is user + system up to then. Wakeups are the\n\
             voluntary context switches of all threads in {} s of rest. In the median {:.2} cores were busy while memory settled. Clean pages of a library\n\
             are private only while nobody else has it loaded: at most {} other processes of the machine had GTK.\n\n{}\n\
             Wakeups a second of smartpi-tray by thread: {}.\n\n\
             From execution to the first 200 on `/healthz`:\n\n{}\n\
             The window is opened by a second start, shown for {} s and ended by its process; memory after it is read {} s later.\n\n{}\n\
             **Aims**\n\n{}",
            report::today()?,
            report::machine()?,
            self.programs(place)?,
            began.elapsed().as_secs() / 60 + 1,
            self.options.rounds,
            self.options.settle.as_secs(),
            self.options.quiet.as_secs(),
            report::median(self.others.clone()),
            self.sharers,
            sheet.applications(),
            sheet.threads(),
            sheet.desktops(),
            WINDOW.as_secs(),
            self.options.settle.as_secs(),
            sheet.window(),
            sheet.aims(),
        ))
    }

    /// Versions of what was measured.
    fn programs(&self, place: &Place) -> anyhow::Result<String> {
        let ours = version(&Candidate::Smartpi.program(place).to_string_lossy(), &["--version"])?;
        let mut told = vec![format!("{ours}, {} build", report::build())];
        let packages = self.homes.iter().filter_map(|home| home.candidate().package());
        for package in packages.chain(["libgtk-3-0", "libwebkit2gtk-4.1-0"]) {
            // Another distribution has other names: then its line stays out.
            let version = version("dpkg-query", &["--show", "--showformat=${Version}", package]).unwrap_or_default();
            if !version.is_empty() {
                told.push(format!("{package} {version}"));
            }
        }
        if !self.options.with_peers {
            told.push("measured without real peers".into());
        }
        Ok(told.join(", ") + ".")
    }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
