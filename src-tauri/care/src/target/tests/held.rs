use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::os;
use crate::target::{Ending, Held, Refused, Target};

/// A real process that looks exactly like a gateway: a copy of `cat` under Node's name and OpenClaw's title, with the port inherited.
struct Actor {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
}

impl Actor {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = folder.path().join("node");
        std::fs::copy("/bin/cat", &node).unwrap();
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o755)).unwrap();
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let inherited = socket.as_fd().try_clone_to_owned().unwrap();
        let child = Command::new(&node)
            .arg0("openclaw-gateway")
            .env_clear()
            .env("OPENCLAW_STATE_DIR", folder.path())
            .stdin(Stdio::piped())
            // The socket is what it writes its errors to: it has none.
            .stderr(Stdio::from(inherited))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut actor = Self { child, folder, port };
        // What comes back shows that it is the copy by now.
        actor.child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        let mut one = [0];
        actor.child.stdout.as_mut().unwrap().read_exact(&mut one).unwrap();
        actor
    }

    fn target(&self) -> Target {
        let seen = os::process(self.child.id()).unwrap();
        Target {
            pid: self.child.id(),
            start: *seen.start.known().unwrap(),
            boot_id: os::here().boot_id.known().unwrap().clone(),
            exe: seen.exe.known().unwrap().clone(),
            argv: seen.argv.known().unwrap().clone(),
            state_dir: self.folder.path().into(),
            port: self.port,
        }
    }

    fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_held_process_is_asked_and_seen_to_end() {
    let mut actor = Actor::start();
    let held = Held::take(&actor.target()).unwrap();
    assert_eq!(held.ends_within(Duration::ZERO), Ok(false));
    held.tell(Ending::Asked).unwrap();
    assert_eq!(held.ends_within(Duration::from_secs(20)), Ok(true));
    assert_eq!(actor.child.wait().unwrap().signal(), Some(15));
    assert_eq!(held.tell(Ending::Forced), Err(Refused::Ended));
}

#[test]
fn a_held_process_that_changed_since_is_let_alone() {
    let mut actor = Actor::start();
    let target = actor.target();
    let held = Held::take(&target).unwrap();
    for (changed, why) in [
        (Target { start: target.start + 1, ..target.clone() }, Refused::AnotherProcess),
        (Target { boot_id: "another".into(), ..target.clone() }, Refused::AnotherProcess),
        (Target { argv: vec!["openclaw".into()], ..target.clone() }, Refused::Changed),
        (Target { state_dir: "/home/li/.openclaw".into(), ..target.clone() }, Refused::Changed),
        (Target { port: 1, ..target.clone() }, Refused::NotListening),
        (Target { pid: u32::MAX, ..target.clone() }, Refused::Ended),
    ] {
        assert_eq!(Held::take(&changed).map(drop), Err(why));
    }
    assert!(actor.lives());
    drop(held);
    let me = Target { pid: std::process::id(), ..target };
    assert!(Held::take(&me).is_err());
}

/// The number of the one that ended says nothing to whom it belongs afterwards: what is held is what was held.
#[test]
fn what_is_held_stays_what_it_was() {
    let mut actor = Actor::start();
    let handle = os::Handle::open(actor.child.id()).unwrap();
    actor.child.kill().unwrap();
    actor.child.wait().unwrap();
    assert_eq!(handle.ends_within(Duration::from_secs(60)), Ok(true));
    assert_eq!(handle.tell(Ending::Forced), Err(Refused::Ended));
}
