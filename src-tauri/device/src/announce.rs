//! A device that asks by itself to be bound: no code, but six digits that nobody in between can choose.

use std::time::Duration;

use channel::id::clean_name;
use channel::proof::announce::{check_answer, code, commitment};
use channel::wire::VERSION;
use channel::wire::device::{Announce, Confirm, FromDevice, ToDevice};

use crate::binding::{BindError, Claim, STEP, dial, step, wait_to_be_bound};
use crate::connection::{ConnectError, Greeted, nonce};
use crate::identity::Keep;
use crate::trust::Trust;

/// Asks the service at `authority` to bind the device in `keep`, over TLS. `show` is called once, with the six digits that the person types
/// at the computer; then this waits for the person as [`crate::bind`] does, and gives back the same.
///
/// Whoever answers is trusted with nothing but the name: the digits speak of his key and certificate, and somebody in between has others.
///
/// # Errors
/// See [`BindError`].
pub async fn announce(
    authority: &str,
    keep: &mut Keep,
    claim: &Claim,
    show: impl FnOnce(&str),
) -> Result<Greeted, BindError> {
    let name = clean_name(&claim.name).ok_or(BindError::Name)?;
    if claim.confirm != Confirm::Code {
        return Err(BindError::NoScreen);
    }
    let mut greeted = dial(keep, authority, Trust::ToBeProved).await?;
    keep.save().await?;
    let pk = keep.identity.public_key();
    let meeting = greeted.meeting(nonce().map_err(ConnectError::from)?);
    let commit = commitment(&pk, &meeting.cn);
    let asks = Announce { v: VERSION, pk: pk.clone(), name, kind: claim.kind, commit };
    greeted.socket.send(&FromDevice::Announce(asks.clone())).await?;
    let ToDevice::AnnounceWait { an, sig, expires_s } = step(&mut greeted, STEP).await? else {
        return Err(ConnectError::Protocol.into());
    };
    check_answer(&asks, &meeting, &an, &sig)?;
    greeted.socket.send(&FromDevice::AnnounceReveal { cn: meeting.cn.clone() }).await?;
    show(&format!("{:06}", code(&meeting, &an, &pk)));
    wait_to_be_bound(greeted, authority, keep, Duration::from_secs(expires_s)).await
}
