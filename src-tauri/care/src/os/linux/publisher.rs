//! Who publishes the port of a container, and what Docker calls that.
//!
//! Docker is asked only where it is seen to run: a connection to its socket would start it otherwise. Podman is never asked: there is nothing of it that runs
//! until somebody asks.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::process;
use crate::survey::{Engine, Process, Publisher};

const ANSWERS: Duration = Duration::from_secs(2);
const LARGEST: u64 = 4 * 1024 * 1024;

/// Who publishes this port.
pub(crate) fn publisher(port: u16) -> Option<Publisher> {
    let listeners = super::listeners(port);
    let listeners = listeners.known().filter(|listeners| !listeners.is_empty())?;
    let all = procfs::process::all_processes().ok()?.flatten();
    let stats: Vec<_> = all.filter_map(|handle| handle.stat().ok()).collect();
    let may_be: Vec<i32> = stats.iter().filter(|stat| Publisher::may_be(&stat.comm)).map(|stat| stat.pid).collect();
    let wanted = stats.iter().filter(|stat| may_be.contains(&stat.pid) || may_be.contains(&stat.ppid));
    let processes: Vec<Process> = wanted.filter_map(|stat| u32::try_from(stat.pid).ok()).filter_map(process).collect();
    let found = Publisher::find(port, listeners, &processes)?;
    let holder = processes.iter().find(|process| process.pid == found.pid)?;
    match socket(&found, holder) {
        Some(socket) => Some(found.called(ask(&socket, *holder.uid.known()?, port))),
        None => Some(found),
    }
}

/// Docker's own, where Docker runs.
fn socket(found: &Publisher, holder: &Process) -> Option<PathBuf> {
    let is_run_by_docker = || {
        let parent = holder.parents.first().and_then(|pid| process(*pid));
        parent.and_then(|parent| parent.name.known().cloned()).is_some_and(|name| name == "dockerd")
    };
    match (found.engine, found.program.as_str()) {
        (Engine::Docker, "docker-proxy") if is_run_by_docker() => Some("/run/docker.sock".into()),
        // It is what runs this Docker, and ends with it.
        (Engine::Docker, "rootlesskit") => Some(super::runtime_folder()?.join("docker.sock")),
        (_, _) => None,
    }
}

fn ask(socket: &Path, uid: u32, port: u16) -> Option<String> {
    if std::fs::metadata(socket).ok()?.uid() != uid {
        return None;
    }
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(ANSWERS)).ok()?;
    stream.set_write_timeout(Some(ANSWERS)).ok()?;
    stream.write_all(b"GET /containers/json HTTP/1.0\r\nHost: docker\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.take(LARGEST).read_to_end(&mut answer).ok()?;
    named(&answer, port)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    names: Vec<String>,
    #[serde(default)]
    ports: Vec<Published>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Published {
    public_port: Option<u16>,
    #[serde(rename = "Type")]
    protocol: String,
}

/// The one container that publishes the port by Docker's answer.
fn named(answer: &[u8], port: u16) -> Option<String> {
    let answer = std::str::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if head.split(' ').nth(1) != Some("200") {
        return None;
    }
    let containers: Vec<Container> = serde_json::from_str(body).ok()?;
    let publishes =
        |container: &&Container| container.ports.iter().any(|of| of.public_port == Some(port) && of.protocol == "tcp");
    let mut found = containers.iter().filter(publishes);
    let container = found.next().filter(|_| found.next().is_none())?;
    container.names.first().map(|name| name.trim_start_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};
    use std::os::unix::net::UnixListener;
    use std::process::{Command, Stdio};

    /// Captured of Docker 20.10.24, shortened.
    const ANSWER: &str = include_str!("../../../recorded/docker-containers-20.10.24.http");

    #[test]
    fn the_container_that_publishes_the_port_is_named_in_dockers_answer() {
        assert_eq!(named(ANSWER.as_bytes(), 18_789).as_deref(), Some("openclaw-openclaw-gateway-1"));
        assert_eq!(named(ANSWER.as_bytes(), 80), None);
        assert_eq!(named(ANSWER.replace("200 OK", "403 Forbidden").as_bytes(), 18_789), None);
        assert_eq!(named(ANSWER.replace("\"tcp\"", "\"udp\"").as_bytes(), 18_789), None);
        let (head, body) = ANSWER.split_once("\r\n\r\n").unwrap();
        let one = body.trim().trim_matches(['[', ']']);
        assert_eq!(named(format!("{head}\r\n\r\n[{one},{one}]").as_bytes(), 18_789), None, "either may be it");
    }

    #[test]
    fn docker_is_asked_one_thing_that_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let answers = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = [0; 256];
            let length = stream.read(&mut asked).unwrap();
            stream.write_all(ANSWER.as_bytes()).unwrap();
            String::from_utf8(asked[..length].to_vec()).unwrap()
        });
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(ask(&socket, me + 1, 18_789), None, "a socket of somebody else is not asked");
        assert_eq!(ask(&socket, me, 18_789).as_deref(), Some("openclaw-openclaw-gateway-1"));
        assert_eq!(answers.join().unwrap(), "GET /containers/json HTTP/1.0\r\nHost: docker\r\n\r\n");
        assert_eq!(ask(&folder.path().join("gone"), me, 18_789), None);
    }

    /// A copy of `sleep` under the name of what publishes for a machine of Podman, with a socket of this test.
    #[test]
    fn who_has_the_port_of_a_container_is_seen_and_nobody_else() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(publisher(port), None, "a port of this program is no container's");
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("gvproxy");
        std::fs::copy("/bin/sleep", &program).unwrap();
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
        let mut child = Command::new(&program).arg("60").stdin(Stdio::null()).spawn().unwrap();
        // Between fork and exec it is still this program.
        let limit = std::time::Instant::now() + Duration::from_secs(10);
        let found = loop {
            if let Some(found) = publisher(port) {
                break found;
            }
            assert!(std::time::Instant::now() < limit);
        };
        assert_eq!((found.engine, found.pid, found.container), (Engine::Podman, child.id(), None));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(publisher(port), None);
    }
}
