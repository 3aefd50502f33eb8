//! The real `smartpi serve` on a throw-away data folder: started, killed, started again.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use device::{BindingUrl, Claim, Confirm, Identity, Keep, Kind};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries;
use crate::control::Control;
use crate::lab::Namespace;
use crate::phone::Phone;

/// A debug binary on a busy machine answers within this time of its start.
const START: Duration = Duration::from_secs(20);
/// How often a file or a page is looked at while waiting.
const ASK: Duration = Duration::from_millis(20);

/// A running service. Killed on drop.
#[derive(Debug)]
pub struct ChannelService<'a> {
    place: &'a Namespace,
    arguments: Vec<String>,
    /// What it writes to its log: a level of SMARTPI_LOG.
    level: &'static str,
    home: TempDir,
    child: Child,
}

impl<'a> ChannelService<'a> {
    /// Starts `smartpi serve` in `place` with `arguments`, on a data folder of its own.
    ///
    /// # Errors
    /// A service that ends, or does not answer its control socket within 20 s, with the end of its log.
    pub fn start(place: &'a Namespace, arguments: &[&str]) -> Result<Self> {
        Self::start_at(place, arguments, "info")
    }

    /// The same with everything in its log.
    ///
    /// # Errors
    /// As [`ChannelService::start`].
    pub fn start_talkative(place: &'a Namespace, arguments: &[&str]) -> Result<Self> {
        Self::start_at(place, arguments, "debug")
    }

    fn start_at(place: &'a Namespace, arguments: &[&str], level: &'static str) -> Result<Self> {
        let home = TempDir::with_prefix("smartpi-scenario-")?;
        let arguments = arguments.iter().map(ToString::to_string).collect::<Vec<_>>();
        let child = spawn(place, home.path(), &arguments, level)?;
        let mut service = Self { place, arguments, level, home, child };
        service.await_answer()?;
        Ok(service)
    }

    /// Kills it with signal 9, in whatever it is doing.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        ensure!(status.signal() == Some(9), "the service had ended before it was killed: {status}");
        Ok(())
    }

    /// Starts it again on the same data folder.
    ///
    /// # Errors
    /// As [`ChannelService::start`].
    pub fn start_again(&mut self) -> Result<()> {
        self.child = spawn(self.place, self.home.path(), &self.arguments, self.level)?;
        self.await_answer()
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A new connection to its control socket.
    ///
    /// # Errors
    /// As [`Control::connect`].
    pub fn control(&self) -> Result<Control> {
        Control::connect(&self.data())
    }

    /// Everything it wrote to its log files, its standard output and error.
    #[must_use]
    pub fn log(&self) -> String {
        let folder = self.data().join("logs");
        let mut files = vec![self.home.path().join("output")];
        files.extend(fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()));
        files.iter().map(|file| fs::read_to_string(file).unwrap_or_default()).collect()
    }

    /// Makes a binding code and gives its id and URL. `address` is the one a device is to dial.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn bind_url(&self, address: Ipv4Addr) -> Result<(String, String)> {
        let started = self.control()?.ask("bind.start", json!({"address": address.to_string()}))?;
        let field =
            |name: &str| started[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {started}"));
        Ok((field("bind")?, field("url")?))
    }

    /// Its process id.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// A person makes a code for `address`, and binds a device of `place` with it.
    ///
    /// # Errors
    /// Whatever is missing on the way, by name.
    pub fn bind_device(&self, place: &Namespace, address: Ipv4Addr, name: &str) -> Result<Identity> {
        let (bind, url) = self.bind_url(address)?;
        self.claim(place, &bind, &BindingUrl::parse(&url)?, name)
    }

    /// A device of `place` scans a code, given by its id and URL, and does as the URL says: over TLS where that names a certificate. The person types the digits that it shows.
    ///
    /// # Errors
    /// Whatever is missing on the way, by name.
    pub fn claim(&self, place: &Namespace, bind: &str, url: &BindingUrl, name: &str) -> Result<Identity> {
        let claim = Claim { name: name.into(), kind: Kind::Script, confirm: Confirm::Code };
        let mut watch = self.control()?.watch(bind)?;
        let mut keep = Keep::in_memory(Identity::random()?);
        let (shown, code) = mpsc::channel();
        std::thread::scope(|scope| {
            let device = scope.spawn(|| {
                let show = move |code: &str| drop(shown.send(code.to_owned()));
                place.block_on(|| async { device::bind(url, &mut keep, &claim, show).await.map(drop) })
            });
            let mut person = || -> Result<()> {
                let code = code.recv_timeout(START)?;
                watch.until("confirming")?;
                self.control()?.ask("bind.confirm", json!({"bind": bind, "code": code}))?;
                Ok(())
            };
            let confirmed = person();
            device.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            confirmed
        })?;
        Ok(keep.identity)
    }

    /// The devices, as `devices.list` tells them.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn devices(&self) -> Result<Vec<Value>> {
        let listed = self.control()?.ask("devices.list", json!({}))?;
        Ok(listed["devices"].as_array().with_context(|| format!("no list: {listed}"))?.clone())
    }

    /// The turns of one device, newest first.
    ///
    /// # Errors
    /// As [`Control::ask`].
    pub fn turns(&self, device_key: &str) -> Result<Vec<Value>> {
        let status = self.control()?.ask("devices.status", json!({"deviceKey": device_key}))?;
        Ok(status["turns"].as_array().with_context(|| format!("no turns: {status}"))?.clone())
    }

    /// A person binds a phone: opens the URL of a new code there, agrees, reads the digits, and types them at the computer. Gives the deviceKey.
    ///
    /// # Errors
    /// Whatever is missing on the way, by name.
    pub fn bind(&self, phone: &mut Phone, address: Ipv4Addr) -> Result<String> {
        let (bind, url) = self.bind_url(address)?;
        let mut watch = self.control()?.watch(&bind)?;
        watch.until("waiting")?;
        phone.scan(&url)?;
        phone.agree()?;
        let code = phone.code()?;
        watch.until("confirming")?;
        let confirmed = self.control()?.ask("bind.confirm", json!({"bind": bind, "code": code}))?;
        watch.until("bound")?;
        let device_key = confirmed["deviceKey"].as_str().with_context(|| format!("no deviceKey: {confirmed}"))?;
        phone.until_connection("connected")?;
        Ok(device_key.to_owned())
    }

    fn await_answer(&mut self) -> Result<()> {
        let since = Instant::now();
        loop {
            let answer = self.control().and_then(|mut control| control.ask("status", json!({})));
            let Err(error) = answer else { return Ok(()) };
            if let Some(status) = self.child.try_wait()? {
                bail!("the service ended at once: {status}\n{}", self.log());
            }
            if since.elapsed() > START {
                bail!("the service does not answer: {error:#}\n{}", self.log());
            }
            std::thread::sleep(ASK);
        }
    }
}

impl Drop for ChannelService<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            // The story failed: its folder is about to go, and this is what the service saw of it.
            let log = self.log();
            let end = log.lines().rev().take(60).collect::<Vec<_>>();
            let lines = end.into_iter().rev().collect::<Vec<_>>().join("\n");
            tell(&lines);
        }
    }
}

#[allow(clippy::print_stderr, reason = "the test harness shows it with the failure of the story")]
fn tell(lines: &str) {
    eprintln!("--- the service's log ends:\n{lines}\n---");
}

fn spawn(place: &Namespace, home: &Path, arguments: &[String], level: &str) -> Result<Child> {
    let output = File::options().create(true).append(true).open(home.join("output"))?;
    let mut command: Command = place.command(binaries::smartpi());
    command.arg("serve").arg("--data").arg(home.join("data")).args(arguments);
    command
        .env("HOME", home)
        .env("SMARTPI_LOG", level)
        .env_remove("XDG_DATA_HOME")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME");
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    command.spawn().context("cannot start smartpi serve")
}
