//! What is deleted for its age, and how far the clock is believed that tells it.

use super::{Hub, Now};
use crate::clock::{Belief, Reading, Seen};

/// Days after which ids of ended turns and of taken replies are forgotten.
const FORGET_MS: i64 = 30 * 24 * 3_600_000;

impl Hub {
    /// Goes on with what the last run believed of the clock.
    ///
    /// # Errors
    /// SQLite's.
    pub fn resume_clock(&mut self, first: Reading) -> rusqlite::Result<()> {
        self.belief = Belief::resume(self.store.meta("clock")?.as_deref(), first);
        self.belief_unsaved = true;
        Ok(())
    }

    /// Looks at the clocks.
    pub fn see_clocks(&mut self, now: Reading) -> Seen {
        let seen = self.belief.see(now);
        self.belief_unsaved |= seen.set;
        seen
    }

    /// In the same transaction as the first row that has the new time: a run that is killed after it must not leave rows whose age the next one would believe.
    pub(super) fn keep_belief(&mut self) -> rusqlite::Result<()> {
        if self.belief_unsaved {
            self.save_clock()?;
            self.belief_unsaved = false;
        }
        Ok(())
    }

    /// Deletes what is too old, as far as the clock is believed.
    pub(super) fn tidy(&mut self, now: Now) -> rusqlite::Result<()> {
        let life = i64::try_from(self.facts.timing.reply.as_millis()).unwrap_or(i64::MAX);
        if self.belief.may_expire(life) {
            for device in self.store.expire_replies(now.wall.saturating_sub(life))? {
                self.changed();
                self.expired(&device, now)?;
            }
        }
        let keep = self.facts.keep_text_ms;
        let before = |life: i64| if self.belief.may_expire(life) { now.wall.saturating_sub(life) } else { i64::MIN };
        self.store.tidy(before(keep), before(FORGET_MS))?;
        self.save_clock()
    }

    /// Keeps for the next run where the clocks stood.
    pub(super) fn save_clock(&mut self) -> rusqlite::Result<()> {
        match self.belief.saved() {
            Some(saved) => self.store.set_meta("clock", Some(&saved)),
            None => Ok(()),
        }
    }
}
