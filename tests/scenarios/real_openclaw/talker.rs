//! A bound device that remembers everything that happened to it.

use std::time::Duration;

use device::session::Timing;
use device::{Code, Event, Greeted, Keep, Reply, Session};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// Longest wait for one event. A first turn after a boot takes up to 45 s on two busy cores.
const LIMIT: Duration = Duration::from_secs(120);

/// A device in the hands of a test.
pub(super) struct Talker {
    /// Its deviceKey.
    pub(super) key: String,
    session: Session,
    events: mpsc::UnboundedReceiver<Event>,
    seen: Vec<Event>,
}

/// What came for one message until its last reply.
#[derive(Debug)]
pub(super) struct Answer {
    /// Every snapshot before the reply.
    pub(super) partials: Vec<String>,
    /// The reply.
    pub(super) reply: Reply,
    /// Whether a 9002 came first.
    pub(super) was_late: bool,
}

impl Talker {
    /// Goes on with the socket of the binding, and waits until the session is open.
    pub(super) async fn go_on(key: String, greeted: Greeted, keep: Keep, timing: Timing) -> Self {
        let (tell, events) = mpsc::unbounded_channel();
        let session = Session::go_on(greeted, keep, timing, move |event| drop(tell.send(event)));
        let mut talker = Self { key, session, events, seen: Vec::new() };
        talker.until("online", |event| matches!(event, Event::Online { .. })).await;
        talker
    }

    /// Says something, and gives the message's id.
    pub(super) async fn say(&self, text: &str) -> String {
        self.session.send(text).await.expect("the device takes a message")
    }

    /// Says something and waits for the reply to it.
    pub(super) async fn ask(&mut self, text: &str) -> Answer {
        let id = self.say(text).await;
        self.answer_to(&id).await
    }

    /// Waits for the reply to a message.
    pub(super) async fn answer_to(&mut self, id: &str) -> Answer {
        let from = self.seen.len();
        let is_reply = |event: &Event| matches!(event, Event::Shown(reply) if reply.re.as_deref() == Some(id));
        let Event::Shown(reply) = self.until("a reply", is_reply).await else { unreachable!("just matched") };
        let before = &self.seen[from..];
        let partials = before.iter().filter_map(|event| {
            let Event::Partial { re, text } = event else { return None };
            (re == id).then(|| text.clone())
        });
        let is_9002 = |event: &Event| matches!(event, Event::Trouble(error) if error.code == Code::NoAnswerYet && error.re.as_deref() == Some(id));
        Answer { partials: partials.collect(), was_late: before.iter().any(is_9002), reply }
    }

    /// Everything that happened to it so far, as far as somebody waited for it.
    pub(super) fn seen(&self) -> &[Event] {
        &self.seen
    }

    /// Waits for an event that is not there yet.
    pub(super) async fn until(&mut self, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        self.until_within(LIMIT, what, is_it).await
    }

    /// [`Talker::until`] with another limit.
    pub(super) async fn until_within(&mut self, limit: Duration, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        let end = Instant::now() + limit;
        loop {
            let next = timeout_at(end, self.events.recv()).await;
            let Ok(Some(event)) = next else { panic!("{what} did not come within {limit:?}; seen: {:#?}", self.seen) };
            self.seen.push(event.clone());
            if is_it(&event) {
                return event;
            }
        }
    }
}
