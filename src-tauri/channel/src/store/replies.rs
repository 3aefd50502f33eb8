//! The `reply` table: what a device is told, until it has it. What it has is everything up to its `got_n`: that needs no index of its own.

use rusqlite::{OptionalExtension, Row, params};

use super::devices::unreadable;
use super::{Store, sums};
use crate::id::{DeviceKey, TurnId};
use crate::wire::Code;

/// A reply to store.
#[derive(Clone, Copy, Debug)]
pub struct NewReply<'a> {
    /// For whom.
    pub device: &'a DeviceKey,
    /// Id.
    pub rid: &'a str,
    /// The message it answers.
    pub re: Option<&'a str>,
    /// Words.
    pub text: &'a str,
    /// A 9002 went before.
    pub late: bool,
    /// It tells of an error.
    pub code: Option<Code>,
    /// Who says it: a word of docs/PROTOCOL.md section 3.1, or `user`.
    pub by: Option<&'a str>,
    /// When it came, ms since 1970.
    pub now: i64,
}

/// A stored reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyRow {
    /// Count for its device.
    pub n: u64,
    /// Id.
    pub rid: String,
    /// The message it answers.
    pub re: Option<String>,
    /// Words.
    pub text: String,
    /// A 9002 went before.
    pub late: bool,
    /// It tells of an error.
    pub code: Option<Code>,
    /// Who says it.
    pub by: Option<String>,
    /// What was stored is not what was written; its place is taken by words that say so.
    pub damaged: bool,
}

/// The sum over what of a row reaches a device. `code` is the number.
fn sum(
    device: &DeviceKey,
    row: (u64, &str),
    re: Option<&str>,
    text: &str,
    late: bool,
    more: (Option<u16>, Option<&str>),
) -> i64 {
    let ((n, rid), (code, by)) = (row, more);
    let (number, code) = (n.to_le_bytes(), code.map(u16::to_le_bytes));
    sums::of(&[
        Some(device.as_str().as_bytes()),
        Some(&number),
        Some(rid.as_bytes()),
        re.map(str::as_bytes),
        Some(text.as_bytes()),
        Some(&[u8::from(late)]),
        code.as_ref().map(|code| code.as_slice()),
        by.map(str::as_bytes),
    ])
}

/// A row whose sum is wrong speaks of that, and of nothing else.
fn read(device: &DeviceKey, row: &Row<'_>) -> rusqlite::Result<ReplyRow> {
    let number: Option<u16> = row.get(5)?;
    let (n, rid, re, text, late, by): (_, String, Option<String>, String, _, Option<String>) =
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(6)?);
    let kept: Option<i64> = row.get(7)?;
    let found = sum(device, (n, &rid), re.as_deref(), &text, late, (number, by.as_deref()));
    if kept.is_some_and(|kept| kept != found) {
        // Its id may be the damaged part, and another reply's.
        let rid = format!("s-damaged-{device}-{n}");
        let (text, code) = (sums::DAMAGED.to_owned(), Some(Code::OutcomeUnknown));
        return Ok(ReplyRow { n, rid, re: None, text, late: false, code, by: None, damaged: true });
    }
    let code = number.map(|number| Code::of(number).ok_or_else(|| unreadable(5, "code"))).transpose()?;
    Ok(ReplyRow { n, rid, re, text, late, code, by, damaged: false })
}

impl Store {
    /// Whether a reply with this id was stored before.
    ///
    /// # Errors
    /// SQLite's, as for every function here.
    pub fn reply_known(&self, rid: &str) -> rusqlite::Result<bool> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM reply WHERE rid = ?1")?
            .query_row([rid], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    /// Stores a reply as the next n of its device, which must be bound.
    pub fn insert_reply(&mut self, reply: NewReply<'_>) -> rusqlite::Result<u64> {
        self.begin()?;
        let n: u64 = self
            .connection
            .prepare_cached("UPDATE device SET last_n = last_n + 1 WHERE device_key = ?1 RETURNING last_n")?
            .query_row([reply.device.as_str()], |row| row.get(0))?;
        let code = reply.code.map(Code::number);
        let sum = sum(reply.device, (n, reply.rid), reply.re, reply.text, reply.late, (code, reply.by));
        self.connection
            .prepare_cached(
                "INSERT INTO reply (device_key, n, rid, message_id, text, bytes, late, code, by_agent, created_at, sum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                reply.device.as_str(),
                n,
                reply.rid,
                reply.re,
                reply.text,
                reply.text.len(),
                reply.late,
                code,
                reply.by,
                reply.now,
                sum
            ])?;
        self.acknowledged.reply(reply.device, n);
        Ok(n)
    }

    /// Whether a turn has a reply.
    pub fn has_reply(&self, turn: &TurnId) -> rusqlite::Result<bool> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM reply WHERE device_key = ?1 AND message_id = ?2 LIMIT 1")?
            .query_row(params![turn.device.as_str(), turn.message.as_str()], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    /// Replies that a device does not have and that come after `after`, in order, at most `limit`.
    pub fn replies_after(&self, device: &DeviceKey, after: u64, limit: usize) -> rusqlite::Result<Vec<ReplyRow>> {
        self.connection
            .prepare_cached(
                "SELECT n, rid, message_id, text, late, code, by_agent, sum FROM reply
                 WHERE device_key = ?1 AND n > max(?2, (SELECT got_n FROM device WHERE device_key = ?1)) ORDER BY n LIMIT ?3",
            )?
            .query_map(params![device.as_str(), after, limit], |row| read(device, row))?
            .collect()
    }

    /// How many replies wait for a device, and how many bytes.
    pub fn waiting_replies(&self, device: &DeviceKey) -> rusqlite::Result<(u64, u64)> {
        self.connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(bytes), 0) FROM reply
                 WHERE device_key = ?1 AND n > (SELECT got_n FROM device WHERE device_key = ?1)",
            )?
            .query_row([device.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The device has everything up to `n`; `sent_at` is when the last of it was sent. `keep_text` false wipes the words.
    pub fn replies_got(
        &mut self,
        device: &DeviceKey,
        n: u64,
        sent_at: Option<i64>,
        now: i64,
        keep_text: bool,
    ) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "UPDATE reply SET got_at = ?3, sent_at = ?4, text = CASE WHEN ?5 THEN text ELSE '' END
                 WHERE device_key = ?1 AND n > (SELECT got_n FROM device WHERE device_key = ?1) AND n <= ?2",
            )?
            .execute(params![device.as_str(), n, now, sent_at, keep_text])?;
        self.connection
            .prepare_cached("UPDATE device SET got_n = max(got_n, ?2) WHERE device_key = ?1")?
            .execute(params![device.as_str(), n])?;
        Ok(())
    }

    /// Gives up the oldest waiting reply of a device; its size in bytes.
    pub fn drop_oldest_reply(&mut self, device: &DeviceKey) -> rusqlite::Result<Option<u64>> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "DELETE FROM reply WHERE device_key = ?1 AND n =
                    (SELECT min(n) FROM reply WHERE device_key = ?1 AND n > (SELECT got_n FROM device WHERE device_key = ?1))
                 RETURNING bytes",
            )?
            .query_row([device.as_str()], |row| row.get(0))
            .optional()
    }

    /// Devices whose oldest waiting reply is older than `before`, and those replies given up.
    pub fn expire_replies(&mut self, before: i64) -> rusqlite::Result<Vec<DeviceKey>> {
        let devices: Vec<DeviceKey> = self
            .connection
            .prepare_cached(
                "SELECT DISTINCT device_key FROM reply WHERE created_at < ?1 AND got_at IS NULL AND coalesce(code, 0) <> ?2",
            )?
            .query_map(params![before, Code::Expired.number()], |row| {
                let key: String = row.get(0)?;
                DeviceKey::parse(&key).ok_or_else(|| unreadable(0, "device key"))
            })?
            .collect::<rusqlite::Result<_>>()?;
        if !devices.is_empty() {
            self.begin()?;
            self.connection
                .prepare_cached(
                    "DELETE FROM reply WHERE created_at < ?1 AND got_at IS NULL AND coalesce(code, 0) <> ?2",
                )?
                .execute(params![before, Code::Expired.number()])?;
        }
        Ok(devices)
    }
}
