//! The one SQLite file. One writer, the hub thread; `synchronous=FULL`; nothing is told to a peer before [`Store::commit`] returned.
//!
//! A transaction begins with the first write of a batch and ends with `commit` or `rollback`; reads alone begin none.

mod acknowledged;
mod activity;
pub mod backup;
mod devices;
mod error;
pub mod keeper;
mod log;
mod migrations;
mod open;
mod replies;
pub mod restore;
mod sums;
mod turns;
mod unasked;

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, ffi, params};

use acknowledged::Acknowledged;
pub use devices::DeviceRow;
pub use error::{OpenError, Refusal};
pub use replies::{NewReply, ReplyRow};
pub use turns::{Milestones, NewTurn, Standing, TurnRow};

/// The store's file in the data folder.
pub const FILE: &str = "channel.db";

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
    /// SQLite's; `QueryReturnedNoRows`: it has none, which no store of ours is without.
    pub fn epoch(&self) -> rusqlite::Result<String> {
        self.meta("epoch")?.ok_or(rusqlite::Error::QueryReturnedNoRows)
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

#[cfg(test)]
mod tests;
