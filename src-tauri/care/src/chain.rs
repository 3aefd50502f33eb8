//! The links between a device and a model, one row each: the service, the plugin, the gateway, our pairing, the agent, the model. And the plugin's own row by
//! row.
//!
//! Green comes from a fresh look that somebody answered who had to prove who they are, and from nothing else.

mod plugin;

use serde::{Deserialize, Serialize};

pub use plugin::{Entry, PluginFacts, PluginFix, PluginLink, PluginRow, plugin_rows};

use crate::seen::Blind;

/// A look older than this shows nothing any more, ms.
pub const FRESH_MS: i64 = 60_000;

/// One link of the chain, in the order in which a message passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
#[serde(rename = "ChainLink")]
pub enum Link {
    /// The channel service.
    Service,
    /// The plugin inside of OpenClaw.
    Plugin,
    /// The gateway.
    Gateway,
    /// Our pairing with it.
    Pairing,
    /// The agent.
    Agent,
    /// The model behind it.
    Model,
}

/// Every link, in the order in which a message passes.
pub const LINKS: [Link; 6] = [Link::Service, Link::Plugin, Link::Gateway, Link::Pairing, Link::Agent, Link::Model];

/// What a look at a link showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which.
    pub link: Link,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// Whether who answered had proven who they are.
    pub authenticated: bool,
    /// What was seen.
    pub seen: LinkSeen,
}

/// What was seen of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkSeen {
    /// It works.
    Works,
    /// It does not.
    Broken,
    /// It cannot be seen.
    Hidden(Blind),
}

/// The state of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkState {
    /// It works: a fresh look at it was answered by who had to answer.
    Works,
    /// It does not.
    Broken,
    /// It worked when it was last looked at, which is too long ago.
    Stale,
    /// Somebody said that it works who did not prove who they are.
    Unproven,
    /// It cannot be seen.
    CannotSee,
    /// Nobody has looked.
    NotLooked,
    /// A link before it is broken, so it cannot be judged.
    Behind(Link),
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkRow {
    /// Which.
    pub link: Link,
    /// Its state.
    pub state: LinkState,
    /// How old the look is, ms.
    pub age_ms: Option<i64>,
}

/// One row for each link. The newest look at each counts.
pub fn rows(looks: &[Look], now_ms: i64) -> Vec<LinkRow> {
    let mut broken = None;
    let mut row = |link: Link| {
        let look = looks.iter().filter(|look| look.link == link).max_by_key(|look| look.at_ms);
        let age_ms = look.map(|look| now_ms.saturating_sub(look.at_ms));
        let fresh = age_ms.is_some_and(|age| (0..=FRESH_MS).contains(&age));
        let state = match look {
            None => broken.map_or(LinkState::NotLooked, LinkState::Behind),
            Some(Look { seen: LinkSeen::Broken, .. }) => broken.map_or(LinkState::Broken, LinkState::Behind),
            Some(Look { seen: LinkSeen::Hidden(_), .. }) => LinkState::CannotSee,
            Some(Look { seen: LinkSeen::Works, .. }) if !fresh => LinkState::Stale,
            Some(Look { seen: LinkSeen::Works, authenticated: false, .. }) => LinkState::Unproven,
            Some(Look { seen: LinkSeen::Works, authenticated: true, .. }) => LinkState::Works,
        };
        if state == LinkState::Broken {
            broken = Some(link);
        }
        LinkRow { link, state, age_ms }
    };
    LINKS.into_iter().map(&mut row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn looks(change: impl Fn(&mut Look)) -> Vec<Look> {
        let fine = |link| Look { link, at_ms: NOW - 1_000, authenticated: true, seen: LinkSeen::Works };
        let mut all: Vec<Look> = LINKS.into_iter().map(fine).collect();
        all.iter_mut().for_each(change);
        all
    }

    fn state_of(link: Link, looks: &[Look]) -> LinkState {
        rows(looks, NOW).into_iter().find(|row| row.link == link).unwrap().state
    }

    #[test]
    fn green_comes_from_a_fresh_authenticated_look_and_from_nothing_else() {
        assert!(rows(&looks(|_| {}), NOW).iter().all(|row| row.state == LinkState::Works && row.age_ms == Some(1_000)));
        let of = |change: fn(&mut Look)| state_of(Link::Gateway, &looks(change));
        assert_eq!(of(|look| look.at_ms = NOW - FRESH_MS), LinkState::Works);
        assert_eq!(of(|look| look.at_ms = NOW - FRESH_MS - 1), LinkState::Stale);
        // A clock that was set back makes nothing fresh.
        assert_eq!(of(|look| look.at_ms = NOW + 1), LinkState::Stale);
        assert_eq!(of(|look| look.authenticated = false), LinkState::Unproven);
        assert_eq!(of(|look| look.seen = LinkSeen::Hidden(Blind::NotPermitted)), LinkState::CannotSee);
        assert!(rows(&[], NOW).iter().all(|row| row.state == LinkState::NotLooked && row.age_ms.is_none()));
    }

    #[test]
    fn the_first_broken_link_is_red_and_the_ones_behind_it_wait_for_it() {
        let broken = looks(|look| {
            if matches!(look.link, Link::Gateway | Link::Agent) {
                look.seen = LinkSeen::Broken;
            }
        });
        assert_eq!(state_of(Link::Gateway, &broken), LinkState::Broken);
        assert_eq!(state_of(Link::Agent, &broken), LinkState::Behind(Link::Gateway));
        assert_eq!(state_of(Link::Model, &broken), LinkState::Works);
        assert_eq!(state_of(Link::Model, &broken[..3]), LinkState::Behind(Link::Gateway));
    }

    #[test]
    fn the_newest_look_counts() {
        let mut all = looks(|_| {});
        all.push(Look { link: Link::Model, at_ms: NOW, authenticated: true, seen: LinkSeen::Broken });
        assert_eq!(state_of(Link::Model, &all), LinkState::Broken);
        all.push(Look { link: Link::Model, at_ms: NOW - 2_000, authenticated: true, seen: LinkSeen::Works });
        assert_eq!(state_of(Link::Model, &all), LinkState::Broken);
    }
}
