//! Devices that each send their messages one after the other, and what became of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use device::{Code, End, Event, Reply};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::chat::answer;
use super::{Simulated, Told, ended};
use crate::args::Simulate;
use crate::exit::Stop;
use crate::terminal::Terminal;
use crate::words;

/// What a device says that was given no words.
const TEXT: &str = "Hello! 你好！";

/// How long an answer is waited for where nobody says.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends everything, waits for the answers, reports.
pub(super) async fn run(
    terminal: Terminal,
    args: &Simulate,
    devices: Vec<Simulated>,
    mut events: UnboundedReceiver<Told>,
) -> Result<(), Stop> {
    let text = args.text.clone().unwrap_or_else(|| TEXT.to_owned());
    let patience = args.patience.map_or(PATIENCE, Duration::from_secs);
    let mut fleet = Fleet {
        terminal,
        alone: devices.len() == 1,
        people: devices.iter().map(|_| Person { left: args.messages.unwrap_or(1), waits: None }).collect(),
        tally: Tally::default(),
        ended: None,
    };
    for (index, device) in devices.iter().enumerate() {
        fleet.say_next(index, device, &text).await;
    }
    let mut until = tokio::time::Instant::now() + patience;
    while !fleet.is_done() {
        let told = tokio::select! {
            told = tokio::time::timeout_at(until, events.recv()) => told,
            _ = tokio::signal::ctrl_c() => break,
        };
        let Ok(Some((index, at, event))) = told else { break };
        if fleet.on_event(index, at, event)? {
            until = tokio::time::Instant::now() + patience;
            if let Some(device) = devices.get(index) {
                fleet.say_next(index, device, &text).await;
            }
        }
    }
    for device in &devices {
        device.session.stop();
    }
    for device in devices {
        device.session.join().await;
    }
    fleet.report()
}

/// Who types on one device.
struct Person {
    /// Messages not yet said.
    left: u32,
    waits: Option<Waits>,
}

/// A message without its answer.
struct Waits {
    id: String,
    sent: Option<Instant>,
    acked: bool,
    answered: bool,
}

#[derive(Default)]
struct Tally {
    sent: u64,
    acked: u64,
    answered: u64,
    refused: u64,
    ack_ms: Vec<f64>,
    answer_ms: Vec<f64>,
    troubles: BTreeMap<u16, u64>,
    lost: u64,
}

struct Fleet {
    terminal: Terminal,
    alone: bool,
    people: Vec<Person>,
    tally: Tally,
    ended: Option<End>,
}

impl Fleet {
    fn is_done(&self) -> bool {
        self.people.iter().all(|person| person.left == 0 && person.waits.is_none())
    }

    /// The next message of a device that waits for nothing.
    async fn say_next(&mut self, index: usize, device: &Simulated, text: &str) {
        let Some(person) = self.people.get_mut(index).filter(|person| person.waits.is_none() && person.left > 0) else {
            return;
        };
        person.left -= 1;
        match device.session.send(text).await {
            Ok(id) => {
                self.tally.sent += 1;
                person.waits = Some(Waits { id, sent: None, acked: false, answered: false });
            }
            Err(_) => {
                self.tally.refused += 1 + u64::from(person.left);
                person.left = 0;
            }
        }
    }

    /// Whether this brought a message forward.
    fn on_event(&mut self, index: usize, at: Instant, event: Event) -> Result<bool, Stop> {
        self.tell_alone(&event)?;
        let Some(person) = self.people.get_mut(index) else { return Ok(false) };
        match event {
            Event::Sent { id, .. } => {
                if let Some(waits) = person.waits.as_mut().filter(|waits| waits.id == id) {
                    waits.sent.get_or_insert(at);
                }
            }
            Event::Renamed { old, new } => {
                if let Some(waits) = person.waits.as_mut().filter(|waits| waits.id == old) {
                    waits.id = new;
                }
            }
            Event::Acked { id, .. } => {
                if let Some(waits) = person.waits.as_mut().filter(|waits| waits.id == id && !waits.acked) {
                    waits.acked = true;
                    self.tally.acked += 1;
                    self.tally.ack_ms.extend(waits.sent.map(|sent| milliseconds(sent, at)));
                    person.settle();
                    return Ok(true);
                }
            }
            Event::Shown(Reply { re: Some(re), code, .. }) => {
                if let Some(waits) = person.waits.as_mut().filter(|waits| waits.id == re && !waits.answered) {
                    waits.answered = true;
                    match code {
                        None => self.tally.answered += 1,
                        Some(code) => *self.tally.troubles.entry(code.number()).or_default() += 1,
                    }
                    self.tally.answer_ms.extend(waits.sent.map(|sent| milliseconds(sent, at)));
                    person.settle();
                    return Ok(true);
                }
            }
            Event::Trouble(err) => *self.tally.troubles.entry(err.code.number()).or_default() += 1,
            Event::Rejected { id, code } => {
                *self.tally.troubles.entry(code.number()).or_default() += 1;
                if person.waits.as_ref().is_some_and(|waits| waits.id == id) {
                    self.tally.refused += 1;
                    person.waits = None;
                }
                return Ok(true);
            }
            Event::Offline { .. } => self.tally.lost += 1,
            Event::Ended(end) => {
                // Nothing more will come of what it had to say.
                self.tally.refused += u64::from(person.left);
                person.left = 0;
                person.waits = None;
                self.ended.get_or_insert(end);
            }
            Event::Online { .. }
            | Event::Impostor
            | Event::NoTls
            | Event::Queued { .. }
            | Event::Deferred { .. }
            | Event::Turn { .. }
            | Event::Partial { .. }
            | Event::Shown(_)
            | Event::Hidden { .. }
            | Event::Got { .. }
            | Event::Link(_)
            | Event::Odd(_) => {}
        }
        Ok(false)
    }

    /// One device tells what happens to it, line by line.
    fn tell_alone(&self, event: &Event) -> Result<(), Stop> {
        if !self.alone {
            return Ok(());
        }
        let language = self.terminal.language;
        match event {
            Event::Sent { id, again } => self.terminal.tell(&json!({ "sent": { "id": id, "again": again } })),
            Event::Acked { id, dup } => self.terminal.tell(&json!({ "ack": { "id": id, "dup": dup } })),
            Event::Partial { re, text } => self.terminal.tell(&json!({ "partial": { "re": re, "text": text } })),
            Event::Shown(reply) => {
                self.terminal.tell(&json!({ "reply": reply }))?;
                self.terminal.say(answer(language, reply))
            }
            Event::Trouble(err) => {
                self.terminal.tell(&json!({ "err": err }))?;
                self.terminal.say(words::chat_trouble(language, language.pick(&err.en, &err.zh)))
            }
            Event::Impostor => {
                self.terminal.tell(&json!({ "distrusted": "impostor" }))?;
                self.terminal.say(words::chat_impostor(language))
            }
            Event::NoTls => {
                self.terminal.tell(&json!({ "distrusted": "no_tls" }))?;
                self.terminal.say(words::chat_no_tls(language))
            }
            Event::Online { .. }
            | Event::Offline { .. }
            | Event::Queued { .. }
            | Event::Rejected { .. }
            | Event::Deferred { .. }
            | Event::Renamed { .. }
            | Event::Turn { .. }
            | Event::Hidden { .. }
            | Event::Got { .. }
            | Event::Link(_)
            | Event::Odd(_)
            | Event::Ended(_) => Ok(()),
        }
    }

    fn report(mut self) -> Result<(), Stop> {
        let Tally { sent, acked, answered, refused, lost, .. } = self.tally;
        let (ack, answer) = (Times::of(&mut self.tally.ack_ms), Times::of(&mut self.tally.answer_ms));
        let troubles: BTreeMap<String, u64> =
            self.tally.troubles.iter().map(|(code, count)| (code.to_string(), *count)).collect();
        let everything = json!({
            "devices": self.people.len(), "sent": sent, "acked": acked, "answered": answered, "refused": refused,
            "ackMs": ack, "answerMs": answer, "troubles": troubles, "connectionsLost": lost,
        });
        self.terminal.tell(&json!({ "report": everything }))?;
        self.show(ack, answer)?;
        let unanswered = self.people.iter().any(|person| person.waits.is_some() || person.left > 0);
        if let Some(stop) = self.ended.as_ref().and_then(|end| ended(self.terminal, end)) {
            return Err(stop);
        }
        if unanswered || refused > 0 || answered < sent {
            let words = words::fleet_incomplete(self.terminal.language);
            return Err(Stop::failed("incomplete", words, Value::Null));
        }
        Ok(())
    }

    fn show(&self, ack: Option<Times>, answer: Option<Times>) -> Result<(), Stop> {
        let (terminal, language, tally) = (self.terminal, self.terminal.language, &self.tally);
        terminal.say(words::fleet_devices(language, self.people.len()))?;
        terminal.say(words::fleet_messages(language, tally.sent, tally.acked, tally.answered))?;
        for (what, times) in [(words::fleet_saved(language), ack), (words::fleet_answered(language), answer)] {
            if let Some(Times { p50, p99, max }) = times {
                terminal.say(words::fleet_times(language, what, p50, p99, max))?;
            }
        }
        for (code, count) in &tally.troubles {
            let (en, zh) = Code::of(*code).map_or(("", ""), Code::words);
            terminal.say(words::fleet_troubles(language, code, count, language.pick(en, zh)))?;
        }
        if tally.lost > 0 {
            terminal.say(words::fleet_lost(language, tally.lost))?;
        }
        Ok(())
    }
}

impl Person {
    fn settle(&mut self) {
        if self.waits.as_ref().is_some_and(|waits| waits.acked && waits.answered) {
            self.waits = None;
        }
    }
}

/// Milliseconds with one decimal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Times {
    p50: f64,
    p99: f64,
    max: f64,
}

impl Times {
    fn of(samples: &mut [f64]) -> Option<Self> {
        samples.sort_by(f64::total_cmp);
        // The smallest sample that so many hundredths of all are not above.
        let at = |hundredths: usize| samples.get((samples.len() * hundredths).div_ceil(100).max(1) - 1).copied();
        Some(Self { p50: at(50)?, p99: at(99)?, max: at(100)? })
    }
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    (to.saturating_duration_since(from).as_secs_f64() * 10_000.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        assert_eq!(Times::of(&mut []), None);
        assert_eq!(Times::of(&mut [7.0]), Some(Times { p50: 7.0, p99: 7.0, max: 7.0 }));
        let mut hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(Times::of(&mut hundred), Some(Times { p50: 50.0, p99: 99.0, max: 100.0 }));
    }
}
