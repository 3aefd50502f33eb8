//! Services of macOS and Windows: found like those of systemd, and changed by nobody but OpenClaw's own command.

use super::*;
use crate::plan::Advice;
use crate::survey::{Engine, Manager, Publisher};

fn agent(pid: Option<u32>) -> Service {
    let path = Some("/home/claw/Library/LaunchAgents/ai.openclaw.gateway.plist".into());
    Service { unit: "ai.openclaw.gateway".into(), manager: Manager::Launchd, path, ..ours(pid) }
}

fn daemon(pid: Option<u32>) -> Service {
    let path = Some("/Library/LaunchDaemons/ai.openclaw.gateway.plist".into());
    Service { scope: Scope::System, path, ..agent(pid) }
}

fn task(pid: Option<u32>) -> Service {
    let path = Some("/home/claw/.openclaw/gateway.cmd".into());
    Service { unit: "OpenClaw Gateway".into(), manager: Manager::Task, path, ..ours(pid) }
}

fn startup(pid: Option<u32>) -> Service {
    Service { manager: Manager::Startup, brought_back: false, ..task(pid) }
}

#[track_caller]
fn only(survey: &Survey, gateways: &Gateways, cause: Cause, advice: Advice) -> Vec<String> {
    let (found, plan) = planned(survey, gateways);
    assert_eq!(found, cause);
    assert_eq!(plan, Err(NoPlan::OnlyThePerson { advice }));
    let survey = Survey { gateways: gateways.clone(), ..survey.clone() };
    let found = complete(detect(&survey, &tokens(ConnectOutcome::NotTried)), &survey);
    crate::duplicates::commands(&found[0])
}

#[test]
fn an_agent_and_a_daemon_that_fight_are_a_war_and_the_person_ends_it() {
    let system = Seen::Known(vec![daemon(Some(GATEWAY + 1))]);
    let both = Gateways { system, ..gateways(vec![agent(Some(GATEWAY))], vec![running(GATEWAY, ".openclaw", 18_789)]) };
    let lines = only(&fine(), &both, Cause::RestartWar, Advice::KeepOneService);
    let label = "system/ai.openclaw.gateway";
    assert_eq!(lines, [format!("sudo launchctl disable {label}"), format!("sudo launchctl bootout {label}")]);
}

#[test]
fn a_task_and_an_item_of_the_startup_folder_of_one_name_are_two_services() {
    let both = gateways(vec![task(Some(GATEWAY)), startup(None)], vec![running(GATEWAY, ".openclaw", 18_789)]);
    let lines = only(&fine(), &both, Cause::TwoServices, Advice::KeepOneService);
    assert_eq!(lines, ["start ms-settings:startupapps"]);
}

#[test]
fn one_that_starts_from_a_removed_file_is_written_anew_by_openclaws_own_command() {
    let gone = vec!["/usr/lib/node_modules/openclaw/dist/index.js".into()];
    for service in [agent(None), task(None)] {
        let broken = Service { gone: gone.clone(), ..service };
        let all = gateways(vec![broken.clone()], vec![]);
        assert_eq!(lines(&nobody(), &all, Cause::ServicePathGone), ["openclaw gateway install --force"]);
        // Where that would end somebody's gateway, be beside what is everybody's, or be of another profile, nothing is done.
        let others = [
            Service { path: Some("/Library/LaunchAgents/ai.openclaw.gateway.plist".into()), ..broken.clone() },
            Service { scope: Scope::System, ..broken.clone() },
            Service { unit: "ai.openclaw.work".into(), manager: Manager::Launchd, ..broken.clone() },
            Service { manager: Manager::Startup, unit: "OpenClaw Gateway".into(), ..broken.clone() },
            Service { manager: Manager::RunKey, ..broken.clone() },
        ];
        for other in others {
            left_to_the_person(&nobody(), &gateways(vec![other], vec![]), Cause::ServicePathGone);
        }
        let survey = Survey { gateways: all, ..stray() };
        let finding = complete(detect(&survey, &tokens(ConnectOutcome::NotTried)), &survey);
        let gone = finding.iter().find(|finding| finding.cause == Cause::ServicePathGone).unwrap();
        assert!(plan(gone, &survey, &tokens(ConnectOutcome::NotTried), 0).is_err());
    }
}

#[test]
fn an_agent_that_is_not_loaded_is_off_and_openclaws_own_command_loads_it() {
    let lines = only(&nobody(), &gateways(vec![agent(None)], vec![]), Cause::ServiceOff, Advice::StartService);
    assert_eq!(lines, ["openclaw gateway start"]);
}

#[test]
fn one_that_keeps_failing_is_told_with_where_to_read_why() {
    let fails = |service: Service| Service {
        phase: Phase::Restarting,
        restarts: 41,
        exit_status: Some(78),
        result: "exit-code".into(),
        ..service
    };
    let all = gateways(vec![fails(agent(None))], vec![]);
    let lines = only(&nobody(), &all, Cause::CrashLoop, Advice::ReadServiceLog);
    assert_eq!(lines, ["launchctl print gui/$UID/ai.openclaw.gateway"]);
}

#[test]
fn a_gateway_by_hand_beside_a_service_that_rests_is_for_the_person_to_end() {
    let copy = running(GATEWAY, ".openclaw", 18_789);
    for service in [agent(None), task(None)] {
        let lines =
            only(&fine(), &gateways(vec![service], vec![copy.clone()]), Cause::ServiceAndCopy, Advice::StopCopy);
        assert_eq!(lines, ["openclaw gateway start"]);
    }
}

#[test]
fn what_the_next_start_would_end_is_told_only_where_it_was_seen_to() {
    let told = |service: Service| {
        let survey =
            Survey { gateways: gateways(vec![service], vec![running(GATEWAY, ".openclaw-b", 18_789)]), ..stray() };
        let found = complete(detect(&survey, &tokens(ConnectOutcome::NotTried)), &survey);
        found.iter().flat_map(|finding| &finding.evidence).any(|one| matches!(one, Evidence::NextStart { .. }))
    };
    assert!(told(ours(None)));
    assert!(!told(agent(None)) && !told(task(None)));
}

#[test]
fn a_container_that_has_the_port_is_named_and_the_person_stops_it() {
    let by = |container: Option<&str>| Publisher {
        engine: Engine::Docker,
        port: PORT,
        pid: 140,
        program: "docker-proxy".into(),
        container: container.map(str::to_owned),
        of_root: true,
    };
    let has = |container| Gateways { publisher: Some(by(container)), ..gateways(vec![ours(None)], vec![]) };
    let mut hidden = fine();
    if let Seen::Known(listeners) = &mut hidden.listeners {
        listeners.iter_mut().for_each(|listener| listener.owners = Seen::Hidden(Blind::NotPermitted));
    }
    let foreign = with_process(|process| process.exe = Seen::Known("/usr/lib/podman/rootlessport".into()));
    for (survey, cause) in [(&hidden, Cause::CannotTell), (&foreign, Cause::ForeignProgram)] {
        let stop = only(survey, &has(Some("my-claw")), cause, Advice::StopContainer);
        assert_eq!(stop, ["docker stop my-claw"]);
        let look = only(survey, &has(None), cause, Advice::StopContainer);
        assert_eq!(look, ["sudo docker ps --filter publish=18789"]);
        // The twin: nothing of a container is known.
        let (_, plan) = planned(survey, &gateways(vec![ours(None)], vec![]));
        assert_ne!(plan, Err(NoPlan::OnlyThePerson { advice: Advice::StopContainer }));
    }
    let healthy = Survey { gateways: has(Some("my-claw")), ..fine() };
    assert_eq!(complete(detect(&healthy, &tokens(ConnectOutcome::NotTried)), &healthy), []);
}
