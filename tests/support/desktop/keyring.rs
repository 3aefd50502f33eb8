//! The four ways in which a Linux desktop keeps secrets, with the real gnome-keyring.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::{Activated, Desktop, LIMIT};
use crate::process::Group;
use crate::wait;

/// What of a Secret Service is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// None at all.
    Absent,
    /// A daemon with an open default collection.
    Unlocked,
    /// A daemon whose default collection is locked; who asks for it opens a window that waits for a password.
    Locked,
    /// A daemon that never had a collection.
    NoCollection,
}

impl Keyring {
    /// What the bus starts for it: only the window that asks for the password.
    pub(super) fn services(self) -> Vec<Activated<'static>> {
        match self {
            Self::Absent | Self::Unlocked => Vec::new(),
            Self::Locked | Self::NoCollection => {
                vec![Activated { name: "org.gnome.keyring.SystemPrompter", exec: "/usr/libexec/gcr-prompter".into() }]
            }
        }
    }

    pub(super) fn start(self, desktop: &Desktop<'_>) -> Result<Option<Group>> {
        match self {
            Self::Absent => Ok(None),
            Self::Unlocked => daemon(desktop, Some("\n")).map(Some),
            Self::NoCollection => daemon(desktop, None).map(Some),
            Self::Locked => {
                drop(daemon(desktop, Some("a password that nobody types\n"))?);
                let collection = desktop.data().join("keyrings/login.keyring");
                ensure!(collection.exists(), "the keyring made no collection:\n{}", desktop.log("gnome-keyring"));
                wait::until(LIMIT, "the end of the first keyring", || Ok(!has_owner(desktop)?))?;
                daemon(desktop, None).map(Some)
            }
        }
    }
}

/// Starts the daemon; with a password it makes the default collection, or opens it.
fn daemon(desktop: &Desktop<'_>, password: Option<&str>) -> Result<Group> {
    let mut command = desktop.command("gnome-keyring-daemon", "gnome-keyring")?;
    command.args(["--foreground", "--components=secrets"]);
    if password.is_some() {
        command.arg("--unlock");
    }
    command.stdin(Stdio::piped());
    let mut group = desktop.spawn("gnome-keyring", &mut command)?;
    let mut stdin = group.child().stdin.take().context("gnome-keyring-daemon has no standard input")?;
    // It reads the password up to the end.
    stdin.write_all(password.unwrap_or_default().as_bytes())?;
    drop(stdin);
    wait::until(LIMIT, "a Secret Service", || {
        ensure!(group.ended()?.is_none(), "gnome-keyring-daemon ended:\n{}", desktop.log("gnome-keyring"));
        has_owner(desktop)
    })?;
    Ok(group)
}

fn has_owner(desktop: &Desktop<'_>) -> Result<bool> {
    let connection = desktop.bus().connect()?;
    let bus = zbus::blocking::fdo::DBusProxy::new(&connection)?;
    Ok(bus.name_has_owner("org.freedesktop.secrets".try_into()?)?)
}
