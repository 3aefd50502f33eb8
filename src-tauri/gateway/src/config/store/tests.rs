use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::config::{Backups, ID, KEPT};

const TEXT: &str = "{\n  // mine\n  gateway: { port: 1 },\n  plugins: { allow: ['a'] },\n}\n";

type Says = Box<dyn Fn(&std::path::Path) -> Result<(), String> + Send + Sync>;

impl Validate for Says {
    fn validate<'a>(&'a self, candidate: &'a std::path::Path) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { self(candidate) })
    }
}

fn file_judged(
    says: impl Fn(&std::path::Path) -> Result<(), String> + Send + Sync + 'static,
) -> (tempfile::TempDir, PathBuf, FileStore) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("openclaw.json");
    std::fs::write(&path, TEXT).unwrap();
    let backups = Backups::new(temp.path().join("ours"));
    let says: Says = Box::new(says);
    let store = FileStore::new(&path, backups, Arc::new(says));
    (temp, path, store)
}

fn file() -> (tempfile::TempDir, PathBuf, FileStore) {
    file_judged(|_| Ok(()))
}

#[tokio::test]
async fn a_plan_is_shown_and_then_done() {
    let (_temp, path, store) = file();
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
    assert_eq!(plan.entries.len(), 4);
    assert!(!plan.comments_lost);
    let applied = store.apply(&plan, 0).await.unwrap();
    assert_eq!(std::fs::read_to_string(&applied.copy).unwrap(), TEXT);
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("// mine") && written.contains(ID));
    assert!(matches!(store.apply(&plan, 0).await, Err(StoreError::Newer)), "a plan is done once");
    assert!(store.plan(&Change::install("/k")).await.unwrap().is_empty());
    let back = store.plan(&[Change::Remove { made: plan.made.clone() }]).await.unwrap();
    store.apply(&back, 1000).await.unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
}

#[tokio::test]
async fn what_openclaw_is_asked_about_is_not_the_configuration_yet() {
    let (_temp, path, store) = file_judged(|candidate| {
        let beside = candidate.with_file_name("openclaw.json");
        assert_eq!(std::fs::read_to_string(&beside).unwrap(), TEXT, "nobody else can have met it");
        assert!(std::fs::read_to_string(candidate).unwrap().contains(ID));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(candidate).unwrap().permissions().mode() & 0o077, 0);
        }
        Ok(())
    });
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    store.apply(&plan, 0).await.unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains(ID));
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "the file and the folder of copies");
}

#[tokio::test]
async fn what_another_program_writes_while_openclaw_is_asked_stands() {
    let (_temp, path, store) = file_judged(|candidate| {
        std::fs::write(candidate.with_file_name("openclaw.json"), "{ theirs: 1 }").unwrap();
        Ok(())
    });
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    assert!(matches!(store.apply(&plan, 0).await, Err(StoreError::Newer)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ theirs: 1 }");
}

#[tokio::test]
async fn what_openclaw_does_not_accept_is_not_written() {
    let (temp, path, store) = file_judged(|_| Err("no".into()));
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    let refused = store.apply(&plan, 0).await;
    assert!(matches!(&refused, Err(StoreError::Invalid { words }) if words == "no"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), TEXT);
    assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 2, "the file and the folder of copies");
}

#[tokio::test]
async fn a_plan_for_another_configuration_is_not_done() {
    let (_temp, path, store) = file();
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    std::fs::write(&path, "{ theirs: 1 }").unwrap();
    assert!(matches!(store.apply(&plan, 0).await, Err(StoreError::Newer)));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ theirs: 1 }");
    assert_eq!(KEPT, 10);
}

/// A gateway as it was recorded: it merges, guards its lists and its hash.
struct Gateway {
    config: Mutex<Value>,
    writes: Mutex<u64>,
    asked: Mutex<Vec<(String, Value)>>,
    /// What happens instead of the next patches.
    mishaps: Mutex<VecDeque<Mishap>>,
    late: Mutex<Option<Value>>,
    /// Its file, which it writes without comments.
    file: Option<PathBuf>,
}

enum Mishap {
    /// It loses a channel of the person's in the same write.
    Loses,
    /// It notes something of its own in the same write.
    Adds,
    /// Somebody removes that channel right afterwards.
    WriterAfter,
    Limited(Duration),
    LostAfter,
    LostBefore,
    /// The answer is lost, and the change comes only after the next look.
    LostAndLate,
    OtherWriter,
}

impl Gateway {
    fn new(config: Value, mishaps: Vec<Mishap>) -> Arc<Self> {
        let (writes, asked) = (Mutex::new(0), Mutex::new(Vec::new()));
        Arc::new(Self {
            config: Mutex::new(config),
            writes,
            asked,
            mishaps: Mutex::new(mishaps.into()),
            late: Mutex::new(None),
            file: None,
        })
    }

    /// One whose file this is.
    fn with_file(text: &str, mishaps: Vec<Mishap>) -> (tempfile::TempDir, PathBuf, Arc<Self>) {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("openclaw.json");
        std::fs::write(&file, text).unwrap();
        let gateway = Self::new(json5::from_str(text).unwrap(), mishaps);
        let gateway = Arc::into_inner(gateway).unwrap();
        (temp, file.clone(), Arc::new(Self { file: Some(file), ..gateway }))
    }

    fn hash(&self) -> String {
        format!("h{}", self.writes.lock().unwrap())
    }

    fn answer(&self, method: &str, params: &Value) -> Result<Value, CallError> {
        self.asked.lock().unwrap().push((method.to_owned(), params.clone()));
        if method == "config.get" {
            let config = hidden(&self.config.lock().unwrap());
            let raw = format!("// c\n{config}");
            return Ok(json!({ "hash": self.hash(), "raw": raw, "parsed": config, "path": self.file }));
        }
        let refuse = |code: &str, message: &str| CallError::Refused {
            code: code.into(),
            message: message.into(),
            retry_after: None,
        };
        if let Some(late) = self.late.lock().unwrap().take() {
            self.patch(&late);
        }
        match self.mishaps.lock().unwrap().pop_front() {
            Some(Mishap::LostAndLate) => {
                *self.late.lock().unwrap() = Some(params.clone());
                return Err(CallError::Lost);
            }
            Some(Mishap::Limited(wait)) => {
                return Err(CallError::Refused {
                    code: "UNAVAILABLE".into(),
                    message: "rate limit".into(),
                    retry_after: Some(wait),
                });
            }
            Some(Mishap::LostBefore) => return Err(CallError::Lost),
            Some(Mishap::LostAfter) => {
                self.patch(params);
                return Err(CallError::Lost);
            }
            Some(Mishap::OtherWriter) => {
                self.config.lock().unwrap()["theirs"] = json!(1);
                *self.writes.lock().unwrap() += 1;
                return Err(CallError::Lost);
            }
            Some(mishap @ (Mishap::Loses | Mishap::Adds | Mishap::WriterAfter)) => {
                return Ok(self.patch_and_more(params, mishap));
            }
            None => {}
        }
        if params["baseHash"] != self.hash() {
            return Err(CallError::Stale);
        }
        if let Some(path) = self.unnamed_loss(params) {
            return Err(refuse(
                "INVALID_REQUEST",
                &format!("config.patch would remove entries from array path(s): {path}"),
            ));
        }
        self.patch(params);
        Ok(json!({ "ok": true, "hash": self.hash() }))
    }

    fn patch_and_more(&self, params: &Value, mishap: Mishap) -> Value {
        self.patch(params);
        let told = json!({ "ok": true, "hash": self.hash() });
        let mut config = self.config.lock().unwrap();
        if matches!(mishap, Mishap::Adds) {
            config["wizard"] = json!({ "lastRunVersion": "2026.9.6" });
        } else {
            config["channels"].as_object_mut().unwrap().remove("telegram");
        }
        if matches!(mishap, Mishap::WriterAfter) {
            *self.writes.lock().unwrap() += 1;
        }
        self.save(&config);
        told
    }

    fn save(&self, config: &Value) {
        if let Some(file) = &self.file {
            std::fs::write(file, format!("{config:#}\n")).unwrap();
        }
    }

    fn raw(params: &Value) -> Value {
        json5::from_str(params["raw"].as_str().unwrap()).unwrap()
    }

    fn unnamed_loss(&self, params: &Value) -> Option<String> {
        let (raw, config) = (Self::raw(params), self.config.lock().unwrap());
        let named =
            |path: &str| params["replacePaths"].as_array().is_some_and(|paths| paths.iter().any(|one| one == path));
        [("/plugins/allow", "plugins.allow"), ("/bindings", "bindings")].into_iter().find_map(|(pointer, path)| {
            let (new, old) = (raw.pointer(pointer)?, config.pointer(pointer)?.as_array()?);
            let kept = new.as_array().cloned().unwrap_or_default();
            (!named(path) && old.iter().any(|entry| !kept.contains(entry))).then(|| path.to_owned())
        })
    }

    fn patch(&self, params: &Value) {
        merge(&mut self.config.lock().unwrap(), &Self::raw(params));
        let mut config = self.config.lock().unwrap();
        config["meta"] = json!({ "lastTouchedVersion": "2026.9.6" });
        self.save(&config);
        *self.writes.lock().unwrap() += 1;
    }

    fn patches(&self) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(method, _)| method == "config.patch").map(|(_, params)| params.clone()).collect()
    }
}

/// As the gateway tells it.
fn hidden(config: &Value) -> Value {
    match config {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let is_secret = ["token", "botToken"].contains(&key.as_str());
                (key.clone(), if is_secret { json!("__OPENCLAW_REDACTED__") } else { hidden(value) })
            })
            .collect(),
        Value::Array(list) => list.iter().map(hidden).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => config.clone(),
    }
}

fn merge(base: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return *base = patch.clone() };
    if !base.is_object() {
        *base = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut base[key], value);
        }
    }
}

impl Call for Gateway {
    fn call<'a>(&'a self, method: &'a str, params: Value) -> BoxFuture<'a, Result<Value, CallError>> {
        let answer = self.answer(method, &params);
        Box::pin(async move { answer })
    }
}

fn persons() -> Value {
    json!({ "gateway": { "auth": { "token": "__OPENCLAW_REDACTED__" } }, "plugins": { "allow": ["a"] }, "channels": { "telegram": { "botToken": "__OPENCLAW_REDACTED__" } } })
}

fn rpc(gateway: &Arc<Gateway>) -> (tempfile::TempDir, RpcStore) {
    let temp = tempfile::tempdir().unwrap();
    let store = RpcStore::new(Arc::clone(gateway) as Arc<dyn Call>, Backups::new(temp.path().join("ours")));
    (temp, store)
}

#[tokio::test]
async fn through_the_gateway_only_our_paths_are_sent() {
    let gateway = Gateway::new(persons(), Vec::new());
    let (_temp, store) = rpc(&gateway);
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    assert!(plan.comments_lost, "OpenClaw's writer keeps none");
    store.apply(&plan, 0).await.unwrap();
    let patches = gateway.patches();
    assert_eq!(patches[0]["replacePaths"], Value::Null);
    let raw = Gateway::raw(&patches[0]);
    assert_eq!(
        raw,
        json!({
            "channels": { ID: { "enabled": true, "linkKeyFile": "/k" } },
            "plugins": { "allow": ["a", ID], "entries": { ID: { "enabled": true } } },
        })
    );
    let back = store.plan(&[Change::Remove { made: plan.made.clone() }]).await.unwrap();
    store.apply(&back, 0).await.unwrap();
    let patch = gateway.patches().pop().unwrap();
    assert_eq!(patch["replacePaths"], json!(["plugins.allow"]), "only where our own id goes");
    let mut now = gateway.config.lock().unwrap().clone();
    now.as_object_mut().unwrap().remove("meta");
    assert_eq!(now, persons());
}

const OWN: &str =
    "{\n  // mine\n  gateway: { auth: { token: 'q7Zr2mXw' } },\n  channels: { telegram: { botToken: '1:AA' } },\n}\n";

#[tokio::test]
async fn the_copy_is_the_persons_own_file_with_comments_and_secrets() {
    let (_home, file, gateway) = Gateway::with_file(OWN, Vec::new());
    let (_temp, store) = rpc(&gateway);
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    assert!(plan.comments_lost);
    let applied = store.apply(&plan, 0).await.unwrap();
    assert_eq!(std::fs::read_to_string(&applied.copy).unwrap(), OWN);
    assert_eq!(applied.copy.file_name().unwrap(), "openclaw-19700101T000000Z.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&applied.copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(!written.contains("// mine") && written.contains("q7Zr2mXw") && written.contains(ID));
    // A file that is not the gateway's is not taken for it: what the gateway tells is kept, with its comments and without secrets.
    std::fs::write(&file, "{ gateway: { auth: { token: 'another' } }, theirs: 1 }").unwrap();
    let plan = store.plan(&[Change::Remove { made: plan.made }]).await.unwrap();
    let applied = store.apply(&plan, 1000).await.unwrap();
    let kept = std::fs::read_to_string(&applied.copy).unwrap();
    assert!(kept.starts_with("// c\n") && kept.contains("__OPENCLAW_REDACTED__") && !kept.contains("theirs"), "{kept}");
}

#[tokio::test]
async fn what_the_gateway_loses_with_our_change_is_put_back() {
    let (_home, file, gateway) = Gateway::with_file(OWN, vec![Mishap::Loses]);
    let (_temp, store) = rpc(&gateway);
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    let lost = store.apply(&plan, 0).await;
    assert!(matches!(&lost, Err(StoreError::PutBack(paths)) if paths == &["channels.telegram.botToken"]), "{lost:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), OWN, "byte for byte");
}

/// The twins: what the gateway only adds stays, and so does what another writer took away afterwards.
#[tokio::test]
async fn what_others_do_beside_our_change_stands_and_the_copy_is_named() {
    for (mishap, changed) in
        [(Mishap::Adds, "wizard.lastRunVersion"), (Mishap::WriterAfter, "channels.telegram.botToken")]
    {
        let (_home, file, gateway) = Gateway::with_file(OWN, vec![mishap]);
        let (_temp, store) = rpc(&gateway);
        let plan = store.plan(&Change::install("/k")).await.unwrap();
        let error = store.apply(&plan, 0).await.unwrap_err();
        let StoreError::Strange { paths, copy } = &error else { panic!("{error:?}") };
        assert_eq!(paths, &[changed]);
        assert_eq!(std::fs::read_to_string(copy).unwrap(), OWN);
        assert!(error.to_string().contains(&copy.display().to_string()), "{error}");
        assert!(std::fs::read_to_string(&file).unwrap().contains(ID), "our change stands");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_is_looked_up_and_never_sent_blindly() {
    for (mishap, patches) in [
        (Mishap::LostAfter, 1),
        (Mishap::LostBefore, 2),
        (Mishap::LostAndLate, 2),
        (Mishap::Limited(Duration::from_secs(59)), 2),
    ] {
        let gateway = Gateway::new(persons(), vec![mishap]);
        let (_temp, store) = rpc(&gateway);
        let plan = store.plan(&Change::install("/k")).await.unwrap();
        store.apply(&plan, 0).await.unwrap();
        assert_eq!(gateway.patches().len(), patches);
        assert_eq!(gateway.config.lock().unwrap()["plugins"]["allow"], json!(["a", ID]));
    }
}

#[tokio::test(start_paused = true)]
async fn another_writer_and_an_old_hash_end_the_plan() {
    let gateway = Gateway::new(persons(), vec![Mishap::OtherWriter]);
    let (_temp, store) = rpc(&gateway);
    let plan = store.plan(&Change::install("/k")).await.unwrap();
    assert!(matches!(store.apply(&plan, 0).await, Err(StoreError::Newer)));
    assert!(matches!(store.apply(&plan, 0).await, Err(StoreError::Newer)), "the hash is old");
    assert_eq!(gateway.config.lock().unwrap()["plugins"]["allow"], json!(["a"]));
    let often = (0..TRIES_OF_A_PLAN).map(|_| Mishap::LostBefore).collect();
    let gateway = Gateway::new(persons(), often);
    let (_temp, store) = rpc(&gateway);
    let plan = store.plan(&[Change::Plugin]).await.unwrap();
    assert!(matches!(store.apply(&plan, 0).await, Err(StoreError::Refused(CallError::Lost))));
    assert_eq!(gateway.patches().len(), TRIES_OF_A_PLAN);
}

const TRIES_OF_A_PLAN: usize = 3;
