//! The gateway of another computer, as a person chooses it.

use gateway::{Shared, Token};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use specta::Type;

use crate::failure::Failure;
use crate::operator;

/// `gateway.choose`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewayChoice {
    /// `wss://HOST:PORT`, or `ws:` in a private network.
    pub url: String,
    /// SHA-256 of the one certificate that the person trusts, 64 hexadecimal digits. Absent: whom the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_fingerprint: Option<String>,
    /// What that gateway wants. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<GatewaySecret>,
    /// The person was told that the connection is not encrypted, and wants it all the same. Counts for `ws:` alone.
    #[serde(default)]
    pub readable: bool,
}

/// What a gateway wants of whoever connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySecret {
    /// Which of the two.
    pub kind: SecretKind,
    /// As it was typed.
    #[serde(serialize_with = "serialize", deserialize_with = "deserialize")]
    #[specta(type = String)]
    text: Token,
}

/// Token or password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum SecretKind {
    /// `gateway.auth.token`.
    Token,
    /// `gateway.auth.password`.
    Password,
}

impl GatewaySecret {
    /// Takes the text over.
    pub fn new(kind: SecretKind, text: String) -> Self {
        Self { kind, text: Token::new(text) }
    }

    /// As the gateway's client takes it. From here on nobody writes it down.
    ///
    /// # Errors
    /// `bad_request`: it is empty, or longer than any is.
    pub(crate) fn shared(&self) -> Result<Shared, Failure> {
        let text = operator::typed(self.text.reveal())?;
        crate::redact::here().learn_passing(text.as_bytes());
        let secret = Token::new(text.to_owned());
        Ok(match self.kind {
            SecretKind::Token => Shared::Token(secret),
            SecretKind::Password => Shared::Password(secret),
        })
    }
}

fn serialize<S: Serializer>(text: &Token, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(text.reveal())
}

fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Token, D::Error> {
    String::deserialize(from).map(Token::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_prints_what_was_typed() {
        let choice = GatewayChoice {
            url: "wss://10.0.0.2/".into(),
            tls_fingerprint: None,
            secret: Some(GatewaySecret::new(SecretKind::Password, "hunter2".into())),
            readable: false,
        };
        let told = format!("{choice:?}");
        assert!(told.contains("10.0.0.2") && !told.contains("hunter2"), "{told}");
        let sent = serde_json::to_string(&choice).unwrap();
        assert_eq!(serde_json::from_str::<GatewayChoice>(&sent).unwrap(), choice);
    }
}
