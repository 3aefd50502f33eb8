//! The calls to the file system that a write makes. A seam: tests break each of them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// What a write needs of a file system.
pub(super) trait Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Makes a new file with this content, on the disk, with the mode and the owner of `like`.
    fn create(&self, path: &Path, bytes: &[u8], like: &Path) -> io::Result<()>;
    /// Lets two files change their names in one step. `false`: this file system cannot.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
}

/// The real one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Real;

impl Disk for Real {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn create(&self, path: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(bytes)?;
        take_after(&file, like)?;
        file.sync_all()
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool> {
        exchange(one, other)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        super::backup::sync_folder(folder)
    }
}

#[cfg(unix)]
fn take_after(file: &File, like: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let (like, own) = (std::fs::metadata(like)?, file.metadata()?);
    if (like.uid(), like.gid()) != (own.uid(), own.gid()) {
        std::os::unix::fs::fchown(file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(like.permissions())
}

#[cfg(not(unix))]
fn take_after(file: &File, like: &Path) -> io::Result<()> {
    file.set_permissions(std::fs::metadata(like)?.permissions())
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<bool> {
    Ok(false)
}
