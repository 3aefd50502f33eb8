//! The one SQLite file. One writer, the hub thread; `synchronous=FULL`; nothing is told to a peer before [`Store::commit`] returned.
//!
//! A transaction begins with the first write of a batch and ends with `commit` or `rollback`; reads alone begin none.

mod activity;
mod devices;
mod replies;
mod turns;
mod unasked;

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, config::DbConfig, params};

pub use devices::DeviceRow;
pub use replies::{NewReply, ReplyRow};
pub use turns::{Milestones, NewTurn, Standing, TurnRow};

/// Numbered and frozen: a released one is never edited.
const MIGRATIONS: [&str; 3] = [
    include_str!("store/migrations/0001_init.sql"),
    include_str!("store/migrations/0002_activity.sql"),
    include_str!("store/migrations/0003_speaks_first.sql"),
];

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
    /// `PRAGMA quick_check` found damage.
    #[error("the message store is damaged: {0}")]
    Damaged(String),
}

/// The store, open for writing.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    in_transaction: bool,
}

impl Store {
    /// Opens or makes `folder/channel.db`, brings it to the newest schema, and gives a new file its epoch.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join("channel.db");
        make_private(&path).map_err(OpenError::Private)?;
        Self::prepare(Connection::open(path)?)
    }

    /// A store that lives as long as the value: for tests of decisions.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, OpenError> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Without it the partial indexes make SQLite plan a statement anew for every value that is bound.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        // One fsync of the whole file for some 16 MiB of log, not for every quiet moment.
        connection.pragma_update(None, "wal_autocheckpoint", 4_096)?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        // On macOS a plain fsync does not reach the platter; a no-op elsewhere.
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        let damage: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if damage != "ok" {
            return Err(OpenError::Damaged(damage));
        }
        migrate(&mut connection)?;
        Ok(Self { connection, in_transaction: false })
    }

    fn begin(&mut self) -> rusqlite::Result<()> {
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
        }
        Ok(())
    }

    /// Forgets everything since the last commit.
    pub fn rollback(&mut self) {
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
        self.connection.execute("DELETE FROM turn WHERE received_at < ?1 AND state = 'done'", [forget_ms])?;
        self.connection.execute("DELETE FROM refused_push WHERE created_at < ?1", [forget_ms])?;
        Ok(())
    }
}

/// Only its owner reads messages, whatever the folder allows. SQLite gives the files beside it the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
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

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let found: usize = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { found, known: MIGRATIONS.len() });
    }
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        let step = connection.transaction()?;
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", index + 1)?;
        step.commit()?;
    }
    let epoch = ulid::Ulid::generate().to_string().to_lowercase();
    connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('epoch', ?1)", [epoch])?;
    Ok(())
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
        assert!(matches!(Store::open(folder.path()), Err(OpenError::Newer { found: 99, known: 3 })));
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
