//! What we installed: the digests of every package that we gave to an OpenClaw, in `plugin.json` in our data folder.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::private_file;

/// Largest file of a plugin that is read, in bytes: ours has some ten kilobytes.
const LARGEST_FILE: u64 = 8 << 20;
/// Most files of a plugin that are read.
const MOST_FILES: usize = 500;
/// OpenClaw puts a link to itself here.
const NOT_OURS: &str = "node_modules";

/// SHA-256 over the names and contents of all files of a plugin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest(pub(super) [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        let pair = |index: usize| text.get(2 * index..2 * index + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = pair(index).ok_or_else(|| serde::de::Error::custom("not a digest"))?;
        }
        Ok(Self(bytes))
    }
}

/// Name with `/` between its parts -> SHA-256 of the contents.
type Files = BTreeMap<String, [u8; 32]>;

fn digest_of(files: &Files) -> Digest {
    let mut all = Sha256::new();
    for (name, contents) in files {
        all.update(u64::try_from(name.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.update(name.as_bytes());
        all.update(contents);
    }
    Digest(all.finalize().into())
}

/// What a folder would have after the package is installed in it.
pub(super) fn digest_of_package(package: &[u8]) -> io::Result<Digest> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(package));
    let mut files = Files::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        // npm's archives have one folder, `package`, and everything in it.
        let name = entry.path()?.components().skip(1).collect::<PathBuf>();
        let contents = contents_of(&mut entry)?;
        files.insert(portable(&name)?, contents);
    }
    Ok(digest_of(&files))
}

/// What a folder has, without what OpenClaw adds.
pub(super) fn digest_of_folder(root: &Path) -> io::Result<Digest> {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.strip_prefix(root).map_err(io::Error::other)?;
            if name == Path::new(NOT_OURS) {
                continue;
            }
            let kind = std::fs::symlink_metadata(&path)?.file_type();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && files.len() < MOST_FILES {
                files.insert(portable(name)?, contents_of(&mut std::fs::File::open(&path)?)?);
            } else {
                return Err(io::ErrorKind::Unsupported.into());
            }
        }
    }
    Ok(digest_of(&files))
}

fn contents_of(source: &mut impl Read) -> io::Result<[u8; 32]> {
    let mut bytes = Vec::new();
    source.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_FILE) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Sha256::digest(&bytes).into())
}

fn portable(name: &Path) -> io::Result<String> {
    let part = |component: Component<'_>| match component {
        Component::Normal(part) => part.to_str().map(str::to_owned),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    };
    let parts: Option<Vec<String>> = name.components().map(part).collect();
    parts.map(|parts| parts.join("/")).ok_or_else(|| io::ErrorKind::InvalidFilename.into())
}

/// The record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what we write.
    #[error("{} is not a record of installations", path.display())]
    Malformed {
        /// File.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Every package that we gave to an OpenClaw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) installed: Vec<Package>,
}

/// One of them. Written before OpenClaw gets it: a crash in the middle must not make it foreign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package {
    pub(super) version: String,
    pub(super) digest: Digest,
    pub(super) at_ms: u64,
}

impl Record {
    pub(super) fn read(path: &Path) -> Result<Self, RecordError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(RecordError::File { path: path.to_owned(), source }),
        };
        serde_json::from_slice(&bytes).map_err(|source| RecordError::Malformed { path: path.to_owned(), source })
    }

    pub(super) fn digests(&self) -> Vec<Digest> {
        self.installed.iter().map(|package| package.digest).collect()
    }

    /// Adds a package and writes the record, unless it is in it.
    pub(super) fn add(&mut self, package: Package, path: &Path) -> Result<(), RecordError> {
        if self.installed.iter().any(|known| known.digest == package.digest) {
            return Ok(());
        }
        self.installed.push(package);
        let file = |source| RecordError::File { path: path.to_owned(), source };
        let bytes = serde_json::to_vec_pretty(self).map_err(|error| file(io::Error::other(error)))?;
        private_file::replace(path, &bytes).map_err(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpack(package: &[u8], into: &Path) -> PathBuf {
        tar::Archive::new(flate2::read::GzDecoder::new(package)).unpack(into).unwrap();
        into.join("package")
    }

    #[test]
    fn the_package_and_the_folder_that_comes_of_it_are_the_same() {
        let temp = tempfile::tempdir().unwrap();
        let root = unpack(super::super::PACKAGE, temp.path());
        let carried = digest_of_package(super::super::PACKAGE).unwrap();
        assert_eq!(digest_of_folder(&root).unwrap(), carried);
        // OpenClaw links itself into it.
        std::fs::create_dir_all(root.join("node_modules/openclaw")).unwrap();
        std::fs::write(root.join("node_modules/openclaw/x"), b"x").unwrap();
        assert_eq!(digest_of_folder(&root).unwrap(), carried);
        std::fs::write(root.join("more.js"), b"").unwrap();
        assert_ne!(digest_of_folder(&root).unwrap(), carried, "one file more is another plugin");
        std::fs::remove_file(root.join("more.js")).unwrap();
        let manifest = root.join("openclaw.plugin.json");
        let mut bytes = std::fs::read(&manifest).unwrap();
        bytes.push(b' ');
        std::fs::write(&manifest, bytes).unwrap();
        assert_ne!(digest_of_folder(&root).unwrap(), carried, "one byte more is another plugin");
        assert!(digest_of_folder(&temp.path().join("none")).is_err());
        assert!(digest_of_package(b"no archive").is_err());
    }

    #[test]
    fn names_and_contents_are_kept_apart() {
        let one = Files::from([("ab".to_owned(), [1; 32])]);
        let other = Files::from([("a".to_owned(), [1; 32])]);
        assert_ne!(digest_of(&one), digest_of(&other));
        assert!(portable(Path::new("../x")).is_err());
        assert_eq!(portable(Path::new("dist/index.js")).unwrap(), "dist/index.js");
    }

    #[test]
    fn a_record_outlives_the_program() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("plugin.json");
        let mut record = Record::read(&path).unwrap();
        assert_eq!(record, Record::default());
        let package = Package { version: "0.1.0".into(), digest: Digest([0xab; 32]), at_ms: 5 };
        record.add(package.clone(), &path).unwrap();
        record.add(Package { at_ms: 6, ..package }, &path).unwrap();
        let read = Record::read(&path).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.digests(), [Digest([0xab; 32])]);
        std::fs::write(&path, b"{").unwrap();
        assert!(matches!(Record::read(&path), Err(RecordError::Malformed { .. })));
        std::fs::write(&path, br#"{"installed":[{"version":"1","digest":"xy","atMs":1}]}"#).unwrap();
        assert!(matches!(Record::read(&path), Err(RecordError::Malformed { .. })));
    }
}
