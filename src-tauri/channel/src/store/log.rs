//! SQLite's log beside the store, after a crash. SQLite takes it up to the first frame that is not whole and forgets the rest without a word: right for the torn
//! end of a write that nobody was told of, wrong where a bit flipped in what was synced long before.
//!
//! Every commit is synced before the next begins, so a torn end is part of the last commit at most. Two commits or more behind a broken frame are damage.
//! Not told apart from a torn end, and so not noticed: damage in the last commit, and a log that was cut off between two commits.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME: usize = 24;

/// Whether a log has lost commits that were synced. No log is whole.
///
/// # Errors
/// It cannot be read.
pub(super) fn is_broken(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    let mut log = BufReader::with_capacity(1 << 20, file);
    let mut header = [0; HEADER];
    if !fill(&mut log, &mut header)? {
        return Ok(false);
    }
    let (magic, page) = (number(&header, 0), number(&header, 8));
    let big = match magic {
        0x377f_0682 => false,
        0x377f_0683 => true,
        // Of a bit that flipped here: the frames behind it tell.
        _ => cfg!(target_endian = "big"),
    };
    let page = usize::try_from(page).ok().filter(|page| (512..=65_536).contains(page) && page.is_power_of_two());
    let mut sum = Sum { big, at: (0, 0) };
    sum.add(&header[..24]);
    let mut whole = magic & !1 == 0x377f_0682 && page.is_some() && sum.is(&header[24..]);
    let mut salts = whole.then(|| salts(&header, 16));
    let mut frame = vec![0; FRAME + page.unwrap_or(4_096)];
    let mut commits_behind = 0;
    while fill(&mut log, &mut frame)? {
        let own = self::salts(&frame, 8);
        if whole {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME..]);
            whole = Some(own) == salts && number(&frame, 0) != 0 && sum.is(&frame[16..24]);
        }
        // Frames of an older log that this one has not reached yet have other salts.
        if !whole && *salts.get_or_insert(own) == own && number(&frame, 4) != 0 {
            commits_behind += 1;
        }
    }
    Ok(commits_behind >= 2)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(std::array::from_fn(|index| bytes[at + index]))
}

fn salts(bytes: &[u8], at: usize) -> (u32, u32) {
    (number(bytes, at), number(bytes, at + 4))
}

/// Whether the buffer could be filled.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

/// The running sum of SQLite's file format, section 4.2.
struct Sum {
    big: bool,
    at: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let word = |at: usize| {
                let word = std::array::from_fn(|index| pair[at + index]);
                if self.big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
            };
            let (first, second) = (word(0), word(4));
            self.at.0 = self.at.0.wrapping_add(first).wrapping_add(self.at.1);
            self.at.1 = self.at.1.wrapping_add(second).wrapping_add(self.at.0);
        }
    }

    fn is(&self, told: &[u8]) -> bool {
        (number(told, 0), number(told, 4)) == self.at
    }
}
