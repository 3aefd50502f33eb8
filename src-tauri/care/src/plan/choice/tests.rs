//! What a person may choose beside the recommended way, and where there is no choice.

use super::*;
use crate::duplicates::complete;
use crate::duplicates::tests::{GATEWAY, PORT, gateways, nobody, ours, running, service, war};
use crate::finding::detect;
use crate::plan::tests::tokens;
use crate::plan::{Action, Plan, Stops, Undo, plans};
use crate::seen::{Blind, Seen};
use crate::survey::{Environment, Scope, Survey};
use crate::token::ConnectOutcome;
use crate::who::tests::fine;

const SECOND: &str = "openclaw-gateway-b.service";

/// What there is to choose from.
fn chosen(survey: &Survey, gateways: &Gateways, cause: Cause) -> Vec<Plan> {
    let survey = Survey { gateways: gateways.clone(), ..survey.clone() };
    let tokens = tokens(ConnectOutcome::NotTried);
    let found = complete(detect(&survey, &tokens), &survey);
    assert_eq!(found.iter().map(|finding| finding.cause).collect::<Vec<_>>(), [cause]);
    plans(&found[0], &survey, &tokens, 0).unwrap()
}

fn lines(plan: &Plan) -> Vec<String> {
    let line = |action: &Action| {
        let Action::Command { program, arguments } = action else { panic!("{action:?}") };
        format!("{program} {}", arguments.join(" "))
    };
    plan.steps.iter().map(|step| line(&step.action)).collect()
}

/// The war with the second service as OpenClaw writes it.
fn written(change: impl FnOnce(&mut Vec<Service>)) -> Gateways {
    let war = war();
    let Seen::Known(mut services) = war.user else { panic!("no services") };
    let folder = "/home/claw/.openclaw-b";
    let variables = [("OPENCLAW_PROFILE", "b"), ("OPENCLAW_STATE_DIR", folder)];
    services[0].environment = Environment::of(variables);
    change(&mut services);
    Gateways { user: Seen::Known(services), ..war }
}

fn choices(plans: &[Plan]) -> Vec<Option<Choice>> {
    plans.iter().map(|plan| plan.choice).collect()
}

#[test]
fn in_a_war_the_second_may_get_a_port_of_its_own() {
    let plans = chosen(&nobody(), &written(|_| ()), Cause::RestartWar);
    assert_eq!(choices(&plans), [Some(Choice::KeepService), Some(Choice::AnotherPort { port: 19_789 })]);
    let expected = [
        "systemctl --user disable --now openclaw-gateway-b.service",
        "openclaw --profile b config set gateway.port 19789",
        "systemctl --user reset-failed openclaw-gateway.service",
        "systemctl --user enable --now openclaw-gateway.service",
        "openclaw --profile b gateway install --force --port 19789",
    ];
    assert_eq!(lines(&plans[1]), expected);
    let Step::SetPort { config_path, .. } = &plans[1].steps[1].step else { panic!("{plans:#?}") };
    assert_eq!(config_path, std::path::Path::new("/home/claw/.openclaw-b/openclaw.json"));
    // All of it can be taken back; only the last step changes what the plan rests on.
    let lasting = plans[1].steps.iter().filter(|step| step.undo == Undo::Impossible).count();
    assert_eq!(lasting, 0);
    let (_, before) = plans[1].steps.split_last().unwrap();
    assert!(before.iter().all(|step| !step.step.moves_the_ground()));
    // A yes to one is none to the other.
    assert_eq!(plans[0].ground, plans[1].ground);
    assert_ne!((&plans[0].fingerprint, &plans[0].id), (&plans[1].fingerprint, &plans[1].id));
}

#[test]
fn the_port_is_one_where_nobody_is_and_nobody_comes() {
    let port = |change: fn(&mut Gateways)| {
        let mut all = written(|_| ());
        change(&mut all);
        chosen(&nobody(), &all, Cause::RestartWar)[1].choice
    };
    let to = |port| Some(Choice::AnotherPort { port });
    assert_eq!(port(|all| all.taken = Seen::Known(vec![PORT, 19_789])), to(20_789));
    // What belongs to a gateway lies behind its port.
    assert_eq!(port(|all| all.taken = Seen::Known(vec![19_791])), to(20_789));
    assert_eq!(port(|all| all.taken = Seen::Known(vec![19_788])), to(19_789));
    let rests = |all: &mut Gateways| {
        let Seen::Known(services) = &mut all.user else { panic!("no services") };
        let mut third = service("openclaw-gateway-c.service", ".openclaw-c", 19_700, None);
        third.starts = Starts::OnDemand;
        services.push(third);
    };
    assert_eq!(port(rests), to(20_789));
}

#[test]
fn who_cannot_be_moved_for_sure_is_no_choice() {
    for change in [
        (|services: &mut Vec<Service>| services[0].environment = Environment::default()) as fn(&mut Vec<Service>),
        |services| services[0].drop_ins = vec!["/home/claw/more.conf".into()],
        |services| services[0].gone = vec!["/usr/bin/node".into()],
        |services| services[0].release = Some("2026.4.26".into()),
        |services| services[0].release = None,
        |services| services[0].state_dir = Some("/srv/claw".into()),
        |services| services.push(service("openclaw-gateway-c.service", ".openclaw-c", PORT, None)),
    ] {
        let plans = chosen(&nobody(), &written(change), Cause::RestartWar);
        assert_eq!(choices(&plans), [None]);
    }
    let blind = Gateways { taken: Seen::Hidden(Blind::Unsupported), ..written(|_| ()) };
    assert_eq!(choices(&chosen(&nobody(), &blind, Cause::RestartWar)), [None]);
}

#[test]
fn it_helped_when_the_second_runs_where_it_was_to() {
    let plans = chosen(&nobody(), &written(|_| ()), Cause::RestartWar);
    let moved = |port, pid, on| {
        let mut second = service(SECOND, ".openclaw-b", port, pid);
        second.started_ms = None;
        gateways(vec![ours(Some(GATEWAY)), second], vec![running(800, ".openclaw-b", on)])
    };
    assert!(is_kept(&plans[1].steps, &moved(19_789, Some(800), 19_789)));
    for not in [moved(PORT, Some(800), 19_789), moved(19_789, None, 19_789), moved(19_789, Some(800), PORT)] {
        assert!(!is_kept(&plans[1].steps, &not));
        assert!(is_kept(&plans[0].steps, &not), "the other plan promised nothing of it");
    }
}

/// The user's gateway, started by hand, and its service.
fn copied(change: fn(&mut Service, &mut crate::survey::Running)) -> Gateways {
    let (mut service, mut copy) = (ours(None), running(GATEWAY, ".openclaw", PORT));
    change(&mut service, &mut copy);
    gateways(vec![service], vec![copy])
}

#[test]
fn a_copy_may_stay_and_its_service_rest() {
    let plans = chosen(&fine(), &copied(|_, _| ()), Cause::ServiceAndCopy);
    assert_eq!(choices(&plans), [Some(Choice::KeepService), Some(Choice::KeepRunning)]);
    assert_eq!(lines(&plans[1]), ["systemctl --user disable --now openclaw-gateway.service"]);
    assert_eq!((plans[1].steps[0].stops, plans[1].steps[0].undo), (Stops::Nothing, Undo::PutBack));
    // One that was tried in vain counts as failed, and would be found again.
    let failed = |service: &mut Service, _: &mut crate::survey::Running| service.phase = Phase::Failed;
    let plans = chosen(&fine(), &copied(failed), Cause::ServiceAndCopy);
    let forgets = "systemctl --user reset-failed openclaw-gateway.service";
    assert_eq!(lines(&plans[1])[1..], [forgets]);
}

#[test]
fn a_copy_that_would_go_with_its_service_is_no_choice() {
    let inside = |service: &mut Service, copy: &mut crate::survey::Running| {
        copy.process.unit = Seen::Known(Some(service.unit.clone()));
    };
    let unseen = |_: &mut Service, copy: &mut crate::survey::Running| {
        copy.process.unit = Seen::Hidden(Blind::NotPermitted);
    };
    for change in [inside as fn(&mut Service, &mut crate::survey::Running), unseen] {
        let plans = chosen(&fine(), &copied(change), Cause::ServiceAndCopy);
        assert_eq!(choices(&plans), [None]);
    }
    // It is the computer's, and not the person's to switch off.
    let system = copied(|service, _| service.scope = Scope::System);
    let survey = Survey { gateways: system, ..fine() };
    let tokens = tokens(ConnectOutcome::NotTried);
    let found = complete(detect(&survey, &tokens), &survey);
    assert!(plans(&found[0], &survey, &tokens, 0).is_err());
}
