//! Where the service listens: wanted, tried, shown. One attempt at a time; what is wished meanwhile is tried after it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use channel::address::LanAddress;
use channel::service::{Service, StartError};
use serde_json::json;

use super::reply::Reply;
use super::{Controller, Event, Topic};
use crate::control::request::SettingsChange;
use crate::failure::{Failure, FailureCode};
use crate::port_holder;
use crate::shell::Shell;
use crate::state::Did;
use crate::view::{Permission, Phase};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moved {
    /// Where the service listens now.
    pub(crate) listening: Vec<SocketAddr>,
    /// Network addresses that the system refused, and why.
    pub(crate) refused: Vec<(IpAddr, Failure)>,
    /// Why it does not listen as it was wanted to.
    pub(crate) failure: Option<Failure>,
}

/// What is wanted, and who waits for it.
#[derive(Debug)]
pub(super) struct Listening {
    /// Whether the person wants the service to run.
    run: bool,
    /// TCP port.
    port: u16,
    /// Where it listens.
    now: Vec<SocketAddr>,
    /// An attempt is under way; for which port.
    trying: Option<u16>,
    /// Something was wished meanwhile.
    again: bool,
    /// Who waits for the end of it all, and whether they want it to run.
    waiting: Vec<(Goal, Reply)>,
    /// A port that the person chose and that is saved once it is had.
    chosen: Option<(u16, Box<SettingsChange>, Reply)>,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Started,
    Stopped,
    Followed,
}

impl Listening {
    pub(super) fn new(run: bool, port: u16) -> Self {
        Self { run, port, now: Vec::new(), trying: None, again: false, waiting: Vec::new(), chosen: None }
    }

    /// Whether a port is being tried because the person chose it.
    pub(super) fn is_choosing(&self) -> bool {
        self.chosen.is_some()
    }

    /// Whether the person wants the service to run.
    pub(super) fn shall_run(&self) -> bool {
        self.run
    }

    /// A port for the next start.
    pub(super) fn set_port(&mut self, port: u16) {
        self.port = port;
    }
}

/// The addresses to listen on. None: nobody can connect.
pub(crate) fn wanted(run: bool, port: u16, permission: Permission, lan: &[LanAddress]) -> Vec<SocketAddr> {
    let network = match permission {
        Permission::Allowed => lan,
        Permission::Unasked | Permission::Refused | Permission::Absent => &[],
    };
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let all = std::iter::once(loopback).chain(network.iter().map(|lan| lan.ip));
    all.take(if run { usize::MAX } else { 0 }).map(|ip| SocketAddr::new(ip, port)).collect()
}

/// Listens there and nowhere else. A network address that the system refuses (its interface has just gone) is left out; where the loopback is refused, the
/// service goes on as before.
pub(crate) async fn go(service: Service, mut addresses: Vec<SocketAddr>) -> Moved {
    let mut refused = Vec::new();
    loop {
        let error = match service.listen(&addresses).await {
            Ok(listening) => return Moved { listening, refused, failure: None },
            Err(error) => error,
        };
        if let StartError::Bind { address, .. } = &error
            && !address.ip().is_loopback()
        {
            let ip = address.ip();
            addresses.retain(|wanted| wanted.ip() != ip);
            refused.push((ip, error.into()));
            continue;
        }
        // Who holds a port is looked up among all processes: not on a thread that others wait for.
        let failure = tokio::task::spawn_blocking(move || start_failure(error)).await;
        let failure = failure.unwrap_or_else(|_| Failure::bare(FailureCode::Internal));
        return Moved { listening: service.addresses().to_vec(), refused, failure: Some(failure) };
    }
}

/// Why the service does not listen; for a port that is taken, by whom, and another one to offer.
pub(crate) fn start_failure(error: StartError) -> Failure {
    let StartError::AddressInUse { address } = error else { return error.into() };
    let mut detail = json!({ "port": address.port() });
    if let Some(holder) = port_holder::find(address.port()) {
        detail["holder"] = json!({ "pid": holder.pid, "name": holder.name });
    }
    if let Some(free) = port_holder::free_after(address.port()) {
        detail["offer"] = free.into();
    }
    Failure::with(FailureCode::PortInUse, detail)
}

impl<S: Shell> Controller<S> {
    /// The person starts the service, or stops it: remembered first, then done. What cannot be remembered is done all the same, and said.
    pub(super) fn intend(&mut self, run: bool, reply: Reply) {
        self.state.did(if run { Did::Started } else { Did::Stopped }, self.now_ms());
        let mut settings = self.settings.clone();
        settings.stopped = !run;
        let saved = self.save(settings);
        self.listening.run = run;
        let goal = if run { Goal::Started } else { Goal::Stopped };
        match saved {
            Ok(()) => self.listening.waiting.push((goal, reply)),
            Err(failure) => reply.fail(failure),
        }
        self.settle();
    }

    /// The addresses that are wanted may have changed.
    pub(super) fn readdress(&mut self, reply: Reply) {
        self.listening.waiting.push((Goal::Followed, reply));
        self.settle();
    }

    /// The person chose another port. It is listened on before the old one is left.
    pub(super) fn choose_port(&mut self, port: u16, change: Box<SettingsChange>, reply: Reply) {
        self.state.did(Did::Moved, self.now_ms());
        self.listening.chosen = Some((port, change, reply));
        self.settle();
    }

    /// Starts an attempt where what is wanted is not what is; tells those who wait where it is.
    fn settle(&mut self) {
        if self.listening.trying.is_some() {
            self.listening.again = true;
            return;
        }
        let chosen = self.listening.chosen.as_ref().map(|(port, ..)| *port);
        let port = chosen.unwrap_or(self.listening.port);
        let addresses = wanted(self.listening.run, port, self.permission(), &self.network.addresses);
        let failed = self.state.shown.service.phase == Phase::Failed;
        if addresses == self.listening.now && chosen.is_none() && !failed {
            self.tell_waiting();
            return;
        }
        let phase = match (self.listening.run, self.listening.now.is_empty()) {
            (true, true) => Some(Phase::Starting),
            (false, false) => Some(Phase::Stopping),
            (true, false) | (false, true) => None,
        };
        if let Some(phase) = phase {
            let now_ms = self.now_ms();
            self.state.see_phase(phase, None, now_ms);
        }
        self.listening.trying = Some(port);
        let service = self.service.clone();
        self.work.spawn(async move { Event::Moved(go(service, addresses).await) });
    }

    /// An attempt has ended.
    pub(super) fn moved(&mut self, moved: Moved) {
        let Moved { listening, refused, failure } = moved;
        let tried = self.listening.trying.take();
        let was_running = !self.listening.now.is_empty();
        self.listening.now = listening;
        self.troubles.retain(|topic, _| !matches!(topic, Topic::Address(_)));
        self.trouble(Topic::Interfaces, None);
        for (ip, failure) in refused {
            self.trouble(Topic::Address(ip), Some(failure));
        }
        // A free port (0) is had only now.
        if let Some(address) = self.listening.now.first() {
            self.listening.port = address.port();
        }
        self.show_phase(failure.as_ref(), tried, was_running);
        self.end_choice(tried, failure.as_ref());
        self.show_addresses();
        self.write_service_file(!was_running && !self.listening.now.is_empty());
        self.tend_echo();
        if std::mem::take(&mut self.listening.again) {
            self.settle();
        } else {
            self.tell_waiting();
        }
    }

    fn show_phase(&mut self, failure: Option<&Failure>, tried: Option<u16>, was_running: bool) {
        let running = !self.listening.now.is_empty();
        // An attempt for another port that failed changes nothing for those who are connected.
        let failure = failure.filter(|_| !(running && was_running));
        let phase = match (failure, running) {
            (Some(_), _) => Phase::Failed,
            (None, true) => Phase::Running,
            (None, false) => Phase::Stopped,
        };
        let now_ms = self.now_ms();
        if phase != self.state.shown.service.phase {
            tracing::info!(?phase, addresses = ?self.listening.now, "the service moved");
        }
        self.state.see_phase(phase, failure.cloned(), now_ms);
        self.state.shown.service.port = match phase {
            Phase::Failed => tried.unwrap_or(self.listening.port),
            Phase::Stopped | Phase::Starting | Phase::Running | Phase::Stopping => self.listening.port,
        };
    }

    /// The chosen port is saved where it is had; else the person is told, and nothing has changed.
    fn end_choice(&mut self, tried: Option<u16>, failure: Option<&Failure>) {
        // An attempt that began before the choice says nothing about it.
        let ended = self.listening.chosen.take_if(|(port, ..)| tried == Some(*port));
        let Some((port, change, reply)) = ended else { return };
        match failure {
            Some(failure) => reply.fail(failure.clone()),
            None => {
                self.listening.port = port;
                self.change_now(&change, reply);
            }
        }
    }

    fn tell_waiting(&mut self) {
        let failure = self.state.shown.service.failure.clone();
        let running = self.state.shown.service.phase == Phase::Running;
        for (goal, reply) in std::mem::take(&mut self.listening.waiting) {
            match (goal, &failure) {
                (Goal::Started, None) if running => reply.done(),
                // Somebody stopped it meanwhile.
                (Goal::Started, None) => reply.fail(Failure::bare(FailureCode::Stopping)),
                (Goal::Started, Some(failure)) => reply.fail(failure.clone()),
                (Goal::Stopped | Goal::Followed, _) => reply.done(),
            }
        }
    }

    /// Addresses, proofs, hints: after each change of one of them.
    pub(super) fn show_addresses(&mut self) {
        let permission = self.permission();
        self.state.see_addresses(&self.listening.now, &self.network.addresses, &self.proven, permission);
        let code_shown = self.code_until_ms > self.now_ms();
        self.state.see_hints(self.network.tunnel, code_shown);
    }

    /// `service.json` names the port; while stopped, the one of the last attempt. It is written anew when the service starts: the plugin watches it and comes at
    /// once.
    fn write_service_file(&mut self, started: bool) {
        let port = self.state.shown.service.port;
        if self.service_file.port == port && !started {
            return;
        }
        self.service_file.port = port;
        let written = self.service_file.write(&self.folders.service_file());
        let failure = written.err().map(|error| Failure::caused(FailureCode::ServiceFileNotWritten, &error));
        self.trouble(Topic::ServiceFile, failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_allowed_network_is_opened_and_nothing_while_stopped() {
        let lan = [LanAddress { interface: "wlan0".into(), ip: "192.168.1.7".parse().unwrap() }];
        for permission in [Permission::Unasked, Permission::Refused, Permission::Absent] {
            assert_eq!(wanted(true, 8765, permission, &lan), ["127.0.0.1:8765".parse().unwrap()]);
        }
        let both = wanted(true, 8765, Permission::Allowed, &lan);
        assert_eq!(both, ["127.0.0.1:8765".parse().unwrap(), "192.168.1.7:8765".parse().unwrap()]);
        assert_eq!(wanted(false, 8765, Permission::Allowed, &lan), []);
    }

    #[test]
    fn a_taken_port_is_told_with_its_holder_and_another_one() {
        let holder = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = holder.local_addr().unwrap();
        let failure = start_failure(StartError::AddressInUse { address });
        assert_eq!(failure.code, FailureCode::PortInUse);
        assert_eq!(failure.detail["holder"]["pid"], std::process::id());
        assert!(failure.detail["offer"].as_u64().unwrap() > u64::from(address.port()));
    }
}
