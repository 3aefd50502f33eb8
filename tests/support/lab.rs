//! Two computers in one: network namespaces joined by a cable that a test can cut.
//!
//! A page opened at 127.0.0.1 is a "secure context" and its cable never breaks, so what is true there says nothing about a phone.
//! A [`Lab`] has the computer at 192.168.77.1 and the phone at 192.168.77.2, each with its own loopback and nothing else.

use std::fs::{self, File};
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::start_time;

/// Where `ip netns` keeps its namespaces.
const NETNS: &str = "/run/netns";
/// First part of the name of every namespace made here: `smartpi-<pid>-<start time of pid>-<count>-<role>`.
const PREFIX: &str = "smartpi-";
/// The hardware address that [`Lab::black_hole`] sends to: locally administered, owned by nobody.
const NOBODY: &str = "02:00:00:00:00:99";

/// A computer and a phone on one network. Dropping it ends every process in it and removes it.
#[derive(Debug)]
pub struct Lab {
    /// 192.168.77.1, where the service runs. Its end of the cable is `net0`.
    pub computer: Namespace,
    /// 192.168.77.2, where the browser runs. Its end of the cable is `wlan0`.
    pub phone: Namespace,
}

/// One network namespace, with its own loopback.
#[derive(Debug)]
pub struct Namespace {
    name: String,
}

impl Lab {
    /// Address of the computer.
    pub const COMPUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
    /// Address of the phone.
    pub const PHONE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 2);

    /// Lays the network.
    ///
    /// # Panics
    /// When the namespaces cannot be made, which is almost always a lack of rights: these stories need root (or CAP_NET_ADMIN and
    /// CAP_SYS_ADMIN) and the program `ip` of package iproute2. They never skip.
    #[must_use]
    pub fn new() -> Self {
        remove_leftovers();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let me = std::process::id();
        let stem = format!("{PREFIX}{me}-{}-{count}", start_time(me).unwrap_or(0));
        let lab =
            Self { computer: Namespace::new(format!("{stem}-box")), phone: Namespace::new(format!("{stem}-phone")) };
        let (computer, phone) = (lab.computer.name.as_str(), lab.phone.name.as_str());
        ip(&["-n", computer, "link", "add", "net0", "type", "veth", "peer", "name", "wlan0", "netns", phone]);
        ip(&["-n", computer, "addr", "add", "192.168.77.1/24", "dev", "net0"]);
        ip(&["-n", phone, "addr", "add", "192.168.77.2/24", "dev", "wlan0"]);
        ip(&["-n", computer, "link", "set", "net0", "up"]);
        ip(&["-n", phone, "link", "set", "wlan0", "up"]);
        lab.route();
        lab
    }

    /// Gives the phone this many further addresses (192.168.77.100 and up, 150 at most), as if they were other machines.
    pub fn crowd(&self, count: u8) -> Vec<Ipv4Addr> {
        let addresses: Vec<Ipv4Addr> =
            (0..count.min(150)).map(|index| Ipv4Addr::new(192, 168, 77, 100 + index)).collect();
        for address in &addresses {
            ip(&["-n", &self.phone.name, "addr", "add", &format!("{address}/24"), "dev", "wlan0"]);
        }
        addresses
    }

    /// Gives both ends an IPv6 address of a private network; the computer's.
    pub fn give_ipv6(&self) -> Ipv6Addr {
        for (namespace, device, address) in
            [(&self.computer, "net0", "fd77::1/64"), (&self.phone, "wlan0", "fd77::2/64")]
        {
            ip(&["-n", &namespace.name, "addr", "add", address, "dev", device, "nodad"]);
        }
        Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1)
    }

    /// Switches the phone's network off, as a person does.
    pub fn cut(&self) {
        ip(&["-n", &self.phone.name, "link", "set", "wlan0", "down"]);
    }

    /// Loses every packet in both directions without telling anybody, as when the phone leaves the house.
    pub fn black_hole(&self) {
        let phone = &self.phone.name;
        ip(&["-n", phone, "neigh", "replace", "192.168.77.1", "lladdr", NOBODY, "dev", "wlan0", "nud", "permanent"]);
        self.lose_answers();
    }

    /// Loses what the computer sends and lets through what the phone sends: the worst moment for a message, which arrives and is never
    /// acknowledged.
    pub fn lose_answers(&self) {
        let computer = &self.computer.name;
        // Wherever the phone has moved to.
        for far in ["192.168.77.2", "192.168.77.3"] {
            ip(&["-n", computer, "neigh", "replace", far, "lladdr", NOBODY, "dev", "net0", "nud", "permanent"]);
        }
    }

    /// Gives the phone another address (192.168.77.3) or the first one, as another network does: what it had open leads nowhere from now on.
    pub fn move_phone(&self, away: bool) {
        let phone = &self.phone.name;
        ip(&["-n", phone, "addr", "flush", "dev", "wlan0"]);
        ip(&["-n", phone, "addr", "add", if away { "192.168.77.3/24" } else { "192.168.77.2/24" }, "dev", "wlan0"]);
        self.route();
    }

    /// Undoes [`Lab::cut`], [`Lab::black_hole`] and [`Lab::lose_answers`].
    pub fn heal(&self) {
        for (namespace, device) in [(&self.phone, "wlan0"), (&self.computer, "net0")] {
            ip(&["-n", &namespace.name, "neigh", "flush", "dev", device, "nud", "permanent"]);
            ip(&["-n", &namespace.name, "link", "set", device, "up"]);
        }
        self.route();
    }

    /// Gives the phone a way out, without which a browser calls itself offline and tries nothing.
    fn route(&self) {
        ip(&["-n", &self.phone.name, "route", "replace", "default", "via", "192.168.77.1"]);
    }
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Namespace {
    fn new(name: String) -> Self {
        ip(&["netns", "add", &name]);
        ip(&["-n", &name, "link", "set", "lo", "up"]);
        Self { name }
    }

    fn path(&self) -> String {
        format!("{NETNS}/{}", self.name)
    }

    /// Its name, for `ip netns exec`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that will run in here. Files and unix sockets are those of the machine. The process id of the child is that of
    /// `program` itself.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Runs `work` on a thread that lives in here. A socket stays in the namespace in which it was made, so what `work` returns may
    /// be used anywhere.
    ///
    /// # Panics
    /// When the thread may not enter the namespace, or when `work` panics.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        enter(&self.path(), work)
    }

    /// Runs the future to its end in here, on a tokio runtime of its own.
    ///
    /// # Panics
    /// As [`Namespace::enter`].
    pub fn block_on<F: Future>(&self, future: impl FnOnce() -> F + Send) -> F::Output
    where
        F::Output: Send,
    {
        self.enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap_or_else(|e| panic!("no tokio runtime: {e}")).block_on(future())
        })
    }

    /// Connects from here.
    ///
    /// # Errors
    /// Those of [`TcpStream::connect_timeout`]; after 5 s of silence `TimedOut`.
    pub fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.enter(|| TcpStream::connect_timeout(&address, Duration::from_secs(5)))
    }

    /// As [`Namespace::connect`], to keep and call later, from any thread.
    pub fn dialer(&self, address: SocketAddr) -> impl Fn() -> io::Result<TcpStream> + Send + Sync + 'static {
        let path = self.path();
        move || enter(&path, || TcpStream::connect_timeout(&address, Duration::from_secs(5)))
    }

    /// Listens in here.
    ///
    /// # Errors
    /// Those of [`TcpListener::bind`].
    pub fn listen(&self, address: SocketAddr) -> io::Result<TcpListener> {
        self.enter(|| TcpListener::bind(address))
    }

    /// A port of the loopback that nobody uses at the moment.
    ///
    /// # Errors
    /// Those of [`TcpListener::bind`].
    pub fn free_port(&self) -> io::Result<u16> {
        Ok(self.listen((Ipv4Addr::LOCALHOST, 0).into())?.local_addr()?.port())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Runs `work` on a thread that lives in the network namespace of this file.
pub(crate) fn enter<T: Send>(path: &str, work: impl FnOnce() -> T + Send) -> T {
    let namespace = File::open(path).unwrap_or_else(|e| panic!("the network namespace {path} is gone: {e}"));
    thread::scope(|scope| {
        let entered = scope.spawn(|| {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap_or_else(|e| {
                panic!("cannot enter the network namespace {path}, which needs CAP_SYS_ADMIN: {e}")
            });
            work()
        });
        entered.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Ends the processes of a namespace of ours and takes its name away; the cable goes with it.
fn remove(name: &str) {
    // A browser that is being killed may start another child between the listing and the kill.
    for _ in 0..5 {
        let Ok(Output { stdout, .. }) = Command::new("ip").args(["netns", "pids", name]).output() else {
            return;
        };
        let pids: Vec<Pid> = String::from_utf8_lossy(&stdout)
            .split_whitespace()
            .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
            .collect();
        if pids.is_empty() {
            break;
        }
        for pid in pids {
            // It may have ended by itself since.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let _ = Command::new("ip").args(["netns", "del", name]).output();
}

/// Removes what test processes left that were killed before they could clean up.
fn remove_leftovers() {
    let Ok(entries) = fs::read_dir(NETNS) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let mut parts = name.strip_prefix(PREFIX).unwrap_or_default().split('-');
        let Some(owner) = parts.next().and_then(|pid| pid.parse::<u32>().ok()) else {
            continue;
        };
        let Some(started) = parts.next().and_then(|time| time.parse::<u64>().ok()) else {
            continue;
        };
        if start_time(owner) != Some(started) {
            remove(&name);
        }
    }
}

fn ip(arguments: &[&str]) {
    let shown = arguments.join(" ");
    let output = Command::new("ip").args(arguments).output().unwrap_or_else(|e| {
        panic!("cannot run `ip`: {e}. This story needs the package iproute2.");
    });
    assert!(
        output.status.success(),
        "`ip {shown}` failed: {}\nThis story lays its own network. Run it as root, or with CAP_NET_ADMIN and CAP_SYS_ADMIN; it does not skip.",
        String::from_utf8_lossy(&output.stderr).trim()
    );
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn the_phone_reaches_the_computer_until_the_cable_is_cut_and_again_when_it_is_healed() {
        let lab = Lab::new();
        let listener = lab.computer.listen((Lab::COMPUTER, 8765).into()).unwrap();
        let reach = || -> io::Result<()> {
            let mut phone = lab.phone.connect((Lab::COMPUTER, 8765).into())?;
            phone.write_all(b"hello")?;
            let (mut computer, peer) = listener.accept()?;
            assert_eq!(peer.ip(), Lab::PHONE);
            let mut heard = [0; 5];
            computer.read_exact(&mut heard)?;
            assert_eq!(&heard, b"hello");
            Ok(())
        };
        reach().unwrap();
        lab.cut();
        reach().unwrap_err();
        lab.heal();
        reach().unwrap();
        lab.black_hole();
        assert_eq!(reach().unwrap_err().kind(), io::ErrorKind::TimedOut);
        lab.heal();
        reach().unwrap();
    }

    #[test]
    fn a_lab_leaves_neither_a_process_nor_a_namespace_behind() {
        let lab = Lab::new();
        let (computer, phone) = (lab.computer.name().to_owned(), lab.phone.name().to_owned());
        let mut child = lab.phone.command("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        drop(lab);
        assert!(!child.wait().unwrap().success(), "the process of the phone was not ended");
        for name in [computer, phone] {
            assert!(!fs::exists(format!("{NETNS}/{name}")).unwrap(), "{name} is still there");
        }
    }

    #[test]
    fn what_a_dead_test_process_left_is_removed() {
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let name = format!("{PREFIX}{}-1-0-box", dead.id());
        ip(&["netns", "add", &name]);
        let lab = Lab::new();
        assert!(!fs::exists(format!("{NETNS}/{name}")).unwrap());
        assert!(fs::exists(format!("{NETNS}/{}", lab.phone.name())).unwrap());
    }
}
