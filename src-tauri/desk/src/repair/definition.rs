//! The file that defines a service: OpenClaw writes it anew, and the one before is kept and put back.

use std::path::Path;

use care::plan::is_moved;
use care::survey::{Service, Starts};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::Means;
use super::comeback::{AGAIN, Patience, returns};
use super::hands::Mechanic;
use super::kept::{Back, KeptFile};
use super::services::{self, find_service, reload, seen};
use super::steps::{openclaw, run_failed};
use crate::failure::{Failure, FailureCode};

/// What begins the name of a definition that was put aside.
pub(super) const DEFINITION: &str = "definition:";

/// A definition as it was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    unit: String,
    #[serde(flatten)]
    file: KeptFile,
    ran: bool,
    by_itself: bool,
}

/// Keeps a copy, has OpenClaw write it anew and start it, and waits for its gateway.
pub(super) async fn rewrite(mechanic: &mut Mechanic, unit: &str, path: &Path) -> Result<(), Failure> {
    write(mechanic, unit, path, &["gateway", "install", "--force"]).await?;
    returns(mechanic).await
}

/// The same of another profile's, for another port, where its own gateway is waited for.
pub(super) async fn rewrite_for_port(
    mechanic: &mut Mechanic,
    profile: &str,
    unit: &str,
    path: &Path,
    port: u16,
) -> Result<(), Failure> {
    let number = port.to_string();
    write(mechanic, unit, path, &["--profile", profile, "gateway", "install", "--force", "--port", &number]).await?;
    let mut patience = Patience::begin();
    loop {
        let gateways = seen(&mechanic.means).await?;
        if is_moved(unit, port, &gateways) {
            return Ok(());
        }
        if !patience.lasts(gateways.of_unit(unit)) {
            return Err(services::failed(unit, "its gateway is not there"));
        }
        sleep(AGAIN).await;
    }
}

async fn write(mechanic: &mut Mechanic, unit: &str, path: &Path, words: &[&str]) -> Result<(), Failure> {
    let before = find_service(&mechanic.means, unit).await?;
    let mut kept = Kept {
        unit: unit.to_owned(),
        file: KeptFile::keep(&mechanic.means, path)?,
        ran: before.as_ref().is_some_and(Service::is_alive),
        by_itself: before.is_some_and(|before| before.starts == Starts::ByItself),
    };
    mechanic.put_aside(kept.name()?)?;
    let written = openclaw().await?.tell(words).await;
    // Also where it failed: it may have written before.
    if kept.file.was_written() {
        mechanic.put_aside(kept.name()?)?;
    }
    written.map_err(|error| run_failed(&error))
}

impl Kept {
    fn name(&self) -> Result<String, Failure> {
        let kept = serde_json::to_string(self).map_err(|error| Failure::caused(FailureCode::Internal, &error))?;
        Ok(format!("{DEFINITION}{kept}"))
    }
}

/// Puts it back, and has its service run or rest as it did. What somebody wrote since stands.
pub(super) async fn put_back(means: &Means, kept: &str) -> Result<(), Failure> {
    let kept: Kept = serde_json::from_str(kept).map_err(|error| Failure::caused(FailureCode::RepairNoUndo, &error))?;
    let back = kept.file.back(means)?;
    match &back {
        Back::Nothing => Ok(()),
        Back::Write(_) => {
            kept.file.put_back(&back)?;
            reload(&kept.unit).await?;
            services::bring_back(means, &kept.unit, kept.ran, kept.by_itself, true).await
        }
        Back::Remove => {
            services::bring_back(means, &kept.unit, false, false, false).await?;
            kept.file.put_back(&back)?;
            reload(&kept.unit).await
        }
    }
}
