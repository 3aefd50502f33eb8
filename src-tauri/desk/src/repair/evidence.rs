//! What is known about tokens at one moment, for the crate `care` to judge.

use std::path::PathBuf;

use care::duplicates::complete;
use care::finding::{Finding, detect};
use care::survey::{Gateways, Manager, Service, Survey, gateways, take};
use care::token::{
    ConnectOutcome, CopyPlace, CopyValue, PairingReason, Record, Referred, Refusal, TokenCopy, TokenEvidence,
    dashboard_refusals, reference,
};
use care::who::{Introduction, Whose, confirm, whose};
use care::{Blind, Seen};
use gateway::{Client, ConnectFailure, Paired, SignatureTrouble, Step, Token};

use super::{Known, Means};
use crate::failure::{Failure, FailureCode};
use crate::operator::surroundings::{self, Found};

/// Lines of the gateway's log that are read.
const LINES: u32 = 400;

/// What became of an attempt to connect.
#[derive(Debug)]
pub(super) struct Tried {
    /// The connection, where there is one.
    pub(super) client: Option<Client>,
    pub(super) outcome: ConnectOutcome,
    /// The gateway's secret as it was known then.
    pub(super) shared: Option<care::Fingerprint>,
}

impl Tried {
    pub(super) fn nothing() -> Self {
        Self { client: None, outcome: ConnectOutcome::NotTried, shared: None }
    }

    pub(super) fn connected(client: Client) -> Self {
        let outcome = ConnectOutcome::Connected { contradictions: Vec::new() };
        Self { client: Some(client), outcome, shared: None }
    }

    pub(super) fn failed(failure: ConnectFailure) -> Self {
        Self { client: None, outcome: outcome(failure), shared: None }
    }
}

/// Everything that findings and plans are made of.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) survey: Survey,
    pub(super) tokens: TokenEvidence,
}

/// Looks at this computer, and asks the gateway where it is connected.
///
/// # Errors
/// `gateway_no_config`, `openclaw_config_unreadable`, and what the place of our key says.
pub(super) async fn gather(
    means: &Means,
    tried: Tried,
    device_id: Option<String>,
    known: Known,
    dashboards_since_ms: i64,
) -> Result<Facts, Failure> {
    let found = surroundings::find().await?;
    let has_device_token = match &device_id {
        Some(_) => means.vault.gateway_token(&found.address.url()).await?.is_some(),
        // No key, no token: the place of both is left alone.
        None => false,
    };
    let mut survey = survey(&found, means.now_ms()).await?;
    // Where the gateway is on another computer, what runs here is not in its way.
    if found.address.is_loopback() {
        survey.gateways = all(&survey).await?;
    }
    let mut tokens = TokenEvidence {
        outcome: tried.outcome,
        device_id: device_id.unwrap_or_default(),
        sent: tried.shared,
        has_device_token,
        signed_anew: known.signed_anew,
        copies: copies(&found, &survey),
        auth_configured: auth_configured(&found, &survey),
        clock_ahead_ms: None,
        records: Seen::Hidden(Blind::NotAsked),
        dashboards: Vec::new(),
    };
    if let Some(client) = tried.client {
        let contradictions = confirm(&survey, &introduction(&client).await);
        tokens.outcome = ConnectOutcome::Connected { contradictions };
        tokens.clock_ahead_ms = client.greeting().clock_ahead_ms();
        if let Ok(list) = client.devices().await {
            tokens.records = Seen::Known(list.paired.iter().map(record).collect());
        }
        if let Ok(log) = client.logs(None, LINES).await {
            let lines = log.lines.iter().map(String::as_str);
            tokens.dashboards = dashboard_refusals(lines, found.address.port(), dashboards_since_ms);
        }
    }
    Ok(Facts { survey, tokens })
}

pub(super) async fn survey(found: &Found, now_ms: i64) -> Result<Survey, Failure> {
    let place = found.survey_place();
    if !found.address.is_loopback() {
        return Ok(Survey::blind(place, now_ms, Blind::Elsewhere));
    }
    let looked = tokio::task::spawn_blocking(move || take(place, now_ms)).await;
    looked.map_err(|_| Failure::bare(FailureCode::Internal))
}

/// Every gateway of this computer, and what starts them.
pub(super) async fn all(survey: &Survey) -> Result<Gateways, Failure> {
    let place = survey.place.clone();
    let looked = tokio::task::spawn_blocking(move || gateways(&place, std::env::home_dir().as_deref())).await;
    looked.map_err(|_| Failure::bare(FailureCode::Internal))
}

/// What is wrong by these facts, and by all that starts gateways on this computer.
pub(super) fn findings(Facts { survey, tokens }: &Facts) -> Vec<Finding> {
    complete(detect(survey, tokens), survey)
}

/// What a connected gateway says of itself; what it does not answer, it does not contradict.
async fn introduction(client: &Client) -> Introduction {
    let greeting = client.greeting();
    Introduction {
        identity: client.gateway_identity().await.ok().map(|own| own.device_id),
        boot: greeting.boot_id.clone(),
        state_dir: greeting.state_dir.as_ref().map(PathBuf::from),
        pid: client.system_info().await.ok().and_then(|info| info.pid),
    }
}

/// Those of this computer's files and of our environment, and the one that the gateway was started with.
fn copies(found: &Found, survey: &Survey) -> Vec<TokenCopy> {
    let mut copies: Vec<TokenCopy> = found.copies.iter().map(|(copy, _)| copy.clone()).collect();
    let referred = match reference(&copies) {
        Some((Referred::Variable { name }, _)) if name != found.variable => Some(name.clone()),
        Some(_) | None => None,
    };
    let names = std::iter::once(found.variable.to_owned()).chain(referred);
    copies.extend(names.filter_map(|name| of_gateway(survey, name)));
    copies.extend(survey.gateways.services().filter_map(|service| of_service(service, found.variable, survey)));
    // What our own environment does not say, that of the gateway may.
    let is_there = |to: &Referred| copies.iter().any(|copy| copy.token().is_some() && copy.is_at(to));
    let there = reference(&copies).is_some_and(|(to, _)| is_there(to));
    for copy in &mut copies {
        if let CopyValue::Reference { found, .. } = &mut copy.value {
            *found = there;
        }
    }
    copies
}

/// What the user's gateway was started with under this name.
fn of_gateway(survey: &Survey, name: String) -> Option<TokenCopy> {
    let Whose::Mine(mine) = whose(survey) else { return None };
    let pid = mine.gateway.pid;
    let noted = survey.process(pid)?.environment.known()?.secret(&name);
    // A survey keeps OpenClaw's own variables alone.
    let fingerprint = noted.or_else(|| Some(care::Fingerprint::of(of_process(pid, &name)?.reveal())))?;
    Some(TokenCopy { place: CopyPlace::Gateway { pid, name }, value: CopyValue::Token { fingerprint } })
}

/// What the service of the user's gateway has under this name. That of systemd was found with the files.
fn of_service(service: &Service, name: &str, survey: &Survey) -> Option<TokenCopy> {
    let is_ours = service.manager != Manager::Systemd && service.state_dir.as_ref() == Some(&survey.place.state_dir);
    let fingerprint = service.environment.secret(name).filter(|_| is_ours)?;
    let place = CopyPlace::ServiceDefinition { path: service.path.clone()?, name: name.to_owned() };
    Some(TokenCopy { place, value: CopyValue::Token { fingerprint } })
}

/// What a process of this user was started with. Whoever has its number by now, the proof decides who gets to see the secret.
#[cfg(target_os = "linux")]
pub(super) fn of_process(pid: u32, name: &str) -> Option<Token> {
    let environment = zeroize::Zeroizing::new(std::fs::read(format!("/proc/{pid}/environ")).ok()?);
    let mut pairs = environment.split(|byte| *byte == 0).filter_map(|pair| std::str::from_utf8(pair).ok());
    let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    crate::redact::here().learn_passing(value.as_bytes());
    Some(Token::new(value.to_owned())).filter(|value| !value.reveal().trim().is_empty())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of_process(_pid: u32, _name: &str) -> Option<Token> {
    None
}

/// Not configured is what a gateway is that finds a secret nowhere.
fn auth_configured(found: &Found, survey: &Survey) -> Seen<bool> {
    let in_files = found.copies.iter().any(|(copy, _)| match copy.place {
        CopyPlace::Config { .. }
        | CopyPlace::SecretFile { .. }
        | CopyPlace::Store { .. }
        | CopyPlace::DotEnv { .. }
        | CopyPlace::ServiceDefinition { .. } => true,
        CopyPlace::Gateway { .. } | CopyPlace::Environment { .. } => false,
    });
    if found.auth_in_config || in_files || of_gateway(survey, found.variable.to_owned()).is_some() {
        return Seen::Known(true);
    }
    let Whose::Mine(mine) = whose(survey) else { return Seen::Hidden(Blind::NotAsked) };
    match survey.process(mine.gateway.pid).map(|process| process.environment.look()) {
        Some(Ok(_)) => Seen::Known(false),
        Some(Err(blind)) => Seen::Hidden(blind),
        None => Seen::Hidden(Blind::Changing),
    }
}

pub(super) fn record(paired: &Paired) -> Record {
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    Record {
        device_id: paired.device_id.clone(),
        name: paired.display_name.clone(),
        client: (word(&paired.client_id), word(&paired.client_mode)),
        // One that does not say so may well be connected.
        connected: paired.connected.unwrap_or(true),
    }
}

fn outcome(failure: ConnectFailure) -> ConnectOutcome {
    let other = |code: &str| ConnectOutcome::Refused(Refusal::Unrecognised { code: code.to_owned() });
    match failure {
        ConnectFailure::NobodyListens
        | ConnectFailure::Unreachable(_)
        | ConnectFailure::NoSuchHost
        | ConnectFailure::TimedOut(Step::Reach) => ConnectOutcome::NotReached,
        ConnectFailure::TimedOut(Step::Encrypt | Step::Upgrade | Step::Challenge | Step::Hello) => {
            ConnectOutcome::Silent
        }
        // Nothing was sent.
        ConnectFailure::NotProven => ConnectOutcome::NotTried,
        ConnectFailure::Broken(_)
        | ConnectFailure::Closed(_)
        | ConnectFailure::Stopping
        | ConnectFailure::Starting { .. } => ConnectOutcome::Starting,
        ConnectFailure::NotAGateway(_) => ConnectOutcome::NotAGateway,
        ConnectFailure::ProtocolMismatch { expected } => ConnectOutcome::Refused(Refusal::Protocol { expected }),
        ConnectFailure::TokenMissing
        | ConnectFailure::TokenNotConfigured
        | ConnectFailure::PasswordMissing
        | ConnectFailure::PasswordNotConfigured => ConnectOutcome::Refused(Refusal::TokenMissing),
        ConnectFailure::TokenMismatch { .. } | ConnectFailure::PasswordMismatch => {
            ConnectOutcome::Refused(Refusal::TokenMismatch)
        }
        ConnectFailure::DeviceTokenMismatch => ConnectOutcome::Refused(Refusal::DeviceTokenMismatch),
        ConnectFailure::ScopeMismatch => ConnectOutcome::Refused(Refusal::ScopeMismatch),
        ConnectFailure::RateLimited { retry_after } => {
            let retry_after_ms = retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
            ConnectOutcome::Refused(Refusal::RateLimited { retry_after_ms })
        }
        ConnectFailure::PairingRequired(pairing) => match reason(&pairing.reason) {
            Some(reason) => {
                let request_id = pairing.request_id.map(|id| id.as_str().to_owned());
                ConnectOutcome::Refused(Refusal::PairingRequired { reason, request_id })
            }
            None => other("PAIRING_REQUIRED"),
        },
        ConnectFailure::Signature(SignatureTrouble::Expired) => ConnectOutcome::Refused(Refusal::SignatureExpired),
        ConnectFailure::Signature(_) => ConnectOutcome::Refused(Refusal::SignatureInvalid),
        ConnectFailure::IdentityRequired => other("DEVICE_IDENTITY_REQUIRED"),
        ConnectFailure::Certificate(_) => other("CERTIFICATE"),
        ConnectFailure::PlainAndPublic(_) => other("PLAIN_AND_PUBLIC"),
        ConnectFailure::Misunderstood { .. } => other("INVALID_REQUEST"),
        ConnectFailure::Refused { code, detail, .. } => other(&detail.unwrap_or(code)),
    }
}

fn reason(reason: &gateway::PairingReason) -> Option<PairingReason> {
    Some(match reason {
        gateway::PairingReason::NotPaired => PairingReason::NotPaired,
        gateway::PairingReason::ScopeUpgrade => PairingReason::ScopeUpgrade,
        gateway::PairingReason::RoleUpgrade => PairingReason::RoleUpgrade,
        gateway::PairingReason::MetadataUpgrade => PairingReason::MetadataUpgrade,
        gateway::PairingReason::Other(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use care::Fingerprint;
    use care::survey::{Environment, Phase, Place, Scope, Starts};

    use super::*;

    const VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";
    const SECRET: &str = "a-token-of-the-definition";

    fn survey() -> Survey {
        let place = Place {
            port: 18_789,
            state_dir: "/home/claw/.openclaw".into(),
            config_path: "/home/claw/.openclaw/openclaw.json".into(),
            temp_dirs: Vec::new(),
        };
        Survey::blind(place, 0, Blind::NotAsked)
    }

    fn service(manager: Manager, path: &str) -> Service {
        Service {
            unit: "OpenClaw Gateway".into(),
            manager,
            scope: Scope::User,
            path: Some(path.into()),
            sealed: false,
            drop_ins: Vec::new(),
            argv: Vec::new(),
            environment: Environment::of([(VARIABLE, SECRET), ("HOME", "/home/claw")]),
            user: String::new(),
            gone: Vec::new(),
            release: None,
            port: Some(18_789),
            state_dir: Some("/home/claw/.openclaw".into()),
            phase: Phase::Running,
            starts: Starts::ByItself,
            result: "success".into(),
            exit_status: None,
            brought_back: true,
            restarts: 0,
            main: None,
            started_ms: None,
            stop_takes_ms: None,
            outdated: false,
        }
    }

    #[test]
    fn a_token_in_the_definition_of_a_service_of_windows_and_macos_is_a_copy_of_its_place() {
        for (manager, path) in [
            (Manager::Launchd, "/Users/claw/Library/LaunchAgents/ai.openclaw.gateway.plist"),
            (Manager::Task, r"C:\Users\claw\.openclaw\gateway.cmd"),
            (Manager::Startup, r"C:\Users\claw\Startup\OpenClaw Gateway.cmd"),
        ] {
            let copy = of_service(&service(manager, path), VARIABLE, &survey()).unwrap();
            let place = CopyPlace::ServiceDefinition { path: path.into(), name: VARIABLE.into() };
            let value = CopyValue::Token { fingerprint: Fingerprint::of(SECRET) };
            assert_eq!(copy, TokenCopy { place, value });
            assert!(!format!("{copy:?}").contains(SECRET));
        }
    }

    #[test]
    fn what_has_no_token_of_the_users_gateway_is_no_copy() {
        let none =
            |service: Service, name: &str| assert_eq!(of_service(&service, name, &survey()), None, "{service:?}");
        let task = || service(Manager::Task, r"C:\gateway.cmd");
        // The files of systemd are read with the others: twice would be two copies.
        none(service(Manager::Systemd, "/home/claw/.config/systemd/user/openclaw-gateway.service"), VARIABLE);
        none(Service { state_dir: Some("/home/claw/.openclaw-b".into()), ..task() }, VARIABLE);
        none(Service { state_dir: None, ..task() }, VARIABLE);
        none(task(), "OPENCLAW_GATEWAY_PASSWORD");
        none(Service { environment: Environment::default(), ..task() }, VARIABLE);
        // A value of a `Run` key has no file that could be named.
        none(Service { manager: Manager::RunKey, path: None, ..task() }, VARIABLE);
    }
}
