//! What is there: who listens on the port, what kind of process that is, and what the state folder says about its gateway.
//!
//! Looking changes nothing: no connection is opened, no file is created or written, and no program is started but the one that tells what launchd knows.

mod gateways;
mod guardian;
mod lock;
mod naming;
mod process;
mod publisher;
mod service;
mod state;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use gateways::{Gateways, Running, gateways};
pub use guardian::Guardian;
pub use lock::{Lock, LockFile, LockForm};
pub use naming::Manager;
pub use process::{Activity, Environment, Kind, Namespaces, Process, Variable};
pub use publisher::{Engine, Publisher};
pub use service::{Phase, Scope, Service, Starts};
pub use state::{Boot, Lease, StateFacts, stored_secret};

use crate::os;
use crate::seen::{Blind, Seen};

/// Where to look: the gateway that the user's configuration means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// TCP port of the gateway.
    pub port: u16,
    /// OpenClaw's state folder.
    pub state_dir: PathBuf,
    /// OpenClaw's configuration file.
    pub config_path: PathBuf,
    /// Where releases up to 2026.4 may have put their lock: `$TMPDIR` and `/tmp`.
    pub temp_dirs: Vec<PathBuf>,
}

/// This program and this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Here {
    /// The user who looks.
    pub uid: Seen<u32>,
    /// Changes when the computer starts anew. Start times of processes mean something within one boot only.
    pub boot_id: Seen<String>,
    /// When the computer started, ms since 1970 by today's clock.
    pub booted_ms: Seen<i64>,
    /// The namespaces of this program.
    pub namespaces: Seen<Namespaces>,
    /// The container that this program runs in.
    pub container: Seen<Option<String>>,
}

/// One LISTEN socket. IPv4 and IPv6 of one program are two of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// The socket's number in the kernel.
    pub inode: u64,
    /// Whose socket it is. Readable where the owner's process is not.
    pub uid: u32,
    /// The processes that hold it.
    pub owners: Seen<Vec<u32>>,
}

impl Listener {
    /// Whether a connection to loopback can end here.
    pub fn takes_loopback(&self) -> bool {
        let address = self.address.ip().to_canonical();
        address.is_loopback() || address.is_unspecified()
    }
}

/// What was there at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Survey {
    /// When, ms since 1970.
    pub taken_ms: i64,
    /// Where.
    pub place: Place,
    /// This program and this computer.
    pub here: Here,
    /// The LISTEN sockets of the port.
    pub listeners: Seen<Vec<Listener>>,
    /// The processes that the listeners and the locks name, as far as they live.
    pub processes: Vec<Process>,
    /// The locks of the state folder.
    pub locks: Seen<Vec<LockFile>>,
    /// What the state folder says about its gateway.
    pub state: StateFacts,
    /// Every gateway of this computer and what starts them, where that was asked for: [`gateways`].
    pub gateways: Gateways,
}

impl Survey {
    /// Nothing could be seen: where a gateway is elsewhere, and the ground that tests start from.
    pub fn blind(place: Place, now_ms: i64, why: Blind) -> Self {
        Self {
            taken_ms: now_ms,
            place,
            here: Here {
                uid: Seen::Hidden(why),
                boot_id: Seen::Hidden(why),
                booted_ms: Seen::Hidden(why),
                namespaces: Seen::Hidden(why),
                container: Seen::Hidden(why),
            },
            listeners: Seen::Hidden(why),
            processes: Vec::new(),
            locks: Seen::Hidden(why),
            state: StateFacts::blind(why),
            gateways: Gateways::blind(why),
        }
    }

    /// The process of this number, if it lives and something here names it.
    pub fn process(&self, pid: u32) -> Option<&Process> {
        self.processes.iter().find(|process| process.pid == pid)
    }
}

/// Looks. Takes some milliseconds up to some tenths of a second, and blocks: call it where that is welcome.
pub fn take(place: Place, now_ms: i64) -> Survey {
    let state_dir = lock::whole(&place.state_dir);
    let here = os::here();
    let listeners = os::listeners(place.port);
    let mut pids = Vec::new();
    if let Seen::Known(listeners) = &listeners {
        pids.extend(listeners.iter().filter_map(|listener| listener.owners.known()).flatten().copied());
    }
    let mut processes: Vec<Process> = Vec::new();
    let meet = |pids: Vec<u32>, processes: &mut Vec<Process>| {
        for pid in pids {
            if processes.iter().all(|process| process.pid != pid) {
                processes.extend(os::process(pid));
            }
        }
    };
    meet(pids, &mut processes);
    // A gateway up to 2026.4 keeps its lock in its own temporary folder, whatever ours is.
    let theirs = processes.iter().filter_map(|process| process.environment.known()?.plain("TMPDIR").map(PathBuf::from));
    let temp_dirs: Vec<PathBuf> = place.temp_dirs.iter().cloned().chain(theirs).collect();
    let locks = here.uid.clone().look().map(|uid| lock::find(&place, &temp_dirs, *uid)).into();
    if let Seen::Known(locks) = &locks {
        let named = locks.iter().filter_map(|file: &LockFile| file.content.known()).map(|lock| lock.pid).collect();
        meet(named, &mut processes);
    }
    let state = state::read(&place.state_dir);
    // The judgement compares paths as values.
    let place = Place { config_path: lock::whole(&place.config_path), state_dir, ..place };
    let gateways = Gateways::blind(Blind::NotAsked);
    Survey { taken_ms: now_ms, place, here, listeners, processes, locks, state, gateways }
}

/// Where the user's own service manager has its sockets, also where nobody handed that down. `None`: nowhere that this program knows.
pub fn runtime_folder() -> Option<PathBuf> {
    os::runtime_folder()
}

/// The processes that hold the other end of a connection of ours on this computer: `local` is our address, `peer` theirs. A server's end has an owner only
/// after the server took the connection: ask when it has said something.
pub fn other_end(local: SocketAddr, peer: SocketAddr) -> Seen<Vec<u32>> {
    os::other_end(local, peer)
}
