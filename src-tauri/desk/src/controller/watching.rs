//! What the system says by itself: addresses come and go, the computer sleeps and wakes up.

use futures_util::StreamExt;
use tokio::sync::mpsc;

use super::{Controller, Event, Topic};
use crate::control::answer::AddressReach;
use crate::failure::{Failure, FailureCode};
use crate::networks::{self, Identity, Present};
use crate::release::{Source, keep_looking};
use crate::shell::Shell;
use crate::state::Did;
use crate::view::Permission;

/// How far the two clocks may drift apart between two events before the computer must have slept.
const SLEPT_MS: i64 = 10_000;
/// How often a silent router is looked for before its subnet counts.
const LOOKS: u32 = 2;

impl<S: Shell> Controller<S> {
    /// Starts to listen to the system. What it does not offer is no error.
    pub(super) fn watch_system(&self) {
        tokio::spawn(watch_addresses(self.reports.clone()));
        // A server does not sleep; should it all the same, the clocks tell.
        #[cfg(target_os = "linux")]
        if self.shell.is_desktop() {
            tokio::spawn(watch_sleep(self.reports.clone()));
        }
    }

    /// Where secrets are kept; on a desktop it is found out whether the keyring works.
    pub(super) fn watch_secrets(&self) {
        let (vault, reports, look) = (self.vault.clone(), self.reports.clone(), self.look_at_keyring);
        tokio::spawn(async move {
            let mut view = vault.watch();
            let looking = async {
                if look {
                    vault.look().await;
                }
            };
            let telling = async {
                while view.changed().await.is_ok() {
                    if reports.send(Event::Secrets).await.is_err() {
                        return;
                    }
                }
            };
            tokio::join!(looking, telling);
        });
    }

    /// How this app stands with the OpenClaw gateway.
    pub(super) fn watch_gateway(&self) {
        let (mut view, reports) = (self.operator.watch(), self.reports.clone());
        tokio::spawn(async move {
            while view.changed().await.is_ok() {
                let now = Box::new(view.borrow_and_update().clone());
                if reports.send(Event::Gateway(now)).await.is_err() {
                    return;
                }
            }
        });
    }

    /// What a look found, and how far a repair is.
    pub(super) fn watch_workshop(&self) {
        let (mut view, reports) = (self.workshop.watch(), self.reports.clone());
        tokio::spawn(async move {
            while view.changed().await.is_ok() {
                let now = Box::new(view.borrow_and_update().clone());
                if reports.send(Event::Care(now)).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Whether a newer release is there: only a person at a desktop is told.
    pub(super) fn watch_releases(&mut self) {
        if self.shell.is_desktop()
            && let (Some(source), Some(wanted)) = (Source::of_build(), self.lookout.wanted())
        {
            tokio::spawn(keep_looking(source, self.folders.clone(), wanted, self.reports.clone()));
        }
    }

    /// Where the system does not say so, a wall clock that ran on tells that the computer slept.
    pub(super) fn notice_sleep(&mut self) {
        let ahead = self.clock.wall_ms() - i64::try_from(self.clock.monotonic_ms()).unwrap_or(i64::MAX);
        let before = std::mem::replace(&mut self.ahead_ms, ahead);
        if ahead - before > SLEPT_MS {
            self.woke();
        }
    }

    /// The computer was away: everybody comes back at once, and perhaps elsewhere.
    pub(super) fn woke(&mut self) {
        tracing::info!("woke up");
        let now_ms = self.now_ms();
        self.state.gather(now_ms);
        self.deadlines.look_again();
        self.read_soon();
        let service = self.service.clone();
        // One that has ended says so itself.
        tokio::spawn(async move {
            let _ = service.woke().await;
        });
    }

    pub(super) fn permission(&self) -> Permission {
        self.permit.permission(&self.network, &self.settings)
    }

    /// Looks at the interfaces, off this thread: a system may take its time.
    pub(super) fn look(&mut self) {
        self.work.spawn(async {
            let looked = tokio::task::spawn_blocking(networks::look).await;
            Event::Looked(match looked {
                Ok(Ok(present)) => Ok(present),
                Ok(Err(error)) => Err(Failure::caused(FailureCode::InterfacesUnreadable, &error)),
                Err(error) => Err(Failure::caused(FailureCode::InterfacesUnreadable, &error)),
            })
        });
    }

    /// What the interfaces say now.
    pub(super) fn looked(&mut self, looked: Result<Present, Failure>) {
        let mut present = match looked {
            Ok(present) => present,
            Err(failure) => return self.trouble(Topic::Interfaces, Some(failure)),
        };
        self.trouble(Topic::Interfaces, None);
        if let Identity::Unheard { .. } = present.network {
            self.looks += 1;
            if self.looks > LOOKS {
                present.settle();
            } else {
                self.deadlines.look_again();
            }
        } else {
            self.looks = 0;
        }
        if present == self.network {
            return;
        }
        tracing::info!(addresses = ?present.addresses, "the network changed");
        let now_ms = self.now_ms();
        self.state.gather(now_ms);
        let gone = |ip: &std::net::IpAddr| present.addresses.iter().all(|kept| kept.ip != *ip);
        self.proven.retain(|ip, _| !gone(ip));
        if matches!(self.network.network, Identity::Unheard { .. })
            && self.network.addresses.first() != present.addresses.first()
        {
            // What was decided for a network that was left before it was known is not for this one.
            self.permit.fresh = self.settings.allow_next_network.then_some(true);
        }
        self.network = present;
        // What it failed with is shown among the troubles.
        let _ = self.remember_network();
        self.show_addresses();
        self.readdress(Default::default());
    }

    /// The person decides about the network that is there.
    pub(super) fn allow(&mut self, allow: bool, reply: super::Reply) {
        if self.network.network == Identity::None {
            return reply.fail(Failure::bare(FailureCode::NoPrivateAddress));
        }
        self.permit.fresh = Some(allow);
        self.permit.only_here = false;
        let now_ms = self.now_ms();
        self.state.did(Did::Moved, now_ms);
        if let Err(failure) = self.remember_network() {
            // It counts for this run all the same: the person sees what is in force.
            reply.fail(failure);
            return self.readdress(Default::default());
        }
        self.readdress(reply);
    }

    /// Keeps a fresh decision, once the network is known.
    pub(super) fn remember_network(&mut self) -> Result<(), Failure> {
        let mut settings = self.settings.clone();
        if self.permit.remember(&self.network, &mut settings) {
            return self.save(settings);
        }
        Ok(())
    }

    /// The best address for the phone page.
    pub(super) fn phone_page(&self) -> Option<String> {
        let addresses = &self.state.shown.network.addresses;
        let own = addresses.iter().find(|address| address.reach == AddressReach::Computer);
        own.or(addresses.first()).map(|address| address.url.clone())
    }
}

/// Says when an address comes or goes. The addresses that are there already come first, and are looked at once more.
async fn watch_addresses(reports: mpsc::Sender<Event>) {
    let mut watcher = match if_watch::tokio::IfWatcher::new() {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "a change of network will not be noticed");
            return;
        }
    };
    while let Some(change) = watcher.next().await {
        if let Err(error) = change {
            tracing::warn!(%error, "a change of network will not be noticed any more");
            return;
        }
        // A full queue holds another change already.
        let _ = reports.try_send(Event::NetworkMoved);
        if reports.is_closed() {
            return;
        }
    }
}

/// Says when the computer wakes up, where logind tells. No logind, no bus: the clocks tell.
#[cfg(target_os = "linux")]
async fn watch_sleep(reports: mpsc::Sender<Event>) {
    let told = async {
        let bus = zbus::Connection::system().await?;
        tell_waking(&bus, LOGIND, &reports).await
    };
    if let Err(error) = told.await {
        tracing::debug!(%error, "the system does not say when it sleeps");
    }
}

/// The name of logind on the system bus.
#[cfg(target_os = "linux")]
const LOGIND: &str = "org.freedesktop.login1";

#[cfg(target_os = "linux")]
async fn tell_waking(bus: &zbus::Connection, sender: &str, reports: &mpsc::Sender<Event>) -> zbus::Result<()> {
    let rule = zbus::MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(sender)?
        .path("/org/freedesktop/login1")?
        .interface("org.freedesktop.login1.Manager")?
        .member("PrepareForSleep")?
        .build();
    let mut signals = zbus::MessageStream::for_match_rule(rule, bus, Some(4)).await?;
    while let Some(signal) = signals.next().await {
        // True before it sleeps, false when it is awake again.
        if let Ok(false) = signal?.body().deserialize::<bool>()
            && reports.send(Event::Woke).await.is_err()
        {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
