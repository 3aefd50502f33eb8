//! The links between a device and a model, from what the application knows at every moment.

use care::chain::{FRESH_MS, Link, LinkSeen, LinkState, Look, PluginFacts, PluginRow, plugin_rows, rows};
use care::{Blind, Seen};

use crate::control::answer::{AgentWord, LinkRow, LinkState as PluginLink, RowState};
use crate::failure::{Failure, FailureCode};
use crate::noted::Answerer;
use crate::plugin::facts;
use crate::view::{GatewayState, Phase, View};

/// Brings the rows up to date; gives the moment at which one of them ages by itself, ms since 1970. A connection that lives is looked at now: both sides prove
/// themselves when it is made, and its end is heard at once. What the gateway answered is as old as the answer. What is known from before that is never green.
pub(crate) fn see_chain(view: &mut View, now_ms: i64) -> Option<i64> {
    view.care.plugin = see_plugin(view);
    let facts: Vec<Fact> = [service(view), plugin(view), gateway(view), pairing(view), agent(view), model(view)]
        .into_iter()
        .flatten()
        .collect();
    let look = |fact: &Fact| Look {
        link: fact.link,
        at_ms: match fact.age {
            Age::Lives => now_ms,
            Age::Answered { at_ms } => at_ms,
            Age::Past => fact.since_ms.min(now_ms - FRESH_MS - 1),
        },
        authenticated: fact.authenticated,
        seen: fact.seen,
    };
    let looks: Vec<Look> = facts.iter().map(look).collect();
    let row = |row: care::chain::LinkRow| {
        let fact = facts.iter().find(|fact| fact.link == row.link);
        let (state, behind) = match row.state {
            _ if is_unused(view, row.link) => (RowState::NotUsed, None),
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
    view.care.rows = rows(&looks, now_ms).into_iter().map(row).collect();
    let answered = facts.iter().filter_map(|fact| match fact.age {
        Age::Answered { at_ms } if at_ms <= now_ms => Some(at_ms + FRESH_MS + 1),
        Age::Answered { .. } | Age::Lives | Age::Past => None,
    });
    answered.filter(|ages_ms| *ages_ms > now_ms).min()
}

/// The plugin row by row. Who is answered by the echo and has no plugin is not told that one is missing; and what another computer's OpenClaw has is not
/// looked at.
fn see_plugin(view: &View) -> Vec<PluginRow> {
    if is_elsewhere(view) {
        return plugin_rows(&facts::unseen(Blind::OtherComputer));
    }
    let answers = view.assistant.kind == AgentWord::Gateway;
    let Some(noted) = &view.care.noted.plugin else { return Vec::new() };
    if !answers && noted.package.known().is_none_or(Option::is_none) {
        return Vec::new();
    }
    let connected = view.assistant.link == PluginLink::Online;
    let host = view.assistant.host.clone().filter(|_| answers && connected);
    let is_judged = answers && (connected || noted.connected != Seen::Hidden(Blind::OtherComputer));
    plugin_rows(&PluginFacts {
        connected: if is_judged { Seen::Known(connected) } else { noted.connected.clone() },
        host: host.or_else(|| view.gateway.version.clone()),
        ..noted.clone()
    })
}

/// Whether the person manages the OpenClaw of another computer here.
fn is_elsewhere(view: &View) -> bool {
    view.settings.gateway_elsewhere.is_some()
}

/// Who answers, as the OpenClaw of this computer said last. What another computer's says is not about our devices.
fn answerer(view: &View) -> Option<&Answerer> {
    view.care.noted.answerer.as_ref().filter(|_| !is_elsewhere(view))
}

/// Whether nothing goes through it by the person's own choice.
fn is_unused(view: &View, link: Link) -> bool {
    let (echo, off) = (view.assistant.kind == AgentWord::Echo, view.gateway.state == GatewayState::Off);
    match link {
        Link::Service => false,
        Link::Plugin | Link::Agent | Link::Model => echo,
        Link::Gateway => echo && off,
        Link::Pairing => off,
    }
}

/// What is known of a link.
struct Fact {
    link: Link,
    seen: LinkSeen,
    authenticated: bool,
    /// Since when it is so; where it does not live, when it was so.
    since_ms: i64,
    age: Age,
    failure: Option<Failure>,
    name: Option<String>,
}

/// How long a fact counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    /// A change of it would be heard at once.
    Lives,
    /// The gateway, or the model, answered so: it counts while the answer is fresh.
    Answered {
        /// When.
        at_ms: i64,
    },
    /// It was so.
    Past,
}

impl Fact {
    fn works(link: Link, since_ms: i64, name: Option<String>) -> Self {
        Self { link, seen: LinkSeen::Works, authenticated: true, since_ms, age: Age::Lives, failure: None, name }
    }

    fn worked(link: Link, at_ms: i64, name: Option<String>) -> Self {
        Self { age: Age::Past, ..Self::works(link, at_ms, name) }
    }

    fn answered(link: Link, since_ms: i64, at_ms: i64, name: Option<String>) -> Self {
        Self { age: Age::Answered { at_ms }, ..Self::works(link, since_ms, name) }
    }

    fn broken(link: Link, since_ms: i64, failure: Option<Failure>, name: Option<String>) -> Self {
        Self { seen: LinkSeen::Broken, authenticated: false, failure, ..Self::works(link, since_ms, name) }
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
        // The plugin lives in it, and has proven whose it is.
        (GatewayState::Off, _) => {
            let plugin = plugin(view).filter(|plugin| plugin.seen == LinkSeen::Works)?;
            Some(Fact::works(Link::Gateway, plugin.since_ms, view.assistant.host.clone()))
        }
        (GatewayState::Connecting, _) => None,
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

/// Who answers where nothing else is said, by the gateway's answer. That it became somebody else's turn the gateway tells; that nobody could any more, a look does.
fn agent(view: &View) -> Option<Fact> {
    let Some(answerer) = answerer(view) else { return by_turn(view, Link::Agent, None) };
    let name = answerer.agent.clone();
    if view.gateway.state != GatewayState::Online {
        return match by_turn(view, Link::Agent, name.clone()) {
            Some(fact) if fact.since_ms >= answerer.at_ms => Some(fact),
            Some(_) | None => Some(Fact::worked(Link::Agent, answerer.at_ms, name.clone())).filter(|_| name.is_some()),
        };
    }
    let failure = match (&name, &answerer.named) {
        (Some(_), _) => return Some(Fact::answered(Link::Agent, answerer.at_ms, answerer.at_ms, name)),
        (None, Some(named)) => Failure::with(FailureCode::AgentUnknown, named.as_str()),
        (None, None) => Failure::bare(FailureCode::AgentNobody),
    };
    Some(Fact::broken(Link::Agent, answerer.at_ms, Some(failure), answerer.named.clone()))
}

/// The model behind that agent: whether OpenClaw can ask it, by its own word, and how the newest question ended.
fn model(view: &View) -> Option<Fact> {
    let answerer = answerer(view);
    let name = answerer.and_then(|answerer| answerer.model.clone());
    if let Some(failed) = view.last_turn.filter(|turn| !turn.well) {
        let failure = Some(Failure::bare(FailureCode::ModelFailed));
        return Some(Fact::broken(Link::Model, failed.at_ms, failure, name));
    }
    let asked = by_turn(view, Link::Model, name.clone());
    let answerer = answerer.filter(|_| view.gateway.state == GatewayState::Online);
    match answerer.and_then(|answerer| Some((answerer.ready?, answerer.at_ms))) {
        Some((true, at_ms)) => {
            let since_ms = asked.map_or(at_ms, |fact| fact.since_ms);
            // An answer to a question shows it as well.
            Some(Fact::answered(Link::Model, since_ms, since_ms.max(at_ms), name))
        }
        Some((false, at_ms)) => {
            let failure = Some(Failure::bare(FailureCode::ModelNotReady));
            Some(Fact::broken(Link::Model, at_ms, failure, name))
        }
        None => asked,
    }
}

/// An answer came from it.
fn by_turn(view: &View, link: Link, name: Option<String>) -> Option<Fact> {
    let turn = view.last_turn.filter(|turn| turn.well)?;
    Some(Fact::worked(link, turn.at_ms, name))
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
    use care::chain::{Entry, LINKS, PluginFix, PluginLink as PluginPart};

    use super::*;
    use crate::control::answer::{CareView, LastTurn};
    use crate::settings::OtherGateway;
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
        assert_eq!(online.len(), LINKS.len(), "{online:?}");
    }

    fn answerer() -> Answerer {
        let some = |text: &str| Some(text.to_owned());
        Answerer {
            agent: some("Molly"),
            named: some("main"),
            model: some("mock/echo"),
            ready: Some(true),
            at_ms: FRESH,
        }
    }

    /// When the gateway was asked, a second before now.
    const FRESH: i64 = 99_999_000;

    fn online(view: &mut View) {
        view.gateway.state = GatewayState::Online;
        view.care.noted.answerer = Some(answerer());
    }

    fn turn(view: &mut View, at_ms: i64, well: bool) {
        view.last_turn = Some(LastTurn { at_ms, well });
    }

    fn row(link: Link, change: impl FnOnce(&mut View)) -> LinkRow {
        let mut view = sample::state(0).shown;
        change(&mut view);
        see_chain(&mut view, 100_000_000);
        view.care.rows.into_iter().find(|row| row.link == link).unwrap()
    }

    #[test]
    fn a_whole_chain_is_green_and_names_the_agent_and_the_model() {
        assert!(states(online).iter().all(|(_, state)| *state == RowState::Works), "{:?}", states(online));
        assert_eq!(row(Link::Agent, online).name.as_deref(), Some("Molly"));
        assert_eq!(row(Link::Model, online).name.as_deref(), Some("mock/echo"));
        let answered = row(Link::Model, |view| {
            online(view);
            turn(view, 99_999_999, true);
        });
        assert_eq!((answered.state, answered.at_ms), (RowState::Works, Some(99_999_999)));
    }

    #[test]
    fn what_the_gateway_answered_is_green_while_the_answer_is_fresh_and_then_is_not() {
        let mut view = sample::state(0).shown;
        online(&mut view);
        turn(&mut view, FRESH - 5_000, true);
        // The model's row tells since when it answers, and is as fresh as the word of the gateway.
        let model = |state| (state, Some(FRESH - 5_000));
        let mut look = |now_ms: i64| {
            let ages_ms = see_chain(&mut view, now_ms);
            let of = |link| view.care.rows.iter().find(|row| row.link == link).map(|row| (row.state, row.at_ms));
            (of(Link::Agent).unwrap(), of(Link::Model).unwrap(), of(Link::Gateway).unwrap().0, ages_ms)
        };
        let last = FRESH + FRESH_MS;
        let green = (RowState::Works, Some(FRESH));
        let well = (green, model(RowState::Works), RowState::Works, Some(last + 1));
        assert_eq!(look(FRESH + 1), well);
        assert_eq!(look(last), well);
        // Nobody looked again: both age, what lives does not, and there is nothing more to wait for.
        let aged = (RowState::Stale, Some(FRESH));
        let old = (aged, model(RowState::Stale), RowState::Works, None);
        assert_eq!(look(last + 1), old);
        // A clock that was set back makes no old answer fresh.
        assert_eq!(look(FRESH - 1), old);
    }

    #[test]
    fn green_needs_a_gateway_that_says_so_now() {
        let away = |link, answered: Option<i64>| {
            row(link, |view| {
                online(view);
                view.gateway.state = GatewayState::Connecting;
                if let Some(at_ms) = answered {
                    turn(view, at_ms, true);
                }
            })
        };
        assert_eq!((away(Link::Agent, None).state, away(Link::Agent, None).at_ms), (RowState::Stale, Some(FRESH)));
        assert_eq!(away(Link::Model, None).state, RowState::NotLooked);
        // However young an answer is, nobody hears when it would be the last.
        let fresh = away(Link::Model, Some(99_999_999));
        assert_eq!((fresh.state, fresh.at_ms), (RowState::Stale, Some(99_999_999)));
        assert_eq!(away(Link::Agent, Some(99_999_999)).at_ms, Some(99_999_999));
        let silent = row(Link::Model, |view| {
            online(view);
            view.care.noted.answerer.as_mut().unwrap().ready = None;
        });
        assert_eq!(silent.state, RowState::NotLooked, "a gateway that does not say whether it can");
    }

    #[test]
    fn a_broken_agent_and_a_broken_model_say_why() {
        let why = |link, change: fn(&mut View)| {
            let row = row(link, |view| {
                online(view);
                change(view);
            });
            (row.state, row.failure.map(|failure| failure.code))
        };
        let red = |code| (RowState::Broken, Some(code));
        assert_eq!(why(Link::Model, |view| turn(view, 7, false)), red(FailureCode::ModelFailed));
        let unready = |view: &mut View| view.care.noted.answerer.as_mut().unwrap().ready = Some(false);
        assert_eq!(why(Link::Model, unready), red(FailureCode::ModelNotReady));
        let nobody = |view: &mut View| view.care.noted.answerer = Some(Answerer::default());
        assert_eq!(why(Link::Agent, nobody), red(FailureCode::AgentNobody));
        assert_eq!(why(Link::Model, nobody), (RowState::Behind, None));
        let ghost = |view: &mut View| view.care.noted.answerer.as_mut().unwrap().agent = None;
        assert_eq!(why(Link::Agent, ghost), red(FailureCode::AgentUnknown));
    }

    #[test]
    fn of_another_computers_openclaw_no_row_says_what_is_here() {
        let there = |change: fn(&mut View)| {
            let mut view = sample::state(0).shown;
            online(&mut view);
            view.assistant.link = PluginLink::Online;
            view.gateway.version = Some("2026.3.1".into());
            view.settings.gateway_elsewhere = Some(OtherGateway { url: "wss://office/".into(), tls_fingerprint: None });
            change(&mut view);
            see_chain(&mut view, 100_000_000);
            view.care
        };
        let plugin = there(|_| {}).plugin;
        assert!(!plugin.is_empty());
        assert!(plugin.iter().all(|row| row.fix == Seen::Hidden(Blind::OtherComputer) && row.shows.is_none()));
        let named = |care: CareView| care.rows.into_iter().filter(|row| [Link::Agent, Link::Model].contains(&row.link));
        let told: Vec<_> = named(there(|_| {})).map(|row| (row.state, row.name)).collect();
        assert_eq!(told, [(RowState::NotLooked, None), (RowState::NotLooked, None)]);
        let asked = there(|view| turn(view, 99_000_000, true));
        assert!(
            named(asked).all(|row| row.state == RowState::Stale && row.name.is_none()),
            "our devices were answered"
        );
    }

    #[test]
    fn what_the_person_did_not_connect_is_not_called_unchecked() {
        let echo = states(|view| {
            view.assistant.kind = AgentWord::Echo;
            turn(view, 7, true);
        });
        type Rows<'r> = Vec<&'r (Link, RowState)>;
        let (used, unused): (Rows<'_>, Rows<'_>) = echo.iter().partition(|(_, state)| *state != RowState::NotUsed);
        assert_eq!(used, [&(Link::Service, RowState::Works)]);
        assert_eq!(unused.len(), 5);
        // The plugin proves the gateway that it lives in.
        let off = states(|view| turn(view, 7, true));
        let expected = [
            (Link::Service, RowState::Works),
            (Link::Plugin, RowState::Works),
            (Link::Gateway, RowState::Works),
            (Link::Pairing, RowState::NotUsed),
            (Link::Agent, RowState::Stale),
            (Link::Model, RowState::Stale),
        ];
        assert_eq!(off, expected);
    }

    #[test]
    fn the_plugins_rows_say_what_is_so_now() {
        let noted = PluginFacts {
            package: Seen::Known(Some("openclaw-smartpi".into())),
            is_ours: Seen::Known(true),
            version: Seen::Known(Some("1".into())),
            embedded: "1".into(),
            entry: Seen::Known(Entry::On),
            allowed: Seen::Known(None),
            channel: Seen::Known(Entry::On),
            connected: Seen::Hidden(Blind::NotAsked),
            host: None,
            oldest_host: "2026.4.0".into(),
        };
        let fixes = |change: &dyn Fn(&mut View)| {
            let mut view = sample::state(0).shown;
            view.care.noted.plugin = Some(noted.clone());
            change(&mut view);
            see_chain(&mut view, 1);
            let broken = |row: &PluginRow| Some((row.link, row.remedy()?));
            (view.care.plugin.len(), view.care.plugin.iter().filter_map(broken).collect::<Vec<_>>())
        };
        assert_eq!(fixes(&|_| {}), (7, vec![]));
        let away = fixes(&|view| view.assistant.link = PluginLink::Offline);
        assert_eq!(away.1, [(PluginPart::Connected, PluginFix::RestartGateway)]);
        let old = fixes(&|view| view.gateway.version = Some("2026.3.1".into()));
        assert_eq!(old, (8, vec![(PluginPart::Host, PluginFix::UpdateOpenclaw)]));
        // OpenClaw was upgraded, and does not load it any more.
        let upgraded = fixes(&|view| {
            view.gateway.version = Some("2027.1.0".into());
            view.assistant.link = PluginLink::Offline;
        });
        assert_eq!(upgraded, (8, vec![(PluginPart::Connected, PluginFix::RestartGateway)]));
        let echo = |package: Option<String>| {
            fixes(&move |view| {
                view.assistant.kind = AgentWord::Echo;
                view.care.noted.plugin.as_mut().unwrap().package = Seen::Known(package.clone());
            })
        };
        assert_eq!(echo(None).0, 0, "who tries the echo misses no plugin");
        assert_eq!(echo(Some("openclaw-smartpi".into())), (7, vec![]));
    }
}
