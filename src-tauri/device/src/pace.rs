//! Keeps a device below the rates of docs/PROTOCOL.md, so that the service never has to say 9005.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: `burst` at once, then `per_second`.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled: Instant,
}

impl Pace {
    /// A full bucket. Zero in either place is read as one: a device that may never speak could not be tested.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_second: f64::from(per_second.max(1)), burst, tokens: burst, filled: now }
    }

    /// Takes a token, or says when there will be one.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.filled = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - self.tokens) / self.per_second;
        Err(now + Duration::from_secs_f64(missing) + Duration::from_millis(1))
    }

    /// Waits at least until `when`: the service said so.
    pub(crate) fn empty_until(&mut self, when: Instant) {
        self.tokens = 0.0;
        self.filled = when;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let mut pace = Pace::new(20, 40, start);
        assert!((0..40).all(|_| pace.take(start).is_ok()));
        let next = pace.take(start).unwrap_err();
        assert_eq!((next - start).as_millis(), 51);
        assert_eq!(pace.take(next), Ok(()));
        let passed = (0..1_000).filter(|step| pace.take(next + Duration::from_millis(*step)).is_ok()).count();
        assert!((19..=20).contains(&passed), "{passed}");
        pace.empty_until(next + Duration::from_secs(9));
        assert!(pace.take(next + Duration::from_secs(9)).is_err());
        assert!(pace.take(next + Duration::from_secs(10)).is_ok());
    }
}
