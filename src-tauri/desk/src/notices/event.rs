//! Something that belongs in the history, and how it is told.

use channel::wire::device::Confirm;

use super::Announcement;
use crate::failure::{Failure, FailureCode};
use crate::language::Language;
use crate::page::Page;
use crate::settings::Quiet;
use crate::view::{NoticeKind, NoticeView};
use crate::words::moment::time_of_day;
use crate::words::{name, names, notice as words, sentences};

/// Something that happened.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) kind: NoticeKind,
    /// When it happened, ms since 1970.
    pub(super) at_ms: i64,
    pub(super) about: Vec<About>,
    /// Only with [`NoticeKind::Trouble`].
    pub(super) failure: Option<Failure>,
    /// Whether the service does not run because of it.
    pub(super) not_running: bool,
    /// Only with [`NoticeKind::Confirm`].
    pub(super) how: Option<Confirm>,
    /// A rule keeps it from being told.
    pub(super) quiet: bool,
}

/// A device of an event.
#[derive(Debug)]
pub(super) struct About {
    /// `None` while it is not bound.
    pub(super) key: Option<String>,
    pub(super) name: String,
    pub(super) muted: bool,
}

impl Event {
    pub(super) fn new(kind: NoticeKind, at_ms: i64) -> Self {
        Self { kind, at_ms, about: Vec::new(), failure: None, not_running: false, how: None, quiet: false }
    }

    pub(super) fn no_tray(at_ms: i64) -> Self {
        Self { failure: Some(Failure::bare(FailureCode::NoTray)), ..Self::new(NoticeKind::Trouble, at_ms) }
    }

    pub(super) fn row(self, id: u64) -> NoticeView {
        let device_key = match self.about.as_slice() {
            [one] => one.key.clone(),
            [] | [_, ..] => None,
        };
        let names = self.about.into_iter().map(|about| about.name).collect();
        NoticeView { id, at_ms: self.at_ms, kind: self.kind, names, device_key, failure: self.failure }
    }

    /// `None`: a rule, a mute or a switch keeps it from being told.
    pub(super) fn announcement(&self, language: Language, quiet: &Quiet) -> Option<Announcement> {
        let told: Vec<&About> = self.about.iter().filter(|about| !about.muted).collect();
        if self.quiet || is_off(self.kind, quiet) || (told.is_empty() && !self.about.is_empty()) {
            return None;
        }
        let [title, body, button] = self.words(language, &told);
        Some(Announcement { kind: self.kind, title, body, page: self.page(&told), button })
    }

    /// Title, body, button.
    fn words(&self, language: Language, told: &[&About]) -> [String; 3] {
        let one = match told {
            [one] => Some(name(language, &one.name)),
            [] | [_, ..] => None,
        };
        let count = told.len();
        let list = || names(language, &told.iter().map(|about| about.name.clone()).collect::<Vec<_>>());
        let show = words::show(language);
        match (self.kind, one) {
            (NoticeKind::Connected, Some(name)) => [words::connected(language, name), String::new(), show],
            (NoticeKind::Connected, None) => [words::connected_many(language, count), list(), show],
            (NoticeKind::Disconnected, Some(name)) => {
                [words::disconnected(language, name), words::kept_for_it(language), show]
            }
            (NoticeKind::Disconnected, None) => {
                let body = [words::list(language, list()), words::kept_for_them(language)];
                [words::disconnected_many(language, count), sentences(language, &body), show]
            }
            (NoticeKind::Bound, one) => {
                [words::bound(language, one.unwrap_or_else(list)), words::may_talk(language), show]
            }
            (NoticeKind::Removed, one) => {
                [words::removed(language, one.unwrap_or_else(list)), words::no_longer(language), show]
            }
            (NoticeKind::Confirm, Some(name)) => match self.how {
                Some(Confirm::Allow) => {
                    [words::confirm(language, name), words::allow_it(language), words::decide(language)]
                }
                Some(Confirm::Code) | None => {
                    [words::confirm(language, name), words::enter_code(language), words::enter(language)]
                }
            },
            (NoticeKind::Confirm, None) => {
                let body = [words::list(language, list()), words::look_at_them(language)];
                [words::confirm_many(language, count), sentences(language, &body), words::decide(language)]
            }
            (NoticeKind::Pairing, Some(name)) => {
                [words::pairing(language, name), words::approve_if_yours(language), words::decide(language)]
            }
            (NoticeKind::Pairing, None) => {
                let body = [words::list(language, list()), words::look_at_them(language)];
                [words::pairing_many(language, count), sentences(language, &body), words::decide(language)]
            }
            (NoticeKind::Trouble, _) => self.trouble_words(language),
            (NoticeKind::DiskWell, _) => [words::saves_again(language), words::kept_come(language), show],
            (NoticeKind::AssistantUp, _) => [words::assistant_up(language), words::answers_again(language), show],
            (NoticeKind::AssistantDown, _) => [words::assistant_down(language), words::questions_kept(language), show],
            (NoticeKind::EntriesGone, _) => {
                let noticed = words::entries_gone_at(language, time_of_day(self.at_ms));
                [words::entries_gone(language), noticed, words::entries_look(language)]
            }
            (NoticeKind::NewRelease, one) => {
                let version = one.unwrap_or_default();
                [words::new_release(language, version), words::whats_new(language), words::settings(language)]
            }
            (NoticeKind::Started, _) => [words::started(language), words::may_connect(language), show],
            (NoticeKind::Stopped, _) => [words::stopped(language), words::start_again(language), show],
        }
    }

    fn trouble_words(&self, language: Language) -> [String; 3] {
        let Some(failure) = &self.failure else {
            return [words::trouble(language), String::new(), words::show(language)];
        };
        let title = if failure.code == FailureCode::NoTray {
            words::no_icon(language)
        } else if self.not_running {
            words::not_running(language)
        } else if failure.is_damage() {
            words::damaged(language)
        } else if failure.is_storage() {
            words::cannot_save(language)
        } else {
            words::trouble(language)
        };
        let port = failure.detail.get("port").and_then(serde_json::Value::as_u64);
        let as_of = failure.detail.get("asOf").and_then(serde_json::Value::as_str);
        let body = match (failure.code, port, failure.port_holder()) {
            (FailureCode::StoreRestored, _, _) if let Some(as_of) = as_of => words::restored(language, as_of),
            (FailureCode::PortInUse, Some(port), Some(holder)) => {
                words::port_held(language, port, name(language, holder))
            }
            (FailureCode::PortInUse, Some(port), None) => words::port_taken(language, port),
            _ => failure.code.words(language).to_owned(),
        };
        let button = match self.trouble_page() {
            Page::Settings {} => words::settings(language),
            Page::Devices { .. } => words::window(language),
            Page::Welcome {} | Page::Bind {} | Page::Activity {} | Page::Gateway {} | Page::Health { .. } => {
                words::show(language)
            }
        };
        [title, body, button]
    }

    fn page(&self, told: &[&About]) -> Page {
        match self.kind {
            NoticeKind::Connected | NoticeKind::Disconnected | NoticeKind::Bound => {
                let device_key = match told {
                    [one] => one.key.clone(),
                    [] | [_, ..] => None,
                };
                Page::Devices { device_key, remove: false }
            }
            NoticeKind::Removed | NoticeKind::Started | NoticeKind::Stopped => {
                Page::Devices { device_key: None, remove: false }
            }
            NoticeKind::Confirm => Page::Bind {},
            NoticeKind::Pairing => Page::Gateway {},
            NoticeKind::Trouble => self.trouble_page(),
            NoticeKind::NewRelease => Page::Settings {},
            NoticeKind::EntriesGone => Page::Health { act: None },
            NoticeKind::DiskWell | NoticeKind::AssistantUp | NoticeKind::AssistantDown => Page::Activity {},
        }
    }

    fn trouble_page(&self) -> Page {
        match self.failure.as_ref().map(|failure| failure.code) {
            Some(FailureCode::PortInUse) => Page::Settings {},
            Some(FailureCode::NoTray) => Page::Devices { device_key: None, remove: false },
            Some(_) if self.failure.as_ref().is_some_and(Failure::is_damage) => {
                Page::Devices { device_key: None, remove: false }
            }
            _ if self.not_running => Page::Devices { device_key: None, remove: false },
            Some(_) | None => Page::Activity {},
        }
    }
}

/// Whether the person switched this kind off. A removal that the person did not do is always told; newer releases have a switch of their own.
fn is_off(kind: NoticeKind, quiet: &Quiet) -> bool {
    match kind {
        NoticeKind::Connected => quiet.connected,
        NoticeKind::Disconnected => quiet.disconnected,
        NoticeKind::Bound => quiet.bound,
        NoticeKind::Removed | NoticeKind::NewRelease => false,
        NoticeKind::Confirm | NoticeKind::Pairing => quiet.confirm,
        NoticeKind::Trouble
        | NoticeKind::DiskWell
        | NoticeKind::AssistantUp
        | NoticeKind::AssistantDown
        | NoticeKind::EntriesGone
        | NoticeKind::Started
        | NoticeKind::Stopped => quiet.trouble,
    }
}
