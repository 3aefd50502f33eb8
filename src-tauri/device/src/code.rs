//! What a person gives a device so that it can be bound: what a QR code says, or a code to type.

use channel::proof::Secret;
use channel::proof::typed::{self, TypedCode as Bits};
use channel::wire::Blob;
use zeroize::Zeroizing;

use crate::trust::Trust;

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

/// The content of a QR code: `http://ADDRESS:PORT/b#1.<b>.<s>.<k>.<f>`; one without `f` is of a service without TLS.
#[derive(Clone)]
pub struct BindingUrl {
    authority: String,
    pub(crate) b: Blob<8>,
    pub(crate) secret: Secret,
    pub(crate) pin: Blob<16>,
    certificate: Option<Blob<16>>,
}

impl BindingUrl {
    /// Reads a binding URL. Parts after the fifth are ignored.
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
        if !is_place(authority) {
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
        // A certificate that cannot be read is not the same as none.
        let certificate = parts.next().map(|text| Blob::parse(text).ok_or(wrong)).transpose()?;
        Ok(Self { authority: authority.into(), b, secret: Zeroizing::new(secret.0), pin, certificate })
    }

    /// `ADDRESS:PORT` of the service.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whom a device trusts that connects as the code says: TLS with its certificate, where it names one.
    pub fn trust(&self) -> Trust {
        self.certificate.clone().map_or(Trust::Plain, Trust::Pin)
    }

    /// The same code for a device that has no TLS.
    #[must_use]
    pub fn without_tls(self) -> Self {
        Self { certificate: None, ..self }
    }
}

/// Whether a text is `ADDRESS:PORT`: an IP address (or `localhost`) and a port.
pub fn is_place(text: &str) -> bool {
    let Some((address, port)) = text.rsplit_once(':') else { return false };
    let inner = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let known = address == "localhost"
        || address.parse::<std::net::Ipv4Addr>().is_ok()
        || inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    known && port.parse::<u16>().is_ok_and(|port| port != 0)
}

impl std::fmt::Debug for BindingUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BindingUrl").field("authority", &self.authority).finish_non_exhaustive()
    }
}

/// A code that a person typed: `XXXX-XXXX-XXXX-XXXX`.
#[derive(Clone)]
pub struct TypedCode {
    pub(crate) b: Blob<8>,
    pub(crate) secret: Secret,
}

impl TypedCode {
    /// Reads what was typed. Case, dashes and spaces do not matter, `O` reads as 0, `I` and `L` as 1. `None`: these are not 16 characters of a code.
    pub fn parse(text: &str) -> Option<Self> {
        let bits: Bits = typed::read(text.trim())?;
        let (b, secret) = typed::handle(&bits);
        Some(Self { b, secret })
    }
}

impl std::fmt::Debug for TypedCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TypedCode").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use channel::proof::{self, Chan, Meeting};

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
    fn the_url_with_a_certificate_is_read_and_can_do_without() {
        let vectors = vectors();
        let tls = &vectors["tls"];
        let url = BindingUrl::parse(tls["binding_url"].as_str().unwrap()).unwrap();
        let pin = Blob::parse(tls["f"].as_str().unwrap()).unwrap();
        assert_eq!(url.trust(), Trust::Pin(pin));
        assert_eq!(url.without_tls().trust(), Trust::Plain);
        assert_eq!(BindingUrl::parse(vectors["binding_url"].as_str().unwrap()).unwrap().trust(), Trust::Plain);
    }

    #[test]
    fn a_typed_code_is_read_however_it_was_typed() {
        let typed = &vectors()["typed"];
        let code = typed["code"].as_str().unwrap();
        for text in
            [code.to_owned(), code.to_lowercase(), code.replace('-', ""), code.replace('-', " "), format!(" {code}\n")]
        {
            let read = TypedCode::parse(&text).unwrap();
            assert_eq!(
                (read.b.encode(), Blob(*read.secret).encode()),
                (typed["b"].as_str().unwrap().to_owned(), typed["s"].as_str().unwrap().to_owned()),
                "{text}"
            );
            assert!(!format!("{read:?}").contains(&Blob(*read.secret).encode()));
        }
        let zero = TypedCode::parse("0011-0011-0011-0011").unwrap();
        assert_eq!(*TypedCode::parse("OoiI-oOlL-OOII-oolL").unwrap().secret, *zero.secret);
        for bad in
            ["", "C1GP-4RV4-CNK6-ET3", "C1GP-4RV4-CNK6-ET399", "C1GP-4RV4-CNK6-ETU9", "http://127.0.0.1:8765/b#1."]
        {
            assert!(TypedCode::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_code_of_the_vectors_is_shown() {
        let vectors = vectors();
        let blob = |key: &str| Blob::<32>::parse(vectors[key].as_str().unwrap()).unwrap();
        let url = BindingUrl::parse(vectors["binding_url"].as_str().unwrap()).unwrap();
        let meeting = Meeting { sn: blob("sn"), spk: blob("spk"), cn: blob("cn"), chan: Chan::Plain };
        let code = proof::bind_code(&url.secret, &url.b, &meeting, &blob("pk"));
        assert_eq!(format!("{code:02}"), vectors["code"].as_str().unwrap());
    }

    #[test]
    fn only_a_whole_binding_url_is_read() {
        let tail = "AQIDBAUGBwg.EBESExQVFhcYGRobHB0eHw.JPbtasv-EAnAMNfKVnwzyg";
        for good in [
            format!("http://127.0.0.1:8765/b#1.{tail}"),
            format!(" http://localhost:1/b#1.{tail}\n"),
            format!("http://[::1]:8765/b#1.{tail}.qG5N-OMK5HdvbzkylXsgDw.more.parts"),
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
            format!("http://127.0.0.1:8765/b#1.{tail}.qG5N-OMK5HdvbzkylXsgD"),
            format!("http://127.0.0.1:8765/b#1.{tail}."),
            "http://127.0.0.1:8765/b#1.AQIDBAUGBwg.EBESExQVFhcYGRobHB0eHw".into(),
            "http://127.0.0.1:8765/b#1.AQIDBAUGBwg=.EBESExQVFhcYGRobHB0eHw.JPbtasv-EAnAMNfKVnwzyg".into(),
        ] {
            assert_eq!(BindingUrl::parse(&bad).err(), Some(BindingUrlError::NotABindingUrl), "{bad}");
        }
        let newer = BindingUrl::parse(&format!("http://127.0.0.1:8765/b#2.{tail}")).unwrap_err();
        assert!(newer.needs_update());
    }
}
