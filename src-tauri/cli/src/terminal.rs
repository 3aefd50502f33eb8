//! The person at the terminal: what they are told, and what they type.

use std::io::{self, BufRead, IsTerminal, Write};

use desk::language::Language;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::exit::{Exit, Stop};
use crate::words;

/// The output, and what is known of the terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    pub(crate) language: Language,
    /// For a script.
    pub(crate) json: bool,
    /// Whether a person reads and types: both ends are a terminal.
    pub(crate) person: bool,
    reads: bool,
    colour: bool,
}

impl Terminal {
    pub(crate) fn here(language: Language, json: bool) -> Self {
        let (types, reads) = (io::stdin().is_terminal(), io::stdout().is_terminal());
        let colour = reads && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { language, json, person: types && reads && !json, reads: reads && !json, colour }
    }

    pub(crate) fn has_colour(self) -> bool {
        self.colour
    }

    /// A line for a person. Nothing with `--json`.
    pub(crate) fn say(self, line: impl AsRef<str>) -> Result<(), Stop> {
        if self.json {
            return Ok(());
        }
        write(&format!("{}\n", line.as_ref()))
    }

    /// A line for a script. Nothing without `--json`.
    pub(crate) fn tell(self, value: &impl Serialize) -> Result<(), Stop> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(value).expect("answers have string keys and finite numbers");
        write(&format!("{text}\n"))
    }

    /// A question, the answer typed behind it.
    pub(crate) fn ask(self, question: impl AsRef<str>) -> Result<(), Stop> {
        write(question.as_ref())
    }

    /// A line that the next one replaces. Nothing where no person reads.
    pub(crate) fn status(self, line: impl AsRef<str>) -> Result<(), Stop> {
        if !self.reads {
            return Ok(());
        }
        write(&format!("\r\x1b[K{}", line.as_ref()))
    }

    /// Removes what [`Terminal::status`] wrote.
    pub(crate) fn end_status(self) -> Result<(), Stop> {
        self.status("")
    }

    /// The last words of a command.
    pub(crate) fn end(self, stop: &Stop) {
        let said = if self.json {
            stop.json().map_or(Ok(()), |value| self.tell(&value))
        } else if let Some(words) = stop.words(self.language) {
            writeln!(io::stderr().lock(), "{words}").map_err(|_| Stop::Silent(Exit::Failed))
        } else {
            Ok(())
        };
        drop(said);
    }
}

fn write(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    // Nobody reads any more, as behind `| head`: that is no failure to talk about.
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Stop::Silent(Exit::Failed))
}

/// The lines that come in. The thread that waits for them ends with the process.
pub(crate) struct Lines(mpsc::UnboundedReceiver<String>);

impl Lines {
    pub(crate) fn open() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self(receiver)
    }

    /// Never a line.
    pub(crate) fn closed() -> Self {
        Self(mpsc::unbounded_channel().1)
    }

    /// The next line. `None`: there will be no more.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.0.recv().await
    }

    /// Forgets what was typed before a question was asked.
    pub(crate) fn forget(&mut self) {
        while self.0.try_recv().is_ok() {}
    }
}

/// Asks for a yes before anything runs.
pub(crate) fn is_allowed(terminal: Terminal, question: &str) -> Result<bool, Stop> {
    Ok(words::is_yes(&typed(terminal, question)?))
}

/// Asks for a line, without the blanks around it.
pub(crate) fn typed(terminal: Terminal, question: &str) -> Result<String, Stop> {
    terminal.ask(question)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|_| Stop::Silent(Exit::Failed))?;
    Ok(line.trim().to_owned())
}
