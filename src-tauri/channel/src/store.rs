//! The one SQLite file. One writer, the hub thread; `synchronous=FULL`; nothing is told to a peer before [`Store::commit`] returned.
//!
//! A transaction begins with the first write of a batch and ends with `commit` or `rollback`; reads alone begin none.

mod acknowledged;
mod activity;
pub mod backup;
mod devices;
pub mod keeper;
mod log;
mod migrations;
mod replies;
pub mod restore;
mod sums;
mod turns;
mod unasked;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, config::DbConfig, ffi, params};

use crate::clock::Clock;

use acknowledged::Acknowledged;
use backup::BackupError;
pub use devices::DeviceRow;
pub use replies::{NewReply, ReplyRow};
pub use turns::{Milestones, NewTurn, Standing, TurnRow};

/// The store's file in the data folder.
pub const FILE: &str = "channel.db";

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite says no.
    #[error("the message store cannot be opened")]
    Sqlite(#[from] rusqlite::Error),
    /// Made by a newer version of this program.
    #[error("the message store was made by a newer version (schema {found}, this one knows {known})")]
    Newer {
        /// In the file.
        found: usize,
        /// In this build.
        known: usize,
    },
    /// The file cannot be made, or made private.
    #[error("the message store cannot be made private")]
    Private(#[source] std::io::Error),
    /// Its content is not what this program wrote.
    #[error("the message store is damaged: {0}")]
    Damaged(String),
    /// A backup before the change to a newer schema, or the return to one, did not succeed. The store is as it was.
    #[error("the message store cannot be backed up or restored")]
    Backup(#[from] BackupError),
    /// While the service ran, the file was taken away or another one was put in its place.
    #[error("the message store is not the one that was open before")]
    Exchanged,
}

impl OpenError {
    /// What is wrong with the file itself. `None`: the disk, the permissions or another program keep it from being opened, and the file may be whole.
    pub fn damage(&self) -> Option<String> {
        match self {
            Self::Damaged(what) => Some(what.clone()),
            Self::Sqlite(error) if is_damage(error) => Some(error.to_string()),
            Self::Sqlite(_) | Self::Newer { .. } | Self::Private(_) | Self::Backup(_) | Self::Exchanged => None,
        }
    }
}

/// Whether SQLite complains about what the file holds, not about how it can be reached.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                // Our own statements are right: the tables that they meet are not.
                | ErrorCode::Unknown
                | ErrorCode::SchemaChanged
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
        ),
        // A value that cannot be read as what was written.
        None => !matches!(error, rusqlite::Error::InvalidPath(_) | rusqlite::Error::NulError(_)),
    }
}

/// What an error of SQLite means for those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room: nothing of the batch was stored, and the connection is sound.
    Full,
    /// This one statement cannot be done: nothing of the batch was stored, and the connection is sound.
    Content,
    /// The disk, or the file: what this connection says counts no more.
    Broken,
}

impl Refusal {
    /// What an error means. What is not known to be harmless is not. `is_full` is asked where the error leaves open whether there was no room: SQLite knows
    /// ENOSPC, and takes what a quota says for any failed write, from which it recovers in the same way.
    pub fn of(error: &rusqlite::Error, is_full: impl FnOnce() -> bool) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::SystemIoFailure) if is_failed_write(error) && is_full() => Self::Full,
            None | Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => Self::Content,
            Some(_) => Self::Broken,
        }
    }
}

fn is_failed_write(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE)
}

/// The store, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    in_transaction: bool,
    /// Where the file is. `None`: in memory.
    folder: Option<PathBuf>,
    /// Closed for a failure; see [`Store::close`].
    closed: bool,
    acknowledged: Acknowledged,
}

/// Pages of the log that are moved into the database together: some 16 MiB, and where space is scarce 1 MiB.
const LOG_PAGES: (i64, i64) = (4_096, 256);

impl Store {
    /// Opens or makes `folder/channel.db`, brings it to the newest schema, and gives a new file its epoch.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join(FILE);
        make_private(&path).map_err(OpenError::Private)?;
        Self::prepare(Connection::open(path)?, Some(folder))
    }

    /// A store that lives as long as the value: for tests of decisions.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::prepare(Connection::open_in_memory()?, None)
    }

    fn prepare(mut connection: Connection, folder: Option<&Path>) -> Result<Self, OpenError> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Without it the partial indexes make SQLite plan a statement anew for every value that is bound.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        // Nothing is written to a file that this program does not know.
        let schema = migrations::refuse_newer(&connection)?;
        // One that turns out to be damaged is left as it is, its log beside it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        // By itself SQLite moves the log within a commit, and keeps an error of that to itself: see `Store::checkpoint`.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // What a statement spills goes to no other disk, which may be full as well.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        // On macOS a plain fsync does not reach the platter; a no-op elsewhere.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        let damage: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if damage != "ok" {
            return Err(OpenError::Damaged(damage));
        }
        if let Some(folder) = folder.filter(|_| (1..migrations::NEWEST).contains(&schema)) {
            migrations::check(&connection, schema)?;
            backup::make(folder, Clock::start().wall_ms())?;
        }
        migrations::migrate(&mut connection)?;
        migrations::check(&connection, migrations::NEWEST)?;
        let epoch = new_epoch();
        connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', ?1)", [epoch])?;
        let mut store = Self {
            connection,
            in_transaction: false,
            folder: folder.map(Path::to_owned),
            closed: false,
            acknowledged: Acknowledged::default(),
        };
        devices::check(&store.connection)?;
        store.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        store.acknowledged = Acknowledged::of(store.epoch()?);
        Ok(store)
    }

    /// Ends a connection that failed, without a further statement on it. Whatever is asked of the store from now on fails, until [`Store::reopen`] succeeded.
    pub fn close(&mut self) {
        self.closed = true;
        self.in_transaction = false;
        self.acknowledged.rolled_back();
        // An empty database: every statement of ours fails on it.
        match Connection::open_in_memory() {
            Ok(nothing) => {
                if let Err((_, error)) = std::mem::replace(&mut self.connection, nothing).close() {
                    tracing::warn!(%error, "the failed store was closed badly");
                }
            }
            Err(error) => tracing::error!(%error, "the failed store stays open, unused"),
        }
    }

    /// Opens the file again after [`Store::close`], proves that it can be read and written, and looks for what was acknowledged: how many of those rows are gone.
    /// Where one is, this is another life of the store, with another epoch. `now_ms`: since 1970.
    ///
    /// # Errors
    /// See [`OpenError`]; the store stays closed.
    pub fn reopen(&mut self, now_ms: i64) -> Result<usize, OpenError> {
        let folder = self.folder.clone().ok_or(OpenError::Exchanged)?;
        // Opening makes what is not there.
        if !folder.join(FILE).is_file() {
            return Err(OpenError::Exchanged);
        }
        let mut fresh = Self::open(&folder)?;
        if fresh.epoch()? != self.acknowledged.epoch {
            return Err(OpenError::Exchanged);
        }
        // A sync that failed leaves the tail of the log in doubt. All of it moves into the database, and the log begins anew.
        let busy: bool = fresh.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            return Err(ffi_error(ffi::SQLITE_BUSY).into());
        }
        let times: u64 = fresh.meta("reopened")?.and_then(|times| times.parse().ok()).unwrap_or(0);
        fresh.set_meta("reopened", Some(&(times + 1).to_string()))?;
        let missing = fresh.mend(&self.acknowledged)?;
        if missing > 0 {
            fresh.live_anew(now_ms)?;
        }
        fresh.commit()?;
        if missing == 0 {
            fresh.acknowledged = std::mem::take(&mut self.acknowledged);
        } else {
            // What is gone is told once; and nothing of it is waited for.
            fresh.acknowledged = Acknowledged::of(fresh.epoch()?);
        }
        *self = fresh;
        Ok(missing)
    }

    /// Rows are gone that somebody was told of, and their numbers will be given again: devices begin to count anew, and the link's next generation is one that no
    /// link had. `now_ms`: since 1970.
    fn live_anew(&mut self, now_ms: i64) -> rusqlite::Result<()> {
        let generation = self.meta("link_generation")?.and_then(|text| text.parse().ok()).unwrap_or(0).max(now_ms);
        self.set_meta("link_generation", Some(&generation.to_string()))?;
        self.set_meta("epoch", Some(&new_epoch()))
    }

    /// Where the log is, while there is one.
    pub fn log(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{FILE}-wal")))
    }

    /// Moves the log into the database when it has grown; `scarce`: when it has grown a little. Not within a transaction.
    ///
    /// # Errors
    /// SQLite's. Nothing is lost then: the log stays.
    pub fn checkpoint(&mut self, scarce: bool) -> rusqlite::Result<()> {
        if self.in_transaction || self.closed {
            return Ok(());
        }
        let waiting: i64 = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(NOOP)")?
            .query_row([], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))?;
        if waiting >= if scarce { LOG_PAGES.1 } else { LOG_PAGES.0 } {
            self.connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |_| Ok(()))?;
        }
        Ok(())
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
        if self.closed {
            return Err(ffi_error(ffi::SQLITE_CANTOPEN));
        }
        if !self.in_transaction {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Makes everything since the last commit durable. Free when nothing was written.
    ///
    /// # Errors
    /// SQLite's; the caller must then [`Store::rollback`] and tell nobody.
    pub fn commit(&mut self) -> rusqlite::Result<()> {
        if self.in_transaction {
            self.connection.execute_batch("COMMIT")?;
            self.in_transaction = false;
            self.acknowledged.committed();
        }
        Ok(())
    }

    /// Forgets everything since the last commit.
    pub fn rollback(&mut self) {
        self.acknowledged.rolled_back();
        if self.in_transaction {
            // SQLite may have rolled back by itself (disk full); either way nothing of the batch remains.
            if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                tracing::debug!(%error, "rollback after a failed commit");
            }
            self.in_transaction = false;
        }
    }

    /// Whether something was written since the last commit.
    pub fn is_dirty(&self) -> bool {
        self.in_transaction
    }

    /// A value of the `meta` table.
    ///
    /// # Errors
    /// SQLite's.
    pub fn meta(&self, key: &str) -> rusqlite::Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()
    }

    /// Sets a value of the `meta` table; `None` removes it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn set_meta(&mut self, key: &str, value: Option<&str>) -> rusqlite::Result<()> {
        self.begin()?;
        match value {
            Some(value) => self
                .connection
                .prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2")?
                .execute(params![key, value])?,
            None => self.connection.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?,
        };
        Ok(())
    }

    /// Name of this store, the same for its whole life.
    ///
    /// # Errors
    /// SQLite's.
    pub fn epoch(&self) -> rusqlite::Result<String> {
        self.meta("epoch").map(Option::unwrap_or_default)
    }

    /// Wipes the text of turns that ended, and of replies that were taken, before `before_ms`; forgets both after `forget_ms`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn tidy(&mut self, before_ms: i64, forget_ms: i64) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection.execute(
            "UPDATE turn SET text = NULL WHERE received_at < ?1 AND state = 'done' AND text IS NOT NULL",
            [before_ms],
        )?;
        self.connection.execute(
            "UPDATE reply SET text = '' WHERE created_at < ?1 AND got_at IS NOT NULL AND text <> ''",
            [before_ms],
        )?;
        self.connection.execute("DELETE FROM reply WHERE created_at < ?1 AND got_at IS NOT NULL", [forget_ms])?;
        if self.connection.execute("DELETE FROM turn WHERE received_at < ?1 AND state = 'done'", [forget_ms])? > 0 {
            self.acknowledged.forget_all();
        }
        self.connection.execute("DELETE FROM refused_push WHERE created_at < ?1", [forget_ms])?;
        Ok(())
    }
}

fn ffi_error(code: std::ffi::c_int) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
}

/// Only its owner reads messages, whatever the folder allows. SQLite gives the files beside it the same mode.
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}

/// A name that no store had before.
fn new_epoch() -> String {
    ulid::Ulid::generate().to_string().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_keeps_its_epoch_and_refuses_a_newer_schema() {
        let folder = tempfile::tempdir().unwrap();
        let epoch = Store::open(folder.path()).unwrap().epoch().unwrap();
        assert_eq!(epoch.len(), 26);
        assert_eq!(Store::open(folder.path()).unwrap().epoch().unwrap(), epoch);
        let raw = Connection::open(folder.path().join("channel.db")).unwrap();
        raw.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(OpenError::Newer { found: 99, known: migrations::NEWEST })));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        store.set_meta("a", Some("b")).unwrap();
        store.commit().unwrap();
        for file in ["channel.db", "channel.db-wal", "channel.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn a_closed_store_refuses_everything_until_it_is_open_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        store.set_meta("kept", Some("1")).unwrap();
        store.commit().unwrap();
        store.set_meta("lost", Some("1")).unwrap();
        store.close();
        assert!(store.meta("kept").is_err(), "it does not pretend to be empty");
        assert!(store.set_meta("kept", None).is_err());
        store.commit().unwrap();
        let moved = folder.path().join("moved");
        std::fs::rename(folder.path().join(FILE), &moved).unwrap();
        assert!(matches!(store.reopen(1), Err(OpenError::Exchanged)));
        assert!(!folder.path().join(FILE).exists(), "no empty one is made");
        drop(Store::open(folder.path()).unwrap());
        assert!(matches!(store.reopen(1), Err(OpenError::Exchanged)), "not the one that was open before");
        std::fs::rename(&moved, folder.path().join(FILE)).unwrap();
        assert_eq!(store.reopen(1).unwrap(), 0);
        assert_eq!(store.meta("kept").unwrap().as_deref(), Some("1"));
        assert_eq!(store.meta("lost").unwrap(), None);
    }

    #[test]
    fn the_log_is_moved_when_it_has_grown() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let waiting = |store: &Store| -> i64 {
            let row = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
            store.connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], row).unwrap()
        };
        store.set_meta("words", Some(&"a".repeat(300 * 4_096))).unwrap();
        store.checkpoint(true).unwrap();
        store.commit().unwrap();
        assert!(waiting(&store) >= 300);
        store.checkpoint(false).unwrap();
        assert!(waiting(&store) >= 300, "not yet");
        store.checkpoint(true).unwrap();
        assert_eq!(waiting(&store), 0);
    }

    #[test]
    fn what_an_error_means() {
        let of = |code, full| Refusal::of(&ffi_error(code), || full);
        for full in [false, true] {
            assert_eq!(of(ffi::SQLITE_FULL, full), Refusal::Full);
            for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_READ, ffi::SQLITE_CORRUPT, ffi::SQLITE_READONLY] {
                assert_eq!(of(code, full), Refusal::Broken);
            }
            assert_eq!(of(ffi::SQLITE_CONSTRAINT_UNIQUE, full), Refusal::Content);
            assert_eq!(Refusal::of(&rusqlite::Error::QueryReturnedNoRows, || full), Refusal::Content);
        }
        // EDQUOT is one of them.
        assert_eq!(of(ffi::SQLITE_IOERR_WRITE, true), Refusal::Full);
        assert_eq!(of(ffi::SQLITE_IOERR_WRITE, false), Refusal::Broken);
    }

    #[test]
    fn full_sync_is_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let pragma =
            |name: &str| store.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(pragma("synchronous"), 2);
        assert_eq!(pragma("foreign_keys"), 1);
    }

    #[test]
    fn damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("channel.db");
        drop(Store::open(folder.path()).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        for byte in &mut bytes[4096..8192] {
            *byte = 0xa5;
        }
        std::fs::write(&path, bytes).unwrap();
        assert!(Store::open(folder.path()).is_err());
    }
}
