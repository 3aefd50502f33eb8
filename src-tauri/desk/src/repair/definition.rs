//! The file that defines a service: OpenClaw writes it anew, and the one before is kept and put back.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use care::survey::{Service, Starts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Means;
use super::comeback::returns;
use super::hands::Mechanic;
use super::services::{self, find_service, reload};
use super::steps::{openclaw, run_failed};
use crate::failure::{Failure, FailureCode};

/// What begins the name of a definition that was put aside.
pub(super) const DEFINITION: &str = "definition:";

/// A definition as it was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    unit: String,
    path: PathBuf,
    /// Its text; `None`: there was none.
    copy: Option<PathBuf>,
    /// What was written in its place; `None`: it was about to be.
    digest: Option<String>,
    ran: bool,
    by_itself: bool,
}

/// Keeps a copy, has OpenClaw write it anew and start it, and waits for its gateway.
pub(super) async fn rewrite(mechanic: &mut Mechanic, unit: &str, path: &Path) -> Result<(), Failure> {
    let before = find_service(&mechanic.means, unit).await?;
    let copy = match fs::read(path) {
        Ok(text) => Some(keep(&mechanic.means, unit, &text).map_err(|error| unusable(&error))?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unusable(&error)),
    };
    let mut kept = Kept {
        unit: unit.to_owned(),
        path: path.to_owned(),
        copy,
        digest: None,
        ran: before.as_ref().is_some_and(Service::is_alive),
        by_itself: before.is_some_and(|before| before.starts == Starts::ByItself),
    };
    mechanic.put_aside(kept.name()?)?;
    let written = openclaw().await?.gateway(&["install", "--force"]).await;
    // Also where it failed: it may have written before.
    if let Ok(text) = fs::read(path) {
        kept.digest = Some(digest_of(&text));
        mechanic.put_aside(kept.name()?)?;
    }
    written.map_err(|error| run_failed(&error))?;
    returns(mechanic).await
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
    let now = match fs::read(&kept.path) {
        Ok(text) => text,
        // It never came to be.
        Err(error) if error.kind() == io::ErrorKind::NotFound && kept.copy.is_none() => return Ok(()),
        Err(error) => return Err(unusable(&error)),
    };
    match &kept.digest {
        Some(written) if digest_of(&now) != *written => return Err(Failure::bare(FailureCode::RepairChanged)),
        Some(_) => {}
        // Who wrote it is not known: what is there now is kept as well.
        None => drop(keep(means, &kept.unit, &now).map_err(|error| unusable(&error))?),
    }
    match &kept.copy {
        Some(copy) => {
            let text = fs::read(copy).map_err(|error| unusable(&error))?;
            replace(&kept.path, &text).map_err(|error| unusable(&error))?;
            reload(&kept.unit).await?;
            services::bring_back(means, &kept.unit, kept.ran, kept.by_itself, true).await
        }
        None => {
            services::bring_back(means, &kept.unit, false, false, false).await?;
            keep(means, &kept.unit, &now)
                .and_then(|_| fs::remove_file(&kept.path))
                .map_err(|error| unusable(&error))?;
            reload(&kept.unit).await
        }
    }
}

/// A copy for its owner only, on the disk.
fn keep(means: &Means, unit: &str, text: &[u8]) -> io::Result<PathBuf> {
    let folder = means.data.join("service-copies");
    let mut make = fs::DirBuilder::new();
    make.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut make, 0o700);
    make.create(&folder)?;
    let path = folder.join(format!("{}-{unit}", means.now_ms()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path)?;
    file.write_all(text)?;
    file.sync_all()?;
    Ok(path)
}

/// Whole or not at all.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
    // For its owner only, as OpenClaw writes it: there may be a token in it.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn digest_of(text: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text)[..16])
}

fn unusable(error: &io::Error) -> Failure {
    Failure::caused(FailureCode::RepairServiceFailed, error)
}
