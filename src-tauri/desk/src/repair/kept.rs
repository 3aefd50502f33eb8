//! A file that OpenClaw writes in a repair: the one before is kept, and put back unless somebody wrote it since.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Means;
use crate::failure::{Failure, FailureCode};

/// A file as it was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeptFile {
    path: PathBuf,
    /// Its text; `None`: there was none.
    copy: Option<PathBuf>,
    /// What was written in its place; `None`: it was about to be.
    digest: Option<String>,
}

/// What putting it back means now.
#[derive(Debug)]
pub(super) enum Back {
    /// It is as it was.
    Nothing,
    /// Its text is written again.
    Write(Vec<u8>),
    /// It was not there, and is taken away.
    Remove,
}

impl KeptFile {
    /// Keeps a copy for its owner only, on the disk.
    pub(super) fn keep(means: &Means, path: &Path) -> Result<Self, Failure> {
        let copy = match fs::read(path) {
            Ok(text) => Some(copy(means, path, &text).map_err(|error| unusable(&error))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(&error)),
        };
        Ok(Self { path: path.to_owned(), copy, digest: None })
    }

    /// Notes what is there now. Whether there is something.
    pub(super) fn was_written(&mut self) -> bool {
        self.digest = fs::read(&self.path).ok().map(|text| digest_of(&text));
        self.digest.is_some()
    }

    /// What would put it back. What somebody wrote since stands; where it is not known who wrote, that is kept as well.
    pub(super) fn back(&self, means: &Means) -> Result<Back, Failure> {
        let now = match fs::read(&self.path) {
            Ok(text) => text,
            // It never came to be.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.copy.is_none() => return Ok(Back::Nothing),
            Err(error) => return Err(unusable(&error)),
        };
        match &self.digest {
            Some(written) if digest_of(&now) != *written => return Err(Failure::bare(FailureCode::RepairChanged)),
            Some(_) => {}
            None => drop(copy(means, &self.path, &now).map_err(|error| unusable(&error))?),
        }
        match &self.copy {
            Some(copy) => fs::read(copy).map(Back::Write).map_err(|error| unusable(&error)),
            None => {
                copy(means, &self.path, &now).map_err(|error| unusable(&error))?;
                Ok(Back::Remove)
            }
        }
    }

    /// Does that.
    pub(super) fn put_back(&self, back: &Back) -> Result<(), Failure> {
        let done = match back {
            Back::Nothing => Ok(()),
            Back::Write(text) => replace(&self.path, text),
            Back::Remove => fs::remove_file(&self.path),
        };
        done.map_err(|error| unusable(&error))
    }
}

fn copy(means: &Means, path: &Path, text: &[u8]) -> io::Result<PathBuf> {
    let folder = means.data.join("service-copies");
    let mut make = fs::DirBuilder::new();
    make.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
    make.create(&folder)?;
    let name = path.file_name().ok_or(io::ErrorKind::NotFound)?.to_string_lossy();
    let path = folder.join(format!("{}-{name}", means.now_ms()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path)?;
    file.write_all(text)?;
    file.sync_all()?;
    Ok(path)
}

/// Whole or not at all.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    // For its owner only, as OpenClaw writes it: there may be a token in it.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn digest_of(text: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text)[..16])
}

fn unusable(error: &io::Error) -> Failure {
    Failure::caused(FailureCode::RepairServiceFailed, error)
}
