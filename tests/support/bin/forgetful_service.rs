//! A channel service that breaks the promise, so that the test of the promise can be seen to fail: it acknowledges first and commits a little later, or, with
//! `keeps-failed`, goes on with a connection to its store that failed. `forgetful-service DATA PORT [keeps-failed]` runs on the data folder of a real `smartpi serve` in the computer of a lab, and writes `service.json` as that does.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use channel::driver::CommitOrder;
use channel::service::{Agent, Config, Service, Timing};
use serde_json::json;
use support::lab::Lab;

struct TellFirst;

impl CommitOrder for TellFirst {
    const EFFECTS_FIRST: bool = true;

    fn between() {
        // A disk that takes its time.
        std::thread::sleep(Duration::from_millis(6));
    }
}

struct KeepFailed;

impl CommitOrder for KeepFailed {
    const EFFECTS_FIRST: bool = false;
    const KEEPS_FAILED: bool = true;
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().context("no data folder")?);
    let port = arguments.next().context("no port")?.to_str().context("no port")?.parse()?;
    let keeps_failed = arguments.next().is_some_and(|argument| argument == "keeps-failed");
    let config = Config {
        folder: folder.clone(),
        name: "forgetful".into(),
        addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Lab::COMPUTER, port))],
        agent: Agent::Gateway,
        keep_text_days: 30,
        timing: Timing::default(),
    };
    let service = match keeps_failed {
        true => Service::start_with::<KeepFailed>(config)?,
        false => Service::start_with::<TellFirst>(config)?,
    };
    let file = json!({"port": service.addresses()[0].port(), "pid": std::process::id(), "startedMs": 0, "version": "0", "control": ""});
    std::fs::write(folder.join("service.json"), file.to_string())?;
    loop {
        std::thread::park();
    }
}
