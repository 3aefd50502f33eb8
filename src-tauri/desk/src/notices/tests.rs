use super::*;
use crate::control::answer::DeviceState::{self, Offline, Online, Unsure};
use crate::control::answer::{AgentWord, LinkState};
use crate::failure::{Failure, FailureCode};
use crate::language::Language;
use crate::tray_menu::sample;
use crate::view::Phase;
use channel::wire::device::Confirm;
use serde_json::json;

/// When the tests begin, ms since 1970.
const T0: i64 = 1_000_000_000;

/// A desk that remembers what was told, and looks again exactly when it is asked to.
struct Desk {
    announcer: Announcer,
    state: State,
    now_ms: i64,
    wake_ms: Option<i64>,
    told: Vec<(i64, Announcement)>,
    rows: Vec<NoticeView>,
}

impl Desk {
    fn new() -> Self {
        let mut state = sample::state(T0);
        let names = ["Kitchen", "Bedroom", "Phone"];
        state.shown.devices = names.map(|name| sample::device(name, Offline, 0)).to_vec();
        let mut desk = Self {
            announcer: Announcer::default(),
            state,
            now_ms: T0,
            wake_ms: None,
            told: Vec::new(),
            rows: Vec::new(),
        };
        desk.change(|_| ());
        assert_eq!(desk.wake_ms, None);
        desk
    }

    /// A launch is over, and every device came: nothing of that is looked at any more.
    fn with_all_online() -> Self {
        let mut desk = Self::new();
        desk.change(|state| state.shown.devices.iter_mut().for_each(|device| device.state = Online));
        desk.pass(60_000);
        desk.told.clear();
        desk.rows.clear();
        desk
    }

    fn step(&mut self, after: State) {
        let step = self.announcer.step(&self.state, &after, self.now_ms);
        self.state = after;
        self.wake_ms = step.wake_ms;
        assert!(step.wake_ms.is_none_or(|wake_ms| wake_ms > self.now_ms), "a timer that is due already spins");
        self.told.extend(step.announcements.into_iter().map(|told| (self.now_ms - T0, told)));
        self.rows.extend(step.rows);
    }

    fn change(&mut self, change: impl FnOnce(&mut State)) {
        let mut after = self.state.clone();
        change(&mut after);
        self.step(after);
    }

    fn set(&mut self, name: &str, state: DeviceState) {
        self.change(|after| of(after, name).state = state);
    }

    fn act(&mut self, what: Did) {
        let at_ms = self.now_ms;
        self.change(|after| after.acts.push(Act { at_ms, what }));
    }

    fn phase(&mut self, phase: Phase) {
        self.change(|after| after.shown.service.phase = phase);
    }

    fn pass(&mut self, ms: i64) {
        let end_ms = self.now_ms + ms;
        while let Some(wake_ms) = self.wake_ms.filter(|wake_ms| *wake_ms <= end_ms) {
            self.now_ms = wake_ms;
            self.change(|_| ());
        }
        self.now_ms = end_ms;
    }

    fn titles(&self) -> Vec<&str> {
        self.told.iter().map(|(_, told)| told.title.as_str()).collect()
    }

    fn kinds(&self) -> Vec<NoticeKind> {
        self.rows.iter().map(|row| row.kind).collect()
    }
}

fn of<'s>(state: &'s mut State, name: &str) -> &'s mut crate::view::DeviceView {
    state.shown.devices.iter_mut().find(|device| device.name == name).unwrap()
}

#[test]
fn a_device_that_stays_is_told_once_and_then_there_is_no_timer() {
    let mut desk = Desk::new();
    desk.pass(5_000);
    desk.set("Kitchen", Online);
    assert_eq!(desk.wake_ms, Some(T0 + 15_000));
    desk.pass(600_000);
    let (at_ms, told) = &desk.told[0];
    assert_eq!((*at_ms, told.title.as_str(), told.button.as_str()), (15_000, "Kitchen connected", "Show"));
    assert_eq!(told.page, Page::Devices { device_key: Some("kitchen".into()), remove: false });
    let row = &desk.rows[0];
    assert_eq!((row.id, row.at_ms, row.names.as_slice()), (1, T0 + 5_000, ["Kitchen".to_owned()].as_slice()));
    assert_eq!((desk.told.len(), desk.rows.len(), desk.wake_ms), (1, 1, None));
}

#[test]
fn a_short_drop_is_not_told_and_a_long_one_is_with_its_return() {
    let mut desk = Desk::with_all_online();
    desk.set("Phone", Offline);
    desk.pass(9_999);
    desk.set("Phone", Online);
    assert_eq!(desk.wake_ms, None);
    desk.pass(60_000);
    desk.set("Phone", Unsure);
    desk.pass(60_000);
    assert_eq!(desk.told, []);
    desk.set("Phone", Offline);
    desk.pass(10_000);
    assert_eq!(desk.titles(), ["Phone disconnected"]);
    assert_eq!(desk.told[0].1.body, "Messages for it are kept until it is back.");
    desk.set("Phone", Online);
    desk.pass(10_000);
    assert_eq!(desk.titles(), ["Phone disconnected", "Phone connected"]);
    assert_eq!(desk.kinds(), [NoticeKind::Disconnected, NoticeKind::Connected]);
}

#[test]
fn several_at_once_are_one_notice() {
    let mut desk = Desk::with_all_online();
    desk.set("Kitchen", Offline);
    desk.pass(1_500);
    desk.set("Bedroom", Offline);
    desk.pass(3_000);
    desk.set("Phone", Offline);
    desk.pass(60_000);
    assert_eq!(desk.titles(), ["2 devices disconnected", "Phone disconnected"]);
    assert_eq!(desk.told[0].1.body, "Kitchen, Bedroom. Messages for them are kept until they are back.");
    assert_eq!(desk.told[0].1.page, Page::Devices { device_key: None, remove: false });
    assert_eq!((desk.rows[0].names.len(), &desk.rows[0].device_key), (2, &None));
}

#[test]
fn while_gathering_only_the_net_change_counts() {
    let mut desk = Desk::with_all_online();
    let until_ms = desk.now_ms + 30_000;
    desk.change(|state| state.gather_until_ms = until_ms);
    for name in ["Kitchen", "Bedroom", "Phone"] {
        desk.set(name, Offline);
    }
    desk.pass(20_000);
    desk.set("Kitchen", Online);
    desk.pass(9_000);
    assert_eq!(desk.told, []);
    desk.pass(1_000);
    assert_eq!(desk.titles(), ["2 devices disconnected"]);

    let mut quiet = Desk::with_all_online();
    quiet.change(|state| state.gather_until_ms = until_ms);
    quiet.set("Kitchen", Offline);
    quiet.pass(25_000);
    quiet.set("Kitchen", Online);
    quiet.pass(120_000);
    assert_eq!((quiet.told.len(), quiet.rows.len(), quiet.wake_ms), (0, 0, None));
}

#[test]
fn late_ones_of_a_gathering_wait_for_each_other() {
    let mut desk = Desk::new();
    let until_ms = desk.now_ms + 20_000;
    desk.change(|state| state.gather_until_ms = until_ms);
    desk.pass(2_000);
    desk.set("Kitchen", Online);
    desk.pass(13_000);
    desk.set("Bedroom", Online);
    desk.pass(4_000);
    desk.set("Phone", Online);
    desk.pass(60_000);
    assert_eq!(desk.titles(), ["3 devices connected"]);
    assert_eq!(desk.told[0].0, 29_000);
}

#[test]
fn a_muted_device_and_a_switched_off_kind_keep_their_rows() {
    let mut desk = Desk::with_all_online();
    desk.change(|state| {
        of(state, "Kitchen").muted = true;
        state.shown.devices.iter_mut().for_each(|device| device.state = Offline);
    });
    desk.pass(60_000);
    assert_eq!(desk.titles(), ["2 devices disconnected"]);
    assert_eq!(desk.rows[0].names, ["Kitchen", "Bedroom", "Phone"]);
    desk.change(|state| of(state, "Kitchen").muted = false);
    desk.pass(60_000);
    assert_eq!(desk.told.len(), 1, "unmuting catches nothing up");
    desk.change(|state| state.shown.settings.quiet.connected = true);
    desk.set("Phone", Online);
    desk.pass(60_000);
    assert_eq!((desk.told.len(), desk.rows.len()), (1, 2));
}

#[test]
fn a_binding_is_told_once_and_not_to_who_did_it() {
    let bind = |window, act: bool| {
        let mut desk = Desk::new();
        desk.pass(1_000);
        let now_ms = desk.now_ms;
        desk.change(|state| {
            state.window = window;
            if act {
                state.acts.push(Act { at_ms: now_ms, what: Did::Bound("lamp".into()) });
            }
            let mut lamp = sample::device("Lamp", Offline, 0);
            lamp.bound_at_ms = now_ms;
            state.shown.devices.push(lamp);
        });
        desk.pass(3_000);
        desk.set("Lamp", Online);
        desk.pass(60_000);
        desk
    };
    for (window, act, told) in
        [(Window::Closed, false, 1), (Window::Open, false, 1), (Window::Closed, true, 1), (Window::Open, true, 0)]
    {
        let mut desk = bind(window, act);
        assert_eq!((desk.told.len(), desk.kinds()), (told, vec![NoticeKind::Bound]), "{window:?} {act}");
        desk.set("Lamp", Offline);
        desk.pass(60_000);
        desk.set("Lamp", Online);
        desk.pass(60_000);
        assert_eq!(desk.titles()[told..], ["Lamp disconnected", "Lamp connected"]);
    }
    assert_eq!(bind(Window::Closed, false).told[0].1.title, "Lamp is bound");
}

#[test]
fn devices_of_an_earlier_run_are_not_bound_again() {
    let mut desk = Desk::new();
    desk.change(|state| state.shown.devices.push(sample::device("Old", Online, 0)));
    desk.pass(60_000);
    assert_eq!(desk.titles(), ["Old connected"]);
}

#[test]
fn a_removal_is_told_when_the_person_did_not_do_it() {
    let mut desk = Desk::with_all_online();
    desk.change(|state| state.shown.devices.retain(|device| device.name != "Phone"));
    assert_eq!(desk.titles(), ["Phone was removed"]);
    desk.act(Did::Removed("kitchen".into()));
    desk.change(|state| state.shown.devices.retain(|device| device.name != "Kitchen"));
    desk.pass(60_000);
    assert_eq!((desk.told.len(), desk.kinds()), (1, vec![NoticeKind::Removed, NoticeKind::Removed]));
    desk.change(|state| {
        state.shown.service.phase = Phase::Failed;
        state.shown.devices.clear();
    });
    assert_eq!(desk.kinds()[2..], [NoticeKind::Trouble], "a list that cannot be read removes nobody");
}

#[test]
fn what_the_person_does_to_the_service_is_not_told() {
    let mut desk = Desk::with_all_online();
    desk.act(Did::Stopped);
    desk.phase(Phase::Stopping);
    desk.change(|state| state.shown.devices.iter_mut().for_each(|device| device.state = Offline));
    desk.phase(Phase::Stopped);
    assert_eq!(desk.wake_ms, None);
    desk.pass(3_600_000);
    desk.act(Did::Started);
    desk.phase(Phase::Starting);
    desk.phase(Phase::Running);
    desk.pass(8_000);
    desk.set("Kitchen", Online);
    desk.set("Bedroom", Online);
    desk.pass(60_000);
    assert_eq!(desk.titles(), ["Phone disconnected"], "the net change is");
    assert_eq!(desk.kinds()[..2], [NoticeKind::Stopped, NoticeKind::Started]);
    desk.act(Did::Moved);
    desk.phase(Phase::Stopping);
    desk.set("Kitchen", Offline);
    desk.phase(Phase::Running);
    desk.pass(12_000);
    desk.set("Kitchen", Online);
    desk.pass(60_000);
    assert_eq!((desk.told.len(), desk.rows.len(), desk.wake_ms), (1, 3, None));
}

#[test]
fn a_service_that_somebody_else_stops_and_starts_is_told() {
    let mut desk = Desk::with_all_online();
    desk.phase(Phase::Stopped);
    desk.phase(Phase::Starting);
    desk.phase(Phase::Running);
    assert_eq!(desk.titles(), ["SmartPi was stopped", "SmartPi is running"]);
}

#[test]
fn a_failure_is_told_at_once_and_not_again_for_ten_minutes() {
    let mut desk = Desk::new();
    let held = Failure::with(FailureCode::PortInUse, json!({"port":8765,"holder":{"pid":4,"name":"node"}}));
    let fail = |desk: &mut Desk, failure: &Failure| {
        desk.phase(Phase::Starting);
        let failure = Some(failure.clone());
        desk.change(|state| {
            state.shown.service.phase = Phase::Failed;
            state.shown.service.failure = failure;
        });
    };
    fail(&mut desk, &held);
    let told = &desk.told[0].1;
    assert_eq!(
        (told.title.as_str(), told.button.as_str(), &told.page),
        ("SmartPi is not running", "Settings", &Page::Settings {})
    );
    assert_eq!(told.body, "Port 8765 is used by node. Close that program, or choose another port in the settings.");
    desk.pass(1_000);
    fail(&mut desk, &held);
    assert_eq!((desk.told.len(), desk.rows.len()), (1, 1));
    fail(&mut desk, &Failure::bare(FailureCode::KeysUnusable));
    assert_eq!(desk.told.len(), 2, "another failure is another notice");
    desk.act(Did::Started);
    fail(&mut desk, &held);
    assert_eq!(desk.told.len(), 3, "who tries hears the answer");
    desk.pass(600_000);
    fail(&mut desk, &held);
    assert_eq!(desk.told.len(), 4);
    desk.phase(Phase::Running);
    assert_eq!(desk.titles()[4], "SmartPi is running");
}

#[test]
fn what_cannot_be_saved_is_told_and_a_lesser_trouble_is_kept() {
    let mut desk = Desk::new();
    let have = |desk: &mut Desk, code| desk.change(|state| state.shown.troubles = vec![Failure::bare(code)]);
    have(&mut desk, FailureCode::Storage);
    have(&mut desk, FailureCode::CannotListen);
    have(&mut desk, FailureCode::Storage);
    assert_eq!(desk.titles(), ["SmartPi cannot save"]);
    assert_eq!(
        desk.rows.iter().filter_map(|row| row.failure.as_ref()).map(|failure| failure.code).collect::<Vec<_>>(),
        [FailureCode::Storage, FailureCode::CannotListen]
    );
}

#[test]
fn a_full_disk_is_told_once_and_once_when_it_is_over() {
    let mut desk = Desk::new();
    let have = |desk: &mut Desk, code: Option<FailureCode>| {
        desk.change(|state| state.shown.troubles = code.map(Failure::bare).into_iter().collect());
    };
    have(&mut desk, Some(FailureCode::DiskFull));
    have(&mut desk, Some(FailureCode::DiskFull));
    have(&mut desk, None);
    have(&mut desk, None);
    assert_eq!(desk.titles(), ["SmartPi cannot save", "SmartPi saves again"]);
    // The same again soon is not told again, nor its end.
    have(&mut desk, Some(FailureCode::DiskFull));
    have(&mut desk, None);
    assert_eq!(desk.titles().len(), 2);
    have(&mut desk, Some(FailureCode::DiskFailing));
    have(&mut desk, Some(FailureCode::DiskFull));
    have(&mut desk, None);
    assert_eq!(desk.titles()[2..], ["SmartPi cannot save", "SmartPi saves again"]);
}

#[test]
fn a_waiting_device_is_told_at_once_and_once() {
    let mut desk = Desk::new();
    let until_ms = desk.now_ms + 60_000;
    desk.change(|state| {
        state.gather_until_ms = until_ms;
        state.shown.pending = vec![sample::claim("Lamp", Confirm::Code)];
        state.shown.pending[0].state = PendingState::Scanned;
    });
    assert_eq!(desk.told, []);
    desk.change(|state| state.shown.pending[0].state = PendingState::Confirming);
    desk.change(|_| ());
    let told = &desk.told[0].1;
    assert_eq!(
        (told.title.as_str(), told.button.as_str(), &told.page),
        ("Lamp wants to connect", "Enter code", &Page::Bind {})
    );
    desk.change(|state| {
        state.shown.pending.push(sample::claim("Door", Confirm::Code));
        state.shown.pending.push(sample::claim("Bell", Confirm::Allow));
    });
    assert_eq!(desk.titles()[1..], ["3 devices want to connect"]);
    desk.change(|state| {
        state.window = Window::Open;
        state.shown.pending.push(sample::claim("Gate", Confirm::Allow));
    });
    desk.change(|state| state.window = Window::Closed);
    assert_eq!((desk.told.len(), desk.rows.len()), (2, 3));
}

#[test]
fn openclaw_is_missed_after_a_minute_and_only_then_welcomed_back() {
    let mut desk = Desk::new();
    let link = |desk: &mut Desk, link| desk.change(|state| state.shown.assistant.link = link);
    link(&mut desk, LinkState::Offline);
    desk.pass(59_000);
    link(&mut desk, LinkState::Online);
    desk.pass(120_000);
    assert_eq!(desk.told, []);
    link(&mut desk, LinkState::Offline);
    desk.pass(61_000);
    link(&mut desk, LinkState::Online);
    desk.pass(20_000);
    assert_eq!(desk.titles(), ["OpenClaw is not connected", "OpenClaw is connected again"]);
    assert_eq!(desk.wake_ms, None);
    desk.change(|state| state.shown.assistant.kind = AgentWord::Echo);
    link(&mut desk, LinkState::Offline);
    desk.pass(120_000);
    desk.change(|state| {
        state.shown.assistant.kind = AgentWord::Gateway;
        state.shown.assistant.gateway = None;
    });
    desk.pass(120_000);
    assert_eq!((desk.told.len(), desk.wake_ms), (2, None));
}

#[test]
fn a_missing_tray_is_told_once_in_words_for_a_person() {
    let mut desk = Desk::new();
    desk.change(|state| {
        state.shown.app.language = Language::Zh;
        state.shown.app.tray = Some(false);
    });
    desk.change(|state| state.shown.app.tray = None);
    desk.change(|state| state.shown.app.tray = Some(false));
    let [(_, told)] = desk.told.as_slice() else { panic!("{:?}", desk.told) };
    assert_eq!((told.title.as_str(), told.button.as_str()), ("SmartPi 正在运行，但无法显示图标", "打开窗口"));
    assert!(told.body.contains("AppIndicator"));
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut desk = Desk::with_all_online();
    desk.set("Phone", Offline);
    desk.now_ms -= 3_600_000;
    desk.change(|_| ());
    desk.pass(10_000);
    assert_eq!(desk.titles(), ["Phone disconnected"]);
}

#[test]
fn entries_that_somebody_took_away_are_told_once_and_over_restarts() {
    use crate::control::answer::{MissingEntry, OwnEntry};
    let gone = |entry, at_ms| MissingEntry { entry, at_ms };
    let told = |desk: &Desk| desk.kinds().into_iter().filter(|kind| *kind == NoticeKind::EntriesGone).count();
    let mut desk = Desk::new();
    desk.pass(1_000);
    let at_ms = desk.now_ms;
    desk.change(|state| state.shown.care.missing = vec![gone(OwnEntry::Channel, at_ms)]);
    assert_eq!(told(&desk), 1);
    let (_, said) = desk.told.last().unwrap();
    assert_eq!((&said.page, said.kind), (&Page::Health { act: None }, NoticeKind::EntriesGone));
    desk.pass(1_000);
    desk.change(|state| state.shown.gateway.agents_revision += 1);
    assert_eq!(told(&desk), 1, "the same is no news");
    desk.change(|state| state.shown.care.missing.push(gone(OwnEntry::Allowed, at_ms + 500)));
    assert_eq!(told(&desk), 2, "another one is");
    desk.change(|state| state.shown.care.missing.clear());
    assert_eq!(told(&desk), 2);
    // Noticed in an earlier run: told then.
    let mut later = Desk::new();
    later.pass(1_000);
    later.change(|state| state.shown.care.missing = vec![gone(OwnEntry::Channel, T0 - 60_000)]);
    assert_eq!(told(&later), 0);
}

#[test]
fn a_newer_release_is_told_once_and_over_restarts() {
    use crate::release::{Newer, Notes, ReleaseView};
    let newer = |version: &str, found_ms| {
        let newer = Newer { version: version.into(), notes: Notes::default(), found_ms, package: None };
        Some(ReleaseView { wanted: true, newer: Some(newer), ..ReleaseView::default() })
    };
    let mut desk = Desk::new();
    desk.pass(1_000);
    let at_ms = desk.now_ms;
    desk.change(|state| state.shown.release = newer("0.2.0", at_ms));
    assert_eq!(desk.titles(), ["SmartPi 0.2.0 is out"]);
    let (_, said) = desk.told.last().unwrap();
    assert_eq!((&said.page, said.kind), (&Page::Settings {}, NoticeKind::NewRelease));
    // Switched off and on, and looked up the next day: the same one.
    desk.change(|state| state.shown.release = Some(ReleaseView::default()));
    desk.change(|state| state.shown.release = newer("0.2.0", at_ms));
    desk.pass(86_400_000);
    assert_eq!(desk.titles().len(), 1);
    let at_ms = desk.now_ms;
    desk.change(|state| state.shown.release = newer("0.3.0", at_ms));
    assert_eq!(desk.titles().len(), 2, "another one is news");
    // Found in an earlier run: told then.
    let mut later = Desk::new();
    later.pass(1_000);
    later.change(|state| state.shown.release = newer("0.3.0", T0 - 60_000));
    assert_eq!(later.titles().len(), 0);
}
