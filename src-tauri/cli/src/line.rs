//! The way of one command to a gateway: the app's own link, or a connection of its own.

use desk::control::answer::{DeviceList, GatewayAgents, GatewayCleared, GatewayDevices, Nothing, Supervision};
use desk::control::client::Client;
use desk::control::request::Request;
use desk::failure::{Failure, FailureCode};
use desk::view::{GatewayView, View};
use desk::{Change, Direct};

/// The way.
#[derive(Debug)]
pub(crate) enum Line {
    /// Over the running service.
    App(Box<Client>),
    /// By this command alone.
    Own(Box<Direct>),
}

impl Line {
    /// How it stands, and how the service of this computer's gateway does. The line serves nothing else from now on.
    pub(crate) async fn view(self) -> Result<(GatewayView, Option<Supervision>), Failure> {
        match self {
            Self::App(client) => {
                let mut watch = client.watch::<View>(&Request::ViewWatch {}).await?;
                let view = watch.next().await?.ok_or_else(|| Failure::bare(FailureCode::ControlLost))?;
                Ok((view.gateway, view.care.service))
            }
            Self::Own(direct) => Ok((direct.view().await?, None)),
        }
    }

    pub(crate) async fn devices(&mut self) -> Result<GatewayDevices, Failure> {
        match self {
            Self::App(client) => client.ask(&Request::GatewayDevices {}).await,
            Self::Own(direct) => direct.devices().await,
        }
    }

    /// The gateway's agents, and our devices, which another gateway does not answer.
    pub(crate) async fn agents(&mut self) -> Result<(GatewayAgents, DeviceList), Failure> {
        match self {
            Self::App(client) => {
                let agents = client.ask(&Request::GatewayAgents {}).await?;
                Ok((agents, client.ask(&Request::DevicesList {}).await?))
            }
            Self::Own(direct) => Ok((direct.agents().await?, DeviceList { devices: Vec::new() })),
        }
    }

    pub(crate) async fn change(&mut self, change: Change) -> Result<Nothing, Failure> {
        match self {
            Self::App(client) => client.ask(&request(change)).await,
            Self::Own(direct) => direct.change(change).await.map(|()| Nothing {}),
        }
    }

    pub(crate) async fn clear(&mut self, devices: bool) -> Result<GatewayCleared, Failure> {
        match self {
            Self::App(client) => client.ask(&Request::GatewayClear { devices }).await,
            Self::Own(direct) => direct.clear(devices).await,
        }
    }

    /// Where the gateway is, which this command reached by itself.
    pub(crate) fn own(&self) -> Option<&str> {
        match self {
            Self::App(_) => None,
            Self::Own(direct) => Some(direct.url()),
        }
    }
}

fn request(change: Change) -> Request {
    match change {
        Change::Approve { request_id } => Request::GatewayApprove { request_id },
        Change::Reject { request_id } => Request::GatewayReject { request_id },
        Change::Remove { device_id } => Request::GatewayRemove { device_id },
        Change::Rename { device_id, name } => Request::GatewayRename { device_id, name },
        Change::Rotate { device_id, role } => Request::GatewayRotate { device_id, role },
        Change::Revoke { device_id, role } => Request::GatewayRevoke { device_id, role },
    }
}
