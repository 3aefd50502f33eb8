//! Facts in, findings out.

use super::{Cause, Evidence, Finding, Severity};
use crate::survey::Survey;
use crate::token::{ConnectOutcome, Record, Refusal, TokenCopy, TokenEvidence, reference, winner};
use crate::who::{Whose, whose};

/// What a signature's time may differ by, ms.
const CLOCK_LIMIT_MS: i64 = 120_000;

/// Whether what was found does not show this cause any more. A clock that keeps nobody out is for the person to set, not a repair that failed.
pub fn is_gone(found: &[Finding], cause: Cause) -> bool {
    let harmless = |finding: &Finding| cause == Cause::ClockWrong && finding.severity == Severity::Note;
    found.iter().all(|finding| finding.cause != cause || harmless(finding))
}

/// What is wrong, the worst first. Whose gateway it is comes before any token: on another one a refusal says nothing about ours.
pub fn detect(survey: &Survey, tokens: &TokenEvidence) -> Vec<Finding> {
    let finding = |cause, severity, evidence| Finding { cause, severity, evidence };
    let mut found = Vec::new();
    let mut listens = false;
    match whose(survey) {
        Whose::Nobody(nobody) => {
            return vec![finding(Cause::NobodyListens, Severity::Broken, vec![Evidence::Nobody { why: nobody }])];
        }
        Whose::Foreign(occupant) => {
            return vec![finding(
                Cause::ForeignProgram,
                Severity::Broken,
                vec![Evidence::Occupant { process: occupant }],
            )];
        }
        Whose::Other(other) => {
            let evidence = vec![Evidence::Occupant { process: other.process }, Evidence::NotMine { why: other.why }];
            return vec![finding(Cause::WrongInstance, Severity::Broken, evidence)];
        }
        Whose::CannotSee(unseen) => {
            found.push(finding(Cause::CannotTell, Severity::Note, vec![Evidence::Unseen { what: unseen }]));
        }
        Whose::Mine(mine) => {
            listens = true;
            if mine.stopped || tokens.outcome == ConnectOutcome::Silent {
                let why = if mine.stopped { Evidence::Stopped } else { Evidence::Silent };
                return vec![finding(
                    Cause::Hung,
                    Severity::Broken,
                    vec![Evidence::Occupant { process: mine.gateway }, why],
                )];
            }
        }
    }
    // It is there now: that it could not be reached was before.
    let is_past = |finding: &Finding| listens && finding.cause == Cause::NobodyListens;
    found.extend(of_outcome(tokens).filter(|finding| !is_past(finding)));
    found.extend(of_clock(tokens));
    found.extend(of_copies(tokens));
    found.extend(of_records(tokens));
    if let Some(last) = tokens.dashboards.iter().map(|refusal| refusal.at_ms).max() {
        let count = u32::try_from(tokens.dashboards.len()).unwrap_or(u32::MAX);
        let evidence = vec![Evidence::Dashboards { count, last_ms: last }];
        found.push(finding(Cause::DashboardStale, Severity::Warning, evidence));
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn of_outcome(tokens: &TokenEvidence) -> Option<Finding> {
    let broken = |cause, mut evidence: Vec<Evidence>, refusal: &Refusal| {
        evidence.insert(0, Evidence::Refusal { refusal: refusal.clone() });
        Some(Finding { cause, severity: Severity::Broken, evidence })
    };
    let refusal = match &tokens.outcome {
        ConnectOutcome::Refused(refusal) => refusal,
        ConnectOutcome::Connected { contradictions } if !contradictions.is_empty() => {
            // It took our token: a copied configuration. We would work on the wrong state.
            let evidence = contradictions.iter().map(|what| Evidence::Contradiction { what: *what }).collect();
            return Some(Finding { cause: Cause::WrongInstance, severity: Severity::Broken, evidence });
        }
        ConnectOutcome::NotAGateway => {
            return Some(Finding { cause: Cause::ForeignProgram, severity: Severity::Broken, evidence: Vec::new() });
        }
        ConnectOutcome::Silent => {
            return Some(Finding { cause: Cause::Hung, severity: Severity::Broken, evidence: vec![Evidence::Silent] });
        }
        ConnectOutcome::NotReached => {
            return Some(Finding { cause: Cause::NobodyListens, severity: Severity::Broken, evidence: Vec::new() });
        }
        ConnectOutcome::NotTried | ConnectOutcome::Connected { .. } | ConnectOutcome::Starting => return None,
    };
    let no_auth = tokens.auth_configured.known() == Some(&false);
    match refusal {
        Refusal::TokenMissing | Refusal::TokenMismatch if no_auth => {
            broken(Cause::NoAuthConfigured, Vec::new(), refusal)
        }
        Refusal::TokenMissing => broken(Cause::TokenMissing, copies(tokens), refusal),
        Refusal::TokenMismatch => broken(Cause::SharedTokenWrong, copies(tokens), refusal),
        Refusal::DeviceTokenMismatch => {
            let device = Evidence::Device { id: tokens.device_id.clone(), name: None };
            // The shared token would mend it, if it were found.
            let lost = reference(&tokens.copies).is_some_and(|(_, found)| !found);
            let copies = if lost { copies(tokens) } else { Vec::new() };
            broken(Cause::DeviceTokenStale, std::iter::once(device).chain(copies).collect(), refusal)
        }
        Refusal::ScopeMismatch => broken(Cause::ScopeMissing, Vec::new(), refusal),
        Refusal::SignatureExpired => broken(Cause::ClockWrong, clock(tokens), refusal),
        // A clock that is off by that much fails before anything else would.
        Refusal::SignatureInvalid => broken(Cause::SignatureInvalid, clock(tokens), refusal),
        Refusal::PairingRequired { reason, request_id } => {
            let request = Evidence::Request { id: request_id.clone(), reason: *reason };
            broken(Cause::PairingPending, vec![request], refusal)
        }
        Refusal::Protocol { .. } => broken(Cause::ProtocolMismatch, Vec::new(), refusal),
        Refusal::RateLimited { .. } => broken(Cause::RateLimited, Vec::new(), refusal),
        Refusal::Unrecognised { .. } => broken(Cause::Unrecognised, Vec::new(), refusal),
    }
}

/// Our signature carries the gateway's own time, so it lets us in with a wrong clock; not everybody does that.
fn of_clock(tokens: &TokenEvidence) -> Option<Finding> {
    let connected =
        matches!(&tokens.outcome, ConnectOutcome::Connected { contradictions } if contradictions.is_empty());
    let evidence = clock(tokens);
    (connected && !evidence.is_empty()).then_some(Finding {
        cause: Cause::ClockWrong,
        severity: Severity::Note,
        evidence,
    })
}

fn clock(tokens: &TokenEvidence) -> Vec<Evidence> {
    let ahead = tokens.clock_ahead_ms.filter(|ahead| ahead.abs() > CLOCK_LIMIT_MS);
    ahead.map(|ms| Evidence::ClockAhead { ms }).into_iter().collect()
}

fn copies(tokens: &TokenEvidence) -> Vec<Evidence> {
    let wins = winner(&tokens.copies);
    tokens.copies.iter().map(|copy| Evidence::Copy { copy: copy.clone(), wins: Some(copy) == wins }).collect()
}

fn of_copies(tokens: &TokenEvidence) -> Option<Finding> {
    let wins = winner(&tokens.copies).and_then(TokenCopy::token)?;
    let loses = |copy: &TokenCopy| copy.token().is_some_and(|token| token != wins);
    let already = matches!(&tokens.outcome, ConnectOutcome::Refused(Refusal::TokenMismatch | Refusal::TokenMissing));
    (!already && tokens.copies.iter().any(loses)).then(|| Finding {
        cause: Cause::CopiesDiffer,
        severity: Severity::Warning,
        evidence: copies(tokens),
    })
}

/// Records with our client and our name that are not this installation's: each is a token that nobody uses any more.
fn of_records(tokens: &TokenEvidence) -> Option<Finding> {
    let records = tokens.records.known()?;
    let ours = records.iter().find(|record| record.device_id == tokens.device_id)?;
    let dead = |record: &&Record| {
        record.device_id != ours.device_id
            && !record.connected
            && record.name.is_some()
            && record.name == ours.name
            && record.client == ours.client
    };
    let told = |record: &Record| Evidence::Device { id: record.device_id.clone(), name: record.name.clone() };
    let evidence: Vec<Evidence> = records.iter().filter(dead).map(told).collect();
    (!evidence.is_empty()).then_some(Finding { cause: Cause::DeadRecords, severity: Severity::Note, evidence })
}
