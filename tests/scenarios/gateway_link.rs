//! The gateway's client against real gateways of both protocols: every answer gets its name, devices are paired and managed while the events
//! tell of it, and a stranger on the port learns no shared token.
//!
//! A boot costs up to 40 s: the stories of a release share one, in the order in which a person would live them.

mod by_hand;
mod command;
mod elsewhere;
mod matrix;
mod neighbour;
mod owner;
mod season;
mod squatter;
mod upgrades;

use std::time::Duration;

use gateway::{
    Auth, Client, Close, ConnectFailure, GatewayEvent, Identity, Introduction, Link, Method, NoProof, PairingReason,
    Proof, Remedy, RequestError, RequestId, Seen, Shared, State, Token, Who, keep_connected, next_event,
};
use serde_json::{Value, json};
use support::model::Model;
use support::openclaw::{CURRENT, Gateway, OLDEST};
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

pub(crate) use by_hand::{as_a_page, as_an_old_dashboard, on_windows, page_is_in};
use owner::Keeper;
pub(crate) use squatter::Squatter;

/// For an answer or an event of a gateway that runs.
const SOON: Duration = Duration::from_secs(60);
/// For a gateway that answers to be ready: the oldest one hears nothing for a while after it began to listen.
const READY: Duration = Duration::from_secs(180);
/// How often a gateway is met that does not answer in the fifteen seconds that the app waits.
const TRIES: usize = 3;
const ADMIN: [&str; 5] =
    ["operator.admin", "operator.pairing", "operator.read", "operator.write", "operator.approvals"];

fn app(name: &str, scopes: &[&str]) -> Introduction {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Introduction { display_name: name.into(), version: "0.1.0".into(), scopes }
}

fn identity(seed: u8) -> Identity {
    Identity::from_seed(&[seed; Identity::SEED_BYTES])
}

fn token(text: &str) -> Token {
    Token::new(text.into())
}

/// A gateway and everything that the stories need of it.
struct Stage {
    gateway: Gateway,
    keeper: Keeper,
    _model: Model,
}

impl Stage {
    async fn set(version: &str, extras: &Value) -> Self {
        let model = Model::start();
        let mut gateway = Gateway::prepare(version, &model, extras);
        let keeper = Keeper::of(&gateway);
        assert_eq!(keeper.prove().await, Err(NoProof::Nobody), "nobody listens before the boot");
        let refused =
            Client::connect(&keeper.address, &app("x", &[]), Who::Repair, &Auth::Nothing, gateway::events()).await;
        assert_eq!(refused.expect_err("nobody listens"), ConnectFailure::NobodyListens);
        // It listens before it is ready, and says so.
        let ((), heard) = tokio::join!(gateway.boot(), season::until_let_in(&keeper.address, |_| true));
        assert!(heard.contains("NobodyListens"), "{heard:?}");
        assert!(version != CURRENT || heard.contains("Starting"), "{heard:?}");
        Self { gateway, keeper, _model: model }
    }

    /// With proof that it is the gateway of this home.
    async fn shared(&self, secret: &str) -> Auth {
        Auth::Shared(Shared::Token(token(secret)), self.proof().await)
    }

    async fn proof(&self) -> Proof {
        self.keeper.prove().await.expect("it is the gateway of this home")
    }

    async fn connect(&self, who: Who<'_>, scopes: &[&str], auth: &Auth) -> Result<Client, ConnectFailure> {
        let mut auth = auth.clone();
        for _ in 1..TRIES {
            match Client::connect(&self.keeper.address, &app("Study", scopes), who, &auth, gateway::events()).await {
                // A gateway that is busy with itself answers nobody: the app's link tries again as well, with a new proof.
                Err(ConnectFailure::TimedOut(_)) => {
                    if let Auth::Shared(_, proof) | Auth::Both(_, _, proof) = &mut auth {
                        *proof = self.proof().await;
                    }
                }
                met => return met,
            }
        }
        Client::connect(&self.keeper.address, &app("Study", scopes), who, &auth, gateway::events()).await
    }

    async fn repair(&self) -> Client {
        let auth = self.shared(Gateway::TOKEN).await;
        self.connect(Who::Repair, &["operator.admin"], &auth).await.expect("the repair connection opens")
    }
}

/// The app's own link, as it runs in the app.
struct Operator {
    handle: gateway::Handle,
    seen: watch::Receiver<Seen>,
    events: broadcast::Receiver<GatewayEvent>,
}

impl Operator {
    fn begin(keeper: &Keeper, seed: u8, device_token: Option<Token>) -> Self {
        let link = Link::new(keeper.address.clone(), device_token, Some(Shared::Token(token(Gateway::TOKEN))));
        let handle = keep_connected(link, app(&format!("SmartPi Tray {seed}"), &ADMIN), identity(seed), keeper.clone());
        let (seen, events) = (handle.seen(), handle.events());
        Self { handle, seen, events }
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&State) -> bool) -> State {
        let found = timeout(SOON, self.seen.wait_for(|seen| wanted(&seen.state))).await;
        match found {
            Ok(seen) => seen.expect("the link lives").state.clone(),
            Err(_) => panic!("{what}: {:?}", self.handle.seen().borrow().state),
        }
    }

    async fn online(&mut self) -> Client {
        self.until("online", |state| *state == State::Online).await;
        self.handle.client().expect("a client while it is online")
    }

    async fn hears(&mut self, what: &str, wanted: impl Fn(&GatewayEvent) -> bool) -> GatewayEvent {
        let listen = async {
            loop {
                if let Some(event) = next_event(&mut self.events).await.filter(&wanted) {
                    return event;
                }
            }
        };
        timeout(SOON, listen).await.unwrap_or_else(|_| panic!("no event: {what}"))
    }

    async fn hears_of(&mut self, device: &Identity, approved: bool) {
        self.hears("an answer to a pairing", |event| {
            matches!(event, GatewayEvent::PairResolved { device_id, approved: how, .. } if device_id == device.device_id() && *how == approved)
        })
        .await;
    }
}

#[tokio::test]
async fn the_current_gateway_is_understood() {
    let mut stage =
        Stage::set(CURRENT, &json!({ "gateway": { "auth": { "rateLimit": season::counts_here() } } })).await;
    let silence = by_hand::silence(stage.gateway.port);
    every_way_to_connect_has_its_name(&stage, true).await;
    matrix::every_row_is_lived_again(&stage, true).await;
    command::one_command_speaks_to_it_alone(&stage, true).await;
    let mut operator = Operator::begin(&stage.keeper, 1, None);
    everything_an_operator_asks_is_answered(&stage, &mut operator, true).await;
    devices_come_and_go(&stage, &mut operator, true).await;
    upgrades::every_upgrade_is_asked_for_and_answered(&stage, &mut operator).await;
    a_stale_token_mends_itself(&stage, &mut operator).await;
    assert_eq!(silence.await.expect("a task"), ConnectFailure::Closed(Close::Quiet), "no connect for 15 s");
    season::a_restart_is_waited_out(&stage, &mut operator).await;
    a_shared_token_that_changed_is_told_apart(&stage, &mut operator).await;
    season::a_password_is_told_from_a_token(&stage, &mut operator).await;
    season::too_many_wrong_tries_are_told(&stage, &season::password(), true).await;
    a_stranger_on_the_port_learns_nothing(&mut stage, &mut operator).await;
}

#[tokio::test]
async fn the_oldest_gateway_is_understood() {
    let extras = json!({
        "browser": { "enabled": false }, "plugins": { "enabled": false },
        "gateway": { "auth": { "rateLimit": season::counts_here() } },
    });
    let mut stage = Stage::set(OLDEST, &extras).await;
    every_way_to_connect_has_its_name(&stage, false).await;
    matrix::every_row_is_lived_again(&stage, false).await;
    command::one_command_speaks_to_it_alone(&stage, false).await;
    let mut operator = Operator::begin(&stage.keeper, 1, None);
    everything_an_operator_asks_is_answered(&stage, &mut operator, false).await;
    devices_come_and_go(&stage, &mut operator, false).await;
    upgrades::every_upgrade_is_asked_for_and_answered(&stage, &mut operator).await;
    a_stale_token_mends_itself(&stage, &mut operator).await;
    season::too_many_wrong_tries_are_told(&stage, &Shared::Token(token(Gateway::TOKEN)), false).await;
    a_stranger_on_the_port_learns_nothing(&mut stage, &mut operator).await;
}

/// The recorded matrix, lived again: what this client sends, and what it would never send.
async fn every_way_to_connect_has_its_name(stage: &Stage, current: bool) {
    let device = identity(50);
    let device = Who::Device(&device);
    let shared = stage.shared(Gateway::TOKEN).await;
    let first = stage.connect(device, &["operator.read"], &shared).await.expect("a new device is let in");
    let good = first.greeting().device_token.clone().expect("a device token");
    assert_eq!(first.greeting().protocol, if current { 4 } else { 3 });
    assert_eq!(first.greeting().method, if current { Method::Shared } else { Method::Unsaid });
    assert!(first.greeting().clock_ahead_ms().is_some_and(|ahead| ahead.abs() < 5_000), "one computer, one clock");

    let back =
        stage.connect(device, &["operator.read"], &Auth::DeviceToken(good.clone())).await.expect("the token is good");
    assert_eq!(back.greeting().scopes, ["operator.read"]);
    let failed = async |who: Who<'_>, scopes: &[&str], auth: Auth| {
        stage.connect(who, scopes, &auth).await.map(|_| ()).expect_err("it must be refused")
    };
    let read = ["operator.read"].as_slice();
    let wrong = stage.shared("wrong").await;
    let mismatch = ConnectFailure::TokenMismatch { device_token_may_help: true };
    assert_eq!(failed(device, read, wrong.clone()).await, mismatch);
    assert_eq!(failed(device, read, Auth::Nothing).await, ConnectFailure::TokenMissing);
    assert_eq!(failed(device, read, Auth::DeviceToken(token("wrong"))).await, ConnectFailure::DeviceTokenMismatch);
    let Auth::Shared(secret, proof) = wrong else { unreachable!("made above") };
    let both_wrong = Auth::Both(secret.clone(), token("wrong"), proof.clone());
    assert_eq!(failed(device, read, both_wrong).await, ConnectFailure::DeviceTokenMismatch);
    let one_good = Auth::Both(secret, good.clone(), proof.clone());
    stage.connect(device, read, &one_good).await.expect("a good device token beside a wrong secret");
    let more = failed(device, &["operator.admin"], Auth::DeviceToken(good)).await;
    let no_more = if current { ConnectFailure::ScopeMismatch } else { ConnectFailure::DeviceTokenMismatch };
    assert_eq!(more, no_more);
    assert_eq!(failed(Who::Repair, read, Auth::Nothing).await, ConnectFailure::IdentityRequired);
    let password = Auth::Shared(Shared::Password(token(Gateway::TOKEN)), proof);
    match stage.connect(device, read, &password).await {
        Ok(_) if current => {}
        Err(failure) if !current => assert_eq!(failure, ConnectFailure::TokenMissing),
        other => panic!("{other:?}"),
    }

    // Old, about another address, or not this connection: nothing goes out.
    let address = &stage.keeper.address;
    let now = tokio::time::Instant::now().into_std();
    let old = now.checked_sub(Proof::LIFE + Duration::from_secs(1)).expect("a computer that runs for a while");
    let unfit = [
        Proof::of_person(address.clone(), old),
        Proof::of_person(gateway::Address::local(1), now),
        Proof::of_listener(address.clone(), 1, now, |_| false),
    ];
    for proof in unfit {
        let auth = Auth::Shared(Shared::Token(token(Gateway::TOKEN)), proof);
        assert_eq!(failed(device, read, auth).await, ConnectFailure::NotProven);
    }
    by_hand::every_odd_frame_has_its_name(stage.gateway.port, current).await;
}

async fn everything_an_operator_asks_is_answered(stage: &Stage, operator: &mut Operator, current: bool) {
    let client = operator.online().await;
    assert_eq!(stage.keeper.kept().len(), 1, "one device token is kept");
    assert!(
        client.greeting().state_dir.is_some() && client.greeting().config_path.is_some(),
        "an administrator is told"
    );
    let ready = client.health().await.expect("health");
    assert_eq!(ready["ok"], true, "{ready}");
    let own = client.gateway_identity().await.expect("the gateway's own identity");
    assert_eq!(own.device_id.len(), 64);
    match client.system_info().await {
        Ok(info) if current => assert_eq!(info.port, Some(stage.gateway.port)),
        Err(error) if !current => assert_eq!(error, RequestError::Unsupported { method: "system.info".into() }),
        other => panic!("{other:?}"),
    }
    assert_eq!(client.agents().await.expect("agents")["defaultId"], "main");
    if current {
        // The oldest one would be deaf for half a minute.
        assert!(client.models().await.expect("models")["models"].is_array());
    }
    assert!(!client.logs(None, 5).await.expect("logs").lines.is_empty());
    let config = client.config().await.expect("the configuration");
    assert!(!config.to_string().contains(Gateway::TOKEN), "the gateway masks it");
    assert_eq!(client.patch_config("{}", "stale", &[]).await.map(|_| ()), Err(RequestError::StaleConfig));
    let hash = config["hash"].as_str().expect("a hash");
    let invalid = client.patch_config(r#"{ gateway: { port: "abc" } }"#, hash, &[]).await;
    assert!(
        matches!(&invalid, Err(RequestError::InvalidConfig { issues, .. }) if issues[0].path == "gateway.port"),
        "{invalid:?}"
    );
    // Many at once, each with its own answer.
    let asked = (0..50).map(|_| async { client.gateway_identity().await.map(|own| own.device_id) });
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.as_deref(), Ok(own.device_id.as_str()));
    }
    let nobody: RequestId = RequestId::parse("11111111-2222-3333-4444-555555555555").expect("an id");
    assert_eq!(client.approve(&nobody).await.map(|_| ()), Err(RequestError::UnknownRequest));
    assert_eq!(client.reject(&nobody).await, Err(RequestError::UnknownRequest));
    assert_eq!(client.remove(&"0".repeat(64)).await, Err(RequestError::UnknownDevice));
    assert!(matches!(client.rotate(&"0".repeat(64), "operator", None).await, Err(RequestError::Denied { .. })));
    let late = client.request::<Value>("health", json!({}), Duration::ZERO).await;
    assert_eq!(late, Err(RequestError::TimedOut(Duration::ZERO)));
}

/// Paired, upgraded, approved, rejected, renamed, rotated, revoked, removed - each with what the operator hears of it.
async fn devices_come_and_go(stage: &Stage, operator: &mut Operator, current: bool) {
    let client = operator.online().await;
    let device = identity(2);
    let who = Who::Device(&device);
    let (read, more) = (["operator.read"].as_slice(), ["operator.read", "operator.write"].as_slice());

    let shared = stage.shared(Gateway::TOKEN).await;
    let narrow = stage.connect(who, read, &shared).await.expect("a device of this computer is let in");
    operator.hears_of(&device, true).await;
    let missing = narrow.devices().await.expect_err("it may only read");
    assert!(
        matches!(&missing, RequestError::MissingScope { missing, .. } if missing == "operator.pairing"),
        "{missing:?}"
    );
    drop(narrow);

    // More scopes: the current gateway grants them to whoever has the secret, the oldest asks.
    let shared = stage.shared(Gateway::TOKEN).await;
    let wide = match stage.connect(who, more, &shared).await {
        Ok(wide) if current => wide,
        Err(failure) if !current => {
            let ConnectFailure::PairingRequired(pairing) = &failure else { panic!("{failure:?}") };
            assert_eq!(pairing.reason, PairingReason::ScopeUpgrade);
            assert_eq!(
                (&pairing.requested_scopes[..], &pairing.approved_scopes[..]),
                (
                    &more.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>()[..],
                    &["operator.read".to_owned()][..]
                )
            );
            let request = pairing.request_id.clone().expect("a request");
            operator
                .hears(
                    "a request",
                    |event| matches!(event, GatewayEvent::PairRequested(pending) if pending.request_id == request),
                )
                .await;
            let waiting = client.devices().await.expect("a list").pending;
            assert!(waiting.iter().any(|pending| pending.request_id == request), "{waiting:?}");
            client.approve(&request).await.expect("approved");
            operator.hears_of(&device, true).await;
            let shared = stage.shared(Gateway::TOKEN).await;
            stage.connect(who, more, &shared).await.expect("approved, and let in")
        }
        other => panic!("{other:?}"),
    };

    // A page of a browser asks, and is rejected; asks again, and is approved.
    let page = identity(3);
    let rejected = as_a_page(stage.gateway.port, &page).await;
    operator
        .hears(
            "a request",
            |event| matches!(event, GatewayEvent::PairRequested(pending) if pending.request_id == rejected),
        )
        .await;
    client.reject(&rejected).await.expect("rejected");
    operator.hears_of(&page, false).await;
    let asked = as_a_page(stage.gateway.port, &page).await;
    assert_ne!(asked, rejected);
    assert_eq!(as_a_page(stage.gateway.port, &page).await, asked, "the same again is the same request");
    let paired = client.approve(&asked).await.expect("approved");
    assert_eq!(paired.device_id, page.device_id());
    operator.hears_of(&page, true).await;

    let renamed = client.rename(page.device_id(), "Kitchen").await;
    if current {
        renamed.expect("renamed");
        operator.hears("a change", |event| *event == GatewayEvent::PairChanged).await;
    } else {
        assert_eq!(renamed, Err(RequestError::Unsupported { method: "device.pair.rename".into() }));
    }
    let list = client.devices().await.expect("a list");
    let listed = |id: &str| list.paired.iter().find(|paired| paired.device_id == id);
    assert_eq!(
        listed(page.device_id()).and_then(|paired| paired.operator_label.as_deref()),
        current.then_some("Kitchen")
    );
    assert!(listed(device.device_id()).is_some_and(|paired| paired.tokens.len() == 1));

    // Each of the three ends the live connection and the token; the secret brings a new one.
    let mut live = wide;
    for step in ["rotate", "revoke", "remove"] {
        let before = live.greeting().device_token.clone().expect("a device token");
        match step {
            "rotate" => {
                let rotated = client.rotate(device.device_id(), "operator", None).await.expect("rotated");
                assert!(rotated.token.is_none(), "nobody is told another device's token");
            }
            "revoke" => client.revoke(device.device_id(), "operator").await.expect("revoked"),
            _ => client.remove(device.device_id()).await.expect("removed"),
        }
        let close = timeout(SOON, live.ended()).await.expect("the connection ends");
        assert!(matches!(close, Close::SignedOut { .. }), "{step}: {close:?}");
        let gone = live.health().await;
        assert!(matches!(gone, Err(RequestError::Gone(Close::SignedOut { .. }))), "{step}: {gone:?}");
        let stale = stage.connect(who, more, &Auth::DeviceToken(before)).await.map(|_| ());
        assert_eq!(stale, Err(ConnectFailure::DeviceTokenMismatch), "{step}");
        let shared = stage.shared(Gateway::TOKEN).await;
        live = stage.connect(who, more, &shared).await.unwrap_or_else(|failure| panic!("{step}: {failure:?}"));
    }
    operator.hears_of(&device, true).await;
}

/// Somebody rotates the app's own token: it comes back by itself, once, with a new one.
async fn a_stale_token_mends_itself(stage: &Stage, operator: &mut Operator) {
    operator.online().await;
    let before = stage.keeper.kept();
    let repair = stage.repair().await;
    repair.rotate(identity(1).device_id(), "operator", None).await.expect("rotated");
    operator.until("the connection ended", |state| *state != State::Online).await;
    operator.online().await;
    let after = stage.keeper.kept();
    assert_eq!(after.len(), before.len() + 2, "forgotten, then kept anew");
    assert!(after[before.len()].is_none() && after[before.len() + 1].is_some());
    assert_ne!(after[before.len() + 1], before[before.len() - 1]);
}

async fn a_shared_token_that_changed_is_told_apart(stage: &Stage, operator: &mut Operator) {
    let client = operator.online().await;
    let config = client.config().await.expect("the configuration");
    let repair = stage.repair().await;
    let device = identity(2);
    let known = stage
        .connect(Who::Device(&device), &["operator.read"], &stage.shared(Gateway::TOKEN).await)
        .await
        .expect("let in");
    let patch = json!({ "gateway": { "auth": { "token": "another-token" } } }).to_string();
    let changed = client.patch_config(&patch, config["hash"].as_str().expect("a hash"), &[]).await.expect("changed");
    assert!(!changed.to_string().contains("another-token"), "the gateway masks it");
    for live in [&repair, &known] {
        let close = timeout(SOON, live.ended()).await.expect("it was let in by the secret");
        assert!(matches!(close, Close::SignedOut { .. }), "{close:?}");
    }
    let old = stage.connect(Who::Device(&device), &["operator.read"], &stage.shared(Gateway::TOKEN).await).await;
    assert_eq!(old.map(|_| ()), Err(ConnectFailure::TokenMismatch { device_token_may_help: true }));
    let device_token = known.greeting().device_token.clone().expect("a device token");
    let both = Auth::Both(Shared::Token(token(Gateway::TOKEN)), device_token, stage.proof().await);
    let back = stage.connect(Who::Device(&device), &["operator.read"], &both).await.expect("the device token helps");
    assert_eq!(back.greeting().method, Method::DeviceToken);
    stage.keeper.set_secret("another-token");
    operator.handle.set_secret(Some(Shared::Token(token("another-token")))).await;
    operator.online().await;
}

/// The gateway stops, and somebody else takes its port.
async fn a_stranger_on_the_port_learns_nothing(stage: &mut Stage, operator: &mut Operator) {
    operator.online().await;
    let kept = stage.keeper.kept();
    stage.gateway.stop().await;
    let waiting = operator.until("waiting", |state| matches!(state, State::Waiting { .. })).await;
    assert!(matches!(&waiting, State::Waiting { failure, .. } if failure.is_temporary()), "{waiting:?}");
    operator.hears("the end", |event| matches!(event, GatewayEvent::Shutdown { .. })).await;

    let squatter = Squatter::take_port(stage.gateway.port).await;
    let paused = operator.until("paused", |state| matches!(state, State::Paused { .. })).await;
    let State::Paused { remedy: Remedy::ProveGateway, failure, .. } = paused else { panic!("{paused:?}") };
    assert_eq!(failure, ConnectFailure::NotProven);
    assert!(squatter.all().is_empty(), "it is told nothing at all: {:?}", squatter.all());
    assert_eq!(stage.keeper.kept(), kept, "a stranger cannot make it forget");

    // The same with an owner who believes everybody: the squatter hears it.
    let trusting = stage.keeper.trusting();
    let mut careless = Operator::begin(&trusting, 1, None);
    careless.until("refused", |state| matches!(state, State::Paused { .. } | State::Waiting { .. })).await;
    assert!(squatter.heard(Gateway::TOKEN), "the check would not have seen a secret: {:?}", squatter.all());
}

/// A link with a planted fault, as long as it takes to be refused: it believes whoever listens on the gateway's port, and shows this secret.
pub(crate) async fn believe(gateway: &Gateway, secret: &str) {
    let trusting = Keeper::of(gateway).trusting();
    trusting.set_secret(secret);
    let mut careless = Operator::begin(&trusting, 1, None);
    careless.until("refused", |state| matches!(state, State::Paused { .. })).await;
}
