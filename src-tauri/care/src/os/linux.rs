//! Linux: `/proc`, read only.
//!
//! A process is read through one handle of its folder, so that all its facts are of one process even if its number is used again meanwhile.

mod handle;
mod publisher;
mod systemd;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use procfs::net::TcpState;
use procfs::process::FDTarget;
use procfs::{CurrentSI, ProcError};
use zeroize::Zeroizing;

pub(crate) use handle::Handle;

use crate::seen::{Blind, Seen};
use crate::survey::{Activity, Environment, Here, Kind, Listener, Namespaces, Process};

pub(crate) use publisher::publisher;
pub(crate) use systemd::services;

/// Where the user's own service manager has its sockets.
pub(crate) fn runtime_folder() -> Option<PathBuf> {
    Some(systemd::runtime_folder())
}

/// Nobody has more parents; a loop would have.
const GENERATIONS: usize = 64;
/// More than any program's arguments or environment that matter here.
const LARGEST: u64 = 1024 * 1024;

impl From<ProcError> for Blind {
    fn from(error: ProcError) -> Self {
        match error {
            ProcError::PermissionDenied(_) => Self::NotPermitted,
            ProcError::NotFound(_) => Self::Changing,
            ProcError::Io(error, _) => error.kind().into(),
            ProcError::Incomplete(_) | ProcError::Other(_) | ProcError::InternalError(_) => Self::Unreadable,
        }
    }
}

/// This program and this computer.
pub(crate) fn here() -> Here {
    let me = procfs::process::Process::myself().map_err(Blind::from);
    let of_me = |look: fn(&procfs::process::Process) -> Result<Namespaces, Blind>| match &me {
        Ok(me) => look(me).into(),
        Err(blind) => Seen::Hidden(*blind),
    };
    let group = match &me {
        Ok(me) => groups(me).map(|groups| container(&groups)).into(),
        Err(blind) => Seen::Hidden(*blind),
    };
    let second = |stats: procfs::KernelStats| i64::try_from(stats.btime).map_err(|_| Blind::Unreadable);
    let booted = procfs::KernelStats::current().map_err(Blind::from).and_then(second);
    Here {
        uid: Seen::Known(rustix::process::geteuid().as_raw()),
        boot_id: procfs::sys::kernel::random::boot_id().map_err(Blind::from).into(),
        booted_ms: booted.map(|seconds| seconds * 1000).into(),
        namespaces: of_me(namespaces),
        container: group,
    }
}

/// The LISTEN sockets of a port.
pub(crate) fn listeners(port: u16) -> Seen<Vec<Listener>> {
    listening(|address| address.port() == port).into()
}

/// Every LISTEN socket.
pub(crate) fn every_listener() -> Seen<Vec<Listener>> {
    listening(|_| true).into()
}

/// The ports where somebody listens.
pub(crate) fn taken_ports() -> Seen<Vec<u16>> {
    let listening = sockets().map(|all| all.into_iter().filter(|entry| entry.state == TcpState::Listen));
    let ports = listening.map(|all| all.map(|entry| entry.local_address.port()).collect::<BTreeSet<u16>>());
    ports.map(|ports| ports.into_iter().collect()).into()
}

fn listening(wanted: impl Fn(SocketAddr) -> bool) -> Result<Vec<Listener>, Blind> {
    let listening =
        sockets()?.into_iter().filter(|entry| entry.state == TcpState::Listen && wanted(entry.local_address));
    let listening: Vec<_> = listening.collect();
    let inodes: Vec<u64> = listening.iter().map(|entry| entry.inode).collect();
    let mut owners = owners(&inodes);
    let found = listening.into_iter().map(|entry| Listener {
        address: entry.local_address,
        inode: entry.inode,
        uid: entry.uid,
        owners: owners.remove(&entry.inode).unwrap_or(Seen::Hidden(Blind::Elsewhere)),
    });
    Ok(found.collect())
}

/// Every process that is a gateway by its program and its arguments. Of another user's the program is hidden, so it counts by its arguments alone: what it is
/// for sure is for the reader to judge.
pub(crate) fn gateways() -> Seen<Vec<Process>> {
    let all = match procfs::process::all_processes() {
        Ok(all) => all,
        Err(error) => return Seen::Hidden(error.into()),
    };
    let candidates = all.flatten().filter(|handle| match handle.exe() {
        Ok(exe) => Kind::can_be(&exe),
        Err(ProcError::PermissionDenied(_)) => true,
        Err(_) => false,
    });
    let pids: Vec<u32> = candidates.filter_map(|handle| u32::try_from(handle.pid()).ok()).collect();
    Seen::Known(pids.into_iter().filter_map(process).filter(Process::seems_gateway).collect())
}

/// Who holds the other end of a connection of ours. It is among this computer's connections with its two addresses exchanged.
pub(crate) fn other_end(local: SocketAddr, peer: SocketAddr) -> Seen<Vec<u32>> {
    let sockets = match sockets() {
        Ok(sockets) => sockets,
        Err(blind) => return Seen::Hidden(blind),
    };
    let same = |one: SocketAddr, other: SocketAddr| {
        one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
    };
    let theirs = sockets.into_iter().find(|entry| {
        entry.state == TcpState::Established && same(entry.local_address, peer) && same(entry.remote_address, local)
    });
    match theirs {
        // Zero: the server has not taken the connection yet.
        Some(entry) if entry.inode != 0 => {
            owners(&[entry.inode]).remove(&entry.inode).unwrap_or(Seen::Hidden(Blind::Elsewhere))
        }
        Some(_) => Seen::Hidden(Blind::Changing),
        None => Seen::Hidden(Blind::Elsewhere),
    }
}

fn sockets() -> Result<Vec<procfs::net::TcpNetEntry>, Blind> {
    let mut all = procfs::net::tcp()?;
    match procfs::net::tcp6() {
        Ok(six) => all.extend(six),
        // A kernel without IPv6.
        Err(ProcError::NotFound(_)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(all)
}

/// The processes that hold these sockets. A socket whose holder is not found is hidden: somebody holds it.
fn owners(inodes: &[u64]) -> BTreeMap<u64, Seen<Vec<u32>>> {
    let mut found: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    let mut unseen = None;
    if inodes.is_empty() {
        return BTreeMap::new();
    }
    let processes = match procfs::process::all_processes() {
        Ok(processes) => processes,
        Err(error) => {
            let blind = Blind::from(error);
            return inodes.iter().map(|inode| (*inode, Seen::Hidden(blind))).collect();
        }
    };
    for process in processes {
        let held = process.and_then(|process| Ok((process.pid(), process.fd()?)));
        let (pid, held) = match held {
            Ok(held) => held,
            // It ended while we looked.
            Err(ProcError::NotFound(_)) => continue,
            Err(error) => {
                unseen.get_or_insert(Blind::from(error));
                continue;
            }
        };
        let Ok(pid) = u32::try_from(pid) else { continue };
        for target in held.flatten().map(|held| held.target) {
            if let FDTarget::Socket(inode) = target
                && inodes.contains(&inode)
            {
                let holders = found.entry(inode).or_default();
                if !holders.contains(&pid) {
                    holders.push(pid);
                }
            }
        }
    }
    let told = |inode: &u64| {
        let holders = found.remove(inode).map(Seen::Known);
        (*inode, holders.unwrap_or(Seen::Hidden(unseen.unwrap_or(Blind::Elsewhere))))
    };
    inodes.iter().map(told).collect()
}

/// A process, if it lives.
pub(crate) fn process(pid: u32) -> Option<Process> {
    let number = i32::try_from(pid).ok()?;
    let handle = match procfs::process::Process::new(number) {
        Ok(handle) => handle,
        Err(ProcError::NotFound(_)) => return None,
        Err(error) => return Some(hidden(pid, error.into())),
    };
    let stat = match handle.stat() {
        Ok(stat) => Ok(stat),
        Err(ProcError::NotFound(_)) => return None,
        Err(error) => Err(Blind::from(error)),
    };
    let of_stat = |look: fn(&procfs::process::Stat) -> u64| match &stat {
        Ok(stat) => Seen::Known(look(stat)),
        Err(blind) => Seen::Hidden(*blind),
    };
    let activity = match &stat {
        Ok(stat) => Seen::Known(match stat.state {
            'T' | 't' => Activity::Stopped,
            'Z' | 'X' | 'x' => Activity::Ended,
            _ => Activity::Alive,
        }),
        Err(blind) => Seen::Hidden(*blind),
    };
    let groups = groups(&handle);
    let of_groups = |look: fn(&[String]) -> Option<String>| match &groups {
        Ok(groups) => Seen::Known(look(groups)),
        Err(blind) => Seen::Hidden(*blind),
    };
    Some(Process {
        pid,
        start: of_stat(|stat| stat.starttime),
        uid: uid(&handle).into(),
        activity,
        name: stat.as_ref().map(|stat| stat.comm.clone()).map_err(|blind| *blind).into(),
        exe: handle.exe().map_err(Blind::from).into(),
        argv: bytes(&handle, "cmdline").map(|bytes| words(&bytes)).into(),
        parents: parents(&handle),
        environment: bytes(&handle, "environ").map(|bytes| environment(&bytes)).into(),
        namespaces: namespaces(&handle).into(),
        container: of_groups(container),
        unit: of_groups(unit),
    })
}

fn hidden(pid: u32, why: Blind) -> Process {
    Process {
        pid,
        start: Seen::Hidden(why),
        uid: Seen::Hidden(why),
        activity: Seen::Hidden(why),
        name: Seen::Hidden(why),
        exe: Seen::Hidden(why),
        argv: Seen::Hidden(why),
        parents: Vec::new(),
        environment: Seen::Hidden(why),
        namespaces: Seen::Hidden(why),
        container: Seen::Hidden(why),
        unit: Seen::Hidden(why),
    }
}

/// The one user that a process is. One that changed its user is nobody's for sure.
fn uid(handle: &procfs::process::Process) -> Result<u32, Blind> {
    let status = handle.status()?;
    if status.ruid == status.euid && status.euid == status.suid { Ok(status.euid) } else { Err(Blind::Unreadable) }
}

fn parents(handle: &procfs::process::Process) -> Vec<u32> {
    let mut parents = Vec::new();
    let mut above = handle.stat().map(|stat| stat.ppid).unwrap_or(0);
    while above > 0 && parents.len() < GENERATIONS {
        let Ok(pid) = u32::try_from(above) else { break };
        parents.push(pid);
        above =
            procfs::process::Process::new(above).and_then(|parent| parent.stat()).map(|stat| stat.ppid).unwrap_or(0);
    }
    parents
}

/// A file of the process's folder. It may hold secrets, so it does not stay in memory.
fn bytes(handle: &procfs::process::Process, name: &str) -> Result<Zeroizing<Vec<u8>>, Blind> {
    // With its room taken at once, no copy of it is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let file = handle.open_relative(name)?;
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| Blind::from(error.kind()))?;
    Ok(bytes)
}

fn words(bytes: &[u8]) -> Vec<String> {
    let mut words: Vec<String> =
        bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    while words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    words
}

fn environment(bytes: &[u8]) -> Environment {
    let pairs = bytes.split(|byte| *byte == 0).filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='));
    Environment::of(pairs)
}

fn namespaces(handle: &procfs::process::Process) -> Result<Namespaces, Blind> {
    let pid = handle.pid();
    let number = |name: &str| -> Result<u64, Blind> {
        let link = std::fs::read_link(PathBuf::from(format!("/proc/{pid}/ns/{name}")));
        let link = link.map_err(|error| Blind::from(error.kind()))?;
        // `pid:[4026531836]`
        let text = std::str::from_utf8(link.as_os_str().as_bytes()).map_err(|_| Blind::Unreadable)?;
        let number = text.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')?.parse().ok());
        number.ok_or(Blind::Unreadable)
    };
    let found = Namespaces { pid: number("pid")?, mount: number("mnt")?, net: number("net")? };
    // The links were not read through the handle: they count if it is still the same process.
    handle.stat()?;
    Ok(found)
}

fn groups(handle: &procfs::process::Process) -> Result<Vec<String>, Blind> {
    Ok(handle.cgroups()?.0.into_iter().map(|group| group.pathname).collect())
}

/// How container runtimes name the groups that they make.
const RUNTIMES: [(&str, &str); 9] = [
    ("docker", "docker"),
    ("libpod", "podman"),
    ("containerd", "containerd"),
    ("crio", "cri-o"),
    ("kubepods", "kubernetes"),
    ("lxc", "lxc"),
    ("garden", "garden"),
    ("buildkit", "buildkit"),
    ("machine.slice", "systemd-nspawn"),
];

fn container(groups: &[String]) -> Option<String> {
    let parts = || groups.iter().flat_map(|group| group.split('/'));
    let named = |mark: &str| {
        parts().any(|part| {
            part.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', '_']))
                || part.starts_with(&format!("cri-{mark}"))
        })
    };
    RUNTIMES.iter().find(|(mark, _)| named(mark)).map(|(_, runtime)| (*runtime).to_owned())
}

fn unit(groups: &[String]) -> Option<String> {
    let parts = groups.iter().flat_map(|group| group.rsplit('/'));
    // The user's manager is what everything of the user runs below, and starts no gateway itself.
    parts.filter(|part| part.ends_with(".service") && !part.starts_with("user@")).map(str::to_owned).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    #[test]
    fn my_own_listener_is_mine_on_both_families_and_once() {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        let six = TcpListener::bind(("::1", port));
        let found = listeners(port);
        let found = found.known().unwrap();
        assert_eq!(found.len(), if six.is_ok() { 2 } else { 1 });
        for listener in found {
            assert_eq!(listener.owners, Seen::Known(vec![std::process::id()]));
            assert_eq!(Some(&listener.uid), here().uid.known());
            assert!(listener.takes_loopback());
        }
        drop((four, six));
        assert_eq!(listeners(port), Seen::Known(Vec::new()));
    }

    #[test]
    fn the_other_end_of_a_connection_has_an_owner_once_it_is_taken() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        assert_eq!(other_end(local, peer), Seen::Hidden(Blind::Changing));
        let taken = listener.accept().unwrap();
        assert_eq!(other_end(local, peer), Seen::Known(vec![std::process::id()]));
        drop((taken, stream));
        assert_eq!(other_end(local, peer), Seen::Hidden(Blind::Elsewhere));
    }

    #[test]
    fn a_process_is_described_and_its_secrets_are_not() {
        let mut child = Command::new("sleep")
            .arg("60")
            .env_clear()
            .env("HOME", "/home/claw")
            .env("OPENCLAW_GATEWAY_TOKEN", "planted-secret-1")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        // Between fork and exec it is still this program.
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let seen = loop {
            let seen = process(child.id()).unwrap();
            if seen.name.known().is_some_and(|name| name == "sleep") {
                break seen;
            }
            assert!(std::time::Instant::now() < limit, "{seen:?}");
        };
        assert_eq!(seen.argv, Seen::Known(vec!["sleep".into(), "60".into()]));
        assert_eq!(seen.uid, here().uid);
        assert_eq!(seen.namespaces, here().namespaces);
        assert_eq!(seen.parents.first(), Some(&std::process::id()));
        assert!(seen.exe.known().unwrap().is_absolute());
        let environment = seen.environment.known().unwrap();
        assert_eq!(environment.plain("HOME"), Some("/home/claw"));
        assert!(environment.secret("OPENCLAW_GATEWAY_TOKEN").is_some());
        assert!(!format!("{seen:?}").contains("planted-secret"));
        assert_eq!(process(child.id()).unwrap().start, seen.start);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process(child.id()).filter(|next| next.start == seen.start), None);
    }

    #[test]
    fn here_is_known() {
        let here = here();
        assert_eq!(here.boot_id.known().unwrap().len(), 36);
        assert!(*here.booted_ms.known().unwrap() > 1_500_000_000_000);
        assert!(here.namespaces.known().is_some());
    }

    #[test]
    fn containers_and_units_are_read_off_their_groups() {
        let of = |path: &str| container(&[path.to_owned()]);
        assert_eq!(of("/system.slice/docker-0f3a.scope").as_deref(), Some("docker"));
        assert_eq!(of("/docker/0f3a").as_deref(), Some("docker"));
        assert_eq!(
            of("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-77.scope").as_deref(),
            Some("podman")
        );
        assert_eq!(of("/kubepods.slice/x/cri-containerd-1.scope").as_deref(), Some("containerd"));
        assert_eq!(of("/system.slice/docker.service").as_deref(), Some("docker"));
        assert_eq!(of("/user.slice/user-1000.slice/user@1000.service/app.slice/openclaw-gateway.service"), None);
        let groups = ["/user.slice/user@1000.service/app.slice/openclaw-gateway.service".to_owned()];
        assert_eq!(unit(&groups).as_deref(), Some("openclaw-gateway.service"));
        assert_eq!(unit(&["/".to_owned()]), None);
        let terminal =
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-7.scope";
        assert_eq!(unit(&[terminal.to_owned()]), None);
    }
}
