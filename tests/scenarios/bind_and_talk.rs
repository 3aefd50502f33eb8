//! A person at a terminal binds devices and talks through them. Real parts: the `smartpi` binary as service, as the terminal where the code is typed and as a
//! device; `docs/examples/device.py` under Debian's Python; SQLite files and sockets. The agent is the built-in echo.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use device::{Binding, Code, Connection, Identity, Keep, SocketError};
use serde_json::{Value, json};
use support::binaries;
use support::control::Control;
use support::program::{LIMIT, Program, line};
use support::terminal::Terminal;
use tempfile::TempDir;

const PYTHON: &str = "/usr/bin/python3";

/// A user with a running service on a throw-away folder.
struct Story {
    home: TempDir,
    port: u16,
    service: Program,
}

impl Story {
    fn begin() -> Result<Self> {
        let home = TempDir::with_prefix("smartpi-bind-")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let service = serve(home.path(), port)?;
        Ok(Self { home, port, service })
    }

    fn restart(&mut self) -> Result<()> {
        self.service.kill()?;
        self.service = serve(self.home.path(), self.port)?;
        Ok(())
    }

    fn smartpi(&self, arguments: &[&str]) -> Command {
        smartpi(self.home.path(), arguments)
    }

    /// Runs to the end: exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> Result<(i32, String, String)> {
        let output = self.smartpi(arguments).stdin(Stdio::null()).output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((output.status.code().context("an exit code")?, text(output.stdout), text(output.stderr)))
    }

    fn control(&self) -> Result<Control> {
        Control::connect(&self.home.path().join("data"))
    }

    fn devices(&self) -> Result<Vec<Value>> {
        let listed = self.control()?.ask("devices.list", json!({}))?;
        Ok(listed["devices"].as_array().context("a list")?.clone())
    }

    /// A person runs `smartpi bind`: the terminal, and what its QR code says.
    fn bind(&self) -> Result<(Terminal, String)> {
        let mut terminal = Terminal::run(&self.smartpi(&["bind"]))?;
        let url = terminal.until(LIMIT, "a binding URL", |text| {
            text.split_whitespace().find(|word| word.contains("/b#1.")).map(str::to_owned)
        })?;
        terminal
            .until(LIMIT, "the sentence below the code", |text| text.contains("THIS COMPUTER ONLY").then_some(()))?;
        Ok((terminal, url))
    }

    fn simulate(&self, name: &str, arguments: &[&str]) -> Result<Program> {
        let mut command = self.smartpi(&["--json", "simulate", "--name", name]);
        command.args(arguments);
        Program::start(command, self.home.path().join(format!("{name}.out")))
    }

    fn python(&self, arguments: &[&str]) -> Result<Program> {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/device.py");
        let mut command = Command::new(PYTHON);
        command.arg(example).args(arguments).env("SMARTPI_DEVICE", self.home.path().join("python.json"));
        Program::start(command, self.home.path().join("python.out"))
    }
}

fn smartpi(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binaries::smartpi());
    command.arg("--data").arg(home.join("data")).args(arguments);
    command.env("HOME", home).env("LC_ALL", "en_US.UTF-8");
    command
}

fn serve(home: &Path, port: u16) -> Result<Program> {
    let command = smartpi(home, &["--json", "serve", "--agent", "echo", "--port", &port.to_string()]);
    let mut service = Program::start(command, home.join("service.out"))?;
    service.until("the service's state", |text| text.contains("\"addresses\"").then_some(()))?;
    Ok(service)
}

fn shown_code(device: &mut Program) -> Result<String> {
    let code = device.until("the digits", |text| line(text, "code"))?;
    Ok(code["code"].as_str().context("two digits")?.to_owned())
}

fn python_code(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("code ")).map(str::to_owned)
}

/// Other digits than these.
fn wrong(code: &str) -> &'static str {
    if code == "00" { "01" } else { "00" }
}

fn asked(terminal: &mut Terminal, times: usize) -> Result<()> {
    terminal.until(LIMIT, "the question for the digits", |text| {
        (text.matches("Type the digits").count() == times).then_some(())
    })
}

fn says(terminal: &mut Terminal, words: &str) -> Result<()> {
    terminal.until(LIMIT, words, |text| text.contains(words).then_some(()))
}

#[test]
fn a_person_types_the_digits_and_the_device_talks() -> Result<()> {
    let story = Story::begin()?;
    let (mut terminal, url) = story.bind()?;
    let mut device = story.simulate("Kitchen", &[&url, "--messages", "3", "--text", "开灯"])?;
    let code = shown_code(&mut device)?;
    asked(&mut terminal, 1)?;
    ensure!(!terminal.text().contains(&format!("shows: {code}")), "the terminal gives the code away");
    terminal.type_line("what?")?;
    asked(&mut terminal, 2)?;
    terminal.type_line(wrong(&code))?;
    says(&mut terminal, "Tries left: 2")?;
    asked(&mut terminal, 3)?;
    terminal.type_line(&code)?;
    says(&mut terminal, "\"Kitchen\" is bound.")?;
    device.ends_with(0)?;
    let report = line(&device.text(), "report").context("a report")?;
    assert_eq!((&report["sent"], &report["acked"], &report["answered"]), (&json!(3), &json!(3), &json!(3)), "{report}");
    let reply = line(&device.text(), "reply").context("a reply")?;
    let words = reply["text"].as_str().context("words")?;
    ensure!(words.contains("开灯") && words.contains("Echo"), "{words}");
    let devices = story.devices()?;
    assert_eq!((devices.len(), &devices[0]["name"], &devices[0]["waiting"]), (1, &json!("Kitchen"), &json!(0)));
    Ok(())
}

#[test]
fn a_device_written_from_the_page_alone_binds_talks_and_outlives_the_service() -> Result<()> {
    let mut story = Story::begin()?;
    let (mut terminal, url) = story.bind()?;
    let mut device = story.python(&[&url, "hello"])?;
    let code = device.until("the digits", python_code)?;
    asked(&mut terminal, 1)?;
    terminal.type_line(&code)?;
    says(&mut terminal, "is bound.")?;
    device.ends_with(0)?;
    let text = device.text();
    ensure!(text.contains("ack stored") && text.contains("partial ") && text.contains("hello"), "{text}");

    let mut again = story.python(&["second"])?;
    again.ends_with(0)?;
    ensure!(again.text().contains("second") && !again.text().contains("code "), "{}", again.text());

    story.service.kill()?;
    let mut waiting = story.python(&["third"])?;
    waiting.until("its wait for the service", |text| text.contains("offline").then_some(()))?;
    story.restart()?;
    waiting.ends_with(0)?;
    ensure!(waiting.text().contains("ack stored") && waiting.text().contains("third"), "{}", waiting.text());
    assert_eq!(story.devices()?.len(), 1);

    let key = story.devices()?[0]["deviceKey"].as_str().context("a key")?.to_owned();
    assert_eq!(story.run(&["devices", "remove", &key])?.0, 0);
    let mut removed = story.python(&["fourth"])?;
    removed.ends_with(1)?;
    ensure!(removed.text().contains("9004"), "{}", removed.text());
    Ok(())
}

#[test]
fn three_times_the_wrong_digits_end_it() -> Result<()> {
    let story = Story::begin()?;
    let (mut terminal, url) = story.bind()?;
    let mut device = story.simulate("Guest", &[&url])?;
    let code = shown_code(&mut device)?;
    for round in 1..=3 {
        asked(&mut terminal, round)?;
        terminal.type_line(wrong(&code))?;
    }
    says(&mut terminal, "Three times the wrong digits")?;
    device.ends_with(4)?;
    assert_eq!(line(&device.text(), "failure").context("a failure")?["detail"], Code::BindingRefused.number());
    ensure!(story.devices()?.is_empty(), "a device was bound");
    Ok(())
}

#[test]
fn a_second_device_with_the_same_code_cancels_both() -> Result<()> {
    let story = Story::begin()?;
    let (mut terminal, url) = story.bind()?;
    let mut first = story.simulate("First", &[&url])?;
    let code = shown_code(&mut first)?;
    asked(&mut terminal, 1)?;
    let mut second = story.simulate("Second", &[&url])?;
    says(&mut terminal, "Two devices used the same code")?;
    first.ends_with(4)?;
    second.ends_with(4)?;
    for device in [&first, &second] {
        assert_eq!(line(&device.text(), "failure").context("a failure")?["code"], "bind_refused", "{}", device.text());
    }
    // The digits are of no use any more.
    let pending = story.control()?.ask("devices.pending", json!({}))?;
    assert_eq!(pending["pending"], json!([]), "somebody still waits, with {code}");
    ensure!(story.devices()?.is_empty(), "a device was bound");
    Ok(())
}

#[test]
fn a_removed_device_is_told_at_once_and_can_be_bound_again() -> Result<()> {
    let story = Story::begin()?;
    let identity = story.home.path().join("device.json");
    let file = identity.to_str().context("a path")?;
    let bind_and_talk = |name: &str| -> Result<()> {
        let (mut terminal, url) = story.bind()?;
        let mut device = story.simulate(name, &[&url, "--identity", file])?;
        let code = shown_code(&mut device)?;
        asked(&mut terminal, 1)?;
        terminal.type_line(&code)?;
        says(&mut terminal, "is bound.")?;
        device.ends_with(0)?;
        ensure!(line(&device.text(), "reply").is_some(), "no answer: {}", device.text());
        Ok(())
    };
    bind_and_talk("Before")?;
    let key = story.devices()?[0]["deviceKey"].as_str().context("a key")?.to_owned();
    let keep = Keep::open(&identity)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut open = runtime.block_on(Connection::open(&keep.identity, LIMIT))?;
    assert_eq!(story.run(&["devices", "remove", &key])?.0, 0);
    let mut said = Vec::new();
    let closed = loop {
        match runtime.block_on(open.socket.next_within(LIMIT)) {
            Ok(frame) => said.push(frame),
            Err(error) => break error,
        }
    };
    ensure!(matches!(closed, SocketError::Closed { close: Some(4004) }), "{closed}");
    said.retain(|frame| serde_json::to_value(frame).is_ok_and(|frame| frame["code"] == Code::Removed.number()));
    assert_eq!(said.len(), 2, "`err` and `bye`");
    let mut refused = story.simulate("Refused", &["--identity", file])?;
    refused.ends_with(4)?;
    // Its key is forgotten, and nothing has to be cleaned up anywhere.
    bind_and_talk("After")?;
    let devices = story.devices()?;
    assert_eq!(
        (devices.len(), devices[0]["deviceKey"].as_str(), &devices[0]["name"]),
        (1, Some(&*key), &json!("After"))
    );
    Ok(())
}

#[test]
fn a_stranger_with_the_right_address_is_not_spoken_to() -> Result<()> {
    let story = Story::begin()?;
    let mut identity = Identity::from_seed([7; 32]);
    let stranger = Binding {
        authority: format!("127.0.0.1:{}", story.port),
        service_key: Identity::from_seed([8; 32]).public_key(),
        service: "Elsewhere".into(),
        certificate: None,
    };
    identity.binding = Some(stranger);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let refused = runtime.block_on(Connection::open(&identity, LIMIT));
    ensure!(matches!(refused, Err(device::ConnectError::Impostor(_))), "{refused:?}");
    Ok(())
}

#[test]
fn without_a_person_nothing_is_approved() -> Result<()> {
    let story = Story::begin()?;
    let output = story.home.path().join("bind.out");
    let mut script = Program::start(story.smartpi(&["bind"]), output)?;
    let url = script.until("a binding URL", |text| {
        text.split_whitespace().find(|word| word.contains("/b#1.")).map(str::to_owned)
    })?;
    let mut device = story.simulate("Waiting", &[&url])?;
    let code = shown_code(&mut device)?;
    script.ends_with(4)?;
    ensure!(script.text().contains("smartpi devices approve"), "{}", script.text());
    let (exit, printed, said) = story.run(&["devices", "approve"])?;
    assert_eq!((exit, printed.as_str()), (4, ""), "{said}");
    ensure!(said.contains("in a terminal"), "{said}");
    let (exit, printed, _) = story.run(&["--json", "devices", "approve"])?;
    assert_eq!((exit, line(&printed, "failure").context("a failure")?), (4, json!({"code": "person_needed"})));
    let mut piped = story.smartpi(&["devices", "approve"]);
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    // It may end without reading a word: then the pipe is broken, and that is as good.
    match std::io::Write::write_all(&mut piped.stdin.take().context("a pipe")?, format!("{code}\n").as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
        Err(_) | Ok(()) => {}
    }
    assert_eq!(piped.wait()?.code(), Some(4));
    ensure!(story.devices()?.is_empty(), "a script approved a device");

    // The same device, the same code, and a person.
    let (exit, printed, _) = story.run(&["--json", "devices", "pending"])?;
    let pending = line(&printed, "pending").context("a list")?;
    assert_eq!((exit, &pending[0]["name"], &pending[0]["state"]), (0, &json!("Waiting"), &json!("confirming")));
    let mut terminal = Terminal::run(&story.smartpi(&["devices", "approve"]))?;
    asked(&mut terminal, 1)?;
    terminal.type_line(&code)?;
    says(&mut terminal, "\"Waiting\" is bound.")?;
    device.ends_with(0)
}

#[test]
fn a_second_start_looks_at_the_first_and_a_foreign_port_is_named() -> Result<()> {
    let story = Story::begin()?;
    let (exit, printed, _) = story.run(&["serve", "--port", "1"])?;
    assert_eq!(exit, 0);
    ensure!(printed.contains("running already") && printed.contains("keeps the choices"), "{printed}");
    ensure!(printed.contains(&format!("http://127.0.0.1:{}/", story.port)), "{printed}");
    let other = TempDir::with_prefix("smartpi-bind-")?;
    let taken = smartpi(other.path(), &["serve", "--port", &story.port.to_string()]).stdin(Stdio::null()).output()?;
    let said = String::from_utf8(taken.stderr)?;
    assert_eq!(taken.status.code(), Some(1), "{said}");
    ensure!(said.contains(&story.port.to_string()) && said.contains("smartpi") && said.contains("--port "), "{said}");
    let nobody = smartpi(other.path(), &["--json", "devices", "list"]).stdin(Stdio::null()).output()?;
    let failure = line(&String::from_utf8(nobody.stdout)?, "failure").context("a failure")?;
    assert_eq!((nobody.status.code(), &failure["code"]), (Some(3), &json!("not_running")));
    Ok(())
}

#[test]
fn devices_are_seen_renamed_and_written_to_from_the_command_line() -> Result<()> {
    let story = Story::begin()?;
    let identity = story.home.path().join("device.json");
    let file = identity.to_str().context("a path")?;
    let (mut terminal, url) = story.bind()?;
    let mut device = story.simulate("Box", &[&url, "--identity", file, "--kind", "speaker"])?;
    let code = shown_code(&mut device)?;
    asked(&mut terminal, 1)?;
    terminal.type_line(&code)?;
    device.ends_with(0)?;
    assert_eq!(story.run(&["devices", "rename", "Box", "厨房"])?.0, 0);
    let (_, listed, _) = story.run(&["--lang", "zh", "devices", "list"])?;
    ensure!(listed.contains("厨房") && listed.contains("语音盒子") && listed.contains("离线"), "{listed}");
    let (exit, said, _) = story.run(&["devices", "send", "厨房", "dinner!"])?;
    ensure!(exit == 0 && said.contains("waits for it"), "{said}");
    let mut later = story.simulate("Box", &["--identity", file, "--text", "I am back"])?;
    later.ends_with(0)?;
    let texts: Vec<Value> =
        later.text().lines().filter_map(|text| line(text, "reply")).map(|reply| reply["text"].clone()).collect();
    assert_eq!((texts.len(), &texts[0]), (2, &json!("dinner!")), "{}", later.text());
    let (_, status, _) = story.run(&["devices", "status", "厨房"])?;
    ensure!(status.matches("answered after").count() == 2, "{status}");
    let (exit, _, said) = story.run(&["devices", "status", "nobody"])?;
    ensure!(exit == 1 && said.contains("No device matches"), "{said}");
    Ok(())
}

#[test]
fn ctrl_c_ends_the_service_with_a_sentence() -> Result<()> {
    let home = TempDir::with_prefix("smartpi-bind-")?;
    let mut terminal = Terminal::run(&smartpi(home.path(), &["serve", "--show-qr", "--agent", "echo", "--port", "0"]))?;
    terminal.until(LIMIT, "the question about the network", |text| text.contains("(y/N)").then_some(()))?;
    terminal.type_line("")?;
    says(&mut terminal, "THIS COMPUTER ONLY")?;
    says(&mut terminal, "Valid for")?;
    // The service gives its last commits 2 s; the rest is for a busy machine.
    let status = terminal.interrupt(Duration::from_secs(10))?;
    ensure!(status.success() && terminal.text().contains("SmartPi has stopped."), "{status}\n{}", terminal.text());
    ensure!(!home.path().join("data/service.json").exists(), "service.json stayed behind");
    Ok(())
}
