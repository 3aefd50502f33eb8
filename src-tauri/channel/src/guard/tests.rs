//! The guard against an oracle: every choice below carries what it is, so the oracle reads no header.

use super::*;

type Guard = fn(&Head<'_>, &[SocketAddr], Ends) -> Result<Route, Refusal>;

const PORT: u16 = 8765;

fn bound() -> Vec<SocketAddr> {
    ["127.0.0.1:8765", "192.168.1.23:8765", "[fd12::5]:8765"].map(|text| text.parse().expect("an address")).into()
}

/// What a `Host` names.
#[derive(Clone, Copy, PartialEq)]
enum HostIs {
    Ours,
    OursOnLoopbackOnly,
    Foreign,
}

const HOSTS: [(&[&str], HostIs); 26] = [
    (&["127.0.0.1:8765"], HostIs::Ours),
    (&["192.168.1.23:8765"], HostIs::Ours),
    (&["[fd12::5]:8765"], HostIs::Ours),
    (&["[FD12:0::5]:8765"], HostIs::Ours),
    (&["localhost:8765"], HostIs::OursOnLoopbackOnly),
    (&["LocalHost:8765"], HostIs::OursOnLoopbackOnly),
    (&[], HostIs::Foreign),
    (&["127.0.0.1:8765", "127.0.0.1:8765"], HostIs::Foreign),
    (&[""], HostIs::Foreign),
    (&["127.0.0.1"], HostIs::Foreign),
    (&["127.0.0.1:"], HostIs::Foreign),
    (&["127.0.0.1:8766"], HostIs::Foreign),
    (&["127.0.0.1:08765"], HostIs::Foreign),
    (&["127.0.0.1:+8765"], HostIs::Foreign),
    (&["127.0.0.1.evil.example:8765"], HostIs::Foreign),
    (&["192.168.1.230:8765"], HostIs::Foreign),
    (&["192.168.1.24:8765"], HostIs::Foreign),
    (&["evil.example:8765"], HostIs::Foreign),
    (&["localhost.:8765"], HostIs::Foreign),
    (&["localhost.evil.example:8765"], HostIs::Foreign),
    (&["0x7f.1:8765"], HostIs::Foreign),
    (&["127.1:8765"], HostIs::Foreign),
    (&["2130706433:8765"], HostIs::Foreign),
    (&["0.0.0.0:8765"], HostIs::Foreign),
    (&["[::ffff:127.0.0.1]:8765"], HostIs::Foreign),
    (&["user@127.0.0.1:8765"], HostIs::Foreign),
];

/// What an `Origin` is. `Same` is made from the request's own Host.
#[derive(Clone, Copy)]
enum OriginIs {
    Absent,
    Same,
    Foreign(&'static str),
    SameTwice,
    SameAs(&'static str),
}

const ORIGINS: [OriginIs; 12] = [
    OriginIs::Absent,
    OriginIs::Same,
    OriginIs::SameTwice,
    OriginIs::SameAs("https://"),
    OriginIs::SameAs("ws://"),
    OriginIs::SameAs(""),
    OriginIs::SameAs("http://evil.example@"),
    OriginIs::Foreign("null"),
    OriginIs::Foreign(""),
    OriginIs::Foreign("http://evil.example"),
    OriginIs::Foreign("http://127.0.0.1:9999"),
    OriginIs::Foreign("file://"),
];

/// Sec-Fetch-Site, -Mode, -Dest; whether it is ours, and whether it is a person who follows a link.
const FETCHES: [([&str; 3], bool, bool); 14] = [
    (["", "", ""], true, false),
    (["", "websocket", ""], true, false),
    (["same-origin", "websocket", "empty"], true, false),
    (["same-origin", "navigate", "document"], true, false),
    (["none", "navigate", "document"], true, false),
    (["same-site", "navigate", "document"], false, true),
    (["cross-site", "navigate", "document"], false, true),
    (["cross-site", "navigate", "iframe"], false, false),
    (["cross-site", "no-cors", "image"], false, false),
    (["cross-site", "websocket", "empty"], false, false),
    (["cross-site", "", ""], false, false),
    (["same-site", "cors", "empty"], false, false),
    (["Same-Origin", "cors", "empty"], false, false),
    (["bogus", "navigate", "document"], false, false),
];

const PATHS: [&str; 8] = ["/", "/b", "/index.html", "/healthz", "/metrics", "/device", "/openclaw", "/nothing"];
const METHODS: [Method; 2] = [Method::GET, Method::POST];

/// Peer and local address of a connection; whether it stays on this computer, and whether it is TLS.
const ENDS: [(&str, &str, bool, bool); 3] = [
    ("127.0.0.1:50000", "127.0.0.1:8765", true, false),
    ("[fd12::99]:50000", "[fd12::5]:8765", false, false),
    ("127.0.0.1:50000", "127.0.0.1:8765", true, true),
];

fn plain(local: SocketAddr) -> Ends {
    Ends { peer: local, local, secure: false }
}

#[derive(Clone)]
struct Case {
    host: (&'static [&'static str], HostIs),
    origin: OriginIs,
    fetch: ([&'static str; 3], bool, bool),
    referer: bool,
    path: &'static str,
    method: Method,
    ends: (&'static str, &'static str, bool, bool),
}

impl Case {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: &str| {
            headers.append(HeaderName::from_static(name), value.parse().expect("a header value"));
        };
        for host in self.host.0 {
            add("host", host);
        }
        let own = self.host.0.first().copied().unwrap_or("127.0.0.1:8765");
        match self.origin {
            OriginIs::Absent => {}
            OriginIs::Same => add("origin", &format!("http://{own}")),
            OriginIs::SameTwice => (0..2).for_each(|_| add("origin", &format!("http://{own}"))),
            OriginIs::SameAs(scheme) => add("origin", &format!("{scheme}{own}")),
            OriginIs::Foreign(origin) => add("origin", origin),
        }
        for (name, value) in ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"].into_iter().zip(self.fetch.0) {
            if !value.is_empty() {
                add(name, value);
            }
        }
        if self.referer {
            add("referer", "http://127.0.0.1:8765/");
        }
        headers
    }

    /// The status that PROTOCOL.md 1.1 and 1.2 give, in the order of its table; 200 for an accepted request.
    fn oracle(&self) -> u16 {
        let (_, _, stays, secure) = self.ends;
        let (fetch, ours, link) = self.fetch;
        if !(self.host.1 == HostIs::Ours || (self.host.1 == HostIs::OursOnLoopbackOnly && stays)) {
            return 421;
        }
        if !(matches!(self.origin, OriginIs::Absent) || matches!(self.origin, OriginIs::Same) && !secure) {
            return 403;
        }
        let may_follow = self.method == Method::GET && ["/", "/b"].contains(&self.path);
        if !(ours || link && may_follow) {
            return 403;
        }
        if self.path == "/openclaw" && !secure {
            let browser = !matches!(self.origin, OriginIs::Absent)
                || self.referer
                || !(fetch[0].is_empty() && fetch[2].is_empty());
            if !stays || browser {
                return 403;
            }
        }
        if self.method != Method::GET {
            return 405;
        }
        match self.path {
            "/nothing" => 404,
            "/device" | "/healthz" => 200,
            _ if secure => 404,
            "/metrics" if !stays => 403,
            _ => 200,
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for host in HOSTS {
        for origin in ORIGINS {
            for fetch in FETCHES {
                for referer in [false, true] {
                    for path in PATHS {
                        for ends in ENDS {
                            for method in METHODS {
                                cases.push(Case { host, origin, fetch, referer, path, method, ends });
                            }
                        }
                    }
                }
            }
        }
    }
    cases
}

/// Where a guard and the oracle differ in every `step`th combination, and how many of those let in what must stay out.
fn differences(guard: Guard, step: usize) -> (usize, usize) {
    let bound = bound();
    let mut differs = 0;
    let mut lets_in = 0;
    for case in cases().into_iter().step_by(step) {
        let headers = case.headers();
        let uri = case.path.parse().expect("a path");
        let head = Head { method: &case.method, uri: &uri, headers: &headers };
        let end = |text: &str| text.parse().expect("an address");
        let ends = Ends { peer: end(case.ends.0), local: end(case.ends.1), secure: case.ends.3 };
        let answer = guard(&head, &bound, ends);
        let status = answer.map_or_else(|refusal| refusal.status().as_u16(), |_| 200);
        if status != case.oracle() {
            differs += 1;
            lets_in += usize::from(status == 200);
        }
    }
    (differs, lets_in)
}

fn with(head: &Head<'_>, change: impl FnOnce(&mut HeaderMap)) -> HeaderMap {
    let mut headers = head.headers.clone();
    change(&mut headers);
    headers
}

fn without_host_check(head: &Head<'_>, bound: &[SocketAddr], ends: Ends) -> Result<Route, Refusal> {
    let headers = with(head, |headers| {
        let named = headers.get(header::HOST).cloned();
        headers.insert(header::HOST, "127.0.0.1:8765".parse().expect("a header value"));
        if let (Some(named), Some(origin)) = (named, headers.get(header::ORIGIN))
            && origin.as_bytes() == [b"http://", named.as_bytes()].concat()
        {
            headers.insert(header::ORIGIN, "http://127.0.0.1:8765".parse().expect("a header value"));
        }
    });
    check(&Head { headers: &headers, ..*head }, bound, ends)
}

fn without_origin_check(head: &Head<'_>, bound: &[SocketAddr], ends: Ends) -> Result<Route, Refusal> {
    let headers = with(head, |headers| {
        headers.remove(header::ORIGIN);
    });
    check(&Head { headers: &headers, ..*head }, bound, ends)
}

fn without_fetch_check(head: &Head<'_>, bound: &[SocketAddr], ends: Ends) -> Result<Route, Refusal> {
    let headers = with(head, |headers| {
        for name in [&SITE, &MODE, &DEST] {
            headers.remove(name);
        }
    });
    check(&Head { headers: &headers, ..*head }, bound, ends)
}

#[test]
fn the_guard_agrees_with_the_table_in_every_combination() {
    assert!(cases().len() > 100_000, "{}", cases().len());
    assert_eq!(differences(check, 1), (0, 0));
}

fn as_if_there_were_no_tls(head: &Head<'_>, bound: &[SocketAddr], ends: Ends) -> Result<Route, Refusal> {
    check(head, bound, Ends { secure: false, ..ends })
}

#[test]
fn a_guard_that_lacks_one_check_is_found_out() {
    for twin in [without_host_check as Guard, without_origin_check, without_fetch_check, as_if_there_were_no_tls] {
        let (_, lets_in) = differences(twin, 5);
        assert!(lets_in > 100, "only {lets_in} intruders were let in");
    }
}

#[test]
fn a_target_with_its_own_host_is_refused() {
    let headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1:8765".parse().expect("a header value"))]);
    let uri: Uri = "http://127.0.0.1:8765/".parse().expect("a target");
    let head = Head { method: &Method::GET, uri: &uri, headers: &headers };
    let local = SocketAddr::from(([127, 0, 0, 1], PORT));
    assert_eq!(check(&head, &[local], plain(local)), Err(Refusal::Host));
}

#[test]
fn on_port_443_tls_clients_leave_the_port_out() {
    let local = SocketAddr::from(([127, 0, 0, 1], 443));
    let uri: Uri = "/device".parse().expect("a target");
    let headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1".parse().expect("a header value"))]);
    let head = Head { method: &Method::GET, uri: &uri, headers: &headers };
    assert_eq!(check(&head, &[local], Ends { secure: true, ..plain(local) }), Ok(Route::Device));
    assert_eq!(check(&head, &[local], plain(local)), Err(Refusal::Host));
}

#[test]
fn on_port_80_browsers_leave_the_port_out() {
    let local = SocketAddr::from(([127, 0, 0, 1], 80));
    let uri: Uri = "/healthz".parse().expect("a target");
    for (host, origin) in [("127.0.0.1", "http://127.0.0.1"), ("localhost:80", "http://localhost:80")] {
        let headers = HeaderMap::from_iter([
            (header::HOST, host.parse().expect("a header value")),
            (header::ORIGIN, origin.parse().expect("a header value")),
        ]);
        let head = Head { method: &Method::GET, uri: &uri, headers: &headers };
        assert_eq!(check(&head, &[local], plain(local)), Ok(Route::Health));
    }
}

#[test]
fn a_second_sec_fetch_site_is_refused() {
    let local = SocketAddr::from(([127, 0, 0, 1], PORT));
    let uri: Uri = "/device".parse().expect("a target");
    let mut headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1:8765".parse().expect("a header value"))]);
    headers.append(SITE, "same-origin".parse().expect("a header value"));
    let head = Head { method: &Method::GET, uri: &uri, headers: &headers };
    assert_eq!(check(&head, &[local], plain(local)), Ok(Route::Device));
    headers.append(SITE, "cross-site".parse().expect("a header value"));
    let head = Head { method: &Method::GET, uri: &uri, headers: &headers };
    assert_eq!(check(&head, &[local], plain(local)), Err(Refusal::CrossSite));
}
