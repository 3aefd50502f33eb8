//! What the kernel says about all processes of one application: those whose environment, as they were started with it, has the application's mark.
//! So a child that left its parent still counts.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::process::TICKS;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// Words of its command line.
    pub(super) line: Vec<String>,
}

/// Memory, KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// What would be free if it ended: `Private_Clean`, `Private_Dirty`, `Private_Hugetlb`.
    pub(super) private: u64,
    /// Of it `Private_Dirty` and `Private_Hugetlb`: what no file could give back.
    pub(super) dirty: u64,
    /// With what it shares; summed over processes, shared pages count several times.
    pub(super) resident: u64,
}

/// How often each thread waited so far: process, thread, then its name and the count.
pub(super) type Switches = BTreeMap<(u32, u32), (String, u64)>;

/// How often the threads of one name woke up.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wakeups {
    pub(super) thread: String,
    /// A second.
    pub(super) rate: f64,
}

/// All processes with `mark`, but for `rig`: what the bench started around the application.
pub(super) fn marked(mark: &str, rig: &[u32]) -> anyhow::Result<Vec<Process>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}"));
        // Those of other users, and those that end right now, are not ours.
        let (Ok(environment), Ok(line)) = (read("environ"), read("cmdline")) else { continue };
        if !rig.contains(&pid) && environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
            found.push(Process { pid, line: words(&line) });
        }
    }
    Ok(found)
}

/// The processes of this machine that have a library loaded, but for `mine`: what they share with those is not private to either.
pub(super) fn others_with(library: &str, mine: &[Process]) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // Those of other users cannot be read.
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        if maps.contains(library) && !mine.iter().any(|process| process.pid == pid) {
            found.push(pid);
        }
    }
    Ok(found)
}

fn words(line: &[u8]) -> Vec<String> {
    let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    words.filter(|word| !word.is_empty()).collect()
}

impl Process {
    /// Whether it belongs to a web engine.
    pub(super) fn is_web(&self) -> bool {
        self.line.first().is_some_and(|program| program.contains("WebKit"))
    }

    /// Sends a signal; who is gone needs none.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _gone = kill_process(pid, signal);
        }
    }
}

/// Memory of all together.
pub(super) fn memory(processes: &[Process]) -> anyhow::Result<Memory> {
    let mut sum = Memory::default();
    for process in processes {
        if let Some(rollup) = unless_gone(fs::read_to_string(format!("/proc/{}/smaps_rollup", process.pid)))? {
            let memory = parse_rollup(&rollup)?;
            sum.private += memory.private;
            sum.dirty += memory.dirty;
            sum.resident += memory.resident;
        }
    }
    Ok(sum)
}

/// Milliseconds of CPU of all together and of the children they waited for; in steps of 10 ms.
pub(super) fn cpu_ms(processes: &[Process]) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for process in processes {
        if let Some(stat) = unless_gone(fs::read_to_string(format!("/proc/{}/stat", process.pid)))? {
            sum += parse_cpu_ms(&stat)?;
        }
    }
    Ok(sum)
}

/// How often each thread waited so far.
pub(super) fn switches(processes: &[Process]) -> anyhow::Result<Switches> {
    let mut all = Switches::new();
    for process in processes {
        let Some(threads) = unless_gone(fs::read_dir(format!("/proc/{}/task", process.pid)))? else { continue };
        for thread in threads {
            let Some(status) = unless_gone(fs::read_to_string(thread?.path().join("status")))? else { continue };
            let (id, name, count) = parse_status(&status)?;
            all.insert((process.pid, id), (name, count));
        }
    }
    Ok(all)
}

/// Wakeups a second by thread name, the most first, of the threads that are there `before` and `after`; and how many threads came or went meanwhile.
pub(super) fn wakeups(before: &Switches, after: &Switches, seconds: f64) -> (Vec<Wakeups>, usize) {
    let mut names: BTreeMap<&str, u64> = BTreeMap::new();
    let mut stayed = 0;
    for (thread, (name, count)) in after {
        if let Some((_, earlier)) = before.get(thread) {
            *names.entry(name).or_default() += count.saturating_sub(*earlier);
            stayed += 1;
        }
    }
    let mut rates: Vec<Wakeups> =
        names.iter().map(|(name, count)| Wakeups { thread: (*name).into(), rate: *count as f64 / seconds }).collect();
    rates.sort_by(|one, other| other.rate.total_cmp(&one.rate));
    (rates, before.len() + after.len() - 2 * stayed)
}

fn parse_rollup(rollup: &str) -> anyhow::Result<Memory> {
    let kib = |key: &str| -> anyhow::Result<u64> {
        let value = field(rollup, key).with_context(|| format!("smaps_rollup has no {key}"))?;
        Ok(value.trim_end_matches("kB").trim().parse()?)
    };
    let dirty = kib("Private_Dirty")? + kib("Private_Hugetlb")?;
    Ok(Memory { private: kib("Private_Clean")? + dirty, dirty, resident: kib("Rss")? })
}

fn parse_status(status: &str) -> anyhow::Result<(u32, String, u64)> {
    let (Some(name), Some(pid), Some(count)) =
        (field(status, "Name"), field(status, "Pid"), field(status, "voluntary_ctxt_switches"))
    else {
        bail!("a thread's status without a name, a number or its switches: {status}")
    };
    Ok((pid.parse()?, name.into(), count.parse()?))
}

fn parse_cpu_ms(stat: &str) -> anyhow::Result<f64> {
    // The name in parentheses may hold spaces. After it: utime and stime 12th and 13th, of waited children 14th and 15th.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields.get(11..15).context("/proc/PID/stat is short")?.iter().map(|field| field.parse::<f64>());
    Ok(ticks.sum::<Result<f64, _>>()? * 1000.0 / TICKS)
}

fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

/// A process may end while it is read.
fn unless_gone<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::process::Stdio;

    use super::*;

    const ROLLUP: &str = "\
5581f0a8f000-7ffd3a5fe000 ---p 00000000 00:00 0                          [rollup]
Rss:               78940 kB
Pss:               31012 kB
Pss_Dirty:         18200 kB
Shared_Clean:      57712 kB
Shared_Dirty:         12 kB
Private_Clean:      3016 kB
Private_Dirty:     18200 kB
Referenced:        78940 kB
Private_Hugetlb:       4 kB
Swap:                  0 kB
";

    #[test]
    fn private_memory_is_clean_dirty_and_huge() {
        assert_eq!(parse_rollup(ROLLUP).unwrap(), Memory { private: 21_220, dirty: 18_204, resident: 78_940 });
        let missing = parse_rollup(&ROLLUP.replace("Private_Dirty", "Other")).unwrap_err();
        assert!(missing.to_string().contains("Private_Dirty"), "{missing}");
    }

    #[test]
    fn a_status_gives_the_threads_own_switches() {
        let status = "Name:\tsmartpi shell\nTgid:\t40\nPid:\t42\nPPid:\t1\nvoluntary_ctxt_switches:\t17\nnonvoluntary_ctxt_switches:\t900\n";
        assert_eq!(parse_status(status).unwrap(), (42, "smartpi shell".into(), 17));
        parse_status(&status.replace("\nvoluntary", "\nxvoluntary")).unwrap_err();
    }

    #[test]
    fn cpu_includes_waited_children_and_survives_odd_names() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1000 0 5 0 11 2 30 4 20 0 3 0 99 1000 50";
        assert_eq!(parse_cpu_ms(stat).unwrap(), 470.0);
        parse_cpu_ms("7 (a) S 1 2 3").unwrap_err();
    }

    #[test]
    fn wakeups_count_the_threads_that_stayed() {
        let threads = |threads: &[(u32, &str, u64)]| -> Switches {
            threads.iter().map(|(id, name, count)| ((1, *id), ((*name).into(), *count))).collect()
        };
        let before = threads(&[(1, "main", 10), (2, "worker", 5), (3, "worker", 5), (4, "left", 70)]);
        let after = threads(&[(1, "main", 10), (2, "worker", 8), (3, "worker", 11), (5, "came", 90)]);
        let (rates, moved) = wakeups(&before, &after, 60.0);
        let expected = [Wakeups { thread: "worker".into(), rate: 0.15 }, Wakeups { thread: "main".into(), rate: 0.0 }];
        assert_eq!(rates, expected);
        assert_eq!(moved, 2);
    }

    #[test]
    fn a_marked_process_is_found_until_it_is_gone() {
        let mark = format!("BENCH_MARK={}", ulid::Ulid::generate());
        let (key, value) = mark.split_once('=').unwrap();
        let mut command = std::process::Command::new("cat");
        let piped = command.env(key, value).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // It has its libraries once it does something.
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let found = marked(&mark, &[]).unwrap();
        assert_eq!(found, [Process { pid: child.id(), line: vec!["cat".into()] }]);
        assert!(memory(&found).unwrap().private > 0);
        assert_eq!(marked(&mark, &[child.id()]).unwrap(), []);
        assert!(others_with("/libc.so", &[]).unwrap().contains(&child.id()));
        assert!(!others_with("/libc.so", &found).unwrap().contains(&child.id()));
        found[0].signal(Signal::KILL);
        child.wait().unwrap();
        assert_eq!(marked(&mark, &[]).unwrap(), []);
        assert_eq!(memory(&found).unwrap(), Memory::default());
        assert!(switches(&found).unwrap().is_empty());
    }
}
