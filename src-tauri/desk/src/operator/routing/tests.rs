use std::sync::Mutex;

use super::*;

const DEVICE: &str = "abcdefghijklmnopqrstuvwxyz";

/// A gateway that keeps a configuration as OpenClaw does: objects merge, lists are replaced.
#[derive(Clone)]
struct Openclaw(Arc<Inner>);

struct Inner {
    config: Mutex<Value>,
    writes: Mutex<u32>,
    /// Answers `config.patch` well and forgets it.
    forgets: bool,
}

impl Openclaw {
    fn new(config: Value) -> Self {
        Self(Arc::new(Inner { config: Mutex::new(config), writes: Mutex::new(0), forgets: false }))
    }

    fn config(&self) -> Value {
        self.0.config.lock().unwrap().clone()
    }

    fn hash(&self) -> String {
        format!("h{}", self.0.writes.lock().unwrap())
    }

    fn answer(&self, method: &str, params: &Value) -> Result<Value, CallError> {
        match method {
            "agents.list" => Ok(json!({ "defaultId": "main", "agents": [
                { "id": "main", "model": { "primary": "scripted/m1" } },
                { "id": "kitchen", "name": "Kitchen", "model": "scripted/m2" },
            ] })),
            "config.get" => {
                let (config, hash) = (self.config(), self.hash());
                Ok(
                    json!({ "parsed": config, "raw": config.to_string(), "hash": hash, "configRevisionHash": hash, "appliedConfigHash": hash }),
                )
            }
            "config.patch" => {
                if params["baseHash"] != json!(self.hash()) {
                    return Err(CallError::Stale);
                }
                let patch: Value = serde_json::from_str(params["raw"].as_str().unwrap()).unwrap();
                if !self.0.forgets {
                    let mut config = self.0.config.lock().unwrap();
                    for (key, value) in patch.as_object().unwrap() {
                        config[key] = value.clone();
                    }
                    *self.0.writes.lock().unwrap() += 1;
                }
                Ok(json!({ "ok": true }))
            }
            other => panic!("{other}"),
        }
    }
}

impl Call for Openclaw {
    fn call<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Result<Value, CallError>> {
        let answer = self.answer(method, &params);
        Box::pin(async move { answer })
    }
}

fn persons() -> Value {
    json!({
        "agents": { "entries": { "main": {}, "kitchen": {} } },
        "bindings": [{ "agentId": "main", "match": { "channel": "discord" } }],
    })
}

fn copies() -> (tempfile::TempDir, Backups) {
    let temp = tempfile::tempdir().unwrap();
    let backups = Backups::new(temp.path().join("backups"));
    (temp, backups)
}

fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> FailureCode {
    result.unwrap_err().code
}

#[tokio::test]
async fn a_choice_is_shown_done_and_taken_back() {
    let (openclaw, (_temp, backups)) = (Openclaw::new(persons()), copies());
    let devices = [DEVICE.to_owned()];
    let told = agents(&openclaw, &devices).await.unwrap();
    assert_eq!(told.agents[1].name.as_deref(), Some("Kitchen"));
    let [default] = told.routes.as_slice() else { panic!("{told:?}") };
    assert_eq!((default.agent.as_deref(), default.because), (Some("main"), RouteBecause::GatewayDefault));

    let shown = plan(&openclaw, backups.clone(), DEVICE, Some("kitchen")).await.unwrap();
    assert_eq!(openclaw.config(), persons(), "a look changes nothing");
    let [change] = shown.changes.as_slice() else { panic!("{shown:?}") };
    assert_eq!((change.path.as_str(), &change.before), ("bindings", &None));
    let after: Value = serde_json::from_str(change.after.as_deref().unwrap()).unwrap();
    assert_eq!((&after["agentId"], &after["match"]["peer"]["id"]), (&json!("kitchen"), &json!(DEVICE)));
    assert_eq!((shown.now.agent.as_deref(), shown.then.agent.as_deref()), (Some("main"), Some("kitchen")));

    let routed = route(&openclaw, backups.clone(), DEVICE, Some("kitchen"), Some(&shown.shown), 1_000).await.unwrap();
    assert_eq!((routed.route.agent.as_deref(), routed.route.because), (Some("kitchen"), RouteBecause::Chosen));
    assert!(std::fs::read_to_string(routed.copy.unwrap()).unwrap().contains("discord"));
    assert_eq!(openclaw.config()["bindings"][0], persons()["bindings"][0], "a person's own stays");
    let again = route(&openclaw, backups.clone(), DEVICE, Some("kitchen"), None, 2_000).await.unwrap();
    assert_eq!(again.copy, None, "done is done");

    let back = route(&openclaw, backups, DEVICE, None, None, 3_000).await.unwrap();
    assert_eq!((back.route.agent.as_deref(), back.route.because), (Some("main"), RouteBecause::GatewayDefault));
    assert_eq!(openclaw.config(), persons());
}

#[tokio::test]
async fn only_what_was_shown_is_done() {
    let (openclaw, (_temp, backups)) = (Openclaw::new(persons()), copies());
    let shown = plan(&openclaw, backups.clone(), DEVICE, Some("kitchen")).await.unwrap().shown;
    let other = plan(&openclaw, backups.clone(), DEVICE, Some("main")).await.unwrap().shown;
    assert_ne!(shown, other);
    assert_eq!(
        code(route(&openclaw, backups.clone(), DEVICE, Some("main"), Some(&shown), 0).await),
        FailureCode::RouteChanged
    );
    assert_eq!(openclaw.config(), persons());
    // What another program changed elsewhere is no reason to ask the person again.
    openclaw.0.config.lock().unwrap()["meta"] = json!({ "lastTouchedVersion": "2026.9.6" });
    *openclaw.0.writes.lock().unwrap() += 1;
    route(&openclaw, backups, DEVICE, Some("kitchen"), Some(&shown), 0).await.unwrap();
}

#[tokio::test]
async fn what_stands_against_it_has_its_name() {
    let (_temp, backups) = copies();
    let asked = |config: Value, agent: &'static str| {
        let backups = backups.clone();
        async move { code(plan(&Openclaw::new(config), backups, DEVICE, Some(agent)).await) }
    };
    assert_eq!(asked(persons(), "ghost").await, FailureCode::AgentUnknown);
    let mut by_hand = persons();
    by_hand["bindings"] = json!([{ "agentId": "main", "comment": "mine", "match": { "channel": "openclaw-smartpi", "peer": { "kind": "direct", "id": DEVICE } } }]);
    let told = agents(&Openclaw::new(by_hand.clone()), &[DEVICE.to_owned()]).await.unwrap();
    assert_eq!(told.routes[0].because, RouteBecause::ByHand);
    assert_eq!(asked(by_hand, "kitchen").await, FailureCode::RouteByHand);
    let elsewhere = Look::of(&json!({}), &json!({ "parsed": {}, "bindingsIncludeOwned": true }));
    assert_eq!(code(elsewhere.refuses(None)), FailureCode::BindingsElsewhere);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_go_by_it_is_found_out() {
    let (_temp, backups) = copies();
    // The twin of the first test: it says yes and saves nothing.
    let inner = Inner { config: Mutex::new(persons()), writes: Mutex::new(0), forgets: true };
    let openclaw = Openclaw(Arc::new(inner));
    assert_eq!(code(route(&openclaw, backups, DEVICE, Some("kitchen"), None, 0).await), FailureCode::RouteChanged);
    // Saved, and another agent answers all the same.
    let saved = Openclaw::new(persons());
    assert_eq!(code(ask_again(&saved, DEVICE, Some("kitchen")).await), FailureCode::RouteNotTaken);
}

#[test]
fn a_route_to_nobody_says_so() {
    let several =
        json!({ "defaultId": "main", "selectionRequired": true, "agents": [{ "id": "main" }, { "id": "b" }] });
    let look = Look::of(&several, &json!({ "parsed": {} }));
    let route = look.route(DEVICE);
    assert_eq!((route.agent, route.known), (None, false));
    let ghost = json!({ "parsed": { "channels": { "openclaw-smartpi": { "defaultAgentId": "ghost" } } } });
    let route = Look::of(&several, &ghost).route(DEVICE);
    assert_eq!(
        (route.agent.as_deref(), route.known, route.because),
        (Some("ghost"), false, RouteBecause::ChannelDefault)
    );
}
