//! Who holds our port, and which other one is free.

use std::net::{Ipv4Addr, TcpListener};

/// A program that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortHolder {
    /// Process.
    pub pid: u32,
    /// Name of the program.
    pub name: String,
}

/// The program that listens on this TCP port. `None` where the system does not say, as for another user's process.
pub fn find(port: u16) -> Option<PortHolder> {
    let process = listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()?;
    Some(PortHolder { pid: process.pid, name: process.name })
}

/// The first free port above `port` on this computer, at most 20 further.
pub fn free_after(port: u16) -> Option<u16> {
    (1..=20)
        .filter_map(|step| port.checked_add(step))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_this_process_is_found_and_its_port_not_offered() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let holder = find(port).unwrap();
        assert_eq!(holder.pid, std::process::id());
        assert!(!holder.name.is_empty());
        assert_ne!(free_after(port - 1), Some(port));
    }

    #[test]
    fn above_the_last_port_there_is_none() {
        assert_eq!(free_after(u16::MAX), None);
    }
}
