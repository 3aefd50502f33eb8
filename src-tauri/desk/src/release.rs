//! Whether a newer release is there: looked up once a day, told once; its package is fetched when a person wants it, and installed by the system when the person opens it.
//!
//! A release has a manifest, `latest.json`, in the form of the Tauri updater, and beside it a minisign signature over its bytes. Nothing of a manifest counts,
//! and no word of it is shown, before the signature was found to be of the one key that the build has. A build without a key does not look: there is no
//! [`ReleaseView`] then, and no switch for it.
//!
//! The notes of a manifest are in English, then a line `---`, then in Chinese; without that line everybody reads the same.

mod download;
mod fetch;
mod lookout;
mod manifest;
mod package;
mod proxy;
mod source;

use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;

use crate::failure::{Failure, FailureCode};

pub use download::{DownloadView, DownloadWhy};
pub(crate) use lookout::{Lookout, keep_looking};
pub use package::PackageKind;
pub(crate) use source::Source;

/// Where SmartPi lives: releases are looked for there and nowhere else.
pub const HOME: &str = env!("CARGO_PKG_REPOSITORY");

/// The page of a release, from where a person downloads it.
///
/// # Errors
/// [`FailureCode::BadRequest`] for what is no version.
pub fn page(version: &str) -> Result<String, Failure> {
    let version = semver::Version::parse(version).map_err(|error| Failure::caused(FailureCode::BadRequest, &error))?;
    Ok(format!("{HOME}/releases/tag/v{version}"))
}

/// What is known of newer releases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseView {
    /// Whether the person wants to be told: else nothing is looked up, and nothing else is here.
    pub wanted: bool,
    /// When it was last known whether there is one, ms since 1970. `None`: never yet.
    #[specta(type = Option<Number>)]
    pub looked_ms: Option<i64>,
    /// Why the last look came to nothing.
    pub trouble: Option<LookTrouble>,
    /// The newest one, where it is newer than what runs.
    pub newer: Option<Newer>,
    /// How far its package is. `None`: nobody asked for it.
    pub download: Option<DownloadView>,
}

/// What a person wants of the package of a newer release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum PackageAct {
    /// Fetch it.
    Fetch,
    /// No more of it: what is here of it is deleted.
    Cancel,
    /// Say where it lies, once more found to be what was signed.
    Check,
}

/// A release that is newer than what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Newer {
    /// Its version.
    pub version: String,
    /// What is new in it.
    pub notes: Notes,
    /// When it was first seen, ms since 1970.
    #[specta(type = Number)]
    pub found_ms: i64,
    /// Which package of it installs it here. `None`: a person gets it from its page.
    #[serde(default)]
    pub package: Option<PackageKind>,
}

/// The same in both languages; empty where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct Notes {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// Why a look came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct LookTrouble {
    /// Which kind.
    pub why: LookWhy,
    /// The exact words.
    pub detail: String,
}

/// A kind of trouble with a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum LookWhy {
    /// Nobody answered, or not to the end: it is tried again.
    Unreachable,
    /// What came is not signed by those who make SmartPi, or is no manifest of theirs.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_of_a_version_and_of_our_own_place() {
        assert_eq!(page("0.2.0").unwrap(), "https://github.com/smartpi/smartpi-tray/releases/tag/v0.2.0");
        for version in ["", "v0.2.0", "0.2", "../../evil", "0.2.0/../../x", "0.2.0 ", "https://example.org"] {
            assert_eq!(page(version).unwrap_err().code, FailureCode::BadRequest, "{version}");
        }
    }

    #[test]
    fn the_application_says_everywhere_that_it_lives_there() {
        let conf: serde_json::Value = serde_json::from_str(include_str!("../../../tauri.conf.json")).unwrap();
        assert_eq!(conf["bundle"]["homepage"], HOME);
    }
}
