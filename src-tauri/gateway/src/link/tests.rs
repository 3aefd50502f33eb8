//! The invariants of the link, against any gateway and any owner; each with a link that breaks it.

use proptest::prelude::*;

use super::*;

fn address() -> Address {
    Address::local(19_100)
}

fn token(text: &str) -> Token {
    Token::new(text.into())
}

fn shared(text: &str) -> Shared {
    Shared::Token(token(text))
}

/// One step of a link's life.
#[derive(Clone, Debug)]
struct Step {
    event: Event,
    now: Instant,
    effects: Vec<Effect>,
}

/// What can keep a connection: the link, and its twin.
trait Keeps {
    fn handle(&mut self, event: Event, now: Instant, random: u64) -> Vec<Effect>;
}

impl Keeps for Link {
    fn handle(&mut self, event: Event, now: Instant, random: u64) -> Vec<Effect> {
        Link::handle(self, event, now, random)
    }
}

/// A planted fault: it does not ask whose gateway it is.
struct Careless(Link);

impl Keeps for Careless {
    fn handle(&mut self, event: Event, now: Instant, random: u64) -> Vec<Effect> {
        let effects = self.0.handle(event, now, random);
        if effects == [Effect::AskProof] {
            let forged = Proof::of_person(address(), now);
            return self.0.handle(Event::Proof(Ok(forged)), now, random);
        }
        effects
    }
}

/// The shared secret, or the forgetting of a device token, without a proof that the owner gave at that moment. `None`: there is no such step.
fn without_proof(steps: &[Step]) -> Option<&Step> {
    steps.iter().find(|step| {
        let given = |proof: &Proof| matches!(&step.event, Event::Proof(Ok(given)) if given == proof);
        step.effects.iter().any(|effect| match effect {
            Effect::Dial(Auth::Shared(_, proof) | Auth::Both(_, _, proof)) => {
                !(given(proof) && proof.covers(&address(), step.now))
            }
            Effect::Forget => !matches!(step.event, Event::Proof(Ok(_))),
            Effect::Dial(Auth::Nothing | Auth::DeviceToken(_))
            | Effect::AskProof
            | Effect::AskSecret
            | Effect::Keep(_)
            | Effect::HangUp
            | Effect::WakeAt(_) => false,
        })
    })
}

fn refusals() -> Vec<ConnectFailure> {
    use crate::failure::{Pairing, PairingReason, RequestId, SignatureTrouble, Stranger};
    let pairing = |id: &str| Pairing {
        reason: PairingReason::ScopeUpgrade,
        request_id: RequestId::parse(id),
        device_id: None,
        requested_role: None,
        requested_scopes: Vec::new(),
        approved_roles: Vec::new(),
        approved_scopes: Vec::new(),
    };
    vec![
        ConnectFailure::DeviceTokenMismatch,
        ConnectFailure::TokenMismatch { device_token_may_help: true },
        ConnectFailure::TokenMismatch { device_token_may_help: false },
        ConnectFailure::TokenMissing,
        ConnectFailure::PasswordMismatch,
        ConnectFailure::TokenNotConfigured,
        ConnectFailure::ScopeMismatch,
        ConnectFailure::IdentityRequired,
        ConnectFailure::Signature(SignatureTrouble::Invalid),
        ConnectFailure::Signature(SignatureTrouble::Expired),
        ConnectFailure::PairingRequired(Box::new(pairing("a1"))),
        ConnectFailure::PairingRequired(Box::new(pairing("b2"))),
        ConnectFailure::ProtocolMismatch { expected: Some(9) },
        ConnectFailure::NotAGateway(Stranger::NotHttp),
        ConnectFailure::RateLimited { retry_after: None },
        ConnectFailure::Stopping,
        ConnectFailure::Starting { retry_after: Some(Duration::from_millis(500)) },
        ConnectFailure::NobodyListens,
        ConnectFailure::NotProven,
        ConnectFailure::Closed(Close::Quiet),
    ]
}

/// What the world does next: an index into what fits, and a time.
#[derive(Clone, Debug)]
struct Turn {
    pick: prop::sample::Index,
    pass: u64,
    random: u64,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = (any::<prop::sample::Index>(), 0_u64..90_000, any::<u64>());
    prop::collection::vec(turn.prop_map(|(pick, pass, random)| Turn { pick, pass, random }), 1..80)
}

/// Plays a world against a link: after each effect something that fits it happens, or something that does not.
fn play(link: &mut impl Keeps, turns: &[Turn]) -> Vec<Step> {
    let mut now = Instant::now();
    let mut steps = vec![Step { event: Event::Start, now, effects: link.handle(Event::Start, now, 0) }];
    for turn in turns {
        let last = steps.last().unwrap().effects.clone();
        let mut fits: Vec<Event> = vec![Event::Start, Event::Stop, Event::Woke, Event::Closed(Close::Lost)];
        let fresh = Proof::of_listener(address(), 7, now, |_| true);
        for effect in &last {
            match effect {
                Effect::Dial(_) => {
                    fits.extend(refusals().into_iter().map(Event::Failed));
                    fits.extend((0..6).map(|_| Event::Connected { device_token: Some(token("fresh")) }));
                    fits.push(Event::Connected { device_token: None });
                }
                Effect::AskProof => {
                    fits.extend((0..6).map(|_| Event::Proof(Ok(fresh.clone()))));
                    fits.extend([NoProof::Another, NoProof::Unknown].map(|none| Event::Proof(Err(none))));
                    fits.push(Event::Proof(Err(NoProof::Nobody)));
                    fits.push(Event::Proof(Ok(Proof::of_person(Address::local(7), now))));
                }
                Effect::AskSecret => fits.extend([None, Some(shared("one")), Some(shared("two"))].map(Event::Secret)),
                Effect::WakeAt(then) => {
                    now = now.max(*then);
                    fits.extend((0..6).map(|_| Event::Woke));
                }
                Effect::Keep(_) | Effect::Forget | Effect::HangUp => {}
            }
        }
        // News that fit nothing.
        fits.extend([
            Event::Proof(Ok(fresh)),
            Event::Secret(Some(shared("three"))),
            Event::Closed(Close::SignedOut { reason: String::new() }),
            Event::Failed(ConnectFailure::DeviceTokenMismatch),
        ]);
        now += Duration::from_millis(turn.pass % 15_000);
        let event = turn.pick.get(&fits).clone();
        let effects = link.handle(event.clone(), now, turn.random);
        steps.push(Step { event, now, effects });
    }
    steps
}

fn any_link() -> impl Strategy<Value = (bool, bool)> {
    (any::<bool>(), any::<bool>())
}

fn link(device_token: bool, secret: bool) -> Link {
    Link::new(address(), device_token.then(|| token("kept")), secret.then(|| shared("one")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_secret_goes_out_without_proof((device_token, secret) in any_link(), turns in turns()) {
        let steps = play(&mut link(device_token, secret), &turns);
        prop_assert!(without_proof(&steps).is_none(), "{:#?}", without_proof(&steps));
    }

    #[test]
    fn refusals_never_make_a_loop((device_token, secret) in any_link(), answers in prop::collection::vec(any::<prop::sample::Index>(), 1..40)) {
        // A gateway that refuses secrets, whatever they are, and an owner who proves everything and finds another secret each time.
        let mut link = link(device_token, secret);
        let refusals: Vec<ConnectFailure> =
            refusals().into_iter().filter(|failure| failure.needs_token() || failure.is_stale_device_token() || *failure == ConnectFailure::ScopeMismatch).collect();
        let (mut now, mut dials) = (Instant::now(), 0);
        let mut effects = link.handle(Event::Start, now, 0);
        for (at, answer) in answers.iter().enumerate() {
            let Some(event) = effects.iter().find_map(|effect| match effect {
                Effect::Dial(_) => Some(Event::Failed(answer.get(&refusals).clone())),
                Effect::AskProof => Some(Event::Proof(Ok(Proof::of_person(address(), now)))),
                Effect::AskSecret => Some(Event::Secret(Some(shared(&at.to_string())))),
                Effect::WakeAt(then) => { now = *then; Some(Event::Woke) }
                Effect::Keep(_) | Effect::Forget | Effect::HangUp => None,
            }) else { break };
            dials += usize::from(matches!(event, Event::Failed(_)));
            effects = link.handle(event, now, u64::MAX);
        }
        prop_assert!(dials <= 4, "{dials} tries");
        if answers.len() > 12 {
            prop_assert!(matches!(link.state(), State::Paused { look_again: None, .. }), "{:?}", link.state());
        }
    }
}

#[test]
fn a_link_that_does_not_ask_whose_gateway_it_is_is_caught() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let caught = (0..200).any(|_| {
        let turns = turns().new_tree(&mut runner).unwrap().current();
        without_proof(&play(&mut Careless(link(true, true)), &turns)).is_some()
    });
    assert!(caught, "the check finds nothing");
}

/// A small world in which each step is written down.
struct Story {
    link: Link,
    now: Instant,
}

impl Story {
    fn begin(device_token: bool, secret: bool) -> (Self, Vec<Effect>) {
        let mut story = Self { link: link(device_token, secret), now: Instant::now() };
        let effects = story.on(Event::Start);
        (story, effects)
    }

    fn on(&mut self, event: Event) -> Vec<Effect> {
        self.link.handle(event, self.now, 0)
    }

    fn proof(&self) -> Proof {
        Proof::of_person(address(), self.now)
    }
}

#[test]
fn a_stale_device_token_is_replaced_in_one_round() {
    let (mut story, effects) = Story::begin(true, true);
    assert_eq!(effects, [Effect::Dial(Auth::DeviceToken(token("kept")))]);
    assert_eq!(story.on(Event::Failed(ConnectFailure::DeviceTokenMismatch)), [Effect::AskProof]);
    let proof = story.proof();
    assert_eq!(
        story.on(Event::Proof(Ok(proof.clone()))),
        [Effect::Forget, Effect::Dial(Auth::Shared(shared("one"), proof))]
    );
    let fresh = token("fresh");
    assert_eq!(story.on(Event::Connected { device_token: Some(fresh.clone()) }), [Effect::Keep(fresh.clone())]);
    assert_eq!(story.link.state(), State::Online);
    // Signed out: the answer to the token tells why.
    story.now += STABLE;
    let effects = story.on(Event::Closed(Close::SignedOut { reason: "device removed".into() }));
    let [Effect::WakeAt(then)] = effects[..] else { panic!("{effects:?}") };
    assert!(then - story.now <= Duration::from_millis(500));
    story.now = then;
    assert_eq!(story.on(Event::Woke), [Effect::Dial(Auth::DeviceToken(fresh))]);
}

#[test]
fn a_stranger_on_the_port_cannot_make_it_forget() {
    let (mut story, _) = Story::begin(true, true);
    story.on(Event::Failed(ConnectFailure::DeviceTokenMismatch));
    let effects = story.on(Event::Proof(Err(NoProof::Unknown)));
    assert!(matches!(effects[..], [Effect::WakeAt(_)]), "{effects:?}");
    let State::Paused { remedy: Remedy::ProveGateway, failure, .. } = story.link.state() else {
        panic!("{:?}", story.link.state())
    };
    assert_eq!(failure, ConnectFailure::DeviceTokenMismatch);
    // The stranger is gone: the token that was kept is as good as before.
    assert_eq!(story.on(Event::Start), [Effect::Dial(Auth::DeviceToken(token("kept")))]);
}

#[test]
fn whoever_is_not_the_gateway_is_waited_out_and_the_token_kept() {
    let (mut story, _) = Story::begin(true, true);
    let effects = story.on(Event::Failed(ConnectFailure::NotProven));
    let [Effect::WakeAt(then)] = effects[..] else { panic!("{effects:?}") };
    let State::Paused { remedy: Remedy::ProveGateway, failure, .. } = story.link.state() else {
        panic!("{:?}", story.link.state())
    };
    assert_eq!((failure, then), (ConnectFailure::NotProven, story.now + LOOK_AGAIN));
    story.now = then;
    assert_eq!(story.on(Event::Woke), [Effect::Dial(Auth::DeviceToken(token("kept")))]);
}

#[test]
fn a_shared_token_that_changed_is_read_again_once() {
    let (mut story, effects) = Story::begin(false, true);
    assert_eq!(effects, [Effect::AskProof]);
    let proof = story.proof();
    story.on(Event::Proof(Ok(proof.clone())));
    let wrong = ConnectFailure::TokenMismatch { device_token_may_help: true };
    assert_eq!(story.on(Event::Failed(wrong.clone())), [Effect::AskSecret]);
    assert_eq!(story.on(Event::Secret(Some(shared("two")))), [Effect::AskProof]);
    assert_eq!(story.on(Event::Proof(Ok(proof.clone()))), [Effect::Dial(Auth::Shared(shared("two"), proof.clone()))]);
    assert_eq!(story.on(Event::Failed(wrong)), []);
    assert!(matches!(story.link.state(), State::Paused { remedy: Remedy::GiveSecret, look_again: None, .. }));
    // A person gives a third one.
    assert_eq!(story.on(Event::Secret(Some(shared("three")))), [Effect::AskProof]);
    story.on(Event::Proof(Ok(proof)));
    assert_eq!(story.on(Event::Connected { device_token: None }), []);
    assert_eq!(story.link.state(), State::Online);
}

#[test]
fn a_gateway_that_is_off_is_waited_for() {
    let (mut story, _) = Story::begin(false, true);
    for _ in 0..50 {
        let effects = story.on(Event::Proof(Err(NoProof::Nobody)));
        let [Effect::WakeAt(then)] = effects[..] else { panic!("{effects:?}") };
        assert!(matches!(story.link.state(), State::Waiting { failure: ConnectFailure::NobodyListens, .. }));
        story.now = then;
        assert_eq!(story.on(Event::Woke), [Effect::AskProof]);
    }
}

#[test]
fn more_scopes_are_asked_for_with_the_shared_secret() {
    let (mut story, _) = Story::begin(true, true);
    assert_eq!(story.on(Event::Failed(ConnectFailure::ScopeMismatch)), [Effect::AskProof]);
    let proof = story.proof();
    // The token is good for what it is good for: it is not forgotten.
    assert_eq!(story.on(Event::Proof(Ok(proof.clone()))), [Effect::Dial(Auth::Shared(shared("one"), proof))]);
}
