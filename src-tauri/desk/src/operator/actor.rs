//! The loop behind an [`Operator`](super::Operator): one link while the person wishes it, orders for it, and what is to be seen of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use channel::clock::Clock;
use gateway::{ConnectFailure, GatewayEvent, Introduction, Link, Remedy, State};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::change::Desk;
use super::elsewhere::Aim;
use super::owner::Owner;
use super::routing::Line;
use super::surroundings;
use super::woken::{Done, Live, Woken, at, from_link};
use super::{Attempt, Order, Standing, translation};
use crate::control::answer::PairingRequest;
use crate::failure::{Failure, FailureCode};
use crate::secrets::Vault;
use crate::view::{GatewayState, GatewayView};

/// Between two looks at the devices while one event follows the other.
const GATHER: Duration = Duration::from_millis(300);
/// After this long without the configuration, or the key, it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

pub(super) struct Actor {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) view: watch::Sender<GatewayView>,
    pub(super) aim: Aim,
    pub(super) vault: Vault,
    pub(super) introduction: Introduction,
    pub(super) clock: Clock,
    /// Whether the person wishes a connection.
    pub(super) wished: bool,
    /// A repair connects by itself: there is no link meanwhile.
    pub(super) aside: bool,
    pub(super) live: Option<Live>,
    /// Rises whenever a link is begun or ended: what was begun for an earlier one does not count.
    pub(super) turn: u64,
    /// What goes on beside the loop.
    pub(super) work: JoinSet<Done>,
    /// When to look for the configuration or the key again. Only while the person wishes a connection and there is no link.
    pub(super) look_again: Option<tokio::time::Instant>,
    /// When to ask for the devices again.
    pub(super) ask_again: Option<tokio::time::Instant>,
}

impl Actor {
    pub(super) async fn run(mut self) {
        if self.wished {
            self.connect();
        }
        loop {
            match self.wait().await {
                Woken::Order(Some(order)) => self.take(order).await,
                Woken::Order(None) => return,
                Woken::Done(done) => self.done(done),
                Woken::Seen => self.see(),
                Woken::Event(event) => self.hear(event),
                Woken::AskAgain => self.read_devices(),
                Woken::LookAgain => self.connect(),
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let Self { orders, live, work, ask_again, look_again, .. } = self;
        tokio::select! {
            order = orders.recv() => Woken::Order(order),
            Some(done) = work.join_next() => Woken::Done(done.unwrap_or_else(|error| {
                tracing::error!(%error, "a piece of work for the gateway ended badly");
                Done::Nothing
            })),
            woken = from_link(live.as_mut()) => woken,
            () = at(*ask_again) => Woken::AskAgain,
            () = at(*look_again) => Woken::LookAgain,
        }
    }

    async fn take(&mut self, order: Order) {
        match order {
            Order::Wish(true) => {
                self.wished = true;
                match &self.live {
                    // A person says that it may be different now.
                    Some(live) => live.handle.start().await,
                    None => self.connect(),
                }
            }
            Order::Wish(false) => {
                self.wished = false;
                self.disconnect();
            }
            Order::Moved => {
                self.view.send_modify(|view| view.url = None);
                if self.wished {
                    self.connect();
                }
            }
            Order::Nudge => {
                let state = self.view.borrow().state;
                match &self.live {
                    Some(live) if matches!(state, GatewayState::Waiting | GatewayState::Stuck) => {
                        live.handle.start().await
                    }
                    None if self.look_again.is_some() => self.connect(),
                    Some(_) | None => {}
                }
            }
            Order::Devices(reply) => {
                self.beside(reply, Done::Nothing, |desk| async move { desk.devices().await });
            }
            Order::Line(reply) => drop(reply.send(self.line())),
            Order::Change(change, reply) => {
                self.beside(reply, Done::Changed, |desk| async move { desk.change(change).await });
            }
            Order::Clear(devices, reply) => {
                self.beside(reply, Done::Changed, |desk| async move { desk.clear(devices).await });
            }
            Order::Standing(reply) => drop(reply.send(self.standing())),
            Order::StepAside(reply) => {
                self.aside = true;
                if self.wished {
                    self.let_go();
                    self.show(GatewayState::Connecting, None, None);
                }
                let _ = reply.send(());
            }
            Order::Return => {
                self.aside = false;
                if self.wished {
                    self.connect();
                }
            }
        }
    }

    /// Asks the gateway, and answers whoever asked.
    fn beside<T: Send + 'static, F: Future<Output = Result<T, Failure>> + Send + 'static>(
        &mut self,
        reply: oneshot::Sender<Result<T, Failure>>,
        then: Done,
        ask: impl FnOnce(Desk) -> F,
    ) {
        match self.desk() {
            Ok(desk) => {
                let asking = ask(desk);
                self.work.spawn(async move {
                    // Who has gone away does not want to know.
                    let _ = reply.send(asking.await);
                    then
                });
            }
            Err(failure) => drop(reply.send(Err(failure))),
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Linked(turn, linked) if turn == self.turn => match *linked {
                Ok(live) => {
                    self.view.send_modify(|view| view.url = Some(live.url.clone()));
                    self.live = Some(live);
                    self.see();
                }
                Err(failure) => {
                    self.show(GatewayState::Stuck, Some(failure), None);
                    self.look_again = Some(tokio::time::Instant::now() + LOOK_AGAIN);
                }
            },
            Done::Asking(turn, pending) if turn == self.turn => self.seen_pending(pending),
            Done::Changed => self.ask_soon(),
            Done::Linked(..) | Done::Asking(..) | Done::Nothing => {}
        }
    }

    /// Finds the gateway and the key, and keeps a link from then on.
    fn connect(&mut self) {
        if self.aside {
            return;
        }
        self.let_go();
        self.show(GatewayState::Connecting, None, None);
        let (aim, vault, introduction) = (self.aim.clone(), self.vault.clone(), self.introduction.clone());
        let turn = self.turn;
        self.work.spawn(async move { Done::Linked(turn, Box::new(link(aim, vault, introduction).await)) });
    }

    /// No link, and nothing that would bring one.
    fn let_go(&mut self) {
        (self.live, self.look_again, self.ask_again) = (None, None, None);
        self.turn += 1;
    }

    fn disconnect(&mut self) {
        self.let_go();
        let since_ms = self.clock.wall_ms();
        self.view.send_modify(|view| {
            let (devices_revision, agents_revision) = (view.devices_revision + 1, view.agents_revision + 1);
            *view = GatewayView { devices_revision, agents_revision, ..GatewayView::off(since_ms) };
        });
    }

    /// What the link says now.
    fn see(&mut self) {
        let Some(live) = &mut self.live else { return };
        let (state, client) = {
            let seen = live.seen.borrow_and_update();
            (seen.state.clone(), seen.client.clone())
        };
        let (doubt, elsewhere) = (live.doubt.borrow().clone(), live.elsewhere);
        let told = |failure: &ConnectFailure, doubt, awaits_proof| {
            if elsewhere {
                translation::of_connecting_elsewhere(failure)
            } else {
                translation::of_link(failure, doubt, awaits_proof)
            }
        };
        match state {
            State::Off => self.show(GatewayState::Off, None, None),
            State::Connecting => self.show(GatewayState::Connecting, None, None),
            State::Online => {
                let version = client.map(|client| client.greeting().version.clone());
                self.view.send_if_modified(|view| std::mem::replace(&mut view.version, version.clone()) != version);
                self.show(GatewayState::Online, None, None);
                self.ask_soon();
            }
            State::Waiting { until, failure } => {
                let wait = until.saturating_duration_since(Instant::now()).as_millis();
                let retry_ms = self.clock.wall_ms().saturating_add(i64::try_from(wait).unwrap_or(i64::MAX));
                self.show(GatewayState::Waiting, Some(told(&failure, doubt, false)), Some(retry_ms));
            }
            State::Paused { failure, remedy, .. } => {
                let awaits_proof = remedy == Remedy::ProveGateway;
                self.show(GatewayState::Stuck, Some(told(&failure, doubt, awaits_proof)), None);
            }
        }
    }

    fn show(&mut self, state: GatewayState, failure: Option<Failure>, retry_ms: Option<i64>) {
        let now_ms = self.clock.wall_ms();
        self.view.send_if_modified(|view| {
            let before = view.clone();
            if view.state != state {
                (view.state, view.since_ms) = (state, now_ms);
                view.devices_revision += 1;
                view.agents_revision += 1;
            }
            (view.failure, view.retry_ms) = (failure, retry_ms);
            if state != GatewayState::Online {
                view.version = None;
                view.pending.clear();
            }
            *view != before
        });
    }

    fn hear(&mut self, event: Result<GatewayEvent, RecvError>) {
        match event {
            Ok(GatewayEvent::PairRequested(_) | GatewayEvent::PairResolved { .. } | GatewayEvent::PairChanged)
            | Err(RecvError::Lagged(_)) => self.ask_soon(),
            Ok(GatewayEvent::ConfigChanged) => self.view.send_modify(|view| view.agents_revision += 1),
            Ok(GatewayEvent::Shutdown { .. } | GatewayEvent::Other { .. }) => {}
            // The link has ended, and says so itself.
            Err(RecvError::Closed) => self.disconnect(),
        }
    }

    fn ask_soon(&mut self) {
        self.ask_again.get_or_insert_with(|| tokio::time::Instant::now() + GATHER);
    }

    fn read_devices(&mut self) {
        self.ask_again = None;
        let Ok(Desk { client, .. }) = self.desk() else { return };
        let turn = self.turn;
        self.work.spawn(async move {
            match client.devices().await {
                Ok(list) => Done::Asking(turn, translation::requests(&list)),
                Err(error) => {
                    // What it may not see, or cannot answer now, is shown to whoever opens the page.
                    tracing::info!(%error, "the gateway's devices cannot be read");
                    Done::Nothing
                }
            }
        });
    }

    fn seen_pending(&self, pending: Vec<PairingRequest>) {
        self.view.send_modify(|view| {
            view.pending = pending;
            view.devices_revision += 1;
        });
    }

    fn standing(&self) -> Standing {
        let attempt = match &self.live {
            None => {
                let connecting = self.view.borrow().state == GatewayState::Connecting;
                if connecting { Attempt::UnderWay } else { Attempt::None }
            }
            Some(live) => {
                let seen = live.seen.borrow();
                match (&seen.state, &seen.client) {
                    (State::Online, Some(client)) => Attempt::Connected(client.clone()),
                    (State::Waiting { failure, .. } | State::Paused { failure, .. }, _) => {
                        Attempt::Failed(failure.clone())
                    }
                    (State::Off | State::Connecting | State::Online, _) => Attempt::UnderWay,
                }
            }
        };
        let live = self.live.as_ref();
        Standing {
            wished: self.wished,
            device_id: live.map(|live| live.device_id.clone()),
            shared: live.and_then(|live| *live.shared.borrow()),
            attempt,
        }
    }

    fn line(&self) -> Result<Line, Failure> {
        self.desk()?;
        match &self.live {
            // Asked of the very link: what is meant may have changed a moment ago.
            Some(live) if live.elsewhere => Err(Failure::bare(FailureCode::GatewayElsewhere)),
            Some(live) => Ok(Line(live.seen.clone())),
            None => Err(Failure::bare(FailureCode::GatewayOff)),
        }
    }

    fn desk(&self) -> Result<Desk, Failure> {
        let code = if self.wished { FailureCode::GatewayNotOnline } else { FailureCode::GatewayOff };
        let live = self.live.as_ref().ok_or_else(|| Failure::bare(code))?;
        let client = live.handle.client().ok_or_else(|| Failure::bare(FailureCode::GatewayNotOnline))?;
        Ok(Desk { client, ours: live.device_id.clone() })
    }
}

/// Finds the gateway and the key, and begins a link.
async fn link(aim: Aim, vault: Vault, introduction: Introduction) -> Result<Live, Failure> {
    let found = aim.find().await?;
    let identity = vault.identity().await?;
    let url = found.address.url();
    let token = vault.gateway_token(&url).await?;
    found.learn(token.as_ref());
    let device_id = identity.device_id().to_owned();
    let (doubt_seen, doubt) = watch::channel(None);
    let (shared_seen, shared) = watch::channel(found.secret.as_ref().map(surroundings::fingerprint));
    let link = Link::new(found.address.clone(), token, found.secret.clone());
    let elsewhere = found.elsewhere;
    let owner = Owner { aim, found, vault, doubt: Arc::new(doubt_seen), shared: Arc::new(shared_seen) };
    let handle = gateway::keep_connected(link, introduction, identity, owner);
    let (seen, events) = (handle.seen(), handle.events());
    Ok(Live { handle, seen, events, doubt, shared, device_id, url, elsewhere })
}
