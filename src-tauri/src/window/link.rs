//! The window's connection to the owner: what the owner shows, and that it is gone.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use desk::control::answer::{Nothing, Report};
use desk::control::client::{Client, Watch};
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::page::Page;
use desk::view::View;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smartpi_tray::program;
use specta::Type;
use tauri::AppHandle;
use tauri_specta::Event;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::events::{self, OwnerLost, PageShown, ViewChanged};
use super::frame;

/// How long an owner that was lost is looked for before the person is asked.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked for.
const AGAIN: Duration = Duration::from_millis(250);
/// How often while the person is asked: somebody may start it elsewhere.
const NOW_AND_THEN: Duration = Duration::from_secs(2);

/// The owner, as the window knows it. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Owner(Arc<Known>);

/// What the window begins with.
#[derive(Clone, Debug, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attended {
    /// The page it shall show.
    pub(crate) page: Page,
    /// Everything it shows. Null: nothing came yet, a `ViewChanged` follows.
    pub(crate) view: Option<View>,
    /// Why nothing came. Null: it is on its way.
    pub(crate) lost: Option<Failure>,
}

#[derive(Debug)]
struct Known {
    folders: Folders,
    data: Option<PathBuf>,
    shown: Mutex<Attended>,
    /// The last one that was made, as the person saw it.
    report: Mutex<Option<String>>,
    retry: Notify,
}

/// Why a connection ended.
enum End {
    /// The owner ended in order, or another window is there: this one goes.
    Over,
    /// It does not answer.
    Lost(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        if failure.code == FailureCode::Stopping { Self::Over } else { Self::Lost(failure) }
    }
}

impl Owner {
    pub(super) fn new(folders: Folders, data: Option<PathBuf>, page: Page, lost: Option<Failure>) -> Self {
        let shown = Mutex::new(Attended { page, view: None, lost });
        Self(Arc::new(Known { folders, data, shown, report: Mutex::new(None), retry: Notify::new() }))
    }

    pub(super) fn folders(&self) -> &Folders {
        &self.0.folders
    }

    /// What the window begins with.
    pub(super) fn attended(&self) -> Attended {
        self.shown().clone()
    }

    pub(super) fn keep_report(&self, text: String) {
        *self.0.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// The report that was made last.
    pub(super) fn report(&self) -> Option<String> {
        self.0.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The report where nobody answers, made by the tray's program.
    pub(super) async fn report_of_nobody(&self) -> Result<Report, Failure> {
        let failed = |error: std::io::Error| Failure::caused(FailureCode::NotStarted, &error);
        let mut maker = tokio::process::Command::from(program::report(self.0.data.as_deref()).map_err(failed)?);
        let made = timeout(PATIENCE, maker.kill_on_drop(true).output()).await;
        let made = made.map_err(|_| Failure::bare(FailureCode::Timeout))?.map_err(failed)?;
        if !made.status.success() {
            return Err(Failure::with(FailureCode::NotStarted, made.status.to_string()));
        }
        let text = String::from_utf8(made.stdout).map_err(|error| Failure::caused(FailureCode::NotStarted, &error))?;
        Ok(Report { text })
    }

    /// Starts the owner again, where it is gone.
    pub(super) fn retry(&self) {
        self.0.retry.notify_one();
    }

    /// Asks on a connection of its own: a slow answer holds up no other.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        Client::connect(self.folders()).await?.ask(&request).await
    }

    fn shown(&self) -> MutexGuard<'_, Attended> {
        self.0.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, app: &AppHandle, failure: Failure) {
        let known = self.shown().lost.replace(failure.clone());
        if known.as_ref() != Some(&failure) {
            emit(app, OwnerLost(failure));
        }
    }

    /// Shows what the owner says until it does not any more.
    async fn session(&self, app: &AppHandle, connected: &mut bool) -> End {
        match self.attend(app, connected).await {
            Ok(()) => End::Over,
            Err(failure) if failure.code == FailureCode::AlreadyRunning => {
                let page = self.shown().page.clone();
                // Whatever it answers: two windows are one too many.
                let _ = self.ask::<Nothing>(Request::WindowOpen(page)).await;
                End::Over
            }
            Err(failure) => failure.into(),
        }
    }

    async fn attend(&self, app: &AppHandle, connected: &mut bool) -> Result<(), Failure> {
        let mut pages: Watch<Page> = Client::connect(self.folders()).await?.watch(&Request::WindowAttend {}).await?;
        let mut views: Watch<View> = Client::connect(self.folders()).await?.watch(&Request::ViewWatch {}).await?;
        loop {
            tokio::select! {
                page = pages.next() => match page? {
                    Some(page) => {
                        self.shown().page = page.clone();
                        emit(app, PageShown(page));
                        frame::to_front(app);
                    }
                    None => return Ok(()),
                },
                view = views.next() => match view? {
                    Some(view) => {
                        *connected = true;
                        {
                            let mut shown = self.shown();
                            shown.view = Some(view.clone());
                            shown.lost = None;
                        }
                        emit(app, ViewChanged(view));
                    }
                    None => return Ok(()),
                },
            }
        }
    }

    /// Starts the owner's process and waits until it answers, or has ended, or nothing is heard of it for too long.
    async fn start(&self) -> Result<(), Failure> {
        let not_started = |error: std::io::Error| Failure::caused(FailureCode::NotStarted, &error);
        let mut tray = program::tray(self.0.data.as_deref()).map_err(not_started)?;
        tray.stderr(std::process::Stdio::null());
        let mut child = tokio::process::Command::from(tray).spawn().map_err(not_started)?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if Client::connect(self.folders()).await.is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Err(Failure::with(FailureCode::NotRunning, status.to_string()));
            }
            sleep(AGAIN).await;
        }
        Err(Failure::bare(FailureCode::NotRunning))
    }
}

/// Follows the owner until the window shall close.
pub(super) async fn follow(owner: Owner, app: AppHandle) {
    // An owner that was never there is not waited for.
    let mut since = None;
    loop {
        let mut connected = false;
        let failure = match owner.session(&app, &mut connected).await {
            End::Over => return app.exit(0),
            End::Lost(failure) => failure,
        };
        if connected {
            since = Some(Instant::now());
        }
        if since.is_some_and(|since| since.elapsed() < PATIENCE) {
            owner.lose(&app, Failure::bare(FailureCode::ControlLost));
            sleep(AGAIN).await;
            continue;
        }
        since = None;
        // Why the owner could not start says more than that it is not there.
        let known = owner.shown().lost.clone().filter(|known| known.code != FailureCode::ControlLost);
        let absent =
            if failure.code == FailureCode::ControlLost { Failure::bare(FailureCode::NotRunning) } else { failure };
        owner.lose(&app, known.unwrap_or(absent));
        tokio::select! {
            () = owner.0.retry.notified() => {
                owner.lose(&app, Failure::bare(FailureCode::ControlLost));
                if let Err(failure) = owner.start().await {
                    owner.lose(&app, failure);
                }
            }
            () = sleep(NOW_AND_THEN) => {}
        }
    }
}

fn emit(app: &AppHandle, event: impl Event + Serialize + Clone) {
    // It fails only where the window is gone, and then this process ends.
    let _ = events::tell(app, &event);
}
