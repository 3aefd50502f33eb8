use ed25519_dalek::SigningKey;
use tokio::sync::broadcast;

use super::*;
use crate::store::Store;
use crate::wire::device::Kind;

fn bind(store: &mut Store, number: u8) -> DeviceKey {
    let key = SigningKey::from_bytes(&[number; 32]).verifying_key();
    store.bind_device(&key, "box", Kind::Board, 1).unwrap();
    store.commit().unwrap();
    DeviceKey::of(&key)
}

fn keeper(data: &Path) -> Keeper {
    Keeper { bound: bound_in_newest(data), said: None, data: data.to_owned(), clock: Clock::start() }
}

#[test]
fn a_backup_is_due_when_the_devices_are_others_or_something_was_said() {
    let data = tempfile::tempdir().unwrap();
    let mut store = Store::open(data.path()).unwrap();
    let mut keeper = keeper(data.path());
    assert!(!keeper.keep(true).unwrap(), "nobody uses it");
    let device = bind(&mut store, 1);
    assert!(keeper.keep(false).unwrap());
    assert!(!keeper.keep(false).unwrap() && !keeper.keep(true).unwrap(), "nothing happened");
    store.rename_device(&device, "kitchen").unwrap();
    store.commit().unwrap();
    assert!(keeper.keep(false).unwrap());
    let reply = crate::store::NewReply {
        device: &device,
        rid: "r-1",
        re: None,
        text: "words",
        late: false,
        code: None,
        by: None,
        now: 1,
    };
    store.insert_reply(reply).unwrap();
    store.commit().unwrap();
    assert!(!keeper.keep(false).unwrap(), "words alone wait for the hour");
    assert!(keeper.keep(true).unwrap());
    store.remove_device(&device).unwrap();
    store.commit().unwrap();
    assert!(keeper.keep(false).unwrap());
    assert_eq!(backup::list(data.path()).unwrap().len(), 4);
    let noted = std::fs::read_to_string(data.path().join("backups/removed")).unwrap();
    assert!(noted.ends_with(&format!(" {device}\n")), "{noted}");
}

#[test]
fn a_removal_that_a_crash_kept_from_being_noted_is_noted_by_the_next_run() {
    let data = tempfile::tempdir().unwrap();
    let mut store = Store::open(data.path()).unwrap();
    let device = bind(&mut store, 1);
    keeper(data.path()).keep(false).unwrap();
    store.remove_device(&device).unwrap();
    store.commit().unwrap();
    assert!(keeper(data.path()).keep(true).unwrap());
    assert!(std::fs::read_to_string(data.path().join("backups/removed")).unwrap().contains(device.as_str()));
}

#[tokio::test]
async fn a_binding_is_backed_up_and_a_failure_is_told_and_mended() {
    let data = tempfile::tempdir().unwrap();
    let mut store = Store::open(data.path()).unwrap();
    let (notices, _) = broadcast::channel(16);
    let mut told = notices.subscribe();
    // Where backups go there is a file.
    std::fs::write(data.path().join("backups"), b"").unwrap();
    let device = bind(&mut store, 1);
    let running = run(data.path().to_owned(), Clock::start(), notices.subscribe(), notices.clone());
    let story = async {
        assert!(matches!(told.recv().await.unwrap(), Notice::NotBackedUp(why) if why.contains("backups")));
        std::fs::remove_file(data.path().join("backups")).unwrap();
        notices.send(Notice::DeviceBound(device, "box".into())).unwrap();
        assert!(matches!(told.recv().await.unwrap(), Notice::DeviceBound(..)));
        assert_eq!(told.recv().await.unwrap(), Notice::BackedUp);
    };
    tokio::select! {
        () = running => unreachable!("it keeps for ever"),
        () = story => {}
    }
    let made = backup::list(data.path()).unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(backup::verify(&made[0].folder).unwrap().devices, ["box"]);
}
