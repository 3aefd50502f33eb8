//! The file is replaced in one step, and only while it is the one that was read.
//!
//! The new file and the old one change names (`renameat2`, `RENAME_EXCHANGE`). So whatever another program wrote in the last moment is in our hands, not lost: it
//! goes back. The old file stays beside the new one until the write is accepted; a program that still had it open is noticed then. Where names cannot be
//! exchanged, as on Windows, the comparison comes right before the rename, and microseconds are left: what another program writes in them is lost.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::disk::{Disk, Real};

/// Leftovers of writers that were killed go after this time.
const LEFT_OVER: Duration = Duration::from_secs(3600);
/// Times that names are exchanged back before we give up on a writer that never rests.
const TURNS: usize = 20;

/// The file was not written, or not for long.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another program wrote it in the meantime: its words stand.
    #[error("{} was written by another program in the meantime", .0.display())]
    Newer(PathBuf),
    /// The file system says no. The file is as it was.
    #[error("cannot write {}", path.display())]
    Io {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl WriteError {
    fn is_newer(&self) -> bool {
        match self {
            Self::Newer(_) => true,
            Self::Io { .. } => false,
        }
    }
}

/// Puts `before` back where `after` is, unless the file is something third by now.
///
/// # Errors
/// See [`WriteError`].
pub fn put_back(path: &Path, before: &[u8], after: &[u8]) -> Result<(), WriteError> {
    let base = Base::read(path).map_err(|source| WriteError::Io { path: path.to_owned(), source })?;
    if base.bytes == before {
        return Ok(());
    }
    if base.bytes != after {
        return Err(WriteError::Newer(path.to_owned()));
    }
    base.replace(before)?.accept()
}

/// The file as it was read. A link is followed: what it leads to is written, and the link stays.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Base {
    target: PathBuf,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Base {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Base").field("target", &self.target).finish_non_exhaustive()
    }
}

impl Base {
    /// Reads it.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let target = std::fs::canonicalize(path)?;
        Ok(Self { bytes: std::fs::read(&target)?, target })
    }

    /// What was in it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes these bytes in its place.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub(crate) fn replace(&self, bytes: &[u8]) -> Result<Written, WriteError> {
        replace(Real, self, bytes)
    }
}

/// A file that was written. Until it is accepted or taken back, the old one lies beside it.
#[derive(Debug)]
#[must_use = "a write is accepted, or taken back"]
pub(crate) struct Written<D = Real> {
    disk: D,
    base: Base,
    after: Vec<u8>,
    /// The old file, where names were exchanged.
    beside: Option<PathBuf>,
}

fn replace<D: Disk>(disk: D, base: &Base, bytes: &[u8]) -> Result<Written<D>, WriteError> {
    let target = &base.target;
    let failed = |source| WriteError::Io { path: target.clone(), source };
    sweep(folder(target), &prefix(target));
    let beside = beside(target).map_err(failed)?;
    let clean = |error| {
        // It is reported anyway; a leftover is swept by the next write.
        let _ = disk.remove(&beside);
        error
    };
    disk.create(&beside, bytes, target).map_err(failed).map_err(clean)?;
    if disk.read(target).map_err(failed).map_err(clean)? != base.bytes {
        return Err(clean(WriteError::Newer(target.clone())));
    }
    if disk.exchange(&beside, target).map_err(failed).map_err(clean)? {
        give_back_unless(&disk, &beside, target, bytes, &base.bytes)?;
        let lasts = disk.sync_folder(folder(target)).map_err(failed);
        let written = Written { disk, base: base.clone(), after: bytes.to_vec(), beside: Some(beside) };
        return match lasts {
            Ok(()) => Ok(written),
            // What is not sure to last is taken back; the first error is the one to tell.
            Err(error) => Err(written.take_back().err().filter(WriteError::is_newer).unwrap_or(error)),
        };
    }
    if disk.read(target).map_err(failed).map_err(clean)? != base.bytes {
        return Err(clean(WriteError::Newer(target.clone())));
    }
    disk.rename(&beside, target).map_err(failed).map_err(clean)?;
    disk.sync_folder(folder(target)).map_err(failed)?;
    Ok(Written { disk, base: base.clone(), after: bytes.to_vec(), beside: None })
}

/// After names were exchanged: what came out must be what was expected, or it goes back, and whatever newer comes out then goes back as well.
fn give_back_unless<D: Disk>(
    disk: &D,
    beside: &Path,
    target: &Path,
    ours: &[u8],
    expected: &[u8],
) -> Result<(), WriteError> {
    let failed = |source| WriteError::Io { path: target.to_owned(), source };
    if disk.read(beside).map_err(failed)? == expected {
        return Ok(());
    }
    for _ in 0..TURNS {
        disk.exchange(beside, target).map_err(failed)?;
        // Ours came out, or something that was written over ours and is the newest of all.
        if disk.read(beside).map_err(failed)? == ours {
            disk.remove(beside).map_err(failed)?;
            return Err(WriteError::Newer(target.to_owned()));
        }
    }
    Err(WriteError::Newer(target.to_owned()))
}

impl<D: Disk> Written<D> {
    /// It is good: the old file goes. Fails where a program wrote the old file after all: then that stands again.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub(crate) fn accept(self) -> Result<(), WriteError> {
        let target = &self.base.target;
        let failed = |source| WriteError::Io { path: target.clone(), source };
        let Some(beside) = &self.beside else { return Ok(()) };
        if self.disk.read(beside).map_err(failed)? != self.base.bytes {
            if self.disk.read(target).map_err(failed)? == self.after {
                self.disk.exchange(beside, target).map_err(failed)?;
                give_back_unless(&self.disk, beside, target, &[], &self.after)?;
            }
            self.disk.remove(beside).map_err(failed)?;
            return Err(WriteError::Newer(target.clone()));
        }
        self.disk.remove(beside).map_err(failed)?;
        self.disk.sync_folder(folder(target)).map_err(failed)
    }

    /// It is not: the old file comes back, unless the new one was written by another program by now.
    ///
    /// # Errors
    /// See [`WriteError`].
    pub(crate) fn take_back(self) -> Result<(), WriteError> {
        let now = Base { target: self.base.target.clone(), bytes: self.after };
        let written = replace(self.disk, &now, &self.base.bytes)?;
        if let Some(beside) = &self.beside {
            // It holds what was just written once more.
            let _ = written.disk.remove(beside);
        }
        written.accept()
    }
}

fn folder(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What the names of our own files beside this one begin with.
pub(super) fn prefix(target: &Path) -> String {
    format!(".{}.smartpi-", target.file_name().unwrap_or_default().to_string_lossy())
}

fn beside(target: &Path) -> io::Result<PathBuf> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(folder(target).join(format!("{}{:016x}", prefix(target), u64::from_ne_bytes(random))))
}

/// Removes what killed writers left in a folder under names of ours. Nothing depends on it.
pub(super) fn sweep(folder: &Path, prefix: &str) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix)) {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let age = changed.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > LEFT_OVER) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
