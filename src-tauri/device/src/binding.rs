//! From a scanned code to a bound device.

use std::time::Duration;

use channel::id::{DeviceKey, clean_name};
use channel::proof::{self, Impostor, Secret};
use channel::wire::device::{Bind, Confirm, FromDevice, Kind, ToDevice};
use channel::wire::{Blob, Code, VERSION};
use zeroize::Zeroizing;

use crate::connection::{ConnectError, Greeted, next_or_refusal, nonce};
use crate::event::Goodbye;
use crate::identity::{Binding, Keep, SaveError};
use crate::socket::SocketError;

/// Longest wait for each step that needs no person.
const STEP: Duration = Duration::from_secs(10);
/// What is added to the service's own time limit for the person, so that its refusal arrives.
const GRACE: Duration = Duration::from_secs(5);

/// Why a text is not a binding URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindingUrlError {
    /// Something else.
    #[error("not a binding code")]
    NotABindingUrl,
    /// A code of a version that this build does not know.
    #[error("a binding code of a newer version")]
    OtherVersion,
}

impl BindingUrlError {
    /// Whether an update would help.
    pub fn needs_update(self) -> bool {
        self == Self::OtherVersion
    }
}

/// The content of a QR code: `http://ADDRESS:PORT/b#1.<b>.<s>.<k>`.
#[derive(Clone)]
pub struct BindingUrl {
    authority: String,
    b: Blob<8>,
    secret: Secret,
    pin: Blob<16>,
}

impl BindingUrl {
    /// Reads a binding URL. Parts after the fourth are ignored.
    ///
    /// # Errors
    /// See [`BindingUrlError`].
    pub fn parse(text: &str) -> Result<Self, BindingUrlError> {
        Self::read(text.trim())
    }

    fn read(text: &str) -> Result<Self, BindingUrlError> {
        let wrong = BindingUrlError::NotABindingUrl;
        let (place, fragment) = text.split_once('#').ok_or(wrong)?;
        let authority = place.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/b")).ok_or(wrong)?;
        let (address, port) = authority.rsplit_once(':').ok_or(wrong)?;
        let known_address = address == "localhost"
            || address.parse::<std::net::Ipv4Addr>().is_ok()
            || address
                .strip_prefix('[')
                .and_then(|rest| rest.strip_suffix(']'))
                .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
        if !known_address || !port.parse::<u16>().is_ok_and(|port| port != 0) {
            return Err(wrong);
        }
        let mut parts = fragment.split('.');
        match parts.next() {
            Some("1") => {}
            Some(version) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(BindingUrlError::OtherVersion);
            }
            Some(_) | None => return Err(wrong),
        }
        let mut part = || parts.next().ok_or(wrong);
        let b = Blob::parse(part()?).ok_or(wrong)?;
        let secret = Blob::<16>::parse(part()?).ok_or(wrong)?;
        let pin = Blob::parse(part()?).ok_or(wrong)?;
        Ok(Self { authority: authority.into(), b, secret: Zeroizing::new(secret.0), pin })
    }

    /// `ADDRESS:PORT` of the service.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl std::fmt::Debug for BindingUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BindingUrl").field("authority", &self.authority).finish_non_exhaustive()
    }
}

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
            Self::Name | Self::Impostor(_) | Self::Save(_) => None,
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

/// Binds the device in `keep` with a scanned code.
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
    let name = clean_name(&claim.name).ok_or(BindError::Name)?;
    let mut greeted = Greeted::dial(&url.authority, STEP).await?;
    if proof::key_pin(&greeted.hello.spk) != url.pin {
        return Err(Impostor::OtherKey.into());
    }
    keep.save().await?;
    let pk = keep.identity.public_key();
    let meeting = greeted.meeting(nonce().map_err(ConnectError::from)?);
    let mut frame = Bind {
        v: VERSION,
        b: url.b.clone(),
        pk: pk.clone(),
        cn: meeting.cn.clone(),
        name,
        kind: claim.kind,
        confirm: claim.confirm,
        mac: Blob([0; 32]),
    };
    frame.mac = proof::bind_mac(&url.secret, &meeting, &frame);
    greeted.socket.send(&FromDevice::Bind(frame)).await?;
    let ToDevice::BindWait { mac, sig, expires_s } = step(&mut greeted, STEP).await? else {
        return Err(ConnectError::Protocol.into());
    };
    proof::check_bind_wait(&url.secret, Some(&url.pin), &url.b, &meeting, &pk, (&mac, &sig))?;
    if claim.confirm == Confirm::Code {
        show(&format!("{:02}", proof::bind_code(&url.secret, &url.b, &meeting, &pk)));
    }
    greeted.socket.send(&FromDevice::BindShown {}).await?;
    let ToDevice::BindOk { device_key, .. } = wait_for_person(&mut greeted, Duration::from_secs(expires_s)).await?
    else {
        return Err(ConnectError::Protocol.into());
    };
    if DeviceKey::parse(&device_key).is_none_or(|named| named != keep.identity.device_key()) {
        return Err(ConnectError::Protocol.into());
    }
    keep.identity.binding = Some(Binding {
        authority: url.authority.clone(),
        service_key: meeting.spk,
        service: greeted.hello.name.clone(),
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

async fn step(greeted: &mut Greeted, limit: Duration) -> Result<ToDevice, BindError> {
    next_or_refusal(&mut greeted.socket, limit).await.map_err(|error| {
        if let ConnectError::Refused(goodbye) = error { BindError::Refused(goodbye) } else { error.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../../tests/golden/vectors.json")).unwrap()
    }

    #[test]
    fn the_url_of_the_vectors_is_read() {
        let vectors = vectors();
        let url = BindingUrl::parse(vectors["binding_url"].as_str().unwrap()).unwrap();
        assert_eq!(url.authority(), "192.168.1.23:8765");
        assert_eq!(url.b.encode(), vectors["b"].as_str().unwrap());
        assert_eq!(Blob(*url.secret).encode(), vectors["s"].as_str().unwrap());
        assert_eq!(url.pin.encode(), vectors["k"].as_str().unwrap());
        assert!(!format!("{url:?}").contains(vectors["s"].as_str().unwrap()));
    }

    #[test]
    fn the_code_of_the_vectors_is_shown() {
        let vectors = vectors();
        let blob = |key: &str| Blob::<32>::parse(vectors[key].as_str().unwrap()).unwrap();
        let url = BindingUrl::parse(vectors["binding_url"].as_str().unwrap()).unwrap();
        let meeting = proof::Meeting { sn: blob("sn"), spk: blob("spk"), cn: blob("cn"), chan: proof::Chan::Plain };
        let code = proof::bind_code(&url.secret, &url.b, &meeting, &blob("pk"));
        assert_eq!(format!("{code:02}"), vectors["code"].as_str().unwrap());
    }

    #[test]
    fn only_a_whole_binding_url_is_read() {
        let tail = "AQIDBAUGBwg.EBESExQVFhcYGRobHB0eHw.JPbtasv-EAnAMNfKVnwzyg";
        for good in [
            format!("http://127.0.0.1:8765/b#1.{tail}"),
            format!(" http://localhost:1/b#1.{tail}\n"),
            format!("http://[::1]:8765/b#1.{tail}.more.parts"),
        ] {
            assert!(BindingUrl::parse(&good).is_ok(), "{good}");
        }
        for bad in [
            String::new(),
            format!("https://127.0.0.1:8765/b#1.{tail}"),
            format!("http://127.0.0.1:8765/#1.{tail}"),
            format!("http://127.0.0.1/b#1.{tail}"),
            format!("http://127.0.0.1:0/b#1.{tail}"),
            format!("http://::1:8765/b#1.{tail}"),
            format!("http://evil@127.0.0.1:8765/b#1.{tail}"),
            format!("http://example.com:8765/b#1.{tail}"),
            format!("http://127.0.0.1:8765/b?1.{tail}"),
            format!("http://127.0.0.1:8765/b#x.{tail}"),
            "http://127.0.0.1:8765/b#1.AQIDBAUGBwg.EBESExQVFhcYGRobHB0eHw".into(),
            "http://127.0.0.1:8765/b#1.AQIDBAUGBwg=.EBESExQVFhcYGRobHB0eHw.JPbtasv-EAnAMNfKVnwzyg".into(),
        ] {
            assert_eq!(BindingUrl::parse(&bad).err(), Some(BindingUrlError::NotABindingUrl), "{bad}");
        }
        let newer = BindingUrl::parse(&format!("http://127.0.0.1:8765/b#2.{tail}")).unwrap_err();
        assert!(newer.needs_update());
    }
}
