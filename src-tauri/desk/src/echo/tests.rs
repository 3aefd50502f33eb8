use channel::wire::Versions;
use tokio::net::TcpListener;

use super::*;

const KEY: [u8; 32] = [9; 32];
const TURN: &str = "kzdvvj2umnduyauf35o36k6kw4.01JD0000000000000000000001";
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn waits_grow_to_their_bound_and_spread_over_all_of_it() {
    assert_eq!(pause(1, 0), Duration::ZERO);
    assert_eq!(pause(1, u32::MAX), Duration::from_secs(1));
    assert_eq!(pause(3, u32::MAX), Duration::from_secs(4));
    for failures in [6, 7, 40, u32::MAX] {
        assert_eq!(pause(failures, u32::MAX), WAITS.1, "{failures}");
    }
    let middle = pause(2, u32::MAX / 2);
    assert!(middle > Duration::from_millis(990) && middle < Duration::from_millis(1_010));
}

/// The service's side of one link.
struct Link(Socket);

impl Link {
    /// Takes the next connection up to the plugin's proof, which must hold.
    async fn accept(listener: &TcpListener, key: &[u8; 32]) -> Self {
        let (stream, _) = timeout(LIMIT, listener.accept()).await.expect("a connection in time").unwrap();
        let mut link = Self(tokio_tungstenite::accept_async(stream).await.unwrap());
        let sn = Blob([1; 32]);
        link.say(&ToPlugin::Hello { v: Versions::OURS, sn: sn.clone(), epoch: "e".into(), hb: 30 }).await;
        let FromPlugin::Auth(auth) = link.hear().await else { panic!("no auth") };
        assert!(proof::link_auth_holds(&KEY, &sn, &auth.cn, &auth.gateway, &auth.mac));
        assert_eq!(auth.gateway, ECHO_GATEWAY);
        let mac = proof::link_ready_mac(key, &sn, &auth.cn, &auth.gateway, 4);
        link.say(&ToPlugin::Ready { r#gen: 4, mac }).await;
        link
    }

    async fn say(&mut self, frame: &ToPlugin) {
        self.0.send(Message::text(wire::encode(frame))).await.unwrap();
    }

    async fn hear(&mut self) -> FromPlugin {
        let message = timeout(LIMIT, self.0.next()).await.expect("a frame in time").expect("a frame").unwrap();
        FromPlugin::decode(message.to_text().unwrap()).unwrap()
    }

    async fn deliver(&mut self) {
        let device = "kzdvvj2umnduyauf35o36k6kw4".to_owned();
        self.say(&ToPlugin::Deliver { turn: TURN.into(), device, name: "n".into(), text: "你好".into(), ts: 1 }).await;
    }

    /// Frames up to `done`.
    async fn hear_turn(&mut self) -> Vec<FromPlugin> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.hear().await);
            if matches!(frames.last(), Some(FromPlugin::Done { .. })) {
                return frames;
            }
        }
    }
}

async fn start() -> (TcpListener, CancellationToken, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = listener.local_addr().unwrap();
    let config = Config { service, link_key: Zeroizing::new(KEY), pace: Duration::from_millis(1) };
    let cancel = CancellationToken::new();
    (listener, cancel.clone(), tokio::spawn(run(config, cancel)))
}

#[tokio::test]
async fn a_break_before_stored_repeats_the_answer_and_one_after_it_does_not() {
    let (listener, cancel, running) = start().await;
    let mut link = Link::accept(&listener, &KEY).await;
    link.deliver().await;
    let first = link.hear_turn().await;
    let last = &first[first.len() - 2..];
    assert!(matches!(&last[0], FromPlugin::Reply { text, .. } if text.contains("你好") && text.contains("no AI")));
    drop(link);
    let mut link = Link::accept(&listener, &KEY).await;
    assert_eq!(link.hear_turn().await, last);
    for rid in [format!("r.{TURN}"), format!("d.{TURN}")] {
        link.say(&ToPlugin::Stored { rid }).await;
    }
    link.say(&ToPlugin::Ping { c: 5 }).await;
    assert_eq!(link.hear().await, FromPlugin::Pong { c: 5 });
    drop(link);
    // Nothing is left to say: the first frame is the answer to what comes now, under the same ids as before.
    let mut link = Link::accept(&listener, &KEY).await;
    link.deliver().await;
    assert_eq!(link.hear_turn().await, first);
    cancel.cancel();
    assert!(matches!(link.hear().await, FromPlugin::Bye { .. }));
    timeout(LIMIT, running).await.expect("an end in time").unwrap();
}

#[tokio::test]
async fn a_service_without_the_link_key_hears_nothing() {
    let (listener, cancel, running) = start().await;
    let mut impostor = Link::accept(&listener, &[8; 32]).await;
    impostor.deliver().await;
    let end = timeout(LIMIT, impostor.0.next()).await.expect("an end in time");
    assert!(!matches!(end, Some(Ok(Message::Text(_)))), "{end:?}");
    // It tries again, and works with the real one.
    let mut link = Link::accept(&listener, &KEY).await;
    link.deliver().await;
    assert!(matches!(link.hear().await, FromPlugin::Accepted { .. }));
    cancel.cancel();
    timeout(LIMIT, running).await.expect("an end in time").unwrap();
}

#[tokio::test]
async fn an_unknown_frame_does_not_end_the_link_and_a_malformed_one_does() {
    let (listener, cancel, running) = start().await;
    let mut link = Link::accept(&listener, &KEY).await;
    link.0.send(Message::text(r#"{"t":"of_tomorrow"}"#)).await.unwrap();
    link.say(&ToPlugin::Ping { c: 1 }).await;
    assert_eq!(link.hear().await, FromPlugin::Pong { c: 1 });
    link.0.send(Message::text("[]")).await.unwrap();
    let next = Link::accept(&listener, &KEY).await;
    drop((link, next));
    cancel.cancel();
    timeout(LIMIT, running).await.expect("an end in time").unwrap();
}
