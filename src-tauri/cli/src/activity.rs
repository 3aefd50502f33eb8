//! `smartpi activity`: what devices said and what came back.

use desk::control::answer::{ActivityTurn, Turns};
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
    if turns.turns.is_empty() {
        return terminal.say(words::no_activity(language));
    }
    let now = now_ms();
    for turn in &turns.turns {
        for line in lines(language, turn, now) {
            terminal.say(line)?;
        }
    }
    if turns.more { terminal.say(words::more_activity(language)) } else { Ok(()) }
}

/// Who and when, what was said, what came back; each on one line.
fn lines(language: Language, turn: &ActivityTurn, now: i64) -> Vec<String> {
    let mut lines = vec![format!("{}{}", turn.device_name, devices::turn_line(language, &turn.turn, now))];
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
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
        let wiped = lines(Language::Zh, &turn(json!(null), json!(null)), 9_000);
        assert_eq!(wiped.len(), 2);
    }
}
