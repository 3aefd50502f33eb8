//! The tables that `GetExtendedTcpTable` fills, as 32-bit numbers: how many rows, then the rows. Pure.
//!
//! `MIB_TCPROW_OWNER_PID` and `MIB_TCP6ROW_OWNER_PID` of Microsoft's documentation (tcpmib.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::os::sockets::{Socket, State};
use crate::seen::{Blind, Seen};

/// `MIB_TCP_STATE_LISTEN` and `MIB_TCP_STATE_ESTAB`.
const LISTENING: u32 = 2;
const CONNECTED: u32 = 5;

/// IPv4: state, local address and port, remote address and port, process.
pub(crate) fn four(table: &[u32]) -> Result<Vec<Socket>, Blind> {
    let of = |row: &[u32; 6]| {
        let [state, local, local_port, remote, remote_port, pid] = *row;
        // Addresses stand in memory as they do on the wire.
        let address = |number: u32| IpAddr::from(Ipv4Addr::from(number.to_ne_bytes()));
        socket(state, (address(local), local_port), (address(remote), remote_port), pid)
    };
    rows(table).map(|rows| rows.map(of).collect())
}

/// IPv6: local address, scope and port, remote address, scope and port, state, process.
pub(crate) fn six(table: &[u32]) -> Result<Vec<Socket>, Blind> {
    let of = |row: &[u32; 14]| {
        let [l0, l1, l2, l3, _, local_port, r0, r1, r2, r3, _, remote_port, state, pid] = *row;
        let address = |parts: [u32; 4]| {
            let mut octets = [0_u8; 16];
            for (part, four) in parts.iter().zip(octets.chunks_exact_mut(4)) {
                four.copy_from_slice(&part.to_ne_bytes());
            }
            IpAddr::from(Ipv6Addr::from(octets))
        };
        socket(state, (address([l0, l1, l2, l3]), local_port), (address([r0, r1, r2, r3]), remote_port), pid)
    };
    rows(table).map(|rows| rows.map(of).collect())
}

fn rows<const N: usize>(table: &[u32]) -> Result<impl Iterator<Item = &[u32; N]>, Blind> {
    let (count, rest) = table.split_first().map_or((0, table), |(count, rest)| (*count, rest));
    let (all, _) = rest.as_chunks::<N>();
    let count = usize::try_from(count).map_err(|_| Blind::Unreadable)?;
    all.get(..count).map(<[_]>::iter).ok_or(Blind::Unreadable)
}

fn socket(state: u32, local: (IpAddr, u32), remote: (IpAddr, u32), pid: u32) -> Socket {
    let address = |(ip, port): (IpAddr, u32)| {
        // The first two bytes, as on the wire; what follows is not told.
        let [high, low, ..] = port.to_ne_bytes();
        SocketAddr::new(ip, u16::from_be_bytes([high, low]))
    };
    let state = match state {
        LISTENING => State::Listening,
        CONNECTED => State::Connected { peer: address(remote) },
        _ => State::Passing,
    };
    Socket { local: address(local), state, owners: Seen::Known(vec![pid]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it stands in memory.
    fn number(bytes: [u8; 4]) -> u32 {
        u32::from_ne_bytes(bytes)
    }

    #[test]
    fn rows_of_both_families_are_read_as_documented() {
        let port = |port: u16| number([port.to_be_bytes()[0], port.to_be_bytes()[1], 0xaa, 0xbb]);
        let loopback = number([127, 0, 0, 1]);
        let table = [
            vec![2, LISTENING, loopback, port(18789), 0, 0, 4711],
            vec![CONNECTED, loopback, port(18789), loopback, port(50000), 4711],
            // What lies behind the last row is no row.
            vec![0; 6],
        ];
        let found = four(&table.concat()).unwrap();
        let owners = Seen::Known(vec![4711]);
        let local = "127.0.0.1:18789".parse().unwrap();
        let peer = "127.0.0.1:50000".parse().unwrap();
        let listening = Socket { local, state: State::Listening, owners: owners.clone() };
        assert_eq!(found, [listening, Socket { local, state: State::Connected { peer }, owners }]);

        let one = number([0, 0, 0, 1]);
        let row = vec![1, 0, 0, 0, one, 0, port(18789), 0, 0, 0, 0, 0, 0, LISTENING, 9];
        let found = six(&row).unwrap();
        assert_eq!(found[0].local, "[::1]:18789".parse().unwrap());
        assert_eq!((found[0].state, &found[0].owners), (State::Listening, &Seen::Known(vec![9])));
    }

    #[test]
    fn a_table_without_its_rows_makes_no_sense_and_an_empty_one_does() {
        assert_eq!(four(&[2, 0, 0, 0, 0, 0, 0]), Err(Blind::Unreadable));
        assert_eq!(four(&[]), Ok(Vec::new()));
        assert_eq!(six(&[0]), Ok(Vec::new()));
    }
}
