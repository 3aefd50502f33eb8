//! One device's connection: greets, checks the proof, then carries frames between the socket and the hub.
//!
//! What happens when is in `state.rs`; here is only the doing. The hub sends `bind_wait`, `announce_wait`, `bind_ok`, `ready` and everything after it
//! through the outbox.

mod bucket;
pub(crate) mod credential;
pub(crate) mod state;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use self::credential::{Credential, Way};
use self::state::{Input, Output, Proof, Stage, State, step};
use crate::driver::Unanswered;
use crate::gate::Door;
use crate::house::{House, Visit};
use crate::hub::event::{Caller, Event};
use crate::line::{Ending, Happening, Kind, Line, bye};
use crate::metrics::Held;
use crate::outbox::{self, Outbox};
use crate::proof::{self, Chan, Meeting};
use crate::socket::Socket;
use crate::wire::device::{FromDevice, Limits, ToDevice};
use crate::wire::{Blob, Close, Code, DEVICE_FRAME, FrameError, HEARTBEAT_S, Versions};

/// Talks to a device until one side ends it, then tells the hub. A panic inside ends only this connection.
pub(crate) async fn run<S: AsyncRead + AsyncWrite + Unpin>(socket: Socket<S>, visit: Visit, house: &House) {
    let ports = &house.ports;
    let (outbox, inlet) = outbox::pair(outbox::BYTES);
    let mut line = Line::new(socket, inlet, ports.clock, ports.timing, visit.cancel.clone());
    let Some(sn) = house.nonce() else {
        return line.close(Some(bye(Code::Stopping)), Close::Restarting).await;
    };
    let spk = Blob(ports.service_key.verifying_key().to_bytes());
    let way = Way { secure: visit.chan != Chan::Plain, loopback: visit.peer.is_loopback() };
    let mut session = Session {
        house,
        visit,
        sn,
        spk,
        state: State::new(way),
        way,
        outbox: Some(outbox),
        claimed: false,
        online: None,
        unsure: false,
    };
    let ending = AssertUnwindSafe(session.talk(&mut line)).catch_unwind().await;
    session.leave().await;
    match ending {
        Ok(Ending::Close(bye, close)) => line.close(bye, close).await,
        Ok(Ending::Lost) => {}
        Err(_) => tracing::error!(session = session.visit.session.0, "a device session panicked"),
    }
}

struct Session<'a> {
    house: &'a House,
    visit: Visit,
    sn: Blob<32>,
    spk: Blob<32>,
    state: State,
    way: Way,
    /// Kept until the hub has it for this device.
    outbox: Option<Outbox>,
    /// Whether the hub waits for a `BindGone`.
    claimed: bool,
    /// There from `DeviceReady` on: then the hub waits for a `DeviceGone`.
    online: Option<Held<'a>>,
    /// What the hub was told of a device that is online.
    unsure: bool,
}

/// What follows from an output.
enum Next {
    Go,
    Feed(Input),
    End(Ending),
}

impl Session<'_> {
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>) -> Ending {
        let ports = &self.house.ports;
        line.send(&ToDevice::Hello {
            v: Versions::OURS,
            sn: self.sn.clone(),
            spk: self.spk.clone(),
            name: ports.name.as_ref().into(),
            epoch: ports.epoch.borrow().to_string(),
            hb: HEARTBEAT_S.0,
            limits: Limits::OURS,
        });
        loop {
            let happening = line.next().await;
            self.tell_reach(line.is_unsure()).await;
            let mut input = match self.read(line, happening) {
                Next::Go => continue,
                Next::Feed(input) => Some(input),
                Next::End(ending) => return ending,
            };
            while let Some(now) = input.take() {
                let state = std::mem::replace(&mut self.state, State::new(self.way));
                let (state, outputs) = step(state, now, self.house.ports.clock.monotonic_ms());
                self.state = state;
                for output in outputs {
                    match self.perform(line, output).await {
                        Ok(Next::Go) => {}
                        Ok(Next::Feed(next)) => input = Some(next),
                        Ok(Next::End(ending)) => return ending,
                        Err(_) => return Ending::Close(Some(bye(Code::Stopping)), Close::Restarting),
                    }
                }
            }
        }
    }

    fn read<S: AsyncRead + AsyncWrite + Unpin>(&mut self, line: &mut Line<S>, happening: Happening) -> Next {
        match happening {
            Happening::Text(text) => Next::Feed(match FromDevice::decode(&text) {
                Ok(frame) => Input::Frame(frame),
                Err(FrameError::Unknown(kind)) => Input::Unknown(kind),
                Err(FrameError::Malformed(reason)) => {
                    tracing::debug!(session = self.visit.session.0, reason, "a frame was not understood");
                    Input::Malformed
                }
            }),
            Happening::Control => Next::Feed(Input::Control),
            Happening::NotAFrame => Next::Feed(Input::Malformed),
            Happening::Passed(Kind::BindWait | Kind::AnnounceWait) => Next::Feed(Input::ClaimTaken),
            Happening::Passed(Kind::Reply) => {
                self.house.metrics.replies.add();
                Next::Feed(Input::ReplySent)
            }
            Happening::Passed(Kind::Ack) => {
                self.house.metrics.acknowledged.add();
                Next::Go
            }
            Happening::Passed(Kind::Err(_) | Kind::Bye | Kind::Other) | Happening::Unsure => Next::Go,
            Happening::Bound(device) => {
                line.expect_proof(Some(self.house.ports.timing.silent));
                Next::Feed(Input::Confirmed(device))
            }
            Happening::Over(bye, close) => {
                if self.state.stage == Stage::Claiming && line.last_error() == Some(Code::BindingUnknown) {
                    self.house.failed(self.visit.peer, Door::Device);
                }
                Next::End(Ending::Close(bye, close))
            }
            Happening::Gone => Next::End(Ending::Lost),
        }
    }

    async fn perform<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        line: &mut Line<S>,
        output: Output,
    ) -> Result<Next, Unanswered> {
        let session = self.visit.session;
        let event = match output {
            Output::Send(frame) => {
                line.send(&frame);
                return Ok(Next::Go);
            }
            Output::Prove(credential) => {
                line.expect_proof(None);
                return Ok(Next::Feed(Input::Proved(self.prove(&credential).await?)));
            }
            Output::Ready(credential) => {
                let Some(event) = self.ready(*credential) else { return Ok(Next::Go) };
                line.allow(DEVICE_FRAME);
                event
            }
            Output::Claim(bind) => {
                let Some(outbox) = self.outbox.clone() else { return Ok(Next::Go) };
                line.expect_proof(None);
                self.visit.permit.as_ref().inspect(|permit| permit.keep());
                self.claimed = true;
                Event::BindClaim { session, bind, caller: self.caller(outbox) }
            }
            Output::Announce(announce) => {
                let Some(outbox) = self.outbox.clone() else { return Ok(Next::Go) };
                // Machines talk here, not people: the nonce must come as fast as a greeting.
                line.expect_proof(Some(self.house.ports.timing.greeting));
                self.visit.permit.as_ref().inspect(|permit| permit.keep());
                self.claimed = true;
                Event::Announce { session, announce, caller: self.caller(outbox) }
            }
            Output::Reveal(cn) => {
                line.expect_proof(None);
                Event::AnnounceReveal { session, cn }
            }
            Output::Shown => Event::BindShown { session },
            Output::Message { id, text } => {
                self.house.metrics.messages.add();
                Event::Message { session, id, text }
            }
            Output::Got(n) => Event::Got { session, n },
            Output::FailedProof => {
                self.house.failed(self.visit.peer, Door::Device);
                return Ok(Next::Go);
            }
            Output::Close(code, close) => return Ok(Next::End(Ending::Close(code.map(bye), close))),
        };
        self.house.ports.hub.send(event).await?;
        Ok(Next::Go)
    }

    fn caller(&self, outbox: Outbox) -> Caller {
        Caller { sn: self.sn.clone(), chan: self.visit.chan.clone(), peer: self.visit.peer, outbox }
    }

    async fn prove(&self, credential: &Credential) -> Result<Proof, Unanswered> {
        // An unknown token says no more than a wrong one: who guesses learns nothing.
        let stranger = match credential {
            Credential::Signed(_) => Proof::UnknownKey,
            Credential::Token(_) => Proof::Bad,
        };
        let Some(device) = credential.device() else { return Ok(stranger) };
        let (reply, answer) = oneshot::channel();
        self.house.ports.hub.send(Event::FindKey { device, reply }).await?;
        let Some(key) = answer.await.map_err(|_| self.house.ports.hub.why_unanswered())? else { return Ok(stranger) };
        let holds = match credential {
            Credential::Signed(auth) => proof::auth_holds(&key, &self.meeting(&auth.cn), &auth.sig),
            // Whoever has the seed of the key that was found has the key.
            Credential::Token(_) => true,
        };
        Ok(if holds { Proof::Good } else { Proof::Bad })
    }

    fn meeting(&self, cn: &Blob<32>) -> Meeting {
        Meeting { sn: self.sn.clone(), spk: self.spk.clone(), cn: cn.clone(), chan: self.visit.chan.clone() }
    }

    fn ready(&mut self, credential: Credential) -> Option<Event> {
        let device = credential.device()?;
        let (cn, epoch, last_n) = match credential {
            Credential::Signed(auth) => (auth.cn, auth.epoch, auth.last_n),
            Credential::Token(token) => (token.cn, token.epoch, token.last_n),
        };
        let outbox = self.outbox.take()?;
        let sig = proof::sign_ready(&self.house.ports.service_key, &self.meeting(&cn), &device);
        self.visit.permit = None;
        self.online = Some(self.house.metrics.devices.hold());
        let (session, peer) = (self.visit.session, self.visit.peer);
        Some(Event::DeviceReady { session, device, outbox, peer, epoch, last_n, sig })
    }

    /// Tells the hub when an answer to a ping is overdue, and when the device is heard after all. A hub that has ended does not mind.
    async fn tell_reach(&mut self, unsure: bool) {
        if self.online.is_some() && self.unsure != unsure {
            self.unsure = unsure;
            let _ = self.house.ports.hub.send(Event::DeviceReach { session: self.visit.session, unsure }).await;
        }
    }

    /// Tells the hub that the session is over. A hub that has ended does not mind.
    async fn leave(&mut self) {
        let session = self.visit.session;
        let hub = &self.house.ports.hub;
        if std::mem::take(&mut self.claimed) {
            let _ = hub.send(Event::BindGone { session }).await;
        }
        if self.online.take().is_some() {
            let _ = hub.send(Event::DeviceGone { session }).await;
        }
    }
}

#[cfg(test)]
mod tests;
