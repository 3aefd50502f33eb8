//! The plugin's link: who may have it, and what it is given.

use super::event::{Notice, SessionId};
#[cfg(test)]
use super::tests::hostile_plugin::Check;
use super::{Effect, Flight, Hub, LINK_WINDOW, Link, Now};
use crate::agent::{Agent, ECHO_GATEWAY};
use crate::id::DeviceKey;
use crate::outbox::Outbox;
use crate::proof;
use crate::store::Milestones;
use crate::view::LinkView;
use crate::wire::device::{Bye, ErrFrame, LinkState, ToDevice, TurnState};
use crate::wire::upstream::{LinkAuth, ToPlugin};
use crate::wire::{Blob, Close, Code};

/// Least wait of a gateway that may not link, ms.
const REFUSED_MS: u64 = 60_000;

impl Hub {
    pub(super) fn on_link_ready(
        &mut self,
        session: SessionId,
        auth: &LinkAuth,
        sn: &Blob<32>,
        outbox: Outbox,
        now: Now,
    ) -> rusqlite::Result<()> {
        if !self.has_room_for_link(&outbox) {
            return Ok(());
        }
        if !self.may_link(&auth.gateway)? {
            let refused = Effect::Plugin(outbox.clone(), ToPlugin::Err(ErrFrame::of(Code::OtherGateway)));
            self.effects.push(refused);
            let bye = Bye { code: Code::OtherGateway, retry_ms: Some(REFUSED_MS) };
            self.effects.push(Effect::Plugin(outbox.clone(), ToPlugin::Bye(bye)));
            self.effects.push(Effect::Close(outbox, Close::Refused));
            self.link_view.refused_gateway = Some(auth.gateway.clone());
            self.effects.push(Effect::Notice(Notice::GatewayRefused(auth.gateway.as_str().into())));
            return Ok(());
        }
        let generation: u64 = self.store.meta("link_generation")?.and_then(|text| text.parse().ok()).unwrap_or(0) + 1;
        self.store.set_meta("link_generation", Some(&generation.to_string()))?;
        if let Some(older) = self.link.take() {
            let bye = Bye { code: Code::Replaced, retry_ms: Some(5_000) };
            self.effects.push(Effect::Plugin(older.outbox.clone(), ToPlugin::Bye(bye)));
            self.effects.push(Effect::Close(older.outbox, Close::Replaced));
        }
        let mac = proof::link_ready_mac(&self.facts.link_key, sn, &auth.cn, &auth.gateway, generation);
        self.link = Some(Link { session, outbox, unaccepted: std::collections::BTreeSet::new() });
        self.link_view = LinkView {
            online: true,
            since_ms: now.wall,
            gateway: Some(auth.gateway.clone()),
            plugin: Some(auth.plugin.clone()),
            host: Some(auth.host.clone()),
            refused_gateway: None,
        };
        self.tell_plugin(ToPlugin::Ready { r#gen: generation, mac });
        let present: Vec<_> = self
            .sessions
            .values()
            .map(|attached| ToPlugin::Presence {
                device: attached.device.to_string(),
                name: attached.name.to_string(),
                online: true,
            })
            .collect();
        for presence in present {
            self.tell_plugin(presence);
        }
        self.tell_devices(LinkState::Online);
        self.effects.push(Effect::Notice(Notice::LinkUp(self.link_view.clone())));
        tracing::info!(gateway = %auth.gateway, plugin = %auth.plugin, host = %auth.host, generation, "link up");
        // What the old plugin was given may never have reached the new one: all of it goes again, under the same names.
        self.flights.clear();
        self.changed();
        self.ready = self.store.devices_with_open_turns()?.into();
        self.pump_turns(now)
    }

    /// The first gateway that proves the key is the one; the echo agent is never pinned.
    fn may_link(&mut self, gateway: &str) -> rusqlite::Result<bool> {
        match self.facts.agent {
            Agent::Echo => Ok(gateway == ECHO_GATEWAY),
            Agent::Gateway if gateway == ECHO_GATEWAY => Ok(false),
            Agent::Gateway => match self.store.meta("gateway")? {
                Some(pinned) => Ok(pinned == gateway),
                None => {
                    self.store.set_meta("gateway", Some(gateway))?;
                    Ok(true)
                }
            },
        }
    }

    pub(super) fn forget_gateway(&mut self) -> rusqlite::Result<()> {
        self.store.set_meta("gateway", None)?;
        self.link_view.refused_gateway = None;
        if !self.link_view.online {
            self.link_view.gateway = None;
        }
        Ok(())
    }

    pub(super) fn on_link_gone(&mut self, session: SessionId, now: Now) {
        if self.link.as_ref().is_none_or(|link| link.session != session) {
            return;
        }
        self.end_link(now);
        tracing::info!("link down");
    }

    /// The link is over. What the plugin was given is given again to the next one.
    pub(super) fn end_link(&mut self, now: Now) -> Option<Outbox> {
        let link = self.link.take()?;
        self.flights.clear();
        self.ready.clear();
        self.changed();
        self.link_view.online = false;
        self.link_view.since_ms = now.wall;
        self.tell_devices(LinkState::Offline);
        self.effects.push(Effect::Notice(Notice::LinkDown));
        Some(link.outbox)
    }

    /// Another upstream may link. The one that is there goes: it was let in as the other kind.
    pub(super) fn set_agent(&mut self, agent: Agent, now: Now) -> rusqlite::Result<()> {
        if self.facts.agent == agent {
            return Ok(());
        }
        self.facts.agent = agent;
        if let Some(outbox) = self.end_link(now) {
            let bye = Bye { code: Code::OtherGateway, retry_ms: Some(REFUSED_MS) };
            self.effects.push(Effect::Plugin(outbox.clone(), ToPlugin::Bye(bye)));
            self.effects.push(Effect::Close(outbox, Close::Refused));
        }
        let since_ms = self.link_view.since_ms;
        self.link_view = LinkView { gateway: self.store.meta("gateway")?, since_ms, ..LinkView::default() };
        tracing::info!(?agent, "another agent answers");
        Ok(())
    }

    fn tell_devices(&mut self, state: LinkState) {
        let outboxes: Vec<Outbox> = self.sessions.values().map(|attached| attached.outbox.clone()).collect();
        self.effects.extend(outboxes.into_iter().map(|outbox| Effect::Device(outbox, ToDevice::Link { s: state })));
    }

    /// Notes that a device may have a turn for the plugin.
    pub(super) fn wants_turn(&mut self, device: &DeviceKey, now: Now) -> rusqlite::Result<()> {
        if self.link.is_some() && !self.flights.contains_key(device) {
            self.ready.push_back(device.clone());
        }
        self.pump_turns(now)
    }

    /// Gives the plugin what fits: one turn a device, [`LINK_WINDOW`] not yet accepted ones in all.
    pub(super) fn pump_turns(&mut self, now: Now) -> rusqlite::Result<()> {
        let window = LINK_WINDOW;
        #[cfg(test)]
        let window = if super::tests::hostile_plugin::unchecked(Check::Window) { usize::MAX } else { window };
        while self.link.as_ref().is_some_and(|link| link.unaccepted.len() < window) {
            let Some(device) = self.ready.pop_front() else { return Ok(()) };
            if self.flights.contains_key(&device) {
                continue;
            }
            let Some(turn) = self.store.next_turns(&device, 1)?.pop() else { continue };
            let Some(name) = self.store.device_name(&device)? else { continue };
            if turn.damaged {
                self.give_up_damaged(&turn.id, now)?;
                continue;
            }
            self.store.turn_sent(&turn.id, now.wall)?;
            if let Some(link) = &mut self.link {
                link.unaccepted.insert(turn.id.clone());
            }
            self.tell_plugin(ToPlugin::Deliver {
                turn: turn.id.to_string(),
                device: device.to_string(),
                name,
                text: turn.text,
                ts: turn.received_at,
            });
            let re = turn.id.message.as_str().to_owned();
            self.tell_device(&device, ToDevice::Turn { re, s: TurnState::Sent, stage: None });
            let flight = Flight {
                turn: turn.id,
                since: now.mono,
                answered: false,
                late: turn.late,
                times: Milestones::default(),
            };
            self.flights.insert(device, flight);
            self.changed();
        }
        Ok(())
    }
}
