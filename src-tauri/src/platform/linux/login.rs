//! The entry in the desktop's autostart folder.

use std::path::{Path, PathBuf};

/// A word of the entry's command, quoted as the Desktop Entry Specification demands.
pub(crate) fn login_word(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "/.-_+=:,@".contains(it);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::from('"');
    for it in word.chars() {
        match it {
            // Once for the command, once for the file.
            '"' | '`' | '$' => quoted.push_str("\\\\"),
            '\\' => quoted.push_str("\\\\\\"),
            '%' => quoted.push('%'),
            _ => {}
        }
        quoted.push(it);
    }
    quoted.push('"');
    quoted
}

/// Whether the desktop would start us. `None`: there is no home to look in.
pub(crate) fn login_entry_is_on() -> Option<bool> {
    let entry = std::fs::read_to_string(place()?);
    Some(entry.is_ok_and(|entry| is_on(&entry)))
}

/// Whether the entry is on and its program gone.
pub(crate) fn login_entry_is_dead() -> bool {
    let entry = place().and_then(|place| std::fs::read_to_string(place).ok());
    entry.is_some_and(|entry| is_on(&entry) && program(&entry).is_some_and(|program| !program.exists()))
}

fn place() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(config.join("autostart").join("SmartPi.desktop"))
}

/// The person may have switched it off in the desktop's own settings.
fn is_on(entry: &str) -> bool {
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
            assert_eq!(login_word(word), written);
        }
    }

    #[test]
    fn an_entry_says_whether_it_is_on_and_what_it_starts() {
        let entry = |more: &str| format!("[Desktop Entry]\nType=Application\nExec=/opt/x --hidden\n{more}");
        assert!(is_on(&entry("")));
        assert!(!is_on(&entry("Hidden=true\n")));
        assert!(!is_on(&entry("X-GNOME-Autostart-enabled = false\n")));
        assert_eq!(program(&entry("")), Some(Path::new("/opt/x")));
        assert_eq!(program("Exec=\"/my apps/x\" --hidden"), Some(Path::new("/my apps/x")));
        assert_eq!(program("Exec=smartpi-tray"), None);
        assert_eq!(program("Exec=\"/a\\\\$b\""), None);
        assert_eq!(program(""), None);
    }
}
