mod rig;

use std::net::{Ipv4Addr, TcpListener};

use channel::service::Agent;
use device::Connection;
use serde_json::json;

use super::*;
use crate::control::answer::{AgentWord, DeviceList, DeviceState, Nothing, Status, Turns};
use crate::control::client::Client;
use crate::control::request::{Request, SettingsChange};
use crate::failure::FailureCode;
use crate::language::Language;
use crate::running::{NotStarted, Options, Running};
use crate::shell::NoDesktop;
use crate::tray_menu::TrayItem;
use crate::view::{NoticeKind, Permission, Phase};
use rig::{App, Asked, LIMIT, accepts, bind, options};

fn change(change: SettingsChange) -> Request {
    Request::SettingsChange(Box::new(change))
}

#[tokio::test]
async fn stop_closes_the_port_and_only_the_person_undoes_it() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let mut shown = app.watch().await;
    let port = shown.until(|view| view.service.phase == Phase::Running).await.service.port;
    assert!(accepts(port));

    app.done(Request::ServiceStop {}).await;
    assert!(!accepts(port), "nobody can connect");
    assert!(app.settings().stopped);
    let view = shown.until(|view| view.service.phase == Phase::Stopped).await;
    assert_eq!((view.network.addresses.len(), view.service.port), (0, port));
    // Everything else still answers, and the control socket is found.
    assert_eq!(app.ask::<DeviceList>(Request::DevicesList {}).await.unwrap().devices, []);
    assert_eq!(app.refused(Request::BindStart { address: None }).await, FailureCode::NoAddress);
    // What the system says does not start it.
    app.running().handle().send(ToController::Tray(true));
    shown.until(|view| view.app.tray == Some(true)).await;
    app.done(change(SettingsChange { welcomed: Some(true), ..SettingsChange::default() })).await;
    assert!(!accepts(port));
    app.stop();

    // Neither does the next start, nor the one after.
    for _ in 0..2 {
        let app = App::start(temp.path());
        assert_eq!(app.view().await.service.phase, Phase::Stopped);
        assert!(!accepts(port));
        app.stop();
    }
    // The person does, and that is kept too.
    let app = App::start(temp.path());
    app.done(Request::ServiceStart {}).await;
    let view = app.view().await;
    assert_eq!(view.service.phase, Phase::Running);
    assert!(accepts(view.service.port) && !app.settings().stopped);
    app.stop();
    let app = App::start(temp.path());
    assert!(accepts(app.port()));
}

#[tokio::test]
async fn a_server_starts_whatever_was_saved_and_leaves_it_so() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    app.done(Request::ServiceStop {}).await;
    app.stop();
    let server = Options { honour_intent: false, ..options(temp.path()) };
    let folders = server.folders.clone();
    let running = Running::start(server, NoDesktop).unwrap();
    assert!(accepts(running.service_file().port));
    assert!(Settings::load(&folders.settings_file()).unwrap().stopped);
}

#[tokio::test]
async fn clicks_in_the_tray_do_what_they_say() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let mut shown = app.watch().await;
    let handle = app.running().handle();
    let (_connection, identity) = app.bind("Kitchen").await;
    let key = identity.device_key().to_string();
    shown.until(|view| view.devices.len() == 1).await;
    let click = |action| handle.send(ToController::Clicked(action));

    click(TrayAction::MuteDevice(key.clone(), true));
    shown.until(|view| view.devices[0].muted).await;
    assert!(app.settings().muted.contains(&key));
    click(TrayAction::Autostart(true));
    shown.until(|view| view.app.autostart == Some(true)).await;
    click(TrayAction::PhonePage);
    let url = app.until(|asked| if let Asked::Url(url) = asked { Some(url) } else { None });
    assert_eq!(url, format!("http://127.0.0.1:{}/", app.port()));
    click(TrayAction::RemoveDevice(key.clone()));
    let page = app.until(|asked| if let Asked::Window(page) = asked { Some(page) } else { None });
    assert_eq!(page, Page::Devices { device_key: Some(key), remove: true });
    click(TrayAction::StopService);
    let away = |view: &View| view.devices[0].state == DeviceState::Offline;
    let view = shown.until(|view| view.service.phase == Phase::Stopped && away(view)).await;
    assert!(app.settings().stopped && !accepts(view.service.port));
    click(TrayAction::StartService);
    shown.until(|view| view.service.phase == Phase::Running).await;
    click(TrayAction::Quit);
    app.until(|asked| (asked == Asked::Quit).then_some(()));
    tokio::time::timeout(LIMIT, app.running().ended()).await.unwrap().unwrap();
    assert!(!app.folders.service_file().exists());
}

#[tokio::test]
async fn the_tray_is_drawn_only_when_it_changes() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let first = app.until(|asked| if let Asked::Tray(menu) = asked { Some(menu) } else { None });
    assert!(!first.items.is_empty());
    let actions: Vec<TrayAction> = first
        .items
        .iter()
        .filter_map(|item| if let TrayItem::Button { action, .. } = item { Some(action.clone()) } else { None })
        .collect();
    assert!(actions.contains(&TrayAction::StopService) && actions.contains(&TrayAction::Quit), "{actions:?}");
    // What the menu does not say does not draw it again.
    app.done(change(SettingsChange { keep_text_days: Some(7), ..SettingsChange::default() })).await;
    app.done(Request::ServiceStop {}).await;
    let mut menus = vec![first];
    loop {
        let menu = app.until(|asked| if let Asked::Tray(menu) = asked { Some(menu) } else { None });
        let stopped =
            menu.items.iter().any(|item| matches!(item, TrayItem::Button { action: TrayAction::StartService, .. }));
        assert_ne!(menus.last(), Some(&menu), "drawn twice");
        menus.push(menu);
        if stopped {
            break;
        }
    }
}

#[tokio::test]
async fn a_taken_port_keeps_the_program_and_the_person_chooses() {
    let temp = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let app = App::start_with(Options { port: Some(port), ..options(temp.path()) });
    let mut shown = app.watch().await;
    let view = shown.next().await;
    assert_eq!((view.service.phase, view.service.port), (Phase::Failed, port));
    let failure = view.service.failure.unwrap();
    assert_eq!((failure.code, &failure.detail["holder"]["pid"]), (FailureCode::PortInUse, &json!(std::process::id())));
    let offer = u16::try_from(failure.detail["offer"].as_u64().unwrap()).unwrap();
    assert_eq!(app.refused(Request::ServiceStart {}).await, FailureCode::PortInUse);
    // Another port that is taken, too.
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = other.local_addr().unwrap().port();
    let choose = |port| change(SettingsChange { port: Some(port), ..SettingsChange::default() });
    assert_eq!(app.refused(choose(taken)).await, FailureCode::PortInUse);
    assert_ne!(app.settings().port, taken, "what does not work is not saved");
    app.done(choose(offer)).await;
    let view = shown.until(|view| view.service.phase == Phase::Running).await;
    assert_eq!((view.service.port, view.service.failure, app.settings().port), (offer, None, offer));
    assert_eq!(app.port(), offer, "service.json follows");
    assert!(accepts(offer));
    // Where one is had already, a taken one changes nothing.
    assert_eq!(app.refused(choose(taken)).await, FailureCode::PortInUse);
    let view = app.view().await;
    assert_eq!((view.service.phase, view.service.port, app.settings().port), (Phase::Running, offer, offer));
    assert!(accepts(offer));
    app.stop();
    // A server is told at once.
    let server = Options { honour_intent: false, port: Some(port), ..options(temp.path()) };
    match Running::start(server, NoDesktop) {
        Err(NotStarted::Failed(failure)) => assert_eq!(failure.code, FailureCode::PortInUse),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn devices_follow_to_another_port_and_the_echo_too() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let mut shown = app.watch().await;
    let (connection, identity) = app.bind("Kitchen").await;
    drop(connection);
    let free = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let old = app.port();
    app.done(change(SettingsChange { port: Some(free), ..SettingsChange::default() })).await;
    assert!(accepts(free) && !accepts(old));
    let mut moved = identity;
    moved.binding.as_mut().unwrap().authority = format!("127.0.0.1:{free}");
    let _connection = Connection::open(&moved, LIMIT).await.unwrap();
    shown
        .until(|view| {
            view.devices.first().is_some_and(|device| device.state == DeviceState::Online)
                && view.assistant.link == crate::control::answer::LinkState::Online
                && view.service.port == free
        })
        .await;
}

#[tokio::test]
async fn one_window_attends_at_a_time_and_its_end_is_noticed() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    app.done(Request::WindowOpen(Page::Bind {})).await;
    let opened = app.until(|asked| if let Asked::Window(page) = asked { Some(page) } else { None });
    assert_eq!(opened, Page::Bind {});
    // It is on its way: another wish only changes the page.
    app.done(Request::WindowOpen(Page::Settings {})).await;
    let attend = async || {
        let client = Client::connect(&app.folders).await.unwrap();
        client.watch::<Page>(&Request::WindowAttend {}).await.unwrap()
    };
    let mut window = attend().await;
    assert_eq!(window.next().await.unwrap(), Some(Page::Settings {}));
    let refused = attend().await.next().await.unwrap_err();
    assert_eq!(refused.code, FailureCode::AlreadyRunning);
    app.done(Request::WindowOpen(Page::Activity {})).await;
    assert_eq!(window.next().await.unwrap(), Some(Page::Activity {}));
    // It is closed: the next wish starts a process again.
    drop(window);
    let reopened = async {
        loop {
            app.done(Request::WindowOpen(Page::Devices { device_key: None, remove: false })).await;
            if let Ok(Asked::Window(page)) = app.try_next() {
                return page;
            }
        }
    };
    let page = tokio::time::timeout(LIMIT, reopened).await.unwrap();
    assert_eq!(page, Page::Devices { device_key: None, remove: false });
    // A process that came to nothing is not waited for.
    app.running().handle().send(ToController::WindowEnded);
    app.done(Request::WindowOpen(Page::Activity {})).await;
    assert_eq!(app.until(|asked| if let Asked::Window(page) = asked { Some(page) } else { None }), Page::Activity {});
}

#[tokio::test]
async fn a_server_has_no_window_and_shows_the_view_all_the_same() {
    let temp = tempfile::tempdir().unwrap();
    let running = Running::start(options(temp.path()), NoDesktop).unwrap();
    let folders = Folders::under(temp.path());
    let mut client = Client::connect(&folders).await.unwrap();
    let refused = client.ask::<Nothing>(&Request::WindowOpen(Page::Bind {})).await.unwrap_err();
    assert_eq!(refused.code, FailureCode::NoDesktop);
    let status: Status = client.ask(&Request::Status {}).await.unwrap();
    assert_eq!((status.agent, status.name.as_str()), (AgentWord::Echo, "测试"));
    let (_connection, _) = bind(&folders, "Kitchen").await;
    // Nobody watched until now: the first view is of now all the same.
    let mut watch = client.watch::<View>(&Request::ViewWatch {}).await.unwrap();
    let view = watch.next().await.unwrap().unwrap();
    assert_eq!((view.app.desktop, view.app.tray, view.service.phase), (false, None, Phase::Running));
    assert_eq!(view.devices.len(), 1);
    drop(running);
}

#[tokio::test]
async fn the_view_follows_and_many_changes_come_as_few() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let mut shown = app.watch().await;
    let first = shown.next().await;
    for days in 1..=200 {
        app.done(change(SettingsChange { keep_text_days: Some(days), ..SettingsChange::default() })).await;
    }
    // Nothing was read meanwhile: far fewer views than changes, and the last is the last.
    let mut views = vec![first];
    while views.last().unwrap().settings.keep_text_days != 200 {
        views.push(shown.next().await);
    }
    assert!(views.windows(2).all(|pair| pair[0].revision < pair[1].revision));
    app.done(change(SettingsChange { language: Some(Some(Language::En)), ..SettingsChange::default() })).await;
    let view = shown.until(|view| view.app.language == Language::En).await;
    assert_eq!(view.settings.language, Some(Language::En));
    assert_eq!(app.settings().language, Some(Language::En));
}

#[tokio::test]
async fn what_is_out_of_range_changes_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let before = app.settings();
    for wrong in [
        SettingsChange { port: Some(0), ..SettingsChange::default() },
        SettingsChange { answer_after_s: Some(601), language: Some(Some(Language::Zh)), ..SettingsChange::default() },
        SettingsChange { keep_text_days: Some(3_651), ..SettingsChange::default() },
    ] {
        assert_eq!(app.refused(change(wrong)).await, FailureCode::BadRequest);
    }
    assert_eq!(app.settings(), before);
    let stranger = "kzdvvj2umnduyauf35o36k6kw4".to_owned();
    let mute = Request::DevicesMute { device_key: stranger.clone(), muted: true };
    assert_eq!(app.refused(mute).await, FailureCode::DeviceUnknown);
    assert_eq!(app.refused(Request::DevicesTest { device_key: stranger }).await, FailureCode::DeviceUnknown);
}

#[tokio::test]
async fn a_test_message_waits_for_a_device_that_is_away_and_its_talk_is_listed() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let mut shown = app.watch().await;
    let (connection, identity) = app.bind("Kitchen").await;
    drop(connection);
    let device_key = identity.device_key().to_string();
    shown.until(|view| view.devices.first().is_some_and(|device| device.state == DeviceState::Offline)).await;
    let _: serde_json::Value = app.ask(Request::DevicesTest { device_key: device_key.clone() }).await.unwrap();
    let view = shown.until(|view| view.devices[0].waiting == 1).await;
    assert!(view.devices[0].since_ms > 0);
    let turns: Turns = app
        .ask(Request::ActivityTurns { device_key: Some(device_key.clone()), before_ms: None, limit: None })
        .await
        .unwrap();
    assert_eq!((turns.turns.len(), turns.more), (0, false));
    let wrong = Request::ActivityTurns { device_key: None, before_ms: None, limit: Some(101) };
    assert_eq!(app.refused(wrong).await, FailureCode::BadRequest);
    // What the person removes is gone, and no notice says so.
    let _: serde_json::Value = app.ask(Request::DevicesRemove { device_key }).await.unwrap();
    let view = shown.until(|view| view.devices.is_empty() && !view.notices.is_empty()).await;
    assert_eq!(view.notices[0].kind, NoticeKind::Removed, "the history has it");
    app.done(Request::Quit {}).await;
    app.until(|asked| match asked {
        Asked::Quit => Some(()),
        Asked::Notify(told) => {
            assert_ne!(told.kind, NoticeKind::Removed, "told of what the person did");
            None
        }
        Asked::Tray(_) | Asked::Window(_) | Asked::Url(_) | Asked::Autostart(_) => None,
    });
}

#[tokio::test]
async fn a_decision_needs_a_network() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    let view = app.view().await;
    match view.network.permission {
        Permission::Absent => {
            assert_eq!(app.refused(Request::NetworkAllow { allow: true }).await, FailureCode::NoPrivateAddress);
        }
        Permission::Unasked | Permission::Refused | Permission::Allowed => {
            app.done(Request::NetworkAllow { allow: true }).await;
            let view = app.view().await;
            assert_eq!(view.network.permission, Permission::Allowed);
            assert!(view.network.addresses.len() > 1);
            app.done(Request::NetworkAllow { allow: false }).await;
            let view = app.view().await;
            assert_eq!((view.network.permission, view.network.addresses.len()), (Permission::Refused, 1));
        }
    }
}

/// A tray that goes later, such as a panel that is started anew, opens nothing.
#[tokio::test]
async fn the_window_opens_by_itself_only_where_there_was_never_a_tray() {
    for (said, opened) in [(vec![false], 1), (vec![true, false], 0)] {
        let temp = tempfile::tempdir().unwrap();
        let app = App::start(temp.path());
        for tray in said {
            app.running().handle().send(ToController::Tray(tray));
            app.watch().await.until(|view| view.app.tray == Some(tray)).await;
        }
        app.done(Request::Quit {}).await;
        let windows = std::cell::Cell::new(0);
        app.until(|asked| {
            windows.set(windows.get() + i32::from(matches!(asked, Asked::Window(_))));
            (asked == Asked::Quit).then_some(())
        });
        assert_eq!(windows.get(), opened);
        app.stop();
    }
}

#[tokio::test]
async fn quit_is_answered_and_then_everything_ends() {
    let temp = tempfile::tempdir().unwrap();
    let app = App::start(temp.path());
    app.running().handle().send(ToController::Tray(false));
    app.watch().await.until(|view| view.app.tray == Some(false)).await;
    app.done(Request::Quit {}).await;
    tokio::time::timeout(LIMIT, app.running().ended()).await.unwrap().unwrap();
    app.until(|asked| (asked == Asked::Quit).then_some(()));
    assert!(!app.folders.service_file().exists());
    assert!(!app.settings().stopped, "quitting is not stopping");
    app.stop();
    drop(App::start_with(Options { agent: Some(Agent::Gateway), ..options(temp.path()) }));
}
