//! Reads JSON the way a hostile network needs it: bounded depth, bounded keys, no duplicate keys.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::FrameError;

const DEPTH: u8 = 8;
const KEYS: usize = 64;

/// Reads one frame: `T` lists the known types by `t`; `known` are their names.
///
/// # Errors
/// [`FrameError::Unknown`] for an object whose `t` is not in `known`, [`FrameError::Malformed`] for anything else that is not a `T`.
pub fn decode<T: DeserializeOwned>(text: &str, known: &[&str]) -> Result<T, FrameError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut keys = 0;
    let value = Bounded { depth: 0, keys: &mut keys }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| FrameError::Malformed(error.to_string()))?;
    let kind = match value.get("t") {
        Some(Value::String(kind)) => kind.clone(),
        Some(_) | None => return Err(FrameError::Malformed("no frame type `t`".into())),
    };
    if !known.contains(&kind.as_str()) {
        return Err(FrameError::Unknown(kind.chars().take(32).collect()));
    }
    serde_json::from_value(value).map_err(|error| FrameError::Malformed(without_values(&error)))
}

/// What serde says of a field, unless it would quote what is in it: that may be somebody's words or a secret, and reasons are logged.
fn without_values(error: &serde_json::Error) -> String {
    let words = error.to_string();
    if words.starts_with("missing field") { words } else { "a field holds something else".to_owned() }
}

struct Bounded<'a> {
    depth: u8,
    keys: &'a mut usize,
}

impl Bounded<'_> {
    fn deeper<E: de::Error>(&mut self) -> Result<Bounded<'_>, E> {
        if self.depth >= DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Bounded { depth: self.depth + 1, keys: self.keys })
    }
}

impl<'de> DeserializeSeed<'de> for Bounded<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounded<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            *self.keys += 1;
            if *self.keys > KEYS {
                return Err(de::Error::custom("too many entries"));
            }
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut seen = HashSet::new();
        let mut map = serde_json::Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            *self.keys += 1;
            if *self.keys > KEYS {
                return Err(de::Error::custom("too many entries"));
            }
            if !seen.insert(key.clone()) {
                return Err(de::Error::custom("duplicate key"));
            }
            let value = entries.next_value_seed(self.deeper()?)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(tag = "t", rename_all = "snake_case")]
    enum Known {
        Ping { c: u64 },
    }

    fn read(text: &str) -> Result<Known, FrameError> {
        decode(text, &["ping"])
    }

    fn nested(depth: usize) -> String {
        format!(r#"{{"t":"ping","c":1,"x":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth))
    }

    #[test]
    fn depth_keys_and_duplicates_are_bounded() {
        assert!(matches!(read(r#"{"t":"ping","c":1}"#), Ok(Known::Ping { c: 1 })));
        assert!(read(&nested(7)).is_ok());
        assert!(matches!(read(&nested(8)), Err(FrameError::Malformed(_))));
        assert!(matches!(read(&nested(100_000)), Err(FrameError::Malformed(_))));
        let keys = |count: usize| {
            let extra: String = (0..count - 2).map(|index| format!(r#","k{index}":0"#)).collect();
            format!(r#"{{"t":"ping","c":1{extra}}}"#)
        };
        assert!(read(&keys(64)).is_ok());
        assert!(matches!(read(&keys(65)), Err(FrameError::Malformed(_))));
        for bad in [
            "",
            "[]",
            "1",
            "null",
            r#"{"t":"ping","t":"ping","c":1}"#,
            r#"{"t":"ping"}"#,
            r#"{"t":"ping","c":"1"}"#,
            r#"{"t":"ping","c":1.5}"#,
            r#"{"t":"ping","c":1}x"#,
            r#"{"t":1}"#,
        ] {
            assert!(matches!(read(bad), Err(FrameError::Malformed(_))), "{bad}");
        }
        for (bad, reason) in [
            (r#"{"t":"ping"}"#, "missing field `c`"),
            (r#"{"t":"ping","c":"a secret"}"#, "a field holds something else"),
        ] {
            assert_eq!(read(bad).err(), Some(FrameError::Malformed(reason.into())));
        }
        assert_eq!(read(r#"{"t":"dance"}"#).err(), Some(FrameError::Unknown("dance".into())));
    }
}
