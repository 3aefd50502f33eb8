//! Keeps one connection to one gateway alive: which secret is shown to whom and when, and when to stop.
//!
//! A plain state machine: [`Link::handle`] takes an event and the time, and returns what is to be done. [`keep_connected`](crate::keep_connected) does it.
//!
//! Invariants, each with a test:
//! - the shared secret goes out only with a [`Proof`] that is good at that moment, and one proof is good for one try;
//! - a program that is known not to be the user's gateway is shown nothing, not even the device token;
//! - a device token is forgotten only after such a proof: a stranger on the port cannot make us forget it;
//! - after a refusal of a secret there is one other way to try, once; then it waits for a person.

pub(crate) mod driver;

use std::time::{Duration, Instant};

use crate::address::Address;
use crate::close::Close;
use crate::failure::ConnectFailure;
use crate::hello::{Auth, Shared};
use crate::proof::Proof;
use crate::retry::{Next, ReconnectPolicy, Remedy};
use crate::token::Token;

/// What a connection must live for to count as one: earlier ends are failures like others.
const STABLE: Duration = Duration::from_secs(60);

/// Between two questions whose gateway it is.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Begin, or begin again: a person says that it may be different now.
    Start,
    /// End, until [`Event::Start`].
    Stop,
    /// The answer to [`Effect::AskProof`].
    Proof(Result<Proof, NoProof>),
    /// The answer to [`Effect::AskSecret`], or news without a question. `None`: there is none.
    Secret(Option<Shared>),
    /// [`Effect::Dial`] came about.
    Connected {
        /// `auth.deviceToken` of the greeting.
        device_token: Option<Token>,
    },
    /// [`Effect::Dial`] failed.
    Failed(ConnectFailure),
    /// The connection ended.
    Closed(Close),
    /// The time of [`Effect::WakeAt`] came.
    Woke,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoProof {
    /// Nobody listens there now.
    Nobody,
    /// Somebody else's program listens there, for certain.
    Another,
    /// Nobody can tell whose it is that listens.
    Unknown,
}

/// What is to be done. At most one of dialing, asking and waiting is under way; a new one ends the others.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Connect, and show this. A device token alone is shown to everybody who may be the gateway: [`ConnectFailure::NotProven`] where it is [`NoProof::Another`].
    Dial(Auth),
    /// Find out whether it is the user's gateway that listens: without side effects, now.
    AskProof,
    /// Read the gateway's shared secret again, from where the user keeps it.
    AskSecret,
    /// Keep this device token, over the one before.
    Keep(Token),
    /// Forget the device token: this gateway says it is worth nothing, and it is the right gateway.
    Forget,
    /// End the connection, or the attempt.
    HangUp,
    /// Send [`Event::Woke`] then.
    WakeAt(Instant),
}

/// What the owner shows.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Nobody wants a connection.
    Off,
    /// On the way.
    Connecting,
    /// Connected.
    Online,
    /// It will try again by itself.
    Waiting {
        /// Then.
        until: Instant,
        /// Why it is not connected.
        failure: ConnectFailure,
    },
    /// Somebody must do something.
    Paused {
        /// What.
        remedy: Remedy,
        /// Why it is not connected.
        failure: ConnectFailure,
        /// Then it looks whether somebody did.
        look_again: Option<Instant>,
    },
}

/// Which way a try goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Nothing,
    DeviceToken,
    Shared,
    Both,
}

#[derive(Clone, Debug)]
enum Phase {
    Off,
    /// Waits for a proof, to go this way.
    Proving(Way),
    /// Waits for the secret.
    Asking,
    Dialing(Way),
    Online(Instant),
    Waiting(Instant, Way),
    Paused {
        remedy: Remedy,
        look_again: Option<Instant>,
        way: Way,
    },
}

/// What may be done once between two good connections.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    shared: bool,
    both: bool,
    asked: bool,
}

/// One gateway, one device.
#[derive(Debug)]
pub struct Link {
    address: Address,
    shared: Option<Shared>,
    device_token: Option<Token>,
    /// The device token was refused here, and nobody has proven yet that it was the right gateway that did.
    refused: bool,
    phase: Phase,
    spent: Spent,
    failure: Option<ConnectFailure>,
    policy: ReconnectPolicy,
}

impl Link {
    /// A link that is off. `device_token`: the one that was kept for this gateway.
    pub fn new(address: Address, device_token: Option<Token>, shared: Option<Shared>) -> Self {
        let (spent, policy) = (Spent::default(), ReconnectPolicy::default());
        Self { address, shared, device_token, refused: false, phase: Phase::Off, spent, failure: None, policy }
    }

    /// What to show.
    pub fn state(&self) -> State {
        match (&self.phase, &self.failure) {
            (Phase::Off, _) => State::Off,
            (Phase::Proving(_) | Phase::Asking | Phase::Dialing(_), _) => State::Connecting,
            (Phase::Online(_), _) => State::Online,
            (Phase::Waiting(until, _), Some(failure)) => State::Waiting { until: *until, failure: failure.clone() },
            (Phase::Paused { remedy, look_again, .. }, Some(failure)) => {
                State::Paused { remedy: *remedy, failure: failure.clone(), look_again: *look_again }
            }
            // Nobody waits or pauses without a reason, but the first try may have to wait for its turn.
            (Phase::Waiting(..) | Phase::Paused { .. }, None) => State::Connecting,
        }
    }

    /// What is to be done about an event, `random` being evenly spread over all of `u64`. An event that does not fit is passed by.
    pub fn handle(&mut self, event: Event, now: Instant, random: u64) -> Vec<Effect> {
        match (event, self.phase.clone()) {
            (Event::Start, Phase::Off | Phase::Waiting(..) | Phase::Paused { .. }) => {
                (self.spent, self.refused) = (Spent::default(), false);
                self.policy.reset();
                self.go(self.best(), now)
            }
            (Event::Stop, _) => {
                (self.phase, self.failure) = (Phase::Off, None);
                vec![Effect::HangUp]
            }
            (Event::Proof(proof), Phase::Proving(way)) => self.proven(proof, way, now, random),
            (Event::Secret(secret), Phase::Asking) => self.told(secret, now, random),
            (Event::Secret(secret), phase) => self.news(secret, &phase, now),
            (Event::Connected { device_token }, Phase::Dialing(way)) => self.connected(device_token, way, now),
            (Event::Failed(failure), Phase::Dialing(way)) => self.failed(failure, way, now, random),
            (Event::Closed(close), Phase::Online(since)) => self.closed(close, since, now, random),
            (Event::Woke, Phase::Waiting(until, way) | Phase::Paused { look_again: Some(until), way, .. }) => {
                if until <= now { self.go(way, now) } else { vec![Effect::WakeAt(until)] }
            }
            (
                Event::Start
                | Event::Proof(_)
                | Event::Connected { .. }
                | Event::Failed(_)
                | Event::Closed(_)
                | Event::Woke,
                _,
            ) => Vec::new(),
        }
    }

    /// The device token is shown first: it is worth nothing without this device's key.
    fn best(&self) -> Way {
        match (&self.device_token, &self.shared) {
            (Some(_), _) if !self.refused => Way::DeviceToken,
            (_, Some(_)) => Way::Shared,
            (_, None) => Way::Nothing,
        }
    }

    fn go(&mut self, way: Way, now: Instant) -> Vec<Effect> {
        match way {
            Way::Nothing | Way::DeviceToken => self.dial(way, None, now),
            Way::Shared | Way::Both => {
                self.phase = Phase::Proving(way);
                vec![Effect::AskProof]
            }
        }
    }

    fn proven(&mut self, proof: Result<Proof, NoProof>, way: Way, now: Instant, random: u64) -> Vec<Effect> {
        let proof = match proof {
            Ok(proof) if proof.covers(&self.address, now) => proof,
            Err(NoProof::Nobody) => {
                self.failure = Some(ConnectFailure::NobodyListens);
                return self.rest(&ConnectFailure::NobodyListens, way, now, random);
            }
            Ok(_) | Err(NoProof::Another | NoProof::Unknown) => return self.stand_off(way, now),
        };
        let mut effects = Vec::new();
        if self.refused && self.device_token.take().is_some() {
            effects.push(Effect::Forget);
        }
        self.refused = false;
        effects.extend(self.dial(way, Some(proof), now));
        effects
    }

    /// Waits for a proof.
    fn stand_off(&mut self, way: Way, now: Instant) -> Vec<Effect> {
        // What was refused before is what a person should know; at the first try there is no such thing.
        self.failure.get_or_insert(ConnectFailure::NotProven);
        // Asking again costs nothing, and shows nothing to anybody.
        let look_again = Some(now + LOOK_AGAIN);
        self.phase = Phase::Paused { remedy: Remedy::ProveGateway, look_again, way };
        look_again.map(Effect::WakeAt).into_iter().collect()
    }

    fn dial(&mut self, way: Way, proof: Option<Proof>, now: Instant) -> Vec<Effect> {
        if let Err(then) = self.policy.admit(now) {
            self.phase = Phase::Waiting(then, way);
            return vec![Effect::WakeAt(then)];
        }
        let auth = match (way, proof, self.shared.clone(), self.device_token.clone()) {
            (Way::Both, Some(proof), Some(shared), Some(token)) => Auth::Both(shared, token, proof),
            (Way::Shared | Way::Both, Some(proof), Some(shared), _) => Auth::Shared(shared, proof),
            (Way::DeviceToken, _, _, Some(token)) => Auth::DeviceToken(token),
            (Way::Nothing | Way::DeviceToken | Way::Shared | Way::Both, ..) => Auth::Nothing,
        };
        self.phase = Phase::Dialing(way);
        vec![Effect::Dial(auth)]
    }

    fn connected(&mut self, device_token: Option<Token>, way: Way, now: Instant) -> Vec<Effect> {
        (self.phase, self.failure, self.refused) = (Phase::Online(now), None, false);
        if way != Way::DeviceToken {
            // The secret is good: if this device is signed out in the next minute, it may be shown again.
            self.spent = Spent::default();
        }
        match device_token {
            Some(token) if self.device_token.as_ref() != Some(&token) => {
                self.device_token = Some(token.clone());
                vec![Effect::Keep(token)]
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn failed(&mut self, failure: ConnectFailure, way: Way, now: Instant, random: u64) -> Vec<Effect> {
        self.failure = Some(failure.clone());
        if failure == ConnectFailure::NotProven && way == Way::DeviceToken {
            return self.stand_off(way, now);
        }
        let other_way = if failure.is_stale_device_token() {
            self.refused = true;
            // Beside a wrong shared secret it says that both are wrong.
            if way == Way::DeviceToken { self.shared_once() } else { None }
        } else if failure == ConnectFailure::ScopeMismatch {
            self.shared_once()
        } else if failure.needs_token() && way == Way::Shared && self.device_token.is_some() && !self.spent.both {
            self.spent.both = true;
            Some(Way::Both)
        } else {
            None
        };
        if let Some(way) = other_way {
            return self.go(way, now);
        }
        let unknown = failure.needs_token() || failure.is_stale_device_token();
        if unknown && !self.spent.asked {
            self.spent.asked = true;
            self.phase = Phase::Asking;
            return vec![Effect::AskSecret];
        }
        self.rest(&failure, way, now, random)
    }

    fn shared_once(&mut self) -> Option<Way> {
        let once = self.shared.is_some() && !self.spent.shared;
        self.spent.shared |= once;
        once.then_some(Way::Shared)
    }

    fn closed(&mut self, close: Close, since: Instant, now: Instant, random: u64) -> Vec<Effect> {
        if now.saturating_duration_since(since) >= STABLE {
            self.spent = Spent::default();
            self.policy.reset();
        }
        if close == Close::Ours {
            self.phase = Phase::Off;
            return Vec::new();
        }
        let failure = ConnectFailure::Closed(close);
        self.failure = Some(failure.clone());
        // Signed out, too: whether the device token is still worth something, the answer to it says.
        self.rest(&failure, self.best(), now, random)
    }

    /// Waits, or pauses.
    fn rest(&mut self, failure: &ConnectFailure, way: Way, now: Instant, random: u64) -> Vec<Effect> {
        match self.policy.after_failure(failure, random) {
            Next::RetryAfter(wait) => {
                // Whatever became known since: a proof is asked for again, a refused token is not shown again.
                let way = if way == Way::DeviceToken { self.best() } else { way };
                self.phase = Phase::Waiting(now + wait, way);
                vec![Effect::WakeAt(now + wait)]
            }
            Next::Pause { remedy, look_again } => {
                let look_again = look_again.map(|wait| now + wait);
                self.phase = Phase::Paused { remedy, look_again, way };
                look_again.map(Effect::WakeAt).into_iter().collect()
            }
        }
    }

    fn told(&mut self, secret: Option<Shared>, now: Instant, random: u64) -> Vec<Effect> {
        if secret.is_some() && secret != self.shared {
            self.shared = secret;
            self.spent.shared = true;
            return self.go(Way::Shared, now);
        }
        let failure = self.failure.clone().unwrap_or(ConnectFailure::TokenMissing);
        self.rest(&failure, self.best(), now, random)
    }

    /// A secret that nobody asked for now: worth a try where it was what is missing.
    fn news(&mut self, secret: Option<Shared>, phase: &Phase, now: Instant) -> Vec<Effect> {
        let other = secret.is_some() && secret != self.shared;
        self.shared = secret.or(self.shared.take());
        let wanted = matches!(phase, Phase::Paused { remedy: Remedy::GiveSecret | Remedy::ConfigureSecret, .. });
        if !(other && wanted) {
            return Vec::new();
        }
        self.spent = Spent { shared: true, asked: true, both: false };
        self.go(Way::Shared, now)
    }
}

#[cfg(test)]
mod tests;
