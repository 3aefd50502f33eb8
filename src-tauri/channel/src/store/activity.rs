//! What happened, for a person: turns with their times and their words.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params, params_from_iter};

use super::Store;
use super::devices::unreadable;
use crate::id::DeviceKey;
use crate::view::{TurnOf, TurnRecord};
use crate::wire::Code;

/// Most characters of what was said, and of what was answered.
const WORDS: usize = 500;
/// Most turns of one page, but for those of one millisecond.
const PAGE: usize = 500;

/// The replies `r` of a turn `t`.
const REPLIES: &str = "r.device_key = t.device_key AND r.message_id = t.message_id AND r.n >= t.first_n
    AND r.n <= CASE t.state WHEN 'done' THEN t.last_n ELSE 9223372036854775807 END";

/// All turns by time. Left to itself SQLite sorts all turns of a device instead; this walks past those of other devices without reading them.
const TURNS: &str = "turn t INDEXED BY turn_age";

/// What [`record`] reads, of a turn `t`.
fn record_columns() -> String {
    format!(
        "t.message_id, t.state, t.outcome, t.received_at, t.stored_at, t.delivered_at, t.accepted_at, t.started_at,
         t.first_token_at, t.tool_at, t.final_at, t.late,
         (SELECT max(sent_at) FROM reply r WHERE {REPLIES}), (SELECT max(got_at) FROM reply r WHERE {REPLIES})"
    )
}

fn record(row: &Row<'_>) -> rusqlite::Result<TurnRecord> {
    Ok(TurnRecord {
        id: row.get(0)?,
        state: row.get(1)?,
        outcome: row.get(2)?,
        received_ms: row.get(3)?,
        stored_ms: row.get(4)?,
        delivered_ms: row.get(5)?,
        accepted_ms: row.get(6)?,
        started_ms: row.get(7)?,
        first_token_ms: row.get(8)?,
        tool_ms: row.get(9)?,
        final_ms: row.get(10)?,
        late: row.get(11)?,
        sent_ms: row.get(12)?,
        got_ms: row.get(13)?,
    })
}

fn turn(row: &Row<'_>) -> rusqlite::Result<TurnOf> {
    let device: String = row.get(14)?;
    Ok(TurnOf {
        device: DeviceKey::parse(&device).ok_or_else(|| unreadable(14, "device key"))?,
        name: row.get(15)?,
        turn: record(row)?,
        ended_ms: row.get(16)?,
        said: row.get(17)?,
        answered: row.get(18)?,
        failed: row.get(19)?,
    })
}

/// The time of the last turn on a page. `of`: which turns, as for the next two.
fn page_end(of: &str) -> String {
    format!(
        "SELECT t.received_at FROM {TURNS} WHERE t.received_at < ?1 {of} ORDER BY t.received_at DESC LIMIT 1 OFFSET ?2"
    )
}

/// The turns of a page. The service's own notices are not what the assistant answered; its own words about an error are.
fn page(of: &str) -> String {
    // `CROSS JOIN`: in this order, so that the index gives the order of the rows.
    format!(
        "SELECT {columns}, t.device_key, d.name,
            CASE t.state WHEN 'done' THEN coalesce(t.ended_at, t.final_at) END, substr(t.text, 1, {WORDS}),
            (SELECT substr(group_concat(piece, char(10)), 1, {WORDS}) FROM (
                SELECT substr(r.text, 1, {WORDS}) AS piece FROM reply r
                WHERE {REPLIES} AND r.text <> '' AND coalesce(r.code, {error}) = {error} ORDER BY r.n LIMIT {WORDS})),
            EXISTS (SELECT 1 FROM reply r WHERE {REPLIES} AND r.code = {error})
         FROM {TURNS} CROSS JOIN device d ON d.device_key = t.device_key
         WHERE t.received_at < ?1 AND t.received_at >= ?2 {of} ORDER BY t.received_at DESC, t.seq DESC",
        columns = record_columns(),
        error = Code::AgentError.number(),
    )
}

/// Whether a page follows.
fn older(of: &str) -> String {
    format!("SELECT EXISTS (SELECT 1 FROM {TURNS} WHERE t.received_at < ?1 AND t.received_at >= ?2 {of})")
}

impl Store {
    /// The newest turns of a device with all their times.
    ///
    /// # Errors
    /// SQLite's, as for every function here.
    pub fn turn_records(&self, device: &DeviceKey, limit: usize) -> rusqlite::Result<Vec<TurnRecord>> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {} FROM {TURNS} WHERE t.device_key = ?1 ORDER BY t.received_at DESC, t.seq DESC LIMIT ?2",
                record_columns()
            ))?
            .query_map(params![device.as_str(), limit], record)?
            .collect()
    }

    /// Turns received before `before` (ms since 1970), newest first, of one device or of all; and whether there are older ones.
    ///
    /// At most `limit` (1 to 500) and those of the same millisecond as the last one: so the next page begins with `before` at its time.
    pub fn turns(
        &self,
        device: Option<&DeviceKey>,
        before: Option<i64>,
        limit: usize,
    ) -> rusqlite::Result<(Vec<TurnOf>, bool)> {
        let before = before.unwrap_or(i64::MAX);
        let skip = i64::try_from(limit.clamp(1, PAGE) - 1).unwrap_or(i64::MAX);
        let of = if device.is_some() { "AND t.device_key = ?3" } else { "" };
        let given = |first, second| {
            let device = device.map(|device| Value::from(device.to_string()));
            params_from_iter([Value::Integer(first), Value::Integer(second)].into_iter().chain(device))
        };
        let end: Option<i64> = self
            .connection
            .prepare_cached(&page_end(of))?
            .query_row(given(before, skip), |row| row.get(0))
            .optional()?;
        let turns = self
            .connection
            .prepare_cached(&page(of))?
            .query_map(given(before, end.unwrap_or(i64::MIN)), turn)?
            .collect::<rusqlite::Result<_>>()?;
        let Some(end) = end else { return Ok((turns, false)) };
        let more = self.connection.prepare_cached(&older(of))?.query_row(given(end, i64::MIN), |row| row.get(0))?;
        Ok((turns, more))
    }
}

#[cfg(test)]
mod tests;
