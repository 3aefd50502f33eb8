//! By way of a proxy, where this computer is set to one: by the variables that programs of the command line know, on macOS and Windows by the system's settings too.

use hyper::body::Bytes;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::either::Either;

use super::fetch::Unreachable;

/// A connection to a host, or a proxy's to it.
pub(super) type Way = Either<TcpStream, TokioIo<Upgraded>>;

/// Connects to the host of an https address.
pub(super) async fn connect(to: &Uri) -> Result<Way, Unreachable> {
    let (host, port) = (to.host().unwrap_or_default(), to.port_u16().unwrap_or(443));
    match Matcher::from_system().intercept(to) {
        None => Ok(Either::Left(tcp(host, port).await?)),
        Some(proxy) => Ok(Either::Right(TokioIo::new(tunnel(&proxy, host, port).await?))),
    }
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, Unreachable> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    TcpStream::connect((bare, port)).await.map_err(|error| Unreachable::Connect(host.to_owned(), error))
}

async fn tunnel(proxy: &Intercept, host: &str, port: u16) -> Result<Upgraded, Unreachable> {
    let uri = proxy.uri();
    // Without a word of the person's name and password for it.
    let named = || format!("{}://{}", uri.scheme_str().unwrap_or("http"), uri.host().unwrap_or_default());
    // Nobody is gone around: a proxy may be there to hide who asks.
    let ("http", Some(by)) = (uri.scheme_str().unwrap_or("http"), uri.host()) else {
        return Err(Unreachable::ProxyKind(named()));
    };
    let tcp = tcp(by, uri.port_u16().unwrap_or(80)).await?;
    let (mut ask, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await.map_err(Unreachable::Http)?;
    tokio::spawn(connection.with_upgrades());
    let target = format!("{host}:{port}");
    let mut request = Request::new(http_body_util::Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = target.parse().map_err(|_| Unreachable::ProxyKind(named()))?;
    request.headers_mut().insert(HOST, HeaderValue::from_str(&target).map_err(|_| Unreachable::ProxyKind(named()))?);
    if let Some(known) = proxy.basic_auth() {
        request.headers_mut().insert(PROXY_AUTHORIZATION, known.clone());
    }
    let answer = ask.send_request(request).await.map_err(Unreachable::Http)?;
    if answer.status() != StatusCode::OK {
        return Err(Unreachable::Proxy(named(), answer.status()));
    }
    hyper::upgrade::on(answer).await.map_err(Unreachable::Http)
}
