//! The moments at which the controller looks again although nothing happened. Without any, it sleeps for ever.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

/// Least time between two readings of the service.
pub(super) const READ_EVERY: Duration = Duration::from_millis(200);
/// How long a change of network may rumble before it is looked at.
const RUMBLE: Duration = Duration::from_secs(1);
/// The longest single wait: a wall clock that is set meanwhile is noticed then.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// When the service was read last.
    pub(super) last_read: Option<Instant>,
    /// When to read it again.
    pub(super) read: Option<Instant>,
    /// When to look at the interfaces.
    pub(super) look: Option<Instant>,
    /// What happens at a time of day, ms since 1970: notices, midnight, the end of a code.
    pub(super) wall_ms: Option<i64>,
}

impl Deadlines {
    /// Reads now, or as soon as the last reading is old enough. True: now.
    pub(super) fn read_soon(&mut self, now: Instant) -> bool {
        let due = self.last_read.map_or(now, |last| last + READ_EVERY);
        if due <= now {
            self.read = None;
            return true;
        }
        self.read = Some(due);
        false
    }

    /// Looks at the interfaces once they have been quiet.
    pub(super) fn look_again(&mut self) {
        self.look = Some(Instant::now() + RUMBLE);
    }

    /// Until the first of them.
    pub(super) fn wait(&self, now_ms: i64) -> impl Future<Output = ()> + use<> {
        let first = [self.read, self.look].into_iter().flatten().min();
        let wall = self.wall_ms.map(|wall_ms| {
            Duration::from_millis(u64::try_from(wall_ms.saturating_sub(now_ms)).unwrap_or(0)).min(LONGEST)
        });
        async move {
            match (first, wall) {
                (None, None) => std::future::pending().await,
                (Some(first), None) => sleep_until(first).await,
                (None, Some(wall)) => sleep(wall).await,
                (Some(first), Some(wall)) => sleep_until(first.min(Instant::now() + wall)).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_service_is_read_at_once_and_then_at_most_five_times_a_second() {
        let mut deadlines = Deadlines::default();
        let mut reads = 0;
        let begun = Instant::now();
        // A thousand notices in two seconds.
        for _ in 0..1_000 {
            if deadlines.read_soon(Instant::now()) {
                reads += 1;
                deadlines.last_read = Some(Instant::now());
            }
            tokio::time::advance(Duration::from_millis(2)).await;
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(2));
        assert_eq!(reads, 10);
        assert!(deadlines.read.is_some(), "the last notice is not forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_deadline_it_sleeps_for_ever() {
        let forever = tokio::time::timeout(Duration::from_secs(1_000_000), Deadlines::default().wait(0)).await;
        assert!(forever.is_err());
        let begun = Instant::now();
        Deadlines { wall_ms: Some(5_500), ..Deadlines::default() }.wait(5_000).await;
        Deadlines { wall_ms: Some(5_500), ..Deadlines::default() }.wait(9_000).await;
        assert!((500..=502).contains(&begun.elapsed().as_millis()), "tokio's timers round up");
    }
}
