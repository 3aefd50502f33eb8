//! What a person has OpenClaw's service do: as they said, seen afterwards, and never upon somebody else's gateway.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use support::machine::Machine;

use crate::stage::{
    FOLDER, PORT, SOON, UNIT, configure, done, in_background, is_one, listener, main_pid, online, property, ready,
    systemctl,
};

/// How the service does, by our own look.
fn service(machine: &Machine) -> Result<Value> {
    Ok(machine.smartpi(&["doctor"])?["service"].clone())
}

/// Has it done. A script is asked nothing.
fn have(machine: &Machine, act: &str) -> Result<()> {
    done(machine, machine.claw("/opt/smartpi/smartpi").args(["gateway", act]))
}

/// Stopped, started, restarted, removed and installed, each seen in the machine's own words.
pub(crate) fn obeyed(machine: &Machine) -> Result<()> {
    let first = main_pid(machine, UNIT)?;
    ensure!(service(machine)?["may"] == json!(["restart", "stop", "uninstall"]), "{:#}", service(machine)?);
    have(machine, "restart")?;
    is_one(machine)?;
    ensure!(main_pid(machine, UNIT)? != first, "it is the same process");

    have(machine, "stop")?;
    ensure!(property(machine, UNIT, "ActiveState")? == "inactive", "it runs on");
    ensure!(listener(machine, PORT).is_err(), "somebody listens");
    let stopped = service(machine)?;
    ensure!(stopped["state"] == "stopped" && stopped["byItself"] == true, "{stopped:#}");
    have(machine, "start")?;
    is_one(machine)?;

    have(machine, "uninstall")?;
    ensure!(!machine.path(&format!("{FOLDER}/{UNIT}")).exists(), "its definition is there");
    let absent = service(machine)?;
    ensure!(absent["state"] == "absent" && absent["may"] == json!(["install"]), "{absent:#}");
    have(machine, "install")?;
    is_one(machine)
}

/// A gateway of another state has the port: the service is not started upon it, as that would end it.
pub(crate) fn held(machine: &Machine) -> Result<()> {
    systemctl(machine, &["stop", UNIT])?;
    configure(machine, ".openclaw-e", PORT)?;
    in_background(machine, "other", &["openclaw", "--profile", "e", "gateway", "run", "--port", "18789"])?;
    ready(machine, PORT)?;
    let other = listener(machine, PORT)?;
    let seen = service(machine)?;
    ensure!(seen["held"] == "portTaken" && seen["may"] == json!([]), "{seen:#}");
    let refused = machine.run(machine.claw("/opt/smartpi/smartpi").args(["--json", "gateway", "start"]))?;
    ensure!(!refused.status.success() && refused.out.contains("gateway_service_held"), "{refused:?}");
    ensure!(listener(machine, PORT)? == other, "it was ended");
    // The twin: OpenClaw's own command would have ended it.
    machine.openclaw(None, &["gateway", "start"])?;
    support::wait::until(SOON * 3, "the service to have ended it", || {
        Ok(listener(machine, PORT).is_ok_and(|pid| pid != other))
    })?;
    ready(machine, PORT)?;
    online(machine)
}
