//! OpenClaw's coming and going.

use super::SETTLE_MS;
use super::event::Event;
use crate::control::answer::{AgentWord, LinkState};
use crate::state::State;
use crate::view::{NoticeKind, Phase};

/// How long it is away before that is told: a restart of the gateway takes that long.
const AWAY_MS: i64 = 60_000;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Assistant {
    /// Its link while the service runs, and since when. `None`: the service does not run, or the echo answers.
    link: Option<(LinkState, i64)>,
    /// Its leaving was told, its return not yet.
    told_away: bool,
}

impl Assistant {
    /// What to tell now, and when to look again.
    pub(super) fn step(&mut self, after: &State, now_ms: i64) -> (Option<Event>, Option<i64>) {
        let assistant = &after.shown.assistant;
        let (AgentWord::Gateway, Phase::Running) = (assistant.kind, after.shown.service.phase) else {
            self.link = None;
            self.told_away &= assistant.kind == AgentWord::Gateway;
            return (None, None);
        };
        let since_ms = match self.link {
            Some((link, since_ms)) if link == assistant.link => since_ms.min(now_ms),
            Some(_) | None => now_ms,
        };
        self.link = Some((assistant.link, since_ms));
        let (kind, due_ms) = match (assistant.link, self.told_away) {
            (LinkState::Offline, false) if assistant.gateway.is_some() => {
                (NoticeKind::AssistantDown, (since_ms + AWAY_MS).max(after.gather_until_ms))
            }
            (LinkState::Online, true) => (NoticeKind::AssistantUp, since_ms + SETTLE_MS),
            (LinkState::Offline | LinkState::Online, _) => return (None, None),
        };
        if now_ms < due_ms {
            return (None, Some(due_ms));
        }
        self.told_away = kind == NoticeKind::AssistantDown;
        (Some(Event::new(kind, since_ms)), None)
    }
}
