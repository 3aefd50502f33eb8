//! A program that a story starts and listens to: what it prints goes to a file, and the story waits for words in it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::wait;

/// A debug binary on a busy machine does anything within this time.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Killed on drop, and never by number: only the child that was started here.
#[derive(Debug)]
pub struct Program {
    child: Child,
    output: PathBuf,
}

impl Program {
    /// Starts it, with nothing to read; what it prints goes to `output`, which is emptied.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command, output: PathBuf) -> Result<Self> {
        let file = File::create(&output)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self { child, output })
    }

    /// Everything that it printed so far.
    #[must_use]
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// The first line of JSON with this key, and what the key holds.
    #[must_use]
    pub fn line(&self, key: &str) -> Option<Value> {
        line(&self.text(), key)
    }

    /// The first thing that `look` finds in the output.
    ///
    /// # Errors
    /// After a minute, and when it ends before, with everything that it printed.
    pub fn until<T>(&mut self, what: &str, look: impl Fn(&str) -> Option<T>) -> Result<T> {
        let mut found = None;
        let waited = wait::until(LIMIT, what, || {
            let ended = self.child.try_wait()?;
            found = look(&self.text());
            ensure!(found.is_some() || ended.is_none(), "it ended: {ended:?}");
            Ok(found.is_some())
        });
        waited.with_context(|| self.text())?;
        found.context("found")
    }

    /// Kills it with signal 9, in whatever it is doing.
    ///
    /// # Errors
    /// Those of the system.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// After a minute, and when it ends with another code.
    pub fn ends_with(&mut self, code: i32) -> Result<()> {
        let status = self.ended()?;
        ensure!(status.code() == Some(code), "{status}, not {code}:\n{}", self.text());
        Ok(())
    }

    fn ended(&mut self) -> Result<ExitStatus> {
        let mut status = None;
        wait::until(LIMIT, "the end of the program", || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })
        .with_context(|| self.text())?;
        status.context("ended")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line of JSON with this key, and what the key holds.
#[must_use]
pub fn line(text: &str, key: &str) -> Option<Value> {
    let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find_map(|line| line.get(key).cloned())
}
