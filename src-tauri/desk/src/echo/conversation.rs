//! What the echo agent says, and when. Pure: frames and time in, frames out.

use std::collections::VecDeque;
use std::time::Duration;

use channel::wire::TEXT;
use channel::wire::device::Stage;
use channel::wire::upstream::{FromPlugin, Outcome, ToPlugin};
use tokio::time::Instant;

/// Snapshots before the whole answer.
const SNAPSHOTS: u32 = 3;

/// All turns, and what the service has not acknowledged.
///
/// Ids of replies are made of the turn's name, so that a turn that is answered again, even by the next process, is the same answer for the service.
#[derive(Debug)]
pub(super) struct Conversation {
    pace: Duration,
    answering: Vec<Answering>,
    /// `reply` and `done` frames until their `stored` or `refused`, in the order in which they were first said.
    outbox: VecDeque<(String, FromPlugin)>,
}

/// A turn whose answer is being said.
#[derive(Debug)]
struct Answering {
    turn: String,
    answer: String,
    said: u32,
    due: Instant,
}

impl Conversation {
    /// `pace`: pause between two snapshots.
    pub(super) fn new(pace: Duration) -> Self {
        Self { pace, answering: Vec::new(), outbox: VecDeque::new() }
    }

    /// When [`Conversation::tick`] has something to say.
    pub(super) fn due(&self) -> Option<Instant> {
        self.answering.iter().map(|answering| answering.due).min()
    }

    /// What a new connection begins with.
    pub(super) fn replay(&self) -> Vec<FromPlugin> {
        self.outbox.iter().map(|(_, frame)| frame.clone()).collect()
    }

    /// The service said something.
    pub(super) fn hear(&mut self, frame: ToPlugin, now: Instant) -> Vec<FromPlugin> {
        match frame {
            ToPlugin::Deliver { turn, text, .. } => self.take(turn, &text, now),
            ToPlugin::Stored { rid } | ToPlugin::Refused { rid, .. } => {
                self.outbox.retain(|(waiting, _)| *waiting != rid);
                Vec::new()
            }
            ToPlugin::Abort { turn } => self.stop(&turn),
            ToPlugin::Hello { .. }
            | ToPlugin::Ready { .. }
            | ToPlugin::Presence { .. }
            | ToPlugin::Slow { .. }
            | ToPlugin::Err(_)
            | ToPlugin::Ping { .. }
            | ToPlugin::Pong { .. }
            | ToPlugin::Bye(_) => Vec::new(),
        }
    }

    fn take(&mut self, turn: String, text: &str, now: Instant) -> Vec<FromPlugin> {
        let accepted = FromPlugin::Accepted { turn: turn.clone() };
        // A turn that is known is accepted again; its frames are on their way or in the replay.
        let known = self.answering.iter().any(|answering| answering.turn == turn)
            || self.outbox.iter().any(|(rid, _)| *rid == done_rid(&turn));
        if known {
            return vec![accepted];
        }
        let progress = FromPlugin::Progress { turn: turn.clone(), stage: Stage::Writing };
        self.answering.push(Answering { turn, answer: words(text), said: 0, due: now + self.pace });
        vec![accepted, progress]
    }

    fn stop(&mut self, turn: &str) -> Vec<FromPlugin> {
        let before = self.answering.len();
        self.answering.retain(|answering| answering.turn != turn);
        if self.answering.len() == before {
            return Vec::new();
        }
        let done = done(turn, Outcome::Aborted);
        self.outbox.push_back(done.clone());
        vec![done.1]
    }

    /// Time passed: says the next piece of every answer that is due.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<FromPlugin> {
        let mut frames = Vec::new();
        let (due, rest) = std::mem::take(&mut self.answering).into_iter().partition(|answering| answering.due <= now);
        self.answering = rest;
        let due: Vec<Answering> = due;
        for mut answering in due {
            if answering.said < SNAPSHOTS {
                answering.said += 1;
                answering.due = now + self.pace;
                let text = snapshot(&answering.answer, answering.said).to_owned();
                frames.push(FromPlugin::Partial { turn: answering.turn.clone(), text });
                self.answering.push(answering);
                continue;
            }
            let Answering { turn, answer, .. } = answering;
            let rid = format!("r.{turn}");
            let reply = FromPlugin::Reply { rid: rid.clone(), turn: turn.clone(), text: answer, error: false };
            for (rid, frame) in [(rid, reply), done(&turn, Outcome::Answered)] {
                frames.push(frame.clone());
                self.outbox.push_back((rid, frame));
            }
        }
        frames
    }
}

fn done_rid(turn: &str) -> String {
    format!("d.{turn}")
}

fn done(turn: &str, outcome: Outcome) -> (String, FromPlugin) {
    let rid = done_rid(turn);
    (rid.clone(), FromPlugin::Done { rid, turn: turn.to_owned(), outcome, code: None, detail: None })
}

/// The answer: it says what it is, in both languages. A long text is cut so that both fit.
fn words(text: &str) -> String {
    const FRAME: usize = 128;
    let text = match cut(text, (TEXT - FRAME) / 2) {
        whole if whole.len() == text.len() => whole.to_owned(),
        part => format!("{part}…"),
    };
    format!("Echo agent (no AI): {text}\n回声助手（不是 AI）：{text}")
}

/// The first `said` parts of the answer, of one more than there are snapshots. Never empty.
fn snapshot(answer: &str, said: u32) -> &str {
    let parts = u64::from(SNAPSHOTS) + 1;
    let length = answer.len() as u64 * u64::from(said) / parts;
    cut(answer, usize::try_from(length).expect("shorter than the answer"))
}

/// At most this many bytes, cut between characters.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TURN: &str = "kzdvvj2umnduyauf35o36k6kw4.01JD0000000000000000000001";

    fn deliver(turn: &str, text: &str) -> ToPlugin {
        ToPlugin::Deliver {
            turn: turn.into(),
            device: "kzdvvj2umnduyauf35o36k6kw4".into(),
            name: "n".into(),
            text: text.into(),
            ts: 1,
        }
    }

    fn kinds(frames: &[FromPlugin]) -> Vec<String> {
        frames.iter().map(|frame| serde_json::to_value(frame).unwrap()["t"].as_str().unwrap().to_owned()).collect()
    }

    /// Plays until nothing is due.
    fn finish(conversation: &mut Conversation) -> Vec<FromPlugin> {
        let mut frames = Vec::new();
        while let Some(due) = conversation.due() {
            frames.extend(conversation.tick(due));
        }
        frames
    }

    #[test]
    fn a_turn_is_accepted_answered_in_pieces_and_done() {
        let now = Instant::now();
        let mut echo = Conversation::new(Duration::from_millis(200));
        assert_eq!(kinds(&echo.hear(deliver(TURN, "你好"), now)), ["accepted", "progress"]);
        assert_eq!(echo.due(), Some(now + Duration::from_millis(200)));
        assert!(echo.tick(now).is_empty());
        let frames = finish(&mut echo);
        assert_eq!(kinds(&frames), ["partial", "partial", "partial", "reply", "done"]);
        let FromPlugin::Reply { text: whole, rid, .. } = &frames[3] else { panic!("{frames:?}") };
        assert_eq!(whole, "Echo agent (no AI): 你好\n回声助手（不是 AI）：你好");
        assert!(channel::id::is_rid(rid));
        let mut before = 0;
        for frame in &frames[..3] {
            let FromPlugin::Partial { text, .. } = frame else { panic!("{frame:?}") };
            assert!(whole.starts_with(text.as_str()) && text.len() > before && text.len() < whole.len());
            before = text.len();
        }
    }

    #[test]
    fn what_is_not_acknowledged_is_said_again_in_order_and_nothing_twice_over() {
        let now = Instant::now();
        let mut echo = Conversation::new(Duration::ZERO);
        echo.hear(deliver(TURN, "one"), now);
        let frames = finish(&mut echo);
        assert_eq!(echo.replay(), frames[3..]);
        // Delivered again after a break: taken, not run again.
        assert_eq!(kinds(&echo.hear(deliver(TURN, "one"), now)), ["accepted"]);
        assert_eq!(echo.due(), None);
        for rid in [format!("r.{TURN}"), format!("d.{TURN}")] {
            echo.hear(ToPlugin::Stored { rid }, now);
        }
        assert!(echo.replay().is_empty());
        // Delivered once more, as to a new process: the same frames under the same ids.
        echo.hear(deliver(TURN, "one"), now);
        assert_eq!(finish(&mut echo)[3..], frames[3..]);
    }

    #[test]
    fn a_refused_frame_is_dropped_and_a_turn_in_work_is_not_begun_twice() {
        let now = Instant::now();
        let mut echo = Conversation::new(Duration::ZERO);
        echo.hear(deliver(TURN, "one"), now);
        assert_eq!(kinds(&echo.hear(deliver(TURN, "one"), now)), ["accepted"]);
        assert_eq!(kinds(&finish(&mut echo)).len(), 5);
        echo.hear(ToPlugin::Refused { rid: format!("r.{TURN}"), code: channel::wire::Code::Removed }, now);
        assert_eq!(kinds(&echo.replay()), ["done"]);
    }

    #[test]
    fn an_aborted_turn_says_so_once_and_others_go_on() {
        let now = Instant::now();
        let other = "kzdvvj2umnduyauf35o36k6kw5.01JD0000000000000000000001";
        let mut echo = Conversation::new(Duration::ZERO);
        echo.hear(deliver(TURN, "one"), now);
        echo.hear(deliver(other, "two"), now);
        let aborted = echo.hear(ToPlugin::Abort { turn: TURN.into() }, now);
        assert!(matches!(&aborted[..], [FromPlugin::Done { outcome: Outcome::Aborted, .. }]));
        assert!(echo.hear(ToPlugin::Abort { turn: TURN.into() }, now).is_empty());
        let frames = finish(&mut echo);
        assert_eq!(kinds(&frames), ["partial", "partial", "partial", "reply", "done"]);
        assert_eq!(kinds(&echo.replay()), ["done", "reply", "done"]);
    }

    #[test]
    fn the_longest_text_is_answered_within_the_limit() {
        for text in ["字".repeat(TEXT / 3), "x".repeat(TEXT), "a".to_owned()] {
            let answer = words(&text);
            assert!(answer.len() <= TEXT, "{}", answer.len());
            for said in 1..=SNAPSHOTS {
                assert!(!snapshot(&answer, said).is_empty());
            }
        }
        assert!(words(&"x".repeat(TEXT)).contains('…') && !words("short").contains('…'));
    }
}
