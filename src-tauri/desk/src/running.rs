//! The running application: starts every part in order, stops them in order.
//!
//! Start: folders, lock, log, settings, service, control socket, echo agent, `service.json`. Whoever reads `service.json` can connect at once.
//!
//! Stop, within 2 s: `service.json` goes, so that nobody new comes; the control socket answers what is open with `stopping`; the echo agent says goodbye; the
//! service says goodbye to its devices and commits; the lock is released last.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use channel::address::{self, LanAddress};
use channel::clock::Clock;
use channel::service::{Config, Service, StartError};
use channel::{id, keys};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::control::server::Control;
use crate::control::verbs::{Facts, Verbs};
use crate::failure::{Failure, FailureCode};
use crate::controller::Handle;
use crate::folders::Folders;
use crate::owner::{ClaimError, Owner};
use crate::service_file::ServiceFile;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::{detect_agent, echo, logs, port_holder};

pub use channel::service::{Agent, Timing};

/// How long stopping may take.
const STOP: Duration = Duration::from_secs(2);

/// Where log lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogTo {
    /// To the log file.
    #[default]
    File,
    /// To the log file, and for a person to the standard error output.
    FileAndStderr,
    /// Nowhere new: the process logs already, or does not want to (tests).
    Nowhere,
}

/// How to start. `None` leaves the choice to the settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is kept.
    pub folders: Folders,
    /// TCP port; 0: any free one.
    pub port: Option<u16>,
    /// Whether devices of the network may connect, or only this computer's.
    pub lan: Option<bool>,
    /// Who answers; `None`: the gateway where the plugin is set up for this service, else the echo agent.
    pub agent: Option<Agent>,
    /// Name that devices see, 1 to 32 characters; `None`: the computer's.
    pub name: Option<String>,
    /// Where log lines go.
    pub log: LogTo,
    /// Waits of the service; `None`: the product's, with the answer time of the settings.
    pub timing: Option<Timing>,
    /// Whether a service that the person stopped stays stopped, and one that cannot listen keeps the program: the tray. Else starting it is what the person
    /// wants now, and what keeps it from listening keeps the program from starting.
    pub honour_intent: bool,
}

impl Options {
    /// Everything as the settings say.
    pub fn new(folders: Folders) -> Self {
        Self { folders, port: None, lan: None, agent: None, name: None, log: LogTo::File, timing: None, honour_intent: false }
    }
}

/// Why it did not start.
#[derive(Debug)]
pub enum NotStarted {
    /// Another SmartPi owns the folders: become its client. `None`: it is only just starting or stopping.
    AlreadyRunning(Option<ServiceFile>),
    /// Anything else, ready to be told.
    Failed(Failure),
}

impl From<Failure> for NotStarted {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NotStarted> for Failure {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::AlreadyRunning(file) => ClaimError::Taken(file).into(),
            NotStarted::Failed(failure) => failure,
        }
    }
}

/// A running SmartPi. Dropping it stops it, as [`Running::stop`] does.
#[derive(Debug)]
pub struct Running {
    service: Service,
    service_file: ServiceFile,
    agent: Agent,
    notes: Vec<Failure>,
    folders: Folders,
    cancel: CancellationToken,
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    handle: Handle,
    /// Dropped after everything above.
    _owner: Owner,
}

impl Running {
    /// Starts everything; blocks until it listens. Needs no async runtime: it brings its own threads.
    ///
    /// # Errors
    /// See [`NotStarted`]; then nothing runs and nothing but the folders is left behind.
    pub fn start<S: Shell>(options: Options, _shell: S) -> Result<Self, NotStarted> {
        let Options { folders, port, lan, agent, name, log, timing, honour_intent: _ } = options;
        let (handle, _said) = Handle::channel();
        folders.create().map_err(Failure::from)?;
        let owner = Owner::claim(&folders).map_err(|error| match error {
            ClaimError::Taken(file) => NotStarted::AlreadyRunning(file),
            error @ (ClaimError::Lock { .. } | ClaimError::Stale { .. }) => NotStarted::Failed(error.into()),
        })?;
        start_log(&folders, log)?;
        let settings = Settings::load(&folders.settings_file()).map_err(Failure::from)?;
        let agent = agent.unwrap_or_else(|| detect_agent::of_user(&folders.link_key()));
        let name = name.as_deref().and_then(id::clean_name).unwrap_or_else(computer_name);
        let mut notes = Vec::new();
        let wanted = if lan.unwrap_or(settings.allow_next_network) { network_addresses(&mut notes) } else { Vec::new() };
        let timing = timing
            .unwrap_or_else(|| Timing { answer: Duration::from_secs(settings.answer_after_s), ..Timing::default() });
        let config = Config {
            folder: folders.data.clone(),
            name: name.clone(),
            addresses: Vec::new(),
            agent,
            keep_text_days: settings.keep_text_days,
            timing,
        };
        let (service, lan) = start_service(config, port.unwrap_or(settings.port), wanted, &mut notes)?;
        let port = service.addresses().first().map_or(0, SocketAddr::port);
        let facts = Facts { name, agent, port, lan, data: folders.data.clone() };
        let parts =
            Parts { service: service.clone(), facts, folders: folders.clone(), cancel: CancellationToken::new() };
        let started = parts.start();
        let (service_file, cancel, ended, thread) = match started {
            Ok(started) => started,
            Err(failure) => {
                stop_alone(&service);
                return Err(NotStarted::Failed(failure));
            }
        };
        tracing::info!(port, agent = ?agent, addresses = ?service.addresses(), "listening");
        Ok(Self { service, service_file, agent, notes, folders, cancel, ended, thread: Some(thread), handle, _owner: owner })
    }

    /// What `service.json` says.
    pub fn service_file(&self) -> &ServiceFile {
        &self.service_file
    }

    /// The service, for what needs no control socket: notices.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// How the desktop talks to the controller.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until the program shall end, because somebody asked for it (`quit`).
    ///
    /// # Errors
    /// The service ended by itself: what it could not survive is in the log.
    pub async fn ended(&self) -> Result<(), Failure> {
        self.service.ended().await;
        Err(Failure::bare(FailureCode::Internal))
    }

    /// Who answers.
    pub fn agent(&self) -> Agent {
        self.agent
    }

    /// What did not go as wished but kept nothing from starting, such as a network that is not there.
    pub fn notes(&self) -> &[Failure] {
        &self.notes
    }

    /// Stops everything; blocks at most 2 s.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = ServiceFile::remove(&self.folders.service_file()) {
            tracing::warn!(%error, "service.json stays behind");
        }
        self.cancel.cancel();
        // `ended` closes when the thread ends, however it ends.
        match self.ended.recv_timeout(STOP) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                tracing::warn!("stopping took too long; what was committed is safe")
            }
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => {
                if let Some(thread) = self.thread.take() {
                    let _ = thread.join();
                }
                tracing::info!("stopped");
            }
        }
    }
}

fn start_log(folders: &Folders, log: LogTo) -> Result<(), Failure> {
    let level = logs::level(std::env::var("SMARTPI_LOG").ok().as_deref());
    match log {
        LogTo::Nowhere => Ok(()),
        LogTo::File => logs::start(&folders.log_file(), level, false).map_err(Failure::from),
        LogTo::FileAndStderr => logs::start(&folders.log_file(), level, true).map_err(Failure::from),
    }
}

/// Private addresses of this computer; a note where there are none.
fn network_addresses(notes: &mut Vec<Failure>) -> Vec<LanAddress> {
    let picked = match address::interfaces() {
        Ok(interfaces) => address::pick(&interfaces),
        Err(error) => {
            notes.push(Failure::caused(FailureCode::InterfacesUnreadable, &error));
            return Vec::new();
        }
    };
    if picked.is_empty() {
        notes.push(Failure::bare(FailureCode::NoPrivateAddress));
    }
    picked
}

/// Listens on the loopback and on each of the network's addresses that the system gives; one that it refuses (an interface that just went away) becomes a
/// note.
fn start_service(
    config: Config,
    port: u16,
    mut lan: Vec<LanAddress>,
    notes: &mut Vec<Failure>,
) -> Result<(Service, Vec<LanAddress>), Failure> {
    loop {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let addresses =
            std::iter::once(loopback).chain(lan.iter().map(|lan| lan.ip)).map(|ip| SocketAddr::new(ip, port)).collect();
        let error = match Service::start(Config { addresses, ..config.clone() }) {
            Ok(service) => return Ok((service, lan)),
            Err(error) => error,
        };
        let refused = if let StartError::Bind { address, .. } = &error {
            lan.iter().position(|lan| lan.ip == address.ip())
        } else {
            None
        };
        let Some(refused) = refused else { return Err(start_failure(error)) };
        lan.remove(refused);
        notes.push(start_failure(error));
    }
}

fn start_failure(error: StartError) -> Failure {
    let StartError::AddressInUse { address } = error else { return error.into() };
    let mut detail = json!({ "port": address.port() });
    if let Some(holder) = port_holder::find(address.port()) {
        detail["holder"] = json!({ "pid": holder.pid, "name": holder.name });
    }
    if let Some(free) = port_holder::free_after(address.port()) {
        detail["offer"] = free.into();
    }
    Failure::with(FailureCode::PortInUse, detail)
}

/// What runs beside the service, on a thread of its own.
struct Parts {
    service: Service,
    facts: Facts,
    folders: Folders,
    cancel: CancellationToken,
}

type Started = (ServiceFile, CancellationToken, mpsc::Receiver<()>, JoinHandle<()>);

impl Parts {
    fn start(self) -> Result<Started, Failure> {
        let not_started = |error: std::io::Error| Failure::caused(FailureCode::NotStarted, &error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(not_started)?;
        let control = {
            let _entered = runtime.enter();
            Control::listen(&self.folders.data)?
        };
        let service_file = ServiceFile {
            port: self.facts.port,
            pid: std::process::id(),
            started_ms: Clock::start().wall_ms(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            control: control.place().to_owned(),
        };
        let echo = match self.facts.agent {
            Agent::Gateway => None,
            Agent::Echo => {
                let link_key = keys::load_or_create(&self.folders.link_key()).map_err(StartError::from)?;
                Some(echo::Config::new(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.facts.port), link_key))
            }
        };
        let path = self.folders.service_file();
        let cancel = self.cancel.clone();
        let (ending, ended) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("smartpi-desk".to_owned())
            .spawn(move || {
                self.run(&runtime, control, echo);
                drop(ending);
            })
            .map_err(not_started)?;
        if let Err(error) = service_file.write(&path) {
            cancel.cancel();
            let _ = thread.join();
            return Err(Failure::caused(FailureCode::ServiceFileNotWritten, &error));
        }
        Ok((service_file, cancel, ended, thread))
    }

    /// Until the end of everything, the service's included.
    fn run(self, runtime: &Runtime, control: Control, echo: Option<echo::Config>) {
        let Self { service, facts, cancel, .. } = self;
        runtime.block_on(async {
            let echoing = echo.map(|config| tokio::spawn(echo::run(config, cancel.clone())));
            let verbs = Arc::new(Verbs { service: service.clone(), facts });
            control.serve(verbs, cancel).await;
            if let Some(echoing) = echoing {
                let _ = tokio::time::timeout(STOP / 4, echoing).await;
            }
            service.stop().await;
        });
    }
}

/// Stops a service beside which nothing runs.
fn stop_alone(service: &Service) {
    let service = service.clone();
    let stopping =
        std::thread::spawn(move || match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => {
                let _ = runtime.block_on(async { tokio::time::timeout(STOP, service.stop()).await });
            }
            Err(error) => tracing::error!(%error, "the service could not be stopped"),
        });
    let _ = stopping.join();
}

/// What the person called this computer, as far as it is a name for devices.
fn computer_name() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(mac_name)
        .unwrap_or_default();
    let short: String = named.trim().chars().take(32).collect();
    id::clean_name(&short).unwrap_or_else(|| "SmartPi".to_owned())
}

fn mac_name() -> Option<String> {
    if !cfg!(target_os = "macos") {
        return None;
    }
    let named = std::process::Command::new("/usr/sbin/scutil").args(["--get", "ComputerName"]).output().ok()?;
    String::from_utf8(named.stdout).ok().filter(|name| !name.trim().is_empty())
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
