//! What web pages of strangers can get out of the service: nothing. Every story starts the real `smartpi serve --agent gateway --lan`, without a gateway, and,
//! where it says so, a real Chromium (chromedriver) with a page of another origin, of another port, or of a name that moved to the
//! service's address (DNS rebinding).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use support::browser::{Browser, Engine};
use support::channel_service::ChannelService;
use support::lab::{Lab, Namespace};
use support::page::PageServer;

/// Run as the body of an async function in a stranger's page.
const ATTACK: &str = include_str!("attack.js");
const PORT: u16 = 8765;
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn start(lab: &Lab) -> Result<ChannelService<'_>> {
    ChannelService::start(&lab.computer, &["--agent", "gateway", "--lan"])
}

fn stranger(place: &Namespace, address: SocketAddr) -> Result<PageServer> {
    let page = "<!doctype html><meta charset=utf-8><title>stranger</title><body><p>Free kettles!";
    PageServer::serve(place.listen(address)?, BTreeMap::from([("/", page.to_owned())]))
}

/// Asserts that no attempt of `attack.js` brought the page anything that it can read or use.
fn assert_nothing(got: &Value, from: &str) -> Result<()> {
    let got = got.as_object().with_context(|| format!("the attack from {from} did not end: {got}"))?;
    ensure!(got.len() > 30, "the attack from {from} was cut short: {got:?}");
    for (attempt, outcome) in got {
        let harmless = match attempt.split(' ').next().unwrap_or_default() {
            "cors" | "preflight" => outcome["refused"].is_string(),
            "no-cors" | "post" => {
                outcome["refused"].is_string()
                    || (outcome["type"] == "opaque" && outcome["status"] == 0 && outcome["text"] == "")
            }
            "ws" => outcome["opened"] == false && outcome["frames"] == json!([]),
            "img" | "script" | "style" | "events" => outcome == "error",
            "look" => outcome.is_null(),
            // Whether a beacon was queued and a frame finished says nothing; the service's own counts and the frame's content do.
            "beacon" | "frame" => true,
            _ => false,
        };
        ensure!(harmless, "from {from}, `{attempt}` got {outcome}");
    }
    Ok(())
}

/// Asserts from the service's side that nobody got past the door.
fn assert_no_session(lab: &Lab, service: &ChannelService<'_>) -> Result<()> {
    let metrics = ask(&lab.computer, LOOPBACK, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:8765\r\n\r\n")?;
    ensure!(metrics.status == 200, "no metrics: {metrics:?}");
    let count = |name: &str| -> Result<u64> {
        let row = metrics.body.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(row.with_context(|| format!("no {name} in {}", metrics.body))?.parse()?)
    };
    for nothing in ["devices_online", "link_up", "failed_proofs_total", "messages_received_total"] {
        let count = count(&format!("smartpi_{nothing}"))?;
        ensure!(count == 0, "{nothing} is {count}");
    }
    ensure!(count("smartpi_requests_refused_total")? > 0, "nothing was refused, so nothing was tried");
    let mut control = service.control()?;
    assert_eq!(control.ask("devices.list", json!({}))?["devices"], json!([]));
    assert_eq!(control.ask("devices.pending", json!({}))?["pending"], json!([]));
    assert_eq!(control.ask("status", json!({}))?["link"]["state"], "offline");
    Ok(())
}

#[test]
fn pages_of_other_origins_get_nothing_from_the_phone_s_chromium() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let mut browser = Browser::open(Engine::Chromium, &lab.phone)?;
    let other_port = stranger(&lab.computer, (Lab::COMPUTER, 8080).into())?;
    let other_address = stranger(&lab.phone, (Lab::PHONE, PORT).into())?;
    for page in [&other_port, &other_address] {
        let from = format!("http://{}", page.address());
        browser.go(&from)?;
        let got = browser.session().promise(ATTACK, &[json!("192.168.77.1:8765")])?;
        assert_nothing(&got, &from)?;
        assert_frame_is_empty(&mut browser)?;
    }
    assert_no_session(&lab, &service)
}

#[test]
fn pages_on_the_computer_itself_get_nothing_from_the_loopback() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    let mut browser = Browser::open(Engine::Chromium, &lab.computer)?;
    let other_port = stranger(&lab.computer, (LOOPBACK, 8080).into())?;
    for (from, target) in [
        (format!("http://{}", other_port.address()), "127.0.0.1:8765"),
        // The same server under its other name, and the other name of the service.
        ("http://localhost:8080".to_owned(), "127.0.0.1:8765"),
        (format!("http://{}", other_port.address()), "localhost:8765"),
        (format!("http://{}", other_port.address()), "192.168.77.1:8765"),
    ] {
        browser.go(&from)?;
        let got = browser.session().promise(ATTACK, &[json!(target)])?;
        assert_nothing(&got, &format!("{from} to {target}"))?;
        assert_frame_is_empty(&mut browser)?;
    }
    assert_no_session(&lab, &service)
}

/// Asserts that the frame which a stranger laid around the page of the service holds no page of the service.
fn assert_frame_is_empty(browser: &mut Browser) -> Result<()> {
    browser.session().post("/frame", &json!({"id": 0}))?;
    let shown = browser.value("[location.protocol, document.documentElement.outerHTML]")?;
    browser.session().post("/frame", &json!({"id": null}))?;
    ensure!(shown[0] == "chrome-error:", "the frame shows {shown}");
    Ok(())
}

#[test]
fn a_name_that_moves_to_the_service_gets_nothing_from_the_network() -> Result<()> {
    let lab = Lab::new();
    rebind(&lab, &lab.phone, Lab::PHONE, Lab::COMPUTER)
}

#[test]
fn a_name_that_moves_to_the_loopback_gets_nothing_from_there() -> Result<()> {
    let lab = Lab::new();
    rebind(&lab, &lab.computer, Ipv4Addr::new(127, 0, 0, 2), LOOPBACK)
}

/// A page of `evil.example:8765`, whose name then leads to the service: the browser takes both for one origin.
fn rebind(lab: &Lab, place: &Namespace, hostile: Ipv4Addr, service_address: Ipv4Addr) -> Result<()> {
    let service = start(lab)?;
    let page = stranger(place, (hostile, PORT).into())?;
    let rules = format!("--host-resolver-rules=MAP evil.example {hostile},MAP direct.example {service_address}");
    let mut browser = Browser::open_with(Engine::Chromium, place, &[&rules])?;

    browser.go("http://evil.example:8765/")?;
    assert_eq!(browser.value("document.title")?, "stranger");
    page.rebind(place.dialer((service_address, PORT).into()));
    let got = browser.session().promise(ATTACK, &[json!("evil.example:8765")])?;
    assert_refused(&got)?;

    browser.go("http://direct.example:8765/")?;
    let shown = browser.value("[document.body.innerText, document.scripts.length]")?;
    ensure!(shown[0].as_str().is_some_and(|text| text.contains("SmartPi") && text.len() < 200), "shown: {shown}");
    assert_eq!(shown[1], 0);
    assert_no_session(lab, &service)
}

/// Asserts that a page of the same origin, which may read what it is answered, reads refusals and nothing about the service.
fn assert_refused(got: &Value) -> Result<()> {
    let got = got.as_object().with_context(|| format!("the attack did not end: {got}"))?;
    ensure!(got.len() > 30, "the attack was cut short: {got:?}");
    let (mut answered, mut turned_away) = (0, 0);
    for (attempt, outcome) in got {
        match attempt.split(' ').next().unwrap_or_default() {
            // A crowd from one address may be turned away without a word: who is told nothing has got nothing.
            "cors" | "no-cors" | "post" | "preflight" if outcome["refused"].is_string() => turned_away += 1,
            "cors" | "no-cors" | "post" | "preflight" => {
                ensure!(outcome["status"] == 421, "`{attempt}` got {outcome}");
                ensure!(outcome["text"].as_str().is_some_and(|text| text.len() < 200), "`{attempt}` got {outcome}");
                answered += 1;
            }
            "ws" => ensure!(outcome["opened"] == false && outcome["frames"] == json!([]), "`{attempt}` got {outcome}"),
            "img" | "script" | "style" | "events" => ensure!(outcome == "error", "`{attempt}` got {outcome}"),
            "look" => ensure!(outcome.as_str().is_none_or(|text| text.len() < 200), "`{attempt}` got {outcome}"),
            _ => {}
        }
    }
    ensure!(turned_away <= 2, "{turned_away} of the attempts were not answered: {got:?}");
    ensure!(answered > 20, "the name did not lead to the service: {got:?}");
    Ok(())
}

/// The twin that must fail: the same attacks on a server that looks at neither `Host` nor `Origin` and forbids no frame.
#[test]
fn a_server_that_checks_nothing_does_not_pass_these_stories() -> Result<()> {
    let lab = Lab::new();
    let _careless = stranger(&lab.computer, (Lab::COMPUTER, PORT).into())?;
    let page = stranger(&lab.phone, (Lab::PHONE, PORT).into())?;
    let rules = format!("--host-resolver-rules=MAP evil.example {}", Lab::PHONE);
    let mut browser = Browser::open_with(Engine::Chromium, &lab.phone, &[&rules])?;

    browser.go(&format!("http://{}", page.address()))?;
    browser.session().promise(ATTACK, &[json!("192.168.77.1:8765")])?;
    let framed = assert_frame_is_empty(&mut browser).expect_err("a page in a frame was overlooked");
    ensure!(framed.to_string().contains("Free kettles!"), "{framed}");

    browser.go("http://evil.example:8765/")?;
    page.rebind(lab.phone.dialer((Lab::COMPUTER, PORT).into()));
    let got = browser.session().promise(ATTACK, &[json!("evil.example:8765")])?;
    assert_eq!(got["cors /"]["status"], 200, "the name did not move: {got}");
    assert_refused(&got).expect_err("an answer that was read was overlooked");
    assert_nothing(&got, "evil.example").expect_err("an answer that was read was overlooked");
    Ok(())
}

/// The twin of the attacks: what a page of the service's own origin gets. Without it, a service that answers nobody would pass.
#[test]
fn the_page_of_the_service_itself_reads_and_connects() -> Result<()> {
    let lab = Lab::new();
    let _service = start(&lab)?;
    let mut browser = Browser::open(Engine::Chromium, &lab.phone)?;
    browser.go("http://192.168.77.1:8765/")?;
    let got = browser.session().promise(
        "const health = await (await fetch('/healthz')).json();
         const socket = new WebSocket(`ws://${location.host}/device`);
         const first = await new Promise((end, fail) => {
           socket.onmessage = (event) => end(JSON.parse(event.data).t);
           socket.onerror = fail;
         });
         socket.close();
         const metrics = (await fetch('/metrics')).status;
         return { health, first, metrics };",
        &[],
    )?;
    assert_eq!(got, json!({"health": {"ok": true}, "first": "hello", "metrics": 403}));

    // A link on another site may open the page, as any link may.
    let other = stranger(&lab.computer, (Lab::COMPUTER, 8080).into())?;
    browser.go(&format!("http://{}", other.address()))?;
    browser.session().script("location.href = 'http://192.168.77.1:8765/'", &[])?;
    browser.wait_for("location.port === '8765' && document.scripts.length > 0", Duration::from_secs(10))?;
    Ok(())
}

/// One answer over a real socket.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn ask(place: &Namespace, address: Ipv4Addr, request: &str) -> Result<Answer> {
    read_answer(place.connect((address, PORT).into())?, request)
}

fn read_answer(mut stream: TcpStream, request: &str) -> Result<Answer> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    // After a 101 the socket stays open: read to the end of the head, then to the length that it gives.
    let (head, mut body) = loop {
        let read = stream.read(&mut part).with_context(|| format!("no whole answer to {request:?}"))?;
        ensure!(read > 0, "closed in the head of the answer to {request:?}: {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&part[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&bytes[..end]).to_lowercase(), bytes[end + 4..].to_vec());
        }
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| head.clone())?;
    if status != 101 {
        stream.read_to_end(&mut body)?;
    }
    Ok(Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() })
}

/// `Host` values, with `HERE` for the address that was dialled, and whether they name the service.
const HOSTS: [(&[&str], bool); 16] = [
    (&["HERE:8765"], true),
    (&[], false),
    (&["HERE:8765", "HERE:8765"], false),
    (&["HERE"], false),
    (&["HERE:8766"], false),
    (&["HERE:08765"], false),
    (&["HERE.:8765"], false),
    (&["evil.example:8765"], false),
    (&["HERE.evil.example:8765"], false),
    (&["evil@HERE:8765"], false),
    (&["0.0.0.0:8765"], false),
    (&["192.168.77.2:8765"], false),
    (&["3232255233:8765"], false),
    (&["192.168.077.001:8765"], false),
    (&["[::ffff:192.168.77.1]:8765"], false),
    (&["localhost.evil.example:8765"], false),
];

/// `Origin` values, and whether they are the service's own.
const ORIGINS: [(Option<&str>, bool); 8] = [
    (None, true),
    (Some("http://HERE:8765"), true),
    (Some("https://HERE:8765"), false),
    (Some("http://HERE:8080"), false),
    (Some("http://HERE"), false),
    (Some("null"), false),
    (Some("http://evil.example:8765"), false),
    (Some("http://HERE:8765.evil.example"), false),
];

/// `Sec-Fetch-Site`, `-Mode`, `-Dest`; whether any route takes them; whether the page does.
const FETCHES: [([&str; 3], bool, bool); 6] = [
    (["", "", ""], true, true),
    (["none", "navigate", "document"], true, true),
    (["same-origin", "cors", "empty"], true, true),
    (["cross-site", "navigate", "document"], false, true),
    (["cross-site", "navigate", "iframe"], false, false),
    (["same-site", "no-cors", "image"], false, false),
];

const PATHS: [&str; 7] = ["/", "/b", "/healthz", "/metrics", "/device", "/openclaw", "/nothing"];

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The table of docs/PROTOCOL.md 1.2 over real sockets, from the network and from the loopback: 16 x 8 x 6 x 7 x 2 requests.
#[test]
fn every_route_answers_only_whom_the_table_allows() -> Result<()> {
    let lab = Lab::new();
    let _service = start(&lab)?;
    for (place, address) in [(&lab.phone, Lab::COMPUTER), (&lab.computer, LOOPBACK)] {
        // Entering once, not once a request.
        place.enter(|| matrix(address))?;
    }
    Ok(())
}

fn matrix(address: Ipv4Addr) -> Result<()> {
    let local = address.is_loopback();
    let here = address.to_string();
    for (hosts, host_fits) in HOSTS {
        for (origin, origin_fits) in ORIGINS {
            for (fetch, any, document) in FETCHES {
                for path in PATHS {
                    let mut request = format!("GET {path} HTTP/1.1\r\n");
                    for host in hosts {
                        request += &format!("Host: {}\r\n", host.replace("HERE", &here));
                    }
                    if let Some(origin) = origin {
                        request += &format!("Origin: {}\r\n", origin.replace("HERE", &here));
                    }
                    for (name, value) in ["Site", "Mode", "Dest"].iter().zip(fetch) {
                        if !value.is_empty() {
                            request += &format!("Sec-Fetch-{name}: {value}\r\n");
                        }
                    }
                    let socket = ["/device", "/openclaw"].contains(&path);
                    request += if socket { UPGRADE } else { "Connection: close\r\n" };
                    request += "\r\n";
                    let from_browser = origin.is_some() || !fetch[0].is_empty();
                    let expected = if !host_fits {
                        // Without a name, or with two, HTTP itself allows 400.
                        if hosts.len() == 1 { &[421][..] } else { &[400, 421] }
                    } else if !origin_fits || !(any || (document && ["/", "/b"].contains(&path))) {
                        &[403]
                    } else {
                        match path {
                            "/openclaw" if !local || from_browser => &[403],
                            "/metrics" if !local => &[403],
                            "/device" | "/openclaw" => &[101],
                            "/nothing" => &[404],
                            _ => &[200],
                        }
                    };
                    let stream = TcpStream::connect_timeout(&(address, PORT).into(), Duration::from_secs(5))?;
                    let answer = read_answer(stream, &request)?;
                    ensure!(expected.contains(&answer.status), "{expected:?} expected\n{request}{answer:#?}");
                    ensure!(
                        !answer.head.contains("access-control"),
                        "an answer lets other sites read it:\n{request}{answer:#?}"
                    );
                    ensure!(!answer.head.contains("set-cookie"), "an answer sets a cookie:\n{request}{answer:#?}");
                }
            }
        }
    }
    Ok(())
}

/// No route changes anything, and none takes another method than GET.
#[test]
fn other_methods_are_refused_on_every_route() -> Result<()> {
    let lab = Lab::new();
    let service = start(&lab)?;
    for (place, address) in [(&lab.phone, Lab::COMPUTER), (&lab.computer, LOOPBACK)] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "get"] {
            for path in PATHS {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: {address}:8765\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                );
                let status = ask(place, address, &request)?.status;
                let expected = match path {
                    "/openclaw" if !address.is_loopback() => &[403][..],
                    "/nothing" => &[405, 404],
                    _ => &[405],
                };
                ensure!(expected.contains(&status), "{method} {path} from {address}: {status}");
            }
        }
    }
    assert_no_session(&lab, &service)
}
