//! Who is measured in the tray.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::peer::Place;

/// An application with a tray item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// Ours, as it starts at login: the service runs, no window was ever open.
    Smartpi,
    /// A real peer.
    KdeConnect,
    /// A real peer.
    SyncthingTray,
    /// The limit with GTK.
    BareGtk,
    /// The limit.
    BareSni,
}

impl Candidate {
    pub(super) const ALL: [Self; 5] =
        [Self::Smartpi, Self::KdeConnect, Self::SyncthingTray, Self::BareGtk, Self::BareSni];

    /// In tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Smartpi => "smartpi-tray",
            Self::KdeConnect => "kdeconnect-indicator and kdeconnectd",
            Self::SyncthingTray => "syncthingtray",
            Self::BareGtk => "limit with GTK: an icon and one menu line in C",
            Self::BareSni => "limit: an icon over D-Bus alone",
        }
    }

    /// Debian's package of a real peer.
    pub(super) fn package(self) -> Option<&'static str> {
        match self {
            Self::KdeConnect => Some("kdeconnect"),
            Self::SyncthingTray => Some("syncthingtray"),
            Self::Smartpi | Self::BareGtk | Self::BareSni => None,
        }
    }

    /// What is executed.
    pub(super) fn program(self, place: &Place) -> PathBuf {
        match self {
            Self::Smartpi => place.binaries.join("smartpi-tray"),
            Self::KdeConnect => "/usr/bin/kdeconnect-indicator".into(),
            Self::SyncthingTray => "/usr/bin/syncthingtray".into(),
            Self::BareGtk => place.binaries.join("bare-gtk"),
            Self::BareSni => place.binaries.join("bare-sni"),
        }
    }

    /// With these words.
    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Smartpi => &["--hidden"],
            Self::KdeConnect | Self::SyncthingTray | Self::BareGtk | Self::BareSni => &[],
        }
    }

    /// The D-Bus service that the bus starts for it, as its package installs it.
    pub(super) fn service(self) -> Option<&'static str> {
        match self {
            Self::KdeConnect => Some("/usr/share/dbus-1/services/org.kde.kdeconnect.service"),
            Self::Smartpi | Self::SyncthingTray | Self::BareGtk | Self::BareSni => None,
        }
    }

    /// Lays what a person chose earlier into the config folder: no first-run window, and for ours the port.
    pub(super) fn configure(self, config: &Path, port: u16) -> anyhow::Result<()> {
        match self {
            Self::Smartpi => {
                let folder = config.join("smartpi");
                fs::create_dir(&folder)?;
                let settings = serde_json::json!({ "port": port, "welcomed": true });
                fs::write(folder.join("settings.json"), settings.to_string())?;
                // Connected to an OpenClaw that is not running: without one the echo agent would link, and its heartbeat with it.
                let home = config.parent().context("a config folder lies in a home")?;
                let channel = serde_json::json!({ "linkKeyFile": home.join("data/smartpi/link.key") });
                let openclaw = home.join(".openclaw");
                fs::create_dir(&openclaw)?;
                let known = serde_json::json!({ "channels": { "openclaw-smartpi": channel } });
                fs::write(openclaw.join("openclaw.json"), known.to_string())?;
            }
            // It has a connection, so it does not open its assistant; nothing answers there, and it does not ask again and again.
            Self::SyncthingTray => fs::write(
                config.join("syncthingtray.ini"),
                "[tray]\nconnections\\size=1\nconnections\\1\\label=Bench\nconnections\\1\\syncthingUrl=http://127.0.0.1:9\nconnections\\1\\autoConnect=false\n",
            )?,
            Self::KdeConnect | Self::BareGtk | Self::BareSni => {}
        }
        Ok(())
    }
}

/// All, or without the real peers; compiles the limit in C. Fails by name where one is not there.
pub(super) fn prepare(place: &Place, with_peers: bool) -> anyhow::Result<Vec<Candidate>> {
    compile_bare_gtk(place)?;
    let wanted = Candidate::ALL.into_iter().filter(|candidate| with_peers || candidate.package().is_none());
    let candidates: Vec<Candidate> = wanted.collect();
    for candidate in &candidates {
        let program = candidate.program(place);
        let hint = match candidate.package() {
            Some(package) => format!("install the package {package}, or measure without it: --without-peers"),
            None => "make bench builds it".into(),
        };
        ensure!(program.is_file(), "{} is not there: {hint}", program.display());
    }
    Ok(candidates)
}

fn compile_bare_gtk(place: &Place) -> anyhow::Result<()> {
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "ayatana-appindicator3-0.1"])
        .output()
        .context("pkg-config is needed (package pkg-config)")?;
    ensure!(
        flags.status.success(),
        "the package libayatana-appindicator3-dev is needed: {}",
        String::from_utf8_lossy(&flags.stderr).trim()
    );
    let status = Command::new("cc")
        .args(["-O2", "-o"])
        .arg(Candidate::BareGtk.program(place))
        .arg(place.scripts.join("bare_gtk.c"))
        .args(String::from_utf8(flags.stdout)?.split_whitespace())
        .status()
        .context("cc is needed (package build-essential)")?;
    ensure!(status.success(), "peers/bare_gtk.c does not compile");
    Ok(())
}
