//! Who answers where nothing else is said, and whether OpenClaw can ask the model behind it: read from the gateway itself.

use gateway::config::Call;
use gateway::config::routing::{self, Agent};
use serde_json::{Value, json};

use super::routing::of_call;
use crate::failure::Failure;
use crate::noted::Answerer;

/// `asks_models`: see [`super::routing::Line::lists_models`].
pub(super) async fn look(line: &impl Call, asks_models: bool, at_ms: i64) -> Result<Answerer, Failure> {
    let agents = line.call("agents.list", json!({})).await.map_err(of_call)?;
    let config = line.call("config.get", json!({})).await.map_err(of_call)?;
    let models = if asks_models {
        // A release that does not know this leaves it open.
        line.call("models.list", json!({})).await.unwrap_or_default()
    } else {
        Value::Null
    };
    let resolved = &config["resolved"];
    let config = if resolved.is_object() { resolved } else { &config["parsed"] };
    Ok(answerer(&routing::agents(&agents), config, &models, at_ms))
}

fn answerer(agents: &[Agent], config: &Value, models: &Value, at_ms: i64) -> Answerer {
    // No device has this name: what is said for one of them says nothing about the others.
    let route = routing::route(config, "");
    let agent = routing::agent_of(&route, agents);
    let model = agent.and_then(|agent| agent.model.clone());
    Answerer {
        agent: agent.map(|agent| agent.name.clone().unwrap_or_else(|| agent.id.clone())),
        named: agent.map(|agent| agent.id.clone()).or(route.agent),
        ready: model.as_deref().and_then(|model| is_ready(models, model)),
        model,
        at_ms,
    }
}

/// `provider/id`, as agents name it.
fn is_ready(models: &Value, model: &str) -> Option<bool> {
    let named = |one: &&Value| {
        let (provider, id) = (one["provider"].as_str().unwrap_or_default(), one["id"].as_str().unwrap_or_default());
        model == id || model.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')) == Some(id)
    };
    models["models"].as_array()?.iter().find(named)?["available"].as_bool()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;
    use gateway::config::CallError;

    use super::*;

    fn agents() -> Value {
        json!({ "defaultId": "main", "agents": [
            { "id": "main", "name": "Molly", "model": { "primary": "mock/echo" } },
            { "id": "kitchen", "model": { "primary": "other/big" } },
        ] })
    }

    /// Notes what it is asked.
    #[derive(Default)]
    struct Asked(Mutex<Vec<String>>);

    impl Call for Asked {
        fn call<'a>(&'a self, method: &'a str, _: Value) -> BoxFuture<'a, Result<Value, CallError>> {
            self.0.lock().unwrap().push(method.to_owned());
            let answer = if method == "models.list" { models() } else { agents() };
            Box::pin(async move { Ok(answer) })
        }
    }

    #[tokio::test]
    async fn a_release_that_is_deaf_meanwhile_is_not_asked_for_its_models() {
        for asks_models in [true, false] {
            let asked = Asked::default();
            let found = look(&asked, asks_models, 7).await.unwrap();
            assert_eq!(found.model.as_deref(), Some("mock/echo"));
            assert_eq!(found.ready, asks_models.then_some(true));
            let heard = asked.0.into_inner().unwrap();
            assert_eq!(heard.contains(&"models.list".to_owned()), asks_models, "{heard:?}");
        }
    }

    /// As 2026.9.6 answers, recorded.
    fn models() -> Value {
        json!({ "models": [
            { "id": "echo", "name": "Echo", "provider": "mock", "contextWindow": 32000, "tags": ["default"], "available": true },
            { "id": "big", "provider": "other", "available": false },
        ] })
    }

    fn of(config: Value, agents: Value, models: Value) -> Answerer {
        answerer(&routing::agents(&agents), &config, &models, 7)
    }

    #[test]
    fn the_default_agent_answers_with_its_model() {
        let found = of(json!({}), agents(), models());
        let expected = Answerer {
            agent: Some("Molly".into()),
            named: Some("main".into()),
            model: Some("mock/echo".into()),
            ready: Some(true),
            at_ms: 7,
        };
        assert_eq!(found, expected);
        let channel = |agent: &str| json!({ "channels": { gateway::config::ID: { "defaultAgentId": agent } } });
        let kitchen = of(channel("kitchen"), agents(), models());
        assert_eq!((kitchen.agent.as_deref(), kitchen.ready), (Some("kitchen"), Some(false)));
        let ghost = of(channel("ghost"), agents(), models());
        assert_eq!((ghost.agent, ghost.named.as_deref(), ghost.model), (None, Some("ghost"), None));
    }

    #[test]
    fn what_openclaw_does_not_say_is_left_open() {
        assert_eq!(of(json!({}), agents(), Value::Null).ready, None);
        assert_eq!(of(json!({}), agents(), json!({ "models": [] })).ready, None);
        assert_eq!(of(json!({}), agents(), json!({ "models": [{ "id": "echo", "provider": "mock" }] })).ready, None);
        let mut several = agents();
        several["selectionRequired"] = json!(true);
        let nobody = of(json!({}), several, models());
        assert_eq!((nobody.agent, nobody.named), (None, None));
    }
}
