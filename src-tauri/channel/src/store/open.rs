//! How the store is opened, closed after a failure, and opened again.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ffi};

use super::acknowledged::Acknowledged;
use super::backup;
use super::error::OpenError;
use super::{FILE, Store, devices, ffi_error, migrations};
use crate::clock::Clock;
use crate::disk::make_private;

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
    pub(super) fn live_anew(&mut self, now_ms: i64) -> rusqlite::Result<()> {
        let generation = self.meta("link_generation")?.and_then(|text| text.parse().ok()).unwrap_or(0).max(now_ms);
        self.set_meta("link_generation", Some(&generation.to_string()))?;
        self.set_meta("epoch", Some(&new_epoch()))
    }
}

/// A name that no store had before.
pub(super) fn new_epoch() -> String {
    ulid::Ulid::generate().to_string().to_lowercase()
}
