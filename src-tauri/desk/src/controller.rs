//! The one loop that owns what the application knows, and what a desktop may tell it.
//!
//! Everything that happens is an [`Event`]; handling one changes the [`State`] by the functions of `state/`, and starts work whose end is an event again. The
//! loop waits for nobody. After each event the window's view, the tray and the notifications follow the state.

mod deadlines;
mod event;
mod following;
mod listening;
mod reply;
mod seat;
mod watching;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use channel::clock::Clock;
use channel::hub::event::Notice;
use channel::service::{Agent, Service};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::folders::Folders;
use crate::language::Language;
use crate::networks::{Permit, Present};
use crate::notices::Announcer;
use crate::operator::Operator;
use crate::page::Page;
use crate::release::Lookout;
use crate::repair::Workshop;
use crate::secrets::Vault;
use crate::service_file::ServiceFile;
use crate::settings::Settings;
use crate::shell::Shell;
use crate::state::State;
use crate::tray_menu::{TrayAction, TrayMenu};
use crate::view::View;

use deadlines::Deadlines;
pub(crate) use event::{Event, Wish};
use listening::Listening;
pub(crate) use listening::{Moved, go, wanted};
pub(crate) use reply::Reply;
use seat::Seat;

/// What a desktop tells the controller.
#[derive(Clone, Debug, PartialEq)]
pub enum ToController {
    /// A line of the tray was clicked.
    Clicked(TrayAction),
    /// A notification was clicked, or the program was started a second time: show this.
    Open(Page),
    /// Whether a tray shows the icon.
    Tray(bool),
    /// The window's process could not stay: it ended, attended or not.
    WindowEnded,
    /// The program shall end: the session ends, or the system asks politely.
    Quit,
}

/// How a desktop talks to the controller: cheap to clone, from any thread, never waits.
#[derive(Clone, Debug)]
pub struct Handle {
    to: mpsc::Sender<ToController>,
}

/// What may wait for the controller.
const WAITING: usize = 256;

impl Handle {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<ToController>) {
        let (to, said) = mpsc::channel(WAITING);
        (Self { to }, said)
    }

    /// Tells the controller. Where it has ended, or has more to hear than any person can click, nothing happens.
    pub fn send(&self, said: ToController) {
        if let Err(error) = self.to.try_send(said) {
            tracing::warn!(%error, "the controller does not hear");
        }
    }
}

/// How the control socket talks to the controller.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    /// Where events go.
    pub(crate) events: mpsc::Sender<Event>,
    /// What the window shows; whoever subscribes makes it be kept fresh.
    pub(crate) view: Arc<watch::Sender<Arc<View>>>,
}

/// What a controller begins with.
pub(crate) struct Start<S> {
    pub(crate) shell: S,
    pub(crate) service: Service,
    pub(crate) folders: Folders,
    pub(crate) service_file: ServiceFile,
    pub(crate) settings: Settings,
    pub(crate) system: Language,
    pub(crate) state: State,
    pub(crate) agent: Agent,
    /// Who chose the agent: a flag of the command line, which no install overrules.
    pub(crate) agent_fixed: bool,
    pub(crate) network: Present,
    pub(crate) permit: Permit,
    /// Whether the service shall run, and on which port.
    pub(crate) run: bool,
    pub(crate) port: u16,
    /// What the first attempt to listen gave.
    pub(crate) first: Moved,
    pub(crate) said: mpsc::Receiver<ToController>,
    /// Where secrets are kept, and whether to look at the start if the keyring works.
    pub(crate) vault: Vault,
    pub(crate) look_at_keyring: bool,
    /// This app as a device of the OpenClaw gateway.
    pub(crate) operator: Operator,
    /// What looks and repairs.
    pub(crate) workshop: Workshop,
}

/// Why the controller ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Somebody asked for it.
    Asked,
    /// The service ended by itself.
    Died,
}

/// What a trouble without a place of its own is about: a newer one replaces an older one, and success removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// An address that the system refused; which.
    Address(IpAddr),
    /// The interfaces cannot be listed.
    Interfaces,
    /// settings.json.
    Settings,
    /// service.json.
    ServiceFile,
    /// The window's process.
    Window,
    /// Starting at login.
    Autostart,
    /// The message store.
    Store,
    /// The store that took a damaged one's place.
    Restored,
    /// Damage that was found in the running store.
    Damage,
    /// The backups of it.
    Backup,
}

/// The loop and what it owns.
pub(crate) struct Controller<S> {
    shell: S,
    service: Service,
    folders: Folders,
    service_file: ServiceFile,
    settings: Settings,
    system: Language,
    state: State,
    agent: Agent,
    agent_fixed: bool,
    network: Present,
    permit: Permit,
    proven: BTreeMap<IpAddr, i64>,
    vault: Vault,
    look_at_keyring: bool,
    operator: Operator,
    workshop: Workshop,
    lookout: Lookout,
    listening: Listening,
    seat: Seat,
    announcer: Announcer,
    menu: Option<TrayMenu>,
    troubles: BTreeMap<Topic, Failure>,
    deadlines: Deadlines,
    reading: bool,
    /// Whether the service was read since it last said that something had changed.
    fresh: bool,
    /// Whether it said so since it was read last: then more may have happened than the list of devices tells.
    happened: bool,
    /// Who waits for a reading.
    watchers: Vec<oneshot::Sender<()>>,
    /// Claims whose next step is waited for.
    followed: BTreeSet<String>,
    /// Confirmations under way: what they change is shown when it is known that a person did it.
    confirming: u32,
    /// Until when a binding code is shown, ms since 1970.
    code_until_ms: i64,
    /// How often a silent router was looked for.
    looks: u32,
    /// How far the wall clock was ahead of the monotonic one at the last event, in ms.
    ahead_ms: i64,
    ending: Option<End>,
    clock: Clock,
    view: Arc<watch::Sender<Arc<View>>>,
    events: mpsc::Receiver<Event>,
    /// Keeps `events` open, and goes to work that reports more than once.
    reports: mpsc::Sender<Event>,
    said: mpsc::Receiver<ToController>,
    notices: broadcast::Receiver<Notice>,
    work: JoinSet<Event>,
    echo: Option<(u16, CancellationToken)>,
}

impl<S: Shell> Controller<S> {
    /// A controller of a service that listens, or does not, as `first` says.
    pub(crate) fn new(start: Start<S>) -> (Self, Desk) {
        let Start { shell, service, folders, service_file, settings, system, mut state, .. } = start;
        let (reports, events) = mpsc::channel(WAITING);
        let notices = service.notices();
        let clock = Clock::start();
        state.shown.app.autostart = shell.autostart();
        state.shown.secrets = start.vault.view();
        state.shown.care = start.workshop.watch().borrow().clone();
        let (view, _) = watch::channel(Arc::new(state.shown.clone()));
        let view = Arc::new(view);
        let desk = Desk { events: reports.clone(), view: Arc::clone(&view) };
        let mut controller = Self {
            shell,
            service,
            folders,
            service_file,
            lookout: Lookout::new(settings.look_for_releases),
            settings,
            system,
            state,
            agent: start.agent,
            agent_fixed: start.agent_fixed,
            network: start.network,
            permit: start.permit,
            proven: BTreeMap::new(),
            vault: start.vault,
            look_at_keyring: start.look_at_keyring,
            operator: start.operator,
            workshop: start.workshop,
            listening: Listening::new(start.run, start.port),
            seat: Seat::default(),
            announcer: Announcer::default(),
            menu: None,
            troubles: BTreeMap::new(),
            deadlines: Deadlines::default(),
            reading: false,
            fresh: false,
            happened: false,
            watchers: Vec::new(),
            followed: BTreeSet::new(),
            confirming: 0,
            code_until_ms: 0,
            looks: 0,
            ahead_ms: clock.wall_ms() - i64::try_from(clock.monotonic_ms()).unwrap_or(i64::MAX),
            ending: None,
            clock,
            view,
            events,
            reports,
            said: start.said,
            notices,
            work: JoinSet::new(),
            echo: None,
        };
        controller.moved(start.first);
        (controller, desk)
    }

    /// Until the end: asked for by `cancel`, by a person, or because the service died.
    pub(crate) async fn run(mut self, cancel: CancellationToken) -> (S, End) {
        self.watch_system();
        self.watch_secrets();
        self.watch_gateway();
        self.watch_workshop();
        self.watch_releases();
        let service = self.service.clone();
        self.work.spawn(async move {
            service.ended().await;
            Event::Died
        });
        self.follow_first();
        loop {
            let event = self.next(&cancel).await;
            self.take(event);
            if let Some(end) = self.ending {
                self.stop_echo();
                return (self.shell, end);
            }
        }
    }

    async fn next(&mut self, cancel: &CancellationToken) -> Event {
        loop {
            let due = self.deadlines.wait(self.clock.wall_ms());
            return tokio::select! {
                () = cancel.cancelled() => Event::Cancelled,
                Some(event) = self.events.recv() => event,
                Some(said) = self.said.recv() => Event::Said(said),
                Some(done) = self.work.join_next() => match done {
                    Ok(event) => event,
                    Err(error) => {
                        tracing::error!(%error, "a piece of work ended badly");
                        continue;
                    }
                },
                noticed = self.notices.recv() => match noticed {
                    Ok(notice) => {
                        self.notice_sleep();
                        self.noticed(&notice);
                        continue;
                    }
                    Err(RecvError::Lagged(_)) => Event::Behind,
                    Err(RecvError::Closed) => Event::Died,
                },
                () = due => Event::Due,
            };
        }
    }

    /// One event: the state first, then everybody who shows it.
    fn take(&mut self, event: Event) {
        self.notice_sleep();
        let before = self.state.clone();
        self.handle(event);
        self.follow(&before);
        self.tell_watchers();
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Behind => {
                self.happened = true;
                self.read_soon();
            }
            Event::Read(snapshot) => self.read(*snapshot),
            Event::Moved(moved) => self.moved(moved),
            Event::Asked(wish, reply) => self.wish(wish, reply),
            Event::Attends { pages, reply } => self.attend(pages, reply),
            Event::Left(number) => self.left(number),
            Event::Said(said) => self.hear(said),
            Event::Confirmed { result, reply } => self.confirmed(result, reply),
            Event::Secrets => self.state.shown.secrets = self.vault.view(),
            Event::Rest { change, reply } => self.change_rest(&change, reply),
            Event::Done { result, reply } => reply.send(result),
            Event::ClaimMoved(bind) => self.claim_moved(&bind),
            Event::CodeShown { until_ms } => self.code_until_ms = until_ms,
            Event::Watched(fresh) => self.watched(fresh),
            Event::NetworkMoved => self.deadlines.look_again(),
            Event::Looked(present) => self.looked(present),
            #[cfg(target_os = "linux")]
            Event::Woke => self.woke(),
            Event::AgentFound { agent, reply } => self.agent_found(agent, reply),
            Event::Gateway(view) => self.state.shown.gateway = *view,
            Event::Release(view) => self.state.shown.release = Some(*view),
            Event::Care(view) => self.state.shown.care = *view,
            Event::AgentSet(reply) => {
                reply.done();
                self.read_soon();
            }
            Event::Tested(result) => self.tested(result),
            Event::Due => self.due(),
            Event::Died => self.end(End::Died),
            Event::Cancelled => self.end(End::Asked),
        }
    }

    fn end(&mut self, end: End) {
        self.ending.get_or_insert(end);
    }

    fn now_ms(&self) -> i64 {
        self.clock.wall_ms()
    }

    fn trouble(&mut self, topic: Topic, failure: Option<Failure>) {
        match failure {
            Some(failure) => {
                tracing::warn!(code = failure.code.as_str(), ?topic, "trouble");
                self.troubles.insert(topic, failure);
            }
            None => drop(self.troubles.remove(&topic)),
        }
        self.state.shown.troubles = self.troubles.values().cloned().collect();
    }
}

#[cfg(test)]
mod tests;
