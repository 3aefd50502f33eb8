//! The running service and the questions one can ask it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

pub use crate::agent::{Agent, ECHO_GATEWAY};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::driver::{self, AfterCommit, CommitOrder, HubHandle, Unanswered};
use crate::hub::event::{Command, Event, Notice};
use crate::hub::{self, Facts, Hub};
use crate::id::DeviceKey;
use crate::keys::{self, KeyError};
use crate::listener::reached::{self, Reached};
use crate::listener::{self, BindError, Listening, Ports, Wish};
use crate::proof::token;
use crate::store::restore::{self, Restored};
use crate::store::{OpenError, keeper};
pub use crate::timing::Timing;
use crate::tls::{Certificate, Tls};
use crate::view::{
    AddError, BindProgress, ConfirmError, Device, Happened, IssueError, LinkView, Lost, Pending, SpeaksFirst, Ticket,
    TurnRecord,
};

/// What a service needs to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Data folder: the store, the keys. Must exist, mode 0700.
    pub folder: PathBuf,
    /// Name that devices see.
    pub name: String,
    /// Addresses to listen on at once, as for [`Service::listen`]. Empty: none yet.
    pub addresses: Vec<SocketAddr>,
    /// Who answers.
    pub agent: Agent,
    /// Days that message text is kept after its turn ended; 0: wiped at once.
    pub keep_text_days: u32,
    /// Waits.
    pub timing: Timing,
}

/// Why a service did not start, or does not listen elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there.
    #[error("{address} is in use")]
    AddressInUse {
        /// Where.
        address: SocketAddr,
    },
    /// The system refuses the address.
    #[error("cannot listen on {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The message store cannot be used.
    #[error("the message store cannot be used")]
    Store(#[from] OpenError),
    /// A key file cannot be used.
    #[error("a key file cannot be used")]
    Keys(#[from] KeyError),
    /// The system gives no thread or timer.
    #[error("the system is out of resources")]
    Threads(#[source] io::Error),
    /// The service has stopped.
    #[error("the service has stopped")]
    Stopped(#[from] Unanswered),
}

impl From<BindError> for StartError {
    fn from(error: BindError) -> Self {
        let BindError { address, source } = error;
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::AddressInUse { address }
        } else {
            Self::Bind { address, source }
        }
    }
}

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(OpenError::Sqlite(error))
    }
}

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
/// Notices that a slow reader may be behind.
const NOTICES: usize = 256;
/// Calls of [`Service::listen`] that may wait.
const WISHES: usize = 16;
/// How long [`Service::stop`] waits for goodbyes to be written.
pub const GOODBYES: Duration = Duration::from_millis(1_500);
/// How long [`Service::stop`] waits for the store to be closed.
pub const CLOSING: Duration = Duration::from_secs(2);

impl Service {
    /// Starts: keys, store, listeners, then the hub's thread and the network's.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing runs then.
    pub fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with::<AfterCommit>(config)
    }

    /// [`Service::start`] with another [`CommitOrder`]: for tests that must lose messages.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start_with<O: CommitOrder>(config: Config) -> Result<Self, StartError> {
        #[cfg(unix)]
        crate::descriptors::make_room();
        let clock = Clock::start();
        // First of all: it may bring keys with it.
        let (store, restored) = restore::open(&config.folder, clock.wall_ms())?;
        let service_key = SigningKey::from_bytes(&*keys::load_or_create(&config.folder.join("service.key"))?);
        let link_key = keys::load_or_create(&config.folder.join("link.key"))?;
        let tls = Tls::load_or_create(&config.folder.join("tls.pem"))?;
        let epoch = watch::Sender::new(Arc::from(store.epoch()?));
        let epoch_now = epoch.subscribe();
        let listeners = listener::bind(&config.addresses)?;
        let addresses = listeners
            .iter()
            .map(std::net::TcpListener::local_addr)
            .collect::<Result<Listening, _>>()
            .map_err(StartError::Threads)?;
        let name: Arc<str> = config.name.into();
        let facts = Facts {
            name: Arc::clone(&name),
            epoch,
            service_key: service_key.clone(),
            certificate: Arc::clone(tls.certificate()),
            link_key: link_key.clone(),
            agent: config.agent,
            addresses: Arc::clone(&addresses),
            keep_text_ms: i64::from(config.keep_text_days) * DAY_MS,
            timing: config.timing,
            may_speak: hub::may_speak,
        };
        let hub = Hub::new(store, facts)?;
        let (handle, events) = HubHandle::channel();
        let certificate = Arc::clone(tls.certificate());
        let (notices, _) = broadcast::channel(NOTICES);
        let cancel = CancellationToken::new();
        let heard = notices.subscribe();
        let (told, disk) = (notices.clone(), Disk::of(&config.folder));
        let hub_ended = spawn("smartpi-hub", move |runtime| {
            runtime.block_on(driver::run::<O>(hub, events, clock, disk, told));
        })?;
        let (data, backed_up, hub_ends) = (config.folder, notices.clone(), hub_ended.clone());
        let enough = cancel.clone();
        spawn("smartpi-backup", move |runtime| {
            runtime.block_on(async {
                tokio::select! {
                    () = hub_ends.cancelled() => {}
                    () = enough.cancelled() => {}
                    () = keeper::run(data, clock, heard, backed_up) => {}
                }
            });
        })?;
        let reached = Arc::new(Reached::new(clock, notices.clone(), reached::is_another));
        let ports = Arc::new(Ports {
            hub: handle.clone(),
            service_key,
            tls,
            link_key,
            name,
            epoch: epoch_now,
            timing: config.timing,
            clock,
            reached: Arc::clone(&reached),
        });
        let stop = cancel.clone();
        let (told, listening) = watch::channel(addresses);
        let (wishes, wished) = mpsc::channel(WISHES);
        let net_ended = spawn("smartpi-net", move |runtime| {
            runtime.block_on(listener::run(listeners, ports, told, wished, stop));
        })?;
        Ok(Self {
            hub: handle,
            listening,
            wishes,
            reached,
            notices,
            cancel,
            hub_ended,
            net_ended,
            restored: restored.map(Arc::new),
            certificate,
        })
    }

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

/// A thread with a runtime of its own; the token is cancelled when it ends, by a panic too.
fn spawn(
    name: &str,
    body: impl FnOnce(tokio::runtime::Runtime) + Send + 'static,
) -> Result<CancellationToken, StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(StartError::Threads)?;
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    let thread = move || {
        let _guard = guard;
        body(runtime);
    };
    thread::Builder::new().name(name.into()).spawn(thread).map_err(StartError::Threads)?;
    Ok(ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::device::Kind;

    fn config(folder: &std::path::Path) -> Config {
        Config {
            folder: folder.into(),
            name: "test".into(),
            addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            agent: Agent::Gateway,
            keep_text_days: 30,
            timing: Timing::default(),
        }
    }

    #[tokio::test]
    async fn a_token_is_shown_once_and_kept_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(config(folder.path())).unwrap();
        let (device, text) = service.add_script("Backup".into()).await.unwrap();
        let seed = token::seed(&text).unwrap();
        let public_key = SigningKey::from_bytes(&seed).verifying_key();
        assert_eq!(DeviceKey::of(&public_key), device);
        let devices = service.devices().await.unwrap();
        assert_eq!(
            devices.iter().map(|device| (&device.key, device.kind)).collect::<Vec<_>>(),
            [(&device, Kind::Script)]
        );
        service.stop().await;
        let mut kept = Vec::new();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            kept.extend(std::fs::read(file.unwrap().path()).unwrap());
        }
        let holds = |secret: &[u8]| kept.windows(secret.len()).any(|window| window == secret);
        assert!(holds(public_key.as_bytes()), "this is how the service knows it again");
        assert!(!holds(&seed[..]) && !holds(text[4..47].as_bytes()) && !holds(&text.as_bytes()[47..]));
    }

    #[tokio::test]
    async fn a_stopped_service_has_ended_and_answers_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(config(folder.path())).unwrap();
        assert_eq!(service.devices().await, Ok(Vec::new()));
        let address = service.addresses()[0];
        assert!(std::fs::metadata(folder.path().join("channel.db-wal")).is_ok_and(|log| log.len() > 0));
        service.stop().await;
        assert!(
            !folder.path().join("channel.db-wal").exists(),
            "all of it is in the database, and the store is closed"
        );
        service.ended().await;
        assert_eq!(service.devices().await, Err(Unanswered::Stopped));
        assert!(matches!(service.listen(&[address]).await, Err(StartError::Stopped(Unanswered::Stopped))));
        assert!(std::net::TcpStream::connect(address).is_err());
        assert!(service.addresses().is_empty());
        Service::start(config(folder.path())).unwrap().stop().await;
    }

    #[tokio::test]
    async fn a_hub_that_dies_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(config(folder.path())).unwrap();
        let mut fatal = service.clone();
        // Every handle but the network's goes; then that one, and the hub has nobody left.
        fatal.cancel.cancel();
        fatal.net_ended.cancelled().await;
        let ended = service.hub_ended.clone();
        fatal.hub = HubHandle::channel().0;
        drop((service, fatal));
        ended.cancelled().await;
    }

    #[tokio::test]
    async fn a_service_without_addresses_works_and_listens_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(Config { addresses: Vec::new(), ..config(folder.path()) }).unwrap();
        assert!(service.addresses().is_empty());
        assert_eq!(service.devices().await, Ok(Vec::new()));
        let here: IpAddr = [127, 0, 0, 1].into();
        assert_eq!(service.issue_ticket(here).await, Err(IssueError::NotListening));
        let bound = service.listen(&[SocketAddr::new(here, 0)]).await.unwrap();
        assert_eq!(service.addresses()[..], bound[..]);
        let ticket = service.issue_ticket(here).await.unwrap();
        assert!(ticket.url.starts_with(&format!("http://{}/b#", bound[0])));
        assert!(std::net::TcpStream::connect(bound[0]).is_ok());
        assert_eq!(service.listen(&[SocketAddr::new(here, 0)]).await.unwrap(), bound, "nothing to change");
        let progress = service.watch_bind(&ticket.bind).await.unwrap().unwrap();
        assert!(matches!(*progress.borrow(), BindProgress::Waiting { .. }));
        assert_eq!(service.listen(&[]).await.unwrap(), []);
        assert_eq!(service.issue_ticket(here).await, Err(IssueError::NotListening));
        assert_eq!(*progress.borrow(), BindProgress::Failed(crate::view::BindFailure::Replaced));
        assert!(std::net::TcpStream::connect(bound[0]).is_err());
        assert_eq!(service.turns(None, None, 10).await, Ok(Happened::default()));
        assert_eq!(service.set_agent(Agent::Echo).await, Ok(()));
        assert_eq!(service.reached(), []);
        assert_eq!(service.listen(&bound).await.unwrap(), bound);
        service.stop().await;
    }
}
