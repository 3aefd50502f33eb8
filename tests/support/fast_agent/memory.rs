//! What an agent remembers, and what it says next. Pure: turns, orders and times come in, frames go out.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use channel::wire::upstream::{FromPlugin, Outcome};

use super::{Habits, Witness};

/// How many frames that were stored are kept, to be sent again.
const KEPT: usize = 20;
/// Longest thought of an agent that takes its time, and that of one who is late, ms. The second is above what the rig's services call late.
const THOUGHT: (u64, u64) = (120, 1_200);

/// A promise that an agent breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It ends some turns without the answer that it has.
    Swallows,
    /// It answers some turns twice.
    Repeats,
    /// It forgets at a cut which turns it ran.
    Forgets,
    /// It brings some answers after those to later messages.
    Swaps,
}

/// How a turn is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// A reply, and the end.
    Plain,
    /// A reply, and the end a while later.
    Steps,
    /// The same as `Plain`, after the device was told that it takes long.
    Late,
    /// A push that names the message.
    Push,
    /// A push that names nothing; nobody knows how the turn ended.
    Bare,
}

/// A turn that is being run.
#[derive(Debug)]
struct Thought {
    turn: String,
    device: String,
    text: String,
    due: Instant,
    /// Only the end is missing.
    answered: bool,
}

#[derive(Debug)]
pub(super) struct Memory {
    habits: Habits,
    pub(super) witness: Witness,
    known: BTreeSet<String>,
    thoughts: Vec<Thought>,
    /// Not yet `stored`, in the order in which they were made.
    outbox: VecDeque<FromPlugin>,
    kept: VecDeque<FromPlugin>,
    /// Turns whose `done` is stored.
    over: BTreeSet<String>,
    /// What a swapping agent holds back, by device.
    held: BTreeMap<String, FromPlugin>,
    /// The turn before the last link's end, for words that nobody may hear.
    newest: Option<(String, String)>,
    count: u64,
}

impl Memory {
    pub(super) fn new(habits: Habits) -> Self {
        Self {
            habits,
            witness: Witness::default(),
            known: BTreeSet::new(),
            thoughts: Vec::new(),
            outbox: VecDeque::new(),
            kept: VecDeque::new(),
            over: BTreeSet::new(),
            held: BTreeMap::new(),
            newest: None,
            count: 0,
        }
    }

    /// What it still has to do or to bring.
    pub(super) fn open(&self) -> usize {
        self.thoughts.len() + self.outbox.len()
    }

    pub(super) fn outbox(&self) -> Vec<FromPlugin> {
        self.outbox.iter().cloned().collect()
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.thoughts.iter().map(|thought| thought.due).min()
    }

    /// Everything once more.
    pub(super) fn again(&self) -> Vec<FromPlugin> {
        self.kept.iter().chain(&self.outbox).cloned().collect()
    }

    /// The service has a frame on disk.
    pub(super) fn stored(&mut self, stored: &str) {
        if let Some(turn) = stored.strip_prefix("d.") {
            self.over.insert(turn.to_owned());
        }
        if stored.starts_with("p.") {
            self.witness.pushed.insert(stored.to_owned());
        }
        if let Some(place) = self.outbox.iter().position(|frame| rid(frame) == Some(stored)) {
            self.kept.extend(self.outbox.remove(place));
            let extra = self.kept.len().saturating_sub(KEPT);
            self.kept.drain(..extra);
        }
    }

    /// The connection is over, the gateway is not.
    pub(super) fn cut(&mut self) {
        if self.habits.flaw == Some(Flaw::Forgets) {
            self.known.clear();
            self.thoughts.clear();
        }
    }

    /// The gateway is over.
    pub(super) fn die(&mut self) {
        self.cut();
        self.thoughts.clear();
    }

    /// The service wants a turn to be run.
    pub(super) fn deliver(&mut self, turn: String, device: String, text: String) -> Vec<FromPlugin> {
        let mut out = vec![FromPlugin::Accepted { turn: turn.clone() }];
        self.newest = Some((turn.clone(), device.clone()));
        if self.known.insert(turn.clone()) {
            self.witness.ran.push(turn.clone());
            let due = Instant::now() + self.thought(&turn);
            self.thoughts.push(Thought { turn, device, text, due, answered: false });
            // Without habits the answer goes with the same breath.
            out.extend(self.think(Instant::now()));
        } else if self.over.contains(&turn) {
            // Its end was stored: whoever asks for it again makes it run again.
            self.witness.ran.push(turn.clone());
            out.push(done(&turn, Outcome::Answered));
        } else if !self.is_open(&turn) {
            // A gateway died over it. What it found out may come all the same, from nowhere.
            if self.draw(&turn, "found").is_multiple_of(2) {
                out.push(self.make(push("p.found", &turn, &device, text, None)));
            }
            out.push(self.make(done(&turn, Outcome::Duplicate)));
        }
        out
    }

    fn is_open(&self, turn: &str) -> bool {
        self.thoughts.iter().any(|thought| thought.turn == turn)
            || self.outbox.iter().any(|frame| matches!(frame, FromPlugin::Done { turn: ended, .. } if ended == turn))
    }

    /// What has been thought through by now.
    pub(super) fn think(&mut self, now: Instant) -> Vec<FromPlugin> {
        let ripe: Vec<Thought> = self.thoughts.extract_if(.., |thought| thought.due <= now).collect();
        ripe.into_iter().flat_map(|thought| self.answer(thought)).collect()
    }

    fn answer(&mut self, thought: Thought) -> Vec<FromPlugin> {
        let mood = self.mood(&thought.turn);
        let Thought { turn, device, text, answered, .. } = thought;
        if answered {
            return vec![self.make(done(&turn, Outcome::Answered))];
        }
        let mut frames = match mood {
            Mood::Plain | Mood::Steps | Mood::Late => {
                vec![FromPlugin::Reply {
                    rid: format!("r.{turn}"),
                    turn: turn.clone(),
                    text: text.clone(),
                    error: false,
                }]
            }
            Mood::Push => vec![push("p", &turn, &device, text.clone(), Some(turn.clone()))],
            Mood::Bare => vec![push("p", &turn, &device, text.clone(), None)],
        };
        self.count += 1;
        match self.habits.flaw.filter(|_| self.count.is_multiple_of(5)) {
            Some(Flaw::Swallows) => frames.clear(),
            Some(Flaw::Repeats) => {
                let rid = format!("rr.{turn}");
                frames.push(FromPlugin::Reply { rid, turn: turn.clone(), text: text.clone(), error: false });
            }
            Some(Flaw::Swaps) if !self.held.contains_key(&device) => drop(self.held.insert(device, frames.remove(0))),
            Some(Flaw::Swaps) | None => frames.extend(self.held.remove(&device)),
            Some(Flaw::Forgets) => {}
        }
        let mut frames: Vec<FromPlugin> = frames.into_iter().map(|frame| self.make(frame)).collect();
        match mood {
            Mood::Plain | Mood::Late | Mood::Push => frames.push(self.make(done(&turn, Outcome::Answered))),
            Mood::Bare => frames.push(self.make(done(&turn, Outcome::Duplicate))),
            Mood::Steps => {
                let due = Instant::now() + self.thought(&turn);
                self.thoughts.push(Thought { turn, device: String::new(), text, due, answered: true });
            }
        }
        frames
    }

    /// Words that are said on a link that a newer one has replaced.
    pub(super) fn void_words(&mut self) -> Vec<FromPlugin> {
        let mut words = self.again();
        if let Some((turn, device)) = self.newest.clone() {
            self.count += 1;
            let rid = format!("v.{}", self.count);
            self.witness.void.insert(rid.clone());
            words.push(FromPlugin::Push { rid, to: device, text: "for nobody".into(), by: None, re_turn: None });
            words.push(FromPlugin::Accepted { turn });
        }
        words
    }

    fn make(&mut self, frame: FromPlugin) -> FromPlugin {
        self.outbox.push_back(frame.clone());
        frame
    }

    fn draw(&self, turn: &str, what: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.habits.moods, turn, what).hash(&mut hasher);
        hasher.finish()
    }

    fn mood(&self, turn: &str) -> Mood {
        match self.habits.moods.map(|_| self.draw(turn, "mood") % 16) {
            None | Some(..7) => Mood::Plain,
            Some(7..10) => Mood::Steps,
            Some(10) => Mood::Late,
            Some(11..14) => Mood::Push,
            Some(_) => Mood::Bare,
        }
    }

    fn thought(&self, turn: &str) -> Duration {
        let ms = match (self.habits.moods, self.mood(turn)) {
            (None, _) => 0,
            (Some(_), Mood::Late) => THOUGHT.1,
            (Some(_), Mood::Plain | Mood::Steps | Mood::Push | Mood::Bare) => self.draw(turn, "thought") % THOUGHT.0,
        };
        Duration::from_millis(ms)
    }
}

fn done(turn: &str, outcome: Outcome) -> FromPlugin {
    FromPlugin::Done { rid: format!("d.{turn}"), turn: turn.to_owned(), outcome, code: None, detail: None }
}

fn push(kind: &str, turn: &str, device: &str, text: String, re_turn: Option<String>) -> FromPlugin {
    FromPlugin::Push { rid: format!("{kind}.{turn}"), to: device.to_owned(), text, by: None, re_turn }
}

fn rid(frame: &FromPlugin) -> Option<&str> {
    match frame {
        FromPlugin::Reply { rid, .. } | FromPlugin::Push { rid, .. } | FromPlugin::Done { rid, .. } => Some(rid),
        FromPlugin::Auth(_)
        | FromPlugin::Accepted { .. }
        | FromPlugin::Progress { .. }
        | FromPlugin::Partial { .. }
        | FromPlugin::Ping { .. }
        | FromPlugin::Pong { .. }
        | FromPlugin::Bye { .. } => None,
    }
}
