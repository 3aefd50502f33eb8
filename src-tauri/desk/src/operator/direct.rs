//! A connection of one command to a gateway that its arguments name, beside the app's own link and without it.
//!
//! OpenClaw's own rules: with a URL nothing of the configuration or the environment is sent there, only the secret that was given with it.

use std::time::Duration;

use gateway::{Auth, Client, ConnectFailure, NoProof, Shared, Who};
use tokio::time::timeout;

use super::change::{Change, Desk};
use super::elsewhere::{self, address, proof, reach};
use super::owner::prove;
use super::surroundings;
use super::{introduction, of_connecting, routing, translation};
use crate::control::answer::{GatewayAgents, GatewayCleared, GatewayDevices, GatewayReach};
use crate::control::request::GatewaySecret;
use crate::failure::{Failure, FailureCode};
use crate::folders::Folders;
use crate::running::computer_name;
use crate::secrets::Vault;
use crate::settings::{OtherGateway, Settings};
use crate::view::{GatewayState, GatewayView};

/// What lets a gateway do everything that devices need.
const ADMIN: &str = "operator.admin";

/// How a command gets to a gateway.
#[derive(Clone, Debug)]
pub struct Way {
    /// `wss://HOST:PORT`, or `ws:` in a private network. `None`: the gateway of this computer.
    pub url: Option<String>,
    /// SHA-256 of the one certificate that is trusted, for `wss:`.
    pub tls_fingerprint: Option<String>,
    /// What it wants.
    pub secret: GatewaySecret,
    /// Longest wait, for the connection and for each answer.
    pub limit: Duration,
    /// The person was told that a `ws:` connection can be read on the network.
    pub readable: bool,
}

/// The connection.
#[derive(Debug)]
pub struct Direct {
    desk: Desk,
    url: String,
    limit: Duration,
}

impl Direct {
    /// Connects: with the secret alone where the gateway lets one do that, as on its own computer; else as this app, which its owner has to approve.
    ///
    /// # Errors
    /// `gateway_address_bad`, `gateway_not_encrypted` and the others of a connection.
    pub async fn open(way: &Way, folders: &Folders) -> Result<Self, Failure> {
        let shared = way.secret.shared()?;
        let opening = async {
            match &way.url {
                Some(url) => {
                    let (url, tls_fingerprint) = (url.clone(), way.tls_fingerprint.clone());
                    there(way, folders, &OtherGateway { url, tls_fingerprint }, shared).await
                }
                None => here(way, shared).await,
            }
        };
        let slow = || Failure::with(FailureCode::GatewayUnreachable, format!("no answer within {:?}", way.limit));
        timeout(way.limit, opening).await.unwrap_or_else(|_| Err(slow()))
    }

    /// Where the gateway is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How it stands, in the words of the view.
    ///
    /// # Errors
    /// What the gateway says when it is asked for its devices.
    pub async fn view(&self) -> Result<GatewayView, Failure> {
        let pending = self.devices().await?.pending;
        Ok(GatewayView {
            state: GatewayState::Online,
            url: Some(self.url.clone()),
            version: Some(self.desk.client.greeting().version.clone()),
            pending,
            ..GatewayView::off(channel::clock::Clock::start().wall_ms())
        })
    }

    /// Which devices it knows, and who asks.
    ///
    /// # Errors
    /// What the gateway says; `gateway_no_answer`.
    pub async fn devices(&self) -> Result<GatewayDevices, Failure> {
        self.patiently(self.desk.devices()).await
    }

    /// Its agents. None of our devices is answered through this connection.
    ///
    /// # Errors
    /// As [`Direct::devices`].
    pub async fn agents(&self) -> Result<GatewayAgents, Failure> {
        self.patiently(routing::agents(&self.desk.client, &[])).await
    }

    /// Changes a device.
    ///
    /// # Errors
    /// As [`Direct::devices`].
    pub async fn change(&self, change: Change) -> Result<(), Failure> {
        self.patiently(self.desk.change(change)).await
    }

    /// Turns everybody away who asks; `devices`: removes all of them, too.
    ///
    /// # Errors
    /// As [`Direct::devices`].
    pub async fn clear(&self, devices: bool) -> Result<GatewayCleared, Failure> {
        self.patiently(self.desk.clear(devices)).await
    }

    async fn patiently<T>(&self, asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        timeout(self.limit, asking).await.unwrap_or_else(|_| Err(Failure::bare(FailureCode::GatewayNoAnswer)))
    }
}

async fn there(way: &Way, folders: &Folders, other: &OtherGateway, shared: Shared) -> Result<Direct, Failure> {
    let address = address(other)?;
    if !way.readable && reach(&address) == GatewayReach::Readable {
        return Err(Failure::bare(FailureCode::GatewayNotEncrypted));
    }
    let us = introduction(&computer_name());
    let show = || Auth::Shared(shared.clone(), proof(&address));
    let alone = Client::connect(&address, &us, Who::Repair, &show(), gateway::events()).await;
    let (client, ours) = match alone {
        Ok(client) if client.greeting().scopes.iter().any(|scope| scope == ADMIN) => (client, String::new()),
        Ok(_) | Err(ConnectFailure::IdentityRequired) => {
            let settings = Settings::load(&folders.settings_file())?;
            let identity = Vault::new(&folders.data, settings.secrets_in_file).identity().await?;
            let who = Who::Device(&identity);
            match Client::connect(&address, &us, who, &show(), gateway::events()).await {
                Ok(client) => (client, identity.device_id().to_owned()),
                Err(failure) => return Err(elsewhere::unfit(&failure, &address).await),
            }
        }
        Err(failure) => return Err(elsewhere::unfit(&failure, &address).await),
    };
    Ok(Direct { desk: Desk { client, ours }, url: address.url(), limit: way.limit })
}

/// The gateway's own secret goes out only where it is proven that this user's gateway listens.
async fn here(way: &Way, shared: Shared) -> Result<Direct, Failure> {
    let found = surroundings::find().await?;
    let (doubt, proof) = prove(&found, &found.address).await;
    let proof = proof.map_err(|why| {
        doubt.unwrap_or_else(|| {
            of_connecting(match why {
                NoProof::Nobody => &ConnectFailure::NobodyListens,
                NoProof::Another | NoProof::Unknown => &ConnectFailure::NotProven,
            })
        })
    })?;
    let auth = Auth::Shared(shared, proof);
    let connected =
        Client::connect(&found.address, &introduction(&computer_name()), Who::Repair, &auth, gateway::events()).await;
    let client = connected.map_err(|failure| {
        // It was given here, and is not what the configuration says.
        if failure.needs_token() { translation::of_connecting_elsewhere(&failure) } else { of_connecting(&failure) }
    })?;
    Ok(Direct { desk: Desk { client, ours: String::new() }, url: found.address.url(), limit: way.limit })
}
