//! What lets a shared token go to a listener.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::seen::Seen;
use crate::survey::{Listener, Survey};

use super::{Whose, whose};

/// How long a proof counts, ms: as long as it takes to connect and to look again.
pub const PROOF_LASTS_MS: i64 = 10_000;

/// That the gateway on a port is the user's own. Only [`whose`] makes one, and it cannot be copied or kept.
///
/// Before a shared token is sent: connect, wait for the gateway's challenge, then ask [`Proof::holds`] with a fresh survey and [`Proof::confirms`] with
/// [`crate::survey::other_end`] of that very connection. A listener that took the port after the look is refused by the first, one that took the connection by
/// the second.
#[derive(Debug)]
pub struct Proof {
    taken_ms: i64,
    boot_id: String,
    pid: u32,
    start: u64,
    state_dir: PathBuf,
    sockets: Vec<(SocketAddr, u64)>,
}

impl Proof {
    pub(super) fn new(survey: &Survey, pid: u32, start: u64, boot_id: String, reached: &[&Listener]) -> Self {
        let mut sockets: Vec<_> = reached.iter().map(|listener| (listener.address, listener.inode)).collect();
        sockets.sort();
        Self { taken_ms: survey.taken_ms, boot_id, pid, start, state_dir: survey.place.state_dir.clone(), sockets }
    }

    /// Whether a fresh survey shows the same gateway, by boot, number, start time, state and sockets, and the first look is not older than
    /// [`PROOF_LASTS_MS`].
    pub fn holds(&self, fresh: &Survey) -> bool {
        let age = fresh.taken_ms.checked_sub(self.taken_ms);
        let young = age.is_some_and(|age| (0..=PROOF_LASTS_MS).contains(&age));
        young
            && match whose(fresh) {
                Whose::Mine(mine) => {
                    let now = &mine.proof;
                    (now.pid, now.start, &now.boot_id, &now.state_dir, &now.sockets)
                        == (self.pid, self.start, &self.boot_id, &self.state_dir, &self.sockets)
                }
                Whose::Other(_) | Whose::Foreign(_) | Whose::Nobody(_) | Whose::CannotSee(_) => false,
            }
    }

    /// Whether the gateway, and nobody beside it, holds the other end of a connection.
    pub fn confirms(&self, other_end: &Seen<Vec<u32>>) -> bool {
        other_end.known().is_some_and(|owners| owners.as_slice() == [self.pid])
    }
}

/// What a gateway says of itself once a connection to it is authenticated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// `gateway.identity.get`.
    pub identity: Option<String>,
    /// `server.bootId` of the hello.
    pub boot: Option<String>,
    /// `snapshot.stateDir` of the hello, for an administrator only.
    pub state_dir: Option<PathBuf>,
    /// `pid` of `system.info`.
    pub pid: Option<u32>,
}

/// Something that a gateway says of itself and that the survey says otherwise: it is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Contradiction {
    /// Another device id.
    Identity,
    /// Another start.
    Boot,
    /// Another state folder.
    StateDir,
    /// Another process.
    Process,
}

/// Compares what a connected gateway says of itself with what was seen. Empty: nothing contradicts, as far as both sides said something.
pub fn confirm(survey: &Survey, said: &Introduction) -> Vec<Contradiction> {
    let mut found = Vec::new();
    let mut differ = |differs: bool, what: Contradiction| found.extend(differs.then_some(what));
    let identity = survey.state.identity.known().and_then(Option::as_ref);
    differ(identity.zip(said.identity.as_ref()).is_some_and(|(ours, theirs)| ours != theirs), Contradiction::Identity);
    let boot = survey.state.boot.known().and_then(Option::as_ref);
    differ(boot.zip(said.boot.as_ref()).is_some_and(|(ours, theirs)| ours.id != *theirs), Contradiction::Boot);
    let ours = &survey.place.state_dir;
    differ(said.state_dir.as_ref().is_some_and(|theirs| theirs != ours), Contradiction::StateDir);
    let owners = survey.listeners.known().into_iter().flatten().filter_map(|listener| listener.owners.known());
    let owners: Vec<u32> = owners.flatten().copied().collect();
    differ(said.pid.is_some_and(|pid| !owners.is_empty() && !owners.contains(&pid)), Contradiction::Process);
    found
}
