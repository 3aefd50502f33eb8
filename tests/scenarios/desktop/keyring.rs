//! Where secrets go, with the real gnome-keyring in the four states in which a desktop has it.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use support::desktop::{Desktop, Keyring, Outfit};
use support::lab::Lab;

use super::in_the_tray;

/// What the window says of the place, once it knows.
fn place(keyring: Keyring) -> Result<Value> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit { keyring, ..Outfit::default() })?;
    let (_tray, app) = in_the_tray(&desktop)?;
    let view = app.until_view("sure about the keyring", |view| view["secrets"]["place"] != "checking")?;
    Ok(view["secrets"].clone())
}

#[test]
fn an_unlocked_keyring_is_the_place_for_secrets() -> Result<()> {
    assert_eq!(place(Keyring::Unlocked)?["place"], "keyring");
    Ok(())
}

#[test]
fn an_absent_keyring_is_named_and_nothing_is_kept_elsewhere_by_itself() -> Result<()> {
    assert_eq!(place(Keyring::Absent)?, json!({"place": "nowhere", "why": "absent"}));
    Ok(())
}

#[test]
fn a_locked_keyring_is_named() -> Result<()> {
    assert_eq!(place(Keyring::Locked)?, json!({"place": "nowhere", "why": "locked"}));
    Ok(())
}

#[test]
fn a_keyring_without_a_collection_is_named() -> Result<()> {
    assert_eq!(place(Keyring::NoCollection)?, json!({"place": "nowhere", "why": "empty"}));
    Ok(())
}

#[test]
fn the_file_is_used_when_the_person_chooses_it_and_only_the_person_can_read_it() -> Result<()> {
    let lab = Lab::new();
    let desktop = Desktop::start(&lab.computer, Outfit::default())?;
    let (_tray, app) = in_the_tray(&desktop)?;
    app.until_view("without a place", |view| view["secrets"]["place"] == "nowhere")?;
    app.control()?.ask("settings.change", json!({"secretsInFile": true}))?;
    app.until_view("with the file", |view| view["secrets"]["place"] == "file")?;
    let private = |path: &std::path::Path| -> Result<()> {
        let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
        ensure!(mode & 0o077 == 0, "{} can be read by others: {mode:o}", path.display());
        Ok(())
    };
    private(&app.data())?;
    let files = std::fs::read_dir(app.data())?.flatten().map(|entry| entry.path());
    for file in files.filter(|path| path.is_file()) {
        private(&file)?;
    }
    Ok(())
}
