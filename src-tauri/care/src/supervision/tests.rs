//! What may be asked in each situation, and for each reason to offer nothing a twin without it that offers.

use super::*;
use crate::duplicates::tests::{GATEWAY, gateways, nobody, ours, running, service, stray};
use crate::seen::Seen;
use crate::survey::Running;
use crate::who::tests::fine;

fn by_hand() -> Vec<Running> {
    vec![running(GATEWAY, ".openclaw", 18_789)]
}

fn judge(survey: &Survey, services: Vec<Service>) -> Supervision {
    supervision(survey, &gateways(services, by_hand()), false).unwrap()
}

fn resting(change: impl FnOnce(&mut Service)) -> Service {
    let mut resting = ours(None);
    change(&mut resting);
    resting
}

#[track_caller]
fn is_held(seen: &Supervision, why: ServiceHeld) {
    assert_eq!((seen.held, seen.may.as_slice()), (Some(why), [].as_slice()), "{seen:?}");
}

#[test]
fn each_state_offers_what_leads_out_of_it() {
    use ServiceAct as Act;
    let absent = judge(&nobody(), vec![]);
    assert_eq!((absent.state, absent.may.as_slice()), (ServiceState::Absent, [Act::Install].as_slice()));
    let runs = judge(&fine(), vec![ours(Some(GATEWAY))]);
    assert_eq!(runs.may, [Act::Restart, Act::Stop, Act::Uninstall]);
    assert_eq!((runs.unit.as_deref(), runs.by_itself), (Some("openclaw-gateway.service"), true));
    for (phase, may) in [
        (Phase::Stopped, [Act::Start, Act::Uninstall].as_slice()),
        (Phase::Failed, &[Act::Start, Act::Uninstall]),
        (Phase::Restarting, &[Act::Stop, Act::Uninstall]),
        (Phase::Changing, &[]),
    ] {
        let seen = judge(&nobody(), vec![resting(|service| service.phase = phase)]);
        assert_eq!((seen.held, seen.may.as_slice()), (None, may), "{phase:?}");
    }
}

#[test]
fn nothing_is_offered_that_would_end_a_gateway_of_somebody_else() {
    is_held(&judge(&stray(), vec![ours(None)]), ServiceHeld::PortTaken);
    is_held(&judge(&stray(), vec![]), ServiceHeld::PortTaken);
    let mut hidden = fine();
    hidden.listeners = Seen::Hidden(Blind::NotPermitted);
    is_held(&judge(&hidden, vec![ours(None)]), ServiceHeld::Unseen);
    // The same one started by hand, with and without a service beside it.
    is_held(&judge(&fine(), vec![ours(None)]), ServiceHeld::ByHand);
    is_held(&judge(&fine(), vec![]), ServiceHeld::ByHand);
    assert_eq!(judge(&nobody(), vec![ours(None)]).held, None);
}

#[test]
fn a_service_that_openclaw_does_not_look_after_is_left_alone() {
    let masked = resting(|service| service.starts = Starts::Never);
    is_held(&judge(&nobody(), vec![masked]), ServiceHeld::Masked);
    let system = resting(|service| service.scope = Scope::System);
    is_held(&judge(&nobody(), vec![system]), ServiceHeld::System);
    let legacy = service("clawdbot-gateway.service", ".openclaw", 18_789, None);
    is_held(&judge(&nobody(), vec![legacy]), ServiceHeld::OtherName);
    let own = service("my-own.service", ".openclaw", 18_789, None);
    is_held(&judge(&nobody(), vec![own]), ServiceHeld::OtherName);
    let all = gateways(vec![ours(None)], vec![]);
    is_held(&supervision(&nobody(), &all, true).unwrap(), ServiceHeld::External);
    assert_eq!(supervision(&nobody(), &all, false).unwrap().held, None);
}

#[test]
fn which_of_two_services_is_meant_is_settled_first() {
    let second = service("openclaw-gateway-old.service", ".openclaw", 18_789, None);
    is_held(&judge(&nobody(), vec![ours(None), second.clone()]), ServiceHeld::Several);
    // One that rests and does not start by itself is in nobody's way; nor is one of another state.
    let idle = Service { starts: Starts::OnDemand, ..second.clone() };
    assert_eq!(judge(&nobody(), vec![idle, ours(None)]).unit.as_deref(), Some("openclaw-gateway.service"));
    let other = Service { state_dir: Some("/home/claw/.openclaw-b".into()), ..second };
    assert_eq!(judge(&nobody(), vec![ours(None), other]).held, None);
}

#[test]
fn services_that_cannot_be_seen_are_not_none() {
    let blind = Gateways::blind(Blind::Unsupported);
    assert_eq!(supervision(&fine(), &blind, false), Err(Blind::Unsupported));
}
