//! Binding codes: who claims them, and what the person says.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::event::{Notice, SessionId};
use super::{Effect, Hub, Now, millis};
use crate::id::{self, DeviceKey};
use crate::outbox::Outbox;
use crate::ticket::{self, Claimed, Desk, Typed};
use crate::view::{BindFailure, BindProgress, ConfirmError, IssueError, Pending, Ticket};
use crate::wire::device::{Bind, ToDevice};
use crate::wire::{self, Blob, Close, Code};

/// Ended codes that can still be followed and told apart from unknown ones.
const REMEMBERED: usize = 16;

impl Hub {
    pub(super) fn issue_ticket(&mut self, address: IpAddr, now: Now) -> Result<Ticket, IssueError> {
        let address =
            *self.facts.addresses.iter().find(|listening| listening.ip() == address).ok_or(IssueError::NotListening)?;
        if self.tickets.iter().any(|ticket| !ticket.is_unclaimed()) {
            return Err(IssueError::Claimed);
        }
        for ticket in &mut self.tickets {
            ticket.end(BindFailure::Replaced);
        }
        let secrets = ticket::fresh().map_err(|_| IssueError::Stopping)?;
        let life = millis(self.facts.timing.ticket);
        let expires_ms = now.wall.saturating_add_unsigned(life);
        let ticket = ticket::Ticket::new(address, secrets, now.mono + life, expires_ms);
        let issued = Ticket { bind: ticket.b.encode(), url: ticket.url(&self.facts.service_key), expires_ms };
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
            if ticket.is_unclaimed() && !self.facts.addresses.contains(&ticket.address) {
                ticket.end(BindFailure::Replaced);
            }
        }
    }

    fn ticket(&mut self, bind: &str) -> Option<&mut ticket::Ticket> {
        let b = Blob::parse(bind)?;
        self.tickets.iter_mut().find(|ticket| ticket.b == b)
    }

    pub(super) fn watch_bind(&mut self, bind: &str) -> Option<tokio::sync::watch::Receiver<BindProgress>> {
        self.ticket(bind).map(|ticket| ticket.progress.subscribe())
    }

    pub(super) fn on_bind_claim(
        &mut self,
        (session, peer, outbox): (SessionId, IpAddr, Outbox),
        sn: &Blob<32>,
        bind: &Bind,
        now: Now,
    ) {
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
        let claimed = self
            .tickets
            .iter_mut()
            .find(|ticket| ticket.b == bind.b)
            .map_or(Claimed::Refused, |ticket| ticket.claimed(desk, (session, peer, &outbox), sn, bind, name));
        match claimed {
            Claimed::Waits(frame) => {
                self.effects.push(Effect::Device(outbox, frame));
                self.effects.push(Effect::Notice(Notice::BindWaits(bind.b.encode().into())));
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
            ticket.shown(session);
        }
    }

    pub(super) fn on_bind_gone(&mut self, session: SessionId) {
        for ticket in &mut self.tickets {
            ticket.left(session);
        }
    }

    pub(super) fn confirm_bind(
        &mut self,
        bind: &str,
        typed: &str,
        reply: oneshot::Sender<Result<DeviceKey, ConfirmError>>,
        now: Now,
    ) -> rusqlite::Result<()> {
        let outcome = match self.ticket(bind) {
            None => Err(ConfirmError::Unknown),
            Some(ticket) => match ticket.typed(typed) {
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
        claim: &ticket::Claim,
        reply: oneshot::Sender<Result<DeviceKey, ConfirmError>>,
        now: Now,
    ) -> rusqlite::Result<()> {
        let device = DeviceKey::of(&claim.public_key);
        let known = self.store.device(&device)?;
        if known.is_none() && self.store.device_count()? >= wire::DEVICES {
            self.finish(bind, BindProgress::Failed(BindFailure::NotStored));
            self.refuse(&claim.outbox, Code::QueueFull, Close::Refused);
            self.answer(reply, Err(ConfirmError::Storage));
            return Ok(());
        }
        let name = known.map_or_else(|| claim.claimant.name.clone(), |row| row.name);
        self.store.bind_device(&claim.public_key, &name, claim.claimant.kind, now.wall)?;
        self.effects.push(Effect::Bound(claim.outbox.clone(), device.clone()));
        let frame = ToDevice::BindOk { device_key: device.to_string() };
        self.effects.push(Effect::Device(claim.outbox.clone(), frame));
        self.finish(bind, BindProgress::Bound { device: device.clone(), name: name.clone() });
        self.changed();
        self.effects.push(Effect::Notice(Notice::DeviceBound(device.clone(), name.into())));
        self.answer(reply, Ok(device));
        Ok(())
    }

    /// Tells followers after the commit, like every other effect.
    fn finish(&mut self, bind: &str, progress: BindProgress) {
        if let Some(sender) = self.ticket(bind).map(|ticket| ticket.progress.clone()) {
            self.effects.push(Effect::Answer(super::Answer(Box::new(move || drop(sender.send_replace(progress))))));
        }
    }

    pub(super) fn reject_bind(&mut self, bind: &str) -> bool {
        let Some(ticket) = self.ticket(bind) else { return false };
        if let Some(outbox) = ticket.end(BindFailure::Rejected) {
            self.refuse(&outbox, Code::BindingRefused, Close::Refused);
        }
        true
    }

    pub(super) fn pending(&self) -> Vec<Pending> {
        let claims = self.tickets.iter().filter_map(|ticket| Some((ticket, ticket.claim()?)));
        claims
            .map(|(ticket, (claim, confirming))| Pending {
                bind: ticket.b.encode(),
                claimant: claim.claimant.clone(),
                confirming,
                since_ms: claim.since_ms,
            })
            .collect()
    }

    pub(super) fn expire_tickets(&mut self, now: Now) {
        let expired: Vec<Outbox> = self
            .tickets
            .iter_mut()
            .filter(|ticket| !ticket.is_over() && now.mono >= ticket.deadline)
            .filter_map(|ticket| ticket.end(BindFailure::Expired))
            .collect();
        for outbox in expired {
            self.refuse(&outbox, Code::BindingUnknown, Close::Refused);
        }
    }
}
