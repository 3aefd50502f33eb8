//! What would be done about a finding: the shortest way that works, as data. Nothing here does anything.

mod choice;
mod ground;
mod services;
mod step;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use specta_typescript::Number;

pub use choice::{Choice, is_kept, is_moved};
pub use ground::Ground;
pub use step::{Action, PlannedStep, Risk, Step, Stops, Undo};

use crate::finding::{Cause, Evidence, Finding, Severity};
use crate::survey::Survey;
use crate::target::Target;
use crate::token::{CopyPlace, PairingReason, TokenCopy, TokenEvidence, reference, winner};
use crate::who::{Whose, whose};

/// A plan counts for this long, ms: as long as a person reads it.
pub const PLAN_LASTS_MS: i64 = 10 * 60_000;

/// What would be done. It counts for the facts that it was made from: see [`Ground`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Its name: another plan has another.
    pub id: String,
    /// What it is about.
    pub cause: Cause,
    /// Which way out of it this is, where a person has a choice.
    #[serde(default)]
    pub choice: Option<Choice>,
    /// What shows that.
    pub evidence: Vec<Evidence>,
    /// What would be done, in this order.
    pub steps: Vec<PlannedStep>,
    /// What a person agrees to, as one value.
    pub fingerprint: String,
    /// The facts that it rests on, as one value: see [`Ground`]. Changed facts make it void.
    pub ground: String,
    /// When it was made, ms since 1970.
    #[specta(type = Number)]
    pub made_ms: i64,
    /// It counts until then, ms since 1970.
    #[specta(type = Number)]
    pub expires_ms: i64,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum NoPlan {
    /// The port is somebody else's: that is no matter of tokens.
    NotAboutTokens,
    /// Only the person can do it.
    OnlyThePerson {
        /// What.
        advice: Advice,
    },
    /// It passes by itself.
    Wait {
        /// After this many ms.
        #[specta(type = Number)]
        after_ms: u64,
    },
    /// It was tried in every way that there is.
    NothingLeft,
}

/// What only the person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, specta::Type)]
#[serde(rename_all = "camelCase")]
pub enum Advice {
    /// Start the gateway.
    StartGateway,
    /// Let the stopped gateway go on, or start it anew.
    WakeGateway,
    /// Set the clock.
    SetClock,
    /// Bring OpenClaw and SmartPi to versions that fit.
    Update,
    /// Write down the gateway's token where OpenClaw and SmartPi read it.
    EnterToken,
    /// Mend what the configuration refers to: nothing else counts.
    MendReference,
    /// Read the log and report it.
    Report,
    /// Keep one of the services, and switch the others off or give them other ports.
    KeepOneService,
    /// End the gateway that was started by hand, and start the service.
    StopCopy,
    /// Have OpenClaw write the service anew.
    ReinstallService,
    /// Have the service start now and by itself.
    StartService,
    /// See in the service's log why it fails.
    ReadServiceLog,
    /// End it and have it started by a service, or without what makes it take itself for a service's.
    StartAsService,
    /// End it where it is looked after: the program that started it would start it again.
    EndAtGuardian,
    /// Stop the container that has the port, where it is not the OpenClaw that they mean.
    StopContainer,
    /// Change it where it is looked after: something else on this computer writes the service.
    LeaveToKeeper,
}

impl Plan {
    /// The same, where a gateway was asked to end before and did not: then it is taken away at once, which a person has to agree to anew.
    pub fn insisting(mut self, asked: &[&Target]) -> Self {
        let mut changed = false;
        for planned in &mut self.steps {
            let Step::EndGateway { target, .. } = &planned.step else { continue };
            if asked.contains(&target) {
                *planned = Step::ForceGateway { target: target.clone() }.planned();
                changed = true;
            }
        }
        if changed {
            let steps: Vec<Step> = self.steps.iter().map(|planned| planned.step.clone()).collect();
            self.fingerprint = agreed(&self.ground, &steps);
            self.id = format!("{:x}-{}", self.made_ms, &self.fingerprint[..8]);
        }
        self
    }

    /// Writes these entries of ours into OpenClaw's configuration, as a person has read it. `shown`: names exactly that.
    pub fn of_entries(paths: Vec<String>, shown: &str, now_ms: i64) -> Self {
        Self {
            id: format!("{now_ms:x}-{}", shown.get(..8).unwrap_or(shown)),
            cause: Cause::EntriesMissing,
            choice: None,
            evidence: Vec::new(),
            steps: vec![Step::WriteEntries { paths }.planned()],
            fingerprint: shown.to_owned(),
            ground: shown.to_owned(),
            made_ms: now_ms,
            expires_ms: now_ms.saturating_add(PLAN_LASTS_MS),
        }
    }
}

/// Makes the plans for a finding, of which a person chooses one. The first is the recommended one.
///
/// # Errors
/// Why there is none.
pub fn plans(finding: &Finding, survey: &Survey, tokens: &TokenEvidence, now_ms: i64) -> Result<Vec<Plan>, NoPlan> {
    let is_published = finding.evidence.iter().any(|evidence| matches!(evidence, Evidence::Published { .. }));
    let stop_it = |why| if is_published { NoPlan::OnlyThePerson { advice: Advice::StopContainer } } else { why };
    let first = steps(finding, survey, tokens).map_err(stop_it)?;
    let others = services::Look::of(survey).others(finding);
    let ground = Ground::of(survey, tokens, finding.cause).fingerprint();
    let made = |choice, steps: Vec<Step>| {
        // Which process and which services: that is in the steps alone, because it changes by them.
        let by_steps = services::is_about_services(finding.cause);
        let fingerprint = if by_steps { agreed(&ground, &steps) } else { ground.clone() };
        Plan {
            id: format!("{now_ms:x}-{}", &fingerprint[..8]),
            cause: finding.cause,
            choice,
            evidence: finding.evidence.clone(),
            steps: steps.into_iter().map(Step::planned).collect(),
            fingerprint,
            ground: ground.clone(),
            made_ms: now_ms,
            expires_ms: now_ms.saturating_add(PLAN_LASTS_MS),
        }
    };
    let recommended = (!others.is_empty()).then_some(Choice::KeepService);
    let others = others.into_iter().map(|(choice, steps)| made(Some(choice), steps));
    Ok(std::iter::once(made(recommended, first)).chain(others).collect())
}

/// These steps on this ground, 32 hex digits.
fn agreed(ground: &str, steps: &[Step]) -> String {
    let digest = Sha256::digest(format!("{ground}{steps:?}"));
    data_encoding::HEXLOWER.encode(&digest[..16])
}

fn steps(finding: &Finding, survey: &Survey, tokens: &TokenEvidence) -> Result<Vec<Step>, NoPlan> {
    let device_id = || tokens.device_id.clone();
    let port = survey.place.port;
    let with_shared = || Step::ConnectWithSharedToken { device_id: device_id(), port };
    let with_device = || Step::ConnectWithDeviceToken { device_id: device_id(), port };
    let person = |advice| Err(NoPlan::OnlyThePerson { advice });
    match finding.cause {
        Cause::ForeignProgram | Cause::EntriesMissing => Err(NoPlan::NotAboutTokens),
        Cause::NobodyListens => person(Advice::StartGateway),
        Cause::CannotTell | Cause::Unrecognised => person(Advice::Report),
        Cause::ProtocolMismatch => person(Advice::Update),
        Cause::RateLimited => Err(NoPlan::Wait { after_ms: retry_after(finding) }),
        Cause::DeviceTokenStale => stale(tokens, with_shared),
        Cause::ScopeMissing => Ok(vec![with_shared()]),
        Cause::TokenMissing | Cause::SharedTokenWrong => shared_token(survey, tokens, with_shared, with_device),
        Cause::CopiesDiffer => differing(tokens),
        Cause::NoAuthConfigured => {
            Ok(vec![Step::WriteAuth { config_path: survey.place.config_path.clone() }, restart(survey)])
        }
        Cause::SignatureInvalid if tokens.signed_anew => {
            Ok(vec![Step::NewIdentity { old_device_id: device_id() }, Step::ConnectAsNewDevice { port }])
        }
        Cause::SignatureInvalid => Ok(vec![Step::SignAnew { device_id: device_id(), port }]),
        // A signature carries the time of the gateway's challenge, so our clock does not matter once it is used.
        Cause::ClockWrong if tokens.signed_anew || finding.severity == Severity::Note => person(Advice::SetClock),
        Cause::ClockWrong => Ok(vec![Step::SignAnew { device_id: device_id(), port }]),
        Cause::PairingPending => pairing(finding, tokens, with_shared),
        Cause::DeadRecords => {
            let dead = finding.evidence.iter().filter_map(|evidence| {
                let Evidence::Device { id, .. } = evidence else { return None };
                // Whatever was found: our own record is never removed.
                (*id != tokens.device_id).then(|| Step::RemoveRecord { device_id: id.clone() })
            });
            Ok(dead.collect())
        }
        Cause::DashboardStale => Ok(vec![Step::OpenDashboard]),
        Cause::RestartWar
        | Cause::TwoServices
        | Cause::WrongInstance
        | Cause::ServiceAndCopy
        | Cause::LegacyService
        | Cause::ServicePathGone
        | Cause::ServicePathTemporary
        | Cause::ServicePortDiffers
        | Cause::ServiceOutdated
        | Cause::ServiceOff
        | Cause::CrashLoop
        | Cause::SharedState
        | Cause::RestartEnds
        | Cause::Hung => services::steps(finding, survey),
    }
}

/// One round trip: the gateway gives a new token to the same key, which shows the shared one once.
fn stale(tokens: &TokenEvidence, with_shared: impl Fn() -> Step) -> Result<Vec<Step>, NoPlan> {
    let forget = Step::ForgetDeviceToken { device_id: tokens.device_id.clone() };
    match winner(&tokens.copies).map(|copy| &copy.place) {
        // Nobody but the gateway itself was told.
        Some(place @ CopyPlace::Gateway { .. }) => {
            Ok(vec![forget, Step::ReadTokenAgain { place: place.clone() }, with_shared()])
        }
        Some(_) => Ok(vec![forget, with_shared()]),
        None if tokens.sent.is_some() => Ok(vec![forget, with_shared()]),
        None => Err(no_token(tokens)),
    }
}

/// A service of OpenClaw's is told to; a gateway that a person started in a terminal is theirs to start again: OpenClaw's own command would wait for a service
/// that is not there.
fn restart(survey: &Survey) -> Step {
    let unit = match whose(survey) {
        Whose::Mine(mine) => mine.gateway.unit,
        Whose::Other(_) | Whose::Foreign(_) | Whose::Nobody(_) | Whose::CannotSee(_) => None,
    };
    let is_service = unit.is_some_and(|unit| SERVICES.iter().any(|name| unit.starts_with(name)));
    if is_service { Step::RestartGateway } else { Step::AwaitRestart }
}

/// What the names of OpenClaw's own units begin with, in this release and in earlier ones; profiles add theirs.
const SERVICES: [&str; 2] = ["openclaw-gateway", "clawdbot-gateway"];

fn shared_token(
    survey: &Survey,
    tokens: &TokenEvidence,
    with_shared: impl Fn() -> Step,
    with_device: impl Fn() -> Step,
) -> Result<Vec<Step>, NoPlan> {
    let wins = winner(&tokens.copies);
    let read_again = || wins.map(|copy| Step::ReadTokenAgain { place: copy.place.clone() });
    // The token that the gateway gave us outlives a change of the shared one.
    if tokens.has_device_token {
        return Ok(std::iter::once(with_device()).chain(read_again()).collect());
    }
    match (wins.and_then(TokenCopy::token), tokens.sent) {
        (Some(right), Some(sent)) if right == sent => {
            // The strongest copy is refused by the gateway of this very configuration: it runs with an older one.
            match survey.locks.known() {
                Some(_) => Ok(vec![restart(survey)]),
                None => Err(NoPlan::NothingLeft),
            }
        }
        (Some(_), _) => Ok(read_again().into_iter().chain([with_shared()]).collect()),
        (None, _) => Err(no_token(tokens)),
    }
}

/// The gateway's own token is nowhere to be found.
fn no_token(tokens: &TokenEvidence) -> NoPlan {
    let lost = reference(&tokens.copies).is_some_and(|(_, found)| !found);
    NoPlan::OnlyThePerson { advice: if lost { Advice::MendReference } else { Advice::EnterToken } }
}

/// A weaker copy that is not ours to write is replaced by OpenClaw itself, which writes its service anew.
fn differing(tokens: &TokenEvidence) -> Result<Vec<Step>, NoPlan> {
    let wins = winner(&tokens.copies).ok_or(NoPlan::NothingLeft)?;
    let right = wins.token();
    let is_wrong = |copy: &&TokenCopy| copy.token().is_some() && copy.token() != right;
    let of_service = |copy: &TokenCopy| matches!(copy.place, CopyPlace::ServiceDefinition { .. });
    if tokens.copies.iter().filter(is_wrong).any(of_service) {
        Ok(vec![Step::ReinstallService])
    } else {
        Err(NoPlan::OnlyThePerson { advice: Advice::EnterToken })
    }
}

fn pairing(finding: &Finding, tokens: &TokenEvidence, with_shared: impl Fn() -> Step) -> Result<Vec<Step>, NoPlan> {
    let request = finding.evidence.iter().find_map(|evidence| {
        let Evidence::Request { id, reason } = evidence else { return None };
        Some((id.clone(), *reason))
    });
    match request {
        Some((Some(request_id), reason)) => {
            Ok(vec![Step::ApprovePairing { request_id, device_id: tokens.device_id.clone(), reason }, with_shared()])
        }
        // A new request comes with the next attempt.
        Some((None, PairingReason::NotPaired | PairingReason::ScopeUpgrade)) => Ok(vec![with_shared()]),
        Some((None, PairingReason::RoleUpgrade | PairingReason::MetadataUpgrade)) | None => Err(NoPlan::NothingLeft),
    }
}

fn retry_after(finding: &Finding) -> u64 {
    let told = finding.evidence.iter().find_map(|evidence| {
        let Evidence::Refusal { refusal: crate::token::Refusal::RateLimited { retry_after_ms } } = evidence else {
            return None;
        };
        *retry_after_ms
    });
    // What the gateway's own documentation says.
    told.unwrap_or(5 * 60_000)
}

#[cfg(test)]
pub(crate) mod tests;
