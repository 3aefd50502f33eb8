//! The WebSocket handshake of RFC 6455, server side, without extensions and subprotocols. Pure.

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode, Version};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::page;

/// Answers a request for a WebSocket route: 101, or what is wrong with it.
pub(crate) fn answer(version: Version, headers: &HeaderMap) -> Response<Full<Bytes>> {
    if version != Version::HTTP_11
        || !lists(headers, &header::UPGRADE, "websocket")
        || !lists(headers, &header::CONNECTION, "upgrade")
        || headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13")
    {
        let mut response = refused(StatusCode::UPGRADE_REQUIRED);
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return response;
    }
    // A body would be read as frames.
    let has_body = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let accept = accept(headers);
    match accept {
        Some(accept) if !has_body => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
            response
        }
        Some(_) | None => refused(StatusCode::BAD_REQUEST),
    }
}

fn refused(status: StatusCode) -> Response<Full<Bytes>> {
    let words = Bytes::from_static("This address is for devices.\n此地址仅供设备连接。\n".as_bytes());
    page::plain(status, "text/plain; charset=utf-8", words, None)
}

fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let (key, None) = (keys.next()?, keys.next()) else { return None };
    BASE64.decode(key.as_bytes()).ok().filter(|nonce| nonce.len() == 16)?;
    HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()
}

/// Whether a comma-separated header has this word.
fn lists(headers: &HeaderMap, name: &header::HeaderName, word: &str) -> bool {
    let mut words =
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    words.any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn asked(change: &[(&'static str, &str)], version: Version) -> Response<Full<Bytes>> {
        let mut headers = HeaderMap::new();
        for (name, value) in GOOD {
            headers.insert(name, value.parse().expect("a header value"));
        }
        for (name, value) in change {
            match *value {
                "" => drop(headers.remove(*name)),
                value => drop(headers.insert(*name, value.parse().expect("a header value"))),
            }
        }
        answer(version, &headers)
    }

    #[test]
    fn the_example_of_the_rfc_is_answered_as_it_says() {
        let response = asked(&[("sec-websocket-extensions", "permessage-deflate")], Version::HTTP_11);
        assert_eq!(response.status(), 101);
        assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(response.headers().len(), 3);
    }

    #[test]
    fn anything_else_is_refused() {
        for (change, status) in [
            ([("upgrade", "")], 426),
            ([("upgrade", "h2c")], 426),
            ([("connection", "close")], 426),
            ([("sec-websocket-version", "8")], 426),
            ([("sec-websocket-key", "")], 400),
            ([("sec-websocket-key", "short")], 400),
            ([("content-length", "3")], 400),
            ([("transfer-encoding", "chunked")], 400),
        ] {
            assert_eq!(asked(&change, Version::HTTP_11).status(), status, "{change:?}");
        }
        assert_eq!(asked(&[], Version::HTTP_10).status(), 426);
    }
}
