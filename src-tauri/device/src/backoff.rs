//! How long to wait before the next try: full jitter.

use std::time::Duration;

/// Longest wait for a place in a service that is full: in the rush after its restart, places come free within a second.
const FULL: Duration = Duration::from_secs(4);

/// Counts failures in a row. Pure: the random number comes from outside.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits between 0 and min(`most`, `base` x 2^k), k counting failures.
    pub fn new(base: Duration, most: Duration) -> Self {
        Self { base, most, failures: 0 }
    }

    /// A session lived long enough: the next failure counts as the first.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait for a place where there was none: between 0 and [`FULL`], and no failure.
    pub fn after_full(&self, random: u64) -> Duration {
        drawn(FULL.min(self.most), random)
    }

    /// The wait after one more failure, `random` being evenly spread over all of `u64`; never below `least`.
    pub fn after_failure(&mut self, random: u64, least: Duration) -> Duration {
        let ceiling = self.base.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(self.most);
        self.failures = self.failures.saturating_add(1);
        drawn(ceiling, random).max(least)
    }
}

/// Between 0 and the ceiling.
fn drawn(ceiling: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
    let drawn = (u128::from(random) * u128::from(nanos)) >> 64;
    Duration::from_nanos(u64::try_from(drawn).unwrap_or(nanos))
}

/// A random number, or 0 where the system has none to give.
pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_ceiling_and_is_spread_from_zero() {
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
        let ceilings: Vec<u64> = (0..8)
            .map(|_| u64::try_from(backoff.after_failure(u64::MAX, Duration::ZERO).as_millis()).unwrap() + 1)
            .collect();
        assert_eq!(ceilings, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(backoff.after_failure(0, Duration::ZERO), Duration::ZERO);
        assert_eq!(backoff.after_failure(0, Duration::from_secs(2)), Duration::from_secs(2));
        assert_eq!(backoff.after_full(u64::MAX).as_millis(), 3_999);
        backoff.reset();
        assert_eq!(backoff.after_full(u64::MAX / 2).as_millis(), 1_999);
        assert_eq!(backoff.after_failure(u64::MAX / 2, Duration::ZERO).as_millis(), 249);
        let mut tired = Backoff { failures: u32::MAX, ..backoff };
        assert_eq!(tired.after_failure(u64::MAX, Duration::ZERO).as_secs(), 29);
    }
}
