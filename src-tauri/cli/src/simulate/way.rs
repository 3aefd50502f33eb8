//! How a device is bound: with what a QR code says, with a code that a person typed, or by asking.

use desk::language::Language;
use device::{
    BindError, BindingUrl, Claim, Code, Confirm, ConnectError, Greeted, Keep, Kind, SocketError, Trust, TypedCode,
};
use serde_json::{Value, json};

use crate::args::{self, Simulate};
use crate::exit::{Exit, Stop};
use crate::terminal::Terminal;
use crate::words;

/// One of them.
pub(super) enum Way {
    /// A QR code.
    Scanned(BindingUrl),
    /// A typed code, and where it is of.
    Typed(TypedCode, String),
    /// The device asks there.
    Asks(String),
}

impl Way {
    /// Whether the person named one.
    pub(super) fn is_named(args: &Simulate) -> bool {
        !args.urls.is_empty() || args.code.is_some() || args.announce.is_some()
    }

    /// What the person named for the next device. `None`: nothing, or no more of it.
    pub(super) fn of(
        language: Language,
        args: &Simulate,
        urls: &mut impl Iterator<Item = String>,
    ) -> Result<Option<Self>, Stop> {
        if let Some(typed) = &args.code {
            let code = TypedCode::parse(typed)
                .ok_or_else(|| Stop::told(Exit::Usage, "not_a_code", words::not_a_typed_code(language)))?;
            let place = place(language, args.address.as_deref().unwrap_or_default())?;
            return Ok(Some(Self::Typed(code, place.to_owned())));
        }
        if let Some(text) = &args.announce {
            return Ok(Some(Self::Asks(place(language, text)?.to_owned())));
        }
        urls.next().map(|url| Self::scanned(language, &url, args.plain)).transpose()
    }

    pub(super) fn scanned(language: Language, url: &str, plain: bool) -> Result<Self, Stop> {
        let url = BindingUrl::parse(url).map_err(|error| {
            let words = if error.needs_update() { words::newer_code(language) } else { words::not_a_code(language) };
            Stop::told(Exit::Usage, "not_a_code", words)
        })?;
        Ok(Self::Scanned(if plain { url.without_tls() } else { url }))
    }

    fn authority(&self) -> &str {
        match self {
            Self::Scanned(url) => url.authority(),
            Self::Typed(_, place) | Self::Asks(place) => place,
        }
    }

    /// Binds the device, and tells what the person needs for it. `local`: at the computer where this runs.
    pub(super) async fn bind(
        &self,
        terminal: Terminal,
        args: &Simulate,
        local: bool,
        keep: &mut Keep,
        name: &str,
    ) -> Result<Greeted, Stop> {
        let language = terminal.language;
        let confirm = if args.no_screen { Confirm::Allow } else { Confirm::Code };
        let claim = Claim { name: name.to_owned(), kind: kind(args.kind), confirm };
        let told = |said: Result<(), Stop>| {
            // Nobody reads any more: the binding ends by itself.
            drop(said);
        };
        if confirm == Confirm::Allow {
            terminal.tell(&json!({ "waits": { "name": name, "how": "allow" } }))?;
            terminal.say(words::device_allow(language, name))?;
        }
        let show = |code: &str| {
            told(terminal.tell(&json!({ "code": { "name": name, "code": code } })));
            told(terminal.say(words::device_code(language, name, code)));
            if local {
                told(terminal.say(words::how_to_approve(language)));
            }
        };
        let bound = match self {
            Self::Scanned(url) => device::bind(url, keep, &claim, show).await,
            Self::Typed(code, place) => device::bind_typed(code, place, keep, &claim, show).await,
            Self::Asks(place) => device::announce(place, keep, &claim, show).await,
        };
        let greeted = bound.map_err(|error| self.explain(language, &error))?;
        terminal.tell(&json!({ "bound": {
            "name": name, "deviceKey": keep.identity.device_key().as_str(), "tls": keep.identity.needs_tls(),
        } }))?;
        terminal.say(words::device_bound(language, name))?;
        Ok(greeted)
    }

    fn explain(&self, language: Language, error: &BindError) -> Stop {
        let code = error.code();
        let asks = matches!(self, Self::Asks(_));
        if error.needs_new_code() {
            let words = if asks { words::asking_refused(language) } else { words::bind_refused_new_code(language) };
            let detail = code.map_or(Value::Null, |code| code.number().into());
            return Stop::Told { exit: Exit::PersonNeeded, code: "bind_refused", words, detail };
        }
        if asks && code == Some(Code::Stopping) {
            return Stop::failed("too_many", words::asking_full(language), Value::Null);
        }
        match error {
            BindError::Impostor(_) => Stop::failed("impostor", words::bind_impostor(language), self.authority()),
            BindError::Save(_) => {
                Stop::failed("identity_not_saved", words::identity_not_saved(language, error), error.to_string())
            }
            BindError::NoScreen | BindError::Refused(_) | BindError::Name => failed(language, error),
            BindError::Connect(connect) => {
                unreached(language, connect, self.authority()).unwrap_or_else(|| failed(language, error))
            }
        }
    }
}

fn failed(language: Language, error: &BindError) -> Stop {
    Stop::failed("not_bound", words::bind_failed(language, error), error.to_string())
}

/// Why the right computer was not reached. `None`: there is nothing special to say.
pub(super) fn unreached(language: Language, error: &ConnectError, place: &str) -> Option<Stop> {
    match error {
        ConnectError::Socket(socket) if socket.is_unreachable() => {
            Some(Stop::told(Exit::NotRunning, "not_running", words::bind_unreachable(language, place)))
        }
        ConnectError::Socket(SocketError::OtherCertificate { .. }) => {
            Some(Stop::failed("other_certificate", words::bind_other_certificate(language, place), place))
        }
        ConnectError::Socket(SocketError::NoTls { .. }) => {
            Some(Stop::failed("no_tls", words::bind_no_tls(language, place), place))
        }
        ConnectError::Downgrade => Some(Stop::failed("downgrade", words::bind_downgrade(language), place)),
        ConnectError::Socket(_)
        | ConnectError::NotBound
        | ConnectError::Impostor(_)
        | ConnectError::TokenExposed
        | ConnectError::Version(_)
        | ConnectError::Refused(_)
        | ConnectError::Protocol
        | ConnectError::Randomness(_) => None,
    }
}

/// `ADDRESS:PORT` as it was typed.
pub(super) fn place(language: Language, text: &str) -> Result<&str, Stop> {
    let text = text.trim();
    let wrong = || Stop::told(Exit::Usage, "not_a_place", words::not_a_place(language));
    device::code::is_place(text).then_some(text).ok_or_else(wrong)
}

/// The certificate that a person named by its hash, whole or its first half as in a QR code.
pub(super) fn fingerprint(language: Language, text: &str) -> Result<Trust, Stop> {
    Trust::parse(text).ok_or_else(|| Stop::told(Exit::Usage, "not_a_certificate", words::not_a_certificate(language)))
}

fn kind(kind: args::Kind) -> Kind {
    match kind {
        args::Kind::Phone => Kind::Phone,
        args::Kind::Speaker => Kind::Speaker,
        args::Kind::Board => Kind::Board,
        args::Kind::Script => Kind::Script,
        args::Kind::Other => Kind::Other,
    }
}
