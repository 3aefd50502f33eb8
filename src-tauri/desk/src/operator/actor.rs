//! The loop behind an [`Operator`](super::Operator): one link while the person wishes it, orders for it, and what is to be seen of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use channel::clock::Clock;
use gateway::{Client, ConnectFailure, GatewayEvent, Handle, Introduction, Link, RequestId, Seen, State, Token};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};

use super::owner::Owner;
use super::routing::Line;
use super::surroundings::{self, Found};
use super::{Change, Order, translation};
use crate::control::answer::{GatewayCleared, GatewayDevices, PairingRequest};
use crate::failure::{Failure, FailureCode};
use crate::redact;
use crate::secrets::Vault;
use crate::view::{GatewayState, GatewayView};

/// Everything that this app will ever ask for: a gateway makes the device token anew when scopes grow.
const SCOPES: [&str; 4] = ["operator.admin", "operator.pairing", "operator.read", "operator.write"];
/// Between two looks at the devices while one event follows the other.
const GATHER: Duration = Duration::from_millis(300);
/// After this long without the configuration, or the key, it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

pub(super) struct Actor {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) view: watch::Sender<GatewayView>,
    pub(super) vault: Vault,
    /// What this app is called there: no two computers, and no two users of one, have the same name.
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) live: Option<Live>,
    /// When to look for the configuration or the key again. Only while the person wishes a connection and there is no link.
    pub(super) look_again: Option<tokio::time::Instant>,
    /// When to ask for the devices again.
    pub(super) ask_again: Option<tokio::time::Instant>,
}

/// A link to one gateway.
pub(super) struct Live {
    handle: Handle,
    seen: watch::Receiver<Seen>,
    events: broadcast::Receiver<GatewayEvent>,
    doubt: watch::Receiver<Option<Failure>>,
    device_id: String,
    url: String,
}

/// What woke the loop.
enum Woken {
    Order(Option<Order>),
    Seen,
    Event(Result<GatewayEvent, RecvError>),
    AskAgain,
    LookAgain,
}

impl Actor {
    pub(super) async fn run(mut self, wished: bool) {
        if wished {
            self.connect().await;
        }
        loop {
            match self.wait().await {
                Woken::Order(Some(order)) => self.take(order).await,
                Woken::Order(None) => return,
                Woken::Seen => self.see(),
                Woken::Event(event) => self.hear(event),
                Woken::AskAgain => self.read_devices().await,
                Woken::LookAgain => self.connect().await,
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let Self { orders, live, ask_again, look_again, .. } = self;
        tokio::select! {
            order = orders.recv() => Woken::Order(order),
            woken = from_link(live.as_mut()) => woken,
            () = at(*ask_again) => Woken::AskAgain,
            () = at(*look_again) => Woken::LookAgain,
        }
    }

    async fn take(&mut self, order: Order) {
        match order {
            Order::Wish(true) => match &self.live {
                // A person says that it may be different now.
                Some(live) => live.handle.start().await,
                None => self.connect().await,
            },
            Order::Wish(false) => self.disconnect(),
            Order::Nudge => {
                let state = self.view.borrow().state;
                match &self.live {
                    Some(live) if matches!(state, GatewayState::Waiting | GatewayState::Stuck) => {
                        live.handle.start().await
                    }
                    None if self.look_again.is_some() => self.connect().await,
                    Some(_) | None => {}
                }
            }
            Order::Devices(reply) => {
                let answer = self.devices().await;
                let _ = reply.send(answer);
            }
            Order::Line(reply) => {
                let _ = reply.send(self.line());
            }
            Order::Change(change, reply) => {
                let answer = self.change(change).await;
                self.ask_soon();
                let _ = reply.send(answer);
            }
            Order::Clear(devices, reply) => {
                let answer = self.clear(devices).await;
                self.ask_soon();
                let _ = reply.send(answer);
            }
        }
    }

    /// Finds the gateway and the key, and keeps a link from then on.
    async fn connect(&mut self) {
        self.look_again = None;
        self.show(GatewayState::Connecting, None);
        match self.link().await {
            Ok(live) => {
                self.view.send_modify(|view| view.url = Some(live.url.clone()));
                self.live = Some(live);
                self.see();
            }
            Err(failure) => {
                self.show(GatewayState::Stuck, Some(failure));
                self.look_again = Some(tokio::time::Instant::now() + LOOK_AGAIN);
            }
        }
    }

    async fn link(&self) -> Result<Live, Failure> {
        let found = surroundings::find().await?;
        let identity = self.vault.identity().await?;
        let url = found.address.url();
        let token = self.vault.gateway_token(&url).await?;
        learn(&found, token.as_ref());
        let device_id = identity.device_id().to_owned();
        let introduction = Introduction {
            display_name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scopes: SCOPES.map(str::to_owned).to_vec(),
        };
        let (doubt_seen, doubt) = watch::channel(None);
        let link = Link::new(found.address.clone(), token, found.secret.clone());
        let owner = Owner { found, vault: self.vault.clone(), doubt: Arc::new(doubt_seen) };
        let handle = gateway::keep_connected(link, introduction, identity, owner);
        let (seen, events) = (handle.seen(), handle.events());
        Ok(Live { handle, seen, events, doubt, device_id, url })
    }

    fn disconnect(&mut self) {
        (self.live, self.look_again, self.ask_again) = (None, None, None);
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
        let doubt = live.doubt.borrow().clone();
        match state {
            State::Off => self.show(GatewayState::Off, None),
            State::Connecting => self.show(GatewayState::Connecting, None),
            State::Online => {
                let version = client.map(|client| client.greeting().version.clone());
                self.view.send_if_modified(|view| std::mem::replace(&mut view.version, version.clone()) != version);
                self.show(GatewayState::Online, None);
                self.ask_soon();
            }
            State::Waiting { until, failure } => {
                let wait = until.saturating_duration_since(Instant::now()).as_millis();
                let retry_ms = self.clock.wall_ms().saturating_add(i64::try_from(wait).unwrap_or(i64::MAX));
                self.show(GatewayState::Waiting, Some(told(&failure, doubt)));
                self.view.send_modify(|view| view.retry_ms = Some(retry_ms));
            }
            State::Paused { failure, .. } => self.show(GatewayState::Stuck, Some(told(&failure, doubt))),
        }
    }

    fn show(&mut self, state: GatewayState, failure: Option<Failure>) {
        let now_ms = self.clock.wall_ms();
        self.view.send_if_modified(|view| {
            let before = view.clone();
            if view.state != state {
                (view.state, view.since_ms) = (state, now_ms);
                view.devices_revision += 1;
                view.agents_revision += 1;
            }
            (view.failure, view.retry_ms) = (failure, None);
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

    async fn read_devices(&mut self) {
        self.ask_again = None;
        let Ok(client) = self.client() else { return };
        match client.devices().await {
            Ok(list) => self.seen_pending(translation::requests(&list)),
            // What it may not see, or cannot answer now, is shown to whoever opens the page.
            Err(error) => tracing::info!(%error, "the gateway's devices cannot be read"),
        }
    }

    fn seen_pending(&self, pending: Vec<PairingRequest>) {
        self.view.send_modify(|view| {
            view.pending = pending;
            view.devices_revision += 1;
        });
    }

    fn client(&self) -> Result<Client, Failure> {
        let Some(live) = &self.live else {
            let code = if self.look_again.is_some() { FailureCode::GatewayNotOnline } else { FailureCode::GatewayOff };
            return Err(Failure::bare(code));
        };
        live.handle.client().ok_or_else(|| Failure::bare(FailureCode::GatewayNotOnline))
    }

    fn line(&self) -> Result<Line, Failure> {
        self.client()?;
        let seen = self.live.as_ref().map(|live| Line(live.seen.clone()));
        seen.ok_or_else(|| Failure::bare(FailureCode::GatewayOff))
    }

    fn ours(&self) -> &str {
        self.live.as_ref().map_or("", |live| &live.device_id)
    }

    async fn devices(&self) -> Result<GatewayDevices, Failure> {
        let client = self.client()?;
        let list = client.devices().await.map_err(|error| translation::of_request(&error))?;
        Ok(translation::devices(&list, self.ours(), client.greeting().knows("device.pair.rename")))
    }

    async fn change(&self, change: Change) -> Result<(), Failure> {
        let client = self.client()?;
        let request = |id: &str| RequestId::parse(id).ok_or_else(|| Failure::bare(FailureCode::GatewayRequestUnknown));
        let done = match &change {
            Change::Approve { request_id } => client.approve(&request(request_id)?).await.map(drop),
            Change::Reject { request_id } => client.reject(&request(request_id)?).await,
            Change::Remove { device_id } => client.remove(self.other(device_id)?).await,
            Change::Rename { device_id, name } => client.rename(device_id, named(name)?).await,
            Change::Rotate { device_id, role } => client.rotate(self.other(device_id)?, role, None).await.map(drop),
            Change::Revoke { device_id, role } => client.revoke(self.other(device_id)?, role).await,
        };
        match &done {
            Ok(()) => tracing::info!(?change, "a person changed the gateway's devices"),
            Err(error) => tracing::info!(?change, %error, "the gateway's devices were not changed"),
        }
        done.map_err(|error| translation::of_request(&error))
    }

    /// A device of the gateway that is not this app.
    fn other<'a>(&self, device_id: &'a str) -> Result<&'a str, Failure> {
        if device_id == self.ours() { Err(Failure::bare(FailureCode::GatewayOurselves)) } else { Ok(device_id) }
    }

    /// Everybody but this app, which goes by [`Order::Wish`].
    async fn clear(&self, devices: bool) -> Result<GatewayCleared, Failure> {
        let client = self.client()?;
        let failed = |error: gateway::RequestError| translation::of_request(&error);
        let list = client.devices().await.map_err(failed)?;
        let mut cleared = GatewayCleared { removed: 0, rejected: 0 };
        for pending in &list.pending {
            match client.reject(&pending.request_id).await {
                Ok(()) => cleared.rejected += 1,
                // Somebody decided it in between.
                Err(gateway::RequestError::UnknownRequest) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let others = list.paired.iter().filter(|paired| devices && paired.device_id != self.ours());
        for paired in others {
            match client.remove(&paired.device_id).await {
                Ok(()) => cleared.removed += 1,
                Err(gateway::RequestError::UnknownDevice) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        tracing::info!(?cleared, "a person cleared the gateway's devices");
        Ok(cleared)
    }
}

/// The look at the listener knows better than the link why there is no proof.
fn told(failure: &ConnectFailure, doubt: Option<Failure>) -> Failure {
    let told = translation::of_connecting(failure);
    doubt.filter(|_| told.code == FailureCode::GatewayUnproven).unwrap_or(told)
}

/// From here on nobody writes them down.
fn learn(found: &Found, token: Option<&Token>) {
    let shared = match &found.secret {
        Some(gateway::Shared::Token(secret) | gateway::Shared::Password(secret)) => Some(secret),
        None => None,
    };
    for secret in [shared, token].into_iter().flatten() {
        redact::here().learn_passing(secret.reveal().as_bytes());
    }
}

fn named(name: &str) -> Result<&str, Failure> {
    let name = name.trim();
    let good = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    good.then_some(name).ok_or_else(|| Failure::with(FailureCode::BadRequest, "a name has 1 to 64 characters"))
}

async fn from_link(live: Option<&mut Live>) -> Woken {
    let Some(live) = live else { return std::future::pending().await };
    tokio::select! {
        changed = live.seen.changed() => match changed {
            Ok(()) => Woken::Seen,
            Err(_) => Woken::Event(Err(RecvError::Closed)),
        },
        event = live.events.recv() => Woken::Event(event),
    }
}

async fn at(when: Option<tokio::time::Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
