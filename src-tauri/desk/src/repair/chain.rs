//! The links between a device and a model, from what the application knows at every moment.

use care::chain::{Link, LinkSeen, LinkState, Look, rows};

use crate::control::answer::{AgentWord, LOOKED_AT, LinkRow, LinkState as PluginLink, RowState};
use crate::failure::{Failure, FailureCode};
use crate::view::{GatewayState, Phase, View};

/// Brings the rows up to date. A connection that lives is looked at now: both sides prove themselves when it is made, and its end is heard at once.
pub(crate) fn see_chain(view: &mut View, now_ms: i64) {
    let mut looks = Vec::new();
    let mut facts = Vec::new();
    for fact in [service(view), plugin(view), gateway(view), pairing(view)].into_iter().flatten() {
        looks.push(Look { link: fact.link, at_ms: now_ms, authenticated: fact.authenticated, seen: fact.seen });
        facts.push(fact);
    }
    let row = |row: care::chain::LinkRow| {
        let fact = facts.iter().find(|fact| fact.link == row.link);
        let (state, behind) = match row.state {
            LinkState::Works => (RowState::Works, None),
            LinkState::Broken => (RowState::Broken, None),
            LinkState::Stale => (RowState::Stale, None),
            LinkState::Unproven => (RowState::Unproven, None),
            LinkState::CannotSee => (RowState::CannotSee, None),
            LinkState::NotLooked => (RowState::NotLooked, None),
            LinkState::Behind(link) => (RowState::Behind, Some(link)),
        };
        LinkRow {
            link: row.link,
            state,
            behind,
            at_ms: fact.map(|fact| fact.since_ms),
            failure: fact.and_then(|fact| fact.failure.clone()).filter(|_| state == RowState::Broken),
            name: fact.and_then(|fact| fact.name.clone()),
        }
    };
    let looked_at = |row: &care::chain::LinkRow| LOOKED_AT.contains(&row.link);
    view.care.rows = rows(&looks, now_ms).into_iter().filter(looked_at).map(row).collect();
}

/// What is known of a link.
struct Fact {
    link: Link,
    seen: LinkSeen,
    authenticated: bool,
    /// Since when it is so.
    since_ms: i64,
    failure: Option<Failure>,
    name: Option<String>,
}

impl Fact {
    fn works(link: Link, since_ms: i64, name: Option<String>) -> Self {
        Self { link, seen: LinkSeen::Works, authenticated: true, since_ms, failure: None, name }
    }

    fn broken(link: Link, since_ms: i64, failure: Option<Failure>, name: Option<String>) -> Self {
        Self { link, seen: LinkSeen::Broken, authenticated: false, since_ms, failure, name }
    }
}

fn service(view: &View) -> Option<Fact> {
    let service = &view.service;
    let (since_ms, name) = (service.since_ms, Some(service.name.clone()));
    match service.phase {
        Phase::Running => Some(Fact::works(Link::Service, since_ms, name)),
        Phase::Failed => Some(Fact::broken(Link::Service, since_ms, service.failure.clone(), name)),
        Phase::Stopped => {
            let failure = Some(Failure::bare(FailureCode::NotRunning));
            Some(Fact::broken(Link::Service, since_ms, failure, name))
        }
        Phase::Starting | Phase::Stopping => None,
    }
}

fn plugin(view: &View) -> Option<Fact> {
    let assistant = &view.assistant;
    match (assistant.kind, assistant.link) {
        // What answers is no plugin.
        (AgentWord::Echo, _) => None,
        (AgentWord::Gateway, PluginLink::Online) => {
            Some(Fact::works(Link::Plugin, assistant.since_ms, assistant.plugin.clone()))
        }
        (AgentWord::Gateway, PluginLink::Offline) => Some(Fact::broken(Link::Plugin, assistant.since_ms, None, None)),
    }
}

fn gateway(view: &View) -> Option<Fact> {
    let gateway = &view.gateway;
    let (since_ms, name) = (gateway.since_ms, gateway.url.clone());
    match (gateway.state, &gateway.failure) {
        (GatewayState::Off | GatewayState::Connecting, _) => None,
        (GatewayState::Online, _) => Some(Fact::works(Link::Gateway, since_ms, name)),
        (GatewayState::Waiting | GatewayState::Stuck, Some(failure)) if is_about_us(failure.code) => {
            // Somebody answered, and has not proven who they are.
            Some(Fact { authenticated: false, ..Fact::works(Link::Gateway, since_ms, name) })
        }
        (GatewayState::Waiting | GatewayState::Stuck, failure) => {
            Some(Fact::broken(Link::Gateway, since_ms, failure.clone(), name))
        }
    }
}

fn pairing(view: &View) -> Option<Fact> {
    let gateway = &view.gateway;
    match (gateway.state, &gateway.failure) {
        (GatewayState::Online, _) => Some(Fact::works(Link::Pairing, gateway.since_ms, None)),
        (GatewayState::Waiting | GatewayState::Stuck, Some(failure)) if is_about_us(failure.code) => {
            Some(Fact::broken(Link::Pairing, gateway.since_ms, Some(failure.clone()), None))
        }
        (GatewayState::Off | GatewayState::Connecting | GatewayState::Waiting | GatewayState::Stuck, _) => None,
    }
}

/// Whether a refusal is about our access, and not about who answers.
fn is_about_us(code: FailureCode) -> bool {
    [
        FailureCode::GatewayPairingNeeded,
        FailureCode::GatewayPairingElsewhere,
        FailureCode::GatewaySecretRefused,
        FailureCode::GatewaySecretNeeded,
        FailureCode::GatewayDeviceTokenStale,
        FailureCode::GatewayTokenWrong,
        FailureCode::GatewayTokenMissing,
        FailureCode::GatewayScope,
        FailureCode::GatewayKeyRefused,
        FailureCode::GatewayClock,
    ]
    .contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tray_menu::sample;

    fn states(change: impl FnOnce(&mut View)) -> Vec<(Link, RowState)> {
        let mut view = sample::state(0).shown;
        view.assistant.link = PluginLink::Online;
        change(&mut view);
        see_chain(&mut view, 100_000_000);
        view.care.rows.iter().map(|row| (row.link, row.state)).collect()
    }

    #[test]
    fn a_refusal_of_our_access_is_red_and_the_gateway_is_not_green_by_it() {
        let found = states(|view| {
            view.gateway.state = GatewayState::Stuck;
            view.gateway.failure = Some(Failure::bare(FailureCode::GatewayDeviceTokenStale));
        });
        assert!(found.contains(&(Link::Gateway, RowState::Unproven)), "{found:?}");
        assert!(found.contains(&(Link::Pairing, RowState::Broken)), "{found:?}");
        let down = states(|view| {
            view.gateway.state = GatewayState::Waiting;
            view.gateway.failure = Some(Failure::bare(FailureCode::GatewayDown));
        });
        assert!(down.contains(&(Link::Gateway, RowState::Broken)), "{down:?}");
        assert!(down.contains(&(Link::Pairing, RowState::Behind)), "{down:?}");
        let online = states(|view| view.gateway.state = GatewayState::Online);
        assert!(online.contains(&(Link::Gateway, RowState::Works)), "{online:?}");
        assert!(online.contains(&(Link::Pairing, RowState::Works)), "{online:?}");
        assert_eq!(online.len(), LOOKED_AT.len(), "{online:?}");
    }
}
