use super::*;
use crate::wire::device::Kind;

fn config(folder: &std::path::Path) -> Config {
    Config {
        folder: folder.into(),
        name: "test".into(),
        addresses: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
        agent: Agent::Gateway,
        keep_text_days: 30,
        timing: Timing::default(),
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(config(folder.path())).unwrap();
    let (device, text) = service.add_script("Backup".into()).await.unwrap();
    let seed = token::seed(&text).unwrap();
    let public_key = SigningKey::from_bytes(&seed).verifying_key();
    assert_eq!(DeviceKey::of(&public_key), device);
    let devices = service.devices().await.unwrap();
    assert_eq!(devices.iter().map(|device| (&device.key, device.kind)).collect::<Vec<_>>(), [(&device, Kind::Script)]);
    service.stop().await;
    let mut kept = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        kept.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let holds = |secret: &[u8]| kept.windows(secret.len()).any(|window| window == secret);
    assert!(holds(public_key.as_bytes()), "this is how the service knows it again");
    assert!(!holds(&seed[..]) && !holds(text[4..47].as_bytes()) && !holds(&text.as_bytes()[47..]));
}

#[tokio::test]
async fn a_stopped_service_has_ended_and_answers_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(config(folder.path())).unwrap();
    assert_eq!(service.devices().await, Ok(Vec::new()));
    let address = service.addresses()[0];
    assert!(std::fs::metadata(folder.path().join("channel.db-wal")).is_ok_and(|log| log.len() > 0));
    service.stop().await;
    assert!(!folder.path().join("channel.db-wal").exists(), "all of it is in the database, and the store is closed");
    service.ended().await;
    assert_eq!(service.devices().await, Err(Unanswered::Stopped));
    assert!(matches!(service.listen(&[address]).await, Err(StartError::Stopped(Unanswered::Stopped))));
    assert!(std::net::TcpStream::connect(address).is_err());
    assert!(service.addresses().is_empty());
    Service::start(config(folder.path())).unwrap().stop().await;
}

#[tokio::test]
async fn a_hub_that_dies_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(config(folder.path())).unwrap();
    let mut fatal = service.clone();
    // Every handle but the network's goes; then that one, and the hub has nobody left.
    fatal.cancel.cancel();
    fatal.net_ended.cancelled().await;
    let ended = service.hub_ended.clone();
    fatal.hub = HubHandle::channel().0;
    drop((service, fatal));
    ended.cancelled().await;
}

#[tokio::test]
async fn a_service_without_addresses_works_and_listens_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(Config { addresses: Vec::new(), ..config(folder.path()) }).unwrap();
    assert!(service.addresses().is_empty());
    assert_eq!(service.devices().await, Ok(Vec::new()));
    let here: IpAddr = [127, 0, 0, 1].into();
    assert_eq!(service.issue_ticket(here).await, Err(IssueError::NotListening));
    let bound = service.listen(&[SocketAddr::new(here, 0)]).await.unwrap();
    assert_eq!(service.addresses()[..], bound[..]);
    let ticket = service.issue_ticket(here).await.unwrap();
    assert!(ticket.url.starts_with(&format!("http://{}/b#", bound[0])));
    assert!(std::net::TcpStream::connect(bound[0]).is_ok());
    assert_eq!(service.listen(&[SocketAddr::new(here, 0)]).await.unwrap(), bound, "nothing to change");
    let progress = service.watch_bind(&ticket.bind).await.unwrap().unwrap();
    assert!(matches!(*progress.borrow(), BindProgress::Waiting { .. }));
    assert_eq!(service.listen(&[]).await.unwrap(), []);
    assert_eq!(service.issue_ticket(here).await, Err(IssueError::NotListening));
    assert_eq!(*progress.borrow(), BindProgress::Failed(crate::view::BindFailure::Replaced));
    assert!(std::net::TcpStream::connect(bound[0]).is_err());
    assert_eq!(service.turns(None, None, 10).await, Ok(Happened::default()));
    assert_eq!(service.set_agent(Agent::Echo).await, Ok(()));
    assert_eq!(service.reached(), []);
    assert_eq!(service.listen(&bound).await.unwrap(), bound);
    service.stop().await;
}
