//! The vault over a keyring of the test's own.

use std::future::ready;

use super::super::tests::memory::Memory;
use super::*;

const IDENTITY: SecretName = SecretName::OpenClawIdentity;

struct Stage {
    temp: tempfile::TempDir,
    keyring: Memory,
    vault: Vault,
}

impl Stage {
    fn new(keyring: Memory, in_file: bool) -> Self {
        // A person never comes within the first, and always within the second.
        Self::with(keyring, in_file, Limits { look: Duration::from_secs(30), person: Duration::from_secs(30) })
    }

    fn impatient(keyring: Memory) -> Self {
        Self::with(keyring, false, Limits { look: Duration::from_millis(50), person: Duration::from_millis(50) })
    }

    fn with(keyring: Memory, in_file: bool, limits: Limits) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let vault = Vault::over(Box::new(keyring.clone()), temp.path(), in_file, limits);
        Self { temp, keyring, vault }
    }

    fn files(&self) -> SecretFiles {
        SecretFiles::new(self.temp.path())
    }

    fn in_files(&self) -> Option<Secret> {
        self.files().get(IDENTITY).unwrap()
    }
}

fn view(place: SecretsPlace, why: Option<KeyringTrouble>) -> SecretsView {
    SecretsView { place, why }
}

async fn saved() -> Result<(), Failure> {
    Ok(())
}

#[tokio::test]
async fn a_keyring_that_takes_a_write_is_the_place() {
    let stage = Stage::new(Memory::default(), false);
    assert_eq!(stage.vault.view(), view(SecretsPlace::Checking, None));
    assert_eq!(stage.keyring.calls(), 0, "making a vault touches nothing");
    let mut watch = stage.vault.watch();
    assert_eq!(stage.vault.look().await, view(SecretsPlace::Keyring, None));
    assert!(watch.has_changed().unwrap());
    assert_eq!(watch.borrow_and_update().place, SecretsPlace::Keyring);
    assert_eq!(stage.keyring.kept(SecretName::Probe), None);
    let first = stage.vault.identity().await.unwrap().device_id().to_owned();
    assert_eq!(stage.vault.identity().await.unwrap().device_id().to_owned(), first);
    assert_eq!(stage.in_files(), None);
}

#[tokio::test]
async fn every_trouble_is_told_and_nothing_goes_to_a_file() {
    for (trouble, code) in [
        (KeyringTrouble::Locked, FailureCode::KeyringLocked),
        (KeyringTrouble::Absent, FailureCode::KeyringAbsent),
        (KeyringTrouble::Empty, FailureCode::KeyringEmpty),
        (KeyringTrouble::Broken, FailureCode::KeyringBroken),
    ] {
        let stage = Stage::new(Memory::troubled(trouble), false);
        assert_eq!(stage.vault.look().await, view(SecretsPlace::Nowhere, Some(trouble)));
        assert_eq!(stage.vault.identity().await.unwrap_err().code, code);
        assert_eq!(stage.in_files(), None);
        // It is asked again, and not remembered as a failure.
        stage.keyring.refuse(None);
        stage.vault.identity().await.unwrap();
        assert_eq!(stage.vault.view(), view(SecretsPlace::Keyring, None));
    }
}

#[tokio::test]
async fn a_keyring_that_only_reads_is_no_place() {
    let keyring = Memory::default();
    keyring.refuse_writes(KeyringTrouble::Empty);
    let stage = Stage::new(keyring, false);
    assert_eq!(stage.vault.look().await, view(SecretsPlace::Nowhere, Some(KeyringTrouble::Empty)));
    let keyring = Memory::default();
    keyring.forget_writes();
    let stage = Stage::new(keyring, false);
    assert_eq!(stage.vault.look().await, view(SecretsPlace::Nowhere, Some(KeyringTrouble::Broken)));
}

#[tokio::test]
async fn a_call_that_waits_for_a_person_holds_up_nothing() {
    let keyring = Memory::default();
    keyring.prompt(true);
    let stage = Stage::impatient(keyring);
    assert_eq!(stage.vault.look().await, view(SecretsPlace::Nowhere, Some(KeyringTrouble::Locked)));
    stage.keyring.await_prompt();
    let calls = stage.keyring.calls();
    assert_eq!(stage.vault.identity().await.unwrap_err().code, FailureCode::KeyringLocked);
    assert_eq!(stage.keyring.calls(), calls, "the one that waits is the only one");
    // The person chooses the file while the question is still on the screen.
    stage.vault.switch(true, saved()).await.unwrap();
    stage.vault.identity().await.unwrap();
    assert!(stage.in_files().is_some());
    assert_eq!(stage.vault.view(), view(SecretsPlace::File, Some(KeyringTrouble::Locked)));
    // And then unlocks it: what the call brings is taken into account.
    let mut watch = stage.vault.watch();
    stage.keyring.prompt(false);
    watch.wait_for(|view| view.why.is_none()).await.unwrap();
}

#[tokio::test]
async fn who_unlocks_it_late_has_a_keyring() {
    let keyring = Memory::default();
    keyring.prompt(true);
    let stage = Stage::impatient(keyring);
    let mut watch = stage.vault.watch();
    assert_eq!(stage.vault.look().await.why, Some(KeyringTrouble::Locked));
    stage.keyring.prompt(false);
    watch.wait_for(|view| view.place == SecretsPlace::Keyring).await.unwrap();
}

#[tokio::test]
async fn two_at_once_get_one_identity() {
    for in_file in [false, true] {
        let stage = Stage::new(Memory::default(), in_file);
        let (one, other) = tokio::join!(stage.vault.identity(), stage.vault.identity());
        assert_eq!(one.unwrap().device_id().to_owned(), other.unwrap().device_id().to_owned());
    }
}

#[tokio::test]
async fn who_chose_the_file_is_not_asked_by_the_keyring() {
    let stage = Stage::new(Memory::default(), true);
    assert_eq!(stage.vault.look().await, view(SecretsPlace::File, None));
    stage.vault.identity().await.unwrap();
    assert_eq!(stage.keyring.calls(), 0);
}

#[tokio::test]
async fn secrets_move_with_the_choice_and_back() {
    let stage = Stage::new(Memory::default(), false);
    stage.vault.look().await;
    let identity = stage.vault.identity().await.unwrap().device_id().to_owned();
    stage.vault.switch(true, saved()).await.unwrap();
    assert_eq!(stage.vault.view().place, SecretsPlace::File);
    assert!(stage.keyring.kept(IDENTITY).is_none() && stage.in_files().is_some());
    assert_eq!(stage.vault.identity().await.unwrap().device_id().to_owned(), identity);
    stage.vault.switch(false, saved()).await.unwrap();
    assert_eq!(stage.vault.view(), view(SecretsPlace::Keyring, None));
    assert!(stage.keyring.kept(IDENTITY).is_some() && stage.in_files().is_none());
    assert_eq!(stage.vault.identity().await.unwrap().device_id().to_owned(), identity);
}

#[tokio::test]
async fn what_cannot_be_copied_stays_where_it_was() {
    let stage = Stage::new(Memory::default(), true);
    stage.vault.identity().await.unwrap();
    // The keyring does not work.
    stage.keyring.refuse(Some(KeyringTrouble::Absent));
    let never = async { panic!("nothing is saved") };
    let failure = stage.vault.switch(false, never).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::KeyringAbsent);
    assert_eq!(stage.vault.view().place, SecretsPlace::File);
    assert!(stage.in_files().is_some());

    // The folder for the files cannot be made.
    let stage = Stage::new(Memory::default(), false);
    stage.vault.look().await;
    stage.vault.identity().await.unwrap();
    std::fs::write(stage.temp.path().join("secrets"), b"a file").unwrap();
    let never = async { panic!("nothing is saved") };
    assert_eq!(stage.vault.switch(true, never).await.unwrap_err().code, FailureCode::SecretsNotMoved);
    assert_eq!(stage.vault.view().place, SecretsPlace::Keyring);
    assert!(stage.keyring.kept(IDENTITY).is_some());

    // The keyring worked a moment ago and does not give it out.
    let stage = Stage::new(Memory::default(), false);
    stage.vault.look().await;
    stage.vault.identity().await.unwrap();
    stage.keyring.refuse(Some(KeyringTrouble::Locked));
    let never = async { panic!("nothing is saved") };
    assert_eq!(stage.vault.switch(true, never).await.unwrap_err().code, FailureCode::SecretsNotMoved);
}

#[tokio::test]
async fn a_choice_that_is_not_saved_leaves_no_copy() {
    let stage = Stage::new(Memory::default(), false);
    stage.vault.look().await;
    stage.vault.identity().await.unwrap();
    let refused = ready(Err(Failure::bare(FailureCode::Storage)));
    assert_eq!(stage.vault.switch(true, refused).await.unwrap_err().code, FailureCode::Storage);
    assert_eq!(stage.vault.view().place, SecretsPlace::Keyring);
    assert!(stage.keyring.kept(IDENTITY).is_some() && stage.in_files().is_none());
}

#[tokio::test]
async fn a_copy_that_stays_behind_is_told() {
    let stage = Stage::new(Memory::default(), false);
    stage.vault.look().await;
    stage.vault.identity().await.unwrap();
    stage.keyring.keep_for_ever();
    assert_eq!(stage.vault.switch(true, saved()).await.unwrap_err().code, FailureCode::SecretsLeftBehind);
    assert_eq!(stage.vault.view().place, SecretsPlace::File);
    assert!(stage.in_files().is_some());
}

#[tokio::test]
async fn a_bug_in_a_call_ends_that_call_only() {
    let stage = Stage::new(Memory::default(), false);
    let failed: Result<(), _> = stage.vault.on_keyring(Duration::from_secs(30), |_| panic!("a bug")).await;
    assert!(matches!(failed, Err(SecretsError::NotDone(_))), "{failed:?}");
    assert_eq!(stage.vault.look().await, view(SecretsPlace::Keyring, None));
}
