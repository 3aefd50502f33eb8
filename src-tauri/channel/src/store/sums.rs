//! A sum over each row that is delivered: SQLite notices a torn page, but not a flipped bit inside a text.

use sha2::{Digest, Sha256};

/// What a device or the agent is told where the words themselves are damaged, in Chinese and English.
pub(super) const DAMAGED: &str = "这条回答在电脑的磁盘上已损坏，如有需要请重新提问。\nThis answer was damaged on the computer's disk. Ask again if you need it.";

/// The sum of a row's parts. `None` and empty are two things.
pub(super) fn of(parts: &[Option<&[u8]>]) -> i64 {
    let mut hash = Sha256::new();
    for part in parts {
        match part {
            Some(bytes) => {
                hash.update([1]);
                hash.update(bytes.len().to_le_bytes());
                hash.update(bytes);
            }
            None => hash.update([0]),
        }
    }
    let full = hash.finalize();
    i64::from_le_bytes(std::array::from_fn(|index| full[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_and_its_place_counts() {
        let sums = [
            of(&[]),
            of(&[None]),
            of(&[Some(b"")]),
            of(&[Some(b"ab"), Some(b"c")]),
            of(&[Some(b"a"), Some(b"bc")]),
            of(&[Some(b"a"), Some(b"bc"), None]),
        ];
        for (index, sum) in sums.iter().enumerate() {
            assert!(!sums[..index].contains(sum), "{index}");
        }
    }
}
