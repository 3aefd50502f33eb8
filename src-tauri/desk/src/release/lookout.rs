//! When to look, and what is remembered of it: `release.json` in the data folder.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use channel::clock::Clock;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

use super::download::Download;
use super::fetch::fetch;
use super::manifest::{Found, judge, verify};
use super::package::Package;
use super::source::Source;
use super::{LookTrouble, LookWhy, Newer, PackageAct, ReleaseView};
use crate::control::answer::ReleasePackage;
use crate::controller::{Event, Reply};
use crate::failure::{Failure, FailureCode, chain};
use crate::folders::Folders;
use crate::private_file;

/// Between two looks that came to something.
const DAY_MS: i64 = 24 * 3_600_000;
/// After one that came to nothing.
const AGAIN_MS: i64 = 4 * 3_600_000;
/// After the start, which belongs to the devices.
const SETTLE_MS: i64 = 60_000;
/// Each wait is longer by up to this: not everybody asks at once.
const JITTER_MS: i64 = 2 * 3_600_000;
/// The longest single sleep: afterwards the wall clock is looked at again, which ran on while the computer slept.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What the person wants of newer releases. Dropping it ends everything here.
#[derive(Debug)]
pub(crate) struct Lookout {
    wanted: watch::Sender<bool>,
    acts: mpsc::UnboundedSender<(PackageAct, Reply)>,
    heard: Option<Wanted>,
}

/// The same, for whom it concerns.
#[derive(Debug)]
pub(crate) struct Wanted {
    looks: watch::Receiver<bool>,
    acts: mpsc::UnboundedReceiver<(PackageAct, Reply)>,
}

impl Lookout {
    pub(crate) fn new(wanted: bool) -> Self {
        let (acts, heard) = mpsc::unbounded_channel();
        let wanted = watch::Sender::new(wanted);
        let heard = Some(Wanted { looks: wanted.subscribe(), acts: heard });
        Self { wanted, acts, heard }
    }

    /// The person wants looks, or does not. Who begins to want them is answered at once.
    pub(crate) fn want(&self, wanted: bool) {
        self.wanted.send_if_modified(|now| std::mem::replace(now, wanted) != wanted);
    }

    /// The person wants the package, or no more of it. Where nobody looks there is none.
    pub(crate) fn act(&self, act: PackageAct, reply: Reply) {
        if let Err(mpsc::error::SendError((_, reply))) = self.acts.send((act, reply)) {
            reply.fail(Failure::bare(FailureCode::ReleaseNotKept));
        }
    }

    /// For the one who looks; once.
    pub(crate) fn wanted(&mut self) -> Option<Wanted> {
        self.heard.take()
    }
}

/// What is known over restarts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record {
    looked_ms: Option<i64>,
    newer: Option<Newer>,
    package: Option<Package>,
}

impl Record {
    /// What is still so: this may be the newer release itself.
    fn load(path: &Path, running: &semver::Version) -> Self {
        let mut record: Self =
            std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        record.newer =
            record.newer.filter(|newer| semver::Version::parse(&newer.version).is_ok_and(|version| version > *running));
        record
    }

    fn save(&self, path: &Path) {
        let saved = serde_json::to_vec(self).map_err(Into::into).and_then(|bytes| private_file::replace(path, &bytes));
        if let Err(error) = saved {
            tracing::warn!(%error, "release.json cannot be saved: the same release may be told again");
        }
    }

    /// A look came to an end. The same release keeps the time at which it was first seen.
    fn see(&mut self, found: Option<Found>, now_ms: i64) {
        self.looked_ms = Some(now_ms);
        let Some(Found { version, notes, package }) = found else {
            (self.newer, self.package) = (None, None);
            return;
        };
        let version = version.to_string();
        let known = self.newer.as_ref().filter(|newer| newer.version == version).map(|newer| newer.found_ms);
        let kind = package.as_ref().map(|package| package.kind);
        self.newer = Some(Newer { version, notes, found_ms: known.unwrap_or(now_ms), package: kind });
        self.package = package;
    }

    /// When to look first in this run.
    fn first_ms(&self, now_ms: i64, jitter_ms: i64) -> i64 {
        // A look in the future is one before the clock was set.
        let last = self.looked_ms.filter(|looked_ms| *looked_ms <= now_ms);
        let due = last.map_or(now_ms, |looked_ms| looked_ms + DAY_MS + jitter_ms);
        due.max(now_ms + SETTLE_MS)
    }

    fn view(&self, trouble: Option<LookTrouble>, download: &Download) -> ReleaseView {
        let (newer, download) = (self.newer.clone(), download.view());
        ReleaseView { wanted: true, looked_ms: self.looked_ms, trouble, newer, download }
    }

    fn offer(&self) -> Option<(&Newer, &Package)> {
        self.newer.as_ref().zip(self.package.as_ref())
    }
}

/// Looks from time to time while the person wants it, and fetches what the person wants, until nobody listens.
pub(crate) async fn keep_looking(source: Source, folders: Folders, wanted: Wanted, told: mpsc::Sender<Event>) {
    let Wanted { mut looks, mut acts } = wanted;
    let (clock, path) = (Clock::start(), folders.release_file());
    let mut record = Record::load(&path, &source.here.version);
    let mut due_ms = record.first_ms(clock.wall_ms(), jitter_ms());
    let mut trouble = None;
    let mut download = Download::new(source.clone(), folders.release_folder());
    loop {
        let wants = *looks.borrow_and_update();
        download.offer(record.offer().filter(|_| wants));
        let due = due_ms;
        let looking = async {
            if !wants {
                std::future::pending::<()>().await;
            }
            until(due, &clock).await;
            look(&source).await
        };
        tokio::pin!(looking);
        // A download goes on during a look, and the other way round.
        let looked = loop {
            // What was found before the person wanted no more of it is not shown either.
            let view = if wants { record.view(trouble.clone(), &download) } else { ReleaseView::default() };
            if told.send(Event::Release(Box::new(view))).await.is_err() {
                return;
            }
            tokio::select! {
                looked = &mut looking => break Some(looked),
                changed = looks.changed() => match changed {
                    Ok(()) => break None,
                    Err(_) => return,
                },
                Some((act, reply)) = acts.recv() => answer(act, reply, &mut download),
                () = download.moved() => {}
            }
        };
        let Some(looked) = looked else {
            due_ms = clock.wall_ms();
            trouble = None;
            continue;
        };
        let now_ms = clock.wall_ms();
        let pause_ms = if looked.is_ok() { DAY_MS } else { AGAIN_MS };
        due_ms = now_ms + pause_ms + jitter_ms();
        trouble = match looked {
            Ok(found) => {
                record.see(found, now_ms);
                record.save(&path);
                None
            }
            Err(trouble) => {
                tracing::info!(why = ?trouble.why, detail = trouble.detail, "no look for a newer release");
                Some(trouble)
            }
        };
    }
}

fn answer(act: PackageAct, reply: Reply, download: &mut Download) {
    let nothing = || Failure::bare(FailureCode::ReleaseNotKept);
    match act {
        PackageAct::Fetch if download.fetch() => reply.done(),
        PackageAct::Fetch => reply.fail(nothing()),
        PackageAct::Cancel => {
            download.cancel();
            reply.done();
        }
        PackageAct::Check => match download.ready() {
            None => reply.fail(nothing()),
            Some(ready) => drop(tokio::task::spawn_blocking(move || match ready.check() {
                Some(path) => reply.answer(&ReleasePackage { path: path.display().to_string() }),
                None => reply.fail(nothing()),
            })),
        },
    }
}

async fn until(due_ms: i64, clock: &Clock) {
    while let Ok(left @ 1..) = u64::try_from(due_ms.saturating_sub(clock.wall_ms())) {
        sleep(Duration::from_millis(left).min(LONGEST)).await;
    }
}

fn jitter_ms() -> i64 {
    getrandom::u32().map_or(0, |random| i64::from(random) % JITTER_MS)
}

/// Looks, on a thread and a runtime of its own: a name that nobody resolves, or a system that takes its time to judge a certificate, holds nothing else up.
async fn look(source: &Source) -> Result<Option<Found>, LookTrouble> {
    let (tell, told) = oneshot::channel();
    let source = source.clone();
    let looking = std::thread::Builder::new().name("smartpi-release".to_owned()).spawn(move || {
        // Who asked may have gone.
        let _ = tell.send(look_here(&source));
    });
    looking.map_err(|error| trouble(LookWhy::Unreachable, &error))?;
    told.await.unwrap_or_else(|error| Err(trouble(LookWhy::Unreachable, &error)))
}

fn look_here(source: &Source) -> Result<Option<Found>, LookTrouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| trouble(LookWhy::Unreachable, &error))?;
    let fetched = runtime.block_on(fetch(source));
    runtime.shutdown_background();
    let (manifest, signature) = fetched.map_err(|error| trouble(LookWhy::Unreachable, &error))?;
    verify(&manifest, &signature, &source.key)
        .and_then(|()| judge(&manifest, &source.here))
        .map_err(|error| trouble(LookWhy::Refused, &error))
}

fn trouble(why: LookWhy, error: &dyn Error) -> LookTrouble {
    LookTrouble { why, detail: chain(error) }
}

#[cfg(test)]
mod tests {
    use semver::Version;

    use super::*;
    use crate::release::Notes;

    const NOW: i64 = 1_790_000_000_000;

    fn found(version: &str) -> Option<Found> {
        Some(Found { version: Version::parse(version).unwrap(), notes: Notes::default(), package: None })
    }

    #[test]
    fn a_release_keeps_the_time_at_which_it_was_first_seen_also_over_restarts() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("release.json");
        let running = Version::new(0, 1, 0);
        let mut record = Record::load(&path, &running);
        assert_eq!(record, Record::default());
        record.see(found("0.2.0"), NOW);
        record.see(found("0.2.0"), NOW + DAY_MS);
        record.save(&path);
        let mut record = Record::load(&path, &running);
        assert_eq!(record.newer.as_ref().map(|newer| newer.found_ms), Some(NOW));
        record.see(found("0.3.0"), NOW + 2 * DAY_MS);
        assert_eq!(record.newer.as_ref().map(|newer| newer.found_ms), Some(NOW + 2 * DAY_MS));
        record.save(&path);
        // After the update nothing is left of it.
        assert_eq!(Record::load(&path, &Version::new(0, 3, 0)).newer, None);
        // One that was taken back is no longer offered.
        record.see(None, NOW + 3 * DAY_MS);
        assert_eq!((record.newer.clone(), record.looked_ms), (None, Some(NOW + 3 * DAY_MS)));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(Record::load(&path, &running), Record::default());
    }

    #[test]
    fn it_looks_once_a_day_and_not_with_the_start() {
        let record = |looked_ms| Record { looked_ms, ..Record::default() };
        for (looked_ms, first_ms) in [
            (None, NOW + SETTLE_MS),
            (Some(NOW - 1_000), NOW - 1_000 + DAY_MS + 7),
            (Some(NOW - 3 * DAY_MS), NOW + SETTLE_MS),
            (Some(NOW + 5 * DAY_MS), NOW + SETTLE_MS),
        ] {
            assert_eq!(record(looked_ms).first_ms(NOW, 7), first_ms, "{looked_ms:?}");
        }
        assert!((0..1_000).all(|_| (0..JITTER_MS).contains(&jitter_ms())));
    }
}
