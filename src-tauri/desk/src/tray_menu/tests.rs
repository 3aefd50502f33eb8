use super::sample::{claim, device, state};
use super::*;
use care::finding::{Cause, Severity};
use care::plan::NoPlan;
use care::supervision::{ServiceHeld, ServiceState, Supervision};

use crate::control::answer::{AgentWord, FindingView, LinkState, Repair};
use crate::failure::{Failure, FailureCode};
use crate::language::Language;
use serde_json::json;
use std::slice;

/// Thursday.
fn now() -> Zoned {
    "2026-03-12T15:00[Asia/Shanghai]".parse().unwrap()
}

fn at(time: &str) -> i64 {
    format!("2026-03-12T{time}[Asia/Shanghai]").parse::<Zoned>().unwrap().timestamp().as_millisecond()
}

fn running() -> State {
    state(at("14:02"))
}

/// The menu as a person reads it: [x] is a check, > a submenu, = words that cannot be clicked.
fn read(items: &[TrayItem], indent: usize) -> String {
    let line = |words: String| format!("{}{words}\n", "  ".repeat(indent));
    items
        .iter()
        .map(|item| match item {
            TrayItem::Separator => line("--".into()),
            TrayItem::Words(words) => line(format!("= {words}")),
            TrayItem::Button { words, .. } => line(words.clone()),
            TrayItem::Check { words, on, .. } => line(format!("[{}] {words}", if *on { "x" } else { " " })),
            TrayItem::Submenu { words, items, .. } => line(format!("> {words}")) + &read(items, indent + 1),
        })
        .collect()
}

fn menu(state: &State) -> String {
    read(&tray_menu(state, &now()).items, 0)
}

fn first(state: &State) -> String {
    menu(state).lines().next().unwrap().to_owned()
}

fn icon(state: &State) -> TrayIcon {
    tray_menu(state, &now()).icon
}

fn actions(items: &[TrayItem]) -> Vec<TrayAction> {
    items
        .iter()
        .flat_map(|item| match item {
            TrayItem::Separator | TrayItem::Words(_) => Vec::new(),
            TrayItem::Button { action, .. } | TrayItem::Check { action, .. } => vec![action.clone()],
            TrayItem::Submenu { items, .. } => actions(items),
        })
        .collect()
}

fn in_chinese(mut state: State) -> State {
    state.shown.app.language = Language::Zh;
    state
}

fn with_devices() -> State {
    let mut state = running();
    let mut kitchen = device("Kitchen", DeviceState::Online, at("14:30"));
    kitchen.muted = true;
    let mut phone = device("Phone", DeviceState::Offline, at("09:05"));
    phone.waiting = 3;
    state.shown.devices = vec![kitchen, phone];
    state.shown.app.autostart = Some(true);
    state
}

#[test]
fn the_whole_menu_reads_like_this() {
    let expected = "\
= Running since 14:02
--
Stop service
--
Bind a device…
> Devices
  > Kitchen: online
    = Online since 14:30
    --
    Open
    [x] Mute notifications
    Send test message
    --
    Remove…
  > Phone: offline since 09:05, 3 messages wait
    = Offline since 09:05
    = 3 messages wait
    --
    Open
    [ ] Mute notifications
    Send test message
    --
    Remove…
Open phone page
--
Activity…
Health…
Settings…
[x] Start at login
--
Quit SmartPi (1 device will be disconnected)
";
    assert_eq!(menu(&with_devices()), expected);
}

#[test]
fn the_whole_menu_reads_like_this_in_chinese() {
    let expected = "\
= 运行中（14:02 起）
--
停止服务
--
绑定设备…
> 设备
  > Kitchen：在线
    = 在线（14:30 起）
    --
    打开
    [x] 关闭通知
    发送测试消息
    --
    移除…
  > Phone：离线（09:05 起），3 条消息待接收
    = 离线（09:05 起）
    = 3 条消息待接收
    --
    打开
    [ ] 关闭通知
    发送测试消息
    --
    移除…
打开手机页面
--
动态…
运行状况…
设置…
[x] 登录时启动
--
退出 SmartPi（1 台设备将断开连接）
";
    assert_eq!(menu(&in_chinese(with_devices())), expected);
}

#[test]
fn a_click_asks_for_what_the_line_says() {
    let k = || "kitchen".to_owned();
    let mut state = with_devices();
    state.shown.devices.truncate(1);
    assert_eq!(
        actions(&tray_menu(&state, &now()).items),
        [
            TrayAction::StopService,
            TrayAction::Bind,
            TrayAction::OpenDevice(k()),
            TrayAction::MuteDevice(k(), false),
            TrayAction::TestDevice(k()),
            TrayAction::RemoveDevice(k()),
            TrayAction::PhonePage,
            TrayAction::Activity,
            TrayAction::Health,
            TrayAction::Settings,
            TrayAction::Autostart(false),
            TrayAction::Quit,
        ]
    );
}

#[test]
fn each_phase_has_its_line_its_switch_and_its_icon() {
    let phase = |phase| {
        let mut state = running();
        state.shown.service.phase = phase;
        let menu = menu(&state);
        let switch = menu.lines().find(|line| line.contains("service")).unwrap().to_owned();
        (first(&state), switch, icon(&state), menu.contains("= Open phone page"))
    };
    let row = |line: &str, switch: &str, icon, no_page| (line.to_owned(), switch.to_owned(), icon, no_page);
    assert_eq!(phase(Phase::Running), row("= Running since 14:02", "Stop service", TrayIcon::Running, false));
    assert_eq!(phase(Phase::Starting), row("= Starting…", "Stop service", TrayIcon::Stopped, true));
    assert_eq!(phase(Phase::Stopping), row("= Stopping…", "= Start service", TrayIcon::Stopped, true));
    assert_eq!(phase(Phase::Stopped), row("= Stopped since 14:02", "Start service", TrayIcon::Stopped, true));
    assert_eq!(phase(Phase::Failed), row("= Not running since 14:02", "Start service", TrayIcon::Attention, true));
    let mut state = running();
    state.shown.service.since_ms = at("14:02") - 2 * 86_400_000;
    assert_eq!(first(&state), "= Running since Tuesday 14:02");
    assert_eq!(tray_menu(&in_chinese(state), &now()).tooltip, "SmartPi：运行中（周二 14:02 起）");
}

#[test]
fn a_failure_says_why_and_where_help_is() {
    let failed = |failure| {
        let mut state = running();
        state.shown.service.phase = Phase::Failed;
        state.shown.service.failure = Some(failure);
        assert_eq!(icon(&state), TrayIcon::Attention);
        menu(&state).lines().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let held = Failure::with(FailureCode::PortInUse, json!({"port":8765,"holder":{"pid":4,"name":"node"}}));
    assert_eq!(failed(held), ["= Not running: port 8765 is used by node", "See what to do…"]);
    let taken = Failure::with(FailureCode::PortInUse, json!({"port":8765}));
    assert_eq!(failed(taken)[0], "= Not running: port 8765 is in use");
    let store = Failure::bare(FailureCode::StoreUnusable);
    assert_eq!(failed(store)[0], "= Not running: its saved data cannot be opened");
    assert_eq!(failed(Failure::bare(FailureCode::NotStarted))[0], "= Not running since 14:02");
}

#[test]
fn somebody_talks() {
    let mut state = with_devices();
    state.shown.devices[0].talking = true;
    assert_eq!((first(&state).as_str(), icon(&state)), ("= Answering Kitchen", TrayIcon::Talking));
    assert!(menu(&state).contains("> Kitchen: talking\n"));
    state.shown.devices[1].talking = true;
    assert_eq!(first(&state), "= Answering 2 devices");
    assert!(menu(&state).contains("> Phone: offline since"), "who is away is not talking");
    assert_eq!(first(&in_chinese(state)), "= 正在回答 2 台设备");
}

#[test]
fn a_waiting_device_takes_the_line_of_binding_and_the_icon() {
    let mut state = running();
    state.shown.pending = vec![claim("Lamp", Confirm::Code)];
    assert_eq!(icon(&state), TrayIcon::Attention);
    assert!(menu(&state).contains("\nLamp is waiting for your code…\n"));
    state.shown.pending[0].how = Confirm::Allow;
    assert!(menu(&state).contains("\nLamp is waiting for your approval…\n"));
    state.shown.pending.push(claim("Door", Confirm::Code));
    assert!(menu(&state).contains("\n2 devices are waiting for you…\n"));
    assert!(actions(&tray_menu(&state, &now()).items).contains(&TrayAction::Bind));
}

#[test]
fn the_assistant_has_a_line_only_when_it_needs_words() {
    let second = |change: fn(&mut State)| {
        let mut state = running();
        state.shown.assistant.since_ms = at("13:40");
        change(&mut state);
        let item = tray_menu(&state, &now()).items[1].clone();
        (read(slice::from_ref(&item), 0).trim_end().to_owned(), actions(slice::from_ref(&item)))
    };
    assert_eq!(second(|_| ()), ("--".into(), vec![]));
    assert_eq!(
        second(|state| state.shown.assistant.link = LinkState::Offline),
        ("= OpenClaw not connected since 13:40".into(), vec![])
    );
    assert_eq!(
        second(|state| {
            state.shown.assistant.link = LinkState::Offline;
            state.shown.assistant.gateway = None;
        }),
        ("OpenClaw is not connected yet. Connect it…".into(), vec![TrayAction::Welcome])
    );
    assert_eq!(
        second(|state| state.shown.assistant.kind = AgentWord::Echo),
        ("Practice answers only. Connect OpenClaw…".into(), vec![TrayAction::Welcome])
    );
    assert_eq!(
        second(|state| state.shown.assistant.refused_gateway = Some("other".into())),
        ("Another OpenClaw was refused. See details…".into(), vec![TrayAction::Settings])
    );
    assert_eq!(
        second(|state| {
            state.shown.assistant.link = LinkState::Offline;
            state.shown.service.phase = Phase::Stopped;
        }),
        ("--".into(), vec![])
    );
}

#[test]
fn what_needs_the_person_changes_the_icon_and_has_a_line() {
    let mut state = running();
    state.shown.troubles = vec![Failure::bare(FailureCode::CannotListen)];
    assert_eq!(icon(&state), TrayIcon::Running, "an address less is no alarm");
    state.shown.troubles.push(Failure::bare(FailureCode::Storage));
    assert_eq!(icon(&state), TrayIcon::Attention);
    assert!(menu(&state).contains("\nSmartPi cannot save. See what to do…\n"));
    let mut state = running();
    state.shown.assistant.refused_gateway = Some("other".into());
    assert_eq!(icon(&state), TrayIcon::Attention);
    state.shown.service.phase = Phase::Stopped;
    assert_eq!(icon(&state), TrayIcon::Stopped, "nobody is refused any more");
}

#[test]
fn what_does_not_work_is_said_where_one_sees_it_and_less_is_not() {
    let finding = |severity| FindingView {
        cause: Cause::Hung,
        severity,
        evidence: Vec::new(),
        repair: Repair::None { why: NoPlan::NothingLeft },
        commands: Vec::new(),
    };
    let mut state = running();
    for severity in [Severity::Note, Severity::Warning] {
        state.shown.care.findings = vec![finding(severity)];
        assert_eq!(icon(&state), TrayIcon::Running);
        assert!(menu(&state).contains("\nHealth…\n"));
    }
    state.shown.care.findings.insert(0, finding(Severity::Broken));
    assert_eq!(icon(&state), TrayIcon::Attention);
    assert!(menu(&state).contains("\nHealth: something does not work…\n"));
    assert!(menu(&in_chinese(state)).contains("\n运行状况：有问题需要处理…\n"));
}

#[test]
fn no_device_and_many_devices() {
    assert!(menu(&running()).contains("> Devices\n  = No devices yet\nOpen"));
    assert!(menu(&running()).ends_with("\nQuit SmartPi\n"));
    let mut state = running();
    state.shown.devices = (0..21).map(|n| device(&format!("D{n}"), DeviceState::Unsure, at("10:00"))).collect();
    let many = menu(&state);
    assert!(many.contains("> D19: unsure\n    = Unsure: last heard at 10:00\n") && !many.contains("D20"));
    assert!(many.contains("  --\n  More…\nOpen"), "{many}");
    assert!(many.ends_with("Quit SmartPi (21 devices will be disconnected)\n"));
    state.shown.devices.truncate(20);
    assert!(!menu(&state).contains("More…"));
}

#[test]
fn a_name_is_one_short_line() {
    let mut state = running();
    state.shown.devices = vec![device(&format!("A\n{}", "x".repeat(60)), DeviceState::Offline, 0)];
    state.shown.devices[0].waiting = 1;
    let expected = format!("> A{}…: not connected yet, 1 message waits\n", "x".repeat(38));
    assert!(menu(&state).contains(&expected), "{}", menu(&state));
}

#[test]
fn the_words_hold_until_midnight() {
    let midnight: Zoned = "2026-03-13T00:00[Asia/Shanghai]".parse().unwrap();
    assert_eq!(stale_at_ms(&now()), midnight.timestamp().as_millisecond());
    let last = midnight.checked_sub(jiff::Span::new().milliseconds(1)).unwrap();
    assert_eq!(tray_menu(&with_devices(), &now()), tray_menu(&with_devices(), &last));
    assert_ne!(tray_menu(&with_devices(), &now()), tray_menu(&with_devices(), &midnight));
}

#[test]
fn the_service_of_openclaw_has_a_menu_where_it_can_be_seen() {
    let submenu = |service: Option<Supervision>, acting| {
        let mut state = running();
        (state.shown.care.service, state.shown.care.acting) = (service, acting);
        let found = tray_menu(&state, &now()).items.into_iter().find_map(|item| match item {
            TrayItem::Submenu { id, items, .. } if id == "gateway" => Some(items),
            TrayItem::Separator
            | TrayItem::Words(_)
            | TrayItem::Button { .. }
            | TrayItem::Check { .. }
            | TrayItem::Submenu { .. } => None,
        })?;
        let TrayItem::Words(state) = &found[0] else { panic!("{found:?}") };
        Some((state.clone(), actions(&found)))
    };
    assert_eq!(submenu(None, None), None);
    let runs = Supervision {
        state: ServiceState::Running,
        unit: Some("openclaw-gateway.service".into()),
        by_itself: true,
        started_ms: None,
        may: vec![ServiceAct::Restart, ServiceAct::Stop, ServiceAct::Uninstall],
        held: None,
    };
    let act = TrayAction::GatewayService;
    let expected = vec![act(ServiceAct::Restart), act(ServiceAct::Stop), TrayAction::Health];
    assert_eq!(submenu(Some(runs.clone()), None), Some(("OpenClaw's service runs".into(), expected)));
    let (_, while_acting) = submenu(Some(runs.clone()), Some(ServiceAct::Restart)).unwrap();
    assert_eq!(while_acting, [TrayAction::Health], "one thing at a time");
    let held = Supervision { may: Vec::new(), held: Some(ServiceHeld::Several), ..runs };
    assert_eq!(submenu(Some(held), None).unwrap().1, [TrayAction::Health], "its page says why");
}

#[test]
fn a_newer_release_has_a_line_while_it_is_known() {
    use crate::release::{Newer, Notes, ReleaseView};
    let mut state = running();
    assert!(!menu(&state).contains("New version"));
    state.shown.release = Some(ReleaseView { wanted: true, ..ReleaseView::default() });
    assert!(!menu(&state).contains("New version"));
    let newer = Newer { version: "0.2.0".into(), notes: Notes::default(), found_ms: 1, package: None };
    state.shown.release = Some(ReleaseView { wanted: true, newer: Some(newer), ..ReleaseView::default() });
    assert!(menu(&state).contains("\nNew version 0.2.0…\nSettings…\n"), "{}", menu(&state));
    state.shown.app.language = Language::Zh;
    assert!(menu(&state).contains("\n新版本 0.2.0…\n"), "{}", menu(&state));
    assert_eq!(icon(&state), TrayIcon::Running, "it is nothing that needs anybody");
}
