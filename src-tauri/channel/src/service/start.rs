//! How a service starts: what it needs, what can go wrong, and in which order its parts come up.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use ed25519_dalek::SigningKey;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{DAY_MS, Service};
use crate::agent::Agent;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::driver::{self, AfterCommit, CommitOrder, HubHandle, Unanswered};
use crate::house::{Listening, Ports};
use crate::hub::{self, Facts, Hub};
use crate::keys::{self, KeyError};
use crate::listener::{self, BindError};
use crate::reached::{self, Reached};
use crate::store::{OpenError, keeper, restore};
use crate::timing::Timing;
use crate::tls::Tls;

/// Notices that a slow reader may be behind.
const NOTICES: usize = 256;
/// Calls of [`Service::listen`] that may wait.
const WISHES: usize = 16;

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
