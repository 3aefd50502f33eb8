//! Which agent answers a device: OpenClaw's `bindings`, written and read.
//!
//! OpenClaw (2026.9.6) takes the first binding of the most exact kind: this peer, any peer (`*`), the account, the channel. Where none matches, our plugin
//! names `channels.openclaw-smartpi.defaultAgentId`, and without that OpenClaw takes its only agent or refuses.

use serde_json::{Value, json};

use super::ID;

/// An agent of the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its id, as bindings name it.
    pub id: String,
    /// What a person calls it.
    pub name: Option<String>,
    /// The model that answers, for example `openai/gpt-5`.
    pub model: Option<String>,
    /// Whether it answers where nothing else is said.
    pub is_default: bool,
}

/// The agents in the answer of `agents.list`.
pub fn agents(answer: &Value) -> Vec<Agent> {
    let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    // Where every channel must name its agent, the default one answers nobody by itself.
    let default = text(&answer["defaultId"]).filter(|_| answer["selectionRequired"] != true);
    let listed = answer["agents"].as_array().into_iter().flatten();
    listed
        .filter_map(|agent| {
            let id = text(&agent["id"])?;
            Some(Agent {
                name: text(&agent["name"]).or_else(|| text(&agent["identity"]["name"])),
                model: text(&agent["model"]["primary"]).or_else(|| text(&agent["model"])),
                is_default: default.as_deref() == Some(id.as_str()),
                id,
            })
        })
        .collect()
}

/// What decides which agent answers a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// A binding of this device that we wrote.
    Chosen,
    /// A binding of this device that a person wrote.
    ByHand,
    /// A binding for every device of the channel, or for its account.
    Everybody,
    /// `channels.openclaw-smartpi.defaultAgentId`.
    ChannelDefault,
    /// Nothing is said: OpenClaw's own default.
    GatewayDefault,
}

/// Which agent answers a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its id; `None`: OpenClaw's own default, which only the gateway knows.
    pub agent: Option<String>,
    /// Why.
    pub because: Because,
}

/// Reads who answers a device, from a configuration.
pub fn route(config: &Value, device: &str) -> Route {
    let bindings: Vec<&Value> =
        config["bindings"].as_array().into_iter().flatten().filter(|one| is_route(one)).collect();
    let peer = |id: &str| {
        let id = id.to_owned();
        move |binding: &&&Value| {
            let is_peer = binding["match"]["peer"]["kind"] == "direct" && binding["match"]["peer"]["id"] == *id;
            is_peer && is_of_account(binding)
        }
    };
    let whole = |binding: &&&Value| binding["match"]["peer"].is_null() && is_of_account(binding);
    let exact = |binding: &&&Value| whole(binding) && binding["match"]["accountId"] != "*";
    let found = bindings
        .iter()
        .find(peer(device))
        .map(|binding| (*binding, if device_of(binding).is_some() { Because::Chosen } else { Because::ByHand }));
    let found = found
        .or_else(|| bindings.iter().find(peer("*")).map(|binding| (*binding, Because::Everybody)))
        .or_else(|| bindings.iter().find(exact).map(|binding| (*binding, Because::Everybody)))
        .or_else(|| bindings.iter().find(whole).map(|binding| (*binding, Because::Everybody)));
    if let Some((binding, because)) = found {
        return Route { agent: binding["agentId"].as_str().map(str::to_owned), because };
    }
    match config["channels"][ID]["defaultAgentId"].as_str() {
        Some(agent) => Route { agent: Some(agent.to_owned()), because: Because::ChannelDefault },
        None => Route { agent: None, because: Because::GatewayDefault },
    }
}

/// The agent behind a route, where the gateway knows it. `None` for a route that leads nowhere.
pub fn agent_of<'a>(route: &Route, agents: &'a [Agent]) -> Option<&'a Agent> {
    match &route.agent {
        Some(id) => agents.iter().find(|agent| agent.id == *id),
        None => agents.iter().find(|agent| agent.is_default).or(match agents {
            [only] => Some(only),
            _ => None,
        }),
    }
}

/// The model behind a route.
pub fn model_of<'a>(route: &Route, agents: &'a [Agent]) -> Option<&'a str> {
    agent_of(route, agents).and_then(|agent| agent.model.as_deref())
}

fn is_route(binding: &Value) -> bool {
    let kind = &binding["type"];
    (kind.is_null() || kind == "route") && binding["match"]["channel"] == ID
}

/// Our channel has one account, `default`, which a binding without an account means as well.
fn is_of_account(binding: &Value) -> bool {
    matches!(binding["match"]["accountId"].as_str().map(str::trim), None | Some("" | "*" | "default"))
}

/// The binding that sends a device to an agent. Older releases know no more keys than these.
pub(super) fn binding(device: &str, agent: &str) -> Value {
    json!({ "agentId": agent, "match": { "channel": ID, "peer": { "kind": "direct", "id": device } } })
}

/// The device of a binding that we wrote: one that looks exactly like ours.
pub(super) fn device_of(binding: &Value) -> Option<&str> {
    let device = binding["match"]["peer"]["id"].as_str()?;
    let agent = binding["agentId"].as_str()?;
    (device != "*" && *binding == self::binding(device, agent)).then_some(device)
}

pub(super) fn is_by_hand_for(binding: &Value, device: &str) -> bool {
    let peer = &binding["match"]["peer"];
    is_route(binding) && peer["kind"] == "direct" && peer["id"] == *device && device_of(binding).is_none()
}

/// Every binding that is not ours.
pub(super) fn others(config: &Value) -> Vec<&Value> {
    config["bindings"].as_array().into_iter().flatten().filter(|binding| device_of(binding).is_none()).collect()
}

pub(super) fn indexes(list: &[Value], is_wanted: impl Fn(&Value) -> bool) -> Vec<usize> {
    list.iter().enumerate().filter(|(_, value)| is_wanted(value)).map(|(index, _)| index).collect()
}

/// Whether a configuration knows an agent. `main` always is. Agents that are in another file are not seen here: OpenClaw is asked after the write.
pub(super) fn knows(config: &Value, agent: &str) -> bool {
    let agents = &config["agents"];
    let places = [config, agents, &agents["entries"]];
    if places.into_iter().any(|place| place.get("$include").is_some()) {
        return true;
    }
    let listed = agents["list"].as_array().into_iter().flatten().any(|one| one["id"] == *agent);
    agent == "main" || agents["entries"].get(agent).is_some() || listed
}
