//! Each step of a plan, done for real, and put back where that was promised.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use care::plan::Step;
use care::token::CopyPlace;
use gateway::config::{Backups, Change, FileStore, Store, StoreError, WriteError, put_back as put_config_back};
use gateway::{Client, RequestId, Token};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Means;
use super::comeback::{await_restart, restart, settles, starts};
use super::connection::{Show, come_in, connect, connect_for_repair, gone, keep};
use super::evidence::{of_process, record};
use super::hands::Mechanic;
use super::{definition, profile, services};
use crate::failure::{Failure, FailureCode};
use crate::operator::of_request;
use crate::operator::surroundings::{self, Found};
use crate::plugin::{OpenClaw, RunError};

/// What begins the name of a configuration that was put aside.
const CONFIG: &str = "config:";

/// Does it. Gives the name of what it put aside.
pub(super) async fn perform(mechanic: &mut Mechanic, step: &Step) -> Result<Option<String>, Failure> {
    let found = surroundings::find().await?;
    let means = &mechanic.means;
    match step {
        Step::ForgetDeviceToken { .. } => means.vault.put_token_aside(&found.address.url()).await,
        Step::ConnectWithSharedToken { .. } | Step::ConnectAsNewDevice { .. } => {
            let shared = mechanic.shared(&found).ok_or_else(no_secret)?;
            let client = connect(means, &found, Show::Shared(shared)).await?;
            keep(means, &found, &client).await?;
            Ok(None)
        }
        Step::ConnectWithDeviceToken { .. } => {
            let token = means.vault.gateway_token(&found.address.url()).await?;
            let token = token.ok_or_else(|| Failure::bare(FailureCode::GatewayDeviceTokenStale))?;
            connect(means, &found, Show::Ours(token)).await?;
            Ok(None)
        }
        Step::ReadTokenAgain { place } => {
            mechanic.read = Some(read(&found, place).ok_or_else(no_secret)?);
            Ok(None)
        }
        Step::SignAnew { .. } => {
            mechanic.signed_anew(true);
            come_in(means, &found, mechanic.shared(&found)).await?;
            mechanic.signed_anew(false);
            Ok(None)
        }
        Step::NewIdentity { .. } => means.vault.put_identity_aside().await,
        Step::ApprovePairing { request_id, device_id, .. } => {
            let shared = mechanic.shared(&found).ok_or_else(no_secret)?;
            let client = connect_for_repair(means, &found, shared).await?;
            approve(&client, request_id, device_id).await?;
            Ok(None)
        }
        Step::RemoveRecord { device_id } => {
            let client = come_in(means, &found, mechanic.shared(&found)).await?;
            remove(means, &client, device_id).await?;
            Ok(None)
        }
        Step::WriteAuth { config_path } => {
            let copy = write_auth(means, config_path).await?;
            mechanic.put_aside(copy)?;
            settles(mechanic).await.map(|()| None)
        }
        // A person agrees to those entries by themselves: no plan about tokens has them.
        Step::WriteEntries { .. } => Err(Failure::bare(FailureCode::RepairUnknown)),
        Step::RestartGateway => restart(mechanic, &found, &openclaw().await?).await.map(|()| None),
        Step::AwaitRestart => await_restart(mechanic).await.map(|()| None),
        Step::ReinstallService => {
            openclaw().await?.tell(&["gateway", "install", "--force"]).await.map_err(|error| run_failed(&error))?;
            starts(mechanic).await.map(|()| None)
        }
        Step::OpenDashboard => {
            openclaw().await?.dashboard().await.map_err(|error| run_failed(&error))?;
            Ok(None)
        }
        Step::SwitchOff { unit, stops_within_ms } => {
            services::switch_off(mechanic, unit, *stops_within_ms).await.map(|()| None)
        }
        Step::ForgetFailures { unit } => services::forget_failures(mechanic, unit).await.map(|()| None),
        Step::SwitchOn { unit } => services::switch_on(mechanic, unit).await.map(|()| None),
        Step::RestartService { unit, stops_within_ms } => {
            services::restart_service(mechanic, unit, *stops_within_ms).await.map(|()| None)
        }
        Step::RewriteService { unit, path } => definition::rewrite(mechanic, unit, path).await.map(|()| None),
        Step::SetPort { profile, config_path, port } => {
            profile::set_port(mechanic, profile, config_path, *port).await.map(|()| None)
        }
        Step::MoveService { profile, unit, path, port } => {
            definition::rewrite_for_port(mechanic, profile, unit, path, *port).await.map(|()| None)
        }
        Step::EndGateway { target, ends_within_ms } => {
            services::end(mechanic, target, *ends_within_ms).await.map(|()| None)
        }
        Step::ForceGateway { target } => services::force(mechanic, target).await.map(|()| None),
    }
}

/// Puts back what a step put aside under this name.
pub(super) async fn put_back(means: &Means, aside: &str) -> Result<(), Failure> {
    let no_undo = || Failure::bare(FailureCode::RepairNoUndo);
    if let Some(was) = aside.strip_prefix(services::SERVICE) {
        return services::put_back(means, was).await;
    }
    if let Some(kept) = aside.strip_prefix(definition::DEFINITION) {
        return definition::put_back(means, kept).await;
    }
    if let Some(kept) = aside.strip_prefix(profile::PROFILE) {
        return profile::put_back(means, kept);
    }
    let Some(copy) = aside.strip_prefix(CONFIG) else {
        return if means.vault.put_back(aside).await? { Ok(()) } else { Err(no_undo()) };
    };
    let (digest, copy) = copy.split_once(':').ok_or_else(no_undo)?;
    let (digest, copy) = (digest.to_owned(), PathBuf::from(copy));
    let config = surroundings::find().await?.config;
    let work = move || -> Result<(), Failure> {
        let unreadable = |error: std::io::Error| Failure::caused(FailureCode::OpenClawConfigUnreadable, &error);
        let (before, now) = (std::fs::read(&copy).map_err(unreadable)?, std::fs::read(&config).map_err(unreadable)?);
        if digest_of(&now) != digest {
            // Somebody wrote it since: what they wrote stands.
            return Err(Failure::bare(FailureCode::RepairChanged));
        }
        put_config_back(&config, &before, &now).map_err(|error| match error {
            WriteError::Newer(_) => Failure::bare(FailureCode::RepairChanged),
            WriteError::Io { .. } => Failure::caused(FailureCode::OpenClawConfigUnreadable, &error),
        })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::Internal)))
}

/// The secret in this place, as it is now.
fn read(found: &Found, place: &CopyPlace) -> Option<Token> {
    match place {
        CopyPlace::Gateway { pid, name } => of_process(*pid, name),
        CopyPlace::Config { .. }
        | CopyPlace::ServiceDefinition { .. }
        | CopyPlace::Environment { .. }
        | CopyPlace::DotEnv { .. }
        | CopyPlace::SecretFile { .. }
        | CopyPlace::Store { .. } => {
            found.copies.iter().find(|(copy, _)| copy.place == *place).and_then(|(_, token)| token.clone())
        }
    }
}

/// Our own request, exactly this one.
async fn approve(client: &Client, request_id: &str, device_id: &str) -> Result<(), Failure> {
    let list = client.devices().await.map_err(|error| of_request(&error))?;
    let is_ours = |request: &RequestId| {
        list.pending.iter().any(|pending| pending.request_id == *request && pending.device_id == device_id)
    };
    let request = RequestId::parse(request_id).filter(is_ours).ok_or_else(gone)?;
    client.approve(&request).await.map(drop).map_err(|error| of_request(&error))
}

/// An earlier installation of ours, and nobody else: by the name and the program that we have ourselves.
async fn remove(means: &Means, client: &Client, device_id: &str) -> Result<(), Failure> {
    let list = client.devices().await.map_err(|error| of_request(&error))?;
    let dead = list.paired.iter().map(record).find(|paired| paired.device_id == device_id);
    let ours = Some(&means.introduction.display_name);
    match dead {
        // It is gone already.
        None => Ok(()),
        Some(dead) if dead.connected || dead.name.as_ref() != ours => Err(Failure::bare(FailureCode::RepairChanged)),
        Some(_) => client.remove(device_id).await.map_err(|error| of_request(&error)),
    }
}

/// A new token, which OpenClaw's own configuration gets and nobody else.
async fn write_auth(means: &Means, config: &Path) -> Result<String, Failure> {
    let mut bytes = Zeroizing::new([0_u8; 24]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| Failure::caused(FailureCode::NotStarted, &error))?;
    let token = Zeroizing::new(data_encoding::HEXLOWER.encode(bytes.as_slice()));
    crate::redact::here().learn_passing(token.as_bytes());
    let store = FileStore::new(config, Backups::new(&means.copies), Arc::new(openclaw().await?));
    let plan = store.plan(&[Change::Token { token }]).await.map_err(|error| not_written(&error))?;
    let now_ms = u64::try_from(means.now_ms()).unwrap_or(0);
    let applied = store.apply(&plan, now_ms).await.map_err(|error| not_written(&error))?;
    let unreadable = |error: std::io::Error| Failure::caused(FailureCode::OpenClawConfigUnreadable, &error);
    let written = std::fs::read(config).map_err(unreadable)?;
    Ok(format!("{CONFIG}{}:{}", digest_of(&written), applied.copy.display()))
}

fn not_written(error: &StoreError) -> Failure {
    let code = match error {
        // What was written since stands.
        StoreError::Newer => return Failure::bare(FailureCode::RepairChanged),
        StoreError::Invalid { .. } | StoreError::Refused(_) | StoreError::Strange { .. } | StoreError::PutBack(_) => {
            FailureCode::OpenClawFailed
        }
        StoreError::Edit(_) | StoreError::Io { .. } => FailureCode::OpenClawConfigUnreadable,
    };
    Failure::caused(code, error)
}

fn digest_of(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)[..8])
}

pub(super) async fn openclaw() -> Result<OpenClaw, Failure> {
    OpenClaw::find(None, None).await.map_err(|error| Failure::caused(FailureCode::OpenClawNotFound, &error))
}

pub(super) fn run_failed(error: &RunError) -> Failure {
    Failure::caused(FailureCode::OpenClawFailed, error)
}

fn no_secret() -> Failure {
    Failure::bare(FailureCode::GatewayTokenMissing)
}
