//! C libraries of this package that are put below a service with LD_PRELOAD.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tempfile::{NamedTempFile, TempDir};

/// One library, compiled. Gone on drop.
#[derive(Debug)]
pub struct Preload {
    folder: TempDir,
}

impl Preload {
    /// Compiles `tests/support/NAME.c`.
    ///
    /// # Errors
    /// There is no C compiler, or it objects.
    pub fn compile(name: &str) -> Result<Self> {
        let folder = TempDir::with_prefix("smartpi-preload-")?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("support").join(name).with_extension("c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .arg(folder.path().join("preload.so"))
            .arg(source)
            .arg("-ldl")
            .status()
            .context("no C compiler: the package build-essential")?;
        ensure!(compiled.success(), "{name}.c does not compile");
        Ok(Self { folder })
    }

    /// What LD_PRELOAD is to be.
    #[must_use]
    pub fn library(&self) -> PathBuf {
        self.folder.path().join("preload.so")
    }
}

/// The wall clock of the programs that are started with [`WallClock::variables`].
#[derive(Debug)]
pub struct WallClock {
    library: Arc<Preload>,
    shift: NamedTempFile,
}

impl WallClock {
    /// One that is right.
    ///
    /// # Errors
    /// As [`Preload::compile`], and a folder that cannot be written.
    pub fn new() -> Result<Self> {
        Self::with(Arc::new(Preload::compile("clock_jump")?))
    }

    /// A second one, that is right and goes its own way.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn another(&self) -> Result<Self> {
        Self::with(Arc::clone(&self.library))
    }

    fn with(library: Arc<Preload>) -> Result<Self> {
        let clock = Self { library, shift: NamedTempFile::with_prefix("smartpi-clock-")? };
        clock.set_ahead(0)?;
        Ok(clock)
    }

    /// Sets it ahead of the true one by so many seconds, for programs that run already too.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn set_ahead(&self, seconds: i64) -> Result<()> {
        // In place: the programs have it open.
        Ok(self.shift.as_file().write_all_at(&seconds.to_ne_bytes(), 0)?)
    }

    /// What the programs need in their environment.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.library.library()), ("CLOCK_SHIFT", self.shift.path().to_owned())]
    }
}
