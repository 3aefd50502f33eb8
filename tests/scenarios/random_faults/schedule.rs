//! What befalls whom, and when: all of it follows from one number.

use std::fmt;
use std::time::Duration;

use support::fast_agent::Blow;

/// Between two faults there is at least so much, and at most twice it.
const BETWEEN_MS: u64 = 120;
/// How many faults a run has: this many, or up to two more.
const FAULTS: u64 = 3;
const YEAR_S: i64 = 365 * 24 * 3_600;

/// Who has the faults of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Devices,
    Service,
    Plugin,
}

/// One fault. Devices come in two groups: while one has a fault, the other talks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `kill -9` of a group; it is back after so long.
    KillDevices { group: usize, down_ms: u64 },
    /// A group says goodbye and comes back.
    Reconnect { group: usize },
    /// A group reads and writes nothing for so long, and its sockets stay open.
    Stall { group: usize, ms: u64 },
    /// The cable is pulled.
    Unplug { ms: u64 },
    /// The cable swallows everything.
    BlackHole { ms: u64, then: Then },
    /// The cable swallows what comes from the service: messages arrive, and no device hears of it.
    LostAnswers { ms: u64, then: Then },
    /// The devices get another address: what they had open leads nowhere, and the service does not hear of it.
    Move,
    /// `kill -9` of the service.
    KillService { down_ms: u64 },
    /// SIGTERM, and a new start.
    StopService { down_ms: u64 },
    /// The disk of the service is full for so long.
    FullDisk { ms: u64 },
    /// The wall clock of the service jumps.
    ClockJump { by_s: i64 },
    /// Somebody puts it right.
    ClockRight,
    /// See [`Blow`].
    Plugin(Blow),
}

/// How devices go on once the network is whole again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// On the same sockets.
    Stay,
    /// They were killed meanwhile, and nobody heard the end of their sockets.
    Killed,
}

/// A fault, and how long after the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) after: Duration,
    pub(super) fault: Fault,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) seed: u64,
    pub(super) side: Side,
    pub(super) steps: Vec<Step>,
}

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    fn group(&mut self) -> usize {
        usize::from(self.below(2) == 1)
    }

    fn then(&mut self) -> Then {
        if self.below(2) == 0 { Then::Stay } else { Then::Killed }
    }

    fn fault(&mut self, side: Side) -> Fault {
        match (side, self.below(7)) {
            (Side::Devices, 0) => Fault::KillDevices { group: self.group(), down_ms: self.below(200) },
            (Side::Devices, 1) => Fault::Reconnect { group: self.group() },
            (Side::Devices, 2) => Fault::Stall { group: self.group(), ms: 50 + self.below(600) },
            (Side::Devices, 3) => Fault::Unplug { ms: self.below(400) },
            (Side::Devices, 4) => Fault::BlackHole { ms: 50 + self.below(400), then: self.then() },
            (Side::Devices, 5) => Fault::LostAnswers { ms: 50 + self.below(400), then: self.then() },
            (Side::Devices, _) => Fault::Move,
            (Side::Service, 0..3) => Fault::KillService { down_ms: self.below(150) },
            (Side::Service, 3) => Fault::StopService { down_ms: self.below(150) },
            (Side::Service, 4) => Fault::FullDisk { ms: 100 + self.below(500) },
            (Side::Service, 5) => Fault::ClockRight,
            (Side::Service, _) => {
                let years = i64::try_from(self.below(24)).unwrap_or(0) - 12;
                Fault::ClockJump { by_s: years * YEAR_S + i64::try_from(self.below(7_200)).unwrap_or(0) - 3_600 }
            }
            (Side::Plugin, 0) => Fault::Plugin(Blow::Die),
            (Side::Plugin, 1) => Fault::Plugin(Blow::Cut),
            (Side::Plugin, 2) => Fault::Plugin(Blow::Freeze(Duration::from_millis(50 + self.below(500)))),
            (Side::Plugin, 3) => Fault::Plugin(Blow::Vanish),
            (Side::Plugin, 4) => Fault::Plugin(Blow::Second),
            (Side::Plugin, 5) => Fault::Plugin(Blow::Resend),
            (Side::Plugin, _) => Fault::Plugin(Blow::Die),
        }
    }
}

impl Schedule {
    /// The run of a number.
    pub(super) fn of(side: Side, seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(4).wrapping_add(side as u64));
        let count = FAULTS + dice.below(3);
        let steps = (0..count).map(|_| Step {
            after: Duration::from_millis(BETWEEN_MS + dice.below(BETWEEN_MS)),
            fault: dice.fault(side),
        });
        Self { seed, side, steps: steps.collect() }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:?}, seed {}; again with SMARTPI_FAULT_SEED={}:", self.side, self.seed, self.seed)?;
        for Step { after, fault } in &self.steps {
            writeln!(formatter, "  after {} ms: {fault:?}", after.as_millis())?;
        }
        Ok(())
    }
}

#[test]
fn a_number_is_one_schedule_and_twenty_have_every_fault() {
    let kind = |fault: &Fault| match fault {
        Fault::Plugin(blow) => format!("{:?}", std::mem::discriminant(blow)),
        Fault::KillDevices { .. }
        | Fault::Reconnect { .. }
        | Fault::Stall { .. }
        | Fault::Unplug { .. }
        | Fault::BlackHole { .. }
        | Fault::LostAnswers { .. }
        | Fault::Move
        | Fault::KillService { .. }
        | Fault::StopService { .. }
        | Fault::FullDisk { .. }
        | Fault::ClockJump { .. }
        | Fault::ClockRight => format!("{:?}", std::mem::discriminant(fault)),
    };
    for (side, kinds) in [(Side::Devices, 7), (Side::Service, 5), (Side::Plugin, 6)] {
        assert_eq!(Schedule::of(side, 7), Schedule::of(side, 7));
        assert_ne!(Schedule::of(side, 7).steps, Schedule::of(side, 8).steps);
        let all: std::collections::BTreeSet<String> =
            (1..=20).flat_map(|seed| Schedule::of(side, seed).steps).map(|step| kind(&step.fault)).collect();
        assert_eq!(all.len(), kinds, "{side:?}");
    }
}
