//! Which HTTP requests are answered at all: the table of docs/PROTOCOL.md 1.2, and over TLS the two routes of 1.1. Pure.
//!
//! A web page anywhere can make a browser on this computer or this network talk to us. `Host` stops names that an attacker pointed at
//! us (DNS rebinding), `Origin` and `Sec-Fetch-Site` stop pages of other sites, and the plugin's link takes no browser at all.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Method, StatusCode, Uri};

use crate::page::{self, File};

/// The part of a request that decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    /// Method.
    pub(crate) method: &'a Method,
    /// Target.
    pub(crate) uri: &'a Uri,
    /// Headers.
    pub(crate) headers: &'a HeaderMap,
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// Where the peer is.
    pub(crate) peer: SocketAddr,
    /// Our address that it came to.
    pub(crate) local: SocketAddr,
    /// Whether it came over TLS.
    pub(crate) secure: bool,
}

/// Where an accepted request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A file of the phone page.
    Page(&'static File),
    /// `/healthz`
    Health,
    /// `/metrics`
    Metrics,
    /// `/device`
    Device,
    /// `/openclaw`
    Link,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// `Host` does not name an address of this service.
    #[error("the request names another host")]
    Host,
    /// Another site's page asks.
    #[error("the request comes from another site")]
    Origin,
    /// The browser says that another site's page asks.
    #[error("the browser marks the request as another site's")]
    CrossSite,
    /// Only programs on this computer may ask this, and no browser.
    #[error("the request is only for programs on this computer")]
    NotLocal,
    /// Another method than GET.
    #[error("the method is not GET")]
    Method,
    /// No such path.
    #[error("there is no such path")]
    Path,
}

impl Refusal {
    /// The HTTP status.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::CrossSite | Self::NotLocal => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path => StatusCode::NOT_FOUND,
        }
    }

    /// What a person reads who opened it in a browser.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Host => "Open the address that SmartPi shows.\n请打开 SmartPi 显示的地址。\n",
            Self::Origin | Self::CrossSite => "Other web sites may not use SmartPi.\n其他网站不能使用 SmartPi。\n",
            Self::NotLocal => "Only programs on this computer may ask this.\n仅限本机程序访问。\n",
            Self::Method | Self::Path => "There is nothing here.\n这里没有内容。\n",
        }
    }
}

/// Decides about a request before anything is answered, WebSocket upgrades included.
///
/// `bound`: the addresses of the listener.
///
/// # Errors
/// The first check of the table that fails.
pub(crate) fn check(request: &Head<'_>, bound: &[SocketAddr], ends: Ends) -> Result<Route, Refusal> {
    let host = host(request, bound, ends)?;
    // Over TLS there are no pages of ours, so no page may ask.
    let origin_fits =
        if ends.secure { !request.headers.contains_key(header::ORIGIN) } else { origin_fits(request.headers, host) };
    if !origin_fits {
        return Err(Refusal::Origin);
    }
    let path = request.uri.path();
    if !fetch_fits(request, path) {
        return Err(Refusal::CrossSite);
    }
    let loopback = ends.peer.ip().to_canonical().is_loopback();
    let program = loopback && FROM_BROWSERS.iter().all(|name| !request.headers.contains_key(name));
    if path == "/openclaw" && !ends.secure && !program {
        return Err(Refusal::NotLocal);
    }
    if request.method != Method::GET {
        return Err(Refusal::Method);
    }
    match path {
        "/device" => Ok(Route::Device),
        "/healthz" => Ok(Route::Health),
        _ if ends.secure => Err(Refusal::Path),
        "/openclaw" => Ok(Route::Link),
        "/metrics" if loopback => Ok(Route::Metrics),
        "/metrics" => Err(Refusal::NotLocal),
        path => page::find(path).map(Route::Page).ok_or(Refusal::Path),
    }
}

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What browsers add and programs do not. `Sec-Fetch-Mode` is missing: Node's own WebSocket sends `websocket` there.
const FROM_BROWSERS: [HeaderName; 5] =
    [header::ORIGIN, header::REFERER, SITE, DEST, HeaderName::from_static("sec-fetch-user")];

/// The one value of a header: `Ok(None)` if it is absent, `Err` if it is there twice or is not text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// The checked `Host`.
fn host<'a>(request: &Head<'a>, bound: &[SocketAddr], ends: Ends) -> Result<&'a str, Refusal> {
    // A target with a host of its own would overrule `Host` (RFC 9112, 3.2.2); nobody sends one to a server that is not a proxy.
    if request.uri.authority().is_some() {
        return Err(Refusal::Host);
    }
    let host = single(request.headers, &header::HOST).ok().flatten().ok_or(Refusal::Host)?;
    let named = parse_host(host, if ends.secure { 443 } else { 80 }).ok_or(Refusal::Host)?;
    let fits = |address: &SocketAddr| {
        named.port == address.port()
            && match named.name {
                Name::Address(ip) => ip == address.ip(),
                Name::Localhost => address.ip().is_loopback() && ends.local.ip().to_canonical().is_loopback(),
            }
    };
    if bound.iter().any(fits) { Ok(host) } else { Err(Refusal::Host) }
}

struct Named {
    name: Name,
    port: u16,
}

enum Name {
    Address(IpAddr),
    Localhost,
}

/// Reads `127.0.0.1:8765`, `[::1]:8765` or `localhost:8765`; without a port it is the usual one, as clients leave that out.
fn parse_host(host: &str, usual: u16) -> Option<Named> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':')?) };
            (Name::Address(address.parse::<Ipv6Addr>().ok()?.into()), port)
        }
        None => {
            let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
            let name = if name.eq_ignore_ascii_case("localhost") {
                Name::Localhost
            } else {
                Name::Address(IpAddr::V4(name.parse().ok()?))
            };
            (name, port)
        }
    };
    Some(Named { name, port: port.map_or(Some(usual), parse_port)? })
}

/// Digits only: `u16::from_str` would also take `+80` and `080`.
fn parse_port(text: &str) -> Option<u16> {
    let port: u16 = text.parse().ok()?;
    (port.to_string() == text).then_some(port)
}

fn origin_fits(headers: &HeaderMap, host: &str) -> bool {
    match single(headers, &header::ORIGIN) {
        Ok(None) => true,
        Ok(Some(origin)) => origin.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host)),
        Err(()) => false,
    }
}

fn fetch_fits(request: &Head<'_>, path: &str) -> bool {
    let Ok(site) = single(request.headers, &SITE) else { return false };
    match site {
        None | Some("same-origin" | "none") => true,
        Some("cross-site" | "same-site") => {
            page::is_document(path)
                && request.method == Method::GET
                && single(request.headers, &MODE) == Ok(Some("navigate"))
                && single(request.headers, &DEST) == Ok(Some("document"))
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests;
