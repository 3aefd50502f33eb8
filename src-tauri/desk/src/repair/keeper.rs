//! Our entries in OpenClaw's configuration: looked at, missed when somebody takes them away, and written when a person says so.
//!
//! It looks when the gateway says that its configuration is another one, when the plugin comes or goes, and with every look of the person's: nothing is polled.
//! What a person has left as it is stays so. Of the OpenClaw of another computer nothing is read, and nothing is written there.

mod memory;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use care::journal::{Entry, Journal, Outcome, StepResult};
use care::plan::Plan;
use care::{Blind, Seen};
use gateway::config::{self, Backups, Change, Config, FileStore, Ours, Store, traps};
use gateway::place::Surroundings;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Means, ledger, not_recorded};
use crate::control::answer::{CareView, EntriesPlan, EntriesWritten, EntryChange, Trap};
use crate::failure::{Failure, FailureCode};
use crate::noted::{Answerer, Noted};
use crate::operator::{Operator, carry_out, read_out};
use crate::plugin::facts::{self, Reading};
use crate::plugin::{ID, Validator, backups};
use crate::private_file;
use crate::view::{GatewayState, GatewayView};
use memory::Memory;

/// Orders that may wait.
const WAITING: usize = 16;
/// Longest that the gateway is asked who answers.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a change is about, in its name.
const ABOUT: &str = "our entries";

/// What the gateway's link says, as far as it makes somebody look.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cue {
    /// The gateway of another computer is meant.
    elsewhere: bool,
    /// How often its configuration was another one, and its version; `None`: we are not connected.
    online: Option<(u64, Option<String>)>,
}

impl Cue {
    fn of(gateway: &GatewayView, elsewhere: bool) -> Self {
        let is_online = gateway.state == GatewayState::Online;
        Self { elsewhere, online: is_online.then(|| (gateway.agents_revision, gateway.version.clone())) }
    }

    /// Whether it is another one that is there now, or one that may have changed meanwhile.
    fn calls_after(&self, before: &Self) -> bool {
        self.elsewhere != before.elsewhere || self.online.is_some() && self.online != before.online
    }
}

enum Order {
    /// Something about it may have changed.
    Glance,
    Look(oneshot::Sender<()>),
    Preview(EntryChange, oneshot::Sender<Result<EntriesPlan, Failure>>),
    Write(EntryChange, String, oneshot::Sender<Result<EntriesWritten, Failure>>),
    Leave(oneshot::Sender<Result<(), Failure>>),
}

/// How the rest of the program talks to it: cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    orders: mpsc::Sender<Order>,
}

impl Keeper {
    /// Looks at nothing but its own memory; needs a tokio runtime.
    pub(super) fn start(operator: &Operator, means: &Means, view: &Arc<watch::Sender<CareView>>) -> Self {
        let (orders, waiting) = mpsc::channel(WAITING);
        let file = means.data.join("openclaw-entries.json");
        let watcher = Watcher {
            operator: operator.clone(),
            memory: remembered(&file),
            file,
            means: means.clone(),
            view: Arc::clone(view),
        };
        tokio::spawn(watcher.run(waiting));
        Self { orders }
    }

    /// Something about the plugin changed.
    pub(crate) fn glance(&self) {
        // One that waits already will do.
        let _ = self.orders.try_send(Order::Glance);
    }

    /// Looks, and waits until that is done.
    pub(super) async fn look(&self) {
        // One that has ended sees nothing any more.
        let _ = self.ask(Order::Look).await;
    }

    /// What a change would write. Changes nothing.
    pub(crate) async fn preview(&self, change: EntryChange) -> Result<EntriesPlan, Failure> {
        self.ask(|reply| Order::Preview(change, reply)).await?
    }

    /// Writes exactly what was shown under this name.
    pub(crate) async fn write(&self, change: EntryChange, shown: String) -> Result<EntriesWritten, Failure> {
        self.ask(|reply| Order::Write(change, shown, reply)).await?
    }

    /// What is missing shall stay away.
    pub(crate) async fn leave(&self) -> Result<(), Failure> {
        self.ask(Order::Leave).await?
    }

    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, Failure> {
        let stopping = || Failure::bare(FailureCode::Stopping);
        let (reply, answer) = oneshot::channel();
        self.orders.send(order(reply)).await.map_err(|_| stopping())?;
        answer.await.map_err(|_| stopping())
    }
}

fn remembered(file: &std::path::Path) -> Memory {
    let read = match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Memory::default()),
        Err(error) => Err(error),
    };
    read.unwrap_or_else(|error| {
        // It is learned anew at the next look; only what went meanwhile is not missed.
        tracing::warn!(%error, "what is remembered of our entries in OpenClaw cannot be read");
        Memory::default()
    })
}

struct Watcher {
    operator: Operator,
    memory: Memory,
    file: PathBuf,
    means: Means,
    view: Arc<watch::Sender<CareView>>,
}

impl Watcher {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut gateway = self.operator.watch();
        let mut before = Cue::of(&gateway.borrow_and_update(), self.is_elsewhere());
        if before.online.is_some() {
            self.look().await;
        }
        loop {
            let now = Cue::of(&gateway.borrow_and_update(), self.is_elsewhere());
            if now.calls_after(&before) {
                self.look().await;
            }
            before = now;
            tokio::select! {
                changed = gateway.changed() => if changed.is_err() { return },
                order = orders.recv() => match order {
                    Some(order) => self.take(order).await,
                    None => return,
                },
            }
        }
    }

    async fn take(&mut self, order: Order) {
        // Who has gone away does not want to know.
        match order {
            Order::Glance => self.look().await,
            Order::Look(reply) => {
                self.look().await;
                let _ = reply.send(());
            }
            Order::Preview(change, reply) => drop(reply.send(self.preview(change).await)),
            Order::Write(change, shown, reply) => drop(reply.send(self.write(change, &shown).await)),
            Order::Leave(reply) => drop(reply.send(self.leave().await)),
        }
    }

    async fn look(&mut self) {
        let reading = self.read().await;
        let asked = tokio::time::timeout(PATIENCE, self.operator.answerer(self.means.now_ms())).await;
        let answerer = match asked {
            Ok(Ok(answerer)) => Some(answerer),
            Ok(Err(failure)) => {
                tracing::debug!(code = failure.code.as_str(), "who answers cannot be asked");
                None
            }
            Err(_) => None,
        };
        if let Some(reading) = reading {
            self.compare(&reading);
            self.show(reading, answerer);
        }
    }

    fn is_elsewhere(&self) -> bool {
        self.operator.aim().is_elsewhere()
    }

    fn is_here(&self) -> Result<(), Failure> {
        if self.is_elsewhere() { Err(Failure::bare(FailureCode::GatewayElsewhere)) } else { Ok(()) }
    }

    async fn read(&self) -> Option<Reading> {
        if self.is_elsewhere() {
            return Some(Reading::unseen(Blind::OtherComputer));
        }
        let data = self.means.data.clone();
        // One that panics is in the log already.
        tokio::task::spawn_blocking(move || facts::read(&data)).await.ok()
    }

    fn compare(&mut self, reading: &Reading) {
        let Seen::Known(config) = &reading.config else { return };
        if reading.plugin.package == Seen::Known(None) {
            // Who removed the plugin wanted its entries to go: installing it brings them back.
            return;
        }
        if self.memory.see(Ours::of(config), self.means.now_ms()) {
            for missing in &self.memory.missing {
                tracing::warn!(entry = ?missing.entry, "an entry of ours is gone from OpenClaw's configuration");
            }
            self.remember();
        }
    }

    fn remember(&self) {
        let written = serde_json::to_vec(&self.memory).map_err(std::io::Error::other);
        if let Err(error) = written.and_then(|bytes| private_file::replace(&self.file, &bytes)) {
            tracing::warn!(%error, "our entries in OpenClaw are remembered only while SmartPi runs");
        }
    }

    fn show(&self, reading: Reading, answerer: Option<Answerer>) {
        let is_elsewhere = reading.config == Seen::Hidden(Blind::OtherComputer);
        let is_there = reading.plugin.package != Seen::Known(None) && !is_elsewhere;
        let missing = if is_there { self.memory.missing.clone() } else { Vec::new() };
        self.view.send_if_modified(|view| {
            let noted = Noted {
                // What was told before counts with its own time.
                answerer: answerer.or_else(|| view.noted.answerer.clone()).filter(|_| !is_elsewhere),
                plugin: Some(reading.plugin),
            };
            let traps = match &reading.config {
                Seen::Known(config) => told(config, noted.answerer.as_ref()),
                Seen::Hidden(_) => Vec::new(),
            };
            let is_news = view.noted != noted || view.missing != missing || view.traps != traps;
            (view.noted, view.missing, view.traps) = (noted, missing, traps);
            is_news
        });
    }

    /// What a person's wish means for the configuration.
    fn changes(&self, change: EntryChange) -> Result<Vec<Change>, Failure> {
        let link_key = || {
            let path = std::path::absolute(self.means.data.join("link.key"));
            let path = path.map_err(|error| Failure::caused(FailureCode::FolderUnusable, &error))?;
            Ok::<_, Failure>(path.display().to_string())
        };
        Ok(vec![match change {
            EntryChange::PutBack => Change::Restore { ours: self.memory.kept.clone() },
            EntryChange::Enable => Change::Plugin,
            EntryChange::Allow => Change::Allow,
            EntryChange::WriteChannel => Change::Channel { link_key: link_key()? },
        }])
    }

    /// Through the gateway where it is connected, else in its file.
    async fn store(&self) -> Result<Box<dyn Store>, Failure> {
        self.is_here()?;
        let path = tokio::task::spawn_blocking(file_of_user).await;
        let path = path.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal)))?;
        let store: Box<dyn Store> = match self.operator.config(self.backups()).await {
            Ok(store) => Box::new(store),
            Err(_) => Box::new(FileStore::new(path, self.backups(), Arc::new(Validator))),
        };
        Ok(store)
    }

    fn backups(&self) -> Backups {
        backups(&self.means.data)
    }

    async fn preview(&self, change: EntryChange) -> Result<EntriesPlan, Failure> {
        let store = self.store().await?;
        let (shown, changes, comments_lost) = read_out(&*store, &self.changes(change)?, ABOUT).await?;
        let backups = self.backups().folder().display().to_string();
        Ok(EntriesPlan { shown, changes, comments_lost, backups })
    }

    async fn write(&mut self, change: EntryChange, shown: &str) -> Result<EntriesWritten, Failure> {
        if self.view.borrow().running.is_some() {
            return Err(Failure::bare(FailureCode::RepairRunning));
        }
        let (store, changes) = (self.store().await?, self.changes(change)?);
        let (now, told, _) = read_out(&*store, &changes, ABOUT).await?;
        if now != shown {
            return Err(Failure::bare(FailureCode::RouteChanged));
        }
        if told.is_empty() {
            return Ok(EntriesWritten { copy: None });
        }
        let paths = told.into_iter().map(|change| change.path).collect();
        let plan = Plan::of_entries(paths, shown, self.means.now_ms());
        let id = plan.id.clone();
        let mut journal = Journal::open(&self.means.journal).map_err(|error| not_recorded(&error))?;
        let mut record = |entry: Entry| journal.append(&entry).map_err(|error| not_recorded(&error));
        record(Entry::Started { at_ms: self.means.now_ms(), plan: Box::new(plan) })?;
        record(Entry::StepStarted { at_ms: self.means.now_ms(), plan: id.clone(), step: 0 })?;
        let now_ms = u64::try_from(self.means.now_ms()).unwrap_or(0);
        let written = carry_out(&*store, &changes, ABOUT, Some(shown), now_ms).await;
        let result = match &written {
            Ok(_) => StepResult::Done { undo: None },
            Err(failure) => StepResult::Failed { code: failure.code.as_str().to_owned() },
        };
        record(Entry::StepEnded { at_ms: self.means.now_ms(), plan: id.clone(), step: 0, result })?;
        let outcome = match &written {
            Ok(_) if self.is_there(&*store, &changes).await => Outcome::Verified,
            Ok(_) => Outcome::DidNotHelp,
            Err(_) => Outcome::Failed { step: 0 },
        };
        tracing::info!(?change, ?outcome, "a person had our entries written into OpenClaw's configuration");
        record(Entry::Ended { at_ms: self.means.now_ms(), plan: id, result: outcome })?;
        self.look().await;
        self.show_last();
        Ok(EntriesWritten { copy: written? })
    }

    /// Two looks: as who wrote it says, and in the file.
    async fn is_there(&self, store: &dyn Store, changes: &[Change]) -> bool {
        let said = store.plan(changes).await.is_ok_and(|plan| plan.is_empty());
        let config = self.read().await.map(|reading| reading.config);
        let Some(Seen::Known(config)) = config else { return false };
        said && config::preview(&config, changes).is_ok_and(|left| left.is_empty())
    }

    fn show_last(&self) {
        if let Ok(reading) = Journal::read(&self.means.journal) {
            let last = ledger::repairs(&reading.entries, None).into_iter().next();
            self.view.send_modify(|view| view.last = last);
        }
    }

    async fn leave(&mut self) -> Result<(), Failure> {
        self.is_here()?;
        let unreadable = || Failure::bare(FailureCode::OpenClawConfigUnreadable);
        let reading = self.read().await.ok_or_else(unreadable)?;
        let Seen::Known(config) = &reading.config else { return Err(unreadable()) };
        tracing::info!("a person leaves our entries as they are");
        self.memory.leave(Ours::of(config));
        self.remember();
        self.show(reading, None);
        Ok(())
    }
}

/// The one file that has our entries, or would have them.
fn file_of_user() -> Result<PathBuf, Failure> {
    let env = |name: &str| std::env::var_os(name);
    let exists = |path: &std::path::Path| path.exists();
    let places = Surroundings { env: &env, exists: &exists }.places();
    let path = places.ok_or_else(|| Failure::bare(FailureCode::GatewayNoConfig))?.config;
    match Config::read(&path) {
        Ok(config) if config.is_split() => {
            Err(Failure::with(FailureCode::OpenClawConfigSplit, path.display().to_string()))
        }
        // Our service is reached by a gateway of this computer only.
        Ok(config) if config.value()["gateway"]["mode"] == "remote" => Err(Failure::bare(FailureCode::GatewayNoConfig)),
        Ok(_) => Ok(path),
        Err(error) => Err(Failure::caused(FailureCode::OpenClawConfigUnreadable, &error)),
    }
}

/// Only of agents that answer a device. Where nobody said which one that is by default, it is OpenClaw's own.
fn told(config: &Value, answerer: Option<&Answerer>) -> Vec<Trap> {
    let default = answerer.and_then(|answerer| answerer.named.as_deref()).unwrap_or("main");
    let bound = config["bindings"].as_array().into_iter().flatten();
    let bound = bound.filter(|binding| binding["match"]["channel"] == ID).filter_map(|one| one["agentId"].as_str());
    let answering: Vec<&str> = bound.chain([default]).collect();
    let answers = |agent: &Option<String>| agent.as_deref().is_none_or(|agent| answering.contains(&agent));
    let told = traps(config).into_iter().filter_map(|trap| match trap {
        config::Trap::ToolsWithoutMessage { path, agent } => {
            answers(&agent).then_some(Trap::ToolsWithoutMessage { path, agent })
        }
        config::Trap::PlainSecret { path } => Some(Trap::PlainSecret { path }),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_looks_again_when_openclaw_is_another_one_or_may_have_changed() {
        let here = Cue { elsewhere: false, online: Some((1, Some("2026.9.6".into()))) };
        assert!(!here.calls_after(&here));
        let away = Cue { online: None, ..here.clone() };
        assert!(!away.calls_after(&here), "it cannot say anything");
        assert!(here.calls_after(&away));
        assert!(Cue { online: Some((2, Some("2026.9.6".into()))), ..here.clone() }.calls_after(&here));
        let upgraded = Cue { online: Some((1, Some("2026.11.0".into()))), ..here.clone() };
        assert!(upgraded.calls_after(&here), "the plugin may fit no more");
        assert!(Cue { elsewhere: true, online: None }.calls_after(&away));
    }

    #[test]
    fn a_list_of_tools_is_told_where_it_silences_an_agent_that_answers_a_device() {
        let list = json!({ "tools": { "allow": ["read"] } });
        let binding =
            json!({ "agentId": "kitchen", "match": { "channel": ID, "peer": { "kind": "direct", "id": "d" } } });
        let other = json!({ "agentId": "work", "match": { "channel": "telegram" } });
        let config = json!({ "agents": { "entries": { "main": {}, "kitchen": list, "work": list } }, "bindings": [binding, other] });
        let kitchen = Trap::ToolsWithoutMessage {
            path: "agents.entries.kitchen.tools.allow".into(),
            agent: Some("kitchen".into()),
        };
        assert_eq!(told(&config, None), [kitchen]);
        let work = Answerer { named: Some("work".into()), ..Answerer::default() };
        assert_eq!(told(&config, Some(&work)).len(), 2);
        let everybody = told(&json!({ "tools": { "allow": ["read"] } }), None);
        assert_eq!(everybody, [Trap::ToolsWithoutMessage { path: "tools.allow".into(), agent: None }]);
    }
}
