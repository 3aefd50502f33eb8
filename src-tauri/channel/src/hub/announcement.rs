//! Devices that ask by themselves to be bound: how many may, and what becomes of them.
//!
//! The nonce of an announcement is drawn after the device committed itself to its own, so nobody can look for nonces that give two devices the same code. What he can do is start again:
//! somebody in between who wants the code that another device shows has one chance in a million each time. So it counts how many codes were drawn lately, not only how many wait.

use std::collections::VecDeque;
use std::net::IpAddr;

use ed25519_dalek::VerifyingKey;

use super::event::{Caller, Notice, SessionId};
use super::{Effect, Hub, Now, millis};
use crate::attempt::{Attempt, Claim, WRONG_CODES};
use crate::id;
use crate::outbox::Outbox;
use crate::proof::{self, Chan, Meeting, announce};
use crate::view::{BindFailure, Claimant, Entry};
use crate::wire::device::{Announce, Bye, Confirm, ErrFrame, ToDevice};
use crate::wire::{self, Blob, Close, Code};

/// Announcements that wait: in all, and of one address.
pub(super) const WAITING: (usize, usize) = (8, 2);
/// Announcements within the time that one of them lives, bound ones apart: in all, and of one address.
pub(super) const DRAWN: (usize, usize) = (40, 10);
/// Ended ones that can still be followed and told apart from unknown ones.
const REMEMBERED: usize = 16;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Announcements {
    all: Vec<Announcement>,
    /// When codes were drawn, monotonic ms, and for whom; oldest first.
    drawn: VecDeque<(u64, IpAddr, SessionId)>,
}

/// One device that asks.
#[derive(Debug)]
struct Announcement {
    attempt: Attempt,
    session: SessionId,
    caller: Caller,
    announce: Box<Announce>,
    public_key: VerifyingKey,
    name: String,
    an: Blob<32>,
}

impl Announcements {
    /// Every attempt, also those that are over.
    pub(super) fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.all.iter().map(|announcement| &announcement.attempt)
    }

    /// The same, to change them.
    pub(super) fn attempts_mut(&mut self) -> impl Iterator<Item = &mut Attempt> {
        self.all.iter_mut().map(|announcement| &mut announcement.attempt)
    }

    /// Ends those that are not over and that `which` names; the devices to refuse, also those that show no code yet.
    pub(super) fn end(&mut self, failure: BindFailure, which: impl Fn(&Attempt) -> bool) -> Vec<Outbox> {
        let ending = self.all.iter_mut().filter(|one| !one.attempt.is_over() && which(&one.attempt));
        ending
            .map(|one| {
                one.attempt.end(failure);
                one.caller.outbox.clone()
            })
            .collect()
    }

    /// How long, in ms, a device at this address has to wait before it may ask. `None`: it may.
    fn closed_for(&mut self, peer: IpAddr, now: u64, life: u64) -> Option<u64> {
        while self.drawn.front().is_some_and(|(when, ..)| when + life <= now) {
            self.drawn.pop_front();
        }
        let waiting = || self.all.iter().filter(|announcement| !announcement.attempt.is_over());
        let of_one = || waiting().filter(|announcement| announcement.caller.peer == peer);
        let soonest = |ends: Option<u64>| ends.map(|end| end.saturating_sub(now).max(1_000));
        let deadline = |announcement: &Announcement| announcement.attempt.deadline;
        let drawn = |of: Option<IpAddr>| {
            let all = self.drawn.iter().filter(move |(_, address, _)| of.is_none_or(|of| of == *address));
            all.map(|(when, ..)| when + life)
        };
        if waiting().count() >= WAITING.0 {
            soonest(waiting().map(deadline).min())
        } else if of_one().count() >= WAITING.1 {
            soonest(of_one().map(deadline).min())
        } else if drawn(None).count() >= DRAWN.0 {
            soonest(drawn(None).min())
        } else if drawn(Some(peer)).count() >= DRAWN.1 {
            soonest(drawn(Some(peer)).min())
        } else {
            None
        }
    }

    fn push(&mut self, announcement: Announcement, now: u64) {
        self.drawn.push_back((now, announcement.caller.peer, announcement.session));
        self.all.push(announcement);
        while self.all.len() > WAITING.0 + REMEMBERED
            && let Some(over) = self.all.iter().position(|announcement| announcement.attempt.is_over())
        {
            self.all.remove(over);
        }
    }

    /// One of them was bound: its code helps nobody who looks for another.
    pub(super) fn was_bound(&mut self, session: SessionId) {
        self.drawn.retain(|(_, _, drawn_for)| *drawn_for != session);
    }

    /// A connection has ended.
    pub(super) fn left(&mut self, session: SessionId) {
        for announcement in self.all.iter_mut().filter(|announcement| announcement.session == session) {
            // Also one whose device has not named its nonce yet.
            announcement.attempt.end(BindFailure::DeviceLeft);
        }
    }
}

impl Hub {
    pub(super) fn on_announce(&mut self, session: SessionId, announce: Box<Announce>, caller: Caller, now: Now) {
        let outbox = caller.outbox.clone();
        if announce.v != wire::VERSION {
            return self.refuse(&outbox, Code::Version, Close::Protocol);
        }
        // The session has looked already; a code over a line that others can change would prove nothing.
        if caller.chan == Chan::Plain {
            return self.refuse(&outbox, Code::NotAllowed, Close::Refused);
        }
        let (Some(name), Some(public_key)) = (id::clean_name(&announce.name), proof::public_key(&announce.pk)) else {
            return self.refuse(&outbox, Code::NotUnderstood, Close::Protocol);
        };
        let life = millis(self.facts.timing.confirm);
        if let Some(wait) = self.announcements.closed_for(caller.peer, now.mono, life) {
            return self.refuse_for(&outbox, wait);
        }
        let (mut an, mut b) = (Blob([0; 32]), Blob([0; 8]));
        if getrandom::fill(&mut an.0).and_then(|()| getrandom::fill(&mut b.0)).is_err() {
            return self.refuse(&outbox, Code::Stopping, Close::Restarting);
        }
        let sig = announce::sign_answer(&self.facts.service_key, &announce, (&caller.sn, &caller.chan), &an);
        let frame = ToDevice::AnnounceWait { an: an.clone(), sig, expires_s: life / 1_000 };
        let attempt = Attempt::new(b, now.mono + life, now.wall.saturating_add_unsigned(life));
        self.announcements.push(Announcement { attempt, session, caller, announce, public_key, name, an }, now.mono);
        self.effects.push(Effect::Device(outbox, frame));
    }

    fn refuse_for(&mut self, outbox: &Outbox, wait_ms: u64) {
        let retry_ms = Some(wait_ms);
        let error = ErrFrame { retry_ms, ..ErrFrame::of(Code::Stopping) };
        self.effects.push(Effect::Device(outbox.clone(), ToDevice::Err(error)));
        self.effects.push(Effect::Device(outbox.clone(), ToDevice::Bye(Bye { code: Code::Stopping, retry_ms })));
        self.effects.push(Effect::Close(outbox.clone(), Close::Protocol));
    }

    pub(super) fn on_announce_reveal(&mut self, session: SessionId, cn: Blob<32>, now: Now) {
        let spk = Blob(self.facts.service_key.verifying_key().to_bytes());
        let Some(Announcement { attempt, caller, announce, public_key, name, an, .. }) =
            self.announcements.all.iter_mut().find(|announcement| announcement.session == session)
        else {
            return;
        };
        if attempt.is_over() || !attempt.is_unclaimed() {
            return;
        }
        let meeting = Meeting { sn: caller.sn.clone(), spk, cn, chan: caller.chan.clone() };
        let code = announce::code(&meeting, an, &announce.pk);
        let claim = Claim {
            session,
            outbox: caller.outbox.clone(),
            public_key: *public_key,
            claimant: Claimant {
                name: name.clone(),
                kind: announce.kind,
                address: caller.peer,
                how: Confirm::Code,
                entry: Entry::Announced,
            },
            secure: true,
            since_ms: now.wall,
            code: format!("{code:06}"),
            shown: false,
            tries_left: WRONG_CODES,
        };
        let deadline = attempt.deadline;
        attempt.claimed(claim, deadline);
    }

    /// A device that asks shows its code: only now a person can be asked.
    pub(super) fn announcement_shown(&mut self, session: SessionId) {
        let shown =
            self.announcements.attempts_mut().find_map(|attempt| attempt.shown(session).then(|| attempt.b.encode()));
        if let Some(handle) = shown {
            self.effects.push(Effect::Notice(Notice::DeviceAsks(handle.into())));
        }
    }
}
