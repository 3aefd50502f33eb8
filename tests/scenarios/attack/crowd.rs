//! More devices than a system lets a process have files at first.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use support::binaries;
use support::process::Group;
use support::wait;
use tempfile::TempDir;

use super::SOON;

/// The soft and the hard limit of open files, as the kernel tells them of a process.
fn limits(process: u32) -> Result<(u64, u64)> {
    let all = fs::read_to_string(format!("/proc/{process}/limits"))?;
    let row = all.lines().find_map(|row| row.strip_prefix("Max open files")).context("no such row")?;
    let mut numbers = row.split_whitespace().map(str::parse);
    Ok((numbers.next().context("no soft limit")??, numbers.next().context("no hard limit")??))
}

/// A session of systemd, and macOS, start programs with a soft limit of 1,024 or 256.
#[test]
fn the_service_makes_room_for_its_devices() -> Result<()> {
    for (soft, hard, expected) in [(256, 4_096, 4_096), (1_024, 20_000, 20_000), (300, 300, 300)] {
        let home = TempDir::new()?;
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={soft}:{hard}")).arg(binaries::smartpi());
        command.args(["serve", "--agent", "gateway", "--port", "0", "--data"]).arg(home.path().join("data"));
        command.env("HOME", home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut service = Group::start(&mut command)?;
        wait::until(SOON, "the service says where it listens", || {
            ensure!(service.ended()?.is_none(), "the service ended at once, allowed {soft} to {hard} files");
            Ok(home.path().join("data/service.json").exists())
        })?;
        ensure!(limits(service.id())? == (expected, hard), "{:?}, not {expected} of {hard}", limits(service.id())?);
    }
    // The twin: without a service that raises it, the limit stays.
    let mut sleeper = Group::start(Command::new("prlimit").args(["--nofile=256:4096", "cat"]).stdin(Stdio::piped()))?;
    let raised = wait::until(SOON, "its limits", || Ok(limits(sleeper.id())? == (256, 4_096)));
    ensure!(sleeper.ended()?.is_none());
    raised
}
