//! From what is known to what runs: the thread that everything lives on but the service.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use channel::clock::Clock;
use channel::id;
use channel::service::{Agent, Config, Service, Timing};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Lan, Options, STOP};
use crate::control::server::Control;
use crate::control::verbs::Verbs;
use crate::controller::{self, Controller, Desk, End, Handle, Moved, Start};
use crate::detect_agent;
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::language::Language;
use crate::networks::{self, Permit, Present};
use crate::operator::Operator;
use crate::redact;
use crate::repair::Workshop;
use crate::secrets::Vault;
use crate::service_file::ServiceFile;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::state::State;
use crate::state::facts::Basics;

/// What is known before anything runs.
pub(super) struct Ground {
    folders: Folders,
    settings: Settings,
    honour_intent: bool,
    agent: Agent,
    agent_fixed: bool,
    name: String,
    network: Present,
    permit: Permit,
    run: bool,
    port: u16,
    timing: Timing,
    notes: Vec<Failure>,
    keyring: bool,
}

/// What runs.
pub(super) struct Started {
    pub(super) service: Service,
    pub(super) service_file: ServiceFile,
    pub(super) notes: Vec<Failure>,
    pub(super) handle: Handle,
    pub(super) cancel: CancellationToken,
    pub(super) asked: watch::Receiver<Option<End>>,
    pub(super) ended: mpsc::Receiver<()>,
    pub(super) thread: JoinHandle<()>,
}

impl Ground {
    /// Reads what is needed; starts nothing, waits for nobody.
    pub(super) fn lay(options: Options, mut settings: Settings) -> Result<Self, Failure> {
        let Options { folders, port, lan, agent, name, log: _, timing, honour_intent, keyring } = options;
        let mut notes = Vec::new();
        let network = networks::look().unwrap_or_else(|error| {
            notes.push(Failure::caused(FailureCode::InterfacesUnreadable, &error));
            Present::default()
        });
        let fresh = match lan {
            Lan::AsDecided | Lan::NotNow => settings.allow_next_network.then_some(true),
            Lan::Decide(allowed) => Some(allowed),
        };
        let mut permit = Permit { fresh, only_here: lan == Lan::NotNow };
        if permit.remember(&network, &mut settings)
            && let Err(error) = settings.save(&folders.settings_file())
        {
            notes.push(error.into());
        }
        if lan == Lan::Decide(true) && network.addresses.is_empty() && notes.is_empty() {
            notes.push(Failure::bare(FailureCode::NoPrivateAddress));
        }
        let timing = timing
            .unwrap_or_else(|| Timing { answer: Duration::from_secs(settings.answer_after_s), ..Timing::default() });
        Ok(Self {
            agent: agent.unwrap_or_else(|| detect_agent::of_user(&folders.link_key())),
            agent_fixed: agent.is_some(),
            name: name.as_deref().and_then(id::clean_name).unwrap_or_else(computer_name),
            run: !(honour_intent && settings.stopped),
            port: port.unwrap_or(settings.port),
            folders,
            settings,
            honour_intent,
            network,
            permit,
            timing,
            notes,
            keyring,
        })
    }

    /// Starts everything on a thread of its own, which the caller waits for until it is known how that went.
    pub(super) fn start<S: Shell>(self, shell: S) -> Result<Started, Failure> {
        let (ending, ended) = mpsc::channel();
        let (told, beginning) = mpsc::channel();
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let thread = std::thread::Builder::new()
            .name("smartpi-desk".to_owned())
            .spawn(move || {
                match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime.block_on(self.live(shell, stop, told)),
                    // Who waits for the start is there until it is told.
                    Err(error) => drop(told.send(Err(not_started(error)))),
                }
                drop(ending);
            })
            .map_err(not_started)?;
        match beginning.recv() {
            Ok(Ok(Begun { service, service_file, notes, handle, asked })) => {
                Ok(Started { service, service_file, notes, handle, asked, cancel, ended, thread })
            }
            Ok(Err(failure)) => {
                let _ = thread.join();
                Err(failure)
            }
            // It panicked; the log names the place.
            Err(mpsc::RecvError) => Err(Failure::bare(FailureCode::Internal)),
        }
    }

    /// The whole life, on the thread.
    async fn live<S: Shell>(self, shell: S, cancel: CancellationToken, told: mpsc::Sender<Result<Begun, Failure>>) {
        match self.begin(shell).await {
            Ok((parts, begun, ask)) => {
                // Who waits for the start is there until it is told.
                let _ = told.send(Ok(begun));
                parts.run(cancel, ask).await;
            }
            Err(failure) => drop(told.send(Err(failure))),
        }
    }

    /// Devices are accepted before anything else is started.
    async fn begin<S: Shell>(mut self, shell: S) -> Result<Beginning<S>, Failure> {
        let config = Config {
            folder: self.folders.data.clone(),
            name: self.name.clone(),
            addresses: Vec::new(),
            agent: self.agent,
            keep_text_days: self.settings.keep_text_days,
            timing: self.timing,
        };
        let service = Service::start(config)?;
        redact::learn_keys(&self.folders.data);
        self.notes.extend(service.restored().map(|restored| Failure::from(&*restored)));
        let permission = self.permit.permission(&self.network, &self.settings);
        let addresses = controller::wanted(self.run, self.port, permission, &self.network.addresses);
        let first = controller::go(service.clone(), addresses).await;
        let begun = match &first.failure {
            // A person who starts it in a terminal is told there; the tray has a window to tell and to choose in.
            Some(failure) if !self.honour_intent => Err(failure.clone()),
            Some(_) | None => {
                self.notes.extend(first.refused.iter().map(|(_, failure)| failure.clone()));
                self.begin_beside(&service, first, shell)
            }
        };
        if begun.is_err() {
            let _ = tokio::time::timeout(STOP, service.stop()).await;
        }
        begun
    }

    /// The control socket, `service.json`, the controller.
    fn begin_beside<S: Shell>(self, service: &Service, first: Moved, shell: S) -> Result<Beginning<S>, Failure> {
        let control = Control::listen(&self.folders.data)?;
        let port = first.listening.first().map_or(self.port, SocketAddr::port);
        let now_ms = Clock::start().wall_ms();
        let service_file = ServiceFile {
            port,
            pid: std::process::id(),
            started_ms: now_ms,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            control: control.place().to_owned(),
        };
        let path = self.folders.service_file();
        service_file.write(&path).map_err(|error| Failure::caused(FailureCode::ServiceFileNotWritten, &error))?;
        tracing::info!(port, agent = ?self.agent, addresses = ?first.listening, "started");
        let basics = Basics {
            name: self.name,
            system: Language::of_user(),
            desktop: shell.is_desktop(),
            data_dir: self.folders.data.display().to_string(),
            log_file: self.folders.log_file().display().to_string(),
        };
        let state = State::begin(&basics, &self.settings, self.agent, now_ms);
        let (handle, said) = Handle::channel();
        let look_at_keyring = self.keyring && shell.is_desktop();
        let vault = Vault::new(&self.folders.data, self.settings.secrets_in_file);
        let operator =
            Operator::start(self.settings.gateway, self.settings.gateway_elsewhere.clone(), &vault, &basics.name);
        let workshop = Workshop::open(&operator, &vault, &basics.name, &self.folders.data);
        let (controller, desk) = Controller::new(Start {
            shell,
            service: service.clone(),
            folders: self.folders.clone(),
            service_file: service_file.clone(),
            settings: self.settings,
            system: basics.system,
            state,
            agent: self.agent,
            agent_fixed: self.agent_fixed,
            network: self.network,
            permit: self.permit,
            run: self.run,
            port: self.port,
            first,
            said,
            vault,
            look_at_keyring,
            operator: operator.clone(),
            workshop: workshop.clone(),
        });
        let (ask, asked) = watch::channel(None);
        let begun = Begun { service: service.clone(), service_file, notes: self.notes, handle, asked };
        let parts =
            Parts { folders: self.folders, service: service.clone(), control, controller, desk, operator, workshop };
        Ok((parts, begun, ask))
    }
}

/// What the thread lives by, what its starter gets, and where it says that it shall end.
type Beginning<S> = (Parts<S>, Begun, watch::Sender<Option<End>>);

/// What the starter gets of the thread.
struct Begun {
    service: Service,
    service_file: ServiceFile,
    notes: Vec<Failure>,
    handle: Handle,
    asked: watch::Receiver<Option<End>>,
}

/// What runs beside the service.
struct Parts<S> {
    folders: Folders,
    service: Service,
    control: Control,
    controller: Controller<S>,
    desk: Desk,
    operator: Operator,
    workshop: Workshop,
}

impl<S: Shell> Parts<S> {
    /// Until the end of everything, the service's included.
    async fn run(self, cancel: CancellationToken, ask: watch::Sender<Option<End>>) {
        let Self { folders, service, control, controller, desk, operator, workshop } = self;
        let verbs = Arc::new(Verbs { service: service.clone(), desk, folders: folders.clone(), operator, workshop });
        let answering = tokio::spawn(control.serve(verbs, cancel.clone()));
        let (mut shell, end) = controller.run(cancel.clone()).await;
        // First of all: nobody new shall come.
        if let Err(error) = ServiceFile::remove(&folders.service_file()) {
            tracing::warn!(%error, "service.json stays behind");
        }
        cancel.cancel();
        // What is open is answered; a panic of it is in the log already.
        let _ = answering.await;
        service.stop().await;
        ask.send_replace(Some(end));
        shell.quit();
    }
}

fn not_started(error: std::io::Error) -> Failure {
    Failure::caused(FailureCode::NotStarted, &error)
}

/// What the person called this computer, as far as it is a name for devices.
pub(crate) fn computer_name() -> String {
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
