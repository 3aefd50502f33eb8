//! Look-alikes of a stray gateway, and somebody who tries to end every one of them by the product's own function.
//!
//! `decoys keep ROUNDS [careless]` needs to be the first process of a pid namespace of its own, as root, with its own network. It makes the others: copies of
//! itself under other programs' names, which do what the variable `DECOY` says. `careless` ends whatever is called like OpenClaw, as a tool that looks less
//! closely would. What happened is printed as lines of JSON.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use care::target::{Ending, Held, Refused, Target};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

const PORT: u16 = 18_789;
const TITLE: &str = "openclaw-gateway";
/// Whoever tries.
const USER: u32 = 1_500;
/// Somebody else.
const OTHER: u32 = 1_600;
const SOON: Duration = Duration::from_secs(20);

fn main() -> Result<()> {
    if let Ok(part) = std::env::var("DECOY") {
        return act(&part);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["keep", rounds] => keep(rounds, "careful"),
        ["keep", rounds, "careless"] => keep(rounds, "careless"),
        ["try", folder, rounds, how, others @ ..] => attempt(Path::new(folder), rounds.parse()?, how, others),
        _ => anyhow::bail!("decoys keep ROUNDS [careless]"),
    }
}

/// A decoy's part: what it holds, and whom it starts.
fn act(part: &str) -> Result<()> {
    let (mut sockets, mut streams, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let mut run = None;
    for word in part.split(';').filter(|word| !word.is_empty()) {
        match word.split_once('=').context("a part is a name and a value")? {
            ("listen", address) => sockets.push(TcpListener::bind(address.parse::<SocketAddr>()?)?),
            ("connect", address) => streams.push(TcpStream::connect(address.parse::<SocketAddr>()?)?),
            ("open", file) => files.push(fs::File::open(file)?),
            ("run", command) => run = Some(command.to_owned()),
            (name, _) => anyhow::bail!("{name} is no part"),
        }
    }
    if let Some(command) = run {
        let mut words = command.split(' ');
        let status = Command::new(words.next().context("no program")?).args(words).env_clear().status()?;
        ensure!(status.success(), "whom it started failed: {status}");
        return Ok(());
    }
    tell(&"ready")?;
    // It ends with whoever started it.
    std::io::stdin().read_to_end(&mut Vec::new())?;
    drop((sockets, streams, files));
    Ok(())
}

fn tell(what: &impl std::fmt::Display) -> Result<()> {
    writeln!(std::io::stdout(), "{what}")?;
    Ok(())
}

/// How a decoy looks.
struct Look<'a> {
    program: &'a str,
    argv: &'a [&'a str],
    environment: &'a [(&'a str, &'a str)],
    part: &'a str,
}

struct Decoy {
    who: &'static str,
    target: Target,
    child: Option<Child>,
}

impl Look<'_> {
    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(folder.join("bin").join(self.program));
        command.arg0(self.argv[0]).args(&self.argv[1..]).env_clear().envs(self.environment.iter().copied());
        command.env("DECOY", self.part).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    fn target(&self, folder: &Path, pid: u32) -> Result<Target> {
        let state = self.environment.iter().find(|(name, _)| *name == "OPENCLAW_STATE_DIR").map(|(_, value)| *value);
        Ok(Target {
            pid,
            start: start(pid)?,
            boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().into(),
            exe: folder.join("bin").join(self.program),
            argv: self.argv.iter().map(|word| (*word).into()).collect(),
            state_dir: state.unwrap_or("/home/li/.openclaw").into(),
            port: PORT,
        })
    }

    fn start(&self, folder: &Path, who: &'static str, user: u32) -> Result<Decoy> {
        let mut command = self.command(folder);
        if user != rustix::process::geteuid().as_raw() {
            command.uid(user).gid(user);
        }
        let mut child = command.spawn().with_context(|| who.to_owned())?;
        ready(&mut child).with_context(|| who.to_owned())?;
        Ok(Decoy { who, target: self.target(folder, child.id())?, child: Some(child) })
    }
}

impl Drop for Decoy {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn ready(child: &mut Child) -> Result<()> {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().context("no output")?).read_line(&mut line)?;
    ensure!(line == "ready\n", "it did not begin");
    Ok(())
}

/// Field 22 of `/proc/PID/stat`; the name before it may hold anything.
fn start(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let rest = stat.rsplit_once(')').context("no name")?.1;
    Ok(rest.split_whitespace().nth(19).context("no start")?.parse()?)
}

/// The same process, and not one that ended and waits for its parent.
fn lives(target: &Target) -> bool {
    let ended = fs::read_to_string(format!("/proc/{}/stat", target.pid)).is_ok_and(|stat| stat.contains(") Z "));
    !ended && start(target.pid).is_ok_and(|start| start == target.start)
}

const OLD: [(&str, &str); 2] = [("HOME", "/home/li"), ("OPENCLAW_STATE_DIR", "/home/li/.openclaw-old")];

fn stray() -> Look<'static> {
    Look { program: "node", argv: &[TITLE], environment: &OLD, part: "listen=127.0.0.1:18789" }
}

/// As root: the decoys that a user cannot make, then the user, under a decoy that is its parent.
fn keep(rounds: &str, how: &str) -> Result<()> {
    ensure!(std::process::id() == 1, "this needs a pid namespace of its own");
    ensure!(Command::new("ip").args(["link", "set", "lo", "up"]).status()?.success(), "no network of its own");
    let folder = std::env::temp_dir().join(format!("decoys-{how}-{}", start(1)?));
    fs::create_dir_all(folder.join("bin"))?;
    let remove = Folder(folder.clone());
    fs::copy(std::env::current_exe()?, folder.join("bin/node"))?;
    for name in ["chrome", "vim", "server", "gdb", "smartpi"] {
        fs::hard_link(folder.join("bin/node"), folder.join("bin").join(name))?;
    }
    fs::write(folder.join("openclaw.json"), "{}")?;
    let gateway = |part| Look { part, ..stray() };
    let root = gateway("listen=127.0.0.4:18789").start(&folder, "root", 0)?;
    let other = gateway("listen=127.0.0.3:18789").start(&folder, "another user", OTHER)?;
    let contained = container(&folder)?;
    let numbers = [("root", &root), ("another user", &other), ("a container", &contained)];
    let numbers: Vec<String> =
        numbers.iter().map(|(who, decoy)| format!("{}={}", who.replace(' ', "_"), decoy.target.pid)).collect();
    let command = format!(
        "{} try {} {rounds} {how} {}",
        folder.join("bin/smartpi").display(),
        folder.display(),
        numbers.join(" ")
    );
    let part = format!("listen=127.0.0.7:18789;run={command}");
    let mut above = gateway(&part).command(&folder);
    let status = above.uid(USER).gid(USER).stdout(Stdio::inherit()).spawn()?.wait()?;
    ensure!(status.success(), "the tries failed: {status}");
    drop((root, other, contained));
    if how == "careful" {
        tell(&json!({ "reused": reused(&folder, rounds.parse()?)? }))?;
    }
    drop(remove);
    Ok(())
}

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn container(folder: &Path) -> Result<Decoy> {
    let look = Look { part: "listen=127.0.0.5:18789", ..stray() };
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", "setpriv", "--reuid=1500", "--regid=1500", "--clear-groups"]);
    command.args(["bash", "-c", "exec -a openclaw-gateway \"$0\""]).arg(folder.join("bin/node"));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").envs(OLD).env("DECOY", look.part);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    ready(&mut child).context("a container")?;
    let number = child.id();
    let inner = fs::read_to_string(format!("/proc/{number}/task/{number}/children"))?;
    let pid = inner.trim().parse().with_context(|| format!("the container has {inner:?}"))?;
    Ok(Decoy { who: "a container", target: look.target(folder, pid)?, child: Some(child) })
}

/// As the user: makes the other decoys, and tries all of them in many orders.
fn attempt(folder: &Path, rounds: u32, how: &str, others: &[&str]) -> Result<()> {
    let config = format!("open={}", folder.join("openclaw.json").display());
    let page = ["chrome", "http://127.0.0.1:18789"];
    let file = folder.join("openclaw.json").display().to_string();
    let edits = ["vim", file.as_str()];
    let debugs = ["gdb", "--args", "node", TITLE];
    let profile = [("HOME", "/home/li"), ("OPENCLAW_STATE_DIR", "/home/li/.openclaw-b")];
    let service = [OLD[0], OLD[1], ("OPENCLAW_SERVICE_MARKER", "openclaw"), ("OPENCLAW_SERVICE_KIND", "gateway")];
    let connected = "connect=127.0.0.1:18789";
    let mut real = stray().start(folder, "the stray", USER)?;
    let mut decoys = vec![
        Look { part: connected, ..stray() }.start(folder, "a client", USER)?,
        Look { program: "chrome", argv: &page, environment: &[], part: connected }.start(folder, "a browser", USER)?,
        Look { program: "vim", argv: &edits, environment: &OLD, part: &config }.start(folder, "an editor", USER)?,
        Look { program: "server", part: "listen=127.0.0.2:18789", ..stray() }.start(
            folder,
            "a program of that title",
            USER,
        )?,
        Look { environment: &profile, part: "listen=127.0.0.1:18790", ..stray() }.start(
            folder,
            "a second profile",
            USER,
        )?,
        Look { environment: &service, part: "listen=127.0.0.6:18789", ..stray() }.start(
            folder,
            "a healthy service",
            USER,
        )?,
        Look { program: "gdb", argv: &debugs, environment: &OLD, part: "listen=127.0.0.8:18789" }.start(
            folder,
            "a debugger",
            USER,
        )?,
    ];
    let above = std::os::unix::process::parent_id();
    decoys.push(Decoy { who: "an ancestor", target: stray().target(folder, above)?, child: None });
    for other in others {
        let (who, pid) = other.split_once('=').context("a name and a number")?;
        let who = ["root", "another user", "a container"].into_iter().find(|name| name.replace(' ', "_") == who);
        let target = stray().target(folder, pid.parse()?)?;
        decoys.push(Decoy { who: who.context("nobody of that name")?, target, child: None });
    }
    if how == "careless" {
        carelessly(&decoys)?;
    }
    let mut tries: Vec<(usize, Target)> = Vec::new();
    for (index, decoy) in decoys.iter().enumerate() {
        // Such as it is, the second profile is a gateway of its own that somebody may want to end: but not as the one on this port.
        tries.push((index, decoy.target.clone()));
        tries.push((index, Target { pid: decoy.target.pid, start: decoy.target.start, ..real.target.clone() }));
        tries.push((index, Target { pid: decoy.target.pid, ..real.target.clone() }));
    }
    let mut wrong = Vec::new();
    let mut refused: BTreeMap<&str, BTreeMap<String, u32>> = BTreeMap::new();
    for round in 0..rounds {
        shuffle(&mut tries, u64::from(round));
        for (index, target) in &tries {
            let who = decoys[*index].who;
            match Held::take(target).and_then(|held| held.tell(Ending::Asked)) {
                Ok(()) => wrong.push(who),
                Err(why) => *refused.entry(who).or_default().entry(word(&why)).or_default() += 1,
            }
        }
        wrong.extend(decoys.iter().filter(|decoy| !lives(&decoy.target)).map(|decoy| decoy.who));
        if !wrong.is_empty() {
            break;
        }
    }
    let held = Held::take(&real.target).context("the stray itself")?;
    held.tell(Ending::Asked)?;
    let ended = held.ends_within(SOON)?;
    drop(real.child.as_mut().context("no child")?.wait());
    tell(&json!({ "rounds": rounds, "kinds": decoys.len(), "wrong": wrong, "refused": refused, "ended": ended }))?;
    Ok(())
}

fn word(why: &Refused) -> String {
    let whole = format!("{why:?}");
    whole.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

/// Another order for each seed, the same one each time.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let pick = usize::try_from((mixed ^ (mixed >> 31)) % (last as u64 + 1)).unwrap_or(0);
        items.swap(last, pick);
    }
}

/// By name alone, and sparing only whoever it comes from.
fn carelessly(decoys: &[Decoy]) -> Result<()> {
    for decoy in decoys.iter().filter(|decoy| decoy.who != "an ancestor") {
        let command = fs::read(format!("/proc/{}/cmdline", decoy.target.pid))?;
        if String::from_utf8_lossy(&command).contains("openclaw") {
            let pid = i32::try_from(decoy.target.pid).ok().and_then(Pid::from_raw).context("no number")?;
            // Root's and other users' are beyond it.
            let _beyond_it = kill_process(pid, Signal::TERM);
        }
    }
    // A signal takes its time.
    let killed = || decoys.iter().any(|decoy| !lives(&decoy.target));
    for _ in 0..1_000 {
        if killed() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("even a careless tool killed nobody")
}

/// The number of one that was held, or was shown in a plan, is given to another one that looks the same in everything: nobody is told anything.
fn reused(folder: &Path, rounds: u32) -> Result<u32> {
    for _ in 0..rounds {
        let mut first = stray().start(folder, "the first", 0)?;
        let shown = first.target.clone();
        let held = Held::take(&shown).context("the first")?;
        // The kernel counts starts in ticks: the next one must not have the same.
        let ticks = || -> Result<u64> { Ok((uptime()? * 100.0) as u64) };
        while ticks()? <= shown.start + 1 {
            std::thread::yield_now();
        }
        let child = first.child.as_mut().context("no child")?;
        child.kill()?;
        child.wait()?;
        fs::write("/proc/sys/kernel/ns_last_pid", (shown.pid - 1).to_string())?;
        let second = stray().start(folder, "the second", 0)?;
        ensure!(second.target.pid == shown.pid, "the number was not used again");
        ensure!(held.tell(Ending::Forced) == Err(Refused::AnotherProcess), "what was held came to mean another one");
        ensure!(
            Held::take(&shown).map(drop) == Err(Refused::AnotherProcess),
            "another one was taken for the one of the plan"
        );
        ensure!(lives(&second.target), "the second was killed");
    }
    Ok(rounds)
}

fn uptime() -> Result<f64> {
    let text = fs::read_to_string("/proc/uptime")?;
    Ok(text.split(' ').next().context("no uptime")?.parse()?)
}
