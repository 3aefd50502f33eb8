//! macOS and Windows: cannot look yet, nor hold a process, and says so. Nothing is done upon what cannot be seen.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::seen::{Blind, Seen};
use crate::survey::{Here, Listener, Process, Scope, Service};
use crate::target::{Ending, Refused};

/// This program and this computer.
pub(crate) fn here() -> Here {
    let blind = Blind::Unsupported;
    Here {
        uid: Seen::Hidden(blind),
        boot_id: Seen::Hidden(blind),
        booted_ms: Seen::Hidden(blind),
        namespaces: Seen::Hidden(blind),
        container: Seen::Hidden(blind),
    }
}

/// The LISTEN sockets of a port.
pub(crate) fn listeners(_port: u16) -> Seen<Vec<Listener>> {
    Seen::Hidden(Blind::Unsupported)
}

/// A process, if it lives.
pub(crate) fn process(_pid: u32) -> Option<Process> {
    None
}

/// Who holds the other end of a connection of ours.
pub(crate) fn other_end(_local: SocketAddr, _peer: SocketAddr) -> Seen<Vec<u32>> {
    Seen::Hidden(Blind::Unsupported)
}

/// Every LISTEN socket.
pub(crate) fn every_listener() -> Seen<Vec<Listener>> {
    Seen::Hidden(Blind::Unsupported)
}

/// The ports where somebody listens.
pub(crate) fn taken_ports() -> Seen<Vec<u16>> {
    Seen::Hidden(Blind::Unsupported)
}

/// Every process that is a gateway.
pub(crate) fn gateways() -> Seen<Vec<Process>> {
    Seen::Hidden(Blind::Unsupported)
}

/// The services of a manager that start gateways.
pub(crate) fn services(_scope: Scope, _others: &[String]) -> Seen<Vec<Service>> {
    Seen::Hidden(Blind::Unsupported)
}

/// Nobody.
#[derive(Debug)]
pub(crate) enum Handle {}

impl Handle {
    pub(crate) fn open(_pid: u32) -> Result<Self, Refused> {
        Err(Refused::Unseen(Blind::Unsupported))
    }

    pub(crate) fn tell(&self, _ending: Ending) -> Result<(), Refused> {
        match *self {}
    }

    pub(crate) fn ends_within(&self, _wait: Duration) -> Result<bool, Refused> {
        match *self {}
    }
}

/// There is none.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    None
}
