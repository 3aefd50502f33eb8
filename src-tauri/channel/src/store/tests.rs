use super::*;

#[test]
fn a_store_keeps_its_epoch_and_refuses_a_newer_schema() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = Store::open(folder.path()).unwrap().epoch().unwrap();
    assert_eq!(epoch.len(), 26);
    assert_eq!(Store::open(folder.path()).unwrap().epoch().unwrap(), epoch);
    let raw = Connection::open(folder.path().join("channel.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Store::open(folder.path()), Err(OpenError::Newer { found: 99, known: migrations::NEWEST })));
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
fn a_closed_store_refuses_everything_until_it_is_open_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    store.set_meta("kept", Some("1")).unwrap();
    store.commit().unwrap();
    store.set_meta("lost", Some("1")).unwrap();
    store.close();
    assert!(store.meta("kept").is_err(), "it does not pretend to be empty");
    assert!(store.set_meta("kept", None).is_err());
    store.commit().unwrap();
    let moved = folder.path().join("moved");
    std::fs::rename(folder.path().join(FILE), &moved).unwrap();
    assert!(matches!(store.reopen(1), Err(OpenError::Exchanged)));
    assert!(!folder.path().join(FILE).exists(), "no empty one is made");
    drop(Store::open(folder.path()).unwrap());
    assert!(matches!(store.reopen(1), Err(OpenError::Exchanged)), "not the one that was open before");
    std::fs::rename(&moved, folder.path().join(FILE)).unwrap();
    assert_eq!(store.reopen(1).unwrap(), 0);
    assert_eq!(store.meta("kept").unwrap().as_deref(), Some("1"));
    assert_eq!(store.meta("lost").unwrap(), None);
}

#[test]
fn the_log_is_moved_when_it_has_grown() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    let waiting = |store: &Store| -> i64 {
        let row = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
        store.connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], row).unwrap()
    };
    store.set_meta("words", Some(&"a".repeat(300 * 4_096))).unwrap();
    store.checkpoint(true).unwrap();
    store.commit().unwrap();
    assert!(waiting(&store) >= 300);
    store.checkpoint(false).unwrap();
    assert!(waiting(&store) >= 300, "not yet");
    store.checkpoint(true).unwrap();
    assert_eq!(waiting(&store), 0);
}

#[test]
fn what_an_error_means() {
    let of = |code, full| Refusal::of(&ffi_error(code), || full);
    for full in [false, true] {
        assert_eq!(of(ffi::SQLITE_FULL, full), Refusal::Full);
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_READ, ffi::SQLITE_CORRUPT, ffi::SQLITE_READONLY] {
            assert_eq!(of(code, full), Refusal::Broken);
        }
        assert_eq!(of(ffi::SQLITE_CONSTRAINT_UNIQUE, full), Refusal::Content);
        assert_eq!(Refusal::of(&rusqlite::Error::QueryReturnedNoRows, || full), Refusal::Content);
    }
    // EDQUOT is one of them.
    assert_eq!(of(ffi::SQLITE_IOERR_WRITE, true), Refusal::Full);
    assert_eq!(of(ffi::SQLITE_IOERR_WRITE, false), Refusal::Broken);
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
