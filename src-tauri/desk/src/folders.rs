//! Where the application keeps its files.

use std::io;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, FailureCode};

/// The three folders of one user's SmartPi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Store, keys, lock, `service.json`, control socket.
    pub data: PathBuf,
    /// `settings.json`.
    pub config: PathBuf,
    /// `smartpi.log`.
    pub logs: PathBuf,
}

/// A family of systems with one custom for such folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// XDG base directories.
    Linux,
    /// `~/Library`.
    MacOs,
    /// `%LOCALAPPDATA%`.
    Windows,
}

impl System {
    /// The one this build runs on.
    pub const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Linux
    };
}

/// The environment names no home folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is not set to an absolute path")]
pub struct NoHome {
    /// What should have named it.
    pub variable: &'static str,
}

impl From<NoHome> for Failure {
    fn from(error: NoHome) -> Self {
        Self::caused(FailureCode::NoHome, &error)
    }
}

/// A folder of ours cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the folder {}", folder.display())]
pub struct FolderError {
    /// Which.
    pub folder: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        Self::caused(FailureCode::FolderUnusable, &error)
    }
}

impl Folders {
    /// The folders of the user who runs this.
    ///
    /// # Errors
    /// [`NoHome`].
    pub fn of_user() -> Result<Self, NoHome> {
        Self::of(System::HERE, |name| std::env::var_os(name).map(PathBuf::from))
    }

    /// The folders that an environment names. A relative path in a variable is ignored, as XDG demands.
    ///
    /// # Errors
    /// [`NoHome`].
    pub fn of(system: System, env: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, NoHome> {
        let absolute = |name: &str| env(name).filter(|path| is_absolute(system, path));
        let needed = |variable: &'static str| absolute(variable).ok_or(NoHome { variable });
        match system {
            System::Linux => {
                let folder = |variable: &str, default: &str| match absolute(variable) {
                    Some(base) => Ok(base.join("smartpi")),
                    None => Ok(needed("HOME")?.join(default).join("smartpi")),
                };
                Ok(Self {
                    data: folder("XDG_DATA_HOME", ".local/share")?,
                    config: folder("XDG_CONFIG_HOME", ".config")?,
                    logs: folder("XDG_STATE_HOME", ".local/state")?.join("logs"),
                })
            }
            System::MacOs => Ok(Self::under(needed("HOME")?.join("Library/Application Support/SmartPi"))),
            System::Windows => Ok(Self::under(needed("LOCALAPPDATA")?.join("SmartPi"))),
        }
    }

    /// Everything in one folder: `--data DIR`, and the custom of macOS and Windows.
    pub fn under(folder: impl Into<PathBuf>) -> Self {
        let data = folder.into();
        Self { config: data.join("config"), logs: data.join("logs"), data }
    }

    /// Makes the folders, readable by the owner only; a folder that is there already loses the access of others.
    ///
    /// # Errors
    /// [`FolderError`] names the first that cannot be made or belongs to somebody else.
    pub fn create(&self) -> Result<(), FolderError> {
        for folder in [&self.data, &self.config, &self.logs] {
            make_private(folder).map_err(|source| FolderError { folder: folder.clone(), source })?;
        }
        Ok(())
    }

    /// Where the running service says how to reach it.
    pub fn service_file(&self) -> PathBuf {
        self.data.join("service.json")
    }

    /// The key that the plugin proves: 32 raw bytes.
    pub fn link_key(&self) -> PathBuf {
        self.data.join("link.key")
    }

    /// The person's settings.
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("settings.json")
    }

    /// What is known of newer releases.
    pub fn release_file(&self) -> PathBuf {
        self.data.join("release.json")
    }

    /// The package of a newer release, while a person wants it.
    pub fn release_folder(&self) -> PathBuf {
        self.data.join("release")
    }

    /// The newest log file.
    pub fn log_file(&self) -> PathBuf {
        self.logs.join("smartpi.log")
    }
}

/// `Path::is_absolute` judges by the system it runs on; the tests judge all three on one.
fn is_absolute(system: System, path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    match system {
        System::Linux | System::MacOs => text.first() == Some(&b'/'),
        System::Windows => {
            matches!(text, [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic()) || text.starts_with(b"\\\\")
        }
    }
}

#[cfg(unix)]
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let found = std::fs::metadata(folder)?;
    if !found.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mode = found.permissions().mode();
    if mode & 0o022 != 0 && std::fs::read_dir(folder)?.next().is_some() {
        // Such as `--data /tmp`: taking it from the others would break them.
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "other users can write in it, and it is not empty",
        ));
    }
    if mode & 0o777 != 0o700 {
        // Fails where the folder is somebody else's: then it is not ours to use.
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// On Windows the user's own folders already deny other users.
#[cfg(not(unix))]
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(system: System, values: &[(&str, &str)]) -> Result<Folders, NoHome> {
        Folders::of(system, |name| values.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
    }

    #[test]
    fn each_system_has_its_custom() {
        let home = [("HOME", "/home/li")];
        let linux = folders(System::Linux, &home).unwrap();
        assert_eq!(linux.data, Path::new("/home/li/.local/share/smartpi"));
        assert_eq!(linux.config, Path::new("/home/li/.config/smartpi"));
        assert_eq!(linux.logs, Path::new("/home/li/.local/state/smartpi/logs"));
        assert_eq!(
            folders(System::MacOs, &home).unwrap().data,
            Path::new("/home/li/Library/Application Support/SmartPi")
        );
        let windows = folders(System::Windows, &[("LOCALAPPDATA", r"C:\Users\li\AppData\Local")]).unwrap();
        assert_eq!(windows.config, Path::new(r"C:\Users\li\AppData\Local").join("SmartPi").join("config"));
    }

    #[test]
    fn xdg_variables_win_unless_they_are_relative() {
        let linux = folders(
            System::Linux,
            &[("HOME", "/h"), ("XDG_DATA_HOME", "/d"), ("XDG_CONFIG_HOME", "c"), ("XDG_STATE_HOME", "")],
        )
        .unwrap();
        assert_eq!(linux.data, Path::new("/d/smartpi"));
        assert_eq!(linux.config, Path::new("/h/.config/smartpi"));
        assert_eq!(linux.logs, Path::new("/h/.local/state/smartpi/logs"));
        // With all three named, no home is needed.
        assert!(
            folders(System::Linux, &[("XDG_DATA_HOME", "/d"), ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s")])
                .is_ok()
        );
    }

    #[test]
    fn no_home_is_said_by_name() {
        assert_eq!(folders(System::Linux, &[]), Err(NoHome { variable: "HOME" }));
        assert_eq!(folders(System::MacOs, &[("HOME", "relative")]), Err(NoHome { variable: "HOME" }));
        assert_eq!(folders(System::Windows, &[("HOME", "/h")]), Err(NoHome { variable: "LOCALAPPDATA" }));
        assert_eq!(folders(System::Windows, &[("LOCALAPPDATA", "/h")]), Err(NoHome { variable: "LOCALAPPDATA" }));
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_private_even_when_they_were_not() {
        use std::os::unix::fs::PermissionsExt;
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path().join("a/b"));
        folders.create().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for folder in [&folders.data, &folders.config, &folders.logs] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        std::fs::set_permissions(&folders.data, std::fs::Permissions::from_mode(0o755)).unwrap();
        folders.create().unwrap();
        assert_eq!(mode(&folders.data), 0o700);
        let shared = Folders::under(temp.path().join("shared"));
        std::fs::create_dir(&shared.data).unwrap();
        std::fs::write(shared.data.join("theirs"), b"").unwrap();
        std::fs::set_permissions(&shared.data, std::fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(shared.create().is_err());
        assert_eq!(mode(&shared.data), 0o777);
        let blocked = Folders::under(temp.path().join("file"));
        std::fs::write(&blocked.data, b"").unwrap();
        assert_eq!(blocked.create().unwrap_err().folder, blocked.data);
    }
}
