//! `kill -9` of the service and of the devices, in whatever they are doing. Real parts: the `smartpi` binary with its SQLite file, and device processes with their own files. The agent is a fast one of this package.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use device::{BindingUrl, Claim, Confirm, Identity, Keep, Kind};
use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::fast_agent::FastAgent;
use support::history::{self, Seen, Violation};
use support::wait;
use tempfile::TempDir;

const DEVICES: usize = 6;
/// Between two messages of all devices together.
const PAUSE_MS: &str = "2";
const START: Duration = Duration::from_secs(30);
const DRAIN: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq)]
enum Program {
    Product,
    TellsFirst,
}

/// Killed on drop, and never by number: only the child that was started here.
struct Process(Child);

impl Process {
    fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

struct Story {
    home: TempDir,
    port: u16,
}

impl Story {
    fn new() -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let home = TempDir::with_prefix("smartpi-kill-")?;
        std::fs::create_dir(home.path().join("devices"))?;
        Ok(Self { home, port })
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn lines(&self) -> PathBuf {
        self.home.path().join("lines")
    }

    fn output(&self, name: &str) -> Result<File> {
        Ok(File::options().create(true).append(true).open(self.home.path().join(name))?)
    }

    fn service(&self, program: Program) -> Result<Process> {
        let mut command = match program {
            Program::Product => {
                let mut command = Command::new(binaries::smartpi());
                command
                    .args(["serve", "--agent", "gateway", "--port", &self.port.to_string(), "--data"])
                    .arg(self.data());
                command
            }
            Program::TellsFirst => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_forgetful-service"));
                command.arg(self.data()).arg(self.port.to_string());
                command
            }
        };
        command
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .stdout(self.output("service.out")?)
            .stderr(self.output("service.out")?);
        let mut process = Process(command.spawn()?);
        wait::until(START, "the service listens", || {
            ensure!(
                process.0.try_wait()?.is_none(),
                "the service ended: {}",
                std::fs::read_to_string(self.home.path().join("service.out"))?
            );
            Ok(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok())
        })?;
        Ok(process)
    }

    fn devices(&self, pause: Option<&str>) -> Result<Process> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_history-device"));
        command.arg(self.home.path().join("devices")).arg(DEVICES.to_string()).args(pause);
        command.stdin(Stdio::null()).stdout(self.output("lines")?).stderr(self.output("devices.out")?);
        Ok(Process(command.spawn()?))
    }

    fn bind_all(&self) -> Result<()> {
        let mut service = self.service(Program::Product)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for number in 0..DEVICES {
            let mut control = None;
            wait::until(START, "the control socket answers", || {
                control = Control::connect(&self.data()).ok();
                Ok(control.is_some())
            })?;
            let mut control = control.context("no control socket")?;
            let started = control.ask("bind.start", json!({}))?;
            let url = BindingUrl::parse(started["url"].as_str().context("no url")?)?;
            let bind = started["bind"].as_str().context("no bind")?.to_owned();
            let path = self.home.path().join("devices").join(format!("{number}.json"));
            let mut keep = Keep::create(&path, Identity::random()?)?;
            let claim = Claim { name: format!("device {number}"), kind: Kind::Script, confirm: Confirm::Code };
            let (code_to, code_from) = std::sync::mpsc::channel::<String>();
            let data = self.data();
            let person = std::thread::spawn(move || -> Result<Value> {
                let code = code_from.recv()?;
                let mut control = Control::connect(&data)?;
                wait::until(START, "the device shows its code", || {
                    Ok(control.ask("devices.pending", json!({}))?["pending"][0]["state"] == "confirming")
                })?;
                control.ask("bind.confirm", json!({"bind": bind, "code": code}))
            });
            runtime.block_on(device::bind(&url, &mut keep, &claim, |code| drop(code_to.send(code.to_string()))))?;
            person.join().map_err(|_| anyhow::anyhow!("the person panicked"))??;
        }
        service.kill()
    }

    /// The last lines that everybody wrote: what to look at first when a story does not end.
    fn ends(&self) -> String {
        let mut ends = String::new();
        for file in ["lines", "devices.out", "service.out", "data/logs/smartpi.log"] {
            let text = std::fs::read_to_string(self.home.path().join(file)).unwrap_or_default();
            let mut last: Vec<&str> = text.lines().rev().take(12).collect();
            last.reverse();
            ends.push_str(&format!("--- {file}\n{}\n", last.join("\n")));
        }
        ends
    }

    /// What the devices saw, and how many messages they still hold unacknowledged.
    fn seen(&self) -> Result<(BTreeMap<usize, Seen>, usize)> {
        let mut held = 0;
        let mut all = history::read(&std::fs::read_to_string(self.lines())?);
        for number in 0..DEVICES {
            let keep = Keep::open(&self.home.path().join("devices").join(format!("{number}.json")))?;
            let seen = all.entry(number).or_default();
            held += keep.identity.outbox.iter().filter(|message| !seen.acked.contains(&message.id)).count();
            let shown = keep.identity.shown.iter().filter_map(|shown| shown.re.clone()).collect();
            seen.shown = shown;
        }
        Ok((all, held))
    }

    /// Rounds of load and kills; then everything heals, and the history is judged.
    fn run(&self, program: Program, rounds: u32) -> Result<(Vec<Violation>, usize)> {
        self.bind_all()?;
        let agent = FastAgent::start(&self.data());
        let mut service = self.service(program)?;
        let mut devices = self.devices(Some(PAUSE_MS))?;
        for round in 0..rounds {
            // Different moments in each round, the same ones in each run.
            let load = Duration::from_millis(60 + u64::from(round) * 37 % 240);
            let before = acked(&self.lines())?;
            let since = Instant::now();
            wait::until(START, "messages flow", || Ok(since.elapsed() >= load && acked(&self.lines())? > before))?;
            if round % 3 != 2 {
                service.kill()?;
                service = self.service(program)?;
            }
            if round % 3 != 0 {
                devices.kill()?;
                devices = self.devices(Some(PAUSE_MS))?;
            }
        }
        devices.kill()?;
        let _devices = self.devices(None)?;
        let mut last = None;
        // What is lost never comes: wait for all of it, or until nothing changes any more.
        let drained = wait::until(DRAIN, "every acknowledged message is answered", || {
            let (seen, held) = self.seen()?;
            let open: usize = held
                + seen
                    .values()
                    .map(|seen| seen.acked.iter().filter(|id| !seen.shown.contains(id)).count())
                    .sum::<usize>();
            let shown: usize = seen.values().map(|seen| seen.shown.len()).sum();
            let now = (open, shown, Instant::now());
            match last {
                Some((open_before, shown_before, since)) if (open, shown) == (open_before, shown_before) => {
                    Ok(open == 0 || program == Program::TellsFirst && Instant::now() - since > Duration::from_secs(3))
                }
                _ => {
                    last = Some(now);
                    Ok(open == 0)
                }
            }
        });
        let (seen, _) = self.seen()?;
        if let Err(error) = drained {
            ensure!(!history::judge(&seen, &agent.ran()).is_empty(), "{error:#}\n{}", self.ends());
        }
        Ok((history::judge(&seen, &agent.ran()), seen.values().map(|seen| seen.acked.len()).sum()))
    }
}

fn acked(lines: &Path) -> Result<usize> {
    Ok(std::fs::read_to_string(lines)?.matches("\"acked\"").count())
}

fn rounds() -> u32 {
    std::env::var("SMARTPI_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

#[test]
fn fifty_kills_lose_nothing_double_nothing_and_keep_the_order() -> Result<()> {
    let rounds = rounds();
    let (violations, acked) = Story::new()?.run(Program::Product, rounds)?;
    assert_eq!(violations, []);
    assert!(
        acked > 5 * usize::try_from(rounds)?,
        "only {acked} messages were acknowledged in {rounds} rounds: no load"
    );
    Ok(())
}

#[test]
fn a_service_that_acknowledges_before_the_commit_is_caught() -> Result<()> {
    let (violations, acked) = Story::new()?.run(Program::TellsFirst, 30)?;
    assert!(
        violations.iter().any(|violation| matches!(violation, Violation::Lost(..))),
        "{acked} acknowledged, none lost: {violations:?}"
    );
    Ok(())
}
