//! The state table of the plugin's link, docs/PROTOCOL.md section 4. Pure.

use crate::wire::device::ErrFrame;
use crate::wire::upstream::{FromPlugin, LinkAuth, ToPlugin};
use crate::wire::{self, Close, Code, Versions};

/// Longest version text of a plugin or gateway, in bytes.
const VERSION_TEXT: usize = 64;

/// Where a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `hello` went out; so many frames came.
    Greeted(u32),
    /// The plugin proved the link key.
    Linked,
    /// Over; nothing is answered any more.
    Closed,
}

/// What happens to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A frame came.
    Frame(FromPlugin),
    /// A frame of an unknown type came.
    Unknown(String),
    /// A WebSocket ping or pong came.
    Control,
    /// Something came that is not a frame.
    Malformed,
}

/// What a link does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Send a frame.
    Send(ToPlugin),
    /// Tell the hub that a plugin proved the link key.
    Linked(Box<LinkAuth>),
    /// Hand a frame to the hub.
    Pass(FromPlugin),
    /// Count a failed proof against the address.
    FailedProof,
    /// End the connection: `bye` with the code, if there is one, then the close frame.
    Close(Option<Code>, Close),
}

/// One step. `holds`: whether an `auth` proves the link key.
pub(crate) fn step(stage: Stage, input: Input, holds: impl FnOnce(&LinkAuth) -> bool) -> (Stage, Vec<Output>) {
    let stage = match stage {
        Stage::Closed => return (stage, Vec::new()),
        Stage::Greeted(wire::GREETING_FRAMES) => return refuse(Code::TooFast, Close::TooFast),
        Stage::Greeted(count) => Stage::Greeted(count + 1),
        Stage::Linked => stage,
    };
    match (stage, input) {
        (_, Input::Frame(FromPlugin::Bye { .. })) => (Stage::Closed, vec![Output::Close(None, Close::Normal)]),
        (_, Input::Frame(FromPlugin::Ping { c })) => (stage, vec![Output::Send(ToPlugin::Pong { c })]),
        (_, Input::Frame(FromPlugin::Pong { .. }) | Input::Control) => (stage, Vec::new()),
        (_, Input::Unknown(of)) => {
            let error = ErrFrame { of: Some(of), ..ErrFrame::of(Code::NotUnderstood) };
            (stage, vec![Output::Send(ToPlugin::Err(error))])
        }
        (Stage::Greeted(_), Input::Frame(FromPlugin::Auth(auth))) => on_auth(auth, holds),
        (Stage::Linked, Input::Frame(frame)) if !matches!(frame, FromPlugin::Auth(_)) => {
            (stage, vec![Output::Pass(frame)])
        }
        (_, Input::Malformed | Input::Frame(_)) => refuse(Code::NotUnderstood, Close::Protocol),
    }
}

fn on_auth(auth: LinkAuth, holds: impl FnOnce(&LinkAuth) -> bool) -> (Stage, Vec<Output>) {
    if !(Versions::OURS.min..=Versions::OURS.max).contains(&auth.v) {
        return refuse(Code::Version, Close::Protocol);
    }
    if !well_formed(&auth) {
        return refuse(Code::NotUnderstood, Close::Protocol);
    }
    if !holds(&auth) {
        let (stage, mut outputs) = refuse(Code::NotAuthenticated, Close::Refused);
        outputs.insert(0, Output::FailedProof);
        return (stage, outputs);
    }
    (Stage::Linked, vec![Output::Linked(Box::new(auth))])
}

/// The texts are shown to a person and kept: 32 letters and digits, and two short lines.
fn well_formed(auth: &LinkAuth) -> bool {
    let short = |text: &str| text.len() <= VERSION_TEXT && !text.chars().any(char::is_control);
    auth.gateway.len() == 32
        && auth.gateway.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && short(&auth.plugin)
        && short(&auth.host)
}

fn refuse(code: Code, close: Close) -> (Stage, Vec<Output>) {
    (Stage::Closed, vec![Output::Send(ToPlugin::Err(ErrFrame::of(code))), Output::Close(Some(code), close)])
}

#[cfg(test)]
mod tests;
