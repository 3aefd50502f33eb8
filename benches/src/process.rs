//! A server under load: started on its own core, and what the kernel says it used.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Resource, getrlimit, setrlimit};

/// The core of the server; the driver takes the other one.
const SERVER_CORE: &str = "0";
const DRIVER_CORE: &str = "1";
/// Clock ticks a second in `/proc/PID/stat`: fixed at 100 on every Linux that has it.
pub(crate) const TICKS: f64 = 100.0;

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// A free port that no outgoing connection gets: who asks again and again whether somebody listens there can never be connected to itself.
pub(crate) fn quiet_port() -> anyhow::Result<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    // Below 32768, where Linux begins to take ports from.
    let first = 20_000 + u16::try_from(std::process::id() % 10_000)?;
    (first..32_000).find(free).context("no free port")
}

/// Puts this process on its own core, so that the servers have theirs.
pub(crate) fn pin_driver() -> anyhow::Result<()> {
    let status = Command::new("taskset")
        .args(["-pc", DRIVER_CORE, &std::process::id().to_string()])
        .stdout(Stdio::null())
        .status()
        .context("taskset (util-linux) is needed")?;
    if !status.success() {
        bail!("this machine has fewer than two cores");
    }
    Ok(())
}

/// Lets this process, and the servers that it starts, have so many files open.
pub(crate) fn allow_files(wanted: u64) -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < wanted) {
        bail!("{wanted} open files are needed and {limit:?} are allowed: raise the limit (ulimit -Hn)");
    }
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("the limit of open files cannot be raised")
}

impl Server {
    /// Starts `program` on the server's core, its output in `folder/server.log`, and waits until `port` takes connections.
    pub(crate) fn start(program: &Path, arguments: &[String], folder: &Path, port: u16) -> anyhow::Result<Self> {
        let mut server = Self {
            child: spawn(program, arguments, folder)?,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            program: program.to_owned(),
            arguments: arguments.to_owned(),
            folder: folder.to_owned(),
        };
        server.await_port()?;
        Ok(server)
    }

    /// Kills it with signal 9 and starts it again.
    pub(crate) fn kill_and_start_again(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = spawn(&self.program, &self.arguments, &self.folder)?;
        self.await_port()
    }

    fn await_port(&mut self) -> anyhow::Result<()> {
        let limit = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.address).is_err() {
            let program = self.program.display();
            if let Some(status) = self.child.try_wait()? {
                bail!("{program} ended with {status}: {}", fs::read_to_string(self.folder.join("server.log"))?);
            }
            if Instant::now() > limit {
                bail!("{program} does not listen on {}", self.address);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// CPU seconds so far, of the process and all its threads.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds(self.child.id())
    }

    /// Resident memory, KiB.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Resident memory once it stays within 64 KiB for half a second.
    pub(crate) async fn settled_kib(&self) -> anyhow::Result<u64> {
        let mut last = self.resident_kib()?;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.resident_kib()?;
            if now.abs_diff(last) <= 64 {
                return Ok(now);
            }
            last = now;
        }
        Ok(last)
    }
}

fn spawn(program: &Path, arguments: &[String], folder: &Path) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("server.log"))?;
    // A driver that is killed takes its server along.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "-c", SERVER_CORE]).arg(program).args(arguments);
    command.env("HOME", folder).env_remove("XDG_DATA_HOME");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("cannot start {}", program.display()))
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// CPU seconds that all cores spent on anything but waiting, since boot.
pub(crate) fn busy_seconds() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let total = stat.lines().next().context("/proc/stat is empty")?;
    let ticks: Vec<f64> = total.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?;
    // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in user already.
    Ok(ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(index, _)| !matches!(index, 3 | 4))
        .map(|(_, ticks)| ticks)
        .sum::<f64>()
        / TICKS)
}

/// CPU seconds of the driver itself.
pub(crate) fn own_cpu_seconds() -> anyhow::Result<f64> {
    cpu_seconds(std::process::id())
}

fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold spaces; utime and stime are the 12th and 13th fields after it.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields
        .get(11..13)
        .context("/proc/PID/stat is short")?
        .iter()
        .map(|field| field.parse::<f64>())
        .sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS)
}
