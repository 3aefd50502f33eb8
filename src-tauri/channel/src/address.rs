//! Which addresses of this computer "devices on my network" opens: private ones of real networks, never a public one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of this computer that devices of the same network can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanAddress {
    /// Name of the network interface.
    pub interface: String,
    /// The address.
    pub ip: IpAddr,
}

/// Reads the interfaces that are up, point-to-point ones left out.
///
/// # Errors
/// What the system says.
pub fn interfaces() -> io::Result<Vec<LanAddress>> {
    let interfaces = if_addrs::get_if_addrs()?;
    Ok(interfaces
        .into_iter()
        .filter(|interface| !interface.is_p2p() && interface.oper_status != if_addrs::IfOperStatus::Down)
        .map(|interface| LanAddress { ip: interface.ip(), interface: interface.name })
        .collect())
}

/// Whether an address is this computer's own, on any interface. Where the system does not say, it counts as own.
pub(crate) fn is_own(ip: IpAddr) -> bool {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().any(|interface| interface.ip() == ip),
        Err(error) => {
            tracing::debug!(%error, "the addresses of this computer cannot be read");
            true
        }
    }
}

/// The private addresses of real networks, best first: what a home router gives, then larger private networks, then IPv6, then
/// self-assigned ones.
///
/// Never unspecified, loopback, public or carrier addresses; nothing of containers, virtual machines and tunnels.
pub fn pick(interfaces: &[LanAddress]) -> Vec<LanAddress> {
    let mut ranked: Vec<(u8, &LanAddress)> = Vec::new();
    for candidate in interfaces.iter().filter(|candidate| !is_virtual(&candidate.interface)) {
        if let Some(rank) = rank(candidate.ip)
            && !ranked.iter().any(|(_, known)| known.ip == candidate.ip)
        {
            ranked.push((rank, candidate));
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, candidate)| candidate.clone()).collect()
}

/// Lower is better; `None`: never.
fn rank(ip: IpAddr) -> Option<u8> {
    match ip {
        IpAddr::V4(ip) => rank_v4(ip),
        IpAddr::V6(ip) => rank_v6(ip),
    }
}

fn rank_v4(ip: Ipv4Addr) -> Option<u8> {
    match ip.octets() {
        [192, 168, ..] => Some(0),
        [10, ..] => Some(1),
        [172, second, ..] if (16..32).contains(&second) => Some(2),
        [169, 254, third, _] if (1..255).contains(&third) => Some(4),
        _ => None,
    }
}

fn rank_v6(ip: Ipv6Addr) -> Option<u8> {
    (ip.octets()[0] == 0xfd).then_some(3)
}

/// Whether an interface leads to containers, virtual machines or a tunnel instead of a network with devices.
///
/// A Hyper-V switch named "External" is the real network of such a computer.
fn is_virtual(name: &str) -> bool {
    const BEGINNINGS: &str = "docker veth br- virbr vmnet vboxnet vmenet bridge1 lxcbr lxdbr incusbr podman cni flannel cali kube tun \
                              tap wg tailscale zt utun ppp ipsec awdl llw nordlynx";
    const PARTS: &str = "wsl vmware virtualbox zerotier tailscale wireguard hyper-v openvpn loopback";
    let name = name.to_lowercase();
    if name.starts_with("vethernet") && name.contains("external") {
        return false;
    }
    BEGINNINGS.split(' ').any(|beginning| name.starts_with(beginning))
        || PARTS.split(' ').any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(interface: &str, ip: &str) -> LanAddress {
        LanAddress { interface: interface.into(), ip: ip.parse().expect("a literal address") }
    }

    fn picked(interfaces: &[LanAddress]) -> Vec<String> {
        pick(interfaces).iter().map(|address| address.ip.to_string()).collect()
    }

    #[test]
    fn the_address_of_a_home_router_comes_first() {
        let interfaces = [
            at("lo", "127.0.0.1"),
            at("eth0", "169.254.3.4"),
            at("eth0", "fd12::5"),
            at("eth0", "fe80::1"),
            at("eth0", "2001:db8::1"),
            at("eth1", "172.20.0.9"),
            at("eth1", "10.1.2.3"),
            at("wlan0", "192.168.1.23"),
            at("wlan0", "192.168.1.23"),
        ];
        assert_eq!(picked(&interfaces), ["192.168.1.23", "10.1.2.3", "172.20.0.9", "fd12::5", "169.254.3.4"]);
    }

    #[test]
    fn public_carrier_unspecified_and_edge_addresses_are_never_picked() {
        for ip in [
            "0.0.0.0",
            "8.8.8.8",
            "100.64.0.1",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "11.0.0.1",
            "9.255.255.255",
            "169.253.1.1",
            "169.255.1.1",
            "169.254.0.5",
            "169.254.255.5",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fe80::1",
            "2001:db8::1",
            "ff02::1",
            "::ffff:192.168.1.5",
        ] {
            assert_eq!(picked(&[at("eth0", ip)]), [""; 0], "{ip}");
        }
    }

    #[test]
    fn containers_virtual_machines_and_tunnels_are_left_out() {
        for name in [
            "docker0",
            "veth12ab",
            "br-0c1d2e",
            "virbr0",
            "vmnet8",
            "vboxnet0",
            "tun0",
            "tap0",
            "wg0",
            "tailscale0",
            "ztabcdef",
            "utun3",
            "vEthernet (WSL)",
            "vEthernet (WSL (Hyper-V firewall))",
            "vEthernet (Default Switch)",
            "VMware Network Adapter VMnet8",
            "VirtualBox Host-Only Network",
            "ZeroTier One [1]",
            "Tailscale",
            "bridge100",
            "podman0",
            "lxdbr0",
            "Loopback Pseudo-Interface 1",
        ] {
            assert_eq!(picked(&[at(name, "192.168.7.7")]), [""; 0], "{name}");
        }
        for name in
            ["eth0", "enp3s0", "wlp2s0", "en0", "br0", "bond0", "Wi-Fi", "Ethernet 2", "以太网", "vEthernet (External)"]
        {
            assert_eq!(picked(&[at(name, "192.168.7.7")]), ["192.168.7.7"], "{name}");
        }
    }

    #[test]
    fn this_computer_has_a_loopback_interface() {
        assert!(interfaces().expect("the system lists interfaces").iter().any(|address| address.ip.is_loopback()));
    }

    proptest! {
        #[test]
        fn nothing_but_a_private_address_is_ever_picked(bits: u32, high: u128, prefix in 0usize..6) {
            let v4 = Ipv4Addr::from_bits(match prefix {
                0 => bits,
                1 => (bits & 0x00ff_ffff) | 0x0a00_0000,
                2 => (bits & 0x00ff_ffff) | 0xac00_0000,
                3 => (bits & 0x00ff_ffff) | 0xc000_0000,
                4 => (bits & 0x0000_ffff) | 0xa9fe_0000,
                _ => (bits & 0x003f_ffff) | 0x6440_0000,
            });
            let private = v4.is_private() || v4.is_link_local();
            prop_assert!(private || pick(&[at("eth0", &v4.to_string())]).is_empty());
            prop_assert_eq!(pick(&[at("eth0", &v4.to_string())]).len() == 1, v4.is_private() || (v4.is_link_local() && !matches!(v4.octets()[2], 0 | 255)));
            let v6 = Ipv6Addr::from_bits(high);
            prop_assert_eq!(pick(&[at("eth0", &v6.to_string())]).len() == 1, v6.octets()[0] == 0xfd);
        }
    }
}
