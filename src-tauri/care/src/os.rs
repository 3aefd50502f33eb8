//! What only the operating system knows. The same functions on all three; where one cannot look, it says so.
//!
//! Linux reads `/proc`. macOS and Windows have a seam for each concern, [`sockets::Sockets`] and [`processes::Identity`], and what is decided from them is pure
//! and tested on every system.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(target_os = "macos", test))]
mod macos;
#[cfg(any(windows, target_os = "macos"))]
mod processes;
#[cfg(any(windows, target_os = "macos", test))]
mod sockets;
#[cfg(any(windows, target_os = "macos"))]
mod unheld;
#[cfg(any(windows, test))]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    Handle, every_listener, gateways, here, listeners, other_end, process, publisher, runtime_folder, services,
    taken_ports,
};
#[cfg(any(windows, target_os = "macos"))]
pub(crate) use looking::{
    Handle, every_listener, gateways, here, listeners, other_end, process, publisher, runtime_folder, services,
    taken_ports,
};

/// macOS and Windows: the questions, put to the seams.
#[cfg(any(windows, target_os = "macos"))]
mod looking {
    use std::net::SocketAddr;
    use std::path::PathBuf;

    use crate::seen::Seen;
    use crate::survey::{Here, Listener, Process, Publisher, Scope, Service};

    #[cfg(target_os = "macos")]
    use super::macos::{System, services as system_services};
    #[cfg(windows)]
    use super::windows::{System, services as system_services};
    use super::{processes, sockets};

    pub(crate) use super::unheld::Handle;

    /// This program and this computer.
    pub(crate) fn here() -> Here {
        processes::here(&System)
    }

    /// The LISTEN sockets of a port.
    pub(crate) fn listeners(port: u16) -> Seen<Vec<Listener>> {
        sockets::listeners(&System, Some(port))
    }

    /// Every LISTEN socket.
    pub(crate) fn every_listener() -> Seen<Vec<Listener>> {
        sockets::listeners(&System, None)
    }

    /// The ports where somebody listens.
    pub(crate) fn taken_ports() -> Seen<Vec<u16>> {
        sockets::taken_ports(&System)
    }

    /// Who holds the other end of a connection of ours.
    pub(crate) fn other_end(local: SocketAddr, peer: SocketAddr) -> Seen<Vec<u32>> {
        sockets::other_end(&System, local, peer)
    }

    /// A process, if it lives.
    pub(crate) fn process(pid: u32) -> Option<Process> {
        processes::process(&System, pid)
    }

    /// Every process that is a gateway.
    pub(crate) fn gateways() -> Seen<Vec<Process>> {
        processes::gateways(&System)
    }

    /// Who has the port for a container.
    pub(crate) fn publisher(port: u16) -> Option<Publisher> {
        let listeners = listeners(port);
        let listeners = listeners.known()?;
        let owners = listeners.iter().filter_map(|listener| listener.owners.known()).flatten();
        let processes: Vec<Process> = owners.filter_map(|pid| process(*pid)).collect();
        Publisher::find(port, listeners, &processes)
    }

    /// The services of a manager that start gateways.
    pub(crate) fn services(scope: Scope, _others: &[String]) -> Seen<Vec<Service>> {
        system_services(scope)
    }

    /// There is none.
    pub(crate) fn runtime_folder() -> Option<PathBuf> {
        None
    }
}
