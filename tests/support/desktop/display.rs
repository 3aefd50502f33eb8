//! A screen that nobody sees.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{Group, installed};

/// An X server that draws into memory. Ends on drop.
#[derive(Debug)]
pub struct Display {
    number: u32,
    _server: Group,
}

impl Display {
    /// Starts one in the place that `command` gives for a program, of this width and height in pixels. The programs that draw on it must be in the same
    /// network namespace: two servers of different namespaces can have the same number, and are told apart by their abstract sockets alone.
    ///
    /// # Errors
    /// Xvfb is not installed or does not start.
    pub fn start(command: impl FnOnce(&Path) -> Command, (width, height): (u32, u32)) -> Result<Self> {
        let mut command = command(&installed("Xvfb", "xvfb")?);
        // With -displayfd the server itself takes the first free number and writes it when it is ready. With -noreset it does not begin anew when the first
        // program that looked at it goes.
        command.args([
            "-displayfd",
            "1",
            "-noreset",
            "-nolisten",
            "tcp",
            "-screen",
            "0",
            &format!("{width}x{height}x24"),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = Group::start(&mut command)?;
        let mut line = String::new();
        let stdout = server.child().stdout.take().context("Xvfb has no standard output")?;
        BufReader::new(stdout.take(16)).read_line(&mut line)?;
        let number = line.trim().parse().with_context(|| format!("Xvfb ended without a display: {line:?}"))?;
        Ok(Self { number, _server: server })
    }

    /// What programs find in `DISPLAY`.
    #[must_use]
    pub fn name(&self) -> String {
        format!(":{}", self.number)
    }
}

/// Takes a picture of the whole screen with ImageMagick's `import`, run by `command`.
///
/// # Errors
/// What `import` says.
pub(super) fn photograph(mut command: Command, into: &Path) -> Result<()> {
    let output = command.args(["-silent", "-window", "root"]).arg(into).stdin(Stdio::null()).output();
    let output = output.context("cannot start import")?;
    ensure!(output.status.success(), "import: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
