//! `smartpi activity`: what devices said and what came back.

use desk::control::answer::{ActivityTurn, ActivityUnasked, SpeakerWord, Turns};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::folders::Folders;
use desk::language::Language;

use crate::args::Activity;
use crate::bind::now_ms;
use crate::devices;
use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::words;

/// `smartpi activity`.
pub(crate) async fn run(terminal: Terminal, folders: &Folders, args: Activity) -> Result<(), Stop> {
    let mut client = Client::connect(folders).await?;
    let device_key = match &args.device {
        Some(named) => Some(devices::find(&mut client, terminal.language, named).await?.device_key),
        None => None,
    };
    let turns: Turns =
        client.ask(&Request::ActivityTurns { device_key, before_ms: None, limit: Some(args.limit) }).await?;
    terminal.tell(&turns)?;
    let language = terminal.language;
    if turns.turns.is_empty() && turns.unasked.is_empty() {
        return terminal.say(words::no_activity(language));
    }
    for line in told(language, &turns, now_ms()) {
        terminal.say(line)?;
    }
    if turns.more { terminal.say(words::more_activity(language)) } else { Ok(()) }
}

/// Everything, newest first.
fn told(language: Language, turns: &Turns, now: i64) -> Vec<String> {
    let asked = turns.turns.iter().map(|turn| (turn.turn.received_ms, lines(language, turn, now)));
    let unasked = turns.unasked.iter().map(|entry| (entry.at_ms, unasked_lines(language, entry, now)));
    let mut all: Vec<_> = asked.chain(unasked).collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    all.into_iter().flat_map(|(_, lines)| lines).collect()
}

/// Who spoke to whom, and what; a refused one has no words.
fn unasked_lines(language: Language, entry: &ActivityUnasked, now: i64) -> Vec<String> {
    let who = match (entry.by, &entry.agent) {
        (SpeakerWord::Agent, Some(agent)) => agent.clone(),
        (SpeakerWord::Terminal, _) => words::speaker_terminal(language),
        (SpeakerWord::Agent | SpeakerWord::Unknown, _) => words::speaker_unknown(language),
    };
    let ago = devices::ago(language, now - entry.at_ms);
    if entry.refused {
        return vec![words::unasked_refused(language, &entry.device_name, ago, who)];
    }
    let head = match entry.got_ms {
        Some(_) => words::unasked_came(language, &entry.device_name, ago, who),
        None => words::unasked_waits(language, &entry.device_name, ago, who),
    };
    let said =
        entry.said.as_deref().map_or_else(|| words::text_wiped(language), |said| format!("< {}", one_line(said)));
    vec![head, format!("    {said}")]
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Who and when, what was said, what came back; each on one line.
fn lines(language: Language, turn: &ActivityTurn, now: i64) -> Vec<String> {
    let mut lines = vec![format!("{}{}", turn.device_name, devices::turn_line(language, &turn.turn, now))];
    lines.extend(turn.said.as_deref().map(|said| format!("    > {}", one_line(said))));
    lines.extend(turn.answered.as_deref().map(|answered| format!("    < {}", one_line(answered))));
    if turn.said.is_none() {
        lines.push(format!("    {}", words::text_wiped(language)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_turn_is_told_in_few_lines_and_a_wiped_one_says_so() {
        let turn = |said, answered| -> ActivityTurn {
            serde_json::from_value(json!({
                "deviceKey": "k", "deviceName": "Kitchen", "endedMs": 2_500, "said": said, "answered": answered, "id": "m",
                "state": "done", "outcome": "answered", "receivedMs": 1_000, "storedMs": 1_000, "finalMs": 2_500, "late": false
            }))
            .unwrap()
        };
        assert_eq!(
            lines(Language::En, &turn(json!("how\nare you"), json!("fine")), 9_000),
            ["Kitchen  8 s ago: answered after 1.5 s", "    > how are you", "    < fine"]
        );
        let unasked = |by: &str, agent, refused, said, got| -> ActivityUnasked {
            serde_json::from_value(json!({
                "rid": "p", "deviceKey": "k", "deviceName": "Kitchen", "atMs": 8_000, "by": by, "agent": agent, "refused": refused, "said": said, "gotMs": got
            }))
            .unwrap()
        };
        let came = unasked("agent", json!("main"), false, json!("the washing\nis done"), json!(8_100));
        let waits = unasked("unknown", json!(null), false, json!(null), json!(null));
        let refused = unasked("terminal", json!(null), true, json!(null), json!(null));
        let all =
            Turns { turns: vec![turn(json!("hi"), json!("fine"))], unasked: vec![came, waits, refused], more: false };
        assert_eq!(
            told(Language::En, &all, 9_000),
            [
                "Kitchen  just now: main sent a message",
                "    < the washing is done",
                "Kitchen  just now: OpenClaw (unnamed) sent a message; it waits for the device",
                "    (the words are no longer kept)",
                "Kitchen  just now: OpenClaw's command line wanted to send a message; you have not allowed that",
                "Kitchen  8 s ago: answered after 1.5 s",
                "    > hi",
                "    < fine"
            ]
        );
        let wiped = lines(Language::Zh, &turn(json!(null), json!(null)), 9_000);
        assert_eq!(wiped.len(), 2);
    }
}
