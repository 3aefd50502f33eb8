//! The log: JSON lines in `logs/smartpi.log`, five files of 5 MiB, for the owner's eyes only.
//!
//! Only this program's own crates are logged: libraries below would write frames, and with them what people say. Our own lines name devices, counts and codes;
//! never a text, a key or a binding URL.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::{Failure, FailureCode};
use crate::redact::{self, Redactor};

/// Size of a file, in bytes, before the next begins.
const SIZE: u64 = 5 << 20;
/// Number of files, the newest included.
const FILES: u32 = 5;
/// Crates whose lines are written.
const OURS: [&str; 4] = ["channel", "desk", "smartpi", "device"];

/// The log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// File.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process logs elsewhere already.
    #[error("the process has a log already")]
    Already,
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::caused(FailureCode::LogsNotOpened, &error)
    }
}

/// Starts the log of this process. `level` is for our own crates; `stderr` adds lines for a person.
///
/// # Errors
/// See [`LogError`].
pub fn start(path: &Path, level: LevelFilter, stderr: bool) -> Result<(), LogError> {
    let file = Rotating::open(path, SIZE, FILES).map_err(|source| LogError::Open { path: path.to_owned(), source })?;
    let shared = Shared(Arc::new(Mutex::new(file)));
    let writer = move || Clean { to: shared.clone(), redactor: redact::here().clone() };
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
    let person =
        stderr.then(|| tracing_subscriber::fmt::layer().with_writer(person_writer).with_target(false).compact());
    tracing_subscriber::registry()
        .with(ours(level))
        .with(json)
        .with(person)
        .try_init()
        .map_err(|_| LogError::Already)?;
    std::panic::set_hook(Box::new(|panic| {
        // The payload stays out, here and on the terminal: the standard library quotes strings in it, and a string may be what a person said.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
        let line = format!("SmartPi made a mistake of its own at {place}. It goes on where it can.\n");
        // A terminal that is gone is no reason for a second panic.
        let _ = Clean { to: io::stderr(), redactor: redact::here().clone() }.write_all(line.as_bytes());
    }));
    Ok(())
}

fn person_writer() -> Clean<io::Stderr> {
    Clean { to: io::stderr(), redactor: redact::here().clone() }
}

/// Lines that go through the redactor. One call is one line.
#[derive(Debug)]
struct Clean<W> {
    to: W,
    redactor: Redactor,
}

impl<W: Write> Write for Clean<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.to.write_all(self.redactor.clean(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The level that `SMARTPI_LOG` names (`error`, `warn`, `info`, `debug`); `info` for anything else.
pub fn level(named: Option<&str>) -> LevelFilter {
    named
        .filter(|name| !name.is_empty())
        .and_then(|name| name.parse().ok())
        .filter(|level| (LevelFilter::ERROR..=LevelFilter::DEBUG).contains(level))
        .unwrap_or(LevelFilter::INFO)
}

fn ours(level: LevelFilter) -> Targets {
    Targets::new().with_targets(OURS.map(|name| (name, level)))
}

/// A file that makes room for the next when it is full: `x`, `x.1` ... `x.4`, the oldest last.
#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    size: u64,
    files: u32,
    file: File,
    written: u64,
}

impl Rotating {
    fn open(path: &Path, size: u64, files: u32) -> io::Result<Self> {
        let file = append_to(path)?;
        let written = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), size, files, file, written })
    }

    fn numbered(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    /// Moves every file one further. On Windows a renamed file may still be open: Rust opens files with delete sharing.
    fn rotate(&mut self) -> io::Result<()> {
        for number in (0..self.files - 1).rev() {
            match std::fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.file = append_to(&self.path)?;
        self.written = 0;
        Ok(())
    }
}

/// One call is one line.
impl Write for Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let length = line.len() as u64;
        if self.written > 0 && self.written + length > self.size {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.written += length;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Rotating>>);

impl Write for Shared {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // A writer that panicked left at worst half a line.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Shared {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn full_files_make_room_and_the_oldest_goes() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("smartpi.log");
        let mut log = Rotating::open(&path, 10, 3).unwrap();
        for line in ["aaaa\n", "bbbb\n", "cccc\n", "dddd\n", "eeee\n", "ffff\n", "gggg\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(temp.path().join(name)).unwrap();
        assert_eq!(read("smartpi.log"), "gggg\n");
        assert_eq!(read("smartpi.log.1"), "eeee\nffff\n");
        assert_eq!(read("smartpi.log.2"), "cccc\ndddd\n");
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 3);
        // A new process goes on where the old one ended, and a line longer than a file is written all the same.
        let mut log = Rotating::open(&path, 10, 3).unwrap();
        log.write_all(b"hhhh\n").unwrap();
        assert_eq!(read("smartpi.log"), "gggg\nhhhh\n");
        log.write_all(b"a line that is too long\n").unwrap();
        assert_eq!(read("smartpi.log"), "a line that is too long\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            for name in ["smartpi.log", "smartpi.log.1"] {
                let mode = std::fs::metadata(temp.path().join(name)).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{name}");
            }
        }
    }

    #[test]
    fn a_vanished_folder_is_an_error_and_no_panic() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("logs");
        std::fs::create_dir(&folder).unwrap();
        let mut log = Rotating::open(&folder.join("smartpi.log"), 4, 3).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        log.write_all(b"a\n").unwrap();
        assert!(log.write_all(b"longer\n").is_err());
    }

    #[test]
    fn lines_are_json_and_only_of_our_crates() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("smartpi.log");
        let writer = Shared(Arc::new(Mutex::new(Rotating::open(&path, SIZE, FILES).unwrap())));
        let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
        tracing::subscriber::with_default(
            tracing_subscriber::registry().with(ours(LevelFilter::INFO)).with(json),
            || {
                tracing::info!(target: "desk::running", port = 8765, "listening");
                tracing::debug!(target: "desk::running", "too fine");
                tracing::error!(target: "tungstenite::protocol", text = "what a person said", "frame");
            },
        );
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert_eq!((&lines[0]["port"], &lines[0]["message"]), (&Value::from(8765), &Value::from("listening")));
    }

    /// Forty secrets in the log's lines, in every form; gives those that can be read in the file afterwards.
    fn leaks(redactor: &Redactor) -> Vec<String> {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("smartpi.log");
        let shared = Shared(Arc::new(Mutex::new(Rotating::open(&path, SIZE, FILES).unwrap())));
        let redactor = redactor.clone();
        let writer = move || Clean { to: shared.clone(), redactor: redactor.clone() };
        let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer);
        let forms: Vec<String> = (0..40_u8)
            .flat_map(|number| {
                let secret = [number ^ 0x5a; 32];
                [
                    data_encoding::BASE64.encode(&secret),
                    data_encoding::BASE64URL_NOPAD.encode(&secret),
                    data_encoding::HEXLOWER.encode(&secret),
                    data_encoding::HEXUPPER.encode(&secret),
                ]
            })
            .collect();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(json), || {
            for form in &forms {
                tracing::error!(error = format!("cannot dial http://h/#1.x.{form}.y"), key = form, "refused");
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count(), forms.len());
        forms.into_iter().filter(|form| text.contains(form.as_str())).collect()
    }

    #[test]
    fn a_secret_that_somebody_logs_is_not_written() {
        let redactor = Redactor::default();
        assert_eq!(leaks(&redactor).len(), 160, "a redactor that knows nothing lets everything through");
        (0..40_u8).for_each(|number| redactor.learn(&[number ^ 0x5a; 32]));
        assert_eq!(leaks(&redactor), [] as [String; 0]);
    }

    #[test]
    fn a_panic_tells_its_place_and_not_its_words() {
        let folder = "SMARTPI_TEST_PANIC";
        if let Some(folder) = std::env::var_os(folder) {
            start(&PathBuf::from(folder).join("smartpi.log"), LevelFilter::INFO, true).unwrap();
            let words = "the canary that a person said";
            std::thread::spawn(move || panic!("{words}")).join().unwrap_err();
            return;
        }
        let temp = tempfile::tempdir().unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "logs::tests::a_panic_tells_its_place_and_not_its_words", "--nocapture"])
            .env(folder, temp.path())
            .output()
            .unwrap();
        let log = std::fs::read_to_string(temp.path().join("smartpi.log")).unwrap();
        let told = String::from_utf8_lossy(&[child.stdout, child.stderr].concat()).into_owned();
        for text in [&log, &told] {
            assert!(text.contains("logs.rs:") && !text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn the_level_is_bounded() {
        assert_eq!(level(None), LevelFilter::INFO);
        assert_eq!(level(Some("debug")), LevelFilter::DEBUG);
        assert_eq!(level(Some("warn")), LevelFilter::WARN);
        for name in ["trace", "off", "channel=trace", ""] {
            assert_eq!(level(Some(name)), LevelFilter::INFO, "{name}");
        }
    }
}
