//! What our service really does while it repairs, as the kernel saw it, beside the lines of the plan.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use support::machine::Machine;
use support::process::Group;
use support::wait;

use crate::stage::{SOON, done};

/// System calls that start a program, or reach another process.
const CALLS: &str = "trace=execve,execveat,kill,tkill,tgkill,pidfd_open,pidfd_send_signal";
/// In the machine.
const FOLDER: &str = "/var/log/trace";

/// Whatever a process does from now on is written down.
pub(crate) struct Trace<'a> {
    machine: &'a Machine,
    tracer: Group,
}

impl<'a> Trace<'a> {
    /// `pid`: its number in the machine.
    pub(crate) fn begin(machine: &'a Machine, pid: u32) -> Result<Self> {
        let folder = machine.path(FOLDER);
        fs::create_dir_all(&folder)?;
        let script = format!("echo $$ >{FOLDER}/pid; exec strace -f -s 4096 -e {CALLS} -o {FOLDER}/calls -p {pid}");
        let mut strace = machine.root("sh");
        let said = folder.join("said");
        let tracer = Group::start(strace.args(["-c", &script]).stderr(fs::File::create(&said)?))?;
        wait::until(SOON, "the tracer to hold it", || Ok(fs::read_to_string(&said)?.contains("attached")))?;
        Ok(Self { machine, tracer })
    }

    /// The lines that were really done, in their order.
    pub(crate) fn end(mut self) -> Result<Vec<String>> {
        let pid = fs::read_to_string(self.machine.path(&format!("{FOLDER}/pid")))?;
        done(self.machine, self.machine.root("kill").args(["-s", "INT", pid.trim()]))?;
        self.tracer.wait(SOON)?;
        kept(self.machine)
    }
}

/// The same of a command: the twin, which does what nobody agreed to.
pub(crate) fn of_command(machine: &Machine, command: &str) -> Result<Vec<String>> {
    let file = format!("{FOLDER}/calls");
    let mut strace: Command = machine.root("strace");
    done(machine, strace.args(["-f", "-s", "4096", "-e", CALLS, "-o", &file, "sh", "-c", command]))?;
    kept(machine)
}

fn kept(machine: &Machine) -> Result<Vec<String>> {
    let calls = fs::read_to_string(machine.path(&format!("{FOLDER}/calls")))?;
    let lines = lines(&calls).with_context(|| calls.clone())?;
    ensure!(!lines.is_empty(), "nothing was done:\n{calls}");
    Ok(lines)
}

/// Programs that were started, and signals that were sent, as a person would type them. Signal 0 is a question.
fn lines(calls: &str) -> Result<Vec<String>> {
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    let mut begun: BTreeMap<String, String> = BTreeMap::new();
    let mut found = Vec::new();
    for line in calls.lines() {
        let (pid, call) = line.split_once(' ').with_context(|| line.to_owned())?;
        let mut call = call.trim_start().to_owned();
        if let Some(first) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(pid.to_owned(), first.to_owned());
            continue;
        }
        if let Some((_, rest)) = call.split_once(" resumed>").filter(|_| call.starts_with("<... ")) {
            call = begun.remove(pid).unwrap_or_default() + rest;
        }
        let Some((call, result)) = call.rsplit_once(" = ") else { continue };
        let Some((name, arguments)) = call.trim_end().trim_end_matches(')').split_once('(') else { continue };
        let words: Vec<&str> = arguments.split(", ").collect();
        let signal = |word: &str| word.trim_start_matches("SIG").to_owned();
        match (name, words.as_slice()) {
            ("execve" | "execveat", _) if result.starts_with('0') => found.push(program(arguments)?),
            ("pidfd_open", [target, ..]) => {
                let descriptor = result.split([' ', '<']).next().unwrap_or_default();
                held.insert(descriptor.to_owned(), (*target).to_owned());
            }
            ("pidfd_send_signal", [descriptor, sent, ..]) => {
                let target = held.get(*descriptor).with_context(|| format!("nobody is held by {descriptor}"))?;
                found.push(format!("kill -{} {target}", signal(sent)));
            }
            ("kill" | "tkill", [target, sent, ..]) | ("tgkill", [_, target, sent, ..]) if *sent != "0" => {
                found.push(format!("kill -{} {target}", signal(sent)));
            }
            (_, _) => {}
        }
    }
    Ok(found)
}

/// `"/usr/bin/systemctl", ["systemctl", "--user"], 0x… /* 9 vars */`: the words in the brackets.
fn program(arguments: &str) -> Result<String> {
    let (_, words) = arguments.split_once('[').with_context(|| arguments.to_owned())?;
    let (words, _) = words.split_once(']').with_context(|| arguments.to_owned())?;
    Ok(words.split(", ").map(|word| word.trim_matches('"')).collect::<Vec<_>>().join(" "))
}

#[test]
fn programs_and_signals_are_read_off_a_trace() {
    let calls = r#"40 execve("/usr/local/bin/systemctl", ["systemctl", "--user"], 0x7f /* 9 vars */) = -1 ENOENT (No such file or directory)
40 execve("/usr/bin/systemctl", ["systemctl", "--user", "restart", "a.service"], 0x7f /* 9 vars */ <unfinished ...>
12 pidfd_open(77, 0) = 9
12 pidfd_send_signal(9, SIGTERM, NULL, 0) = 0
40 <... execve resumed>) = 0
12 kill(88, 0) = 0
12 kill(88, SIGKILL) = 0
12 +++ exited with 0 +++
"#;
    let found = lines(calls).expect("it is one");
    assert_eq!(found, ["kill -TERM 77", "systemctl --user restart a.service", "kill -KILL 88"]);
}
