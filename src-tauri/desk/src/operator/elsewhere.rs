//! Which gateway is meant: the one of this computer, or one of another computer that the person chose.
//!
//! Its token or password goes to the address that the person saw, and nowhere else: over TLS to the certificate that the system or the person
//! trusts; without TLS only after the person was told that the network can read it.

use std::time::Instant;

use gateway::{
    Address, AddressError, Auth, CertificateTrouble, Client, ConnectFailure, Fingerprint, Introduction, Proof, Shared,
    Who,
};
use serde_json::json;
use tokio::sync::watch;

use super::surroundings::{self, Found};
use super::translation;
use crate::control::answer::{CertificateView, GatewayChosen, GatewayLook, GatewayReach, NotTrusted};
use crate::failure::{Failure, FailureCode};
use crate::secrets::Vault;
use crate::settings::OtherGateway;

/// Longest token or password, bytes.
const LONGEST: usize = 1_024;

/// Which gateway is meant. Clones mean the same.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    vault: Vault,
    other: watch::Sender<Option<OtherGateway>>,
}

impl Aim {
    pub(super) fn new(other: Option<OtherGateway>, vault: &Vault) -> Self {
        Self { vault: vault.clone(), other: watch::Sender::new(other) }
    }

    pub(super) fn set(&self, other: Option<OtherGateway>) {
        self.other.send_replace(other);
    }

    /// Whether it is one of another computer.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.other.borrow().is_some()
    }

    /// Where it is, and its secret.
    ///
    /// # Errors
    /// Those of [`surroundings::find`], and what the place of our secrets says.
    pub(super) async fn find(&self) -> Result<Found, Failure> {
        let other = self.other.borrow().clone();
        match other {
            None => surroundings::find().await,
            Some(other) => {
                let secret = self.vault.elsewhere_secret(&other).await?;
                Ok(Found::elsewhere(address(&other)?, secret))
            }
        }
    }
}

/// The address, with its certificate.
///
/// # Errors
/// `gateway_address_bad`, `gateway_address_public`.
pub(super) fn address(other: &OtherGateway) -> Result<Address, Failure> {
    let pin = match &other.tls_fingerprint {
        None => None,
        Some(text) => Some(Fingerprint::parse(text).ok_or_else(|| bad("the fingerprint has 64 hexadecimal digits"))?),
    };
    Address::parse(&other.url, pin).map_err(|error| match error {
        AddressError::PlainAndPublic(ip) => Failure::with(FailureCode::GatewayAddressPublic, ip.to_string()),
        error @ (AddressError::NotAnAddress | AddressError::Decorated | AddressError::PinWithoutTls) => {
            bad(&error.to_string())
        }
    })
}

fn bad(detail: &str) -> Failure {
    Failure::with(FailureCode::GatewayAddressBad, detail)
}

/// What makes it safe to show the secret there: TLS itself, or that the person was told who can read it without.
pub(super) fn proof(address: &Address) -> Proof {
    let now = Instant::now();
    Proof::of_certificate(address.clone(), now).unwrap_or_else(|| Proof::of_person(address.clone(), now))
}

/// Where a connection goes, and who can read it.
pub(super) fn reach(address: &Address) -> GatewayReach {
    match (address.is_encrypted(), address.is_loopback()) {
        (true, _) => GatewayReach::Encrypted,
        (false, true) => GatewayReach::Computer,
        (false, false) => GatewayReach::Readable,
    }
}

/// Looks who answers there. Nothing is sent but handshakes.
///
/// # Errors
/// `gateway_address_bad`, `gateway_address_public`, `gateway_unreachable`, `gateway_not_openclaw` and the like.
pub(super) async fn look(url: &str) -> Result<GatewayLook, Failure> {
    let address = address(&OtherGateway { url: url.to_owned(), tls_fingerprint: None })?;
    let certificate =
        gateway::look(&address).await.map_err(|failure| translation::of_connecting_elsewhere(&failure))?;
    let certificate = certificate.map(|certificate| CertificateView {
        fingerprint: certificate.fingerprint.to_string(),
        not_trusted: certificate.trouble.map(|trouble| match trouble {
            CertificateTrouble::Expired => NotTrusted::Expired,
            CertificateTrouble::NotYetValid => NotTrusted::NotYetValid,
            CertificateTrouble::OtherName => NotTrusted::OtherName,
            CertificateTrouble::Other { .. } | CertificateTrouble::NotTrusted | CertificateTrouble::NoTls => {
                NotTrusted::Unknown
            }
        }),
    });
    Ok(GatewayLook { url: address.url(), reach: reach(&address), certificate })
}

/// Connects there once, as the link would. `plain`: the person was told that the network can read it.
///
/// # Errors
/// Why not. A gateway that first asks its owner about us is no failure.
pub(super) async fn try_out(
    vault: &Vault,
    introduction: &Introduction,
    other: &OtherGateway,
    shared: Option<Shared>,
    plain: bool,
) -> Result<GatewayChosen, Failure> {
    let address = address(other)?;
    if !plain && !address.is_encrypted() {
        return Err(Failure::bare(FailureCode::GatewayNotEncrypted));
    }
    let identity = vault.identity().await?;
    let auth = shared.map_or(Auth::Nothing, |shared| Auth::Shared(shared, proof(&address)));
    let who = Who::Device(&identity);
    match Client::connect(&address, introduction, who, &auth, gateway::events()).await {
        Ok(client) => {
            if let Some(token) = &client.greeting().device_token {
                crate::redact::here().learn_passing(token.reveal().as_bytes());
                vault.keep_gateway_token(&address.url(), Some(token)).await?;
            }
            Ok(GatewayChosen { version: Some(client.greeting().version.clone()), request_id: None })
        }
        Err(ConnectFailure::PairingRequired(pairing)) => {
            let request_id = pairing.request_id.map(|id| id.as_str().to_owned());
            Ok(GatewayChosen { version: None, request_id })
        }
        Err(failure) => Err(unfit(&failure, &address).await),
    }
}

/// Why there is no connection; of a certificate that nobody knows, with what names it.
pub(super) async fn unfit(failure: &ConnectFailure, address: &Address) -> Failure {
    let told = translation::of_connecting_elsewhere(failure);
    if told.code != FailureCode::GatewayCertificateUnknown {
        return told;
    }
    match gateway::look(address).await {
        Ok(Some(certificate)) => {
            Failure::with(told.code, json!({ "fingerprint": certificate.fingerprint.to_string() }))
        }
        Ok(None) | Err(_) => told,
    }
}

/// A token or password as a person typed it.
///
/// # Errors
/// `bad_request`: longer than any is.
pub(crate) fn typed(text: &str) -> Result<&str, Failure> {
    let text = text.trim();
    let good = text.len() <= LONGEST && !text.is_empty() && !text.chars().any(char::is_control);
    if good { Ok(text) } else { Err(Failure::with(FailureCode::BadRequest, "a token or password has 1 to 1024 bytes")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(url: &str, pin: Option<&str>) -> OtherGateway {
        OtherGateway { url: url.to_owned(), tls_fingerprint: pin.map(str::to_owned) }
    }

    #[test]
    fn what_is_no_address_is_told_apart_from_what_needs_tls() {
        let code = |url, pin| address(&other(url, pin)).unwrap_err().code;
        for url in ["", "10.0.0.2", "ws://a:b@10.0.0.2", "ws://10.0.0.2/?token=x"] {
            assert_eq!(code(url, None), FailureCode::GatewayAddressBad, "{url}");
        }
        assert_eq!(code("ws://8.8.8.8", None), FailureCode::GatewayAddressPublic);
        assert_eq!(code("wss://10.0.0.2", Some("12")), FailureCode::GatewayAddressBad);
        assert_eq!(code("ws://10.0.0.2", Some(&"ab".repeat(32))), FailureCode::GatewayAddressBad);
    }

    #[test]
    fn who_can_read_a_connection_follows_from_its_address() {
        let reach = |url| reach(&address(&other(url, None)).unwrap());
        assert_eq!(reach("wss://gateway.example"), GatewayReach::Encrypted);
        assert_eq!(reach("ws://127.0.0.1:7"), GatewayReach::Computer);
        assert_eq!(reach("ws://192.168.1.4:7"), GatewayReach::Readable);
    }

    #[tokio::test]
    async fn without_tls_nothing_is_sent_before_the_person_was_told() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let (vault, us) = (Vault::new(folder.path(), true), super::super::introduction("a test"));
        let shared = Shared::Token(gateway::Token::new("secret".into()));
        let gateway = other(&format!("ws://127.0.0.1:{port}"), None);
        let refused = try_out(&vault, &us, &gateway, Some(shared), false).await.unwrap_err();
        assert_eq!(refused.code, FailureCode::GatewayNotEncrypted);
        let nobody = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err(), "nobody came");
    }

    #[test]
    fn a_secret_is_taken_without_the_blanks_around_it() {
        assert_eq!(typed(" abc\n").unwrap(), "abc");
        for wrong in ["", " ", "a\u{7}b", &"x".repeat(LONGEST + 1)] {
            assert_eq!(typed(wrong).unwrap_err().code, FailureCode::BadRequest);
        }
    }
}
