//! What the gateway's client says, as the rest of the program says it.

use std::cmp::Reverse;

use gateway::{
    CertificateTrouble, ConnectFailure, DeviceList, Paired, Pending, RequestError, SignatureTrouble, TokenRecord,
};
use serde_json::json;

use crate::control::answer::{DeviceToken, GatewayDevice, GatewayDevices, PairingRequest};
use crate::failure::{Failure, FailureCode};

/// Why there is no connection.
pub(crate) fn of_connecting(failure: &ConnectFailure) -> Failure {
    let code = match failure {
        ConnectFailure::NobodyListens | ConnectFailure::Unreachable(_) | ConnectFailure::NoSuchHost => {
            FailureCode::GatewayDown
        }
        ConnectFailure::NotProven => FailureCode::GatewayUnproven,
        ConnectFailure::TimedOut(_)
        | ConnectFailure::Broken(_)
        | ConnectFailure::Stopping
        | ConnectFailure::Starting { .. }
        | ConnectFailure::Closed(_) => FailureCode::GatewayBusy,
        ConnectFailure::NotAGateway(_) => FailureCode::GatewayNotOpenClaw,
        ConnectFailure::ProtocolMismatch { .. } => FailureCode::GatewayProtocol,
        ConnectFailure::TokenMissing
        | ConnectFailure::TokenNotConfigured
        | ConnectFailure::PasswordMissing
        | ConnectFailure::PasswordNotConfigured => FailureCode::GatewayTokenMissing,
        ConnectFailure::TokenMismatch { .. } | ConnectFailure::PasswordMismatch => FailureCode::GatewayTokenWrong,
        ConnectFailure::DeviceTokenMismatch => FailureCode::GatewayDeviceTokenStale,
        ConnectFailure::ScopeMismatch => FailureCode::GatewayScope,
        ConnectFailure::RateLimited { .. } => FailureCode::GatewayLimited,
        ConnectFailure::PairingRequired(_) => FailureCode::GatewayPairingNeeded,
        ConnectFailure::Signature(SignatureTrouble::Expired) => FailureCode::GatewayClock,
        ConnectFailure::Signature(_) | ConnectFailure::IdentityRequired => FailureCode::GatewayKeyRefused,
        ConnectFailure::PlainAndPublic(_)
        | ConnectFailure::Certificate(_)
        | ConnectFailure::Misunderstood { .. }
        | ConnectFailure::Refused { .. } => return Failure::caused(FailureCode::GatewayRefused, failure),
    };
    Failure::bare(code)
}

/// Why a link stands still. `doubt`: what the look at the listener showed. `awaits_proof`: the link goes on once it is proven whose gateway that is.
pub(super) fn of_link(failure: &ConnectFailure, doubt: Option<Failure>, awaits_proof: bool) -> Failure {
    const OTHERS: [FailureCode; 2] = [FailureCode::GatewayOther, FailureCode::GatewayNotOpenClaw];
    let told = of_connecting(failure);
    // The look knows better why there is no proof; and what somebody else refuses says nothing about our access.
    let knows_better =
        |doubt: &Failure| told.code == FailureCode::GatewayUnproven || (awaits_proof && OTHERS.contains(&doubt.code));
    doubt.filter(knows_better).unwrap_or(told)
}

/// Why there is no connection to the gateway of another computer: what is to be done there is not what is to be done here.
pub(crate) fn of_connecting_elsewhere(failure: &ConnectFailure) -> Failure {
    let code = match failure {
        ConnectFailure::NobodyListens
        | ConnectFailure::Unreachable(_)
        | ConnectFailure::NoSuchHost
        | ConnectFailure::TimedOut(_)
        | ConnectFailure::Broken(_) => return Failure::caused(FailureCode::GatewayUnreachable, failure),
        ConnectFailure::PlainAndPublic(ip) => {
            return Failure::with(FailureCode::GatewayAddressPublic, ip.to_string());
        }
        ConnectFailure::Certificate(CertificateTrouble::Other { seen }) => {
            let detail = json!({ "fingerprint": seen.to_string() });
            return Failure::with(FailureCode::GatewayCertificateChanged, detail);
        }
        ConnectFailure::Certificate(CertificateTrouble::NoTls) => FailureCode::GatewayNotOpenClaw,
        ConnectFailure::Certificate(
            CertificateTrouble::Expired
            | CertificateTrouble::NotYetValid
            | CertificateTrouble::OtherName
            | CertificateTrouble::NotTrusted,
        ) => return Failure::caused(FailureCode::GatewayCertificateUnknown, failure),
        ConnectFailure::TokenMissing | ConnectFailure::PasswordMissing => FailureCode::GatewaySecretNeeded,
        ConnectFailure::TokenMismatch { .. }
        | ConnectFailure::PasswordMismatch
        | ConnectFailure::TokenNotConfigured
        | ConnectFailure::PasswordNotConfigured => FailureCode::GatewaySecretRefused,
        ConnectFailure::PairingRequired(pairing) => {
            let request = pairing.request_id.as_ref().map(|id| id.as_str().to_owned());
            return Failure::with(FailureCode::GatewayPairingElsewhere, json!({ "requestId": request }));
        }
        ConnectFailure::NotProven
        | ConnectFailure::NotAGateway(_)
        | ConnectFailure::Stopping
        | ConnectFailure::Starting { .. }
        | ConnectFailure::Closed(_)
        | ConnectFailure::ProtocolMismatch { .. }
        | ConnectFailure::DeviceTokenMismatch
        | ConnectFailure::ScopeMismatch
        | ConnectFailure::RateLimited { .. }
        | ConnectFailure::IdentityRequired
        | ConnectFailure::Signature(_)
        | ConnectFailure::Misunderstood { .. }
        | ConnectFailure::Refused { .. } => return of_connecting(failure),
    };
    Failure::bare(code)
}

/// Why a request was not done.
pub(crate) fn of_request(error: &RequestError) -> Failure {
    let code = match error {
        RequestError::Unsupported { .. } => FailureCode::GatewayUnsupported,
        RequestError::MissingScope { missing, .. } => {
            return Failure::with(FailureCode::GatewayScope, missing.as_str());
        }
        RequestError::UnknownRequest => FailureCode::GatewayRequestUnknown,
        RequestError::UnknownDevice => FailureCode::GatewayDeviceUnknown,
        RequestError::RateLimited { retry_after } => {
            return Failure::with(FailureCode::GatewayLimited, json!({ "waitS": retry_after.as_secs() }));
        }
        RequestError::TimedOut(_) | RequestError::NotUnderstood { .. } => FailureCode::GatewayNoAnswer,
        RequestError::Gone(_) => FailureCode::GatewayNotOnline,
        RequestError::Unavailable { .. } => FailureCode::GatewayBusy,
        RequestError::TooMany => FailureCode::TooMany,
        RequestError::Denied { .. }
        | RequestError::StaleConfig
        | RequestError::InvalidConfig { .. }
        | RequestError::Refused(_)
        | RequestError::TooLarge => return Failure::caused(FailureCode::GatewayRefused, error),
    };
    Failure::bare(code)
}

/// Everybody who asks, oldest first.
pub(super) fn requests(list: &DeviceList) -> Vec<PairingRequest> {
    let mut pending: Vec<PairingRequest> =
        list.pending.iter().map(|pending| request(pending, paired_as(list, &pending.device_id))).collect();
    pending.sort_by(|one, other| (one.at_ms, &one.request_id).cmp(&(other.at_ms, &other.request_id)));
    pending
}

/// Everybody, `ours` being this app.
pub(super) fn devices(list: &DeviceList, ours: &str, names: bool) -> GatewayDevices {
    let mut paired: Vec<GatewayDevice> = list.paired.iter().map(|paired| device(paired, ours)).collect();
    paired.sort_by_key(|device| Reverse((device.connected, device.seen_ms)));
    GatewayDevices { pending: requests(list), paired, names }
}

fn paired_as<'a>(list: &'a DeviceList, device_id: &str) -> Option<&'a Paired> {
    list.paired.iter().find(|paired| paired.device_id == device_id)
}

fn request(pending: &Pending, paired: Option<&Paired>) -> PairingRequest {
    let roles = if pending.roles.is_empty() { pending.role.iter().cloned().collect() } else { pending.roles.clone() };
    PairingRequest {
        request_id: pending.request_id.as_str().to_owned(),
        device_id: pending.device_id.clone(),
        name: called(pending.display_name.as_deref(), None).or_else(|| paired.and_then(name)),
        platform: pending.platform.clone(),
        client_id: pending.client_id.clone(),
        client_mode: pending.client_mode.clone(),
        roles,
        scopes: pending.scopes.clone(),
        approved_scopes: paired.map(|paired| paired.scopes.clone()),
        approved_roles: paired.map(|paired| paired.roles.clone()),
        at_ms: moment(pending.ts).unwrap_or(0),
    }
}

fn device(paired: &Paired, ours: &str) -> GatewayDevice {
    GatewayDevice {
        device_id: paired.device_id.clone(),
        name: name(paired),
        platform: paired.platform.clone(),
        client_id: paired.client_id.clone(),
        client_mode: paired.client_mode.clone(),
        roles: paired.roles.clone(),
        scopes: paired.scopes.clone(),
        tokens: paired.tokens.iter().map(token).collect(),
        approved_ms: moment(paired.approved_at_ms),
        seen_ms: moment(paired.last_seen_at_ms),
        connected: paired.connected,
        ours: paired.device_id == ours,
    }
}

fn token(record: &TokenRecord) -> DeviceToken {
    DeviceToken {
        role: record.role.clone(),
        scopes: record.scopes.clone(),
        made_ms: moment(record.rotated_at_ms.or(record.created_at_ms)),
        used_ms: moment(record.last_used_at_ms),
        revoked_ms: moment(record.revoked_at_ms),
    }
}

fn name(paired: &Paired) -> Option<String> {
    called(paired.operator_label.as_deref(), paired.display_name.as_deref())
}

/// The first that says anything; letters that a screen does not show are left out.
fn called(first: Option<&str>, second: Option<&str>) -> Option<String> {
    let clean = |name: &str| name.chars().filter(|letter| !letter.is_control()).take(64).collect::<String>();
    let names = [first, second].into_iter().flatten().map(clean);
    names.map(|name| name.trim().to_owned()).find(|name| !name.is_empty())
}

fn moment(ms: Option<u64>) -> Option<i64> {
    ms.and_then(|ms| i64::try_from(ms).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> DeviceList {
        serde_json::from_value(json!({
            "pending": [
                { "requestId": "r2", "deviceId": "bb", "publicKey": "k", "platform": "ios", "role": "node", "scopes": ["operator.read", "operator.write"], "ts": 20 },
                { "requestId": "r1", "deviceId": "cc", "publicKey": "k", "displayName": " A\u{7}pple ", "roles": ["operator"], "scopes": [], "ts": 10 },
            ],
            "paired": [
                { "deviceId": "aa", "displayName": "SmartPi", "roles": ["operator"], "scopes": ["operator.admin"], "connected": true, "lastSeenAtMs": 5 },
                { "deviceId": "bb", "displayName": "iPhone", "operatorLabel": "Anna's", "roles": ["operator"], "scopes": ["operator.read"], "lastSeenAtMs": 9,
                  "tokens": [{ "role": "operator", "scopes": ["operator.read"], "createdAtMs": 1, "rotatedAtMs": 3, "lastUsedAtMs": 4 }] },
            ],
        }))
        .unwrap()
    }

    #[test]
    fn a_request_shows_what_the_device_has_already() {
        let requests = requests(&list());
        assert_eq!(requests.iter().map(|request| request.request_id.as_str()).collect::<Vec<_>>(), ["r1", "r2"]);
        assert_eq!((requests[0].name.as_deref(), &requests[0].approved_scopes), (Some("Apple"), &None));
        let more = &requests[1];
        assert_eq!(more.name.as_deref(), Some("Anna's"), "it names itself nothing: the person's name for it");
        assert_eq!(more.roles, ["node"]);
        assert_eq!(more.approved_scopes.as_deref(), Some(["operator.read".to_owned()].as_slice()));
    }

    #[test]
    fn connected_devices_come_first_and_ours_is_marked() {
        let devices = devices(&list(), "aa", true);
        assert_eq!(devices.paired.iter().map(|device| device.ours).collect::<Vec<_>>(), [true, false]);
        assert_eq!(devices.paired[1].tokens[0].made_ms, Some(3));
    }

    #[test]
    fn what_another_program_refuses_says_nothing_about_our_access() {
        let told = |failure: &ConnectFailure, doubt: Option<FailureCode>, awaits_proof| {
            of_link(failure, doubt.map(Failure::bare), awaits_proof).code
        };
        let (stale, unproven) = (FailureCode::GatewayDeviceTokenStale, FailureCode::GatewayUnproven);
        for other in [FailureCode::GatewayOther, FailureCode::GatewayNotOpenClaw] {
            assert_eq!(told(&ConnectFailure::DeviceTokenMismatch, Some(other), true), other);
            assert_eq!(told(&ConnectFailure::NotProven, Some(other), true), other);
            // It was looked at before: the refusal is newer.
            assert_eq!(told(&ConnectFailure::DeviceTokenMismatch, Some(other), false), stale);
        }
        // Where nobody can say whose it is, the refusal is what is known.
        assert_eq!(told(&ConnectFailure::DeviceTokenMismatch, Some(unproven), true), stale);
        assert_eq!(told(&ConnectFailure::NotProven, None, true), unproven);
    }
}
