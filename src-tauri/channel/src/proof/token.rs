//! A script's token: the seed of its key in a form that survives copying (docs/PROTOCOL.md 2.3).

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const PREFIX: &str = "spd_";
/// Characters of the checksum.
const CHECK: usize = 6;
/// Characters of a token.
pub const LENGTH: usize = PREFIX.len() + 43 + CHECK;

fn checksum(body: &str) -> String {
    let mut check = BASE32_NOPAD.encode(&Sha256::digest(body.as_bytes()));
    check.truncate(CHECK);
    check.make_ascii_lowercase();
    check
}

/// The token of a seed.
pub fn text(seed: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(LENGTH));
    text.push_str(PREFIX);
    BASE64URL_NOPAD.encode_append(seed, &mut text);
    let check = checksum(&text);
    text.push_str(&check);
    text
}

/// The seed of a token. `None`: a letter of it is wrong, or it is no token at all.
pub fn seed(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let (body, check) = text.split_at_checked(text.len().checked_sub(CHECK)?)?;
    let seed = Zeroizing::new(BASE64URL_NOPAD.decode(body.strip_prefix(PREFIX)?.as_bytes()).ok()?);
    let seed = Zeroizing::new(seed.as_slice().try_into().ok()?);
    (checksum(body) == check).then_some(seed)
}
