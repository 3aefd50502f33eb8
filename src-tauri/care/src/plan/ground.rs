//! The facts that a plan rests on.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::finding::Cause;
use crate::fingerprint::Fingerprint;
use crate::survey::Survey;
use crate::token::{TokenCopy, TokenEvidence, winner};
use crate::who::{Whose, whose};

/// The facts that a plan rests on: whose gateway it is, its process and sockets, the cause, and the token that the gateway goes by. Steps that change one of them
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
}

impl Ground {
    /// Of a cause, in these facts.
    pub fn of(survey: &Survey, tokens: &TokenEvidence, cause: Cause) -> Self {
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
        }
    }

    /// One value for all of it, 32 hex digits.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(format!("{self:?}"));
        data_encoding::HEXLOWER.encode(&digest[..16])
    }
}
