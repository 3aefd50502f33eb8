//! Every cause, what it explains beside itself, and what is no finding.

use super::*;
use crate::finding::detect;
use crate::plan::tests::tokens;
use crate::seen::{Blind, Seen};
use crate::survey::{Environment, Guardian, Kind, Process, Scope};
use crate::token::ConnectOutcome;
use crate::who::tests::{fine, with};

const HOME: &str = "/home/claw";
pub(crate) const PORT: u16 = 18_789;
pub(crate) const GATEWAY: u32 = 700;

pub(crate) fn service(unit: &str, folder: &str, port: u16, pid: Option<u32>) -> Service {
    let argv =
        ["/usr/bin/node", "/usr/lib/node_modules/openclaw/dist/index.js", "gateway", "--port", &port.to_string()];
    Service {
        unit: unit.into(),
        manager: Manager::Systemd,
        scope: Scope::User,
        path: Some(format!("{HOME}/.config/systemd/user/{unit}").into()),
        sealed: false,
        drop_ins: Vec::new(),
        argv: argv.map(str::to_owned).to_vec(),
        environment: Environment::of([("HOME", HOME)]),
        user: String::new(),
        gone: Vec::new(),
        release: Some("2026.9.6".into()),
        port: Some(port),
        state_dir: Some(format!("{HOME}/{folder}").into()),
        phase: if pid.is_some() { Phase::Running } else { Phase::Stopped },
        starts: Starts::ByItself,
        result: "success".into(),
        exit_status: None,
        brought_back: true,
        restarts: 0,
        main: pid,
        started_ms: None,
        stop_takes_ms: Some(330_000),
        outdated: false,
    }
}

pub(crate) fn ours(pid: Option<u32>) -> Service {
    service("openclaw-gateway.service", ".openclaw", PORT, pid)
}

pub(crate) fn running(pid: u32, folder: &str, port: u16) -> Running {
    let mut process: Process = fine().processes[0].clone();
    process.pid = pid;
    assert_eq!(process.kind(), Ok(Kind::Gateway));
    let listens = ["127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}").parse().unwrap());
    let state_dir = Some(format!("{HOME}/{folder}").into());
    Running { process, listens: listens.to_vec(), state_dir, guardian: None }
}

pub(crate) fn gateways(services: Vec<Service>, running: Vec<Running>) -> Gateways {
    let system = Seen::Known(Vec::new());
    let taken = Seen::Known(vec![PORT]);
    let (running, user) = (Seen::Known(running), Seen::Known(services));
    Gateways { running, user, system, taken, publisher: None, wrote: None, external: false }
}

/// Nobody listens, and no lock was left.
pub(crate) fn nobody() -> Survey {
    with(|survey| {
        survey.listeners = Seen::Known(Vec::new());
        survey.locks = Seen::Known(Vec::new());
    })
}

/// A gateway of another state is on the port.
pub(crate) fn stray() -> Survey {
    with(|survey| survey.locks = Seen::Known(Vec::new()))
}

fn look(survey: &Survey, gateways: &Gateways) -> Vec<Finding> {
    let survey = Survey { gateways: gateways.clone(), ..survey.clone() };
    complete(detect(&survey, &tokens(ConnectOutcome::NotTried)), &survey)
}

fn causes(survey: &Survey, gateways: &Gateways) -> Vec<Cause> {
    look(survey, gateways).into_iter().map(|finding| finding.cause).collect()
}

fn units(finding: &Finding) -> Vec<&str> {
    let all = finding.evidence.iter();
    all.filter_map(|one| if let Evidence::Service { service } = one { Some(service.unit.as_str()) } else { None })
        .collect()
}

fn pids(finding: &Finding) -> Vec<u32> {
    let all = finding.evidence.iter();
    all.filter_map(|one| if let Evidence::Occupant { process } = one { Some(process.pid) } else { None }).collect()
}

#[test]
fn one_healthy_service_is_no_finding() {
    let healthy = gateways(vec![ours(Some(GATEWAY))], vec![running(GATEWAY, ".openclaw", PORT)]);
    assert_eq!(look(&fine(), &healthy), []);
}

#[test]
fn a_second_profile_on_a_port_of_its_own_is_no_finding() {
    let second = service("openclaw-gateway-b.service", ".openclaw-b", 18_790, Some(800));
    let both = gateways(
        vec![ours(Some(GATEWAY)), second],
        vec![running(GATEWAY, ".openclaw", PORT), running(800, ".openclaw-b", 18_790)],
    );
    assert_eq!(look(&fine(), &both), []);
    // Nor is one that somebody runs by hand.
    let by_hand = gateways(
        vec![ours(Some(GATEWAY))],
        vec![running(GATEWAY, ".openclaw", PORT), running(800, ".openclaw-c", 18_790)],
    );
    assert_eq!(look(&fine(), &by_hand), []);
}

#[test]
fn what_cannot_be_seen_is_no_finding() {
    assert_eq!(look(&fine(), &Gateways::blind(Blind::Unsupported)), []);
    assert_eq!(causes(&nobody(), &Gateways::blind(Blind::Unsupported)), [Cause::NobodyListens]);
}

/// The two profiles of one port, in the moment when one has just ended the other.
pub(crate) fn war() -> Gateways {
    let mut loser = ours(None);
    loser.phase = Phase::Restarting;
    loser.restarts = 4;
    let mut winner = service("openclaw-gateway-b.service", ".openclaw-b", PORT, Some(GATEWAY));
    winner.restarts = 3;
    gateways(vec![winner, loser], vec![running(GATEWAY, ".openclaw-b", PORT)])
}

#[test]
fn a_war_is_named_with_both_services_whoever_has_the_port_at_this_moment() {
    for survey in [stray(), nobody(), fine()] {
        let found = look(&survey, &war());
        assert_eq!(found.iter().map(|finding| finding.cause).collect::<Vec<_>>(), [Cause::RestartWar], "{found:#?}");
        assert_eq!(found[0].severity, Severity::Broken);
        // The user's own comes first: it is the one to keep.
        assert_eq!(units(&found[0]), ["openclaw-gateway.service", "openclaw-gateway-b.service"]);
        assert_eq!(pids(&found[0]), [GATEWAY]);
        assert_eq!(commands(&found[0]), ["systemctl --user disable --now openclaw-gateway-b.service"]);
    }
}

#[test]
fn a_war_that_the_users_own_service_lost_is_told_with_the_way_back() {
    let mut lost = war();
    if let Seen::Known(services) = &mut lost.user {
        services[1].phase = Phase::Failed;
        services[1].exit_status = Some(78);
    }
    let found = look(&stray(), &lost);
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::TwoServices, Severity::Broken));
    let lines = [
        "systemctl --user disable --now openclaw-gateway-b.service",
        "systemctl --user start openclaw-gateway.service",
    ];
    assert_eq!(commands(&found[0]), lines);
}

#[test]
fn without_the_services_a_war_is_missed() {
    let blind = Gateways { user: Seen::Hidden(Blind::Unsupported), ..war() };
    assert_eq!(causes(&stray(), &blind), [Cause::WrongInstance]);
    assert_eq!(causes(&nobody(), &blind), [Cause::NobodyListens]);
}

#[test]
fn two_services_that_will_fight_are_told_before_they_do() {
    let mut system = ours(None);
    system.scope = Scope::System;
    let quiet =
        Gateways { system: Seen::Known(vec![system.clone()]), ..gateways(vec![ours(Some(GATEWAY))], Vec::new()) };
    let found = look(&fine(), &quiet);
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::TwoServices, Severity::Warning));
    system.phase = Phase::Running;
    let fight = Gateways { system: Seen::Known(vec![system.clone()]), ..quiet.clone() };
    assert_eq!(causes(&fine(), &fight), [Cause::RestartWar]);
    // One that neither runs nor will is no trouble.
    system.phase = Phase::Stopped;
    system.starts = Starts::OnDemand;
    let off = Gateways { system: Seen::Known(vec![system]), ..quiet };
    assert_eq!(look(&fine(), &off), []);
}

#[test]
fn what_the_next_start_of_the_service_would_end_is_told() {
    let before = gateways(vec![ours(None)], vec![running(GATEWAY, ".openclaw-c", PORT)]);
    let found = look(&stray(), &before);
    assert_eq!((found.len(), found[0].cause), (1, Cause::WrongInstance));
    let ends = Evidence::NextStart { unit: "openclaw-gateway.service".into(), pid: GATEWAY };
    assert!(found[0].evidence.contains(&ends), "{found:#?}");
    // Releases that were not seen to do it are not said to.
    let mut older = before.clone();
    if let Seen::Known(services) = &mut older.user {
        services[0].release = Some("2026.4.26".into());
    }
    assert!(!look(&stray(), &older)[0].evidence.contains(&ends));
    // One that its own service brings back is a matter of two services.
    let mut kept = before;
    if let Seen::Known(services) = &mut kept.user {
        services.push(service("openclaw-gateway-c.service", ".openclaw-c", 18_999, Some(GATEWAY)));
    }
    assert!(!look(&stray(), &kept)[0].evidence.contains(&ends));
}

#[test]
fn a_copy_beside_its_own_service_is_named_with_its_process() {
    let both = gateways(vec![ours(None)], vec![running(GATEWAY, ".openclaw", PORT)]);
    let found = look(&fine(), &both);
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::ServiceAndCopy, Severity::Warning));
    assert_eq!((pids(&found[0]), units(&found[0])), (vec![GATEWAY], vec!["openclaw-gateway.service"]));
    let mut contained = running(GATEWAY, ".openclaw", PORT);
    contained.process.namespaces = Seen::Known(crate::survey::Namespaces { pid: 9, mount: 9, net: 9 });
    assert_eq!(look(&fine(), &gateways(vec![ours(None)], vec![contained])), []);
}

#[test]
fn a_service_that_cannot_start_says_why_nobody_listens() {
    let mut dead = ours(None);
    dead.phase = Phase::Restarting;
    dead.gone = vec!["/usr/lib/node_modules/openclaw/dist/index.js".into()];
    let found = look(&nobody(), &gateways(vec![dead.clone()], Vec::new()));
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::ServicePathGone, Severity::Broken));
    assert!(found[0].evidence.iter().any(|evidence| matches!(evidence, Evidence::Nobody { .. })), "{found:#?}");
    // It runs until its next start.
    dead.phase = Phase::Running;
    let found = look(&fine(), &gateways(vec![dead], Vec::new()));
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::ServicePathGone, Severity::Warning));
}

#[test]
fn a_service_that_fails_says_where_its_release_is_older_than_the_configuration() {
    let fails = |release: &str| Service {
        phase: Phase::Restarting,
        exit_status: Some(1),
        release: Some(release.into()),
        ..ours(None)
    };
    let told = |service: Service, wrote: Option<&str>| {
        let all = Gateways { wrote: wrote.map(str::to_owned), ..gateways(vec![service], Vec::new()) };
        let found = look(&nobody(), &all).remove(0);
        assert_eq!(found.cause, Cause::CrashLoop);
        found.evidence.iter().any(|one| matches!(one, Evidence::OlderRelease { .. }))
    };
    assert!(told(fails("2026.4.26"), Some("2026.9.6")));
    // The twins: the same release, a newer one, and a configuration that no OpenClaw wrote into.
    assert!(!told(fails("2026.9.6"), Some("2026.9.6")));
    assert!(!told(fails("2026.10.1"), Some("2026.9.6")));
    assert!(!told(fails("2026.4.26"), None));
}

#[test]
fn a_service_of_an_older_release_than_the_configuration_is_told_before_its_next_start() {
    let found = |release: &str, folder: &str, survey: &Survey| {
        let unit = if folder == ".openclaw" { "openclaw-gateway.service" } else { "openclaw-gateway-b.service" };
        let port = if folder == ".openclaw" { PORT } else { 18_790 };
        let service = Service { release: Some(release.into()), ..service(unit, folder, port, Some(GATEWAY)) };
        let all = gateways(vec![service], vec![running(GATEWAY, folder, port)]);
        let all = Gateways { wrote: Some("2026.9.6".into()), ..all };
        look(survey, &all).into_iter().map(|finding| (finding.cause, finding.severity)).collect::<Vec<_>>()
    };
    assert_eq!(found("2026.7.35", ".openclaw", &fine()), [(Cause::ServiceOutdated, Severity::Warning)]);
    assert_eq!(found("2026.7.35", ".openclaw", &nobody())[0], (Cause::ServiceOutdated, Severity::Broken));
    // The twins: the release that wrote it, and a service of another configuration.
    assert_eq!(found("2026.9.6", ".openclaw", &fine()), []);
    assert_eq!(found("2026.7.35", ".openclaw-b", &fine()), []);
}

#[test]
fn a_service_that_fails_again_and_again_is_told_unless_its_port_is_taken() {
    let mut fails = ours(None);
    fails.phase = Phase::Failed;
    fails.result = "exit-code".into();
    fails.exit_status = Some(78);
    let loops = gateways(vec![fails.clone()], Vec::new());
    assert_eq!(causes(&nobody(), &loops), [Cause::CrashLoop]);
    assert_eq!(causes(&stray(), &loops), [Cause::WrongInstance]);
    fails.result = "timeout".into();
    assert_eq!(causes(&nobody(), &gateways(vec![fails], Vec::new())), [Cause::NobodyListens]);
    let mut often = ours(Some(GATEWAY));
    often.restarts = 3;
    often.started_ms = Some(fine().taken_ms - 1_000);
    assert_eq!(causes(&nobody(), &gateways(vec![often.clone()], Vec::new())), [Cause::CrashLoop]);
    // It is there by now.
    assert_eq!(look(&fine(), &gateways(vec![often.clone()], Vec::new())), []);
    // Long ago.
    often.started_ms = Some(fine().taken_ms - 600_000);
    assert_eq!(causes(&nobody(), &gateways(vec![often], Vec::new())), [Cause::NobodyListens]);
}

#[test]
fn a_service_that_is_off_is_told_where_nobody_listens_and_a_stopped_one_stays_so() {
    let mut off = ours(None);
    off.starts = Starts::OnDemand;
    assert_eq!(causes(&nobody(), &gateways(vec![off.clone()], Vec::new())), [Cause::ServiceOff]);
    let mut legacy = service("clawdbot-gateway.service", ".openclaw", PORT, None);
    legacy.starts = Starts::OnDemand;
    let both = look(&nobody(), &gateways(vec![legacy, off.clone()], Vec::new()));
    assert_eq!(units(&both[0]), ["openclaw-gateway.service"]);
    assert_eq!(look(&fine(), &gateways(vec![off], Vec::new())), []);
    // The person stopped it, and it will start with the computer: nothing but that.
    assert_eq!(causes(&nobody(), &gateways(vec![ours(None)], Vec::new())), [Cause::NobodyListens]);
}

#[test]
fn another_port_than_the_configurations_is_told() {
    let elsewhere = service("openclaw-gateway.service", ".openclaw", 18_999, Some(GATEWAY));
    let found = look(&nobody(), &gateways(vec![elsewhere], Vec::new()));
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::ServicePortDiffers, Severity::Broken));
    assert!(found[0].evidence.contains(&Evidence::Port { port: PORT }));
}

#[test]
fn a_service_of_an_earlier_name_and_one_from_a_passing_folder_are_told() {
    let legacy = service("clawdbot-gateway.service", ".openclaw", PORT, Some(GATEWAY));
    assert_eq!(causes(&fine(), &gateways(vec![legacy.clone()], Vec::new())), [Cause::LegacyService]);
    let found = look(&fine(), &gateways(vec![legacy, ours(None)], Vec::new()));
    assert_eq!((found.len(), found[0].cause), (1, Cause::TwoServices));
    assert_eq!(units(&found[0]), ["openclaw-gateway.service", "clawdbot-gateway.service"]);
    let mut passing = ours(Some(GATEWAY));
    passing.argv[1] = "/tmp/try/node_modules/openclaw/dist/index.js".into();
    assert_eq!(causes(&fine(), &gateways(vec![passing], Vec::new())), [Cause::ServicePathTemporary]);
}

#[test]
fn a_trouble_of_another_profile_is_no_broken_thing_of_mine() {
    let mut fails = service("openclaw-gateway-b.service", ".openclaw-b", 18_790, None);
    fails.phase = Phase::Restarting;
    let found = look(&fine(), &gateways(vec![ours(Some(GATEWAY)), fails], Vec::new()));
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::CrashLoop, Severity::Warning));
    let mut copy = running(800, ".openclaw-b", 18_790);
    copy.process.parents = vec![1];
    let off = service("openclaw-gateway-b.service", ".openclaw-b", 18_790, None);
    let found = look(&fine(), &gateways(vec![ours(Some(GATEWAY)), off], vec![copy]));
    assert_eq!((found.len(), found[0].cause), (1, Cause::ServiceAndCopy));
    assert_eq!(commands(&found[0]), ["openclaw --profile b gateway start"]);
}

/// What was seen on a Debian machine with systemd, where the real OpenClaw 2026.9.6 had installed its services.
#[derive(serde::Deserialize)]
struct Recorded {
    survey: Survey,
    gateways: Gateways,
}

fn recorded(text: &str) -> Recorded {
    let mut facts: serde_json::Value = serde_json::from_str(text).unwrap();
    facts["survey"]["gateways"] = facts["gateways"].clone();
    serde_json::from_value(facts).unwrap()
}

#[test]
fn a_healthy_machine_as_it_was_recorded_is_no_finding() {
    let seen = recorded(include_str!("../../recorded/gateways-healthy-2026.9.6.json"));
    assert!(matches!(whose(&seen.survey), Whose::Mine(_)));
    assert_eq!(look(&seen.survey, &seen.gateways), []);
}

#[test]
fn the_war_that_was_recorded_is_named_and_not_without_the_services() {
    let seen = recorded(include_str!("../../recorded/gateways-war-2026.9.6.json"));
    let found = look(&seen.survey, &seen.gateways);
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::RestartWar, Severity::Broken));
    assert_eq!(units(&found[0]), ["openclaw-gateway.service", "openclaw-gateway-b.service"]);
    let blind = Gateways { user: Seen::Hidden(Blind::NotAsked), ..seen.gateways };
    assert!(!causes(&seen.survey, &blind).contains(&Cause::RestartWar));
}

#[test]
fn the_stray_that_was_recorded_is_named_with_what_the_next_start_does_to_it() {
    let seen = recorded(include_str!("../../recorded/gateways-stray-2026.9.6.json"));
    let found = look(&seen.survey, &seen.gateways);
    assert_eq!((found.len(), found[0].cause), (1, Cause::WrongInstance));
    let stray = pids(&found[0])[0];
    assert!(seen.gateways.running().any(|running| running.process.pid == stray));
    let ends = Evidence::NextStart { unit: "openclaw-gateway.service".into(), pid: stray };
    assert!(found[0].evidence.contains(&ends), "{found:#?}");
}

#[test]
fn an_earlier_release_on_the_same_state_is_told_and_one_that_gives_up_is_not() {
    let service = || vec![ours(Some(GATEWAY))];
    let both = |beside: Running| gateways(service(), vec![running(GATEWAY, ".openclaw", PORT), beside]);
    let mut beside = running(800, ".openclaw", 18_999);
    beside.process.parents = vec![1];
    let found = look(&fine(), &both(beside.clone()));
    assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::SharedState, Severity::Warning));
    let named = found[0]
        .evidence
        .iter()
        .any(|one| matches!(one, Evidence::Beside { process, port } if process.pid == 800 && *port == Some(18_999)));
    assert!(named && pids(&found[0]) == [GATEWAY], "{found:#?}");
    // The twins: the present release is let go before it listens; a container's path is another folder; another state is nobody's fault.
    let mut silent = beside.clone();
    silent.listens.clear();
    let mut contained = beside.clone();
    contained.process.namespaces = contained.process.namespaces.map(|mut there| {
        there.mount += 1;
        there
    });
    for other in [silent, contained, running(800, ".openclaw-c", 18_999)] {
        assert_eq!(look(&fine(), &both(other)), []);
    }
}

#[test]
fn whoever_brings_a_gateway_back_is_named_with_the_line_that_ends_it() {
    let mut kept = running(GATEWAY, ".openclaw-c", PORT);
    kept.guardian = Some(Guardian::Pm2 { name: Some("claw".into()) });
    let found = look(&stray(), &gateways(vec![ours(None)], vec![kept.clone()]));
    assert_eq!((found.len(), found[0].cause), (1, Cause::WrongInstance));
    assert!(found[0].evidence.iter().any(|one| matches!(one, Evidence::Guarded { .. })), "{found:#?}");
    assert_eq!(commands(&found[0]), ["pm2 delete claw"]);
    kept.state_dir = Some(format!("{HOME}/.openclaw").into());
    let found = look(&fine(), &gateways(vec![ours(None)], vec![kept]));
    assert_eq!((found.len(), found[0].cause), (1, Cause::ServiceAndCopy));
    assert_eq!(commands(&found[0]), ["pm2 delete claw"]);
}

#[test]
fn a_gateway_by_hand_that_takes_itself_for_a_services_would_not_come_back() {
    let by_hand = |variable: &str, unit: Option<&str>| {
        let mut running = running(GATEWAY, ".openclaw", PORT);
        running.process.environment = Seen::Known(Environment::of([("HOME", HOME), (variable, "1")]));
        running.process.unit = Seen::Known(unit.map(str::to_owned));
        running
    };
    for unit in [None, Some("app-org.kde.konsole@1.service")] {
        let found = look(&fine(), &gateways(Vec::new(), vec![by_hand("INVOCATION_ID", unit)]));
        assert_eq!((found.len(), found[0].cause, found[0].severity), (1, Cause::RestartEnds, Severity::Warning));
        assert!(found[0].evidence.contains(&Evidence::Inherited { variable: "INVOCATION_ID".into() }), "{found:#?}");
        assert!(commands(&found[0])[0].ends_with("openclaw gateway run"));
    }
    // The twins: without such a variable it starts anew; a unit that we know nothing of may bring it back, and so may pm2; its own service does.
    let mut kept = by_hand("INVOCATION_ID", None);
    kept.guardian = Some(Guardian::Pm2 { name: None });
    for other in [by_hand("LANG", None), by_hand("INVOCATION_ID", Some("mine.service")), kept] {
        assert_eq!(look(&fine(), &gateways(Vec::new(), vec![other])), []);
    }
    assert_eq!(look(&fine(), &gateways(vec![ours(Some(GATEWAY))], vec![by_hand("INVOCATION_ID", None)])), []);
    let mut unseen = gateways(Vec::new(), vec![by_hand("INVOCATION_ID", None)]);
    unseen.user = Seen::Hidden(Blind::Unsupported);
    assert_eq!(look(&fine(), &unseen), []);
}
