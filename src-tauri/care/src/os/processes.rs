//! macOS and Windows: processes as `sysinfo` describes them, each with the start that OpenClaw's lock would name.

use std::ffi::OsString;

use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};

use crate::seen::{Blind, Seen};
use crate::survey::{Activity, Here, Kind, Namespaces, Process};

/// Nobody has more parents; a loop would have.
const GENERATIONS: usize = 64;
/// Neither system has what a Linux gateway may be shut up in: all processes mean the same by a number, a path and a port.
const ONE_FOR_ALL: Namespaces = Namespaces { pid: 0, mount: 0, net: 0 };

/// Who a process is, in the numbers of its system.
pub(crate) trait Identity {
    /// When it started, as OpenClaw writes it into its lock there. `seconds`: since 1970, as `sysinfo` has it.
    fn started(&self, pid: u32, seconds: u64) -> Result<u64, Blind>;
    /// A number for a user.
    fn user(&self, user: &sysinfo::Uid) -> u32;
    /// What tells one start of the computer from another.
    fn boot(&self) -> Result<String, Blind>;
}

/// This program and this computer.
pub(crate) fn here(system: &impl Identity) -> Here {
    let me = process(system, std::process::id());
    let booted =
        System::boot_time().ok().and_then(|seconds| i64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    Here {
        uid: me.map_or(Seen::Hidden(Blind::Changing), |me| me.uid),
        boot_id: system.boot().into(),
        booted_ms: booted.map(|seconds| seconds * 1000).ok_or(Blind::Unreadable).into(),
        namespaces: Seen::Known(ONE_FOR_ALL),
        container: Seen::Known(None),
    }
}

/// A process, if it lives.
pub(crate) fn process(system: &impl Identity, pid: u32) -> Option<Process> {
    let all = every(ProcessRefreshKind::nothing())?;
    one(system, &all, pid)
}

/// Every process that is a gateway by its program and its arguments.
pub(crate) fn gateways(system: &impl Identity) -> Seen<Vec<Process>> {
    let wanted = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_cmd(UpdateKind::Always);
    let Some(all) = every(wanted) else { return Seen::Hidden(Blind::Unreadable) };
    let candidates = all.processes().values().filter(|process| match process.exe() {
        Some(exe) => Kind::can_be(exe),
        None => !process.cmd().is_empty(),
    });
    let found = candidates.filter_map(|candidate| one(system, &all, candidate.pid().as_u32()));
    Seen::Known(found.filter(Process::seems_gateway).collect())
}

/// There is always one: this.
fn every(what: ProcessRefreshKind) -> Option<System> {
    let mut all = System::new().ok()?;
    all.refresh_processes_specifics(ProcessesToUpdate::All, true, what.without_tasks());
    (!all.processes().is_empty()).then_some(all)
}

fn one(system: &impl Identity, all: &System, pid: u32) -> Option<Process> {
    let number = Pid::from_u32(pid);
    let seconds = all.process(number)?.start_time();
    let before = system.started(pid, seconds);
    let mut fresh = System::new().ok()?;
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_cmd(UpdateKind::Always);
    let what = what.with_user(UpdateKind::Always).without_tasks();
    fresh.refresh_processes_specifics(ProcessesToUpdate::Some(&[number]), true, what);
    let seen = fresh.process(number)?;
    let after = system.started(pid, seen.start_time());
    // What was read between two looks at one start is of one process.
    let start = if before == after { after } else { Err(Blind::Changing) };
    let told = |there: bool| if start == Err(Blind::Changing) || !there { Err(unseen(&start)) } else { Ok(()) };
    let argv: Vec<String> = seen.cmd().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let users = (seen.user_id(), seen.effective_user_id());
    let user = match users {
        (Some(real), None) => Ok(system.user(real)),
        (Some(real), Some(effective)) if real == effective => Ok(system.user(real)),
        (Some(_), Some(_)) => Err(Blind::Unreadable),
        (None, _) => Err(unseen(&start)),
    };
    Some(Process {
        pid,
        uid: told(true).and(user).into(),
        activity: Seen::Known(activity(seen.status())),
        name: told(true).map(|()| lossy(seen.name().to_owned())).into(),
        exe: seen.exe().map_or_else(|| Err(unseen(&start)), |exe| told(true).map(|()| exe.to_owned())).into(),
        argv: told(!argv.is_empty()).map(|()| argv).into(),
        parents: parents(all, number),
        environment: Seen::Hidden(Blind::Unsupported),
        namespaces: Seen::Known(ONE_FOR_ALL),
        container: Seen::Known(None),
        unit: Seen::Hidden(Blind::Unsupported),
        start: start.into(),
    })
}

/// Why something about a process is not told.
fn unseen(start: &Result<u64, Blind>) -> Blind {
    start.err().unwrap_or(Blind::NotPermitted)
}

fn lossy(text: OsString) -> String {
    text.to_string_lossy().into_owned()
}

fn activity(status: ProcessStatus) -> Activity {
    match status {
        ProcessStatus::Stop | ProcessStatus::Tracing => Activity::Stopped,
        ProcessStatus::Zombie | ProcessStatus::Dead => Activity::Ended,
        ProcessStatus::Idle
        | ProcessStatus::Run
        | ProcessStatus::Sleep
        | ProcessStatus::Wakekill
        | ProcessStatus::Waking
        | ProcessStatus::Parked
        | ProcessStatus::LockBlocked
        | ProcessStatus::UninterruptibleDiskSleep
        | ProcessStatus::Suspended
        | ProcessStatus::Unknown(_) => Activity::Alive,
    }
}

/// A parent that started later has only the number of the one that was.
fn parents(all: &System, of: Pid) -> Vec<u32> {
    let mut parents = Vec::new();
    let mut child = all.process(of);
    while let Some(above) = child.and_then(|child| {
        let parent = all.process(child.parent()?)?;
        (parent.pid() != child.pid() && parent.start_time() <= child.start_time()).then_some(parent)
    }) {
        if parents.len() == GENERATIONS {
            break;
        }
        parents.push(above.pid().as_u32());
        child = Some(above);
    }
    parents
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::process::{Command, Stdio};

    use crate::os;
    use crate::seen::Seen;

    #[test]
    fn this_program_is_described_as_it_is() {
        let me = os::process(std::process::id()).unwrap();
        let exe = std::env::current_exe().unwrap();
        assert_eq!(me.exe.known().and_then(|exe| exe.file_name()), exe.file_name());
        assert_eq!(me.uid, os::here().uid);
        assert!(me.uid.known().is_some() && me.start.known().is_some(), "{me:?}");
        assert_eq!(os::process(std::process::id()).unwrap().start, me.start);
        assert!(*os::here().booted_ms.known().unwrap() > 1_500_000_000_000);
        assert_eq!(os::here().boot_id, os::here().boot_id);
    }

    #[test]
    fn the_arguments_of_this_program_are_those_that_it_has() {
        let me = os::process(std::process::id()).unwrap();
        assert_eq!(me.argv, Seen::Known(std::env::args().collect()));
    }

    const IS_CHILD: &str = "SMARTPI_TEST_IS_CHILD";

    #[test]
    fn a_child_has_this_program_among_its_parents_and_is_gone_when_it_ended() {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "os::processes::tests::a_child_waits_where_it_is_one"])
            .env(IS_CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let seen = os::process(child.id()).unwrap();
        assert_eq!(seen.parents.first(), Some(&std::process::id()), "{seen:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(os::process(child.id()).filter(|next| next.start == seen.start), None);
    }

    /// Run by itself it is no child, and does not wait.
    #[test]
    fn a_child_waits_where_it_is_one() {
        if std::env::var_os(IS_CHILD).is_some() {
            std::io::stdin().read_line(&mut String::new()).unwrap();
        }
    }

    #[test]
    fn my_own_listener_is_mine_and_the_ports_that_are_taken_name_it() {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = four.local_addr().unwrap().port();
        let found = os::listeners(port);
        let [listener] = found.known().unwrap().as_slice() else { unreachable!("{found:?}") };
        assert_eq!(listener.owners, Seen::Known(vec![std::process::id()]));
        assert!(listener.takes_loopback());
        assert!(os::taken_ports().known().unwrap().contains(&port));
        drop(four);
        assert_eq!(os::listeners(port), Seen::Known(Vec::new()));
    }

    #[cfg(windows)]
    #[test]
    fn the_other_end_of_a_connection_has_an_owner() {
        use std::net::TcpStream;

        use crate::seen::Blind;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let taken = listener.accept().unwrap();
        let (local, peer) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
        assert_eq!(os::other_end(local, peer), Seen::Known(vec![std::process::id()]));
        drop((taken, stream));
        assert_eq!(os::other_end(local, peer), Seen::Hidden(Blind::Elsewhere));
    }
}
