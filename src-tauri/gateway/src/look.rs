//! Who answers at an address, seen before anybody trusts it: nothing is sent but handshakes.

use crate::address::Address;
use crate::failure::{ConnectFailure, Step, Stranger};
use crate::hello::{HELLO_LIMIT, challenge, text};
use crate::socket::{Socket, reach};
use crate::trust::{self, Certificate};

/// Looks, within [`HELLO_LIMIT`]. Gives the certificate that is shown there, trusted or not; `None`: the address is plain.
///
/// # Errors
/// See [`ConnectFailure`]: nobody is there, or it is no OpenClaw gateway. What the certificate is worth is no failure.
pub async fn look(address: &Address) -> Result<Option<Certificate>, ConnectFailure> {
    let mut step = Step::Reach;
    let looked = tokio::time::timeout(HELLO_LIMIT, look_patiently(address, &mut step)).await;
    looked.unwrap_or(Err(ConnectFailure::TimedOut(step)))
}

async fn look_patiently(address: &Address, step: &mut Step) -> Result<Option<Certificate>, ConnectFailure> {
    let certificate = if address.is_encrypted() {
        let tcp = reach(address).await?;
        *step = Step::Encrypt;
        Some(trust::look(tcp, address.host()).await?)
    } else {
        None
    };
    // The one that was seen and no other, so that both looks are at the same gateway.
    let seen = certificate.and_then(|certificate| address.pinned(certificate.fingerprint));
    let mut socket = Socket::open(seen.as_ref().unwrap_or(address), step).await?;
    *step = Step::Challenge;
    let first = text(&mut socket).await.map_err(ConnectFailure::Closed)?;
    let is_gateway = challenge(&first).is_some();
    socket.close().await;
    if is_gateway { Ok(certificate) } else { Err(ConnectFailure::NotAGateway(Stranger::OtherWebSocket)) }
}
