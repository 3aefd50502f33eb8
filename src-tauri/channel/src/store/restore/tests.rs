use std::panic::{AssertUnwindSafe, catch_unwind};

use ed25519_dalek::SigningKey;
use rusqlite::ffi;

use super::*;
use crate::id::MessageId;
use crate::keys;
use crate::store::{NewReply, NewTurn};
use crate::wire::device::Kind;

mod flips;

/// 2026-11-21.
const NOW: i64 = 1_795_200_000_000;

fn device(number: u8) -> DeviceKey {
    DeviceKey::of(&SigningKey::from_bytes(&[number; 32]).verifying_key())
}

fn bind(store: &mut Store, number: u8, at_ms: i64) {
    let key = SigningKey::from_bytes(&[number; 32]).verifying_key();
    store.bind_device(&key, &format!("device {number}"), Kind::Board, at_ms).unwrap();
}

fn say(store: &mut Store, number: u8, text: &str) {
    let message = MessageId::parse(&ulid::Ulid::generate().to_string()).unwrap();
    let device = &device(number);
    store.insert_turn(NewTurn { device, message: &message, text, received_at: NOW, stored_at: NOW }).unwrap();
}

fn answer(store: &mut Store, number: u8, rid: &str, text: &str) {
    let (re, late, code, by) = (None, false, None, None);
    store.insert_reply(NewReply { device: &device(number), rid, re, text, late, code, by, now: NOW }).unwrap();
}

/// Two devices, a message and an answer; one backup.
fn world() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let mut store = Store::open(data.path()).unwrap();
    bind(&mut store, 1, NOW - 1_000);
    bind(&mut store, 2, NOW - 1_000);
    say(&mut store, 1, "before the backup");
    answer(&mut store, 2, "r-1", "an answer");
    store.set_meta("link_generation", Some("7")).unwrap();
    store.commit().unwrap();
    for name in KEYS {
        keys::load_or_create(&data.path().join(name)).unwrap();
    }
    backup::make(data.path(), NOW).unwrap();
    say(&mut store, 1, "after it");
    store.commit().unwrap();
    data
}

fn texts(store: &Store, number: u8) -> Vec<String> {
    store.next_turns(&device(number), 100).unwrap().into_iter().map(|turn| turn.text).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(path, bytes).unwrap();
}

#[test]
fn each_kind_of_damage_is_found_and_the_newest_backup_takes_its_place() {
    type Hurt = fn(&Path);
    let hurts: [(&str, Hurt); 6] = [
        ("a page of garbage", damage),
        ("no database", |path| fs::write(path, b"These are my notes, and no database at all.".repeat(200)).unwrap()),
        ("cut off", |path| fs::File::options().write(true).open(path).unwrap().set_len(4096 * 3 + 7).unwrap()),
        ("empty", |path| fs::write(path, b"").unwrap()),
        ("gone", |path| fs::remove_file(path).unwrap()),
        ("a table under another name", |path| {
            let store = Connection::open(path).unwrap();
            store.execute("ALTER TABLE turn RENAME COLUMN text TO tdxt", []).unwrap();
        }),
    ];
    for (what, hurt) in hurts {
        let data = world();
        let before = Store::open(data.path()).unwrap().epoch().unwrap();
        let path = data.path().join(FILE);
        hurt(&path);
        let damaged = fs::read(&path).ok();
        let (store, restored) = open(data.path(), NOW + 5_000).unwrap();
        let restored = restored.unwrap();
        assert_eq!((restored.at_ms, restored.as_of_ms), (NOW + 5_000, Some(NOW)), "{what}");
        assert!(restored.damage.is_some() && restored.aside.ends_with("corrupt-2026-11-20T18-40-05Z"), "{restored:?}");
        assert_eq!(texts(&store, 1), ["before the backup"], "{what}");
        assert_eq!(store.replies_after(&device(2), 0, 9).unwrap()[0].text, "an answer");
        assert_ne!(store.epoch().unwrap(), before);
        assert_eq!(store.meta("link_generation").unwrap().as_deref(), Some((NOW + 5_000).to_string().as_str()));
        // What was damaged lies there untouched, and says what happened.
        assert_eq!(fs::read(restored.aside.join(FILE)).ok(), damaged, "{what}");
        let told: Restored = serde_json::from_slice(&fs::read(restored.aside.join(PLAN)).unwrap()).unwrap();
        assert_eq!(told, restored);
        assert!(!names(data.path()).iter().any(|name| name.contains("restoring")), "{:?}", names(data.path()));
        drop(store);
        // A start right after tells it again; one long after does not.
        assert_eq!(open(data.path(), NOW + 60_000).unwrap().1, Some(restored));
        assert_eq!(open(data.path(), NOW + 2 * TOLD_MS).unwrap().1, None);
    }
}

#[test]
fn the_log_beside_a_damaged_store_goes_with_it() {
    let data = world();
    let copy = tempfile::tempdir().unwrap();
    let mut store = Store::open(data.path()).unwrap();
    say(&mut store, 1, "in the log only");
    store.commit().unwrap();
    // As a crash leaves it: the log is not part of the store yet.
    for name in [FILE, BESIDE[0], BESIDE[1]] {
        fs::copy(data.path().join(name), copy.path().join(name)).unwrap();
    }
    // All of it but the header: the log holds the newest page or two.
    let mut bytes = fs::read(copy.path().join(FILE)).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(copy.path().join(FILE), bytes).unwrap();
    let log = fs::read(copy.path().join(BESIDE[0])).unwrap();
    let (_store, restored) = open(copy.path(), NOW).unwrap();
    let restored = restored.unwrap();
    assert_eq!(restored.as_of_ms, None);
    assert_eq!(fs::read(restored.aside.join(BESIDE[0])).unwrap(), log);
    assert_eq!(names(&restored.aside), [FILE, BESIDE[1], BESIDE[0], PLAN]);
}

#[test]
fn without_a_backup_an_empty_store_begins() {
    let data = world();
    fs::remove_dir_all(data.path().join(backup::FOLDER)).unwrap();
    damage(&data.path().join(FILE));
    let (store, restored) = open(data.path(), NOW).unwrap();
    assert_eq!(restored.unwrap().as_of_ms, None);
    assert_eq!(store.device_count().unwrap(), 0);
    assert_eq!(store.epoch().unwrap().len(), 26);
}

#[test]
fn a_damaged_backup_is_passed_over_for_an_older_one() {
    let data = world();
    backup::make(data.path(), NOW + 1_000).unwrap();
    let newest = backup::list(data.path()).unwrap().remove(0);
    damage(&newest.folder.join(FILE));
    damage(&data.path().join(FILE));
    let (store, restored) = open(data.path(), NOW + 2_000).unwrap();
    assert_eq!(restored.unwrap().as_of_ms, Some(NOW));
    assert_eq!(texts(&store, 1), ["before the backup"]);
    assert!(newest.folder.exists(), "nothing is deleted");
}

#[test]
fn a_restore_that_does_not_look_at_its_backup_is_caught() {
    let data = world();
    backup::make(data.path(), NOW + 1_000).unwrap();
    damage(&backup::list(data.path()).unwrap()[0].folder.join(FILE));
    damage(&data.path().join(FILE));
    let trusting: Check = |_| Ok(Contents { made_ms: NOW, devices: Vec::new(), messages: 0 });
    let used = replace_damaged(data.path(), "damage".into(), NOW, trusting);
    assert!(used.is_err() || Store::open(data.path()).is_err(), "nobody noticed");
}

#[test]
fn who_was_removed_stays_removed_and_who_came_back_stays() {
    let data = world();
    let mut store = Store::open(data.path()).unwrap();
    for number in [1, 2] {
        store.remove_device(&device(number)).unwrap();
    }
    bind(&mut store, 2, NOW + 200);
    bind(&mut store, 3, NOW + 200);
    store.commit().unwrap();
    note_removed(data.path(), &[device(1), device(2)], NOW + 100).unwrap();
    backup::make(data.path(), NOW + 300).unwrap();
    let oldest = backup::list(data.path()).unwrap().pop().unwrap();
    forget_removed(data.path(), &oldest).unwrap();
    drop(store);
    // Only the backup from before the removal is left to use.
    damage(&backup::list(data.path()).unwrap()[0].folder.join(FILE));
    damage(&data.path().join(FILE));
    let (store, restored) = open(data.path(), NOW + 400).unwrap();
    assert_eq!(restored.unwrap().as_of_ms, Some(NOW));
    assert!(store.devices().unwrap().is_empty());
    // The newest backup was made after the removal: when the others are gone, nobody needs to remember it.
    forget_removed(data.path(), &backup::list(data.path()).unwrap()[0]).unwrap();
    assert_eq!(removed(data.path()).unwrap(), []);
}

#[test]
fn what_keeps_the_file_from_being_read_is_no_damage() {
    let refusals = [
        ffi::SQLITE_PERM,
        ffi::SQLITE_BUSY,
        ffi::SQLITE_LOCKED,
        ffi::SQLITE_NOMEM,
        ffi::SQLITE_READONLY,
        ffi::SQLITE_IOERR,
        ffi::SQLITE_FULL,
        ffi::SQLITE_CANTOPEN,
        ffi::SQLITE_AUTH,
    ];
    for code in refusals {
        let error = OpenError::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert_eq!(error.damage(), None, "{error:?}");
    }
    for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB] {
        let error = OpenError::Sqlite(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        assert!(error.damage().is_some(), "{error:?}");
    }
    // A folder where the store should be: refused, and nothing moved.
    let data = world();
    fs::rename(data.path().join(FILE), data.path().join("elsewhere")).unwrap();
    fs::create_dir(data.path().join(FILE)).unwrap();
    fs::write(data.path().join(FILE).join("full"), b"").unwrap();
    let before = names(data.path());
    assert!(open(data.path(), NOW).unwrap_err().damage().is_none());
    assert_eq!(names(data.path()), before);
}

#[test]
fn a_crash_at_any_step_of_a_replacement_ends_the_same() {
    for dies_at in 0.. {
        let data = world();
        let kept = tempfile::tempdir().unwrap();
        fs::remove_dir(kept.path()).unwrap();
        backup::copy(data.path(), kept.path(), NOW).unwrap();
        let key = fs::read(data.path().join("service.key")).unwrap();
        fs::write(data.path().join("service.key"), [9; 32]).unwrap();
        for name in BESIDE {
            fs::write(data.path().join(name), name).unwrap();
        }
        let restored =
            Restored { at_ms: NOW, damage: None, aside: free_name(data.path(), "replaced", NOW), as_of_ms: Some(NOW) };
        lay(data.path(), Some(kept.path()), &KEYS, &[], &restored).unwrap();
        let mut left = dies_at;
        let died = catch_unwind(AssertUnwindSafe(|| {
            finish_stepwise(data.path(), &mut || {
                assert!(left > 0, "the crash");
                left -= 1;
            })
        }));
        let (store, told) = open(data.path(), NOW + 1).unwrap();
        assert_eq!(told, Some(restored.clone()), "crash at {dies_at}");
        assert_eq!(texts(&store, 1), ["before the backup", "after it"]);
        assert_eq!(fs::read(data.path().join("service.key")).unwrap(), key);
        assert_eq!(fs::read(restored.aside.join("service.key")).unwrap(), [9; 32]);
        assert_eq!(fs::read(restored.aside.join(BESIDE[0])).unwrap(), BESIDE[0].as_bytes());
        assert_eq!(
            names(&restored.aside),
            [FILE, BESIDE[1], BESIDE[0], "link.key", "service.key", "tls.pem", PLAN],
            "crash at {dies_at}"
        );
        if died.is_ok() {
            assert!(dies_at > 6, "{dies_at}");
            break;
        }
    }
}

#[test]
fn a_person_gets_back_what_the_file_holds() {
    let data = world();
    let kept = tempfile::tempdir().unwrap();
    let folder = kept.path().join("b");
    backup::copy(data.path(), &folder, NOW).unwrap();
    let mut store = Store::open(data.path()).unwrap();
    store.remove_device(&device(1)).unwrap();
    store.set_meta("link_generation", Some("9000000000000")).unwrap();
    store.commit().unwrap();
    let before = store.epoch().unwrap();
    drop(store);
    note_removed(data.path(), &[device(1)], NOW + 1).unwrap();
    let restored = replace_by(data.path(), &folder, NOW + 2).unwrap();
    assert_eq!((restored.damage, restored.as_of_ms), (None, Some(NOW)));
    let store = Store::open(data.path()).unwrap();
    assert_eq!(texts(&store, 1), ["before the backup", "after it"]);
    assert_ne!(store.epoch().unwrap(), before);
    // Never backwards, whatever the clock and the backup say.
    assert_eq!(store.meta("link_generation").unwrap().as_deref(), Some("9000000000000"));
    let old = Store::open(&restored.aside).unwrap();
    assert_eq!(old.device_count().unwrap(), 1);
    // A damaged file changes nothing.
    damage(&folder.join(FILE));
    drop(store);
    let names_before = names(data.path());
    assert!(replace_by(data.path(), &folder, NOW + 3).is_err());
    assert_eq!(names(data.path()), names_before);
}
