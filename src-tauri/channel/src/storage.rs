//! What is decided about the store's disk: what still fits, when the store is opened again, what the person is told. Pure: sizes and times come in, wishes go out.

use crate::disk::BALLAST;

/// Below so much free space no new message is taken, in bytes.
const REFUSE_BELOW: u64 = 64 << 20;
/// From so much on they are taken again: a little more, so that one small file does not turn it back and forth.
const RESUME_AT: u64 = 80 << 20;
/// From so much on the plugin is heard again, after a write was refused though the ballast had been given up.
const HEAR_AT: u64 = 8 << 20;
/// How often free space is looked at while it is scarce, ms.
const LOOK_MS: u64 = 1_000;
/// Waits until the store is opened again after it failed soon after: the first one, and the longest, ms.
const BACK_OFF: (u64, u64) = (100, 30_000);
/// A store that was open for so long has healed, ms.
const HEALED_MS: u64 = 60_000;

/// What still fits on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Everything.
    Plenty,
    /// No new messages; what is under way goes on.
    Little,
    /// Only what devices confirm.
    Least,
}

/// How the store is, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It takes everything.
    Well,
    /// The disk is nearly full: new messages wait on the devices until there is room.
    Full,
    /// The disk reports errors: nothing is taken until the store is open again.
    Failing,
}

/// What to do about the ballast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ballast {
    /// Nothing.
    Leave,
    /// Give it up.
    GiveUp,
    /// Make it; only then is there [`Room::Plenty`], see [`Storage::ballast_made`].
    Make,
}

/// The state of the store's disk. Times are monotonic ms.
#[derive(Debug)]
pub(crate) struct Storage {
    room: Room,
    ballast: bool,
    look_at: Option<u64>,
    reopen_at: Option<u64>,
    opened_at: Option<u64>,
    failures: u32,
    told: Health,
}

impl Storage {
    /// Nothing is known yet.
    pub(crate) fn new(ballast: bool) -> Self {
        Self {
            room: Room::Plenty,
            ballast,
            look_at: Some(0),
            reopen_at: None,
            opened_at: None,
            failures: 0,
            told: Health::Well,
        }
    }

    pub(crate) fn room(&self) -> Room {
        self.room
    }

    /// Whether the store waits to be opened again.
    pub(crate) fn is_failing(&self) -> bool {
        self.reopen_at.is_some()
    }

    /// When to look at the disk or to open the store, if ever.
    pub(crate) fn deadline(&self) -> Option<u64> {
        [self.look_at, self.reopen_at].into_iter().flatten().min()
    }

    /// Whether the store is to be opened now.
    pub(crate) fn reopen_due(&self, now: u64) -> bool {
        self.reopen_at.is_some_and(|due| due <= now)
    }

    /// So much is free, in bytes; `None`: the system does not say.
    pub(crate) fn see_free(&mut self, free: Option<u64>, now: u64) -> Ballast {
        let whole = free.unwrap_or(u64::MAX);
        // What is left once the ballast is back in its place.
        let left = if self.ballast { whole } else { whole.saturating_sub(BALLAST) };
        let wish = match self.room {
            Room::Plenty if left < REFUSE_BELOW => {
                self.room = Room::Little;
                self.scarce(whole)
            }
            Room::Plenty if !self.ballast => Ballast::Make,
            Room::Plenty => Ballast::Leave,
            Room::Little | Room::Least if left >= RESUME_AT && self.ballast => {
                self.room = Room::Plenty;
                Ballast::Leave
            }
            // That it can be made proves that there is room.
            Room::Little | Room::Least if left >= RESUME_AT => Ballast::Make,
            Room::Little | Room::Least => self.scarce(whole),
        };
        self.look_at = (self.room != Room::Plenty).then(|| now.saturating_add(LOOK_MS));
        wish
    }

    fn scarce(&mut self, free: u64) -> Ballast {
        if self.ballast {
            if free >= BALLAST {
                return Ballast::Leave;
            }
            self.ballast = false;
            return Ballast::GiveUp;
        }
        if self.room == Room::Least && free >= HEAR_AT {
            self.room = Room::Little;
        }
        Ballast::Leave
    }

    /// What became of [`Ballast::Make`].
    pub(crate) fn ballast_made(&mut self, made: bool, now: u64) {
        self.ballast = made;
        if made && self.room != Room::Plenty {
            self.room = Room::Plenty;
            self.look_at = None;
        } else if !made && self.room == Room::Plenty {
            self.room = Room::Little;
            self.look_at = Some(now.saturating_add(LOOK_MS));
        }
    }

    /// A write was refused for want of space, whatever the system says is free.
    pub(crate) fn refused(&mut self, now: u64) -> Ballast {
        self.look_at = Some(now.saturating_add(LOOK_MS));
        if std::mem::take(&mut self.ballast) {
            self.room = Room::Little;
            return Ballast::GiveUp;
        }
        self.room = Room::Least;
        Ballast::Leave
    }

    /// The store failed, or could not be opened again.
    pub(crate) fn failed(&mut self, now: u64) {
        if self.opened_at.take().is_some_and(|opened| now.saturating_sub(opened) >= HEALED_MS) {
            self.failures = 0;
        }
        let wait = match self.failures {
            0 => 0,
            tries => BACK_OFF.0.saturating_mul(1 << (tries - 1).min(20)).min(BACK_OFF.1),
        };
        self.failures = self.failures.saturating_add(1);
        self.reopen_at = Some(now.saturating_add(wait));
    }

    /// The store is open again.
    pub(crate) fn opened(&mut self, now: u64) {
        self.reopen_at = None;
        self.opened_at = Some(now);
    }

    /// What to tell the person: each state once.
    pub(crate) fn news(&mut self) -> Option<Health> {
        let health = match (self.is_failing(), self.room) {
            (true, _) => Health::Failing,
            (false, Room::Little | Room::Least) => Health::Full,
            (false, Room::Plenty) => Health::Well,
        };
        (std::mem::replace(&mut self.told, health) != health).then_some(health)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn messages_are_refused_below_64_mib_and_the_ballast_goes_when_that_is_not_enough() {
        let mut storage = Storage::new(true);
        assert_eq!(storage.deadline(), Some(0), "the first look makes the ballast");
        assert_eq!((storage.see_free(Some(64 * MIB), 0), storage.room()), (Ballast::Leave, Room::Plenty));
        assert_eq!((storage.news(), storage.deadline()), (None, None), "nothing to look at while all is well");
        assert_eq!((storage.see_free(Some(64 * MIB - 1), 10), storage.room()), (Ballast::Leave, Room::Little));
        assert_eq!((storage.news(), storage.news()), (Some(Health::Full), None), "told once");
        assert_eq!(storage.deadline(), Some(1_010));
        assert_eq!((storage.see_free(Some(16 * MIB), 20), storage.room()), (Ballast::Leave, Room::Little));
        assert_eq!((storage.see_free(Some(16 * MIB - 1), 30), storage.room()), (Ballast::GiveUp, Room::Little));
        assert_eq!(
            (storage.see_free(Some(0), 40), storage.room()),
            (Ballast::Leave, Room::Little),
            "the log has the ballast"
        );
        assert_eq!((storage.refused(50), storage.room()), (Ballast::Leave, Room::Least));
        assert_eq!((storage.see_free(Some(8 * MIB - 1), 60), storage.room()), (Ballast::Leave, Room::Least));
        assert_eq!((storage.see_free(Some(8 * MIB), 70), storage.room()), (Ballast::Leave, Room::Little));
        assert_eq!(storage.news(), None);
    }

    #[test]
    fn messages_are_taken_again_only_with_the_ballast_back_and_16_mib_to_spare() {
        let mut storage = Storage::new(true);
        storage.see_free(Some(0), 0);
        assert_eq!(storage.see_free(Some(96 * MIB - 1), 10), Ballast::Leave);
        assert_eq!((storage.see_free(Some(96 * MIB), 20), storage.room()), (Ballast::Make, Room::Little));
        storage.ballast_made(false, 30);
        assert_eq!((storage.room(), storage.see_free(Some(96 * MIB), 40)), (Room::Little, Ballast::Make));
        storage.news();
        storage.ballast_made(true, 50);
        assert_eq!((storage.room(), storage.news(), storage.deadline()), (Room::Plenty, Some(Health::Well), None));

        let mut kept = Storage::new(true);
        kept.see_free(Some(40 * MIB), 0);
        kept.see_free(Some(80 * MIB - 1), 10);
        assert_eq!(kept.room(), Room::Little);
        assert_eq!((kept.see_free(Some(80 * MIB), 20), kept.room()), (Ballast::Leave, Room::Plenty));
    }

    #[test]
    fn a_refused_write_counts_for_more_than_what_the_system_says_is_free() {
        let mut storage = Storage::new(true);
        storage.see_free(None, 0);
        assert_eq!((storage.refused(10), storage.room()), (Ballast::GiveUp, Room::Little));
        assert_eq!((storage.refused(20), storage.room()), (Ballast::Leave, Room::Least));
        assert_eq!(
            (storage.see_free(None, 30), storage.room()),
            (Ballast::Make, Room::Least),
            "making it is the proof"
        );
        storage.ballast_made(false, 40);
        assert_eq!(storage.room(), Room::Least);
        storage.see_free(None, 50);
        storage.ballast_made(true, 60);
        assert_eq!(storage.room(), Room::Plenty);
    }

    #[test]
    fn a_ballast_that_cannot_be_made_at_first_means_that_the_disk_is_full() {
        let mut storage = Storage::new(false);
        assert_eq!(storage.see_free(None, 0), Ballast::Make);
        storage.ballast_made(false, 0);
        assert_eq!(
            (storage.room(), storage.news(), storage.deadline()),
            (Room::Little, Some(Health::Full), Some(1_000))
        );
    }

    #[test]
    fn the_store_is_opened_at_once_then_ever_later_until_it_has_healed() {
        let mut storage = Storage::new(true);
        storage.see_free(None, 0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            storage.failed(1_000);
            waits.push(storage.deadline().unwrap() - 1_000);
        }
        assert_eq!(waits, [0, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!((storage.news(), storage.news()), (Some(Health::Failing), None));
        storage.opened(2_000);
        assert_eq!((storage.news(), storage.deadline()), (Some(Health::Well), None));
        storage.failed(61_999);
        assert_eq!(storage.deadline(), Some(91_999), "failed again too soon");
        storage.opened(100_000);
        storage.failed(160_000);
        assert!(storage.reopen_due(160_000), "healed in between");
    }
}
