//! Each case of a stale token: what is found, and the shortest way out of it.

use super::*;
use crate::finding::{Severity, detect, is_gone};
use crate::fingerprint::Fingerprint;
use crate::seen::Seen;
use crate::survey::Activity;
use crate::token::{ConnectOutcome, CopyValue, DashboardRefusal, Record, Referred, Refusal, StaleCredential};
use crate::who::Contradiction;
use crate::who::tests::{fine, with, with_process};

const NOW: i64 = 1_795_000_200_000;

fn copy(place: CopyPlace, token: &str) -> TokenCopy {
    TokenCopy { place, value: CopyValue::Token { fingerprint: Fingerprint::of(token) } }
}

fn name() -> String {
    "OPENCLAW_GATEWAY_TOKEN".into()
}

fn gateway() -> CopyPlace {
    CopyPlace::Gateway { pid: 700, name: name() }
}

fn refers(to: Referred, found: bool) -> TokenCopy {
    TokenCopy { place: config(), value: CopyValue::Reference { to, found } }
}

fn config() -> CopyPlace {
    CopyPlace::Config { path: "/home/claw/.openclaw/openclaw.json".into() }
}

pub(crate) fn tokens(outcome: ConnectOutcome) -> TokenEvidence {
    TokenEvidence {
        outcome,
        device_id: "ours".into(),
        sent: Some(Fingerprint::of("old")),
        has_device_token: false,
        signed_anew: false,
        copies: vec![copy(config(), "new")],
        auth_configured: Seen::Known(true),
        clock_ahead_ms: Some(0),
        records: Seen::Known(Vec::new()),
        dashboards: Vec::new(),
    }
}

pub(crate) fn refused(refusal: Refusal) -> TokenEvidence {
    tokens(ConnectOutcome::Refused(refusal))
}

/// The recommended one.
pub(crate) fn plan(finding: &Finding, survey: &Survey, tokens: &TokenEvidence, now_ms: i64) -> Result<Plan, NoPlan> {
    plans(finding, survey, tokens, now_ms).map(|mut plans| plans.remove(0))
}

fn only(survey: &Survey, tokens: &TokenEvidence) -> Finding {
    let mut found = detect(survey, tokens);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn names(result: &Result<Plan, NoPlan>) -> Vec<String> {
    let plan = result.as_ref().unwrap_or_else(|none| panic!("{none:?}"));
    let name = |step: &PlannedStep| serde_json::to_value(&step.step).unwrap()["kind"].as_str().unwrap().to_owned();
    plan.steps.iter().map(name).collect()
}

#[track_caller]
fn leads_to(tokens: &TokenEvidence, cause: Cause, steps: &[&str]) {
    let found = only(&fine(), tokens);
    assert_eq!((found.cause, found.severity), (cause, Severity::Broken));
    assert_eq!(names(&plan(&found, &fine(), tokens, NOW)), steps);
}

#[track_caller]
fn leads_to_none(tokens: &TokenEvidence, cause: Cause, none: &NoPlan) {
    let found = only(&fine(), tokens);
    assert_eq!(found.cause, cause);
    assert_eq!(plan(&found, &fine(), tokens, NOW).as_ref(), Err(none));
}

#[test]
fn nothing_is_wrong_with_a_connection() {
    assert_eq!(detect(&fine(), &tokens(ConnectOutcome::Connected { contradictions: Vec::new() })), []);
    assert_eq!(detect(&fine(), &tokens(ConnectOutcome::Starting)), []);
    assert_eq!(detect(&fine(), &tokens(ConnectOutcome::NotReached)), []);
}

#[test]
fn a_stale_device_token_is_forgotten_and_asked_for_anew_without_rotating() {
    let tokens = refused(Refusal::DeviceTokenMismatch);
    leads_to(&tokens, Cause::DeviceTokenStale, &["forgetDeviceToken", "connectWithSharedToken"]);
    let made = plan(&only(&fine(), &tokens), &fine(), &tokens, NOW).unwrap();
    assert!(!made.steps[0].sends_shared_token && made.steps[1].sends_shared_token);
    assert_eq!(made.steps[0].undo, Undo::PutBack);
    let mut tokens = tokens;
    tokens.copies = vec![copy(gateway(), "new")];
    leads_to(&tokens, Cause::DeviceTokenStale, &["forgetDeviceToken", "readTokenAgain", "connectWithSharedToken"]);
    tokens.copies = vec![refers(Referred::Program { provider: "vault".into() }, false)];
    leads_to(&tokens, Cause::DeviceTokenStale, &["forgetDeviceToken", "connectWithSharedToken"]);
    // Without any secret that could be shown, no repair is promised.
    tokens.sent = None;
    leads_to_none(&tokens, Cause::DeviceTokenStale, &NoPlan::OnlyThePerson { advice: Advice::MendReference });
    assert!(only(&fine(), &tokens).evidence.iter().any(|one| matches!(one, Evidence::Copy { .. })), "which reference");
    tokens.copies.clear();
    leads_to_none(&tokens, Cause::DeviceTokenStale, &NoPlan::OnlyThePerson { advice: Advice::EnterToken });
    assert_eq!((made.made_ms, made.expires_ms), (NOW, NOW + PLAN_LASTS_MS));
}

#[test]
fn the_same_refusal_by_another_instance_is_no_matter_of_tokens() {
    let another = with_process(|process| process.uid = Seen::Known(1501));
    let foreign = with_process(|process| process.exe = Seen::Known("/usr/bin/nc".into()));
    for refusal in [Refusal::DeviceTokenMismatch, Refusal::TokenMismatch, Refusal::SignatureInvalid] {
        for (survey, cause) in [(&another, Cause::WrongInstance), (&foreign, Cause::ForeignProgram)] {
            let found = only(survey, &refused(refusal.clone()));
            assert_eq!(found.cause, cause);
            assert_eq!(plan(&found, survey, &refused(refusal.clone()), NOW), Err(NoPlan::NotAboutTokens));
        }
        // The twin: judged without asking whose it is, it is a stale token.
        assert_ne!(only(&fine(), &refused(refusal)).cause, Cause::WrongInstance);
    }
    let stray = tokens(ConnectOutcome::Connected { contradictions: vec![Contradiction::Identity] });
    leads_to_none(&stray, Cause::WrongInstance, &NoPlan::NotAboutTokens);
}

#[test]
fn a_changed_shared_token_is_read_again_and_our_own_token_carries_us_over() {
    let mut tokens = refused(Refusal::TokenMismatch);
    leads_to(&tokens, Cause::SharedTokenWrong, &["readTokenAgain", "connectWithSharedToken"]);
    tokens.has_device_token = true;
    leads_to(&tokens, Cause::SharedTokenWrong, &["connectWithDeviceToken", "readTokenAgain"]);
    tokens.has_device_token = false;
    // What the configuration says was sent, and refused by the gateway of this configuration.
    tokens.sent = Some(Fingerprint::of("new"));
    leads_to(&tokens, Cause::SharedTokenWrong, &["awaitRestart"]);
    for (unit, step) in [
        ("openclaw-gateway.service", "restartGateway"),
        ("openclaw-gateway-work.service", "restartGateway"),
        // It is somebody's own, and OpenClaw's command knows nothing of it.
        ("smartpi.service", "awaitRestart"),
    ] {
        let survey = with_process(|process| process.unit = Seen::Known(Some(unit.into())));
        assert_eq!(names(&plan(&only(&survey, &tokens), &survey, &tokens, NOW)), [step], "{unit}");
    }
    tokens.copies.clear();
    leads_to_none(&tokens, Cause::SharedTokenWrong, &NoPlan::OnlyThePerson { advice: Advice::EnterToken });
}

#[test]
fn every_copy_is_shown_and_the_one_that_wins_is_marked() {
    let mut tokens = refused(Refusal::TokenMismatch);
    let service = CopyPlace::ServiceDefinition {
        path: "/home/claw/.config/systemd/user/openclaw-gateway.service".into(),
        name: name(),
    };
    tokens.copies = vec![
        copy(CopyPlace::DotEnv { path: "/home/claw/.openclaw/.env".into(), name: name() }, "older"),
        copy(CopyPlace::Environment { name: name() }, "old"),
        copy(service, "old"),
        TokenCopy { place: config(), value: CopyValue::Placeholder },
        copy(gateway(), "new"),
    ];
    let found = only(&fine(), &tokens);
    let winners: Vec<_> = found
        .evidence
        .iter()
        .filter_map(|evidence| {
            let Evidence::Copy { copy, wins: true } = evidence else { return None };
            Some(copy.place.clone())
        })
        .collect();
    assert_eq!(winners, [gateway()]);
    assert_eq!(found.evidence.iter().filter(|evidence| matches!(evidence, Evidence::Copy { .. })).count(), 5);
    // With the configuration's own it is that one, whatever an environment says.
    tokens.copies.push(copy(config(), "config"));
    assert_eq!(winner(&tokens.copies).map(|copy| &copy.place), Some(&config()));
}

#[test]
fn a_stale_copy_in_the_service_is_found_while_all_is_well() {
    let mut tokens = tokens(ConnectOutcome::Connected { contradictions: Vec::new() });
    tokens.copies.push(copy(CopyPlace::ServiceDefinition { path: "/u".into(), name: name() }, "old"));
    let found = only(&fine(), &tokens);
    assert_eq!((found.cause, found.severity), (Cause::CopiesDiffer, Severity::Warning));
    assert_eq!(names(&plan(&found, &fine(), &tokens, NOW)), ["reinstallService"]);
    tokens.copies[1] = copy(CopyPlace::Environment { name: name() }, "new");
    assert_eq!(detect(&fine(), &tokens), []);
}

#[test]
fn where_the_configuration_refers_to_counts_and_nothing_else_does() {
    let variable = || Referred::Variable { name: "MINE".into() };
    let dotenv = |name: &str, token| copy(CopyPlace::DotEnv { path: "/e".into(), name: name.into() }, token);
    let wins = |copies: &[TokenCopy]| winner(copies).map(|copy| copy.place.clone());
    let mut copies = vec![refers(variable(), true), dotenv("MINE", "m"), copy(gateway(), "e")];
    assert_eq!(wins(&copies), Some(dotenv("MINE", "m").place), "whatever the usual variable says");
    let of_gateway = copy(CopyPlace::Gateway { pid: 700, name: "MINE".into() }, "g");
    copies.push(of_gateway.clone());
    assert_eq!(wins(&copies), Some(of_gateway.place), "the gateway's own environment comes first");
    copies.truncate(1);
    copies.push(copy(gateway(), "e"));
    assert_eq!(wins(&copies), None, "nothing fills in");
    let file = || CopyPlace::SecretFile { path: "/s".into() };
    let store = || CopyPlace::Store { name: "A".into() };
    for (to, place) in [(Referred::File { path: "/s".into() }, file()), (Referred::Store { name: "A".into() }, store())]
    {
        assert_eq!(wins(&[copy(gateway(), "e"), refers(to, true), copy(place.clone(), "s")]), Some(place));
    }
    let mut tokens = refused(Refusal::TokenMissing);
    tokens.sent = None;
    tokens.copies = vec![refers(variable(), false), copy(gateway(), "e")];
    let advice = NoPlan::OnlyThePerson { advice: Advice::MendReference };
    leads_to_none(&tokens, Cause::TokenMissing, &advice);
}

#[test]
fn signatures_and_clocks_are_tried_once_more_and_then_end() {
    let mut tokens = refused(Refusal::SignatureInvalid);
    leads_to(&tokens, Cause::SignatureInvalid, &["signAnew"]);
    tokens.signed_anew = true;
    leads_to(&tokens, Cause::SignatureInvalid, &["newIdentity", "connectAsNewDevice"]);
    let mut tokens = refused(Refusal::SignatureExpired);
    tokens.clock_ahead_ms = Some(300_000);
    leads_to(&tokens, Cause::ClockWrong, &["signAnew"]);
    assert!(only(&fine(), &tokens).evidence.contains(&Evidence::ClockAhead { ms: 300_000 }));
    tokens.signed_anew = true;
    leads_to_none(&tokens, Cause::ClockWrong, &NoPlan::OnlyThePerson { advice: Advice::SetClock });
}

#[test]
fn a_clock_that_keeps_nobody_out_is_told_and_left_to_the_person() {
    let mut tokens = tokens(ConnectOutcome::Connected { contradictions: Vec::new() });
    tokens.clock_ahead_ms = Some(-300_000);
    let found = only(&fine(), &tokens);
    assert_eq!((found.cause, found.severity), (Cause::ClockWrong, Severity::Note));
    assert_eq!(found.evidence, [Evidence::ClockAhead { ms: -300_000 }]);
    let person = NoPlan::OnlyThePerson { advice: Advice::SetClock };
    assert_eq!(plan(&found, &fine(), &tokens, NOW), Err(person));
    // A signature by the gateway's own time helped, and the clock is as wrong as before; one that did not help is no success.
    assert!(is_gone(&[found], Cause::ClockWrong));
    assert!(!is_gone(&detect(&fine(), &refused(Refusal::SignatureExpired)), Cause::ClockWrong));
    tokens.clock_ahead_ms = Some(90_000);
    assert_eq!(detect(&fine(), &tokens), []);
}

#[test]
fn a_pairing_is_approved_by_exactly_its_request() {
    let reason = PairingReason::MetadataUpgrade;
    let tokens = refused(Refusal::PairingRequired { reason, request_id: Some("r-1".into()) });
    leads_to(&tokens, Cause::PairingPending, &["approvePairing", "connectWithSharedToken"]);
    let made = plan(&only(&fine(), &tokens), &fine(), &tokens, NOW).unwrap();
    let Action::Rpc { method, params } = &made.steps[0].action else { panic!("{:?}", made.steps[0]) };
    assert_eq!((method.as_str(), params), ("device.pair.approve", &serde_json::json!({ "requestId": "r-1" })));
    let without = refused(Refusal::PairingRequired { reason, request_id: None });
    leads_to_none(&without, Cause::PairingPending, &NoPlan::NothingLeft);
    leads_to(&refused(Refusal::ScopeMismatch), Cause::ScopeMissing, &["connectWithSharedToken"]);
}

#[test]
fn a_gateway_without_a_token_gets_one_and_is_started_anew() {
    let mut tokens = refused(Refusal::TokenMissing);
    tokens.auth_configured = Seen::Known(false);
    tokens.copies.clear();
    leads_to(&tokens, Cause::NoAuthConfigured, &["writeAuth", "awaitRestart"]);
    // Writing the token does not void the plan that writes it.
    let before = Ground::of(&fine(), &tokens, Cause::NoAuthConfigured);
    tokens.copies = vec![copy(config(), "fresh")];
    assert_eq!(Ground::of(&fine(), &tokens, Cause::NoAuthConfigured), before);
}

#[test]
fn what_only_a_person_or_time_can_mend_has_no_plan() {
    let person = |advice| NoPlan::OnlyThePerson { advice };
    leads_to_none(&refused(Refusal::Protocol { expected: Some(5) }), Cause::ProtocolMismatch, &person(Advice::Update));
    let limited = Refusal::RateLimited { retry_after_ms: Some(7) };
    leads_to_none(&refused(limited), Cause::RateLimited, &NoPlan::Wait { after_ms: 7 });
    let unknown = Refusal::Unrecognised { code: "NEW".into() };
    leads_to_none(&refused(unknown), Cause::Unrecognised, &person(Advice::Report));
    leads_to_none(&tokens(ConnectOutcome::Silent), Cause::Hung, &person(Advice::WakeGateway));
    let stopped = with_process(|process| process.activity = Seen::Known(Activity::Stopped));
    assert_eq!(only(&stopped, &refused(Refusal::DeviceTokenMismatch)).cause, Cause::Hung);
    let nobody = with(|survey| survey.listeners = Seen::Known(Vec::new()));
    assert_eq!(only(&nobody, &tokens(ConnectOutcome::NotReached)).cause, Cause::NobodyListens);
}

#[test]
fn where_it_cannot_be_told_the_token_is_judged_and_the_doubt_is_said() {
    let blind = Survey::blind(fine().place, NOW, crate::Blind::Unsupported);
    let found = detect(&blind, &refused(Refusal::DeviceTokenMismatch));
    assert_eq!(found.iter().map(|found| found.cause).collect::<Vec<_>>(), [Cause::DeviceTokenStale, Cause::CannotTell]);
}

#[test]
fn dead_records_are_those_of_our_name_that_nobody_uses() {
    let record = |id: &str, name: &str, connected| Record {
        device_id: id.into(),
        name: Some(name.into()),
        client: ("gateway-client".into(), "ui".into()),
        connected,
    };
    let mut tokens = tokens(ConnectOutcome::Connected { contradictions: Vec::new() });
    tokens.records = Seen::Known(vec![
        record("ours", "SmartPi", true),
        record("dead", "SmartPi", false),
        record("alive", "SmartPi", true),
        record("theirs", "Phone", false),
    ]);
    let found = only(&fine(), &tokens);
    assert_eq!(found.evidence, [Evidence::Device { id: "dead".into(), name: Some("SmartPi".into()) }]);
    let made = plan(&found, &fine(), &tokens, NOW).unwrap();
    assert_eq!(made.steps.len(), 1);
    assert_eq!(made.steps[0].step, Step::RemoveRecord { device_id: "dead".into() });
}

#[test]
fn a_browser_with_a_stale_token_gets_a_fresh_link() {
    let mut tokens = tokens(ConnectOutcome::Connected { contradictions: Vec::new() });
    let held = StaleCredential::SharedToken;
    tokens.dashboards = vec![DashboardRefusal { at_ms: 5, held }, DashboardRefusal { at_ms: 9, held }];
    let found = only(&fine(), &tokens);
    assert_eq!(found.evidence, [Evidence::Dashboards { count: 2, last_ms: 9 }]);
    assert_eq!(names(&plan(&found, &fine(), &tokens, NOW)), ["openDashboard"]);
}

#[test]
fn a_plan_is_void_when_any_fact_of_it_changes() {
    let tokens = refused(Refusal::DeviceTokenMismatch);
    let made = plan(&only(&fine(), &tokens), &fine(), &tokens, NOW).unwrap();
    let of = |survey: &Survey| Ground::of(survey, &tokens, Cause::DeviceTokenStale).fingerprint();
    assert_eq!(of(&with(|survey| survey.taken_ms += 5_000)), made.fingerprint);
    let changed = [
        with_process(|process| process.start = Seen::Known(1)),
        with(|survey| survey.listeners = Seen::Known(Vec::new())),
        with(|survey| survey.here.boot_id = Seen::Known("boot-2".into())),
        with(|survey| survey.state.identity = Seen::Known(Some("another".into()))),
        with(|survey| {
            survey.listeners = survey.listeners.clone().map(|mut all| {
                all[0].inode += 1;
                all
            });
        }),
    ];
    for survey in &changed {
        assert_ne!(of(survey), made.fingerprint);
    }
    let mut other = tokens.clone();
    other.copies = vec![copy(config(), "newer")];
    assert_ne!(Ground::of(&fine(), &other, Cause::DeviceTokenStale).fingerprint(), made.fingerprint);
}

#[test]
fn only_the_last_step_changes_what_the_plan_rests_on_and_no_secret_is_in_it() {
    let mut no_auth = refused(Refusal::TokenMissing);
    no_auth.auth_configured = Seen::Known(false);
    let all = [
        refused(Refusal::DeviceTokenMismatch),
        refused(Refusal::TokenMismatch),
        refused(Refusal::SignatureInvalid),
        refused(Refusal::ScopeMismatch),
        no_auth,
    ];
    for tokens in all {
        let made = plan(&only(&fine(), &tokens), &fine(), &tokens, NOW).unwrap();
        let (_, earlier) = made.steps.split_last().unwrap();
        assert!(earlier.iter().all(|step| !step.step.moves_the_ground()), "{made:?}");
        let json = serde_json::to_string(&made).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), made);
    }
}
