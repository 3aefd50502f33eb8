//! A hub on an in-memory store, with peers whose frames can be read.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use tokio::sync::{broadcast, oneshot, watch};
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::driver::perform;
use crate::hub::event::{Caller, Command, Event, Notice, SessionId};
use crate::hub::{Facts, Hub, Now};
use crate::id::{DeviceKey, MessageId, TurnId};
use crate::outbox::{self, Inlet, Order};
use crate::proof::{self, Chan, Meeting, Secret};
use crate::store::Store;
use crate::timing::Timing;
use crate::tls::Certificate;
use crate::view::{BindProgress, ConfirmError, Device, Entry, Lost, Ticket};
use crate::wire::device::{Bind, Confirm, Kind, ToDevice};
use crate::wire::upstream::{FromPlugin, LinkAuth, Outcome, ToPlugin};
use crate::wire::{Blob, Close, Code, Der};

/// The message id that a number stands for.
pub(crate) fn message_id(index: u32) -> String {
    format!("{index:026}")
}

struct Peer {
    inlet: Inlet,
    bound: bool,
    closed: Option<Close>,
    checks: u32,
    texts: Vec<String>,
    code: Option<String>,
}

pub(crate) struct Rig {
    pub(crate) hub: Hub,
    pub(crate) now: Now,
    pub(crate) notices: broadcast::Sender<Notice>,
    told: broadcast::Receiver<Notice>,
    peers: BTreeMap<SessionId, Peer>,
    devices: BTreeMap<DeviceKey, SessionId>,
    link: Option<SessionId>,
    next_session: u64,
    rids: u64,
    /// Bytes that may wait for one peer; tests that count frames read late.
    pub(crate) limit: usize,
    /// The commit of the next event fails.
    pub(crate) fail_next: bool,
    /// Tell before the commit: what the product must never do.
    pub(crate) effects_first: bool,
    /// A failed commit is one for want of room: the store itself is sound.
    pub(crate) rewinds: bool,
    /// A failed commit sent everybody away.
    pub(crate) all_sent_away: bool,
    /// A failed commit sent the plugin away.
    pub(crate) link_sent_away: bool,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::on(Store::in_memory().unwrap())
    }

    pub(crate) fn on(store: Store) -> Self {
        let facts = Facts {
            name: "test".into(),
            epoch: watch::Sender::new(store.epoch().unwrap().into()),
            service_key: SigningKey::from_bytes(&[7; 32]),
            certificate: Arc::new(Certificate { der: Der(vec![1, 2, 3]), chan: Chan::of_certificate(&[1, 2, 3]) }),
            link_key: Zeroizing::new([8; 32]),
            agent: Agent::Gateway,
            addresses: [SocketAddr::from((Ipv4Addr::LOCALHOST, 8765))].into(),
            keep_text_ms: 1_000_000,
            may_speak: crate::hub::may_speak,
            timing: Timing { reply: Duration::from_secs(3_600), ..Timing::default() },
        };
        let now = Now { mono: 0, wall: 1_700_000_000_000 };
        let (notices, told) = broadcast::channel(1_024);
        let mut rig = Self {
            hub: Hub::new(store, facts).unwrap(),
            now,
            notices,
            told,
            peers: BTreeMap::new(),
            devices: BTreeMap::new(),
            link: None,
            next_session: 0,
            rids: 0,
            limit: 64 << 20,
            fail_next: false,
            effects_first: false,
            rewinds: false,
            all_sent_away: false,
            link_sent_away: false,
        };
        rig.event(Event::Tick);
        rig
    }

    /// One event, committed and performed, as the driver does.
    pub(crate) fn event(&mut self, event: Event) {
        self.settle(event);
        if let Some(notice) = self.hub.news() {
            self.notices.send(notice).unwrap();
        }
    }

    fn settle(&mut self, event: Event) {
        let effects = self.hub.handle(event, self.now).unwrap();
        if std::mem::take(&mut self.fail_next) && self.hub.store.is_dirty() {
            let unsent = match self.effects_first {
                true => {
                    perform(effects, &self.notices);
                    Vec::new()
                }
                false => effects,
            };
            self.hub.store.rollback();
            let effects = if self.rewinds {
                self.hub.rewind(unsent, self.now)
            } else {
                self.all_sent_away = true;
                self.hub.recover(unsent, self.now)
            };
            perform(effects, &self.notices);
            self.link = None;
            self.link_sent_away = true;
            return;
        }
        self.hub.store.commit().unwrap();
        perform(effects, &self.notices);
    }

    /// How often a session was asked whether its peer is there.
    pub(crate) fn checks(&mut self, session: SessionId) -> u32 {
        self.drain(session);
        self.peers[&session].checks
    }

    /// What the application was told since the last call.
    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }

    pub(crate) fn ask<T>(&mut self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        let (reply, mut answer) = oneshot::channel();
        self.event(Event::Command(command(reply)));
        answer.try_recv().expect("every command is answered at once")
    }

    /// What the list of devices is now, without being somebody who reads it.
    pub(crate) fn truth(&self) -> Vec<Device> {
        let rows = self.hub.store.devices().unwrap();
        rows.into_iter().map(|row| self.hub.device_view(row, self.now).unwrap()).collect()
    }

    /// The list of devices, as an observer reads it.
    pub(crate) fn read(&mut self) -> Vec<Device> {
        self.ask(|reply| Command::Devices { reply })
    }

    pub(crate) fn listening(&mut self, addresses: &[SocketAddr]) {
        self.event(Event::Listening(addresses.into()));
    }

    pub(crate) fn set_agent(&mut self, agent: Agent) {
        self.ask(|reply| Command::SetAgent { agent, reply });
    }

    fn peer(&mut self) -> (SessionId, outbox::Outbox) {
        self.next_session += 1;
        let session = SessionId(self.next_session);
        let (sender, inlet) = outbox::pair(self.limit);
        self.peers
            .insert(session, Peer { inlet, bound: false, closed: None, checks: 0, texts: Vec::new(), code: None });
        (session, sender)
    }

    /// Lets time pass, with the ticks that the driver would send.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        loop {
            let due = self.hub.next_deadline();
            if due > end {
                break;
            }
            self.now = Now {
                mono: due.max(self.now.mono),
                wall: self.now.wall + i64::try_from(due.saturating_sub(self.now.mono)).unwrap(),
            };
            self.event(Event::Tick);
        }
        self.now = Now { mono: end, wall: self.now.wall + i64::try_from(end - self.now.mono).unwrap() };
    }

    fn drain(&mut self, session: SessionId) {
        let peer = self.peers.get_mut(&session).unwrap();
        while let Some(order) = peer.inlet.ready() {
            match order {
                Order::Frame(text) => peer.texts.push(text),
                Order::Bound(_) => peer.bound = true,
                Order::Check => peer.checks += 1,
                Order::Close(close) => peer.closed = Some(close),
            }
        }
    }

    pub(crate) fn key(&self, seed: u8) -> DeviceKey {
        DeviceKey::of(&SigningKey::from_bytes(&[seed; 32]).verifying_key())
    }

    pub(crate) fn ticket(&mut self) -> Ticket {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.ask(|reply| Command::IssueTicket { address, reply }).unwrap()
    }

    pub(crate) fn watch(&mut self, ticket: &Ticket) -> watch::Receiver<BindProgress> {
        let bind = ticket.bind.clone();
        self.ask(|reply| Command::WatchBind { bind, reply }).unwrap()
    }

    /// Handle and secret of the QR code, or of the typed code.
    fn parts(ticket: &Ticket, entry: Entry) -> (Blob<8>, Secret) {
        match entry {
            Entry::Scanned => {
                let parts: Vec<&str> = ticket.url.split_once('#').unwrap().1.split('.').collect();
                (Blob::parse(parts[1]).unwrap(), Secret::new(Blob::<16>::parse(parts[2]).unwrap().0))
            }
            Entry::Typed => proof::typed::handle(&proof::typed::read(&ticket.code).unwrap()),
            Entry::Announced => panic!("an announcement has no ticket"),
        }
    }

    pub(crate) fn service(&self) -> Blob<32> {
        Blob(self.hub.facts.service_key.verifying_key().to_bytes())
    }

    /// How a device comes over TLS.
    pub(crate) fn tls(&self) -> Chan {
        self.hub.facts.certificate.chan.clone()
    }

    /// A connection that has proved nothing yet.
    pub(crate) fn caller(&mut self, chan: Chan, peer: IpAddr) -> (SessionId, Caller) {
        let (session, outbox) = self.peer();
        (session, Caller { sn: Blob([3; 32]), chan, peer, outbox })
    }

    pub(crate) fn claim(&mut self, ticket: &Ticket, seed: u8, right: bool) -> SessionId {
        self.claim_by(ticket, (Entry::Scanned, Chan::Plain), seed, right)
    }

    pub(crate) fn claim_by(&mut self, ticket: &Ticket, way: (Entry, Chan), seed: u8, right: bool) -> SessionId {
        let (b, secret) = Self::parts(ticket, way.0);
        let (session, caller) = self.caller(way.1, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let pk = Blob(SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes());
        let mut bind = Bind {
            v: 1,
            b,
            pk,
            cn: Blob([seed; 32]),
            name: format!("d{seed}"),
            kind: Kind::Phone,
            confirm: Confirm::Code,
            mac: Blob([0; 32]),
        };
        let meeting =
            Meeting { sn: caller.sn.clone(), spk: self.service(), cn: bind.cn.clone(), chan: caller.chan.clone() };
        if right {
            bind.mac = proof::bind_mac(&secret, &meeting, &bind);
        }
        let code = format!("{:02}", proof::bind_code(&secret, &bind.b, &meeting, &bind.pk));
        self.peers.get_mut(&session).unwrap().code = Some(code);
        self.event(Event::BindClaim { session, bind: Box::new(bind), caller });
        session
    }

    pub(crate) fn shown(&mut self, session: SessionId) {
        self.event(Event::BindShown { session });
    }

    /// What the device of this claim shows.
    pub(crate) fn code_of(&mut self, session: SessionId) -> String {
        self.peers[&session].code.clone().unwrap()
    }

    pub(crate) fn confirm(&mut self, ticket: &Ticket, typed: &str) -> Result<DeviceKey, ConfirmError> {
        self.confirm_handle(&ticket.bind, typed)
    }

    pub(crate) fn confirm_handle(&mut self, bind: &str, typed: &str) -> Result<DeviceKey, ConfirmError> {
        let (bind, typed) = (bind.to_owned(), typed.to_owned());
        self.ask(|reply| Command::ConfirmBind { bind, typed, reply })
    }

    pub(crate) fn was_bound(&mut self, session: SessionId) -> bool {
        self.drain(session);
        self.peers[&session].bound
    }

    /// Binds and connects the device of a seed.
    pub(crate) fn bound_device(&mut self, seed: u8) -> DeviceKey {
        let ticket = self.ticket();
        let session = self.claim(&ticket, seed, true);
        self.shown(session);
        let code = self.code_of(session);
        let device = self.confirm(&ticket, &code).unwrap();
        self.event(Event::BindGone { session });
        self.arrive_as(&device, "", 0);
        self.device_frames(&device);
        device
    }

    pub(crate) fn arrive(&mut self, device: &DeviceKey, last_n: u64) {
        let epoch = self.hub.facts.epoch.borrow().to_string();
        self.arrive_as(device, &epoch, last_n);
    }

    pub(crate) fn arrive_as(&mut self, device: &DeviceKey, epoch: &str, last_n: u64) {
        let (session, outbox) = self.peer();
        self.devices.insert(device.clone(), session);
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (device, epoch) = (device.clone(), epoch.to_owned());
        self.event(Event::DeviceReady { session, device, outbox, peer, epoch, last_n, sig: Blob([0; 64]) });
    }

    pub(crate) fn leave(&mut self, device: &DeviceKey) {
        let session = self.session(device);
        self.event(Event::DeviceGone { session });
    }

    pub(crate) fn session(&self, device: &DeviceKey) -> SessionId {
        self.devices[device]
    }

    pub(crate) fn say(&mut self, device: &DeviceKey, index: u32, text: &str) {
        let session = self.session(device);
        self.event(Event::Message { session, id: message_id(index), text: text.into() });
    }

    pub(crate) fn say_on(&mut self, session: SessionId, index: u32, text: &str) {
        self.event(Event::Message { session, id: message_id(index), text: text.into() });
    }

    pub(crate) fn got(&mut self, device: &DeviceKey, n: u64) {
        let session = self.session(device);
        self.event(Event::Got { session, n });
    }

    pub(crate) fn frames(&mut self, session: SessionId) -> Vec<ToDevice> {
        self.drain(session);
        let texts = std::mem::take(&mut self.peers.get_mut(&session).unwrap().texts);
        texts.iter().map(|text| ToDevice::decode(text).unwrap()).collect()
    }

    pub(crate) fn device_frames(&mut self, device: &DeviceKey) -> Vec<ToDevice> {
        self.frames(self.session(device))
    }

    /// Takes every reply there is, acknowledging as a device does.
    pub(crate) fn fetch_all(&mut self, device: &DeviceKey) -> Vec<(u64, String, bool, Option<Code>)> {
        let mut all = Vec::new();
        loop {
            let some = super::replies(&self.device_frames(device));
            let Some(last) = some.last() else { return all };
            self.got(device, last.0);
            all.extend(some);
        }
    }

    pub(crate) fn closed_session(&mut self, session: SessionId) -> Option<Close> {
        self.drain(session);
        self.peers[&session].closed
    }

    pub(crate) fn closed(&mut self, device: &DeviceKey) -> Option<Close> {
        self.closed_session(self.session(device))
    }

    pub(crate) fn remove(&mut self, device: &DeviceKey) -> Option<Lost> {
        let device = device.clone();
        self.ask(|reply| Command::Remove { device, reply })
    }

    pub(crate) fn link(&mut self) {
        self.link_as("g");
    }

    /// Links as a gateway; the frames it got.
    pub(crate) fn link_as(&mut self, gateway: &str) -> Vec<ToPlugin> {
        let (session, outbox) = self.peer();
        let auth = LinkAuth {
            v: 1,
            cn: Blob([1; 32]),
            gateway: gateway.into(),
            plugin: "0".into(),
            host: "0".into(),
            mac: Blob([0; 32]),
        };
        self.event(Event::LinkReady { session, auth: Box::new(auth), sn: Blob([2; 32]), outbox });
        self.drain(session);
        let texts = self.peers[&session].texts.clone();
        if self.hub.link.as_ref().is_some_and(|link| link.session == session) {
            self.link = Some(session);
        }
        texts.iter().map(|text| ToPlugin::decode(text).unwrap()).collect()
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.hub.link.is_some()
    }

    pub(crate) fn link_session(&self) -> SessionId {
        self.link.unwrap()
    }

    pub(crate) fn unlink(&mut self) {
        if let Some(session) = self.link.take() {
            self.event(Event::LinkGone { session });
        }
    }

    pub(crate) fn forget_gateway(&mut self) {
        self.ask(|reply| Command::ForgetGateway { reply });
    }

    pub(crate) fn plugin_frames(&mut self) -> Vec<ToPlugin> {
        let Some(session) = self.link else { return Vec::new() };
        self.drain(session);
        let texts = std::mem::take(&mut self.peers.get_mut(&session).unwrap().texts);
        texts.iter().map(|text| ToPlugin::decode(text).unwrap()).collect()
    }

    pub(crate) fn turn(&self, device: &DeviceKey, index: u32) -> String {
        TurnId { device: device.clone(), message: MessageId::parse(&message_id(index)).unwrap() }.to_string()
    }

    pub(crate) fn plugin(&mut self, frame: FromPlugin) {
        // A plugin whose link is gone keeps the frame; it is given the turn again.
        if let Some(link) = self.link {
            self.plugin_on(link, frame);
        }
    }

    pub(crate) fn plugin_on(&mut self, session: SessionId, frame: FromPlugin) {
        self.event(Event::FromPlugin { session, frame });
    }

    pub(crate) fn reply(&mut self, device: &DeviceKey, index: u32, rid: &str, text: &str) {
        let turn = self.turn(device, index);
        self.plugin(FromPlugin::Reply { rid: rid.into(), turn, text: text.into(), error: false });
    }

    pub(crate) fn done(&mut self, device: &DeviceKey, index: u32, outcome: Outcome) {
        self.rids += 1;
        let turn = self.turn(device, index);
        self.plugin(FromPlugin::Done { rid: format!("d{}", self.rids), turn, outcome, code: None, detail: None });
    }

    pub(crate) fn push(&mut self, device: &DeviceKey, rid: &str, text: &str) {
        self.plugin(FromPlugin::Push {
            rid: rid.into(),
            to: device.to_string(),
            text: text.into(),
            by: None,
            re_turn: None,
        });
    }
}
