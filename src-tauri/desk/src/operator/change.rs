//! What a person changes about the gateway's devices.

use gateway::{Client, RequestId};

use super::translation;
use crate::control::answer::{GatewayCleared, GatewayDevices};
use crate::failure::{Failure, FailureCode};

/// What can be changed about the gateway's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Let a device in, or give it what it asks for.
    Approve {
        /// Exactly this request.
        request_id: String,
    },
    /// Turn it away.
    Reject {
        /// Exactly this request.
        request_id: String,
    },
    /// Forget a device.
    Remove {
        /// Which.
        device_id: String,
    },
    /// Call it otherwise.
    Rename {
        /// Which.
        device_id: String,
        /// 1 to 64 characters.
        name: String,
    },
    /// Make a token anew.
    Rotate {
        /// Whose.
        device_id: String,
        /// Which.
        role: String,
    },
    /// End a token.
    Revoke {
        /// Whose.
        device_id: String,
        /// Which.
        role: String,
    },
}

/// A connection, and who we are on it.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) client: Client,
    pub(super) ours: String,
}

impl Desk {
    pub(super) async fn devices(&self) -> Result<GatewayDevices, Failure> {
        let list = self.client.devices().await.map_err(|error| translation::of_request(&error))?;
        Ok(translation::devices(&list, &self.ours, self.client.greeting().knows("device.pair.rename")))
    }

    pub(super) async fn change(&self, change: Change) -> Result<(), Failure> {
        let client = &self.client;
        let request = |id: &str| RequestId::parse(id).ok_or_else(|| Failure::bare(FailureCode::GatewayRequestUnknown));
        let done = match &change {
            Change::Approve { request_id } => client.approve(&request(request_id)?).await.map(drop),
            Change::Reject { request_id } => client.reject(&request(request_id)?).await,
            Change::Remove { device_id } => client.remove(self.other(device_id)?).await,
            Change::Rename { device_id, name } => client.rename(device_id, named(name)?).await,
            Change::Rotate { device_id, role } => client.rotate(self.other(device_id)?, role, None).await.map(drop),
            Change::Revoke { device_id, role } => client.revoke(self.other(device_id)?, role).await,
        };
        match &done {
            Ok(()) => tracing::info!(?change, "a person changed the gateway's devices"),
            Err(error) => tracing::info!(?change, %error, "the gateway's devices were not changed"),
        }
        done.map_err(|error| translation::of_request(&error))
    }

    /// A device of the gateway that is not this app, which goes by a wish.
    fn other<'a>(&self, device_id: &'a str) -> Result<&'a str, Failure> {
        if device_id == self.ours { Err(Failure::bare(FailureCode::GatewayOurselves)) } else { Ok(device_id) }
    }

    pub(super) async fn clear(&self, devices: bool) -> Result<GatewayCleared, Failure> {
        match self.client.clear(&self.ours, devices).await {
            Ok(cleared) => {
                tracing::info!(?cleared, "a person cleared the gateway's devices");
                Ok(GatewayCleared { removed: cleared.removed, rejected: cleared.rejected })
            }
            Err((cleared, error)) => {
                tracing::warn!(?cleared, %error, "the gateway's devices were cleared in part");
                Err(translation::of_request(&error))
            }
        }
    }
}

fn named(name: &str) -> Result<&str, Failure> {
    let name = name.trim();
    let good = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    good.then_some(name).ok_or_else(|| Failure::with(FailureCode::BadRequest, "a name has 1 to 64 characters"))
}
