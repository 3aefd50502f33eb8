use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use rusqlite::types::Value;

use super::*;
use crate::store::{FILE, Store, backup};

/// A store of every released schema, with rows.
const GOLDEN: [(usize, &str); 2] = [
    (1, include_str!("../../../../../tests/golden/store/1.sql")),
    (2, include_str!("../../../../../tests/golden/store/2.sql")),
];
/// Where a child finds the store that it shall not finish, and before which statement it dies.
const CHILD: (&str, &str) = ("SMARTPI_TEST_STORE", "SMARTPI_TEST_DIES_AT");

fn golden(folder: &Path, sql: &str) -> Rows {
    let connection = Connection::open(folder.join(FILE)).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    rows(&connection)
}

/// Every value of every row, by table and column.
type Rows = BTreeMap<(String, String), Vec<String>>;

fn rows(connection: &Connection) -> Rows {
    let strings = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let all = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        all.collect::<rusqlite::Result<_>>().unwrap()
    };
    let mut found = Rows::new();
    for table in strings("SELECT name FROM sqlite_schema WHERE type = 'table'") {
        for column in strings(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            let sql = format!("SELECT \"{column}\" FROM \"{table}\" ORDER BY 1, rowid");
            let sql = if connection.prepare(&sql).is_ok() { sql } else { sql.replace(", rowid", "") };
            let mut statement = connection.prepare(&sql).unwrap();
            let all = statement.query_map([], |row| Ok(format!("{:?}", row.get::<_, Value>(0)?))).unwrap();
            found.insert((table.clone(), column), all.collect::<rusqlite::Result<_>>().unwrap());
        }
    }
    found
}

/// What of `before` is not in `after`.
fn lost(before: &Rows, after: &Rows) -> Vec<String> {
    // What a step works out anew: between which n the replies of a turn lie, and who said something, with the kind in front.
    let derived = [("turn", "first_n"), ("turn", "last_n"), ("reply", "by_agent")];
    let kept = |(table, column): &(String, String)| !derived.contains(&(table.as_str(), column.as_str()));
    before
        .iter()
        .filter(|(place, values)| kept(place) && after.get(*place) != Some(values))
        .map(|(place, values)| format!("{place:?} was {values:?}, is {:?}", after.get(place)))
        .collect()
}

#[test]
fn every_released_schema_has_a_golden_store() {
    assert_eq!(GOLDEN.map(|(version, _)| version).to_vec(), (1..=GOLDEN.len()).collect::<Vec<_>>());
    for (version, sql) in GOLDEN {
        let folder = tempfile::tempdir().unwrap();
        golden(folder.path(), sql);
        let connection = Connection::open(folder.path().join(FILE)).unwrap();
        assert_eq!(found(&connection).unwrap(), version);
        check(&connection, version).unwrap();
    }
}

#[test]
fn every_golden_store_opens_with_nothing_lost_and_a_backup_before_the_change() {
    for (version, sql) in GOLDEN {
        let folder = tempfile::tempdir().unwrap();
        let before = golden(folder.path(), sql);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(lost(&before, &rows(&store.connection)), [] as [String; 0], "schema {version}");
        assert_eq!(store.epoch().unwrap(), "01jd3r5k8w9x0y1z2a3b4c5d6e");
        for device in store.devices().unwrap() {
            let turns = store.next_turns(&device.key, 10).unwrap();
            let replies = store.replies_after(&device.key, 0, 10).unwrap();
            assert_eq!(
                (turns.len(), replies.len()),
                match device.name.as_str() {
                    "Kitchen" => (2, 1),
                    "书房" => (1, 1),
                    _ => (0, 0),
                }
            );
        }
        drop(store);
        let backups = backup::list(folder.path()).unwrap();
        assert_eq!(backups.len(), usize::from(version < NEWEST), "schema {version}");
        for made in backups {
            let old = backup::reader(&made.folder.join(FILE)).unwrap();
            assert_eq!((found(&old).unwrap(), lost(&before, &rows(&old))), (version, Vec::new()));
        }
    }
}

#[test]
fn a_lost_value_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let before = golden(folder.path(), GOLDEN[1].1);
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection.execute("UPDATE reply SET text = 'welcom' WHERE text = 'welcome'", []).unwrap();
    assert_eq!(lost(&before, &rows(&connection)).len(), 1);
    connection.execute("ALTER TABLE device DROP COLUMN name", []).unwrap();
    assert_eq!(lost(&before, &rows(&connection)).len(), 2);
}

/// The child: migrates, and dies before a statement. Gives whether this process is it.
fn is_child() -> bool {
    let (Some(path), Ok(dies_at)) = (std::env::var_os(CHILD.0), std::env::var(CHILD.1)) else { return false };
    let mut left: u32 = dies_at.parse().unwrap();
    let mut connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    let dies = &mut || match left.checked_sub(1) {
        Some(rest) => left = rest,
        None => std::process::abort(),
    };
    step_by_step(&mut connection, NEWEST, dies).unwrap();
    true
}

#[test]
fn a_death_at_any_statement_leaves_a_whole_schema() {
    if is_child() {
        return;
    }
    let mut deaths = 0;
    for (version, sql) in [(0, "")].into_iter().chain(GOLDEN) {
        for dies_at in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let before = golden(folder.path(), sql);
            let path = folder.path().join(FILE);
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "store::migrations::tests::a_death_at_any_statement_leaves_a_whole_schema"])
                .env(CHILD.0, &path)
                .env(CHILD.1, dies_at.to_string())
                .output()
                .unwrap();
            let left = found(&Connection::open(&path).unwrap()).unwrap();
            let store = Store::open(folder.path()).unwrap();
            assert_eq!(lost(&before, &rows(&store.connection)), [] as [String; 0], "{version}, death at {dies_at}");
            if child.status.success() {
                assert_eq!(left, NEWEST);
                break;
            }
            assert!((version..=NEWEST).contains(&left), "{version}, death at {dies_at}: {left}");
            // Before the first commit nothing has changed.
            assert!(dies_at > 2 || left == version);
            deaths += 1;
        }
    }
    assert!(deaths > 20, "{deaths}: the children do not die");
}

#[test]
fn a_newer_schema_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    golden(folder.path(), GOLDEN[1].1);
    let path = folder.path().join(FILE);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", NEWEST + 1).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refused = crate::store::restore::open(folder.path(), 1_800_000_000_000).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { .. }) && refused.to_string().contains("newer version"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
