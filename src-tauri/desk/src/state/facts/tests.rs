use super::*;
use crate::failure::FailureCode;

const NOW: i64 = 1_800_000_000_000;

fn state() -> State {
    let basics =
        Basics { name: "n".into(), system: Language::Zh, desktop: true, data_dir: "/d".into(), log_file: "/l".into() };
    State::begin(&basics, &Settings::default(), Agent::Echo, NOW)
}

fn address(ip: &str, proven_ms: Option<i64>) -> AddressView {
    let ip: IpAddr = ip.parse().unwrap();
    let reach = if ip.is_loopback() { AddressReach::Computer } else { AddressReach::Network };
    AddressView { ip: ip.to_string(), url: String::new(), reach, interface: String::new(), proven_ms }
}

#[test]
fn hints_are_given_only_to_who_wonders_about_an_address_that_nobody_reached() {
    use Hint::{Firewall, Isolation, OtherNetwork, Vpn};
    let (own, far, reached) = (address("127.0.0.1", None), address("192.168.1.7", None), address("10.0.0.7", Some(5)));
    for (addresses, tunnel, wonders, expected) in [
        (vec![], true, true, vec![]),
        (vec![own.clone()], true, true, vec![]),
        (vec![far.clone(), own.clone()], false, false, vec![]),
        (vec![far.clone(), own.clone()], false, true, vec![OtherNetwork, Firewall, Isolation]),
        (vec![far.clone(), own], true, true, vec![OtherNetwork, Firewall, Isolation, Vpn]),
        (vec![far, reached.clone()], true, true, vec![]),
        (vec![reached], true, true, vec![]),
    ] {
        assert_eq!(hints(&addresses, tunnel, wonders), expected, "{addresses:?} {tunnel} {wonders}");
    }
}

#[test]
fn the_best_address_comes_first_and_this_computer_last() {
    let mut state = state();
    let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 8765);
    let lan = |interface: &str, ip: &str| LanAddress { interface: interface.into(), ip: ip.parse().unwrap() };
    let proven = BTreeMap::from([("10.0.0.7".parse().unwrap(), 7), ("127.0.0.1".parse().unwrap(), 8)]);
    state.see_addresses(
        &[at("127.0.0.1"), at("10.0.0.7"), at("192.168.1.7")],
        &[lan("wlan0", "192.168.1.7"), lan("eth0", "10.0.0.7")],
        &proven,
        Permission::Allowed,
    );
    let shown: Vec<(&str, &str, Option<i64>)> = state
        .shown
        .network
        .addresses
        .iter()
        .map(|address| (address.url.as_str(), address.interface.as_str(), address.proven_ms))
        .collect();
    assert_eq!(
        shown,
        [
            ("http://192.168.1.7:8765/", "wlan0", None),
            ("http://10.0.0.7:8765/", "eth0", Some(7)),
            ("http://127.0.0.1:8765/", "", None)
        ]
    );
}

#[test]
fn a_phase_keeps_its_age_and_a_failure_goes_with_it() {
    let mut state = state();
    state.see_phase(Phase::Failed, Some(Failure::bare(FailureCode::PortInUse)), NOW + 5);
    state.see_phase(Phase::Failed, Some(Failure::bare(FailureCode::CannotListen)), NOW + 9);
    assert_eq!(state.shown.service.since_ms, NOW + 5);
    state.see_phase(Phase::Running, None, NOW + 20);
    assert_eq!((state.shown.service.since_ms, &state.shown.service.failure), (NOW + 20, &None));
}

#[test]
fn a_lost_link_and_a_move_gather_what_follows() {
    let mut state = state();
    state.gather_until_ms = 0;
    state.see_link(LinkView { online: true, since_ms: 4, ..LinkView::default() }, NOW);
    assert_eq!(state.gather_until_ms, 0);
    state.see_link(LinkView { online: false, since_ms: 6, ..LinkView::default() }, NOW);
    assert_eq!(state.gather_until_ms, NOW + GATHER_MS);
    state.did(Did::Moved, NOW + 7);
    assert_eq!(state.gather_until_ms, NOW + 7 + GATHER_MS);
}

#[test]
fn acts_are_forgotten_when_they_explain_nothing_any_more() {
    let mut state = state();
    state.did(Did::Started, NOW);
    state.did(Did::Stopped, NOW + 1);
    state.forget_acts(NOW + Act::FRESH_MS);
    assert_eq!(state.acts, [Act { at_ms: NOW + 1, what: Did::Stopped }]);
    // A clock that was put back does not keep them for ever.
    state.forget_acts(NOW - 60_000);
    assert_eq!(state.acts, []);
}

#[test]
fn the_persons_language_wins_over_the_systems() {
    let mut state = state();
    assert_eq!(state.shown.app.language, Language::Zh);
    let mut settings = Settings::default();
    settings.language = Some(Language::En);
    state.see_settings(&settings, Language::Zh);
    assert_eq!(state.shown.app.language, Language::En);
    state.see_settings(&Settings::default(), Language::Zh);
    assert_eq!(state.shown.app.language, Language::Zh);
}

#[test]
fn the_newest_question_that_ended_tells_how_the_assistant_is() {
    let turn = |ended_ms: Option<i64>, outcome: Option<&str>| TurnOf {
        device: channel::id::DeviceKey::parse("kzdvvj2umnduyauf35o36k6kw4").unwrap(),
        name: "n".into(),
        turn: channel::view::TurnRecord { outcome: outcome.map(str::to_owned), ..Default::default() },
        ended_ms,
        said: None,
        answered: None,
        failed: false,
    };
    let mut state = state();
    state.see_turns(&[
        turn(None, None),
        turn(Some(9), Some("aborted")),
        turn(Some(7), Some("failed")),
        turn(Some(5), Some("answered")),
    ]);
    assert_eq!(state.shown.last_turn, Some(LastTurn { at_ms: 7, well: false }));
    state.see_turns(&[turn(Some(8), Some("silent")), turn(Some(7), Some("failed"))]);
    assert_eq!(state.shown.last_turn, Some(LastTurn { at_ms: 8, well: true }));
    // OpenClaw tells an error of the model as an answer.
    state.see_turns(&[TurnOf { failed: true, ..turn(Some(12), Some("answered")) }]);
    assert_eq!(state.shown.last_turn, Some(LastTurn { at_ms: 12, well: false }));
    // What the echo answered says nothing about OpenClaw.
    state.see_agent(Agent::Gateway, 20);
    assert_eq!(state.shown.last_turn, None);
    state.see_turns(&[turn(Some(8), Some("silent"))]);
    assert_eq!(state.shown.last_turn, None);
    state.see_turns(&[turn(Some(21), Some("answered"))]);
    assert_eq!(state.shown.last_turn, Some(LastTurn { at_ms: 21, well: true }));
}
