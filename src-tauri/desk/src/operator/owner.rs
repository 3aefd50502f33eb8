//! What the gateway's link asks of this computer: whose gateway it is, its secret, a place for the device token.

use std::sync::Arc;
use std::time::Instant;

use care::survey::{Place, Survey, other_end, take};
use care::who::{Whose, whose};
use channel::clock::Clock;
use gateway::{Address, Ends, NoProof, Proof, Shared, Token};
use tokio::sync::watch;

use super::elsewhere::{self, Aim};
use super::surroundings::{self, Found};
use crate::failure::{Failure, FailureCode};
use crate::secrets::Vault;

/// See [`gateway::Owner`].
pub(super) struct Owner {
    pub(super) aim: Aim,
    pub(super) found: Found,
    pub(super) vault: Vault,
    /// Why the last look proved nothing: better words than the link has.
    pub(super) doubt: Arc<watch::Sender<Option<Failure>>>,
    /// The secret that was read last.
    pub(super) shared: Arc<watch::Sender<Option<care::Fingerprint>>>,
}

impl gateway::Owner for Owner {
    async fn prove(&self, address: &Address) -> Result<Proof, NoProof> {
        let (doubt, proof) = prove(&self.found, address).await;
        self.doubt.send_replace(doubt);
        proof
    }

    async fn secret(&self) -> Option<Shared> {
        let secret = self.aim.find().await.ok().and_then(|found| found.secret);
        if let Some(secret) = &secret {
            self.shared.send_replace(Some(surroundings::fingerprint(secret)));
        }
        secret
    }

    fn keep(&self, device_token: Option<&Token>) {
        let (vault, url, token) = (self.vault.clone(), self.found.address.url(), device_token.cloned());
        tokio::spawn(async move {
            if let Err(failure) = vault.keep_gateway_token(&url, token.as_ref()).await {
                // The next start comes in by the shared token again.
                tracing::warn!(code = failure.code.as_str(), "the gateway's device token is not kept");
            }
        });
    }
}

/// Looks whose gateway it is. Where there is no proof, or none is as good as this: why, in better words than the link has.
pub(crate) async fn prove(found: &Found, address: &Address) -> (Option<Failure>, Result<Proof, NoProof>) {
    if found.elsewhere {
        return (None, Ok(elsewhere::proof(address)));
    }
    if !address.is_loopback() {
        // Of another computer only its certificate says anything.
        let proof = Proof::of_certificate(address.clone(), Instant::now());
        return (proof.is_none().then(unproven), proof.ok_or(NoProof::Unknown));
    }
    let (place, address) = (found.survey_place(), address.clone());
    let looked = tokio::task::spawn_blocking(move || look(place, address)).await;
    looked.unwrap_or_else(|_| (Some(unproven()), Err(NoProof::Unknown)))
}

/// Whose gateway it is; and where nobody can say that it is the user's, why.
fn look(place: Place, address: Address) -> (Option<Failure>, Result<Proof, NoProof>) {
    let at = Instant::now();
    let whose = whose(&survey(&place));
    // What is seen on Windows and macOS was never proven on a real one: there the person is asked, whatever it says of a gateway.
    if !cfg!(target_os = "linux") && !matches!(whose, Whose::Nobody(_)) {
        return (Some(unproven()), Err(NoProof::Unknown));
    }
    let doubt = match whose {
        Whose::Mine(mine) => {
            let (pid, proof) = (mine.gateway.pid, mine.proof);
            // Once more at the very connection: whoever took it in between is found out.
            let check =
                move |ends: Ends| proof.holds(&survey(&place)) && proof.confirms(&other_end(ends.local, ends.peer));
            return (None, Ok(Proof::of_listener(address, pid, at, check)));
        }
        Whose::Nobody(_) => return (Some(Failure::bare(FailureCode::GatewayDown)), Err(NoProof::Nobody)),
        Whose::Other(other) => named(FailureCode::GatewayOther, &other.process),
        Whose::Foreign(program) => named(FailureCode::GatewayNotOpenClaw, &program),
        Whose::CannotSee(_) => return (Some(unproven()), Err(NoProof::Unknown)),
    };
    (Some(doubt), Err(NoProof::Another))
}

fn survey(place: &Place) -> Survey {
    take(place.clone(), Clock::start().wall_ms())
}

fn unproven() -> Failure {
    Failure::bare(FailureCode::GatewayUnproven)
}

fn named(code: FailureCode, process: &care::who::Occupant) -> Failure {
    let program = process.program.as_deref().unwrap_or("?");
    Failure::with(code, format!("{program}, pid {}", process.pid))
}
