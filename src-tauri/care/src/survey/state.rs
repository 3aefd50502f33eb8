//! What the state folder says about its gateway: its identity, its newest start, its lease.
//!
//! OpenClaw's database is never written, and no file beside it is made: with a write-ahead log it is opened with `readonly_shm`, which reads a live log and
//! one that was left behind; without one, as a file that nobody changes, and what was read counts only if no log has come meanwhile.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::seen::{Blind, Seen};

/// What the state folder says about its gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateFacts {
    /// The gateway's own device id: what `gateway.identity.get` answers. `None`: no gateway has run on this state yet.
    pub identity: Seen<Option<String>>,
    /// The newest start of a gateway on this state. `None`: none is noted; releases up to 2026.4 note none.
    pub boot: Seen<Option<Boot>>,
    /// Who holds the state, by the lease that is renewed each minute.
    pub lease: Seen<Option<Lease>>,
}

/// A start of a gateway, as it noted it itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Boot {
    /// What `server.bootId` says in the gateway's hello.
    pub id: String,
    /// The process.
    pub pid: u32,
    /// ms since 1970.
    pub started_ms: i64,
    /// How it ended: absent while it runs, and after `SIGKILL`.
    pub outcome: Option<String>,
}

/// The lease of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// The process.
    pub pid: u32,
    /// Its start, as in the lock.
    pub start: Option<u64>,
    /// The computer, by its name.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
    /// What starts it again, by its own guess.
    pub supervisor: Option<String>,
    /// The lease ends at this time unless it is renewed, ms since 1970.
    pub expires_ms: i64,
}

impl StateFacts {
    /// Nothing can be seen.
    pub fn blind(why: Blind) -> Self {
        Self { identity: Seen::Hidden(why), boot: Seen::Hidden(why), lease: Seen::Hidden(why) }
    }

    const EMPTY: Self = Self { identity: Seen::Known(None), boot: Seen::Known(None), lease: Seen::Known(None) };
}

/// Reads a state folder. There being none is a fact as well.
pub(super) fn read(state_dir: &Path) -> StateFacts {
    let database = state_dir.join("state/openclaw.sqlite");
    match there(&database) {
        Ok(true) => of_database(&database, facts).unwrap_or_else(StateFacts::blind),
        Ok(false) => of_files(state_dir),
        Err(blind) => StateFacts::blind(blind),
    }
}

fn there(path: &Path) -> Result<bool, Blind> {
    path.try_exists().map_err(|error| error.kind().into())
}

/// What OpenClaw's own store of secrets says by this name; `Known(None)`: it has no such entry.
pub fn stored_secret(state_dir: &Path, name: &str) -> Seen<Option<Zeroizing<String>>> {
    let database = state_dir.join("state/openclaw.sqlite");
    match there(&database) {
        Ok(true) => {}
        Ok(false) => return Seen::Known(None),
        Err(blind) => return Seen::Hidden(blind),
    }
    // Every scope is stored as this one (2026.9.6).
    let sql = "SELECT value FROM secret_store_entries WHERE scope_kind = 'team' AND scope_id = '' AND deleted_at_ms IS NULL AND name = ?";
    let ask =
        |connection: &Connection| one(connection, sql, [name], |row| Ok(Zeroizing::new(row.get::<_, String>(0)?)));
    of_database(&database, ask).unwrap_or_else(Seen::Hidden)
}

fn of_database<T>(path: &Path, ask: impl Fn(&Connection) -> T) -> Result<T, Blind> {
    let log = path.with_extension("sqlite-wal");
    let has_log = || std::fs::metadata(&log).is_ok_and(|about| about.len() > 0);
    let before = has_log();
    let told = ask(&open(path, if before { "mode=ro&readonly_shm=1" } else { "immutable=1" })?);
    // Without the log a page may have been read while it was written.
    if !before && has_log() { Ok(ask(&open(path, "mode=ro&readonly_shm=1")?)) } else { Ok(told) }
}

fn open(path: &Path, how: &str) -> Result<Connection, Blind> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(uri(path, how)?, flags).map_err(blind)?;
    // One moment for all; and a log that makes no sense, which SQLite tries again for ten seconds, is tried once.
    connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(blind)?;
    Ok(connection)
}

fn facts(connection: &Connection) -> StateFacts {
    let identity =
        one(connection, "SELECT device_id FROM device_identities WHERE identity_key = 'primary'", [], |row| {
            row.get::<_, String>(0)
        });
    let boot = one(
        connection,
        "SELECT boot_id, pid, started_at_ms, outcome FROM gateway_boot_lifecycle ORDER BY started_at_ms DESC, rowid DESC LIMIT 1",
        [],
        |row| Ok(Boot { id: row.get(0)?, pid: row.get(1)?, started_ms: row.get(2)?, outcome: row.get(3)? }),
    );
    let lease = one(
        connection,
        "SELECT payload_json, expires_at FROM state_leases WHERE scope = 'gateway-owner' AND lease_key = 'global'",
        [],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)),
    );
    let lease = match lease {
        Seen::Known(Some((payload, expires_ms))) => lease_of(&payload, expires_ms).map(Some).into(),
        Seen::Known(None) => Seen::Known(None),
        Seen::Hidden(blind) => Seen::Hidden(blind),
    };
    StateFacts { identity, boot, lease }
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Seen<Option<T>> {
    let mut statement = match connection.prepare(sql) {
        Ok(statement) => statement,
        // A release before or after the ones that have this table.
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::Unknown => {
            return Seen::Known(None);
        }
        Err(error) => return Seen::Hidden(blind(error)),
    };
    statement.query_row(parameters, read).optional().map_err(blind).into()
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn blind(error: rusqlite::Error) -> Blind {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::PermissionDenied) => Blind::NotPermitted,
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => Blind::Changing,
        Some(_) | None => Blind::Unreadable,
    }
}

fn uri(path: &Path, how: &str) -> Result<String, Blind> {
    let text = path.to_str().ok_or(Blind::Unreadable)?;
    let mut uri = String::from("file:");
    for character in text.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    uri.push('?');
    uri.push_str(how);
    Ok(uri)
}

#[derive(Deserialize)]
struct LeasePayload {
    owner: LeaseOwner,
    port: Option<u16>,
    supervisor: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeaseOwner {
    pid: u32,
    host: String,
    started_at: Option<u64>,
}

fn lease_of(payload: &str, expires_ms: i64) -> Result<Lease, Blind> {
    let payload: LeasePayload = serde_json::from_str(payload).map_err(|_| Blind::Unreadable)?;
    let supervisor = payload.supervisor.filter(|value| !value.is_null());
    let supervisor = supervisor.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let LeaseOwner { pid, host, started_at: start } = payload.owner;
    Ok(Lease { pid, start, host, port: payload.port, supervisor, expires_ms })
}

/// The identity of releases up to 2026.4.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityFile {
    device_id: String,
}

fn of_files(state_dir: &Path) -> StateFacts {
    let identity = match std::fs::read(state_dir.join("identity/device.json")).map(Zeroizing::new) {
        Ok(bytes) => match serde_json::from_slice::<IdentityFile>(&bytes) {
            Ok(file) => Seen::Known(Some(file.device_id)),
            Err(_) => Seen::Hidden(Blind::Unreadable),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Seen::Known(None),
        Err(error) => Seen::Hidden(error.kind().into()),
    };
    StateFacts { identity, ..StateFacts::EMPTY }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    const TABLES: &str = "
        CREATE TABLE device_identities (identity_key TEXT PRIMARY KEY, device_id TEXT NOT NULL) STRICT;
        CREATE TABLE gateway_boot_lifecycle (boot_id TEXT PRIMARY KEY, pid INTEGER, started_at_ms INTEGER, outcome TEXT) STRICT;
        CREATE TABLE state_leases (scope TEXT, lease_key TEXT, payload_json TEXT, expires_at INTEGER) STRICT;
        INSERT INTO device_identities VALUES ('primary', 'abc');
        INSERT INTO gateway_boot_lifecycle VALUES ('old', 6, 100, 'clean_stop'), ('new', 7, 200, NULL);
        INSERT INTO state_leases VALUES ('gateway-owner', 'global',
            '{\"owner\":{\"pid\":7,\"host\":\"vm\",\"startedAt\":2774113},\"port\":19377,\"mode\":\"foreground\",\"supervisor\":null}', 900);";

    fn state(folder: &Path) -> Connection {
        std::fs::create_dir_all(folder.join("state")).unwrap();
        let writer = Connection::open(folder.join("state/openclaw.sqlite")).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        writer.execute_batch(TABLES).unwrap();
        writer
    }

    /// Name, fingerprint of the content, last change.
    fn files(folder: &Path) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
        let told = |entry: std::fs::DirEntry| {
            let changed = entry.metadata().unwrap().modified().unwrap();
            let content = Sha256::digest(std::fs::read(entry.path()).unwrap()).to_vec();
            (entry.file_name().into_string().unwrap(), content, changed)
        };
        let mut all: Vec<_> =
            std::fs::read_dir(folder.join("state")).unwrap().map(|entry| told(entry.unwrap())).collect();
        all.sort();
        all
    }

    #[track_caller]
    fn reads_all(folder: &Path) {
        let facts = read(folder);
        assert_eq!(facts.identity, Seen::Known(Some("abc".into())));
        let boot = Boot { id: "new".into(), pid: 7, started_ms: 200, outcome: None };
        assert_eq!(facts.boot, Seen::Known(Some(boot)));
        let lease = facts.lease.known().unwrap().as_ref().unwrap();
        assert_eq!((lease.pid, lease.start, lease.port, lease.expires_ms), (7, Some(2_774_113), Some(19377), 900));
    }

    #[track_caller]
    fn reads_all_and_changes_nothing(folder: &Path) {
        let before = files(folder);
        reads_all(folder);
        assert_eq!(files(folder), before, "reading changed a file");
    }

    #[test]
    fn a_live_database_is_read_with_its_log() {
        let temp = tempfile::tempdir().unwrap();
        let writer = state(temp.path());
        assert!(temp.path().join("state/openclaw.sqlite-wal").metadata().unwrap().len() > 0);
        let logs = || files(temp.path()).into_iter().filter(|(name, ..)| !name.ends_with("-shm")).collect::<Vec<_>>();
        let before = logs();
        // The writer of this very process shares its memory with the reader; a gateway of its own process is the scenario's.
        reads_all(temp.path());
        assert_eq!(logs(), before);
        drop(writer);
    }

    #[test]
    fn an_entry_of_the_store_is_read_unless_it_was_deleted() {
        let temp = tempfile::tempdir().unwrap();
        let of = |name: &str| stored_secret(temp.path(), name).map(|found| found.map(|found| found.to_string()));
        assert_eq!(of("A"), Seen::Known(None));
        let writer = state(temp.path());
        assert_eq!(of("A"), Seen::Known(None), "a release without a store");
        writer
            .execute_batch(
                "CREATE TABLE secret_store_entries (scope_kind TEXT, scope_id TEXT, name TEXT, value TEXT, deleted_at_ms INTEGER) STRICT;
                INSERT INTO secret_store_entries VALUES ('team', '', 'A', 'a', NULL), ('team', '', 'B', 'b', 5);",
            )
            .unwrap();
        assert_eq!(of("A"), Seen::Known(Some("a".into())));
        assert_eq!(of("B"), Seen::Known(None), "deleted");
        assert_eq!(of("' OR 'A' = 'A"), Seen::Known(None));
    }

    #[test]
    fn a_database_at_rest_is_read_and_no_log_is_made() {
        let temp = tempfile::tempdir().unwrap();
        drop(state(temp.path()));
        assert_eq!(files(temp.path()).len(), 1);
        reads_all_and_changes_nothing(temp.path());
    }

    #[test]
    fn a_log_that_was_left_behind_is_read_and_stays() {
        let temp = tempfile::tempdir().unwrap();
        let copy = tempfile::tempdir().unwrap();
        let writer = state(temp.path());
        std::fs::create_dir(copy.path().join("state")).unwrap();
        for (name, ..) in files(temp.path()) {
            let name = Path::new("state").join(name);
            std::fs::copy(temp.path().join(&name), copy.path().join(&name)).unwrap();
        }
        drop(writer);
        reads_all_and_changes_nothing(copy.path());
    }

    #[test]
    fn the_twin_an_ordinary_connection_leaves_traces() {
        let temp = tempfile::tempdir().unwrap();
        drop(state(temp.path()));
        let before = files(temp.path());
        let path = temp.path().join("state/openclaw.sqlite");
        let other = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let _: String = other.query_row("SELECT device_id FROM device_identities", [], |row| row.get(0)).unwrap();
        assert_ne!(files(temp.path()), before, "SQLite makes no log for a reader: the harness sees nothing");
    }

    #[test]
    fn the_older_release_keeps_its_identity_in_a_file() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(read(temp.path()), StateFacts::EMPTY);
        std::fs::create_dir(temp.path().join("identity")).unwrap();
        let file = temp.path().join("identity/device.json");
        std::fs::write(
            &file,
            r#"{"version":1,"deviceId":"abc","publicKeyPem":"p","privateKeyPem":"k","createdAtMs":1}"#,
        )
        .unwrap();
        assert_eq!(read(temp.path()).identity, Seen::Known(Some("abc".into())));
        std::fs::write(&file, "{").unwrap();
        assert_eq!(read(temp.path()).identity, Seen::Hidden(Blind::Unreadable));
    }

    #[test]
    fn a_release_without_these_tables_and_a_file_that_is_no_database_are_two_things() {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir(temp.path().join("state")).unwrap();
        let path = temp.path().join("state/openclaw.sqlite");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
        assert_eq!(read(temp.path()), StateFacts::EMPTY);
        std::fs::write(&path, "this is no database, however long it is").unwrap();
        assert_eq!(read(temp.path()).identity, Seen::Hidden(Blind::Unreadable));
    }
}
