//! The running service and the questions one can ask it.

mod start;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

pub use self::start::{Config, StartError};
pub use crate::agent::{Agent, ECHO_GATEWAY};
use crate::driver::{HubHandle, Unanswered};
use crate::house::Listening;
use crate::hub::event::{Command, Event, Notice};
use crate::id::DeviceKey;
use crate::listener::Wish;
use crate::proof::token;
use crate::reached::Reached;
use crate::store::restore::Restored;
pub use crate::timing::Timing;
use crate::tls::Certificate;
use crate::view::{
    AddError, BindProgress, ConfirmError, Device, Happened, IssueError, LinkView, Lost, Pending, SpeaksFirst, Ticket,
    TurnRecord,
};

/// A running channel service. Dropping it does not stop it; call [`Service::stop`].
#[derive(Clone, Debug)]
pub struct Service {
    hub: HubHandle,
    listening: watch::Receiver<Listening>,
    wishes: mpsc::Sender<Wish>,
    reached: Arc<Reached>,
    notices: broadcast::Sender<Notice>,
    cancel: CancellationToken,
    /// Cancelled when the hub's thread ended, for whatever reason.
    hub_ended: CancellationToken,
    /// The same for the network's thread.
    net_ended: CancellationToken,
    restored: Option<Arc<Restored>>,
    certificate: Arc<Certificate>,
}

const DAY_MS: i64 = 24 * 3_600_000;
/// How long [`Service::stop`] waits for goodbyes to be written.
pub const GOODBYES: Duration = Duration::from_millis(1_500);
/// How long [`Service::stop`] waits for the store to be closed.
pub const CLOSING: Duration = Duration::from_secs(2);

impl Service {
    /// Where it listens now, ports resolved, in the order in which they were wished for. Cheap.
    pub fn addresses(&self) -> Arc<[SocketAddr]> {
        Arc::clone(&self.listening.borrow())
    }

    /// Makes exactly these the addresses that are listened on, and returns them with their ports. New ones are opened first. Then those that are no longer
    /// named are closed: whoever is connected there gets a goodbye. On the others nothing happens.
    ///
    /// Port 0: the present port of that address, else that of the first of these addresses that has one, else any. Without addresses nobody can connect;
    /// everything else goes on.
    ///
    /// Calls are granted one after the other, also those whose caller no longer waits. Connections that end may take some 2 s longer than this.
    ///
    /// # Errors
    /// The first address that cannot be opened, then nothing has changed; [`StartError::Stopped`].
    pub async fn listen(&self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, StartError> {
        let (reply, answer) = oneshot::channel();
        let wish = Wish { addresses: addresses.to_vec(), reply };
        self.wishes.send(wish).await.map_err(|_| Unanswered::Stopped)?;
        let listening = answer.await.map_err(|_| Unanswered::Stopped)??;
        Ok(listening.to_vec())
    }

    /// At which addresses of ours another machine was heard in this run, and when last, ms since 1970. Cheap.
    pub fn reached(&self) -> Vec<(IpAddr, i64)> {
        self.reached.all()
    }

    /// The store that took a damaged one's place, at this start or in the 24 hours before it. Cheap.
    pub fn restored(&self) -> Option<Arc<Restored>> {
        self.restored.clone()
    }

    /// The certificate by which devices know it over TLS. Cheap.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Everything that happens from now on. A slow reader skips.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.hub.send(Event::Command(command(reply))).await?;
        answer.await.map_err(|_| self.hub.why_unanswered())
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
    /// [`Unanswered`].
    pub async fn watch_bind(&self, bind: &str) -> Result<Option<watch::Receiver<BindProgress>>, Unanswered> {
        self.ask(|reply| Command::WatchBind { bind: bind.into(), reply }).await
    }

    /// A person typed the digits that a device shows (or `allow` for one with neither screen nor speaker). `bind`: of a code, or of an announcement, from
    /// [`Service::pending`].
    ///
    /// # Errors
    /// See [`ConfirmError`].
    pub async fn confirm_bind(&self, bind: &str, typed: &str) -> Result<DeviceKey, ConfirmError> {
        self.ask(|reply| Command::ConfirmBind { bind: bind.into(), typed: typed.into(), reply }).await.unwrap_or_else(
            |unanswered| {
                Err(match unanswered {
                    Unanswered::Stopped => ConfirmError::Stopping,
                    Unanswered::NotStored => ConfirmError::Storage,
                })
            },
        )
    }

    /// A person said no. Whether the code was known.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn reject_bind(&self, bind: &str) -> Result<bool, Unanswered> {
        self.ask(|reply| Command::RejectBind { bind: bind.into(), reply }).await
    }

    /// Adds a script as a device, and its token, which is kept nowhere: show it once. The name must come from [`crate::id::clean_name`].
    ///
    /// # Errors
    /// See [`AddError`].
    pub async fn add_script(&self, name: String) -> Result<(DeviceKey, Zeroizing<String>), AddError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut seed[..]).map_err(|_| AddError::Random)?;
        let public_key = Box::new(SigningKey::from_bytes(&seed).verifying_key());
        let added = self.ask(|reply| Command::AddScript { public_key, name, reply }).await;
        let device = added.unwrap_or(Err(AddError::Stopping))?;
        Ok((device, token::text(&seed)))
    }

    /// Claims and announcements that wait for a person.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn pending(&self) -> Result<Vec<Pending>, Unanswered> {
        self.ask(|reply| Command::Pending { reply }).await
    }

    /// All devices, oldest binding first.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn devices(&self) -> Result<Vec<Device>, Unanswered> {
        self.ask(|reply| Command::Devices { reply }).await
    }

    /// One device and its newest 20 turns.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn device(&self, device: DeviceKey) -> Result<Option<(Device, Vec<TurnRecord>)>, Unanswered> {
        self.ask(|reply| Command::DeviceStatus { device, reply }).await
    }

    /// Renames; the name must come from [`crate::id::clean_name`]. Whether the device is known.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn rename(&self, device: DeviceKey, name: String) -> Result<bool, Unanswered> {
        self.ask(|reply| Command::Rename { device, name, reply }).await
    }

    /// Decides who may speak to a device without being asked. Whether the device is known.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn speaks_first(&self, device: DeviceKey, who: SpeaksFirst) -> Result<bool, Unanswered> {
        self.ask(|reply| Command::SpeaksFirst { device, who, reply }).await
    }

    /// Ends its connection, forgets its key and its queue.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn remove(&self, device: DeviceKey) -> Result<Option<Lost>, Unanswered> {
        self.ask(|reply| Command::Remove { device, reply }).await
    }

    /// A message from the person to the device: its n, and whether the device is connected.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn send(&self, device: DeviceKey, text: String) -> Result<Option<(u64, bool)>, Unanswered> {
        self.ask(|reply| Command::Send { device, text, reply }).await
    }

    /// Turns received, and what was said unasked, before a time (ms since 1970), newest first, of one device or of all; and whether there is older. At most
    /// `limit` (1 to 500) of each kind, and those of the same millisecond as the last one: the next page begins before the oldest time of both.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn turns(
        &self,
        device: Option<DeviceKey>,
        before_ms: Option<i64>,
        limit: usize,
    ) -> Result<Happened, Unanswered> {
        self.ask(|reply| Command::Turns { device, before_ms, limit, reply }).await
    }

    /// Another upstream may link from now on; one of the other kind that is linked gets a goodbye. What it was given waits for the next.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn set_agent(&self, agent: Agent) -> Result<(), Unanswered> {
        self.ask(|reply| Command::SetAgent { agent, reply }).await
    }

    /// How many days words are kept (0: wiped when the turn ends; what is older than that is wiped now), and after how long without an answer a device is told
    /// so. Devices that are connected were told the old wait; that is for display only.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn change(&self, keep_text_days: u32, answer: Duration) -> Result<(), Unanswered> {
        let keep_text_ms = i64::from(keep_text_days) * DAY_MS;
        self.ask(|reply| Command::Change { keep_text_ms, answer, reply }).await
    }

    /// State of the plugin's link.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn link(&self) -> Result<LinkView, Unanswered> {
        self.ask(|reply| Command::Link { reply }).await
    }

    /// The next gateway that proves the link key is the one.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn forget_gateway(&self) -> Result<(), Unanswered> {
        self.ask(|reply| Command::ForgetGateway { reply }).await
    }

    /// The computer slept and is awake again: every peer is asked whether it is still there, and who does not answer within [`Timing::woken`] is gone. The
    /// clocks tell the same, but only when something else happens.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn woke(&self) -> Result<(), Unanswered> {
        self.hub.send(Event::Woke).await
    }

    /// Waits until the service ends: because somebody called [`Service::stop`], or because its hub died.
    pub async fn ended(&self) {
        self.hub_ended.cancelled().await;
    }

    /// Says goodbye to everybody, commits what is open, closes the store, ends the threads. Returns when the goodbyes are written, at most [`GOODBYES`] later, and the
    /// store is closed, at most [`CLOSING`] later.
    pub async fn stop(&self) {
        // A hub that has ended already has nobody left to say goodbye to.
        let _ = self.ask(|reply| Command::Stop { reply }).await;
        self.cancel.cancel();
        let goodbyes = tokio::time::timeout(GOODBYES, self.net_ended.cancelled());
        // With the hub's thread goes the store, whose log is moved into the database then.
        let closing = tokio::time::timeout(CLOSING, self.hub_ended.cancelled());
        let (goodbyes, closing) = tokio::join!(goodbyes, closing);
        if goodbyes.is_err() {
            tracing::warn!("some connections took no goodbye");
        }
        if closing.is_err() {
            tracing::warn!("the store is not closed yet; everything that was acknowledged is on disk");
        }
    }
}

#[cfg(test)]
mod tests;
