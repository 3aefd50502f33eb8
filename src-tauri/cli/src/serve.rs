//! `smartpi serve`: starts the service, or looks at the one that runs.

use std::time::Duration;

use desk::control::answer::Status;
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::folders::Folders;
use desk::networks;
use desk::running::{Agent, Lan, NotStarted, Options, Running, Timing};
use desk::settings::Settings;
use desk::shell::NoDesktop;
use tokio::runtime::Runtime;

use crate::args::{self, Serve};
use crate::bind::{self, Binding};
use crate::exit::Stop;
use crate::state;
use crate::terminal::{Lines, Terminal, is_allowed};
use crate::words;

/// How long one that is only just starting may take to answer.
const JUST_STARTING: Duration = Duration::from_secs(10);
/// How often it is asked.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// `smartpi serve`.
pub(crate) fn run(terminal: Terminal, runtime: &Runtime, folders: &Folders, args: &Serve) -> Result<(), Stop> {
    let settings = Settings::load(&folders.settings_file()).map_err(Failure::from)?;
    let lan = choose_network(terminal, args, &settings)?;
    let mut options = Options::new(folders.clone());
    options.port = args.port;
    options.lan = lan;
    options.agent = args.agent.map(|agent| match agent {
        args::Agent::Gateway => Agent::Gateway,
        args::Agent::Echo => Agent::Echo,
    });
    options.timing =
        args.answer_after.map(|seconds| Timing { answer: Duration::from_secs(seconds), ..Timing::default() });
    match Running::start(options, NoDesktop) {
        Ok(running) => {
            let live = runtime.block_on(live(terminal, folders, args, running.notes(), &running));
            terminal.end_status()?;
            terminal.say(words::stopping(terminal.language))?;
            running.stop();
            live?;
            terminal.say(words::stopped(terminal.language))
        }
        Err(NotStarted::AlreadyRunning(_)) => runtime.block_on(attach(terminal, folders, args)),
        Err(NotStarted::Failed(failure)) => Err(failure.into()),
    }
}

/// Who may connect.
fn choose_network(terminal: Terminal, args: &Serve, settings: &Settings) -> Result<Lan, Stop> {
    if args.lan || args.no_lan {
        return Ok(Lan::Decide(args.lan));
    }
    if !args.show_qr {
        return Ok(Lan::AsDecided);
    }
    // A QR code for everybody on the network is never shown where no person sees it.
    if !terminal.person {
        return Ok(Lan::NotNow);
    }
    if networks::is_allowed(settings) {
        return Ok(Lan::AsDecided);
    }
    // A no at the question is asked again next time.
    Ok(if is_allowed(terminal, &words::ask_lan(terminal.language))? { Lan::Decide(true) } else { Lan::NotNow })
}

/// Until somebody stops it, or it dies.
async fn live(
    terminal: Terminal,
    folders: &Folders,
    args: &Serve,
    notes: &[Failure],
    running: &Running,
) -> Result<(), Stop> {
    let stop = async {
        tokio::select! {
            stopped = stop_asked() => stopped,
            ended = running.ended() => ended.map_err(Stop::from),
        }
    };
    tokio::pin!(stop);
    tokio::select! {
        said = tell(terminal, folders, args, notes) => {
            said?;
            stop.await
        }
        stopped = &mut stop => stopped,
    }
}

async fn tell(terminal: Terminal, folders: &Folders, args: &Serve, notes: &[Failure]) -> Result<(), Stop> {
    let language = terminal.language;
    match Client::connect(folders).await?.ask::<Status>(&Request::Status {}).await {
        Ok(status) => {
            terminal.tell(&status)?;
            terminal.say(words::running(language, &status.name))?;
            state::show(terminal, &status)?;
        }
        // The service goes on, and heals.
        Err(failure) if failure.is_storage() => terminal.say(failure.words(language))?,
        Err(failure) => return Err(failure.into()),
    }
    for note in notes {
        terminal.say(note.words(language))?;
    }
    if !args.show_qr {
        terminal.say(words::how_to_bind(language))?;
        return terminal.say(words::how_to_stop(language));
    }
    terminal.say(words::how_to_stop(language))?;
    let mut lines = if terminal.person { Lines::open() } else { Lines::closed() };
    loop {
        if let Err(stop) = show_code(terminal, folders, &mut lines).await {
            match stop.words(language).filter(|_| bind::is_claimed(&stop)) {
                Some(words) => terminal.say(words)?,
                None => return Err(stop),
            }
        }
        if !terminal.person {
            return Ok(());
        }
        lines.forget();
        terminal.say(words::enter_for_new_code(language))?;
        if lines.next().await.is_none() {
            return Ok(());
        }
    }
}

async fn show_code(terminal: Terminal, folders: &Folders, lines: &mut Lines) -> Result<(), Stop> {
    let binding = Binding { terminal, folders, address: None, png: None, stay: true };
    let mut client = Client::connect(folders).await?;
    let started = binding.start(&mut client).await?;
    binding.follow(&mut client, started, lines).await.map(drop)
}

/// Another process runs the service: this one is its window.
async fn attach(terminal: Terminal, folders: &Folders, args: &Serve) -> Result<(), Stop> {
    let language = terminal.language;
    let mut client = connect_patiently(folders).await?;
    let status: Status = client.ask(&Request::Status {}).await?;
    terminal.tell(&status)?;
    terminal.say(words::already_running(language, status.pid))?;
    let asks_for_more = args.lan || args.no_lan || args.agent.is_some() || args.answer_after.is_some();
    if asks_for_more || args.port.is_some_and(|port| port != status.port) {
        terminal.say(words::keeps_its_choices(language))?;
    }
    state::show(terminal, &status)?;
    if args.show_qr {
        let mut lines = if terminal.person { Lines::open() } else { Lines::closed() };
        tokio::select! {
            shown = show_code(terminal, folders, &mut lines) => shown?,
            stopped = stop_asked() => stopped?,
        }
    }
    Ok(())
}

async fn connect_patiently(folders: &Folders) -> Result<Client, Stop> {
    let end = tokio::time::Instant::now() + JUST_STARTING;
    loop {
        match Client::connect(folders).await {
            Err(failure) if failure.code == FailureCode::NotRunning && tokio::time::Instant::now() < end => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            connected => return Ok(connected?),
        }
    }
}

/// Ctrl-C, or the system's own polite request.
async fn stop_asked() -> Result<(), Stop> {
    let refused = |error: std::io::Error| Stop::Failure(Failure::with(FailureCode::NotStarted, error.to_string()));
    #[cfg(unix)]
    {
        let mut asked = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(refused)?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.map_err(refused),
            _ = asked.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(refused)
}
