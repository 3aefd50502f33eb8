//! The `device` table.

use ed25519_dalek::VerifyingKey;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{OpenError, Store};
use crate::id::DeviceKey;
use crate::view::{Lost, SpeaksFirst};
use crate::wire::device::Kind;

/// One bound device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    /// Name of its key.
    pub key: DeviceKey,
    /// Its key.
    pub public_key: VerifyingKey,
    /// What the person calls it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// When it was bound, ms since 1970.
    pub bound_at: i64,
    /// When it was last connected, ms since 1970; 0: never.
    pub last_seen: i64,
    /// Highest reply ever made for it.
    pub last_n: u64,
    /// Highest reply it has.
    pub got_n: u64,
    /// Who may speak to it without being asked.
    pub speaks_first: SpeaksFirst,
}

const COLUMNS: &str = "device_key, public_key, name, kind, bound_at, last_seen, last_n, got_n, speaks_first";

/// A column that holds what this program never writes.
pub(super) fn unreadable(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, what.into())
}

fn read(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    let key: String = row.get(0)?;
    let public_key: [u8; 32] = row.get(1)?;
    let kind: String = row.get(3)?;
    let speaks_first: String = row.get(8)?;
    Ok(DeviceRow {
        key: DeviceKey::parse(&key).ok_or_else(|| unreadable(0, "device key"))?,
        public_key: VerifyingKey::from_bytes(&public_key).map_err(|_| unreadable(1, "public key"))?,
        name: row.get(2)?,
        kind: Kind::parse(&kind).ok_or_else(|| unreadable(3, "kind"))?,
        bound_at: row.get(4)?,
        last_seen: row.get(5)?,
        last_n: row.get(6)?,
        got_n: row.get(7)?,
        speaks_first: SpeaksFirst::parse(&speaks_first).ok_or_else(|| unreadable(8, "speaks_first"))?,
    })
}

/// Whether every device's key is the one that its name is made of, and whether no device has more replies than were made.
pub(super) fn check(connection: &Connection) -> Result<(), OpenError> {
    let mut statement = connection.prepare("SELECT device_key, public_key, last_n, got_n FROM device")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, public_key): (String, [u8; 32]) = (row.get(0)?, row.get(1)?);
        let (last_n, got_n): (u64, u64) = (row.get(2)?, row.get(3)?);
        if DeviceKey::of_bytes(&public_key).as_str() != key || got_n > last_n {
            return Err(OpenError::Damaged("a device is not as it was bound".to_owned()));
        }
    }
    Ok(())
}

impl Store {
    /// One device.
    ///
    /// # Errors
    /// SQLite's, as for every function here.
    pub fn device(&self, key: &DeviceKey) -> rusqlite::Result<Option<DeviceRow>> {
        self.connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM device WHERE device_key = ?1"))?
            .query_row([key.as_str()], read)
            .optional()
    }

    /// What the person calls a device; `None`: not bound. Cheaper than the whole row, whose key must be unpacked.
    pub fn device_name(&self, key: &DeviceKey) -> rusqlite::Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT name FROM device WHERE device_key = ?1")?
            .query_row([key.as_str()], |row| row.get(0))
            .optional()
    }

    /// All devices, oldest binding first.
    pub fn devices(&self) -> rusqlite::Result<Vec<DeviceRow>> {
        self.connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM device ORDER BY bound_at, device_key"))?
            .query_map([], read)?
            .collect()
    }

    /// How many devices are bound.
    pub fn device_count(&self) -> rusqlite::Result<usize> {
        self.connection.prepare_cached("SELECT count(*) FROM device")?.query_row([], |row| row.get(0))
    }

    /// Binds a device. One that is bound already keeps its name and its queue.
    pub fn bind_device(&mut self, public_key: &VerifyingKey, name: &str, kind: Kind, now: i64) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "INSERT INTO device (device_key, public_key, name, kind, bound_at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET kind = ?4, bound_at = ?5",
            )?
            .execute(params![DeviceKey::of(public_key).as_str(), public_key.as_bytes(), name, kind.as_str(), now])?;
        self.acknowledged.bound(&DeviceKey::of(public_key));
        Ok(())
    }

    /// Renames. Whether the device is bound.
    pub fn rename_device(&mut self, key: &DeviceKey, name: &str) -> rusqlite::Result<bool> {
        self.begin()?;
        let changed = self
            .connection
            .prepare_cached("UPDATE device SET name = ?2 WHERE device_key = ?1")?
            .execute(params![key.as_str(), name])?;
        Ok(changed > 0)
    }

    /// Who may speak to a device without being asked; `None`: not bound.
    pub fn speaks_first(&self, key: &DeviceKey) -> rusqlite::Result<Option<SpeaksFirst>> {
        let word: Option<String> = self
            .connection
            .prepare_cached("SELECT speaks_first FROM device WHERE device_key = ?1")?
            .query_row([key.as_str()], |row| row.get(0))
            .optional()?;
        word.map(|word| SpeaksFirst::parse(&word).ok_or_else(|| unreadable(0, "speaks_first"))).transpose()
    }

    /// Decides who may speak to a device without being asked. Whether the device is bound.
    pub fn set_speaks_first(&mut self, key: &DeviceKey, who: SpeaksFirst) -> rusqlite::Result<bool> {
        self.begin()?;
        let changed = self
            .connection
            .prepare_cached("UPDATE device SET speaks_first = ?2 WHERE device_key = ?1")?
            .execute(params![key.as_str(), who.as_str()])?;
        Ok(changed > 0)
    }

    /// Notes when a device was last connected.
    pub fn device_seen(&mut self, key: &DeviceKey, now: i64) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached("UPDATE device SET last_seen = ?2 WHERE device_key = ?1")?
            .execute(params![key.as_str(), now])?;
        Ok(())
    }

    /// Forgets a device, its key, its messages and its replies. `None`: not bound.
    pub fn remove_device(&mut self, key: &DeviceKey) -> rusqlite::Result<Option<Lost>> {
        if self.device_name(key)?.is_none() {
            return Ok(None);
        }
        self.begin()?;
        let lost = Lost { messages: self.open_turns(key)?.0, replies: self.waiting_replies(key)?.0 };
        self.connection.prepare_cached("DELETE FROM device WHERE device_key = ?1")?.execute([key.as_str()])?;
        self.acknowledged.removed(key);
        Ok(Some(lost))
    }
}
