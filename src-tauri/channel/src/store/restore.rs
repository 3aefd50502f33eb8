//! A damaged store is moved aside and the newest verified backup takes its place; nothing is deleted, and nothing happens silently.
//!
//! What shall be there is laid ready in the folder `restoring`, whole and synced. That folder is the point of no return: from then on every start finishes what
//! it says, so that a crash in between changes nothing. Who is killed before has changed nothing at all.
//!
//! A restored store has a new epoch: devices begin at 0 and send again what was not acknowledged. The link's generation jumps to the time in ms, where no link
//! ever was. A device that was removed after the backup does not come back.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::backup::{self, Backup, BackupError, Contents, KEYS, private_file, private_folder, sync_folder};
use super::open::new_epoch;
use super::{FILE, OpenError, Store, log, migrations};
use crate::clock::stamp;
use crate::id::DeviceKey;

/// Laid ready, to be finished.
const READY: &str = "restoring";
/// Not yet ready.
const LAYING: &str = ".new-restoring";
/// What to finish; afterwards, beside the files that were moved aside, what happened.
const PLAN: &str = "what-happened.json";
/// Where the restored store remembers it.
const META: &str = "restored";
/// Which devices were removed, and when, in the folder of backups.
const REMOVED: &str = "removed";
/// SQLite's files beside the store: they go where it goes.
const BESIDE: [&str; 2] = ["channel.db-wal", "channel.db-shm"];

/// A store that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// When, ms since 1970.
    pub at_ms: i64,
    /// What was wrong; `None`: a person asked for it.
    pub damage: Option<String>,
    /// Where the replaced files are.
    pub aside: PathBuf,
    /// The store is as it was then, ms since 1970: when the backup was made that took its place. What came after may be missing. `None`: there was no backup,
    /// and the store is empty.
    pub as_of_ms: Option<i64>,
}

/// How a backup is looked at before it is used. The product's is [`backup::verify`]; a test that must be caught has another.
pub type Check = fn(&Path) -> Result<Contents, BackupError>;

/// Opens the store of a data folder. One that is damaged, or is gone although there are backups, is replaced first.
///
/// # Errors
/// See [`OpenError`]. A full disk, missing permissions or a newer schema replace nothing.
pub fn open(data: &Path, now_ms: i64) -> Result<(Store, Option<Restored>), OpenError> {
    finish(data)?;
    let damage = if is_lost(data)? {
        "it is gone or empty".to_owned()
    } else {
        let broken = keep_broken_log(data, now_ms)?;
        match Store::open(data) {
            Ok(mut store) => {
                if let Some(aside) = broken {
                    let restored = go_on_without(&mut store, aside, now_ms)?;
                    return Ok((store, Some(restored)));
                }
                let restored = lately(&store, now_ms)?;
                return Ok((store, restored));
            }
            Err(error) => error.damage().ok_or(error)?,
        }
    };
    let restored = replace_damaged(data, damage, now_ms, backup::verify)?;
    Ok((Store::open(data)?, Some(restored)))
}

/// SQLite is about to forget part of a log that was synced: the files as they are go aside first, in copy.
fn keep_broken_log(data: &Path, now_ms: i64) -> Result<Option<PathBuf>, BackupError> {
    let path = data.join(BESIDE[0]);
    if !log::is_broken(&path).map_err(BackupError::file(&path))? {
        return Ok(None);
    }
    let aside = free_name(data, "corrupt", now_ms);
    private_folder(&aside).map_err(BackupError::file(&aside))?;
    for name in [FILE, BESIDE[0]] {
        let copy = aside.join(name);
        fs::copy(data.join(name), &copy)
            .and_then(|_| OpenOptions::new().write(true).open(&copy)?.sync_all())
            .map_err(BackupError::file(&copy))?;
    }
    sync_folder(&aside).map_err(BackupError::file(&aside))?;
    Ok(Some(aside))
}

/// The store is as it was at an earlier commit: that is another life of it. The first write is one commit, so a crash leaves it told or the log broken.
fn go_on_without(store: &mut Store, aside: PathBuf, now_ms: i64) -> Result<Restored, OpenError> {
    let as_of_ms: Option<i64> = store.connection.query_row(
        "SELECT max((SELECT coalesce(max(stored_at), 0) FROM turn), (SELECT coalesce(max(created_at), 0) FROM reply))",
        [],
        |row| row.get(0),
    )?;
    let damage = Some("part of what was written last cannot be read".to_owned());
    let restored = Restored { at_ms: now_ms, damage, aside, as_of_ms };
    tracing::error!(asOfMs = restored.as_of_ms, "the log of the message store is damaged");
    store.live_anew(now_ms)?;
    let told = serde_json::to_string(&restored).map_err(|error| OpenError::Damaged(error.to_string()))?;
    store.set_meta(META, Some(&told))?;
    store.commit()?;
    Ok(restored)
}

/// For how long a start tells again what happened before it: a crash right after must not hide it.
const TOLD_MS: i64 = 24 * 3_600_000;

fn lately(store: &Store, now_ms: i64) -> Result<Option<Restored>, OpenError> {
    let Some(text) = store.meta(META)? else { return Ok(None) };
    let restored: Restored = serde_json::from_str(&text).map_err(|error| OpenError::Damaged(error.to_string()))?;
    Ok(Some(restored).filter(|restored| (0..TOLD_MS).contains(&(now_ms - restored.at_ms))))
}

/// Whether there is no store although there was one.
fn is_lost(data: &Path) -> Result<bool, BackupError> {
    let path = data.join(FILE);
    let empty = match fs::metadata(&path) {
        // Windows gives a folder the length 0.
        Ok(found) => found.is_file() && found.len() == 0,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(source) => return Err(BackupError::File { path, source }),
    };
    Ok(empty && !backup::list(data)?.is_empty())
}

/// Replaces a damaged store by the newest backup that passes `check`, else by an empty one.
///
/// # Errors
/// See [`BackupError`]; before the replacement is whole and on the disk, nothing was moved.
pub fn replace_damaged(data: &Path, damage: String, now_ms: i64, check: Check) -> Result<Restored, BackupError> {
    tracing::error!(damage, "the message store is damaged");
    let mut chosen = None;
    for backup in backup::list(data)? {
        match check(&backup.folder) {
            Ok(contents) => {
                chosen = Some((backup, contents.made_ms));
                break;
            }
            // A backup that cannot be read now may be whole: without it the store is not given up.
            Err(error) if !error.is_damage() => return Err(error),
            Err(error) => tracing::error!(
                number = backup.number,
                error = &error as &dyn std::error::Error,
                "a backup is damaged too"
            ),
        }
    }
    let restored = Restored {
        at_ms: now_ms,
        damage: Some(damage),
        aside: free_name(data, "corrupt", now_ms),
        as_of_ms: chosen.as_ref().map(|(_, made_ms)| *made_ms),
    };
    let removed = removed(data).map_err(BackupError::file(data))?;
    // The keys beside the backup replace none that is there.
    let missing: Vec<&str> = KEYS.into_iter().filter(|name| !data.join(name).exists()).collect();
    lay(data, chosen.as_ref().map(|(backup, _)| backup.folder.as_path()), &missing, &removed, &restored)?;
    finish(data)?;
    Ok(restored)
}

/// Replaces store and keys by those of a folder that [`backup::copy`] wrote: what a person asked for. Also brings back devices that were removed since.
///
/// No service may run.
///
/// # Errors
/// See [`BackupError`]; before the replacement is whole and on the disk, nothing was moved.
pub fn replace_by(data: &Path, folder: &Path, now_ms: i64) -> Result<Restored, BackupError> {
    finish(data)?;
    let contents = backup::verify(folder)?;
    let restored = Restored {
        at_ms: now_ms,
        damage: None,
        aside: free_name(data, "replaced", now_ms),
        as_of_ms: Some(contents.made_ms),
    };
    lay(data, Some(folder), &KEYS, &[], &restored)?;
    finish(data)?;
    Ok(restored)
}

/// A folder that is not there yet.
fn free_name(data: &Path, what: &str, now_ms: i64) -> PathBuf {
    let name = format!("{what}-{}", stamp(now_ms));
    let mut path = data.join(&name);
    let mut count = 1;
    while path.exists() {
        count += 1;
        path = data.join(format!("{name}-{count}"));
    }
    path
}

/// Lays ready what shall be there.
fn lay(
    data: &Path,
    from: Option<&Path>,
    keys: &[&str],
    removed: &[(i64, DeviceKey)],
    restored: &Restored,
) -> Result<(), BackupError> {
    let laying = data.join(LAYING);
    if laying.exists() {
        // Of a run that was cut off before the point of no return.
        fs::remove_dir_all(&laying).map_err(BackupError::file(&laying))?;
    }
    private_folder(&laying).map_err(BackupError::file(&laying))?;
    let database = laying.join(FILE);
    private_file(&database, &[]).map_err(BackupError::file(&database))?;
    if let Some(from) = from {
        let copied = fs::copy(from.join(FILE), &database);
        copied.map_err(BackupError::file(&database))?;
        for name in keys {
            match fs::read(from.join(name)).map(zeroize::Zeroizing::new) {
                Ok(key) => private_file(&laying.join(name), &key).map_err(BackupError::file(&laying.join(name)))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(BackupError::File { path: from.join(name), source }),
            }
        }
    }
    private_mode(&database).map_err(BackupError::file(&database))?;
    let generation = [&database, &data.join(FILE)].into_iter().filter_map(|store| link_generation(store)).max();
    begin_anew(&database, removed, restored, generation.unwrap_or(0).max(restored.at_ms))?;
    OpenOptions::new()
        .write(true)
        .open(&database)
        .and_then(|file| file.sync_all())
        .map_err(BackupError::file(&database))?;
    let plan = serde_json::to_vec_pretty(restored).map_err(io::Error::from).map_err(BackupError::file(&laying))?;
    private_file(&laying.join(PLAN), &plan).map_err(BackupError::file(&laying))?;
    sync_folder(&laying).map_err(BackupError::file(&laying))?;
    let ready = data.join(READY);
    fs::rename(&laying, &ready).map_err(BackupError::file(&ready))?;
    sync_folder(data).map_err(BackupError::file(data))
}

/// The generation of a store's last link, as far as it can be read.
fn link_generation(store: &Path) -> Option<i64> {
    let store = backup::reader(store).ok()?;
    let text: String =
        store.query_row("SELECT value FROM meta WHERE key = 'link_generation'", [], |row| row.get(0)).ok()?;
    text.parse().ok()
}

/// A new epoch, a generation that no link had, and without those who were removed.
fn begin_anew(
    database: &Path,
    removed: &[(i64, DeviceKey)],
    restored: &Restored,
    generation: i64,
) -> Result<(), BackupError> {
    let mut store = Connection::open(database)?;
    store.pragma_update(None, "foreign_keys", true)?;
    if migrations::found(&store)? == 0 {
        migrations::migrate(&mut store)?;
    }
    let all = store.transaction()?;
    for (at_ms, device) in removed {
        // One that was bound again after that stays.
        all.execute("DELETE FROM device WHERE device_key = ?1 AND bound_at < ?2", params![device.as_str(), at_ms])?;
    }
    let set = |key: &str, value: &str| {
        all.execute("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2", [key, value])
    };
    set("link_generation", &generation.to_string())?;
    set("epoch", &new_epoch())?;
    let told = serde_json::to_string(restored).map_err(io::Error::from).map_err(BackupError::file(database))?;
    set(META, &told)?;
    all.commit()?;
    Ok(())
}

/// Finishes a replacement that was laid ready, if there is one. Whatever moment a crash chose, doing it again ends the same.
///
/// # Errors
/// What the file system says; the next start goes on.
pub fn finish(data: &Path) -> Result<(), BackupError> {
    finish_stepwise(data, &mut || {})
}

/// `each` is called before everything that changes a name.
fn finish_stepwise(data: &Path, each: &mut dyn FnMut()) -> Result<(), BackupError> {
    let mut move_file = |from: &Path, to: &Path| {
        each();
        move_file(from, to)
    };
    let ready = data.join(READY);
    let plan = ready.join(PLAN);
    let bytes = match fs::read(&plan) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Everything was moved out of it but the folder itself.
            return match fs::remove_dir(&ready) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::file(&ready)(error)),
                Ok(()) | Err(_) => Ok(()),
            };
        }
        Err(source) => return Err(BackupError::File { path: plan, source }),
    };
    let restored: Restored =
        serde_json::from_slice(&bytes).map_err(|error| BackupError::Damaged(format!("{}: {error}", plan.display())))?;
    // By its name: the data folder may be called otherwise than before.
    let name = restored
        .aside
        .file_name()
        .ok_or_else(|| BackupError::Damaged(format!("{} names no folder", plan.display())))?;
    let aside = &data.join(name);
    private_folder(aside).map_err(BackupError::file(aside))?;
    // The store is the last to come: while it is here, what lies beside it is not its own.
    let store_waits = ready.join(FILE).exists();
    for name in BESIDE.into_iter().filter(|_| store_waits) {
        move_file(&data.join(name), &aside.join(name))?;
    }
    for name in KEYS.into_iter().chain([FILE]) {
        if ready.join(name).exists() {
            move_file(&data.join(name), &aside.join(name))?;
            sync_folder(aside).map_err(BackupError::file(aside))?;
            move_file(&ready.join(name), &data.join(name))?;
        }
    }
    sync_folder(data).map_err(BackupError::file(data))?;
    move_file(&plan, &aside.join(PLAN))?;
    sync_folder(aside).map_err(BackupError::file(aside))?;
    each();
    fs::remove_dir(&ready).map_err(BackupError::file(&ready))?;
    sync_folder(data).map_err(BackupError::file(data))?;
    tracing::warn!(asOfMs = restored.as_of_ms, "the message store was replaced");
    Ok(())
}

/// Moves a file, if it is there.
fn move_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::file(from)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn private_mode(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Notes that devices were removed: no backup brings them back by itself.
pub(super) fn note_removed(data: &Path, devices: &[DeviceKey], now_ms: i64) -> io::Result<()> {
    let folder = data.join(backup::FOLDER);
    private_folder(&folder)?;
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(folder.join(REMOVED))?;
    let lines: String = devices.iter().map(|device| format!("{now_ms} {device}\n")).collect();
    file.write_all(lines.as_bytes())?;
    file.sync_all()
}

/// Forgets removals that every backup that is left knows of.
pub(super) fn forget_removed(data: &Path, oldest: &Backup) -> io::Result<()> {
    let Ok(manifest) = backup::manifest(&oldest.folder) else { return Ok(()) };
    let noted = removed(data)?;
    let needed: Vec<_> = noted.iter().filter(|(at_ms, _)| *at_ms >= manifest.made_ms).collect();
    if needed.len() == noted.len() {
        return Ok(());
    }
    let path = data.join(backup::FOLDER).join(REMOVED);
    let beside = path.with_extension("new");
    let lines: String = needed.iter().map(|(at_ms, device)| format!("{at_ms} {device}\n")).collect();
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    private_file(&beside, lines.as_bytes())?;
    fs::rename(&beside, &path)?;
    sync_folder(&data.join(backup::FOLDER))
}

/// Devices that were removed, and when. A line that a crash cut off is of a removal that a newer line repeats.
fn removed(data: &Path) -> io::Result<Vec<(i64, DeviceKey)>> {
    let text = match fs::read_to_string(data.join(backup::FOLDER).join(REMOVED)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let line = |line: &str| {
        let (at_ms, device) = line.split_once(' ')?;
        Some((at_ms.parse().ok()?, DeviceKey::parse(device)?))
    };
    Ok(text.lines().filter_map(line).collect())
}

#[cfg(test)]
mod tests;
