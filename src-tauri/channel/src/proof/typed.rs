//! A binding code that a person types: 80 bits, from which both sides make the handle and the secret of docs/PROTOCOL.md 2.1.

use data_encoding::{Encoding, Specification};
use zeroize::Zeroizing;

use super::{Secret, mac, transcript};
use crate::wire::Blob;

/// The 80 random bits: zeroed when dropped.
pub type TypedCode = Zeroizing<[u8; 10]>;

/// Characters in a group, and between the groups a dash.
const GROUP: usize = 4;

fn crockford() -> Encoding {
    let mut form = Specification::new();
    form.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    form.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    form.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    form.ignore.push_str("- ");
    form.encoding().expect("32 symbols, and none of them translated or ignored")
}

/// As the person reads it: `XXXX-XXXX-XXXX-XXXX`.
pub fn text(code: &TypedCode) -> Zeroizing<String> {
    let letters = Zeroizing::new(crockford().encode(&code[..]));
    let mut text = Zeroizing::new(String::with_capacity(19));
    for (index, letter) in letters.chars().enumerate() {
        if index > 0 && index % GROUP == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    text
}

/// Reads what a person typed: case, dashes and spaces do not matter, `O` reads as 0, `I` and `L` as 1. `None`: these are not 16 characters of a code.
pub fn read(typed: &str) -> Option<TypedCode> {
    let bytes = Zeroizing::new(crockford().decode(typed.as_bytes()).ok()?);
    Some(Zeroizing::new(bytes.as_slice().try_into().ok()?))
}

/// The handle `b` and the secret `s` of the code.
pub fn handle(code: &TypedCode) -> (Blob<8>, Secret) {
    let handle = mac(&code[..], &transcript("smartpi1-typed-handle", &[]));
    let secret = Zeroizing::new(mac(&code[..], &transcript("smartpi1-typed-secret", &[])).0);
    (Blob(std::array::from_fn(|index| handle.0[index])), Secret::new(std::array::from_fn(|index| secret[index])))
}
