//! The package of a release: which one fits this installation.

use std::path::Path;

use serde::{Deserialize, Serialize};
use specta::Type;

/// A package that installs a newer release over this one. Its address and signature stood in a manifest that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    pub(super) kind: PackageKind,
    /// Below [`super::source::FILES`].
    pub(super) url: String,
    /// Of its bytes, as `tauri signer sign` writes it.
    pub(super) signature: String,
}

/// What installed this program, and so what installs the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// Of Debian and Ubuntu.
    Deb,
    /// Of Fedora.
    Rpm,
    /// An installer of Windows for one person.
    Nsis,
    /// One of Windows for everybody.
    Msi,
}

impl PackageKind {
    /// As the manifest calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Nsis => "nsis",
            Self::Msi => "msi",
        }
    }

    /// What the name of such a file ends with: the system decides by it what opens it.
    pub(super) fn extension(self) -> &'static str {
        if self == Self::Nsis { "exe" } else { self.name() }
    }

    /// That of this program. `None`: it was installed in another way, and a person gets the next one as they got this one.
    pub(super) fn of_this_program() -> Option<Self> {
        Self::of(std::env::consts::OS, &std::env::current_exe().ok()?, Path::exists)
    }

    fn of(system: &str, program: &Path, has: impl Fn(&Path) -> bool) -> Option<Self> {
        let has = |path: &str| has(Path::new(path));
        match system {
            "linux" if !program.starts_with("/usr/bin") => None,
            "linux" if has("/var/lib/dpkg/info/smartpi-tray.list") => Some(Self::Deb),
            "linux" => ["/usr/lib/sysimage/rpm", "/var/lib/rpm"].into_iter().any(has).then_some(Self::Rpm),
            "windows" => {
                let folder = program.parent()?;
                // Each of the two writes its own way out beside the program, or none.
                let own = folder.join("uninstall.exe");
                let shared = folder.to_str()?.contains("\\Program Files");
                if has(own.to_str()?) { Some(Self::Nsis) } else { shared.then_some(Self::Msi) }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_comes_in_the_way_in_which_this_one_came() {
        let of = |system, program: &str, has: &[&str]| {
            PackageKind::of(system, Path::new(program), |path| has.iter().any(|it| Path::new(it) == path))
        };
        let (tray, list) = ("/usr/bin/smartpi-tray", "/var/lib/dpkg/info/smartpi-tray.list");
        assert_eq!(of("linux", tray, &[list]), Some(PackageKind::Deb));
        // Debian has a command rpm too.
        assert_eq!(of("linux", tray, &[list, "/var/lib/rpm"]), Some(PackageKind::Deb));
        assert_eq!(of("linux", tray, &["/var/lib/rpm"]), Some(PackageKind::Rpm));
        assert_eq!(of("linux", tray, &["/usr/lib/sysimage/rpm"]), Some(PackageKind::Rpm));
        assert_eq!(of("linux", tray, &[]), None);
        for elsewhere in ["/home/li/smartpi/target/debug/smartpi-tray", "/tmp/.mount_SmartPi/usr/bin/smartpi-tray"] {
            assert_eq!(of("linux", elsewhere, &[list, "/var/lib/rpm"]), None, "{elsewhere}");
        }
        assert_eq!(of("macos", "/Applications/SmartPi.app/Contents/MacOS/smartpi-tray", &[]), None);
    }

    #[test]
    #[cfg(windows)]
    fn so_on_windows() {
        let of = |program: &str, has: &[&str]| {
            PackageKind::of("windows", Path::new(program), |path| has.iter().any(|it| Path::new(it) == path))
        };
        let own = "C:\\Users\\li\\AppData\\Local\\SmartPi";
        assert_eq!(
            of(&format!("{own}\\smartpi-tray.exe"), &[&format!("{own}\\uninstall.exe")]),
            Some(PackageKind::Nsis)
        );
        assert_eq!(of("C:\\Program Files\\SmartPi\\smartpi-tray.exe", &[]), Some(PackageKind::Msi));
        assert_eq!(of(&format!("{own}\\smartpi-tray.exe"), &[]), None);
    }
}
