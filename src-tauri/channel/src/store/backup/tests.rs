use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ed25519_dalek::SigningKey;

use super::*;
use crate::id::{DeviceKey, MessageId};
use crate::store::{NewTurn, Store};
use crate::wire::device::Kind;

/// 2026-11-21.
const NOW: i64 = 1_795_200_000_000;

fn store_with(data: &Path, names: &[&str]) -> Store {
    let mut store = Store::open(data).unwrap();
    for (index, name) in names.iter().enumerate() {
        let key = SigningKey::from_bytes(&[u8::try_from(index).unwrap() + 1; 32]).verifying_key();
        store.bind_device(&key, name, Kind::Board, NOW).unwrap();
    }
    store.commit().unwrap();
    for name in KEYS {
        crate::keys::load_or_create(&data.join(name)).unwrap();
    }
    store
}

#[test]
fn a_backup_holds_the_store_and_its_keys_for_the_owner_only() {
    let data = tempfile::tempdir().unwrap();
    let _store = store_with(data.path(), &["Kitchen", "书房"]);
    let made = make(data.path(), NOW).unwrap();
    assert_eq!(made.number, 1);
    assert!(made.folder.ends_with("000001-2026-11-20T18-40-00Z"), "{}", made.folder.display());
    let contents = verify(&made.folder).unwrap();
    assert_eq!((contents.made_ms, contents.devices), (NOW, vec!["Kitchen".to_owned(), "书房".to_owned()]));
    for name in KEYS {
        let key = fs::read(data.path().join(name)).unwrap();
        assert_eq!(fs::read(made.folder.join(name)).unwrap(), key);
        let database = fs::read(made.folder.join(FILE)).unwrap();
        assert!(!database.windows(32).any(|part| part == key), "{name} is in the copy of the store");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data.path().join(FOLDER)), mode(&made.folder)), (0o700, 0o700));
        for entry in fs::read_dir(&made.folder).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

#[test]
fn the_newest_five_are_kept_and_a_failed_one_costs_none() {
    let data = tempfile::tempdir().unwrap();
    let store = store_with(data.path(), &["Kitchen"]);
    for round in 0..7 {
        make(data.path(), NOW + round * 60_000).unwrap();
    }
    let numbers = || list(data.path()).unwrap().into_iter().map(|backup| backup.number).collect::<Vec<_>>();
    assert_eq!(numbers(), [7, 6, 5, 4, 3]);
    // A clock that goes back changes nothing about which is the newest.
    make(data.path(), 0).unwrap();
    assert_eq!(numbers(), [8, 7, 6, 5, 4]);
    drop(store);
    // A damaged store is not copied over good backups.
    let path = data.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096 * 2..4096 * 3].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    assert!(make(data.path(), NOW).unwrap_err().is_damage());
    assert_eq!(numbers(), [8, 7, 6, 5, 4]);
    for backup in list(data.path()).unwrap() {
        verify(&backup.folder).unwrap();
    }
    // What a crash left unfinished is no backup, and in nobody's way.
    fs::remove_file(&path).unwrap();
    let _store = store_with(data.path(), &["Kitchen"]);
    assert_eq!(make(data.path(), NOW).unwrap().number, 9);
}

#[test]
fn a_backup_with_any_byte_changed_is_none() {
    let data = tempfile::tempdir().unwrap();
    let _store = store_with(data.path(), &["Kitchen"]);
    let made = make(data.path(), NOW).unwrap();
    for name in [FILE].into_iter().chain(KEYS) {
        let path = made.folder.join(name);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(good.len() / 16 + 1) {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(verify(&made.folder).unwrap_err().is_damage(), "{name}, byte {at}");
        }
        fs::write(&path, &good[..good.len() / 2]).unwrap();
        assert!(verify(&made.folder).unwrap_err().is_damage());
        fs::write(&path, good).unwrap();
    }
    verify(&made.folder).unwrap();
    fs::remove_file(made.folder.join("service.key")).unwrap();
    assert!(verify(&made.folder).is_err());
}

#[test]
fn commits_go_on_while_a_backup_is_made() {
    let data = tempfile::tempdir().unwrap();
    let mut store = store_with(data.path(), &["Kitchen"]);
    let device = DeviceKey::of(&SigningKey::from_bytes(&[1; 32]).verifying_key());
    let text = "x".repeat(20_000);
    let mut say = |count: usize| {
        let message = MessageId::parse(&ulid::Ulid::generate().to_string()).unwrap();
        let turn = NewTurn { device: &device, message: &message, text: &text, received_at: NOW, stored_at: NOW };
        store.insert_turn(turn).unwrap();
        if count.is_multiple_of(100) {
            store.commit().unwrap();
        }
    };
    // 40 MB: a backup of it takes some hundred ms.
    (0..=2_000).for_each(&mut say);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let backup = scope.spawn(|| {
            let began = Instant::now();
            let made = make(data.path(), NOW);
            done.store(true, Ordering::SeqCst);
            (made, began.elapsed())
        });
        let mut during = 0;
        let mut slowest = std::time::Duration::ZERO;
        while !done.load(Ordering::SeqCst) {
            let began = Instant::now();
            say(0);
            slowest = slowest.max(began.elapsed());
            during += 1;
        }
        let (made, took) = backup.join().unwrap();
        assert!(verify(&made.unwrap().folder).unwrap().messages >= 2_001);
        assert!(during > 1 && slowest < took, "{during} commits during {took:?}, the slowest took {slowest:?}");
    });
}
