//! Asks the person's login shell what it would start: a program that the desktop started does not have the shell's `PATH`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::search::Shell;

/// A shell whose start-up files take longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Start-up files print what they like: our words stand between these.
const MARK: &str = "--smartpi-4f1c--";

/// `None`: this system has no such shell, it does not answer, or this program was started from one and has its `PATH` already.
pub(crate) async fn ask() -> Option<Shell> {
    // An interactive shell takes the terminal of its program, and stops where it may not.
    if cfg!(windows) || std::fs::File::open("/dev/tty").is_ok() {
        return None;
    }
    ask_this(&PathBuf::from(std::env::var_os("SHELL")?), PATIENCE).await
}

async fn ask_this(shell: &Path, patience: Duration) -> Option<Shell> {
    let name = shell.file_name()?.to_str()?;
    let mut command = Command::new(shell);
    command.args(["-l", "-i", "-c", &script_for(name)]);
    command.env("TERM", "dumb").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    // Its jobs are its own: no signal of them reaches us.
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().ok()?;
    let done = timeout(patience, child.wait_with_output()).await.ok()?.ok()?;
    answer_in(&String::from_utf8_lossy(&done.stdout))
}

fn script_for(shell: &str) -> String {
    let (path, command) = match shell {
        // In fish `PATH` is a list.
        "fish" => ("(string join : $PATH)", "(command -s openclaw)"),
        _ => ("\"$PATH\"", "\"$(command -v openclaw)\""),
    };
    format!("printf '\\n%s%s\\n%s%s\\n' '{MARK}' {path} '{MARK}' {command}")
}

fn answer_in(printed: &str) -> Option<Shell> {
    let mut words = printed.lines().filter_map(|line| line.strip_prefix(MARK));
    let path = words.next().filter(|path| !path.is_empty())?;
    // An alias is printed as its definition: only a path is a program.
    let command = words.next().map(PathBuf::from).filter(|command| command.is_absolute());
    Some(Shell { command, path: OsString::from(path) })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn shell(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("sh");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn its_words_are_found_between_those_of_others() {
        let printed = format!("Welcome!\n\n{MARK}/a:/b\n{MARK}/a/openclaw\nbye\n");
        let expected = Shell { command: Some("/a/openclaw".into()), path: "/a:/b".into() };
        assert_eq!(answer_in(&printed), Some(expected));
        let alias = format!("{MARK}/a\n{MARK}alias openclaw='npx openclaw'\n");
        assert_eq!(answer_in(&alias), Some(Shell { command: None, path: "/a".into() }));
        assert_eq!(answer_in(&format!("{MARK}/a\n{MARK}\n")), Some(Shell { command: None, path: "/a".into() }));
        assert_eq!(answer_in("no idea"), None);
        assert_eq!(answer_in(&format!("{MARK}\n{MARK}\n")), None);
    }

    /// A real shell with start-up files that talk and that extend the PATH.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_real_shell_tells_the_path_of_its_own_files() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path();
        let bin = home.join("only here");
        std::fs::create_dir(&bin).unwrap();
        let openclaw = bin.join("openclaw");
        std::fs::write(&openclaw, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&openclaw, std::fs::Permissions::from_mode(0o755)).unwrap();
        let profile = format!("echo Welcome home\nPATH=\"{}:$PATH\"\nexport PATH\n", bin.display());
        std::fs::write(home.join(".profile"), profile).unwrap();
        let wrapper = shell(home, &format!("#!/bin/sh\nHOME='{}' exec setsid -w /bin/bash \"$@\"\n", home.display()));
        let said = ask_this(&wrapper, Duration::from_secs(60)).await.unwrap();
        assert_eq!(said.command, Some(openclaw));
        assert!(said.path.to_str().unwrap().starts_with(bin.to_str().unwrap()), "{said:?}");
    }

    #[tokio::test]
    async fn one_that_does_not_answer_is_left() {
        let temp = tempfile::tempdir().unwrap();
        let slow = shell(temp.path(), "#!/bin/sh\nexec sleep 600\n");
        assert_eq!(ask_this(&slow, Duration::from_millis(100)).await, None);
        assert_eq!(ask_this(Path::new("/nowhere/sh"), Duration::from_secs(60)).await, None);
        let broken = shell(temp.path(), "#!/bin/sh\nexit 3\n");
        assert_eq!(ask_this(&broken, Duration::from_secs(60)).await, None);
    }
}
