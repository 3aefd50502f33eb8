//! Who stays and who goes in every finding of services, and where the person is left to it.

mod elsewhere;

use super::*;
use crate::duplicates::complete;
use crate::duplicates::tests::{GATEWAY, PORT, gateways, nobody, ours, running, service, stray, war};
use crate::finding::detect;
use crate::journal::{Entry, StepResult, asked_in_vain};
use crate::plan::tests::{plan, tokens};
use crate::plan::{Action, Ground, Plan, Undo};
use crate::seen::{Blind, Seen};
use crate::survey::{Environment, Guardian, Phase};
use crate::token::ConnectOutcome;
use crate::who::tests::{fine, with_process};

const MINE: &str = "openclaw-gateway.service";
const SECOND: &str = "openclaw-gateway-b.service";

/// The first thing that is found, and what would be done.
fn planned(survey: &Survey, gateways: &Gateways) -> (Cause, Result<Plan, NoPlan>) {
    let survey = Survey { gateways: gateways.clone(), ..survey.clone() };
    let tokens = tokens(ConnectOutcome::NotTried);
    let found = complete(detect(&survey, &tokens), &survey);
    let first = found.first().expect("something is found");
    (first.cause, plan(first, &survey, &tokens, 0))
}

/// The exact actions, as a person would type them.
#[track_caller]
fn lines(survey: &Survey, gateways: &Gateways, cause: Cause) -> Vec<String> {
    let (found, plan) = planned(survey, gateways);
    assert_eq!(found, cause);
    let plan = plan.unwrap_or_else(|none| panic!("{none:?}"));
    let line = |action: &Action| {
        if let Action::Signal { signal, pid } = action {
            return format!("kill -{signal} {pid}");
        }
        let Action::Command { program, arguments } = action else { panic!("{action:?}") };
        format!("{program} {}", arguments.join(" "))
    };
    plan.steps.iter().map(|step| line(&step.action)).collect()
}

#[track_caller]
fn left_to_the_person(survey: &Survey, gateways: &Gateways, cause: Cause) {
    let (found, plan) = planned(survey, gateways);
    assert_eq!(found, cause);
    assert!(matches!(plan, Err(NoPlan::OnlyThePerson { .. } | NoPlan::NotAboutTokens)), "{plan:?}");
}

fn user(change: impl FnOnce(&mut Vec<Service>), gateways: Gateways) -> Gateways {
    let Seen::Known(mut services) = gateways.user else { panic!("no services") };
    change(&mut services);
    Gateways { user: Seen::Known(services), ..gateways }
}

#[test]
fn a_war_is_ended_by_switching_the_other_service_off_and_never_by_a_signal() {
    let off = "systemctl --user disable --now openclaw-gateway-b.service";
    for survey in [stray(), nobody(), fine()] {
        let lines = lines(&survey, &war(), Cause::RestartWar);
        let forget = "systemctl --user reset-failed openclaw-gateway.service";
        assert_eq!(lines, [off, forget, "systemctl --user enable --now openclaw-gateway.service"]);
    }
    let (_, plan) = planned(&nobody(), &war());
    let plan = plan.unwrap();
    assert_eq!(plan.steps[0].undo, Undo::PutBack);
    assert_eq!(plan.steps[0].step, Step::SwitchOff { unit: SECOND.into(), stops_within_ms: 330_000 });
    assert!(!plan.steps[0].sends_shared_token);
    // What a person agrees to are these steps, and no others on the same ground.
    let other = user(|services| services[0].stop_takes_ms = Some(90_000), war());
    let (_, other) = planned(&nobody(), &other);
    let other = other.unwrap();
    assert_eq!(other.ground, plan.ground);
    assert_ne!(other.fingerprint, plan.fingerprint);
}

#[test]
fn what_fights_meanwhile_is_the_same_ground_and_another_definition_is_not() {
    let ground = |gateways: &Gateways| {
        let survey = Survey { gateways: gateways.clone(), ..nobody() };
        Ground::of(&survey, &tokens(ConnectOutcome::NotTried), Cause::RestartWar).fingerprint()
    };
    let before = ground(&war());
    let turned = user(
        |services| {
            services[0].phase = Phase::Restarting;
            services[0].main = None;
            services[1].phase = Phase::Running;
            services[1].restarts = 9;
        },
        war(),
    );
    assert_eq!(ground(&turned), before);
    assert_ne!(ground(&user(|services| services[0].argv[0] = "/opt/node/bin/node".into(), war())), before);
    assert_ne!(ground(&user(|services| drop(services.pop()), war())), before);
    let elsewhere = user(|services| services[1].path = Some("/home/claw/other/openclaw-gateway.service".into()), war());
    assert_ne!(ground(&elsewhere), before);
}

#[test]
fn a_service_that_is_not_the_persons_to_change_is_left_to_them() {
    for change in [
        (|service: &mut Service| service.scope = Scope::System) as fn(&mut Service),
        |service| service.path = Some("/etc/systemd/user/openclaw-gateway-b.service".into()),
        |service| service.path = Some("/nix/store/x/openclaw-gateway-b.service".into()),
        |service| service.path = None,
        |service| service.sealed = true,
        |service| service.environment = Environment::of([("OPENCLAW_SERVICE_REPAIR_POLICY", "external")]),
    ] {
        left_to_the_person(&nobody(), &user(|services| change(&mut services[0]), war()), Cause::RestartWar);
        left_to_the_person(&nobody(), &user(|services| change(&mut services[1]), war()), Cause::RestartWar);
    }
    // It is said why, and nothing else is tried: neither by a service nor by a signal.
    let left = NoPlan::OnlyThePerson { advice: Advice::LeaveToKeeper };
    for external in [true, false] {
        let mut told = gateways(vec![ours(None)], vec![running(GATEWAY, ".openclaw-c", PORT)]);
        told.external = external;
        let told = user(|services| services[0].sealed = !external, told);
        assert_eq!(planned(&stray(), &told), (Cause::WrongInstance, Err(left.clone())));
    }
    // Two services of others' states: none of them is the one to keep.
    let others = user(|services| services[1].state_dir = Some("/home/claw/.openclaw-c".into()), war());
    left_to_the_person(&nobody(), &others, Cause::RestartWar);
}

#[test]
fn a_stray_is_asked_to_end_before_the_service_starts() {
    let before = gateways(vec![ours(None)], vec![running(GATEWAY, ".openclaw-c", PORT)]);
    let lines = lines(&stray(), &before, Cause::WrongInstance);
    assert_eq!(lines, ["kill -TERM 700", "systemctl --user enable --now openclaw-gateway.service"]);
    let (_, plan) = planned(&stray(), &before);
    let plan = plan.unwrap();
    assert_eq!(plan.steps[0].undo, Undo::Impossible);
    let Step::EndGateway { target, .. } = &plan.steps[0].step else { panic!("{plan:?}") };
    assert_eq!((target.pid, target.start, target.port), (GATEWAY, 5_000, PORT));
    // Taken away it is only by a second consent, after it was asked in vain.
    let (first, target) = (plan.clone(), target.clone());
    assert_eq!(plan.clone().insisting(&[]), plan);
    let other = Target { pid: GATEWAY, start: 5_001, ..target.clone() };
    assert_eq!(plan.clone().insisting(&[&other]), plan);
    let forced = plan.insisting(&[&target]);
    assert_eq!(forced.steps[0].action, Action::Signal { signal: "KILL".into(), pid: GATEWAY });
    assert_eq!((forced.steps.len(), &forced.steps[1], &forced.ground), (2, &first.steps[1], &first.ground));
    assert_ne!((&forced.fingerprint, &forced.id), (&first.fingerprint, &first.id));
    let failed = |code: &str| {
        let result = StepResult::Failed { code: code.into() };
        vec![
            Entry::Started { at_ms: 1, plan: Box::new(first.clone()) },
            Entry::StepEnded { at_ms: 2, plan: first.id.clone(), step: 0, result },
        ]
    };
    assert_eq!(asked_in_vain(&failed("repair_still_runs")), [&target]);
    assert!(asked_in_vain(&failed("repair_changed")).is_empty());
    // Without a service nothing would come in its place.
    left_to_the_person(
        &stray(),
        &gateways(Vec::new(), vec![running(GATEWAY, ".openclaw-c", PORT)]),
        Cause::WrongInstance,
    );
}

#[test]
fn nobody_is_signalled_who_is_not_known_or_looked_after() {
    let with = |change: fn(&mut Running)| {
        let mut stray = running(GATEWAY, ".openclaw-c", PORT);
        change(&mut stray);
        gateways(vec![ours(None)], vec![stray])
    };
    const WHY: Blind = Blind::NotPermitted;
    for change in [
        (|stray| stray.process.start = Seen::Hidden(WHY)) as fn(&mut Running),
        |stray| stray.process.exe = Seen::Hidden(WHY),
        |stray| stray.process.argv = Seen::Hidden(WHY),
        |stray| stray.process.environment = Seen::Hidden(WHY),
        |stray| stray.listens.clear(),
    ] {
        left_to_the_person(&stray(), &with(change), Cause::WrongInstance);
    }
    let mut kept = with(|_| ());
    kept = user(
        |services| services.push(service("openclaw-gateway-c.service", ".openclaw-c", 18_999, Some(GATEWAY))),
        kept,
    );
    left_to_the_person(&stray(), &kept, Cause::WrongInstance);
    let root = with_process(|process| process.uid = Seen::Known(0));
    left_to_the_person(&root, &with(|_| ()), Cause::WrongInstance);
}

#[test]
fn a_copy_gives_way_to_its_service() {
    let both = gateways(vec![ours(None)], vec![running(GATEWAY, ".openclaw", PORT)]);
    let lines = lines(&fine(), &both, Cause::ServiceAndCopy);
    assert_eq!(lines, ["kill -TERM 700", "systemctl --user enable --now openclaw-gateway.service"]);
}

#[test]
fn a_service_is_switched_on_written_anew_or_replaced() {
    let mut off = ours(None);
    off.starts = Starts::OnDemand;
    let on = lines(&nobody(), &gateways(vec![off.clone()], Vec::new()), Cause::ServiceOff);
    assert_eq!(on, ["systemctl --user enable --now openclaw-gateway.service"]);
    off.starts = Starts::Never;
    left_to_the_person(&nobody(), &gateways(vec![off], Vec::new()), Cause::ServiceOff);

    let mut dead = ours(None);
    dead.phase = Phase::Restarting;
    dead.gone = vec!["/usr/lib/node_modules/openclaw/dist/index.js".into()];
    let anew = lines(&nobody(), &gateways(vec![dead.clone()], Vec::new()), Cause::ServicePathGone);
    assert_eq!(anew, ["systemctl --user reset-failed openclaw-gateway.service", "openclaw gateway install --force"]);
    let mut extended = dead.clone();
    extended.drop_ins = vec!["/home/claw/.config/systemd/user/openclaw-gateway.service.d/more.conf".into()];
    left_to_the_person(&nobody(), &gateways(vec![extended], Vec::new()), Cause::ServicePathGone);
    dead.unit = "openclaw-gateway-work.service".into();
    left_to_the_person(&nobody(), &gateways(vec![dead], Vec::new()), Cause::ServicePathGone);

    let legacy = gateways(vec![service("clawdbot-gateway.service", ".openclaw", PORT, Some(GATEWAY))], Vec::new());
    let (_, plan) = planned(&fine(), &legacy);
    let steps = plan.unwrap().steps;
    let Step::RewriteService { unit, path } = &steps[1].step else { panic!("{steps:?}") };
    assert_eq!((unit.as_str(), steps[1].undo), (MINE, Undo::PutBack));
    assert!(path.ends_with(".config/systemd/user/openclaw-gateway.service"), "{}", path.display());
    let replaced = lines(&fine(), &legacy, Cause::LegacyService);
    assert_eq!(
        replaced,
        ["systemctl --user disable --now clawdbot-gateway.service", "openclaw gateway install --force"]
    );
    let beside = user(
        |services| {
            let mut off = ours(None);
            off.starts = Starts::OnDemand;
            services.push(off);
        },
        legacy,
    );
    let replaced = lines(&fine(), &beside, Cause::LegacyService);
    assert_eq!(
        replaced,
        [
            "systemctl --user disable --now clawdbot-gateway.service",
            "systemctl --user enable --now openclaw-gateway.service"
        ]
    );
}

#[test]
fn a_service_that_fails_is_written_anew_unless_its_gateway_refuses() {
    let mut failing = ours(None);
    failing.phase = Phase::Restarting;
    failing.exit_status = Some(1);
    let anew = lines(&nobody(), &gateways(vec![failing.clone()], Vec::new()), Cause::CrashLoop);
    assert_eq!(anew, ["systemctl --user reset-failed openclaw-gateway.service", "openclaw gateway install --force"]);
    failing.exit_status = Some(78);
    left_to_the_person(&nobody(), &gateways(vec![failing.clone()], Vec::new()), Cause::CrashLoop);
    // An older release refuses what the one wrote that writes the service.
    failing.release = Some("2026.7.35".into());
    let outdated = Gateways { wrote: Some("2026.9.6".into()), ..gateways(vec![failing], Vec::new()) };
    assert_eq!(lines(&nobody(), &outdated, Cause::CrashLoop), anew);
}

#[test]
fn a_hung_gateway_of_a_service_is_started_anew_by_its_manager() {
    let stopped = with_process(|process| process.activity = Seen::Known(crate::survey::Activity::Stopped));
    let kept = gateways(vec![ours(Some(GATEWAY))], vec![running(GATEWAY, ".openclaw", PORT)]);
    assert_eq!(lines(&stopped, &kept, Cause::Hung), [format!("systemctl --user restart {MINE}")]);
    let by_hand = gateways(Vec::new(), vec![running(GATEWAY, ".openclaw", PORT)]);
    left_to_the_person(&stopped, &by_hand, Cause::Hung);
}

#[test]
fn what_something_brings_back_is_never_signalled_and_a_second_on_one_state_is() {
    let kept = |folder: &str| {
        let mut kept = running(GATEWAY, folder, PORT);
        kept.guardian = Some(Guardian::App { program: "ClawX".into(), pid: 40 });
        gateways(vec![ours(None)], vec![kept])
    };
    let left = Err(NoPlan::OnlyThePerson { advice: Advice::EndAtGuardian });
    assert_eq!(planned(&stray(), &kept(".openclaw-c")), (Cause::WrongInstance, left.clone()));
    assert_eq!(planned(&fine(), &kept(".openclaw")), (Cause::ServiceAndCopy, left.clone()));

    let beside = |guardian: Option<Guardian>| {
        let mut beside = running(800, ".openclaw", 18_999);
        beside.guardian = guardian;
        gateways(vec![ours(Some(GATEWAY))], vec![running(GATEWAY, ".openclaw", PORT), beside])
    };
    assert_eq!(lines(&fine(), &beside(None), Cause::SharedState), ["kill -TERM 800"]);
    let pm2 = Guardian::Pm2 { name: Some("old".into()) };
    assert_eq!(planned(&fine(), &beside(Some(pm2))), (Cause::SharedState, left));
    let by_service =
        user(|services| services.push(service("old.service", ".openclaw", 18_999, Some(800))), beside(None));
    let survey = Survey { gateways: by_service, ..fine() };
    let found = complete(Vec::new(), &survey);
    let shared = found.iter().find(|finding| finding.cause == Cause::SharedState).expect("it is found");
    let plan = plan(shared, &survey, &tokens(ConnectOutcome::NotTried), 0).unwrap();
    assert_eq!(plan.steps[0].step, Step::SwitchOff { unit: "old.service".into(), stops_within_ms: 330_000 });
}
