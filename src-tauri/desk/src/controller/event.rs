//! Everything that happens to the controller: one closed list.

use std::net::IpAddr;

use channel::service::Agent;
use channel::view::{Device, LinkView, Pending, TurnOf};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::ToController;
use super::listening::Moved;
use super::reply::Reply;
use crate::control::answer::CareView;
use crate::control::request::SettingsChange;
use crate::failure::Failure;
use crate::networks::Present;
use crate::page::Page;
use crate::release::{PackageAct, ReleaseView};
use crate::settings::OtherGateway;
use crate::view::GatewayView;

/// What the controller hears.
#[derive(Debug)]
pub(crate) enum Event {
    /// The service said more than was heard.
    Behind,
    /// It answered how things are. `None`: it has ended.
    Read(Box<Option<Snapshot>>),
    /// An attempt to listen elsewhere, or nowhere, has ended.
    Moved(Moved),
    /// Somebody wishes something.
    Asked(Wish, Reply),
    /// A window attends: its pages go there.
    Attends {
        /// Pages to show.
        pages: mpsc::Sender<Page>,
        /// Whether it is the one.
        reply: oneshot::Sender<Result<(), Failure>>,
    },
    /// The window with this number has gone.
    Left(u64),
    /// The desktop says something.
    Said(ToController),
    /// A person's confirmation was taken, or not.
    Confirmed {
        /// The device's key.
        result: Result<String, Failure>,
        /// Who asked.
        reply: Reply,
    },
    /// Secrets are kept elsewhere, or the keyring works, or does not.
    Secrets,
    /// Secrets lie where the person wants them: the choice may be saved, and whatever else was changed with it.
    Rest {
        /// All of it.
        change: Box<SettingsChange>,
        /// The move of the secrets waits for this.
        reply: Reply,
    },
    /// The service did what was asked of it, or not: a device was removed, words are kept as the settings say now.
    Done {
        /// What to answer.
        result: Result<Value, Failure>,
        /// Who asked.
        reply: Reply,
    },
    /// A claim goes on, or is over.
    ClaimMoved(String),
    /// A binding code is shown until then, ms since 1970.
    CodeShown {
        /// When it dies.
        until_ms: i64,
    },
    /// Somebody watches the view: told when it shows how things are.
    Watched(oneshot::Sender<()>),
    /// An address came or went.
    NetworkMoved,
    /// What the interfaces say. `Err`: they cannot be listed.
    Looked(Result<Present, Failure>),
    /// The computer slept and woke up: said by the system. Elsewhere the clocks tell, without an event.
    #[cfg(target_os = "linux")]
    Woke,
    /// Who answers, looked up again.
    AgentFound {
        /// Who.
        agent: Agent,
        /// Who waits for it to count.
        reply: Reply,
    },
    /// Another agent may link now.
    AgentSet(Reply),
    /// How this app stands with the OpenClaw gateway.
    Gateway(Box<GatewayView>),
    /// Whether a newer release is there.
    Release(Box<ReleaseView>),
    /// What a look found, or how far a repair is.
    Care(Box<CareView>),
    /// A test message from the tray went out, or not.
    Tested(Result<Value, Failure>),
    /// A deadline has come.
    Due,
    /// The service has ended by itself.
    Died,
    /// Everything shall end.
    Cancelled,
}

/// What a person wishes: from the tray, the window, the command line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// Start the service.
    Start,
    /// Stop it.
    Stop,
    /// May devices of this network connect?
    Allow(bool),
    /// Other settings.
    Change(Box<SettingsChange>),
    /// Tell a device's coming and going, or not.
    Mute {
        /// Which.
        device_key: String,
        /// Not.
        muted: bool,
    },
    /// Approve a device.
    Confirm {
        /// Its code.
        bind: String,
        /// What the person typed.
        typed: String,
    },
    /// Remove a device.
    Remove(channel::id::DeviceKey),
    /// Open the window.
    Open(Page),
    /// The plugin was installed: who answers may have changed.
    Installed,
    /// The package of a newer release, or no more of it.
    Release(PackageAct),
    /// Be a device of the OpenClaw gateway, or not.
    Gateway(bool),
    /// The gateway of another computer is meant from now on; `None`: the one of this computer.
    GatewayElsewhere(Option<OtherGateway>),
    /// End the program.
    Quit,
}

/// How things are in the service.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) devices: Vec<Device>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) link: LinkView,
    /// The newest questions, newest first.
    pub(crate) turns: Vec<TurnOf>,
    /// Which of our addresses another machine was heard at, and when last.
    pub(crate) reached: Vec<(IpAddr, i64)>,
}
