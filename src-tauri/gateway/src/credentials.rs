//! With which URL and which secret the command line of OpenClaw (2026.9.6) would talk to its gateway, where these come from, and which other copies there are.
//!
//! Invariants:
//! - the choice is that of OpenClaw's own rules; where we cannot follow them (a secret that a program tells) we say so and guess nothing;
//! - a secret is a [`Token`], which nobody prints; copies are compared as they are.

mod choice;
mod dotenv;
pub(crate) mod include;
mod reference;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Token;

pub use choice::find;
pub use include::IncludeError;

/// Where a secret or the URL comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A value in the configuration.
    Config {
        /// For example `gateway.auth.token`.
        path: &'static str,
    },
    /// A reference in the configuration, and what it leads to.
    Reference {
        /// For example `gateway.auth.token`.
        path: &'static str,
        /// What it names.
        to: Box<Source>,
    },
    /// A variable of our own environment.
    Environment {
        /// Its name.
        name: String,
    },
    /// A line of a `.env` file.
    DotEnv {
        /// File.
        file: PathBuf,
        /// Name of the variable.
        name: String,
    },
    /// `env` in the configuration.
    ConfigEnvironment {
        /// Name of the variable.
        name: String,
    },
    /// A file that `secrets.providers` names.
    SecretFile {
        /// File.
        file: PathBuf,
    },
    /// OpenClaw's own store of secrets.
    Store {
        /// Name of the entry.
        name: String,
    },
    /// The definition of the gateway's own service. It starts the gateway and says nothing to a client.
    Service {
        /// File.
        file: PathBuf,
        /// Name of the variable.
        name: String,
    },
}

impl Source {
    /// The variable that says it, directly or by a reference.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Environment { name }
            | Self::DotEnv { name, .. }
            | Self::ConfigEnvironment { name }
            | Self::Service { name, .. } => Some(name),
            Self::Reference { to, .. } => to.variable(),
            Self::Config { .. } | Self::SecretFile { .. } | Self::Store { .. } => None,
        }
    }
}

/// A secret, and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where.
    pub source: Source,
    /// What.
    pub secret: Token,
}

/// Which field of the gateway's authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `token`.
    Token,
    /// `password`.
    Password,
}

impl Field {
    /// The variable that OpenClaw takes it from where its configuration has none.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Token => choice::TOKEN,
            Self::Password => choice::PASSWORD,
        }
    }
}

/// A copy of a secret that is somewhere, used or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Token or password.
    pub field: Field,
    /// Where it is.
    pub source: Source,
    /// What it is.
    pub secret: Token,
    /// Whether it is the one that is used.
    pub wins: bool,
}

/// Why a configured secret is not known to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// A variable that is not set, or empty.
    Unset {
        /// Its name.
        name: String,
    },
    /// A program tells it (`exec`). We do not run it.
    Program {
        /// The provider that names the program.
        provider: String,
    },
    /// OpenClaw's own store has no such entry, or cannot be read.
    Store {
        /// Name of the entry.
        name: String,
    },
    /// The provider is not configured, or not allowed to tell this one.
    Provider {
        /// Its name.
        name: String,
    },
    /// Its file cannot be read, is open to others, or has no such entry.
    File {
        /// File.
        file: PathBuf,
    },
}

/// A secret that is configured and that we do not know. OpenClaw falls back to nothing else then: a gateway does not start (measured with 2026.9.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// For example `gateway.auth.token`.
    pub path: &'static str,
    /// Why.
    pub why: Unknown,
}

/// Where the URL comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlSource {
    /// `OPENCLAW_GATEWAY_URL`. Secrets of the configuration are not sent there.
    Environment,
    /// `gateway.remote.url`.
    Remote,
    /// This computer's own gateway.
    Local,
    /// The mode is `remote` without a URL: OpenClaw takes the local gateway, and warns.
    LocalWithoutRemote,
}

/// What the command line would use.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Where the gateway is.
    pub url: String,
    /// Why there.
    pub url_source: UrlSource,
    /// `gateway.remote.tlsFingerprint`, where it counts for this URL.
    pub tls_fingerprint: Option<String>,
    /// The token that is used.
    pub token: Option<Held>,
    /// The password that is used.
    pub password: Option<Held>,
    /// Every copy that there is, also those that lose.
    pub copies: Vec<Copied>,
    /// Configured secrets that we do not know.
    pub missing: Vec<Missing>,
    /// Whether the configuration, with its other files, says how to sign in: with a secret, or without one on purpose.
    pub auth_written: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("url_source", &self.url_source)
            .field("token", &self.token)
            .field("password", &self.password)
            .field("missing", &self.missing)
            .field("auth_written", &self.auth_written)
            .finish_non_exhaustive()
    }
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Neither a home nor a folder is named.
    #[error("neither HOME nor OPENCLAW_STATE_DIR is set")]
    NoHome,
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// One of its other files cannot be used.
    #[error(transparent)]
    Include(#[from] IncludeError),
}

/// What OpenClaw's own store in this state folder says by this name.
pub type Store<'a> = &'a dyn Fn(&Path, &str) -> Option<Token>;

/// Variables by name, each with its source; the first who says something wins.
type Variables = BTreeMap<String, (Source, Token)>;

/// `None`: nothing but blanks.
fn filled(text: &str) -> Option<Token> {
    let text = text.trim();
    (!text.is_empty()).then(|| Token::new(text.to_owned()))
}
