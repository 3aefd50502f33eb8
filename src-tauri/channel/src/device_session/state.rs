//! The state table of docs/PROTOCOL.md section 3. Pure: every input gives the next state and what to do.

use super::bucket::Bucket;
use super::credential::{Credential, Way};
use crate::id::{DeviceKey, MessageId};
use crate::proof::announce;
use crate::wire::device::{Announce, Auth, Bind, ErrFrame, FromDevice, ToDevice, Token};
use crate::wire::{self, Blob, Close, Code, Versions};

/// Numbers on the wire stay below this: JSON of other languages has no larger integers.
const NUMBERS: u64 = 1 << 53;

/// Where a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `hello` went out.
    Greeted,
    /// `auth` or `token` came, and it is being checked.
    Proving(Box<Credential>),
    /// `announce` came; the hub has not answered yet.
    Announcing(Box<Announce>),
    /// The hub named its nonce; the device has to name the one that it committed itself to.
    Announced(Box<Announce>),
    /// `bind` came; the hub has not answered yet.
    Claiming,
    /// The code was right, or the nonce.
    Claimed,
    /// The person can see the device's code.
    Confirming,
    /// The person confirmed: only this device may authenticate.
    Bound(DeviceKey),
    /// The device proved its key.
    Ready,
    /// Over; nothing is answered any more.
    Closed,
}

/// A session's whole memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Where it stands.
    pub(crate) stage: Stage,
    way: Way,
    greetings: u32,
    messages: Bucket,
    others: Bucket,
    replies: u32,
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A frame came.
    Frame(FromDevice),
    /// A frame of an unknown type came.
    Unknown(String),
    /// A WebSocket ping or pong came.
    Control,
    /// Something came that is not a frame.
    Malformed,
    /// The answer to [`Output::Prove`].
    Proved(Proof),
    /// The hub took the claim or the announcement: its `bind_wait` or `announce_wait` is on its way.
    ClaimTaken,
    /// The person confirmed.
    Confirmed(DeviceKey),
    /// A `reply` went to the device, which may answer it with `got`.
    ReplySent,
}

/// What became of `auth` or `token`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The device has the key.
    Good,
    /// Unknown or removed.
    UnknownKey,
    /// The signature is not by this device's key, or the token is nobody's.
    Bad,
}

/// What a session does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Send a frame.
    Send(ToDevice),
    /// Find the key and check the proof; then [`Input::Proved`].
    Prove(Box<Credential>),
    /// Tell the hub that the device is there.
    Ready(Box<Credential>),
    /// Hand the claim to the hub.
    Claim(Box<Bind>),
    /// Hand the announcement to the hub.
    Announce(Box<Announce>),
    /// Tell the hub the nonce of an announcement, which is the one that the device committed itself to.
    Reveal(Blob<32>),
    /// Tell the hub that the code is shown.
    Shown,
    /// Hand a message to the hub.
    Message {
        /// Message id.
        id: String,
        /// Words.
        text: String,
    },
    /// Hand a confirmation to the hub.
    Got(u64),
    /// Count a failed proof against the address.
    FailedProof,
    /// End the connection: `bye` with the code, if there is one, then the close frame.
    Close(Option<Code>, Close),
}

impl State {
    /// Before the first frame.
    pub(crate) fn new(way: Way) -> Self {
        Self {
            stage: Stage::Greeted,
            way,
            greetings: 0,
            messages: Bucket::new(wire::MESSAGE_RATE),
            others: Bucket::new(wire::MESSAGE_RATE),
            replies: 0,
        }
    }

    fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    fn refuse(self, error: ErrFrame, close: Close) -> (Self, Vec<Output>) {
        let code = error.code;
        (self.at(Stage::Closed), vec![Output::Send(ToDevice::Err(error)), Output::Close(Some(code), close)])
    }

    fn failed_proof(self) -> (Self, Vec<Output>) {
        let (state, mut outputs) = self.refuse(ErrFrame::of(Code::NotAuthenticated), Close::Refused);
        outputs.insert(0, Output::FailedProof);
        (state, outputs)
    }

    fn violation(self) -> (Self, Vec<Output>) {
        self.refuse(ErrFrame::of(Code::NotUnderstood), Close::Protocol)
    }

    fn too_fast(self, retry_ms: Option<u64>) -> (Self, Vec<Output>) {
        let error = ErrFrame { retry_ms, ..ErrFrame::of(Code::TooFast) };
        self.refuse(error, Close::TooFast)
    }
}

/// One step. `now_ms`: the service's monotonic clock.
pub(crate) fn step(state: State, input: Input, now_ms: u64) -> (State, Vec<Output>) {
    if state.stage == Stage::Closed {
        return (state, Vec::new());
    }
    match input {
        Input::Frame(FromDevice::Bye { .. }) => (state.at(Stage::Closed), vec![Output::Close(None, Close::Normal)]),
        Input::Frame(frame) => match admit(state, &Class::of(&frame), now_ms) {
            Ok(state) if numbers_fit(&frame) => on_frame(state, frame, now_ms),
            Ok(state) => state.violation(),
            Err(refused) => refused,
        },
        Input::Control => {
            admit(state, &Class::Heartbeat, now_ms).map_or_else(|refused| refused, |state| (state, Vec::new()))
        }
        Input::Unknown(of) => match admit(state, &Class::Other, now_ms) {
            Ok(state) => {
                let error = ErrFrame { of: Some(of), ..ErrFrame::of(Code::NotUnderstood) };
                (state, vec![Output::Send(ToDevice::Err(error))])
            }
            Err(refused) => refused,
        },
        Input::Malformed => state.violation(),
        Input::Proved(proof) => on_proof(state, proof),
        Input::ClaimTaken => (claim_taken(state), Vec::new()),
        Input::Confirmed(device) if matches!(state.stage, Stage::Claimed | Stage::Confirming) => {
            (state.at(Stage::Bound(device)), Vec::new())
        }
        Input::Confirmed(_) => (state, Vec::new()),
        Input::ReplySent => {
            let replies = (state.replies + 1).min(MOST_GOT_DUE);
            (State { replies, ..state }, Vec::new())
        }
    }
}

/// Replies in flight, twice: a `got` for each of them is never too fast.
const MOST_GOT_DUE: u32 = 2 * wire::IN_FLIGHT.0 as u32;

/// A frame, as far as the limits care.
enum Class {
    Heartbeat,
    Message,
    Got,
    Other,
}

impl Class {
    fn of(frame: &FromDevice) -> Self {
        match frame {
            FromDevice::Ping { .. } | FromDevice::Pong { .. } => Self::Heartbeat,
            FromDevice::Msg { .. } => Self::Message,
            FromDevice::Got { .. } => Self::Got,
            FromDevice::Bind(_)
            | FromDevice::BindShown {}
            | FromDevice::Announce(_)
            | FromDevice::AnnounceReveal { .. }
            | FromDevice::Auth(_)
            | FromDevice::Token(_)
            | FromDevice::Bye { .. } => Self::Other,
        }
    }
}

/// The limits on how many frames may come, and how fast. Messages have a limit of their own, which does not close.
fn admit(mut state: State, class: &Class, now_ms: u64) -> Result<State, (State, Vec<Output>)> {
    match (&state.stage, class) {
        (Stage::Ready, Class::Message) => return Ok(state),
        (Stage::Ready, Class::Got) if state.replies > 0 => {
            state.replies -= 1;
            return Ok(state);
        }
        // A person takes up to two minutes to confirm: heartbeats meanwhile are not attempts.
        (Stage::Ready, _) | (Stage::Claimed | Stage::Confirming | Stage::Bound(_), Class::Heartbeat) => {}
        (
            Stage::Greeted
            | Stage::Proving(_)
            | Stage::Announcing(_)
            | Stage::Announced(_)
            | Stage::Claiming
            | Stage::Claimed
            | Stage::Confirming
            | Stage::Bound(_)
            | Stage::Closed,
            _,
        ) => {
            state.greetings += 1;
            return if state.greetings > wire::GREETING_FRAMES { Err(state.too_fast(None)) } else { Ok(state) };
        }
    }
    match state.others.take(now_ms) {
        Ok(()) => Ok(state),
        Err(retry_ms) => Err(state.too_fast(Some(retry_ms))),
    }
}

fn numbers_fit(frame: &FromDevice) -> bool {
    let number = match frame {
        FromDevice::Got { n } => *n,
        FromDevice::Ping { c } | FromDevice::Pong { c } => *c,
        FromDevice::Auth(auth) => auth.last_n,
        FromDevice::Token(token) => token.last_n,
        FromDevice::Bind(_)
        | FromDevice::BindShown {}
        | FromDevice::Announce(_)
        | FromDevice::AnnounceReveal { .. }
        | FromDevice::Msg { .. }
        | FromDevice::Bye { .. } => 0,
    };
    number < NUMBERS
}

fn on_frame(state: State, frame: FromDevice, now_ms: u64) -> (State, Vec<Output>) {
    match (&state.stage, frame) {
        (_, FromDevice::Ping { c }) => (state, vec![Output::Send(ToDevice::Pong { c })]),
        (_, FromDevice::Pong { .. }) => (state, Vec::new()),
        (Stage::Greeted | Stage::Bound(_), FromDevice::Auth(auth)) => on_auth(state, auth),
        (Stage::Greeted, FromDevice::Token(token)) => on_token(state, token),
        (Stage::Greeted, FromDevice::Announce(announce)) => on_announce(state, announce),
        (Stage::Announced(_), FromDevice::AnnounceReveal { cn }) => on_reveal(state, cn),
        (Stage::Greeted, FromDevice::Bind(bind)) if !spoken(bind.v) => {
            state.refuse(ErrFrame::of(Code::Version), Close::Protocol)
        }
        (Stage::Greeted, FromDevice::Bind(bind)) => (state.at(Stage::Claiming), vec![Output::Claim(Box::new(bind))]),
        (Stage::Claimed, FromDevice::BindShown {}) => (state.at(Stage::Confirming), vec![Output::Shown]),
        (Stage::Ready, FromDevice::Msg { id, text }) => on_message(state, id, text, now_ms),
        (Stage::Ready, FromDevice::Got { n }) => (state, vec![Output::Got(n)]),
        (
            _,
            FromDevice::Auth(_)
            | FromDevice::Token(_)
            | FromDevice::Bind(_)
            | FromDevice::BindShown {}
            | FromDevice::Announce(_)
            | FromDevice::AnnounceReveal { .. }
            | FromDevice::Msg { .. }
            | FromDevice::Got { .. }
            | FromDevice::Bye { .. },
        ) => state.violation(),
    }
}

fn spoken(version: u32) -> bool {
    (Versions::OURS.min..=Versions::OURS.max).contains(&version)
}

fn on_auth(state: State, auth: Auth) -> (State, Vec<Output>) {
    if !spoken(auth.v) {
        return state.refuse(ErrFrame::of(Code::Version), Close::Protocol);
    }
    if matches!(&state.stage, Stage::Bound(device) if device.as_str() != auth.device_key) {
        return state.violation();
    }
    prove(state, Credential::Signed(auth))
}

/// A token is a key that travels: only where nobody listens.
fn on_token(state: State, token: Token) -> (State, Vec<Output>) {
    if !spoken(token.v) {
        return state.refuse(ErrFrame::of(Code::Version), Close::Protocol);
    }
    if !(state.way.secure || state.way.loopback) {
        return state.refuse(ErrFrame::of(Code::NotAllowed), Close::Refused);
    }
    prove(state, Credential::Token(token))
}

fn prove(state: State, credential: Credential) -> (State, Vec<Output>) {
    let credential = Box::new(credential);
    (state.at(Stage::Proving(credential.clone())), vec![Output::Prove(credential)])
}

fn on_announce(state: State, announce: Announce) -> (State, Vec<Output>) {
    if !spoken(announce.v) {
        return state.refuse(ErrFrame::of(Code::Version), Close::Protocol);
    }
    if !state.way.secure {
        return state.refuse(ErrFrame::of(Code::NotAllowed), Close::Refused);
    }
    let announce = Box::new(announce);
    (state.at(Stage::Announcing(announce.clone())), vec![Output::Announce(announce)])
}

fn on_reveal(state: State, cn: Blob<32>) -> (State, Vec<Output>) {
    let Stage::Announced(announce) = &state.stage else { return state.violation() };
    if announce::commitment(&announce.pk, &cn) == announce.commit {
        (state.at(Stage::Claimed), vec![Output::Reveal(cn)])
    } else {
        state.failed_proof()
    }
}

fn claim_taken(mut state: State) -> State {
    state.stage = match state.stage {
        Stage::Claiming => Stage::Claimed,
        Stage::Announcing(announce) => Stage::Announced(announce),
        stage @ (Stage::Greeted
        | Stage::Proving(_)
        | Stage::Announced(_)
        | Stage::Claimed
        | Stage::Confirming
        | Stage::Bound(_)
        | Stage::Ready
        | Stage::Closed) => stage,
    };
    state
}

fn on_proof(state: State, proof: Proof) -> (State, Vec<Output>) {
    let Stage::Proving(credential) = &state.stage else { return (state, Vec::new()) };
    match proof {
        Proof::Good => {
            let credential = credential.clone();
            (state.at(Stage::Ready), vec![Output::Ready(credential)])
        }
        Proof::UnknownKey => state.refuse(ErrFrame::of(Code::Removed), Close::Removed),
        Proof::Bad => state.failed_proof(),
    }
}

fn on_message(mut state: State, id: String, text: String, now_ms: u64) -> (State, Vec<Output>) {
    if MessageId::parse(&id).is_none() {
        return state.violation();
    }
    if let Err(retry_ms) = state.messages.take(now_ms) {
        let error = ErrFrame { retry_ms: Some(retry_ms), ..ErrFrame::of(Code::TooFast).about(&id) };
        return (state, vec![Output::Send(ToDevice::Err(error))]);
    }
    if text.is_empty() || text.len() > wire::TEXT {
        return (state, vec![Output::Send(ToDevice::Err(ErrFrame::of(Code::TooLong).about(&id)))]);
    }
    (state, vec![Output::Message { id, text }])
}

#[cfg(test)]
mod tests;
