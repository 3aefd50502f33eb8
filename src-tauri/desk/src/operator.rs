//! This app as a device of the OpenClaw gateway, in the operator's role: while the person wishes it.
//!
//! Invariants:
//! - nothing of the gateway is looked at, and no key is made, before the person wished it;
//! - the gateway's own secret goes only to the process that the lock of the user's state names as the listener;
//! - this app never removes its own access by an order for another device;
//! - the loop waits for nobody: neither for the gateway nor for the keyring.

mod actor;
mod answerer;
mod change;
mod direct;
mod elsewhere;
pub(crate) mod owner;
mod routing;
pub(crate) mod surroundings;
mod translation;
mod woken;

use std::sync::Arc;

use channel::clock::Clock;
use gateway::config::{Backups, RpcStore};
use gateway::{Client, ConnectFailure, Introduction};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

pub use change::Change;
pub use direct::{Direct, Way};
pub(crate) use elsewhere::{Aim, typed};
pub(crate) use routing::{carry_out, read_out};
pub(crate) use translation::{of_connecting, of_request};

use crate::control::answer::{
    GatewayAgents, GatewayChosen, GatewayCleared, GatewayDevices, GatewayLook, RoutePlan, Routed,
};
use crate::control::request::{GatewayChoice, GatewaySecret};
use crate::failure::{Failure, FailureCode};
use crate::noted::Answerer;
use crate::secrets::Vault;
use crate::settings::OtherGateway;
use crate::view::GatewayView;

/// Orders that may wait.
const WAITING: usize = 64;
/// Everything that this app will ever ask for: a gateway makes the device token anew when scopes grow.
const SCOPES: [&str; 4] = ["operator.admin", "operator.pairing", "operator.read", "operator.write"];

/// What one can ask of the gateway.
#[derive(Debug)]
enum Order {
    /// Be its device, or not any more.
    Wish(bool),
    /// Another gateway is meant now.
    Moved,
    /// It may be different now: the plugin has just come in, say.
    Nudge,
    /// Which devices it knows.
    Devices(oneshot::Sender<Result<GatewayDevices, Failure>>),
    /// The way to the gateway of this computer, for what takes longer than everybody else may wait.
    Line(oneshot::Sender<Result<routing::Line, Failure>>),
    /// Change something.
    Change(Change, oneshot::Sender<Result<(), Failure>>),
    /// Turn everybody away who asks, and remove the devices too where that is said.
    Clear(bool, oneshot::Sender<Result<GatewayCleared, Failure>>),
    /// How it stands, for whoever looks after it.
    Standing(oneshot::Sender<Standing>),
    /// No link until [`Order::Return`]: a repair connects by itself.
    StepAside(oneshot::Sender<()>),
    /// The link again, if it is wished.
    Return,
}

/// How it stands.
#[derive(Debug)]
pub(crate) struct Standing {
    /// Whether the person wishes a connection.
    pub(crate) wished: bool,
    /// Our device. `None`: no key was needed yet.
    pub(crate) device_id: Option<String>,
    /// The gateway's own secret as it is known to the link.
    pub(crate) shared: Option<care::Fingerprint>,
    /// The last attempt.
    pub(crate) attempt: Attempt,
}

/// What became of the last attempt to connect.
#[derive(Clone, Debug)]
pub(crate) enum Attempt {
    /// None was made: it is not wished, or did not come to one.
    None,
    /// It goes on.
    UnderWay,
    /// It is connected.
    Connected(Client),
    /// It failed.
    Failed(ConnectFailure),
}

/// How the rest of the program talks to it: cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    orders: mpsc::Sender<Order>,
    view: watch::Receiver<GatewayView>,
    aim: Aim,
    vault: Vault,
    introduction: Introduction,
}

impl Operator {
    /// Starts it; needs a tokio runtime. `name`: what devices call this computer.
    pub(crate) fn start(wished: bool, other: Option<OtherGateway>, vault: &Vault, name: &str) -> Self {
        let clock = Clock::start();
        let (orders, waiting) = mpsc::channel(WAITING);
        let (view, seen) = watch::channel(GatewayView::off(clock.wall_ms()));
        let (aim, introduction) = (Aim::new(other, vault), introduction(name));
        let actor = actor::Actor {
            orders: waiting,
            view,
            aim: aim.clone(),
            vault: vault.clone(),
            introduction: introduction.clone(),
            clock,
            wished,
            aside: false,
            live: None,
            turn: 0,
            work: JoinSet::new(),
            look_again: None,
            ask_again: None,
        };
        tokio::spawn(actor.run());
        Self { orders, view: seen, aim, vault: vault.clone(), introduction }
    }

    /// How it stands, now and whenever that changes.
    pub(crate) fn watch(&self) -> watch::Receiver<GatewayView> {
        self.view.clone()
    }

    /// Be a device of the gateway, or not any more.
    pub(crate) fn wish(&self, on: bool) {
        if let Err(error) = self.orders.try_send(Order::Wish(on)) {
            tracing::warn!(%error, "the gateway's client does not hear");
        }
    }

    /// Which gateway is meant.
    pub(crate) fn aim(&self) -> &Aim {
        &self.aim
    }

    /// This one is meant from now on; `None`: the one of this computer.
    pub(crate) async fn aim_at(&self, other: Option<OtherGateway>) {
        self.aim.set(other);
        // It ends with the program.
        let _ = self.orders.send(Order::Moved).await;
    }

    /// Who answers at this address. Nothing is sent there but handshakes.
    pub(crate) async fn look_at(&self, url: &str) -> Result<GatewayLook, Failure> {
        elsewhere::look(url).await
    }

    /// Connects there once, and keeps the secret where it worked. Gives the gateway as it is remembered.
    pub(crate) async fn try_out(&self, choice: &GatewayChoice) -> Result<(OtherGateway, GatewayChosen), Failure> {
        let tls_fingerprint = choice.tls_fingerprint.clone();
        let other = OtherGateway { url: choice.url.clone(), tls_fingerprint };
        let other = OtherGateway { url: elsewhere::address(&other)?.url(), ..other };
        let shared = choice.secret.as_ref().map(GatewaySecret::shared).transpose()?;
        let chosen =
            elsewhere::try_out(&self.vault, &self.introduction, &other, shared.clone(), choice.readable).await?;
        self.vault.keep_elsewhere_secret(shared.map(|shared| (other.clone(), shared))).await?;
        Ok((other, chosen))
    }

    /// Nobody needs the secret of another computer's gateway any more.
    pub(crate) async fn forget_elsewhere(&self) -> Result<(), Failure> {
        self.vault.keep_elsewhere_secret(None).await
    }

    /// Something about the gateway changed: a wait or a pause may be over.
    pub(crate) fn nudge(&self) {
        // One that waits already will do.
        let _ = self.orders.try_send(Order::Nudge);
    }

    pub(crate) async fn devices(&self) -> Result<GatewayDevices, Failure> {
        self.ask(Order::Devices).await?
    }

    pub(crate) async fn change(&self, change: Change) -> Result<(), Failure> {
        self.ask(|reply| Order::Change(change, reply)).await?
    }

    pub(crate) async fn clear(&self, devices: bool) -> Result<GatewayCleared, Failure> {
        self.ask(|reply| Order::Clear(devices, reply)).await?
    }

    /// The gateway's agents, and which of them answers each of these devices.
    pub(crate) async fn agents(&self, devices: &[String]) -> Result<GatewayAgents, Failure> {
        self.is_here()?;
        routing::agents(&self.ask(Order::Line).await??, devices).await
    }

    /// Who answers where nothing else is said.
    pub(crate) async fn answerer(&self, now_ms: i64) -> Result<Answerer, Failure> {
        self.is_here()?;
        let line = self.ask(Order::Line).await??;
        answerer::look(&line, line.lists_models(), now_ms).await
    }

    /// The gateway's configuration, to be changed by its own writer.
    pub(crate) async fn config(&self, backups: Backups) -> Result<RpcStore, Failure> {
        self.is_here()?;
        Ok(RpcStore::new(Arc::new(self.ask(Order::Line).await??), backups))
    }

    /// What it would change to let an agent answer a device.
    pub(crate) async fn plan_route(
        &self,
        backups: Backups,
        device: &str,
        agent: Option<&str>,
    ) -> Result<RoutePlan, Failure> {
        self.is_here()?;
        routing::plan(&self.ask(Order::Line).await??, backups, device, agent).await
    }

    /// Lets an agent answer a device. `shown`: only as the plan of this name said.
    pub(crate) async fn route(
        &self,
        backups: Backups,
        device: &str,
        agent: Option<&str>,
        shown: Option<&str>,
    ) -> Result<Routed, Failure> {
        self.is_here()?;
        let line = self.ask(Order::Line).await??;
        let now_ms = u64::try_from(Clock::start().wall_ms()).unwrap_or(0);
        let routed = routing::route(&line, backups, device, agent, shown, now_ms).await;
        match &routed {
            Ok(Routed { copy, .. }) => tracing::info!(device, agent, copy, "a person chose who answers a device"),
            Err(failure) => tracing::info!(device, agent, code = failure.code.as_str(), "who answers was not changed"),
        }
        routed
    }

    /// Our devices are answered by the OpenClaw of this computer.
    fn is_here(&self) -> Result<(), Failure> {
        if self.aim.is_elsewhere() { Err(Failure::bare(FailureCode::GatewayElsewhere)) } else { Ok(()) }
    }

    pub(crate) async fn standing(&self) -> Result<Standing, Failure> {
        self.ask(Order::Standing).await
    }

    /// No link from now on, until [`Operator::come_back`].
    pub(crate) async fn step_aside(&self) -> Result<(), Failure> {
        self.ask(Order::StepAside).await
    }

    /// The link again, if it is wished.
    pub(crate) async fn come_back(&self) {
        // It ends with the program.
        let _ = self.orders.send(Order::Return).await;
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, Failure> {
        let stopping = || Failure::bare(FailureCode::Stopping);
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }
}

/// What this app says about itself. No two computers, and no two users of one, have the same name: of two devices with one name a gateway prunes one.
pub(crate) fn introduction(name: &str) -> Introduction {
    Introduction {
        display_name: format!("SmartPi Tray @ {name}"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scopes: SCOPES.map(str::to_owned).to_vec(),
    }
}
