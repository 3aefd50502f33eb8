//! The owner's process: the service, the tray, the notifications. It never shows a window of its own.

mod desktop;
mod drawn;
mod icon;
mod plan;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use desk::attach::{self, Attached};
use desk::controller::ToController;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::language::Language;
use desk::notices::Announcement;
use desk::running::{NotStarted, Options, Running};
use desk::settings::Settings;
use desk::shell::Page;
use tauri::RunEvent;
use tauri::tray::{MouseButton, MouseButtonState, TrayIconEvent};
use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

use crate::autostart::Autostart;
use crate::{platform, tell, window};
use desktop::Stage;

/// How long everything may take to end once it shall.
const END: Duration = Duration::from_secs(2);

/// Runs until somebody quits.
pub(crate) fn run(
    reactor: &Handle,
    folders: &Folders,
    data: Option<&Path>,
    hidden: bool,
    language: Language,
) -> ExitCode {
    platform::prepare_tray();
    loop {
        let stage = Stage::new(data, folders.data.join("tray"), reactor.clone());
        let (desktop, announcements) = stage.desktop(Autostart::of_this_program(data));
        let options = Options { honour_intent: true, ..Options::new(folders.clone()) };
        let failure = match Running::start(options, desktop) {
            Ok(running) => {
                stage.set_controller(running.handle());
                if !hidden {
                    stage.tell(ToController::Open(first_page(folders)));
                }
                return live(running, &stage, announcements, reactor, language);
            }
            Err(NotStarted::AlreadyRunning(_)) => {
                let page = first_page(folders);
                match attach::show(folders, (!hidden).then_some(&page)) {
                    Ok(Attached::Shown) => return ExitCode::SUCCESS,
                    // Where it was ending, its place is free now.
                    Ok(Attached::Gone) => continue,
                    // A server: it has no window, and nothing against one.
                    Err(Failure { code: FailureCode::NoDesktop, .. }) => {
                        return window::run(reactor, folders, data, page, None, language);
                    }
                    Err(_) => Failure::bare(FailureCode::AlreadyRunning),
                }
            }
            Err(NotStarted::Failed(failure)) => failure,
        };
        return if hidden {
            tell(&failure.words(language), ExitCode::FAILURE)
        } else {
            window::run(reactor, folders, data, first_page(folders), Some(failure), language)
        };
    }
}

/// With the service running: the desktop, as far as there is one.
fn live(
    running: Running,
    stage: &Stage,
    announcements: Receiver<Announcement>,
    reactor: &Handle,
    language: Language,
) -> ExitCode {
    reactor.spawn(quit_when_asked(running.handle()));
    if !platform::has_display() {
        running.stop();
        return crate::no_display(language);
    }
    let (on_setup, on_click, on_icon, on_exit) = (stage.clone(), stage.clone(), stage.clone(), stage.clone());
    let controller = running.handle();
    let app = platform::plugins(tauri::Builder::default())
        .on_menu_event(move |_, event| on_click.clicked(&event.id().0))
        .on_tray_icon_event(move |_, event| {
            let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event
            else {
                return;
            };
            if cfg!(windows) {
                on_icon.tell(ToController::Open(Page::Devices { device_key: None, remove: false }));
            }
        })
        .setup(move |app| {
            platform::be_tray(app);
            on_setup.set_app(app.handle());
            platform::serve(app.handle(), controller, announcements);
            Ok(())
        })
        .build(tauri::generate_context!());
    let code = match app {
        Ok(app) => app.run_return(move |_, event| {
            if let RunEvent::ExitRequested { code: None, api, .. } = &event {
                // There is never a window here whose closing could end the program.
                api.prevent_exit();
            } else if matches!(event, RunEvent::Exit) {
                on_exit.clear();
            }
        }),
        Err(error) => {
            tracing::error!(%error, "there is no tray");
            1
        }
    };
    running.stop();
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The first page that a person sees.
fn first_page(folders: &Folders) -> Page {
    match Settings::load(&folders.settings_file()) {
        Ok(settings) if !settings.welcomed => Page::Welcome {},
        // The window says what is wrong with the settings.
        Ok(_) | Err(_) => Page::Devices { device_key: None, remove: false },
    }
}

/// The system's polite request, or Ctrl-C in a terminal. Whoever does not end in time is ended: what was committed is safe.
async fn quit_when_asked(controller: desk::controller::Handle) {
    if let Err(error) = asked_to_end().await {
        tracing::warn!(%error, "signals cannot be heard");
        return;
    }
    controller.send(ToController::Quit);
    sleep(END).await;
    tracing::warn!("ending took too long");
    std::process::exit(1);
}

#[cfg(unix)]
async fn asked_to_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn asked_to_end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
