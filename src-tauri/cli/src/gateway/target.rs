//! Which gateway the options name, and the secret for it.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use desk::control::request::{GatewaySecret, SecretKind};
use desk::failure::FailureCode;
use desk::folders::Folders;
use desk::language::Language;
use desk::{Direct, Way};

use crate::args::Target;
use crate::exit::{Exit, Stop};
use crate::terminal::{Terminal, is_allowed};
use crate::words::{self, gateway as say};

/// As OpenClaw's own command line.
const LIMIT: Duration = Duration::from_millis(10_000);
/// Takes the secret from the environment, else from standard input.
const ELSEWHERE: &str = "-";

/// Connects where the options say. `None`: they name no gateway.
pub(super) async fn open(terminal: Terminal, folders: &Folders, target: &Target) -> Result<Option<Direct>, Stop> {
    let Some(mut way) = way(terminal.language, target)? else { return Ok(None) };
    loop {
        let failure = match Direct::open(&way, folders).await {
            Ok(direct) => return Ok(Some(direct)),
            Err(failure) => failure,
        };
        let url = way.url.as_deref().unwrap_or_default();
        if failure.code == FailureCode::GatewayNotEncrypted && terminal.person && !way.readable {
            if !is_allowed(terminal, &say::ask_unencrypted(terminal.language, url))? {
                terminal.say(words::not_done(terminal.language))?;
                return Err(Stop::Silent(Exit::PersonNeeded));
            }
            way.readable = true;
            continue;
        }
        if let Some(fingerprint) = failure.detail["fingerprint"].as_str() {
            let (code, detail) = (failure.code.as_str(), failure.detail.clone());
            let there = say::fingerprint_there(terminal.language, fingerprint);
            let words = format!("{}\n{there}", failure.code.words(terminal.language));
            return Err(Stop::Told { exit: Exit::PersonNeeded, code, words, detail });
        }
        return Err(failure.into());
    }
}

/// What the options say. `None`: nothing about a gateway.
fn way(language: Language, target: &Target) -> Result<Option<Way>, Stop> {
    let Target { url, token, password, timeout, tls_fingerprint, unencrypted } = target;
    let wrong = |code, words| Err(Stop::told(Exit::Usage, code, words));
    let (kind, given) = match (token, password) {
        (Some(_), Some(_)) => return wrong("one_secret", say::one_secret(language)),
        (Some(token), None) => (SecretKind::Token, token),
        (None, Some(password)) => (SecretKind::Password, password),
        (None, None) if url.is_none() && timeout.is_none() && tls_fingerprint.is_none() && !unencrypted => {
            return Ok(None);
        }
        (None, None) => return wrong("secret_needed", say::secret_needed(language)),
    };
    if url.is_none() && (tls_fingerprint.is_some() || *unencrypted) {
        return wrong("fingerprint_alone", say::fingerprint_alone(language));
    }
    let text = if given == ELSEWHERE { elsewhere(language, kind)? } else { given.clone() };
    Ok(Some(Way {
        url: url.clone(),
        tls_fingerprint: tls_fingerprint.clone(),
        secret: GatewaySecret::new(kind, text),
        limit: timeout.map_or(LIMIT, Duration::from_millis),
        readable: *unencrypted,
    }))
}

/// Where others on this computer cannot read it.
fn elsewhere(language: Language, kind: SecretKind) -> Result<String, Stop> {
    let variable = match kind {
        SecretKind::Token => "OPENCLAW_GATEWAY_TOKEN",
        SecretKind::Password => "OPENCLAW_GATEWAY_PASSWORD",
    };
    if let Some(text) = std::env::var(variable).ok().filter(|text| !text.trim().is_empty()) {
        return Ok(text);
    }
    let mut line = String::new();
    // A terminal would show what is typed.
    if !io::stdin().is_terminal() {
        io::stdin().read_line(&mut line).map_err(|_| Stop::Silent(Exit::Failed))?;
    }
    if line.trim().is_empty() {
        return Err(Stop::told(Exit::Usage, "secret_nowhere", say::secret_nowhere(language, variable)));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(target: &Target) -> &'static str {
        match way(Language::En, target) {
            Err(Stop::Told { exit: Exit::Usage, code, .. }) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_options_it_is_the_apps_own_link() {
        assert!(way(Language::En, &Target::default()).unwrap().is_none());
    }

    #[test]
    fn an_address_never_comes_without_a_secret_of_its_own() {
        let url = || Some("wss://10.0.0.2".to_owned());
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(code(&Target { url: url(), ..Target::default() }), "secret_needed");
        assert_eq!(code(&Target { timeout: Some(500), ..Target::default() }), "secret_needed");
        assert_eq!(code(&Target { token: text("a"), password: text("b"), ..Target::default() }), "one_secret");
        assert_eq!(
            code(&Target { token: text("a"), tls_fingerprint: text("ab"), ..Target::default() }),
            "fingerprint_alone"
        );
        let good = Target { url: url(), password: text("b"), timeout: Some(500), ..Target::default() };
        let good = way(Language::En, &good).unwrap().unwrap();
        assert_eq!((good.limit, good.secret.kind), (Duration::from_millis(500), SecretKind::Password));
        assert!(!format!("{good:?}").contains("\"b\""), "{good:?}");
    }
}
