//! A person at a terminal: a program under a pseudo terminal, what it prints, and what is typed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How often the screen is looked at while waiting.
const ASK: Duration = Duration::from_millis(20);

/// What a program printed is read so soon after its end, on a busy machine too.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A program that believes a person sits in front of it. Killed on drop.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    printed: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
    child: Child,
}

impl Terminal {
    /// Runs `command` with a terminal of its own, 100 columns wide and 50 lines high.
    ///
    /// # Errors
    /// When the terminal cannot be made or the program cannot be started.
    pub fn run(command: &Command) -> Result<Self> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).context("cannot open a terminal")?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        tcsetwinsize(&keyboard, Winsize { ws_row: 50, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 })?;
        let name = ptsname(&keyboard, Vec::new())?;
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()));
        let screen = File::options().read(true).write(true).open(path)?;
        // setsid makes it the controlling terminal, which programs open as /dev/tty to ask a person.
        let mut in_terminal = Command::new("setsid");
        // A test that runs in the background inherits a deaf ear for Ctrl-C; a person's terminal does not have it.
        in_terminal.args(["--ctty", "env", "--default-signal=INT"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => in_terminal.env(name, value),
                None => in_terminal.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            in_terminal.current_dir(folder);
        }
        in_terminal.env("TERM", "xterm-256color");
        in_terminal.stdin(screen.try_clone()?).stdout(Stdio::from(screen.try_clone()?)).stderr(screen);
        let child = in_terminal.spawn().context("cannot start the program in a terminal")?;
        // The parent's copies of the terminal's far end go with the command: then the end of the program is the end of the text.
        drop(in_terminal);
        let keyboard = File::from(keyboard);
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (mut source, sink) = (keyboard.try_clone()?, Arc::clone(&printed));
        let reader = std::thread::spawn(move || {
            let mut part = [0; 4096];
            // Linux reports the end of the program as an error of the terminal.
            while let Ok(read @ 1..) = source.read(&mut part) {
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&part[..read]);
            }
        });
        Ok(Self { keyboard, printed, reader, child })
    }

    /// Everything printed so far, without colours and cursor moves.
    #[must_use]
    pub fn text(&self) -> String {
        without_escapes(&String::from_utf8_lossy(&self.printed.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Waits until `look` finds something in the text, and gives it.
    ///
    /// # Errors
    /// After `limit`, or when the program ends before, with everything that it printed.
    pub fn until<T>(&mut self, limit: Duration, what: &str, look: impl Fn(&str) -> Option<T>) -> Result<T> {
        let since = Instant::now();
        loop {
            let ended = self.ended()?;
            if let Some(found) = look(&self.text()) {
                return Ok(found);
            }
            if let Some(status) = ended {
                bail!("the program ended ({status}) before it printed {what}:\n{}", self.text());
            }
            if since.elapsed() > limit {
                bail!("no {what} after {limit:?}:\n{}", self.text());
            }
            std::thread::sleep(ASK);
        }
    }

    /// Types a line and presses Enter.
    ///
    /// # Errors
    /// When the program is gone.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).context("cannot type")
    }

    /// Presses Ctrl-C and waits for the end.
    ///
    /// # Errors
    /// After `limit`.
    pub fn interrupt(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.keyboard.write_all(b"\x03").context("cannot type")?;
        self.ends(limit).context("after Ctrl-C")
    }

    /// Waits until the program ends by itself.
    ///
    /// # Errors
    /// After `limit`, with everything that it printed.
    pub fn ends(&mut self, limit: Duration) -> Result<ExitStatus> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if since.elapsed() > limit {
                bail!("it did not end within {limit:?}:\n{}", self.text());
            }
            std::thread::sleep(ASK);
        }
    }
}

impl Terminal {
    /// How the program ended; then its last words were read.
    fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let ended = self.child.try_wait()?;
        let since = Instant::now();
        // Whoever it left in the background may hold the terminal open.
        while ended.is_some() && !self.reader.is_finished() && since.elapsed() < LAST_WORDS {
            std::thread::sleep(ASK);
        }
        Ok(ended)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes out the control sequences `ESC [ ... letter` and carriage returns.
fn without_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => {
                if rest.next() == Some('[') {
                    let _ = rest.by_ref().find(|c| ('@'..='~').contains(c));
                }
            }
            '\r' => {}
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_it_has_a_terminal_and_hears_what_is_typed() {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"test -t 0 && test -t 1 && printf 'name? ' > /dev/tty && read name && printf '\033[1mhello %s\033[0m' "$name"; cat"#]);
        let mut terminal = Terminal::run(&shell).unwrap();
        let limit = Duration::from_secs(10);
        terminal.until(limit, "a question", |text| text.contains("name?").then_some(())).unwrap();
        terminal.type_line("Li").unwrap();
        terminal.until(limit, "a greeting", |text| text.contains("hello Li").then_some(())).unwrap();
        terminal
            .until(Duration::from_millis(100), "a miracle", |text| text.contains("miracle").then_some(()))
            .unwrap_err();
        assert!(!terminal.interrupt(limit).unwrap().success());
    }
}
