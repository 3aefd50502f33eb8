//! Devices under load, made to be killed: `history-device FOLDER COUNT PAUSE_MS`. Each device keeps its identity in `FOLDER/N.json` and says what happened to it in one line of JSON.
//! Without a PAUSE_MS it sends nothing new: it only repeats what is not acknowledged, and shows what comes.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use device::{Event, Keep, Session, Timing};
use serde_json::{Value, json};

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
        Event::Online { .. }
        | Event::Impostor
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = PathBuf::from(arguments.next().context("no folder")?);
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let count = usize::try_from(number().context("no count")?)?;
    let pause = number().map(Duration::from_millis);
    let timing = Timing {
        retry: Duration::from_millis(20),
        retry_most: Duration::from_millis(100),
        got: Duration::from_millis(5),
        ..Timing::default()
    };
    let mut sessions = Vec::new();
    for number in 0..count {
        let keep = Keep::open(&folder.join(format!("{number}.json")))?;
        sessions.push(Session::start(keep, timing, move |event| tell(number, &event)));
    }
    let Some(pause) = pause else {
        // The reader of the lines knows when all is said, and kills this.
        return std::future::pending().await;
    };
    for index in 0_u64.. {
        let session = &sessions[usize::try_from(index)? % count];
        session.send(format!("message {index}")).await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}
