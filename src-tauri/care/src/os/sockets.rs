//! Who listens and who is connected, decided from what a system tells of its sockets: pure.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::seen::{Blind, Seen};
use crate::survey::Listener;

/// What a system tells of its TCP sockets.
pub(crate) trait Sockets {
    /// All of them, or as many as there are to see: one that nobody is seen to hold is there all the same.
    fn all(&self) -> Result<Vec<Socket>, Blind>;
    /// Whether a connection is told with both its ends.
    fn tells_peers(&self) -> bool;
}

/// One TCP socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) local: SocketAddr,
    pub(crate) state: State,
    /// Who holds it.
    pub(crate) owners: Seen<Vec<u32>>,
}

/// What a socket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Listening,
    #[cfg_attr(target_os = "macos", allow(dead_code, reason = "told on Windows only"))]
    Connected {
        peer: SocketAddr,
    },
    #[cfg_attr(target_os = "macos", allow(dead_code, reason = "told on Windows only"))]
    Passing,
}

/// The LISTEN sockets, of a port or all.
pub(crate) fn listeners(system: &impl Sockets, port: Option<u16>) -> Seen<Vec<Listener>> {
    system.all().map(|all| listening(all, port)).into()
}

fn listening(all: Vec<Socket>, port: Option<u16>) -> Vec<Listener> {
    let mut found: Vec<Listener> = Vec::new();
    let wanted =
        |socket: &Socket| socket.state == State::Listening && port.is_none_or(|port| socket.local.port() == port);
    for socket in all.into_iter().filter(wanted) {
        match found.iter_mut().find(|listener| listener.address == socket.local) {
            // One that cannot be seen hides who else there is.
            Some(before) => before.owners = both(&before.owners, &socket.owners),
            // A socket has neither number nor user there; its processes have.
            None => found.push(Listener { address: socket.local, inode: 0, uid: 0, owners: socket.owners }),
        }
    }
    found
}

fn both(one: &Seen<Vec<u32>>, other: &Seen<Vec<u32>>) -> Seen<Vec<u32>> {
    match (one, other) {
        (Seen::Known(one), Seen::Known(other)) => {
            let all: BTreeSet<u32> = one.iter().chain(other).copied().collect();
            Seen::Known(all.into_iter().collect())
        }
        (Seen::Hidden(why), _) | (_, Seen::Hidden(why)) => Seen::Hidden(*why),
    }
}

/// The ports where somebody listens.
pub(crate) fn taken_ports(system: &impl Sockets) -> Seen<Vec<u16>> {
    let ports = |all: Vec<Socket>| {
        let listening = all.iter().filter(|socket| socket.state == State::Listening);
        let ports: BTreeSet<u16> = listening.map(|socket| socket.local.port()).collect();
        ports.into_iter().collect()
    };
    system.all().map(ports).into()
}

/// Who holds the other end of a connection of ours: it is there with its two addresses exchanged.
pub(crate) fn other_end(system: &impl Sockets, local: SocketAddr, peer: SocketAddr) -> Seen<Vec<u32>> {
    if !system.tells_peers() {
        return Seen::Hidden(Blind::Unsupported);
    }
    let all = match system.all() {
        Ok(all) => all,
        Err(blind) => return Seen::Hidden(blind),
    };
    let same = |one: SocketAddr, other: SocketAddr| {
        one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
    };
    let is_theirs = |socket: &Socket| match socket.state {
        State::Connected { peer: ours } => same(socket.local, peer) && same(ours, local),
        State::Listening | State::Passing => false,
    };
    all.into_iter().find(is_theirs).map_or(Seen::Hidden(Blind::Elsewhere), |theirs| theirs.owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system at one moment.
    struct Recorded(Result<Vec<Socket>, Blind>, bool);

    impl Sockets for Recorded {
        fn all(&self) -> Result<Vec<Socket>, Blind> {
            self.0.clone()
        }
        fn tells_peers(&self) -> bool {
            self.1
        }
    }

    fn socket(local: &str, state: State, owners: Seen<Vec<u32>>) -> Socket {
        Socket { local: local.parse().unwrap(), state, owners }
    }

    #[test]
    fn every_holder_of_a_port_counts_and_one_that_is_hidden_hides_the_rest() {
        let known = |pid| Seen::Known(vec![pid]);
        let all = vec![
            socket("127.0.0.1:18789", State::Listening, known(7)),
            socket("127.0.0.1:18789", State::Listening, known(3)),
            socket("[::1]:18789", State::Listening, known(7)),
            socket("[::1]:18789", State::Listening, Seen::Hidden(Blind::NotPermitted)),
            socket("127.0.0.1:80", State::Listening, known(1)),
            socket("127.0.0.1:18789", State::Passing, known(9)),
        ];
        let system = Recorded(Ok(all), true);
        let found = listeners(&system, Some(18789));
        let owners: Vec<_> = found.known().unwrap().iter().map(|listener| listener.owners.clone()).collect();
        assert_eq!(owners, [Seen::Known(vec![3, 7]), Seen::Hidden(Blind::NotPermitted)]);
        assert_eq!(listeners(&system, None).known().unwrap().len(), 3);
        assert_eq!(taken_ports(&system), Seen::Known(vec![80, 18789]));
        assert_eq!(listeners(&system, Some(1)), Seen::Known(Vec::new()));
    }

    #[test]
    fn what_cannot_be_asked_is_not_nothing() {
        let system = Recorded(Err(Blind::Unreadable), true);
        assert_eq!(listeners(&system, Some(1)), Seen::Hidden(Blind::Unreadable));
        assert_eq!(taken_ports(&system), Seen::Hidden(Blind::Unreadable));
        let ours = "127.0.0.1:50000".parse().unwrap();
        let theirs = "127.0.0.1:18789".parse().unwrap();
        assert_eq!(other_end(&system, ours, theirs), Seen::Hidden(Blind::Unreadable));
        assert_eq!(other_end(&Recorded(Ok(Vec::new()), false), ours, theirs), Seen::Hidden(Blind::Unsupported));
    }

    #[test]
    fn the_other_end_is_the_one_with_both_addresses_exchanged() {
        let (ours, theirs) = ("127.0.0.1:50000", "127.0.0.1:18789");
        let connected = |local: &str, peer: &str, pid| {
            let state = State::Connected { peer: peer.parse().unwrap() };
            socket(local, state, Seen::Known(vec![pid]))
        };
        let all = vec![
            socket(theirs, State::Listening, Seen::Known(vec![4])),
            connected(ours, theirs, 1),
            connected(theirs, "127.0.0.1:50001", 2),
            connected("[::ffff:127.0.0.1]:18789", ours, 3),
        ];
        let system = Recorded(Ok(all), true);
        let ask = |ours: &str| other_end(&system, ours.parse().unwrap(), theirs.parse().unwrap());
        assert_eq!(ask(ours), Seen::Known(vec![3]));
        assert_eq!(ask("127.0.0.1:50002"), Seen::Hidden(Blind::Elsewhere));
    }
}
