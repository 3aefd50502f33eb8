//! The assistant speaks without being asked, or answers where no message is named.

use super::policy::{self, Belongs};
use super::{Hub, Now};
use crate::id::{DeviceKey, TurnId};
use crate::store::NewReply;
use crate::wire::Code;
use crate::wire::upstream::ToPlugin;

impl Hub {
    pub(super) fn on_push(
        &mut self,
        (rid, to, text): (&str, &str, &str),
        by: Option<&str>,
        re_turn: Option<&str>,
        now: Now,
    ) -> rusqlite::Result<()> {
        let device = DeviceKey::parse(to);
        if !self.admits(rid, device.as_ref(), text, now)? {
            return Ok(());
        }
        let Some(device) = device else { return Ok(()) };
        let by = policy::speaker(by);
        let re_turn = re_turn.and_then(TurnId::parse).filter(|turn| turn.device == device);
        let state = re_turn.as_ref().map(|turn| self.store.turn_state(turn)).transpose()?.flatten();
        let belongs = match state.as_deref() {
            None => Belongs::Nothing,
            Some("done") => Belongs::Ended,
            Some(_) => Belongs::Open,
        };
        // What was refused once stays refused: the agent was told so.
        let was_refused = self.store.push_refused(rid)?;
        let who = self.store.speaks_first(&device)?.unwrap_or_default();
        if was_refused || !(self.facts.may_speak)(who, belongs) {
            if !was_refused {
                self.store.refuse_push(rid, &device, by.as_deref(), now.wall)?;
                self.changed();
                tracing::info!(deviceKey = %device, by = by.as_deref().unwrap_or("?"), who = who.as_str(), "a message was refused");
            }
            self.tell_plugin(ToPlugin::Refused { rid: rid.into(), code: Code::NotAllowed });
            return Ok(());
        }
        let mut late = false;
        if let Some(flight) = self.flights.get_mut(&device).filter(|flight| re_turn.as_ref() == Some(&flight.turn)) {
            flight.answered = true;
            late = flight.late;
        }
        // A message that nobody knows here is none that the device could be told of.
        let re = re_turn.as_ref().filter(|_| belongs != Belongs::Nothing).map(|turn| turn.message.as_str());
        let by = by.as_deref();
        let reply = NewReply { device: &device, rid, re, text, late, code: None, by, now: now.wall };
        self.reply(reply, now)?;
        self.tell_plugin(ToPlugin::Stored { rid: rid.into() });
        Ok(())
    }
}
