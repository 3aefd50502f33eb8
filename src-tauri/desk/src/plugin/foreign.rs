//! Whose plugin it is that has our id. A vendor's own would have it too, and is left alone in every byte.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::ID;
use super::record::{Digest, digest_of_folder};

/// A plugin as `openclaw plugins list` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) root: Option<PathBuf>,
}

/// What is in the folder of a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) root: PathBuf,
    /// `name` and `version` of its package.json.
    pub(super) package: Option<(String, String)>,
    /// Of all its files; `None`: not countable, so not ours.
    pub(super) digest: Option<Digest>,
}

/// How our plugin stands in an OpenClaw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Standing {
    /// No plugin has our id.
    Absent,
    /// It is ours, and untouched since we installed it.
    Ours {
        /// Version in its package.json.
        version: String,
        /// Whether it is exactly the one that this program carries.
        current: bool,
        /// Folder.
        at: PathBuf,
    },
    /// It has our id or our channel and is somebody else's, or ours no more.
    Foreign {
        /// Folder or file.
        at: PathBuf,
        /// Name of its package.
        package: Option<String>,
        /// How one can tell.
        why: NotOurs,
    },
}

/// How one can tell that a plugin is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NotOurs {
    /// Another plugin speaks for our channel.
    OtherId,
    /// Its package has another name, or none.
    OtherPackage,
    /// It has our name, but not the contents of anything that we installed.
    OtherContents,
    /// It is loaded from a folder of its own: a developer's link.
    OtherPlace,
}

/// Judges everything that was found: one foreign plugin is enough.
pub(super) fn judge(found: &[Found], extensions: &Path, carried: &Digest, installed_before: &[Digest]) -> Standing {
    let mut ours = Standing::Absent;
    for plugin in found {
        match judge_one(plugin, extensions, carried, installed_before) {
            Ok((version, current)) => ours = Standing::Ours { version, current, at: plugin.root.clone() },
            Err(why) => {
                let package = plugin.package.as_ref().map(|(name, _)| name.clone());
                return Standing::Foreign { at: plugin.root.clone(), package, why };
            }
        }
    }
    ours
}

fn judge_one(
    plugin: &Found,
    extensions: &Path,
    carried: &Digest,
    installed_before: &[Digest],
) -> Result<(String, bool), NotOurs> {
    if plugin.id != ID {
        return Err(NotOurs::OtherId);
    }
    let Some((name, version)) = &plugin.package else { return Err(NotOurs::OtherPackage) };
    if name != ID {
        return Err(NotOurs::OtherPackage);
    }
    let Some(digest) = &plugin.digest else { return Err(NotOurs::OtherContents) };
    let current = digest == carried;
    if !current && !installed_before.contains(digest) {
        return Err(NotOurs::OtherContents);
    }
    // Overwriting through a link would write into the folder of whoever linked it.
    if !plugin.root.starts_with(extensions) {
        return Err(NotOurs::OtherPlace);
    }
    Ok((version.clone(), current))
}

/// Looks into the folders: those that OpenClaw lists, and the one that its installer would overwrite.
pub(super) fn look(listed: &[Listed], extensions: &Path) -> Vec<Found> {
    let own_place = extensions.join(ID);
    let mut found: Vec<Found> = Vec::new();
    for plugin in listed {
        // One that says nothing about its place cannot be shown to be ours.
        found.push(look_into(&plugin.id, plugin.root.as_deref().unwrap_or(Path::new(""))));
    }
    let there = std::fs::symlink_metadata(&own_place).is_ok();
    if there && !found.iter().any(|plugin| is_same(&plugin.root, &own_place)) {
        found.push(look_into(ID, &own_place));
    }
    found
}

fn look_into(id: &str, root: &Path) -> Found {
    let package = std::fs::read(root.join("package.json")).ok().and_then(|bytes| name_and_version(&bytes));
    let is_link = std::fs::symlink_metadata(root).map_or(true, |there| there.is_symlink());
    let digest = if is_link { None } else { digest_of_folder(root).ok() };
    let root = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    Found { id: id.to_owned(), root, package, digest }
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other || std::fs::canonicalize(other).is_ok_and(|other| other == one)
}

fn name_and_version(bytes: &[u8]) -> Option<(String, String)> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let name = value["name"].as_str()?.to_owned();
    Some((name, value["version"].as_str().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest([byte; 32])
    }

    fn found(id: &str, name: &str, contents: u8) -> Found {
        let package = Some((name.to_owned(), "0.1.0".to_owned()));
        Found { id: id.into(), root: PathBuf::from("/s/extensions").join(ID), package, digest: Some(digest(contents)) }
    }

    fn why(plugin: Found) -> Option<NotOurs> {
        match judge(&[plugin], Path::new("/s/extensions"), &digest(1), &[digest(2)]) {
            Standing::Foreign { why, .. } => Some(why),
            Standing::Absent | Standing::Ours { .. } => None,
        }
    }

    #[test]
    fn ours_is_what_we_carry_or_installed() {
        let judged = |contents| judge(&[found(ID, ID, contents)], Path::new("/s/extensions"), &digest(1), &[digest(2)]);
        assert!(matches!(judged(1), Standing::Ours { current: true, .. }));
        assert!(matches!(judged(2), Standing::Ours { current: false, .. }));
        assert!(matches!(judged(3), Standing::Foreign { why: NotOurs::OtherContents, .. }));
        assert_eq!(judge(&[], Path::new("/s/extensions"), &digest(1), &[]), Standing::Absent);
    }

    #[test]
    fn any_doubt_makes_it_foreign() {
        assert_eq!(why(found("smartpi", ID, 1)), Some(NotOurs::OtherId));
        assert_eq!(why(found(ID, "@smartpi/openclaw-smartpi", 1)), Some(NotOurs::OtherPackage));
        assert_eq!(why(Found { package: None, ..found(ID, ID, 1) }), Some(NotOurs::OtherPackage));
        assert_eq!(why(Found { digest: None, ..found(ID, ID, 1) }), Some(NotOurs::OtherContents));
        assert_eq!(why(Found { root: "/home/dev/plugin".into(), ..found(ID, ID, 1) }), Some(NotOurs::OtherPlace));
        assert_eq!(why(found(ID, ID, 1)), None);
        // A second plugin for our channel beside ours is foreign as well.
        let both = [found(ID, ID, 1), found("vendor", "vendor", 9)];
        let judged = judge(&both, Path::new("/s/extensions"), &digest(1), &[]);
        assert!(matches!(judged, Standing::Foreign { package: Some(name), .. } if name == "vendor"));
    }

    #[test]
    fn a_folder_that_openclaw_does_not_list_is_seen() {
        let temp = tempfile::tempdir().unwrap();
        let extensions = std::fs::canonicalize(temp.path()).unwrap();
        assert!(look(&[], &extensions).is_empty());
        let own_place = extensions.join(ID);
        std::fs::create_dir(&own_place).unwrap();
        std::fs::write(own_place.join("package.json"), format!(r#"{{"name":"{ID}","version":"9"}}"#)).unwrap();
        let unlisted = look(&[], &extensions);
        assert_eq!(unlisted.len(), 1);
        assert_eq!(unlisted[0].package, Some((ID.to_owned(), "9".to_owned())));
        let listed = Listed { id: ID.into(), root: Some(own_place.clone()) };
        assert_eq!(look(&[listed], &extensions), unlisted);
        let nowhere = look(&[Listed { id: ID.into(), root: None }], &extensions);
        assert_eq!(nowhere[0].package, None);
        #[cfg(unix)]
        {
            let elsewhere = extensions.join("elsewhere");
            std::fs::rename(&own_place, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &own_place).unwrap();
            assert_eq!(look(&[], &extensions)[0].digest, None, "a link is not ours");
        }
    }
}
