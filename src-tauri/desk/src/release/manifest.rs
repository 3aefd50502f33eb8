//! The manifest of a release: who signed it, and whether it is news here. Pure.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use minisign_verify::{PublicKey, Signature};
use semver::Version;
use serde::Deserialize;

use super::Notes;
use super::package::{Package, PackageKind};
use super::source::{FILES, Here};
use crate::words::is_unseen;

/// Most bytes of a manifest.
pub(super) const LARGEST: usize = 64 * 1_024;
/// Most bytes of a signature.
pub(super) const LARGEST_SIGNATURE: usize = 4 * 1_024;
/// Most characters of the notes in one language.
const LONGEST_NOTES: usize = 2_000;
/// Between the notes in English and in Chinese, on a line of its own.
const BETWEEN: &str = "---";

/// A release that is news here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) version: Version,
    pub(super) notes: Notes,
    /// What installs it here. `None`: a person gets it from its page.
    pub(super) package: Option<Package>,
}

/// Why a manifest does not count.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("no minisign signature")]
    NoSignature,
    #[error("not signed by the key of SmartPi's releases")]
    Signature(#[source] minisign_verify::Error),
    #[error("signed, but no manifest of a release")]
    Form(#[source] serde_json::Error),
    #[error("signed, but its version is none")]
    Version(#[source] semver::Error),
    #[error("signed, but its file lies elsewhere: {0}")]
    Elsewhere(String),
}

#[derive(Deserialize)]
struct Manifest {
    version: String,
    #[serde(default)]
    notes: String,
    platforms: BTreeMap<String, File>,
}

#[derive(Deserialize)]
struct File {
    url: String,
    #[serde(default)]
    signature: String,
}

/// The public key as `tauri signer generate` prints it. `None`: it is none.
pub(super) fn key(text: &str) -> Option<PublicKey> {
    PublicKey::decode(&unpacked(text.as_bytes())?).ok()
}

/// Whether `key` signed exactly these bytes.
pub(super) fn verify(manifest: &[u8], signature: &[u8], key: &PublicKey) -> Result<(), Refused> {
    let signature = signed(signature).ok_or(Refused::NoSignature)?;
    key.verify(manifest, &signature, false).map_err(Refused::Signature)
}

/// The release of a manifest whose signature is right. `None`: no news here, being no newer, not final, or for other systems.
pub(super) fn judge(manifest: &[u8], here: &Here) -> Result<Option<Found>, Refused> {
    let Manifest { version, notes, platforms } = serde_json::from_slice(manifest).map_err(Refused::Form)?;
    let version = Version::parse(&version).map_err(Refused::Version)?;
    if let Some(file) = platforms.values().find(|file| !is_ours(&file.url)) {
        return Err(Refused::Elsewhere(file.url.chars().take(200).collect()));
    }
    let for_us =
        |name: &String| name.strip_prefix(&here.platform).is_some_and(|kind| kind.is_empty() || kind.starts_with('-'));
    let is_news = version > here.version && version.pre.is_empty() && platforms.keys().any(for_us);
    let package = here.kind.and_then(|kind| package(&platforms, here, kind));
    Ok(is_news.then(|| Found { version, notes: in_both(&notes), package }))
}

fn package(platforms: &BTreeMap<String, File>, here: &Here, kind: PackageKind) -> Option<Package> {
    let File { url, signature } = platforms.get(&format!("{}-{}", here.platform, kind.name()))?;
    let (url, signature) = (url.clone(), signature.clone());
    signed(signature.as_bytes()).is_some().then_some(Package { kind, url, signature })
}

/// A signature as `tauri signer sign` writes it.
pub(super) fn signed(text: &[u8]) -> Option<Signature> {
    Signature::decode(&unpacked(text)?).ok()
}

/// Minisign's own text, which Tauri packs into base64 once more.
fn unpacked(text: &[u8]) -> Option<String> {
    String::from_utf8(BASE64.decode(text.trim_ascii()).ok()?).ok()
}

fn is_ours(url: &str) -> bool {
    let file = url.strip_prefix(FILES);
    let plain = |char: char| char.is_ascii_alphanumeric() || "._-+%~/".contains(char);
    file.is_some_and(|file| file.chars().all(plain) && !file.contains(".."))
}

fn in_both(notes: &str) -> Notes {
    let mut lines = notes.lines();
    let en = lines.by_ref().take_while(|line| line.trim() != BETWEEN).collect::<Vec<_>>().join("\n");
    let zh = lines.collect::<Vec<_>>().join("\n");
    let en = plain(&en);
    let zh = if zh.trim().is_empty() { en.clone() } else { plain(&zh) };
    Notes { en, zh }
}

/// Words and line ends, of bounded length.
fn plain(text: &str) -> String {
    let mut shown: String =
        text.trim().chars().filter(|char| *char == '\n' || !is_unseen(*char)).take(LONGEST_NOTES + 1).collect();
    if let Some((end, _)) = shown.char_indices().nth(LONGEST_NOTES) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    // Made by the signer of the Tauri command line, with two keys that were thrown away.
    const KEY: &str = include_str!("recorded/release.key.pub");
    const OTHER_KEY: &str = include_str!("recorded/other.key.pub");
    const MANIFEST: &[u8] = include_bytes!("recorded/latest.json");
    const SIGNATURE: &[u8] = include_bytes!("recorded/latest.json.sig");

    fn here() -> Here {
        Here { version: Version::new(0, 1, 0), platform: "linux-x86_64".into(), kind: Some(PackageKind::Deb) }
    }

    fn manifest(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let mut manifest: Value = serde_json::from_slice(MANIFEST).unwrap();
        change(&mut manifest);
        serde_json::to_vec(&manifest).unwrap()
    }

    fn version_of(manifest: &[u8]) -> Option<String> {
        judge(manifest, &here()).unwrap().map(|found| found.version.to_string())
    }

    #[test]
    fn what_the_signer_of_the_workflow_signed_is_right_and_nothing_else() {
        let ours = key(KEY).unwrap();
        verify(MANIFEST, SIGNATURE, &ours).unwrap();
        let mut changed = MANIFEST.to_vec();
        for at in 0..changed.len() {
            changed[at] ^= 1;
            assert!(matches!(verify(&changed, SIGNATURE, &ours), Err(Refused::Signature(_))), "byte {at}");
            changed[at] ^= 1;
        }
        assert!(matches!(verify(MANIFEST, SIGNATURE, &key(OTHER_KEY).unwrap()), Err(Refused::Signature(_))));
        for signature in [&b""[..], b"<html>", b"\xff\xff", MANIFEST, KEY.as_bytes()] {
            assert!(matches!(verify(MANIFEST, signature, &ours), Err(Refused::NoSignature)));
        }
        assert!(key("").is_none() && key("not a key").is_none());
    }

    #[test]
    fn only_a_final_release_that_is_newer_and_for_this_system_is_news() {
        assert_eq!(version_of(MANIFEST).as_deref(), Some("0.2.0"));
        for (version, news) in [
            ("0.1.1", true),
            ("0.10.0", true),
            ("1.0.0", true),
            ("0.1.0", false),
            ("0.0.9", false),
            ("0.2.0-rc.1", false),
            ("0.1.0+2", true),
        ] {
            let found = version_of(&manifest(|it| it["version"] = version.into()));
            assert_eq!(found.as_deref(), news.then_some(version), "{version}");
        }
        for (platform, news) in [
            ("linux-x86_64", true),
            ("linux-x86_64-deb", true),
            ("linux-x86_64x", false),
            ("linux-aarch64", false),
            ("windows-x86_64", false),
        ] {
            let url = format!("{FILES}v0.2.0/a.deb");
            let found = version_of(&manifest(|it| it["platforms"] = json!({platform: {"url": url, "signature": ""}})));
            assert_eq!(found.is_some(), news, "{platform}");
        }
        // Who runs a release that was not final is told of the final one.
        let early = Here { version: Version::parse("0.2.0-rc.1").unwrap(), ..here() };
        assert!(judge(MANIFEST, &early).unwrap().is_some());
    }

    #[test]
    fn only_a_signed_package_of_the_kind_that_is_installed_is_one_to_fetch() {
        let package = |manifest: &[u8], kind| judge(manifest, &Here { kind, ..here() }).unwrap().unwrap().package;
        let signature = String::from_utf8(SIGNATURE.to_vec()).unwrap();
        let signed = manifest(|it| it["platforms"]["linux-x86_64-deb"]["signature"] = signature.clone().into());
        let url = format!("{FILES}v0.2.0/smartpi-tray_0.2.0_amd64.deb");
        assert_eq!(package(&signed, Some(PackageKind::Deb)), Some(Package { kind: PackageKind::Deb, url, signature }));
        for kind in [None, Some(PackageKind::Rpm), Some(PackageKind::Nsis), Some(PackageKind::Msi)] {
            assert_eq!(package(&signed, kind), None, "{kind:?}");
        }
        for signature in ["", "x", KEY] {
            let unsigned = manifest(|it| it["platforms"]["linux-x86_64-deb"]["signature"] = signature.into());
            assert_eq!(package(&unsigned, Some(PackageKind::Deb)), None, "{signature}");
        }
    }

    #[test]
    fn what_is_signed_and_wrong_is_an_error_in_words() {
        for text in ["", "{", "[]", "null", r#"{"version":1,"platforms":{}}"#, r#"{"version":"1.0.0"}"#] {
            assert!(matches!(judge(text.as_bytes(), &here()), Err(Refused::Form(_))), "{text}");
        }
        for version in ["", "1", "v1.0.0", "1.0.0.0", "newest"] {
            assert!(matches!(judge(&manifest(|it| it["version"] = version.into()), &here()), Err(Refused::Version(_))));
        }
        for url in [
            "",
            "file:///etc/passwd",
            "http://github.com/smartpi/smartpi-tray/releases/download/v1/a",
            "https://github.com/smartpi/smartpi-tray.evil/releases/download/v1/a",
            "https://github.com/evil/smartpi-tray/releases/download/v1/a",
            "https://github.com@evil/smartpi/smartpi-tray/releases/download/v1/a",
            "https://github.com/smartpi/smartpi-tray/releases/download/../../../../evil/a",
            "https://github.com/smartpi/smartpi-tray/releases/download/v1/a?b#c",
        ] {
            let judged = judge(&manifest(|it| it["platforms"]["linux-x86_64-deb"]["url"] = url.into()), &here());
            assert!(matches!(judged, Err(Refused::Elsewhere(_))), "{url}");
        }
    }

    #[test]
    fn each_language_reads_its_own_part_of_the_notes() {
        let notes = |text: &str| judge(&manifest(|it| it["notes"] = text.into()), &here()).unwrap().unwrap().notes;
        let both = |en: &str, zh: &str| Notes { en: en.into(), zh: zh.into() };
        assert_eq!(notes("- One.\n- Two.\n\n---\n\n- 一。\n"), both("- One.\n- Two.", "- 一。"));
        assert_eq!(notes("One.\r\n---\r\n一。"), both("One.", "一。"));
        assert_eq!(notes("One."), both("One.", "One."));
        assert_eq!(notes("One.\n---\n"), both("One.", "One."));
        assert_eq!(notes("One.\n---\n一。\n---\n二。"), both("One.", "一。\n---\n二。"));
        assert_eq!(notes("\u{202e}One\u{7}\u{1b}[31m."), both("One[31m.", "One[31m."));
        assert_eq!(notes(""), Notes::default());
        let long = notes(&format!("{}\n---\n{}", "e".repeat(5_000), "字".repeat(5_000)));
        assert_eq!((long.en.chars().count(), long.zh.chars().count()), (LONGEST_NOTES + 1, LONGEST_NOTES + 1));
        assert!(long.zh.ends_with("字…"));
        let bare = manifest(|it| drop(it.as_object_mut().unwrap().remove("notes")));
        assert_eq!(judge(&bare, &here()).unwrap().unwrap().notes, Notes::default());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text: String) {
            let _ = judge(&bytes, &here());
            let _ = verify(MANIFEST, &bytes, &key(KEY).unwrap());
            let _ = judge(&manifest(|it| it["notes"] = text.clone().into()), &here());
            let _ = key(&text);
        }
    }
}
