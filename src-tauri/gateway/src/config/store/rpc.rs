//! The running gateway: `config.get`, `config.patch`. It merges objects, replaces lists, and refuses when the base hash is old.
//!
//! It tells no secret, and its writer keeps no comment. So the copy from before is the person's own file, byte for byte, where that file is on this computer and
//! says what the gateway says; and where the gateway loses something of others in the very write that we asked for, the file is put back.

use std::path::{Path as File, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Applied, Basis, Call, CallError, Plan, Store, StoreError};
use crate::config::change::{Edited, edit};
use crate::config::difference::{Path, at, changed_paths};
use crate::config::{Backups, Change, Config, DocumentError, EditError, ID, put_back};

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

/// What the gateway tells in the place of a secret.
const HIDDEN: &str = "__OPENCLAW_REDACTED__";

/// The configuration as the gateway tells it: secrets are words that stand for them, the same each time.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Seen {
    hash: String,
    value: Value,
    raw: Option<String>,
    /// The gateway's own file, in its own words.
    path: Option<PathBuf>,
}

impl Seen {
    fn of(answer: &Value) -> Option<Self> {
        let value = answer["parsed"].clone();
        let hash = answer["hash"].as_str()?.to_owned();
        let raw = answer["raw"].as_str().map(str::to_owned);
        let path = answer["path"].as_str().map(PathBuf::from);
        value.is_object().then_some(Self { hash, value, raw, path })
    }

    /// The file itself, with comments and secrets. `None`: it is not on this computer, or says something else.
    fn file(&self) -> Option<(&File, Zeroizing<Vec<u8>>)> {
        let path = self.path.as_deref()?;
        let config = Config::read(path).ok()?;
        stands_for(&self.value, config.value()).then(|| (path, Zeroizing::new(config.bytes().to_vec())))
    }
}

/// Whether `told` is what the gateway tells of `own`.
fn stands_for(told: &Value, own: &Value) -> bool {
    match (told, own) {
        (Value::String(hidden), _) if hidden == HIDDEN => true,
        (Value::Object(told), Value::Object(own)) => {
            told.len() == own.len()
                && told.iter().all(|(key, told)| own.get(key).is_some_and(|own| stands_for(told, own)))
        }
        (Value::Array(told), Value::Array(own)) => {
            told.len() == own.len() && told.iter().zip(own).all(|(told, own)| stands_for(told, own))
        }
        (told, own) => told == own,
    }
}

/// What is being written.
struct Write<'p> {
    before: &'p Seen,
    edited: Edited,
    after: Value,
    /// The file from before; `None`: it cannot be had.
    own: Option<(&'p File, Zeroizing<Vec<u8>>)>,
    copy: PathBuf,
}

impl Write<'_> {
    /// Whether all that we want is there.
    fn is_in(&self, value: &Value) -> bool {
        self.edited.changed.iter().all(|path| at(value, path) == at(&self.after, path))
    }

    /// What changed besides.
    fn besides(&self, now: &Value) -> Vec<Path> {
        let is_strange = |path: &Path| {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            // OpenClaw writes its own notes, and turns its plugins on that a list names.
            !self.edited.changed.contains(path)
                && !matches!(keys[..], ["meta", ..] | ["channels" | "plugins", ID, ..] | ["plugins", "entries", ..])
        };
        changed_paths(&self.before.value, now).into_iter().filter(is_strange).collect()
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
        let is_plain = seen.raw.as_ref().is_none_or(|raw| serde_json::from_str::<Value>(raw).is_ok());
        Ok(Plan {
            comments_lost: !is_plain && !edited.entries.is_empty(),
            entries: edited.entries,
            made: edited.made,
            changes: changes.to_vec(),
            base: Basis::Gateway(seen),
        })
    }

    async fn write(&self, plan: &Plan, now_ms: u64) -> Result<Applied, StoreError> {
        let Basis::Gateway(before) = &plan.base else { return Err(StoreError::Newer) };
        let edited = edit(&before.value.to_string(), &plan.changes)?;
        let after = serde_json::from_str(&edited.text)
            .map_err(|_| StoreError::Edit(EditError::Document(DocumentError::Malformed)))?;
        let own = before.file();
        let copy = self.keep(before, own.as_ref().map(|(_, bytes)| bytes.as_slice()), now_ms)?;
        let patch = patch(&edited, &before.value, &after, &before.hash);
        let write = Write { before, edited, after, own, copy };
        for _ in 0..TRIES {
            match self.call.call("config.patch", patch.clone()).await {
                Ok(answer) => return self.prove(write, answer["hash"].as_str()).await,
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
            if write.is_in(&seen.value) {
                return self.prove(write, None).await;
            }
            if seen.hash != before.hash {
                return Err(StoreError::Newer);
            }
        }
        Err(StoreError::Refused(CallError::Lost))
    }

    /// Keeps a copy from before: the person's own file, else what the gateway tells of it, which has no secrets.
    fn keep(&self, before: &Seen, own: Option<&[u8]>, now_ms: u64) -> Result<PathBuf, StoreError> {
        let kept = match own {
            Some(bytes) => self.backups.keep(bytes, "openclaw", now_ms),
            None => {
                let told = before.raw.clone().unwrap_or_else(|| before.value.to_string());
                self.backups.keep(told.as_bytes(), "openclaw-rpc", now_ms)
            }
        };
        kept.map_err(|source| StoreError::Io { path: self.backups.folder().to_owned(), source })
    }

    /// Reads what is there now: what we wanted, and nothing of others changed. `written`: what the gateway called its configuration right after our change.
    async fn prove(&self, write: Write<'_>, written: Option<&str>) -> Result<Applied, StoreError> {
        let now = self.look_again().await?;
        if !write.is_in(&now.value) {
            return Err(StoreError::Newer);
        }
        let strange = write.besides(&now.value);
        if strange.is_empty() {
            return Ok(Applied { copy: write.copy });
        }
        let lost = |path: &Path| is_lost(at(&write.before.value, path), at(&now.value, path));
        // Only what the gateway did in this very write is undone: the words of another writer stand.
        let is_its_doing = written == Some(now.hash.as_str()) && strange.iter().any(lost);
        let paths = strange.iter().map(|path| path.join(".")).collect();
        match (&write.own, now.file()) {
            (Some((path, before)), Some((_, after))) if is_its_doing && put_back(path, before, &after).is_ok() => {
                Err(StoreError::PutBack(paths))
            }
            _ => Err(StoreError::Strange { paths, copy: write.copy }),
        }
    }
}

/// Whether something that was there is not any more.
fn is_lost(before: Option<&Value>, now: Option<&Value>) -> bool {
    match (before, now) {
        (None, _) => false,
        (Some(Value::Array(before)), Some(Value::Array(now))) => before.iter().any(|one| !now.contains(one)),
        (Some(before), now) => Some(before) != now,
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
