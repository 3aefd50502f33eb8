//! What the assistant said without being asked, and what the owner's choice kept from a device.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params, params_from_iter};

use super::Store;
use super::devices::unreadable;
use crate::id::DeviceKey;
use crate::view::{Speaker, Unasked};

/// Most characters of what was said.
const WORDS: usize = 500;
/// Most entries of one page, but for those of one millisecond.
const PAGE: usize = 500;
/// Most refusals that are remembered for one device.
const REFUSED: usize = 500;

fn entry(row: &Row<'_>) -> rusqlite::Result<Unasked> {
    let device: String = row.get(1)?;
    let by: Option<String> = row.get(4)?;
    Ok(Unasked {
        rid: row.get(0)?,
        device: DeviceKey::parse(&device).ok_or_else(|| unreadable(1, "device key"))?,
        name: row.get(2)?,
        at_ms: row.get(3)?,
        by: Speaker::of(by.as_deref()),
        refused: row.get(5)?,
        said: row.get(6)?,
        got_ms: row.get(7)?,
    })
}

/// Both kinds of entries between two times, `?2 <= at < ?1`. What the person at the computer sent is not the assistant's. `of`: of which device.
fn between(of: &str) -> String {
    // `INDEXED BY`: by time, never through all answers of a device.
    format!(
        "SELECT r.rid AS rid, r.device_key AS device_key, r.created_at AS at, r.by_agent AS by, 0 AS refused,
            nullif(substr(r.text, 1, {WORDS}), '') AS said, r.got_at AS got_at
         FROM reply r INDEXED BY reply_first
         WHERE r.created_at < ?1 AND r.created_at >= ?2 AND r.message_id IS NULL AND r.code IS NULL AND coalesce(r.by_agent, '') <> 'user' {reply}
         UNION ALL
         SELECT p.rid, p.device_key, p.created_at, p.by_agent, 1, NULL, NULL FROM refused_push p INDEXED BY refused_push_age
         WHERE p.created_at < ?1 AND p.created_at >= ?2 {push}",
        reply = of.replace("X.", "r."),
        push = of.replace("X.", "p."),
    )
}

impl Store {
    /// Whether a push with this id was refused by the owner's choice.
    ///
    /// # Errors
    /// SQLite's, as for every function here.
    pub fn push_refused(&self, rid: &str) -> rusqlite::Result<bool> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM refused_push WHERE rid = ?1")?
            .query_row([rid], |_| Ok(()))
            .optional()?;
        Ok(found.is_some())
    }

    /// Remembers who wanted to say something to a device and was not allowed to; the newest 500 of each device.
    pub fn refuse_push(&mut self, rid: &str, device: &DeviceKey, by: Option<&str>, now: i64) -> rusqlite::Result<()> {
        self.begin()?;
        self.connection
            .prepare_cached("INSERT INTO refused_push (rid, device_key, by_agent, created_at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![rid, device.as_str(), by, now])?;
        self.connection
            .prepare_cached(
                "DELETE FROM refused_push WHERE rid IN
                    (SELECT rid FROM refused_push WHERE device_key = ?1 ORDER BY created_at DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![device.as_str(), REFUSED])?;
        Ok(())
    }

    /// What was said unasked before `before` (ms since 1970), newest first, of one device or of all; and whether there is older. Pages as [`Store::turns`] does.
    pub fn unasked(
        &self,
        device: Option<&DeviceKey>,
        before: Option<i64>,
        limit: usize,
    ) -> rusqlite::Result<(Vec<Unasked>, bool)> {
        let before = before.unwrap_or(i64::MAX);
        let skip = i64::try_from(limit.clamp(1, PAGE) - 1).unwrap_or(i64::MAX);
        // Without a device its place is taken by a term that is always true, so that all statements have the same places.
        let of = if device.is_some() { "AND X.device_key = ?3" } else { "AND ?3 IS NULL" };
        let key = || device.map_or(Value::Null, |device| Value::from(device.to_string()));
        let all = between(of);
        let end: Option<i64> = self
            .connection
            .prepare_cached(&format!("SELECT at FROM ({all}) ORDER BY at DESC LIMIT 1 OFFSET ?4"))?
            .query_row(params![before, i64::MIN, key(), skip], |row| row.get(0))
            .optional()?;
        let from = end.unwrap_or(i64::MIN);
        let page = self
            .connection
            .prepare_cached(&format!(
                "SELECT e.rid, e.device_key, d.name, e.at, e.by, e.refused, e.said, e.got_at FROM ({all}) e
                 JOIN device d ON d.device_key = e.device_key ORDER BY e.at DESC, e.rid DESC"
            ))?
            .query_map(params_from_iter([Value::Integer(before), Value::Integer(from), key()]), entry)?
            .collect::<rusqlite::Result<_>>()?;
        let Some(end) = end else { return Ok((page, false)) };
        let more = self
            .connection
            .prepare_cached(&format!("SELECT EXISTS ({all})"))?
            .query_row(params![end, i64::MIN, key()], |row| row.get(0))?;
        Ok((page, more))
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::store::NewReply;
    use crate::wire::Code;
    use crate::wire::device::Kind;

    fn bound(store: &mut Store, seed: u8) -> DeviceKey {
        let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
        store.bind_device(&key, &format!("d{seed}"), Kind::Phone, 1).unwrap();
        DeviceKey::of(&key)
    }

    fn said(store: &mut Store, device: &DeviceKey, rid: &str, by: Option<&str>, now: i64) -> u64 {
        let reply = NewReply { device, rid, re: None, text: "hello", late: false, code: None, by, now };
        store.insert_reply(reply).unwrap()
    }

    fn rids(page: &(Vec<Unasked>, bool)) -> (Vec<&str>, bool) {
        (page.0.iter().map(|entry| entry.rid.as_str()).collect(), page.1)
    }

    #[test]
    fn what_came_and_what_was_refused_is_one_list_in_pages() {
        let mut store = Store::in_memory().unwrap();
        let (one, two) = (bound(&mut store, 1), bound(&mut store, 2));
        let n = said(&mut store, &one, "a", Some("agent:main"), 10);
        store.refuse_push("b", &two, Some("terminal"), 20).unwrap();
        said(&mut store, &two, "c", None, 20);
        said(&mut store, &two, "own", Some("user"), 25);
        let notice = NewReply {
            device: &one,
            rid: "s",
            re: None,
            text: "x",
            late: false,
            code: Some(Code::Expired),
            by: None,
            now: 26,
        };
        store.insert_reply(notice).unwrap();
        store.refuse_push("d", &one, Some("agent:main"), 30).unwrap();

        let all = store.unasked(None, None, 9).unwrap();
        assert_eq!(rids(&all), (vec!["d", "c", "b", "a"], false), "neither the person's own nor our notices");
        assert_eq!(rids(&store.unasked(None, None, 1).unwrap()), (vec!["d"], true));
        assert_eq!(
            rids(&store.unasked(None, Some(30), 1).unwrap()),
            (vec!["c", "b"], true),
            "one millisecond together"
        );
        assert_eq!(rids(&store.unasked(None, Some(20), 1).unwrap()), (vec!["a"], false));
        assert_eq!(rids(&store.unasked(Some(&two), None, 9).unwrap()), (vec!["c", "b"], false));
        assert_eq!(rids(&store.unasked(Some(&one), None, 1).unwrap()), (vec!["d"], true));
        let (refused, came) = (&all.0[0], &all.0[3]);
        assert_eq!((refused.refused, refused.said.as_deref()), (true, None));
        assert_eq!(refused.by, Speaker::Agent("main".into()));
        assert_eq!((came.refused, came.said.as_deref(), came.got_ms), (false, Some("hello"), None));
        assert_eq!((all.0[1].by.clone(), all.0[2].by.clone()), (Speaker::Unknown, Speaker::Terminal));

        store.replies_got(&one, n, Some(40), 41, false).unwrap();
        let wiped = store.unasked(None, Some(11), 1).unwrap().0.remove(0);
        assert_eq!((wiped.said, wiped.got_ms), (None, Some(41)));
        store.tidy(0, 1_000).unwrap();
        assert!(!store.push_refused("b").unwrap());
    }

    #[test]
    fn refusals_are_remembered_in_bounds_and_go_with_their_device() {
        let mut store = Store::in_memory().unwrap();
        let (one, two) = (bound(&mut store, 1), bound(&mut store, 2));
        store.refuse_push("other", &two, None, 0).unwrap();
        for index in 0..=REFUSED {
            store.refuse_push(&format!("p{index}"), &one, None, i64::try_from(index).unwrap()).unwrap();
        }
        assert!(!store.push_refused("p0").unwrap(), "the oldest went");
        assert!(store.push_refused("p1").unwrap() && store.push_refused("other").unwrap());
        store.remove_device(&one).unwrap();
        assert!(!store.push_refused("p1").unwrap());
    }

    #[test]
    fn no_look_reads_what_it_does_not_show() {
        let store = Store::in_memory().unwrap();
        for of in ["AND ?3 IS NULL", "AND X.device_key = ?3"] {
            let mut plan = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", between(of))).unwrap();
            let none = vec![Value::Null; plan.parameter_count()];
            let steps: Vec<String> =
                plan.query_map(params_from_iter(none), |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            for index in
                ["SEARCH r USING INDEX reply_first (created_at", "SEARCH p USING INDEX refused_push_age (created_at"]
            {
                assert!(steps.iter().any(|step| step.starts_with(index)), "{index}: {steps:#?}");
            }
        }
    }
}
