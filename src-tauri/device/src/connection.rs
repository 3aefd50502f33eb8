//! From an open socket to a session in which both sides have proved who they are.

use std::time::Duration;

use channel::id::DeviceKey;
use channel::proof::{self, Chan, Impostor, Meeting};
use channel::wire::device::{Auth, Bye, FromDevice, Limits, LinkState, Resume, ToDevice, Token};
use channel::wire::{Blob, Code, Hidden, VERSION, Versions};

use crate::event::Goodbye;
use crate::identity::Identity;
use crate::socket::{Socket, SocketError};
use crate::trust::{self, Trust};

/// Why a session did not open.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The identity is bound to nobody.
    #[error("this device is not bound")]
    NotBound,
    /// The socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// It is another service, or it cannot prove that it is the one.
    #[error("not the service that this device was bound to")]
    Impostor(#[from] Impostor),
    /// It would be plain WebSocket, and the device was bound over TLS: there is no way down.
    #[error("this device was bound over TLS and does not go back to plain WebSocket")]
    Downgrade,
    /// Whoever reads a token can be this device.
    #[error("a token leaves this computer only over TLS with a certificate that is known")]
    TokenExposed,
    /// It speaks other versions.
    #[error("the service speaks versions {} to {}", .0.min, .0.max)]
    Version(Versions),
    /// It refused.
    #[error("the service refused ({0})")]
    Refused(Goodbye),
    /// It sent something that this state does not allow.
    #[error("the service did not follow the protocol")]
    Protocol,
    /// The system has no randomness to give.
    #[error("no randomness")]
    Randomness(#[from] getrandom::Error),
}

impl ConnectError {
    /// The code the service refused with.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(goodbye) => goodbye.code,
            Self::Version(_) => Some(Code::Version),
            Self::NotBound
            | Self::Socket(_)
            | Self::Impostor(_)
            | Self::Downgrade
            | Self::TokenExposed
            | Self::Protocol
            | Self::Randomness(_) => None,
        }
    }

    /// Whether the person must bind the device (again) before it can connect.
    pub fn needs_binding(&self) -> bool {
        matches!(self, Self::NotBound) || self.code() == Some(Code::Removed)
    }

    /// The least wait before the next try.
    pub fn retry(&self) -> Duration {
        match self {
            Self::Refused(goodbye) => goodbye.retry,
            Self::NotBound
            | Self::Socket(_)
            | Self::Impostor(_)
            | Self::Downgrade
            | Self::TokenExposed
            | Self::Version(_)
            | Self::Protocol
            | Self::Randomness(_) => Duration::ZERO,
        }
    }
}

/// What the service said first.
#[derive(Clone, Debug)]
pub struct Hello {
    /// Its nonce.
    pub sn: Blob<32>,
    /// Its public key: claimed, not yet proved.
    pub spk: Blob<32>,
    /// Its name.
    pub name: String,
    /// Its store.
    pub epoch: String,
    /// Silence after which one pings.
    pub heartbeat: Duration,
    /// What it takes.
    pub limits: Limits,
}

/// A socket on which the service said hello.
#[derive(Debug)]
pub struct Greeted {
    pub(crate) socket: Socket,
    pub(crate) hello: Hello,
}

impl Greeted {
    /// Opens a socket, to someone who is trusted like this, and reads the hello, within `limit` each.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn dial(authority: &str, trust: Trust, limit: Duration) -> Result<Self, ConnectError> {
        Self::over(Socket::dial(authority, trust, limit).await?, limit).await
    }

    /// Reads the hello on an open socket, within `limit`.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn over(mut socket: Socket, limit: Duration) -> Result<Self, ConnectError> {
        let ToDevice::Hello { v, sn, spk, name, epoch, hb, limits } = next_or_refusal(&mut socket, limit).await? else {
            return Err(ConnectError::Protocol);
        };
        if !(v.min..=v.max).contains(&VERSION) {
            return Err(ConnectError::Version(v));
        }
        let heartbeat = Duration::from_secs(hb.max(1));
        Ok(Self { socket, hello: Hello { sn, spk, name, epoch, heartbeat, limits } })
    }

    /// What the service said.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// The socket, for a test that goes on by hand.
    pub fn into_socket(self) -> Socket {
        self.socket
    }

    pub(crate) fn meeting(&self, cn: Blob<32>) -> Meeting {
        let (sn, spk, chan) = (self.hello.sn.clone(), self.hello.spk.clone(), self.socket.chan().clone());
        Meeting { sn, spk, cn, chan }
    }

    /// Proves this device's key and checks the service's.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn authenticate(mut self, identity: &Identity, limit: Duration) -> Result<Connection, ConnectError> {
        let binding = identity.binding.as_ref().ok_or(ConnectError::NotBound)?;
        match (&binding.certificate, self.socket.chan()) {
            (None, Chan::Plain | Chan::Tls(_)) => {}
            (Some(_), Chan::Plain) => return Err(ConnectError::Downgrade),
            (Some(known), Chan::Tls(seen)) if known == seen => {}
            (Some(_), Chan::Tls(_)) => {
                return Err(SocketError::OtherCertificate { authority: binding.authority.clone() }.into());
            }
        }
        if binding.service_key != self.hello.spk {
            return Err(Impostor::OtherKey.into());
        }
        let cn = nonce()?;
        let meeting = self.meeting(cn.clone());
        let device_key = identity.device_key();
        let (v, epoch, last_n) = (VERSION, identity.epoch.clone(), identity.last_n);
        let frame = match identity.token() {
            Some(token) => {
                if *self.socket.chan() == Chan::Plain && !trust::stays_here(&binding.authority) {
                    return Err(ConnectError::TokenExposed);
                }
                FromDevice::Token(Token { v, token: Hidden(token), cn, epoch, last_n })
            }
            None => {
                let sig = proof::sign_auth(&identity.signing_key(), &meeting);
                FromDevice::Auth(Auth { v, device_key: device_key.as_str().into(), cn, epoch, last_n, sig })
            }
        };
        self.socket.send(&frame).await?;
        let ToDevice::Ready { device_key: named, name, epoch, n, resume, link, answer_s, sig } =
            next_or_refusal(&mut self.socket, limit).await?
        else {
            return Err(ConnectError::Protocol);
        };
        if named != device_key.as_str() {
            return Err(ConnectError::Protocol);
        }
        if !proof::ready_holds(&meeting, &device_key, &sig) {
            return Err(Impostor::BadSignature.into());
        }
        let answer = Duration::from_secs(answer_s);
        let ready = Ready { device_key, name, epoch, n, reset: resume == Resume::Reset, link, answer };
        Ok(Connection { socket: self.socket, hello: self.hello, ready })
    }
}

/// What the service said when it had proved its key.
#[derive(Clone, Debug)]
pub struct Ready {
    /// This device.
    pub device_key: DeviceKey,
    /// What the person calls it.
    pub name: String,
    /// The service's store.
    pub epoch: String,
    /// The highest reply it ever made for this device.
    pub n: u64,
    /// Whether the store is another one than the device remembers.
    pub reset: bool,
    /// The assistant's link.
    pub link: LinkState,
    /// Time until a 9002.
    pub answer: Duration,
}

/// An open session: both sides have proved who they are.
#[derive(Debug)]
pub struct Connection {
    /// The socket.
    pub socket: Socket,
    /// What the service said first.
    pub hello: Hello,
    /// What it said last.
    pub ready: Ready,
}

impl Connection {
    /// Dials the service that `identity` is bound to. `limit` is for each step.
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn open(identity: &Identity, limit: Duration) -> Result<Self, ConnectError> {
        let binding = identity.binding.as_ref().ok_or(ConnectError::NotBound)?;
        let trust = Trust::of(binding.certificate.as_ref());
        Greeted::dial(&binding.authority, trust, limit).await?.authenticate(identity, limit).await
    }
}

/// The next frame; `err` and `bye` are gathered into a refusal that also has the close code.
pub(crate) async fn next_or_refusal(socket: &mut Socket, limit: Duration) -> Result<ToDevice, ConnectError> {
    let mut goodbye = Goodbye::default();
    loop {
        match socket.next_within(limit).await {
            Ok(ToDevice::Err(err)) => goodbye.hear_err(&err),
            Ok(ToDevice::Bye(Bye { code, retry_ms })) => goodbye.hear_bye(code, retry_ms),
            Ok(ToDevice::Ping { c }) => socket.send(&FromDevice::Pong { c }).await?,
            Ok(frame) => return Ok(frame),
            Err(error) if goodbye.code.is_some() => {
                goodbye.close = error.close();
                return Err(ConnectError::Refused(goodbye));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// 32 random bytes.
pub(crate) fn nonce() -> Result<Blob<32>, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Blob(bytes))
}
