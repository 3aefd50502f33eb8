//! A token bucket in one number (the generic cell rate algorithm).

/// So many in a row, then one each interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    interval_ms: u64,
    tolerance_ms: u64,
    /// When the bucket is full again.
    full_ms: u64,
}

impl Bucket {
    /// `rate`: how many a second, and the burst.
    pub(super) fn new((per_second, burst): (u32, u32)) -> Self {
        let interval_ms = 1_000 / u64::from(per_second);
        Self { interval_ms, tolerance_ms: interval_ms * u64::from(burst - 1), full_ms: 0 }
    }

    /// Takes one.
    ///
    /// # Errors
    /// The wait in ms until there is one.
    pub(super) fn take(&mut self, now_ms: u64) -> Result<(), u64> {
        let wait = self.full_ms.saturating_sub(now_ms + self.tolerance_ms);
        if wait > 0 {
            return Err(wait);
        }
        self.full_ms = self.full_ms.max(now_ms) + self.interval_ms;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forty_at_once_then_one_each_fifty_milliseconds() {
        let mut bucket = Bucket::new((20, 40));
        assert!((0..40).all(|_| bucket.take(1_000).is_ok()));
        assert_eq!(bucket.take(1_000), Err(50));
        assert_eq!(bucket.take(1_049), Err(1));
        assert_eq!(bucket.take(1_050), Ok(()));
        assert_eq!(bucket.take(1_050), Err(50));
        assert!((0..40).all(|_| bucket.take(60_000).is_ok()));
        assert_eq!(bucket.take(60_000), Err(50));
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_burst_and_rate(steps in prop::collection::vec(0u64..200, 1..400)) {
            let mut bucket = Bucket::new((20, 40));
            let mut now = 0;
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                match bucket.take(now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => prop_assert!(wait > 0 && bucket.clone().take(now + wait).is_ok() && bucket.clone().take(now + wait - 1).is_err()),
                }
            }
            for (index, from) in taken.iter().enumerate() {
                for (count, to) in taken[index..].iter().enumerate() {
                    prop_assert!((count as u64) < 40 + (to - from) / 50);
                }
            }
        }
    }
}
