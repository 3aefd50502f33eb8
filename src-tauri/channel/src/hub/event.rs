//! Everything the hub reacts to: one closed list.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use tokio::sync::{oneshot, watch};

use crate::agent::Agent;
use crate::id::DeviceKey;
use crate::outbox::Outbox;
use crate::proof::Chan;
use crate::storage::Health;
use crate::view::{
    AddError, BindProgress, ConfirmError, Device, Happened, IssueError, LinkView, Lost, Pending, SpeaksFirst, Ticket,
    TurnRecord,
};
use crate::wire::Blob;
use crate::wire::device::{Announce, Bind};
use crate::wire::upstream::{FromPlugin, LinkAuth};

/// One connection, of a device or of a plugin. Never used twice in one run of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A connection that has proved nothing yet.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The nonce of `hello`.
    pub sn: Blob<32>,
    /// How it came.
    pub chan: Chan,
    /// Peer address.
    pub peer: IpAddr,
    /// Where its frames go.
    pub outbox: Outbox,
}

/// What a hub hears.
#[derive(Debug)]
pub enum Event {
    /// A session asks for the public key of a device that claims to be bound. `None`: not known.
    FindKey {
        /// Claimed name.
        device: DeviceKey,
        /// Answer.
        reply: oneshot::Sender<Option<VerifyingKey>>,
    },
    /// A device proved its key: the session speaks for it from now on.
    DeviceReady {
        /// Session.
        session: SessionId,
        /// Device.
        device: DeviceKey,
        /// Where its frames go.
        outbox: Outbox,
        /// Peer address.
        peer: IpAddr,
        /// `auth.epoch`.
        epoch: String,
        /// `auth.last_n`.
        last_n: u64,
        /// The service's signature for `ready`.
        sig: Blob<64>,
    },
    /// A device claims a binding code. Its end comes through [`Event::BindGone`].
    BindClaim {
        /// Session.
        session: SessionId,
        /// The frame.
        bind: Box<Bind>,
        /// Who.
        caller: Caller,
    },
    /// A device over TLS asks by itself to be bound. Its end comes through [`Event::BindGone`].
    Announce {
        /// Session.
        session: SessionId,
        /// The frame.
        announce: Box<Announce>,
        /// Who.
        caller: Caller,
    },
    /// A device that asked named its nonce, and the session found that it is the one it committed itself to.
    AnnounceReveal {
        /// Session.
        session: SessionId,
        /// The device's nonce.
        cn: Blob<32>,
    },
    /// `bind_shown`.
    BindShown {
        /// Session.
        session: SessionId,
    },
    /// A session that claimed a code has ended.
    BindGone {
        /// Session.
        session: SessionId,
    },
    /// `msg`.
    Message {
        /// Session.
        session: SessionId,
        /// Message id, as sent.
        id: String,
        /// Words.
        text: String,
    },
    /// `got`.
    Got {
        /// Session.
        session: SessionId,
        /// Highest reply.
        n: u64,
    },
    /// A device's answer to a ping is overdue, or it was heard after all.
    DeviceReach {
        /// Session.
        session: SessionId,
        /// Overdue.
        unsure: bool,
    },
    /// A device's session has ended.
    DeviceGone {
        /// Session.
        session: SessionId,
    },
    /// A plugin proved the link key. The hub answers with `ready`, or refuses.
    LinkReady {
        /// Session.
        session: SessionId,
        /// Its `auth` frame.
        auth: Box<LinkAuth>,
        /// The nonce of `hello`.
        sn: Blob<32>,
        /// Where its frames go.
        outbox: Outbox,
    },
    /// A frame of the plugin, other than `auth`, `ping`, `pong`, `bye`.
    FromPlugin {
        /// Session.
        session: SessionId,
        /// Frame.
        frame: FromPlugin,
    },
    /// The plugin's session has ended.
    LinkGone {
        /// Session.
        session: SessionId,
    },
    /// These addresses are listened on from now on.
    Listening(Arc<[SocketAddr]>),
    /// A person's wish.
    Command(Command),
    /// The computer slept, and is awake again.
    Woke,
    /// Time passed; sent by the driver when a deadline is due.
    Tick,
}

/// What a person at the computer asks for.
#[derive(Debug)]
pub enum Command {
    /// A new binding code for this address.
    IssueTicket {
        /// One of the listener's addresses.
        address: IpAddr,
        /// Answer.
        reply: oneshot::Sender<Result<Ticket, IssueError>>,
    },
    /// Follow a code.
    WatchBind {
        /// Code.
        bind: String,
        /// Answer; `None`: unknown.
        reply: oneshot::Sender<Option<watch::Receiver<BindProgress>>>,
    },
    /// The person typed this.
    ConfirmBind {
        /// Code.
        bind: String,
        /// Two digits, or the word `allow`.
        typed: String,
        /// Answer.
        reply: oneshot::Sender<Result<DeviceKey, ConfirmError>>,
    },
    /// The person says no, or closes the window.
    RejectBind {
        /// Code.
        bind: String,
        /// Whether it was known.
        reply: oneshot::Sender<bool>,
    },
    /// A script becomes a device. The name is cleaned already.
    AddScript {
        /// Its key.
        public_key: Box<VerifyingKey>,
        /// Its name.
        name: String,
        /// Answer.
        reply: oneshot::Sender<Result<DeviceKey, AddError>>,
    },
    /// Claims that wait for a person.
    Pending {
        /// Answer.
        reply: oneshot::Sender<Vec<Pending>>,
    },
    /// All devices, oldest binding first.
    Devices {
        /// Answer.
        reply: oneshot::Sender<Vec<Device>>,
    },
    /// One device and its newest turns.
    DeviceStatus {
        /// Device.
        device: DeviceKey,
        /// Answer.
        reply: oneshot::Sender<Option<(Device, Vec<TurnRecord>)>>,
    },
    /// A new name; already cleaned.
    Rename {
        /// Device.
        device: DeviceKey,
        /// Name.
        name: String,
        /// Whether the device is known.
        reply: oneshot::Sender<bool>,
    },
    /// Who may speak to a device without being asked, from now on.
    SpeaksFirst {
        /// Device.
        device: DeviceKey,
        /// Who.
        who: SpeaksFirst,
        /// Whether the device is known.
        reply: oneshot::Sender<bool>,
    },
    /// End its connection, forget its key and its queue.
    Remove {
        /// Device.
        device: DeviceKey,
        /// Answer.
        reply: oneshot::Sender<Option<Lost>>,
    },
    /// A message from the person to the device. Answer: its n, and whether the device is connected.
    Send {
        /// Device.
        device: DeviceKey,
        /// Words.
        text: String,
        /// Answer.
        reply: oneshot::Sender<Option<(u64, bool)>>,
    },
    /// State of the plugin's link.
    Link {
        /// Answer.
        reply: oneshot::Sender<LinkView>,
    },
    /// What happened before a time, newest first.
    Turns {
        /// Of one device only.
        device: Option<DeviceKey>,
        /// ms since 1970.
        before_ms: Option<i64>,
        /// At most so many.
        limit: usize,
        /// Answer.
        reply: oneshot::Sender<Happened>,
    },
    /// How long words are kept, and when a device is told that its answer takes longer: from now on.
    Change {
        /// ms after the turn ended; 0: wiped at once.
        keep_text_ms: i64,
        /// Wait until 9002.
        answer: Duration,
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// Another upstream may link from now on.
    SetAgent {
        /// Which.
        agent: Agent,
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// The next gateway that proves the key is the one.
    ForgetGateway {
        /// Done.
        reply: oneshot::Sender<()>,
    },
    /// Say goodbye to everybody and end the hub.
    Stop {
        /// Done.
        reply: oneshot::Sender<()>,
    },
}

/// Something the application wants to know at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What [`crate::service::Service::devices`] tells has changed, but for the times at which devices were last heard: read it again. Sent once, and again only
    /// after somebody has read: so it never comes in floods, and who subscribes, reads, and reads again after each notice is never behind. Sent after the
    /// notices that say what it was.
    Devices,
    /// Another machine was heard at this address of ours; at most once a minute for each.
    Reached(IpAddr),
    /// A device connected.
    DeviceCame(DeviceKey, Arc<str>),
    /// A device left.
    DeviceWent(DeviceKey, Arc<str>),
    /// A device was bound.
    DeviceBound(DeviceKey, Arc<str>),
    /// A device was removed.
    DeviceRemoved(DeviceKey, Arc<str>),
    /// A device has another name.
    DeviceRenamed(DeviceKey),
    /// A device claims a code and waits for the person.
    BindWaits(Arc<str>),
    /// A device asks by itself to be bound, and shows its code: the handle of its announcement.
    DeviceAsks(Arc<str>),
    /// The plugin said hello.
    LinkUp(LinkView),
    /// The plugin left.
    LinkDown,
    /// Another gateway tried.
    GatewayRefused(Arc<str>),
    /// The store's disk is another way than before; each state is told once.
    Storage(Health),
    /// No backup of the store could be made.
    NotBackedUp(Arc<str>),
    /// The whole check before a backup found damage in the store. The older backups stay.
    StoreDamaged(Arc<str>),
    /// After one of these a backup was made again.
    BackedUp,
}
