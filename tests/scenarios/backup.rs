//! A store that was damaged while nobody looked, and a person who goes back to a backup. Real parts: the `smartpi` binary as service, as device and at a
//! terminal, with its files on the disk. The agent is the built-in echo.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use channel::store::backup::{self, Contents};
use channel::store::{Store, restore};
use device::{BindingUrl, Claim, Confirm, Identity, Keep, Kind};
use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::terminal::Terminal;
use support::wait;
use tempfile::TempDir;

/// A debug binary on a busy machine does anything within this time.
const LIMIT: Duration = Duration::from_secs(60);
/// What waits for the device while the store is damaged.
const KEPT: &str = "dinner is ready, come down";

/// A user with a device, and a service that is started and stopped.
pub(crate) struct Story {
    pub(crate) home: TempDir,
    port: u16,
    service: Option<Child>,
}

impl Story {
    pub(crate) fn begin() -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut story = Self { home: TempDir::with_prefix("smartpi-backup-")?, port, service: None };
        story.serve()?;
        story.bind()?;
        Ok(story)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn smartpi(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binaries::smartpi());
        command.arg("--data").arg(self.data()).args(arguments);
        command
            .env("HOME", self.home.path())
            .env("LC_ALL", "en_US.UTF-8")
            .env("SMARTPI_LOG", "debug")
            .stdin(Stdio::null());
        command
    }

    fn serve(&mut self) -> Result<()> {
        let output = File::options().create(true).append(true).open(self.home.path().join("service.out"))?;
        let port = self.port.to_string();
        let mut command = self.smartpi(&["serve", "--agent", "echo", "--port", &port]);
        self.service = Some(command.stdout(output.try_clone()?).stderr(output).spawn()?);
        wait::until(LIMIT, "the service answers", || {
            let child = self.service.as_mut().context("a service")?;
            ensure!(
                child.try_wait()?.is_none(),
                "it ended: {}",
                fs::read_to_string(self.home.path().join("service.out"))?
            );
            Ok(Control::connect(&self.data()).is_ok())
        })
    }

    /// As a person stops it.
    fn quit(&mut self) -> Result<()> {
        self.run(&["quit"])?;
        self.ended()
    }

    fn ended(&mut self) -> Result<()> {
        let mut child = self.service.take().context("a service")?;
        wait::until(LIMIT, "the end of the service", || Ok(child.try_wait()?.is_some()))
    }

    /// Runs to the end: exit code, and what it said.
    fn said(&self, arguments: &[&str]) -> Result<(i32, String)> {
        let output = self.smartpi(arguments).output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.code().context("an exit code")?, String::from_utf8(said)?))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String> {
        let (exit, said) = self.said(arguments)?;
        ensure!(exit == 0, "{arguments:?} ended with {exit}: {said}");
        Ok(said)
    }

    fn identity(&self) -> PathBuf {
        self.home.path().join("device.json")
    }

    fn bind(&self) -> Result<()> {
        let mut control = Control::connect(&self.data())?;
        let started = control.ask("bind.start", json!({}))?;
        let url = BindingUrl::parse(started["url"].as_str().context("a URL")?)?;
        let bind = started["bind"].as_str().context("a code")?.to_owned();
        let mut keep = Keep::create(&self.identity(), Identity::random()?)?;
        let claim = Claim { name: "Kitchen".into(), kind: Kind::Script, confirm: Confirm::Code };
        let (code_to, code_from) = std::sync::mpsc::channel::<String>();
        let person = std::thread::spawn(move || -> Result<Value> {
            let code = code_from.recv()?;
            wait::until(LIMIT, "the device shows its code", || {
                Ok(control.ask("devices.pending", json!({}))?["pending"][0]["state"] == "confirming")
            })?;
            control.ask("bind.confirm", json!({"bind": bind, "code": code}))
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(device::bind(&url, &mut keep, &claim, |code| drop(code_to.send(code.to_string()))))?;
        person.join().map_err(|_| anyhow::anyhow!("the person panicked"))??;
        Ok(())
    }

    /// The device says something, without being bound again; gives everything that it was told.
    pub(crate) fn talk(&self, text: &str) -> Result<Vec<String>> {
        let identity = self.identity();
        let identity = identity.to_str().context("a path")?;
        let said = self.run(&["--json", "simulate", "--identity", identity, "--text", text])?;
        let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Ok(lines.filter_map(|line| line["reply"]["text"].as_str().map(str::to_owned)).collect())
    }

    fn backups(&self) -> Result<Vec<backup::Backup>> {
        Ok(backup::list(&self.data())?)
    }

    /// Something that is backed up; waits until it is.
    fn rename(&self, name: &str, now: &str) -> Result<()> {
        let before = self.backups()?.first().map_or(0, |newest| newest.number);
        self.run(&["devices", "rename", name, now])?;
        wait::until(LIMIT, "the backup after a new name", || {
            Ok(self.backups()?.first().is_some_and(|newest| newest.number > before))
        })
    }

    /// Everything that a damaged store must leave: told what happened, the damaged file kept, the device back without being bound again, and nothing lost that
    /// was acknowledged before the backup.
    fn judge(&mut self) -> Result<()> {
        self.serve()?;
        let view = Control::connect(&self.data())?.first_event("view.watch", json!({}))?;
        let troubles = view["troubles"].as_array().context("troubles")?;
        let told = troubles.iter().find(|trouble| trouble["code"] == "store_restored");
        let told = told.with_context(|| format!("nobody was told: {view}"))?;
        let aside = PathBuf::from(told["detail"]["aside"].as_str().context("where the damaged file is")?);
        ensure!(aside.join("channel.db").is_file(), "the damaged file is not in {}", aside.display());
        let status = self.run(&["status"])?;
        ensure!(status.contains("last good copy") && status.contains("as it was on 20"), "{status}");
        let heard = self.talk("I am back")?;
        ensure!(heard.iter().any(|text| text == KEPT), "what waited for the device was lost: {heard:?}");
        ensure!(heard.iter().any(|text| text.contains("I am back")), "no answer: {heard:?}");
        let activity = self.run(&["activity"])?;
        ensure!(activity.contains("before the backup"), "{activity}");
        let again = self.talk("and once more")?;
        ensure!(!again.iter().any(|text| text == KEPT), "told twice: {again:?}");
        Ok(())
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if let Some(mut child) = self.service.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The device talked, something waits for it, all of it is in the two newest backups; the service is stopped. Then the store is damaged, and a bit flips in
/// the newest backup, in the words that wait.
fn damaged_with_its_newest_backup() -> Result<Story> {
    let mut story = Story::begin()?;
    wait::until(LIMIT, "the backup after the binding", || Ok(!story.backups()?.is_empty()))?;
    story.talk("before the backup")?;
    story.run(&["devices", "send", "Kitchen", KEPT])?;
    story.rename("Kitchen", "Bedroom")?;
    story.rename("Bedroom", "Kitchen")?;
    story.quit()?;
    // Everything into the one file: what a log beside it repeats would not be missed.
    drop(Store::open(&story.data())?);
    let path = story.data().join("channel.db");
    let mut bytes = fs::read(&path)?;
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xa5);
    }
    fs::write(&path, bytes)?;
    let newest = story.backups()?.remove(0).folder.join("channel.db");
    let mut bytes = fs::read(&newest)?;
    let at = bytes.windows(KEPT.len()).position(|part| part == KEPT.as_bytes()).context("the words are there")?;
    bytes[at] ^= 1;
    fs::write(&newest, bytes)?;
    Ok(story)
}

#[test]
fn a_damaged_store_is_told_and_the_newest_whole_backup_takes_its_place() -> Result<()> {
    damaged_with_its_newest_backup()?.judge()
}

#[test]
fn a_restore_that_does_not_check_its_backup_is_caught() -> Result<()> {
    let mut story = damaged_with_its_newest_backup()?;
    let trusting = |folder: &Path| {
        let manifest = backup::manifest(folder)?;
        Ok(Contents { made_ms: manifest.made_ms, devices: Vec::new(), messages: 0 })
    };
    let now_ms = channel::clock::Clock::start().wall_ms();
    restore::replace_damaged(&story.data(), "damaged".into(), now_ms, trusting)?;
    let judged = story.judge().expect_err("words from a damaged backup went unnoticed");
    ensure!(judged.to_string().contains("was lost"), "{judged:#}");
    Ok(())
}

#[test]
fn a_person_keeps_a_backup_and_goes_back_to_it() -> Result<()> {
    let mut story = Story::begin()?;
    story.talk("before the backup")?;
    let file = story.home.path().join("kept.smartpi");
    let file = file.to_str().context("a path")?.to_owned();
    let said = story.run(&["backup", &file])?;
    ensure!(said.contains("1 devices, 1 messages") && said.contains("holds the keys"), "{said}");
    let (exit, said) = story.said(&["backup", &file])?;
    ensure!(exit == 1 && said.contains("there already"), "{said}");
    story.run(&["devices", "remove", "Kitchen", "--yes"])?;
    ensure!(story.talk("am I still bound?").is_err(), "a removed device talks");

    // Without a person, nothing is replaced and nothing is closed by accident.
    let (exit, said) = story.said(&["restore", &file])?;
    ensure!(exit == 4 && said.contains("smartpi quit"), "{said}");
    let (exit, said) = story.said(&["restore", &file, "--yes"])?;
    ensure!(exit == 4 && said.contains("--stop"), "{said}");
    story.run(&["status"])?;

    // A person is told what it is, and says yes.
    let mut terminal = Terminal::run(&story.smartpi(&["restore", &file]))?;
    terminal.until(LIMIT, "the question", |text| text.contains("(y/N)").then_some(()))?;
    let asked = terminal.text();
    ensure!(
        asked.contains("1 devices, 1 messages. Kitchen") && asked.contains("replaces what is here now: 0 devices"),
        "{asked}"
    );
    ensure!(asked.contains("is closed first"), "{asked}");
    terminal.type_line("y")?;
    wait::until(LIMIT, "where the old files are", || Ok(terminal.text().contains("is kept in")))?;
    story.ended()?;
    story.serve()?;
    ensure!(!story.talk("and now?")?.is_empty(), "no answer");
    let kept: Vec<_> = fs::read_dir(story.data())?.collect::<Result<_, _>>()?;
    ensure!(kept.iter().any(|entry| entry.file_name().to_string_lossy().starts_with("replaced-")), "{kept:?}");

    // The same from a script, with a file that is damaged first.
    let mut bytes = fs::read(&file)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let hurt = story.home.path().join("hurt.smartpi");
    fs::write(&hurt, &bytes)?;
    let (exit, said) = story.said(&["--json", "restore", hurt.to_str().context("a path")?, "--yes", "--stop"])?;
    ensure!(exit == 1 && said.contains("backup_unusable"), "{said}");
    story.run(&["status"])?;
    let said = story.run(&["--json", "restore", &file, "--yes", "--stop"])?;
    ensure!(said.contains("\"stopped\":true"), "{said}");
    story.ended()?;
    story.serve()?;
    ensure!(!story.talk("still here")?.is_empty(), "no answer");
    Ok(())
}
