//! Who is measured, and how each is started and spoken to.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::StreamExt;
use futures_util::stream;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::process::{Server, free_port};
use crate::relay::RelayDevice;
use crate::smartpi::SmartpiDevice;
use crate::tcp::TcpDevice;
use crate::{relay, smartpi, tcp};

/// Connections that are opened at the same time: below the service's 64 unauthenticated sockets.
const OPENING: usize = 32;

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Ours, as it ships: durable, proofs and limits on.
    Smartpi,
    /// The tutorial's relay with a commit a message.
    AiohttpDurable,
    /// The tutorial's relay.
    Aiohttp,
    /// The limit.
    TcpHop,
}

impl Peer {
    pub(crate) const ALL: [Self; 4] = [Self::Smartpi, Self::AiohttpDurable, Self::Aiohttp, Self::TcpHop];

    /// On the command line, in the order of [`Peer::ALL`].
    pub(crate) const KEYS: [&'static str; 4] = ["smartpi", "aiohttp-durable", "aiohttp", "tcp"];

    /// Reads a word of the command line.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::KEYS.iter().position(|key| *key == word).map(|index| Self::ALL[index])
    }

    /// In tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Smartpi => "smartpi (durable)",
            Self::AiohttpDurable => "aiohttp + sqlite3 commit (durable)",
            Self::Aiohttp => "aiohttp (keeps nothing)",
            Self::TcpHop => "limit: raw TCP hop",
        }
    }
}

/// Where the programs and the disk are.
#[derive(Debug)]
pub(crate) struct Place {
    /// Folder of the release binaries.
    pub(crate) binaries: PathBuf,
    /// Folder of the peers' scripts.
    pub(crate) scripts: PathBuf,
    /// Folder on the disk that is measured.
    pub(crate) disk: PathBuf,
}

/// A started server with its plugin connected.
#[derive(Debug)]
pub(crate) struct Stage {
    peer: Peer,
    pub(crate) server: Server,
    pub(crate) plugin: JoinHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

/// A device of any peer.
#[derive(Debug)]
pub(crate) enum Device {
    Smartpi(SmartpiDevice),
    Relay(RelayDevice),
    Tcp(TcpDevice),
}

impl Device {
    /// One message, there and back.
    pub(crate) async fn ask(&mut self, words: &str) -> anyhow::Result<()> {
        match self {
            Self::Smartpi(device) => device.ask(words).await,
            Self::Relay(device) => device.ask(words).await,
            Self::Tcp(device) => device.ask(words).await,
        }
    }
}

impl Stage {
    /// Starts a server with an empty store, and for ours with `bound` devices in it.
    pub(crate) async fn set(peer: Peer, place: &Place, bound: usize) -> anyhow::Result<Self> {
        let folder = TempDir::new_in(&place.disk)?;
        let port = free_port()?;
        let server = match peer {
            Peer::Smartpi => start_smartpi(place, folder.path(), port, bound)?,
            Peer::Aiohttp => start_relay(place, folder.path(), port, &[])?,
            Peer::AiohttpDurable => {
                let db = folder.path().join("relay.db").to_string_lossy().into_owned();
                start_relay(place, folder.path(), port, &["--db".into(), db])?
            }
            Peer::TcpHop => Server::start(&place.binaries.join("tcp-hop"), &[port.to_string()], folder.path(), port)?,
        };
        let plugin = match peer {
            Peer::Smartpi => smartpi::echo(server.address, &folder.path().join("data")).await?,
            Peer::Aiohttp | Peer::AiohttpDurable => relay::echo(server.address).await?,
            Peer::TcpHop => tcp::echo(server.address).await?,
        };
        Ok(Self { peer, server, plugin, _folder: folder })
    }

    /// Connects the devices with these numbers.
    pub(crate) async fn connect(&self, numbers: std::ops::Range<usize>) -> anyhow::Result<Vec<Device>> {
        let connecting = stream::iter(numbers).map(|number| self.connect_one(number)).buffered(OPENING);
        let devices: Vec<anyhow::Result<Device>> = connecting.collect().await;
        devices.into_iter().collect()
    }

    async fn connect_one(&self, number: usize) -> anyhow::Result<Device> {
        let address = self.server.address;
        match self.peer {
            Peer::Smartpi => SmartpiDevice::connect(address, number).await.map(Device::Smartpi),
            Peer::Aiohttp | Peer::AiohttpDurable => RelayDevice::connect(address, number).await.map(Device::Relay),
            Peer::TcpHop => TcpDevice::connect(address).await.map(Device::Tcp),
        }
        .with_context(|| format!("{}: device {number} cannot connect", self.peer.name()))
    }

    /// The plugin's error, if it ended.
    pub(crate) async fn check_plugin(&mut self) -> anyhow::Result<()> {
        if self.plugin.is_finished() {
            (&mut self.plugin).await?.with_context(|| format!("{}: the plugin ended", self.peer.name()))?;
        }
        Ok(())
    }
}

fn start_relay(place: &Place, folder: &Path, port: u16, more: &[String]) -> anyhow::Result<Server> {
    let script = place.scripts.join("aiohttp_relay.py").to_string_lossy().into_owned();
    let mut arguments = vec![script, port.to_string()];
    arguments.extend_from_slice(more);
    // Debian's own interpreter: the one python3-aiohttp belongs to.
    Server::start(Path::new("/usr/bin/python3"), &arguments, folder, port)
}

/// Starts our service with so many devices in its store.
pub(crate) fn start_smartpi(place: &Place, folder: &Path, port: u16, bound: usize) -> anyhow::Result<Server> {
    let data = folder.join("data");
    let arguments: Vec<String> =
        ["serve", "--agent", "gateway", "--port", &port.to_string(), "--data", &data.to_string_lossy()]
            .map(Into::into)
            .into();
    let program = place.binaries.join("smartpi");
    // The first start makes the store and the keys.
    drop(Server::start(&program, &arguments, folder, port)?);
    smartpi::bind(&data, bound)?;
    Server::start(&program, &arguments, folder, port)
}

/// The version a peer's program prints.
pub(crate) fn version(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Waits for `limit` at most.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let began = Instant::now();
    tokio::time::timeout(limit, work).await.with_context(|| format!("not done after {:?}", began.elapsed()))?
}
