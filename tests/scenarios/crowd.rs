//! Six devices on one end of a cable, one channel service with its agent on the other: what faults are done to. Everything they hold is on disk, and judged at the end.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use device::{Identity, Keep, Outgoing};
use serde_json::json;
use support::binaries;
use support::channel_service::ChannelService;
use support::control::Control;
use support::fast_agent::{FastAgent, Habits};
use support::history::{self, Seen};
use support::lab::Lab;
use support::wait;
use tempfile::TempDir;

/// How many devices there are.
pub(crate) const DEVICES: usize = 6;
/// Longest wait for something to begin.
pub(crate) const START: Duration = Duration::from_secs(30);
const PORT: u16 = 8765;
/// What has not moved for so long does not come any more.
const DRAIN: Duration = Duration::from_secs(60);
/// Longest wait for a slow computer.
const LONGEST: Duration = Duration::from_secs(300);
/// The same where something is expected to be lost.
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

/// Devices that are bound to a service: what crowds begin with.
pub(crate) struct Bound {
    folder: TempDir,
}

impl Bound {
    /// Binds them, each with a code and its digits.
    pub(crate) fn new() -> Result<Self> {
        let folder = TempDir::with_prefix("smartpi-bound-")?;
        fs::create_dir(folder.path().join("devices"))?;
        let lab = Lab::new();
        let mut service = ChannelService::start(&lab.computer, &["--agent", "gateway", "--lan"])?;
        for number in 0..DEVICES {
            let identity = service.bind_device(&lab.phone, Lab::COMPUTER, &format!("device {number}"))?;
            Keep::create(&folder.path().join(format!("devices/{number}.json")), identity)?;
        }
        service.kill()?;
        copy(&service.data(), &folder.path().join("data"))?;
        Ok(Self { folder })
    }

    /// A crowd whose service has its data in a new folder.
    pub(crate) fn crowd(&self) -> Result<Crowd> {
        let home = TempDir::with_prefix("smartpi-crowd-")?;
        let data = home.path().join("data");
        self.crowd_in(home, data)
    }

    /// The same, with the service's data elsewhere.
    pub(crate) fn crowd_with(&self, data: &Path) -> Result<Crowd> {
        self.crowd_in(TempDir::with_prefix("smartpi-crowd-")?, data.to_owned())
    }

    fn crowd_in(&self, home: TempDir, data: PathBuf) -> Result<Crowd> {
        copy(&self.folder.path().join("data"), &data)?;
        copy(&self.folder.path().join("devices"), &home.path().join("devices"))?;
        Ok(Crowd { lab: Lab::new(), home, data })
    }
}

/// The files of a folder into a new one, but for what a service makes anew at its start.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name() != "ballast" {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// The crowd.
pub(crate) struct Crowd {
    /// The cable.
    pub(crate) lab: Lab,
    home: TempDir,
    data: PathBuf,
}

impl Crowd {
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

    /// The agent of this crowd's service.
    pub(crate) fn agent(&self, habits: Habits) -> FastAgent {
        self.lab.computer.enter(|| FastAgent::with(&self.data, habits))
    }

    /// The command that starts a service.
    pub(crate) fn command(&self, program: Program) -> Result<Command> {
        let computer = &self.lab.computer;
        let mut command = match program {
            Program::Product => {
                let mut command = computer.command(binaries::smartpi());
                command
                    .args(["serve", "--agent", "gateway", "--lan", "--answer-after", "1", "--port", &PORT.to_string()])
                    .arg("--data")
                    .arg(&self.data);
                command
            }
            Program::TellsFirst | Program::KeepsFailed => {
                let mut command = computer.command(env!("CARGO_BIN_EXE_forgetful-service"));
                command.arg(&self.data).arg(PORT.to_string());
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
        self.until_listening(&mut process)?;
        Ok(process)
    }

    /// Waits until a service that was started takes devices.
    pub(crate) fn until_listening(&self, process: &mut Process) -> Result<()> {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
        wait::until(START, "the service listens", || {
            ensure!(!process.has_ended()?, "the service ended: {}", fs::read_to_string(self.path("service.out"))?);
            Ok(self.lab.computer.connect(address).is_ok())
        })
    }

    /// Starts all devices. `pause`: between two messages of all of them together, in ms; without one they send nothing new.
    pub(crate) fn devices(&self, pause: Option<&str>) -> Result<Process> {
        self.some_devices(0..DEVICES, pause)
    }

    /// Starts some of them. A line on the standard input of the process makes them reconnect.
    pub(crate) fn some_devices(&self, which: Range<usize>, pause: Option<&str>) -> Result<Process> {
        let mut command = self.lab.phone.command(env!("CARGO_BIN_EXE_history-device"));
        command.arg(self.path("devices")).arg(which.start.to_string()).arg(which.len().to_string()).args(pause);
        command.stdin(Stdio::piped()).stdout(self.output("lines")?).stderr(self.output("devices.out")?);
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

    /// Waits until no device has anything to fetch and the agent nothing to bring: what is seen then is all there will be.
    pub(crate) fn until_rest(&self, agent: &FastAgent) -> Result<()> {
        let mut control = self.control()?;
        wait::until(DRAIN, "nothing is under way", || {
            let listed = control.ask("devices.list", json!({}))?;
            let fetched = |device: &serde_json::Value| device["waiting"] == 0;
            Ok(agent.is_idle() && listed["devices"].as_array().into_iter().flatten().all(fetched))
        })
    }

    fn identity(&self, number: usize) -> PathBuf {
        self.path("devices").join(format!("{number}.json"))
    }

    /// What the devices said so far, line by line.
    pub(crate) fn lines(&self) -> Result<String> {
        Ok(fs::read_to_string(self.path("lines"))?)
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
            let text = fs::read_to_string(&file).unwrap_or_default();
            let mut last: Vec<&str> = text.lines().rev().take(12).collect();
            // A device that gave up says why, and no more.
            last.extend(text.lines().filter(|line| line.contains("\"ended\"")));
            last.reverse();
            ends.push_str(&format!("--- {}\n{}\n", file.display(), last.join("\n")));
        }
        ends
    }

    /// What the service and the agent know: to be read when they and the devices do not agree.
    pub(crate) fn about(&self, agent: &FastAgent) -> String {
        let asked = || -> Result<String> {
            let mut control = self.control()?;
            let devices = control.ask("devices.list", json!({}))?["devices"].as_array().context("no list")?.clone();
            let mut all = String::new();
            for device in devices {
                let status = control.ask("devices.status", json!({"deviceKey": device["deviceKey"]}))?;
                all.push_str(&format!("{device}\n"));
                let turns = status["turns"].as_array().into_iter().flatten().take(15);
                turns.for_each(|turn| all.push_str(&format!("  {turn}\n")));
            }
            Ok(all)
        };
        let known = asked().unwrap_or_else(|error| format!("the service says nothing: {error:#}"));
        format!("agent: idle {}, {} links\n{known}{}", agent.is_idle(), agent.links(), self.ends())
    }

    /// What the devices saw, and how many messages they still hold unacknowledged.
    pub(crate) fn seen(&self) -> Result<(BTreeMap<usize, Seen>, usize)> {
        self.seen_while(|| Ok(()))
    }

    /// A device says that a message was acknowledged before it forgets it. So what the devices keep is read first, and what they said afterwards: a message that an
    /// acknowledgement finds between the two is in both, and not in neither. `between` is when that may happen.
    fn seen_while(&self, between: impl FnOnce() -> Result<()>) -> Result<(BTreeMap<usize, Seen>, usize)> {
        let keeps = (0..DEVICES).map(|number| Keep::open(&self.identity(number))).collect::<Result<Vec<_>, _>>()?;
        between()?;
        let mut held = 0;
        let mut all = history::read(&self.lines()?);
        for (number, keep) in keeps.into_iter().enumerate() {
            let seen = all.entry(number).or_default();
            held += keep.identity.outbox.iter().filter(|message| !seen.acked.contains(&message.id)).count();
            seen.shown = keep.identity.shown.iter().filter_map(|shown| shown.re.clone()).collect();
            seen.shown_rids = keep.identity.shown.iter().map(|shown| shown.rid.clone()).collect();
        }
        Ok((all, held))
    }

    /// With a service and nobody who says anything new: waits until everything is acknowledged and answered, or, where `may_lose`, until nothing moves any more.
    /// Then what the devices saw.
    pub(crate) fn drain(&self, may_lose: bool) -> Result<BTreeMap<usize, Seen>> {
        self.drain_with(&self.devices(None)?, may_lose)
    }

    /// The same with devices that are there.
    pub(crate) fn drain_with(&self, _devices: &Process, may_lose: bool) -> Result<BTreeMap<usize, Seen>> {
        // A busy computer is slow, and loses nothing: only a crowd in which nothing moves has lost what is open.
        let enough = if may_lose { STILL } else { DRAIN };
        let mut last = ((usize::MAX, 0), Instant::now());
        let mut end = (BTreeMap::new(), 0);
        wait::until(LONGEST, "every acknowledged message is answered", || {
            end = self.seen()?;
            let (seen, held) = (&end.0, end.1);
            let unanswered = |seen: &Seen| seen.acked.iter().filter(|id| !seen.shown.contains(id)).count();
            let open = held + seen.values().map(unanswered).sum::<usize>();
            let shown: usize = seen.values().map(|seen| seen.shown.len()).sum();
            if last.0 != (open, shown) {
                last = ((open, shown), Instant::now());
            }
            Ok(open == 0 || last.1.elapsed() > enough)
        })
        .with_context(|| self.ends())?;
        let (seen, held) = end;
        // What was acknowledged is for the judge; what merely is not taken is told here.
        ensure!(held == 0 || may_lose, "{held} messages are not taken\n{}", self.ends());
        Ok(seen)
    }
}

/// On a busy computer much happens between two looks.
#[test]
fn a_message_that_is_acknowledged_between_two_looks_is_open_still() -> Result<()> {
    let home = TempDir::with_prefix("smartpi-crowd-")?;
    fs::create_dir(home.path().join("devices"))?;
    let crowd = Crowd { lab: Lab::new(), data: home.path().join("data"), home };
    let words = |what: &str| -> Result<()> {
        Ok(writeln!(crowd.output("lines")?, r#"{{"device":0,"what":"{what}","id":"m"}}"#)?)
    };
    for number in 0..DEVICES {
        let mut identity = Identity::random()?;
        if number == 0 {
            identity.outbox.push_back(Outgoing { id: "m".into(), text: "words".into() });
        }
        Keep::create(&crowd.identity(number), identity)?;
    }
    words("queued")?;
    let forget = || -> Result<()> {
        words("acked")?;
        fs::remove_file(crowd.identity(0))?;
        Keep::create(&crowd.identity(0), Identity::random()?)?;
        Ok(())
    };
    let (seen, held) = crowd.seen_while(forget)?;
    let open = held + seen[&0].acked.iter().filter(|id| !seen[&0].shown.contains(id)).count();
    ensure!(open == 1, "it is in neither: {seen:?}, {held} held");
    Ok(())
}
