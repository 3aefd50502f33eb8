//! What is known of the way from a device to a model between two looks. It stays inside: the rows that are made of it are shown.

use care::chain::PluginFacts;

/// What the rows of the chain are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The plugin, as the files say. `None`: nobody has looked.
    pub(crate) plugin: Option<PluginFacts>,
    /// Who answers where nothing else is said, as the gateway said last.
    pub(crate) answerer: Option<Answerer>,
}

/// Who answers a device about which nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answerer {
    /// The agent, as a person calls it. `None`: nobody.
    pub(crate) agent: Option<String>,
    /// Its id, or what the configuration names and OpenClaw does not have. `None`: nothing says who.
    pub(crate) named: Option<String>,
    /// The model behind it.
    pub(crate) model: Option<String>,
    /// Whether OpenClaw has what it needs to ask that model. `None`: it does not say.
    pub(crate) ready: Option<bool>,
    /// When that was read, ms since 1970.
    pub(crate) at_ms: i64,
}
