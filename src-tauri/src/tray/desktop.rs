//! The desktop, as the controller sees it: every call returns at once and hands its work to the main thread or to the reactor.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use desk::controller::{Handle, ToController};
use desk::failure::{Failure, FailureCode};
use desk::notices::Announcement;
use desk::shell::{Page, Shell};
use desk::tray_menu::{TrayAction, TrayMenu};
use tauri::AppHandle;
use tokio::sync::mpsc;

use super::drawn::Drawn;
use crate::autostart::Autostart;
use crate::{args, open, platform};

/// How many notifications may wait for a daemon that does not answer; what is more is in the window's list all the same.
const WAITING: usize = 32;

/// How long taking the tray away may take.
const TAKE_AWAY: Duration = Duration::from_secs(1);

/// What the whole process shares: the controller's orders on one side, Tauri on the other.
#[derive(Clone)]
pub(super) struct Stage(Arc<Shared>);

struct Shared {
    data: Option<PathBuf>,
    /// Where the pictures of the tray lie.
    pictures: PathBuf,
    reactor: tokio::runtime::Handle,
    app: OnceLock<AppHandle>,
    controller: OnceLock<Handle>,
    tray: Mutex<Tray>,
}

#[derive(Default)]
struct Tray {
    /// What shall be drawn and is not yet.
    wanted: Option<TrayMenu>,
    /// Only touched on the main thread.
    drawn: Option<Drawn>,
    actions: HashMap<String, TrayAction>,
    /// The controller has ended everything.
    over: bool,
}

/// [`Shell`] for a real desktop.
pub(super) struct Desktop {
    stage: Stage,
    announcements: mpsc::Sender<Announcement>,
    autostart: Autostart,
}

impl Stage {
    pub(super) fn new(data: Option<&Path>, pictures: PathBuf, reactor: tokio::runtime::Handle) -> Self {
        Self(Arc::new(Shared {
            data: data.map(Path::to_owned),
            pictures,
            reactor,
            app: OnceLock::new(),
            controller: OnceLock::new(),
            tray: Mutex::default(),
        }))
    }

    /// The controller's side, and what it announces.
    pub(super) fn desktop(&self, autostart: Autostart) -> (Desktop, mpsc::Receiver<Announcement>) {
        let (announcements, to_tell) = mpsc::channel(WAITING);
        (Desktop { stage: self.clone(), announcements, autostart }, to_tell)
    }

    /// From now on there is somebody to tell about clicks.
    pub(super) fn set_controller(&self, controller: Handle) {
        // Set once, by `tray::run`.
        let _ = self.0.controller.set(controller);
    }

    /// From now on there is something to draw on. Main thread.
    pub(super) fn set_app(&self, app: &AppHandle) {
        // Set once, by Tauri's setup.
        let _ = self.0.app.set(app.clone());
        if self.tray().over {
            app.exit(0);
        }
        self.draw();
    }

    /// Tells the controller.
    pub(super) fn tell(&self, said: ToController) {
        match self.0.controller.get() {
            Some(controller) => controller.send(said),
            None => tracing::warn!(?said, "nobody hears yet"),
        }
    }

    /// A line of the menu was clicked. Main thread.
    pub(super) fn clicked(&self, id: &str) {
        let tray = self.tray();
        if let Some(Err(error)) = tray.drawn.as_ref().map(Drawn::restore_ticks) {
            tracing::warn!(%error, "a tick of the tray may be wrong");
        }
        let action = tray.actions.get(id).cloned();
        drop(tray);
        match action {
            Some(action) => self.tell(ToController::Clicked(action)),
            None => tracing::warn!(id, "a line that is gone was clicked"),
        }
    }

    /// Takes the tray away, and its picture with it. Main thread.
    pub(super) fn clear(&self) {
        drop(self.tray().drawn.take());
    }

    fn draw(&self) {
        let mut tray = self.tray();
        let (Some(app), Some(wanted)) = (self.0.app.get(), tray.wanted.take()) else { return };
        let done = match &mut tray.drawn {
            Some(drawn) => drawn.update(&wanted),
            None => Drawn::new(app, &self.0.pictures, &wanted).map(|drawn| tray.drawn = Some(drawn)),
        };
        if let Err(error) = done {
            tracing::error!(%error, "the tray cannot be drawn");
        }
        let actions = tray.drawn.as_ref().map(Drawn::actions).unwrap_or_default();
        tray.actions = actions;
    }

    fn tray(&self) -> MutexGuard<'_, Tray> {
        self.0.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shell for Desktop {
    fn show_tray(&mut self, menu: &TrayMenu) {
        self.stage.tray().wanted = Some(menu.clone());
        let stage = self.stage.clone();
        if let Some(app) = self.stage.0.app.get() {
            // Fails only when the main loop has ended, and the tray with it.
            let _ = app.run_on_main_thread(move || stage.draw());
        }
    }

    fn notify(&mut self, announcement: &Announcement) {
        if self.announcements.try_send(announcement.clone()).is_err() {
            tracing::warn!(kind = ?announcement.kind, "a notification was not shown: too many wait");
        }
    }

    fn open_window(&mut self, page: &Page) -> Result<(), Failure> {
        let shared = &self.stage.0;
        let not_started = |error: std::io::Error| Failure::caused(FailureCode::NotStarted, &error);
        let program = std::env::current_exe().map_err(not_started)?;
        let mut command = tokio::process::Command::new(program);
        command.args(args::of_window(shared.data.as_deref(), page)).stdin(Stdio::null()).stdout(Stdio::null());
        platform::clean(command.as_std_mut());
        let _entered = shared.reactor.enter();
        let mut window = command.spawn().map_err(not_started)?;
        let stage = self.stage.clone();
        shared.reactor.spawn(async move {
            match window.wait().await {
                Ok(status) => tracing::info!(%status, "the window's process ended"),
                Err(error) => tracing::warn!(%error, "the window's process cannot be waited for"),
            }
            stage.tell(ToController::WindowEnded);
        });
        Ok(())
    }

    fn open_url(&mut self, url: &str) {
        if let Err(failure) = open::page(url) {
            tracing::warn!(%failure, "not opened");
        }
    }

    fn autostart(&self) -> Option<bool> {
        self.autostart.is_on()
    }

    fn set_autostart(&mut self, on: bool) -> Result<(), Failure> {
        self.autostart.set(on)
    }

    fn quit(&mut self) {
        self.stage.tray().over = true;
        if let Some(app) = self.stage.0.app.get() {
            app.exit(0);
        }
        // The main thread may hang in a dead part of the desktop, and has nothing left to do but take the tray away.
        self.stage.0.reactor.spawn(async {
            tokio::time::sleep(TAKE_AWAY).await;
            tracing::warn!("the desktop does not let go of the tray");
            std::process::exit(0);
        });
    }
}
