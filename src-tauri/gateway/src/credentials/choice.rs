//! OpenClaw's own order: the configuration before the environment for a gateway of this computer, `gateway.remote` first for another one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use serde_json::{Value, json};

use super::reference::{Fields, Input};
use super::{
    Copied, Credentials, Field, FindError, Held, Missing, Source, Store, UrlSource, Variables, dotenv, filled, service,
};
use crate::Token;
use crate::config::{Config, ConfigError};
use crate::place::{Places, Surroundings};

pub(super) const TOKEN: &str = "OPENCLAW_GATEWAY_TOKEN";
pub(super) const PASSWORD: &str = "OPENCLAW_GATEWAY_PASSWORD";
const URL: &str = "OPENCLAW_GATEWAY_URL";

/// Finds them. Files are read, nothing is run and nothing is sent. `profile`: as in `openclaw --profile`. `store`: asked only for what the configuration refers to.
///
/// # Errors
/// See [`FindError`].
pub fn find(around: &Surroundings<'_>, profile: Option<&str>, store: Store<'_>) -> Result<Credentials, FindError> {
    let places = match profile {
        Some(profile) => around.places_of_profile(profile),
        None => around.places(),
    };
    let places = places.ok_or(FindError::NoHome)?;
    let config = config_of(around, &places)?;
    let (variables, overruled) = variables(around, &places, &config);
    let stored = |name: &str| store(&places.state_dir, name);
    let fields = Fields { config: &config, variables: &variables, around, stored: &stored };
    let inputs = Inputs {
        local: [fields.read("gateway.auth.token"), fields.read("gateway.auth.password")],
        remote: [fields.read("gateway.remote.token"), fields.read("gateway.remote.password")],
        named: [held(&variables, TOKEN), held(&variables, PASSWORD)],
    };
    let (url, url_source) = url(around, &config, &variables, profile);
    let (token, password) = match url_source {
        UrlSource::Environment => (inputs.named[0].clone(), inputs.named[1].clone()),
        UrlSource::Remote | UrlSource::LocalWithoutRemote => inputs.of_another(),
        UrlSource::Local => inputs.of_this_computer(config["gateway"]["auth"]["mode"].as_str()),
    };
    let missing = inputs.missing();
    let service = around.home().map(|home| {
        let inherited = around.text("OPENCLAW_PROFILE");
        service::variables(&home, &places.state_dir, profile.or(inherited.as_deref()))
    });
    let others = overruled.into_iter().chain(service.unwrap_or_default()).collect();
    let copies = copies(&inputs, others, [&token, &password]);
    let remote = &config["gateway"]["remote"]["tlsFingerprint"];
    let counts = config["gateway"]["mode"] == "remote" && url_source != UrlSource::LocalWithoutRemote;
    let tls_fingerprint = remote.as_str().filter(|_| counts).map(str::to_owned);
    let auth_written = is_auth_written(&config["gateway"]["auth"]);
    Ok(Credentials { url, url_source, tls_fingerprint, token, password, copies, missing, auth_written })
}

fn is_auth_written(auth: &Value) -> bool {
    let is_there = |key: &str| auth.get(key).is_some_and(|value| !value.is_null() && value != "");
    let without = ["none", "trusted-proxy"].iter().any(|mode| auth["mode"] == *mode);
    without || is_there("token") || is_there("password")
}

/// With its other files. OpenClaw that was never set up has an empty one.
fn config_of(around: &Surroundings<'_>, places: &Places) -> Result<Value, FindError> {
    let config = match Config::read(&places.config) {
        Ok(config) => config,
        Err(ConfigError::Missing(_)) => return Ok(json!({})),
        Err(error) => return Err(error.into()),
    };
    Ok(config.whole(&places.config, &around.include_roots())?)
}

/// What every variable says, and what is said in other places and does not count.
fn variables(around: &Surroundings<'_>, places: &Places, config: &Value) -> (Variables, Vec<Held>) {
    let mut files = vec![places.state_dir.join(".env")];
    let home = around.home();
    let usual = home.as_ref().map(|home| home.join(".openclaw"));
    if around.text("OPENCLAW_STATE_DIR").is_none() || usual.as_ref() == Some(&places.state_dir) {
        files.extend(home.map(|home| home.join(".config/openclaw/gateway.env")));
    }
    let mut told: Vec<(String, Source, Option<Token>)> = Vec::new();
    for file in files {
        for (name, value) in dotenv_file(&file) {
            told.push((name.clone(), Source::DotEnv { file: file.clone(), name }, filled(&value)));
        }
    }
    let env = &config["env"];
    let own = env.as_object().into_iter().flatten().filter(|(name, _)| !["vars", "shellEnv"].contains(&name.as_str()));
    for (name, value) in env["vars"].as_object().into_iter().flatten().chain(own) {
        // A value that needs another variable is not taken.
        if let Some(value) = value.as_str().filter(|value| !value.contains("${")) {
            told.push((name.clone(), Source::ConfigEnvironment { name: name.clone() }, filled(value)));
        }
    }
    let mut counts: BTreeMap<String, Option<(Source, Token)>> = BTreeMap::new();
    let ours = [TOKEN, PASSWORD, URL, "OPENCLAW_GATEWAY_PORT"];
    let named: Vec<String> = ours.into_iter().map(str::to_owned).chain(references(config)).collect();
    for name in named.clone() {
        // A variable that is set and empty keeps the others from being heard.
        if let Some(value) = (around.env)(&name) {
            let secret = value.to_str().and_then(filled);
            let said = secret.map(|secret| (Source::Environment { name: name.clone() }, secret));
            counts.insert(name, said);
        }
    }
    let mut overruled = Vec::new();
    for (name, source, secret) in told {
        match (counts.get(&name), secret) {
            (None, secret) => drop(counts.insert(name, secret.map(|secret| (source, secret)))),
            (Some(_), Some(secret)) if named.contains(&name) => {
                overruled.push(Held { source, secret });
            }
            (Some(_), _) => {}
        }
    }
    (counts.into_iter().filter_map(|(name, said)| Some((name, said?))).collect(), overruled)
}

fn dotenv_file(file: &Path) -> Vec<(String, zeroize::Zeroizing<String>)> {
    let is_plain = std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() <= dotenv::LARGEST);
    let text = if is_plain { std::fs::read_to_string(file).ok() } else { None };
    text.map(|text| dotenv::parse(&zeroize::Zeroizing::new(text))).unwrap_or_default()
}

/// The variables that the fields of the gateway's authentication name.
fn references(config: &Value) -> Vec<String> {
    let gateway = &config["gateway"];
    let fields =
        [&gateway["auth"], &gateway["remote"]].into_iter().flat_map(|place| [&place["token"], &place["password"]]);
    let mut names = Vec::new();
    for field in fields {
        match field {
            Value::String(text) => {
                let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
                names.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
            }
            Value::Object(reference) => names.extend(reference.get("id").and_then(Value::as_str).map(str::to_owned)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
        }
    }
    names
}

fn held(variables: &Variables, name: &str) -> Option<Held> {
    variables.get(name).map(|(source, secret)| Held { source: source.clone(), secret: secret.clone() })
}

fn url(around: &Surroundings<'_>, config: &Value, variables: &Variables, profile: Option<&str>) -> (String, UrlSource) {
    if let Some((_, url)) = variables.get(URL) {
        return (url.reveal().to_owned(), UrlSource::Environment);
    }
    let gateway = &config["gateway"];
    let is_remote = gateway["mode"] == "remote";
    let remote = gateway["remote"]["url"].as_str().map(str::trim).filter(|url| !url.is_empty() && is_remote);
    if let Some(url) = remote {
        return (url.to_owned(), UrlSource::Remote);
    }
    let env = |name: &str| match variables.get(name) {
        Some((_, value)) => Some(OsString::from(value.reveal())),
        None => (around.env)(name),
    };
    let port = Surroundings { env: &env, exists: around.exists }.port(config, profile);
    let scheme = if gateway["tls"]["enabled"] == true { "wss" } else { "ws" };
    let source = if is_remote { UrlSource::LocalWithoutRemote } else { UrlSource::Local };
    (format!("{scheme}://127.0.0.1:{port}"), source)
}

/// Token and password, each as it is written in its places.
struct Inputs {
    local: [Input; 2],
    remote: [Input; 2],
    named: [Option<Held>; 2],
}

impl Inputs {
    fn of_this_computer(&self, mode: Option<&str>) -> (Option<Held>, Option<Held>) {
        let pick = |field: usize, remote_too: bool, can_win: bool| match &self.local[field] {
            Input::Known(held) => Some(held.clone()),
            // A secret that is configured and not known is not replaced by another one.
            Input::Unknown(_) if can_win => None,
            Input::Unknown(_) => self.named[field].clone(),
            Input::Absent => {
                let remote = self.remote[field].known().filter(|_| remote_too).cloned();
                self.named[field].clone().or(remote)
            }
        };
        let token = pick(0, true, !matches!(mode, Some("password" | "none" | "trusted-proxy")));
        let password_wins = matches!(mode, Some("password" | "trusted-proxy"));
        let can_win = password_wins || !matches!(mode, Some("token" | "none")) && token.is_none();
        (token, pick(1, mode != Some("trusted-proxy"), can_win))
    }

    fn of_another(&self) -> (Option<Held>, Option<Held>) {
        let first = |candidates: [Option<&Held>; 3]| candidates.into_iter().flatten().next().cloned();
        let token = first([self.remote[0].known(), self.named[0].as_ref(), self.local[0].known()]);
        let password = first([self.named[1].as_ref(), self.remote[1].known(), self.local[1].known()]);
        (token, password)
    }

    fn written(&self) -> [(&'static str, Field, &Input); 4] {
        [
            ("gateway.auth.token", Field::Token, &self.local[0]),
            ("gateway.auth.password", Field::Password, &self.local[1]),
            ("gateway.remote.token", Field::Token, &self.remote[0]),
            ("gateway.remote.password", Field::Password, &self.remote[1]),
        ]
    }

    /// Those of this computer's gateway.
    fn local(&self) -> impl Iterator<Item = (Field, &Input)> {
        [Field::Token, Field::Password].into_iter().zip(&self.local)
    }

    fn missing(&self) -> Vec<Missing> {
        let unknown = |(path, _, input): (&'static str, Field, &Input)| match input {
            Input::Unknown(why) => Some(Missing { path, why: why.clone() }),
            Input::Known(_) | Input::Absent => None,
        };
        self.written().into_iter().filter_map(unknown).collect()
    }
}

/// `others`: what is said in other places by some name, and does not count for a client.
fn copies(inputs: &Inputs, others: Vec<Held>, winners: [&Option<Held>; 2]) -> Vec<Copied> {
    let mut all: Vec<(Field, Held)> = Vec::new();
    for (_, field, input) in inputs.written() {
        all.extend(input.known().map(|held| (field, held.clone())));
    }
    for (field, named) in [Field::Token, Field::Password].into_iter().zip(&inputs.named) {
        all.extend(named.clone().map(|held| (field, held)));
    }
    for held in others {
        let Some(name) = held.source.variable() else { continue };
        let field = match name {
            TOKEN => Some(Field::Token),
            PASSWORD => Some(Field::Password),
            // The one that a field refers to.
            name => inputs.local().find(|(_, input)| input.variable() == Some(name)).map(|(field, _)| field),
        };
        all.extend(field.map(|field| (field, held)));
    }
    let copied = |(field, held): (Field, Held)| {
        let winner = match field {
            Field::Token => winners[0],
            Field::Password => winners[1],
        };
        let wins = winner.as_ref().is_some_and(|winner| winner.source == held.source);
        Copied { field, wins, source: held.source, secret: held.secret }
    };
    all.into_iter().map(copied).collect()
}
