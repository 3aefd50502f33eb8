//! Linux: the tray and the notifications over the session bus, XDG.

mod item;
mod login;
mod notifications;
mod tray_host;

use std::process::ExitCode;
use std::sync::Arc;

use desk::controller::Handle;
use desk::failure::{Failure, FailureCode};
use desk::notices::Announcement;
use desk::tray_menu::TrayMenu;
use tokio::sync::mpsc::Receiver;
use tokio::sync::{Notify, watch};

use super::desktop::Stage;
use super::icon::Bar;
use login::Login;

/// What the controller's orders go to.
pub(crate) struct Screen {
    menu: watch::Sender<Option<TrayMenu>>,
    over: Arc<Notify>,
    login: Option<Login>,
}

impl Screen {
    pub(crate) fn show(&self, menu: TrayMenu) {
        self.menu.send_replace(Some(menu));
    }

    pub(crate) fn end(&self) {
        self.over.notify_one();
    }

    pub(crate) fn set_autostart(&self, on: bool) -> Result<(), Failure> {
        match &self.login {
            Some(login) => login.set(on).map_err(|error| Failure::caused(FailureCode::AutostartRefused, &error)),
            None => Err(Failure::bare(FailureCode::AutostartRefused)),
        }
    }
}

/// The entry's file says so, whoever asks.
pub(crate) fn autostart_is_on(_screen: Option<&Screen>) -> Option<bool> {
    login::is_on()
}

/// No desktop says what colour its bar has.
pub(super) fn bar() -> Bar {
    Bar::Any
}

/// Shows the tray and notifications until the controller has ended.
pub(crate) fn live(stage: &Stage, controller: Handle, announcements: Receiver<Announcement>) -> ExitCode {
    let start = stage.start();
    let (menu, to_show) = watch::channel(None);
    let over = Arc::new(Notify::new());
    let login = Login::of_this_program(start.data.as_deref());
    if let Some(login) = &login {
        login.mend();
    }
    stage.set_screen(Screen { menu, over: Arc::clone(&over), login });
    start.reactor.spawn(tray_host::follow(controller.clone()));
    start.reactor.spawn(notifications::show(controller, announcements));
    start.reactor.block_on(item::show(stage.clone(), to_show, over));
    ExitCode::SUCCESS
}
