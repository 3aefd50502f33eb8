//! The kernel's list of TCP sockets, `net.inet.tcp.pcblist_n`, which shows those of every user. Pure.
//!
//! After a head (`xinpgen`) come parts with a length and a kind each, six for a socket, each on a border of eight bytes; the head again ends it. Of all that is in
//! them two facts are read, which lie at the same place on both kinds of Mac: the local port and the state (XNU: `in_pcblist.c`, `tcp_var.h`).

use std::collections::BTreeSet;

use crate::seen::Blind;

/// Kinds of parts: `XSO_INPCB` and `XSO_TCPCB`, which follow one another.
const ADDRESSES: u32 = 0x10;
const CONNECTION: u32 = 0x20;
/// `inp_lport`, as on the wire.
const PORT_AT: usize = 18;
/// `t_state`.
const STATE_AT: usize = 36;
/// `TCPS_LISTEN`; the last state is `TCPS_TIME_WAIT`.
const LISTENING: u32 = 1;
const LAST_STATE: u32 = 10;
/// `xinpgen`.
const HEAD: usize = 24;

/// The ports where somebody listens.
pub(crate) fn listening(list: &[u8]) -> Result<BTreeSet<u16>, Blind> {
    let mut found = BTreeSet::new();
    let mut rest = part(list).filter(|(head, _)| head.len() == HEAD).ok_or(Blind::Unreadable)?.1;
    let mut port = None;
    loop {
        let (one, after) = part(rest).ok_or(Blind::Unreadable)?;
        if one.len() == HEAD {
            return Ok(found);
        }
        match number(one, 4).ok_or(Blind::Unreadable)? {
            ADDRESSES => {
                let bytes = one.get(PORT_AT..PORT_AT + 2).ok_or(Blind::Unreadable)?;
                port = Some(u16::from_be_bytes([bytes[0], bytes[1]]));
            }
            CONNECTION => {
                let state = number(one, STATE_AT).filter(|state| *state <= LAST_STATE).ok_or(Blind::Unreadable)?;
                let port = port.take().ok_or(Blind::Unreadable)?;
                found.extend((state == LISTENING).then_some(port));
            }
            _ => {}
        }
        rest = after;
    }
}

/// The next part, and what follows it.
fn part(list: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::try_from(number(list, 0)?).ok().filter(|length| *length >= 8)?;
    let one = list.get(..length)?;
    Some((one, list.get(length.next_multiple_of(8)..).unwrap_or_default()))
}

/// Both kinds of Mac are little-endian.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(four))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part of this kind and length, with these bytes in it.
    fn made(length: u32, kind: u32, inside: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; length.next_multiple_of(8) as usize];
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..8].copy_from_slice(&kind.to_le_bytes());
        for (at, some) in inside {
            bytes[*at..at + some.len()].copy_from_slice(some);
        }
        bytes
    }

    fn head() -> Vec<u8> {
        made(24, 3, &[])
    }

    /// The six parts of a socket, as long as macOS 15 has them.
    fn socket(port: u16, state: u32) -> Vec<u8> {
        let addresses = made(104, ADDRESSES, &[(PORT_AT, &port.to_be_bytes())]);
        let connection = made(204, CONNECTION, &[(STATE_AT, &state.to_le_bytes())]);
        let others = [made(92, 1, &[]), made(32, 2, &[]), made(32, 4, &[]), made(136, 8, &[])].concat();
        [addresses, others, connection].concat()
    }

    #[test]
    fn the_ports_with_a_listener_are_read_and_connections_are_none() {
        let list = [head(), socket(18789, LISTENING), socket(50000, 4), socket(22, LISTENING), head()].concat();
        assert_eq!(listening(&list), Ok(BTreeSet::from([22, 18789])));
        assert_eq!(listening(&[head(), head()].concat()), Ok(BTreeSet::new()));
    }

    #[test]
    fn a_list_of_another_form_makes_no_sense() {
        let cut = [head(), socket(18789, LISTENING)].concat();
        for other in [Vec::new(), head(), cut.clone(), cut[..cut.len() - 40].to_vec(), vec![0; 64]] {
            assert_eq!(listening(&other), Err(Blind::Unreadable), "{} bytes", other.len());
        }
        let strange = [head(), socket(18789, 77), head()].concat();
        assert_eq!(listening(&strange), Err(Blind::Unreadable));
    }
}
