//! A device that is in asks for more than it has, in each way that there is: rejected and approved by exactly its request, and heard of live.

use gateway::{ConnectFailure, GatewayEvent, Identity, PairingReason, RequestId};
use serde_json::{Value, json};

use super::by_hand::{nothing, page};
use super::{Operator, Stage, identity};

/// What it asks for.
type Wish = fn(&mut Value);

/// Each of them beside what the one before brought.
const MORE: [(PairingReason, Wish); 3] = [
    (PairingReason::ScopeUpgrade, |params| params["scopes"] = json!(["operator.read", "operator.write"])),
    (PairingReason::MetadataUpgrade, |params| params["client"]["platform"] = json!("windows")),
    (PairingReason::RoleUpgrade, |params| {
        (params["role"], params["scopes"]) = (json!("node"), json!([]));
        params["client"] = json!({ "id": "node-host", "version": "0.1.0", "platform": "windows", "mode": "node" });
    }),
];

pub(super) async fn every_upgrade_is_asked_for_and_answered(stage: &Stage, operator: &mut Operator) {
    let (client, port) = (operator.online().await, stage.gateway.port);
    let device = identity(5);
    let first = asks(operator, port, &device, nothing, &PairingReason::NotPaired).await;
    client.approve(&first).await.expect("approved");
    hears_of(operator, &first, true).await;
    assert_eq!(page(port, &device, nothing).await, None, "let in");
    let mut before: Wish = nothing;
    for (reason, wish) in MORE {
        let rejected = asks(operator, port, &device, wish, &reason).await;
        let waiting = client.devices().await.expect("a list").pending;
        let listed = waiting.iter().find(|pending| pending.request_id == rejected).expect("it waits");
        assert!(listed.device_id == device.device_id() && listed.is_repair, "{listed:?}");
        client.reject(&rejected).await.expect("rejected");
        hears_of(operator, &rejected, false).await;
        assert_eq!(page(port, &device, before).await, None, "{reason:?}: as before");
        let asked = asks(operator, port, &device, wish, &reason).await;
        assert_ne!(asked, rejected, "{reason:?}: what was rejected stays so");
        client.approve(&asked).await.expect("approved");
        hears_of(operator, &asked, true).await;
        assert_eq!(page(port, &device, wish).await, None, "{reason:?}: let in");
        before = wish;
    }
}

/// It is not let in, for this reason; and whoever listens hears of the request.
async fn asks(operator: &mut Operator, port: u16, device: &Identity, wish: Wish, reason: &PairingReason) -> RequestId {
    let failure = page(port, device, wish).await.expect("it is not let in");
    let ConnectFailure::PairingRequired(pairing) = &failure else { panic!("{failure:?}") };
    assert_eq!(pairing.reason, *reason);
    let request = pairing.request_id.clone().expect("a request");
    hears_request(operator, &request).await;
    request
}

pub(super) async fn hears_request(operator: &mut Operator, request: &RequestId) {
    let is_it =
        |event: &GatewayEvent| matches!(event, GatewayEvent::PairRequested(pending) if pending.request_id == *request);
    operator.hears("a request", is_it).await;
}

pub(super) async fn hears_of(operator: &mut Operator, request: &RequestId, how: bool) {
    let is_it = |event: &GatewayEvent| matches!(event, GatewayEvent::PairResolved { request_id, approved, .. } if request_id == request && *approved == how);
    operator.hears("an answer to the request", is_it).await;
}
