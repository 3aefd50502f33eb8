use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const BEFORE: &[u8] = b"{ a: 1, // mine\n}\n";
const AFTER: &[u8] = b"{ a: 1, // mine\n  b: 2 }\n";

fn place() -> (tempfile::TempDir, PathBuf) {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("openclaw.json");
    std::fs::write(&path, BEFORE).unwrap();
    (temp, path)
}

fn count(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Does something before each call: breaks it, or plays another program.
struct Watched<F>(F);

impl<F: Fn(&str, &Path) -> io::Result<()>> Disk for Watched<F> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        (self.0)("read", path)?;
        Real.read(path)
    }

    fn create(&self, path: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
        if let Err(error) = (self.0)("create", path) {
            // Killed in the middle of the words.
            std::fs::write(path, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        Real.create(path, bytes, like)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool> {
        (self.0)("exchange", other)?;
        Real.exchange(one, other)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.0)("rename", to)?;
        Real.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.0)("remove", path)?;
        Real.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        (self.0)("sync", folder)?;
        Real.sync_folder(folder)
    }
}

impl<D: Disk + ?Sized> Disk for &D {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        (**self).read(path)
    }

    fn create(&self, path: &Path, bytes: &[u8], like: &Path) -> io::Result<()> {
        (**self).create(path, bytes, like)
    }

    fn exchange(&self, one: &Path, other: &Path) -> io::Result<bool> {
        (**self).exchange(one, other)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (**self).rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (**self).remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        (**self).sync_folder(folder)
    }
}

#[test]
fn the_file_is_replaced_and_keeps_its_mode_and_its_link() {
    let (temp, path) = place();
    // Windows lets only some people make links.
    #[cfg(unix)]
    let name = {
        use std::os::unix::fs::{PermissionsExt, symlink};
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = temp.path().join("link.json");
        symlink(&path, &link).unwrap();
        link
    };
    #[cfg(not(unix))]
    let name = path.clone();
    let there = count(temp.path());
    Base::read(&name).unwrap().replace(AFTER).unwrap().accept().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert!(std::fs::symlink_metadata(&name).unwrap().is_symlink());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
    assert_eq!(std::fs::read(&path).unwrap(), AFTER);
    Base::read(&name).unwrap().replace(BEFORE).unwrap().take_back().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), AFTER);
    assert_eq!(count(temp.path()), there, "nothing is left beside it");
}

#[test]
fn a_base_that_is_old_writes_nothing() {
    let (temp, path) = place();
    let base = Base::read(&path).unwrap();
    std::fs::write(&path, "{ theirs: 1 }").unwrap();
    assert!(matches!(base.replace(AFTER), Err(WriteError::Newer(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"{ theirs: 1 }");
    assert_eq!(count(temp.path()), 1);
}

/// Calls of a write that is accepted, and of one that is taken back.
fn calls(accept: bool) -> usize {
    let (_temp, path) = place();
    let calls = AtomicUsize::new(0);
    let disk = Watched(|_: &str, _: &Path| {
        calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let written = replace(&disk, &Base::read(&path).unwrap(), AFTER).unwrap();
    if accept {
        written.accept().unwrap()
    } else {
        written.take_back().unwrap()
    }
    calls.load(Ordering::Relaxed)
}

#[test]
fn killed_at_any_call_it_leaves_one_of_the_two_whole() {
    for accept in [true, false] {
        let all = calls(accept);
        assert!(all >= 6, "{all}");
        // From this call on nothing happens any more, as after kill -9.
        for last in 0..all {
            let (_temp, path) = place();
            let left = Cell::new(last);
            let disk = Watched(|_: &str, _: &Path| match left.get().checked_sub(1) {
                Some(fewer) => {
                    left.set(fewer);
                    Ok(())
                }
                None => Err(io::Error::other("killed")),
            });
            let written = replace(&disk, &Base::read(&path).unwrap(), AFTER);
            let done = written.and_then(|written| if accept { written.accept() } else { written.take_back() });
            assert!(done.is_err(), "call {last} was not made");
            let there = std::fs::read(&path).unwrap();
            assert!(there == BEFORE || there == AFTER, "{last}: {}", String::from_utf8_lossy(&there));
        }
    }
}

#[test]
fn a_call_that_fails_leaves_the_file_as_it_was() {
    for (call, nth) in [("create", 0), ("read", 0), ("exchange", 0)] {
        let (temp, path) = place();
        let seen = Cell::new(0);
        let disk = Watched(|name: &str, _: &Path| {
            if name == call {
                seen.set(seen.get() + 1);
                if seen.get() == nth + 1 {
                    return Err(io::ErrorKind::StorageFull.into());
                }
            }
            Ok(())
        });
        assert!(matches!(replace(&disk, &Base::read(&path).unwrap(), AFTER), Err(WriteError::Io { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), BEFORE);
        assert_eq!(count(temp.path()), 1, "{call} leaves something");
    }
}

/// How a program writes: with a new file in its place, as OpenClaw does, or into the file, as some editors do.
fn theirs(path: &Path, anew: bool, words: &str) {
    if anew {
        let new = path.with_extension("theirs");
        std::fs::write(&new, words).unwrap();
        std::fs::rename(new, path).unwrap();
    } else {
        std::fs::write(path, words).unwrap();
    }
}

type Way = fn(&dyn Disk, &Base) -> Result<(), WriteError>;

fn guarded(disk: &dyn Disk, base: &Base) -> Result<(), WriteError> {
    replace(disk, base, AFTER)?.accept()
}

/// What most programs do.
fn naive(disk: &dyn Disk, base: &Base) -> Result<(), WriteError> {
    let failed = |source| WriteError::Io { path: base.target.clone(), source };
    let new = base.target.with_extension("new");
    disk.create(&new, AFTER, &base.target).map_err(failed)?;
    disk.rename(&new, &base.target).map_err(failed)
}

/// Another program writes right before the n-th call. Gives the calls at which its words were lost.
fn losses(write: Way, anew: bool) -> Vec<usize> {
    let mut lost = Vec::new();
    for nth in 0..8 {
        let (_temp, path) = place();
        let base = Base::read(&path).unwrap();
        let calls = Cell::new(0);
        let disk = Watched(|_: &str, _: &Path| {
            if calls.get() == nth {
                theirs(&path, anew, "{ theirs: true }");
            }
            calls.set(calls.get() + 1);
            Ok(())
        });
        // It may have come last, or have been noticed.
        let _ = write(&disk, &base);
        if calls.get() > nth && std::fs::read(&path).unwrap() != b"{ theirs: true }" {
            lost.push(nth);
        }
    }
    lost
}

/// Calls at which words are lost where names cannot be exchanged, as on Windows: right before the rename, after the last comparison.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const LOST: &[usize] = &[];
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
const LOST: &[usize] = &[4];

#[test]
fn words_that_come_at_any_call_are_not_lost() {
    assert_eq!(losses(guarded, true), LOST);
    assert_eq!(losses(guarded, false), LOST);
}

#[test]
fn a_writer_that_does_not_compare_is_caught() {
    assert_ne!(losses(naive, true), Vec::<usize>::new());
    assert_ne!(losses(naive, false), Vec::<usize>::new());
}

/// Two programs at once, as they like; theirs says each time that it was there. Gives how often that was lost.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn race(rounds: usize, write: Way) -> usize {
    let (_temp, path) = place();
    let go = std::sync::Barrier::new(2);
    let mut lost = 0;
    std::thread::scope(|scope| {
        let theirs = scope.spawn(|| {
            for round in 0..rounds {
                go.wait();
                for _ in 0..(round * 37 % 400) {
                    std::hint::black_box(round);
                    std::thread::yield_now();
                }
                theirs(&path, true, &format!("{{ theirs: {round} }}"));
                go.wait();
            }
        });
        for round in 0..rounds {
            let base = Base::read(&path).unwrap();
            go.wait();
            // Ours keeps nothing of theirs: whatever it overwrites is lost.
            let _ = write(&Real, &base);
            go.wait();
            let there = std::fs::read_to_string(&path).unwrap();
            if there != format!("{{ theirs: {round} }}") {
                lost += 1;
                std::fs::write(&path, format!("{{ theirs: {round} }}")).unwrap();
            }
        }
        theirs.join().unwrap();
    });
    lost
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
#[test]
fn in_a_thousand_races_nothing_is_lost() {
    assert_eq!(race(1000, guarded), 0);
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
#[test]
fn races_catch_a_writer_that_does_not_compare() {
    assert!(race(1000, naive) > 0);
}

#[test]
fn only_old_leftovers_are_swept() {
    let (temp, path) = place();
    let old = temp.path().join(".openclaw.json.smartpi-old");
    let new = temp.path().join(".openclaw.json.smartpi-new");
    for file in [&old, &new] {
        std::fs::write(file, "x").unwrap();
    }
    let long_ago = SystemTime::now() - LEFT_OVER * 2;
    std::fs::File::options().write(true).open(&old).unwrap().set_modified(long_ago).unwrap();
    Base::read(&path).unwrap().replace(AFTER).unwrap().accept().unwrap();
    assert!(!old.exists() && new.exists());
}

#[test]
fn a_copy_is_put_back_only_over_what_was_compared() {
    let (temp, path) = place();
    std::fs::write(&path, AFTER).unwrap();
    put_back(&path, BEFORE, AFTER).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), BEFORE);
    put_back(&path, BEFORE, AFTER).unwrap();
    std::fs::write(&path, "{a:3}").unwrap();
    assert!(matches!(put_back(&path, BEFORE, AFTER), Err(WriteError::Newer(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"{a:3}");
    assert_eq!(count(temp.path()), 1);
}
