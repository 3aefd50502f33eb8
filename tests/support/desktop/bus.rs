//! A D-Bus session in which nothing starts that a story does not want.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;

use crate::process::{Group, installed};

/// A `dbus-daemon` with its own configuration. Ends on drop, with everything that it started.
#[derive(Debug)]
pub struct SessionBus {
    address: String,
    _daemon: Group,
}

/// A program that the bus starts when somebody asks for a name.
#[derive(Debug)]
pub struct Activated<'a> {
    /// The name.
    pub name: &'a str,
    /// Command line.
    pub exec: String,
}

impl SessionBus {
    /// Starts it on a socket in `folder`, with these services and no others. `command` makes the command for a program, in its environment: what the
    /// bus starts inherits it.
    ///
    /// # Errors
    /// dbus-daemon is not installed, or ends at once.
    pub fn start(command: impl FnOnce(&Path) -> Command, folder: &Path, services: &[Activated<'_>]) -> Result<Self> {
        let (activated, config) = (folder.join("services"), folder.join("bus.conf"));
        fs::create_dir_all(&activated)?;
        for service in services {
            let text = format!("[D-BUS Service]\nName={}\nExec={}\n", service.name, service.exec);
            fs::write(activated.join(format!("{}.service", service.name)), text)?;
        }
        fs::write(&config, configuration(folder, &activated)?)?;
        let mut command = command(&installed("dbus-daemon", "dbus-daemon")?);
        command.arg(format!("--config-file={}", config.display())).args([
            "--nofork",
            "--nopidfile",
            "--print-address=1",
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut daemon = Group::start(&mut command)?;
        let stdout = daemon.child().stdout.take().context("dbus-daemon has no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line.starts_with("unix:"), "dbus-daemon ended without an address");
        Ok(Self { address: line.trim().to_owned(), _daemon: daemon })
    }

    /// What programs find in `DBUS_SESSION_BUS_ADDRESS`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A new connection.
    ///
    /// # Errors
    /// The bus is gone.
    pub fn connect(&self) -> Result<Connection> {
        self.builder()?.build().context("cannot connect to the session bus")
    }

    /// A new connection, to be given names and objects first.
    ///
    /// # Errors
    /// An address that is none.
    pub fn builder(&self) -> Result<Builder<'static>> {
        Ok(Builder::address(self.address.as_str())?)
    }
}

fn configuration(folder: &Path, services: &Path) -> Result<String> {
    let mut text = String::new();
    write!(
        text,
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={}</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        folder.join("bus").display(),
        services.display()
    )?;
    Ok(text)
}
