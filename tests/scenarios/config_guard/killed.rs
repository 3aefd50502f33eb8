//! The program that writes OpenClaw's configuration is killed with SIGKILL before each of its calls that change a file (`strace`): the file is the one from before or the one from
//! after, whole.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use gateway::config::{Change, edit};
use rustix::process::Signal;

/// What can change a file or a folder. Some are missing on some processors.
const CALLS: [&str; 14] = [
    "openat",
    "write",
    "ftruncate",
    "fchmod",
    "fchown",
    "fsync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
];

/// A folder with a configuration as people have.
struct Place {
    folder: tempfile::TempDir,
    before: String,
    after: String,
}

/// What kills left in the place of the configuration.
#[derive(Debug, Default)]
struct Left {
    before: usize,
    after: usize,
    torn: Vec<String>,
}

impl Place {
    fn new() -> Result<Self> {
        let before =
            "// set up by hand\n{\n  channels: {\n    family: { enabled: false }, // ours\n  },\n}\n".to_owned();
        let changes: Vec<Change> = Change::install("/home/li/link.key").into();
        let after = edit(&before, &changes)?.text;
        let place = Self { folder: tempfile::tempdir()?, before, after };
        fs::create_dir(place.folder.path().join("state"))?;
        Ok(place)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("state/openclaw.json")
    }

    fn copies(&self) -> PathBuf {
        self.folder.path().join("copies")
    }

    /// Starts a writer and kills it before its `time`th call of this name. `false`: it made fewer, and ended by itself.
    fn kill_a_writer(&self, call: &str, time: u32, in_place: bool) -> Result<bool> {
        fs::write(self.file(), &self.before)?;
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace=?{call}"));
        strace.arg("-e").arg(format!("inject=?{call}:signal=SIGKILL:when={time}"));
        strace.arg(env!("CARGO_BIN_EXE_config-writer")).args([self.file(), self.copies()]);
        let ended = strace.args(in_place.then_some("in-place")).status().context("no strace: the package strace")?;
        let killed = ended.signal() == Some(Signal::KILL.as_raw());
        ensure!(killed || ended.success(), "{ended}");
        Ok(killed)
    }

    /// Kills writers before every call that changes something.
    fn kill_writers(&self, in_place: bool) -> Result<Left> {
        let mut left = Left::default();
        for call in CALLS {
            for time in 1.. {
                if !self.kill_a_writer(call, time, in_place)? {
                    break;
                }
                match fs::read_to_string(self.file())? {
                    text if text == self.before => left.before += 1,
                    text if text == self.after => left.after += 1,
                    text => left.torn.push(format!("{call} {time}: {text:?}")),
                }
            }
            ensure!(fs::read_to_string(self.file())? == self.after, "it ended by itself, and wrote nothing");
        }
        Ok(left)
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn is_hidden(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

#[test]
fn killed_before_any_call_of_a_write_the_file_is_whole() -> Result<()> {
    let place = Place::new()?;
    let left = place.kill_writers(false)?;
    ensure!(left.torn.is_empty(), "{left:?}");
    ensure!(left.before > 0 && left.after > 0, "no kill was in the middle: {left:?}");
    // What kills left holds secrets. It goes with a later write.
    let mut old = files(&place.copies())?;
    let copies: Vec<PathBuf> = old.extract_if(.., |file| !is_hidden(file)).collect();
    ensure!(!old.is_empty(), "no kill was in the middle of a copy");
    ensure!(!copies.is_empty(), "no copy was kept");
    for copy in copies {
        ensure!(fs::read_to_string(&copy)? == place.before, "{} is torn", copy.display());
    }
    let copies_left = old.len();
    old.extend(files(&place.folder.path().join("state"))?.into_iter().filter(|file| is_hidden(file)));
    ensure!(old.len() > copies_left, "no kill was in the middle of the file");
    for file in &old {
        fs::File::open(file)?.set_modified(SystemTime::now() - Duration::from_secs(24 * 3600))?;
    }
    ensure!(!place.kill_a_writer("write", u32::from(u16::MAX), false)?, "it did not end by itself");
    ensure!(old.iter().all(|file| !file.exists()), "{old:?}");
    Ok(())
}

#[test]
fn a_program_that_writes_in_place_is_noticed() -> Result<()> {
    let left = Place::new()?.kill_writers(true)?;
    ensure!(!left.torn.is_empty(), "it tore nothing: this story would see no torn file. {left:?}");
    Ok(())
}
