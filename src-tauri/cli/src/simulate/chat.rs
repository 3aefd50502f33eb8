//! One device and a person: what is typed is a message.

use desk::language::Language;
use device::{Event, LinkState, Reply, SendError, Stage, TurnState};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Simulated, Told, ended};
use crate::exit::Stop;
use crate::terminal::{Lines, Terminal};
use crate::words;

/// Letters of an unfinished answer that fit on one line.
const GLIMPSE: usize = 60;

/// Until the person ends it, or the service does.
pub(super) async fn run(
    terminal: Terminal,
    devices: Vec<Simulated>,
    mut events: UnboundedReceiver<Told>,
) -> Result<(), Stop> {
    let language = terminal.language;
    let Some(device) = devices.into_iter().next() else { return Ok(()) };
    terminal.say(words::chat_begins(language))?;
    let mut lines = Lines::open();
    loop {
        tokio::select! {
            told = events.recv() => match told {
                Some((_, _, Event::Ended(_))) | None => break,
                Some((_, _, event)) => show(terminal, &device, event)?,
            },
            line = lines.next() => match line {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => match device.session.send(line).await {
                    Ok(_) => {}
                    Err(SendError::Length(_)) => terminal.say(words::too_long(language))?,
                    Err(SendError::Save(_) | SendError::Ended) => break,
                },
                None => break,
            },
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    terminal.end_status()?;
    device.session.stop();
    let end = device.session.join().await;
    end.and_then(|(end, _)| ended(terminal, &end)).map_or(Ok(()), Err)
}

fn show(terminal: Terminal, device: &Simulated, event: Event) -> Result<(), Stop> {
    let language = terminal.language;
    let line = match event {
        Event::Online { name, link, .. } => {
            terminal.end_status()?;
            terminal.say(words::chat_online(language, name, &device.service))?;
            if link == LinkState::Online {
                return Ok(());
            }
            words::chat_link_offline(language)
        }
        Event::Offline { retry, .. } => words::chat_offline(language, retry.as_secs_f32().ceil()),
        Event::Impostor => words::chat_impostor(language),
        Event::NoTls => words::chat_no_tls(language),
        Event::Link(LinkState::Online) => words::chat_link_online(language),
        Event::Link(LinkState::Offline) => words::chat_link_offline(language),
        Event::Acked { .. } => return terminal.status(words::chat_saved(language)),
        Event::Turn { state: TurnState::Running, stage: Some(stage), .. } => {
            return terminal.status(match stage {
                Stage::Thinking => words::chat_thinking(language),
                Stage::Tool => words::chat_tool(language),
                Stage::Writing => words::chat_writing(language),
            });
        }
        Event::Partial { text, .. } => return terminal.status(words::chat_reply(language, glimpse(&text))),
        Event::Shown(reply) => answer(language, &reply),
        Event::Trouble(err) => words::chat_trouble(language, language.pick(&err.en, &err.zh)),
        Event::Rejected { code, .. } | Event::Deferred { code, .. } => {
            let (en, zh) = code.words();
            words::chat_trouble(language, language.pick(en, zh))
        }
        Event::Queued { .. }
        | Event::Sent { .. }
        | Event::Renamed { .. }
        | Event::Turn { .. }
        | Event::Hidden { .. }
        | Event::Got { .. }
        | Event::Odd(_)
        | Event::Ended(_) => return Ok(()),
    };
    terminal.end_status()?;
    terminal.say(line)
}

pub(super) fn answer(language: Language, reply: &Reply) -> String {
    match (reply.by.as_deref(), &reply.re) {
        (Some(by), None) => words::chat_spoken(language, by.strip_prefix("agent:").unwrap_or(by), &reply.text),
        (Some(_) | None, _) if reply.late => words::chat_late(language, &reply.text),
        (Some(_) | None, _) => words::chat_reply(language, &reply.text),
    }
}

/// The end of an unfinished answer, on one line.
fn glimpse(text: &str) -> String {
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    let skip = last.chars().count().saturating_sub(GLIMPSE);
    last.chars().skip(skip).filter(|letter| !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glimpse_is_the_end_of_the_last_line() {
        assert_eq!(glimpse("one\ntwo "), "two");
        assert_eq!(glimpse(&"灯".repeat(100)).chars().count(), GLIMPSE);
        assert_eq!(glimpse("a\u{1b}[2Jb"), "a[2Jb");
        assert_eq!(glimpse(""), "");
    }
}
