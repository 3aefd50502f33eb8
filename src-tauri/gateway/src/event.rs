//! What a gateway tells without being asked.

use std::time::Duration;

use serde::Deserialize as _;
use serde_json::Value;

use crate::failure::RequestId;
use crate::pairing::Pending;

/// An event. What this client has no use for is a name without its content: it takes no room.
#[derive(Clone, Debug, PartialEq)]
pub enum GatewayEvent {
    /// A device asks to be paired, or for more. For `operator.pairing`.
    PairRequested(Box<Pending>),
    /// A request was answered, by anybody; a silent approval too. For `operator.pairing`.
    PairResolved {
        /// Which one.
        request_id: RequestId,
        /// Whose.
        device_id: String,
        /// How: `approved` or `rejected`.
        approved: bool,
    },
    /// Something about the devices is different: ask for the list.
    PairChanged,
    /// The configuration on disk is another one.
    ConfigChanged,
    /// The gateway is about to close.
    Shutdown {
        /// When it expects to be back; `None`: it does not come back.
        back_in: Option<Duration>,
    },
    /// Another event.
    Other {
        /// Its name.
        name: String,
    },
}

impl GatewayEvent {
    /// `None`: it says nothing, it only shows that the connection lives.
    pub(crate) fn of_frame(name: String, payload: &Value) -> Option<Self> {
        let odd = |name| Some(Self::Other { name });
        match name.as_str() {
            "tick" => None,
            "device.pair.requested" => Pending::deserialize(payload)
                .map_or_else(|_| odd(name), |pending| Some(Self::PairRequested(Box::new(pending)))),
            "device.pair.resolved" => {
                let request_id = payload["requestId"].as_str().and_then(RequestId::parse);
                let (Some(request_id), Some(device_id)) = (request_id, payload["deviceId"].as_str()) else {
                    return odd(name);
                };
                Some(Self::PairResolved {
                    request_id,
                    device_id: device_id.into(),
                    approved: payload["decision"] == "approved",
                })
            }
            "device.pair.changed" => Some(Self::PairChanged),
            "config.changed" => Some(Self::ConfigChanged),
            "shutdown" => {
                Some(Self::Shutdown { back_in: payload["restartExpectedMs"].as_u64().map(Duration::from_millis) })
            }
            _ => odd(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_events_are_understood() {
        let text = [include_str!("../tests/recorded/pairing-1.json"), include_str!("../tests/recorded/pairing-2.json")];
        let files: Vec<Value> = text.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let recorded =
            files[0]["admin_events"].as_array().unwrap().iter().chain(files[1]["events"].as_array().unwrap());
        let understood: Vec<GatewayEvent> = recorded
            .map(|event| GatewayEvent::of_frame(event["event"].as_str().unwrap().into(), &event["payload"]).unwrap())
            .collect();
        assert_eq!(understood.len(), 16);
        assert!(!understood.iter().any(|event| matches!(event, GatewayEvent::Other { .. })), "{understood:#?}");
        let GatewayEvent::PairRequested(pending) = &understood[3] else { panic!("{:?}", understood[3]) };
        assert!(pending.is_repair && !pending.silent);
        assert_eq!(pending.scopes, ["operator.read"]);
        let resolved =
            understood.iter().filter(|event| matches!(event, GatewayEvent::PairResolved { approved: false, .. }));
        assert_eq!(resolved.count(), 4);
    }

    #[test]
    fn a_tick_is_no_news_and_an_odd_event_keeps_its_name() {
        assert_eq!(GatewayEvent::of_frame("tick".into(), &Value::Null), None);
        let odd = GatewayEvent::of_frame("device.pair.requested".into(), &Value::Null);
        assert_eq!(odd, Some(GatewayEvent::Other { name: "device.pair.requested".into() }));
    }
}
