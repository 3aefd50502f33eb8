//! Starting at login: the entry in the desktop's autostart folder. It is written only because the person asked for it, and corrected only where it leads nowhere.

use std::path::{Path, PathBuf};

use auto_launch::{AutoLaunch, AutoLaunchBuilder};
use smartpi_tray::args;

/// The entry of this program.
#[derive(Debug)]
pub(crate) struct Login {
    entry: AutoLaunch,
    program: PathBuf,
}

impl Login {
    /// Of the program that runs, with these data. `None`: its place or the data's cannot be written down.
    pub(crate) fn of_this_program(data: Option<&Path>) -> Option<Self> {
        // An AppImage runs from a place that is gone with it.
        let program = std::env::var_os("APPIMAGE").map(PathBuf::from).or_else(|| std::env::current_exe().ok())?;
        let line = args::of_tray(data).into_iter().map(|word| word.into_string().ok()).collect::<Option<Vec<_>>>()?;
        let words: Vec<_> = line.iter().map(String::as_str).chain(["--hidden"]).map(quoted).collect();
        let mut entry = AutoLaunchBuilder::new();
        entry.set_app_name("SmartPi").set_app_path(&quoted(program.to_str()?)).set_args(&words);
        Some(Self { entry: entry.build().ok()?, program })
    }

    /// Corrects an entry whose program is gone, such as after a move.
    pub(crate) fn mend(&self) {
        if is_dead() && !is_build(&self.program) {
            match self.entry.enable() {
                Ok(()) => tracing::info!("the entry for starting at login leads here again"),
                Err(error) => tracing::warn!(%error, "the entry for starting at login leads nowhere"),
            }
        }
    }

    /// Switches it.
    pub(crate) fn set(&self, on: bool) -> auto_launch::Result<()> {
        if on { self.entry.enable() } else { self.entry.disable() }
    }
}

/// A program in cargo's own folder: it is there today and gone tomorrow.
fn is_build(program: &Path) -> bool {
    let mut folders = program.components().rev().skip(1).map(|part| part.as_os_str());
    folders.next().is_some_and(|folder| folder == "debug" || folder == "release") && folders.any(|it| it == "target")
}

/// A word of the entry's command, quoted as the Desktop Entry Specification demands.
fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "/.-_+=:,@".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut written = String::from('"');
    for it in word.chars() {
        match it {
            // Once for the command, once for the file.
            '"' | '`' | '$' => written.push_str("\\\\"),
            '\\' => written.push_str("\\\\\\"),
            '%' => written.push('%'),
            _ => {}
        }
        written.push(it);
    }
    written.push('"');
    written
}

/// Whether the desktop would start us. `None`: there is no home to look in.
pub(crate) fn is_on() -> Option<bool> {
    let entry = std::fs::read_to_string(place()?);
    Some(entry.is_ok_and(|entry| says_on(&entry)))
}

/// Whether the entry is on and its program gone.
fn is_dead() -> bool {
    let entry = place().and_then(|place| std::fs::read_to_string(place).ok());
    entry.is_some_and(|entry| says_on(&entry) && program(&entry).is_some_and(|program| !program.exists()))
}

fn place() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("autostart").join("SmartPi.desktop"))
}

/// The person may have switched it off in the desktop's own settings.
fn says_on(entry: &str) -> bool {
    let says = |wanted: &str| entry.lines().any(|line| line.replace(' ', "").eq_ignore_ascii_case(wanted));
    !says("Hidden=true") && !says("X-GNOME-Autostart-enabled=false")
}

fn program(entry: &str) -> Option<&Path> {
    let command = entry.lines().find_map(|line| line.strip_prefix("Exec="))?;
    let word = match command.strip_prefix('"') {
        // One that needed more than quotes is left alone.
        Some(quoted) => quoted.split('"').next().filter(|word| !word.contains(['\\', '%']))?,
        None => command.split(' ').next()?,
    };
    Some(Path::new(word)).filter(|program| program.is_absolute())
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

    #[test]
    fn a_word_is_quoted_where_it_must_be() {
        for (word, written) in [
            ("/usr/bin/smartpi-tray", "/usr/bin/smartpi-tray"),
            ("--hidden", "--hidden"),
            ("/home/li/My Apps/x", "\"/home/li/My Apps/x\""),
            ("a%b", "\"a%%b\""),
            ("a$b", "\"a\\\\$b\""),
            ("a\\b", "\"a\\\\\\\\b\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(word), written);
        }
    }

    #[test]
    fn an_entry_says_whether_it_is_on_and_what_it_starts() {
        let entry = |more: &str| format!("[Desktop Entry]\nType=Application\nExec=/opt/x --hidden\n{more}");
        assert!(says_on(&entry("")));
        assert!(!says_on(&entry("Hidden=true\n")));
        assert!(!says_on(&entry("X-GNOME-Autostart-enabled = false\n")));
        assert_eq!(program(&entry("")), Some(Path::new("/opt/x")));
        assert_eq!(program("Exec=\"/my apps/x\" --hidden"), Some(Path::new("/my apps/x")));
        assert_eq!(program("Exec=smartpi-tray"), None);
        assert_eq!(program("Exec=\"/a\\\\$b\""), None);
        assert_eq!(program(""), None);
    }
}
