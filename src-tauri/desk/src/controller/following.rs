//! What follows the state: readings of the service, the view, the tray, the notifications, the echo agent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use channel::hub::event::Notice;
use channel::keys;
use channel::service::Agent;
use channel::storage::Health;
use channel::view::{BindProgress, Pending};
use jiff::Zoned;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::event::{Event, Snapshot};
use super::reply::Reply;
use super::{Controller, Topic};
use crate::control::answer::LinkState;
use crate::echo;
use crate::failure::{Failure, FailureCode};
use crate::repair::see_chain;
use crate::shell::Shell;
use crate::state::State;
use crate::tray_menu::{self, tray_menu};
use crate::view::{Phase, View};

/// Of so many newest questions one has ended, or nobody knows.
const TURNS: usize = 8;

impl<S: Shell> Controller<S> {
    /// The service says something: what exactly is read from it.
    pub(super) fn noticed(&mut self, notice: &Notice) {
        self.happened |= *notice == Notice::Devices;
        let said = |code, why: &Arc<str>| Some(Failure::with(code, why.to_string()));
        let trouble = if let Notice::Storage(health) = notice {
            let code = match health {
                Health::Well => None,
                Health::Full => Some(FailureCode::DiskFull),
                Health::Failing => Some(FailureCode::DiskFailing),
            };
            Some((Topic::Store, code.map(Failure::bare)))
        } else if let Notice::StoreDamaged(what) = notice {
            Some((Topic::Damage, said(FailureCode::StoreDamaged, what)))
        } else if let Notice::NotBackedUp(why) = notice {
            Some((Topic::Backup, said(FailureCode::NotBackedUp, why)))
        } else {
            (*notice == Notice::BackedUp).then_some((Topic::Backup, None))
        };
        if let Some((topic, failure)) = trouble {
            let before = self.state.clone();
            self.trouble(topic, failure);
            self.follow(&before);
        }
        self.read_soon();
    }

    /// Reads the service, now or in a moment. Where nobody looks at what is read, never.
    pub(super) fn read_soon(&mut self) {
        self.fresh = false;
        if !self.shell.is_desktop() && self.view.receiver_count() == 0 {
            return;
        }
        if self.reading || self.confirming > 0 {
            self.deadlines.read = Some(Instant::now());
            return;
        }
        if !self.deadlines.read_soon(Instant::now()) {
            return;
        }
        self.reading = true;
        self.fresh = true;
        let service = self.service.clone();
        self.work.spawn(async move {
            let read = async {
                let mut snapshot = Snapshot {
                    devices: service.devices().await?,
                    pending: service.pending().await?,
                    link: service.link().await?,
                    turns: service.turns(None, None, TURNS).await?.turns,
                    reached: Vec::new(),
                };
                snapshot.reached = service.reached();
                Ok::<_, channel::driver::Unanswered>(snapshot)
            };
            Event::Read(Box::new(read.await.ok()))
        });
    }

    /// Somebody watches: a server reads for its watchers only, so that what it read last may be old.
    pub(super) fn watched(&mut self, fresh: oneshot::Sender<()>) {
        self.watchers.push(fresh);
        if !self.fresh && !self.reading {
            self.read_soon();
        }
    }

    /// The view shows how things are.
    pub(super) fn tell_watchers(&mut self) {
        if self.fresh && !self.reading {
            for watcher in self.watchers.drain(..) {
                // Who has gone does not watch any more.
                let _ = watcher.send(());
            }
        }
    }

    pub(super) fn read(&mut self, snapshot: Option<Snapshot>) {
        self.reading = false;
        self.deadlines.last_read = Some(Instant::now());
        // One that has ended says so itself.
        let Some(Snapshot { devices, pending, link, turns, reached }) = snapshot else { return };
        if self.confirming > 0 {
            return;
        }
        if std::mem::take(&mut self.happened) {
            self.state.shown.activity += 1;
        }
        let now_ms = self.now_ms();
        self.follow_claims(&pending);
        self.state.see_devices(devices, &self.settings.muted);
        self.state.see_pending(pending);
        self.state.see_turns(&turns);
        let was = self.state.shown.assistant.link;
        self.state.see_link(link, now_ms);
        if was != self.state.shown.assistant.link && self.agent == Agent::Gateway {
            // What it is in OpenClaw's configuration may be why.
            self.workshop.keeper.glance();
        }
        if (was, self.state.shown.assistant.link) == (LinkState::Offline, LinkState::Online) {
            // Its plugin has come: so has the gateway.
            self.operator.nudge();
        }
        self.proven = reached.into_iter().collect();
        self.show_addresses();
    }

    /// A claim that goes on or ends is no change of a device: each is followed by itself.
    fn follow_claims(&mut self, pending: &[Pending]) {
        for claim in pending {
            let bind = claim.bind.clone();
            if !self.followed.insert(bind.clone()) {
                continue;
            }
            let confirming = claim.confirming;
            let service = self.service.clone();
            self.work.spawn(async move {
                if let Ok(Some(mut progress)) = service.watch_bind(&bind).await {
                    // Its end is a change of this: then nothing comes any more.
                    let _ = progress.wait_for(|now| is_further(now, confirming)).await;
                }
                Event::ClaimMoved(bind)
            });
        }
    }

    /// A claim goes on, or is over.
    pub(super) fn claim_moved(&mut self, bind: &str) {
        self.followed.remove(bind);
        self.read_soon();
    }

    /// Moments that have come.
    pub(super) fn due(&mut self) {
        let now = Instant::now();
        if self.deadlines.read.take_if(|due| *due <= now).is_some() {
            self.read_soon();
        }
        if self.deadlines.look.take_if(|due| *due <= now).is_some() {
            self.look();
        }
        if self.code_until_ms > 0 && self.code_until_ms <= self.now_ms() {
            self.code_until_ms = 0;
            self.show_addresses();
        }
    }

    /// The first look at everything.
    pub(super) fn follow_first(&mut self) {
        self.read_soon();
        let before = self.state.clone();
        // A store that was replaced is news, although it was there before anybody could look.
        if let Some(restored) = self.service.restored() {
            self.trouble(Topic::Restored, Some(Failure::from(&*restored)));
        }
        self.follow(&before);
        self.publish();
    }

    /// After each event: everybody who shows the state.
    pub(super) fn follow(&mut self, before: &State) {
        let now_ms = self.now_ms();
        self.state.forget_acts(now_ms);
        let ages_ms = see_chain(&mut self.state.shown, now_ms);
        let mut wake_ms = None;
        if self.shell.is_desktop() {
            wake_ms = self.announce(before, now_ms);
            self.draw_tray(&mut wake_ms);
        }
        if self.code_until_ms > 0 {
            wake_ms = Some(wake_ms.map_or(self.code_until_ms, |wake| self.code_until_ms.min(wake)));
        }
        self.deadlines.wall_ms = wake_ms.into_iter().chain(ages_ms).min();
        if before.shown != self.state.shown {
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.state.shown.revision += 1;
        self.view.send_replace(Arc::new(self.state.shown.clone()));
    }

    fn announce(&mut self, before: &State, now_ms: i64) -> Option<i64> {
        let step = self.announcer.step(before, &self.state, now_ms);
        for row in step.rows {
            self.state.shown.notices.insert(0, row);
        }
        self.state.shown.notices.truncate(View::NOTICES);
        for announcement in &step.announcements {
            self.shell.notify(announcement);
        }
        step.wake_ms
    }

    fn draw_tray(&mut self, wake_ms: &mut Option<i64>) {
        let now = Zoned::now();
        let menu = tray_menu(&self.state, &now);
        // Times of day become dates at midnight.
        let stale_ms = tray_menu::stale_at_ms(&now);
        *wake_ms = Some(wake_ms.map_or(stale_ms, |wake| wake.min(stale_ms)));
        if self.menu.as_ref() != Some(&menu) {
            self.shell.show_tray(&menu);
            self.menu = Some(menu);
        }
    }

    /// Who answers, looked up again.
    pub(super) fn agent_found(&mut self, agent: Agent, reply: Reply) {
        if agent == self.agent {
            return reply.done();
        }
        tracing::info!(?agent, "another agent answers");
        self.agent = agent;
        let now_ms = self.now_ms();
        self.state.see_agent(agent, now_ms);
        self.stop_echo();
        let service = self.service.clone();
        self.work.spawn(async move {
            // One that has ended says so itself.
            let _ = service.set_agent(agent).await;
            Event::AgentSet(reply)
        });
        self.tend_echo();
    }

    /// The echo agent is there while it is the one and somebody could ask it: else it would knock at a closed door for ever.
    pub(super) fn tend_echo(&mut self) {
        let running = self.state.shown.service.phase == Phase::Running;
        let port = (running && self.agent == Agent::Echo).then_some(self.state.shown.service.port);
        if self.echo.as_ref().map(|(port, _)| *port) == port {
            return;
        }
        self.stop_echo();
        let Some(port) = port else { return };
        match keys::load_or_create(&self.folders.link_key()) {
            Ok(link_key) => {
                let cancel = CancellationToken::new();
                let config = echo::Config::new(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port), link_key);
                tokio::spawn(echo::run(config, cancel.clone()));
                self.echo = Some((port, cancel));
            }
            Err(error) => tracing::error!(%error, "the echo agent has no key"),
        }
    }

    pub(super) fn stop_echo(&mut self) {
        if let Some((_, cancel)) = self.echo.take() {
            cancel.cancel();
        }
    }
}

/// Whether a claim is no longer where it was.
fn is_further(now: &BindProgress, confirming: bool) -> bool {
    match now {
        BindProgress::Waiting { .. } | BindProgress::Scanned(_) => confirming,
        BindProgress::Confirming(_) => !confirming,
        BindProgress::Bound { .. } | BindProgress::Failed(_) => true,
    }
}
