//! The service's clocks: one for waits, one that also counts sleep, one for display; and how far the last one is believed.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads time. Waits are measured from `start`, which never jumps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_elapsed: Duration,
}

/// All clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Since the clock was started, ms; stands still while the computer sleeps, where the system has such a clock.
    pub mono: u64,
    /// The same with the time in which the computer slept, ms.
    pub elapsed: u64,
    /// Since 1970, ms: what somebody or something set the clock to.
    pub wall: i64,
}

impl Clock {
    /// A clock whose monotonic time begins at 0 now.
    pub fn start() -> Self {
        let start = Instant::now();
        Self { start, start_elapsed: with_sleep(start) }
    }

    /// Milliseconds since the clock was started.
    pub fn monotonic_ms(&self) -> u64 {
        whole_ms(self.start.elapsed())
    }

    /// Milliseconds since 1970 UTC, for display; a system clock before 1970 reads as 0.
    pub fn wall_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
            .unwrap_or(0)
    }

    /// All clocks.
    pub fn read(&self) -> Reading {
        let elapsed = with_sleep(self.start).saturating_sub(self.start_elapsed);
        Reading { mono: self.monotonic_ms(), elapsed: whole_ms(elapsed), wall: self.wall_ms() }
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A clock that counts on while the computer sleeps, from whenever.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn with_sleep(_start: Instant) -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = ClockId::Boottime;
    // Apple's `Instant` is another one, that stands still.
    #[cfg(target_vendor = "apple")]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or(0))
        + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Elsewhere, on Windows too, `Instant` counts on.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn with_sleep(start: Instant) -> Duration {
    start.elapsed()
}

/// A clock that ran ahead of the waits by more than this between two looks tells that the computer slept, ms.
const SLEPT_MS: i64 = 30_000;
/// A wall clock that moved by more than this against the time that passed was set, ms.
const SET_MS: i64 = 3_600_000;
/// A service that was off for longer than this may as well find a wrong clock, ms.
const ABSENT_MS: i64 = 31 * 24 * 3_600_000;

/// What a look at the clocks tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The computer slept, or its clock was set forward.
    pub woke: bool,
    /// The wall clock was set.
    pub set: bool,
}

/// Whether the wall clock is believed when it says that something is old.
///
/// A clock that was set may be right now or may have been right before: nobody can tell. So after that nothing is deleted for its age until the service has run
/// for as long as such a thing lives: what was there before is then as old as that, whatever the clock says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Belief {
    last: Option<Reading>,
    /// How long the clocks have agreed since the wall clock was set, ms. `None`: it never was.
    agreed: Option<u64>,
}

impl Belief {
    /// Goes on with what [`Belief::saved`] gave, in a run that begins with this reading.
    pub fn resume(saved: Option<&str>, first: Reading) -> Self {
        let last = Some(first);
        let Some((wall, agreed)) = saved.and_then(parse) else { return Self { last, agreed: None } };
        let off = first.wall.saturating_sub(wall);
        let agreed = if (-SET_MS..=ABSENT_MS).contains(&off) {
            agreed.map(|agreed| agreed.saturating_add_signed(off.max(0)))
        } else {
            tracing::warn!(offMs = off, "the clock is not where it was left: nothing is deleted for its age for now");
            Some(0)
        };
        Self { last, agreed }
    }

    /// What to keep for the next run.
    pub fn saved(&self) -> Option<String> {
        let last = self.last?;
        Some(format!("{} {}", last.wall, self.agreed.map_or_else(|| "-".to_owned(), |agreed| agreed.to_string())))
    }

    /// Looks at the clocks.
    pub fn see(&mut self, now: Reading) -> Seen {
        let Some(last) = self.last.replace(now) else { return Seen { woke: false, set: false } };
        let ms = |from: u64, to: u64| i64::try_from(to.saturating_sub(from)).unwrap_or(i64::MAX);
        let (waited, passed) = (ms(last.mono, now.mono), ms(last.elapsed, now.elapsed));
        let walked = now.wall.saturating_sub(last.wall);
        let set = walked.saturating_sub(passed).saturating_abs() > SET_MS;
        if set {
            tracing::warn!(byMs = walked - passed, "the clock was set: nothing is deleted for its age for now");
            self.agreed = Some(0);
        } else if let Some(agreed) = &mut self.agreed {
            *agreed = agreed.saturating_add_signed(passed);
        }
        let woke = walked.max(passed).saturating_sub(waited) > SLEPT_MS;
        Seen { woke, set }
    }

    /// Whether something that lives so long, in ms, may be deleted because the wall clock says that it is older.
    pub fn may_expire(&self, life: i64) -> bool {
        self.agreed.is_none_or(|agreed| i64::try_from(agreed).unwrap_or(i64::MAX) >= life)
    }
}

fn parse(saved: &str) -> Option<(i64, Option<u64>)> {
    let (wall, agreed) = saved.split_once(' ')?;
    let agreed = match agreed {
        "-" => None,
        // What cannot be read is no reason to believe.
        agreed => Some(agreed.parse().unwrap_or(0)),
    };
    Some((wall.parse().ok()?, agreed))
}

/// A time in the name of a file: `2026-11-21T17-40-04Z` for ms since 1970 UTC. Before 1970: the beginning of 1970.
pub fn stamp(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days into a calendar whose years begin in March, so that the leap day is the last.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    const NOW: i64 = 1_795_000_000_000;

    #[test]
    fn stamps_are_dates() {
        for (ms, said) in [
            (-5, "1970-01-01T00-00-00Z"),
            (951_782_399_000, "2000-02-28T23-59-59Z"),
            (951_782_400_000, "2000-02-29T00-00-00Z"),
            (1_795_282_804_999, "2026-11-21T17-40-04Z"),
            (4_107_542_400_000, "2100-03-01T00-00-00Z"),
        ] {
            assert_eq!(stamp(ms), said);
        }
    }

    #[test]
    fn monotonic_time_begins_at_zero_and_wall_time_does_not() {
        let clock = Clock::start();
        let first = clock.read();
        assert!(first.mono < 60_000 && first.elapsed < 60_000, "{first:?}");
        assert!(clock.wall_ms() > 1_700_000_000_000);
        let later = clock.read();
        assert!(later.mono >= first.mono && later.elapsed >= first.elapsed);
    }

    struct Story {
        now: Reading,
        belief: Belief,
    }

    impl Story {
        fn new() -> Self {
            let now = Reading { mono: 0, elapsed: 0, wall: NOW };
            Self { now, belief: Belief::resume(None, now) }
        }

        /// The clocks go on; `sleep` and `set` are extra.
        fn step(&mut self, awake: i64, sleep: i64, set: i64) -> Seen {
            self.now.mono += u64::try_from(awake).unwrap();
            self.now.elapsed += u64::try_from(awake + sleep).unwrap();
            self.now.wall += awake + sleep + set;
            self.belief.see(self.now)
        }
    }

    #[test]
    fn a_clock_that_was_set_deletes_nothing_until_the_service_ran_as_long_as_things_live() {
        for jump in [12 * YEAR, -56 * YEAR, 10 * YEAR, -10 * YEAR, HOUR + 1, -HOUR - 1] {
            let mut story = Story::new();
            assert!(story.belief.may_expire(7 * DAY));
            assert!(story.step(1_000, 0, jump).set, "{jump}");
            assert!(!story.belief.may_expire(7 * DAY));
            assert!(story.belief.may_expire(0), "what is not to be kept at all goes all the same");
            story.step(7 * DAY - 1, 0, 0);
            assert!(!story.belief.may_expire(7 * DAY));
            story.step(1, 0, 0);
            assert!(story.belief.may_expire(7 * DAY));
            assert!(!story.belief.may_expire(30 * DAY));
        }
    }

    #[test]
    fn a_clock_that_is_put_right_again_is_doubted_all_the_same() {
        // What was stored in between bears a date of 1970, and would look 56 years old.
        let mut story = Story::new();
        story.step(1_000, 0, -56 * YEAR);
        story.step(HOUR, 0, 0);
        assert!(story.step(1_000, 0, 56 * YEAR).set);
        assert!(!story.belief.may_expire(7 * DAY));
    }

    #[test]
    fn sleep_leap_seconds_and_a_slow_clock_are_no_reason_to_doubt() {
        let mut story = Story::new();
        for _ in 0..100 {
            let seen = story.step(HOUR, 8 * HOUR, 0);
            assert_eq!(seen, Seen { woke: true, set: false });
            assert_eq!(story.step(10_000, 0, 1_000), Seen { woke: false, set: false });
            assert_eq!(story.step(HOUR, 0, -50 * 60_000), Seen { woke: false, set: false });
        }
        assert!(story.belief.may_expire(7 * DAY));
    }

    #[test]
    fn sleep_is_noticed_above_30_s_also_where_only_the_wall_clock_tells() {
        let mut story = Story::new();
        assert!(!story.step(1_000, 30_000, 0).woke);
        assert!(story.step(1_000, 30_001, 0).woke);
        assert!(!story.step(1_000, 0, 30_000).woke);
        assert!(story.step(1_000, 0, 30_001).woke);
        assert!(story.step(1_000, 60_000, -20 * YEAR).woke, "asleep, and the clock lost its battery");
    }

    #[test]
    fn a_restart_neither_forgets_a_doubt_nor_invents_one() {
        let mut story = Story::new();
        let trusted = story.belief.saved().unwrap();
        let at = |wall| Reading { mono: 0, elapsed: 0, wall };
        assert!(Belief::resume(Some(&trusted), at(NOW + 30 * DAY)).may_expire(7 * DAY), "off for a month");
        for wall in [NOW - HOUR - 1, NOW + 32 * DAY, NOW + 12 * YEAR, 0] {
            assert!(!Belief::resume(Some(&trusted), at(wall)).may_expire(7 * DAY), "{wall}");
        }
        story.step(1_000, 0, 12 * YEAR);
        story.step(3 * DAY, 0, 0);
        let doubted = story.belief.saved().unwrap();
        let wall = story.now.wall;
        assert!(!Belief::resume(Some(&doubted), at(wall + 4 * DAY - 1)).may_expire(7 * DAY));
        assert!(Belief::resume(Some(&doubted), at(wall + 4 * DAY)).may_expire(7 * DAY), "time that it was off counts");
        assert!(!Belief::resume(Some("123 x"), at(123)).may_expire(1));
    }
}
