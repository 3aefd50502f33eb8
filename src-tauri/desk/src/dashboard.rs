//! A link to OpenClaw's dashboard for a person at a terminal from which no browser opens. One that signs in is shown to that person and written nowhere.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureCode};
use crate::plugin::OpenClaw;
use crate::redact;

/// OpenClaw waits for its own page two seconds, which is too short on a busy computer.
const TRIES: usize = 3;

/// Where the dashboard is.
pub enum Link {
    /// Whoever opens it is signed in, once, within ten minutes.
    SignsIn(Zeroizing<String>),
    /// The person has to sign in there.
    Plain(String),
}

impl std::fmt::Debug for Link {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignsIn(_) => formatter.write_str("SignsIn"),
            Self::Plain(url) => formatter.debug_tuple("Plain").field(url).finish(),
        }
    }
}

/// Asks the OpenClaw of this user for one. Takes some seconds.
///
/// # Errors
/// `openclaw_not_found`, `openclaw_failed`.
pub async fn link() -> Result<Link, Failure> {
    let openclaw = OpenClaw::find(None, None).await;
    let openclaw = openclaw.map_err(|error| Failure::caused(FailureCode::OpenClawNotFound, &error))?;
    let mut failed = Failure::bare(FailureCode::OpenClawFailed);
    for _ in 0..TRIES {
        match openclaw.dashboard_told().await {
            Ok(told) => return link_in(&told).ok_or(failed),
            Err(error) => failed = Failure::caused(FailureCode::OpenClawFailed, &error),
        }
    }
    Err(failed)
}

/// What OpenClaw printed; warnings may stand before it.
fn link_in(told: &str) -> Option<Link> {
    let json = told.find('{').map_or(told, |start| &told[start..]);
    if let Ok(Value::Object(fields)) = serde_json::from_str(json) {
        let url = fields.get("browserUrl")?.as_str()?;
        // Nothing that this process writes later may have it.
        let secret = url.split_once(['#', '?']).map_or(url, |(_, secret)| secret);
        redact::here().learn_passing(secret.as_bytes());
        return Some(Link::SignsIn(Zeroizing::new(url.to_owned())));
    }
    let plain = told.lines().find_map(|line| line.trim().strip_prefix("Dashboard URL: "))?;
    Some(Link::Plain(plain.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_in_what_each_version_prints() {
        let json = r#"(node) warning
{"ok":true,"url":"http://127.0.0.1:18789/","browserUrl":"http://127.0.0.1:18789/#bootstrapToken=q7Zr2mXw9TbK","port":18789}"#;
        let Some(Link::SignsIn(url)) = link_in(json) else { panic!("no link that signs in") };
        assert_eq!(url.as_str(), "http://127.0.0.1:18789/#bootstrapToken=q7Zr2mXw9TbK");
        assert!(!redact::here().clean(&format!("seen {}", url.as_str())).contains("q7Zr2mXw9TbK"));
        assert!(!format!("{:?}", link_in(json)).contains("q7Zr2mXw9TbK"));
        let words = "Dashboard URL: http://127.0.0.1:18789/\nCopy to clipboard unavailable.\n";
        assert!(matches!(link_in(words), Some(Link::Plain(url)) if url == "http://127.0.0.1:18789/"));
        assert!(link_in(r#"{"ok":false,"reason":"no"}"#).is_none());
        assert!(link_in("").is_none());
    }
}
