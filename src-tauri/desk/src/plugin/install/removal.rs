//! Taking the plugin out again: OpenClaw's own command removes its files; of the configuration our own entries go, and what a person wrote around them stays as
//! it is. OpenClaw would leave an entry of ours behind and lose the comments (measured with 2026.9.6).

use std::sync::Arc;

use gateway::config::{Change, Config, EditError, FileStore, WriteError, edit, put_back, unexplained};

use super::{Before, InstallError, Request, backups, now_ms};
use crate::control::answer::{Nothing, PluginRemoved, RemovalPlan, RouteChange};
use crate::control::client::Client;
use crate::control::request::Request as Ask;
use crate::failure::{Failure, FailureCode};
use crate::operator::read_out;
use crate::plugin::foreign::Standing;

/// What goes. Objects that were made for our entries stay: a person may count on them by now.
const LEAVES: [Change; 1] = [Change::Remove { made: Vec::new() }];
/// OpenClaw adds notes of its own after an edit: then it is written once more.
const TRIES: usize = 3;

/// What removing would change. Changes nothing; the service need not run.
///
/// # Errors
/// As [`super::plan`].
pub async fn removal(request: &Request) -> Result<RemovalPlan, Failure> {
    let before = Before::look(request).await?;
    let (refusal, (shown, changes)) = match before.may_go() {
        Ok(()) => (None, before.shown(request).await?),
        Err(error) => (Some(Failure::from(error)), Default::default()),
    };
    Ok(RemovalPlan {
        shown,
        version: before.version(),
        config: before.openclaw.places.config.display().to_string(),
        changes,
        backups: backups(&request.folders.data).folder().display().to_string(),
        refusal,
    })
}

/// Removes the plugin and our entries. `shown`: only as [`removal`] said. Asking the person is the caller's: this is the yes.
///
/// # Errors
/// `plugin_foreign`, `openclaw_config_split`, `route_changed`, and what OpenClaw does not do: then its configuration is as it was.
pub async fn remove(request: &Request, shown: Option<&str>) -> Result<PluginRemoved, Failure> {
    let before = Before::look(request).await?;
    before.may_go()?;
    let (now, changes) = before.shown(request).await?;
    if shown.is_some_and(|shown| shown != now) {
        return Err(Failure::bare(FailureCode::RouteChanged));
    }
    let version = before.version();
    if version.is_none() && changes.is_empty() {
        return Ok(PluginRemoved { version, copy: None });
    }
    let copy = backups(&request.folders.data).keep(before.config.bytes(), "openclaw", now_ms());
    let copy = copy.map_err(InstallError::Prepare)?;
    if version.is_some()
        && let Err(error) = before.openclaw.uninstall().await
    {
        before.restore()?;
        return Err(Failure::caused(FailureCode::OpenClawFailed, &error));
    }
    before.without_ours()?;
    tracing::info!(version, copy = %copy.display(), "a person had the plugin removed from OpenClaw");
    forget(request).await;
    Ok(PluginRemoved { version, copy: Some(copy.display().to_string()) })
}

/// A service that runs waits for no plugin any more, and misses no entry.
async fn forget(request: &Request) {
    let Ok(mut control) = Client::connect(&request.folders).await else { return };
    for ask in [Ask::LinkForget {}, Ask::EntriesLeave {}] {
        if let Err(failure) = control.ask::<Nothing>(&ask).await {
            tracing::warn!(code = failure.code.as_str(), "the service does not forget the plugin");
        }
    }
}

impl Before {
    fn version(&self) -> Option<String> {
        match &self.standing {
            Standing::Ours { version, .. } => Some(version.clone()),
            Standing::Absent | Standing::Foreign { .. } => None,
        }
    }

    fn may_go(&self) -> Result<(), InstallError> {
        if let Standing::Foreign { at, package, why } = &self.standing {
            return Err(InstallError::Foreign { at: at.clone(), package: package.clone(), why: *why });
        }
        if self.config.is_split() {
            return Err(InstallError::Split(self.openclaw.places.config.clone()));
        }
        Ok(())
    }

    /// What would go, and a name of exactly that.
    async fn shown(&self, request: &Request) -> Result<(String, Vec<RouteChange>), Failure> {
        let config = &self.openclaw.places.config;
        let store = FileStore::new(config, backups(&request.folders.data), Arc::new(self.openclaw.clone()));
        let about = format!("the plugin goes: {:?}", self.version());
        let (shown, changes, _) = read_out(&store, &LEAVES, &about).await?;
        Ok((shown, changes))
    }

    /// The configuration as it was, without our entries. What somebody changed meanwhile stands.
    fn without_ours(&self) -> Result<(), Failure> {
        let unusable = |error: &EditError| Failure::caused(FailureCode::OpenClawConfigUnreadable, error);
        for _ in 0..TRIES {
            let after = Config::read(&self.openclaw.places.config).map_err(InstallError::Config)?;
            let others = unexplained(self.config.value(), after.value());
            let base = if others.is_empty() { self.config.bytes() } else { after.bytes() };
            let edited = edit(&String::from_utf8_lossy(base), &LEAVES).map_err(|error| unusable(&error))?;
            match put_back(&self.openclaw.places.config, edited.text.as_bytes(), after.bytes()) {
                Err(WriteError::Newer(_)) => {}
                Err(error) => return Err(Failure::caused(FailureCode::OpenClawNotPutBack, &error)),
                Ok(()) => return Ok(()),
            }
        }
        Err(Failure::bare(FailureCode::OpenClawNotPutBack))
    }

    fn restore(&self) -> Result<(), Failure> {
        let path = &self.openclaw.places.config;
        let not_back = |error: &dyn std::error::Error| Failure::caused(FailureCode::OpenClawNotPutBack, error);
        let after = Config::read(path).map_err(|error| not_back(&error))?;
        put_back(path, self.config.bytes(), after.bytes()).map_err(|error| not_back(&error))
    }
}
