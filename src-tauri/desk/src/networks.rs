//! In which network this computer is, and what was decided for it.
//!
//! A network is told by its router: the hardware address of the default gateway, which no other network shares. Where there is none (or the system does not
//! say), by its subnet. The core is pure; [`look`] is its edge.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use channel::address::{self, LanAddress};

use crate::settings::Settings;
use crate::view::Permission;

/// What this computer's interfaces say now.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Present {
    /// Private addresses of real networks, best first.
    pub(crate) addresses: Vec<LanAddress>,
    /// The network of the best of them.
    pub(crate) network: Identity,
    /// Whether a tunnel (VPN) is up.
    pub(crate) tunnel: bool,
}

/// What tells a network from others.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum Identity {
    /// There is no network with private addresses.
    #[default]
    None,
    /// Its router is known by address only: it has not been heard yet.
    Unheard {
        /// The router.
        gateway: Ipv4Addr,
        /// What tells the network where the router stays silent.
        subnet: String,
    },
    /// Known.
    Known(String),
}

/// Who may connect from the network that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Permit {
    /// A decision for the network that is there, or for the first that comes: it is remembered once the network is known.
    pub(crate) fresh: Option<bool>,
    /// In this run nobody but this computer, whatever was decided.
    pub(crate) only_here: bool,
}

impl Permit {
    /// Remembers a fresh decision where the network is known. True: `settings` has changed.
    pub(crate) fn remember(&mut self, present: &Present, settings: &mut Settings) -> bool {
        let Identity::Known(id) = &present.network else { return false };
        let Some(allowed) = self.fresh.take() else { return false };
        settings.decide(id, allowed);
        settings.allow_next_network = false;
        true
    }

    /// What counts for the network that is there.
    pub(crate) fn permission(self, present: &Present, settings: &Settings) -> Permission {
        let decided = match &present.network {
            Identity::None => return Permission::Absent,
            Identity::Unheard { .. } => self.fresh,
            Identity::Known(id) => self.fresh.or_else(|| settings.decided(id)),
        };
        match decided {
            None => Permission::Unasked,
            Some(true) if self.only_here => Permission::Refused,
            Some(true) => Permission::Allowed,
            Some(false) => Permission::Refused,
        }
    }
}

/// Whether the person allowed the network that this computer is in, or the next one: for a question at a terminal that need not be asked then.
pub fn is_allowed(settings: &Settings) -> bool {
    let allowed = look().is_ok_and(|present| Permit::default().permission(&present, settings) == Permission::Allowed);
    allowed || settings.allow_next_network
}

/// An interface's address with the length of its network part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// Name.
    pub(crate) name: String,
    /// Address.
    pub(crate) ip: IpAddr,
    /// Length of the network part, in bits.
    pub(crate) prefix: u8,
    /// Leads to one peer, as tunnels do.
    pub(crate) point_to_point: bool,
}

impl Present {
    /// Puts together what the system says: its interfaces, `/proc/net/route` and `/proc/net/arp` (empty where there are none).
    pub(crate) fn of(interfaces: &[Interface], routes: &str, neighbours: &str) -> Self {
        let lan: Vec<LanAddress> = interfaces
            .iter()
            .filter(|interface| !interface.point_to_point)
            .map(|interface| LanAddress { interface: interface.name.clone(), ip: interface.ip })
            .collect();
        let addresses = address::pick(&lan);
        let network = match addresses.first() {
            None => Identity::None,
            Some(best) => identify(best, interfaces, routes, neighbours),
        };
        Self { addresses, network, tunnel: interfaces.iter().any(is_tunnel) }
    }

    /// Takes the subnet where the router stays silent.
    pub(crate) fn settle(&mut self) {
        if let Identity::Unheard { subnet, .. } = &self.network {
            self.network = Identity::Known(subnet.clone());
        }
    }
}

fn identify(best: &LanAddress, interfaces: &[Interface], routes: &str, neighbours: &str) -> Identity {
    let prefix = interfaces.iter().find(|interface| interface.ip == best.ip).map_or(0, |interface| interface.prefix);
    let subnet = format!("net:{}/{prefix}", network_part(best.ip, prefix));
    let Some(gateway) = gateway(routes, &best.interface) else { return Identity::Known(subnet) };
    match hardware_address(neighbours, gateway, &best.interface) {
        Some(mac) => Identity::Known(format!("router:{mac}")),
        None => Identity::Unheard { gateway, subnet },
    }
}

/// The address with its host part zeroed.
fn network_part(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(ip.to_bits() & mask).into()
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            std::net::Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
    }
}

/// The default gateway of an interface, out of `/proc/net/route`: numbers in hexadecimal, in the byte order of the machine.
fn gateway(routes: &str, interface: &str) -> Option<Ipv4Addr> {
    let mut found: Vec<(u32, Ipv4Addr)> = routes
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [name, destination, gateway, flags, _, _, metric, mask, ..] = fields[..] else { return None };
            let flags = u32::from_str_radix(flags, 16).ok()?;
            let is_default = name == interface && destination == "00000000" && mask == "00000000" && flags & 3 == 3;
            let gateway = u32::from_str_radix(gateway, 16).ok().filter(|gateway| is_default && *gateway != 0)?;
            Some((metric.parse().ok()?, Ipv4Addr::from(gateway.to_ne_bytes())))
        })
        .collect();
    found.sort_unstable();
    found.first().map(|(_, gateway)| *gateway)
}

/// The hardware address of a neighbour, out of `/proc/net/arp`; a neighbour that did not answer has none.
fn hardware_address(neighbours: &str, ip: Ipv4Addr, interface: &str) -> Option<String> {
    neighbours.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, mac, _, name] = fields[..] else { return None };
        let complete = u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok()? & 2 != 0;
        let is_it = name == interface && address.parse() == Ok(ip) && complete && mac != "00:00:00:00:00:00";
        is_it.then(|| mac.to_lowercase())
    })
}

fn is_tunnel(interface: &Interface) -> bool {
    const BEGINNINGS: &str = "tun tap wg utun ppp ipsec tailscale zt nordlynx proton mullvad";
    const PARTS: &str = "wireguard openvpn tailscale zerotier vpn";
    // macOS keeps tunnels of its own, which have link-local addresses only.
    let counts = !interface.ip.is_loopback() && !matches!(interface.ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let name = interface.name.to_lowercase();
    counts
        && (BEGINNINGS.split(' ').any(|beginning| name.starts_with(beginning))
            || PARTS.split(' ').any(|part| name.contains(part)))
}

/// Looks at the system: quick, asks nobody.
///
/// # Errors
/// The interfaces cannot be listed.
pub(crate) fn look() -> io::Result<Present> {
    let interfaces: Vec<Interface> = if_addrs::get_if_addrs()?
        .into_iter()
        .filter(|interface| interface.oper_status != if_addrs::IfOperStatus::Down)
        .map(|interface| Interface {
            ip: interface.ip(),
            prefix: match &interface.addr {
                if_addrs::IfAddr::V4(v4) => v4.prefixlen,
                if_addrs::IfAddr::V6(v6) => v6.prefixlen,
            },
            point_to_point: interface.is_p2p(),
            name: interface.name,
        })
        .collect();
    // Absent on other systems, and then the subnet tells the network.
    let table = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let present = Present::of(&interfaces, &table("/proc/net/route"), &table("/proc/net/arp"));
    if let Identity::Unheard { gateway, .. } = present.network {
        knock(gateway);
    }
    Ok(present)
}

/// Makes the system ask for the router's hardware address: one empty datagram to its discard port. Whether it arrives does not matter.
fn knock(gateway: Ipv4Addr) {
    let sent = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.set_nonblocking(true).and_then(|()| socket.send_to(&[], (gateway, 9))));
    if let Err(error) = sent {
        tracing::debug!(%error, "the router cannot be asked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n\
        wlan0\t00000000\tFE01A8C0\t0003\t0\t0\t700\t00000000\t0\t0\t0\n\
        wlan0\t0001A8C0\t00000000\t0001\t0\t0\t600\t00FFFFFF\t0\t0\t0\n\
        eth0\t00000000\t01000A0A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
    const NEIGHBOURS: &str = "IP address       HW type     Flags       HW address            Mask     Device\n\
        192.168.1.9      0x1         0x2         11:11:11:11:11:11     *        wlan0\n\
        192.168.1.1      0x1         0x2         AA:BB:CC:DD:EE:01     *        wlan0\n\
        10.10.0.1        0x1         0x0         00:00:00:00:00:00     *        eth0\n";

    fn at(name: &str, ip: &str, prefix: u8) -> Interface {
        Interface { name: name.into(), ip: ip.parse().unwrap(), prefix, point_to_point: name.starts_with("tun") }
    }

    fn wifi() -> Interface {
        at("wlan0", "192.168.1.23", 24)
    }

    #[test]
    fn a_network_is_told_by_its_router() {
        let present = Present::of(&[at("lo", "127.0.0.1", 8), wifi()], ROUTES, NEIGHBOURS);
        assert_eq!(present.network, Identity::Known("router:aa:bb:cc:dd:ee:01".into()));
        assert_eq!(present.addresses.len(), 1);
        assert!(!present.tunnel);
    }

    #[test]
    fn of_several_networks_the_best_address_decides() {
        let both = [at("eth0", "10.10.0.7", 16), wifi()];
        assert_eq!(Present::of(&both, ROUTES, NEIGHBOURS).network, Identity::Known("router:aa:bb:cc:dd:ee:01".into()));
    }

    #[test]
    fn a_router_that_was_not_heard_is_waited_for_and_then_the_subnet_counts() {
        let mut present = Present::of(&[at("eth0", "10.10.0.7", 16)], ROUTES, NEIGHBOURS);
        let subnet = "net:10.10.0.0/16".to_owned();
        assert_eq!(present.network, Identity::Unheard { gateway: Ipv4Addr::new(10, 10, 0, 1), subnet: subnet.clone() });
        let allowed = Settings::default().with_network(&subnet, true);
        let permission = |present: &Present| Permit::default().permission(present, &allowed);
        assert_eq!(permission(&present), Permission::Unasked, "not known yet is not allowed");
        present.settle();
        assert_eq!(present.network, Identity::Known(subnet));
        assert_eq!(permission(&present), Permission::Allowed);
    }

    #[test]
    fn without_a_router_the_subnet_tells() {
        for (interface, id) in [
            (at("eth1", "192.168.7.130", 25), "net:192.168.7.128/25"),
            (at("eth1", "10.200.3.4", 8), "net:10.0.0.0/8"),
            (at("eth1", "fd12:3456::7", 64), "net:fd12:3456::/64"),
            (at("eth1", "10.200.3.4", 0), "net:0.0.0.0/0"),
        ] {
            assert_eq!(Present::of(&[interface], ROUTES, "").network, Identity::Known(id.into()));
            assert_eq!(
                Present::of(&[at("eth1", "10.200.3.4", 8)], "", "").network,
                Identity::Known("net:10.0.0.0/8".into())
            );
        }
    }

    #[test]
    fn nothing_is_decided_for_another_network_nor_without_one() {
        let settings =
            Settings::default().with_network("router:aa:bb:cc:dd:ee:01", true).with_network("net:10.0.0.0/8", false);
        let permission = |interfaces: &[Interface]| {
            Permit::default().permission(&Present::of(interfaces, ROUTES, NEIGHBOURS), &settings)
        };
        assert_eq!(permission(&[wifi()]), Permission::Allowed);
        assert_eq!(permission(&[at("eth1", "10.1.1.1", 8)]), Permission::Refused);
        assert_eq!(permission(&[at("eth1", "10.1.1.1", 9)]), Permission::Unasked);
        assert_eq!(permission(&[at("lo", "127.0.0.1", 8), at("eth0", "8.8.8.8", 24)]), Permission::Absent);
        assert_eq!(permission(&[]), Permission::Absent);
    }

    #[test]
    fn a_fresh_decision_counts_at_once_and_is_remembered_when_the_network_is_known() {
        let mut settings = Settings::default();
        settings.allow_next_network = true;
        let mut permit = Permit { fresh: Some(true), only_here: false };
        let none = Present::default();
        let unheard = Present::of(&[at("eth0", "10.10.0.7", 16)], ROUTES, NEIGHBOURS);
        let known = Present::of(&[wifi()], ROUTES, NEIGHBOURS);
        for (present, permission) in [(&none, Permission::Absent), (&unheard, Permission::Allowed)] {
            assert!(!permit.remember(present, &mut settings));
            assert_eq!(permit.permission(present, &settings), permission);
        }
        assert!(permit.remember(&known, &mut settings) && !permit.remember(&known, &mut settings));
        assert_eq!((settings.networks.len(), settings.allow_next_network), (1, false));
        assert_eq!(permit.permission(&known, &settings), Permission::Allowed);
        assert_eq!(permit.permission(&unheard, &settings), Permission::Unasked, "it was for one network");
        let here = Permit { only_here: true, ..permit };
        assert_eq!(here.permission(&known, &settings), Permission::Refused);
    }

    #[test]
    fn a_tunnel_is_seen_and_never_opened() {
        for (interface, tunnel) in [
            (at("tun0", "10.8.0.2", 24), true),
            (at("wg0", "10.8.0.2", 24), true),
            (at("utun4", "10.8.0.2", 24), true),
            (at("utun0", "fe80::1", 64), false),
            (at("docker0", "172.17.0.1", 16), false),
        ] {
            let present = Present::of(std::slice::from_ref(&interface), "", "");
            assert_eq!((present.tunnel, present.addresses.len()), (tunnel, 0), "{}", interface.name);
        }
    }

    #[test]
    fn tables_that_are_not_understood_say_nothing() {
        for text in ["", "\n\n", "Iface\nwlan0 x y z", "h\nwlan0\t00000000\tZZ\t0003\t0\t0\t600\t00000000\t0\t0\t0"] {
            assert_eq!(gateway(text, "wlan0"), None, "{text}");
            assert_eq!(hardware_address(text, Ipv4Addr::new(192, 168, 1, 1), "wlan0"), None, "{text}");
        }
    }

    #[test]
    fn this_computer_can_be_looked_at() {
        look().unwrap();
    }
}
