//! Fetches a manifest and its signature, and a package, over https: bounded in time, in bytes, in redirects and in hosts.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ACCEPT, HOST, HeaderName, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_rustls::TlsConnector;

use super::manifest::{LARGEST, LARGEST_SIGNATURE};
use super::proxy;
use super::source::Source;

/// For everything: names, handshakes, redirects and both files.
const LIMIT: Duration = Duration::from_secs(30);
/// Without a byte of a package.
const STALL: Duration = Duration::from_secs(30);
/// GitHub leads to the newest release, and from there to where its files are.
const REDIRECTS: usize = 4;

/// Why nothing came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreachable {
    #[error("no answer within {} s", LIMIT.as_secs())]
    Slow,
    #[error("no byte for {} s", STALL.as_secs())]
    Stalled,
    #[error("cannot connect to {0}")]
    Connect(String, #[source] std::io::Error),
    #[error("the proxy {0} answers {1}")]
    Proxy(String, StatusCode),
    #[error("SmartPi cannot use the proxy of this computer, {0}: only http proxies")]
    ProxyKind(String),
    #[error("this system trusts no authority")]
    Trust(#[source] rustls::Error),
    #[error("the answer broke off")]
    Http(#[source] hyper::Error),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer is longer than {0} bytes, or broke off")]
    Long(usize),
    #[error("the answer leads to {0}, where SmartPi does not look")]
    Astray(String),
    #[error("the answer leads on and on")]
    Circle,
}

/// The bytes of a manifest, and of its signature.
pub(super) async fn fetch(source: &Source) -> Result<(Bytes, Bytes), Unreachable> {
    let both = async {
        let manifest = get(source, &source.url, LARGEST).await?;
        let signature = get(source, &format!("{}.sig", source.url), LARGEST_SIGNATURE).await?;
        Ok((manifest, signature))
    };
    tokio::time::timeout(LIMIT, both).await.unwrap_or(Err(Unreachable::Slow))
}

/// Gives `take` a file piece by piece, each with how long the file says that it is.
pub(super) async fn fetch_pieces<E: From<Unreachable>>(
    source: &Source,
    url: &str,
    most: u64,
    mut take: impl FnMut(&[u8], Option<u64>) -> Result<(), E>,
) -> Result<(), E> {
    let too_long = || Unreachable::Long(usize::try_from(most).unwrap_or(usize::MAX));
    let answer = tokio::time::timeout(LIMIT, open(source, url)).await.unwrap_or(Err(Unreachable::Slow))?;
    let mut body = answer.into_body();
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > most) {
        return Err(too_long().into());
    }
    let mut taken = 0;
    while let Some(frame) = tokio::time::timeout(STALL, body.frame()).await.map_err(|_| Unreachable::Stalled)? {
        let Ok(piece) = frame.map_err(Unreachable::Http)?.into_data() else { continue };
        taken += piece.len() as u64;
        if taken > most {
            return Err(too_long().into());
        }
        take(&piece, length)?;
    }
    Ok(())
}

async fn get(source: &Source, url: &str, most: usize) -> Result<Bytes, Unreachable> {
    let body = Limited::new(open(source, url).await?.into_body(), most).collect().await;
    body.map(|body| body.to_bytes()).map_err(|_| Unreachable::Long(most))
}

/// The answer that is there in the end.
async fn open(source: &Source, url: &str) -> Result<Response<Incoming>, Unreachable> {
    let mut url = url.to_owned();
    for _ in 0..=REDIRECTS {
        let answer = ask(source, &url).await?;
        if !answer.status().is_redirection() {
            if answer.status() != StatusCode::OK {
                return Err(Unreachable::Status(answer.status()));
            }
            return Ok(answer);
        }
        let onward = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        url = onward.to_owned();
    }
    Err(Unreachable::Circle)
}

async fn ask(source: &Source, url: &str) -> Result<Response<Incoming>, Unreachable> {
    let astray = || Unreachable::Astray(url.chars().take(200).collect());
    let uri: Uri = url.parse().map_err(|_| astray())?;
    let (Some("https"), Some(host)) = (uri.scheme_str(), uri.host().filter(|host| source.may_ask(host))) else {
        return Err(astray());
    };
    let failed = |error| Unreachable::Connect(host.to_owned(), error);
    let name = ServerName::try_from(host.to_owned()).map_err(|_| astray())?;
    let way = proxy::connect(&uri).await?;
    let tls = TlsConnector::from(Arc::new(trust()?)).connect(name, way).await.map_err(failed)?;
    let (mut to, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.map_err(Unreachable::Http)?;
    // It ends with the runtime of this look, at the latest; what goes wrong on it is said to the request.
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path.parse().map_err(|_| astray())?;
    // Neither who asks nor what runs there.
    for (name, value) in
        [(HOST, uri.authority().map_or(host, |it| it.as_str())), (USER_AGENT, "smartpi"), (ACCEPT, "*/*")]
    {
        put(&mut request, name, value).ok_or_else(astray)?;
    }
    to.send_request(request).await.map_err(Unreachable::Http)
}

fn put(request: &mut Request<Empty<Bytes>>, name: HeaderName, value: &str) -> Option<()> {
    request.headers_mut().insert(name, value.parse().ok()?);
    Some(())
}

fn trust() -> Result<ClientConfig, Unreachable> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.and_then(BuilderVerifierExt::with_platform_verifier).map_err(Unreachable::Trust)?;
    Ok(config.with_no_client_auth())
}
