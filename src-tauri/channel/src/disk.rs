//! The disk under the store: how much of it is free, and the ballast, a file that is there to be given up.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fs4::FileExt as _;

/// Size of the ballast, in bytes: room for what must still be written when the disk is full.
pub(crate) const BALLAST: u64 = 16 << 20;
const PIECE: u64 = 1 << 20;
/// What [`Disk::is_full`] tries to write, in bytes: more than any one write of the store.
const PROBE: usize = 64 << 10;

/// Whether the system says that nothing more fits: the disk is full, or the user's share of it.
pub fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Only its owner reads messages, whatever the folder allows. SQLite gives the files beside it the same mode.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))
    }
    #[cfg(not(unix))]
    options.open(path).map(drop)
}

/// The folder of the store, and the file system it lies on.
#[derive(Clone, Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// The disk of a data folder.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Bytes that this user may still write. `None`: the system does not say.
    pub(crate) fn free(&self) -> Option<u64> {
        fs4::available_space(&self.folder).inspect_err(|error| tracing::debug!(%error, "free space is not known")).ok()
    }

    /// Whether a little more does not fit, by its size or by a quota. Tried, for no system says what a quota leaves.
    pub(crate) fn is_full(&self) -> bool {
        let path = self.folder.join("probe");
        let written = make_private(&path)
            .and_then(|()| File::options().write(true).open(&path))
            .and_then(|mut file| file.write_all(&[0; PROBE]).and_then(|()| file.sync_data()));
        // It may not be there; a later one takes its place.
        let _ = fs::remove_file(&path);
        written.is_err_and(|error| is_no_room(&error))
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }

    /// Whether the whole ballast is there.
    pub(crate) fn has_ballast(&self) -> bool {
        fs::metadata(self.ballast()).is_ok_and(|file| file.len() == BALLAST)
    }

    /// Takes the space of the ballast, really and not sparsely.
    ///
    /// # Errors
    /// There is no room; then nothing is taken.
    pub(crate) fn make_ballast(&self) -> io::Result<()> {
        let path = self.ballast();
        let made =
            make_private(&path).and_then(|()| File::options().write(true).open(&path)).and_then(|file| fill(&file));
        if made.is_err() {
            // Half a ballast only takes space.
            let _ = fs::remove_file(self.ballast());
        }
        made
    }

    /// Gives the space to the log of the store, piece by piece, so that whoever fills the disk gets little of it; what the log does not take is free. Without a
    /// ballast there is nothing to do.
    pub(crate) fn give_up_ballast(&self, log: &Path) {
        if !self.has_ballast() {
            return;
        }
        if let Err(error) = self.hand_over(log) {
            tracing::warn!(%error, "not all of the ballast went to the log");
        }
        match fs::remove_file(self.ballast()) {
            Ok(()) => tracing::warn!(bytes = BALLAST, "the ballast was given up to make room"),
            Err(error) => tracing::error!(%error, "the ballast cannot be given up"),
        }
    }

    fn hand_over(&self, log: &Path) -> io::Result<()> {
        let ballast = File::options().write(true).open(self.ballast())?;
        // Never made here: the log belongs to SQLite.
        let log = File::options().write(true).open(log)?;
        let mut left = BALLAST;
        while left > 0 {
            left -= PIECE;
            ballast.set_len(left)?;
            log.allocate(BALLAST - left)?;
        }
        Ok(())
    }
}

/// Some file systems cannot set space aside; there it is written.
fn fill(mut file: &File) -> io::Result<()> {
    if file.allocate(BALLAST).is_ok() && file.set_len(BALLAST).is_ok() {
        return Ok(());
    }
    let piece = vec![0; PIECE as usize];
    file.set_len(0)?;
    for _ in 0..BALLAST / PIECE {
        file.write_all(&piece)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_and_a_quota_say_that_nothing_more_fits() {
        let (enospc, edquot, eio) = (28, 122, 5);
        for (errno, none) in [(enospc, true), (edquot, true), (eio, false)] {
            assert_eq!(is_no_room(&io::Error::from_raw_os_error(errno)), none, "{errno}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(!Disk::of(folder.path()).is_full());
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "it leaves nothing");
        assert!(!Disk::of(&folder.path().join("gone")).is_full(), "another trouble");
    }

    #[test]
    fn a_ballast_takes_space_and_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::of(folder.path());
        assert!(disk.free().unwrap() > 0);
        assert!(!disk.has_ballast());
        disk.make_ballast().unwrap();
        assert!(disk.has_ballast());
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let made = fs::metadata(disk.ballast()).unwrap();
            assert!(made.blocks() * 512 >= BALLAST, "it is not sparse");
            assert_eq!(made.mode() & 0o777, 0o600);
        }
        let log = folder.path().join("log");
        fs::write(&log, "words").unwrap();
        disk.give_up_ballast(&log);
        assert!(!disk.has_ballast());
        assert_eq!(fs::read(&log).unwrap()[..5], *b"words", "what is in the log stays");
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::fs::MetadataExt;
            assert!(fs::metadata(&log).unwrap().blocks() * 512 >= BALLAST, "the log has the space");
        }
        disk.give_up_ballast(&log);
        disk.make_ballast().unwrap();
        disk.give_up_ballast(&folder.path().join("gone"));
        assert!(!disk.has_ballast() && !folder.path().join("gone").exists());
        // Windows asks the volume, which is there without the folder.
        #[cfg(unix)]
        assert_eq!(Disk::of(&folder.path().join("gone")).free(), None);
    }
}
