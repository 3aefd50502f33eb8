//! Which of OpenClaw's agents answers a device: `smartpi gateway agents`, `smartpi devices route`.

use desk::control::answer::{
    DeviceList, DeviceRoute, DeviceRow, GatewayAgent, GatewayAgents, RouteBecause, RouteChange, RoutePlan, Routed,
};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::FailureCode;
use desk::language::Language;

use crate::columns::columns;
use crate::exit::{Exit, Stop};
use crate::line::Line;
use crate::terminal::{Terminal, is_allowed};
use crate::words::{self, gateway as say};

/// What is asked of a device's route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Only to see it.
    Look,
    /// This agent shall answer.
    Agent(String),
    /// No choice any more.
    Default,
}

impl Wanted {
    pub(crate) fn of(agent: Option<String>, default: bool) -> Self {
        match agent {
            Some(agent) => Self::Agent(agent),
            None if default => Self::Default,
            None => Self::Look,
        }
    }
}

/// `smartpi gateway agents`.
pub(crate) async fn agents(terminal: Terminal, mut line: Line) -> Result<(), Stop> {
    let (told, DeviceList { devices }) = line.agents().await?;
    terminal.tell(&told)?;
    let language = terminal.language;
    if told.agents.is_empty() {
        return terminal.say(say::no_agents(language));
    }
    let head =
        [say::head_agent(language), say::head_called(language), say::head_model(language), say::head_answers(language)];
    let rows = told.agents.iter().map(|agent| {
        let id = if agent.is_default {
            format!("{} ({})", agent.id, say::agent_default(language))
        } else {
            agent.id.clone()
        };
        let answers = |device: &&DeviceRow| {
            let agent = Some(agent.id.as_str());
            told.routes.iter().any(|route| route.device_key == device.device_key && route.agent.as_deref() == agent)
        };
        let names: Vec<&str> = devices.iter().filter(answers).map(|device| device.name.as_str()).collect();
        [id, agent.name.clone().unwrap_or_default(), agent.model.clone().unwrap_or_default(), names.join(", ")]
    });
    let table: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    columns(&table).into_iter().try_for_each(|line| terminal.say(line))
}

/// `smartpi devices route`.
pub(crate) async fn run(
    terminal: Terminal,
    mut client: Client,
    device: &DeviceRow,
    wanted: Wanted,
    yes: bool,
) -> Result<(), Stop> {
    let told: GatewayAgents = client.ask(&Request::GatewayAgents {}).await?;
    let agent = match wanted {
        Wanted::Look => {
            let route = told.routes.iter().find(|route| route.device_key == device.device_key);
            let route = route.ok_or_else(|| Stop::Told {
                exit: Exit::Failed,
                code: FailureCode::DeviceUnknown.as_str(),
                words: words::no_such_device(terminal.language, &device.name),
                detail: device.device_key.as_str().into(),
            })?;
            terminal.tell(route)?;
            return say_route(terminal, &device.name, route, &told.agents);
        }
        Wanted::Agent(agent) => Some(agent),
        Wanted::Default => None,
    };
    let device_key = device.device_key.clone();
    let request = Request::DevicesRoutePreview { device_key: device_key.clone(), agent: agent.clone() };
    let plan: RoutePlan = client.ask(&request).await?;
    say_changes(terminal, &plan.changes, plan.comments_lost)?;
    if terminal.person && !yes && !plan.changes.is_empty() {
        let question = match &agent {
            Some(agent) => say::ask_route(terminal.language, &device.name, called(&told.agents, agent)),
            None => say::ask_route_default(terminal.language, &device.name),
        };
        if !is_allowed(terminal, &question)? {
            terminal.say(words::not_done(terminal.language))?;
            return Err(Stop::Silent(Exit::PersonNeeded));
        }
    }
    let routed: Routed = client.ask(&Request::DevicesRoute { device_key, agent, shown: Some(plan.shown) }).await?;
    terminal.tell(&routed)?;
    say_route(terminal, &device.name, &routed.route, &told.agents)?;
    routed.copy.map_or(Ok(()), |copy| terminal.say(say::copy_kept(terminal.language, copy)))
}

/// What would be written into OpenClaw's configuration.
pub(crate) fn say_changes(terminal: Terminal, changes: &[RouteChange], comments_lost: bool) -> Result<(), Stop> {
    let language = terminal.language;
    if changes.is_empty() {
        return terminal.say(say::route_nothing(language));
    }
    terminal.say(say::route_changes(language))?;
    for change in changes {
        if let Some(before) = &change.before {
            terminal.say(say::route_gone(language, &change.path, before))?;
        }
        if let Some(after) = &change.after {
            terminal.say(say::route_new(language, &change.path, after))?;
        }
    }
    if comments_lost { terminal.say(say::route_comments(language)) } else { Ok(()) }
}

fn say_route(terminal: Terminal, device: &str, route: &DeviceRoute, agents: &[GatewayAgent]) -> Result<(), Stop> {
    let language = terminal.language;
    let Some(agent) = &route.agent else { return terminal.say(say::answered_by_nobody(language, device)) };
    if !route.known {
        return terminal.say(say::answered_by_missing(language, device, agent));
    }
    terminal.say(say::answered_by(language, device, called(agents, agent)))?;
    terminal.say(because(language, route.because))
}

fn because(language: Language, because: RouteBecause) -> String {
    match because {
        RouteBecause::Chosen => say::because_chosen(language),
        RouteBecause::ByHand => say::because_by_hand(language),
        RouteBecause::Everybody => say::because_everybody(language),
        RouteBecause::ChannelDefault => say::because_channel(language),
        RouteBecause::GatewayDefault => say::because_default(language),
    }
}

/// Its name with the id, and the model where it is known.
fn called(agents: &[GatewayAgent], id: &str) -> String {
    let agent = agents.iter().find(|agent| agent.id == id);
    let name = agent.and_then(|agent| agent.name.as_deref()).filter(|name| *name != id);
    let called = name.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"));
    match agent.and_then(|agent| agent.model.as_deref()) {
        Some(model) => format!("{called}, {model}"),
        None => called,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_told_with_what_is_known_of_it() {
        let agent = |name: Option<&str>, model: Option<&str>| GatewayAgent {
            id: "kitchen".into(),
            name: name.map(str::to_owned),
            model: model.map(str::to_owned),
            is_default: false,
        };
        assert_eq!(called(&[agent(Some("Küche"), Some("a/b"))], "kitchen"), "Küche (kitchen), a/b");
        assert_eq!(called(&[agent(None, None)], "kitchen"), "kitchen");
        assert_eq!(called(&[], "ghost"), "ghost");
    }

    #[test]
    fn without_an_agent_it_is_a_look() {
        assert_eq!(Wanted::of(None, false), Wanted::Look);
        assert_eq!(Wanted::of(None, true), Wanted::Default);
        assert_eq!(Wanted::of(Some("a".into()), false), Wanted::Agent("a".into()));
    }
}
