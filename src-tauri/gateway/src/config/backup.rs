//! Copies of the configuration, in a folder of ours that OpenClaw does not watch.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::write::sweep;

/// So many copies of one label are kept.
pub const KEPT: usize = 10;

const UNFINISHED: &str = ".new-";

/// A folder of copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    folder: PathBuf,
}

impl Backups {
    /// `folder`: made for its owner only, where it is missing.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where they are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a copy, readable by its owner only, under the label and the time of day in UTC (`now_ms`: since 1970), and forgets all but the newest [`KEPT`].
    ///
    /// # Errors
    /// What the file system says; then there is no copy.
    pub fn keep(&self, bytes: &[u8], label: &str, now_ms: u64) -> io::Result<PathBuf> {
        make_private(&self.folder)?;
        let stamp = stamp(now_ms)?;
        let newest = self.copies(label)?.into_iter().rfind(|copy| copy.stamp == stamp).map(|copy| copy.number);
        let first = newest.map_or(0, |number| number.saturating_add(1));
        for number in first..first.saturating_add(100) {
            let suffix = if number == 0 { String::new() } else { format!("-{number:02}") };
            let path = self.folder.join(format!("{label}-{stamp}{suffix}.json"));
            // tempfile makes its files 0600 on unix.
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                Ok(_) => {}
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error.error),
            }
            sync_folder(&self.folder)?;
            self.forget(label)?;
            return Ok(path);
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn forget(&self, label: &str) -> io::Result<()> {
        // What a kill left of a copy holds secrets, and nobody would look for it.
        sweep(&self.folder, UNFINISHED);
        let copies = self.copies(label)?;
        let spare = copies.len().saturating_sub(KEPT);
        for copy in copies.into_iter().take(spare) {
            std::fs::remove_file(copy.path)?;
        }
        Ok(())
    }

    /// The copies of a label, the newest last.
    fn copies(&self, label: &str) -> io::Result<Vec<Copy>> {
        let mut copies = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            copies.extend(Copy::of(entry?.path(), label));
        }
        copies.sort();
        Ok(copies)
    }
}

/// A copy, by what its name says. In order of age.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Copy {
    stamp: String,
    /// Within one second.
    number: u32,
    path: PathBuf,
}

impl Copy {
    fn of(path: PathBuf, label: &str) -> Option<Self> {
        let name = path.file_name()?.to_str()?.strip_prefix(label)?.strip_prefix('-')?.strip_suffix(".json")?;
        let (stamp, number) = match name.split_once('-') {
            Some((stamp, number)) => (stamp.to_owned(), number.parse().ok()?),
            None => (name.to_owned(), 0),
        };
        stamp.starts_with(|first: char| first.is_ascii_digit()).then_some(Self { stamp, number, path })
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes a rename in it last.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// `20261120T141507Z`.
fn stamp(now_ms: u64) -> io::Result<String> {
    let ms = i64::try_from(now_ms).map_err(io::Error::other)?;
    let at = jiff::Timestamp::from_millisecond(ms).map_err(io::Error::other)?;
    Ok(at.strftime("%Y%m%dT%H%M%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_a_date() {
        assert_eq!(stamp(0).unwrap(), "19700101T000000Z");
        assert_eq!(stamp(951_782_400_000).unwrap(), "20000229T000000Z");
        assert_eq!(stamp(1_795_184_107_999).unwrap(), "20261120T141507Z");
        assert_eq!(stamp(4_107_542_399_000).unwrap(), "21000228T235959Z");
        assert!(stamp(u64::MAX).is_err());
    }

    #[test]
    fn the_newest_ten_of_a_label_are_kept_for_their_owner() {
        let temp = tempfile::tempdir().unwrap();
        let backups = Backups::new(temp.path().join("backups"));
        let other = backups.keep(b"other", "openclaw-changed", 0).unwrap();
        let foreign = backups.folder().join("openclaw-notes.json");
        std::fs::write(&foreign, "mine").unwrap();
        let copies: Vec<PathBuf> =
            (0..12_u64).map(|second| backups.keep(b"x", "openclaw", second / 2 * 1000).unwrap()).collect();
        assert_eq!(copies[0].file_name().unwrap(), "openclaw-19700101T000000Z.json");
        assert_eq!(copies[1].file_name().unwrap(), "openclaw-19700101T000000Z-01.json");
        assert_eq!(copies.iter().map(|copy| copy.exists()).filter(|there| *there).count(), KEPT);
        assert!(!copies[0].exists() && copies[11].exists() && other.exists() && foreign.exists());
        // More in one second than are kept.
        for round in 0..15 {
            assert!(backups.keep(b"x", "openclaw", 9_000).unwrap().exists(), "{round}: the newest is kept");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(std::fs::metadata(backups.folder()).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }
}
