//! launchd is asked what it knows, by the one command of its that changes nothing; what it starts is read from the files that it reads itself.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::agent::{Agent, Loaded, disabled};
use crate::os;
use crate::seen::{Blind, Seen};
use crate::survey::{Scope, Service};

/// One answer.
const ANSWER: Duration = Duration::from_secs(3);
/// What it ends with where it has no service of that name.
const NO_SUCH_SERVICE: i32 = 113;
/// More services than anybody has gateways.
const SERVICES: usize = 64;

/// The services of a domain that start gateways.
pub(crate) fn services(scope: Scope) -> Seen<Vec<Service>> {
    ask(scope).into()
}

fn ask(scope: Scope) -> Result<Vec<Service>, Blind> {
    let home = std::env::home_dir().ok_or(Blind::Unreadable)?;
    let (domain, folders) = match scope {
        Scope::User => {
            let uid = *os::here().uid.look()?;
            (format!("gui/{uid}"), vec![home.join("Library/LaunchAgents"), "/Library/LaunchAgents".into()])
        }
        Scope::System => ("system".to_owned(), vec![PathBuf::from("/Library/LaunchDaemons")]),
    };
    let mut found: Vec<Service> = Vec::new();
    for folder in folders {
        for service in defined(scope, &folder)? {
            // launchd takes one of each name.
            if found.len() < SERVICES && found.iter().all(|before| before.unit != service.unit) {
                found.push(service);
            }
        }
    }
    if found.is_empty() {
        return Ok(found);
    }
    let kept = disabled(&say(&["print-disabled", &domain])?.ok_or(Blind::Unreadable)?);
    found.into_iter().map(|service| told(service, &domain, &kept)).collect()
}

/// What the files of a folder define, and starts gateways.
fn defined(scope: Scope, folder: &Path) -> Result<Vec<Service>, Blind> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.kind().into()),
    };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_none_or(|extension| extension != "plist") {
            continue;
        }
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        // What this user may not read is another program's, but where its name says otherwise.
        let service = match std::fs::read(&path) {
            Ok(bytes) => Agent::read(&bytes, read, Path::exists).map(|agent| agent.service(scope, &path)),
            Err(error) if is_named(&path) => return Err(error.kind().into()),
            Err(_) => None,
        };
        let Some(mut service) = service.filter(Service::is_gateway) else { continue };
        service.sealed = Service::is_sealed(&path);
        service.release = Service::release_of(&service.argv);
        found.push(service);
    }
    found.sort_by(|one, other| one.unit.cmp(&other.unit));
    Ok(found)
}

/// OpenClaw names the file after the service.
fn is_named(path: &Path) -> bool {
    let label = path.file_stem().and_then(|stem| stem.to_str());
    label.is_some_and(|label| crate::survey::Manager::Launchd.named(label).is_some())
}

fn told(service: Service, domain: &str, kept: &[String]) -> Result<Service, Blind> {
    let answer = say(&["print", &format!("{domain}/{}", service.unit)])?;
    let is_kept = kept.contains(&service.unit);
    let mut service = service.told_by(answer.as_deref().map(Loaded::read).as_ref(), is_kept);
    let start = service.main.and_then(os::process).and_then(|process| process.start.known().copied());
    service.started_ms = start.and_then(|seconds| i64::try_from(seconds.checked_mul(1000)?).ok());
    Ok(service)
}

/// What it says. `None`: it has no such service.
fn say(words: &[&str]) -> Result<Option<String>, Blind> {
    let mut asked = Command::new("/bin/launchctl")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Blind::from(error.kind()))?;
    let Some(mut said) = asked.stdout.take() else { return Err(Blind::Unreadable) };
    let (tell, told) = mpsc::sync_channel(1);
    let reads = std::thread::Builder::new().name("service-manager".into()).spawn(move || {
        let mut text = String::new();
        let read = said.read_to_string(&mut text);
        let _ = tell.send(read.map(|_| text));
    });
    let text = reads.ok().and_then(|_| told.recv_timeout(ANSWER).ok());
    let Some(text) = text else {
        // It is our own child, and asked nothing but a question.
        let _ = asked.kill();
        let _ = asked.wait();
        return Err(Blind::Unreadable);
    };
    let ended = asked.wait().map_err(|error| Blind::from(error.kind()))?;
    match ended.code() {
        Some(0) => text.map(Some).map_err(|_| Blind::Unreadable),
        Some(NO_SUCH_SERVICE) => Ok(None),
        _ => Err(Blind::Unreadable),
    }
}
