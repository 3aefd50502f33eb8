//! The plugin's connection: greets, checks the proof of the link key, then carries frames between the socket and the hub.
//!
//! The hub answers a good proof with `ready`, or refuses another gateway, through the outbox.

pub(crate) mod state;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite};

use self::state::{Input, Output, Stage, step};
use crate::driver::Unanswered;
use crate::gate::Door;
use crate::house::{House, Visit};
use crate::hub::event::Event;
use crate::line::{Ending, Happening, Line, bye};
use crate::metrics::Held;
use crate::outbox::{self, Outbox};
use crate::proof;
use crate::socket::Socket;
use crate::wire::upstream::{FromPlugin, LinkAuth, ToPlugin};
use crate::wire::{Blob, Close, Code, FrameError, HEARTBEAT_S, LINK_FRAME, Versions};

/// Talks to a plugin until one side ends it, then tells the hub. A panic inside ends only this connection.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(socket: Socket<S>, visit: Visit, house: &House) {
    let ports = &house.ports;
    let (outbox, inlet) = outbox::pair(outbox::LINK_BYTES);
    let mut line = Line::new(socket, inlet, ports.clock, ports.timing, visit.cancel.clone());
    let Some(sn) = house.nonce() else {
        return line.close(Some(bye(Code::Stopping)), Close::Restarting).await;
    };
    let mut session = Session { house, visit, sn, stage: Stage::Greeted(0), outbox: Some(outbox), linked: None };
    let ending = AssertUnwindSafe(session.talk(&mut line)).catch_unwind().await;
    session.leave().await;
    match ending {
        Ok(Ending::Close(bye, close)) => line.close(bye, close).await,
        Ok(Ending::Lost) => {}
        Err(_) => tracing::error!(session = session.visit.session.0, "a plugin session panicked"),
    }
}

struct Session<'a> {
    house: &'a House,
    visit: Visit,
    sn: Blob<32>,
    stage: Stage,
    /// Kept until the hub has it.
    outbox: Option<Outbox>,
    /// There from `LinkReady` on: then the hub waits for a `LinkGone`.
    linked: Option<Held<'a>>,
}

impl Session<'_> {
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>) -> Ending {
        let epoch = self.house.ports.epoch.borrow().to_string();
        line.send(&ToPlugin::Hello { v: Versions::OURS, sn: self.sn.clone(), epoch, hb: HEARTBEAT_S.0 });
        loop {
            let input = match line.next().await {
                Happening::Text(text) => match FromPlugin::decode(&text) {
                    Ok(frame) => Input::Frame(frame),
                    Err(FrameError::Unknown(kind)) => Input::Unknown(kind),
                    Err(FrameError::Malformed(reason)) => {
                        tracing::debug!(session = self.visit.session.0, reason, "a frame was not understood");
                        Input::Malformed
                    }
                },
                Happening::Control => Input::Control,
                Happening::NotAFrame => Input::Malformed,
                Happening::Passed(_) | Happening::Bound(_) | Happening::Unsure => continue,
                Happening::Over(bye, close) => return Ending::Close(bye, close),
                Happening::Gone => return Ending::Lost,
            };
            let (stage, outputs) = step(self.stage, input, |auth| self.holds(auth));
            self.stage = stage;
            for output in outputs {
                match self.perform(line, output).await {
                    Ok(None) => {}
                    Ok(Some(ending)) => return ending,
                    Err(_) => return Ending::Close(Some(bye(Code::Stopping)), Close::Restarting),
                }
            }
        }
    }

    fn holds(&self, auth: &LinkAuth) -> bool {
        proof::link_auth_holds(&self.house.ports.link_key, &self.sn, &auth.cn, &auth.gateway, &auth.mac)
    }

    async fn perform<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        line: &mut Line<S>,
        output: Output,
    ) -> Result<Option<Ending>, Unanswered> {
        let session = self.visit.session;
        let event = match output {
            Output::Send(frame) => {
                line.send(&frame);
                return Ok(None);
            }
            Output::Linked(auth) => {
                let Some(outbox) = self.outbox.take() else { return Ok(None) };
                line.expect_proof(None);
                line.allow(LINK_FRAME);
                self.visit.permit = None;
                self.linked = Some(self.house.metrics.links.hold());
                Event::LinkReady { session, auth, sn: self.sn.clone(), outbox }
            }
            Output::Pass(frame) => Event::FromPlugin { session, frame },
            Output::FailedProof => {
                self.house.failed(self.visit.peer, Door::Link);
                return Ok(None);
            }
            Output::Close(code, close) => return Ok(Some(Ending::Close(code.map(bye), close))),
        };
        self.house.ports.hub.send(event).await?;
        Ok(None)
    }

    /// Tells the hub that the link is over. A hub that has ended does not mind.
    async fn leave(&mut self) {
        if self.linked.take().is_some() {
            let _ = self.house.ports.hub.send(Event::LinkGone { session: self.visit.session }).await;
        }
    }
}

#[cfg(test)]
mod tests;
