use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt};

use super::*;
use crate::control::client::Client;

/// Answers after what the request's text says: nothing, an event, a wait without end, a panic.
struct Scripted;

impl Answers for Scripted {
    async fn answer(&self, request: Request, events: Events) -> Result<Value, Failure> {
        if let Request::BindWatch { bind } = request {
            events.send(json!({"state":"waiting","expiresMs":1})).await?;
            return if bind == "ends" { Ok(json!({})) } else { std::future::pending().await };
        }
        assert_ne!(request, Request::LinkForget {}, "as a bug would");
        if let Request::DevicesSend { text, .. } = request {
            return Ok(json!({"n":text.len(),"online":true}));
        }
        if request == (Request::DevicesList {}) {
            Ok(json!({"devices":[]}))
        } else {
            Err(Failure::bare(FailureCode::DeviceUnknown))
        }
    }
}

struct Rig {
    folder: tempfile::TempDir,
    place: PathBuf,
    cancel: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

fn rig() -> Rig {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::listen(folder.path()).unwrap();
    let place = control.place().to_owned();
    let cancel = CancellationToken::new();
    let serving = tokio::spawn(control.serve(Arc::new(Scripted), cancel.clone()));
    Rig { folder, place, cancel, serving }
}

/// A connection that speaks bytes.
struct Raw {
    reader: BufReader<tokio::io::ReadHalf<Stream>>,
    writer: WriteHalf<Stream>,
}

impl Raw {
    async fn connect(place: &Path) -> Self {
        let stream = Stream::connect(place.to_fs_name::<GenericFilePath>().unwrap()).await.unwrap();
        let (reader, writer) = tokio::io::split(stream);
        Self { reader: BufReader::new(reader), writer }
    }

    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.writer.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(10), self.reader.read_line(&mut line))
            .await
            .expect("an answer in time")
            .unwrap();
        assert_ne!(read, 0, "the service closed");
        serde_json::from_str(&line).unwrap()
    }

    async fn hear_end(&mut self) {
        let mut rest = Vec::new();
        timeout(Duration::from_secs(10), self.reader.read_to_end(&mut rest)).await.expect("an end in time").unwrap();
        assert_eq!(rest, b"");
    }
}

#[tokio::test]
async fn the_socket_is_its_owners_and_goes_with_the_service() {
    let rig = rig();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&rig.place).unwrap().permissions().mode() & 0o777, 0o600);
    }
    rig.cancel.cancel();
    rig.serving.await.unwrap();
    assert!(!rig.place.exists());
    let failure = Client::connect_to(&rig.place).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::NotRunning);
}

/// A pipe goes with its process.
#[cfg(unix)]
#[tokio::test]
async fn a_socket_of_a_dead_process_is_replaced_and_another_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut dead = Control::listen(folder.path()).unwrap();
    dead.listener.do_not_reclaim_name_on_drop();
    let place = dead.place().to_owned();
    drop(dead);
    assert!(place.exists());
    assert_eq!(Client::connect_to(&place).await.unwrap_err().code, FailureCode::NotRunning);
    drop(Control::listen(folder.path()).unwrap());
    std::fs::write(&place, b"mine").unwrap();
    assert!(matches!(Control::listen(folder.path()), Err(ControlError::Listen { .. })));
    assert_eq!(std::fs::read(&place).unwrap(), b"mine");
}

#[tokio::test]
async fn a_bad_line_costs_one_answer_and_no_connection() {
    let rig = rig();
    let mut raw = Raw::connect(&rig.place).await;
    raw.say("x\n{\"id\":2,\"do\":\"fly\"}\n").await;
    let mut answers = [raw.hear().await, raw.hear().await];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!((&answers[0]["id"], &answers[0]["failure"]["code"]), (&json!(0), &json!("bad_request")));
    assert_eq!(answers[1], json!({"id":2,"failure":{"code":"unknown_request","detail":"fly"}}));
    // A panic in one answer is that answer's alone.
    raw.say("{\"id\":3,\"do\":\"link.forget\"}\n").await;
    assert_eq!(raw.hear().await, json!({"id":3,"failure":{"code":"internal"}}));
    raw.say("{\"id\":4,\"do\":\"devices.list\"}\n").await;
    assert_eq!(raw.hear().await, json!({"id":4,"ok":{"devices":[]}}));
}

#[tokio::test]
async fn a_line_of_the_limit_is_taken_and_one_more_byte_is_not() {
    let rig = rig();
    let mut raw = Raw::connect(&rig.place).await;
    let frame = |length: usize| {
        let empty = r#"{"id":1,"do":"devices.send","deviceKey":"k","text":""}"#.len();
        format!(
            "{{\"id\":1,\"do\":\"devices.send\",\"deviceKey\":\"k\",\"text\":\"{}\"}}\n",
            "x".repeat(length - empty)
        )
    };
    assert_eq!(frame(LINE).len(), LINE + 1);
    raw.say(frame(LINE)).await;
    assert!(raw.hear().await["ok"]["n"].is_number());
    raw.say(frame(LINE + 1)).await;
    let refused = raw.hear().await;
    assert_eq!((&refused["id"], &refused["failure"]["code"]), (&json!(0), &json!("bad_request")));
    raw.say("{\"id\":2,\"do\":\"devices.list\"}\n").await;
    assert_eq!(raw.hear().await["id"], 2);
}

#[tokio::test]
async fn open_requests_and_connections_are_bounded() {
    let rig = rig();
    let mut raw = Raw::connect(&rig.place).await;
    for id in 1..=REQUESTS {
        raw.say(format!("{{\"id\":{id},\"do\":\"bind.watch\",\"bind\":\"stays\"}}\n")).await;
        assert_eq!(raw.hear().await["event"]["state"], "waiting");
    }
    raw.say("{\"id\":99,\"do\":\"devices.list\"}\n").await;
    assert_eq!(raw.hear().await, json!({"id":99,"failure":{"code":"too_many"}}));
    let mut others = Vec::new();
    for _ in 1..CONNECTIONS {
        let mut other = Raw::connect(&rig.place).await;
        other.say("{\"id\":1,\"do\":\"devices.list\"}\n").await;
        assert_eq!(other.hear().await["id"], 1);
        others.push(other);
    }
    let mut refused = Raw::connect(&rig.place).await;
    assert_eq!(refused.hear().await, json!({"id":0,"failure":{"code":"too_many"}}));
    refused.hear_end().await;
    // One that leaves makes room, with all its streams.
    drop(raw);
    let served = async {
        loop {
            let mut next = Raw::connect(&rig.place).await;
            next.say("{\"id\":1,\"do\":\"devices.list\"}\n").await;
            if next.hear().await["id"] == 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), served).await.expect("room in time");
}

#[tokio::test]
async fn streams_end_with_ok_and_with_stopping() {
    let rig = rig();
    let client = || async { Client::connect_to(&rig.place).await.unwrap() };
    let mut ends = client().await.watch_bind("ends").await.unwrap();
    assert!(ends.next().await.unwrap().is_some());
    assert_eq!(ends.next().await.unwrap(), None);
    let mut stays = client().await.watch_bind("stays").await.unwrap();
    assert!(stays.next().await.unwrap().is_some());
    rig.cancel.cancel();
    assert_eq!(stays.next().await.unwrap_err().code, FailureCode::Stopping);
    assert_eq!(stays.next().await.unwrap_err().code, FailureCode::ControlLost);
    rig.serving.await.unwrap();
    drop(rig.folder);
}

#[tokio::test]
async fn the_client_hands_on_what_the_service_says() {
    let rig = rig();
    let mut client = Client::connect_to(&rig.place).await.unwrap();
    assert_eq!(client.request("devices.list", Value::Null).await.unwrap(), json!({"devices":[]}));
    assert_eq!(client.request("fly", json!({})).await.unwrap_err().code, FailureCode::UnknownRequest);
    assert_eq!(client.request("status", json!([])).await.unwrap_err().code, FailureCode::BadRequest);
    let status = client.ask::<super::super::answer::Status>(&Request::Status {}).await;
    assert_eq!(status.unwrap_err().code, FailureCode::DeviceUnknown);
    let shape = client.ask::<super::super::answer::Sent>(&Request::DevicesList {}).await;
    assert_eq!(shape.unwrap_err().code, FailureCode::AnswerUnreadable);
    // A text that makes the line too long is said, and the connection goes on.
    let long = Request::DevicesSend { device_key: "k".into(), text: "x".repeat(LINE) };
    assert_eq!(
        client.request("devices.send", serde_json::to_value(&long).unwrap()).await.unwrap_err().code,
        FailureCode::BadRequest
    );
    assert!(client.request("devices.list", Value::Null).await.is_ok());
}
