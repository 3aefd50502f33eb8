//! Single flipped bits and cut files: what is noticed, and that no wrong word is ever read.

use super::*;

const FLIPS: usize = 200;
const CUTS: usize = 50;

/// The same numbers in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }
}

/// What is to be delivered: to whom, under which id, which words.
type Words = Vec<(String, String, String)>;

/// The words, and how many rows say of themselves that they are damaged.
fn words(store: &Store) -> rusqlite::Result<(Words, usize)> {
    let (mut all, mut damaged) = (Words::new(), 0);
    for row in store.devices()? {
        for turn in store.next_turns(&row.key, 1_000)? {
            damaged += usize::from(turn.damaged);
            if !turn.damaged {
                all.push((row.key.to_string(), turn.id.to_string(), turn.text));
            }
        }
        for reply in store.replies_after(&row.key, 0, 1_000)? {
            damaged += usize::from(reply.damaged);
            if !reply.damaged {
                all.push((row.key.to_string(), reply.rid, reply.text));
            }
        }
    }
    all.sort();
    Ok((all, damaged))
}

/// A store in use, as a crash at this moment would leave it: `log` says whether part of it is in the log only.
fn files(log: bool) -> (Vec<(&'static str, Vec<u8>)>, Words) {
    let data = tempfile::tempdir().unwrap();
    let mut store = Store::open(data.path()).unwrap();
    for number in 1..=4 {
        bind(&mut store, number, NOW);
        for index in 0..15 {
            say(&mut store, number, &format!("question {index} of device {number}: {}", "why? ".repeat(40)));
            let rid = format!("r-{number}-{index}");
            answer(&mut store, number, &rid, &format!("answer {index} to device {number}: {}", "so. ".repeat(40)));
            store.commit().unwrap();
        }
    }
    let (said, damaged) = words(&store).unwrap();
    assert_eq!((said.len(), damaged), (120, 0));
    if !log {
        drop(store);
        return (vec![(FILE, fs::read(data.path().join(FILE)).unwrap())], said);
    }
    (
        vec![
            (FILE, fs::read(data.path().join(FILE)).unwrap()),
            (BESIDE[0], fs::read(data.path().join(BESIDE[0])).unwrap()),
        ],
        said,
    )
}

/// What became of hurt files. There is no backup: what takes the place of a store that is refused is an empty one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    /// Refused, or reported by the whole check that comes before each backup.
    noticed: usize,
    /// Everything is there.
    harmless: usize,
    /// Something is missing, and nothing says so.
    missing: usize,
    /// Words that nobody said would be delivered.
    wrong: usize,
}

fn judge(files: &[(&'static str, Vec<u8>)], said: &Words, count: &mut Count) {
    let data = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(data.path().join(name), bytes).unwrap();
    }
    let (store, told) = match open(data.path(), NOW) {
        Ok((store, None)) => (store, false),
        Ok((store, Some(_))) => (store, true),
        Err(_) => {
            count.noticed += 1;
            return;
        }
    };
    let Ok((read, damaged)) = words(&store) else {
        count.noticed += 1;
        return;
    };
    if read.iter().any(|one| !said.contains(one)) {
        count.wrong += 1;
    } else if told {
        count.noticed += 1;
    } else if read == *said {
        count.harmless += 1;
    } else if damaged > 0 || backup::make(data.path(), NOW).is_err() {
        count.noticed += 1;
    } else {
        count.missing += 1;
    }
}

fn hurt(files: &[(&'static str, Vec<u8>)], which: usize, said: &Words) -> Count {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut count = Count::default();
    for round in 0..FLIPS + CUTS {
        let mut files = files.to_vec();
        let bytes = &mut files[which].1;
        let at = dice.below(bytes.len());
        if round < FLIPS {
            bytes[at] ^= 1 << dice.below(8);
        } else {
            bytes.truncate(at);
        }
        judge(&files, said, &mut count);
    }
    count
}

#[test]
fn a_hurt_store_is_noticed_or_says_what_was_said() {
    let (files, said) = files(false);
    let count = hurt(&files, 0, &said);
    assert_eq!((count.wrong, count.missing), (0, 0), "{count:?}");
}

#[test]
fn without_sums_wrong_words_would_be_read() {
    let (files, said) = files(false);
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join(FILE), &files[0].1).unwrap();
    Connection::open(data.path().join(FILE))
        .unwrap()
        .execute_batch("UPDATE turn SET sum = NULL; UPDATE reply SET sum = NULL; PRAGMA journal_mode = DELETE; PRAGMA journal_mode = WAL;")
        .unwrap();
    let files = [(FILE, fs::read(data.path().join(FILE)).unwrap())];
    let count = hurt(&files, 0, &said);
    assert!(count.wrong > 20, "{count:?}");
}

#[test]
fn a_hurt_log_never_says_what_was_not_said() {
    let (files, said) = files(true);
    let count = hurt(&files, 1, &said);
    assert_eq!(count.wrong, 0, "{count:?}");
    // A log that was cut off, and a bit of the last two commits, look like a write that a power cut tore.
    assert!(count.noticed > FLIPS * 9 / 10 && count.missing < CUTS + FLIPS / 10, "{count:?}");
}
