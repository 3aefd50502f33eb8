//! One run: a crowd that talks, the faults of a schedule, then everything heals and is judged.

use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use support::fast_agent::{FastAgent, Flaw, Habits};
use support::history::{self, Violation};
use support::preload::WallClock;
use support::small_disk::SmallDisk;
use support::wait;

use super::schedule::{Fault, Schedule, Side, Then};
use crate::crowd::{Bound, Crowd, DEVICES, Process, Program, START};

/// Between two messages of a group together, in ms: a device says some ten a second, half of what it may.
const PAUSE: &str = "30";
/// The same for a service that must be caught with a commit under way.
const BUSY: &str = "3";
const GROUPS: [Range<usize>; 2] = [0..3, 3..6];

/// What came of one run, or of many.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) violations: Vec<Violation>,
    pub(super) acked: usize,
    /// Sessions of devices beyond the first of each.
    returned: usize,
    /// Messages that waited because the disk was full.
    deferred: usize,
    /// Links of the plugin beyond the first of each run.
    relinked: usize,
    /// Times that the service saw its clock set.
    clocks_set: usize,
    /// Pushes that were stored.
    pushed: usize,
}

impl Outcome {
    pub(super) fn add(&mut self, other: &Self) {
        self.acked += other.acked;
        self.returned += other.returned;
        self.deferred += other.deferred;
        self.relinked += other.relinked;
        self.clocks_set += other.clocks_set;
        self.pushed += other.pushed;
    }

    /// Asserts that the faults of twenty runs were felt.
    pub(super) fn bit(&self, side: Side) -> Result<()> {
        let felt = match side {
            Side::Devices => self.returned >= 160 && self.pushed > 0,
            Side::Service => self.relinked >= 20 && self.deferred > 0 && self.clocks_set > 0,
            Side::Plugin => self.relinked >= 20 && self.pushed > 0,
        };
        ensure!(felt, "{side:?}: nobody felt it: {self:?}");
        Ok(())
    }
}

/// What runs are made with.
pub(super) struct Rig<'a> {
    bound: &'a Bound,
    clock: &'a WallClock,
    pub(super) program: Program,
    pub(super) flaw: Option<Flaw>,
}

impl<'a> Rig<'a> {
    pub(super) fn new(bound: &'a Bound, clock: &'a WallClock) -> Self {
        Self { bound, clock, program: Program::Product, flaw: None }
    }

    pub(super) fn run(&self, schedule: &Schedule) -> Result<Outcome> {
        let disk = SmallDisk::mount()?;
        let crowd = self.bound.crowd_with(&disk.path().join("data"))?;
        let habits = Habits { moods: Some(schedule.seed), flaw: self.flaw };
        let mut run = Run {
            agent: crowd.agent(habits),
            rig: self,
            clock: self.clock.another()?,
            service: None,
            groups: [None, None],
            shift_s: 0,
            moved: false,
            disk: &disk,
            crowd: &crowd,
        };
        run.start_service()?;
        run.start_group(0)?;
        run.start_group(1)?;
        wait::until(START, "everybody talks", || Ok(crowd.acked()? >= 6)).with_context(|| crowd.ends())?;
        for step in &schedule.steps {
            let since = Instant::now();
            wait::until(START, "the next fault", || Ok(since.elapsed() >= step.after))?;
            run.strike(step.fault).with_context(|| format!("{:?}\n{}", step.fault, crowd.ends()))?;
        }
        run.judge().with_context(|| crowd.ends())
    }
}

struct Run<'a> {
    agent: FastAgent,
    rig: &'a Rig<'a>,
    clock: WallClock,
    service: Option<Process>,
    groups: [Option<Process>; 2],
    shift_s: i64,
    moved: bool,
    disk: &'a SmallDisk,
    crowd: &'a Crowd,
}

impl Run<'_> {
    fn set_clock(&mut self, ahead_s: i64) -> Result<()> {
        self.shift_s = ahead_s;
        self.clock.set_ahead(ahead_s)
    }

    fn start_service(&mut self) -> Result<()> {
        let mut command = self.crowd.command(self.rig.program)?;
        command.envs(self.clock.variables());
        let service = self.service.insert(Process(command.spawn()?));
        self.crowd.until_listening(service)
    }

    fn start_group(&mut self, group: usize) -> Result<()> {
        let pause = if self.rig.program == Program::Product { PAUSE } else { BUSY };
        self.groups[group] = Some(self.crowd.some_devices(GROUPS[group].clone(), Some(pause))?);
        Ok(())
    }

    fn signal(process: &Process, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(process.0.id())?).context("no process")?;
        Ok(kill_process(pid, signal)?)
    }

    fn strike(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::KillDevices { group, down_ms } => {
                self.groups[group] = None;
                pass(down_ms)?;
                self.start_group(group)
            }
            Fault::Reconnect { group } => {
                let devices = self.groups[group].as_mut().and_then(|group| group.0.stdin.as_mut());
                Ok(devices.context("no devices")?.write_all(b"\n")?)
            }
            Fault::Stall { group, ms } => {
                let devices = self.groups[group].as_ref().context("no devices")?;
                Self::signal(devices, Signal::STOP)?;
                pass(ms)?;
                Self::signal(devices, Signal::CONT)
            }
            Fault::Unplug { ms } => self.network(ms, Then::Stay, |crowd| crowd.lab.cut()),
            Fault::BlackHole { ms, then } => self.network(ms, then, |crowd| crowd.lab.black_hole()),
            Fault::LostAnswers { ms, then } => self.network(ms, then, |crowd| crowd.lab.lose_answers()),
            Fault::Move => {
                self.moved = !self.moved;
                self.crowd.lab.move_phone(self.moved);
                // A device would find out within 45 s; somebody switches it off and on before that.
                self.restart_groups()
            }
            Fault::KillService { down_ms } => {
                self.service = None;
                pass(down_ms)?;
                self.start_service()
            }
            Fault::StopService { down_ms } => {
                let mut service = self.service.take().context("no service")?;
                Self::signal(&service, Signal::TERM)?;
                wait::until(START, "the service ends", || service.has_ended())?;
                pass(down_ms)?;
                self.start_service()
            }
            Fault::FullDisk { ms } => {
                self.disk.fill()?;
                pass(ms)?;
                self.disk.free()
            }
            Fault::ClockJump { by_s } => self.set_clock(self.shift_s.saturating_add(by_s)),
            Fault::ClockRight => self.set_clock(0),
            Fault::Plugin(blow) => {
                self.agent.strike(blow);
                Ok(())
            }
        }
    }

    fn network(&mut self, ms: u64, then: Then, fail: impl Fn(&Crowd)) -> Result<()> {
        fail(self.crowd);
        pass(ms)?;
        if then == Then::Killed {
            // Nobody tells the service: what their kernel has to say is lost as well.
            self.groups = [None, None];
        }
        self.crowd.lab.heal();
        if then == Then::Killed { self.restart_groups() } else { Ok(()) }
    }

    fn restart_groups(&mut self) -> Result<()> {
        self.groups = [None, None];
        self.start_group(0)?;
        self.start_group(1)
    }

    /// Everything is whole again, nobody says anything new, and what was said is brought to its end.
    fn judge(mut self) -> Result<Outcome> {
        self.groups = [None, None];
        let sound = self.rig.program == Program::Product && self.rig.flaw.is_none();
        let devices = self.crowd.devices(None)?;
        self.crowd.drain_with(&devices, !sound)?;
        if sound {
            self.crowd.until_rest(&self.agent)?;
        }
        drop(devices);
        let (seen, _) = self.crowd.seen()?;
        let witness = self.agent.witness();
        let log = fs::read_to_string(self.crowd.data().join("logs/smartpi.log")).unwrap_or_default();
        ensure!(!log.contains("panicked"), "a panic");
        let violations = history::judge(&seen, &witness);
        ensure!(!sound || violations.is_empty(), "{violations:#?}\n{}", self.crowd.about(&self.agent));
        Ok(Outcome {
            violations,
            acked: seen.values().map(|seen| seen.acked.len()).sum(),
            returned: self.crowd.count("online")?.saturating_sub(DEVICES),
            deferred: self.crowd.count("deferred")?,
            relinked: self.agent.links().saturating_sub(1),
            clocks_set: log.matches("the clock was set").count() + log.matches("the clock is not where").count(),
            pushed: witness.pushed.len(),
        })
    }
}

/// Lets a fault last.
fn pass(ms: u64) -> Result<()> {
    let (since, lasts) = (Instant::now(), Duration::from_millis(ms));
    wait::until(START, "the fault has lasted", || Ok(since.elapsed() >= lasts))
}
