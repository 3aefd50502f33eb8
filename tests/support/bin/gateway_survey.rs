//! Prints what a survey of this computer's gateways sees, as JSON: for the rig of a booted machine, which looks from outside. `gateway-survey PORT`, as the user
//! whose gateway it is.

#![allow(clippy::print_stdout, reason = "what it prints is its work")]

use std::time::SystemTime;

use anyhow::{Context, Result};
use care::survey::{Place, gateways, take};

fn main() -> Result<()> {
    let port = std::env::args().nth(1).context("no port")?.parse()?;
    let home = std::env::home_dir().context("no home")?;
    let state_dir = home.join(".openclaw");
    let config_path = state_dir.join("openclaw.json");
    let place = Place { port, state_dir, config_path, temp_dirs: vec!["/tmp".into()] };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let mut survey = take(place.clone(), i64::try_from(now.as_millis())?);
    survey.gateways = gateways(&place, Some(&home));
    println!("{}", serde_json::to_string(&survey)?);
    Ok(())
}
