//! Six devices in a process of their own, an agent that answers at once, and one channel service: what faults are done to. Everything they hold is on disk, and judged at the end.

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
use support::history::{self, Seen};
use support::wait;
use tempfile::TempDir;

/// How many devices there are.
pub(crate) const DEVICES: usize = 6;
/// Longest wait for something to begin.
pub(crate) const START: Duration = Duration::from_secs(30);
/// Longest wait for everything to be answered.
const DRAIN: Duration = Duration::from_secs(60);
/// A crowd in which nothing moves for so long has lost something.
const STILL: Duration = Duration::from_secs(3);

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// `smartpi serve`.
    Product,
    /// Acknowledges before the commit.
    TellsFirst,
    /// Goes on with a connection that failed.
    KeepsFailed,
}

/// Killed on drop, and never by number: only the child that was started here.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    pub(crate) fn has_ended(&mut self) -> Result<bool> {
        Ok(self.0.try_wait()?.is_some())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The crowd.
pub(crate) struct Crowd {
    home: TempDir,
    data: PathBuf,
    port: u16,
}

impl Crowd {
    /// Devices that are bound to a service whose data lies beside theirs.
    pub(crate) fn new() -> Result<Self> {
        let home = TempDir::with_prefix("smartpi-crowd-")?;
        let data = home.path().join("data");
        Self::bound(home, data)
    }

    /// The same, with the service's data elsewhere.
    pub(crate) fn with_data(data: &Path) -> Result<Self> {
        Self::bound(TempDir::with_prefix("smartpi-crowd-")?, data.to_owned())
    }

    fn bound(home: TempDir, data: PathBuf) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        std::fs::create_dir(home.path().join("devices"))?;
        let crowd = Self { home, data, port };
        crowd.bind_all()?;
        Ok(crowd)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// A file of this crowd.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn output(&self, name: &str) -> Result<File> {
        Ok(File::options().create(true).append(true).open(self.path(name))?)
    }

    /// The command that starts a service.
    pub(crate) fn command(&self, program: Program) -> Result<Command> {
        let mut command = match program {
            Program::Product => {
                let mut command = Command::new(binaries::smartpi());
                command
                    .args(["serve", "--agent", "gateway", "--port", &self.port.to_string(), "--data"])
                    .arg(&self.data);
                command
            }
            Program::TellsFirst | Program::KeepsFailed => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_forgetful-service"));
                command.arg(&self.data).arg(self.port.to_string());
                command.args((program == Program::KeepsFailed).then_some("keeps-failed"));
                command
            }
        };
        command
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .stdout(self.output("service.out")?)
            .stderr(self.output("service.out")?);
        Ok(command)
    }

    /// Starts a service and waits until it listens.
    pub(crate) fn service(&self, program: Program) -> Result<Process> {
        let mut process = Process(self.command(program)?.spawn()?);
        wait::until(START, "the service listens", || {
            ensure!(!process.has_ended()?, "the service ended: {}", std::fs::read_to_string(self.path("service.out"))?);
            Ok(self.is_listening())
        })?;
        Ok(process)
    }

    pub(crate) fn is_listening(&self) -> bool {
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
    }

    /// Starts the devices. `pause`: between two messages of all of them together, in ms; without one they send nothing new.
    pub(crate) fn devices(&self, pause: Option<&str>) -> Result<Process> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_history-device"));
        command.arg(self.path("devices")).arg(DEVICES.to_string()).args(pause);
        command.stdin(Stdio::null()).stdout(self.output("lines")?).stderr(self.output("devices.out")?);
        Ok(Process(command.spawn()?))
    }

    /// The control socket of the service, once it answers.
    pub(crate) fn control(&self) -> Result<Control> {
        let mut control = None;
        wait::until(START, "the control socket answers", || {
            control = Control::connect(&self.data).ok();
            Ok(control.is_some())
        })?;
        control.context("no control socket")
    }

    fn bind_all(&self) -> Result<()> {
        let mut service = self.service(Program::Product)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for number in 0..DEVICES {
            let mut control = self.control()?;
            let started = control.ask("bind.start", json!({}))?;
            let url = BindingUrl::parse(started["url"].as_str().context("no url")?)?;
            let bind = started["bind"].as_str().context("no bind")?.to_owned();
            let mut keep = Keep::create(&self.identity(number), Identity::random()?)?;
            let claim = Claim { name: format!("device {number}"), kind: Kind::Script, confirm: Confirm::Code };
            let (code_to, code_from) = std::sync::mpsc::channel::<String>();
            let data = self.data.clone();
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

    fn identity(&self, number: usize) -> PathBuf {
        self.path("devices").join(format!("{number}.json"))
    }

    /// What the devices said so far, line by line.
    pub(crate) fn lines(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.path("lines"))?)
    }

    /// How often a device said so.
    pub(crate) fn count(&self, what: &str) -> Result<usize> {
        Ok(self.lines()?.matches(&format!("\"what\":\"{what}\"")).count())
    }

    /// How many messages were acknowledged.
    pub(crate) fn acked(&self) -> Result<usize> {
        self.count("acked")
    }

    /// The last lines that everybody wrote: what to look at first when a story does not end.
    pub(crate) fn ends(&self) -> String {
        let mut ends = String::new();
        let log = self.data.join("logs/smartpi.log");
        for file in [self.path("lines"), self.path("devices.out"), self.path("service.out"), log] {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let mut last: Vec<&str> = text.lines().rev().take(12).collect();
            last.reverse();
            ends.push_str(&format!("--- {}\n{}\n", file.display(), last.join("\n")));
        }
        ends
    }

    /// What the devices saw, and how many messages they still hold unacknowledged.
    pub(crate) fn seen(&self) -> Result<(BTreeMap<usize, Seen>, usize)> {
        let mut held = 0;
        let mut all = history::read(&self.lines()?);
        for number in 0..DEVICES {
            let keep = Keep::open(&self.identity(number))?;
            let seen = all.entry(number).or_default();
            held += keep.identity.outbox.iter().filter(|message| !seen.acked.contains(&message.id)).count();
            let shown = keep.identity.shown.iter().filter_map(|shown| shown.re.clone()).collect();
            seen.shown = shown;
        }
        Ok((all, held))
    }

    /// With a service and nobody who says anything new: waits until everything is acknowledged and answered, or, where `may_lose`, until nothing moves any more.
    /// Then what the devices saw.
    pub(crate) fn drain(&self, may_lose: bool) -> Result<BTreeMap<usize, Seen>> {
        let _devices = self.devices(None)?;
        let mut last = None;
        let drained = wait::until(DRAIN, "every acknowledged message is answered", || {
            let (seen, held) = self.seen()?;
            let unanswered = |seen: &Seen| seen.acked.iter().filter(|id| !seen.shown.contains(id)).count();
            let open = held + seen.values().map(unanswered).sum::<usize>();
            let shown: usize = seen.values().map(|seen| seen.shown.len()).sum();
            match last {
                Some((before, since)) if before == (open, shown) => {
                    Ok(open == 0 || may_lose && Instant::now() - since > STILL)
                }
                _ => {
                    last = Some(((open, shown), Instant::now()));
                    Ok(open == 0)
                }
            }
        });
        let seen = self.seen()?.0;
        if let Err(error) = drained {
            // What is lost is for the judge; what merely does not come is told here.
            let lost = seen.values().any(|seen| seen.acked.iter().any(|id| !seen.shown.contains(id)));
            ensure!(lost, "{error:#}\n{}", self.ends());
        }
        Ok(seen)
    }
}
