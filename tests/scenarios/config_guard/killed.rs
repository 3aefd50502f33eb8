//! The program that writes OpenClaw's configuration is killed with SIGKILL in the middle: the file is the one from before or the one from after, whole.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use gateway::config::{Change, edit};

const KILLS: u32 = 60;

/// A folder with a configuration of some size, as people have who write much into it.
struct Place {
    folder: tempfile::TempDir,
    before: String,
    after: String,
}

impl Place {
    fn new() -> Result<Self> {
        let channels: String = (0..200)
            .map(|n| format!("    family{n}: {{ enabled: false, allowFrom: ['{n}'] }}, // the {n}th\n"))
            .collect();
        let before = format!("// set up by hand\n{{\n  channels: {{\n{channels}  }},\n}}\n");
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

    fn is_whole(&self, file: &Path) -> Result<bool> {
        let there = fs::read(file)?;
        Ok(there == self.before.as_bytes() || there == self.after.as_bytes())
    }

    /// Starts the writer and kills it at this part of a round, after its first.
    fn kill_a_writer(&self, part: f64, in_place: bool) -> Result<()> {
        fs::write(self.file(), &self.before)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_config-writer"));
        command.args([self.file(), self.copies()]).args(in_place.then_some("in-place"));
        let mut writer = command.stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(writer.stdout.take().context("a pipe")?).lines();
        let mut next = || lines.next().context("it ended by itself")?.context("a line");
        next()?;
        let since = Instant::now();
        next()?;
        next()?;
        let moment = Instant::now() + Duration::from_secs_f64(since.elapsed().as_secs_f64() * part);
        while Instant::now() < moment {
            std::hint::spin_loop();
        }
        writer.kill()?;
        writer.wait()?;
        Ok(())
    }
}

/// Kills writers at moments that are spread over a round. Gives the files that were neither.
fn torn(place: &Place, in_place: bool) -> Result<Vec<String>> {
    let mut torn = Vec::new();
    for kill in 0..KILLS {
        place.kill_a_writer((f64::from(kill) * 0.618_034).fract(), in_place)?;
        if !place.is_whole(&place.file())? {
            torn.push(fs::read_to_string(place.file())?);
        }
    }
    Ok(torn)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn is_hidden(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

#[test]
fn killed_in_the_middle_of_a_write_the_file_is_whole() -> Result<()> {
    let place = Place::new()?;
    let torn = torn(&place, false)?;
    ensure!(torn.is_empty(), "{} files, as this one: {}", torn.len(), torn[0]);
    // What kills left holds secrets. It goes with a later write.
    let mut old = files(&place.copies())?;
    old.extend(files(&place.folder.path().join("state"))?);
    old.retain(|file| is_hidden(file));
    ensure!(!old.is_empty(), "nothing was left: no kill was in the middle");
    for file in &old {
        fs::File::open(file)?.set_modified(SystemTime::now() - Duration::from_secs(24 * 3600))?;
    }
    place.kill_a_writer(0.0, false)?;
    ensure!(old.iter().all(|file| !file.exists()), "{old:?}");
    let mut copies = files(&place.copies())?;
    copies.retain(|file| !is_hidden(file));
    ensure!(!copies.is_empty(), "no copy was kept");
    for copy in copies {
        ensure!(place.is_whole(&copy)?, "{} is torn", copy.display());
    }
    Ok(())
}

#[test]
fn a_program_that_writes_in_place_is_noticed() -> Result<()> {
    ensure!(
        !torn(&Place::new()?, true)?.is_empty(),
        "killed {KILLS} times, it tore nothing: this story would see no torn file"
    );
    Ok(())
}
