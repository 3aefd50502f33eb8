//! `smartpi`: the channel service on the command line.
//!
//! Invariants:
//! - a device is approved only where a person at a terminal typed what it shows; no flag carries that;
//! - everything a person reads is in `words.rs`, in both languages; `--json` gives exact facts and no sentences;
//! - exit codes: 0 done, 1 failed, 2 wrong usage, 3 SmartPi is not running, 4 refused or a person is needed.
//!
//! Deliberately absent: any decision about devices, messages or OpenClaw; those are made in `channel` and `desk`.
//! Read first: `args.rs`, then `serve.rs`.

#![forbid(unsafe_code)]

mod activity;
mod args;
mod backup;
mod bind;
mod choice;
mod columns;
mod confirm;
mod dashboard;
mod devices;
mod doctor;
mod entries;
mod evidence;
mod exit;
mod gateway;
mod line;
mod look;
mod plugin;
mod repair;
mod report;
mod route;
mod serve;
mod service;
mod simulate;
mod state;
mod terminal;
mod terms;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use desk::folders::Folders;
use desk::language::Language;
use serde_json::json;
use tokio::runtime::Builder;

use crate::args::{Cli, Do};
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;

/// Does what this process was asked for on its command line.
#[must_use]
pub fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let language = args::language(&typed);
    let wants_json = typed.iter().any(|arg| arg == "--json");
    let cli = match args::read(typed, language) {
        Ok(cli) => cli,
        Err(error) => return explain(&error, Terminal::here(language, wants_json)),
    };
    let terminal = Terminal::here(language, cli.json);
    match run(terminal, cli) {
        Ok(()) => Exit::Done.into(),
        Err(stop) => {
            terminal.end(&stop);
            stop.exit().into()
        }
    }
}

/// Help, version, or what cannot be understood.
fn explain(error: &clap::Error, terminal: Terminal) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Nobody may read it any more: that is no failure.
        let _ = error.print();
        return Exit::Done.into();
    }
    let stop = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        Stop::Silent(Exit::Usage)
    } else {
        let detail = error.render().to_string();
        let words = match terminal.language {
            Language::En => detail.trim_end().to_owned(),
            Language::Zh => format!("{}\n{}", words::wrong_usage(terminal.language), detail.trim_end()),
        };
        Stop::Told { exit: Exit::Usage, code: "usage", words, detail: detail.into() }
    };
    terminal.end(&stop);
    stop.exit().into()
}

fn run(terminal: Terminal, cli: Cli) -> Result<(), Stop> {
    if matches!(cli.command, Do::Version) {
        let version = env!("CARGO_PKG_VERSION");
        terminal.tell(&json!({ "version": version, "protocol": device::PROTOCOL }))?;
        return terminal.say(words::version(terminal.language, version));
    }
    let folders = match cli.data {
        Some(folder) => Folders::under(folder),
        None => Folders::of_user()?,
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::failed("no_runtime", words::no_runtime(terminal.language, &error), error.to_string()))?;
    match cli.command {
        Do::Serve(args) => serve::run(terminal, &runtime, &folders, &args),
        Do::Start => runtime.block_on(service::start(terminal, &folders)),
        Do::Stop => runtime.block_on(service::stop(terminal, &folders)),
        Do::Quit => runtime.block_on(service::quit(terminal, &folders)),
        Do::Status => runtime.block_on(service::status(terminal, &folders)),
        Do::Activity(args) => runtime.block_on(activity::run(terminal, &folders, args)),
        Do::Report { file } => runtime.block_on(report::run(terminal, &folders, file.as_deref())),
        Do::Backup { file } => backup::save(terminal, &folders, &file),
        Do::Restore { file, yes, stop } => {
            runtime.block_on(backup::restore(terminal, &folders, &file, backup::Said { yes, stop }))
        }
        Do::Bind(args) => runtime.block_on(bind::run(terminal, &folders, args)),
        Do::Devices(what) => runtime.block_on(devices::run(terminal, &folders, what)),
        Do::Simulate(args) => runtime.block_on(simulate::run(terminal, &folders, args)),
        Do::Gateway(what) => runtime.block_on(gateway::run(terminal, &folders, what)),
        Do::Doctor => runtime.block_on(doctor::run(terminal, &folders)),
        Do::Repair(args) => runtime.block_on(repair::run(terminal, &folders, args)),
        Do::Plugin(what) => runtime.block_on(plugin::run(terminal, &folders, what)),
        Do::Version => Ok(()),
    }
}
