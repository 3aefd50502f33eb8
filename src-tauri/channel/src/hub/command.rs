//! What a person at the computer asks for.

use super::event::Command;
use super::{Hub, Now};
use crate::view::Happened;

/// Turns that `devices status` shows.
const SHOWN_TURNS: usize = 20;

impl Hub {
    pub(super) fn on_command(&mut self, command: Command, now: Now) -> rusqlite::Result<()> {
        match command {
            Command::IssueTicket { address, reply } => {
                let ticket = self.issue_ticket(address, now);
                self.answer(reply, ticket);
            }
            Command::WatchBind { bind, reply } => {
                let progress = self.watch_bind(&bind);
                self.answer(reply, progress);
            }
            Command::ConfirmBind { bind, typed, reply } => self.confirm_bind(&bind, &typed, reply, now)?,
            Command::RejectBind { bind, reply } => {
                let known = self.reject_bind(&bind);
                self.answer(reply, known);
            }
            Command::AddScript { public_key, name, reply } => {
                let added = self.add_script(&public_key, &name, now)?;
                self.answer(reply, added);
            }
            Command::Pending { reply } => {
                let pending = self.pending();
                self.answer(reply, pending);
            }
            Command::Devices { reply } => {
                self.read();
                let rows = self.store.devices()?;
                let devices = rows.into_iter().map(|row| self.device_view(row, now)).collect::<Result<Vec<_>, _>>()?;
                self.answer(reply, devices);
            }
            Command::DeviceStatus { device, reply } => {
                self.read();
                let status = match self.store.device(&device)? {
                    Some(row) => {
                        let turns = self.store.turn_records(&device, SHOWN_TURNS)?;
                        Some((self.device_view(row, now)?, turns))
                    }
                    None => None,
                };
                self.answer(reply, status);
            }
            Command::Rename { device, name, reply } => {
                let known = self.rename_device(&device, &name)?;
                self.answer(reply, known);
            }
            Command::SpeaksFirst { device, who, reply } => {
                let known = self.store.set_speaks_first(&device, who)?;
                self.changed();
                self.answer(reply, known);
            }
            Command::Remove { device, reply } => {
                let lost = self.remove_device(&device)?;
                self.answer(reply, lost);
            }
            Command::Send { device, text, reply } => {
                let sent = self.send(&device, &text, now)?;
                self.answer(reply, sent);
            }
            Command::Turns { device, before_ms, limit, reply } => {
                let turns = self.store.turns(device.as_ref(), before_ms, limit)?;
                let unasked = self.store.unasked(device.as_ref(), before_ms, limit)?;
                self.answer(reply, Happened::joined(turns, unasked));
            }
            Command::Link { reply } => self.answer(reply, self.link_view.clone()),
            Command::Change { keep_text_ms, answer, reply } => {
                self.facts.keep_text_ms = keep_text_ms;
                self.facts.timing.answer = answer;
                // What is not kept any more goes now.
                self.next_tidy = now.mono;
                self.answer(reply, ());
            }
            Command::SetAgent { agent, reply } => {
                self.set_agent(agent, now)?;
                self.answer(reply, ());
            }
            Command::ForgetGateway { reply } => {
                self.forget_gateway()?;
                self.answer(reply, ());
            }
            Command::Stop { reply } => {
                self.stop(now)?;
                self.answer(reply, ());
            }
        }
        Ok(())
    }
}
