//! Messages up, replies down, in order, each once.

use super::event::{Notice, SessionId};
#[cfg(test)]
use super::tests::hostile_plugin::Check;
use super::{Effect, Hub, Now, millis};
use crate::id::{self, DeviceKey, MessageId, TurnId};
use crate::storage::Room;
use crate::store::{NewReply, NewTurn, ReplyRow, Standing};
use crate::wire::device::{Bye, ErrFrame, Reply, Stage, Stored, ToDevice, TurnState};
use crate::wire::upstream::{FromPlugin, Outcome, ToPlugin};
use crate::wire::{self, Close, Code};

impl Hub {
    pub(super) fn on_message(&mut self, session: SessionId, id: &str, text: &str, now: Now) -> rusqlite::Result<()> {
        let Some(attached) = self.sessions.get(&session) else { return Ok(()) };
        let (device, outbox) = (attached.device.clone(), attached.outbox.clone());
        let Some(message) = MessageId::parse(id) else {
            self.refuse(&outbox, Code::NotUnderstood, Close::Protocol);
            return Ok(());
        };
        let problem = |hub: &mut Self, code| hub.tell_device(&device, ToDevice::Err(ErrFrame::of(code).about(id)));
        if text.is_empty() || text.len() > wire::TEXT {
            problem(self, Code::TooLong);
            return Ok(());
        }
        match self.store.standing(&device, &message, text)? {
            Standing::OtherText => problem(self, Code::IdReused),
            Standing::Known(state) => {
                self.tell_device(&device, ToDevice::Ack { id: id.into(), st: Stored::Dup });
                let s = match state.as_str() {
                    "done" => TurnState::Done,
                    "sent" => TurnState::Sent,
                    _ => TurnState::Queued,
                };
                self.tell_device(&device, ToDevice::Turn { re: id.into(), s, stage: None });
            }
            Standing::New if self.room != Room::Plenty => self.cannot_store(session, id),
            Standing::New => {
                let (count, bytes) = self.store.open_turns(&device)?;
                if count >= wire::WAITING.0 as u64 || bytes + text.len() as u64 > wire::WAITING.1 as u64 {
                    problem(self, Code::QueueFull);
                    return Ok(());
                }
                let (received_at, stored_at) = (now.wall, now.wall);
                self.store.insert_turn(NewTurn { device: &device, message: &message, text, received_at, stored_at })?;
                self.tell_device(&device, ToDevice::Ack { id: id.into(), st: Stored::Stored });
                if self.link.is_none() {
                    problem(self, Code::LinkOffline);
                } else if self.flights.contains_key(&device) {
                    self.tell_device(&device, ToDevice::Turn { re: id.into(), s: TurnState::Queued, stage: None });
                }
                self.wants_turn(&device, now)?;
            }
        }
        Ok(())
    }

    pub(super) fn on_got(&mut self, session: SessionId, n: u64, now: Now) -> rusqlite::Result<()> {
        let keep_text = self.facts.keep_text();
        let Some(attached) = self.sessions.get_mut(&session) else { return Ok(()) };
        let n = n.min(attached.sent_n);
        let mut sent_at = None;
        while let Some(&(first, _, at)) = attached.in_flight.front() {
            if first > n {
                break;
            }
            sent_at = Some(at);
            attached.in_flight.pop_front();
        }
        if sent_at.is_some() {
            let device = attached.device.clone();
            self.store.replies_got(&device, n, sent_at, now.wall, keep_text)?;
            self.changed();
            self.pump_replies(session, now)?;
        }
        Ok(())
    }

    /// Sends stored replies as far as the window of the session allows.
    pub(super) fn pump_replies(&mut self, session: SessionId, now: Now) -> rusqlite::Result<()> {
        loop {
            let Some(attached) = self.sessions.get_mut(&session) else { return Ok(()) };
            let bytes: usize = attached.in_flight.iter().map(|(_, bytes, _)| bytes).sum();
            let room = wire::IN_FLIGHT.0.saturating_sub(attached.in_flight.len());
            if room == 0 || bytes >= wire::IN_FLIGHT.1 {
                return Ok(());
            }
            let Some(row) = self.store.replies_after(&attached.device, attached.sent_n, 1)?.pop() else {
                return Ok(());
            };
            if row.damaged {
                tracing::error!(deviceKey = %attached.device, n = row.n, "a stored reply is damaged");
                self.effects.push(Effect::Notice(Notice::StoreDamaged("reply".into())));
            }
            attached.sent_n = row.n;
            attached.in_flight.push_back((row.n, weight(&row.text), now.wall));
            let ReplyRow { n, rid, re, text, late, code, by, damaged: _ } = row;
            let reply = Reply { n, rid, re, text, late, code, by };
            self.effects.push(Effect::Device(attached.outbox.clone(), ToDevice::Reply(reply)));
        }
    }

    /// Stores a reply and sends it if the device is there. The caller has seen that the device is bound.
    pub(super) fn reply(&mut self, reply: NewReply<'_>, now: Now) -> rusqlite::Result<u64> {
        let device = reply.device.clone();
        let n = self.store.insert_reply(reply)?;
        self.changed();
        if let Some(message) = reply.re.and_then(MessageId::parse)
            && self.flights.get(&device).is_none_or(|flight| flight.turn.message != message)
        {
            self.store.turn_reaches(&TurnId { device: device.clone(), message }, n)?;
        }
        let (mut count, mut bytes) = self.store.waiting_replies(&device)?;
        if count > wire::REPLIES.0 as u64 || bytes > wire::REPLIES.1 as u64 {
            while count + 1 > wire::REPLIES.0 as u64 || bytes > wire::REPLIES.1 as u64 {
                let Some(dropped) = self.store.drop_oldest_reply(&device)? else { break };
                count -= 1;
                bytes -= dropped;
            }
            self.expired(&device, now)?;
        }
        if let Some(&session) = self.attached.get(&device) {
            self.pump_replies(session, now)?;
        }
        Ok(n)
    }

    /// Tells a device once that older replies are gone; as the newest reply, so that it comes after what is left.
    pub(super) fn expired(&mut self, device: &DeviceKey, now: Now) -> rusqlite::Result<()> {
        let newest = self.store.device(device)?.map_or(0, |row| row.last_n);
        let told = self.store.replies_after(device, newest.saturating_sub(2), 2)?;
        if told.iter().any(|row| row.code == Some(Code::Expired)) {
            return Ok(());
        }
        self.notice(device, None, Code::Expired, now)?;
        Ok(())
    }

    /// A reply of the service itself, in the words of a code.
    fn notice(&mut self, device: &DeviceKey, re: Option<&str>, code: Code, now: Now) -> rusqlite::Result<()> {
        let (en, zh) = code.words();
        self.own_words(device, re, &format!("{zh}\n{en}"), Some(code), now)
    }

    fn own_words(
        &mut self,
        device: &DeviceKey,
        re: Option<&str>,
        text: &str,
        code: Option<Code>,
        now: Now,
    ) -> rusqlite::Result<()> {
        let rid = format!("s-{}", ulid::Ulid::generate());
        let reply = NewReply { device, rid: &rid, re, text, late: false, code, by: None, now: now.wall };
        self.store.insert_reply(reply)?;
        self.changed();
        if let Some(&session) = self.attached.get(device) {
            self.pump_replies(session, now)?;
        }
        Ok(())
    }

    /// A message that is not what its device said goes to nobody: the device may ask again.
    pub(super) fn give_up_damaged(&mut self, turn: &TurnId, now: Now) -> rusqlite::Result<()> {
        tracing::error!(deviceKey = %turn.device, "a stored message is damaged");
        self.effects.push(Effect::Notice(Notice::StoreDamaged("message".into())));
        let words = "这条消息在电脑的磁盘上已损坏，请重新发送。\nThis message was damaged on the computer's disk. Send it again.";
        self.own_words(&turn.device, Some(turn.message.as_str()), words, Some(Code::OutcomeUnknown), now)?;
        self.end_turn(turn, "damaged", TurnState::Failed, now)
    }

    /// A message of the person at the computer. `None`: no such device.
    pub(super) fn send(&mut self, device: &DeviceKey, text: &str, now: Now) -> rusqlite::Result<Option<(u64, bool)>> {
        if self.store.device_name(device)?.is_none() {
            return Ok(None);
        }
        let rid = format!("u-{}", ulid::Ulid::generate());
        let reply =
            NewReply { device, rid: &rid, re: None, text, late: false, code: None, by: Some("user"), now: now.wall };
        let n = self.reply(reply, now)?;
        Ok(Some((n, self.attached.contains_key(device))))
    }

    pub(super) fn on_plugin_frame(&mut self, session: SessionId, frame: FromPlugin, now: Now) -> rusqlite::Result<()> {
        let is_linked = self.link.as_ref().is_some_and(|link| link.session == session);
        #[cfg(test)]
        let is_linked = is_linked || super::tests::hostile_plugin::unchecked(Check::Link);
        if !is_linked {
            return Ok(());
        }
        match frame {
            FromPlugin::Accepted { turn } => self.on_accepted(&turn, now)?,
            FromPlugin::Progress { turn, stage } => self.on_progress(&turn, stage, now),
            FromPlugin::Partial { turn, text } => self.on_partial(&turn, text, now),
            FromPlugin::Reply { rid, turn, text, error } => self.on_reply(&rid, &turn, &text, error, now)?,
            FromPlugin::Push { rid, to, text, by, re_turn } => {
                self.on_push((&rid, &to, &text), by.as_deref(), re_turn.as_deref(), now)?;
            }
            FromPlugin::Done { rid, turn, outcome, code, detail } => {
                self.on_done(&turn, outcome, (code, detail.as_deref()), now)?;
                self.tell_plugin(ToPlugin::Stored { rid });
            }
            FromPlugin::Auth(_) | FromPlugin::Ping { .. } | FromPlugin::Pong { .. } | FromPlugin::Bye { .. } => {}
        }
        Ok(())
    }

    fn flight(&mut self, turn: &str) -> Option<&mut super::Flight> {
        let turn = TurnId::parse(turn)?;
        self.flights.get_mut(&turn.device).filter(|flight| flight.turn == turn)
    }

    fn on_accepted(&mut self, turn: &str, now: Now) -> rusqlite::Result<()> {
        if let Some(flight) = self.flight(turn) {
            flight.times.accepted.get_or_insert(now.wall);
            let turn = flight.turn.clone();
            let re = turn.message.as_str().to_owned();
            self.tell_device(&turn.device, ToDevice::Turn { re, s: TurnState::Running, stage: None });
            if let Some(link) = &mut self.link {
                link.unaccepted.remove(&turn);
            }
        }
        self.pump_turns(now)
    }

    fn on_progress(&mut self, turn: &str, stage: Stage, now: Now) {
        let Some(flight) = self.flight(turn) else { return };
        flight.times.started.get_or_insert(now.wall);
        if stage == Stage::Tool {
            flight.times.tool.get_or_insert(now.wall);
        }
        let turn = flight.turn.clone();
        let re = turn.message.as_str().to_owned();
        self.tell_device(&turn.device, ToDevice::Turn { re, s: TurnState::Running, stage: Some(stage) });
    }

    fn on_partial(&mut self, turn: &str, text: String, now: Now) {
        if !fits(&text) {
            return;
        }
        let Some(flight) = self.flight(turn) else { return };
        flight.answered = true;
        flight.times.first_token.get_or_insert(now.wall);
        let turn = flight.turn.clone();
        self.tell_device(&turn.device, ToDevice::Partial { re: turn.message.as_str().into(), text });
    }

    /// Whether a stored frame of the plugin may become a reply. If not, the plugin was answered.
    pub(super) fn admits(
        &mut self,
        rid: &str,
        device: Option<&DeviceKey>,
        text: &str,
        now: Now,
    ) -> rusqlite::Result<bool> {
        if !id::is_rid(rid) {
            // Without a usable id there is nothing to answer to; the plugin is wrong in itself.
            if let Some(outbox) = self.end_link(now) {
                let bye = Bye { code: Code::NotUnderstood, retry_ms: None };
                self.effects.push(Effect::Plugin(outbox.clone(), ToPlugin::Bye(bye)));
                self.effects.push(Effect::Close(outbox, Close::Protocol));
            }
            return Ok(false);
        }
        if self.store.reply_known(rid)? {
            self.tell_plugin(ToPlugin::Stored { rid: rid.into() });
            return Ok(false);
        }
        let bound = device.map(|device| self.store.device_name(device)).transpose()?.flatten().is_some();
        let fits = fits(text);
        #[cfg(test)]
        let fits = fits || super::tests::hostile_plugin::unchecked(Check::Size);
        let code = match bound {
            false => Code::Removed,
            true if fits => return Ok(true),
            true => Code::TooLong,
        };
        self.tell_plugin(ToPlugin::Refused { rid: rid.into(), code });
        Ok(false)
    }

    fn on_reply(&mut self, rid: &str, turn: &str, text: &str, error: bool, now: Now) -> rusqlite::Result<()> {
        let turn = TurnId::parse(turn);
        if !self.admits(rid, turn.as_ref().map(|turn| &turn.device), text, now)? {
            return Ok(());
        }
        let Some(turn) = turn else { return Ok(()) };
        if self.store.turn_state(&turn)?.is_none() {
            self.tell_plugin(ToPlugin::Refused { rid: rid.into(), code: Code::Removed });
            return Ok(());
        }
        let mut late = false;
        if let Some(flight) = self.flights.get_mut(&turn.device).filter(|flight| flight.turn == turn) {
            flight.answered = true;
            flight.times.first_token.get_or_insert(now.wall);
            flight.times.finished = Some(now.wall);
            late = flight.late;
        }
        let code = error.then_some(Code::AgentError);
        let re = Some(turn.message.as_str());
        self.reply(NewReply { device: &turn.device, rid, re, text, late, code, by: None, now: now.wall }, now)?;
        self.tell_plugin(ToPlugin::Stored { rid: rid.into() });
        Ok(())
    }

    fn on_done(
        &mut self,
        turn: &str,
        outcome: Outcome,
        (code, detail): (Option<Code>, Option<&str>),
        now: Now,
    ) -> rusqlite::Result<()> {
        let Some(turn) = TurnId::parse(turn) else { return Ok(()) };
        if self.store.turn_state(&turn)?.is_none_or(|state| state == "done") {
            return self.land(&turn, now);
        }
        let re = turn.message.as_str();
        match outcome {
            Outcome::Failed => {
                let code = code.unwrap_or(Code::AgentError);
                match detail.map(str::trim).filter(|words| (1..=wire::TEXT).contains(&words.len())) {
                    Some(words) => self.own_words(&turn.device, Some(re), words, Some(code), now)?,
                    None => self.notice(&turn.device, Some(re), code, now)?,
                }
            }
            Outcome::Aborted => self.notice(&turn.device, Some(re), Code::TurnStopped, now)?,
            Outcome::Duplicate if !self.store.has_reply(&turn)? => {
                self.notice(&turn.device, Some(re), Code::OutcomeUnknown, now)?;
            }
            Outcome::Duplicate | Outcome::Answered | Outcome::Silent => {}
        }
        let s = if outcome == Outcome::Failed { TurnState::Failed } else { TurnState::Done };
        self.end_turn(&turn, outcome.as_str(), s, now)
    }

    fn end_turn(&mut self, turn: &TurnId, outcome: &str, s: TurnState, now: Now) -> rusqlite::Result<()> {
        let times = self.flights.get(&turn.device).filter(|flight| flight.turn == *turn).map(|flight| flight.times);
        self.store.turn_done(turn, outcome, times.unwrap_or_default(), now.wall, self.facts.keep_text())?;
        self.tell_device(&turn.device, ToDevice::Turn { re: turn.message.as_str().into(), s, stage: None });
        self.land(turn, now)
    }

    /// The plugin has nothing more to do with a turn: the device's next one may go.
    fn land(&mut self, turn: &TurnId, now: Now) -> rusqlite::Result<()> {
        if self.flights.get(&turn.device).is_some_and(|flight| flight.turn == *turn) {
            self.flights.remove(&turn.device);
            self.changed();
        }
        if let Some(link) = &mut self.link {
            link.unaccepted.remove(turn);
        }
        self.wants_turn(&turn.device, now)
    }

    pub(super) fn expire_turns(&mut self, now: Now) -> rusqlite::Result<()> {
        let timing = &self.facts.timing;
        let (answer, stop) = (millis(timing.answer), millis(timing.stop));
        let mut slow = Vec::new();
        let mut over = Vec::new();
        for flight in self.flights.values_mut() {
            if now.mono >= flight.since + stop {
                over.push(flight.turn.clone());
            } else if !flight.answered && !flight.late && now.mono >= flight.since + answer {
                flight.late = true;
                slow.push(flight.turn.clone());
            }
        }
        for turn in slow {
            self.store.turn_late(&turn)?;
            let problem = ErrFrame::of(Code::NoAnswerYet).about(turn.message.as_str());
            self.tell_device(&turn.device, ToDevice::Err(problem));
            let after_s = answer / 1_000;
            self.tell_plugin(ToPlugin::Slow { turn: turn.to_string(), device: turn.device.to_string(), after_s });
            tracing::warn!(code = 9002, deviceKey = %turn.device, afterS = after_s, "the AI has not answered in time");
        }
        for turn in over {
            self.tell_plugin(ToPlugin::Abort { turn: turn.to_string() });
            self.notice(&turn.device, Some(turn.message.as_str()), Code::TurnStopped, now)?;
            self.end_turn(&turn, "stopped", TurnState::Failed, now)?;
        }
        Ok(())
    }
}

/// Whether words fit into a frame to a device: control characters and quotes grow when they are escaped.
fn fits(text: &str) -> bool {
    const ENVELOPE: usize = 1_024;
    (1..=wire::TEXT).contains(&text.len()) && weight(text) <= wire::DEVICE_FRAME - ENVELOPE
}

/// Bytes of words in a frame.
fn weight(text: &str) -> usize {
    wire::encode(&text).len()
}
