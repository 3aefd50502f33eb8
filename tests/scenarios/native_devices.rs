//! Devices with TLS on another computer of the network. Real parts: `smartpi serve` in one network namespace; in the other `smartpi simulate` and
//! `docs/examples/device.py` under Debian's Python, both over the cable. The agent is the built-in echo; a person types codes over the control socket.

mod between;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use channel::proof::{self, Chan, Meeting, typed};
use channel::wire::device::{Bind, Confirm, FromDevice, Kind, ToDevice, Token};
use channel::wire::{Blob, Hidden};
use device::{BindingUrl, Code, Greeted, Keep, Socket, Trust};
use serde_json::{Value, json};
use support::binaries;
use support::channel_service::ChannelService;
use support::control::Control;
use support::lab::{Lab, Namespace};
use support::program::{LIMIT, Program};
use support::terminal::Terminal;
use support::wait;
use tempfile::TempDir;

const PYTHON: &str = "/usr/bin/python3";
/// Where the service listens on the network.
const SERVICE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Lab::COMPUTER), 8765);

fn serve(lab: &Lab) -> Result<ChannelService<'_>> {
    ChannelService::start(&lab.computer, &["--agent", "echo", "--lan"])
}

/// A desk with devices on it, on the other end of the cable.
struct Desk<'a> {
    place: &'a Namespace,
    folder: TempDir,
}

impl<'a> Desk<'a> {
    fn at(place: &'a Namespace) -> Result<Self> {
        Ok(Self { place, folder: TempDir::with_prefix("smartpi-native-")? })
    }

    /// Where the device of this name keeps itself.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.json"))
    }

    /// `smartpi simulate`, as a device that stays the same one.
    fn simulate(&self, name: &str, arguments: &[&str]) -> Result<Program> {
        let mut command = self.command(binaries::smartpi());
        command.arg("--data").arg(self.folder.path().join("data"));
        command.args(["--json", "simulate", "--name", name, "--identity"]).arg(self.file(name)).args(arguments);
        Program::start(command, self.folder.path().join(format!("{name}.out")))
    }

    /// The Python example, as a device that stays the same one.
    fn python(&self, name: &str, arguments: &[&str]) -> Result<Program> {
        let mut command = self.command(PYTHON);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples/device.py"));
        command.arg("--identity").arg(self.file(name)).args(arguments);
        Program::start(command, self.folder.path().join(format!("{name}.out")))
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.place.command(program);
        command.env("HOME", self.folder.path()).env("LC_ALL", "C.UTF-8").env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The digits that a device shows, simulated or in Python.
fn digits(device: &mut Program) -> Result<String> {
    device.until("the digits", code)
}

fn shows_a_code(device: &Program) -> bool {
    code(&device.text()).is_some()
}

fn code(text: &str) -> Option<String> {
    let python = text.lines().find_map(|line| line.strip_prefix("code ")).map(str::to_owned);
    let simulated = || Some(support::program::line(text, "code")?["code"].as_str()?.to_owned());
    python.or_else(simulated)
}

/// What the device was answered.
fn answered(device: &Program, words: &str) -> Result<()> {
    let text = device.text();
    let simulated =
        device.line("reply").is_some_and(|reply| reply["text"].as_str().is_some_and(|said| said.contains(words)));
    let python = text.lines().any(|line| line.starts_with("reply ") && line.contains(words));
    ensure!(simulated || python, "no answer about {words}: {text}");
    Ok(())
}

/// The one device that waits and shows its code: its handle, once it does.
fn confirming(data: &Path) -> Result<String> {
    let mut control = Control::connect(data)?;
    let mut bind = None;
    wait::until(LIMIT, "a device that shows its code", || {
        let pending = control.ask("devices.pending", json!({}))?;
        let all = pending["pending"].as_array().context("a list")?;
        bind =
            all.iter().find(|one| one["state"] == "confirming").and_then(|one| one["bind"].as_str().map(str::to_owned));
        Ok(bind.is_some())
    })?;
    bind.context("a handle")
}

/// A person reads the code at the device and types it at the computer.
fn approve(data: &Path, code: &str) -> Result<()> {
    let bind = confirming(data)?;
    Control::connect(data)?.ask("bind.confirm", json!({"bind": bind, "code": code}))?;
    Ok(())
}

/// Binds a device that runs, talks through it, and waits for its good end.
fn bound_and_answered(service: &ChannelService<'_>, device: &mut Program, many: usize, words: &str) -> Result<()> {
    let code = digits(device)?;
    ensure!(code.len() == many && code.bytes().all(|digit| digit.is_ascii_digit()), "not {many} digits: {code}");
    approve(&service.data(), &code)?;
    device.ends_with(0)?;
    answered(device, words)
}

/// The certificate's hash, as the QR code names it.
fn pin(url: &str) -> Result<&str> {
    url.split('.').next_back().filter(|part| part.len() == 22).with_context(|| format!("no certificate in {url}"))
}

/// The whole hash that a device keeps.
fn kept_certificate(file: &Path) -> Result<String> {
    let kept = Keep::open(file)?.identity.binding.clone().context("it is bound")?;
    Ok(kept.certificate.context("over TLS")?.encode())
}

#[test]
fn a_device_binds_by_qr_over_tls_and_comes_back_to_the_same_certificate() -> Result<()> {
    let lab = Lab::new();
    let mut service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    let (_, url) = service.bind_url(Lab::COMPUTER)?;
    let mut device = desk.simulate("Kitchen", &[&url, "--text", "开灯"])?;
    bound_and_answered(&service, &mut device, 2, "开灯")?;
    assert_eq!(device.line("bound").context("bound")?["tls"], true);
    let certificate = kept_certificate(&desk.file("Kitchen"))?;
    // 16 bytes end within the 22nd letter.
    ensure!(certificate.starts_with(&pin(&url)?[..21]), "{certificate} is not the one of {url}");

    service.kill()?;
    let mut waiting = desk.simulate("Kitchen", &["--text", "again"])?;
    wait::until(LIMIT, "a message that waits", || Ok(!Keep::open(&desk.file("Kitchen"))?.identity.outbox.is_empty()))?;
    service.start_again()?;
    waiting.ends_with(0)?;
    answered(&waiting, "again")?;
    assert_eq!(kept_certificate(&desk.file("Kitchen"))?, certificate);
    assert_eq!(service.devices()?.len(), 1);
    Ok(())
}

#[test]
fn a_device_without_a_camera_binds_by_a_typed_code_and_by_asking() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    let place = SERVICE.to_string();
    let code = typed_code(&service)?;
    // As a person types it: small letters, no dashes.
    let careless = code.to_lowercase().replace('-', "");
    let mut device = desk.simulate("Typed", &["--code", &careless, "--address", &place, "--text", "one"])?;
    bound_and_answered(&service, &mut device, 2, "one")?;
    let mut used = desk.simulate("Late", &["--code", &code, "--address", &place])?;
    used.ends_with(4)?;
    assert_eq!(used.line("failure").context("a failure")?["detail"], Code::BindingUnknown.number());

    let mut device = desk.simulate("Asks", &["--announce", &place, "--kind", "speaker", "--text", "two"])?;
    bound_and_answered(&service, &mut device, 6, "two")?;
    assert_eq!(kept_certificate(&desk.file("Typed"))?, kept_certificate(&desk.file("Asks"))?);
    // Both know the computer from now on.
    for name in ["Typed", "Asks"] {
        let mut again = desk.simulate(name, &["--text", "three"])?;
        again.ends_with(0)?;
        answered(&again, "three")?;
    }
    assert_eq!(service.devices()?.len(), 2);
    Ok(())
}

#[test]
fn the_device_in_one_file_of_python_comes_in_every_way() -> Result<()> {
    let lab = Lab::new();
    let mut service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    let place = SERVICE.to_string();
    let (_, url) = service.bind_url(Lab::COMPUTER)?;
    let mut device = desk.python("scanned", &[&url, "by QR code"])?;
    bound_and_answered(&service, &mut device, 2, "by QR code")?;
    let code = typed_code(&service)?;
    let mut device = desk.python("typed", &["--code", &code.to_lowercase(), "--address", &place, "by typing"])?;
    bound_and_answered(&service, &mut device, 2, "by typing")?;
    let mut device = desk.python("asks", &["--announce", &place, "by asking"])?;
    bound_and_answered(&service, &mut device, 6, "by asking")?;
    let (_, plain) = service.bind_url(Lab::COMPUTER)?;
    let mut device = desk.python("plain", &["--plain", &plain, "without TLS"])?;
    bound_and_answered(&service, &mut device, 2, "without TLS")?;
    let (_, token) = script(&service, "Python script")?;
    let arguments = ["--token", &token, "--address", &place, "--certificate", pin(&url)?, "by token"];
    let mut device = desk.python("script", &arguments)?;
    device.ends_with(0)?;
    answered(&device, "by token")?;

    service.kill()?;
    service.start_again()?;
    for (name, tls) in [("scanned", true), ("typed", true), ("asks", true), ("plain", false), ("script", true)] {
        let mut again = desk.python(name, &["again"])?;
        again.ends_with(0)?;
        answered(&again, "again")?;
        let kept: Value = serde_json::from_slice(&std::fs::read(desk.file(name))?)?;
        assert_eq!(kept["place"].as_str().context("a place")?.starts_with("wss:"), tls, "{name}");
        assert_eq!(!kept["cert"].as_str().context("a certificate")?.is_empty(), tls, "{name}");
    }
    assert_eq!(service.devices()?.len(), 5);
    Ok(())
}

#[test]
fn a_device_that_asks_is_bound_by_its_digits_and_by_nothing_else() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let desk = Desk::at(&lab.phone)?;
    let place = SERVICE.to_string();
    let mut control = service.control()?;
    for python in [false, true] {
        let ask = || {
            if python {
                desk.python("guest", &["--announce", &place])
            } else {
                desk.simulate("Guest", &["--announce", &place])
            }
        };
        let mut wrong = ask()?;
        let code = digits(&mut wrong)?;
        let bind = confirming(&service.data())?;
        let guess = if code == "000000" { "000001" } else { "000000" };
        for _ in 0..3 {
            assert_eq!(control.refused("bind.confirm", json!({"bind": bind, "code": guess}))?, "wrong_code");
        }
        // The right digits come too late.
        control.refused("bind.confirm", json!({"bind": bind, "code": code}))?;
        wrong.ends_with(if python { 1 } else { 4 })?;

        let mut rejected = ask()?;
        digits(&mut rejected)?;
        let bind = confirming(&service.data())?;
        control.ask("bind.reject", json!({"bind": bind}))?;
        rejected.ends_with(if python { 1 } else { 4 })?;
        for refused in [&wrong, &rejected] {
            let text = refused.text();
            ensure!(text.contains(&Code::BindingRefused.number().to_string()), "{text}");
        }
        assert_eq!(service.devices()?, Vec::<Value>::new(), "a device was bound");
    }
    let mut right = desk.simulate("Guest", &["--announce", &place])?;
    bound_and_answered(&service, &mut right, 6, "Hello")?;
    assert_eq!(service.devices()?[0]["name"], "Guest");
    Ok(())
}

#[test]
fn a_typed_code_without_tls_is_refused_and_stays_good() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let code = typed_code(&service)?;
    let said = lab.phone.block_on(|| {
        let code = code.clone();
        async move {
            let greeted = Greeted::dial(&SERVICE.to_string(), Trust::Plain, LIMIT).await?;
            let (b, secret) = typed::handle(&typed::read(&code).context("a code")?);
            let (hello, key) = (greeted.hello().clone(), device::Identity::random()?);
            let meeting = Meeting { sn: hello.sn, spk: hello.spk, cn: Blob([1; 32]), chan: Chan::Plain };
            let mut bind = Bind {
                v: 1,
                b,
                pk: key.public_key(),
                cn: meeting.cn.clone(),
                name: "Plain".into(),
                kind: Kind::Board,
                confirm: Confirm::Code,
                mac: Blob([0; 32]),
            };
            bind.mac = proof::bind_mac(&secret, &meeting, &bind);
            refusal(&mut greeted.into_socket(), &FromDevice::Bind(bind)).await
        }
    })?;
    assert_eq!(said, Code::BindingUnknown);
    let desk = Desk::at(&lab.phone)?;
    let mut device = desk.simulate("Typed", &["--code", &code, "--address", &SERVICE.to_string()])?;
    bound_and_answered(&service, &mut device, 2, "Hello")
}

#[test]
fn a_token_is_good_on_this_computer_and_over_tls_until_it_is_removed() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let (here, away) = (Desk::at(&lab.computer)?, Desk::at(&lab.phone)?);
    let place = SERVICE.to_string();
    let (key, token) = script(&service, "Cron")?;
    let (_, url) = service.bind_url(Lab::COMPUTER)?;

    // The product does not let it out; another program that does is refused.
    let mut exposed = away.simulate("Cron", &["--token", &token, "--address", &place])?;
    exposed.ends_with(2)?;
    assert_eq!(exposed.line("failure").context("a failure")?["code"], "token_exposed");
    let said = lab.phone.block_on(|| {
        let token = token.clone();
        async move {
            let mut socket = Greeted::dial(&SERVICE.to_string(), Trust::Plain, LIMIT).await?.into_socket();
            let frame = Token { v: 1, token: Hidden(token.into()), cn: Blob([1; 32]), epoch: String::new(), last_n: 0 };
            refusal(&mut socket, &FromDevice::Token(frame)).await
        }
    })?;
    assert_eq!(said, Code::NotAllowed);

    let mut local = here.simulate("Cron", &["--token", &token, "--address", "127.0.0.1:8765", "--text", "here"])?;
    local.ends_with(0)?;
    answered(&local, "here")?;
    let over_tls = ["--token", &token, "--address", &place, "--certificate", pin(&url)?, "--text", "over TLS"];
    let mut remote = away.simulate("Cron", &over_tls)?;
    remote.ends_with(0)?;
    answered(&remote, "over TLS")?;
    // One hash in 64 begins with a hyphen; it is a hash all the same, here of another computer.
    let other = ["--token", &token, "--address", &place, "--certificate", "-NNNNNNNNNNNNNNNNNNNNA"];
    let mut python = away.python("other", &[&other[..], &["a secret"]].concat())?;
    python.ends_with(1)?;
    ensure!(python.text().contains("certificate is not the one"), "{}", python.text());
    let mut simulated = away.simulate("Other", &other)?;
    simulated.ends_with(1)?;
    assert_eq!(simulated.line("failure").context("a failure")?["code"], "other_certificate");

    // A script that is connected when its token is removed.
    let mut identity = device::Identity::from_token(&token).context("a token")?;
    identity.binding.clone_from(&Keep::open(&away.file("Cron"))?.identity.binding);
    let (open, opened) = std::sync::mpsc::channel();
    let ended = std::thread::scope(|scope| -> Result<Duration> {
        let connected = scope.spawn(|| {
            lab.phone.block_on(|| async {
                let mut connection = device::Connection::open(&identity, LIMIT).await?;
                open.send(())?;
                while connection.socket.next_within(LIMIT).await.is_ok() {}
                anyhow::Ok(Instant::now())
            })
        });
        opened.recv()?;
        let since = Instant::now();
        service.control()?.ask("devices.remove", json!({"deviceKey": key}))?;
        let end = connected.join().map_err(|_| anyhow::anyhow!("the script panicked"))??;
        Ok(end - since)
    })?;
    ensure!(ended < Duration::from_secs(1), "the script was still connected after {ended:?}");
    let mut removed = away.simulate("Cron", &["--token", &token, "--address", &place])?;
    removed.ends_with(4)?;
    let mut again = here.python("script", &["--token", &token, "--address", "127.0.0.1:8765", "hello"])?;
    again.ends_with(1)?;
    ensure!(again.text().contains(&Code::NotAuthenticated.number().to_string()), "{}", again.text());
    Ok(())
}

/// What a person reads after `smartpi devices add-script` in a terminal is enough, as it stands there, for both devices to come in from here and from elsewhere.
#[test]
fn a_person_at_a_terminal_adds_a_script_and_its_lines_work_as_they_are_printed() -> Result<()> {
    let lab = Lab::new();
    let service = serve(&lab)?;
    let smartpi = |arguments: &[&str]| {
        let mut command = lab.computer.command(binaries::smartpi());
        command.arg("--data").arg(service.data()).args(arguments).env("LC_ALL", "en_US.UTF-8");
        command
    };
    // Without a person nothing is made: no terminal, or no yes.
    let alone = smartpi(&["devices", "add-script", "Cron"]).stdin(std::process::Stdio::null()).output()?;
    assert_eq!(alone.status.code(), Some(4), "{alone:?}");
    let mut terminal = Terminal::run(&smartpi(&["devices", "add-script", "Cron"]))?;
    terminal.until(LIMIT, "the question", |text| text.contains("Make one? (y/N)").then_some(()))?;
    terminal.type_line("")?;
    terminal.until(LIMIT, "the end", |text| text.contains("Nothing was changed.").then_some(()))?;
    assert_eq!(service.devices()?, Vec::<Value>::new());

    let mut terminal = Terminal::run(&smartpi(&["devices", "add-script", "Cron"]))?;
    terminal.until(LIMIT, "the question", |text| text.contains("Make one? (y/N)").then_some(()))?;
    terminal.type_line("y")?;
    let text = terminal.until(LIMIT, "the way back", |text| {
        text.contains("smartpi devices remove \"Cron\"").then(|| text.to_owned())
    })?;
    let lines = |program: &str| -> Vec<Vec<String>> {
        let told = text.lines().filter_map(|line| line.trim().strip_prefix(program));
        told.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    };
    let (here, away) = (Desk::at(&lab.computer)?, Desk::at(&lab.phone)?);
    for (program, python) in [("smartpi simulate", false), ("python3 docs/examples/device.py", true)] {
        let [local, remote] = lines(program).try_into().map_err(|lines| anyhow::anyhow!("{lines:?} in {text}"))?;
        ensure!(local.iter().any(|word| word == "127.0.0.1:8765"), "{local:?}");
        ensure!(remote.contains(&SERVICE.to_string()), "{remote:?}");
        for (desk, line, said) in [(&here, local, "from here"), (&away, remote, "from elsewhere")] {
            let line = line.iter().map(String::as_str).collect::<Vec<_>>();
            let mut device = if python {
                desk.python("python", &[&line[..], &[said]].concat())?
            } else {
                desk.simulate("simulated", &[&line[..], &["--text", said]].concat())?
            };
            device.ends_with(0)?;
            answered(&device, said)?;
        }
    }
    let devices = service.devices()?;
    assert_eq!((devices.len(), &devices[0]["kind"], &devices[0]["name"]), (1, &json!("script"), &json!("Cron")));

    // As the terminal says: removed, and the token is worthless.
    let removed = smartpi(&["devices", "remove", "Cron"]).stdin(std::process::Stdio::null()).output()?;
    ensure!(removed.status.success(), "{removed:?}");
    let line = lines("smartpi simulate").remove(0);
    let mut late = here.simulate("late", &line.iter().map(String::as_str).collect::<Vec<_>>())?;
    late.ends_with(4)
}

/// Sends a frame and gives the code of the refusal that ends the connection.
async fn refusal(socket: &mut Socket, frame: &FromDevice) -> Result<Code> {
    socket.send(frame).await?;
    let mut code = None;
    loop {
        match socket.next_within(LIMIT).await {
            Ok(ToDevice::Err(err)) => code = Some(err.code),
            Ok(ToDevice::Bye(_)) => {}
            Ok(other) => anyhow::bail!("not refused: {other:?}"),
            Err(error) => {
                ensure!(error.close() == Some(4003), "{error}");
                return code.context("a code before the end");
            }
        }
    }
}

/// A code to type, as the person at the computer reads it.
fn typed_code(service: &ChannelService<'_>) -> Result<String> {
    let started = service.control()?.ask("bind.start", json!({"address": Lab::COMPUTER.to_string()}))?;
    Ok(started["typedCode"].as_str().with_context(|| format!("no code to type: {started}"))?.to_owned())
}

/// A script of this name: its deviceKey and its token.
fn script(service: &ChannelService<'_>, name: &str) -> Result<(String, String)> {
    let added = service.control()?.ask("devices.add_script", json!({"name": name}))?;
    let field = |field: &str| added[field].as_str().map(str::to_owned).with_context(|| format!("no {field}"));
    Ok((field("deviceKey")?, field("token")?))
}

/// The URL with another place in it.
fn moved(url: &str, place: &str) -> Result<String> {
    let parsed = BindingUrl::parse(url)?;
    Ok(url.replacen(parsed.authority(), place, 1))
}
