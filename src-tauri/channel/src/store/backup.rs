//! Backups: whole copies of the store with the keys of the service beside them, each in a folder of its own under `backups`.
//!
//! A folder without a dot in front is a verified backup: it is made under another name, checked, synced, and only then renamed. Whoever makes one reads the
//! store through SQLite alone: opening the file of a store that is in use in any other way would drop SQLite's locks on it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use super::error::BackupError;
use super::{FILE, devices, migrations};
use crate::clock::stamp;
use crate::disk::Disk;

/// How many backups are kept. An older one goes only after a newer one was verified.
pub const KEPT: usize = 5;
/// The files that make this service the one that its devices and its plugin know; a copy of the store is of no use to them without.
pub const KEYS: [&str; 3] = ["service.key", "link.key", "tls.pem"];
/// What a backup says about itself.
pub const MANIFEST: &str = "backup.json";
/// The folder of backups in the data folder.
pub const FOLDER: &str = "backups";
/// Begins the name of what is not finished.
const UNFINISHED: &str = ".new-";
/// What a copy leaves free, in bytes: a full disk is worse than an old backup.
const SPARE: u64 = 64 << 20;
/// The form of the manifest.
const VERSION: u32 = 1;

/// What a backup says about itself, in `backup.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Form of this file.
    pub version: u32,
    /// When it was made, ms since 1970.
    pub made_ms: i64,
    /// Version of the program that made it.
    pub program: String,
    /// Schema of the copy.
    pub schema: usize,
    /// What the bound devices are called and who they are, in one number: tells whether the store has other ones since.
    pub devices: String,
    /// SHA-256 of each file, in hex.
    pub files: BTreeMap<String, String>,
}

/// A verified backup in the data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Rises with each.
    pub number: u64,
    /// Where its files are.
    pub folder: PathBuf,
}

/// What a copy holds, for a person to recognise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// When it was made, ms since 1970.
    pub made_ms: i64,
    /// Names of the bound devices, oldest binding first.
    pub devices: Vec<String>,
    /// How many messages.
    pub messages: u64,
}

/// The verified backups, newest first.
///
/// # Errors
/// The folder cannot be read; that there is none is fine.
pub fn list(data: &Path) -> Result<Vec<Backup>, BackupError> {
    let all = data.join(FOLDER);
    let entries = match fs::read_dir(&all) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::file(&all)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BackupError::file(&all))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-')).and_then(|(number, _)| number.parse().ok());
        found.extend(number.map(|number| Backup { number, folder: entry.path() }));
    }
    found.sort_by_key(|backup| std::cmp::Reverse(backup.number));
    Ok(found)
}

/// Makes a verified backup, then gives up those that are too old. Reads the store through a connection of its own: who writes to it waits for nothing.
///
/// # Errors
/// See [`BackupError`]; then no older backup was touched.
pub fn make(data: &Path, now_ms: i64) -> Result<Backup, BackupError> {
    let all = data.join(FOLDER);
    private_folder(&all).map_err(BackupError::file(&all))?;
    let older = list(data)?;
    let number = older.first().map_or(0, |newest| newest.number) + 1;
    let unfinished = all.join(format!("{UNFINISHED}{number:06}"));
    if unfinished.exists() {
        // Of a run that was cut off; nobody else makes backups here.
        fs::remove_dir_all(&unfinished).map_err(BackupError::file(&unfinished))?;
    }
    copy(data, &unfinished, now_ms)?;
    verify(&unfinished)?;
    let folder = all.join(format!("{number:06}-{}", stamp(now_ms)));
    fs::rename(&unfinished, &folder).map_err(BackupError::file(&folder))?;
    sync_folder(&all).map_err(BackupError::file(&all))?;
    for old in older.iter().skip(KEPT - 1) {
        // Half a folder must not look like a backup.
        let leaving = all.join(format!("{UNFINISHED}{:06}", old.number));
        fs::rename(&old.folder, &leaving).map_err(BackupError::file(&old.folder))?;
        fs::remove_dir_all(&leaving).map_err(BackupError::file(&leaving))?;
    }
    Ok(Backup { number, folder })
}

/// Copies the store and the keys into a new folder, for its owner only, and syncs them. The store may be in use, by this process or another.
///
/// # Errors
/// See [`BackupError`]; [`BackupError::SourceDamaged`] where the store itself does not pass the whole check.
pub fn copy(data: &Path, into: &Path, now_ms: i64) -> Result<(), BackupError> {
    private_folder(into).map_err(BackupError::file(into))?;
    let size: u64 = [FILE, "channel.db-wal"]
        .iter()
        .filter_map(|name| fs::metadata(data.join(name)).ok())
        .map(|file| file.len())
        .sum();
    if Disk::of(into).free().is_some_and(|free| free < size * 2 + SPARE) {
        return Err(BackupError::file(into)(io::ErrorKind::StorageFull.into()));
    }
    let database = into.join(FILE);
    // SQLite writes into an empty file that is there, with the mode that it has.
    private_file(&database, &[]).map_err(BackupError::file(&database))?;
    let source = reader(&data.join(FILE))?;
    let damage: String = source.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if damage != "ok" {
        return Err(BackupError::SourceDamaged(damage));
    }
    let place = database.to_str().ok_or_else(|| BackupError::file(&database)(io::ErrorKind::InvalidFilename.into()))?;
    source.execute("VACUUM INTO ?1", [place])?;
    drop(source);
    OpenOptions::new()
        .write(true)
        .open(&database)
        .and_then(|file| file.sync_all())
        .map_err(BackupError::file(&database))?;
    let mut files = BTreeMap::from([(FILE.to_owned(), sum(&database)?)]);
    for name in KEYS {
        let path = data.join(name);
        match fs::read(&path).map(zeroize::Zeroizing::new) {
            Ok(key) => {
                private_file(&into.join(name), &key).map_err(BackupError::file(&into.join(name)))?;
                files.insert(name.to_owned(), hex(&key));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(BackupError::File { path, source }),
        }
    }
    let copied = reader(&database)?;
    let manifest = Manifest {
        version: VERSION,
        made_ms: now_ms,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: migrations::found(&copied)?,
        devices: fingerprint(&copied)?,
        files,
    };
    drop(copied);
    let path = into.join(MANIFEST);
    let json = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from).map_err(BackupError::file(&path))?;
    private_file(&path, &json).map_err(BackupError::file(&path))?;
    sync_folder(into).map_err(BackupError::file(into))
}

/// Whether a folder holds exactly what [`copy`] wrote there, and a store that this program can open. Changes nothing.
///
/// # Errors
/// What is wrong with it.
pub fn verify(folder: &Path) -> Result<Contents, BackupError> {
    let manifest = manifest(folder)?;
    for (name, told) in &manifest.files {
        if name.contains(['/', '\\']) || sum(&folder.join(name))? != *told {
            return Err(BackupError::Damaged(format!("{name} is not what was written")));
        }
    }
    if !manifest.files.contains_key(FILE) {
        return Err(BackupError::Damaged("it has no store".to_owned()));
    }
    let copied = reader(&folder.join(FILE))?;
    let schema = migrations::refuse_newer(&copied)?;
    let damage: String = copied.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if damage != "ok" {
        return Err(BackupError::Damaged(damage));
    }
    let orphan = copied.query_row("PRAGMA foreign_key_check", [], |_| Ok(())).optional()?;
    if orphan.is_some() {
        return Err(BackupError::Damaged("a message belongs to no device".to_owned()));
    }
    migrations::check(&copied, schema)?;
    devices::check(&copied)?;
    contents(&copied, manifest.made_ms)
}

/// What a store holds that is not in use, or is: without a check.
///
/// # Errors
/// See [`BackupError`].
pub fn contents_of(store: &Path, made_ms: i64) -> Result<Contents, BackupError> {
    contents(&reader(store)?, made_ms)
}

fn contents(store: &Connection, made_ms: i64) -> Result<Contents, BackupError> {
    let devices = store
        .prepare("SELECT name FROM device ORDER BY bound_at, device_key")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let messages = store.query_row("SELECT count(*) FROM turn", [], |row| row.get(0))?;
    Ok(Contents { made_ms, devices, messages })
}

/// What a backup says about itself.
///
/// # Errors
/// [`BackupError::File`], [`BackupError::Damaged`], [`BackupError::Newer`].
pub fn manifest(folder: &Path) -> Result<Manifest, BackupError> {
    let path = folder.join(MANIFEST);
    let bytes = fs::read(&path).map_err(BackupError::file(&path))?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| BackupError::Damaged(format!("{MANIFEST}: {error}")))?;
    if manifest.version > VERSION {
        return Err(BackupError::Newer { found: manifest.schema, known: migrations::NEWEST });
    }
    Ok(manifest)
}

/// A connection that changes nothing, not even by a checkpoint.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// The bound devices, their keys and their names, in one number.
pub(super) fn fingerprint(store: &Connection) -> rusqlite::Result<String> {
    let mut statement = store.prepare("SELECT device_key, name, bound_at FROM device ORDER BY device_key")?;
    let mut rows = statement.query([])?;
    let mut hash = Sha256::new();
    while let Some(row) = rows.next()? {
        let (key, name, bound_at): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        hash.update(format!("{key} {bound_at} {}\n", hex(name.as_bytes())));
    }
    Ok(HEXLOWER.encode(&hash.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

fn sum(path: &Path) -> Result<String, BackupError> {
    let mut file = File::open(path).map_err(BackupError::file(path))?;
    let mut hash = Sha256::new();
    let mut part = vec![0; 64 << 10];
    loop {
        match file.read(&mut part).map_err(BackupError::file(path))? {
            0 => return Ok(HEXLOWER.encode(&hash.finalize())),
            read => hash.update(&part[..read]),
        }
    }
}

/// A folder for its owner only; one that is there stays.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only unix has a mode to set"))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// A new file for its owner only, synced.
pub(super) fn private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes names in a folder durable, where the system has a way to.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests;
