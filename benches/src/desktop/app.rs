//! One run of an application on a desktop, and what is read off it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;

use super::candidate::Candidate;
use super::footprint::{self, Memory, Process, Switches};
use super::rig::{Desktop, LIMIT, until};

/// How long a web engine may need to follow its window.
const ENGINE_ENDS: Duration = Duration::from_secs(10);

/// A started one. Ends with its desktop at the latest.
#[derive(Debug)]
pub(super) struct App<'a> {
    desktop: &'a Desktop<'a>,
    child: Child,
    pub(super) start: Start,
}

/// Milliseconds from its execution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// To the item that registered at the tray.
    pub(super) item: f64,
    /// To the first 200 on `/healthz`; ours only.
    pub(super) accepted: Option<f64>,
}

/// An application that nobody touches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    pub(super) memory: Memory,
    pub(super) processes: usize,
    /// Milliseconds of CPU since the start.
    pub(super) cpu: f64,
    /// Processes of this machine outside the application that have GTK loaded too.
    pub(super) sharers: usize,
}

/// Its window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    /// With the window open, all processes.
    pub(super) memory: Memory,
    /// Web processes that were still there 10 s after the window's end.
    pub(super) left: usize,
}

impl<'a> App<'a> {
    /// Returns when its item is in the tray and, for ours, devices are accepted.
    pub(super) fn start(desktop: &'a Desktop<'a>) -> anyhow::Result<Self> {
        let (candidate, port) = (desktop.home().candidate(), desktop.home().port);
        let mut command = desktop.command(candidate.arguments())?;
        let began = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", candidate.name()))?;
        let since = |moment: Instant| moment.duration_since(began).as_secs_f64() * 1000.0;
        let accepted = match candidate {
            Candidate::Smartpi => {
                while !healthy(port) {
                    if let Some(status) = child.try_wait()? {
                        bail!("{} ended with {status}:\n{}", candidate.name(), desktop.last_words());
                    }
                    if began.elapsed() > LIMIT {
                        bail!("{} accepts no devices:\n{}", candidate.name(), desktop.last_words());
                    }
                    std::thread::sleep(Duration::from_micros(500));
                }
                Some(since(Instant::now()))
            }
            Candidate::KdeConnect | Candidate::SyncthingTray | Candidate::BareGtk | Candidate::BareSni => None,
        };
        let Some(item) = desktop.watcher().until_item(LIMIT) else {
            bail!("{} shows nothing in the tray:\n{}", candidate.name(), desktop.last_words());
        };
        Ok(Self { desktop, child, start: Start { item: since(item), accepted } })
    }

    pub(super) fn rest(&self) -> anyhow::Result<Rest> {
        let processes = self.desktop.processes()?;
        if processes.is_empty() {
            bail!("{} has ended:\n{}", self.desktop.home().candidate().name(), self.desktop.last_words());
        }
        Ok(Rest {
            memory: footprint::memory(&processes)?,
            processes: processes.len(),
            cpu: footprint::cpu_ms(&processes)?,
            sharers: footprint::others_with("/libgtk-3.so", &processes)?.len(),
        })
    }

    pub(super) fn switches(&self) -> anyhow::Result<Switches> {
        footprint::switches(&self.desktop.processes()?)
    }

    /// Opens the window as a second start does, lets it settle, and ends its process.
    pub(super) fn open_and_close_window(&self, settle: Duration) -> anyhow::Result<Opened> {
        let mut second = self.desktop.command(&[])?.spawn()?;
        let opened = until("the end of a second start", || Ok(second.try_wait()?.is_some()));
        if opened.is_err() {
            // It may have ended between the last look and now.
            let _gone = second.kill();
            let _gone = second.wait();
        }
        opened?;
        let windows = || anyhow::Ok(self.desktop.processes()?.into_iter().filter(is_window).collect::<Vec<_>>());
        let engine = || anyhow::Ok(self.desktop.processes()?.into_iter().filter(Process::is_web).count());
        until("a window", || Ok(!windows()?.is_empty() && engine()? > 0)).with_context(|| self.desktop.last_words())?;
        std::thread::sleep(settle);
        let memory = footprint::memory(&self.desktop.processes()?)?;
        for window in windows()? {
            window.signal(Signal::TERM);
        }
        until("the end of the window", || Ok(windows()?.is_empty()))?;
        let ended = Instant::now();
        while engine()? > 0 && ended.elapsed() < ENGINE_ENDS {
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Opened { memory, left: engine()? })
    }

    /// Asks it to end, as a session that closes does.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        Process { pid: self.child.id(), line: Vec::new() }.signal(Signal::TERM);
        until("its end", || Ok(self.child.try_wait()?.is_some()))
    }
}

impl Drop for App<'_> {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn is_window(process: &Process) -> bool {
    process.line.first().is_some_and(|program| program.ends_with("smartpi-window"))
}

fn healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_told_from_its_engine() {
        let process = |line: &[&str]| Process { pid: 1, line: line.iter().map(ToString::to_string).collect() };
        assert!(is_window(&process(&["/usr/bin/smartpi-window", "--page", "{}"])));
        assert!(!is_window(&process(&["/usr/bin/smartpi-tray", "--hidden"])));
        let engine = process(&["/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/WebKitWebProcess", "7", "18"]);
        assert!(engine.is_web() && !is_window(&engine));
    }

    #[test]
    fn only_a_200_is_healthy() {
        let answered = |answer: &'static [u8]| {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                // All of it: what nobody has read when the server goes takes its answer along.
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    asked.extend(byte);
                }
                stream.write_all(answer).unwrap();
            });
            let healthy = healthy(port);
            server.join().unwrap();
            healthy
        };
        assert!(answered(b"HTTP/1.1 200 OK\r\n\r\n"));
        assert!(!answered(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        assert!(!answered(b"HTTP"));
    }
}
