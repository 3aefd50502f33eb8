//! The service's two clocks: one for waits, one for display.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Reads time. Waits are measured from `start`, which never jumps.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins at 0 now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds since the clock was started.
    pub fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since 1970 UTC, for display; a system clock before 1970 reads as 0.
    pub fn wall_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|elapsed| i64::try_from(elapsed.as_millis()).ok())
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_begins_at_zero_and_wall_time_does_not() {
        let clock = Clock::start();
        assert!(clock.monotonic_ms() < 60_000);
        assert!(clock.wall_ms() > 1_700_000_000_000);
        let earlier = clock.monotonic_ms();
        assert!(clock.monotonic_ms() >= earlier);
    }
}
