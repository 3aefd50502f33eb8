//! Who answers a device: read from the gateway, changed by its own writer, and asked again afterwards.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use gateway::Seen;
use gateway::config::routing::{self, Agent, Because};
use gateway::config::{Backups, Call, CallError, Change, EditError, Entry, Plan, RpcStore, Store, StoreError, edit};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::control::answer::{DeviceRoute, GatewayAgent, GatewayAgents, RouteBecause, RouteChange, RoutePlan, Routed};
use crate::failure::{Failure, FailureCode};

/// Times that the same change is planned anew because OpenClaw wrote its own notes in between.
const TRIES: usize = 3;
/// How often, and how long between, the gateway is asked whether it goes by what it saved.
const LOOKS: usize = 40;
const BETWEEN: Duration = Duration::from_millis(500);

/// The way to the gateway, over every connection of the link.
#[derive(Clone, Debug)]
pub(super) struct Line(pub(super) watch::Receiver<Seen>);

impl Line {
    /// Whether the gateway can be asked for its models in passing. Releases of protocol 3 hear nobody for half a minute meanwhile.
    pub(super) fn lists_models(&self) -> bool {
        self.0.borrow().client.as_ref().is_some_and(|client| client.greeting().protocol > 3)
    }
}

impl Call for Line {
    fn call<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Result<Value, CallError>> {
        let client = self.0.borrow().client.clone();
        Box::pin(async move {
            match client {
                Some(client) => client.call(method, params).await,
                None => Err(CallError::Lost),
            }
        })
    }
}

/// What the gateway says about agents and the ways to them.
struct Look {
    agents: Vec<Agent>,
    /// As the file has it: what is edited.
    parsed: Value,
    /// With everything that it includes: what counts.
    effective: Value,
    /// The bindings are in another file.
    elsewhere: bool,
    /// Whether it goes by what is in the file.
    applied: bool,
}

impl Look {
    async fn take(line: &impl Call) -> Result<Self, Failure> {
        let agents = line.call("agents.list", json!({})).await.map_err(of_call)?;
        let config = line.call("config.get", json!({})).await.map_err(of_call)?;
        Ok(Self::of(&agents, &config))
    }

    fn of(agents: &Value, config: &Value) -> Self {
        let parsed = config["parsed"].clone();
        let resolved = &config["resolved"];
        let hashes = (&config["configRevisionHash"], &config["appliedConfigHash"]);
        Self {
            agents: routing::agents(agents),
            effective: if resolved.is_object() { resolved.clone() } else { parsed.clone() },
            parsed,
            elsewhere: config["bindingsIncludeOwned"] == true,
            // Older ones do not say.
            applied: !hashes.0.is_string() || !hashes.1.is_string() || hashes.0 == hashes.1,
        }
    }

    fn route(&self, device: &str) -> DeviceRoute {
        told(&self.effective, &self.agents, device)
    }

    /// Who would answer after this change.
    fn then(&self, device: &str, change: &Change) -> Result<DeviceRoute, Failure> {
        let edited = edit(&self.parsed.to_string(), std::slice::from_ref(change)).map_err(of_edit)?;
        let edited: Value =
            serde_json::from_str(&edited.text).map_err(|error| Failure::caused(FailureCode::Internal, &error))?;
        let mut effective = self.effective.clone();
        effective["bindings"] = edited["bindings"].clone();
        Ok(told(&effective, &self.agents, device))
    }

    /// What stands against a choice before anything is asked.
    fn refuses(&self, agent: Option<&str>) -> Result<(), Failure> {
        if let Some(agent) = agent
            && !self.agents.iter().any(|known| known.id == agent)
        {
            return Err(Failure::with(FailureCode::AgentUnknown, agent));
        }
        if self.elsewhere { Err(Failure::bare(FailureCode::BindingsElsewhere)) } else { Ok(()) }
    }
}

fn told(config: &Value, agents: &[Agent], device: &str) -> DeviceRoute {
    let route = routing::route(config, device);
    let found = routing::agent_of(&route, agents);
    DeviceRoute {
        device_key: device.to_owned(),
        known: found.is_some(),
        agent: found.map(|agent| agent.id.clone()).or_else(|| route.agent.clone()),
        because: match route.because {
            Because::Chosen => RouteBecause::Chosen,
            Because::ByHand => RouteBecause::ByHand,
            Because::Everybody => RouteBecause::Everybody,
            Because::ChannelDefault => RouteBecause::ChannelDefault,
            Because::GatewayDefault => RouteBecause::GatewayDefault,
        },
    }
}

/// The agents, and who answers each of these devices.
pub(super) async fn agents(line: &impl Call, devices: &[String]) -> Result<GatewayAgents, Failure> {
    let look = Look::take(line).await?;
    let routes = devices.iter().map(|device| look.route(device)).collect();
    let agents = look.agents.into_iter().map(|Agent { id, name, model, is_default }| GatewayAgent {
        id,
        name,
        model,
        is_default,
    });
    Ok(GatewayAgents { agents: agents.collect(), routes })
}

/// What a choice would change. Changes nothing.
pub(super) async fn plan<L: Call + Clone + 'static>(
    line: &L,
    backups: Backups,
    device: &str,
    agent: Option<&str>,
) -> Result<RoutePlan, Failure> {
    let look = Look::take(line).await?;
    look.refuses(agent)?;
    let change = Change::Route { device: device.to_owned(), agent: agent.map(str::to_owned) };
    let folder = backups.folder().display().to_string();
    let store = RpcStore::new(Arc::new(line.clone()), backups);
    let (shown, changes, comments_lost) = read_out(&store, std::slice::from_ref(&change), device).await?;
    Ok(RoutePlan {
        shown,
        changes,
        comments_lost,
        backups: folder,
        now: look.route(device),
        then: look.then(device, &change)?,
    })
}

/// Does it, and asks the gateway afterwards who answers. `shown`: only this very change.
pub(super) async fn route<L: Call + Clone + 'static>(
    line: &L,
    backups: Backups,
    device: &str,
    agent: Option<&str>,
    shown: Option<&str>,
    now_ms: u64,
) -> Result<Routed, Failure> {
    Look::take(line).await?.refuses(agent)?;
    let change = [Change::Route { device: device.to_owned(), agent: agent.map(str::to_owned) }];
    let store = RpcStore::new(Arc::new(line.clone()), backups);
    let copy = carry_out(&store, &change, device, shown, now_ms).await?;
    let route = ask_again(line, device, agent).await?;
    Ok(Routed { route, copy })
}

/// What changes would do, for a person to read. `about`: what they are for.
pub(crate) async fn read_out(
    store: &dyn Store,
    changes: &[Change],
    about: &str,
) -> Result<(String, Vec<RouteChange>, bool), Failure> {
    let planned = store.plan(changes).await.map_err(of_store)?;
    let told = planned.entries.iter().flat_map(self::changes).collect();
    Ok((fingerprint(about, &planned), told, planned.comments_lost))
}

/// Makes the changes; gives the place of the copy from before, where anything had to be done. `shown`: only as the plan of this name said.
pub(crate) async fn carry_out(
    store: &dyn Store,
    changes: &[Change],
    about: &str,
    shown: Option<&str>,
    now_ms: u64,
) -> Result<Option<String>, Failure> {
    for attempt in 1..=TRIES {
        let planned = store.plan(changes).await.map_err(of_store)?;
        if shown.is_some_and(|shown| shown != fingerprint(about, &planned)) {
            return Err(Failure::bare(FailureCode::RouteChanged));
        }
        if planned.is_empty() {
            break;
        }
        match store.apply(&planned, now_ms).await {
            Ok(applied) => return Ok(Some(applied.copy.display().to_string())),
            // OpenClaw adds notes of its own after a start or an edit by hand: the same change is made once more.
            Err(StoreError::Newer) if attempt < TRIES => {}
            Err(error) => return Err(of_store(error)),
        }
    }
    Ok(None)
}

/// What the gateway itself says when it goes by what it saved.
async fn ask_again(line: &impl Call, device: &str, agent: Option<&str>) -> Result<DeviceRoute, Failure> {
    let mut last = None;
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let seen = match Look::take(line).await {
            Ok(seen) => seen,
            // It may be restarting because of the change.
            Err(failure) => {
                last = Some(failure);
                continue;
            }
        };
        let route = seen.route(device);
        let taken = match agent {
            Some(agent) => route.known && route.agent.as_deref() == Some(agent),
            None => route.because != RouteBecause::Chosen,
        };
        if taken && seen.applied {
            return Ok(route);
        }
        last = Some(Failure::with(FailureCode::RouteNotTaken, route.agent));
    }
    Err(last.unwrap_or_else(|| Failure::bare(FailureCode::GatewayNoAnswer)))
}

/// Of a list only what comes and what goes: the rest of it is not the person's question.
fn changes(entry: &Entry) -> Vec<RouteChange> {
    let list = |text: &Option<String>| -> Option<Vec<Value>> {
        text.as_ref().map_or(Some(Vec::new()), |text| serde_json::from_str(text).ok())
    };
    let one = |before: Option<String>, after: Option<String>| RouteChange { path: entry.path.clone(), before, after };
    let (Some(before), Some(after)) = (list(&entry.before), list(&entry.after)) else {
        return vec![one(entry.before.clone(), entry.after.clone())];
    };
    let only = |these: &[Value], those: &[Value]| -> Vec<String> {
        these.iter().filter(|one| !those.contains(one)).map(Value::to_string).collect()
    };
    let (gone, come) = (only(&before, &after), only(&after, &before));
    let longest = gone.len().max(come.len());
    (0..longest).map(|index| one(gone.get(index).cloned(), come.get(index).cloned())).collect()
}

/// What was shown, in a word: the same entries before and after, and the same loss.
fn fingerprint(device: &str, plan: &Plan) -> String {
    let mut all = Sha256::new();
    let mut part = |text: &str| {
        all.update(text.len().to_be_bytes());
        all.update(text.as_bytes());
    };
    part(device);
    for change in plan.entries.iter().flat_map(changes) {
        part(&change.path);
        for side in [change.before, change.after] {
            part(if side.is_some() { "some" } else { "none" });
            part(&side.unwrap_or_default());
        }
    }
    part(if plan.comments_lost { "lost" } else { "kept" });
    data_encoding::HEXLOWER.encode(&all.finalize()[..16])
}

fn of_store(error: StoreError) -> Failure {
    let code = match error {
        StoreError::Edit(error) => return of_edit(error),
        StoreError::Refused(error) => return of_call(error),
        StoreError::Newer => return Failure::bare(FailureCode::RouteChanged),
        StoreError::Io { .. } => FailureCode::InstallNotPrepared,
        StoreError::Invalid { .. } => FailureCode::GatewayRefused,
        StoreError::Strange { .. } => FailureCode::OpenClawChangedMore,
        StoreError::PutBack(_) => FailureCode::OpenClawPutBack,
    };
    Failure::caused(code, &error)
}

fn of_edit(error: EditError) -> Failure {
    match error {
        EditError::UnknownAgent(agent) => Failure::with(FailureCode::AgentUnknown, agent),
        EditError::RouteByHand => Failure::bare(FailureCode::RouteByHand),
        EditError::Document(_) => Failure::caused(FailureCode::OpenClawConfigUnreadable, &error),
        EditError::TokenThere | EditError::Foreign(_) | EditError::Loses => {
            Failure::caused(FailureCode::Internal, &error)
        }
    }
}

pub(super) fn of_call(error: CallError) -> Failure {
    match &error {
        CallError::Lost => Failure::bare(FailureCode::GatewayNoAnswer),
        CallError::Stale => Failure::bare(FailureCode::RouteChanged),
        CallError::Refused { code, .. } if code == "FORBIDDEN" => Failure::caused(FailureCode::GatewayScope, &error),
        CallError::Refused { retry_after: Some(wait), .. } => {
            Failure::with(FailureCode::GatewayLimited, json!({ "waitS": wait.as_secs() }))
        }
        CallError::Refused { code, .. } if code == "UNAVAILABLE" => Failure::bare(FailureCode::GatewayBusy),
        CallError::Refused { .. } => Failure::caused(FailureCode::GatewayRefused, &error),
    }
}

#[cfg(test)]
mod tests;
