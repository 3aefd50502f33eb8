//! The phone page, embedded at build time, and the headers every answer carries.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

/// One file of the page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Path below the root of the site, with its leading slash.
    path: &'static str,
    bytes: &'static [u8],
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page_files.rs"));

/// Where the page itself is served: the plain address, and the one in the binding code.
const DOCUMENTS: [&str; 2] = ["/", "/b"];

/// The file at a path. `None`: there is none.
pub(crate) fn find(path: &str) -> Option<&'static File> {
    let path = if is_document(path) { "/index.html" } else { path };
    FILES.iter().find(|file| file.path == path)
}

/// Whether a person may open this path by following a link from anywhere.
pub(crate) fn is_document(path: &str) -> bool {
    DOCUMENTS.contains(&path)
}

/// Answers with a file.
///
/// `host` is the checked `Host` of the request: older WebKits do not take `'self'` for a WebSocket of the same host.
pub(crate) fn answer(file: &File, host: &str) -> Response<Full<Bytes>> {
    plain(StatusCode::OK, media_type(file.path), Bytes::from_static(file.bytes), Some(host))
}

/// Any answer: fixed headers, and the connection closes after it.
pub(crate) fn plain(
    status: StatusCode,
    media_type: &'static str,
    body: Bytes,
    host: Option<&str>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    let policy = HeaderValue::try_from(policy(host)).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONNECTION, "close"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

fn policy(host: Option<&str>) -> String {
    // CSP has no syntax for an IPv6 host: there only 'self' names it.
    let socket = host.filter(|host| !host.starts_with('[')).map(|host| format!(" ws://{host}")).unwrap_or_default();
    format!(
        "default-src 'self'; connect-src 'self'{socket}; object-src 'none'; frame-src 'none'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'none'"
    )
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_addresses_show_the_page_and_nothing_else_is_found() {
        let index = find("/index.html").expect("the page is embedded");
        assert!(!index.bytes.is_empty());
        assert_eq!(find("/"), Some(index));
        assert_eq!(find("/b"), Some(index));
        for path in ["", "/b/", "/B", "//", "/../Cargo.toml", "/index.html/", "/%69ndex.html"] {
            assert_eq!(find(path), None, "{path}");
        }
    }

    #[test]
    fn every_answer_forbids_caching_framing_and_foreign_content() {
        let file = find("/").expect("the page is embedded");
        let response = answer(file, "192.168.1.5:8765");
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(
            header("content-security-policy"),
            "default-src 'self'; connect-src 'self' ws://192.168.1.5:8765; object-src 'none'; frame-src 'none'; \
             frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        );
        assert!(policy(Some("[::1]:8765")).contains("connect-src 'self';"));
        assert!(response.headers().keys().all(|name| !name.as_str().starts_with("access-control")));
    }
}
