//! `smartpi backup` and `smartpi restore`: the store and the keys of the service in one file that a person keeps.
//!
//! The file is a gzipped tar with a page of words in front: gzip's checksum and the sums of every file in it tell a damaged one from a whole one. It holds the
//! keys that make this service itself, so it is made for its owner only and says so.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use channel::clock::Clock;
use channel::store;
use channel::store::backup::{self, BackupError, Contents, KEYS, MANIFEST};
use channel::store::restore::{self, Restored};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::owner::{ClaimError, Owner};

/// What the file says about itself to whoever unpacks it.
const README: &str = "\
This is a backup of SmartPi: the bound devices, their messages, and the keys of the service.
Whoever has these keys can pose as this SmartPi to your devices and to OpenClaw: keep this file to yourself.
To go back to it: smartpi restore FILE

这是 SmartPi 的备份：已绑定的设备、消息，以及服务的密钥。
持有这些密钥的人可以向你的设备和 OpenClaw 冒充此 SmartPi，请妥善保管，不要外传。
恢复方法：smartpi restore FILE
";
/// Its name in the file.
const README_NAME: &str = "README.txt";
/// Where the unpacked and the not yet packed files are: beside the store, so that nothing has to be copied to another disk.
const WORK: &str = ".new-backup-file";

/// Why no file was written, or a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is a file of this name.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("{} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what [`save`] writes.
    #[error("not a whole backup: {0}")]
    Foreign(String),
    /// There is no store yet, or it cannot be copied; or what is in the file is not whole.
    #[error("the store or its copy cannot be used")]
    Store(#[from] BackupError),
    /// A service runs, or the lock cannot be tried.
    #[error("the data folder is in use")]
    InUse(#[from] ClaimError),
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let code = match &error {
            FileError::Exists(_) => FailureCode::FileExists,
            FileError::Foreign(_) => FailureCode::BackupUnusable,
            FileError::Store(BackupError::Newer { .. }) => FailureCode::StoreNewer,
            FileError::Store(BackupError::SourceDamaged(_)) => FailureCode::StoreDamaged,
            FileError::Store(error) if error.is_damage() => FailureCode::BackupUnusable,
            FileError::Store(_) => FailureCode::NotBackedUp,
            FileError::File { .. } => FailureCode::FolderUnusable,
            FileError::InUse(ClaimError::Taken(_)) => FailureCode::AlreadyRunning,
            FileError::InUse(_) => FailureCode::FolderUnusable,
        };
        Self::caused(code, &error)
    }
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    |source| FileError::File { path, source }
}

/// Writes a backup of the store and the keys into a new file, for its owner only. The service may run.
///
/// # Errors
/// See [`FileError`]; then there is no file.
pub fn save(folders: &Folders, to: &Path) -> Result<Contents, FileError> {
    if to.exists() {
        return Err(FileError::Exists(to.to_owned()));
    }
    if !folders.data.join(store::FILE).exists() {
        let missing = folders.data.join(store::FILE);
        return Err(file(&missing)(io::ErrorKind::NotFound.into()));
    }
    let work = Work::make(&folders.data)?;
    backup::copy(&folders.data, &work.0, Clock::start().wall_ms())?;
    let contents = backup::verify(&work.0)?;
    let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // tempfile makes its files 0600 on unix.
    let unfinished = tempfile::Builder::new().prefix(".new-").tempfile_in(folder).map_err(file(to))?;
    pack(&work.0, unfinished.as_file()).map_err(file(to))?;
    unfinished.as_file().sync_all().map_err(file(to))?;
    unfinished.persist_noclobber(to).map_err(|error| {
        let exists = error.error.kind() == io::ErrorKind::AlreadyExists;
        if exists { FileError::Exists(to.to_owned()) } else { file(to)(error.error) }
    })?;
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(file(to))?;
    Ok(contents)
}

fn pack(folder: &Path, into: &File) -> io::Result<()> {
    let mut tar = tar::Builder::new(GzEncoder::new(into, Compression::default()));
    let header = |size: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_size(size);
        header
    };
    tar.append_data(&mut header(README.len() as u64), README_NAME, README.as_bytes())?;
    for name in [MANIFEST, store::FILE].into_iter().chain(KEYS) {
        match File::open(folder.join(name)) {
            Ok(from) => tar.append_data(&mut header(from.metadata()?.len()), name, from)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    tar.into_inner()?.finish()?;
    Ok(())
}

/// A file that was looked at and can be gone back to; nothing is changed before [`Ready::restore`].
#[derive(Debug)]
pub struct Ready {
    work: Work,
    folders: Folders,
    /// What the file holds.
    pub backup: Contents,
    /// What is there now. `None`: nothing, or nothing that can be read.
    pub present: Option<Contents>,
}

/// Unpacks a file beside the store and checks all of it. The service may run.
///
/// # Errors
/// See [`FileError`].
pub fn look(folders: &Folders, from: &Path) -> Result<Ready, FileError> {
    folders.create().map_err(|error| FileError::File { path: error.folder, source: error.source })?;
    let work = Work::make(&folders.data)?;
    unpack(from, &work.0)?;
    let backup = backup::verify(&work.0)?;
    let present = backup::contents_of(&folders.data.join(store::FILE), 0).ok();
    Ok(Ready { work, folders: folders.clone(), backup, present })
}

impl Ready {
    /// Names of devices that the file does not know: they are no longer bound afterwards.
    pub fn leaving(&self) -> Vec<&str> {
        let present = self.present.iter().flat_map(|present| &present.devices);
        present.filter(|name| !self.backup.devices.contains(name)).map(String::as_str).collect()
    }

    /// Moves the store and the keys that are there aside, and puts those of the file in their place. No service may run, and none can start meanwhile.
    ///
    /// # Errors
    /// [`FileError::InUse`] while a service runs; what else was begun is finished by the next start.
    pub fn restore(&self) -> Result<Restored, FileError> {
        let _owner = Owner::claim(&self.folders)?;
        Ok(restore::replace_by(&self.folders.data, &self.work.0, Clock::start().wall_ms())?)
    }
}

/// Takes exactly the files that [`pack`] writes.
fn unpack(from: &Path, into: &Path) -> Result<(), FileError> {
    let foreign = |error: io::Error| FileError::Foreign(error.to_string());
    let opened = File::open(from).map_err(file(from))?;
    crate::folders::make_private(into).map_err(file(into))?;
    let mut tar = tar::Archive::new(GzDecoder::new(opened));
    for entry in tar.entries().map_err(foreign)? {
        let mut entry = entry.map_err(foreign)?;
        let name = entry.path().map_err(foreign)?.into_owned();
        let Some(name) = name
            .to_str()
            .filter(|name| *name == README_NAME || *name == MANIFEST || *name == store::FILE || KEYS.contains(name))
        else {
            return Err(FileError::Foreign(format!("it holds {}", name.display())));
        };
        let to = into.join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut unpacked = options.open(&to).map_err(file(&to))?;
        io::copy(&mut entry, &mut unpacked).map_err(|error| {
            // What the disk says is not the file's fault.
            if channel::disk::is_no_room(&error) { file(&to)(error) } else { foreign(error) }
        })?;
    }
    // To the end, where gzip keeps its checksum.
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(foreign)?;
    Ok(())
}

/// A folder that goes with its value, keys and all.
#[derive(Debug)]
struct Work(PathBuf);

impl Work {
    /// The folder is not made yet. What a crash left there goes.
    fn make(data: &Path) -> Result<Self, FileError> {
        let path = data.join(format!("{WORK}-{}", std::process::id()));
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file(&path)(error)),
            Ok(()) | Err(_) => Ok(Self(path)),
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a copy of the store stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn world() -> (tempfile::TempDir, Folders) {
        let temp = tempfile::tempdir().unwrap();
        let folders = Folders::under(temp.path().join("data"));
        folders.create().unwrap();
        let mut made = store::Store::open(&folders.data).unwrap();
        made.set_meta("gateway", Some("home")).unwrap();
        made.commit().unwrap();
        for name in KEYS {
            channel::keys::load_or_create(&folders.data.join(name)).unwrap();
        }
        (temp, folders)
    }

    #[test]
    fn what_is_saved_is_gone_back_to_on_an_empty_computer_too() {
        let (temp, folders) = world();
        let path = temp.path().join("kept.smartpi");
        save(&folders, &path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(Failure::from(save(&folders, &path).unwrap_err()).code, FailureCode::FileExists);
        for there in [folders.clone(), Folders::under(temp.path().join("other"))] {
            let ready = look(&there, &path).unwrap();
            let running = Owner::claim(&there).unwrap();
            assert_eq!(Failure::from(ready.restore().unwrap_err()).code, FailureCode::AlreadyRunning);
            drop(running);
            ready.restore().unwrap();
            drop(ready);
            for name in KEYS {
                assert_eq!(fs::read(there.data.join(name)).unwrap(), fs::read(folders.data.join(name)).unwrap());
            }
            let restored = store::Store::open(&there.data).unwrap();
            assert_eq!(restored.meta("gateway").unwrap().as_deref(), Some("home"));
            let left = fs::read_dir(&there.data)
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
            assert_eq!(left.count(), 0, "copies of keys stay behind");
        }
        let words = {
            let mut tar = tar::Archive::new(GzDecoder::new(File::open(&path).unwrap()));
            let mut text = String::new();
            tar.entries().unwrap().next().unwrap().unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert!(words.contains("keep this file to yourself") && words.contains("妥善保管"));
    }

    #[test]
    fn a_file_with_any_bit_changed_is_refused_or_the_same() {
        let (temp, folders) = world();
        let path = temp.path().join("kept.smartpi");
        let saved = save(&folders, &path).unwrap();
        let good = fs::read(&path).unwrap();
        let mut refused = 0;
        for round in 0..60 {
            let mut bytes = good.clone();
            let at = round * good.len() / 60;
            bytes[at] ^= 1 << (round % 8);
            if round % 10 == 9 {
                bytes.truncate(at);
            }
            fs::write(&path, bytes).unwrap();
            match look(&folders, &path) {
                // A bit that means nothing to gzip: every file in it has its sum.
                Ok(ready) => assert_eq!(ready.backup, saved, "byte {at} of {}", good.len()),
                Err(error) => {
                    refused += 1;
                    assert_eq!(Failure::from(error).code, FailureCode::BackupUnusable);
                }
            }
        }
        assert!(refused > 55, "{refused}");
        fs::write(&path, b"my diary").unwrap();
        assert_eq!(Failure::from(look(&folders, &path).unwrap_err()).code, FailureCode::BackupUnusable);
    }
}
