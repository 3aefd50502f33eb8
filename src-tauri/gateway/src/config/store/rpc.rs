//! The running gateway: `config.get`, `config.patch`. It merges objects, replaces lists, and refuses when the base hash is old.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::{Applied, Basis, Call, CallError, Plan, Store, StoreError};
use crate::config::change::{Edited, edit};
use crate::config::difference::{Path, at, changed_paths};
use crate::config::{Backups, Change, DocumentError, EditError, ID};

/// A gateway that takes longer to come back is gone. A restart takes up to half a minute on a busy machine.
const RETURNS_WITHIN: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Longest that a rate limit is waited for: OpenClaw's is a minute.
const PATIENCE: Duration = Duration::from_secs(70);
/// Times that one plan is sent, at most.
const TRIES: usize = 3;

/// The configuration of a running gateway.
#[derive(Clone)]
pub struct RpcStore {
    call: Arc<dyn Call>,
    backups: Backups,
}

impl RpcStore {
    /// Needs the scope `operator.admin`.
    pub fn new(call: Arc<dyn Call>, backups: Backups) -> Self {
        Self { call, backups }
    }
}

impl std::fmt::Debug for RpcStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RpcStore").finish_non_exhaustive()
    }
}

/// The configuration as the gateway tells it: secrets are words that stand for them, the same each time.
struct Seen {
    hash: String,
    value: Value,
    raw: Option<String>,
}

impl Seen {
    fn of(answer: &Value) -> Option<Self> {
        let value = answer["parsed"].clone();
        let hash = answer["hash"].as_str()?.to_owned();
        let raw = answer["raw"].as_str().map(str::to_owned);
        value.is_object().then_some(Self { hash, value, raw })
    }
}

impl RpcStore {
    async fn look(&self) -> Result<Seen, StoreError> {
        let answer = self.call.call("config.get", json!({})).await.map_err(StoreError::Refused)?;
        Seen::of(&answer).ok_or(StoreError::Edit(EditError::Document(DocumentError::Malformed)))
    }

    /// Looks until there is an answer: the gateway may be restarting because of us.
    async fn look_again(&self) -> Result<Seen, StoreError> {
        let looking = async {
            loop {
                match self.look().await {
                    Err(StoreError::Refused(CallError::Lost)) => tokio::time::sleep(LOOK_AGAIN).await,
                    Err(StoreError::Refused(CallError::Refused { code, .. })) if code == "UNAVAILABLE" => {
                        tokio::time::sleep(LOOK_AGAIN).await;
                    }
                    seen => return seen,
                }
            }
        };
        let seen = tokio::time::timeout(RETURNS_WITHIN, looking).await;
        seen.unwrap_or(Err(StoreError::Refused(CallError::Lost)))
    }

    async fn make(&self, changes: &[Change]) -> Result<Plan, StoreError> {
        let seen = self.look().await?;
        let edited = edit(&seen.value.to_string(), changes)?;
        let is_plain = seen.raw.is_none_or(|raw| serde_json::from_str::<Value>(&raw).is_ok());
        Ok(Plan {
            comments_lost: !is_plain && !edited.entries.is_empty(),
            entries: edited.entries,
            made: edited.made,
            changes: changes.to_vec(),
            base: Basis::Hash { hash: seen.hash, value: seen.value },
        })
    }

    async fn write(&self, plan: &Plan, now_ms: u64) -> Result<Applied, StoreError> {
        let Basis::Hash { hash, value: before } = &plan.base else { return Err(StoreError::Newer) };
        let edited = edit(&before.to_string(), &plan.changes)?;
        // Its secrets are not in this copy; OpenClaw keeps whole ones beside its file.
        let copy = self.backups.keep(before.to_string().as_bytes(), "openclaw-rpc", now_ms);
        let copy = copy.map_err(|source| StoreError::Io { path: self.backups.folder().to_owned(), source })?;
        let after: Value = serde_json::from_str(&edited.text)
            .map_err(|_| StoreError::Edit(EditError::Document(DocumentError::Malformed)))?;
        let patch = patch(&edited, before, &after, hash);
        for _ in 0..TRIES {
            match self.call.call("config.patch", patch.clone()).await {
                Ok(_) => return self.prove(&edited, before, &after).await.map(|()| Applied { copy }),
                Err(CallError::Refused { code, retry_after: Some(wait), .. })
                    if code == "UNAVAILABLE" && wait <= PATIENCE =>
                {
                    tokio::time::sleep(wait).await;
                }
                // An old hash may be our own doing: the try before, whose answer was lost.
                Err(CallError::Stale | CallError::Lost) => {}
                Err(error) => return Err(StoreError::Refused(error)),
            }
            // Nobody knows what became of it: it is never sent again blindly.
            let seen = self.look_again().await?;
            if edited.changed.iter().all(|path| at(&seen.value, path) == at(&after, path)) {
                return self.prove(&edited, before, &after).await.map(|()| Applied { copy });
            }
            if seen.hash != *hash {
                return Err(StoreError::Newer);
            }
        }
        Err(StoreError::Refused(CallError::Lost))
    }

    /// Reads what is there now: what we wanted, and nothing of others changed.
    async fn prove(&self, edited: &Edited, before: &Value, after: &Value) -> Result<(), StoreError> {
        let now = self.look_again().await?.value;
        if edited.changed.iter().any(|path| at(&now, path) != at(after, path)) {
            return Err(StoreError::Newer);
        }
        let strange = changed_paths(before, &now).into_iter().filter(|path| {
            let is_ours = edited.changed.contains(path);
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            // OpenClaw writes its own notes, and turns its plugins on that a list names.
            !is_ours
                && !matches!(keys[..], ["meta", ..] | ["channels" | "plugins", ID, ..] | ["plugins", "entries", ..])
        });
        let strange: Vec<String> = strange.map(|path| path.join(".")).collect();
        if strange.is_empty() { Ok(()) } else { Err(StoreError::Strange(strange)) }
    }
}

/// Exactly the paths that changed. A whole list is sent only where it is ours to change, and named where an entry of ours goes.
fn patch(edited: &Edited, before: &Value, after: &Value, hash: &str) -> Value {
    let mut raw = Value::Object(Map::new());
    let mut replaced = Vec::new();
    for path in &edited.changed {
        let (old, new) = (at(before, path), at(after, path));
        if let Some(Value::Array(old)) = old {
            let kept = new.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if old.iter().any(|entry| !kept.contains(entry)) {
                replaced.push(path.join("."));
            }
        }
        let path = removed_whole(path, before, after);
        put(&mut raw, &path, at(after, &path).cloned().unwrap_or(Value::Null));
    }
    let mut params = json!({ "raw": raw.to_string(), "baseHash": hash, "note": "SmartPi" });
    if !replaced.is_empty() {
        params["replacePaths"] = json!(replaced);
    }
    params
}

/// The topmost object on the way that is there before and not after: removing it removes the rest, and leaves no empty ones.
fn removed_whole(path: &Path, before: &Value, after: &Value) -> Path {
    let gone =
        (1..=path.len()).find(|depth| at(before, &path[..*depth]).is_some() && at(after, &path[..*depth]).is_none());
    path[..gone.unwrap_or(path.len())].to_vec()
}

fn put(object: &mut Value, path: &[String], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    let Value::Object(map) = object else { return };
    let place = map.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
    if rest.is_empty() { *place = value } else { put(place, rest, value) }
}

impl Store for RpcStore {
    fn plan<'a>(&'a self, changes: &'a [Change]) -> BoxFuture<'a, Result<Plan, StoreError>> {
        Box::pin(self.make(changes))
    }

    fn apply<'a>(&'a self, plan: &'a Plan, now_ms: u64) -> BoxFuture<'a, Result<Applied, StoreError>> {
        Box::pin(self.write(plan, now_ms))
    }
}
