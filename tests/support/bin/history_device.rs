//! Devices under load, made to be killed: `history-device FOLDER FIRST COUNT [PAUSE_MS]`. Each device keeps its identity in `FOLDER/N.json`, N from FIRST on, and says what
//! happened to it in one line of JSON. Without a PAUSE_MS it sends nothing new: it only repeats what is not acknowledged, and shows what comes.
//! For each line on its standard input all of them say goodbye and come back.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use device::{Event, Keep, Session, Timing};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// One line, in one write: a kill leaves whole lines, or the beginning of one that the reader drops.
fn say(line: &Value) {
    let mut bytes = line.to_string().into_bytes();
    bytes.push(b'\n');
    // Nobody reads any more: the test is over.
    let _ = std::io::stdout().write_all(&bytes);
}

fn tell(number: usize, event: &Event) {
    match event {
        Event::Queued { id } => say(&json!({"device": number, "what": "queued", "id": id})),
        Event::Acked { id, .. } => say(&json!({"device": number, "what": "acked", "id": id})),
        Event::Rejected { id, code } => {
            say(&json!({"device": number, "what": "rejected", "id": id, "code": code.number()}))
        }
        Event::Shown(reply) => {
            say(&json!({"device": number, "what": "shown", "n": reply.n, "rid": reply.rid, "re": reply.re}))
        }
        Event::Deferred { id, code, .. } => {
            say(&json!({"device": number, "what": "deferred", "id": id, "code": code.number()}))
        }
        Event::Offline { why, .. } => say(&json!({"device": number, "what": "offline", "why": why.to_string()})),
        Event::Ended(end) => say(&json!({"device": number, "what": "ended", "why": format!("{end:?}")})),
        Event::Online { .. } => say(&json!({"device": number, "what": "online"})),
        Event::Impostor
        | Event::NoTls
        | Event::Sent { .. }
        | Event::Renamed { .. }
        | Event::Turn { .. }
        | Event::Partial { .. }
        | Event::Hidden { .. }
        | Event::Got { .. }
        | Event::Trouble(_)
        | Event::Link(_)
        | Event::Odd(_) => {}
    }
}

/// Some devices of a folder, all of which are alive.
struct Crowd {
    folder: PathBuf,
    first: usize,
    sessions: Vec<Session>,
}

impl Crowd {
    /// Starts those that are not.
    fn rise(&mut self, count: usize) -> Result<()> {
        let timing = Timing {
            retry: Duration::from_millis(20),
            retry_most: Duration::from_millis(100),
            got: Duration::from_millis(5),
            ..Timing::default()
        };
        for number in self.first + self.sessions.len()..self.first + count {
            let keep = Keep::open(&self.folder.join(format!("{number}.json")))?;
            self.sessions.push(Session::start(keep, timing, move |event| tell(number, &event)));
        }
        Ok(())
    }

    /// All of them say goodbye and come back.
    async fn turn_around(&mut self) -> Result<()> {
        let count = self.sessions.len();
        self.sessions.iter().for_each(Session::stop);
        for session in self.sessions.drain(..) {
            let _ = session.join().await;
        }
        self.rise(count)
    }
}

/// One for each line on the standard input.
fn lines() -> mpsc::UnboundedReceiver<()> {
    let (say, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for _ in std::io::stdin().lines().map_while(Result::ok) {
            let _ = say.send(());
        }
        // The end is no line, and no end of the lines either.
        loop {
            std::thread::park();
        }
    });
    lines
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().context("no folder")?);
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let first = usize::try_from(number().context("no first")?)?;
    let count = usize::try_from(number().context("no count")?)?;
    let pause = number().map(Duration::from_millis);
    let mut crowd = Crowd { folder, first, sessions: Vec::new() };
    crowd.rise(count)?;
    let mut lines = lines();
    let (mut index, mut due) = (0_usize, Instant::now());
    loop {
        tokio::select! {
            // The reader of the lines knows when all is said, and kills this.
            () = sleep_until(due), if pause.is_some() => {
                crowd.sessions[index % count].send(format!("message {index} of {first}")).await?;
                index += 1;
                due = Instant::now() + pause.unwrap_or_default();
            }
            Some(()) = lines.recv() => crowd.turn_around().await?,
        }
    }
}
