//! What a field of the configuration means: words, `${NAME}`, or a reference to a provider of secrets.

use std::path::PathBuf;

use serde_json::Value;

use super::{Held, Source, Unknown, Variables, filled};
use crate::Token;
use crate::config::at;
use crate::place::Surroundings;

/// A field that may hold a secret.
pub(super) enum Input {
    Absent,
    Known(Held),
    Unknown(Unknown),
}

impl Input {
    pub(super) fn known(&self) -> Option<&Held> {
        match self {
            Self::Known(held) => Some(held),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// The variable that it refers to.
    pub(super) fn variable(&self) -> Option<&str> {
        match self {
            Self::Known(held) => held.source.variable(),
            Self::Unknown(Unknown::Unset { name }) => Some(name),
            Self::Unknown(_) | Self::Absent => None,
        }
    }
}

pub(super) struct Fields<'a> {
    pub(super) config: &'a Value,
    pub(super) variables: &'a Variables,
    pub(super) around: &'a Surroundings<'a>,
    /// OpenClaw's own store.
    pub(super) stored: &'a dyn Fn(&str) -> Option<Token>,
}

impl Fields<'_> {
    pub(super) fn read(&self, path: &'static str) -> Input {
        let keys: Vec<&str> = path.split('.').collect();
        match at(self.config, &keys) {
            Some(Value::String(text)) => self.words(path, text),
            Some(reference @ Value::Object(_)) => self.reference(path, reference),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => Input::Absent,
        }
    }

    fn words(&self, path: &'static str, text: &str) -> Input {
        let trimmed = text.trim();
        let short = trimmed.strip_prefix('$').filter(|name| is_name(name));
        let long = trimmed.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|name| is_name(name));
        if let Some(name) = short.or(long) {
            return self.variable(path, name);
        }
        match substituted(text, self.variables) {
            Ok(text) => filled(&text)
                .map_or(Input::Absent, |secret| Input::Known(Held { source: Source::Config { path }, secret })),
            Err(name) => Input::Unknown(Unknown::Unset { name }),
        }
    }

    fn variable(&self, path: &'static str, name: &str) -> Input {
        match self.variables.get(name) {
            Some((source, secret)) => {
                let source = Source::Reference { path, to: Box::new(source.clone()) };
                Input::Known(Held { source, secret: secret.clone() })
            }
            None => Input::Unknown(Unknown::Unset { name: name.to_owned() }),
        }
    }

    fn reference(&self, path: &'static str, reference: &Value) -> Input {
        let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (Some(kind), Some(id)) = (text(&reference["source"]), text(&reference["id"])) else { return Input::Absent };
        let default = text(&self.config["secrets"]["defaults"][&kind]).unwrap_or_else(|| "default".to_owned());
        let name = text(&reference["provider"]).unwrap_or_else(|| default.clone());
        let provider = &self.config["secrets"]["providers"][&name];
        let is_of_kind = provider["source"] == *kind;
        let unknown = |name| Input::Unknown(Unknown::Provider { name });
        match kind.as_str() {
            "env" if is_of_kind || name == default => {
                let allowed = provider["allowlist"].as_array().filter(|_| is_of_kind);
                if allowed.is_some_and(|list| !list.iter().any(|one| *one == id)) {
                    return unknown(name);
                }
                self.variable(path, &id)
            }
            "file" if is_of_kind => self.file(path, provider, &id),
            "exec" if is_of_kind => Input::Unknown(Unknown::Program { provider: name }),
            "store" if is_of_kind || name == default => self.store(path, id),
            _ => unknown(name),
        }
    }

    fn store(&self, path: &'static str, name: String) -> Input {
        match (self.stored)(&name) {
            Some(secret) => {
                let source = Source::Reference { path, to: Box::new(Source::Store { name }) };
                Input::Known(Held { source, secret })
            }
            None => Input::Unknown(Unknown::Store { name }),
        }
    }

    fn file(&self, path: &'static str, provider: &Value, id: &str) -> Input {
        let named = provider["path"].as_str().and_then(|named| self.around.resolve(named.trim()));
        let Some(file) = named else { return Input::Unknown(Unknown::File { file: PathBuf::new() }) };
        match secret_in(&file, provider["mode"] == "singleValue", id) {
            Some(secret) => {
                let source = Source::Reference { path, to: Box::new(Source::SecretFile { file }) };
                Input::Known(Held { source, secret })
            }
            None => Input::Unknown(Unknown::File { file }),
        }
    }
}

/// Largest file of secrets, in bytes.
const LARGEST: u64 = 1 << 20;

fn secret_in(file: &PathBuf, is_single: bool, id: &str) -> Option<Token> {
    let metadata = std::fs::metadata(file).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST || is_open(&metadata) {
        return None;
    }
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(file).ok()?);
    let text = text.trim_start_matches('\u{feff}');
    if is_single {
        return (id == "value").then(|| filled(text)).flatten();
    }
    let value: Value = serde_json::from_str(text).ok()?;
    value.pointer(id)?.as_str().and_then(filled)
}

/// Whether others can read it: OpenClaw takes no secrets from there.
#[cfg(unix)]
fn is_open(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_metadata: &std::fs::Metadata) -> bool {
    false
}

fn is_name(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_uppercase() || first == '_');
    starts && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
}

/// The text with every `${NAME}` in it; `$${NAME}` stands for the words themselves. `Err`: a variable says nothing.
fn substituted(text: &str, variables: &Variables) -> Result<zeroize::Zeroizing<String>, String> {
    let mut all = zeroize::Zeroizing::new(String::new());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        all.push_str(&rest[..at]);
        let here = &rest[at..];
        let named = |opening: &str| {
            let name = here.strip_prefix(opening)?.split_once('}')?.0;
            is_name(name).then_some(name)
        };
        if let Some(name) = named("$${") {
            all.push_str(&here[1..name.len() + 4]);
            rest = &here[name.len() + 4..];
        } else if let Some(name) = named("${") {
            all.push_str(variables.get(name).ok_or_else(|| name.to_owned())?.1.reveal());
            rest = &here[name.len() + 3..];
        } else {
            all.push('$');
            rest = &here[1..];
        }
    }
    all.push_str(rest);
    Ok(all)
}
