//! What a story does on a machine, and what it asks of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use care::survey::Survey;
use serde_json::{Value, json};
use support::machine::Machine;
use support::terminal::Terminal;
use support::wait;

use crate::desk::Desk;
use crate::person::Person;

/// A gateway that was just started answers after 8 to 30 s; here others start as well.
pub(crate) const READY: Duration = Duration::from_secs(300);
pub(crate) const SOON: Duration = Duration::from_secs(60);
/// A gateway may take as long to end as its work takes, and the next one as long to start.
pub(crate) const DONE: Duration = Duration::from_secs(300);
pub(crate) const PORT: u16 = 18_789;
pub(crate) const SECOND: &str = "openclaw-gateway-b.service";
pub(crate) const UNIT: &str = "openclaw-gateway.service";
pub(crate) const FOLDER: &str = "/home/claw/.config/systemd/user";

/// A machine with OpenClaw as its service, and our service, which is connected with it.
pub(crate) fn begin() -> Result<Machine> {
    let machine = Machine::boot()?;
    configure(&machine, ".openclaw", PORT)?;
    start_ours(&machine)?;
    told(&machine, "nobodyListens", None)?;
    install(&machine, None, PORT)?;
    ready(&machine, PORT)?;
    connect_ours(&machine)?;
    all_well(&machine)?;
    Ok(machine)
}

/// The same at a desk, with a device that is answered.
pub(crate) fn begin_at_desk() -> Result<(Machine, Person)> {
    let machine = Machine::boot()?;
    let desk = Desk::furnish(&machine)?;
    Ok((machine, Person::AtDesk(Box::new(desk))))
}

/// One gateway is there: that of the user's service, healthy, and it lets us in.
pub(crate) fn is_one(machine: &Machine) -> Result<()> {
    ready(machine, PORT)?;
    online(machine)?;
    ensure!(listener(machine, PORT)? == main_pid(machine, UNIT)?, "another one listens");
    let facts = survey(machine)?;
    let running: Vec<u32> = facts.gateways.running().map(|running| running.process.pid).collect();
    ensure!(running == [main_pid(machine, UNIT)?], "{running:?}");
    Ok(())
}

/// What `gateway-survey` saw.
pub(crate) fn survey(machine: &Machine) -> Result<Survey> {
    let told = said(machine.claw("/opt/smartpi/gateway-survey").arg(PORT.to_string()))?;
    serde_json::from_str(&told).with_context(|| told)
}

pub(crate) fn configure(machine: &Machine, folder: &str, port: u16) -> Result<()> {
    let config = configuration(folder, port);
    machine.write(&format!("/home/claw/{folder}/openclaw.json"), &format!("{config:#}\n"))
}

pub(crate) fn configuration(folder: &str, port: u16) -> Value {
    let token = format!("the token of {folder}");
    json!({ "gateway": { "mode": "local", "port": port, "auth": { "mode": "token", "token": token } } })
}

/// Our service, as a unit of the user, who keeps its secrets in a file: no desktop, no keyring.
pub(crate) fn start_ours(machine: &Machine) -> Result<()> {
    machine.write("/home/claw/.config/smartpi/settings.json", &json!({ "secretsInFile": true }).to_string())?;
    run_ours(machine)
}

/// The same where it was before.
pub(crate) fn run_ours(machine: &Machine) -> Result<()> {
    in_background(machine, "smartpi", &["/opt/smartpi/smartpi", "serve", "--no-lan"])?;
    wait::until(SOON, "our service", || {
        Ok(machine.run(machine.claw("/opt/smartpi/smartpi").args(["status", "--json"]))?.status.success())
    })
}

/// A person connects our service with their OpenClaw, and it comes in.
pub(crate) fn connect_ours(machine: &Machine) -> Result<()> {
    machine.smartpi(&["gateway", "connect"])?;
    online(machine)
}

/// Our own connection to the gateway is there.
pub(crate) fn online(machine: &Machine) -> Result<()> {
    wait::until(SOON, "our own connection", || Ok(machine.smartpi(&["gateway", "status"])?["state"] == "online"))
}

/// What a person starts in a terminal: a transient unit, so that it can be found and ended again.
pub(crate) fn in_background(machine: &Machine, unit: &str, command: &[&str]) -> Result<()> {
    let mut run = machine.claw("systemd-run");
    // A terminal hands none of systemd's variables down.
    let unset = "UnsetEnvironment=INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID";
    run.args(["--user", "--collect", "--quiet", "--unit", unit, "--property", unset, "--"]).args(command);
    done(machine, &mut run)
}

/// OpenClaw writes its service, starts it, and is ready.
pub(crate) fn install(machine: &Machine, profile: Option<&str>, port: u16) -> Result<()> {
    machine.openclaw(profile, &["gateway", "install", "--force", "--port", &port.to_string()])?.expect_ok();
    Ok(())
}

pub(crate) fn systemctl(machine: &Machine, arguments: &[&str]) -> Result<()> {
    done(machine, machine.claw("systemctl").arg("--user").args(arguments))
}

pub(crate) fn done(machine: &Machine, command: &mut Command) -> Result<()> {
    let told = machine.run(command)?;
    ensure!(told.status.success(), "{command:?}: {told:?}");
    Ok(())
}

pub(crate) fn said(command: &mut Command) -> Result<String> {
    let told = command.output()?;
    ensure!(told.status.success(), "{command:?}: {}", String::from_utf8_lossy(&told.stderr));
    Ok(String::from_utf8(told.stdout)?)
}

/// A property of a unit of the user.
pub(crate) fn property(machine: &Machine, unit: &str, name: &str) -> Result<String> {
    let value = said(machine.claw("systemctl").args(["--user", "show", "--value", "--property", name, unit]))?;
    Ok(value.trim().to_owned())
}

pub(crate) fn main_pid(machine: &Machine, unit: &str) -> Result<u32> {
    let pid = property(machine, unit, "MainPID")?.parse()?;
    ensure!(pid != 0, "{unit} has no process");
    Ok(pid)
}

/// The process that listens on a port, as `ss` of the machine says.
pub(crate) fn listener(machine: &Machine, port: u16) -> Result<u32> {
    let told = said(machine.root("ss").args(["-Hltnp", &format!("sport = :{port}")]))?;
    let pid = told.split_once("pid=").and_then(|(_, rest)| rest.split([',', ')']).next());
    pid.with_context(|| format!("nobody listens on {port}: {told:?}"))?.parse().context(told.clone())
}

pub(crate) fn answers(machine: &Machine, port: u16, path: &str) -> Result<bool> {
    Ok(page(machine, &format!("http://127.0.0.1:{port}{path}"))?.is_some())
}

/// What is at an address; `None`: nobody answers, or nothing is there.
fn page(machine: &Machine, url: &str) -> Result<Option<String>> {
    let ask = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())";
    let asked = machine.claw("/usr/bin/python3").args(["-c", ask, url]).output()?;
    Ok(asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).into_owned()))
}

/// OpenClaw's own words: its service is loaded, its gateway answers; and the dashboard is where our link leads.
pub(crate) fn openclaw_agrees(machine: &Machine) -> Result<()> {
    let told = machine.openclaw(None, &["gateway", "status", "--require-rpc", "--json"])?.expect_json();
    ensure!(told["service"]["loaded"] == true && told["rpc"]["ok"] == true, "{told:#}");
    let link = dashboard(machine)?;
    let shown = page(machine, &link)?.with_context(|| format!("{link} does not open"))?;
    ensure!(shown.contains("<title>OpenClaw"), "{link} is another page: {shown}");
    Ok(())
}

/// A link to the dashboard, which is told to a person alone: it signs in.
pub(crate) fn dashboard(machine: &Machine) -> Result<String> {
    let mut terminal = Terminal::run(machine.claw("/opt/smartpi/smartpi").args(["gateway", "dashboard"]))?;
    ensure!(terminal.ends(SOON)?.success(), "{}", terminal.text());
    let told = terminal.text();
    let link = told.split_whitespace().find(|word| word.starts_with("http://"));
    link.map(str::to_owned).with_context(|| told.clone())
}

/// What the window would order, over the control socket.
pub(crate) fn order(machine: &Machine, what: &str, arguments: &Value) -> Result<()> {
    const SEND: &str = r#"
import json, pathlib, socket, sys
service = json.loads((pathlib.Path.home() / ".local/share/smartpi/service.json").read_text())
control = socket.socket(socket.AF_UNIX)
control.connect(service["control"])
control.sendall(sys.argv[1].encode() + b"\n")
answer = json.loads(control.makefile().readline())
assert "ok" in answer, answer
"#;
    let mut request = arguments.clone();
    (request["id"], request["do"]) = (json!(1), json!(what));
    done(machine, machine.claw("/usr/bin/python3").args(["-c", SEND, &request.to_string()]))
}

pub(crate) fn ready(machine: &Machine, port: u16) -> Result<()> {
    wait::until(READY, &format!("the gateway on {port}"), || answers(machine, port, "/readyz"))
}

/// What `smartpi doctor` finds.
pub(crate) fn look(machine: &Machine) -> Result<Vec<Value>> {
    let care = machine.smartpi(&["doctor"])?;
    let findings = care["findings"].as_array().with_context(|| format!("no findings: {care}"))?;
    Ok(findings.clone())
}

/// The one thing that is wrong, and the process that it names.
pub(crate) fn told(machine: &Machine, cause: &str, pid: Option<u32>) -> Result<Value> {
    let mut found = look(machine)?;
    let named = |finding: &Value| {
        let mut all = finding["evidence"].as_array().into_iter().flatten();
        all.find_map(|evidence| evidence["process"]["pid"].as_u64())
    };
    let is = |finding: &Value| finding["cause"] == cause && (pid.is_none() || named(finding) == pid.map(u64::from));
    ensure!(found.len() == 1 && is(&found[0]), "{cause} of {pid:?} was to be found, and this was: {found:#?}");
    Ok(found.remove(0))
}

/// The units that a finding names, in its order.
pub(crate) fn units(finding: &Value) -> Vec<&str> {
    let evidence = finding["evidence"].as_array().into_iter().flatten();
    evidence.filter_map(|evidence| evidence["service"]["unit"].as_str()).collect()
}

pub(crate) fn all_well(machine: &Machine) -> Result<()> {
    let found = look(machine)?;
    ensure!(found.is_empty(), "nothing is wrong, and this was found: {found:#?}");
    Ok(())
}

/// What is there beside the gateway's own doing: the files of the home, the processes, the units.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    files: BTreeMap<String, (u64, u128)>,
    units: String,
    processes: String,
}

pub(crate) fn picture(machine: &Machine) -> Result<Picture> {
    let mut files = BTreeMap::new();
    let home = machine.path("/home/claw");
    note(&home, &home, &mut files)?;
    // Ours writes its own log.
    files.retain(|path, _| !path.starts_with(".local/state/smartpi/"));
    let mut units = String::new();
    for scope in ["--user", "--system"] {
        let list = ["list-units", "--all", "--no-legend", "--plain", "*openclaw*", "*clawdbot*", "*smartpi*"];
        units += &said(machine.claw("systemctl").arg(scope).args(list))?;
        // It fails where there is none.
        units +=
            &machine.run(machine.claw("systemctl").arg(scope).args(["list-unit-files", "--no-legend", "*claw*"]))?.out;
    }
    let processes = said(machine.claw("ps").args(["-u", "claw", "-o", "pid=,comm=", "--no-headers"]))?;
    // The listing itself, and what entered the machine for it.
    let passing = ["ps", "runuser", "env", "systemctl"];
    let ours = |line: &&str| !passing.contains(&line.split_whitespace().nth(1).unwrap_or_default());
    Ok(Picture { files, units, processes: processes.lines().filter(ours).collect::<Vec<_>>().join("\n") })
}

fn note(root: &Path, folder: &Path, files: &mut BTreeMap<String, (u64, u128)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let facts = entry.path().symlink_metadata()?;
        if facts.is_dir() {
            note(root, &entry.path(), files)?;
        } else {
            let changed = facts.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
            let name = entry.path().strip_prefix(root)?.display().to_string();
            files.insert(name, (facts.len(), changed));
        }
    }
    Ok(())
}

/// Every file of the home, every process and every unit are the same after a look, where the gateway is stopped: one that runs writes at any time.
pub(crate) fn a_look_changes_nothing(machine: &Machine) -> Result<()> {
    let before = picture(machine)?;
    told(machine, "nobodyListens", None)?;
    let after = picture(machine)?;
    ensure!(before == after, "a look changed something:\n{before:#?}\n{after:#?}");
    // The twins: had it left a file, a process or a unit behind, that would be seen.
    machine.write("/home/claw/left", "")?;
    ensure!(picture(machine)? != before, "a file that is left behind is not seen");
    fs::remove_file(machine.path("/home/claw/left"))?;
    in_background(machine, "smartpi-left", &["sleep", "600"])?;
    ensure!(picture(machine)? != before, "a process that is left behind is not seen");
    systemctl(machine, &["stop", "smartpi-left"])
}
