//! `smartpi-tray`: the owner's process. The service first, then whatever the desktop can show of it.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod desktop;
mod icon;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(test, windows))]
#[path = "native/login_line.rs"]
mod login_line;
#[cfg(any(test, not(target_os = "linux")))]
#[path = "native/plan.rs"]
mod plan;

#[cfg(not(target_os = "linux"))]
mod native;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use desk::attach::{self, Attached};
use desk::controller::ToController;
use desk::failure::{Failure, FailureCode};
use desk::page::Page;
use desk::report;
use desk::running::{NotStarted, Options, Running};
use smartpi_tray::args::{self, TrayArgs};
use smartpi_tray::{Start, program, tell};
use tokio::time::sleep;

use self::desktop::Stage;
#[cfg(target_os = "linux")]
use self::linux as system;
#[cfg(not(target_os = "linux"))]
use self::native as system;

/// How long everything may take to end once it shall.
const END: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    // In a package the command line is this program under its other name.
    #[cfg(target_os = "linux")]
    if is_command_line(std::env::args_os().next()) {
        return cli::main();
    }
    let args: TrayArgs = match args::read(std::env::args_os()) {
        Ok(args) => args,
        Err(shown) => return shown.tell(),
    };
    match Start::new(args.data) {
        Ok(start) if args.report => print_report(&start),
        Ok(start) => run(&start, args.hidden),
        Err(code) => code,
    }
}

fn print_report(start: &Start) -> ExitCode {
    match std::io::stdout().write_all(report::make(None, &start.folders).as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[cfg(target_os = "linux")]
fn is_command_line(called: Option<std::ffi::OsString>) -> bool {
    called.is_some_and(|called| std::path::Path::new(&called).file_name().is_some_and(|name| name == "smartpi"))
}

/// Runs until somebody quits.
fn run(start: &Start, hidden: bool) -> ExitCode {
    loop {
        let stage = Stage::new(start);
        let (desktop, announcements) = stage.desktop();
        let options = Options { honour_intent: true, ..Options::new(start.folders.clone()) };
        let failure = match Running::start(options, desktop) {
            Ok(running) => {
                stage.set_controller(running.handle());
                if !hidden {
                    stage.tell(ToController::Open(home()));
                }
                start.reactor.spawn(quit_when_asked(running.handle()));
                let code = system::live(&stage, running.handle(), announcements);
                running.stop();
                return code;
            }
            Err(NotStarted::AlreadyRunning(_)) => match attach::show(&start.folders, (!hidden).then_some(&home())) {
                Ok(Attached::Shown) => return ExitCode::SUCCESS,
                // Where it was ending, its place is free now.
                Ok(Attached::Gone) => continue,
                // A server: it has no window, and nothing against one.
                Err(Failure { code: FailureCode::NoDesktop, .. }) => return be_window(start, None),
                Err(_) => Failure::bare(FailureCode::AlreadyRunning),
            },
            Err(NotStarted::Failed(failure)) => failure,
        };
        return if hidden {
            tell(&failure.words(start.language), ExitCode::FAILURE)
        } else {
            be_window(start, Some(&failure))
        };
    }
}

/// Where a window opens that was asked for no page. It welcomes first whom it never welcomed.
fn home() -> Page {
    Page::Devices { device_key: None, remove: false }
}

/// A window for as long as the person wants one. `failure`: why nothing runs.
fn be_window(start: &Start, failure: Option<&Failure>) -> ExitCode {
    let ended = program::window(start.data.as_deref(), &home(), failure).and_then(|mut window| window.status());
    match ended {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            let not_started = Failure::caused(FailureCode::NotStarted, &error);
            tell(&failure.unwrap_or(&not_started).words(start.language), ExitCode::FAILURE)
        }
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_its_other_name_makes_it_the_command_line() {
        for called in ["smartpi", "/usr/bin/smartpi", "./smartpi"] {
            assert!(is_command_line(Some(called.into())), "{called}");
        }
        for called in ["smartpi-tray", "/usr/bin/smartpi-tray", "/opt/smartpi/app", ""] {
            assert!(!is_command_line(Some(called.into())), "{called}");
        }
        assert!(!is_command_line(None));
    }
}
