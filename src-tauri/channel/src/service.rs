//! The running service and the questions one can ask it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{broadcast, oneshot, watch};

use crate::driver::{HubHandle, HubStopped};
use crate::hub::event::{Command, Event, Notice};
use crate::id::DeviceKey;
use crate::view::{BindProgress, ConfirmError, Device, IssueError, LinkView, Lost, Pending, Ticket, TurnRecord};

/// Which upstream may link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agent {
    /// The OpenClaw plugin.
    Gateway,
    /// The built-in echo.
    Echo,
}

/// The gateway id of the built-in echo agent: never pinned, refused where the agent is the gateway.
pub const ECHO_GATEWAY: &str = "echo0000000000000000000000000000";

/// The waits of the service. `Default` is the product's; tests shorten them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// No answer after this: 9002.
    pub answer: Duration,
    /// No end after this: the turn is stopped.
    pub stop: Duration,
    /// Life of a binding code.
    pub ticket: Duration,
    /// Time to confirm.
    pub confirm: Duration,
    /// Life of a reply that nobody fetches.
    pub reply: Duration,
    /// Silence until a ping.
    pub ping: Duration,
    /// Silence until the peer is gone.
    pub silent: Duration,
    /// Accept to first byte.
    pub first_byte: Duration,
    /// Accept to a whole HTTP head.
    pub head: Duration,
    /// 101 to `auth` or `bind`.
    pub greeting: Duration,
    /// A full socket without progress.
    pub stalled: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(30),
            stop: Duration::from_secs(600),
            ticket: Duration::from_secs(180),
            confirm: Duration::from_secs(120),
            reply: Duration::from_secs(7 * 24 * 3600),
            ping: Duration::from_secs(30),
            silent: Duration::from_secs(45),
            first_byte: Duration::from_secs(2),
            head: Duration::from_secs(5),
            greeting: Duration::from_secs(5),
            stalled: Duration::from_secs(30),
        }
    }
}

/// What a service needs to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Data folder: the store, the keys. Must exist, mode 0700.
    pub folder: PathBuf,
    /// Name that devices see.
    pub name: String,
    /// Addresses to listen on, the port the same for each. Port 0: any (tests).
    pub addresses: Vec<SocketAddr>,
    /// Who answers.
    pub agent: Agent,
    /// Days that message text is kept after its turn ended; 0: wiped at once.
    pub keep_text_days: u32,
    /// Waits.
    pub timing: Timing,
}

/// A running channel service. Dropping it does not stop it; call [`Service::stop`].
#[derive(Clone, Debug)]
pub struct Service {
    pub(crate) hub: HubHandle,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) notices: broadcast::Sender<Notice>,
    pub(crate) cancel: tokio_util::sync::CancellationToken,
}

impl Service {
    /// Where it listens, ports resolved.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Everything that happens from now on. A slow reader skips.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, HubStopped> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(Event::Command(command(reply))).await?;
        answer.await.map_err(|_| HubStopped)
    }

    /// Makes a binding code for one of [`Service::addresses`]; an unclaimed older one dies.
    ///
    /// # Errors
    /// See [`IssueError`].
    pub async fn issue_ticket(&self, address: IpAddr) -> Result<Ticket, IssueError> {
        self.ask(|reply| Command::IssueTicket { address, reply }).await.unwrap_or(Err(IssueError::Stopping))
    }

    /// Follows a code. `None`: unknown.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn watch_bind(&self, bind: &str) -> Result<Option<watch::Receiver<BindProgress>>, HubStopped> {
        self.ask(|reply| Command::WatchBind { bind: bind.into(), reply }).await
    }

    /// A person typed the two digits (or `allow` for a device with neither screen nor speaker).
    ///
    /// # Errors
    /// See [`ConfirmError`].
    pub async fn confirm_bind(&self, bind: &str, typed: &str) -> Result<DeviceKey, ConfirmError> {
        self.ask(|reply| Command::ConfirmBind { bind: bind.into(), typed: typed.into(), reply })
            .await
            .unwrap_or(Err(ConfirmError::Stopping))
    }

    /// A person said no. Whether the code was known.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn reject_bind(&self, bind: &str) -> Result<bool, HubStopped> {
        self.ask(|reply| Command::RejectBind { bind: bind.into(), reply }).await
    }

    /// Claims that wait for a person.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn pending(&self) -> Result<Vec<Pending>, HubStopped> {
        self.ask(|reply| Command::Pending { reply }).await
    }

    /// All devices, oldest binding first.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn devices(&self) -> Result<Vec<Device>, HubStopped> {
        self.ask(|reply| Command::Devices { reply }).await
    }

    /// One device and its newest 20 turns.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn device(&self, device: DeviceKey) -> Result<Option<(Device, Vec<TurnRecord>)>, HubStopped> {
        self.ask(|reply| Command::DeviceStatus { device, reply }).await
    }

    /// Renames; the name must come from [`crate::id::clean_name`]. Whether the device is known.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn rename(&self, device: DeviceKey, name: String) -> Result<bool, HubStopped> {
        self.ask(|reply| Command::Rename { device, name, reply }).await
    }

    /// Ends its connection, forgets its key and its queue.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn remove(&self, device: DeviceKey) -> Result<Option<Lost>, HubStopped> {
        self.ask(|reply| Command::Remove { device, reply }).await
    }

    /// A message from the person to the device: its n, and whether the device is connected.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn send(&self, device: DeviceKey, text: String) -> Result<Option<(u64, bool)>, HubStopped> {
        self.ask(|reply| Command::Send { device, text, reply }).await
    }

    /// State of the plugin's link.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn link(&self) -> Result<LinkView, HubStopped> {
        self.ask(|reply| Command::Link { reply }).await
    }

    /// The next gateway that proves the link key is the one.
    ///
    /// # Errors
    /// [`HubStopped`].
    pub async fn forget_gateway(&self) -> Result<(), HubStopped> {
        self.ask(|reply| Command::ForgetGateway { reply }).await
    }

    /// Says goodbye to everybody, commits what is open, ends the threads.
    pub async fn stop(&self) {
        let _ = self.ask(|reply| Command::Stop { reply }).await;
        self.cancel.cancel();
    }
}
