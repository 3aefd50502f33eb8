//! Whose gateway is on the port: the real OpenClaw, real sockets, real squatters. One boot, in the order in which a machine would see it.
//!
//! Where a verdict hangs on one fact, that fact is changed in what was seen, and the verdict must change with it: so each guard is shown to be one.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use care::survey::{LockFile, Place, Survey, other_end, take};
use care::who::{Introduction, Mine, Nobody, NotMine, Whose, confirm, whose};
use care::{Blind, Seen};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use support::model::Model;
use support::openclaw::{CURRENT, Gateway, await_fact, free_port};

const SOON: Duration = Duration::from_secs(20);

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    i64::try_from(since.as_millis()).expect("it is before the year 200,000,000")
}

fn place(gateway: &Gateway, port: u16) -> Place {
    Place {
        port,
        state_dir: gateway.state_dir.clone(),
        config_path: gateway.config_path(),
        temp_dirs: vec![std::env::temp_dir()],
    }
}

fn look(gateway: &Gateway, port: u16) -> Survey {
    take(place(gateway, port), now_ms())
}

#[track_caller]
fn mine(survey: &Survey) -> Mine {
    let verdict = whose(survey);
    let Whose::Mine(mine) = verdict else { panic!("not mine: {verdict:?}\n{survey:#?}") };
    mine
}

/// The locks that were seen, changed.
fn with_locks(survey: &Survey, change: impl Fn(&mut care::survey::Lock)) -> Survey {
    let mut changed = survey.clone();
    if let Seen::Known(files) = &mut changed.locks {
        for LockFile { content, .. } in files {
            if let Seen::Known(lock) = content {
                change(lock);
            }
        }
    }
    changed
}

#[tokio::test]
async fn the_gateway_on_the_port_is_known() {
    let model = Model::start();
    let mut gateway = Gateway::start(CURRENT, &model, &json!({})).await;
    let (port, pid, node) = the_users_own_is_recognised(&gateway);
    a_connection_is_proven_by_who_holds_its_other_end(&gateway, pid);
    looking_changes_nothing_and_a_stopped_gateway_is_seen_to_be(&gateway, pid);
    another_state_on_the_same_port_is_not_this_gateway(&gateway, &model);
    a_foreign_program_is_foreign(&gateway);
    let before = mine(&look(&gateway, port));
    gateway.kill9().await;
    a_lock_that_was_left_behind_is_nobody(&gateway, pid);
    the_port_that_was_taken_over_is_not_mine(&gateway, &node, &before).await;
}

/// What the judgement saw of the gateway: its port, its number, its program.
fn the_users_own_is_recognised(gateway: &Gateway) -> (u16, u32, PathBuf) {
    let survey = look(gateway, gateway.port);
    let seen = mine(&survey);
    let listeners = survey.listeners.known().expect("Linux shows its sockets");
    assert!(listeners.iter().all(|listener| listener.owners == Seen::Known(vec![seen.gateway.pid])), "{listeners:?}");
    assert!(!seen.stopped);
    assert!(seen.proof.holds(&look(gateway, gateway.port)));
    let identity = seen.identity.clone().expect("the state names its gateway");
    assert_eq!(identity.len(), 64, "{identity}");
    let boot = seen.boot.clone().expect("the gateway noted its start");
    let said =
        Introduction { identity: Some(identity), boot: Some(boot), pid: Some(seen.gateway.pid), state_dir: None };
    assert_eq!(confirm(&survey, &said), []);
    // The lock's start is the process's: one tick off, and it is an earlier process.
    let reused = with_locks(&survey, |lock| lock.start = lock.start.map(|start| start - 1));
    let verdict = whose(&reused);
    assert!(matches!(&verdict, Whose::Other(other) if other.why == NotMine::EarlierProcess), "{verdict:?}");
    let process = survey.process(seen.gateway.pid).expect("it lives");
    let node = process.exe.known().expect("a process of this user shows its program").clone();
    (gateway.port, seen.gateway.pid, node)
}

fn a_connection_is_proven_by_who_holds_its_other_end(gateway: &Gateway, pid: u32) {
    let proof = mine(&look(gateway, gateway.port)).proof;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway.port)).expect("it listens");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").expect("it reads");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    assert!(stream.read(&mut [0; 16]).expect("it answers") > 0);
    let ends = (stream.local_addr().expect("bound"), stream.peer_addr().expect("connected"));
    let holder = other_end(ends.0, ends.1);
    assert_eq!(holder, Seen::Known(vec![pid]));
    assert!(proof.confirms(&holder));
    // The twin: the same proof against a connection that another program holds.
    let squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let stream = TcpStream::connect(squatter.local_addr().expect("bound")).expect("it listens");
    let held = squatter.accept().expect("a connection waits");
    let holder = other_end(stream.local_addr().expect("bound"), stream.peer_addr().expect("connected"));
    assert_eq!(holder, Seen::Known(vec![std::process::id()]));
    assert!(!proof.confirms(&holder));
    drop(held);
}

/// Every file below a folder: its size, its last change, its content's hash.
fn files(folder: &Path, found: &mut BTreeMap<PathBuf, (SystemTime, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder of this test") {
        let entry = entry.expect("an entry");
        let about = entry.metadata().expect("its facts");
        if about.is_dir() {
            found.insert(entry.path(), (about.modified().expect("a time"), Vec::new()));
            files(&entry.path(), found);
        } else if about.is_file() {
            let content = std::fs::read(entry.path()).expect("a file of this test");
            found.insert(entry.path(), (about.modified().expect("a time"), content));
        }
    }
}

/// The numbers of the processes that live in this home.
fn inhabitants(home: &Path) -> Vec<u32> {
    let mark = format!("HOME={}\0", home.display()).into_bytes();
    let numbers = std::fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let lives = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.windows(mark.len()).any(|window| window == mark)
    };
    let mut all: Vec<u32> = numbers.filter(lives).collect();
    all.sort_unstable();
    all
}

fn looking_changes_nothing_and_a_stopped_gateway_is_seen_to_be(gateway: &Gateway, pid: u32) {
    let group = Pid::from_raw(i32::try_from(pid).expect("a number")).expect("not zero");
    let signal = |signal| kill_process_group(group, signal).expect("the gateway leads its group");
    signal(Signal::STOP);
    let limit = Instant::now() + SOON;
    while !mine(&look(gateway, gateway.port)).stopped {
        assert!(Instant::now() < limit, "a stopped gateway is not seen to be");
    }
    let root = gateway.home.parent().expect("the home lies in a folder");
    let snapshot = || {
        let mut found = BTreeMap::new();
        files(root, &mut found);
        (found, inhabitants(&gateway.home))
    };
    let before = snapshot();
    for _ in 0..5 {
        assert!(mine(&look(gateway, gateway.port)).stopped, "looking continued it");
    }
    let after = snapshot();
    assert_eq!(before.1, after.1, "processes came or went");
    let changed: Vec<_> =
        before.0.keys().chain(after.0.keys()).filter(|path| before.0.get(*path) != after.0.get(*path)).collect();
    assert!(changed.is_empty(), "looking changed {changed:?}");
    // The twin: one file more, and the same comparison finds it.
    std::fs::write(root.join("planted"), "x").expect("a folder of this test");
    assert_ne!(snapshot().0, before.0, "the comparison sees nothing");
    std::fs::remove_file(root.join("planted")).expect("just written");
    signal(Signal::CONT);
    let limit = Instant::now() + SOON;
    while mine(&look(gateway, gateway.port)).stopped {
        assert!(Instant::now() < limit, "a continued gateway is not seen to be");
    }
}

fn another_state_on_the_same_port_is_not_this_gateway(gateway: &Gateway, model: &Model) {
    let second = Gateway::prepare(CURRENT, model, &json!({}));
    let plain = whose(&look(&second, gateway.port));
    let Whose::Other(other) = &plain else { panic!("{plain:?}") };
    assert_eq!(other.why, NotMine::AnotherState { state_dir: Some(gateway.state_dir.clone()) });
    // A copy of the whole state brings the lock of its original along.
    let folders = std::fs::read_dir(gateway.state_dir.join("tmp")).expect("the gateway's locks").flatten();
    let folder = folders.map(|entry| entry.path()).find(|path| path.join("gateway.state.lock").exists());
    let folder = folder.expect("the gateway's lock");
    let copy = second.state_dir.join("tmp").join(folder.file_name().expect("a name"));
    std::fs::create_dir_all(&copy).expect("a fresh home");
    std::fs::copy(folder.join("gateway.state.lock"), copy.join("gateway.state.lock")).expect("a small file");
    let survey = look(&second, gateway.port);
    let verdict = whose(&survey);
    assert!(
        matches!(&verdict, Whose::Other(other) if matches!(other.why, NotMine::AnotherState { .. })),
        "{verdict:?}"
    );
    // The twin: only the state that the lock names stood between.
    mine(&with_locks(&survey, |lock| lock.state_dir = Some(survey.place.state_dir.clone())));
}

fn a_foreign_program_is_foreign(gateway: &Gateway) {
    let squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = squatter.local_addr().expect("bound").port();
    let verdict = whose(&look(gateway, port));
    let Whose::Foreign(program) = &verdict else { panic!("{verdict:?}") };
    assert_eq!(program.pid, std::process::id());
    assert!(program.program.as_deref().is_some_and(|name| name.starts_with("scenarios")), "{program:?}");
}

fn a_lock_that_was_left_behind_is_nobody(gateway: &Gateway, pid: u32) {
    // Helpers of the gateway that was killed may still be ending.
    let before = inhabitants(&gateway.home);
    let verdict = whose(&look(gateway, gateway.port));
    assert!(matches!(verdict, Whose::Nobody(Nobody::LockLeft { pid: left }) if left == pid), "{verdict:?}");
    // Looking wakes nobody.
    let woken: Vec<u32> = inhabitants(&gateway.home).into_iter().filter(|pid| !before.contains(pid)).collect();
    assert_eq!(woken, Vec::<u32>::new());
    let elsewhere = whose(&look(gateway, free_port()));
    assert!(matches!(elsewhere, Whose::Nobody(Nobody::LockLeft { .. })), "{elsewhere:?}");
}

/// A program that has the same Node, the same title, the same home and the same port as the gateway had.
struct LookAlike(Child);

impl LookAlike {
    fn start(gateway: &Gateway, node: &Path) -> Self {
        let script = format!(
            "process.title = 'openclaw-gateway'; require('net').createServer(() => {{}}).listen({}, '127.0.0.1')",
            gateway.port
        );
        let mut command = Command::new(node);
        command.env_clear().envs(gateway.environment()).args(["-e", &script]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("Node starts"))
    }
}

impl Drop for LookAlike {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn the_port_that_was_taken_over_is_not_mine(gateway: &Gateway, node: &Path, before: &Mine) {
    let squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, gateway.port)).expect("the port is free");
    let survey = look(gateway, gateway.port);
    assert!(matches!(whose(&survey), Whose::Foreign(_)), "{:?}", whose(&survey));
    assert!(!before.proof.holds(&survey), "the proof of a dead gateway holds");
    drop(squatter);

    let twin = LookAlike::start(gateway, node);
    let taken = || {
        let survey = look(gateway, gateway.port);
        let titled = survey.process(twin.0.id())?.argv.known()?.first()? == "openclaw-gateway";
        let listens = !survey.listeners.known()?.is_empty();
        (titled && listens).then_some(survey)
    };
    let survey = await_fact(SOON, taken, || format!("{:?}", look(gateway, gateway.port))).await;
    let verdict = whose(&survey);
    let Whose::Other(other) = &verdict else { panic!("{verdict:?}") };
    assert_eq!(other.why, NotMine::AnotherState { state_dir: Some(gateway.state_dir.clone()) });
    assert!(!before.proof.holds(&survey));
    // The twin: number and start time in the lock are all that it lacks. A judge by port, name and title takes it for the gateway.
    let process = survey.process(twin.0.id()).expect("it lives");
    let start = process.start.known().copied();
    let by_number = with_locks(&survey, |lock| lock.pid = process.pid);
    let verdict = whose(&by_number);
    assert!(matches!(&verdict, Whose::Other(other) if other.why == NotMine::EarlierProcess), "{verdict:?}");
    mine(&with_locks(&by_number, |lock| lock.start = start));
    // What cannot be seen is not judged.
    let mut hidden = survey.clone();
    hidden.listeners = hidden.listeners.map(|mut all| {
        all.iter_mut().for_each(|listener| listener.owners = Seen::Hidden(Blind::NotPermitted));
        all
    });
    assert!(matches!(whose(&hidden), Whose::CannotSee(_)));
}
