use std::net::Ipv4Addr;

use channel::proof;
use channel::wire::upstream::{FromPlugin, LinkAuth, ToPlugin};
use channel::wire::{self, Blob};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use channel::id;
use channel::service::Config;

use super::ground::computer_name;
use super::*;
use crate::control::answer::{
    AddressReach, AgentWord, BindEvent, BindStarted, DeviceList, Hello, LinkState, Nothing, PendingList, Status,
};
use crate::control::client::Client;
use crate::control::request::Request;
use crate::controller;
use crate::shell::NoDesktop;

const LIMIT: Duration = Duration::from_secs(20);
const STRANGER: &str = "kzdvvj2umnduyauf35o36k6kw4";

fn options(folder: &std::path::Path, agent: Agent) -> Options {
    let folders = Folders::under(folder);
    Options {
        port: Some(0),
        agent: Some(agent),
        lan: Lan::NotNow,
        log: LogTo::Nowhere,
        name: Some("测试".into()),
        ..Options::new(folders)
    }
}

async fn ask<T: serde::de::DeserializeOwned>(folders: &Folders, request: &Request) -> Result<T, Failure> {
    Client::connect(folders).await?.ask(request).await
}

async fn code(folders: &Folders, request: Request) -> FailureCode {
    ask::<serde_json::Value>(folders, &request).await.expect_err("a failure").code
}

#[tokio::test]
async fn the_echo_agent_links_by_itself() {
    let temp = tempfile::tempdir().unwrap();
    let running = Running::start(options(temp.path(), Agent::Echo), NoDesktop).unwrap();
    let linked = async {
        loop {
            let status: Status = ask(&Folders::under(temp.path()), &Request::Status {}).await.unwrap();
            if status.link.state == LinkState::Online {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    let status = timeout(LIMIT, linked).await.expect("a link in time");
    assert_eq!((status.agent, status.name.as_str()), (AgentWord::Echo, "测试"));
    assert_eq!(status.pid, std::process::id());
    assert_eq!(status.port, running.service_file().port);
    assert_eq!(status.addresses.len(), 1);
    assert_eq!(status.addresses[0].url, format!("http://127.0.0.1:{}/", status.port));
    assert_eq!(status.addresses[0].reach, AddressReach::Computer);
    assert_eq!(running.notes(), []);
    // The echo agent is no plugin: it does not count as one that came.
    assert_eq!(code(&Folders::under(temp.path()), Request::LinkAwait { timeout_s: 0 }).await, FailureCode::Timeout);
}

#[tokio::test]
async fn everything_is_private_and_gone_after_stop() {
    let temp = tempfile::tempdir().unwrap();
    let running = Running::start(options(temp.path(), Agent::Echo), NoDesktop).unwrap();
    let folders = Folders::under(temp.path());
    let file = ServiceFile::read(&folders.service_file()).unwrap().expect("service.json");
    assert_eq!(&file, running.service_file());
    #[cfg(unix)]
    for path in [folders.service_file(), file.control.clone(), folders.link_key()] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    match Running::start(options(temp.path(), Agent::Echo), NoDesktop) {
        Err(NotStarted::AlreadyRunning(Some(found))) => assert_eq!(found, file),
        other => panic!("{other:?}"),
    }
    let mut client = Client::connect(&folders).await.unwrap();
    running.stop();
    assert!(!folders.service_file().exists() && !file.control.exists());
    assert_eq!(client.ask::<Status>(&Request::Status {}).await.unwrap_err().code, FailureCode::ControlLost);
    assert_eq!(Client::connect(&folders).await.unwrap_err().code, FailureCode::NotRunning);
    // What a crash leaves behind does not mislead a client, nor the next start.
    file.write(&folders.service_file()).unwrap();
    assert_eq!(Client::connect(&folders).await.unwrap_err().code, FailureCode::NotRunning);
    let again = Running::start(options(temp.path(), Agent::Echo), NoDesktop).unwrap();
    assert!(Client::connect(&folders).await.is_ok());
    again.stop();
}

#[tokio::test]
async fn requests_reach_the_service() {
    let temp = tempfile::tempdir().unwrap();
    let _running = Running::start(options(temp.path(), Agent::Gateway), NoDesktop).unwrap();
    let folders = &Folders::under(temp.path());
    let device_key = || STRANGER.to_owned();
    assert_eq!(ask::<DeviceList>(folders, &Request::DevicesList {}).await.unwrap().devices, []);
    assert_eq!(ask::<PendingList>(folders, &Request::DevicesPending {}).await.unwrap().pending, []);
    ask::<Nothing>(folders, &Request::LinkForget {}).await.unwrap();
    for (request, expected) in [
        (Request::DevicesStatus { device_key: device_key() }, FailureCode::DeviceUnknown),
        (Request::DevicesStatus { device_key: "short".into() }, FailureCode::DeviceUnknown),
        (Request::DevicesRemove { device_key: device_key() }, FailureCode::DeviceUnknown),
        (Request::DevicesRename { device_key: device_key(), name: "n".into() }, FailureCode::DeviceUnknown),
        (Request::DevicesRename { device_key: device_key(), name: "a\nb".into() }, FailureCode::BadRequest),
        (Request::DevicesSend { device_key: device_key(), text: "t".into() }, FailureCode::DeviceUnknown),
        (Request::DevicesSend { device_key: device_key(), text: String::new() }, FailureCode::BadRequest),
        (Request::DevicesSend { device_key: device_key(), text: "x".repeat(32_769) }, FailureCode::BadRequest),
        (Request::BindReject { bind: "none".into() }, FailureCode::BindUnknown),
        (Request::BindConfirm { bind: "none".into(), code: "07".into() }, FailureCode::BindUnknown),
        (Request::BindStart { address: Some("192.0.2.1".parse().unwrap()) }, FailureCode::NoAddress),
        (Request::LinkAwait { timeout_s: 301 }, FailureCode::BadRequest),
    ] {
        assert_eq!(code(folders, request.clone()).await, expected, "{request:?}");
    }
    let mut watch = Client::connect(folders).await.unwrap().watch_bind("none").await.unwrap();
    assert_eq!(watch.next().await.unwrap_err().code, FailureCode::BindUnknown);
}

#[tokio::test]
async fn a_code_is_followed_to_its_end() {
    let temp = tempfile::tempdir().unwrap();
    let running = Running::start(options(temp.path(), Agent::Gateway), NoDesktop).unwrap();
    let folders = &Folders::under(temp.path());
    let first: BindStarted = ask(folders, &Request::BindStart { address: None }).await.unwrap();
    assert!(first.url.starts_with(&format!("http://127.0.0.1:{}/b#1.", running.service_file().port)));
    assert_eq!(first.reach, AddressReach::Computer);
    assert!(!format!("{first:?}").contains("#1."));
    let mut watch = Client::connect(folders).await.unwrap().watch_bind(&first.bind).await.unwrap();
    let event = timeout(LIMIT, watch.next()).await.unwrap().unwrap();
    assert_eq!(event, Some(BindEvent::Waiting { expires_ms: first.expires_ms }));
    assert_eq!(
        code(folders, Request::BindConfirm { bind: first.bind.clone(), code: "07".into() }).await,
        FailureCode::NotConfirming
    );
    let second: BindStarted = ask(folders, &Request::BindStart { address: None }).await.unwrap();
    let event = timeout(LIMIT, watch.next()).await.unwrap().unwrap();
    assert_eq!(event, Some(BindEvent::Failed { reason: "replaced".into() }));
    assert_eq!(timeout(LIMIT, watch.next()).await.unwrap().unwrap(), None);
    let mut watch = Client::connect(folders).await.unwrap().watch_bind(&second.bind).await.unwrap();
    assert!(timeout(LIMIT, watch.next()).await.unwrap().unwrap().is_some());
    ask::<Nothing>(folders, &Request::BindReject { bind: second.bind }).await.unwrap();
    let event = timeout(LIMIT, watch.next()).await.unwrap().unwrap();
    assert_eq!(event, Some(BindEvent::Failed { reason: "rejected".into() }));
}

/// Says hello as a plugin does; the link lasts as long as what is returned.
async fn link(running: &Running, folders: &Folders) -> impl Sized {
    let url = format!("ws://127.0.0.1:{}/openclaw", running.service_file().port);
    let stream = tokio::net::TcpStream::connect(running.service().addresses()[0]).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let hello = socket.next().await.unwrap().unwrap().into_text().unwrap();
    let ToPlugin::Hello { sn, .. } = ToPlugin::decode(&hello).unwrap() else { panic!("{hello}") };
    let key = channel::keys::load_or_create(&folders.link_key()).unwrap();
    let (cn, gateway) = (Blob([7; 32]), "0123456789abcdef0123456789abcdef");
    let mac = proof::link_auth_mac(&key, &sn, &cn, gateway);
    let auth = LinkAuth { v: 1, cn, gateway: gateway.into(), plugin: "0.1.0".into(), host: "2026.9.6".into(), mac };
    socket.send(Message::text(wire::encode(&FromPlugin::Auth(auth)))).await.unwrap();
    let ready = socket.next().await.unwrap().unwrap().into_text().unwrap();
    assert!(matches!(ToPlugin::decode(&ready), Ok(ToPlugin::Ready { .. })), "{ready}");
    socket
}

#[tokio::test]
async fn only_a_plugin_that_comes_later_ends_the_wait_for_one() {
    let temp = tempfile::tempdir().unwrap();
    let running = Running::start(options(temp.path(), Agent::Gateway), NoDesktop).unwrap();
    let folders = Folders::under(temp.path());
    let first = link(&running, &folders).await;
    assert_eq!(code(&Folders::under(temp.path()), Request::LinkAwait { timeout_s: 0 }).await, FailureCode::Timeout);
    let mut client = Client::connect(&Folders::under(temp.path())).await.unwrap();
    let request = Request::LinkAwait { timeout_s: 20 };
    let waiting = client.ask::<Hello>(&request);
    tokio::pin!(waiting);
    // A hello before the request reached the service would not count, so they come until one does.
    let mut links = vec![];
    let hello = loop {
        tokio::select! {
            hello = &mut waiting => break hello.unwrap(),
            socket = link(&running, &folders) => links.push(socket),
        }
    };
    assert_eq!((hello.plugin.as_str(), hello.host.as_str()), ("0.1.0", "2026.9.6"));
    drop(first);
}

#[test]
fn a_taken_port_is_told_with_its_holder_and_another_one() {
    let temp = tempfile::tempdir().unwrap();
    let holder = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = holder.local_addr().unwrap().port();
    let started = Running::start(Options { port: Some(port), ..options(temp.path(), Agent::Echo) }, NoDesktop);
    let Err(NotStarted::Failed(failure)) = started else { panic!("{started:?}") };
    assert_eq!(failure.code, FailureCode::PortInUse);
    assert_eq!((&failure.detail["port"], &failure.detail["holder"]["pid"]), (&port.into(), &std::process::id().into()));
    assert!(failure.detail["offer"].as_u64().unwrap() > u64::from(port));
    // Nothing is left that keeps the next start from working.
    let folders = Folders::under(temp.path());
    assert!(!folders.service_file().exists());
    drop(holder);
    Running::start(Options { port: Some(port), ..options(temp.path(), Agent::Echo) }, NoDesktop).unwrap().stop();
}

#[tokio::test]
async fn an_address_that_went_away_is_a_note_and_no_reason_not_to_start() {
    let temp = tempfile::tempdir().unwrap();
    let folders = Folders::under(temp.path());
    folders.create().unwrap();
    let config = Config {
        folder: folders.data,
        name: "n".into(),
        addresses: Vec::new(),
        agent: Agent::Gateway,
        keep_text_days: 30,
        timing: Timing::default(),
    };
    let service = Service::start(config).unwrap();
    // An address of the documentation: no computer has it.
    let gone = "192.0.2.7:0".parse().unwrap();
    let moved = controller::go(service.clone(), vec!["127.0.0.1:0".parse().unwrap(), gone]).await;
    assert_eq!((moved.listening.len(), moved.failure), (1, None));
    let refused: Vec<_> = moved.refused.iter().map(|(ip, failure)| (*ip, failure.code)).collect();
    assert_eq!(refused, [(gone.ip(), FailureCode::CannotListen)]);
    service.stop().await;
}

#[test]
fn unreadable_settings_keep_it_from_starting_and_are_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let options = options(temp.path(), Agent::Echo);
    options.folders.create().unwrap();
    std::fs::write(options.folders.settings_file(), "{").unwrap();
    let Err(NotStarted::Failed(failure)) = Running::start(options.clone(), NoDesktop) else { panic!("it started") };
    assert_eq!(failure.code, FailureCode::SettingsUnreadable);
    assert_eq!(std::fs::read_to_string(options.folders.settings_file()).unwrap(), "{");
}

#[test]
fn the_computer_has_a_name() {
    assert!(id::clean_name(&computer_name()).is_some());
}
