//! What a stranger's bytes meet first, as functions of bytes. `make soak` feeds them by coverage (`tests/fuzz`); the tests below feed them what that found.
//!
//! Each asserts more than that nothing panics: what was accepted is what it says it is, and no bound is passed.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncWriteExt as _, duplex};
use tokio::runtime::Runtime;

use crate::device_session::credential::{Credential, Way};
use crate::device_session::state as device;
use crate::guard::{self, Ends, Head, Route};
use crate::id::DeviceKey;
use crate::listener::http;
use crate::socket::{Incoming as Happening, Socket};
use crate::upgrade;
use crate::upstream_session::state as link;
use crate::wire::device::{FromDevice, ToDevice};
use crate::wire::upstream::{FromPlugin, ToPlugin};
use crate::wire::{self, FrameError};

/// One target.
pub type Target = fn(&[u8]);
/// The targets, by the names of their folders in `tests/fuzz/corpus`.
pub const TARGETS: [(&str, Target); 4] =
    [("device", from_device), ("upstream", from_plugin), ("head", http_head), ("frames", frames)];

/// Frames of a device, one a line, and the session that they drive.
pub fn from_device(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for (secure, loopback) in [(false, true), (false, false), (true, false)] {
        session(text, Way { secure, loopback });
    }
}

fn session(text: &str, way: Way) {
    let mut state = device::State::new(way);
    for (count, line) in text.lines().enumerate() {
        let _ = same_again(line, ToDevice::decode(line), ToDevice::decode);
        let mut input = Some(match same_again(line, FromDevice::decode(line), FromDevice::decode) {
            Ok(frame) => device::Input::Frame(frame),
            Err(FrameError::Unknown(kind)) => device::Input::Unknown(kind),
            Err(FrameError::Malformed(_)) => device::Input::Malformed,
        });
        while let Some(now) = input.take() {
            let (next, outputs) = device::step(state, now, count as u64 * 10);
            assert!(outputs.len() <= 4, "one frame made {} orders", outputs.len());
            for output in outputs {
                match output {
                    // Whoever names a true key has it here: what follows a proof is worth more than what follows a failure.
                    device::Output::Prove(credential) => {
                        let known = match &*credential {
                            Credential::Signed(auth) => DeviceKey::parse(&auth.device_key).is_some(),
                            Credential::Token(_) => {
                                assert!(way.secure || way.loopback, "a token went on that everybody could read");
                                true
                            }
                        };
                        let proof = if known { device::Proof::Good } else { device::Proof::UnknownKey };
                        input = Some(device::Input::Proved(proof));
                    }
                    device::Output::Announce(_) => {
                        assert!(way.secure, "an announcement went on without TLS");
                        input = Some(device::Input::ClaimTaken);
                    }
                    device::Output::Claim(_) => input = Some(device::Input::ClaimTaken),
                    device::Output::Message { id, text } => {
                        assert!(crate::id::MessageId::parse(&id).is_some(), "{id:?} went on as a message id");
                        assert!((1..=wire::TEXT).contains(&text.len()), "{} bytes went on as a text", text.len());
                    }
                    device::Output::Send(_)
                    | device::Output::Ready(_)
                    | device::Output::Reveal(_)
                    | device::Output::Shown
                    | device::Output::Got(_)
                    | device::Output::FailedProof
                    | device::Output::Close(..) => {}
                }
            }
            state = next;
        }
    }
}

/// Frames of a plugin, one a line, and the link that they drive.
pub fn from_plugin(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut stage = link::Stage::Greeted(0);
    for line in text.lines() {
        let _ = same_again(line, ToPlugin::decode(line), ToPlugin::decode);
        let input = match same_again(line, FromPlugin::decode(line), FromPlugin::decode) {
            Ok(frame) => link::Input::Frame(frame),
            Err(FrameError::Unknown(kind)) => link::Input::Unknown(kind),
            Err(FrameError::Malformed(_)) => link::Input::Malformed,
        };
        let before = stage;
        let (next, outputs) = link::step(stage, input, |_| true);
        let passed = outputs.iter().any(|output| matches!(output, link::Output::Pass(_)));
        assert!(!passed || before == link::Stage::Linked, "a frame went on without a proof");
        stage = next;
    }
}

/// What is read is JSON for everybody, has a known type, and is read again as the same.
fn same_again<T: Serialize + PartialEq + std::fmt::Debug>(
    text: &str,
    read: Result<T, FrameError>,
    again: fn(&str) -> Result<T, FrameError>,
) -> Result<T, FrameError> {
    if let Ok(frame) = &read {
        let plain: Value = serde_json::from_str(text).expect("a frame is JSON");
        let written = wire::encode(frame);
        let rewritten: Value = serde_json::from_str(&written).expect("a frame is JSON");
        assert_eq!(plain["t"], rewritten["t"]);
        assert_eq!(again(&written).as_ref(), Ok(frame), "{written}");
    }
    read
}

/// Where the service of these requests listens.
const BOUND: [&str; 3] = ["127.0.0.1:8765", "192.168.77.1:8765", "[::1]:8765"];
const FROM_BROWSERS: [&str; 5] = ["origin", "referer", "sec-fetch-site", "sec-fetch-dest", "sec-fetch-user"];

thread_local! {
    static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// How a request came, by the first byte: from the loopback if it is even, from the network if it is odd; with its second bit over TLS.
fn came(first: u8) -> (bool, bool) {
    (first & 1 == 0, first & 2 != 0)
}

/// The first request of a connection.
pub fn http_head(bytes: &[u8]) {
    let Some((first, request)) = bytes.split_first() else { return };
    let (local, secure) = came(*first);
    let Some(status) = answered(request, (local, secure)) else { return };
    if status != StatusCode::OK && status != StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    // Read with other eyes: no parser, only lines.
    let head = String::from_utf8_lossy(request).into_owned();
    let mut lines = head.lines().skip_while(|line| line.trim_end_matches('\r').is_empty());
    let target = lines.next().unwrap_or_default().to_owned();
    let fields: Vec<(String, String)> = lines
        .map(|line| line.trim_end_matches('\r'))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_ascii_lowercase()))
        .collect();
    let all = |name: &str| -> Vec<&str> {
        fields.iter().filter(|(named, _)| named == name).map(|(_, value)| value.as_str()).collect()
    };
    let [host] = all("host")[..] else { panic!("answered {status} without one Host: {head:?}") };
    let named = BOUND.contains(&host) || (local && host == "localhost:8765");
    assert!(named, "answered {status} for {host:?}");
    assert!(target.starts_with("GET /"), "answered {status} to {target:?}");
    assert!(!secure || all("origin").is_empty(), "a page over TLS: {head:?}");
    assert!(all("origin").iter().all(|origin| *origin == format!("http://{host}")), "another origin: {head:?}");
    if status == StatusCode::SWITCHING_PROTOCOLS {
        let site = all("sec-fetch-site");
        assert!(site.iter().all(|site| ["same-origin", "none"].contains(site)), "a foreign page: {head:?}");
        if target.starts_with("GET /openclaw") {
            assert!(local && !secure && FROM_BROWSERS.iter().all(|name| all(name).is_empty()), "the link: {head:?}");
        }
    }
}

/// The status of the first request in these bytes, as the product's own reader and guard give it. `None`: there was none.
fn answered(request: &[u8], (loopback, secure): (bool, bool)) -> Option<StatusCode> {
    let address = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let bound = BOUND.map(address);
    let (peer, local) = if loopback { ("127.0.0.1:50000", BOUND[0]) } else { ("192.168.77.2:50000", BOUND[1]) };
    let ends = Ends { peer: address(peer), local: address(local), secure };
    let first = RefCell::new(None);
    let answer = |request: Request<Incoming>| {
        let head = Head { method: request.method(), uri: request.uri(), headers: request.headers() };
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = match guard::check(&head, &bound, ends) {
            Ok(Route::Device | Route::Link) => upgrade::answer(request.version(), request.headers()).status(),
            Ok(Route::Page(_) | Route::Health | Route::Metrics) => StatusCode::OK,
            Err(refusal) => refusal.status(),
        };
        first.borrow_mut().get_or_insert(response.status());
        std::future::ready(Ok::<_, Infallible>(response))
    };
    RUNTIME.with_borrow_mut(|runtime| {
        let runtime = runtime.get_or_insert_with(|| {
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
        });
        runtime.block_on(async {
            // Room for everything in both directions: nobody waits.
            let (mut stranger, service) = duplex(1 << 20);
            stranger.write_all(request).await.expect("there is room");
            stranger.shutdown().await.expect("it is open");
            let mut connection =
                http::reader(Duration::from_secs(5)).serve_connection(TokioIo::new(service), service_fn(answer));
            // What is wrong with it was answered or not; both are fine.
            let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
        });
    });
    first.into_inner()
}

/// What follows a 101: WebSocket frames, or none. The first byte is the size of the pieces in which they come.
pub fn frames(bytes: &[u8]) {
    let Some((pieces, stream)) = bytes.split_first() else { return };
    for limit in [wire::GREETING_FRAME, wire::DEVICE_FRAME] {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut stranger, service) = duplex(stream.len() + (64 << 10));
        let mut socket = Socket::new(service, &[], limit);
        let mut heard = 0;
        'pieces: for piece in stream.chunks(usize::from(*pieces) + 1).chain([&[][..]]) {
            let written = std::pin::pin!(stranger.write_all(piece)).poll(&mut cx);
            assert!(matches!(written, Poll::Ready(Ok(()) | Err(_))), "there is room for all");
            // A frame has two bytes at least.
            while let Poll::Ready(happening) = socket.poll_next(&mut cx) {
                heard += 1;
                assert!(heard <= stream.len() / 2 + 2, "{heard} happenings in {} bytes", stream.len());
                match happening {
                    Happening::Text(text) => assert!(text.len() <= limit, "{} of {limit} bytes", text.len()),
                    Happening::Control => {}
                    Happening::Binary | Happening::TooBig | Happening::Broken | Happening::Gone => break 'pieces,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(target);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("no corpus in {}: {error}", folder.display()));
        let paths = files.map(|file| file.expect("a file").path());
        paths.map(|path| (path.clone(), fs::read(path).expect("it can be read"))).collect()
    }

    #[test]
    fn what_fuzzing_found_is_taken_by_every_target() {
        for (name, _) in TARGETS {
            let corpus = corpus(name);
            assert!(corpus.len() >= 20, "only {} files for {name}", corpus.len());
            for (path, bytes) in corpus {
                for (target, run) in TARGETS {
                    let outcome = std::panic::catch_unwind(|| run(&bytes));
                    assert!(outcome.is_ok(), "{target} does not take {}", path.display());
                }
            }
        }
    }

    /// Without this a corpus that reaches nothing would pass.
    #[test]
    fn the_corpus_reaches_every_answer_of_the_head_and_every_frame() {
        let mut statuses: Vec<u16> = corpus("head")
            .iter()
            .filter_map(|(_, bytes)| bytes.split_first())
            .filter_map(|(first, request)| Some(answered(request, came(*first))?.as_u16()))
            .collect();
        statuses.sort_unstable();
        statuses.dedup();
        assert_eq!(statuses, [101, 200, 400, 403, 404, 405, 421, 426]);
        let lines = |target: &str| -> Vec<String> {
            let texts = corpus(target).into_iter().map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned());
            texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
        };
        let kinds = |target: &str, is_frame: fn(&str) -> bool, known: &[&str]| {
            let lines = lines(target);
            for kind in known {
                let named = format!("\"t\":\"{kind}\"");
                let read = lines.iter().any(|line| line.replace(' ', "").contains(&named) && is_frame(line));
                assert!(read, "no {kind} in the corpus of {target}");
            }
        };
        kinds("device", |line| FromDevice::decode(line).is_ok(), &FromDevice::KNOWN);
        kinds("upstream", |line| FromPlugin::decode(line).is_ok(), &FromPlugin::KNOWN);
    }

    /// The twins: an oracle that cannot object proves nothing.
    #[test]
    fn a_head_that_is_let_in_wrongly_is_caught() {
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let head = |host: &str| format!("\0GET /device HTTP/1.1\r\nHost: {host}\r\n{upgrade}").into_bytes();
        assert_eq!(answered(&head("127.0.0.1:8765")[1..], came(0)), Some(StatusCode::SWITCHING_PROTOCOLS));
        http_head(&head("127.0.0.1:8765"));
        assert_eq!(answered(&head("evil.example:8765")[1..], came(0)), Some(StatusCode::MISDIRECTED_REQUEST));
        let nonsense = "{\"t\":\"ping\",\"c\":1}";
        let wrong = std::panic::catch_unwind(|| {
            same_again(nonsense, FromDevice::decode(nonsense), |_| FromDevice::decode("{\"t\":\"ping\",\"c\":2}"))
        });
        assert!(wrong.is_err(), "a frame that is read as another one was overlooked");
    }
}
