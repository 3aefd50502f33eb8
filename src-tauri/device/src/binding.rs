//! From a code to a bound device.

use std::time::Duration;

use channel::id::{DeviceKey, clean_name};
use channel::proof::{self, Chan, Impostor, Secret};
use channel::wire::device::{Bind, Confirm, FromDevice, Kind, ToDevice};
use channel::wire::{Blob, Code, VERSION};

use crate::code::{BindingUrl, TypedCode};
use crate::connection::{ConnectError, Greeted, next_or_refusal, nonce};
use crate::event::Goodbye;
use crate::identity::{Binding, Keep, SaveError};
use crate::socket::SocketError;
use crate::trust::Trust;

/// Longest wait for each step that needs no person.
pub(crate) const STEP: Duration = Duration::from_secs(10);
/// What is added to the service's own time limit for the person, so that its refusal arrives.
const GRACE: Duration = Duration::from_secs(5);

/// What a device says of itself when it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it calls itself: 1 to 32 characters, none of them a control character.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How the person can confirm it.
    pub confirm: Confirm,
}

/// Why a device was not bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name is empty, too long or has control characters.
    #[error("not a name for a device")]
    Name,
    /// The socket, or the service before it answered the claim.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It is not the service that made the code. No code was shown.
    #[error("not the service that made this code")]
    Impostor(#[from] Impostor),
    /// A device that asks by itself must show the code.
    #[error("only a device that can show or speak a code may ask by itself")]
    NoScreen,
    /// The code was unknown, expired or used, or the person or a second claim ended it.
    #[error("the binding was refused ({0})")]
    Refused(Goodbye),
    /// The identity could not be kept. The service may list the device; it can be removed there.
    #[error(transparent)]
    Save(#[from] SaveError),
}

impl BindError {
    /// The service's code, where it refused.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(goodbye) => goodbye.code,
            Self::Connect(error) => error.code(),
            Self::Name | Self::Impostor(_) | Self::NoScreen | Self::Save(_) => None,
        }
    }

    /// Whether only a new QR code helps.
    pub fn needs_new_code(&self) -> bool {
        matches!(self.code(), Some(Code::BindingUnknown | Code::BindingRefused))
    }
}

impl From<SocketError> for BindError {
    fn from(error: SocketError) -> Self {
        Self::Connect(error.into())
    }
}

/// Binds the device in `keep` with a scanned code, over TLS where the code names a certificate.
///
/// `show` is called once, with the two digits that the person types at the computer; not for [`Confirm::Allow`]. Then this waits for the
/// person, at most as long as the service said. The identity is on disk before the code is shown and again before this returns. The socket
/// that comes back is the one that was bound: [`Greeted::authenticate`] or [`crate::Session::go_on`] goes on with it.
///
/// # Errors
/// See [`BindError`].
pub async fn bind(
    url: &BindingUrl,
    keep: &mut Keep,
    claim: &Claim,
    show: impl FnOnce(&str),
) -> Result<Greeted, BindError> {
    let greeted = dial(keep, url.authority(), url.trust()).await?;
    bind_on(greeted, url, keep, claim, show).await
}

/// As [`bind`], on a connection that the caller opened.
///
/// # Errors
/// See [`BindError`].
pub async fn bind_on(
    greeted: Greeted,
    url: &BindingUrl,
    keep: &mut Keep,
    claim: &Claim,
    show: impl FnOnce(&str),
) -> Result<Greeted, BindError> {
    let handle = Handle { authority: url.authority(), b: &url.b, secret: &url.secret, key: Some(&url.pin) };
    handle.claim(greeted, keep, claim, show).await
}

/// As [`bind`], with a code that a person typed, and over TLS: certificate and key of the service are learned here, and proved by the code.
///
/// # Errors
/// See [`BindError`].
pub async fn bind_typed(
    code: &TypedCode,
    authority: &str,
    keep: &mut Keep,
    claim: &Claim,
    show: impl FnOnce(&str),
) -> Result<Greeted, BindError> {
    let greeted = dial(keep, authority, Trust::ToBeProved).await?;
    let handle = Handle { authority, b: &code.b, secret: &code.secret, key: None };
    handle.claim(greeted, keep, claim, show).await
}

/// Opens a socket to be bound on.
pub(crate) async fn dial(keep: &Keep, authority: &str, trust: Trust) -> Result<Greeted, BindError> {
    if keep.identity.needs_tls() && trust == Trust::Plain {
        return Err(ConnectError::Downgrade.into());
    }
    Ok(Greeted::dial(authority, trust, STEP).await?)
}

/// A code, scanned or typed, and where it leads.
struct Handle<'a> {
    authority: &'a str,
    b: &'a Blob<8>,
    secret: &'a Secret,
    /// What the service's key begins with, where the code says it.
    key: Option<&'a Blob<16>>,
}

impl Handle<'_> {
    async fn claim(
        self,
        mut greeted: Greeted,
        keep: &mut Keep,
        claim: &Claim,
        show: impl FnOnce(&str),
    ) -> Result<Greeted, BindError> {
        let name = clean_name(&claim.name).ok_or(BindError::Name)?;
        if self.key.is_some_and(|key| proof::key_pin(&greeted.hello.spk) != *key) {
            return Err(Impostor::OtherKey.into());
        }
        keep.save().await?;
        let pk = keep.identity.public_key();
        let meeting = greeted.meeting(nonce().map_err(ConnectError::from)?);
        let mut frame = Bind {
            v: VERSION,
            b: self.b.clone(),
            pk: pk.clone(),
            cn: meeting.cn.clone(),
            name,
            kind: claim.kind,
            confirm: claim.confirm,
            mac: Blob([0; 32]),
        };
        frame.mac = proof::bind_mac(self.secret, &meeting, &frame);
        greeted.socket.send(&FromDevice::Bind(frame)).await?;
        let ToDevice::BindWait { mac, sig, expires_s } = step(&mut greeted, STEP).await? else {
            return Err(ConnectError::Protocol.into());
        };
        proof::check_bind_wait(self.secret, self.key, self.b, &meeting, &pk, (&mac, &sig))?;
        if claim.confirm == Confirm::Code {
            show(&format!("{:02}", proof::bind_code(self.secret, self.b, &meeting, &pk)));
        }
        wait_to_be_bound(greeted, self.authority, keep, Duration::from_secs(expires_s)).await
    }
}

/// The code is shown: the person decides. What comes back is bound, and on disk.
pub(crate) async fn wait_to_be_bound(
    mut greeted: Greeted,
    authority: &str,
    keep: &mut Keep,
    limit: Duration,
) -> Result<Greeted, BindError> {
    greeted.socket.send(&FromDevice::BindShown {}).await?;
    let ToDevice::BindOk { device_key, cert } = wait_for_person(&mut greeted, limit).await? else {
        return Err(ConnectError::Protocol.into());
    };
    if DeviceKey::parse(&device_key).is_none_or(|named| named != keep.identity.device_key()) {
        return Err(ConnectError::Protocol.into());
    }
    let certificate = match greeted.socket.chan() {
        Chan::Plain => None,
        Chan::Tls(seen) => {
            let named = cert.map(|cert| Chan::of_certificate(&cert.0));
            if named.as_ref() != Some(greeted.socket.chan()) {
                return Err(SocketError::OtherCertificate { authority: authority.into() }.into());
            }
            Some(seen.clone())
        }
    };
    keep.identity.script = false;
    keep.identity.binding = Some(Binding {
        authority: authority.into(),
        service_key: greeted.hello.spk.clone(),
        service: greeted.hello.name.clone(),
        certificate,
    });
    keep.identity.forget_count("");
    keep.save().await?;
    Ok(greeted)
}

/// Waits for the person, and keeps the heartbeat while waiting.
async fn wait_for_person(greeted: &mut Greeted, limit: Duration) -> Result<ToDevice, BindError> {
    let end = tokio::time::Instant::now() + limit + GRACE;
    let heartbeat = greeted.hello.heartbeat;
    let mut asked = false;
    loop {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        match step(greeted, heartbeat.min(left)).await {
            Ok(ToDevice::Pong { .. }) => asked = false,
            Err(BindError::Connect(ConnectError::Socket(SocketError::TimedOut(_)))) if !left.is_zero() && !asked => {
                greeted.socket.send(&FromDevice::Ping { c: 0 }).await?;
                asked = true;
            }
            other => return other,
        }
    }
}

pub(crate) async fn step(greeted: &mut Greeted, limit: Duration) -> Result<ToDevice, BindError> {
    next_or_refusal(&mut greeted.socket, limit).await.map_err(|error| {
        if let ConnectError::Refused(goodbye) = error { BindError::Refused(goodbye) } else { error.into() }
    })
}
