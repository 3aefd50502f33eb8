//! The desktop, as the controller sees it: every call returns at once and hands its work to what draws or to the reactor.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use desk::controller::{Handle, ToController};
use desk::failure::{Failure, FailureCode};
use desk::notices::Announcement;
use desk::page::Page;
use desk::shell::Shell;
use desk::tray_menu::TrayMenu;
use smartpi_tray::{Start, open, program};
use tokio::sync::mpsc;

use super::system::{self, Screen};

/// How many notifications may wait for a daemon that does not answer; what is more is in the window's list all the same.
const WAITING: usize = 32;

/// How long taking the tray away may take.
const TAKE_AWAY: Duration = Duration::from_secs(1);

/// What the whole process shares: the controller's orders on one side, the system's tray on the other. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Stage(Arc<Shared>);

struct Shared {
    start: Start,
    screen: OnceLock<Screen>,
    controller: OnceLock<Handle>,
    orders: Mutex<Orders>,
}

/// What the controller said before there was anything to draw on.
#[derive(Default)]
struct Orders {
    menu: Option<TrayMenu>,
    over: bool,
}

/// [`Shell`] for a real desktop.
pub(crate) struct Desktop {
    stage: Stage,
    announcements: mpsc::Sender<Announcement>,
}

impl Stage {
    pub(crate) fn new(start: &Start) -> Self {
        Self(Arc::new(Shared {
            start: start.clone(),
            screen: OnceLock::new(),
            controller: OnceLock::new(),
            orders: Mutex::default(),
        }))
    }

    /// The controller's side, and what it announces.
    pub(crate) fn desktop(&self) -> (Desktop, mpsc::Receiver<Announcement>) {
        let (announcements, to_tell) = mpsc::channel(WAITING);
        (Desktop { stage: self.clone(), announcements }, to_tell)
    }

    /// What the program began with.
    pub(crate) fn start(&self) -> &Start {
        &self.0.start
    }

    /// From now on there is somebody to tell about clicks.
    pub(crate) fn set_controller(&self, controller: Handle) {
        // Set once, by `run`.
        let _ = self.0.controller.set(controller);
    }

    /// From now on there is something to draw on.
    pub(crate) fn set_screen(&self, screen: Screen) {
        let screen = self.0.screen.get_or_init(|| screen);
        let Orders { menu, over } = std::mem::take(&mut *self.orders());
        if let Some(menu) = menu {
            screen.show(menu);
        }
        if over {
            screen.end();
        }
    }

    /// Tells the controller.
    pub(crate) fn tell(&self, said: ToController) {
        match self.0.controller.get() {
            Some(controller) => controller.send(said),
            None => tracing::warn!(?said, "nobody hears yet"),
        }
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shell for Desktop {
    fn show_tray(&mut self, menu: &TrayMenu) {
        let mut orders = self.stage.orders();
        match self.stage.0.screen.get() {
            Some(screen) => screen.show(menu.clone()),
            None => orders.menu = Some(menu.clone()),
        }
    }

    fn notify(&mut self, announcement: &Announcement) {
        if self.announcements.try_send(announcement.clone()).is_err() {
            tracing::warn!(kind = ?announcement.kind, "a notification was not shown: too many wait");
        }
    }

    fn open_window(&mut self, page: &Page) -> Result<(), Failure> {
        let start = self.stage.start();
        let not_started = |error: std::io::Error| Failure::caused(FailureCode::NotStarted, &error);
        let window = program::window(start.data.as_deref(), page, None).map_err(not_started)?;
        let _entered = start.reactor.enter();
        let mut window = tokio::process::Command::from(window).spawn().map_err(not_started)?;
        let stage = self.stage.clone();
        start.reactor.spawn(async move {
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
        system::autostart_is_on(self.stage.0.screen.get())
    }

    fn set_autostart(&mut self, on: bool) -> Result<(), Failure> {
        match self.stage.0.screen.get() {
            Some(screen) => screen.set_autostart(on),
            None => Err(Failure::bare(FailureCode::AutostartRefused)),
        }
    }

    fn quit(&mut self) {
        let mut orders = self.stage.orders();
        orders.over = true;
        if let Some(screen) = self.stage.0.screen.get() {
            screen.end();
        }
        // What draws may hang in a dead part of the desktop, and has nothing left to do but take the tray away.
        self.stage.start().reactor.spawn(async {
            tokio::time::sleep(TAKE_AWAY).await;
            tracing::warn!("the desktop does not let go of the tray");
            std::process::exit(0);
        });
    }
}
