//! The package of a newer release: fetched when a person wants it, kept where nobody else writes, believed by its signature alone.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use minisign_verify::PublicKey;
use serde::{Deserialize, Serialize};
use specta::Type;
use specta_typescript::Number;
use tokio::sync::watch;

use super::Newer;
use super::fetch::{Unreachable, fetch_pieces};
use super::manifest::{Refused, signed};
use super::package::Package;
use super::source::Source;
use crate::failure::chain;

/// Most bytes of a package.
const LARGEST: u64 = 256 << 20;
/// How often it is told how far it is.
const TELL: Duration = Duration::from_millis(250);

/// How far the package of a newer release is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum DownloadView {
    /// It is being fetched.
    Coming {
        /// Bytes that are here.
        #[specta(type = Number)]
        got: u64,
        /// How many there are. `None`: not known.
        #[specta(type = Option<Number>)]
        of: Option<u64>,
    },
    /// It is here as those who make SmartPi signed it.
    Ready,
    /// Nothing came of it.
    Failed {
        /// Why.
        why: DownloadWhy,
        /// The exact words.
        detail: String,
    },
}

/// Why nothing came of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "lowercase")]
pub enum DownloadWhy {
    /// Nobody answered, or not to the end.
    Unreachable,
    /// What came is not signed by those who make SmartPi.
    Refused,
    /// It cannot be kept on the disk.
    Disk,
}

/// Fetches one package at a time into a folder that it alone uses.
#[derive(Debug)]
pub(super) struct Download {
    source: Source,
    folder: PathBuf,
    offered: Option<(String, Package)>,
    view: Option<DownloadView>,
    /// Dropped, it ends the work.
    coming: Option<watch::Receiver<DownloadView>>,
}

/// A package that lies ready, with what tells whether it still is what it was.
#[derive(Debug)]
pub(super) struct Ready {
    path: PathBuf,
    package: Package,
    key: PublicKey,
}

#[derive(Debug, thiserror::Error)]
enum NotFetched {
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("it cannot be kept")]
    Disk(#[from] std::io::Error),
}

impl Download {
    /// What an earlier run left is deleted.
    pub(super) fn new(source: Source, folder: PathBuf) -> Self {
        let download = Self { source, folder, offered: None, view: None, coming: None };
        download.clear();
        download
    }

    /// What can be fetched now. Another one takes the place of whatever is here.
    pub(super) fn offer(&mut self, newer: Option<(&Newer, &Package)>) {
        let offered = newer.map(|(newer, package)| (newer.version.clone(), package.clone()));
        if self.offered != offered {
            self.offered = offered;
            self.cancel();
        }
    }

    pub(super) fn view(&self) -> Option<DownloadView> {
        self.view.clone()
    }

    /// Fetches what is offered; `false`: nothing is. What is being fetched goes on.
    pub(super) fn fetch(&mut self) -> bool {
        let Some((version, package)) = self.offered.clone() else { return false };
        if self.coming.is_some() || self.view == Some(DownloadView::Ready) {
            return true;
        }
        let begun = DownloadView::Coming { got: 0, of: None };
        let (say, coming) = watch::channel(begun.clone());
        let (source, path) = (self.source.clone(), self.path(&version, &package));
        let fetching = std::thread::Builder::new()
            .name("smartpi-download".to_owned())
            .spawn(move || fetch_here(&source, &package, &path, &say));
        match fetching {
            Ok(_) => (self.view, self.coming) = (Some(begun), Some(coming)),
            Err(error) => self.view = Some(failed(&NotFetched::Disk(error))),
        }
        true
    }

    /// Ends it, and deletes what is here.
    pub(super) fn cancel(&mut self) {
        (self.view, self.coming) = (None, None);
        self.clear();
    }

    /// What lies ready.
    pub(super) fn ready(&self) -> Option<Ready> {
        let (version, package) = self.offered.as_ref().filter(|_| self.view == Some(DownloadView::Ready))?;
        let path = self.path(version, package);
        Some(Ready { path, package: package.clone(), key: self.source.key.clone() })
    }

    /// Until it is further than it was. Cancel safe.
    pub(super) async fn moved(&mut self) {
        let Some(coming) = &mut self.coming else { return std::future::pending().await };
        let ended = coming.changed().await.is_err();
        let view = coming.borrow_and_update().clone();
        if !matches!(view, DownloadView::Coming { .. }) {
            self.coming = None;
        } else if ended {
            self.coming = None;
            self.view = None;
            return;
        }
        self.view = Some(view);
    }

    fn path(&self, version: &str, package: &Package) -> PathBuf {
        self.folder.join(format!("smartpi-tray-{version}.{}", package.kind.extension()))
    }

    fn clear(&self) {
        match std::fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, folder = %self.folder.display(), "an old download is left");
            }
            _ => {}
        }
    }
}

impl Ready {
    /// The file, once more found to be what was signed. `None`: it is gone, or was changed.
    pub(super) fn check(&self) -> Option<&Path> {
        let signature = signed(self.package.signature.as_bytes())?;
        let mut verifier = self.key.verify_stream(&signature).ok()?;
        let mut file = std::fs::File::open(&self.path).ok()?;
        let mut piece = vec![0; 64 << 10];
        loop {
            match file.read(&mut piece).ok()? {
                0 => break,
                length => verifier.update(&piece[..length]),
            }
        }
        verifier.finalize().ok().map(|()| self.path.as_path())
    }
}

/// On a thread of its own: names, certificates and disks may take their time.
fn fetch_here(source: &Source, package: &Package, path: &Path, say: &watch::Sender<DownloadView>) {
    let fetched = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let fetched = runtime.block_on(async {
            tokio::select! {
                () = say.closed() => None,
                fetched = fetch(source, package, path, say) => Some(fetched),
            }
        });
        runtime.shutdown_background();
        fetched.transpose()
    };
    match fetched() {
        Ok(Some(())) => drop(say.send(DownloadView::Ready)),
        Ok(None) => {}
        Err(error) => drop(say.send(failed(&error))),
    }
}

async fn fetch(
    source: &Source,
    package: &Package,
    path: &Path,
    say: &watch::Sender<DownloadView>,
) -> Result<(), NotFetched> {
    let signature = signed(package.signature.as_bytes()).ok_or(Refused::NoSignature)?;
    let mut verifier = source.key.verify_stream(&signature).map_err(Refused::Signature)?;
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    // Readable by its owner alone on unix, and gone with this function unless all is well.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    let (mut got, mut told) = (0, None::<Instant>);
    fetch_pieces::<NotFetched>(source, &source.address(&package.url), LARGEST, |piece, of| {
        verifier.update(piece);
        file.write_all(piece)?;
        got += piece.len() as u64;
        if told.is_none_or(|told| told.elapsed() >= TELL) {
            told = Some(Instant::now());
            say.send_replace(DownloadView::Coming { got, of });
        }
        Ok(())
    })
    .await?;
    verifier.finalize().map_err(Refused::Signature)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn failed(error: &NotFetched) -> DownloadView {
    let why = match error {
        NotFetched::Unreachable(_) => DownloadWhy::Unreachable,
        NotFetched::Refused(_) => DownloadWhy::Refused,
        NotFetched::Disk(_) => DownloadWhy::Disk,
    };
    let detail = chain(error);
    tracing::info!(?why, detail, "the newer release was not fetched");
    DownloadView::Failed { why, detail }
}
