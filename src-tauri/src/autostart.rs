//! Starting at login. An entry is written only because the person asked for it, and corrected only where it leads nowhere.

use std::path::Path;

use auto_launch::{AutoLaunch, AutoLaunchBuilder};
use desk::failure::{Failure, FailureCode};

use crate::{args, platform};

/// The system's entry for this program. `None`: the program does not know its own place.
#[derive(Debug)]
pub(crate) struct Autostart(Option<AutoLaunch>);

impl Autostart {
    /// For the program that runs, with these data. Corrects an entry whose program is gone, such as after a move.
    pub(crate) fn of_this_program(data: Option<&Path>) -> Self {
        let entry = std::env::current_exe().ok().and_then(|program| {
            let line =
                args::of_tray(data).into_iter().map(|word| word.into_string().ok()).collect::<Option<Vec<_>>>()?;
            let words: Vec<_> = line.iter().map(String::as_str).chain(["--hidden"]).map(platform::login_word).collect();
            let mut entry = AutoLaunchBuilder::new();
            entry.set_app_name("SmartPi").set_app_path(&platform::login_word(program.to_str()?)).set_args(&words);
            Some((entry.build().ok()?, program))
        });
        let Some((entry, program)) = entry else { return Self(None) };
        if platform::login_entry_is_dead() && !is_build(&program) {
            match entry.enable() {
                Ok(()) => tracing::info!("the entry for starting at login leads here again"),
                Err(error) => tracing::warn!(%error, "the entry for starting at login leads nowhere"),
            }
        }
        Self(Some(entry))
    }

    /// Whether it is on; `None`: cannot be told.
    pub(crate) fn is_on(&self) -> Option<bool> {
        platform::login_entry_is_on().or_else(|| self.0.as_ref()?.is_enabled().ok())
    }

    /// Switches it.
    pub(crate) fn set(&self, on: bool) -> Result<(), Failure> {
        let Some(entry) = &self.0 else { return Err(Failure::bare(FailureCode::AutostartRefused)) };
        let done = if on { entry.enable() } else { entry.disable() };
        match done {
            // On Windows what is off already cannot be switched off.
            Err(_) if !on && self.is_on() == Some(false) => Ok(()),
            done => done.map_err(|error| Failure::caused(FailureCode::AutostartRefused, &error)),
        }
    }
}

/// A program in cargo's own folder: it is there today and gone tomorrow.
fn is_build(program: &Path) -> bool {
    let mut folders = program.components().rev().skip(1).map(|part| part.as_os_str());
    folders.next().is_some_and(|folder| folder == "debug" || folder == "release") && folders.any(|it| it == "target")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_told_from_an_installed_program() {
        assert!(is_build(Path::new("/home/li/smartpi/target/debug/smartpi-tray")));
        assert!(is_build(Path::new("/home/li/smartpi/target/x86_64-unknown-linux-gnu/release/smartpi-tray")));
        assert!(!is_build(Path::new("/usr/bin/smartpi-tray")));
        assert!(!is_build(Path::new("/opt/release/smartpi-tray")));
        assert!(!is_build(Path::new("/opt/target/bin/smartpi-tray")));
    }
}
