//! One connection from its first byte to its HTTP answer or its session.

use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::stream::Stream;
use crate::gate::Door;
use crate::guard::{self, Ends, Head, Refusal, Route};
use crate::house::{House, Visit};
use crate::socket::{self, Socket};
use crate::wire::device::Bye;
use crate::wire::{Close, Code, GREETING_FRAME};
use crate::{device_session, page, tls, upgrade, upstream_session};

/// Largest HTTP head, in bytes.
const HEAD: usize = 8 << 10;
/// Most headers.
const HEADERS: usize = 32;
const PLAIN: &str = "text/plain; charset=utf-8";

/// Reads one request and answers it; a WebSocket goes on to its session. One connection carries one request: pages are small, and
/// an idle connection would keep a place from a device.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, mut visit: Visit, house: &House) {
    let accepted = Instant::now();
    let timing = &house.ports.timing;
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let Ok(local) = stream.local_addr() else { return };
    let mut first = [0];
    match timeout(timing.first_byte, stream.peek(&mut first)).await {
        Ok(Ok(1..)) => {}
        Ok(Ok(0) | Err(_)) | Err(_) => return,
    }
    // Whatever the guard says of the request: it arrived.
    house.ports.reached.heard(peer.ip(), local.ip());
    let head_due = accepted + timing.head;
    let secure = first[0] == tls::FIRST_BYTE;
    // Held as long as the connection is one.
    let _counted = secure.then(|| house.metrics.tls.hold());
    let stream = if secure {
        let shaken = timeout_at(head_due, Box::pin(house.ports.tls.accept(stream)));
        let shaken = tokio::select! {
            () = visit.cancel.cancelled() => return,
            shaken = shaken => shaken,
        };
        let Ok(Some(stream)) = shaken else { return house.metrics.handshakes_failed.add() };
        visit.chan = house.ports.tls.certificate().chan.clone();
        Stream::Tls(stream)
    } else {
        Stream::Plain(stream)
    };
    let ends = Ends { peer, local, secure };
    let chosen = OnceLock::new();
    let mut connection = reader(head_due.saturating_duration_since(Instant::now()))
        .serve_connection(TokioIo::new(stream), service_fn(|request| answer(&request, ends, house, &chosen)));
    // hyper bounds the head; a reader that does not take the answer is bounded here.
    let served = timeout_at(head_due + timing.stalled, poll_fn(|cx| connection.poll_without_shutdown(cx)));
    tokio::select! {
        () = visit.cancel.cancelled() => return,
        served = served => match served {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a request was not completed"),
            Err(_) => return,
        },
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    let Some(door) = chosen.get() else { return socket::linger(&mut stream).await };
    visit.permit.as_ref().inspect(|permit| permit.greeted());
    let socket = Socket::new(stream, &parts.read_buf, GREETING_FRAME);
    if let Some(wait) = house.gate.closed_for(peer.ip(), *door) {
        return turn_away(socket, wait).await;
    }
    match door {
        Door::Device => Box::pin(device_session::run(socket, visit, house)).await,
        Door::Link => Box::pin(upstream_session::run(socket, visit, house)).await,
    }
}

/// Reads heads within their limits.
pub(crate) fn reader(within: Duration) -> Builder {
    let mut reader = Builder::new();
    reader
        .timer(TokioTimer::new())
        .header_read_timeout(within.max(Duration::from_millis(1)))
        .max_buf_size(HEAD)
        .max_header_size(HEAD)
        .max_headers(HEADERS);
    reader
}

async fn turn_away(mut socket: Socket<Stream>, wait: Duration) {
    let retry_ms = u64::try_from(wait.as_millis()).ok();
    let bye = crate::wire::device::ToDevice::Bye(Bye { code: Code::TooFast, retry_ms });
    if socket.queue(crate::wire::encode(&bye)).is_ok() {
        socket.close(Close::TooFast).await;
    }
}

fn answer(
    request: &Request<Incoming>,
    ends: Ends,
    house: &House,
    chosen: &OnceLock<Door>,
) -> Ready<Result<Response<Full<Bytes>>, Infallible>> {
    let head = Head { method: request.method(), uri: request.uri(), headers: request.headers() };
    let response = match guard::check(&head, &house.listening(), ends) {
        Ok(Route::Page(file)) => {
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            page::answer(file, host)
        }
        Ok(Route::Health) => {
            page::plain(StatusCode::OK, "application/json", Bytes::from_static(b"{\"ok\":true}"), None)
        }
        Ok(Route::Metrics) => {
            page::plain(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", house.metrics.text().into(), None)
        }
        Ok(Route::Device) => upgraded(request, Door::Device, chosen),
        Ok(Route::Link) => upgraded(request, Door::Link, chosen),
        Err(refusal) => {
            tracing::debug!(peer = %ends.peer, path = request.uri().path(), %refusal, "a request was refused");
            house.metrics.refused.add();
            refused(refusal)
        }
    };
    ready(Ok(response))
}

fn upgraded(request: &Request<Incoming>, door: Door, chosen: &OnceLock<Door>) -> Response<Full<Bytes>> {
    let response = upgrade::answer(request.version(), request.headers());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        chosen.get_or_init(|| door);
    }
    response
}

fn refused(refusal: Refusal) -> Response<Full<Bytes>> {
    let mut response = page::plain(refusal.status(), PLAIN, Bytes::from_static(refusal.words().as_bytes()), None);
    if refusal == Refusal::Method {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}
