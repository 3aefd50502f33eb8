//! Does what a [`Link`] decides: one task for each link.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Effect, Event, Link, NoProof, State};
use crate::address::Address;
use crate::connection::{self, Client};
use crate::event::GatewayEvent;
use crate::failure::ConnectFailure;
use crate::hello::{Auth, Introduction, Shared, Who};
use crate::identity::Identity;
use crate::proof::Proof;
use crate::token::Token;

/// Commands that wait for a link that is busy with another one.
const COMMANDS: usize = 16;

/// Who owns a link: knows where secrets are kept, and can find out who listens.
pub trait Owner: Send + Sync + 'static {
    /// Whether it is the user's gateway that listens at this place, now. Looks without side effects.
    fn prove(&self, address: &Address) -> impl Future<Output = Result<Proof, NoProof>> + Send;
    /// The gateway's shared secret as it is now, read again.
    fn secret(&self) -> impl Future<Output = Option<Shared>> + Send;
    /// Keeps the device token, or forgets it. Returns at once: whoever writes to a keyring does it elsewhere.
    fn keep(&self, device_token: Option<&Token>);
}

/// What is to be seen of a link.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it stands.
    pub state: State,
    /// The connection, while there is one.
    pub client: Option<Client>,
}

/// A running link. Dropping it ends the connection.
#[derive(Debug)]
pub struct Handle {
    commands: mpsc::Sender<Event>,
    seen: watch::Receiver<Seen>,
    events: broadcast::Sender<GatewayEvent>,
}

impl Handle {
    /// What is to be seen, now and whenever it changes.
    pub fn seen(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }

    /// The connection, while there is one.
    pub fn client(&self) -> Option<Client> {
        self.seen.borrow().client.clone()
    }

    /// The gateway's events, over all connections. After [`State::Online`] ask for the whole state: what came in between is not told.
    pub fn events(&self) -> broadcast::Receiver<GatewayEvent> {
        self.events.subscribe()
    }

    /// Begins, or tries again at once after a wait or a pause.
    pub async fn start(&self) {
        self.send(Event::Start).await;
    }

    /// Ends the connection until [`Handle::start`].
    pub async fn stop(&self) {
        self.send(Event::Stop).await;
    }

    /// Another shared secret is known: it is used where the one before was refused.
    pub async fn set_secret(&self, secret: Option<Shared>) {
        self.send(Event::Secret(secret)).await;
    }

    async fn send(&self, event: Event) {
        // The task ends with this handle, or with its runtime: then nobody hears.
        let _ = self.commands.send(event).await;
    }
}

/// Runs a link on tokio, and starts it.
pub fn keep_connected(mut link: Link, introduction: Introduction, identity: Identity, owner: impl Owner) -> Handle {
    let (commands, asked) = mpsc::channel(COMMANDS);
    let events = connection::events();
    let (show, seen) = watch::channel(Seen { state: link.state(), client: None });
    let first = link.handle(Event::Start, Instant::now().into_std(), 0);
    let address = link.address.clone();
    let trip = Arc::new(Trip { address, introduction, identity, owner, events: events.clone() });
    tokio::spawn(Driver { link, trip, show, errand: None, client: None, wake: None }.run(first, asked));
    Handle { commands, seen, events }
}

/// What every errand needs.
struct Trip<O> {
    address: Address,
    introduction: Introduction,
    identity: Identity,
    owner: O,
    events: broadcast::Sender<GatewayEvent>,
}

impl<O: Owner> Trip<O> {
    async fn dial(&self, auth: &Auth) -> Result<Client, ConnectFailure> {
        if matches!(auth, Auth::DeviceToken(_)) && self.owner.prove(&self.address).await == Err(NoProof::Another) {
            return Err(ConnectFailure::NotProven);
        }
        let who = Who::Device(&self.identity);
        Client::connect(&self.address, &self.introduction, who, auth, self.events.clone()).await
    }
}

enum Outcome {
    Proof(Result<Proof, NoProof>),
    Secret(Option<Shared>),
    Dialed(Result<Client, ConnectFailure>),
}

type Errand = Pin<Box<dyn Future<Output = Outcome> + Send>>;

struct Driver<O> {
    link: Link,
    trip: Arc<Trip<O>>,
    show: watch::Sender<Seen>,
    errand: Option<Errand>,
    client: Option<Client>,
    wake: Option<Instant>,
}

impl<O: Owner> Driver<O> {
    async fn run(mut self, first: Vec<Effect>, mut asked: mpsc::Receiver<Event>) {
        self.perform(first);
        loop {
            let event = tokio::select! {
                command = asked.recv() => match command {
                    Some(command) => command,
                    None => return,
                },
                outcome = outcome(&mut self.errand) => {
                    self.errand = None;
                    self.returned(outcome)
                }
                close = ended(self.client.as_ref()) => {
                    self.client = None;
                    Event::Closed(close)
                }
                () = woken(self.wake) => {
                    self.wake = None;
                    Event::Woke
                }
            };
            // Without randomness the shortest wait is the wait: the policy bounds it.
            let random = getrandom::u64().unwrap_or(0);
            let effects = self.link.handle(event, Instant::now().into_std(), random);
            self.perform(effects);
        }
    }

    fn returned(&mut self, outcome: Outcome) -> Event {
        match outcome {
            Outcome::Proof(proof) => Event::Proof(proof),
            Outcome::Secret(secret) => Event::Secret(secret),
            Outcome::Dialed(Ok(client)) => {
                let device_token = client.greeting().device_token.clone();
                self.client = Some(client);
                Event::Connected { device_token }
            }
            Outcome::Dialed(Err(failure)) => {
                tracing::info!(%failure, "no connection to the gateway");
                Event::Failed(failure)
            }
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let trip = Arc::clone(&self.trip);
            match effect {
                Effect::Dial(auth) => self.begin(Box::pin(async move { Outcome::Dialed(trip.dial(&auth).await) })),
                Effect::AskProof => {
                    self.begin(Box::pin(async move { Outcome::Proof(trip.owner.prove(&trip.address).await) }))
                }
                Effect::AskSecret => self.begin(Box::pin(async move { Outcome::Secret(trip.owner.secret().await) })),
                Effect::Keep(token) => trip.owner.keep(Some(&token)),
                Effect::Forget => trip.owner.keep(None),
                Effect::HangUp => (self.errand, self.client, self.wake) = (None, None, None),
                Effect::WakeAt(then) => self.wake = Some(Instant::from_std(then)),
            }
        }
        let (state, client) = (self.link.state(), self.client.clone());
        self.show.send_if_modified(|seen| {
            let changed = seen.state != state;
            *seen = Seen { state, client };
            changed
        });
    }

    fn begin(&mut self, errand: Errand) {
        (self.errand, self.wake) = (Some(errand), None);
    }
}

async fn outcome(errand: &mut Option<Errand>) -> Outcome {
    match errand {
        Some(errand) => errand.await,
        None => pending().await,
    }
}

async fn ended(client: Option<&Client>) -> crate::close::Close {
    match client {
        Some(client) => client.ended().await,
        None => pending().await,
    }
}

async fn woken(wake: Option<Instant>) {
    match wake {
        Some(wake) => sleep_until(wake).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::retry::Remedy;

    /// Says this of whoever listens.
    struct Sees(NoProof);

    impl Owner for Sees {
        async fn prove(&self, _: &Address) -> Result<Proof, NoProof> {
            Err(self.0)
        }

        async fn secret(&self) -> Option<Shared> {
            None
        }

        fn keep(&self, _: Option<&Token>) {}
    }

    /// A link with a device token, to whoever listens there.
    fn link(listener: &TcpListener, sees: NoProof) -> Handle {
        let address = Address::local(listener.local_addr().unwrap().port());
        let link = Link::new(address, Some(Token::new("device-token".into())), None);
        let us = Introduction { display_name: "a test".into(), version: "1".into(), scopes: Vec::new() };
        keep_connected(link, us, Identity::from_seed(&[7; Identity::SEED_BYTES]), Sees(sees))
    }

    #[tokio::test]
    async fn a_program_that_is_not_the_gateway_is_not_even_called() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let handle = link(&listener, NoProof::Another);
        let mut seen = handle.seen();
        let paused = |seen: &Seen| matches!(seen.state, State::Paused { remedy: Remedy::ProveGateway, .. });
        seen.wait_for(paused).await.unwrap();
        let called = tokio::select! {
            biased;
            _ = listener.accept() => true,
            () = std::future::ready(()) => false,
        };
        assert!(!called);
        // The twin: where nobody can tell, the same link calls.
        let handle = link(&listener, NoProof::Unknown);
        listener.accept().await.unwrap();
        drop(handle);
    }
}
