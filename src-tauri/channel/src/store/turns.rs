//! The `turn` table: a message of a device and what became of it.

use rusqlite::{OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use super::devices::unreadable;
use super::{Store, sums};
use crate::id::{DeviceKey, MessageId, TurnId};

/// A message that came in.
#[derive(Clone, Copy, Debug)]
pub struct NewTurn<'a> {
    /// Who sent it.
    pub device: &'a DeviceKey,
    /// Its id.
    pub message: &'a MessageId,
    /// Words.
    pub text: &'a str,
    /// When it came, ms since 1970.
    pub received_at: i64,
    /// When it is being committed, ms since 1970.
    pub stored_at: i64,
}

/// What the store knows of a message id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Never seen.
    New,
    /// Stored, with the same words; its state.
    Known(String),
    /// Stored, with other words.
    OtherText,
}

/// A turn that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnRow {
    /// Which.
    pub id: TurnId,
    /// Words.
    pub text: String,
    /// What was stored is not what was written: the words are of no use.
    pub damaged: bool,
    /// When they came, ms since 1970.
    pub received_at: i64,
    /// Whether it went to the plugin before.
    pub sent: bool,
    /// Whether a 9002 went to the device.
    pub late: bool,
    /// When it first went to the plugin.
    pub delivered_at: Option<i64>,
}

/// When the plugin reported what, ms since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Milestones {
    /// It took the turn.
    pub accepted: Option<i64>,
    /// The run began.
    pub started: Option<i64>,
    /// First words.
    pub first_token: Option<i64>,
    /// First tool.
    pub tool: Option<i64>,
    /// Last piece of the answer.
    pub finished: Option<i64>,
}

fn digest(text: &str) -> [u8; 16] {
    let full = Sha256::digest(text.as_bytes());
    std::array::from_fn(|index| full[index])
}

fn sum(device: &str, message: &str, text: &str) -> i64 {
    sums::of(&[device, message, text].map(|part| Some(part.as_bytes())))
}

fn read(row: &Row<'_>) -> rusqlite::Result<TurnRow> {
    let (device, message, text): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let kept: Option<i64> = row.get(7)?;
    let damaged = kept.is_some_and(|kept| kept != sum(&device, &message, &text));
    let device = DeviceKey::parse(&device).ok_or_else(|| unreadable(0, "device key"))?;
    let message = MessageId::parse(&message).ok_or_else(|| unreadable(1, "message id"))?;
    Ok(TurnRow {
        id: TurnId { device, message },
        text,
        damaged,
        received_at: row.get(3)?,
        sent: row.get::<_, String>(4)? == "sent",
        late: row.get(5)?,
        delivered_at: row.get(6)?,
    })
}

const COLUMNS: &str = "device_key, message_id, text, received_at, state, late, delivered_at, sum";

impl Store {
    /// What is known of a message id.
    ///
    /// # Errors
    /// SQLite's, as for every function here.
    pub fn standing(&self, device: &DeviceKey, message: &MessageId, text: &str) -> rusqlite::Result<Standing> {
        let known: Option<(Vec<u8>, String)> = self
            .connection
            .prepare_cached("SELECT digest, state FROM turn WHERE device_key = ?1 AND message_id = ?2")?
            .query_row(params![device.as_str(), message.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(match known {
            None => Standing::New,
            Some((stored, state)) if stored == digest(text) => Standing::Known(state),
            Some(_) => Standing::OtherText,
        })
    }

    /// Whether a turn is known; its outcome once it is over.
    pub fn turn_state(&self, turn: &TurnId) -> rusqlite::Result<Option<String>> {
        self.connection
            .prepare_cached("SELECT state FROM turn WHERE device_key = ?1 AND message_id = ?2")?
            .query_row(params![turn.device.as_str(), turn.message.as_str()], |row| row.get(0))
            .optional()
    }

    /// Stores a message behind the earlier ones of its device.
    pub fn insert_turn(&mut self, turn: NewTurn<'_>) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "INSERT INTO turn (device_key, message_id, digest, text, bytes, state, received_at, stored_at, sum)
                 VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?7, ?8)",
            )?
            .execute(params![
                turn.device.as_str(),
                turn.message.as_str(),
                digest(turn.text),
                turn.text,
                turn.text.len(),
                turn.received_at,
                turn.stored_at,
                sum(turn.device.as_str(), turn.message.as_str(), turn.text)
            ])?;
        self.acknowledged.turn(turn.device, turn.message);
        Ok(())
    }

    /// How many turns of a device are not over, and how many bytes.
    pub fn open_turns(&self, device: &DeviceKey) -> rusqlite::Result<(u64, u64)> {
        self.connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(bytes), 0) FROM turn WHERE device_key = ?1 AND state <> 'done'",
            )?
            .query_row([device.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The oldest turns of a device that are not over, at most `limit`.
    pub fn next_turns(&self, device: &DeviceKey, limit: usize) -> rusqlite::Result<Vec<TurnRow>> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM turn WHERE device_key = ?1 AND state <> 'done' ORDER BY seq LIMIT ?2"
            ))?
            .query_map(params![device.as_str(), limit], read)?
            .collect()
    }

    /// Devices that have turns which are not over, the longest waiting first.
    pub fn devices_with_open_turns(&self) -> rusqlite::Result<Vec<DeviceKey>> {
        self.connection
            .prepare_cached("SELECT device_key FROM turn WHERE state <> 'done' GROUP BY device_key ORDER BY min(seq)")?
            .query_map([], |row| {
                let key: String = row.get(0)?;
                DeviceKey::parse(&key).ok_or_else(|| unreadable(0, "device key"))
            })?
            .collect()
    }

    /// Notes that a turn went to the plugin.
    pub fn turn_sent(&mut self, turn: &TurnId, now: i64) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "UPDATE turn SET state = 'sent', delivered_at = coalesce(delivered_at, ?3),
                    first_n = coalesce(first_n, (SELECT last_n + 1 FROM device WHERE device_key = ?1))
                 WHERE device_key = ?1 AND message_id = ?2 AND state <> 'done'",
            )?
            .execute(params![turn.device.as_str(), turn.message.as_str(), now])?;
        Ok(())
    }

    /// Notes that a 9002 went to the device.
    pub fn turn_late(&mut self, turn: &TurnId) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached("UPDATE turn SET late = 1 WHERE device_key = ?1 AND message_id = ?2")?
            .execute(params![turn.device.as_str(), turn.message.as_str()])?;
        Ok(())
    }

    /// Ends a turn; `keep_text` false wipes its words.
    pub fn turn_done(
        &mut self,
        turn: &TurnId,
        outcome: &str,
        times: Milestones,
        now: i64,
        keep_text: bool,
    ) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "UPDATE turn SET state = 'done', outcome = ?3, accepted_at = ?4, started_at = ?5, first_token_at = ?6,
                    tool_at = ?7, final_at = ?8, text = CASE WHEN ?9 THEN text END, ended_at = ?10,
                    last_n = (SELECT last_n FROM device WHERE device_key = ?1)
                 WHERE device_key = ?1 AND message_id = ?2",
            )?
            .execute(params![
                turn.device.as_str(),
                turn.message.as_str(),
                outcome,
                times.accepted,
                times.started,
                times.first_token,
                times.tool,
                times.finished,
                keep_text,
                now
            ])?;
        Ok(())
    }

    /// Notes that a reply belongs to a turn that is not the one at the plugin.
    pub fn turn_reaches(&mut self, turn: &TurnId, n: u64) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached(
                "UPDATE turn SET first_n = coalesce(first_n, ?3), last_n = ?3 WHERE device_key = ?1 AND message_id = ?2",
            )?
            .execute(params![turn.device.as_str(), turn.message.as_str(), n])?;
        Ok(())
    }
}
