//! macOS and Windows: the tray and the notifications by Tauri. NOT proven on a real one of either.

mod autostart;
mod drawn;
#[cfg(target_os = "macos")]
mod macos;
mod notifications;
#[cfg(windows)]
mod windows;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use desk::controller::{Handle, ToController};
use desk::failure::Failure;
use desk::notices::Announcement;
use desk::tray_menu::{TrayAction, TrayMenu};
use tauri::tray::{MouseButton, MouseButtonState, TrayIconEvent};
use tauri::{AppHandle, RunEvent};
use tokio::sync::mpsc::Receiver;

use self::drawn::Drawn;
#[cfg(target_os = "macos")]
use self::macos as system;
#[cfg(windows)]
use self::windows as system;
use crate::desktop::Stage;
pub(crate) use system::bar;

/// What the controller's orders go to.
pub(crate) struct Screen {
    app: AppHandle,
    tray: Arc<Mutex<Tray>>,
}

#[derive(Default)]
struct Tray {
    /// Only touched on the main thread.
    drawn: Option<Drawn>,
    actions: HashMap<String, TrayAction>,
}

impl Screen {
    pub(crate) fn show(&self, menu: TrayMenu) {
        let (app, tray) = (self.app.clone(), Arc::clone(&self.tray));
        // Fails only when the main loop has ended, and the tray with it.
        let _ = self.app.run_on_main_thread(move || draw(&app, &mut lock(&tray), &menu));
    }

    pub(crate) fn end(&self) {
        self.app.exit(0);
    }

    pub(crate) fn set_autostart(&self, on: bool) -> Result<(), Failure> {
        autostart::set(&self.app, on)
    }
}

/// The system's own list says so, once there is a program to ask for.
pub(crate) fn autostart_is_on(screen: Option<&Screen>) -> Option<bool> {
    autostart::is_on(&screen?.app)
}

fn lock(tray: &Mutex<Tray>) -> MutexGuard<'_, Tray> {
    tray.lock().unwrap_or_else(PoisonError::into_inner)
}

fn draw(app: &AppHandle, tray: &mut Tray, wanted: &TrayMenu) {
    let done = match &mut tray.drawn {
        Some(drawn) => drawn.update(wanted),
        None => Drawn::new(app, wanted).map(|drawn| tray.drawn = Some(drawn)),
    };
    if let Err(error) = done {
        tracing::error!(%error, "the tray cannot be drawn");
    }
    let actions = tray.drawn.as_ref().map(Drawn::actions).unwrap_or_default();
    tray.actions = actions;
}

/// A line of the menu was clicked.
fn clicked(stage: &Stage, tray: &Mutex<Tray>, id: &str) {
    let tray = lock(tray);
    if let Some(Err(error)) = tray.drawn.as_ref().map(Drawn::restore_ticks) {
        tracing::warn!(%error, "a tick of the tray may be wrong");
    }
    let action = tray.actions.get(id).cloned();
    drop(tray);
    match action {
        Some(action) => stage.tell(ToController::Clicked(action)),
        None => tracing::warn!(id, "a line that is gone was clicked"),
    }
}

/// Shows the tray and notifications until the controller has ended. Main thread.
pub(crate) fn live(stage: &Stage, controller: Handle, announcements: Receiver<Announcement>) -> ExitCode {
    tauri::async_runtime::set(stage.start().reactor.clone());
    let tray = Arc::new(Mutex::new(Tray::default()));
    let (on_setup, on_click, on_icon) = (stage.clone(), stage.clone(), stage.clone());
    let (set_up, click, exit) = (Arc::clone(&tray), Arc::clone(&tray), tray);
    let mut builder = tauri::Builder::default().plugin(tauri_plugin_notification::init());
    if let Some(plugin) = autostart::plugin(stage.start().data.as_deref()) {
        builder = builder.plugin(plugin);
    }
    let app = builder
        .on_menu_event(move |_, event| clicked(&on_click, &click, &event.id().0))
        .on_tray_icon_event(move |_, event| {
            let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event
            else {
                return;
            };
            if cfg!(windows) {
                on_icon.tell(ToController::Open(crate::home()));
            }
        })
        .setup(move |app| {
            system::be_tray(app);
            on_setup.set_screen(Screen { app: app.handle().clone(), tray: set_up });
            // These systems always show a tray.
            controller.send(ToController::Tray(true));
            tauri::async_runtime::spawn(notifications::show(app.handle().clone(), announcements));
            Ok(())
        })
        .build(tauri::generate_context!());
    let code = match app {
        Ok(app) => app.run_return(move |_, event| {
            if let RunEvent::ExitRequested { code: None, api, .. } = &event {
                // There is never a window here whose closing could end the program.
                api.prevent_exit();
            } else if matches!(event, RunEvent::Exit) {
                drop(lock(&exit).drawn.take());
            }
        }),
        Err(error) => {
            tracing::error!(%error, "there is no tray");
            1
        }
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
