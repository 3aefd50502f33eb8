//! Programs that the rigs start: each leads a group of its own, so that what it started goes with it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How often a child is asked whether it has ended.
const ASK: Duration = Duration::from_millis(10);

/// A child with everything it started, killed and reaped together on drop.
#[derive(Debug)]
pub struct Group(Child);

impl Group {
    /// Starts a program as the leader of a new process group.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {}", command.get_program().display()))?))
    }

    /// The child itself.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// Those of [`Child::try_wait`].
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// After `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if since.elapsed() > limit {
                bail!("process {} has not ended after {limit:?}", self.id());
            }
            std::thread::sleep(ASK);
        }
    }

    /// Sends a signal to the whole group.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            // Nobody may be left in it.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.0.wait();
    }
}

/// Where an installed program is.
///
/// # Errors
/// It is not on PATH; names the package to install.
pub fn installed(program: &str, package: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    found.with_context(|| {
        format!("`{program}` is not installed (Debian package {package}). This story needs the real one.")
    })
}

/// When a process started, in clock ticks since the boot; `None` when there is no such process.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold spaces; the 22nd field is the 20th after it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use super::*;

    #[test]
    fn a_group_takes_its_grandchildren_with_it() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 1000 & echo $!; wait"]).stdout(Stdio::piped());
        let mut group = Group::start(&mut shell).unwrap();
        let mut line = String::new();
        BufReader::new(group.child().stdout.take().unwrap()).read_line(&mut line).unwrap();
        let proc = PathBuf::from(format!("/proc/{}/stat", line.trim()));
        assert!(proc.exists());
        group.wait(Duration::from_millis(50)).unwrap_err();
        drop(group);
        let dead = || fs::read_to_string(&proc).map_or(true, |stat| stat.contains(") Z "));
        crate::wait::until(Duration::from_secs(5), "the end of the grandchild", || Ok(dead())).unwrap();
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let missing = format!("{:#}", installed("no-such-program", "no-such-package").unwrap_err());
        assert!(missing.contains("no-such-package"), "{missing}");
    }
}
