//! Our package as somebody gets it, and what a machine says of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use support::binaries;
use support::machine::Machine;
use support::openclaw::{Output, repository};
use tempfile::TempDir;

use crate::stage::said;

/// What Debian calls it.
pub(crate) const NAME: &str = "smartpi-tray";
/// Where a browser puts what it fetched.
const DOWNLOADS: &str = "home/claw/Downloads";

/// Packages of the programs beside this test, in several versions.
pub(crate) struct Packages(TempDir);

impl Packages {
    pub(crate) fn make(versions: &[&str]) -> Result<Self> {
        let folder = TempDir::with_prefix("smartpi-packages-")?;
        let programs = binaries::smartpi_tray();
        let programs = programs.parent().context("the programs lie in a folder")?;
        for version in versions {
            let mut bundle = Command::new(repository().join(".ci/bundle"));
            bundle.arg("--quick").arg(programs).args(["--version", version]).arg("--folder").arg(folder.path());
            said(&mut bundle)?;
        }
        Ok(Self(folder))
    }

    pub(crate) fn of(&self, version: &str) -> Result<PathBuf> {
        let named = |path: &PathBuf| path.display().to_string().contains(&format!("_{version}_"));
        let mut all = fs::read_dir(self.0.path())?.filter_map(|file| Some(file.ok()?.path()));
        all.find(named).with_context(|| format!("no package {version}"))
    }

    /// Another one, made of one that is there.
    pub(crate) fn altered(
        &self,
        version: &str,
        name: &str,
        alter: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let open = self.0.path().join("open");
        said(Command::new("dpkg-deb").arg("--raw-extract").arg(self.of(version)?).arg(&open))?;
        alter(&open)?;
        let made = self.0.path().join(name);
        said(Command::new("dpkg-deb").args(["--root-owner-group", "-Zgzip", "-z1", "--build"]).arg(&open).arg(&made))?;
        fs::remove_dir_all(open)?;
        Ok(made)
    }
}

/// Does what the installer of a desktop does with a file that a person double-clicks.
pub(crate) fn install(machine: &Machine, package: &Path) -> Result<Output> {
    let name = package.file_name().context("a package has a name")?.to_string_lossy().into_owned();
    fs::create_dir_all(machine.path(DOWNLOADS))?;
    fs::copy(package, machine.path(&format!("{DOWNLOADS}/{name}")))?;
    apt(machine, &["install", &format!("/{DOWNLOADS}/{name}")])
}

pub(crate) fn apt(machine: &Machine, arguments: &[&str]) -> Result<Output> {
    let mut apt = machine.root("env");
    apt.args(["LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
    machine.run(apt.args(["apt-get", "--yes"]).args(arguments))
}

pub(crate) fn done(output: &Output) -> Result<()> {
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

/// The version that is installed.
pub(crate) fn version(machine: &Machine) -> Result<String> {
    said(machine.root("dpkg-query").args(["--show", "--showformat", "${Version}", NAME]))
}

/// Every library that our programs are linked to is there.
pub(crate) fn is_whole(machine: &Machine) -> Result<()> {
    for program in ["smartpi", "smartpi-tray", "smartpi-window"] {
        let libraries = said(machine.claw("ldd").arg(format!("/usr/bin/{program}")))?;
        ensure!(!libraries.contains("not found"), "{program}: {libraries}");
    }
    Ok(())
}

/// The names of all files of the system, without what package management itself notes and caches.
pub(crate) fn system(machine: &Machine) -> Result<BTreeSet<String>> {
    named(machine, &["/usr", "/etc", "/opt", "/var/lib", "/var/spool"])
}

/// The names of all files of the user.
pub(crate) fn home(machine: &Machine) -> Result<BTreeSet<String>> {
    named(machine, &["/home/claw"])
}

fn named(machine: &Machine, folders: &[&str]) -> Result<BTreeSet<String>> {
    let told = said(machine.root("find").args(folders).args(["!", "-type", "d"]))?;
    Ok(told.lines().map(str::to_owned).collect())
}

/// What is there after a removal that was not before, and belongs to no package.
pub(crate) fn left(machine: &Machine, before: &BTreeSet<String>) -> Result<Vec<String>> {
    let owned = said(machine.root("sh").args(["-c", "cat /var/lib/dpkg/info/*.list"]))?;
    let owned: BTreeSet<&str> = owned.lines().collect();
    // Debian's own programs keep these anew when a package comes or goes.
    let kept = |path: &str| {
        path.starts_with("/var/lib/dpkg/")
            || path.starts_with("/var/lib/apt/")
            || path.ends_with("cache")
            || path.starts_with("/etc/alternatives/")
    };
    let is_left = |path: &&String| {
        let old = path.strip_prefix("/usr").unwrap_or(path);
        !before.contains(*path) && !owned.contains(path.as_str()) && !owned.contains(old) && !kept(path)
    };
    Ok(system(machine)?.iter().filter(is_left).cloned().collect())
}
