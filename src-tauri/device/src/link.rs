//! One open session, from `ready` to its close.

use std::time::Duration;

use channel::wire::device::{Bye, ErrFrame, FromDevice, Reply, ToDevice};
use channel::wire::{Code, FrameError};
use tokio::time::{Instant, sleep_until};

use crate::connection::Connection;
use crate::device::{Device, words};
use crate::event::{End, Event, Goodbye};
use crate::identity::Shown;
use crate::pace::Pace;
use crate::socket::{Incoming, Socket, SocketError};

/// How long to wait for the close that follows a `bye`.
const AFTER_BYE: Duration = Duration::from_secs(2);
/// How long to wait with a message that the service cannot take now and that names no wait of its own.
const LATER: Duration = Duration::from_secs(5);

/// Who ended it.
pub(crate) enum Ending {
    Ours(End),
    Theirs(Goodbye),
}

impl From<End> for Ending {
    fn from(end: End) -> Self {
        Self::Ours(end)
    }
}

/// What belongs to this connection only.
struct Live {
    socket: Socket,
    pace: Pace,
    /// How many of the outbox, from its front, are on their way.
    sent: usize,
    /// Nothing is sent before.
    blocked: Option<Instant>,
    /// A `got` is owed, and when it may go.
    got_due: Option<Instant>,
    got_last: Option<Instant>,
    heard: Instant,
    asked: bool,
    heartbeat: Duration,
    counter: u64,
    goodbye: Goodbye,
    said_bye: Option<Instant>,
}

/// Runs an open session to its end.
pub(crate) async fn live(device: &mut Device, connection: Connection) -> Ending {
    let Connection { socket, hello, ready } = connection;
    let now = Instant::now();
    let mut live = Live {
        socket,
        pace: Pace::new(hello.limits.messages_per_s, hello.limits.burst, now),
        sent: 0,
        blocked: None,
        got_due: None,
        got_last: None,
        heard: now,
        asked: false,
        heartbeat: hello.heartbeat,
        counter: 0,
        goodbye: Goodbye::default(),
        said_bye: None,
    };
    let identity = &mut device.keep.identity;
    if ready.reset || identity.epoch != ready.epoch {
        if ready.reset {
            identity.forget_count(&ready.epoch);
        } else {
            ready.epoch.clone_into(&mut identity.epoch);
        }
        if let Err(end) = device.save().await {
            return end.into();
        }
    }
    if let Some(binding) = &mut device.keep.identity.binding
        && binding.service != hello.name
    {
        binding.service = hello.name;
        device.dirty = true;
    }
    device.tell(Event::Online { name: ready.name, link: ready.link, reset: ready.reset });
    let Err(ending) = live.run(device).await;
    if matches!(ending, Ending::Ours(End::Stopped)) {
        let _ = live.send_got(device).await;
    }
    live.socket.close().await;
    ending
}

impl Live {
    async fn run(&mut self, device: &mut Device) -> Result<std::convert::Infallible, Ending> {
        loop {
            let next_message = self.send_messages(device).await?;
            let now = Instant::now();
            if self.got_due.is_some_and(|due| due <= now) {
                self.send_got(device).await?;
            }
            self.keep_alive(now).await?;
            let deadlines = [Some(self.next_beat()), self.got_due, next_message, self.said_bye];
            let wake = deadlines.into_iter().flatten().min().unwrap_or(now + self.heartbeat);
            tokio::select! {
                incoming = self.socket.next() => match incoming {
                    Ok(Incoming::Frame(frame)) => {
                        self.heard = Instant::now();
                        self.asked = false;
                        self.on_frame(device, frame).await?;
                    }
                    Ok(Incoming::Odd(odd)) => {
                        self.heard = Instant::now();
                        device.tell(Event::Odd(match odd {
                            FrameError::Unknown(kind) => kind,
                            malformed @ FrameError::Malformed(_) => malformed.to_string(),
                        }));
                    }
                    Err(error) => return Err(self.lost(&error)),
                },
                order = device.orders.recv() => device.obey(order).await?,
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Sends what may be sent; says when more may.
    async fn send_messages(&mut self, device: &mut Device) -> Result<Option<Instant>, Ending> {
        let now = Instant::now();
        if self.said_bye.is_some() {
            return Ok(None);
        }
        if let Some(blocked) = self.blocked.filter(|blocked| *blocked > now) {
            return Ok(Some(blocked));
        }
        self.blocked = None;
        while self.sent < device.timing.window
            && let Some(outgoing) = device.keep.identity.outbox.get(self.sent)
        {
            if let Err(later) = self.pace.take(now) {
                return Ok(Some(later));
            }
            let outgoing = outgoing.clone();
            self.send(&FromDevice::Msg { id: outgoing.id.clone(), text: outgoing.text }).await?;
            self.sent += 1;
            let again = !device.fresh.remove(&outgoing.id);
            device.tell(Event::Sent { id: outgoing.id, again });
        }
        Ok(None)
    }

    async fn send_got(&mut self, device: &mut Device) -> Result<(), Ending> {
        if self.got_due.take().is_some() {
            let n = device.keep.identity.last_n;
            self.send(&FromDevice::Got { n }).await?;
            self.got_last = Some(Instant::now());
            device.tell(Event::Got { n });
        }
        Ok(())
    }

    async fn send(&mut self, frame: &FromDevice) -> Result<(), Ending> {
        let limit = self.heartbeat;
        let sent = tokio::time::timeout(limit, self.socket.send(frame)).await;
        sent.unwrap_or(Err(SocketError::TimedOut(limit))).map_err(|error| self.lost(&error))
    }

    fn next_beat(&self) -> Instant {
        self.heard + if self.asked { self.silence() } else { self.heartbeat }
    }

    /// Silence after which the peer is gone: 45 s for a heartbeat of 30 s.
    fn silence(&self) -> Duration {
        self.heartbeat + self.heartbeat / 2
    }

    async fn keep_alive(&mut self, now: Instant) -> Result<(), Ending> {
        if self.said_bye.is_some_and(|until| until <= now) {
            return Err(Ending::Theirs(std::mem::take(&mut self.goodbye)));
        }
        if now < self.next_beat() {
            return Ok(());
        }
        if self.asked {
            return Err(self.lost(&SocketError::TimedOut(self.silence())));
        }
        self.asked = true;
        self.counter += 1;
        self.send(&FromDevice::Ping { c: self.counter }).await
    }

    fn lost(&mut self, error: &SocketError) -> Ending {
        let mut goodbye = std::mem::take(&mut self.goodbye);
        goodbye.close = error.close();
        goodbye.detail = words(error);
        Ending::Theirs(goodbye)
    }

    async fn on_frame(&mut self, device: &mut Device, frame: ToDevice) -> Result<(), Ending> {
        match frame {
            ToDevice::Ack { id, st } => {
                if self.take_out(device, &id).is_some() {
                    device.dirty = true;
                    let dup = st == channel::wire::device::Stored::Dup;
                    device.tell(Event::Acked { id, dup });
                }
            }
            ToDevice::Reply(reply) => self.on_reply(device, reply).await?,
            ToDevice::Turn { re, s, stage } => device.tell(Event::Turn { re, state: s, stage }),
            ToDevice::Partial { re, text } => device.tell(Event::Partial { re, text }),
            ToDevice::Link { s } => device.tell(Event::Link(s)),
            ToDevice::Err(err) => self.on_err(device, err).await?,
            ToDevice::Ping { c } => self.send(&FromDevice::Pong { c }).await?,
            ToDevice::Pong { .. } => {}
            ToDevice::Bye(Bye { code, retry_ms }) => {
                self.goodbye.hear_bye(code, retry_ms);
                self.said_bye = Some(Instant::now() + AFTER_BYE);
            }
            ToDevice::Hello { .. }
            | ToDevice::BindWait { .. }
            | ToDevice::AnnounceWait { .. }
            | ToDevice::BindOk { .. }
            | ToDevice::Ready { .. } => {
                device.tell(Event::Odd("a greeting in the middle of a session".into()));
            }
        }
        Ok(())
    }

    async fn on_reply(&mut self, device: &mut Device, reply: Reply) -> Result<(), Ending> {
        let identity = &mut device.keep.identity;
        let newer = reply.n > identity.last_n;
        let new = newer && !identity.has_shown(&reply.rid);
        if new {
            identity.remember(Shown { n: reply.n, rid: reply.rid.clone(), re: reply.re.clone() });
        }
        if newer {
            identity.last_n = reply.n;
            device.save().await?;
        }
        device.tell(if new { Event::Shown(reply) } else { Event::Hidden { n: reply.n, rid: reply.rid } });
        let now = Instant::now();
        self.got_due.get_or_insert(self.got_last.map_or(now, |last| (last + device.timing.got).max(now)));
        Ok(())
    }

    async fn on_err(&mut self, device: &mut Device, err: ErrFrame) -> Result<(), Ending> {
        let waits = |id: &String| device.keep.identity.outbox.iter().position(|outgoing| outgoing.id == *id);
        let Some((id, place)) = err.re.clone().and_then(|id| waits(&id).map(|place| (id, place))) else {
            if err.re.is_none() && err.of.is_none() {
                self.goodbye.hear_err(&err);
            }
            device.tell(Event::Trouble(err));
            return Ok(());
        };
        match err.code {
            Code::TooFast | Code::QueueFull | Code::Storage | Code::Stopping => {
                let wait = err.retry_ms.map_or(LATER, Duration::from_millis);
                let until = Instant::now() + wait;
                self.sent = self.sent.min(place);
                self.blocked = Some(self.blocked.map_or(until, |blocked| blocked.max(until)));
                if err.code == Code::TooFast {
                    self.pace.empty_until(until);
                }
                device.tell(Event::Deferred { id, code: err.code, wait });
            }
            Code::TooLong | Code::NotUnderstood | Code::NotAllowed => {
                self.take_out(device, &id);
                device.save().await?;
                device.tell(Event::Rejected { id, code: err.code });
            }
            Code::IdReused => {
                let new = device.fresh_id();
                device.keep.identity.outbox[place].id.clone_from(&new);
                device.save().await?;
                device.fresh.insert(new.clone());
                self.sent = self.sent.min(place);
                device.tell(Event::Renamed { old: id, new });
            }
            Code::BindingUnknown
            | Code::NoAnswerYet
            | Code::NotAuthenticated
            | Code::Removed
            | Code::Version
            | Code::Expired
            | Code::OutcomeUnknown
            | Code::BindingRefused
            | Code::LinkOffline
            | Code::TurnStopped
            | Code::AgentError
            | Code::NoAgent
            | Code::Replaced
            | Code::OtherGateway => device.tell(Event::Trouble(err)),
        }
        Ok(())
    }

    /// Removes a message from the outbox.
    fn take_out(&mut self, device: &mut Device, id: &str) -> Option<()> {
        let outbox = &mut device.keep.identity.outbox;
        let place = outbox.iter().position(|outgoing| outgoing.id == id)?;
        outbox.remove(place);
        if place < self.sent {
            self.sent -= 1;
        }
        device.fresh.remove(id);
        Some(())
    }
}
