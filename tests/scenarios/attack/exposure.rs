//! T21: while the switch "devices on my network" is off, nothing of the service can be reached from the network. A whole scan of all ports, over IPv4 and IPv6.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use support::channel_service::ChannelService;
use support::lab::{Lab, Namespace};

use super::PORT;

/// A closed port says so at once; only a filtered one is silent.
const ANSWER: Duration = Duration::from_millis(500);
const SCANNERS: u16 = 4;

/// The open TCP ports of an address, as its neighbour sees them.
fn open_ports(from: &Namespace, address: IpAddr) -> Vec<u16> {
    let mut open: Vec<u16> = std::thread::scope(|scope| {
        let scanners: Vec<_> = (0..SCANNERS)
            .map(|first| {
                scope.spawn(move || {
                    let ports = (1..=u16::MAX).filter(|port| port % SCANNERS == first);
                    let is_open =
                        |port: &u16| TcpStream::connect_timeout(&SocketAddr::new(address, *port), ANSWER).is_ok();
                    from.enter(|| ports.filter(is_open).collect::<Vec<_>>())
                })
            })
            .collect();
        scanners
            .into_iter()
            .flat_map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    open.sort_unstable();
    open
}

/// What listens in the computer's network on anything but the loopback, as the kernel lists it; UDP has no other way to be seen.
fn reachable(service: &ChannelService<'_>) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let rows = fs::read_to_string(format!("/proc/{}/net/{table}", service.process()))?;
        for row in rows.lines().skip(1) {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let [_, local, _, state, ..] = fields[..] else { continue };
            let listens = table.starts_with("udp") || state == "0A";
            let loopback = local.starts_with("0100007F:") || local.starts_with("00000000000000000000000001000000:");
            if listens && !loopback {
                found.push(format!("{table} {local}"));
            }
        }
    }
    Ok(found)
}

fn addresses(service: &ChannelService<'_>) -> Result<Vec<SocketAddr>> {
    let status = service.control()?.ask("status", json!({}))?;
    let urls = status["addresses"].as_array().into_iter().flatten().filter(|one| one["reach"] == "network");
    let hosts = urls.filter_map(|one| one["url"].as_str()?.strip_prefix("http://")?.trim_end_matches('/').parse().ok());
    Ok(hosts.collect())
}

#[test]
fn nothing_is_open_to_the_network_before_the_switch_and_after_it() -> Result<()> {
    let lab = Lab::new();
    let v6 = lab.give_ipv6();
    let service = ChannelService::start(&lab.computer, &["--agent", "gateway"])?;
    let scan = |address: IpAddr| open_ports(&lab.phone, address);
    let both: [IpAddr; 2] = [Lab::COMPUTER.into(), v6.into()];
    for address in both {
        ensure!(scan(address) == [0; 0], "before the switch {address} has {:?} open", scan(address));
    }
    ensure!(reachable(&service)?.is_empty(), "{:?}", reachable(&service)?);

    // The twin: with the switch on the same scan finds the port, on exactly the addresses that the service names.
    service.control()?.ask("network.allow", json!({"allow": true}))?;
    let named = addresses(&service)?;
    ensure!(named.contains(&(Lab::COMPUTER, PORT).into()), "{named:?}");
    for address in both {
        let expected: &[u16] = if named.iter().any(|named| named.ip() == address) { &[PORT] } else { &[] };
        ensure!(scan(address) == expected, "{address} has {:?} open, not {expected:?}", scan(address));
    }
    ensure!(!reachable(&service)?.is_empty(), "the kernel's list does not show what is open");

    service.control()?.ask("network.allow", json!({"allow": false}))?;
    for address in both {
        ensure!(scan(address) == [0; 0], "after the switch {address} has {:?} open", scan(address));
    }
    ensure!(reachable(&service)?.is_empty(), "{:?}", reachable(&service)?);
    Ok(())
}
