//! C libraries of this package that are put below a service with LD_PRELOAD.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

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
