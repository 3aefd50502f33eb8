//! Keeps the backups fresh, on a thread of its own: no acknowledgement waits for one.
//!
//! A backup is due when other devices are bound, or are called otherwise, than in the newest one; and every six hours in which something was said. It reads the
//! store through a connection of its own that lives as long as the backup.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::broadcast::{Receiver, Sender};
use tokio::time::{Instant, sleep};

use super::backup::{self, BackupError};
use super::{FILE, restore};
use crate::clock::Clock;
use crate::hub::event::Notice;
use crate::id::DeviceKey;

/// How long changes are gathered: binding five devices in a row needs one backup.
const SETTLE: Duration = Duration::from_millis(250);
/// How often the messages are copied too.
const PERIOD: Duration = Duration::from_secs(6 * 3_600);
/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(600);

/// What is known of the store.
#[derive(Debug)]
struct Keeper {
    data: PathBuf,
    clock: Clock,
    /// Devices that were bound at the last look.
    bound: BTreeSet<DeviceKey>,
    /// What was said when the last backup was made.
    said: Option<(u64, u64)>,
}

/// For ever. To be dropped when the service ends: a backup that is being made is finished first.
pub(crate) async fn run(data: PathBuf, clock: Clock, mut heard: Receiver<Notice>, told: Sender<Notice>) {
    let mut keeper = Keeper { bound: bound_in_newest(&data), said: None, data, clock };
    let mut failed = false;
    let mut next = Instant::now();
    loop {
        let full = tokio::select! {
            () = tokio::time::sleep_until(next) => true,
            notice = heard.recv() => match notice {
                Ok(Notice::DeviceBound(..) | Notice::DeviceRemoved(..) | Notice::DeviceRenamed(..)) => false,
                // What was missed may have been one of these.
                Err(RecvError::Lagged(_)) => false,
                Ok(_) => continue,
                Err(RecvError::Closed) => return,
            },
        };
        sleep(SETTLE).await;
        // What came meanwhile is in this backup already.
        while !matches!(heard.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        next = match keeper.keep(full || failed) {
            Ok(made) => {
                if made && std::mem::take(&mut failed) {
                    // Nobody listening is not an error.
                    let _ = told.send(Notice::BackedUp);
                }
                if full { Instant::now() + PERIOD } else { next }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no backup was made");
                failed = true;
                let why = chain(&error).into();
                let damaged = matches!(error, BackupError::SourceDamaged(_));
                let _ = told.send(if damaged { Notice::StoreDamaged(why) } else { Notice::NotBackedUp(why) });
                Instant::now() + AGAIN
            }
        };
    }
}

impl Keeper {
    /// Makes a backup if one is due. `full`: also when only something was said.
    fn keep(&mut self, full: bool) -> Result<bool, BackupError> {
        let store = backup::reader(&self.data.join(FILE))?;
        let bound = bound(&store)?;
        let gone: Vec<DeviceKey> = self.bound.difference(&bound).cloned().collect();
        if !gone.is_empty() {
            let noted = restore::note_removed(&self.data, &gone, self.clock.wall_ms());
            noted.map_err(BackupError::file(&self.data))?;
        }
        self.bound = bound;
        let devices = backup::fingerprint(&store)?;
        let said = store.query_row(
            "SELECT (SELECT coalesce(max(seq), 0) FROM turn), (SELECT coalesce(sum(last_n), 0) FROM device)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        drop(store);
        let newest = backup::list(&self.data)?.into_iter().next();
        let known = newest.and_then(|newest| backup::manifest(&newest.folder).ok());
        let due = match &known {
            Some(manifest) => manifest.devices != devices || (full && self.said.is_some_and(|before| before != said)),
            // Of a service that nobody ever used.
            None => !self.bound.is_empty(),
        };
        if due {
            let made = backup::make(&self.data, self.clock.wall_ms())?;
            tracing::info!(number = made.number, "backed up");
            if let Some(oldest) = backup::list(&self.data)?.last() {
                restore::forget_removed(&self.data, oldest).map_err(BackupError::file(&self.data))?;
            }
        }
        if due || self.said.is_none() {
            self.said = Some(said);
        }
        Ok(due)
    }
}

fn bound(store: &rusqlite::Connection) -> rusqlite::Result<BTreeSet<DeviceKey>> {
    let mut statement = store.prepare("SELECT device_key FROM device")?;
    let keys = statement.query_map([], |row| row.get::<_, String>(0))?;
    keys.filter_map(|key| key.map(|key| DeviceKey::parse(&key)).transpose()).collect()
}

/// Who was bound when the newest backup was made: one of them that is not any more was removed by a run that had no time to note it.
fn bound_in_newest(data: &Path) -> BTreeSet<DeviceKey> {
    let newest = backup::list(data).ok().and_then(|all| all.into_iter().next());
    let read = newest.and_then(|newest| bound(&backup::reader(&newest.folder.join(FILE)).ok()?).ok());
    read.unwrap_or_default()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests;
