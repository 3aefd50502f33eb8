//! Bindings: who claims a code, and what the person says to whoever waits, however it came.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use tokio::sync::oneshot;

use super::event::{Caller, Notice, SessionId};
use super::{Effect, Hub, Now, millis};
use crate::attempt::{Attempt, Claim, Typed};
use crate::id::{self, DeviceKey};
use crate::outbox::Outbox;
use crate::ticket::{self, Claimed, Desk};
use crate::view::{AddError, BindFailure, BindProgress, ConfirmError, Entry, IssueError, Pending, Ticket};
use crate::wire::device::{Bind, Kind, ToDevice};
use crate::wire::{self, Blob, Close, Code};

/// Ended codes that can still be followed and told apart from unknown ones.
const REMEMBERED: usize = 16;

impl Hub {
    pub(super) fn issue_ticket(&mut self, address: IpAddr, now: Now) -> Result<Ticket, IssueError> {
        let address =
            *self.facts.addresses.iter().find(|listening| listening.ip() == address).ok_or(IssueError::NotListening)?;
        if self.tickets.iter().any(|ticket| !ticket.attempt.is_unclaimed()) {
            return Err(IssueError::Claimed);
        }
        for ticket in &mut self.tickets {
            ticket.attempt.end(BindFailure::Replaced);
        }
        let secrets = ticket::fresh().map_err(|_| IssueError::Stopping)?;
        let life = millis(self.facts.timing.ticket);
        let expires_ms = now.wall.saturating_add_unsigned(life);
        let ticket = ticket::Ticket::new(address, secrets, now.mono + life, expires_ms);
        let issued = Ticket {
            bind: ticket.attempt.b.encode(),
            url: ticket.url(&self.facts.service_key, &self.facts.certificate.chan),
            code: ticket.code(),
            expires_ms,
        };
        self.tickets.push(ticket);
        if self.tickets.len() > REMEMBERED {
            self.tickets.remove(0);
        }
        Ok(issued)
    }

    /// Other addresses are listened on. A code that nobody has claimed dies with its address; a claimed one with its connection.
    pub(super) fn on_listening(&mut self, addresses: Arc<[SocketAddr]>) {
        self.facts.addresses = addresses;
        for ticket in &mut self.tickets {
            if ticket.attempt.is_unclaimed() && !self.facts.addresses.contains(&ticket.address) {
                ticket.attempt.end(BindFailure::Replaced);
            }
        }
    }

    /// Every attempt to bind, by a code or by an announcement.
    pub(super) fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.tickets.iter().map(|ticket| &ticket.attempt).chain(self.announcements.attempts())
    }

    fn attempts_mut(&mut self) -> impl Iterator<Item = &mut Attempt> {
        self.tickets.iter_mut().map(|ticket| &mut ticket.attempt).chain(self.announcements.attempts_mut())
    }

    fn attempt(&mut self, bind: &str) -> Option<&mut Attempt> {
        let b = Blob::parse(bind)?;
        self.attempts_mut().find(|attempt| attempt.b == b)
    }

    /// Ends those that `which` names; the devices that waited.
    pub(super) fn end_attempts(&mut self, failure: BindFailure, which: impl Fn(&Attempt) -> bool) -> Vec<Outbox> {
        let tickets = self.tickets.iter_mut().map(|ticket| &mut ticket.attempt).filter(|attempt| which(attempt));
        let mut waited: Vec<Outbox> = tickets.filter_map(|attempt| attempt.end(failure)).collect();
        waited.extend(self.announcements.end(failure, which));
        waited
    }

    pub(super) fn watch_bind(&mut self, bind: &str) -> Option<tokio::sync::watch::Receiver<BindProgress>> {
        self.attempt(bind).map(|attempt| attempt.progress.subscribe())
    }

    pub(super) fn on_bind_claim(&mut self, session: SessionId, bind: &Bind, caller: &Caller, now: Now) {
        let outbox = caller.outbox.clone();
        if bind.v != wire::VERSION {
            return self.refuse(&outbox, Code::Version, Close::Protocol);
        }
        let Some(name) = id::clean_name(&bind.name) else {
            return self.refuse(&outbox, Code::NotUnderstood, Close::Protocol);
        };
        let desk = Desk {
            service: &self.facts.service_key,
            now: now.mono,
            wall: now.wall,
            confirm_ms: millis(self.facts.timing.confirm),
        };
        let (claimed, handle) = self
            .tickets
            .iter_mut()
            .find(|ticket| ticket.is_named(&bind.b, &caller.chan))
            .map_or((Claimed::Refused, None), |ticket| {
                (ticket.claimed(desk, (session, caller), bind, name), Some(ticket.attempt.b.encode()))
            });
        match claimed {
            Claimed::Waits(frame) => {
                self.effects.push(Effect::Device(outbox, frame));
                self.effects.extend(handle.map(|handle| Effect::Notice(Notice::BindWaits(handle.into()))));
            }
            Claimed::Refused => self.refuse(&outbox, Code::BindingUnknown, Close::Refused),
            Claimed::Both(earlier) => {
                self.refuse(&earlier, Code::BindingRefused, Close::Refused);
                self.refuse(&outbox, Code::BindingRefused, Close::Refused);
            }
        }
    }

    pub(super) fn on_bind_shown(&mut self, session: SessionId) {
        for ticket in &mut self.tickets {
            ticket.attempt.shown(session);
        }
        self.announcement_shown(session);
    }

    pub(super) fn on_bind_gone(&mut self, session: SessionId) {
        for ticket in &mut self.tickets {
            ticket.attempt.left(session);
        }
        self.announcements.left(session);
    }

    pub(super) fn confirm_bind(
        &mut self,
        bind: &str,
        typed: &str,
        reply: oneshot::Sender<Result<DeviceKey, ConfirmError>>,
        now: Now,
    ) -> rusqlite::Result<()> {
        let outcome = match self.attempt(bind) {
            None => Err(ConfirmError::Unknown),
            Some(attempt) => match attempt.typed(typed) {
                Typed::NotConfirming => Err(ConfirmError::NotConfirming),
                Typed::Wrong(left) => Err(ConfirmError::WrongCode { left }),
                Typed::Dead(outbox) => {
                    self.refuse(&outbox, Code::BindingRefused, Close::Refused);
                    Err(ConfirmError::WrongCode { left: 0 })
                }
                Typed::Right(claim) => return self.bind(bind, &claim, reply, now),
            },
        };
        self.answer(reply, outcome);
        Ok(())
    }

    fn bind(
        &mut self,
        bind: &str,
        claim: &Claim,
        reply: oneshot::Sender<Result<DeviceKey, ConfirmError>>,
        now: Now,
    ) -> rusqlite::Result<()> {
        let device = DeviceKey::of(&claim.public_key);
        let known = self.store.device(&device)?;
        if known.is_none() && self.is_full()? {
            self.finish(bind, BindProgress::Failed(BindFailure::NotStored));
            self.refuse(&claim.outbox, Code::QueueFull, Close::Refused);
            self.answer(reply, Err(ConfirmError::Storage));
            return Ok(());
        }
        let name = known.map_or_else(|| claim.claimant.name.clone(), |row| row.name);
        self.store.bind_device(&claim.public_key, &name, claim.claimant.kind, now.wall)?;
        self.effects.push(Effect::Bound(claim.outbox.clone(), device.clone()));
        let cert = claim.secure.then(|| self.facts.certificate.der.clone());
        let frame = ToDevice::BindOk { device_key: device.to_string(), cert };
        self.effects.push(Effect::Device(claim.outbox.clone(), frame));
        self.finish(bind, BindProgress::Bound { device: device.clone(), name: name.clone() });
        self.announcements.was_bound(claim.session);
        self.changed();
        self.effects.push(Effect::Notice(Notice::DeviceBound(device.clone(), name.into())));
        self.answer(reply, Ok(device));
        Ok(())
    }

    /// Binds a script by its key.
    pub(super) fn add_script(
        &mut self,
        public_key: &VerifyingKey,
        name: &str,
        now: Now,
    ) -> rusqlite::Result<Result<DeviceKey, AddError>> {
        if self.is_full()? {
            return Ok(Err(AddError::Full));
        }
        let device = DeviceKey::of(public_key);
        self.store.bind_device(public_key, name, Kind::Script, now.wall)?;
        self.changed();
        self.effects.push(Effect::Notice(Notice::DeviceBound(device.clone(), name.into())));
        Ok(Ok(device))
    }

    fn is_full(&self) -> rusqlite::Result<bool> {
        Ok(self.store.device_count()? >= wire::DEVICES)
    }

    /// Tells followers after the commit, like every other effect.
    fn finish(&mut self, bind: &str, progress: BindProgress) {
        if let Some(sender) = self.attempt(bind).map(|attempt| attempt.progress.clone()) {
            self.effects.push(Effect::Answer(super::Answer(Box::new(move || drop(sender.send_replace(progress))))));
        }
    }

    pub(super) fn reject_bind(&mut self, bind: &str) -> bool {
        let Some(attempt) = self.attempt(bind) else { return false };
        if let Some(outbox) = attempt.end(BindFailure::Rejected) {
            self.refuse(&outbox, Code::BindingRefused, Close::Refused);
        }
        true
    }

    /// What a person can be asked. An announced device shows its code first: until then nobody could tell it from another.
    pub(super) fn pending(&self) -> Vec<Pending> {
        let claims = self.attempts().filter_map(|attempt| Some((attempt, attempt.claim()?)));
        claims
            .filter(|(_, claim)| claim.shown || claim.claimant.entry != Entry::Announced)
            .map(|(attempt, claim)| Pending {
                bind: attempt.b.encode(),
                claimant: claim.claimant.clone(),
                confirming: claim.shown,
                since_ms: claim.since_ms,
            })
            .collect()
    }

    pub(super) fn expire_attempts(&mut self, now: Now) {
        let due = |attempt: &Attempt| !attempt.is_over() && now.mono >= attempt.deadline;
        for outbox in self.end_attempts(BindFailure::Expired, due) {
            self.refuse(&outbox, Code::BindingUnknown, Close::Refused);
        }
    }
}
