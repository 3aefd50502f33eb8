//! What a gateway says while it starts, restarts and stops, when its secret is another one, and when somebody tried too often.

use std::collections::BTreeSet;
use std::time::Instant;

use gateway::{Address, Auth, Client, Close, ConnectFailure, GatewayEvent, Proof, Shared, State, Who};
use serde_json::{Value, json};
use support::openclaw::{Gateway, attempt};
use tokio::time::timeout;

use super::{Operator, READY, SOON, Stage, app, identity, token};

/// The names of everything that was heard until a gateway like this lets us in.
pub(super) async fn until_let_in(address: &Address, wanted: impl Fn(&Client) -> bool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let let_in = attempt(READY, async || {
        // It is the test's own gateway, whatever it is busy with.
        let proof = Proof::of_person(address.clone(), Instant::now());
        let auth = Auth::Shared(Shared::Token(token(Gateway::TOKEN)), proof);
        let us = app("Waiting room", &["operator.admin"]);
        match Client::connect(address, &us, Who::Repair, &auth, gateway::events()).await {
            Ok(client) => wanted(&client).then_some(()),
            Err(failure) => {
                assert!(failure.is_temporary(), "it passes by itself: {failure:?}");
                names.insert(name(&failure));
                None
            }
        }
    });
    let let_in = let_in.await;
    assert!(let_in.is_some(), "not let in: {names:?}");
    names
}

fn name(failure: &ConnectFailure) -> String {
    let told = format!("{failure:?}");
    told.split([' ', '{']).next().unwrap_or_default().to_owned()
}

/// The gateway starts anew in its own process: everything on the way is temporary, and the link comes back by itself.
pub(super) async fn a_restart_is_waited_out(stage: &Stage, operator: &mut Operator) {
    let client = operator.online().await;
    let before = client.greeting().boot_id.clone().expect("a boot id");
    let bare = stage.repair().await;
    let _: Value =
        client.request("gateway.restart.request", json!({ "reason": "a test" }), SOON).await.expect("scheduled");
    let anew = |client: &Client| client.greeting().boot_id.as_ref().is_some_and(|boot| *boot != before);
    let watched = async {
        operator.hears("a restart", |event| matches!(event, GatewayEvent::Shutdown { back_in: Some(_) })).await;
        operator.until("the connection ended", |state| *state != State::Online).await
    };
    let ended = async { timeout(SOON, bare.ended()).await.expect("it ends") };
    let (names, _, close) = tokio::join!(until_let_in(&stage.keeper.address, anew), watched, ended);
    assert_eq!(close, Close::Restart);
    assert!(names.contains("Starting"), "{names:?}");
    assert!(
        names.iter().any(|name| ["NobodyListens", "Stopping", "Closed(Restart)"].contains(&name.as_str())),
        "{names:?}"
    );
    let back = operator.online().await;
    assert_ne!(back.greeting().boot_id.as_ref(), Some(&before));
}

/// The owner asks for a password in place of the token.
pub(super) async fn a_password_is_told_from_a_token(stage: &Stage, operator: &mut Operator) {
    let client = operator.online().await;
    let config = client.config().await.expect("the configuration");
    let patch = json!({ "gateway": { "auth": { "mode": "password", "password": PASSWORD } } }).to_string();
    client.patch_config(&patch, config["hash"].as_str().expect("a hash"), &[]).await.expect("changed");
    let device = identity(70);
    let try_with = async |secret: Option<Shared>| {
        let auth = match (secret, stage.keeper.prove().await) {
            (Some(secret), Ok(proof)) => Auth::Shared(secret, proof),
            (Some(_), Err(_)) => return Err(ConnectFailure::NotProven),
            (None, _) => Auth::Nothing,
        };
        stage.connect(Who::Device(&device), &["operator.read"], &auth).await.map(drop)
    };
    // For another mode it starts anew.
    let taken = attempt(READY, async || try_with(Some(password())).await.ok()).await;
    assert!(taken.is_some(), "the password is taken");
    let wrong = try_with(Some(Shared::Password(token("wrong")))).await;
    assert_eq!(wrong, Err(ConnectFailure::PasswordMismatch));
    assert_eq!(try_with(None).await, Err(ConnectFailure::PasswordMissing));
}

const PASSWORD: &str = "scenario-password";

/// Whoever tries too often is turned away for a while, by the current gateway with the right secret too; who is in stays in.
pub(super) async fn too_many_wrong_tries_are_told(stage: &Stage, right: &Shared, current: bool) {
    let device = identity(71);
    let read = ["operator.read"].as_slice();
    let wrong = match right {
        Shared::Token(_) => Shared::Token(token("wrong")),
        Shared::Password(_) => Shared::Password(token("wrong")),
    };
    let mut limited = None;
    for _ in 0..2 * MOST_WRONG {
        let auth = Auth::Shared(wrong.clone(), stage.proof().await);
        match stage.connect(Who::Device(&device), read, &auth).await.map(drop) {
            Err(ConnectFailure::TokenMismatch { .. } | ConnectFailure::PasswordMismatch) => {}
            Err(ConnectFailure::RateLimited { retry_after }) => {
                limited = Some(retry_after);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(limited.is_some(), "never limited");
    let auth = Auth::Shared(right.clone(), stage.proof().await);
    let right = stage.connect(Who::Device(&device), read, &auth).await.map(drop);
    assert_eq!(matches!(right, Err(ConnectFailure::RateLimited { .. })), current, "{right:?}");
}

/// Wrong tries that these gateways take, one after the other.
const MOST_WRONG: u32 = 20;

/// A gateway that counts the tries of this computer, too.
pub(super) fn counts_here() -> Value {
    json!({ "maxAttempts": MOST_WRONG, "windowMs": 600_000, "lockoutMs": 60_000, "exemptLoopback": false })
}

/// What the password story leaves behind.
pub(super) fn password() -> Shared {
    Shared::Password(token(PASSWORD))
}
