//! A disk that can be full: a small file system in memory.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;

/// Its size, MiB: the service wants 96 free to take messages, and its ballast has 16.
const MIB: u64 = 200;

/// One file system. Its end is lazy: whoever still writes there may.
#[derive(Debug)]
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// An empty one.
    ///
    /// # Errors
    /// It cannot be mounted: that needs root.
    pub fn mount() -> Result<Self> {
        let folder = TempDir::with_prefix("smartpi-disk-")?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={MIB}m"), "tmpfs"])
            .arg(folder.path())
            .status()?;
        ensure!(mounted.success(), "this story mounts a file system of its own: run it as root");
        Ok(Self(folder))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes until nothing fits any more.
    ///
    /// # Errors
    /// Another one than that it is full.
    pub fn fill(&self) -> Result<()> {
        let file = File::create(self.path().join("filler"))?;
        let (mut at, mut piece) = (0, vec![0xa5; 4 << 20]);
        while !piece.is_empty() {
            match file.write_all_at(&piece, at) {
                Ok(()) => at += piece.len() as u64,
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => piece.truncate(piece.len() / 8),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the space back.
    ///
    /// # Errors
    /// It was not filled.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path().join("filler"))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
