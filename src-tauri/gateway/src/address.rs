//! Where a gateway listens, and whom one trusts there.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use data_encoding::HEXLOWER_PERMISSIVE;
use tokio_tungstenite::tungstenite::http::Uri;

/// SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Reads 64 hexadecimal digits, with colons or without, with `sha256:` before them or without, as OpenClaw's `tlsFingerprint`.
    /// `None`: anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let digits: String =
            text.strip_prefix("sha256:").unwrap_or(&text).chars().filter(|digit| *digit != ':').collect();
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, byte)| {
            if at > 0 {
                formatter.write_char(':')?;
            }
            write!(formatter, "{byte:02X}")
        })
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({self})")
    }
}

/// How one speaks to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// `ws:`, on loopback and private networks alone.
    Plain,
    /// `wss:` with a certificate that the system trusts, for the host's name.
    System,
    /// `wss:` with this one certificate, whatever its name and dates say.
    Pinned(Fingerprint),
}

/// The address of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: u16,
    path: String,
    transport: Transport,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no `ws:` or `wss:` URL with a host.
    #[error("not an address like ws://127.0.0.1:18789")]
    NotAnAddress,
    /// A name and a password, a query or a fragment: secrets do not belong into an address.
    #[error("an address with more than host, port and path")]
    Decorated,
    /// `ws:` with an address of the public internet.
    #[error("{0} is a public address: it needs wss")]
    PlainAndPublic(IpAddr),
    /// A certificate for `ws:`.
    #[error("a certificate is pinned, but the address is without TLS")]
    PinWithoutTls,
}

impl Address {
    /// The port of a gateway that was told none.
    pub const DEFAULT_PORT: u16 = 18_789;

    /// A gateway of this computer: `ws://127.0.0.1:port`.
    pub fn local(port: u16) -> Self {
        Self { host: Ipv4Addr::LOCALHOST.to_string(), port, path: "/".into(), transport: Transport::Plain }
    }

    /// Reads `ws://HOST[:PORT][/PATH]` or `wss:`; `pin`: the one certificate that is trusted.
    ///
    /// # Errors
    /// See [`AddressError`]. A name that stands for a public address is found when it is looked up, in [`crate::ConnectFailure`].
    pub fn parse(url: &str, pin: Option<Fingerprint>) -> Result<Self, AddressError> {
        let uri: Uri = url.trim().parse().map_err(|_| AddressError::NotAnAddress)?;
        let tls = match uri.scheme_str() {
            Some("ws" | "http") => false,
            Some("wss" | "https") => true,
            Some(_) | None => return Err(AddressError::NotAnAddress),
        };
        let authority = uri.authority().ok_or(AddressError::NotAnAddress)?;
        if authority.as_str().contains('@') || uri.query().is_some() || url.contains('#') {
            return Err(AddressError::Decorated);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(AddressError::NotAnAddress);
        }
        let transport = match (tls, pin) {
            (true, None) => Transport::System,
            (true, Some(pin)) => Transport::Pinned(pin),
            (false, None) => Transport::Plain,
            (false, Some(_)) => return Err(AddressError::PinWithoutTls),
        };
        if let (Transport::Plain, Ok(address)) = (transport, host.parse())
            && !is_private(address)
        {
            return Err(AddressError::PlainAndPublic(address));
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { Self::DEFAULT_PORT });
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        Ok(Self { host, port, path: path.into(), transport })
    }

    /// Name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How one speaks to it.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Whether it is on this computer for certain.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Whether a certificate says who answers.
    pub fn is_encrypted(&self) -> bool {
        self.transport != Transport::Plain
    }

    /// The same place with this one certificate. `None`: it is plain, and shows none.
    pub fn pinned(&self, pin: Fingerprint) -> Option<Self> {
        self.is_encrypted().then(|| Self { transport: Transport::Pinned(pin), ..self.clone() })
    }

    /// As a URL. It holds no secret.
    pub fn url(&self) -> String {
        let scheme = match self.transport {
            Transport::Plain => "ws",
            Transport::System | Transport::Pinned(_) => "wss",
        };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Whether plain `ws:` may go there: this computer, its networks, and the 100.64/10 of private overlays such as Tailscale.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let overlay = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || overlay
        }
        IpAddr::V6(v6) => v6 == Ipv6Addr::LOCALHOST || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_openclaw_writes_it() {
        let address = Address::parse("ws://127.0.0.1:19100", None).unwrap();
        assert_eq!(address, Address::local(19_100));
        assert!(address.is_loopback());
        let url = |text| Address::parse(text, None).map(|address| address.url());
        assert_eq!(url("ws://localhost").unwrap(), "ws://localhost:18789/");
        assert_eq!(url("wss://home.example/gateway").unwrap(), "wss://home.example:443/gateway");
        assert_eq!(url("ws://[::1]:7").unwrap(), "ws://[::1]:7/");
        assert_eq!(url("ws://100.101.2.3:1").unwrap(), "ws://100.101.2.3:1/");
        let pin = Fingerprint([0xab; 32]);
        assert_eq!(Address::parse("wss://10.0.0.2", Some(pin)).unwrap().transport(), Transport::Pinned(pin));
    }

    #[test]
    fn what_is_no_safe_address_is_refused() {
        let refused = |text| Address::parse(text, None).unwrap_err();
        for text in ["", "127.0.0.1:1", "ftp://a", "ws://", "ws:///x"] {
            assert_eq!(refused(text), AddressError::NotAnAddress, "{text}");
        }
        for text in ["ws://a:b@localhost", "ws://localhost/?token=x", "wss://localhost/#token=x"] {
            assert_eq!(refused(text), AddressError::Decorated, "{text}");
        }
        assert_eq!(refused("ws://8.8.8.8"), AddressError::PlainAndPublic(Ipv4Addr::new(8, 8, 8, 8).into()));
        assert!(matches!(refused("ws://[2001:db8::1]"), AddressError::PlainAndPublic(_)));
        assert!(matches!(refused("ws://[::ffff:8.8.8.8]"), AddressError::PlainAndPublic(_)));
        assert_eq!(
            Address::parse("ws://10.0.0.2", Some(Fingerprint([0; 32]))).unwrap_err(),
            AddressError::PinWithoutTls
        );
    }

    #[test]
    fn a_fingerprint_is_read_with_colons_and_without() {
        let plain = "ab".repeat(32);
        let read = Fingerprint::parse(&plain).unwrap();
        assert_eq!(Fingerprint::parse(&read.to_string()), Some(read));
        assert_eq!(Fingerprint::parse(&format!("sha256:{plain}")), Some(read));
        assert_eq!(Fingerprint::parse("abcd"), None);
        assert_eq!(Fingerprint::parse(&"zz".repeat(32)), None);
    }
}
