//! A connection of our own to the gateway, beside the link: for a repair, and to see whether it helped.

use gateway::{Auth, Client, ConnectFailure, NoProof, Shared, Token, Who};

use super::{Means, Workshop};
use crate::failure::{Failure, FailureCode};
use crate::operator::of_connecting;
use crate::operator::owner::prove;
use crate::operator::surroundings::Found;
use crate::view::{GatewayState, GatewayView};

/// What is shown to the gateway.
#[derive(Debug)]
pub(super) enum Show {
    /// The token that it gave us: to nobody who is known to be somebody else.
    Ours(Token),
    /// Its own secret: only with a proof at this very connection.
    Shared(Shared),
    /// Neither is known.
    Nothing,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Refused {
    /// The gateway, or whoever listens.
    Gateway(ConnectFailure),
    /// The place where our key is.
    Vault(Failure),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Gateway(failure) => of_connecting(&failure),
            Refused::Vault(failure) => failure,
        }
    }
}

impl Workshop {
    /// Nothing of another computer's gateway can be seen or mended from here; what was found here before says nothing about it.
    pub(super) fn is_here(&self) -> Result<(), Failure> {
        if !self.operator.aim().is_elsewhere() {
            return Ok(());
        }
        self.view.send_modify(|view| {
            view.findings.clear();
            view.looked_ms = None;
        });
        Err(Failure::bare(FailureCode::GatewayElsewhere))
    }
}

/// Connects as this app.
pub(super) async fn connect(means: &Means, found: &Found, show: Show) -> Result<Client, Refused> {
    let identity = means.vault.identity().await.map_err(Refused::Vault)?;
    dial(means, found, Who::Device(&identity), show).await
}

/// Connects with the gateway's own secret and without a key: what one may do who sits at this computer.
pub(super) async fn connect_for_repair(means: &Means, found: &Found, shared: Shared) -> Result<Client, Refused> {
    dial(means, found, Who::Repair, Show::Shared(shared)).await
}

async fn dial(means: &Means, found: &Found, who: Who<'_>, show: Show) -> Result<Client, Refused> {
    let auth = match show {
        Show::Ours(token) => match prove(found, &found.address).await.1 {
            Err(NoProof::Another) => return Err(Refused::Gateway(ConnectFailure::NotProven)),
            Ok(_) | Err(NoProof::Nobody | NoProof::Unknown) => Auth::DeviceToken(token),
        },
        Show::Nothing => Auth::Nothing,
        Show::Shared(shared) => match prove(found, &found.address).await.1 {
            Ok(proof) => Auth::Shared(shared, proof),
            Err(NoProof::Nobody) => return Err(Refused::Gateway(ConnectFailure::NobodyListens)),
            Err(NoProof::Another | NoProof::Unknown) => return Err(Refused::Gateway(ConnectFailure::NotProven)),
        },
    };
    let events = gateway::events();
    let client = Client::connect(&found.address, &means.introduction, who, &auth, events).await;
    client.map_err(Refused::Gateway)
}

/// As the link would come in: by our own token, else by the gateway's secret. What the gateway gives is kept.
pub(super) async fn come_in(means: &Means, found: &Found, shared: Option<Shared>) -> Result<Client, Refused> {
    let url = found.address.url();
    let ours = means.vault.gateway_token(&url).await.map_err(Refused::Vault)?;
    let show = match (ours, shared) {
        (Some(token), _) => Show::Ours(token),
        (None, Some(shared)) => Show::Shared(shared),
        (None, None) => Show::Nothing,
    };
    let client = connect(means, found, show).await?;
    keep(means, found, &client).await.map_err(Refused::Vault)?;
    Ok(client)
}

/// Keeps the token that the gateway gave, if it gave one.
pub(super) async fn keep(means: &Means, found: &Found, client: &Client) -> Result<(), Failure> {
    let Some(token) = &client.greeting().device_token else { return Ok(()) };
    crate::redact::here().learn_passing(token.reveal().as_bytes());
    means.vault.keep_gateway_token(&found.address.url(), Some(token)).await
}

impl Refused {
    /// The gateway's refusal; `Err`: it did not come to one.
    pub(super) fn of_gateway(self) -> Result<ConnectFailure, Failure> {
        match self {
            Self::Gateway(failure) => Ok(failure),
            Self::Vault(failure) => Err(failure),
        }
    }
}

/// A wish that cannot be fulfilled any more.
pub(super) fn gone() -> Failure {
    Failure::bare(FailureCode::GatewayRequestUnknown)
}

/// What a link that does not work says, where a look may say more.
pub(super) fn trouble(view: &GatewayView) -> Option<FailureCode> {
    let passes = |code: &FailureCode| [FailureCode::GatewayBusy, FailureCode::GatewayDown].contains(code);
    let code = view.failure.as_ref().map(|failure| failure.code)?;
    match view.state {
        GatewayState::Stuck => Some(code),
        GatewayState::Waiting => Some(code).filter(|code| !passes(code)),
        GatewayState::Off | GatewayState::Connecting | GatewayState::Online => None,
    }
}
