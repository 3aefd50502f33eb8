//! The facts that a plan rests on.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::services::is_about_services;
use crate::finding::Cause;
use crate::fingerprint::Fingerprint;
use crate::survey::{Manager, Scope, Service, Survey};
use crate::token::{TokenCopy, TokenEvidence, winner};
use crate::who::{Whose, whose};

/// The facts that a plan rests on: whose gateway it is, its process and sockets, the cause, and the token that the gateway goes by; or what the services are. Steps that change one of them
/// on purpose are the last of their plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ground {
    cause: Cause,
    verdict: &'static str,
    pid: Option<u32>,
    start: Option<u64>,
    boot_id: Option<String>,
    sockets: Vec<(SocketAddr, u64)>,
    state_dir: PathBuf,
    identity: Option<String>,
    device_id: String,
    token: Option<Fingerprint>,
    services: Vec<Definition>,
}

/// What a service is, however it does at this moment: two that fight are never the same twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Definition {
    manager: Manager,
    scope: Scope,
    unit: String,
    path: Option<PathBuf>,
    drop_ins: Vec<PathBuf>,
    argv: Vec<String>,
    port: Option<u16>,
    state_dir: Option<PathBuf>,
}

impl Ground {
    /// Of a cause, in these facts.
    pub fn of(survey: &Survey, tokens: &TokenEvidence, cause: Cause) -> Self {
        if is_about_services(cause) { Self::of_services(survey, cause) } else { Self::of_tokens(survey, tokens, cause) }
    }

    /// What the services are. Who runs changes by the plan's own steps; each of them looks at whom it concerns.
    fn of_services(survey: &Survey, cause: Cause) -> Self {
        let definition = |service: &Service| Definition {
            manager: service.manager,
            scope: service.scope,
            unit: service.unit.clone(),
            path: service.path.clone(),
            drop_ins: service.drop_ins.clone(),
            argv: service.argv.clone(),
            port: service.port,
            state_dir: service.state_dir.clone(),
        };
        let mut services: Vec<Definition> = survey.gateways.services().map(definition).collect();
        services.sort();
        Self {
            cause,
            verdict: "",
            pid: None,
            start: None,
            boot_id: survey.here.boot_id.known().cloned(),
            sockets: Vec::new(),
            state_dir: survey.place.state_dir.clone(),
            identity: None,
            device_id: String::new(),
            token: None,
            services,
        }
    }

    fn of_tokens(survey: &Survey, tokens: &TokenEvidence, cause: Cause) -> Self {
        let verdict = whose(survey);
        let (verdict, mine) = match &verdict {
            Whose::Mine(mine) => ("mine", Some((mine.gateway.pid, mine.start))),
            Whose::Other(_) => ("other", None),
            Whose::Foreign(_) => ("foreign", None),
            Whose::Nobody(_) => ("nobody", None),
            Whose::CannotSee(_) => ("cannot see", None),
        };
        let listeners = survey.listeners.known().into_iter().flatten();
        let mut sockets: Vec<_> = listeners.map(|listener| (listener.address, listener.inode)).collect();
        sockets.sort();
        // The plan for a configuration without a token writes one.
        // It takes that by itself, and listens anew by that: so its process and its sockets are no ground of this plan.
        let writes_token = cause == Cause::NoAuthConfigured;
        let mine = mine.filter(|_| !writes_token);
        if writes_token {
            sockets.clear();
        }
        let token = winner(&tokens.copies).and_then(TokenCopy::token).filter(|_| !writes_token);
        Self {
            cause,
            verdict,
            pid: mine.map(|(pid, _)| pid),
            start: mine.map(|(_, start)| start),
            boot_id: survey.here.boot_id.known().cloned(),
            sockets,
            state_dir: survey.place.state_dir.clone(),
            identity: survey.state.identity.known().cloned().flatten(),
            device_id: tokens.device_id.clone(),
            token,
            services: Vec::new(),
        }
    }

    /// One value for all of it, 32 hex digits.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(format!("{self:?}"));
        data_encoding::HEXLOWER.encode(&digest[..16])
    }
}
