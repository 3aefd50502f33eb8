//! The configuration of another profile: OpenClaw writes its port, and the file before is kept and put back.

use std::path::Path;

use super::Means;
use super::hands::Mechanic;
use super::kept::KeptFile;
use super::steps::{openclaw, run_failed};
use crate::failure::{Failure, FailureCode};

/// What begins the name of another profile's configuration that was put aside.
pub(super) const PROFILE: &str = "profile:";

/// Keeps a copy, and has OpenClaw write the port.
pub(super) async fn set_port(mechanic: &mut Mechanic, profile: &str, config: &Path, port: u16) -> Result<(), Failure> {
    let mut kept = KeptFile::keep(&mechanic.means, config)?;
    mechanic.put_aside(name(&kept)?)?;
    let number = port.to_string();
    let written = openclaw().await?.tell(&["--profile", profile, "config", "set", "gateway.port", &number]).await;
    // Also where it failed: it may have written before.
    if kept.was_written() {
        mechanic.put_aside(name(&kept)?)?;
    }
    written.map_err(|error| run_failed(&error))
}

fn name(kept: &KeptFile) -> Result<String, Failure> {
    let kept = serde_json::to_string(kept).map_err(|error| Failure::caused(FailureCode::Internal, &error))?;
    Ok(format!("{PROFILE}{kept}"))
}

/// Puts it back. What somebody wrote since stands.
pub(super) fn put_back(means: &Means, kept: &str) -> Result<(), Failure> {
    let kept: KeptFile =
        serde_json::from_str(kept).map_err(|error| Failure::caused(FailureCode::RepairNoUndo, &error))?;
    kept.put_back(&kept.back(means)?)
}
