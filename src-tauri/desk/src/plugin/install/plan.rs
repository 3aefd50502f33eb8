//! What installing would change, before anything is.

use super::{Before, InstallError, Request, backups};
use crate::control::answer::{InstallPlan, PluginState};
use crate::failure::Failure;
use crate::plugin::foreign::Standing;

/// An OpenClaw, and what installing the plugin into it would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its version.
    pub openclaw: String,
    /// What would be done.
    pub plan: InstallPlan,
}

/// Looks at everything and changes nothing. The service need not run.
///
/// # Errors
/// [`InstallError::Find`], [`InstallError::Config`], [`InstallError::Ask`], [`InstallError::Record`], [`InstallError::Prepare`].
pub async fn plan(request: &Request) -> Result<Planned, InstallError> {
    let before = Before::look(request).await?;
    Ok(Planned { openclaw: before.openclaw.version.clone(), plan: before.plan(request) })
}

impl Before {
    pub(super) fn plan(&self, request: &Request) -> InstallPlan {
        let (plugin, version) = match &self.standing {
            Standing::Absent => (PluginState::Absent, None),
            Standing::Ours { version, current: true, .. } => (PluginState::Current, Some(version.clone())),
            Standing::Ours { version, .. } => (PluginState::Older, Some(version.clone())),
            Standing::Foreign { .. } => (PluginState::Foreign, None),
        };
        let (changes, refusal) = match self.refuse().and_then(|()| self.changes()) {
            Ok(changes) => (changes, None),
            Err(error) => (Vec::new(), Some(Failure::from(error))),
        };
        let is_touched = !changes.is_empty() || plugin == PluginState::Older;
        InstallPlan {
            plugin,
            version,
            config: self.openclaw.places.config.display().to_string(),
            comments_lost: is_touched && self.config.has_comments(),
            changes,
            backups: backups(&request.folders.data).folder().display().to_string(),
            refusal,
        }
    }
}
